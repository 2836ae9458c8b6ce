//! Finds pages, scripts, certificates, records and registrar's entries of a frontend that are not those that were published, and what status
//! pages and advisories say of it.
//!
//! Feeds of the host say what is there now: a page or a script by its digest, a server by its certificate's, a name by its records.

mod config;
mod judge;

use serde::{Deserialize, Serialize};
use watchfire_sdk::prelude::*;

pub use config::Config;
use config::Part;

/// The detector.
pub struct FrontendIntegrity {
    parts: Vec<Part>,
}

/// What is known of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// What it said first: what counts as published if the config says nothing.
    pub(crate) first: String,
    /// What it said last.
    pub(crate) last: String,
}

impl Detector for FrontendIntegrity {
    type Config = Config;

    fn manifest() -> Manifest {
        let summary = "Pages, scripts, certificates and names of a frontend that are not as they were published.";
        Manifest::new("frontend-integrity", env!("CARGO_PKG_VERSION"), summary)
            .kind("content-changed", Severity::Critical, "A page or a script is none of those that were published.")
            .kind("certificate-changed", Severity::High, "A server shows a certificate that is none of the expected.")
            .kind("dns-changed", Severity::High, "A name has records that are not expected.")
            .kind("registrar-changed", Severity::Critical, "A domain has another entry at its registrar.")
            .kind("status-degraded", Severity::Medium, "A status page says that something is not well.")
            .kind("advisory-published", Severity::Medium, "An advisory is there that was not before.")
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

watchfire_sdk::export!(FrontendIntegrity);
