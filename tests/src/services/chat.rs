//! Slack's Web API and incoming webhooks, Discord's webhooks, Telegram's Bot API.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{SLACK_TOKEN, Shared, TELEGRAM_TOKEN};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/slack/api/{method}", post(slack))
        .route("/slack/services/T0/B0/secret", post(slack_webhook))
        .route("/discord/api/webhooks/1/secret", post(discord))
        .route("/discord/api/webhooks/1/secret/messages/{id}", patch(discord_edit))
        .route("/telegram/{bot}/{method}", post(telegram))
}

/// <https://docs.slack.dev/reference/methods/chat.postMessage>, <https://docs.slack.dev/reference/methods/chat.update>:
/// what is refused is answered with 200 and `"ok": false`.
async fn slack(
    State(shared): State<Shared>,
    Path(method): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if let Some(answer) = shared.instead("slack", &method, &body) {
        return answer;
    }
    let is_authorized = headers.get("authorization").is_some_and(|value| *value == format!("Bearer {SLACK_TOKEN}"));
    let channel = body["channel"].as_str().unwrap_or_default().to_owned();
    let text = slack_text(&body);
    let answer = match (is_authorized, slack_error(&body)) {
        (false, _) => Err("invalid_auth"),
        (_, Some(error)) => Err(error),
        _ if channel.is_empty() => Err("channel_not_found"),
        _ if method == "chat.postMessage" => Ok(shared.keep("slack", &text)),
        _ => {
            let ts = body["ts"].as_str().unwrap_or_default().to_owned();
            if shared.edit("slack", &ts, &text) { Ok(ts) } else { Err("message_not_found") }
        }
    };
    shared.note("slack", &method, &body, answer.is_ok());
    Json(match answer {
        Ok(ts) => json!({ "ok": true, "channel": channel, "ts": ts }),
        Err(error) => json!({ "ok": false, "error": error }),
    })
    .into_response()
}

/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>: `ok` as text, or 400 with the error's name.
async fn slack_webhook(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    if let Some(answer) = shared.instead("slack", "webhook", &body) {
        return answer;
    }
    let error = slack_error(&body);
    shared.note("slack", "webhook", &body, error.is_none());
    if let Some(error) = error {
        return (StatusCode::BAD_REQUEST, error).into_response();
    }
    shared.keep("slack", &slack_text(&body));
    "ok".into_response()
}

fn slack_text(body: &Value) -> String {
    let blocks = body["blocks"].as_array().into_iter().flatten();
    blocks.filter_map(|block| block["text"]["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn slack_error(body: &Value) -> Option<&'static str> {
    let blocks = body["blocks"].as_array()?;
    for block in blocks {
        // <https://docs.slack.dev/reference/block-kit/blocks/section-block>: 1 to 3,000 characters.
        let length = block["text"]["text"].as_str().map(|text| text.chars().count());
        if block["type"] == "section" && !length.is_some_and(|length| (1..=3_000).contains(&length)) {
            return Some("invalid_blocks");
        }
        for element in block["elements"].as_array().into_iter().flatten() {
            // <https://docs.slack.dev/reference/block-kit/block-elements/button-element>: text 75, value 2,000, url 3,000.
            let over = |value: &Value, most: usize| value.as_str().is_some_and(|text| text.chars().count() > most);
            if over(&element["text"]["text"], 75) || over(&element["value"], 2_000) || over(&element["url"], 3_000) {
                return Some("invalid_blocks");
            }
        }
    }
    // <https://docs.slack.dev/reference/methods/chat.postMessage#truncating>: cut after 40,000 characters.
    (body["text"].as_str().unwrap_or_default().chars().count() > 40_000).then_some("msg_too_long")
}

/// <https://discord.com/developers/docs/resources/webhook#execute-webhook>: answers 204 without `wait`.
async fn discord(
    State(shared): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
    Json(body): Json<Value>,
) -> Response {
    if let Some(answer) = shared.instead("discord", "execute", &body) {
        return answer;
    }
    let text = body["content"].as_str().unwrap_or_default();
    let fits = discord_fits(text);
    shared.note("discord", "execute", &body, fits);
    if !fits {
        return discord_refuses();
    }
    let id = shared.keep("discord", text);
    match query.get("wait").map(String::as_str) {
        Some("true") => Json(json!({ "id": id, "content": text })).into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

/// <https://discord.com/developers/docs/resources/webhook#edit-webhook-message>
async fn discord_edit(State(shared): State<Shared>, Path(id): Path<String>, Json(body): Json<Value>) -> Response {
    let text = body["content"].as_str().unwrap_or_default();
    let fits = discord_fits(text);
    let accepted = fits && shared.edit("discord", &id, text);
    shared.note("discord", "edit", &body, accepted);
    match (fits, accepted) {
        (false, _) => discord_refuses(),
        (_, false) => {
            (StatusCode::NOT_FOUND, Json(json!({ "code": 10008, "message": "Unknown Message" }))).into_response()
        }
        _ => Json(json!({ "id": id, "content": text })).into_response(),
    }
}

/// `content`: "the message contents (up to 2000 characters)".
fn discord_fits(text: &str) -> bool {
    (1..=2_000).contains(&text.encode_utf16().count())
}

fn discord_refuses() -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "code": 50035, "message": "Invalid Form Body" }))).into_response()
}

