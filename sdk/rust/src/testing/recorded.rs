//! A block from JSON-RPC.

use std::io::Read;
use std::path::Path;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;
use serde_json::Value;

use super::Block;
use super::rows::{CreationRow, FrameRow, LogRow, TransactionRow};

/// Why a JSON value is no block.
#[derive(Debug)]
pub struct RecordedError(String);

impl std::fmt::Display for RecordedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RecordedError {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    number: U256,
    hash: B256,
    parent_hash: B256,
    timestamp: U256,
    miner: Option<Address>,
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    hash: B256,
    from: Address,
    to: Option<Address>,
    value: U256,
    input: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    status: Option<U256>,
    contract_address: Option<Address>,
    logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

#[derive(Deserialize)]
struct Traced {
    result: Call,
}

#[derive(Deserialize)]
struct Call {
    #[serde(rename = "type")]
    kind: String,
    from: Address,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: Option<U256>,
    #[serde(default)]
    input: Bytes,
    #[serde(default)]
    output: Bytes,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    calls: Vec<Call>,
}

impl Block {
    /// The blocks of all `*.json.gz` files in a folder, each in the shape that [`Block::from_json_rpc`] reads, in
    /// order of height.
    pub fn read_folder(folder: &Path) -> Result<Vec<Self>, RecordedError> {
        let mut blocks = Vec::new();
        let wrong =
            |path: &Path, error: &dyn std::fmt::Display| RecordedError(format!("`{}`: {error}", path.display()));
        for entry in std::fs::read_dir(folder).map_err(|error| wrong(folder, &error))? {
            let path = entry.map_err(|error| wrong(folder, &error))?.path();
            if !path.to_string_lossy().ends_with(".json.gz") {
                continue;
            }
            let mut text = String::new();
            std::fs::File::open(&path)
                .and_then(|file| flate2::read::GzDecoder::new(file).read_to_string(&mut text))
                .map_err(|error| wrong(&path, &error))?;
            let recorded: Value = serde_json::from_str(&text).map_err(|error| wrong(&path, &error))?;
            blocks.push(Self::from_json_rpc(&recorded).map_err(|error| wrong(&path, &error))?);
        }
        blocks.sort_by_key(|block| block.number);
        Ok(blocks)
    }

    /// A block with its receipts and, where there are any, its traces: `{ "block", "receipts", "traces" }` as
    /// `eth_getBlockByHash` with whole transactions, `eth_getBlockReceipts` and `debug_traceBlockByHash` with the
    /// callTracer give them.
    pub fn from_json_rpc(recorded: &Value) -> Result<Self, RecordedError> {
        let header: Header = part(recorded, "block")?;
        let receipts: Vec<Receipt> = part(recorded, "receipts")?;
        let traces: Vec<Traced> = match recorded.get("traces") {
            Some(Value::Null) | None => Vec::new(),
            Some(_) => part(recorded, "traces")?,
        };
        let mut block = Self::at(header.number.saturating_to(), header.timestamp.saturating_to());
        (block.hash, block.parent_hash) = (header.hash, header.parent_hash);
        block.beneficiary = header.miner.unwrap_or_default();
        for (index, transaction) in (0u32..).zip(header.transactions) {
            block.transaction_hashes.push(transaction.hash);
            let status = receipts.get(index as usize).and_then(|receipt| receipt.status);
            block.transactions.push(TransactionRow {
                hash: transaction.hash,
                index,
                sender: transaction.from,
                recipient: transaction.to,
                value: transaction.value,
                input: transaction.input,
                status: status.map_or(2, |status| status.saturating_to()),
            });
        }
        for (transaction_index, receipt) in (0u32..).zip(receipts) {
            if let (Some(address), Some(by)) =
                (receipt.contract_address, block.transactions.get(transaction_index as usize))
                && by.recipient.is_none()
            {
                block.creations.push(CreationRow { transaction_index, creator: by.sender, address });
            }
            for log in receipt.logs {
                let index = block.logs.len() as u32;
                block.logs.push(LogRow {
                    address: log.address,
                    topics: log.topics,
                    data: log.data,
                    index,
                    transaction_index,
                });
            }
        }
        for (transaction_index, traced) in (0u32..).zip(traces) {
            flatten(&mut block.frames, transaction_index, 0, true, traced.result);
        }
        Ok(block)
    }
}

fn part<T: serde::de::DeserializeOwned>(recorded: &Value, name: &str) -> Result<T, RecordedError> {
    let value = recorded.get(name).ok_or_else(|| RecordedError(format!("`{name}` is missing")))?;
    T::deserialize(value).map_err(|error| RecordedError(format!("`{name}`: {error}")))
}

fn flatten(frames: &mut Vec<FrameRow>, transaction_index: u32, depth: u32, within: bool, call: Call) {
    const KINDS: [&str; 7] = ["CALL", "STATICCALL", "DELEGATECALL", "CALLCODE", "CREATE", "CREATE2", "SELFDESTRUCT"];
    let success = within && call.error.is_none();
    frames.push(FrameRow {
        transaction_index,
        depth,
        kind: KINDS.iter().position(|&kind| kind == call.kind).map_or(u8::MAX, |code| code as u8),
        sender: call.from,
        target: call.to.unwrap_or_default(),
        value: call.value.unwrap_or_default(),
        input: call.input,
        output: call.output,
        success,
    });
    for inner in call.calls {
        flatten(frames, transaction_index, depth + 1, success, inner);
    }
}
