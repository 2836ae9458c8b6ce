//! Rules over recorded blocks: what matched, and what became of the candidates that did not.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::app::author::reads::Reads;
use crate::app::author::test_run::Found;
use crate::app::deploy::spec::KeptSpec;
use crate::app::engine::{Engine, Given};
use crate::block::Verification;
use crate::chain_read::ChainReader;
use crate::entry::Entry;
use crate::event::Event;
use crate::finding::is_own;
use crate::journal::Journal;
use crate::plugin::{Component, Fleet, Manifest};
use crate::source::recording::{Item, Recording};
use crate::stream::Sequencer;
use crate::subscription::Needs;

/// The kind by which rules explain themselves.
const EXPLAINED: &str = "rule-explained";

/// Rules that are tried.
pub struct RuleRun {
    /// The component of rules.
    pub component: Arc<Component>,
    /// What it says of itself; it is granted all that it asks for.
    pub manifest: Manifest,
    /// Its config.
    pub config: serde_json::Value,
    /// Who answers reads that the recording has no answer to.
    pub reader: Option<Arc<dyn ChainReader>>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tried {
    /// Blocks and observations that were fed.
    pub inputs: u64,
    /// What matched.
    pub found: Vec<Found>,
    /// What became of each rule's candidates.
    pub rules: BTreeMap<String, Candidates>,
    /// Batches that failed.
    pub failures: Vec<String>,
}

/// What became of a rule's candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidates {
    /// Rows that the rule was asked about.
    pub candidates: u64,
    /// Of which it matched.
    pub matched: u64,
    /// By the part of the condition that was false.
    #[serde(default)]
    pub unmet: BTreeMap<String, Unmet>,
    /// Why some could not be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// Candidates that a part of a condition turned away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmet {
    /// How many.
    pub count: u64,
    /// Values of the last of them, by name.
    pub values: BTreeMap<String, String>,
}

/// A line of an explanation.
#[derive(Deserialize)]
struct Explained {
    rule: String,
    #[serde(flatten)]
    candidates: Candidates,
}

impl RuleRun {
    fn spec(&self) -> KeptSpec {
        let mut config = self.config.clone();
        if let Some(config) = config.as_object_mut() {
            config.insert("explain".to_owned(), true.into());
        }
        KeptSpec::alone(&self.manifest, config)
    }

    /// Starts the rules. Returns what they want of blocks.
    ///
    /// # Errors
    ///
    /// If a rule is wrong.
    pub fn needs(&self) -> anyhow::Result<Needs> {
        Ok(self.spec().start("rules", self.component.clone())?.profile().needs())
    }

    /// Runs the rules over a recording.
    ///
    /// # Errors
    ///
    /// If a rule is wrong, or the recording can't be read.
    pub fn run(&self, recording: &Path) -> anyhow::Result<Tried> {
        let spec = self.spec();
        let detector = spec.start("rules", self.component.clone())?;
        let needs = detector.profile().needs();
        let reads = Arc::new(Reads::beside(recording, self.reader.clone())?);
        let mut engine = Engine::new(Journal::in_memory()?, Fleet::new(), reads.clone())?;
        engine.swap(detector, spec.text(), 0)?;
        let mut sequencer = Sequencer::new(0);
        let mut recording = Recording::open(recording, &BTreeMap::from([(0, Verification::None)]))?;
        recording.need(needs)?;
        let mut tried = Tried { rules: self.named(), ..Tried::default() };
        while let Some(item) = recording.next_item()? {
            let delivery = match item {
                Item::Answer { at, read, answer } => {
                    reads.insert(at, read, answer);
                    continue;
                }
                Item::Delivery(delivery) => delivery,
            };
            tried.inputs += 1;
            if let Event::Committed { block } = &delivery.event {
                reads.meet(block);
            }
            let stamped = sequencer.stamp(delivery.event, delivery.at_ms.unwrap_or(0));
            engine.take(stamped, &Given::default())?;
            engine.catch_up(sequencer.newest_ms())?;
            for (_, entry) in engine.commit()? {
                match entry {
                    Entry::Finding(finding) if is_own(&finding.detector) => {}
                    Entry::Finding(finding) if finding.claim.kind == EXPLAINED => {
                        tried.explained(&finding.claim.description)?;
                    }
                    Entry::Finding(finding) => tried.found.push(Found {
                        chain: finding.block.map(|block| block.chain),
                        block: finding.block.map(|block| block.number),
                        claim: finding.claim,
                        retracted: false,
                    }),
                    Entry::Failed { kind, message, .. } => tried.failures.push(format!("{kind}: {message}")),
                    _ => {}
                }
            }
        }
        reads.refuse_strangers()?;
        Ok(tried)
    }

    /// Each rule by the name that it has in findings, so that one without candidates is seen too.
    fn named(&self) -> BTreeMap<String, Candidates> {
        let rules = self.config.get("rule").and_then(serde_json::Value::as_array);
        let name = |(at, rule): (usize, &serde_json::Value)| match rule.get("name").and_then(|name| name.as_str()) {
            Some(name) => (name.to_owned(), Candidates::default()),
            None => (format!("rule.{at}"), Candidates::default()),
        };
        rules.into_iter().flatten().enumerate().map(name).collect()
    }
}

impl Tried {
    fn explained(&mut self, text: &str) -> anyhow::Result<()> {
        let lines: Vec<Explained> =
            serde_json::from_str(text).context("the component explains itself in another way")?;
        for Explained { rule, candidates } in lines {
            let all = self.rules.entry(rule).or_default();
            all.candidates += candidates.candidates;
            all.matched += candidates.matched;
            for (part, unmet) in candidates.unmet {
                let known = all.unmet.entry(part).or_default();
                known.count += unmet.count;
                known.values = unmet.values;
            }
            all.failed = candidates.failed.or(all.failed.take());
        }
        Ok(())
    }
}
