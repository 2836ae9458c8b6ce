//! Detectors that make more conditions than a plan takes: a finding about the watch names each, until its hour is over.

use crate::app::engine::Engine;
use crate::app::engine::coverage_gaps::Gap;
use crate::finding::{COVERAGE, Severity};

/// The kind of the finding about a detector that makes too much.
const KIND: &str = "alert-storm";

impl Engine {
    /// Raises a finding for each detector that has begun to make too much, and takes back those that are over. It is of the
    /// newest input.
    pub(super) fn name_storms(&mut self, at_ms: u64) -> anyhow::Result<()> {
        let mut storms: Vec<(Gap, String)> = Vec::new();
        for storm in self.desks.storms(at_ms) {
            // What comes about the watch itself is made by the host.
            let detector = if storm.maker.contains('/') { COVERAGE } else { storm.maker };
            let gap = Gap::of_detector(KIND, detector, "");
            let (maker, most) = (storm.maker, storm.most);
            let message = format!(
                "{maker} makes more than {most} new conditions an hour: what is more is counted, unless it is graver, of another kind or by \
                 another source than what is known. Look at what it finds, raise its thresholds, or raise \
                 protocol.conditions_per_hour"
            );
            if storms.iter().all(|(known, _)| *known != gap) {
                storms.push((gap, message));
            }
        }
        let open = self.gaps.of_kind(KIND);
        for gap in open.into_iter().filter(|gap| storms.iter().all(|(known, _)| known != gap)) {
            self.close_gap(&gap, "it makes no more than the plan takes", at_ms)?;
        }
        let seq = self.newest_seq();
        for (gap, message) in storms {
            self.open_gap(seq, 0, at_ms, gap, Severity::High, &message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::primitives::B256;

    use super::*;
    use crate::app::engine::Given;
    use crate::app::engine::kit::engine;
    use crate::digest::Hasher;
    use crate::entry::Entry;
    use crate::event::{Event, Stamped};
    use crate::finding::{Claim, Finding, Origin, Subject};
    use crate::protocol::ONLY;

    const PLAN: &str = "[protocol]\nconditions_per_hour = 3\n\n[signal.noise]\nsummary = \"Noise\"\n\
                        match = [{ detector = \"noisy\" }]\nwindow_s = 60\ninterventions = []\n";
    const HOUR_MS: u64 = 3_600_000;

    fn noise(number: u64) -> Finding {
        let origin = Origin {
            detector: "noisy",
            digest: B256::ZERO,
            input: Hasher::new("noise").number(number).finish(),
            block: None,
            time_ms: 1,
            at_ms: 1,
            assurance: None,
            finality: None,
        };
        let claim = Claim {
            kind: "noise".into(),
            severity: Severity::Low,
            confidence_percent: 100,
            title: "noise".into(),
            description: String::new(),
            subject: Subject { kind: "thing".into(), id: "one".into() },
            transactions: Vec::new(),
            logs: Vec::new(),
            amounts: Vec::new(),
            attributes: Vec::new(),
            condition_key: number.to_string(),
        };
        Finding::place(&origin, 0, claim)
    }

    #[test]
    fn whoever_makes_too_much_is_named_until_the_hour_is_over() {
        let mut engine = engine();
        let take = |engine: &mut Engine, at_ms: u64, event: Event| -> Vec<Entry> {
            engine.take(Stamped { at_ms, event }, &Given::default()).unwrap();
            engine.commit().unwrap().into_iter().map(|(_, entry)| entry).collect()
        };
        let named = |entries: &[Entry]| -> Vec<String> {
            let named = entries.iter().filter_map(|entry| match entry {
                Entry::Finding(finding) if finding.claim.kind == KIND => Some(finding.claim.subject.id.clone()),
                _ => None,
            });
            named.collect()
        };
        let files = vec![("plan.toml".to_owned(), PLAN.to_owned())];
        take(
            &mut engine,
            1,
            Event::Plan { protocol: ONLY.clone(), hash: B256::ZERO, files, defaults: Default::default() },
        );
        (0..4).for_each(|number| engine.found(0, noise(number)).unwrap());
        assert!(named(&take(&mut engine, 2, Event::Tick)).is_empty(), "one opened the incident, three are kept");
        engine.found(0, noise(4)).unwrap();
        assert_eq!(named(&take(&mut engine, 3, Event::Tick)), ["noisy"]);
        engine.found(0, noise(5)).unwrap();
        assert!(named(&take(&mut engine, 4, Event::Tick)).is_empty(), "it is named once");
        let entries = take(&mut engine, 3 + HOUR_MS, Event::Tick);
        assert!(entries.iter().any(|entry| matches!(entry, Entry::Retraction { .. })), "{entries:?}");
    }
}
