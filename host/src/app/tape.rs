//! A recording of a run: raw blocks as the node gave them, with what else came in and what the chain answered.

use std::collections::HashMap;
use std::path::Path;

use alloy::primitives::B256;

use crate::app::engine::Placed;
use crate::entry::Entry;
use crate::event::Event;
use crate::source::raw::RawBlock;
use crate::source::recording::Writer;

/// Writes what was committed, in the journal's order.
pub struct Tape {
    writer: Writer,
    /// Raw blocks that came in and are not yet committed, by hash.
    raw: HashMap<B256, RawBlock>,
}

impl Tape {
    /// Starts a recording; gzipped where the name ends in `.gz`.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        Ok(Self { writer: Writer::create(path)?, raw: HashMap::new() })
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

    /// Writes committed entries. Answers go before the input that they belong to, so that a reader has them in
    /// time.
    pub fn write(&mut self, placed: &[Placed]) -> anyhow::Result<()> {
        for (index, (_, entry)) in placed.iter().enumerate() {
            let Entry::Input(stamped) = entry else { continue };
            let after = placed[index + 1..].iter().map(|(_, entry)| entry);
            for entry in after.take_while(|entry| !matches!(entry, Entry::Input(_))) {
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
                Event::Pending { .. }
                | Event::Coverage { .. }
                | Event::Detector { .. }
                | Event::Shown { .. }
                | Event::Rejected { .. }
                | Event::Waived { .. }
                | Event::Plan { .. } => {}
            }
        }
        Ok(())
    }

    /// Closes the recording: from here on it has its name.
    pub fn finish(self) -> anyhow::Result<()> {
        self.writer.finish()
    }
}
