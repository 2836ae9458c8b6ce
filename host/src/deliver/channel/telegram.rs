//! Telegram by a bot: writes to a chat, with a button to answer, and edits later what it wrote.
//! <https://core.telegram.org/bots/api#sendmessage>

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Client;
use serde_json::{Value, json};

use crate::deliver::channel::fit::{fitting, utf16};
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::secret::Secret;

pub(super) const URL: &str = "https://api.telegram.org";
pub(super) const TEMPLATE: &str = include_str!("templates/telegram.txt");
/// Longest text after its tags and entities were read. What is measured here has them, so it is never longer.
const TEXT_CHARS: usize = 4_096;
/// Longest `callback_data`: <https://core.telegram.org/bots/api#inlinekeyboardbutton>.
const CALLBACK_BYTES: usize = 64;

pub(super) struct Telegram {
    pub(super) client: Client,
    pub(super) url: Secret,
    pub(super) token: Secret,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Telegram {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let mut message = self.message(letter).map_err(Undelivered::for_good)?;
            let edited =
                letter.earlier.as_deref().filter(|_| matches!(letter.intent, Intent::Update | Intent::Resolve));
            let method = match edited.and_then(|id| id.parse::<i64>().ok()) {
                Some(id) => {
                    message["message_id"] = id.into();
                    "editMessageText"
                }
                None => "sendMessage",
            };
            let url = format!("{}/bot{}/{method}", self.url.expose(), self.token.expose());
            let answer = http::ask(self.client.post(url).json(&message), &[&self.token]).await?;
            if answer.status.is_success() && answer.body["ok"] == true {
                let id = answer.body["result"]["message_id"].as_i64();
                return Ok(Sent { receipt: id.map(|id| id.to_string()).unwrap_or_default() });
            }
            let said = answer.body["description"].as_str().unwrap_or_default();
            // An edit that would change nothing is refused; it stands as it should.
            if method == "editMessageText" && said.contains("message is not modified") {
                return Ok(Sent { receipt: letter.earlier.clone().unwrap_or_default() });
            }
            let mut refused = http::refusal(&answer, &[&self.token]);
            // <https://core.telegram.org/bots/api#responseparameters>
            let wait_s = answer.body["parameters"]["retry_after"].as_u64();
            refused.retry_after_ms = wait_s.map(|wait_s| wait_s.saturating_mul(1_000)).or(refused.retry_after_ms);
            Err(refused)
        }
        .boxed()
    }
}

impl Telegram {
    fn message(&self, letter: &Letter) -> Result<Value, String> {
        let view = View::of(letter, self.record_url.as_deref());
        let text = fitting(&self.template, &view, TEXT_CHARS, utf16).map_err(|error| error.to_string())?;
        let mut message = json!({
            "chat_id": letter.place(),
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
            "disable_notification": letter.intent == Intent::Update,
        });
        let by_token = letter.answer_token.as_ref().filter(|token| token.len() <= CALLBACK_BYTES);
        let button = match (view.asks, by_token, view.answer_url.as_str()) {
            (false, ..) | (true, None, "") => None,
            (true, Some(token), _) => Some(json!({ "text": "I have it", "callback_data": token })),
            (true, None, url) => Some(json!({ "text": "I have it", "url": url })),
        };
        if let Some(button) = button {
            message["reply_markup"] = json!({ "inline_keyboard": [[button]] });
        }
        Ok(message)
    }
}
