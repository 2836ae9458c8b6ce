//! Forks: back to the common ancestor, as far down as that may go.

use super::{Closed, Follower};
use crate::finding::Severity;
use crate::source::evm::heads::{self, Head, Names};

/// Names asked for at once on the way back to a common ancestor.
const STEPS_BACK: u64 = 32;

const FINALITY_BROKEN: &str = "finality-broken";
const TOO_DEEP: &str = "reorg-too-deep";

/// What the nodes' chain and ours disagree about.
#[derive(Debug, Default)]
pub(super) struct Contest {
    /// Whether a finding about it may be open.
    is_open: bool,
    /// Whether it was seen in this round.
    is_seen: bool,
    /// Whether a node's fork was refused since the last look at the head.
    is_refused: bool,
    /// Whether the node that it is about was seen, in this round, with a head of ours or on top of ours.
    is_agreed: bool,
    /// The node that it is about; `None` after a restart, when any will do.
    with: Option<usize>,
    /// The height that the chain had when all that was known was taken back.
    until: Option<u64>,
}

impl Contest {
    pub(super) fn know(&mut self, open: &[String]) {
        self.is_open = open.iter().any(|kind| kind == FINALITY_BROKEN || kind == TOO_DEEP);
    }

    pub(super) fn begin_round(&mut self) {
        (self.is_seen, self.is_agreed) = (false, false);
    }

    /// True if a node's fork was refused since this was asked last.
    pub(super) fn takes_refusal(&mut self) -> bool {
        std::mem::take(&mut self.is_refused)
    }

    fn see(&mut self, endpoint: Option<usize>) {
        (self.is_open, self.is_seen, self.with) = (true, true, endpoint);
    }

    /// The head of a node is a block of ours.
    pub(super) fn agrees(&mut self, endpoint: usize) {
        self.is_agreed |= self.with.is_none_or(|with| with == endpoint);
    }

    /// A block of this height was put on top of ours; the head of a node is at `head`.
    pub(super) fn extends(&mut self, number: u64, head: u64, endpoint: usize) {
        if self.until.is_some_and(|until| number >= until) || number >= head {
            self.until = None;
            self.agrees(endpoint);
        }
    }

    /// True once if it is over.
    fn ends(&mut self) -> bool {
        let ends = self.is_open && self.is_agreed && !self.is_seen;
        self.is_open &= !ends;
        ends
    }
}

impl Follower {
    /// The head is on another fork: goes back to the common ancestor, and takes in all from there.
    pub(super) async fn turn_to(&mut self, head: &Head) -> Result<(), Closed> {
        match self.ancestor(head.number, Some(head.endpoint)).await? {
            Some(ancestor) => self.take_to(ancestor.saturating_add(1), head.number, head).await,
            None => {
                self.found_no_way();
                Ok(())
            }
        }
    }

    /// Nothing could be taken in. A fork that is refused is its node's own affair: that one rests, and the others' blocks don't wait.
    pub(super) fn found_no_way(&mut self) {
        if !self.contest.is_refused {
            self.pace.failed(tokio::time::Instant::now(), false);
        }
    }

    /// Lets a node rest whose fork is not followed.
    pub(super) fn refuse(&mut self, endpoint: usize) {
        self.contest.is_refused = true;
        if let Some(endpoint) = self.pool.at(endpoint) {
            self.pool.disputed(endpoint);
        }
    }

    /// Returns the highest block at or below a height that both we and the nodes have; `first` is asked before the other
    /// nodes. `None` if it can't be found now, or if going back to it is not believed.
    pub(super) async fn ancestor(&mut self, from: u64, first: Option<usize>) -> Result<Option<u64>, Closed> {
        let tip = self.canon.tip().map_or(0, |tip| tip.number);
        let mut high = from.min(tip);
        loop {
            let lowest = self.canon.lowest();
            if high < lowest {
                return self.start_over(first).await;
            }
            let low = high.saturating_sub(STEPS_BACK - 1).max(lowest);
            let numbers: Vec<u64> = (low..=high).rev().collect();
            let Some(Names { names, endpoint }) = heads::names(&self.pool, first, &numbers).await else {
                self.stand("no node names the blocks below the fork".to_owned());
                return Ok(None);
            };
            for (number, name) in numbers.iter().zip(names) {
                if name.is_some_and(|name| self.canon.hash_at(*number) == Some(name.hash)) {
                    let is_refused = self.below_final(*number, endpoint).await?;
                    return Ok(Some(*number).filter(|_| !is_refused));
                }
            }
            let depth = tip - low;
            if self.config.max_reorg_depth.is_some_and(|most| depth > most) {
                let label = self.label(endpoint);
                let message = format!(
                    "the chain of {label} has no block in common with ours down to {low}, which is deeper than \
                     `max_reorg_depth`; it is not followed. Compare with another node; to follow it, raise \
                     `max_reorg_depth`"
                );
                self.contested(TOO_DEEP, endpoint, message).await?;
                return Ok(None);
            }
            if low == lowest {
                return self.start_over(Some(endpoint)).await;
            }
            high = low - 1;
        }
    }

