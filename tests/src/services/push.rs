//! Twilio, ntfy, Matrix, Grafana OnCall and incident.io.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Shared, TOKEN, TWILIO_ACCOUNT, TWILIO_AUTHORIZATION};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/twilio/2010-04-01/Accounts/{account}/{resource}", post(twilio))
        .route("/heartbeat", post(beat))
        .route("/ntfy", post(ntfy))
        .route("/matrix/_matrix/client/v3/rooms/{room}/send/{kind}/{transaction}", put(matrix))
        .route("/oncall/integrations/v1/formatted_webhook/secret/", post(oncall))
        .route("/incident-io/v2/alert_events/http/1", post(incident_io))
}

/// A check that is pinged, as <https://healthchecks.io/docs/http_api/>: any request is a sign of life.
async fn beat(State(shared): State<Shared>, body: String) -> &'static str {
    shared.note("heartbeat", "ping", &serde_json::from_str(&body).unwrap_or_default(), true);
    "OK"
}

fn is_bearer(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| *value == format!("Bearer {TOKEN}"))
}

/// <https://www.twilio.com/docs/messaging/api/message-resource>, <https://www.twilio.com/docs/voice/api/call-resource>;
/// codes by <https://www.twilio.com/docs/api/errors>.
async fn twilio(
    State(shared): State<Shared>,
    Path((account, resource)): Path<(String, String)>,
    headers: HeaderMap,
    form: String,
) -> Response {
    let form = pairs(&form);
    let body = json!(form);
    if let Some(answer) = shared.instead("twilio", &resource, &body) {
        return answer;
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let is_number = |text: &str| {
        text.strip_prefix('+')
            .is_some_and(|digits| (4..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit()))
    };
    let refusal = if account != TWILIO_ACCOUNT
        || headers.get("authorization").is_none_or(|value| value != TWILIO_AUTHORIZATION)
    {
        Some((401, 20003))
    } else if !is_number(field("To")) {
        // 21211: the 'To' number is not valid.
        Some((400, 21211))
    } else if !is_number(field("From")) {
        Some((400, 21212))
    } else if resource == "Messages.json" && !(1..=1_600).contains(&field("Body").chars().count()) {
        // 21617: the body exceeds the 1,600 character limit.
        Some((400, 21617))
    } else if resource == "Calls.json" && !(1..=4_000).contains(&field("Twiml").chars().count()) {
        // "Twiml: … at most 4,000 characters".
        Some((400, 21218))
    } else {
        None
    };
    shared.note("twilio", &resource, &body, refusal.is_none());
    match refusal {
        Some((status, code)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, Json(json!({ "code": code, "message": "refused", "status": status.as_u16() }))).into_response()
        }
        None => {
            let sid = shared.keep("twilio", &format!("{}{}", field("Body"), field("Twiml")));
            (StatusCode::CREATED, Json(json!({ "sid": format!("SM{sid}"), "status": "queued" }))).into_response()
        }
    }
}

fn pairs(form: &str) -> BTreeMap<String, String> {
    let Ok(mut url) = reqwest::Url::parse("form:") else { return BTreeMap::new() };
    url.set_query(Some(form));
    url.query_pairs().into_owned().collect()
}

/// <https://docs.ntfy.sh/publish/#publish-as-json>
async fn ntfy(State(shared): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Some(answer) = shared.instead("ntfy", "publish", &body) {
        return answer;
    }
    let topic = body["topic"].as_str().unwrap_or_default();
    // Topics are `^[-_A-Za-z0-9]{1,64}$`; priorities 1 to 5; actions are three at most; 4,096 bytes of a message stay one.
    let is_topic =
        (1..=64).contains(&topic.len()) && topic.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let fits = is_topic
        && body["priority"].as_u64().is_some_and(|priority| (1..=5).contains(&priority))
        && body["actions"].as_array().is_none_or(|actions| actions.len() <= 3)
        && body["message"].as_str().is_some_and(|text| (1..=4_096).contains(&text.len()))
        && is_bearer(&headers);
    shared.note("ntfy", "publish", &body, fits);
    if !fits {
        return (StatusCode::BAD_REQUEST, Json(json!({ "code": 40024, "error": "invalid request" }))).into_response();
    }
    let id = shared.keep("ntfy", &body.to_string());
    Json(json!({ "id": id, "event": "message" })).into_response()
}

/// <https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>: the same transaction
/// again is the same event.
async fn matrix(
    State(shared): State<Shared>,
    Path((room, kind, transaction)): Path<(String, String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if let Some(answer) = shared.instead("matrix", "send", &body) {
        return answer;
    }
    let fits = is_bearer(&headers)
        && room.starts_with('!')
        && kind == "m.room.message"
        && body["msgtype"] == "m.text"
        && body["body"].is_string()
        // <https://spec.matrix.org/latest/client-server-api/#size-limits>
        && body.to_string().len() <= 65_536;
    shared.note("matrix", "send", &body, fits);
    if !fits {
        return (StatusCode::FORBIDDEN, Json(json!({ "errcode": "M_FORBIDDEN", "error": "refused" }))).into_response();
    }
    if let Some(event) = shared.held().transactions.get(&transaction) {
        return Json(json!({ "event_id": event })).into_response();
    }
    let edited = body["m.relates_to"]["event_id"].as_str().map(str::to_owned);
    let event = match edited {
        Some(event) => {
            shared.edit(
                "matrix",
                event.trim_start_matches('$'),
                body["m.new_content"]["body"].as_str().unwrap_or_default(),
            );
            event
        }
        None => format!("${}", shared.keep("matrix", body["body"].as_str().unwrap_or_default())),
    };
    shared.held().transactions.insert(transaction, event.clone());
    Json(json!({ "event_id": event })).into_response()
}

/// <https://grafana.com/docs/oncall/latest/integrations/webhook/>: `alert_uid` groups, `state` `ok` resolves.
async fn oncall(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    if let Some(answer) = shared.instead("oncall", "alert", &body) {
        return answer;
    }
    let is_over = body["state"] == "ok";
    let fits = body["alert_uid"].is_string() && body["title"].is_string() && (is_over || body["state"] == "alerting");
    shared.note("oncall", "alert", &body, fits);
    shared.alert(body["alert_uid"].as_str(), is_over);
    if fits { "Ok.".into_response() } else { StatusCode::BAD_REQUEST.into_response() }
}

/// <https://api-docs.incident.io/tag/Alert-Events-V2>: 202; `title` and `status` are needed.
async fn incident_io(State(shared): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Some(answer) = shared.instead("incident-io", "alert", &body) {
        return answer;
    }
    let is_over = body["status"] == "resolved";
    let fits = is_bearer(&headers) && body["title"].is_string() && (is_over || body["status"] == "firing");
    shared.note("incident-io", "alert", &body, fits);
    if !fits {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    shared.alert(body["deduplication_key"].as_str(), is_over);
    (StatusCode::ACCEPTED, Json(json!({ "status": "success" }))).into_response()
}
