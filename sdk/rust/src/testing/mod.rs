//! Detectors under `cargo test`, natively: blocks made by hand or read from JSON-RPC, a store, a chain and a log that
//! stand in for the host's.
//!
//! ```
//! # use watchfire_sdk::prelude::*;
//! # sol! { event Paused(address account); }
//! # #[derive(serde::Deserialize, schemars::JsonSchema)] struct Config {}
//! # struct Pauses;
//! # impl Detector for Pauses {
//! #     type Config = Config;
//! #     fn manifest() -> Manifest { Manifest::new("pauses", "0.1.0", "").kind("paused", Severity::Low, "") }
//! #     fn start(_: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
//! #         Ok((Self, vec![LogFilter::default().event::<Paused>().into()]))
//! #     }
//! #     fn on_batch(&mut self, batch: &Batch) -> Result<Vec<Finding>, Error> {
//! #         Ok(batch.logs().map(|log| Finding::new("paused", Severity::Low, Subject::address(log.address()))).collect())
//! #     }
//! # }
//! use watchfire_sdk::testing::{Bench, Block};
//!
//! let vault = address!("0x00000000000000000000000000000000000000aa");
//! let mut bench = Bench::<Pauses>::start(serde_json::json!({})).unwrap();
//! let block = Block::at(1, 1_700_000_000).event(vault, &Paused { account: vault });
//! assert_eq!(bench.feed(&block).unwrap().len(), 1);
//! ```
//!
//! The stand-ins belong to the thread, and so to one test.

use std::marker::PhantomData;

use serde_json::Value;

use crate::{Batch, ConfigError, Detector, Error, Finding, Subscription, parse_config};

mod block;
mod call_tree;
pub mod chain;
mod columns;
pub mod log;
mod narrow;
mod recorded;
mod rows;
pub mod state;
pub mod twins;

pub use block::Block;
pub use call_tree::{CallTree, calldata, whole_units, word};
pub use recorded::RecordedError;
pub use rows::{CreationRow, FindingRow, FrameRow, LogRow, ObservationRow, StorageRow, TransactionRow};

/// A detector with its config and subscriptions. It is started anew before each batch, as the host may do at any
/// time, so what it keeps in its fields rather than in the state is lost.
pub struct Bench<D: Detector> {
    config: String,
    subscriptions: Vec<Subscription>,
    /// Positions of `EverySeconds` subscriptions and the span that was last due.
    spans: Vec<(u32, u64)>,
    /// State and spans as they were before each block that was fed, oldest first.
    before: Vec<Before>,
    detector: PhantomData<D>,
}

/// Entries of the state, and spans.
type Before = (Vec<(Vec<u8>, Vec<u8>)>, Vec<(u32, u64)>);

impl<D: Detector> Bench<D> {
    /// Starts a detector on an empty store, chain and log.
    pub fn start(config: Value) -> Result<Self, ConfigError> {
        state::clear();
        chain::clear();
        log::clear();
        let config = config.to_string();
        let (_, subscriptions) = D::start(parse_config(&config)?)?;
        Ok(Self { config, subscriptions, spans: Vec::new(), before: Vec::new(), detector: PhantomData })
    }

    /// Puts another config in the place of this one, over the same state, as the host does when a detector is swapped.
    pub fn swap(&mut self, config: Value) -> Result<(), ConfigError> {
        let config = config.to_string();
        let (_, subscriptions) = D::start(parse_config(&config)?)?;
        (self.config, self.subscriptions) = (config, subscriptions);
        self.spans.clear();
        Ok(())
    }

    /// Takes back the last `count` blocks that were fed, as the host does on a reorg: the state is what it was before the first of them.
    ///
    /// Panics where fewer were fed.
    pub fn revert(&mut self, count: usize) {
        assert!(count > 0 && count <= self.before.len(), "{} blocks were fed", self.before.len());
        let at = self.before.len() - count;
        if let Some((entries, spans)) = self.before.drain(at..).next() {
            state::restore(entries);
            self.spans = spans;
        }
    }

    /// What it subscribed to.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Narrows a block to the subscriptions and gives what the detector finds in it. The state is left as it was
    /// where the detector fails.
    ///
    /// Panics where a finding is of a kind that the manifest doesn't declare, which the host would refuse.
    pub fn feed(&mut self, block: &Block) -> Result<Vec<Finding>, Error> {
        if block.trigger == "block" {
            self.before.push((state::entries(), self.spans.clone()));
        }
        let mut narrowed = narrow::narrow(block, &self.subscriptions);
        // Ticks come with blocks only.
        narrowed.due_ticks = if block.trigger == "block" { self.due(block) } else { Vec::new() };
        if narrowed.is_empty() {
            return Ok(Vec::new());
        }
        let (mut detector, _) = D::start(parse_config(&self.config)?)?;
        let before = state::entries();
        let findings = detector.on_batch(&Batch::new(&narrowed)).inspect_err(|_| state::restore(before))?;
        let mut kinds: Vec<String> = D::manifest().finding_kinds.into_iter().map(|kind| kind.id).collect();
        kinds.extend(self.named_kinds());
        for finding in &findings {
            assert!(kinds.contains(&finding.kind), "the manifest declares no `{}`", finding.kind);
        }
        Ok(findings)
    }

    /// Kinds that the config names, where the schema says by `x-finding-kinds` that it does, as the host adds them.
    fn named_kinds(&self) -> Vec<String> {
        let schema: Value = serde_json::from_str(&crate::schema::of::<D::Config>()).unwrap_or_default();
        let config: Value = serde_json::from_str(&self.config).unwrap_or_default();
        let place = |key: &str| schema["x-finding-kinds"][key].as_str().map(str::to_owned);
        let (Some(list), Some(id)) = (place("list"), place("id")) else { return Vec::new() };
        let members = config[list].as_array().into_iter().flatten();
        members.filter_map(|member| Some(member[&id].as_str()?.to_owned())).collect()
    }

    fn due(&mut self, block: &Block) -> Vec<u32> {
        let mut due = Vec::new();
        for (position, subscription) in (0u32..).zip(&self.subscriptions) {
            match subscription {
                Subscription::EveryBlocks(count) if block.number.is_multiple_of(*count) => due.push(position),
                Subscription::EverySeconds(span_s) => {
                    let span = block.timestamp_s / span_s.max(&1);
                    let last = self.spans.iter_mut().find(|(at, _)| *at == position);
                    match last {
                        Some((_, last)) if *last == span => continue,
                        Some((_, last)) => *last = span,
                        None => self.spans.push((position, span)),
                    }
                    due.push(position);
                }
                _ => {}
            }
        }
        due
    }
}
