//! Slack's interactivity: a press of a button. <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{About, Answer, Answerer, Door, Found, MAX_SKEW_S, Posted, Reply, There, form, fresh};

pub(super) fn open(door: &Door, posted: &Posted<'_>) -> Result<Found, String> {
    let header = |name: &str| (posted.header)(name).ok_or_else(|| format!("the header `{name}` is missing"));
    let timestamp = header("x-slack-request-timestamp")?;
    let signature = header("x-slack-signature")?;
    let signature = signature.strip_prefix("v0=").and_then(|digits| hex::decode(digits).ok());
    let signature = signature.ok_or("the signature is not `v0=` and hex digits")?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(door.secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(posted.body);
    mac.verify_slice(&signature).map_err(|_| "the signature is of another secret, or of another body")?;
    let at_s = timestamp.parse().map_err(|_| "the timestamp is no number of seconds")?;
    fresh(at_s, posted.now_s, MAX_SKEW_S)?;
    let payload = form(posted.body).into_iter().find(|(name, _)| name == "payload").map(|(_, value)| value);
    let payload: Value =
        serde_json::from_str(&payload.unwrap_or_default()).map_err(|_| "there is no `payload` of JSON")?;
    let action =
        payload["actions"].as_array().into_iter().flatten().find(|action| action["action_id"] == "watchfire-ack");
    let (Some(action), true) = (action, payload["type"] == "block_actions") else {
        return Ok(Found::Nothing(String::new()));
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let claim = door.pass.read(&text(&action["value"]), posted.now_s)?;
    let (user, press) = (text(&payload["user"]["id"]), text(&payload["trigger_id"]));
    if user.is_empty() || press.is_empty() {
        return Err("the press has no user or no name".to_owned());
    }
    let answer = Answer {
        from: Answerer::Address(format!("slack:{user}")),
        about: About::Incident(claim.incident),
        id: format!("slack/{press}"),
        there: There::Nothing,
    };
    // <https://docs.slack.dev/interactivity/handling-user-interaction#message_responses>
    let reply = match payload["response_url"].as_str() {
        Some(url) => Reply::Refusal(url.to_owned()),
        None => Reply::Empty,
    };
    Ok(Found::Answer(answer, reply))
}
