//! Twilio: text messages and calls. <https://www.twilio.com/docs/messaging/api/message-resource>,
//! <https://www.twilio.com/docs/voice/api/call-resource>
//!
//! Neither knows a message that was sent before: one whose acceptance was lost on its way is sent twice.

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Client;

use crate::deliver::channel::fit::{chars, fitting};
use crate::deliver::channel::gsm;
use crate::deliver::channel::letter::Letter;
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::secret::Secret;

pub(super) const URL: &str = "https://api.twilio.com";
pub(super) const SMS_TEMPLATE: &str = include_str!("templates/twilio-sms.txt");
pub(super) const VOICE_TEMPLATE: &str = include_str!("templates/twilio-voice.txt");
/// Most segments of a text: a page that is read at night is short, and each segment is paid for.
const SEGMENTS: usize = 3;
/// Longest TwiML of a call, with room for what stands around the words:
/// <https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource>.
const WORDS_CHARS: usize = 1_200;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// A text message.
    Sms,
    /// A call that reads it out.
    Voice,
}

pub(super) struct Twilio {
    pub(super) client: Client,
    pub(super) url: Secret,
    pub(super) account: String,
    pub(super) token: Secret,
    pub(super) from: String,
    pub(super) means: Means,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Twilio {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let to = number(letter.place()).map_err(Undelivered::for_good)?;
            let view = View::of(letter, self.record_url.as_deref());
            let mut form = vec![("To", to)];
            let resource = match self.means {
                Means::Sms => {
                    let whole = |made: &str| {
                        let plain = gsm::plain(made);
                        // What is over is measured in characters, roughly.
                        if gsm::segments(&plain) <= SEGMENTS { 0 } else { chars(&plain) }
                    };
                    let made = fitting(&self.template, &view, 190, whole);
                    form.push(("Body", gsm::plain(&made.map_err(|error| Undelivered::for_good(error.to_string()))?)));
                    "Messages"
                }
                Means::Voice => {
                    let made = fitting(&self.template, &view, WORDS_CHARS, chars);
                    let words = made.map_err(|error| Undelivered::for_good(error.to_string()))?;
                    form.push(("Twiml", twiml(&words, letter.answer_url.as_deref())));
                    "Calls"
                }
            };
            let is_service = self.from.starts_with("MG") && self.means == Means::Sms;
            form.push((if is_service { "MessagingServiceSid" } else { "From" }, self.from.clone()));
            let url = format!("{}/2010-04-01/Accounts/{}/{resource}.json", self.url.expose(), self.account);
            let request = self.client.post(url).basic_auth(&self.account, Some(self.token.expose()));
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(http::form(&form));
            let answer = http::send(request, &[&self.token]).await?;
            Ok(Sent { receipt: answer.body["sid"].as_str().unwrap_or_default().to_owned() })
        }
        .boxed()
    }
}

/// The words twice, since whoever was asleep missed the first half. The template has escaped what is filled in.
fn twiml(words: &str, answer_url: Option<&str>) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = format!("<Say>{words}</Say><Pause length=\"1\"/><Say>{words}</Say>");
    match answer_url {
        Some(url) => {
            let url = crate::deliver::channel::template::escaped(url, crate::deliver::channel::template::Escape::Html);
            let gather = format!("<Gather numDigits=\"1\" timeout=\"10\" action=\"{url}\" method=\"POST\">");
            format!("<Response>{gather}{said}<Say>Press 1 to say that you have it.</Say></Gather></Response>")
        }
        None => format!("<Response>{said}</Response>"),
    }
}

/// E.164: a plus and up to fifteen digits. The plan may write it as people do.
pub(super) fn number(place: &str) -> Result<String, String> {
    let number: String = place.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '/')).collect();
    let digits = number.strip_prefix('+').unwrap_or_default();
    let is_one = (4..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
    if is_one { Ok(number) } else { Err(format!("`{place}` is no number as `+41 79 123 45 67`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_network_has_them() {
        assert_eq!(number("+351 555 010-101").as_deref(), Ok("+351555010101"));
        assert!(number("555 010 101").is_err() && number("+1").is_err() && number("+12345678901234567").is_err());
    }
}
