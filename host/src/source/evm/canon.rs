//! The canonical chain as it is known: an unbroken row of hashes, and what a block means to it.

use std::collections::VecDeque;

use alloy::primitives::B256;

use crate::block::{BlockRef, ChainId};

/// How many hashes are kept: over four months of Ethereum, in 32 MB.
const LONGEST: usize = 1_000_000;

/// What places a block: its own name and its parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Height.
    pub number: u64,
    /// Hash of the header.
    pub hash: B256,
    /// Hash of the block before it.
    pub parent_hash: B256,
}

/// What a block means to the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stands on the tip, or is the first of all.
    Extends,
    /// It is part of the chain.
    Known,
    /// It stands on a block below the tip, so that these leave the chain, tip first.
    Reorg {
        /// What leaves.
        reverted: Vec<BlockRef>,
    },
    /// What it stands on is not known: blocks in between must be had first.
    Gap,
}

/// A tail that has a hole or is of another chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain that is given as known is broken after block {after}")]
pub struct Broken {
    /// The last block before the hole.
    pub after: u64,
}

/// The canonical chain, up to a million blocks back.
#[derive(Clone, Debug)]
pub struct Canon {
    chain: ChainId,
    /// Height of the first hash.
    first: u64,
    hashes: VecDeque<B256>,
    /// Whether the first hash is only the parent of the first block, and was never committed itself.
    anchored: bool,
}

impl Canon {
    /// Goes on from what the journal knows, oldest first.
    ///
    /// # Errors
    /// If the blocks do not follow each other, or are of another chain.
    pub fn new(chain: ChainId, tail: &[BlockRef]) -> Result<Self, Broken> {
        for pair in tail.windows(2) {
            if pair[0].number.checked_add(1) != Some(pair[1].number) || pair[1].chain != chain {
                return Err(Broken { after: pair[0].number });
            }
        }
        let tail = &tail[tail.len().saturating_sub(LONGEST)..];
        let first = tail.first().map_or(0, |block| block.number);
        Ok(Self { chain, first, hashes: tail.iter().map(|block| block.hash).collect(), anchored: false })
    }

    fn reference(&self, number: u64, hash: B256) -> BlockRef {
        BlockRef { chain: self.chain, number, hash }
    }

    /// Returns the newest block; `None` before the first one.
    pub fn tip(&self) -> Option<BlockRef> {
        let committed = self.hashes.len() - usize::from(self.anchored);
        let hash = self.hashes.back().filter(|_| committed > 0)?;
        // Heights without a block have the hash of the block below.
        let skipped = self.hashes.iter().rev().skip(1).take_while(|below| *below == hash).count();
        let number = (self.first + self.hashes.len() as u64).checked_sub(1 + skipped as u64)?;
        Some(self.reference(number, *hash))
    }

    /// Notes that the heights between the tip and a block have none, if the block names the tip as its parent. For chains that
    /// have such heights: on others a node that leaves blocks out is at fault.
    pub fn skip_to(&mut self, link: &Link) {
        let Some(tip) = self.tip().filter(|tip| tip.hash == link.parent_hash) else { return };
        let next = self.first + self.hashes.len() as u64;
        if link.number.saturating_sub(next) >= LONGEST as u64 {
            return;
        }
        for _ in next..link.number {
            self.hashes.push_back(tip.hash);
        }
        self.shorten();
    }

    fn shorten(&mut self) {
        while self.hashes.len() > LONGEST {
            self.hashes.pop_front();
            self.first += 1;
            self.anchored = false;
        }
    }

    /// True if a block stands at a height that is known.
    fn stands_at(&self, number: u64) -> bool {
        number <= self.first || self.hash_at(number) != self.hash_at(number - 1)
    }

    /// Returns the lowest height whose hash is known.
    pub fn lowest(&self) -> u64 {
        self.first
    }

