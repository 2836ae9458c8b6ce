//! Matrix: a message to a room, edited later. <https://spec.matrix.org/latest/client-server-api/#sending-events-to-a-room>

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::deliver::channel::fit::fitting;
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::secret::Secret;

pub(super) const TEMPLATE: &str = include_str!("templates/matrix.txt");
/// An event has 65,536 bytes at most, and an edit has the text twice:
/// <https://spec.matrix.org/latest/client-server-api/#size-limits>.
const TEXT_BYTES: usize = 12_000;

pub(super) struct Matrix {
    pub(super) client: Client,
    pub(super) url: Secret,
    pub(super) token: Secret,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Matrix {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let event = self.event(letter).map_err(Undelivered::for_good)?;
            if !letter.place().starts_with('!') {
                let message = format!("`{}` is no room's id, which begins with `!`", letter.place());
                return Err(Undelivered::for_good(message));
            }
            let mut url: Url =
                self.url.expose().parse().map_err(|_| Undelivered::for_good("`url` is no URL".into()))?;
            // The transaction's id makes a second attempt the same event.
            let transaction = format!("{}-{}", letter.id(), letter.intent.name());
            let parts = ["_matrix", "client", "v3", "rooms", letter.place(), "send", "m.room.message", &transaction];
            let path = url.path_segments_mut();
            let mut path = path.map_err(|()| Undelivered::for_good("`url` has no path".into()))?;
            path.pop_if_empty().extend(parts);
            drop(path);
            let request = self.client.put(url).bearer_auth(self.token.expose()).json(&event);
            let answer = http::ask(request, &[&self.token]).await?;
            if answer.status.is_success() {
                return Ok(Sent { receipt: answer.body["event_id"].as_str().unwrap_or_default().to_owned() });
            }
            let mut refused = http::refusal(&answer, &[&self.token]);
            // Older servers say it in the body alone.
            refused.retry_after_ms = refused.retry_after_ms.or(answer.body["retry_after_ms"].as_u64());
            Err(refused)
        }
        .boxed()
    }
}

impl Matrix {
    fn event(&self, letter: &Letter) -> Result<Value, String> {
        let view = View::of(letter, self.record_url.as_deref());
        let text = fitting(&self.template, &view, TEXT_BYTES, str::len).map_err(|error| error.to_string())?;
        // Plain text alone, and nobody is mentioned by what it says.
        let mut event = json!({ "msgtype": "m.text", "body": text, "m.mentions": {} });
        let edited = letter.earlier.as_deref().filter(|_| matches!(letter.intent, Intent::Update | Intent::Resolve));
        if let Some(id) = edited.filter(|id| !id.is_empty()) {
            let new = event.clone();
            event["body"] = format!("* {text}").into();
            event["m.new_content"] = new;
            event["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": id });
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::deliver::channel::template::Escape;

    #[test]
    fn a_page_has_a_link_by_which_it_is_answered() {
        let template = Template::new(TEMPLATE, None, Escape::Plain).unwrap();
        let (client, url, token) = (http::client(1_000).unwrap(), Secret::new("https://x"), Secret::new("y"));
        let matrix = Matrix { client, url, token, template, record_url: None };
        let mut letter = Letter::test("Funds leave".into(), 3, "ana", "matrix:!r:x".into(), B256::ZERO, 0);
        letter.answer_url = Some("https://watch.example/a/token".into());
        let said = |letter: &Letter| matrix.event(letter).unwrap()["body"].as_str().unwrap().trim_end().to_owned();
        assert!(said(&letter).ends_with("Answer: https://watch.example/a/token"), "{}", said(&letter));
        letter.is_test = false;
        let expected = "Answer: https://watch.example/a/token or by: watchfire incident ack 3 --by ana";
        assert!(said(&letter).ends_with(expected), "{}", said(&letter));
    }
}
