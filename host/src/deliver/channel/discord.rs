//! Discord by a webhook: posts to one room, mentions whom it means and nobody else, and edits later what it posted.
//! <https://discord.com/developers/docs/resources/webhook#execute-webhook>

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::deliver::channel::fit::{fitting, utf16};
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::secret::Secret;

pub(super) const TEMPLATE: &str = include_str!("templates/discord.txt");
/// Longest `content`: <https://discord.com/developers/docs/resources/webhook#execute-webhook-jsonform-params>.
const CONTENT_CHARS: usize = 2_000;
/// `SUPPRESS_EMBEDS`: no preview of a link.
const NO_PREVIEW: u32 = 1 << 2;

pub(super) struct Discord {
    pub(super) client: Client,
    pub(super) url: Secret,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Discord {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let message = self.message(letter).map_err(Undelivered::for_good)?;
            let mut url: Url =
                self.url.expose().parse().map_err(|_| Undelivered::for_good("`url` is no URL".into()))?;
            let edited =
                letter.earlier.as_deref().filter(|_| matches!(letter.intent, Intent::Update | Intent::Resolve));
            let request = match edited.filter(|id| !id.is_empty()) {
                Some(id) => {
                    let path = url.path_segments_mut();
                    path.map_err(|()| Undelivered::for_good("`url` has no path".into()))?.extend(["messages", id]);
                    self.client.patch(url)
                }
                None => {
                    // Without it the answer is empty, and what was posted can't be edited.
                    url.query_pairs_mut().append_pair("wait", "true");
                    self.client.post(url)
                }
            };
            let answer = http::send(request.json(&message), &[&self.url]).await?;
            Ok(Sent { receipt: answer.body["id"].as_str().unwrap_or_default().to_owned() })
        }
        .boxed()
    }
}

impl Discord {
    fn message(&self, letter: &Letter) -> Result<Value, String> {
        let view = View::of(letter, self.record_url.as_deref());
        let is_member = |place: &&str| !place.is_empty() && place.chars().all(|c| c.is_ascii_digit());
        let member = Some(letter.place()).filter(is_member).filter(|_| letter.intent == Intent::Page);
        let mention = member.map(|member| format!("<@{member}> ")).unwrap_or_default();
        let room = CONTENT_CHARS - mention.len();
        let made = fitting(&self.template, &view, room, utf16).map_err(|error| error.to_string())?;
        Ok(json!({
            "content": format!("{mention}{made}"),
            "allowed_mentions": { "parse": [], "users": member.into_iter().collect::<Vec<_>>() },
            "flags": NO_PREVIEW,
        }))
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::deliver::channel::template::Escape;

    #[test]
    fn a_page_has_a_link_by_which_it_is_answered() {
        let template = Template::new(TEMPLATE, None, Escape::Markdown).unwrap();
        let (client, url) = (http::client(1_000).unwrap(), Secret::new("https://discord.example/x"));
        let discord = Discord { client, url, template, record_url: None };
        let mut letter = Letter::test("Funds leave".into(), 3, "ana", "discord:1".into(), B256::ZERO, 0);
        let said = |letter: &Letter| discord.message(letter).unwrap()["content"].as_str().unwrap().to_owned();
        assert!(!said(&letter).contains("Answer"), "a test that waits for no answer");
        letter.answer_url = Some("https://watch.example/a/token".into());
        assert!(said(&letter).trim_end().ends_with("Answer: <https://watch.example/a/token>"), "{}", said(&letter));
        letter.is_test = false;
        let expected = "Answer: <https://watch.example/a/token> or `watchfire incident ack 3 --by ana`";
        assert!(said(&letter).trim_end().ends_with(expected), "{}", said(&letter));
    }
}
