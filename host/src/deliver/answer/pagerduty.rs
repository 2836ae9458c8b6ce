//! PagerDuty's webhooks, v3. <https://developer.pagerduty.com/docs/verifying-webhook-signatures>,
//! <https://developer.pagerduty.com/docs/webhooks-overview>

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::Value;
use sha2::Sha256;

use super::{About, Answer, Answerer, Door, Found, Posted, Reply, There, fresh};

/// How long a delivery may take, seconds: it has no time of its own, so that of the event counts, and failed ones come again.
const MAX_AGE_S: u64 = 900;

pub(super) fn open(door: &Door, posted: &Posted<'_>) -> Result<Found, String> {
    let header = (posted.header)("x-pagerduty-signature").ok_or("the header `x-pagerduty-signature` is missing")?;
    // Several, while one secret replaces another.
    let is_signed =
        header.split(',').filter_map(|one| hex::decode(one.trim().strip_prefix("v1=")?).ok()).any(|signature| {
            let mut mac = Hmac::<Sha256>::new_from_slice(door.secret.expose().as_bytes())
                .expect("HMAC takes a key of any length");
            mac.update(posted.body);
            mac.verify_slice(&signature).is_ok()
        });
    if !is_signed {
        return Err("the signature is of another secret, or of another body".to_owned());
    }
    let body: Value = serde_json::from_slice(posted.body).map_err(|_| "the body is no JSON")?;
    let event = &body["event"];
    let there = match event["event_type"].as_str() {
        Some("incident.acknowledged") => There::Acknowledged,
        Some("incident.resolved") => There::Resolved,
        _ => return Ok(Found::Nothing(String::new())),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at: Timestamp = text(&event["occurred_at"]).parse().map_err(|_| "the event has no time")?;
    fresh(at.as_second().max(0) as u64, posted.now_s, MAX_AGE_S)?;
    let (agent, id, mark) = (&event["agent"], text(&event["id"]), text(&event["data"]["incident_key"]));
    // What the host itself acknowledged, by a key and not by a person, comes back too; so does what a workflow of the account did.
    let is_person = agent["type"] == "user_reference" || agent["type"] == "user";
    let user = text(&agent["id"]);
    if (is_person && user.is_empty()) || id.is_empty() || mark.is_empty() {
        return Err("the event names no user, no id or no incident_key".to_owned());
    }
    let from = if is_person { format!("pagerduty:{user}") } else { "pagerduty:nobody".to_owned() };
    let answer =
        Answer { from: Answerer::Address(from), about: About::Mark(mark), id: format!("pagerduty/{id}"), there };
    Ok(Found::Answer(answer, Reply::Empty))
}
