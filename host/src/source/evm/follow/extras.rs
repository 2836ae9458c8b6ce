//! Call frames and storage changes: for how long a block waits for them, and which are missing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Closed, Follower};
use crate::block::{Block, Parts};
use crate::finding::Severity;
use crate::source::evm::fetch::{Part, Without};
use crate::source::evm::spell::Spell;

/// How long a block waits for call frames and storage changes that may come in a moment. Detectors that do without are held
/// up meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which parts blocks come without.
pub(super) struct Extras {
    patience: Duration,
    /// For how long a part that is missing is awaited at all.
    within: Duration,
    /// The block that waits, and since when.
    waits: Option<(u64, Instant)>,
    missing: BTreeMap<Part, Missing>,
}

#[derive(Default)]
struct Missing {
    spell: Spell,
    /// Since when no block has had it.
    since: Option<Instant>,
}

impl Extras {
    pub(super) fn new(stall_after: Duration, within: Duration) -> Self {
        Self { patience: PATIENCE.min(stall_after / 2), within, waits: None, missing: BTreeMap::new() }
    }

    pub(super) fn know(&mut self, open: &[String]) {
        for part in [Part::Traces, Part::Storage] {
            if open.iter().any(|kind| kind == part.kind()) {
                self.missing.insert(part, Missing { spell: Spell::open(), since: None });
            }
        }
    }

    /// True if blocks are to wait for what may come in a moment. Not while it has been missing for a while.
    pub(super) fn is_patient(&self, now: Instant) -> bool {
        let is_spent = self.waits.is_some_and(|(_, since)| now.duration_since(since) >= self.patience);
        !is_spent && !self.missing.values().any(|missing| missing.spell.is_open())
    }

    /// Notes that a block could not be had: it may be waiting for a part.
    pub(super) fn short(&mut self, number: u64, now: Instant) {
        if self.waits.is_none_or(|(waiting, _)| waiting != number) {
            self.waits = Some((number, now));
        }
    }

    /// Notes a block that came without a part. Returns true if that is news.
    fn is_without(&mut self, part: Part, now: Instant) -> bool {
        let missing = self.missing.entry(part).or_default();
        missing.since.get_or_insert(now);
        missing.spell.fails(true)
    }

    /// Notes a block that came with a part. Returns true if that ends its finding.
    fn is_with(&mut self, part: Part) -> bool {
        let Some(missing) = self.missing.get_mut(&part) else { return false };
        missing.since = None;
        missing.spell.works()
    }

    /// True if a part that is missing now is worth waiting for: some block had it not long ago.
    fn may_come(&self, part: Part, now: Instant) -> bool {
        let since = self.missing.get(&part).and_then(|missing| missing.since);
        since.map_or(Duration::ZERO, |since| now.duration_since(since)) < self.within
    }
}

impl Follower {
    /// Opens a finding for a part that a block comes without, and ends it once blocks have it again. Returns the parts that
    /// are still to come.
    pub(super) async fn note_extras(&mut self, block: &Block, without: &[Without]) -> Result<Parts, Closed> {
        let (mut awaited, now) = (Parts::default(), Instant::now());
        if block.transactions.is_empty() {
            return Ok(awaited);
        }
        for Without { part, reason, is_offered } in without {
            let is_news = self.extras.is_without(*part, now);
            let is_awaited = *is_offered && self.extras.may_come(*part, now) && self.owing.has_room();
            match part {
                Part::Traces => awaited.traces = is_awaited,
                Part::Storage => awaited.storage = is_awaited,
            }
            if is_news {
                let name = part.name();
                let then = if is_awaited {
                    format!("detectors that want {name} see it once they come, the others now")
                } else {
                    format!("detectors that want {name} do not see them")
                };
                let message = format!(
                    "no {name} of block {}: {reason}. The block is taken in without them, and so are those after it until \
                     they come again; {then}. Name a node that offers them",
                    block.number,
                );
                self.open(part.kind(), Severity::High, message).await?;
            }
        }
        let had = [(Part::Traces, block.frames.is_some()), (Part::Storage, block.storage.is_some())];
        for (part, _) in had.into_iter().filter(|(_, is_there)| *is_there) {
            if self.extras.is_with(part) {
                let message = format!("{} come again, from block {} on", part.name(), block.number);
                self.end(part.kind(), Severity::High, message).await?;
            }
        }
        Ok(awaited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_waits_for_its_frames_for_a_while_and_those_after_it_no_longer() {
        let start = Instant::now();
        let mut extras = Extras::new(Duration::from_secs(120), Duration::from_secs(300));
        assert!(extras.is_patient(start));
        extras.short(7, start);
        extras.short(7, start + Duration::from_secs(1));
        assert!(extras.is_patient(start + Duration::from_secs(1)));
        assert!(!extras.is_patient(start + Duration::from_secs(2)));
        let then = start + Duration::from_secs(3);
        assert!(extras.is_without(Part::Traces, then) && !extras.is_without(Part::Traces, then), "once");
        extras.short(8, then);
        assert!(!extras.is_patient(then), "not again for each block");
        assert!(extras.is_with(Part::Traces), "over with the first that has them");
        assert!(extras.is_patient(then + Duration::from_secs(1)));
        assert!(extras.is_without(Part::Traces, then));
        let ends = [extras.is_with(Part::Traces), extras.is_with(Part::Traces)];
        assert_eq!(ends, [false, true], "what comes and goes ends later");
    }

    #[test]
    fn what_no_block_has_had_for_long_is_not_awaited() {
        let (mut extras, start) = (Extras::new(Duration::from_secs(120), Duration::from_secs(300)), Instant::now());
        extras.is_without(Part::Traces, start);
        assert!(extras.may_come(Part::Traces, start));
        assert!(!extras.may_come(Part::Traces, start + Duration::from_secs(300)));
        extras.is_with(Part::Traces);
        assert!(extras.may_come(Part::Traces, start + Duration::from_secs(300)));
        let never = Extras::new(Duration::from_secs(120), Duration::ZERO);
        assert!(!never.may_come(Part::Traces, start), "nobody wants to wait");
    }
}
