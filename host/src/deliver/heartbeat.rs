//! A dead man's switch: somebody else is told again and again that the host is alive, and raises the alarm when it is not.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use alloy::primitives::B256;
use jiff::Timestamp;
use reqwest::Client;
use reqwest::redirect::Policy;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::secret::{Secret, SecretRef};

/// How long an answer is waited for.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// For how many beats an alert in Alertmanager lasts without another.
const BEATS_KEPT: u64 = 4;

/// `[heartbeat]`: who is told that the host is alive.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatConfig {
    /// Where each beat is posted, such as the ping URL of Healthchecks.io, Dead Man's Snitch or Uptime Kuma.
    #[serde(default)]
    pub url: Option<SecretRef>,
    /// Alertmanagers, each of which holds an alert `WatchfireAlive` for as long as the host beats. Route it to a service that
    /// alarms when it stops.
    #[serde(default)]
    pub alertmanagers: Vec<String>,
    /// What the host is called there. Default `watchfire`.
    #[serde(default = "default_name")]
    pub name: String,
    /// From one beat to the next, seconds. Default 60.
    #[serde(default = "default_every_s")]
    #[schemars(range(min = 1, max = 86_400))]
    pub every_s: u64,
}

fn default_name() -> String {
    "watchfire".to_owned()
}

fn default_every_s() -> u64 {
    60
}

impl HeartbeatConfig {
    /// Returns the key whose value can't be, with what is wrong.
    pub fn mistake(&self, folder: &Path) -> Option<(&'static str, String)> {
        if self.url.is_none() && self.alertmanagers.is_empty() {
            return Some(("url", "nobody is told: give `url`, or `alertmanagers`".to_owned()));
        }
        if !(1..=86_400).contains(&self.every_s) {
            return Some(("every_s", "it is not between 1 and 86400".to_owned()));
        }
        let parsed = |url: &str| reqwest::Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        if self.alertmanagers.iter().any(|url| parsed(url).is_none()) {
            return Some(("alertmanagers", "one of them is no URL of http or https".to_owned()));
        }
        match self.url.as_ref().map(|url| url.resolve(folder)) {
            Some(Err(error)) => Some(("url", error.to_string())),
            Some(Ok(url)) if parsed(url.expose()).is_none() => {
                Some(("url", "it is no URL of http or https".to_owned()))
            }
            _ => None,
        }
    }

    /// Makes the heart.
    ///
    /// # Errors
    ///
    /// If the URL is gone since the config was read, or the system has no source of certificates.
    pub fn heart(&self, folder: &Path) -> anyhow::Result<Heart> {
        let client = crate::http::client_builder().timeout(ANSWERS_WITHIN).redirect(Policy::none()).build()?;
        let url = self.url.as_ref().map(|url| url.resolve(folder)).transpose()?;
        Ok(Heart { client, url, config: self.clone(), began_ms: OnceLock::new() })
    }
}

/// What beats.
pub struct Heart {
    client: Client,
    url: Option<Secret>,
    config: HeartbeatConfig,
    /// When it beat first, milliseconds since the Unix epoch.
    began_ms: OnceLock<u64>,
}

impl Heart {
    /// Returns the time from one beat to the next.
    pub fn every(&self) -> Duration {
        Duration::from_secs(self.config.every_s)
    }

    /// Beats once, at a moment by the wall clock, milliseconds since the Unix epoch. `head` is the journal's newest entry, by number
    /// and hash: whoever hears it sees whether it moves, and has an anchor.
    ///
    /// # Errors
    ///
    /// If somebody did not take it: who and why, in words without secrets.
    pub async fn beat(&self, now_ms: u64, (entry, hash): (u64, B256)) -> Result<(), Vec<String>> {
        let mut failed = Vec::new();
        let journal = json!({ "entry": entry, "hash": hash });
        if let Some(url) = &self.url {
            let sent = self.client.post(url.expose()).json(&json!({ "journal": journal })).send().await;
            failed.extend(refusal(sent).map(|why| format!("{}: {why}", url.label())));
        }
        let alert = self.alert(now_ms, &journal);
        for base in &self.config.alertmanagers {
            let url = format!("{}/api/v2/alerts", base.trim_end_matches('/'));
            let sent = self.client.post(&url).json(&alert).send().await;
            failed.extend(refusal(sent).map(|why| format!("{}: {why}", Secret::new(url).label())));
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    fn alert(&self, now_ms: u64, journal: &serde_json::Value) -> serde_json::Value {
        let time = |ms: u64| Timestamp::from_millisecond(ms as i64).unwrap_or_default().to_string();
        let ends_ms = now_ms.saturating_add(self.config.every_s.saturating_mul(1_000 * BEATS_KEPT));
        json!([{
            "labels": { "alertname": "WatchfireAlive", "severity": "none", "host": self.config.name },
            "annotations": {
                "summary": "The watch is alive. Alarm when this alert is gone.",
                "journal": format!("entry {}, {}", journal["entry"], journal["hash"].as_str().unwrap_or_default()),
            },
            // Left out, it would be the time of each beat.
            "startsAt": time(*self.began_ms.get_or_init(|| now_ms)),
            "endsAt": time(ends_ms),
        }])
    }
}

fn refusal(sent: Result<reqwest::Response, reqwest::Error>) -> Option<String> {
    match sent {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => Some(format!("it answers {}", answer.status())),
        Err(error) => Some(error.without_url().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_hear_is_a_mistake() {
        let mistake = |toml: &str| {
            let config: HeartbeatConfig = toml::from_str(toml).unwrap();
            config.mistake(Path::new(".")).map(|(key, _)| key)
        };
        assert_eq!(mistake(""), Some("url"));
        assert_eq!(mistake("url = 'ftp://x'"), Some("url"));
        assert_eq!(mistake("alertmanagers = ['nowhere']"), Some("alertmanagers"));
        assert_eq!(mistake("url = 'https://hc.example/1'\nevery_s = 0"), Some("every_s"));
        assert_eq!(mistake("url = 'https://hc.example/1'"), None);
    }

    #[test]
    fn an_alert_begins_once_and_has_the_journals_head() {
        let config: HeartbeatConfig = toml::from_str("alertmanagers = ['http://127.0.0.1:9']").unwrap();
        let heart = config.heart(Path::new(".")).unwrap();
        let alert =
            |now_ms: u64, entry: u64| heart.alert(now_ms, &json!({ "entry": entry, "hash": B256::ZERO }))[0].clone();
        let (first, second) = (alert(1_796_000_000_000, 7), alert(1_796_000_060_000, 9));
        assert_eq!(first["startsAt"], second["startsAt"]);
        assert_ne!(first["endsAt"], second["endsAt"]);
        let said = second["annotations"]["journal"].as_str().unwrap();
        assert!(said.starts_with("entry 9, 0x0000"), "{said}");
        assert_eq!(first["labels"], second["labels"], "labels that change are another alert");
    }
}
