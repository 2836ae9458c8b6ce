//! What of an entry stands in columns of its own, beside its body.

use alloy::primitives::B256;

use crate::block::BlockRef;
use crate::entry::Entry;
use crate::event::Event;

/// The columns.
#[derive(Debug, PartialEq)]
pub(super) struct Facts<'a> {
    pub(super) event: Option<&'a str>,
    pub(super) chain: Option<u64>,
    pub(super) block: Option<(u64, B256)>,
    pub(super) detector: Option<&'a str>,
    pub(super) finding: Option<B256>,
    pub(super) incident: Option<u64>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(entry: &'a Entry) -> Self {
        let mut facts = Self { event: None, chain: None, block: None, detector: None, finding: None, incident: None };
        match entry {
            Entry::Input(stamped) => {
                facts.event = Some(stamped.event.name());
                match &stamped.event {
                    Event::Committed { block } => facts.place(block.reference()),
                    Event::Completed { block, .. } | Event::Agreed { block, .. } => facts.place(*block),
                    Event::Reverted { chain, .. }
                    | Event::Finality { chain, .. }
                    | Event::Unsettled { chain, .. }
                    | Event::Pending { chain, .. } => facts.chain = Some(*chain),
                    Event::Detector { detector, .. }
                    | Event::Shown { detector, .. }
                    | Event::Rejected { detector, .. }
                    | Event::Waived { detector, .. } => facts.detector = Some(detector),
                    Event::Observed { observation } => facts.detector = Some(&observation.feed),
                    Event::Act { act } => facts.incident = act.incident,
                    _ => {}
                }
            }
            Entry::Answer { at, .. } => facts.place(*at),
            Entry::Retried { detector, .. } | Entry::Failed { detector, .. } => facts.detector = Some(detector),
            Entry::Finding(finding) | Entry::Shadow(finding) => {
                facts.detector = Some(&finding.detector);
                facts.finding = Some(finding.id);
                if let Some(block) = finding.block {
                    facts.place(block);
                }
            }
            Entry::Retraction { finding, .. } | Entry::Silence { finding, .. } => facts.finding = Some(*finding),
            Entry::Settled { chain, .. } => facts.chain = Some(*chain),
            Entry::Behind { .. } => {}
            Entry::Incident(incident) => facts.incident = Some(incident.id),
            Entry::Decision(decision) => facts.incident = Some(decision.incident),
            Entry::Effect(ordered) => facts.incident = Some(ordered.effect.incident()),
            Entry::Timeline(entry) => facts.incident = Some(entry.incident),
            Entry::Clock(clock) => facts.incident = Some(clock.incident),
            Entry::Refused { incident, .. } => facts.incident = *incident,
        }
        facts
    }

    fn place(&mut self, block: BlockRef) {
        self.chain = Some(block.chain);
        self.block = Some((block.number, block.hash));
    }
}
