//! Twilio's requests: a reply to a text, a key pressed in a call. <https://www.twilio.com/docs/usage/security>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{About, Answer, Answerer, Door, Found, Posted, Reply, There, form};
use crate::deliver::channel::Kind;

pub(super) fn open(door: &Door, posted: &Posted<'_>) -> Result<Found, String> {
    let given = (posted.header)("x-twilio-signature").ok_or("the header `x-twilio-signature` is missing")?;
    let given = STANDARD.decode(given).map_err(|_| "the signature is no base64")?;
    let mut fields = form(posted.body);
    fields.sort();
    // The URL as it was given, then each name with its value, in order of name.
    let mut mac =
        Hmac::<Sha1>::new_from_slice(door.secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(posted.url.as_bytes());
    for (name, value) in &fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    mac.verify_slice(&given).map_err(|_| "the signature is of another token, URL or body")?;
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    match door.kind {
        Kind::TwilioVoice => {
            let (to, call) = (field("To").unwrap_or_default(), field("CallSid").unwrap_or_default());
            if field("Digits") != Some("1") {
                let url = posted.url.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
                return Ok(Found::Nothing(format!(
                    "<Response><Gather numDigits=\"1\" timeout=\"10\" action=\"{url}\" method=\"POST\">\
                     <Say>That was not 1, so nobody has it. Press 1 to say that you have it.</Say></Gather></Response>"
                )));
            }
            let url: reqwest::Url = posted.url.parse().map_err(|_| "the URL is none")?;
            let token = url.query_pairs().find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
            let claim = door.pass.read(&token.unwrap_or_default(), posted.now_s)?;
            let from = if claim.person.is_empty() {
                Answerer::Address(format!("phone:{to}"))
            } else {
                Answerer::Person(claim.person)
            };
            let (about, id) = (About::Incident(claim.incident), format!("twilio/{call}"));
            let answer = Answer { from, about, id, there: There::Nothing };
            Ok(Found::Answer(answer, Reply::Speech))
        }
        _ => {
            let (from, message) = (field("From").unwrap_or_default(), field("MessageSid").unwrap_or_default());
            let body = field("Body").unwrap_or_default();
            let Some(about) = said(body) else {
                return Ok(Found::Nothing(not_understood(body)));
            };
            if from.is_empty() || message.is_empty() {
                return Err("the text has no sender or no name".to_owned());
            }
            let (from, id) = (Answerer::Address(format!("sms:{from}")), format!("twilio/{message}"));
            let answer = Answer { from, about, id, there: There::Nothing };
            Ok(Found::Answer(answer, Reply::Text))
        }
    }
}

/// Words by which people end texts, begin them again, or ask who sends them: the network answers these itself.
/// <https://help.twilio.com/articles/223134027>
const OF_THE_NETWORK: [&str; 13] = [
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "optout",
    "revoke",
    "start",
    "unstop",
    "help",
    "info",
    "",
];

/// Whoever types something else believes that they answered.
fn not_understood(body: &str) -> String {
    match OF_THE_NETWORK.contains(&body.trim().to_ascii_lowercase().as_str()) {
        true => "<Response/>".to_owned(),
        false => "<Response><Message>Not understood, and nobody has it by this. Reply: ack, or ack and the incident's \
                  number, as ack 17.</Message></Response>"
            .to_owned(),
    }
}

/// Reads what a reply says: `ack`, `ack 17` or `17`. Nothing else is an answer.
fn said(body: &str) -> Option<About> {
    let words: Vec<String> = body.split_whitespace().map(str::to_ascii_lowercase).collect();
    let number = |word: &str| word.trim_start_matches('#').parse().ok().map(About::Incident);
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ack" | "ok" | "yes"] => Some(About::OnlyOne),
        ["ack", word] => number(word),
        [word] => number(word),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_which_incident_or_that_there_is_one() {
        assert_eq!(said(" ACK 17 "), Some(About::Incident(17)));
        assert_eq!(said("#17"), Some(About::Incident(17)));
        assert_eq!(said("ok"), Some(About::OnlyOne));
        assert_eq!(said("stop"), None);
        assert_eq!(said("ack everything now"), None);
        assert!(not_understood("On it").contains("ack 17"));
        assert_eq!(not_understood(" STOP "), "<Response/>");
    }
}
