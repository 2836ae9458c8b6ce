//! PagerDuty's Events API v2, by <https://developer.pagerduty.com/docs/send-alert-event>.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{ROUTING_KEY, Shared};

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/pagerduty/v2/enqueue", post(enqueue))
}

async fn enqueue(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let action = body["event_action"].as_str().unwrap_or_default().to_owned();
    if let Some(answer) = shared.instead("pagerduty", &action, &body) {
        return answer;
    }
    let errors = errors(&body);
    shared.note("pagerduty", &action, &body, errors.is_empty());
    if !errors.is_empty() {
        // "400 Bad Request": the event is not valid, and must not be sent again as it is.
        let body = json!({ "status": "invalid event", "message": "Event object is invalid", "errors": errors });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let key = body["dedup_key"].as_str().unwrap_or_default().to_owned();
    let mut held = shared.held();
    // "Subsequent events with the same dedup_key apply to the open alert"; what is resolved opens anew by a trigger alone.
    match (action.as_str(), held.alerts.get(&key).map(String::as_str)) {
        ("acknowledge", Some("trigger"))
        | ("resolve", Some("trigger" | "acknowledge"))
        | ("trigger", None | Some("resolve")) => {
            held.alerts.insert(key.clone(), action);
        }
        _ => {}
    }
    // "202 Accepted".
    (StatusCode::ACCEPTED, Json(json!({ "status": "success", "message": "Event processed", "dedup_key": key })))
        .into_response()
}

fn errors(body: &Value) -> Vec<&'static str> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut errors = Vec::new();
    if body["routing_key"] != ROUTING_KEY {
        errors.push("'routing_key' must be that of an integration");
    }
    if !["trigger", "acknowledge", "resolve"].contains(&text(&body["event_action"]).as_str()) {
        errors.push("'event_action' must be trigger, acknowledge or resolve");
    }
    // "dedup_key: … The maximum permitted length of this property is 255 characters"; needed but for a trigger.
    if body["dedup_key"].as_str().is_none_or(|key| key.is_empty() || key.len() > 255) {
        errors.push("'dedup_key' is missing or too long");
    }
    if body["event_action"] == "trigger" {
        let payload = &body["payload"];
        // "summary: … The maximum permitted length of this property is 1024 characters."
        if !(1..=1_024).contains(&text(&payload["summary"]).chars().count()) {
            errors.push("'payload.summary' is missing or too long");
        }
        if text(&payload["source"]).is_empty() {
            errors.push("'payload.source' is missing");
        }
        // "severity: … critical, error, warning or info."
        if !["critical", "error", "warning", "info"].contains(&text(&payload["severity"]).as_str()) {
            errors.push("'payload.severity' must be critical, error, warning or info");
        }
        // "Event size limit: 512 KB."
        if body.to_string().len() > 512 * 1_024 {
            errors.push("the event is too large");
        }
    }
    errors
}
