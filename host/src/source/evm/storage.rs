//! Storage changes: from `prestateTracer` in diff mode.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::refusal::{Check, Refusal};
use super::traced;
use crate::block::{StorageChanges, Transactions};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Traced {
    #[serde(default)]
    tx_hash: Option<B256>,
    #[serde(default)]
    result: Option<Diff>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Diff {
    #[serde(default)]
    pre: Option<BTreeMap<Address, Account>>,
    #[serde(default)]
    post: Option<BTreeMap<Address, Account>>,
}

#[derive(Default, Deserialize)]
struct Account {
    /// Nodes write slots and values with or without leading zeros.
    #[serde(default)]
    storage: Option<BTreeMap<U256, U256>>,
}

/// Reads the changes, in the order of the transactions, then of addresses and slots. A slot that stands only
/// in one of the two states is zero in the other.
///
/// # Errors
/// If the changes are unreadable, or are those of other transactions.
pub(super) fn decode(changes: &RawValue, transactions: &Transactions) -> Result<StorageChanges, Refusal> {
    let traced: Vec<Traced> = serde_json::from_str(changes.get())
        .map_err(|error| Refusal::shape("storage changes", changes.get(), &error))?;
    let stated: Vec<Option<B256>> = traced.iter().map(|traced| traced.tx_hash).collect();
    let places = traced::assign(Check::Storage, "storage changes", &stated, transactions)?;
    let mut out = StorageChanges::default();
    for (index, Traced { result, error, .. }) in places.into_iter().zip(traced) {
        let Some(diff) = result else {
            let what = format!("no storage changes of transaction {index}");
            return Err(Refusal::new(Check::Storage, what, "a state diff", error.unwrap_or_else(|| "none".into())));
        };
        let mut slots: BTreeMap<(Address, U256), (U256, U256)> = BTreeMap::new();
        for (address, account) in diff.pre.into_iter().flatten() {
            slots.extend(
                account.storage.into_iter().flatten().map(|(slot, before)| ((address, slot), (before, U256::ZERO))),
            );
        }
        for (address, account) in diff.post.into_iter().flatten() {
            for (slot, after) in account.storage.into_iter().flatten() {
                slots.entry((address, slot)).or_default().1 = after;
            }
        }
        for ((address, slot), (before, after)) in slots.into_iter().filter(|(_, (before, after))| before != after) {
            out.transaction_index.push(index as u32);
            out.address.push(&address);
            out.slot.push(&slot.to_be_bytes());
            out.before.push(&before.to_be_bytes());
            out.after.push(&after.to_be_bytes());
        }
    }
    Ok(out)
}
