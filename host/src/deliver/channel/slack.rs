//! Slack: an incoming webhook, which posts to one room, or a bot, which posts to whomever an address names and edits later what
//! it posted. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>,
//! <https://docs.slack.dev/reference/methods/chat.postMessage>

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Client;
use serde_json::{Value, json};

use crate::deliver::channel::fit::{chars, clip, fitting};
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::{Escape, Template, escaped};
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::secret::Secret;

pub(super) const URL: &str = "https://slack.com/api";
pub(super) const TEMPLATE: &str = include_str!("templates/slack.txt");
/// Longest text of a section block: <https://docs.slack.dev/reference/block-kit/blocks/section-block>.
const SECTION_CHARS: usize = 3_000;
/// Longest `value` of a button: <https://docs.slack.dev/reference/block-kit/block-elements/button-element>.
const VALUE_CHARS: usize = 2_000;
/// Errors that pass: <https://docs.slack.dev/reference/methods/chat.postMessage#errors>.
const PASSING: [&str; 6] =
    ["ratelimited", "rate_limited", "fatal_error", "internal_error", "service_unavailable", "request_timeout"];

/// How the account is reached.
pub(super) enum Access {
    /// A URL that posts to one room.
    Webhook(Secret),
    /// A bot's token, and where the API is.
    Bot { url: Secret, token: Secret },
}

pub(super) struct Slack {
    pub(super) client: Client,
    pub(super) access: Access,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Slack {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let message = self.message(letter).map_err(Undelivered::for_good)?;
            match &self.access {
                Access::Webhook(url) => {
                    http::send(self.client.post(url.expose()).json(&message), &[url]).await?;
                    Ok(Sent::default())
                }
                Access::Bot { url, token } => self.by_bot(url, token, letter, message).await,
            }
        }
        .boxed()
    }
}

impl Slack {
    async fn by_bot(
        &self,
        url: &Secret,
        token: &Secret,
        letter: &Letter,
        mut message: Value,
    ) -> Result<Sent, Undelivered> {
        let edited = letter.earlier.as_deref().filter(|_| matches!(letter.intent, Intent::Update | Intent::Resolve));
        let method = match edited.and_then(|receipt| receipt.split_once('/')) {
            Some((channel, ts)) => {
                (message["channel"], message["ts"]) = (channel.into(), ts.into());
                "chat.update"
            }
            None => {
                // A member's id opens a conversation with them.
                message["channel"] = letter.place().into();
                "chat.postMessage"
            }
        };
        let request = self.client.post(format!("{}/{method}", url.expose())).bearer_auth(token.expose()).json(&message);
        let answer = http::send(request, &[token]).await?;
        // The API says 200 to what it refuses, and why in the body.
        if answer.body["ok"] != true {
            let error = answer.body["error"].as_str().unwrap_or("no reason");
            let message = format!("{method} refused: {error}");
            let passes = PASSING.contains(&error);
            return Err(if passes {
                Undelivered::for_now(message, answer.retry_after_ms)
            } else {
                Undelivered::for_good(message)
            });
        }
        let text = |key: &str| answer.body[key].as_str().unwrap_or_default().to_owned();
        Ok(Sent { receipt: format!("{}/{}", text("channel"), text("ts")) })
    }

    fn message(&self, letter: &Letter) -> Result<Value, String> {
        let view = View::of(letter, self.record_url.as_deref());
        // A webhook posts to its own room whatever the address says: the person is mentioned there.
        let member = Some(letter.place()).filter(|place| {
            let is_member = place.starts_with(['U', 'W']) && place.chars().all(|c| c.is_ascii_alphanumeric());
            is_member && matches!(self.access, Access::Webhook(_)) && letter.intent == Intent::Page
        });
        let mention = member.map(|member| format!("<@{member}> ")).unwrap_or_default();
        let room = SECTION_CHARS - chars(&mention);
        let made = fitting(&self.template, &view, room, chars).map_err(|error| error.to_string())?;
        let headline = if view.headline.is_empty() { &view.text } else { &view.headline };
        // `verbatim` keeps Slack from making links and mentions of what looks like some.
        let mut blocks = vec![json!({
            "type": "section",
            "text": { "type": "mrkdwn", "text": format!("{mention}{made}"), "verbatim": true },
        })];
        let buttons = self.buttons(letter, &view);
        if !buttons.is_empty() {
            blocks.push(json!({ "type": "actions", "elements": buttons }));
        }
        Ok(json!({
            // What a notification shows, and whoever has no blocks.
            "text": format!("{}{}", view.flag, escaped(&clip(headline, 200), Escape::Slack)),
            "blocks": blocks,
            "unfurl_links": false,
            "unfurl_media": false,
        }))
    }

    fn buttons(&self, letter: &Letter, view: &View) -> Vec<Value> {
        let label = json!({ "type": "plain_text", "text": "I have it" });
        if !view.asks {
            return Vec::new();
        }
        let by_token = letter.answer_token.as_ref().filter(|token| token.len() <= VALUE_CHARS);
        match (by_token, view.answer_url.as_str()) {
            (Some(token), _) => {
                vec![
                    json!({ "type": "button", "action_id": "watchfire-ack", "text": label, "style": "primary", "value": token }),
                ]
            }
            (None, "") => Vec::new(),
            (None, url) => vec![json!({ "type": "button", "text": label, "style": "primary", "url": url })],
        }
    }
}
