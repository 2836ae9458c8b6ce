//! Whether receipts and logs are those of the transactions.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{B256, U64};

use super::transactions::Sent;
use crate::block::Verification;
use crate::source::evm::refusal::{Check, Refusal, same};
use crate::source::evm::wire::{WireLog, WireReceipt};

/// Returns the receipt of each transaction, and the hashes of those that have none.
///
/// One receipt for each transaction, in their order, at every level but [`Verification::None`], which takes a transaction
/// without one. Where receipts and logs say that they stand is checked at [`Verification::Header`] and up; below, a receipt is
/// that of the transaction that it names, and the order of its logs counts.
pub(super) fn check<'a>(
    block: B256,
    transactions: &[Sent],
    receipts: Vec<WireReceipt<'a>>,
    level: Verification,
    exceptions: &mut Vec<String>,
) -> Result<(Vec<Option<WireReceipt<'a>>>, Vec<B256>), Refusal> {
    let receipts = match level {
        Verification::None | Verification::Links => in_order(transactions, receipts, level, exceptions),
        Verification::Header | Verification::Full => receipts,
    };
    let (count, came) = (transactions.len(), receipts.len());
    if came > count || (came < count && level > Verification::None) {
        return Err(Refusal::new(Check::ReceiptCount, "another number of receipts", count, came));
    }
    let mut receipts = receipts.into_iter().peekable();
    let (mut all, mut missing) = (Vec::with_capacity(count), Vec::new());
    let mut left_out = count - came;
    let (mut log_index, mut is_odd) = (0_usize, false);
    for (index, Sent { wire, .. }) in transactions.iter().enumerate() {
        let is_its = receipts.peek().is_some_and(|receipt| receipt.transaction_hash == wire.hash);
        if !is_its && left_out > 0 {
            left_out -= 1;
            missing.push(wire.hash);
            all.push(None);
            continue;
        }
        let Some(receipt) = receipts.next() else { break };
        let other = || format!("a receipt of another transaction at place {index}");
        same(Check::ReceiptTransaction, other, wire.hash, receipt.transaction_hash)?;
        if level >= Verification::Header {
            let of = || format!("receipt {index}");
            let stated = receipt.block_hash.read::<B256>(&of(), "blockHash", Verification::Links)?;
            same(Check::ReceiptTransaction, other, block, stated.unwrap_or(block))?;
            let place = U64::from(index);
            let stated = receipt.transaction_index.read::<U64>(&of(), "transactionIndex", Verification::Links)?;
            same(Check::ReceiptTransaction, other, place, stated.unwrap_or(place))?;
        }
        for log in &receipt.logs {
            if level >= Verification::Header {
                stands(log, log_index, index, wire.hash, block)?;
            } else {
                is_odd |= log.log_index.if_readable::<U64>().is_some_and(|stated| stated != U64::from(log_index));
            }
            if log.topics.len() > 4 {
                let what = format!("too many topics in log {log_index}");
                return Err(Refusal::new(Check::Shape, what, "up to 4", log.topics.len()));
            }
            log_index += 1;
        }
        all.push(Some(receipt));
    }
    if !missing.is_empty() {
        exceptions.push(format!(
            "{} of {count} transactions have no receipt and count as failed: {}",
            missing.len(),
            missing.iter().take(5).map(B256::to_string).collect::<Vec<_>>().join(", ")
        ));
    }
    if is_odd {
        exceptions
            .push("the source's log indexes are not the places of the logs in the block; their order counts".into());
    }
    Ok((all, missing))
}

/// Puts receipts into the order of the transactions that they name, unless they have it. One that names no transaction of the
/// block stays where it is, to be refused; at [`Verification::None`] it is left out where each transaction has its own, as is a
/// second one of the same.
fn in_order<'a>(
    transactions: &[Sent],
    receipts: Vec<WireReceipt<'a>>,
    level: Verification,
    exceptions: &mut Vec<String>,
) -> Vec<WireReceipt<'a>> {
    let mut left = transactions.iter();
    if receipts.iter().all(|receipt| left.any(|sent| sent.wire.hash == receipt.transaction_hash)) {
        return receipts;
    }
    let places: BTreeMap<B256, usize> =
        transactions.iter().enumerate().map(|(index, sent)| (sent.wire.hash, index)).collect();
    let placed: Vec<Option<usize>> =
        receipts.iter().map(|receipt| places.get(&receipt.transaction_hash).copied()).collect();
    let known: BTreeSet<usize> = placed.iter().flatten().copied().collect();
    let odd = receipts.len() - known.len();
    let is_complete = known.len() == transactions.len();
    if odd > 0 && !(is_complete && level == Verification::None) {
        return receipts;
    }
    if odd > 0 {
        exceptions.push(format!(
            "{odd} receipts are of no transaction of the block, or were there twice, and are left out with their logs"
        ));
    }
    let mut sorted: BTreeMap<usize, WireReceipt<'a>> = BTreeMap::new();
    let mut is_sorted = true;
    for (place, receipt) in placed.into_iter().zip(receipts) {
        let Some(place) = place else { continue };
        is_sorted &= sorted.last_key_value().is_none_or(|(last, _)| *last < place);
        sorted.entry(place).or_insert(receipt);
    }
    if !is_sorted {
        exceptions.push("the source's receipts have another order than the transactions, which counts".into());
    }
    sorted.into_values().collect()
}

/// Checks where a log says that it stands.
fn stands(log: &WireLog<'_>, log_index: usize, index: usize, transaction: B256, block: B256) -> Result<(), Refusal> {
    let of = || format!("log {log_index}");
    let other = || format!("a log of another place as log {log_index}");
    let stated = log.transaction_hash.read(&of(), "transactionHash", Verification::Links)?;
    same(Check::LogPlace, other, transaction, stated.unwrap_or(transaction))?;
    let stated = log.block_hash.read(&of(), "blockHash", Verification::Links)?;
    same(Check::LogPlace, other, block, stated.unwrap_or(block))?;
    let place = U64::from(index);
    let stated = log.transaction_index.read(&of(), "transactionIndex", Verification::Links)?;
    same(Check::LogPlace, other, place, stated.unwrap_or(place))?;
    let place = U64::from(log_index);
    let stated = log.log_index.read(&of(), "logIndex", Verification::Links)?;
    same(Check::LogPlace, other, place, stated.unwrap_or(place))?;
    if log.removed.read::<bool>(&of(), "removed", Verification::Links)?.unwrap_or_default() {
        return Err(Refusal::new(Check::LogPlace, other(), "a log that stands", "a log that was removed"));
    }
    Ok(())
}
