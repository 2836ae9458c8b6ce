//! Telegram's updates: a press of a button. <https://core.telegram.org/bots/api#setwebhook> (`secret_token`),
//! <https://core.telegram.org/bots/api#callbackquery>

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{About, Answer, Answerer, Door, Found, Posted, Reply, There};

pub(super) fn open(door: &Door, posted: &Posted<'_>) -> Result<Found, String> {
    let name = "x-telegram-bot-api-secret-token";
    let given = (posted.header)(name).ok_or_else(|| format!("the header `{name}` is missing"))?;
    // MACs of both are compared, so that the time says nothing of where they differ.
    let mac = |text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"compared").expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        mac
    };
    let expected = mac(door.secret.expose()).finalize().into_bytes();
    mac(&given).verify_slice(&expected).map_err(|_| "the secret token is another one")?;
    let update: Value = serde_json::from_slice(posted.body).map_err(|_| "the body is no JSON")?;
    let press = &update["callback_query"];
    let (Some(id), Some(data)) = (press["id"].as_str(), press["data"].as_str()) else {
        return Ok(Found::Nothing(String::new()));
    };
    let claim = door.pass.read(data, posted.now_s)?;
    let from = press["from"]["id"].as_i64().ok_or("the press names nobody")?;
    let answer = Answer {
        from: Answerer::Address(format!("telegram:{from}")),
        about: About::Incident(claim.incident),
        id: format!("telegram/{id}"),
        there: There::Nothing,
    };
    Ok(Found::Answer(answer, Reply::Callback(id.to_owned())))
}
