//! The time in which no host ran: nobody watched then, which is a gap of its own until what happened on chain is caught up with.

use std::collections::BTreeMap;

use crate::block::{BlockRef, ChainId};
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::plan::moment::{Moment, span};

/// Shorter than this is a restart and no absence, milliseconds.
const SHORTEST_MS: u64 = 60_000;
/// An absence of so long is grave, milliseconds: an attack takes less.
const GRAVE_MS: u64 = 600_000;

/// An absence that is not caught up with yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// When the newest entry of the journal was taken in, milliseconds since the Unix epoch.
    since_ms: u64,
    /// When the host started again, milliseconds since the Unix epoch.
    until_ms: u64,
    /// Chains of which blocks are still to come that nobody watched.
    behind: BTreeMap<ChainId, Missed>,
    /// What was caught up with, in words.
    caught_up: Vec<String>,
}

/// Blocks of a chain that came while nobody watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missed {
    /// Height of the newest block that was taken in before.
    known: u64,
    /// Height of the newest that was taken in since.
    newest: u64,
    count: u64,
}

impl Absence {
    /// Returns the absence before a start at `now_ms`, by the newest stamp of the journal, both in milliseconds since the Unix
    /// epoch; `None` if the journal is new, or it was short. `heads` are the newest known blocks of the chains that are followed.
    pub fn before(now_ms: u64, newest_ms: u64, heads: &[BlockRef]) -> Option<Self> {
        if newest_ms == 0 || now_ms.saturating_sub(newest_ms) < SHORTEST_MS {
            return None;
        }
        let missed = |head: &BlockRef| (head.chain, Missed { known: head.number, newest: head.number, count: 0 });
        let behind = heads.iter().map(missed).collect();
        Some(Self { since_ms: newest_ms, until_ms: now_ms, behind, caught_up: Vec::new() })
    }

    /// Returns what is to be reported at the start.
    pub fn begun(&self) -> Coverage {
        let away_ms = self.until_ms - self.since_ms;
        let severity = if away_ms < GRAVE_MS { Severity::Medium } else { Severity::High };
        let from: Vec<String> = self
            .behind
            .iter()
            .map(|(chain, missed)| format!("chain {chain} is caught up with from block {} on", missed.known + 1))
            .collect();
        let from = if from.is_empty() { "no chain is to be caught up with".to_owned() } else { from.join(", ") };
        let message = format!(
            "no host watched for {}, from {} at the earliest until {}; {from}, and what is found there is that old; what \
             feeds said and what waited in mempools meanwhile is lost. See why the host was down",
            span(away_ms / 1_000),
            Moment { ms: self.since_ms },
            Moment { ms: self.until_ms },
        );
        self.coverage(severity, message, false)
    }

    /// Takes in that an event was taken in. Returns what is to be reported once nothing is left to catch up with.
    pub fn saw(&mut self, event: &Event) -> Option<Coverage> {
        if let Event::Committed { block } = event
            && let Some(missed) = self.behind.get_mut(&block.chain)
        {
            if block.timestamp_s.saturating_mul(1_000) < self.until_ms {
                missed.newest = missed.newest.max(block.number);
                missed.count += 1;
                return None;
            }
            let Missed { known, newest, count } = *missed;
            self.behind.remove(&block.chain);
            self.caught_up.push(match count {
                0 => format!("chain {} had no block meanwhile", block.chain),
                _ => format!("blocks {} to {newest} of chain {} were taken in", known + 1, block.chain),
            });
        }
        self.over()
    }

    /// Returns what is to be reported if nothing is left to catch up with.
    pub fn over(&self) -> Option<Coverage> {
        if !self.behind.is_empty() {
            return None;
        }
        let away = span((self.until_ms - self.since_ms) / 1_000);
        let what = if self.caught_up.is_empty() {
            "nothing is left to catch up with".into()
        } else {
            self.caught_up.join(", ")
        };
        Some(self.coverage(
            Severity::Info,
            format!("no host watched for {away}, and that is caught up with: {what}"),
            true,
        ))
    }

    fn coverage(&self, severity: Severity, message: String, over: bool) -> Coverage {
        Coverage {
            chain: None,
            kind: "host-away".to_owned(),
            subject: "host/watch".to_owned(),
            severity,
            message,
            over,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alloy::primitives::{Address, B256};

    use super::*;
    use crate::block::{Assurance, Block, Logs, Parts, Transactions, Verification};

    const NOON_MS: u64 = 1_796_040_000_000;

    fn head(chain: ChainId, number: u64) -> BlockRef {
        BlockRef { chain, number, hash: B256::ZERO }
    }

    fn block(chain: ChainId, number: u64, at_ms: u64) -> Event {
        let block = Block {
            chain,
            number,
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            timestamp_s: at_ms / 1_000,
            beneficiary: Address::ZERO,
            gas_used: 0,
            base_fee_wei: None,
            assurance: Assurance { verification: Verification::Full, exceptions: Vec::new(), source: String::new() },
            transactions: Transactions::default(),
            logs: Logs::default(),
            frames: None,
            storage: None,
            awaited: Parts::default(),
        };
        Event::Committed { block: Arc::new(block) }
    }

    #[test]
    fn a_restart_is_no_absence_and_a_new_journal_missed_nothing() {
        assert_eq!(Absence::before(NOON_MS, 0, &[]), None);
        assert_eq!(Absence::before(NOON_MS, NOON_MS - 59_000, &[head(1, 7)]), None);
        assert_eq!(Absence::before(NOON_MS, NOON_MS + 1, &[]), None);
        let short = Absence::before(NOON_MS, NOON_MS - 60_000, &[head(1, 7)]).unwrap().begun();
        let long = Absence::before(NOON_MS, NOON_MS - 900_000, &[head(1, 7)]).unwrap().begun();
        assert_eq!((short.severity, long.severity), (Severity::Medium, Severity::High));
        assert!(long.message.contains("for 15 min") && long.message.contains("from block 8 on"), "{}", long.message);
    }

    #[test]
    fn it_lasts_until_every_chain_has_a_block_of_after_the_start() {
        let mut absence = Absence::before(NOON_MS, NOON_MS - 120_000, &[head(1, 7), head(2, 100)]).unwrap();
        assert_eq!(absence.saw(&block(1, 8, NOON_MS - 100_000)), None);
        assert_eq!(absence.saw(&block(1, 9, NOON_MS - 1_000)), None);
        assert_eq!(absence.saw(&Event::Tick), None);
        assert_eq!(absence.saw(&block(1, 10, NOON_MS)), None);
        let over = absence.saw(&block(2, 101, NOON_MS + 5_000)).unwrap();
        assert!(over.over);
        for part in ["for 2 min", "blocks 8 to 9 of chain 1 were taken in", "chain 2 had no block meanwhile"] {
            assert!(over.message.contains(part), "{}", over.message);
        }
    }

    #[test]
    fn where_no_chain_is_followed_there_is_nothing_to_catch_up_with() {
        let absence = Absence::before(NOON_MS, NOON_MS - 120_000, &[]).unwrap();
        assert!(absence.over().unwrap().message.ends_with("nothing is left to catch up with"));
    }
}
