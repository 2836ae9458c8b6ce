//! Finds pages, scripts and certificates of a frontend that are not those that were published.
//!
//! Feeds of the host say what is there now: a page or a script by its digest, a server by its certificate's.

mod config;

use serde::{Deserialize, Serialize};
use watchfire_sdk::prelude::*;

pub use config::Config;
use config::{Part, What};

/// The detector.
pub struct FrontendIntegrity {
    parts: Vec<Part>,
}

/// What is known of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    /// What it said first: what counts as published if the config says nothing.
    first: String,
    /// What it said last.
    last: String,
}

impl Detector for FrontendIntegrity {
    type Config = Config;

    fn manifest() -> Manifest {
        let summary = "Pages, scripts and certificates of a frontend that are not those that were published.";
        Manifest::new("frontend-integrity", env!("CARGO_PKG_VERSION"), summary)
            .kind("content-changed", Severity::Critical, "A page or a script is none of those that were published.")
            .kind("certificate-changed", Severity::High, "A server shows a certificate that is none of the expected.")
            .kind("frontend-restored", Severity::Info, "A part of the frontend is one of the expected again.")
            .asks_for(Capability::Feeds)
            .asks_for(Capability::State)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let parts = config.resolve()?;
        let subscriptions = parts.iter().map(|part| Subscription::Feed(part.feed.clone())).collect();
        Ok((Self { parts }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for part in &self.parts {
            let key = state::key("part", &[part.feed.as_bytes()]);
            for said in batch.observations().iter().filter(|said| said.feed == part.feed) {
                let known: Option<Memory> = state::get(&key)?;
                let mut memory =
                    known.clone().unwrap_or_else(|| Memory { first: said.value.clone(), ..Memory::default() });
                findings.extend(part.judge(&memory, &said.value));
                said.value.clone_into(&mut memory.last);
                if known.as_ref() != Some(&memory) {
                    state::put(&key, &memory)?;
                }
            }
        }
        Ok(findings)
    }
}

impl Part {
    /// What a value means after the one before it. The same again means nothing: it was told.
    fn judge(&self, memory: &Memory, value: &str) -> Option<Finding> {
        if memory.last == value {
            return None;
        }
        let is_published = |value: &str| match self.expected.is_empty() {
            true => memory.first == value,
            false => self.expected.iter().any(|expected| expected.eq_ignore_ascii_case(value)),
        };
        let was_published = memory.last.is_empty() || is_published(&memory.last);
        let subject = Subject::new("frontend", &self.label);
        let finding = match (is_published(value), was_published) {
            (true, true) => return None,
            (true, false) => Finding::new("frontend-restored", Severity::Info, subject)
                .title(format!("{}: as it was published again", self.label)),
            (false, _) => {
                let (kind, severity, what) = match self.what {
                    What::Content => ("content-changed", Severity::Critical, "is not what was published"),
                    What::Certificate => ("certificate-changed", Severity::High, "has another certificate"),
                };
                let pinned = match self.expected.is_empty() {
                    true => "It differs from what was there when the watch began.",
                    false => "It is none of the digests in `expected`.",
                };
                Finding::new(kind, severity, subject).title(format!("{} {what}", self.label)).description(format!(
                    "{pinned} If nobody of yours published it, warn users before they sign anything, and take the domain, the host and \
                     the build's keys for stolen until you know better."
                ))
            }
        };
        let before = if memory.last.is_empty() { &memory.first } else { &memory.last };
        Some(
            finding
                .confidence(if self.expected.is_empty() { 60 } else { 90 })
                .condition_key(value)
                .attribute("feed", &self.feed)
                .attribute("digest", value)
                .attribute("before", before),
        )
    }
}

watchfire_sdk::export!(FrontendIntegrity);
