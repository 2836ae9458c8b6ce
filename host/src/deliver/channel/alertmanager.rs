//! Alertmanager, API v2: an alert is its set of labels, and stands until it is said to be over.
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use jiff::{SignedDuration, Timestamp};
use reqwest::Client;
use serde_json::{Value, json};

use crate::deliver::channel::fit::{chars, fitting, headed};
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service, http};
use crate::deliver::webhook::Undelivered;
use crate::secret::Secret;

pub(super) const TEMPLATE: &str = include_str!("templates/alertmanager.txt");
/// How often what stands is sent again: Alertmanager forgets alerts when it restarts.
pub(super) const AGAIN_MS: u64 = 60_000;
/// For how long an alert stands without being sent again, seconds. Short enough for one that was forgotten here to end.
const STANDS_S: i64 = 600;
/// There is room; receivers cut what they can't take.
const TEXT_CHARS: usize = 4_000;

pub(super) struct Alertmanager {
    pub(super) client: Client,
    /// All replicas: they share what was notified, and no alerts.
    pub(super) urls: Vec<Secret>,
    pub(super) template: Template,
    pub(super) record_url: Option<String>,
}

impl Service for Alertmanager {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let alerts = self.alerts(letter).map_err(Undelivered::for_good)?;
            let post = |url: &'a Secret| {
                let request = self.client.post(format!("{}/api/v2/alerts", url.expose())).json(&alerts);
                async move { http::send(request, &[url]).await }
            };
            let answers = join_all(self.urls.iter().map(post)).await;
            let mut failed = None;
            let mut accepted = false;
            for answer in answers {
                match answer {
                    Ok(_) => accepted = true,
                    Err(error) => {
                        tracing::warn!("a replica of Alertmanager did not take an alert: {error}");
                        failed = Some(error);
                    }
                }
            }
            match failed {
                Some(error) if !accepted => Err(error),
                _ => Ok(Sent { receipt: letter.brief.severity.to_string() }),
            }
        }
        .boxed()
    }
}

impl Alertmanager {
    /// The alert, and before it the one that stands under another severity: labels can't change.
    fn alerts(&self, letter: &Letter) -> Result<Value, String> {
        let view = View::of(letter, self.record_url.as_deref());
        let made = fitting(&self.template, &view, TEXT_CHARS, chars).map_err(|error| error.to_string())?;
        let (summary, description) = headed(&made);
        let now = Timestamp::from_millisecond(letter.now_ms as i64).unwrap_or_default();
        let starts = Timestamp::from_millisecond(letter.brief.opened_at_ms as i64).unwrap_or_default().min(now);
        let alert = |severity: &str, ends: Timestamp| {
            let mut labels = json!({
                "alertname": if letter.is_test { "WatchfireTest" } else { "WatchfireIncident" },
                "incident": view.incident.to_string(),
                "severity": severity,
                "source": "watchfire",
                "mark": &letter.brief.mark[..letter.brief.mark.len().min(12)],
            });
            // Routes and inhibitions go by labels.
            if letter.ordered.drill {
                labels["drill"] = "true".into();
            }
            if !view.protocol.is_empty() {
                labels["protocol"] = view.protocol.as_str().into();
            }
            let mut annotations = json!({ "summary": summary, "description": description, "state": view.state });
            for (name, value) in [("in_time", &view.in_time), ("acked_by", &view.acked_by)] {
                if !value.is_empty() {
                    annotations[name] = value.as_str().into();
                }
            }
            json!({
                "labels": labels, "annotations": annotations, "generatorURL": view.record_url,
                "startsAt": starts.to_string(), "endsAt": ends.to_string(),
            })
        };
        let stands = now.checked_add(SignedDuration::from_secs(STANDS_S)).unwrap_or(now);
        let mut alerts = Vec::new();
        if let Some(severity) =
            letter.earlier.as_deref().filter(|earlier| !earlier.is_empty() && *earlier != view.severity)
        {
            alerts.push(alert(severity, now));
        }
        alerts.push(alert(&view.severity, if letter.intent == Intent::Resolve { now } else { stands }));
        Ok(alerts.into())
    }
}
