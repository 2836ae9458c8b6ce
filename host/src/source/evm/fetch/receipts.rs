//! Receipts: by the block, or one by one if the block's can't be had.

use alloy::primitives::B256;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Body, Failed};
use crate::source::evm::fault::{Fault, Meaning};
use crate::source::evm::pool::Endpoint;
use crate::source::evm::rpc::Call;

const BY_BLOCK: &str = "eth_getBlockReceipts";
const ONE: &str = "eth_getTransactionReceipt";

type Receipts = Result<Box<RawValue>, Failed>;

/// Fetches the receipts of blocks, for each block by itself. A block without transactions has none, and is not asked about.
/// `patient`: whether receipts of which only some are there count as not there yet.
pub(super) async fn of(endpoint: &Endpoint, bodies: &[Body], patient: bool) -> Vec<Receipts> {
    let mut found: Vec<Option<Receipts>> =
        bodies.iter().map(|body| body.transactions.is_empty().then(|| joined(&[]))).collect();
    let mut why = endpoint.lacks(BY_BLOCK).unwrap_or_default();
    if why.is_empty() {
        let open: Vec<usize> = (0..bodies.len()).filter(|index| found[*index].is_none()).collect();
        let calls = open.iter().map(|index| Call::new(BY_BLOCK, json!([bodies[*index].hash])));
        for (index, answer) in open.iter().zip(endpoint.client.calls(calls.collect()).await) {
            match answer {
                Ok(receipts) if receipts.get() != "null" => {
                    endpoint.note_works(BY_BLOCK);
                    found[*index] = Some(Ok(receipts));
                }
                Ok(_) => why = "null".to_owned(),
                Err(fault) => match fault.meaning() {
                    Meaning::Unanswered | Meaning::Throttled => found[*index] = Some(Err(fault.into())),
                    meaning => {
                        why = fault.to_string();
                        match meaning {
                            Meaning::MethodUnknown => endpoint.note_unknown(BY_BLOCK, why.clone()),
                            Meaning::Other => endpoint.note_failed(BY_BLOCK, bodies[*index].number, why.clone()),
                            _ => {}
                        }
                    }
                },
            }
        }
    }
    let mut all = Vec::with_capacity(bodies.len());
    for (body, found) in bodies.iter().zip(found) {
        let receipts = match found {
            Some(receipts) => receipts,
            None => one_by_one(endpoint, body, &why, patient).await,
        };
        let ended = receipts.is_err();
        all.push(receipts);
        if ended {
            // Blocks are taken in order: what comes after this one is of no use yet.
            break;
        }
    }
    all
}

async fn one_by_one(endpoint: &Endpoint, body: &Body, why: &str, patient: bool) -> Receipts {
    let (found, first) = singles(endpoint, &body.transactions).await?;
    let some_are_missing = found.len() < body.transactions.len();
    if found.is_empty() || (some_are_missing && patient) {
        let first = first.map_or_else(|| "null".to_owned(), |fault| fault.to_string());
        let why = if why.is_empty() { "not asked" } else { why };
        return Err(Failed::Partial(format!(
            "it has block {} and not its receipts: `{BY_BLOCK}`: {why}; `{ONE}`: {first}",
            body.number
        )));
    }
    joined(&found)
}

/// Fetches receipts by their transactions. Returns those that there are, and the first fault of the node's own.
async fn singles(endpoint: &Endpoint, transactions: &[B256]) -> Result<(Vec<Box<RawValue>>, Option<Fault>), Failed> {
    let calls = transactions.iter().map(|hash| Call::new(ONE, json!([hash])));
    let (mut found, mut first) = (Vec::with_capacity(transactions.len()), None);
    for answer in endpoint.client.calls(calls.collect()).await {
        match answer {
            Ok(receipt) if receipt.get() == "null" => {}
            Ok(receipt) => found.push(receipt),
            Err(fault) if fault.is_answer() => first = first.or(Some(fault)),
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok((found, first))
}

/// Completes a block's receipts with those that are missing, as far as there are such, in the order of the transactions.
pub(super) async fn with_singles(endpoint: &Endpoint, known: &RawValue, missing: &[B256]) -> Receipts {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Placed {
        transaction_hash: B256,
        #[serde(default)]
        transaction_index: Option<alloy::primitives::U64>,
    }
    let (found, first) = singles(endpoint, missing).await?;
    if let Some(fault) = first {
        return Err(fault.into());
    }
    let unreadable = |error: serde_json::Error| Failed::Fault(Fault::Unreadable(error.to_string()));
    let known: Vec<Option<&RawValue>> = serde_json::from_str(known.get()).map_err(unreadable)?;
    let known = known.into_iter().flatten();
    let mut all: Vec<(u64, B256, &RawValue)> = Vec::new();
    for receipt in found.iter().map(AsRef::as_ref).chain(known) {
        let placed: Placed = serde_json::from_str(receipt.get()).map_err(unreadable)?;
        let index = placed.transaction_index.map_or(u64::MAX, |index| index.to::<u64>());
        // Those that were asked for one by one come first, and go before what was known of them.
        if !all.iter().any(|(_, hash, _)| *hash == placed.transaction_hash) {
            all.push((index, placed.transaction_hash, receipt));
        }
    }
    all.sort_by_key(|(index, ..)| *index);
    joined(&all.into_iter().map(|(_, _, receipt)| receipt.to_owned()).collect::<Vec<_>>())
}

fn joined(receipts: &[Box<RawValue>]) -> Receipts {
    let all: Vec<&str> = receipts.iter().map(|receipt| receipt.get()).collect();
    RawValue::from_string(format!("[{}]", all.join(",")))
        .map_err(|error| Failed::Fault(Fault::Unreadable(error.to_string())))
}
