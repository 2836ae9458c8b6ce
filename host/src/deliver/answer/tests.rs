use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;

const NOW_S: u64 = 1_796_000_000;

fn door(kind: Kind) -> Door {
    Door { kind, secret: Secret::new("12345"), pass: Pass::new(Secret::new("the host's own key")) }
}

fn open(door: &Door, url: &str, headers: &[(&str, &str)], body: &str) -> Result<Found, String> {
    let headers: BTreeMap<&str, &str> = headers.iter().copied().collect();
    let header = |name: &str| headers.get(name).map(|value| (*value).to_owned());
    door.open(&Posted { url, header: &header, body: body.as_bytes(), now_s: NOW_S })
}

fn hmac(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"12345").unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn token(door: &Door, person: &str) -> String {
    door.pass.make(&Claim { incident: 17, person: person.to_owned(), until_s: NOW_S + 60 })
}

#[test]
fn a_token_is_good_for_what_it_says_and_no_longer() {
    let pass = Pass::new(Secret::new("key"));
    let claim = Claim { incident: u64::MAX, person: "ana".into(), until_s: NOW_S };
    let token = pass.make(&claim);
    assert_eq!(pass.read(&token, NOW_S), Ok(claim.clone()));
    assert_eq!(pass.read(&token, NOW_S + 1), Err("its time is over".to_owned()));
    assert!(Pass::new(Secret::new("other")).read(&token, NOW_S).is_err());
    for wrong in
        [format!("0{token}"), token.to_uppercase(), token[..token.len() - 2].to_owned(), "...".into(), String::new()]
    {
        assert!(pass.read(&wrong, NOW_S).is_err(), "{wrong}");
    }
    let press = pass.make(&Claim { incident: 999_999, person: String::new(), until_s: NOW_S });
    assert!(press.len() <= 64, "a Telegram button holds 64 bytes: {press}");
}

#[test]
fn a_press_in_slack_counts_if_it_is_signed_and_fresh() {
    let door = door(Kind::Slack);
    let payload = serde_json::json!({
        "type": "block_actions", "user": { "id": "U0ANA" }, "trigger_id": "1.2.ab",
        "actions": [{ "action_id": "watchfire-ack", "value": token(&door, "") }],
    });
    let mut url = reqwest::Url::parse("form:").unwrap();
    url.query_pairs_mut().append_pair("payload", &payload.to_string());
    let body = url.query().unwrap().to_owned();
    let sent = |at_s: u64, body: &str, signed: &str| {
        let (at, signature) = (at_s.to_string(), format!("v0={}", hmac(&format!("v0:{at_s}:{signed}"))));
        open(&door, "", &[("x-slack-request-timestamp", &at), ("x-slack-signature", &signature)], body)
    };
    let Ok(Found::Answer(answer, Reply::Empty)) = sent(NOW_S - 299, &body, &body) else { panic!("it is good") };
    assert_eq!(answer.from, Answerer::Address("slack:U0ANA".into()));
    assert_eq!((answer.about, answer.id.as_str()), (About::Incident(17), "slack/1.2.ab"));
    assert!(sent(NOW_S - 301, &body, &body).unwrap_err().contains("301 s off"));
    assert!(sent(NOW_S, &body, "payload=x").unwrap_err().contains("another secret"));
    assert_eq!(sent(NOW_S, "payload={}", "payload={}"), Ok(Found::Nothing(String::new())));
    // The example of Slack's documentation.
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
                trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let documented = Door { secret: Secret::new("8f742231b10e8888abcd99yyyzzz85a5"), ..door.clone() };
    let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let headers = [("x-slack-request-timestamp", "1531420618"), ("x-slack-signature", signature)];
    assert!(open(&documented, "", &headers, body).unwrap_err().contains("s off"), "the signature is good, and old");
}

