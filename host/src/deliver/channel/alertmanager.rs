//! Alertmanager, API v2: an alert is its set of labels, and stands until it is said to be over. It accepts alerts that a silence
//! matches, and tells nobody: so it is asked what became of each.
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Url};
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
            let mut accepted = Vec::new();
            for (url, answer) in self.urls.iter().zip(answers) {
                match answer {
                    Ok(_) => accepted.push(url),
                    Err(error) => {
                        tracing::warn!("a replica of Alertmanager did not take an alert: {error}");
                        failed = Some(error);
                    }
                }
            }
            if letter.intent != Intent::Resolve
                && let Some(silences) = self.silenced(&accepted, letter).await
            {
                let message = format!("it is silenced there, by {silences}: nobody is told. End the silence");
                return Err(Undelivered::for_good(message));
            }
            match failed {
                Some(error) if accepted.is_empty() => Err(error),
                _ => Ok(Sent { receipt: letter.brief.severity.to_string() }),
            }
        }
        .boxed()
    }
}

impl Alertmanager {
    /// Returns the silences that keep an alert from everybody; `None` if one of these replicas tells somebody, or none can say.
    async fn silenced(&self, urls: &[&Secret], letter: &Letter) -> Option<String> {
        let mut all = BTreeSet::new();
        for url in urls {
            let mut asked = Url::parse(&format!("{}/api/v2/alerts", url.expose())).ok()?;
            let (mark, severity) = (mark_of(letter), letter.brief.severity);
            asked
                .query_pairs_mut()
                .append_pair("filter", &format!("mark=\"{mark}\""))
                .append_pair("filter", &format!("severity=\"{severity}\""));
            // Who can't say what became of it has accepted it.
            let Ok(answer) = http::send(self.client.get(asked), &[*url]).await else { continue };
            let alerts = answer.body.as_array()?;
            let by = |alert: &Value| alert["status"]["silencedBy"].as_array().cloned().unwrap_or_default();
            if alerts.is_empty() || alerts.iter().any(|alert| by(alert).is_empty()) {
                return None;
            }
            let ids = alerts.iter().flat_map(by).filter_map(|id| id.as_str().map(str::to_owned));
            all.extend(ids.map(|id| id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(36).collect()));
        }
        let all: Vec<String> = all.into_iter().collect();
        (!all.is_empty()).then(|| format!("silence {}", all.join(", ")))
    }

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
                "mark": mark_of(letter),
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

fn mark_of(letter: &Letter) -> &str {
    &letter.brief.mark[..letter.brief.mark.len().min(12)]
}
