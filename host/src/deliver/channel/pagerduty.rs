//! PagerDuty by its Events API v2: an alert is triggered, acknowledged and resolved by one key. A trigger of a key that
//! somebody acknowledged is appended to its log and rings nobody, so that people who are paged anew have a new one.
//! <https://developer.pagerduty.com/docs/send-alert-event>

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};

use crate::deliver::channel::fit::{chars, fitting, headed};
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::finding::Severity;
use crate::secret::Secret;

/// Where events go, unless the account is elsewhere (`https://events.eu.pagerduty.com`).
pub(super) const URL: &str = "https://events.pagerduty.com";
pub(super) const TEMPLATE: &str = include_str!("templates/pagerduty.txt");
/// Longest summary, in characters: longer ones are cut by the service.
const SUMMARY_CHARS: usize = 1_024;

pub(super) struct Pagerduty {
    pub(super) client: Client,
    pub(super) url: Secret,
    pub(super) routing_key: Secret,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Pagerduty {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let view = View::of(letter, self.record_url.as_deref());
            // An alert of a test is none of an incident.
            let keys = match action(letter) {
                _ if letter.is_test => vec![letter.id()],
                "trigger" => vec![letter.brief.key()],
                _ => letter.brief.keys(),
            };
            for key in &keys {
                let body = self.event(letter, &view, key).map_err(Undelivered::for_good)?;
                let request = self.client.post(format!("{}/v2/enqueue", self.url.expose())).json(&body);
                http::send(request, &[&self.routing_key]).await?;
            }
            Ok(Sent::default())
        }
        .boxed()
    }
}

impl Pagerduty {
    fn event(&self, letter: &Letter, view: &View, dedup_key: &str) -> Result<Value, String> {
        let action = action(letter);
        let mut event = json!({
            "routing_key": self.routing_key.expose(),
            "event_action": action,
            "dedup_key": dedup_key,
        });
        // `acknowledge` and `resolve` need no more than the key.
        if action == "trigger" {
            let made = fitting(&self.template, view, SUMMARY_CHARS, |made| chars(&headed(made).0));
            let (summary, details) = headed(&made.map_err(|error| error.to_string())?);
            let at = Timestamp::from_millisecond(letter.ordered.at_ms as i64).unwrap_or_default();
            event["payload"] = json!({
                "summary": summary,
                "source": if view.protocol.is_empty() { "watchfire" } else { &view.protocol },
                "severity": severity(letter.brief.severity),
                "timestamp": at.to_string(),
                "class": if letter.ordered.drill { "drill" } else { view.effect },
                "custom_details": {
                    "incident": view.incident, "state": view.state, "severity": view.severity,
                    "says": details, "in_time": view.in_time, "answer": view.answer,
                },
            });
            event["client"] = "Watchfire".into();
            let links = [(&view.record_url, "Record of the incident"), (&view.answer_url, "Answer")];
            let links: Vec<Value> = links
                .into_iter()
                .filter(|(url, _)| !url.is_empty())
                .map(|(url, text)| json!({ "href": url, "text": text }))
                .collect();
            event["links"] = links.into();
        }
        Ok(event)
    }
}

fn action(letter: &Letter) -> &'static str {
    match letter.intent {
        Intent::Resolve => "resolve",
        Intent::Update if letter.brief.acked_by.is_some() => "acknowledge",
        _ => "trigger",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "info",
    }
}
