//! Coverage findings: the host's own, raised while a part of the watch does not work.

use alloy::primitives::B256;

use crate::app::engine::Engine;
use crate::app::engine::coverage_gaps::Gap;
use crate::app::engine::provenance::Scene;
use crate::digest::Hasher;
use crate::event::Coverage;
use crate::finding::{Claim, Severity};

impl Engine {
    /// Opens or closes the gap of a source's fault.
    pub(super) fn covered(&mut self, seq: u64, at_ms: u64, coverage: &Coverage) -> anyhow::Result<()> {
        // As the claim names it, by which a restart remembers the gap.
        let subject = match coverage.subject.contains('/') {
            true => coverage.subject.clone(),
            false => format!("host/{}", coverage.subject),
        };
        let chain = coverage.chain.filter(|chain| subject != format!("chain/{chain}"));
        let gap = Gap { kind: coverage.kind.clone(), subject, place: String::new() };
        if coverage.over {
            self.close_gap(&gap, &coverage.message, at_ms)
        } else {
            let mut claim = gap.claim(coverage.severity, &coverage.message);
            // What is found of a node and of its chain goes together, by the chain's id.
            claim.attributes.extend(chain.map(|chain| ("chain".to_owned(), chain.to_string())));
            self.raise(seq, (seq, at_ms), gap, claim)
        }
    }

    /// Raises a coverage finding unless one for this gap is open. It is retracted when input `with` is reverted; 0: never.
    pub(super) fn open_gap(
        &mut self,
        seq: u64,
        with: u64,
        at_ms: u64,
        gap: Gap,
        severity: Severity,
        message: &str,
    ) -> anyhow::Result<()> {
        let claim = gap.claim(severity, message);
        self.raise(with, (seq, at_ms), gap, claim)
    }

    fn raise(&mut self, with: u64, (seq, at_ms): (u64, u64), gap: Gap, claim: Claim) -> anyhow::Result<()> {
        if self.gaps.has(&gap) {
            return Ok(());
        }
        let input = Hasher::new("coverage").number(seq).text(&gap.kind).text(&gap.subject).text(&gap.place).finish();
        let scene = Scene { input, ..Scene::off_chain(seq, at_ms, at_ms) };
        let finding = scene.place(gap.detector(), B256::ZERO, 0, claim, &self.settled);
        self.gaps.open(gap, finding.id);
        self.found(with, finding)
    }

    /// Retracts the coverage finding of a gap, with the reason why; does nothing if none is open.
    pub(super) fn close_gap(&mut self, gap: &Gap, message: &str, at_ms: u64) -> anyhow::Result<()> {
        match self.gaps.get(gap) {
            Some(live) => self.retract(live, message.to_owned(), at_ms),
            // Over before it was raised: the input itself is in the journal.
            None => Ok(()),
        }
    }
}