    /// The nodes have no block in common with ours. Takes back all that is known, and goes on from its first block;
    /// unless something of it is final, or another node still has it.
    async fn start_over(&mut self, endpoint: Option<usize>) -> Result<Option<u64>, Closed> {
        let (Some(tip), Some(oldest)) = (self.canon.tip(), self.canon.oldest()) else { return Ok(None) };
        let below = oldest.saturating_sub(1);
        if self.below_final(below, endpoint.unwrap_or_default()).await? {
            return Ok(None);
        }
        for other in self.pool.all().iter().filter(|other| Some(other.index) != endpoint) {
            let has_ours = match self.pool.admit(other).await {
                Ok(()) => heads::name(other, &format!("{:#x}", tip.number)).await,
                Err(_) => continue,
            };
            if has_ours.is_ok_and(|name| name.is_some_and(|name| name.hash == tip.hash)) {
                let (theirs, ours) = (self.label(endpoint.unwrap_or_default()), other.label.clone());
                let message = format!(
                    "the chain of {theirs} has no block in common with ours, and {ours} has block {} as we do; {theirs} \
                     is not followed. Compare with a third node, and remove the one that is wrong",
                    tip.number
                );
                self.contested(TOO_DEEP, endpoint.unwrap_or_default(), message).await?;
                return Ok(None);
            }
        }
        let message = format!(
            "the nodes have none of the blocks that are known of this chain, {oldest} to {}: all of them are taken back, \
             with what was found in them, and the watch goes on from block {oldest}. What happened before {oldest} was not \
             watched; compare with another node",
            tip.number
        );
        self.contest.see(None);
        self.contest.until = Some(tip.number);
        self.open(TOO_DEEP, Severity::Critical, message).await?;
        let blocks = self.canon.clear();
        self.moved();
        self.revert(blocks).await?;
        // Of genesis there is nothing below to go on from; the next round begins there.
        Ok(oldest.checked_sub(1))
    }

    /// True if going back to a height would undo what is final, which is reported and not done.
    pub(super) async fn below_final(&mut self, ancestor: u64, endpoint: usize) -> Result<bool, Closed> {
        if self.below_agreed(ancestor, endpoint).await? {
            return Ok(true);
        }
        let finalized = self.settled.finalized;
        if ancestor >= finalized {
            return Ok(false);
        }
        let label = self.label(endpoint);
        let message = format!(
            "the chain of {label} leaves ours at block {ancestor}, below block {finalized} that is final: {label} lies, or \
             finality was broken. It is not followed; compare with another node"
        );
        self.contested(FINALITY_BROKEN, endpoint, message).await?;
        Ok(true)
    }

    /// Reports a fork that is not followed, once, and lets the node that served it rest.
    async fn contested(&mut self, kind: &str, endpoint: usize, message: String) -> Result<(), Closed> {
        self.contest.see(Some(endpoint));
        self.stand(message.clone());
        self.refuse(endpoint);
        self.open(kind, Severity::Critical, message).await
    }

    /// Ends what is reported about forks once the nodes agree with us.
    pub(super) async fn end_contest(&mut self) -> Result<(), Closed> {
        if !self.contest.ends() {
            return Ok(());
        }
        self.pool.undisputed();
        for kind in [FINALITY_BROKEN, TOO_DEEP] {
            let message = "the nodes and we follow the same chain again".to_owned();
            self.end(kind, Severity::Critical, message).await?;
        }
        Ok(())
    }

    pub(super) fn label(&self, endpoint: usize) -> String {
        self.pool.at(endpoint).map_or_else(|| "a node".to_owned(), |endpoint| endpoint.label.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contest_ends_once_when_its_node_agrees_again() {
        let mut contest = Contest::default();
        contest.agrees(0);
        assert!(!contest.ends(), "nothing was open");
        contest.begin_round();
        contest.see(Some(0));
        contest.agrees(0);
        assert!(!contest.ends(), "seen in this very round");
        contest.begin_round();
        assert!(!contest.ends(), "nobody said anything");
        contest.begin_round();
        contest.agrees(1);
        assert!(!contest.ends(), "another node never disagreed");
        contest.begin_round();
        contest.agrees(0);
        assert!(contest.ends());
        contest.agrees(0);
        assert!(!contest.ends(), "once");
    }
}
