//! Inbound webhooks of on-call services: Grafana OnCall's formatted webhook and incident.io's alert source.
//! <https://grafana.com/docs/oncall/latest/integrations/webhook/>, <https://api-docs.incident.io/tag/Alert-Events-V2>

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Client;
use serde_json::{Value, json};

use crate::deliver::channel::fit::{chars, clip, fitting, headed};
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::secret::Secret;

pub(super) const TEMPLATE: &str = include_str!("templates/alertmanager.txt");
const TITLE_CHARS: usize = 200;
const TEXT_CHARS: usize = 4_000;

/// Whose shape it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Grafana OnCall.
    GrafanaOncall,
    /// incident.io.
    IncidentIo,
}

pub(super) struct Inbound {
    pub(super) client: Client,
    pub(super) url: Secret,
    pub(super) token: Option<Secret>,
    pub(super) shape: Shape,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Inbound {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let keys = match letter.intent {
                _ if letter.is_test => vec![letter.id()],
                Intent::Resolve => letter.brief.keys(),
                // What somebody acknowledged there under a key rings nobody again.
                _ => vec![letter.brief.key()],
            };
            let secrets: Vec<&Secret> = self.token.iter().chain([&self.url]).collect();
            for key in &keys {
                let body = self.body(letter, key).map_err(Undelivered::for_good)?;
                let mut request = self.client.post(self.url.expose()).json(&body);
                if let Some(token) = &self.token {
                    request = request.bearer_auth(token.expose());
                }
                http::send(request, &secrets).await?;
            }
            Ok(Sent::default())
        }
        .boxed()
    }
}

impl Inbound {
    fn body(&self, letter: &Letter, key: &str) -> Result<Value, String> {
        let view = View::of(letter, self.record_url.as_deref());
        let made = fitting(&self.template, &view, TEXT_CHARS, chars).map_err(|error| error.to_string())?;
        let (title, text) = headed(&made);
        let (title, is_over) = (clip(&title, TITLE_CHARS), letter.intent == Intent::Resolve);
        let text =
            [text, view.in_time.clone()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        Ok(match self.shape {
            Shape::GrafanaOncall => json!({
                "alert_uid": key,
                "title": title,
                "state": if is_over { "ok" } else { "alerting" },
                "message": text,
                "link_to_upstream_details": view.record_url,
                "severity": view.severity,
                "incident": view.incident,
                "drill": letter.ordered.drill,
            }),
            Shape::IncidentIo => {
                let mut body = json!({
                    "title": title,
                    "description": text,
                    "deduplication_key": key,
                    "status": if is_over { "resolved" } else { "firing" },
                    "metadata": {
                        "severity": view.severity, "incident": view.incident, "state": view.state, "protocol": view.protocol,
                        "drill": letter.ordered.drill,
                    },
                });
                if !view.record_url.is_empty() {
                    body["source_url"] = view.record_url.as_str().into();
                }
                body
            }
        })
    }
}
