//! A recording of a run: raw blocks as the node gave them, with what else came in and what the chain answered.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use alloy::primitives::B256;

use crate::app::engine::Placed;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::source::raw::RawBlock;
use crate::source::recording::Writer;

/// Writes what was committed, in the journal's order.
pub struct Tape {
    writer: Writer,
    /// Raw blocks that came in and are not yet committed, by hash.
    raw: HashMap<B256, RawBlock>,
    /// What is not written yet.
    held: Vec<Placed>,
}

/// Most entries that are held back for late detectors; past that, a reader does without what they read.
const HELD_AT_MOST: usize = 4_096;

impl Tape {
    /// Starts a recording; gzipped if the name ends in `.gz`.
    ///
    /// # Errors
    ///
    /// If the file exists already, or can't be made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        Ok(Self { writer: Writer::create(path)?, raw: HashMap::new(), held: Vec::new() })
    }

    /// Keeps a raw block until it is committed.
    pub fn keep(&mut self, raw: RawBlock) {
        #[derive(serde::Deserialize)]
        struct Hash {
            hash: B256,
        }
        if let Ok(Hash { hash }) = serde_json::from_str(raw.block.get()) {
            self.raw.insert(hash, raw);
        }
    }

    /// Takes committed entries, and writes them once nobody `is_late`: answers go before the input that they belong to,
    /// so that a reader has them in time, and a late detector's come after it.
    ///
    /// # Errors
    ///
    /// If the file can't be written.
    pub fn write(&mut self, placed: Vec<Placed>, is_late: bool) -> anyhow::Result<()> {
        self.held.extend(placed);
        if is_late && self.held.len() < HELD_AT_MOST {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let placed = std::mem::take(&mut self.held);
        let late = late_answers(&placed);
        for (index, (seq, entry)) in placed.iter().enumerate() {
            let Entry::Input(stamped) = entry else { continue };
            let late = late.get(seq).into_iter().flatten().copied();
            for entry in answers_of(&placed, index).chain(late) {
                if let Entry::Answer { at, read, answer } = entry {
                    self.writer.write_answer(*at, read, answer)?;
                }
            }
            let at_ms = stamped.at_ms;
            match &stamped.event {
                Event::Committed { block } => match self.raw.remove(&block.hash) {
                    Some(raw) => self.writer.write_block(&raw, at_ms)?,
                    None => tracing::warn!(number = block.number, "a block came without its raw form: not recorded"),
                },
                Event::Reverted { chain, blocks } => self.writer.write_reverted(*chain, blocks, at_ms)?,
                Event::Finality { chain, safe, finalized } => {
                    self.writer.write_finality(*chain, *safe, *finalized, at_ms)?;
                }
                Event::Observed { observation } => self.writer.write_observation(observation, at_ms)?,
                Event::Completed { .. }
                | Event::Agreed { .. }
                | Event::Unsettled { .. }
                | Event::Pending { .. }
                | Event::Coverage { .. }
                | Event::Detector { .. }
                | Event::Shown { .. }
                | Event::Rejected { .. }
                | Event::Waived { .. }
                | Event::Noted { .. }
                | Event::Thinned { .. }
                | Event::Plan { .. }
                | Event::Act { .. }
                | Event::Fact { .. }
                | Event::Delivered { .. }
                | Event::Tick => {}
            }
        }
        Ok(())
    }

    /// Closes the recording: from here on it has its name.
    ///
    /// # Errors
    ///
    /// If the file can't be written.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.writer.finish()
    }
}

/// The entries that follow from an input.
fn answers_of(placed: &[Placed], index: usize) -> impl Iterator<Item = &Entry> {
    placed[index + 1..].iter().map(|(_, entry)| entry).take_while(|entry| !matches!(entry, Entry::Input(_)))
}

/// Answers to late detectors, by the block or observation that they looked at.
fn late_answers(placed: &[Placed]) -> BTreeMap<u64, Vec<&Entry>> {
    let mut roots: BTreeMap<u64, u64> = BTreeMap::new();
    let mut late: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
    for (index, (seq, entry)) in placed.iter().enumerate() {
        if let Entry::Input(Stamped { event: Event::Shown { input, .. }, .. }) = entry {
            let root = roots.get(input).copied().unwrap_or(*input);
            roots.insert(*seq, root);
            late.entry(root).or_default().extend(answers_of(placed, index));
        }
    }
    late
}