    /// Returns the canonical hash at a height, if it is known.
    pub fn hash_at(&self, number: u64) -> Option<B256> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.hashes.get(index).copied()
    }

    /// Returns what a block means to the chain. Changes nothing.
    pub fn judge(&self, link: &Link) -> Verdict {
        if self.hashes.is_empty() {
            return Verdict::Extends;
        }
        if self.hash_at(link.number) == Some(link.hash) {
            return Verdict::Known;
        }
        match link.number.checked_sub(1).map(|below| (below, self.hash_at(below))) {
            Some((below, Some(parent))) if parent == link.parent_hash => {
                let reverted = self.above(below);
                if reverted.is_empty() { Verdict::Extends } else { Verdict::Reorg { reverted } }
            }
            _ => Verdict::Gap,
        }
    }

    /// Returns all blocks above a height, tip first.
    pub fn above(&self, number: u64) -> Vec<BlockRef> {
        let first = self.first + u64::from(self.anchored);
        let end = self.first + self.hashes.len() as u64;
        (first.max(number.saturating_add(1))..end)
            .rev()
            .filter(|number| self.stands_at(*number))
            .filter_map(|number| self.hash_at(number).map(|hash| self.reference(number, hash)))
            .collect()
    }

    /// Takes all blocks above a height off the chain and returns them, tip first.
    pub fn revert_above(&mut self, number: u64) -> Vec<BlockRef> {
        let reverted = self.above(number);
        self.keep_below(number.saturating_add(1));
        reverted
    }

    /// Forgets a height and all above; what was never committed stays.
    fn keep_below(&mut self, number: u64) {
        let kept = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.hashes.truncate(kept.max(usize::from(self.anchored)));
    }

    /// Takes every block off the chain and returns them, tip first. Of the chain nothing is known then.
    pub fn clear(&mut self) -> Vec<BlockRef> {
        let first = self.first + u64::from(self.anchored);
        let end = self.first + self.hashes.len() as u64;
        let all = (first..end).rev().filter(|number| self.stands_at(*number));
        let all = all.filter_map(|number| self.hash_at(number).map(|hash| self.reference(number, hash))).collect();
        (self.first, self.anchored) = (0, false);
        self.hashes.clear();
        all
    }

    /// Returns the height of the lowest block that was committed.
    pub fn oldest(&self) -> Option<u64> {
        self.tip().map(|_| self.first + u64::from(self.anchored))
    }

    /// Takes a block in: what it makes leave the chain leaves. A [`Verdict::Gap`] or [`Verdict::Known`] changes
    /// nothing.
    pub fn admit(&mut self, link: &Link) -> Verdict {
        let verdict = self.judge(link);
        match &verdict {
            Verdict::Known | Verdict::Gap => return verdict,
            // A height that had no block may have one now.
            Verdict::Reorg { .. } | Verdict::Extends => self.keep_below(link.number),
        }
        if self.hashes.is_empty() {
            self.first = link.number;
            if let Some(below) = link.number.checked_sub(1) {
                self.first = below;
                self.anchored = true;
                self.hashes.push_back(link.parent_hash);
            }
        }
        self.hashes.push_back(link.hash);
        self.shorten();
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn hash(fork: u8, number: u64) -> B256 {
        B256::left_padding_from(&[&[fork + 1][..], &number.to_be_bytes()].concat())
    }

    fn link(fork: u8, number: u64, parent: B256) -> Link {
        Link { number, hash: hash(fork, number), parent_hash: parent }
    }

    fn numbers(blocks: &[BlockRef]) -> Vec<u64> {
        blocks.iter().map(|block| block.number).collect()
    }

    fn chain(numbers: std::ops::Range<u64>) -> Canon {
        let mut canon = Canon::new(1, &[]).unwrap();
        for number in numbers {
            assert_eq!(canon.admit(&link(0, number, hash(0, number.wrapping_sub(1)))), Verdict::Extends);
        }
        canon
    }

    #[test]
    fn blocks_extend_are_known_or_leave_a_gap() {
        let mut canon = chain(10..15);
        assert_eq!(canon.tip().map(|tip| tip.number), Some(14));
        assert_eq!(canon.admit(&link(0, 12, hash(0, 11))), Verdict::Known);
        assert_eq!(canon.admit(&link(0, 17, hash(0, 16))), Verdict::Gap);
        assert_eq!(canon.admit(&link(1, 13, hash(1, 12))), Verdict::Gap);
        assert_eq!(canon.admit(&link(0, 15, hash(0, 14))), Verdict::Extends);
    }

    #[test]
    fn a_reorg_takes_what_stands_above_the_common_ancestor() {
        let mut canon = chain(10..15);
        let Verdict::Reorg { reverted } = canon.admit(&link(1, 13, hash(0, 12))) else { panic!("no reorg") };
        assert_eq!(numbers(&reverted), [14, 13]);
        assert_eq!(canon.tip().map(|tip| tip.hash), Some(hash(1, 13)));
        // Even the first block may be replaced: its parent is known.
        let Verdict::Reorg { reverted } = canon.admit(&link(2, 10, hash(0, 9))) else { panic!("no reorg") };
        assert_eq!(numbers(&reverted), [13, 12, 11, 10]);
    }

    #[test]
    fn a_chain_may_begin_at_genesis_and_go_back_to_nothing() {
        let mut canon = chain(0..3);
        assert_eq!(numbers(&canon.revert_above(0)), [2, 1]);
        assert_eq!(canon.tip().map(|tip| tip.number), Some(0));
        let mut canon = chain(5..6);
        assert_eq!(numbers(&canon.revert_above(4)), [5]);
        assert_eq!(canon.tip(), None, "what is left was never committed");
        assert_eq!(canon.admit(&link(1, 5, hash(0, 4))), Verdict::Extends);
    }

    #[test]
    fn a_chain_that_is_cleared_begins_anywhere() {
        let mut canon = chain(5..8);
        assert_eq!(canon.oldest(), Some(5));
        assert_eq!(numbers(&canon.clear()), [7, 6, 5]);
        assert_eq!((canon.tip(), canon.oldest()), (None, None));
        assert_eq!(
            canon.admit(&link(1, 6, hash(1, 5))),
            Verdict::Extends,
            "of another fork, whose parent is not known"
        );
        let mut canon = Canon::new(1, &[BlockRef { chain: 1, number: 3, hash: hash(0, 3) }]).unwrap();
        assert_eq!((canon.oldest(), numbers(&canon.clear())), (Some(3), vec![3]), "what the journal knew goes too");
    }

    #[test]
    fn heights_without_a_block_are_passed_over_where_the_parent_says_so() {
        let mut canon = chain(10..12);
        let above = link(0, 15, hash(0, 11));
        assert_eq!(canon.judge(&above), Verdict::Gap, "unless the chain has such heights");
        canon.skip_to(&link(0, 15, hash(0, 14)));
        assert_eq!(canon.judge(&above), Verdict::Gap, "of another parent");
        canon.skip_to(&above);
        assert_eq!(canon.tip().map(|tip| tip.number), Some(11), "nothing came yet");
        assert_eq!((canon.admit(&above), canon.admit(&above)), (Verdict::Extends, Verdict::Known));
        assert_eq!(canon.tip().map(|tip| tip.number), Some(15));
        assert_eq!(numbers(&canon.above(10)), [15, 11], "there is nothing in between");
        // A reorg puts a block where there was none.
        let Verdict::Reorg { reverted } = canon.admit(&link(1, 13, hash(0, 11))) else { panic!("no reorg") };
        assert_eq!((numbers(&reverted), canon.tip().map(|tip| tip.number)), (vec![15], Some(13)));
        assert_eq!(canon.admit(&link(1, 14, hash(1, 13))), Verdict::Extends);
        // And one that goes back to a height without one goes back to the block below.
        assert_eq!(numbers(&canon.revert_above(12)), [14, 13]);
        assert_eq!(canon.tip().map(|tip| tip.number), Some(11));
        assert_eq!(canon.admit(&link(2, 12, hash(0, 11))), Verdict::Extends, "the height that was passed over");
        assert_eq!((canon.tip().map(|tip| tip.number), numbers(&canon.clear())), (Some(12), vec![12, 11, 10]));
        canon.skip_to(&link(0, u64::MAX - 1, hash(0, 11)));
        assert_eq!(canon.tip(), None, "nothing is known to skip from");
    }

    #[test]
    fn a_broken_tail_is_refused() {
        let reference = |number| BlockRef { chain: 1, number, hash: hash(0, number) };
        assert_eq!(Canon::new(1, &[reference(3), reference(5)]).unwrap_err(), Broken { after: 3 });
        assert_eq!(Canon::new(1, &[reference(3), reference(4)]).unwrap().tip(), Some(reference(4)));
    }

    proptest! {
        /// Any walk over random forks: what was committed and not reverted is exactly the chain that ends in
        /// the tip.
        #[test]
        fn the_chain_is_always_what_its_tip_descends_from(steps in prop::collection::vec((0_u64..8, 1_u64..6), 1..60)) {
            let mut canon = chain(100..110);
            let mut seen: BTreeMap<u64, B256> = (100..110).map(|number| (number, hash(0, number))).collect();
            for (fork, (back, forward)) in (1_u8..).zip(steps) {
                let tip = canon.tip().unwrap().number;
                let ancestor = tip.saturating_sub(back).max(99);
                let mut parent = canon.hash_at(ancestor).unwrap();
                for number in ancestor + 1..=ancestor + forward {
                    let link = link(fork, number, parent);
                    match canon.admit(&link) {
                        Verdict::Extends => {}
                        Verdict::Reorg { reverted } => {
                            prop_assert_eq!(number, ancestor + 1);
                            for block in &reverted {
                                prop_assert_eq!(seen.pop_last(), Some((block.number, block.hash)));
                            }
                        }
                        other => prop_assert!(false, "{:?}", other),
                    }
                    seen.insert(number, link.hash);
                    parent = link.hash;
                }
                prop_assert_eq!(canon.tip().map(|tip| (tip.number, tip.hash)), seen.last_key_value().map(|(n, h)| (*n, *h)));
                for (number, hash) in &seen {
                    prop_assert_eq!(canon.hash_at(*number), Some(*hash));
                }
            }
        }
    }
}
