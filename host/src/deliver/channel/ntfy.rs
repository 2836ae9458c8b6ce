//! ntfy: a push message to a topic. <https://docs.ntfy.sh/publish/#publish-as-json>

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Client;
use serde_json::{Value, json};

use crate::deliver::channel::fit::{clip, fitting, headed};
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::finding::Severity;
use crate::secret::Secret;

pub(super) const URL: &str = "https://ntfy.sh";
pub(super) const TEMPLATE: &str = include_str!("templates/ntfy.txt");
/// Longest message, bytes; a longer one becomes an attachment that no lock screen shows:
/// <https://docs.ntfy.sh/publish/#limitations>.
const MESSAGE_BYTES: usize = 4_096;
const TITLE_CHARS: usize = 200;

pub(super) struct Ntfy {
    pub(super) client: Client,
    pub(super) url: Secret,
    pub(super) token: Option<Secret>,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Ntfy {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let message = self.message(letter).map_err(Undelivered::for_good)?;
            let mut request = self.client.post(self.url.expose()).json(&message);
            if let Some(token) = &self.token {
                request = request.bearer_auth(token.expose());
            }
            let answer = http::send(request, &self.token.iter().collect::<Vec<_>>()).await?;
            Ok(Sent { receipt: answer.body["id"].as_str().unwrap_or_default().to_owned() })
        }
        .boxed()
    }
}

impl Ntfy {
    fn message(&self, letter: &Letter) -> Result<Value, String> {
        let view = View::of(letter, self.record_url.as_deref());
        let made = fitting(&self.template, &view, MESSAGE_BYTES, str::len).map_err(|error| error.to_string())?;
        let (title, rest) = headed(&made);
        // 5 rings through a phone's silence, where its owner allows that: <https://docs.ntfy.sh/publish/#message-priority>.
        let priority = match (letter.intent, letter.brief.severity) {
            (Intent::Page, Severity::Critical | Severity::High) => 5,
            (Intent::Page, _) => 4,
            (Intent::Tell | Intent::Remind, _) => 3,
            (Intent::Update | Intent::Resolve, _) => 2,
        };
        let mut message = json!({
            "topic": letter.place(),
            "title": clip(&title, TITLE_CHARS),
            "message": if rest.is_empty() { title } else { rest },
            "priority": priority,
        });
        if !view.record_url.is_empty() {
            message["click"] = view.record_url.as_str().into();
        }
        if !view.answer_url.is_empty() {
            message["actions"] = json!([{ "action": "view", "label": "I have it", "url": view.answer_url }]);
        }
        Ok(message)
    }
}
