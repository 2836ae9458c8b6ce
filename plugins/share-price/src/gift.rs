//! What is sent to a vault past its functions.

use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use crate::Transfer;
use crate::config::Watched;

/// Tokens that a vault was sent, and that none of its own logs of the same transaction tells of.
pub(crate) struct Gift<'b> {
    pub(crate) log: Log<'b>,
    pub(crate) from: Address,
    pub(crate) amount: U256,
}

/// The gifts of a batch. A vault that takes a deposit or a repayment emits a log with the amount.
pub(crate) fn find<'b>(watched: &Watched, batch: &'b Batch<'_>, own: &[Log<'_>]) -> Vec<Gift<'b>> {
    let (Some(asset), vault) = (watched.vault.asset, watched.vault.address) else { return Vec::new() };
    let mut used = vec![false; own.len()];
    let mut gifts = Vec::new();
    for log in batch.logs().filter(|log| log.address() == asset && log.topic_or_zero(2) == vault.into_word()) {
        let Some(transfer) = log.decode::<Transfer>() else { continue };
        if transfer.value.is_zero() {
            continue;
        }
        // One log of the vault's tells of one transfer: two of the same amount need two.
        let tells = |(at, own): &(usize, &Log<'_>)| {
            !used[*at] && own.transaction_index() == log.transaction_index() && names(own, transfer.value)
        };
        match own.iter().enumerate().find(tells) {
            Some((at, _)) => used[at] = true,
            None => gifts.push(Gift { log, from: transfer.from, amount: transfer.value }),
        }
    }
    gifts
}

/// Whether a word of a log's data is this amount.
fn names(log: &Log<'_>, amount: U256) -> bool {
    let word = amount.to_be_bytes::<32>();
    log.data().chunks_exact(32).any(|chunk| chunk == word)
}
