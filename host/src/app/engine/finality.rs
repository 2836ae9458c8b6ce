//! Finality of the blocks that live findings stand on.

use std::collections::BTreeMap;

use alloy::primitives::B256;

use crate::block::{BlockRef, ChainId, Finality};
use crate::finding::Finding;

/// What the chains say is settled, and the live findings whose blocks are not final yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled {
    /// Newest safe and newest finalized block of each chain.
    chains: BTreeMap<ChainId, (u64, u64)>,
    open: BTreeMap<(ChainId, u64, B256), Finality>,
    places: BTreeMap<B256, (ChainId, u64)>,
}

impl Settled {
    /// Returns the finality of a block by what its chain said last.
    pub(super) fn of(&self, block: BlockRef) -> Finality {
        match self.chains.get(&block.chain) {
            Some((_, finalized)) if block.number <= *finalized => Finality::Finalized,
            Some((safe, _)) if block.number <= *safe => Finality::Safe,
            _ => Finality::Latest,
        }
    }

    /// Begins to watch a finding that was made, or that the journal has.
    pub(super) fn watch(&mut self, finding: &Finding) {
        let (Some(block), Some(finality)) = (finding.block, finding.finality) else { return };
        // What the journal has was made when less was settled.
        let finality = finality.max(self.of(block));
        if finality < Finality::Finalized {
            self.open.insert((block.chain, block.number, finding.id), finality);
            self.places.insert(finding.id, (block.chain, block.number));
        }
    }

    /// Forgets a finding that was taken back.
    pub(super) fn forget(&mut self, finding: B256) {
        if let Some((chain, number)) = self.places.remove(&finding) {
            self.open.remove(&(chain, number, finding));
        }
    }

    /// Takes in what a chain says is safe and final now. Returns the live findings that are more settled than before, in order
    /// of height.
    pub(super) fn settle(&mut self, chain: ChainId, safe: u64, finalized: u64) -> Vec<(Finality, Vec<B256>)> {
        // As the journal's table has it: what was settled once stays so.
        let known = self.chains.entry(chain).or_default();
        *known = (known.0.max(safe), known.1.max(finalized));
        let (safe, finalized) = *known;
        let up_to = safe.max(finalized);
        let reached = (chain, 0, B256::ZERO)..=(chain, up_to, B256::repeat_byte(0xff));
        let mut newly: BTreeMap<Finality, Vec<B256>> = BTreeMap::new();
        let mut done = Vec::new();
        for ((_, number, finding), had) in self.open.range_mut(reached) {
            let now = if *number <= finalized { Finality::Finalized } else { Finality::Safe };
            if now > *had {
                *had = now;
                newly.entry(now).or_default().push(*finding);
            }
            if now == Finality::Finalized {
                done.push(*finding);
            }
        }
        done.into_iter().for_each(|finding| self.forget(finding));
        newly.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Claim, Origin, Severity, Subject};

    fn finding(settled: &Settled, chain: ChainId, number: u64) -> Finding {
        let block = BlockRef { chain, number, hash: B256::left_padding_from(&[chain as u8, number as u8]) };
        let origin = Origin {
            detector: "d",
            digest: B256::ZERO,
            input: block.hash,
            block: Some(block),
            time_ms: 0,
            at_ms: 0,
            assurance: None,
            finality: Some(settled.of(block)),
        };
        let claim = Claim {
            kind: "k".into(),
            severity: Severity::Low,
            confidence_percent: 50,
            title: String::new(),
            description: String::new(),
            subject: Subject { kind: String::new(), id: String::new() },
            transactions: Vec::new(),
            logs: Vec::new(),
            amounts: Vec::new(),
            attributes: Vec::new(),
            condition_key: String::new(),
        };
        Finding::place(&origin, 0, claim)
    }

    #[test]
    fn a_finding_is_settled_once_for_each_step_to_finality() {
        let mut settled = Settled::default();
        let ids: Vec<B256> = [(1, 10), (1, 11), (1, 12), (2, 10)]
            .into_iter()
            .map(|(chain, number)| {
                let finding = finding(&settled, chain, number);
                assert_eq!(finding.finality, Some(Finality::Latest));
                settled.watch(&finding);
                finding.id
            })
            .collect();
        assert_eq!(settled.settle(1, 9, 8), []);
        assert_eq!(settled.settle(1, 11, 8), [(Finality::Safe, vec![ids[0], ids[1]])]);
        assert_eq!(settled.settle(1, 11, 8), []);
        settled.forget(ids[1]);
        assert_eq!(settled.settle(1, 13, 11), [(Finality::Safe, vec![ids[2]]), (Finality::Finalized, vec![ids[0]])]);
        assert_eq!(settled.settle(1, 5, 5), [], "what was settled is not settled again");
        assert_eq!(settled.settle(1, 20, 20), [(Finality::Finalized, vec![ids[2]])]);
        assert_eq!(settled.settle(2, 0, 10), [(Finality::Finalized, vec![ids[3]])]);
        assert_eq!(finding(&settled, 1, 20).finality, Some(Finality::Finalized));
        assert!(settled.open.is_empty() && settled.places.is_empty());
    }
}