/// <https://core.telegram.org/bots/api#sendmessage>, <https://core.telegram.org/bots/api#editmessagetext>
async fn telegram(
    State(shared): State<Shared>,
    Path((bot, method)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    if let Some(answer) = shared.instead("telegram", &method, &body) {
        return answer;
    }
    let refuse = |status: StatusCode, description: &str| {
        shared.note("telegram", &method, &body, false);
        (status, Json(json!({ "ok": false, "error_code": status.as_u16(), "description": description })))
            .into_response()
    };
    if bot != format!("bot{TELEGRAM_TOKEN}") {
        return refuse(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    if body["chat_id"].as_str().is_none_or(str::is_empty) && !body["chat_id"].is_number() {
        return refuse(StatusCode::BAD_REQUEST, "Bad Request: chat not found");
    }
    let text = match html_text(body["text"].as_str().unwrap_or_default()) {
        Ok(text) => text,
        Err(what) => return refuse(StatusCode::BAD_REQUEST, &format!("Bad Request: can't parse entities: {what}")),
    };
    // "text: … 1-4096 characters after entities parsing".
    if !(1..=4_096).contains(&text.encode_utf16().count()) {
        return refuse(StatusCode::BAD_REQUEST, "Bad Request: message is too long");
    }
    // <https://core.telegram.org/bots/api#inlinekeyboardbutton>: "callback_data: … 1-64 bytes".
    for button in body["reply_markup"]["inline_keyboard"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|row| row.as_array())
        .flatten()
    {
        if button["callback_data"].as_str().is_some_and(|data| !(1..=64).contains(&data.len())) {
            return refuse(StatusCode::BAD_REQUEST, "Bad Request: BUTTON_DATA_INVALID");
        }
    }
    let id = match method.as_str() {
        "sendMessage" => shared.keep("telegram", &text),
        _ => {
            let id = body["message_id"].to_string();
            if !shared.edit("telegram", &id, &text) {
                return refuse(StatusCode::BAD_REQUEST, "Bad Request: message to edit not found");
            }
            id
        }
    };
    shared.note("telegram", &method, &body, true);
    Json(json!({ "ok": true, "result": { "message_id": id.parse::<i64>().unwrap_or_default() } })).into_response()
}

/// <https://core.telegram.org/bots/api#html-style>: tags that there are, closed in order, and entities that there are. Returns
/// the text without them.
fn html_text(html: &str) -> Result<String, String> {
    let (mut text, mut open, mut rest) = (String::new(), Vec::new(), html);
    while let Some(c) = rest.chars().next() {
        match c {
            '<' => {
                let (tag, after) = rest[1..].split_once('>').ok_or("a tag does not end")?;
                match tag.strip_prefix('/') {
                    Some(name) if open.pop() == Some(name) => {}
                    Some(name) => return Err(format!("unexpected end tag {name}")),
                    None if ["b", "i", "code", "pre"].contains(&tag) => open.push(tag),
                    None => return Err(format!("unsupported start tag {tag}")),
                }
                rest = after;
            }
            '&' => {
                let known = [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"')];
                let (entity, is) =
                    known.into_iter().find(|(entity, _)| rest.starts_with(entity)).ok_or("an entity is unknown")?;
                text.push(is);
                rest = &rest[entity.len()..];
            }
            c => {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    if open.is_empty() { Ok(text) } else { Err(format!("{} is not closed", open.join(", "))) }
}
