//! What the transactions of a finding called, and what they logged, read from the journal's blocks when somebody looks: nothing of it
//! is kept, so a replay has nothing to compare.

use alloy::primitives::{Address, B256};
use serde::Serialize;

use crate::block::Block;
use crate::event::Event;
use crate::finding::Finding;
use crate::journal::{Journal, JournalError};
use crate::plan::Plan;
use crate::plan::abi::Abis;

/// How many transactions of a finding are read, and how many logs of each.
const TRANSACTIONS: usize = 4;
const LOGS: usize = 8;

/// A transaction in words, as far as its signatures are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Hash of the transaction.
    pub transaction: B256,
    /// Its call; `None` if nobody knows the function.
    pub call: Option<String>,
    /// Its logs whose event is known, the first of them.
    pub logs: Vec<String>,
}

/// Returns the transactions of some findings in words, each once. Those of blocks whose bodies were dropped are left out.
///
/// # Errors
///
/// If the journal can't be read.
pub fn said_by<'f>(
    journal: &Journal,
    plan: &Plan,
    findings: impl IntoIterator<Item = &'f Finding>,
) -> anyhow::Result<Vec<Said>> {
    let abis = Abis::of(plan);
    let mut said: Vec<Said> = Vec::new();
    for finding in findings {
        let Some(at) = finding.block else { continue };
        let new = |hash: &&B256| !said.iter().any(|one| one.transaction == **hash);
        let wanted: Vec<B256> = finding.claim.transactions.iter().filter(new).take(TRANSACTIONS).copied().collect();
        if wanted.is_empty() {
            continue;
        }
        let Some(seq) = journal.seq_of_block(at.hash)? else { continue };
        let input = match journal.input(seq) {
            Err(JournalError::Thinned { .. }) => continue,
            other => other?,
        };
        if let Some(Event::Committed { block }) = input.map(|input| input.event) {
            said.extend(wanted.into_iter().filter_map(|hash| in_words(&abis, &block, hash)));
        }
    }
    Ok(said)
}

fn in_words(abis: &Abis<'_>, block: &Block, transaction: B256) -> Option<Said> {
    let (transactions, logs) = (&block.transactions, &block.logs);
    let index = transactions.hash.iter().position(|hash| *hash == transaction.0)?;
    let is_call = transactions.is_creation.get(index) == Some(&0);
    let call =
        is_call.then(|| abis.call(Address::from(*transactions.recipient.get(index)), transactions.input.get(index)));
    let of_it = logs.transaction_index.iter().enumerate().filter(|(_, of)| **of as usize == index);
    let log = |(at, _): (usize, &u32)| {
        let count = usize::from(logs.topic_count[at]).min(logs.topics.len());
        let topics: Vec<B256> = logs.topics[..count].iter().map(|column| B256::from(*column.get(at))).collect();
        abis.log(Address::from(*logs.address.get(at)), &topics, logs.data.get(at))
    };
    let logs = of_it.filter_map(log).take(LOGS).collect();
    Some(Said { transaction, call: call.flatten(), logs })
}
