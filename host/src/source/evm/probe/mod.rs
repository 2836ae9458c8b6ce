//! What the endpoints of a chain offer: asked once, for whoever sets a watch up.

mod ask;
mod judge;

use std::path::Path;

use serde::Serialize;

use super::config::{ChainConfig, ChainConfigError};
use super::pool::Pool;

pub use judge::{Lack, Suggestion, lacks, suggestions};

/// What one endpoint offers. Lists no secret: an endpoint is named as in findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndpointReport {
    /// What people see of it.
    pub endpoint: String,
    /// The chain that it says it is on.
    pub chain: Option<u64>,
    /// Whether that is the chain of the config.
    pub is_right_chain: bool,
    /// Its client and version, as it says itself.
    pub client: Option<String>,
    /// Median time of an answer, milliseconds.
    pub latency_ms: Option<u64>,
    /// Height of its newest block.
    pub head: Option<u64>,
    /// Age of that block by this machine's clock, seconds; below zero if one of the two clocks is wrong.
    pub head_age_s: Option<i64>,
    /// Height of its newest safe block.
    pub safe: Option<u64>,
    /// Height of its newest final block.
    pub finalized: Option<u64>,
    /// Whether it announces new heads by itself.
    pub announces_heads: bool,
    /// What it answers to each method that the host calls.
    pub methods: Vec<MethodReport>,
    /// The largest batch that it answered in full, of those that were tried.
    pub batch: Option<u32>,
    /// The widest range of `eth_getLogs` that it took, of those that were tried, in blocks.
    pub logs_range: Option<u64>,
    /// How many blocks below its head it has the state of, as far as was tried.
    pub state_depth: Option<u64>,
    /// How many blocks below its head it traces, as far as was tried.
    pub traces_depth: Option<u64>,
    /// Whether the two depths reach to the chain's first block.
    pub is_archive: bool,
    /// What went wrong beside that.
    pub faults: Vec<String>,
}

/// Whether an endpoint offers a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MethodReport {
    /// The method, and how it is used if that matters.
    pub name: &'static str,
    /// True if it answered as it should, false if it does not offer the method or failed; `None` if that could not be tried.
    pub works: Option<bool>,
    /// What it said instead.
    pub said: String,
}

impl EndpointReport {
    /// True if it is on the right chain and answers a method as it should.
    pub fn offers(&self, name: &str) -> bool {
        self.is_right_chain && self.methods.iter().any(|method| method.name == name && method.works == Some(true))
    }
}

/// Asks each endpoint of a chain, one after another, so that none is asked more than a watch would ask it. `base` is what
/// relative files of the config start from; `now_s` is the wall clock, seconds since the Unix epoch.
///
/// # Errors
/// If the config does not resolve. What an endpoint does not answer is no error: the report says so.
pub async fn probe(config: &ChainConfig, base: &Path, now_s: u64) -> Result<Vec<EndpointReport>, ChainConfigError> {
    let config = config.resolve(base)?;
    let pool = Pool::of_any_chain(&config);
    let mut reports = Vec::with_capacity(pool.all().len());
    for endpoint in pool.all() {
        reports.push(ask::report(endpoint, &config, now_s).await);
    }
    Ok(reports)
}
