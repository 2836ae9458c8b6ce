//! A round: the head is looked at, and what is new is taken in. Who is of no use does not delay what the next node has.

use tokio::time::Instant;

use super::watchdog::UNREACHABLE;
use super::{Closed, Follower};
use crate::block::BlockRef;
use crate::finding::Severity;
use crate::source::evm::config::Start;
use crate::source::evm::heads::{self, Head};

/// How often a head that went back without a new block must be seen before it is believed: a node behind a balancer
/// may only be late.
const BACK_BEFORE_BELIEVED: u32 = 3;
/// How far below a head that nobody serves the first block of a chain is looked for.
const START_BELOW_AT_MOST: u64 = 16;

/// What came of a look at the head.
enum Look {
    /// No node answers.
    Silent,
    /// All was taken in that can be had now.
    Done,
    /// The node that was heard is late, or on a fork that is not followed: others are heard before it now.
    Another,
}

impl Follower {
    /// Takes in all that is new. A node that turns out to be of no use does not delay what the next one has.
    pub(super) async fn round(&mut self) -> Result<(), Closed> {
        self.contest.begin_round();
        for _ in 0..self.pool.all().len() {
            match self.look().await? {
                // For how long none answered is the watchdog's to judge: one answer that fails is no outage.
                Look::Silent => return Ok(()),
                Look::Done => break,
                Look::Another => {}
            }
            if self.pool.ready().is_empty() {
                break;
            }
        }
        self.end_contest().await?;
        self.hear_agreement().await?;
        self.settle().await
    }

    /// Looks at the head once, and takes in all that is new up to it.
    async fn look(&mut self) -> Result<Look, Closed> {
        self.contest.takes_refusal();
        let Some(head) = heads::head(&self.pool).await else { return Ok(Look::Silent) };
        let head = self.heard_elsewhere(head).await;
        self.standing.send_if_modified(|standing| {
            standing.heard = Some(Instant::now());
            false
        });
        let number = head.number;
        self.progress.send_modify(|progress| {
            progress.head = number;
            progress.endpoint.clone_from(&head.label);
        });
        let now = Instant::now();
        match self.canon.tip() {
            None if self.pace.may_try(now) => {
                self.back_looks = 0;
                let first = match self.config.start {
                    // A head that is not served yet is looked for a little lower each time.
                    Start::Latest => {
                        let below = u64::from(self.pace.failures()).min(START_BELOW_AT_MOST);
                        number.saturating_sub(below)
                    }
                    Start::Number(first) => first,
                };
                self.take_to(first, number, &head).await?;
            }
            Some(tip) if number > tip.number && self.pace.may_try(now) => {
                self.back_looks = 0;
                self.take_to(tip.number + 1, number, &head).await?;
            }
            Some(tip) if number <= tip.number && self.canon.hash_at(number) == Some(head.name.hash) => {
                self.pace.progressed();
                self.contest.agrees(head.endpoint);
                if number == tip.number {
                    self.back_looks = 0;
                    self.stand(String::new());
                    let message = "a node answers again, and all that it has is taken in".into();
                    self.end(UNREACHABLE, Severity::Critical, message).await?;
                } else if self.gone_back(tip, &head).await? {
                    return Ok(Look::Another);
                }
            }
            Some(tip) if number <= tip.number && self.pace.may_try(now) => {
                self.back_looks = 0;
                self.turn_to(&head).await?;
            }
            // The next attempt is not due yet.
            _ => {}
        }
        Ok(if self.contest.takes_refusal() { Look::Another } else { Look::Done })
    }

    /// The head is a block below the tip: the blocks above it are gone, or the node is late. Returns true if it is late, and others
    /// are heard before it from now on.
    async fn gone_back(&mut self, tip: BlockRef, head: &Head) -> Result<bool, Closed> {
        match heads::is_elsewhere(&self.pool, head.endpoint, tip).await {
            Some(true) => {
                self.back_looks = 0;
                self.put_last(head.endpoint);
                return Ok(true);
            }
            Some(false) => self.back_looks += 1,
            // Whoever has yet to answer may have it.
            None => return Ok(false),
        }
        if self.back_looks < BACK_BEFORE_BELIEVED {
            return Ok(false);
        }
        self.back_looks = 0;
        // Enough others name what it lacks: it is late.
        if self.agreed.is_some_and(|agreed| head.number < agreed) {
            return Ok(false);
        }
        if self.below_final(head.number, head.endpoint).await? {
            return Ok(false);
        }
        let blocks = self.canon.revert_above(head.number);
        self.moved();
        self.revert(blocks).await?;
        Ok(false)
    }

    /// Returns the head of another node if the one that is followed stands still, and the other went on.
    async fn heard_elsewhere(&mut self, head: Head) -> Head {
        let Some(tip) = self.canon.tip().filter(|tip| head.number <= tip.number) else { return head };
        let Some(turn) = self.quiet.asks(Instant::now()) else { return head };
        let Some(newer) = heads::newer(&self.pool, head.endpoint, tip, turn).await else { return head };
        tracing::debug!(
            chain = self.name,
            "{} is at {}, and {} at {}",
            head.label,
            head.number,
            newer.label,
            newer.number
        );
        self.put_last(head.endpoint);
        newer
    }

    /// Others are asked before this node for a while.
    fn put_last(&self, endpoint: usize) {
        if let Some(endpoint) = self.pool.at(endpoint) {
            self.pool.unserved(endpoint);
        }
    }
}