#[test]
fn an_acknowledgement_in_pagerduty_counts_if_a_person_made_it() {
    let door = door(Kind::Pagerduty);
    let at = jiff::Timestamp::from_second(NOW_S as i64 - 60).unwrap().to_string();
    let event = |kind: &str, agent: &str, at: &str| {
        serde_json::json!({ "event": {
            "id": "01E", "event_type": kind, "occurred_at": at, "agent": { "id": "PANA", "type": agent },
            "data": { "id": "Q1", "incident_key": "abcd" },
        }})
        .to_string()
    };
    let sent = |body: &str, header: &str| open(&door, "", &[("x-pagerduty-signature", header)], body);
    let good = event("incident.acknowledged", "user_reference", &at);
    let header = format!("v1={},v1={}", "00".repeat(32), hmac(&good));
    let Ok(Found::Answer(answer, _)) = sent(&good, &header) else { panic!("it is good") };
    assert_eq!(answer.from, Answerer::Address("pagerduty:PANA".into()));
    assert_eq!((answer.about, answer.id.as_str()), (About::Mark("abcd".into()), "pagerduty/01E"));
    assert!(sent(&good, &format!("v1={}", "00".repeat(32))).is_err());
    let signed = |body: String| sent(&body, &format!("v1={}", hmac(&body)));
    let nothing = Ok(Found::Nothing(String::new()));
    assert_eq!(signed(event("incident.triggered", "user_reference", &at)), nothing);
    let Ok(Found::Answer(own, _)) = signed(event("incident.acknowledged", "service_reference", &at)) else {
        panic!("a workflow may have stopped the pages")
    };
    assert_eq!(own.from, Answerer::Address("pagerduty:nobody".into()), "no person, whatever its id");
    let Ok(Found::Answer(over, _)) = signed(event("incident.resolved", "user_reference", &at)) else {
        panic!("whoever resolves it there has stopped the pages")
    };
    assert_eq!((answer.there, over.there), (There::Acknowledged, There::Resolved));
    assert!(signed(event("incident.acknowledged", "user_reference", "2020-01-01T00:00:00Z")).is_err());
}

#[test]
fn a_press_in_telegram_counts_if_it_knows_the_secret_and_the_token() {
    let door = door(Kind::Telegram);
    let press = |data: &str| {
        serde_json::json!({ "update_id": 1, "callback_query": { "id": "77", "from": { "id": 42 }, "data": data } })
            .to_string()
    };
    let sent = |body: &str, secret: &str| open(&door, "", &[("x-telegram-bot-api-secret-token", secret)], body);
    let Ok(Found::Answer(answer, reply)) = sent(&press(&token(&door, "")), "12345") else { panic!("it is good") };
    assert_eq!((answer.from, reply), (Answerer::Address("telegram:42".into()), Reply::Callback("77".into())));
    assert!(sent(&press(&token(&door, "")), "1234").is_err());
    assert!(sent(&press("17.0.ff.00"), "12345").is_err());
    assert_eq!(sent("{\"update_id\":1}", "12345"), Ok(Found::Nothing(String::new())));
}

#[test]
fn twilio_signs_its_url_and_fields() {
    let door = door(Kind::TwilioVoice);
    // The example of Twilio's documentation.
    let (url, body) = (
        "https://mycompany.com/myapp.php?foo=1&bar=2",
        "CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212",
    );
    let sent = |url: &str, body: &str, signature: &str| open(&door, url, &[("x-twilio-signature", signature)], body);
    let good = sent(url, body, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
    let Ok(Found::Nothing(said)) = good else { panic!("another key than 1 is no answer: {good:?}") };
    assert!(
        said.contains("Press 1") && said.contains("action=\"https://mycompany.com/myapp.php?foo=1&amp;bar=2\""),
        "{said}"
    );
    assert!(sent("https://mycompany.com/myapp.php?foo=1", body, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=").is_err());
    assert!(sent(url, &body.replace("1234&", "1&"), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=").is_err());
}
