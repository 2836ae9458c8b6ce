//! Blocks that a detector's author writes down in a case, in place of a recording: what happened in them, what a feed said, what the
//! chain answers. They become a recording, so that every language tests its detectors in the same way.

use std::path::Path;

use alloy::primitives::{Address, B256, Bytes, I256, U256, hex, keccak256};
use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::block::{BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead};
use crate::source::recording::answer_line;

/// Chain time of the first block that does not say its own.
const FIRST_S: u64 = 1_700_000_000;
/// From a block to the next one that does not say its own time.
const BLOCK_S: u64 = 12;
/// Who sends what names no sender.
const SENDER: &str = "0x00000000000000000000000000000000000000f0";

/// A block as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    chain: Option<ChainId>,
    number: Option<u64>,
    timestamp_s: Option<u64>,
    #[serde(default)]
    transaction: Vec<Transaction>,
    /// Logs, each in a transaction of its own.
    #[serde(default)]
    log: Vec<Log>,
    #[serde(default)]
    observation: Vec<Observation>,
    #[serde(default)]
    read: Vec<Read>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transaction {
    from: Option<String>,
    to: String,
    value: Option<String>,
    input: Option<Words>,
    output: Option<Words>,
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    log: Vec<Log>,
    /// Calls within its own.
    #[serde(default)]
    frame: Vec<Frame>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    kind: Option<String>,
    from: Option<String>,
    to: String,
    value: Option<String>,
    input: Option<Words>,
    output: Option<Words>,
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    frame: Vec<Frame>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    address: String,
    topics: Vec<String>,
    data: Option<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Observation {
    feed: String,
    number: Option<String>,
    text: Option<String>,
}

/// What the chain answers in this block: to a call, or about a balance, a slot, or code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    to: Option<String>,
    call: Option<Words>,
    balance: Option<String>,
    storage: Option<String>,
    slot: Option<String>,
    code: Option<String>,
    returns: Option<Words>,
    #[serde(default)]
    reverts: bool,
}

/// Bytes in hex, or 32-byte words: a signature for its selector, an address, a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Hex(String),
    List(Vec<String>),
}

/// Makes a recording of written blocks: JSON, one object after another.
///
/// # Errors
///
/// If a value is none; the message names its block and key.
pub(super) fn recording(blocks: &[Written]) -> anyhow::Result<Vec<u8>> {
    let mut lines = Vec::new();
    let (mut number, mut time_s) = (0, FIRST_S - BLOCK_S);
    for (at, written) in blocks.iter().enumerate() {
        number = written.number.unwrap_or(number + 1);
        time_s = written.timestamp_s.unwrap_or(time_s + BLOCK_S);
        let place = Place { chain: written.chain.unwrap_or(1), number, time_s };
        place.write(written, &mut lines).with_context(|| format!("`block.{at}`"))?;
    }
    Ok(lines)
}

/// Writes such a recording into a file, whose folder is made.
///
/// # Errors
///
/// If a value is none, or the file can't be written.
pub(super) fn write(blocks: &[Written], file: &Path) -> anyhow::Result<()> {
    let lines = recording(blocks)?;
    let what = || format!("`{}` can't be written", file.display());
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).with_context(what)?;
    std::fs::write(file, lines).with_context(what)
}

/// Where a block stands.
struct Place {
    chain: ChainId,
    number: u64,
    time_s: u64,
}

impl Place {
    fn hash_of(&self, number: u64) -> B256 {
        keccak256([self.chain.to_be_bytes(), number.to_be_bytes()].concat())
    }

    fn write(&self, written: &Written, lines: &mut Vec<u8>) -> anyhow::Result<()> {
        let at_ms = self.time_s.saturating_mul(1_000);
        let at = BlockRef { chain: self.chain, number: self.number, hash: self.hash_of(self.number) };
        for (place, read) in written.read.iter().enumerate() {
            let (read, answer) = read.answered().with_context(|| format!("`read.{place}`"))?;
            lines.extend(answer_line(at, &read, &answer)?);
        }
        for (place, seen) in written.observation.iter().enumerate() {
            let value = seen.value().with_context(|| format!("`observation.{place}`"))?;
            let (feed, time) = (&seen.feed, at_ms);
            let seen = json!({ "feed": feed, "observed_at_ms": time, "received_at_ms": time, "value": value });
            push(lines, &json!({ "observation": seen, "at_ms": at_ms }))?;
        }
        let (mut transactions, mut receipts, mut traces) = (Vec::new(), Vec::new(), Vec::new());
        let own = written.log.iter().map(|log| (log, Transaction::around(log)));
        let own: Vec<(&Log, Transaction)> = own.collect();
        let alone = own.iter().map(|(log, transaction)| (transaction, vec![*log]));
        let all = written.transaction.iter().map(|transaction| (transaction, transaction.log.iter().collect()));
        for (index, (transaction, logs)) in all.chain(alone).enumerate() {
            let hash = keccak256([at.hash.as_slice(), &index.to_be_bytes()].concat());
            let what = || format!("`transaction.{index}`");
            let root = transaction.root().with_context(what)?;
            transactions.push(json!({
                "hash": hash, "from": root["from"], "to": root["to"], "value": root["value"], "input": root["input"],
            }));
            let logs: anyhow::Result<Vec<Value>> = logs.into_iter().map(Log::json).collect();
            receipts.push(json!({
                "transactionHash": hash, "status": if transaction.failed { "0x0" } else { "0x1" }, "gasUsed": "0x5208",
                "logs": logs.with_context(what)?,
            }));
            traces.push(json!({ "txHash": hash, "result": root }));
        }
        let parent = self.hash_of(self.number.wrapping_sub(1));
        let block = json!({
            "hash": at.hash, "parentHash": parent, "number": format!("{:#x}", self.number),
            "timestamp": format!("{:#x}", self.time_s), "transactions": transactions,
        });
        push(
            lines,
            &json!({ "chain_id": self.chain, "block": block, "receipts": receipts, "traces": traces, "at_ms": at_ms }),
        )
    }
}

fn push(lines: &mut Vec<u8>, object: &Value) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *lines, object)?;
    lines.push(b'\n');
    Ok(())
}

impl Transaction {
    /// The transaction of a log that names none: whoever it is by calls the contract.
    fn around(log: &Log) -> Self {
        let to = log.address.clone();
        Self {
            from: None,
            to,
            value: None,
            input: None,
            output: None,
            failed: false,
            log: Vec::new(),
            frame: Vec::new(),
        }
    }

    /// Its own call, as a tracer gives it.
    fn root(&self) -> anyhow::Result<Value> {
        let from = self.from.as_deref().unwrap_or(SENDER);
        let call = Called { kind: "CALL", from, to: &self.to, value: &self.value, failed: self.failed };
        call.json(&self.input, &self.output, &self.frame)
    }
}

/// What a transaction's own call and those within have alike.
struct Called<'a> {
    kind: &'a str,
    from: &'a str,
    to: &'a str,
    value: &'a Option<String>,
    failed: bool,
}

impl Called<'_> {
    fn json(&self, input: &Option<Words>, output: &Option<Words>, frames: &[Frame]) -> anyhow::Result<Value> {
        let value = self.value.as_deref().map(number).transpose().context("`value`")?.unwrap_or_default();
        let calls: anyhow::Result<Vec<Value>> = frames.iter().map(|frame| frame.json(self.to)).collect();
        let mut made = json!({
            "type": self.kind, "from": address(self.from).context("`from`")?, "to": address(self.to).context("`to`")?,
            "value": format!("{value:#x}"), "gas": "0x5208", "gasUsed": "0x5208",
            "input": bytes(input, true).context("`input`")?, "output": bytes(output, false).context("`output`")?,
            "calls": calls?,
        });
        if self.failed {
            made["error"] = json!("execution reverted");
        }
        Ok(made)
    }
}

impl Frame {
    fn json(&self, around: &str) -> anyhow::Result<Value> {
        let kind = self.kind.as_deref().unwrap_or("call").to_uppercase();
        let from = self.from.as_deref().unwrap_or(around);
        let call = Called { kind: &kind, from, to: &self.to, value: &self.value, failed: self.failed };
        call.json(&self.input, &self.output, &self.frame).context("`frame`")
    }
}

impl Log {
    fn json(&self) -> anyhow::Result<Value> {
        let topic = |topic: &String| match topic.contains('(') {
            true => Ok(keccak256(topic)),
            false => word(topic),
        };
        let topics: anyhow::Result<Vec<B256>> = self.topics.iter().map(topic).collect();
        let (topics, address) = (topics.context("`log.topics`")?, address(&self.address).context("`log.address`")?);
        let data = bytes(&self.data, false).context("`log.data`")?;
        Ok(json!({ "address": address, "topics": topics, "data": data }))
    }
}

impl Observation {
    fn value(&self) -> anyhow::Result<Value> {
        match (&self.number, &self.text) {
            (Some(number), None) => Ok(json!({ "kind": "number", "value": number })),
            (None, Some(text)) => Ok(json!({ "kind": "text", "value": text })),
            _ => bail!("write what the feed said as `number` or as `text`"),
        }
    }
}

impl Read {
    fn answered(&self) -> anyhow::Result<(ChainRead, ChainAnswer)> {
        let read = match (&self.to, &self.call, &self.balance, &self.storage, &self.slot, &self.code) {
            (Some(to), Some(_), None, None, None, None) => {
                ChainRead::Call { to: address(to).context("`to`")?, data: bytes(&self.call, true).context("`call`")? }
            }
            (None, None, Some(of), None, None, None) => {
                ChainRead::Balance { address: address(of).context("`balance`")? }
            }
            (None, None, None, Some(of), Some(slot), None) => {
                ChainRead::Storage { address: address(of).context("`storage`")?, slot: word(slot).context("`slot`")? }
            }
            (None, None, None, None, None, Some(of)) => ChainRead::Code { address: address(of).context("`code`")? },
            _ => bail!("write `to` and `call`, or `balance`, or `storage` and `slot`, or `code`"),
        };
        if self.reverts {
            let message = "execution reverted".to_owned();
            let data = bytes(&self.returns, true).context("`returns`")?;
            return Ok((read, Err(ChainFault { code: "reverted".to_owned(), message, data })));
        }
        anyhow::ensure!(self.returns.is_some(), "write what it answers as `returns`, or `reverts = true`");
        Ok((read, Ok(bytes(&self.returns, false).context("`returns`")?)))
    }
}

fn address(text: &str) -> anyhow::Result<Address> {
    text.parse().with_context(|| format!("`{text}` is no address: 0x and 40 hexadecimal digits"))
}

fn number(text: &str) -> anyhow::Result<U256> {
    let plain = text.replace('_', "");
    let what = || format!("`{text}` is no number of 256 bits");
    match plain.starts_with('-') {
        true => plain.parse::<I256>().map(I256::into_raw).with_context(what),
        false => plain.parse::<U256>().with_context(what),
    }
}

/// A number, an address or fewer bytes than 32, as the ABI has them.
fn word(text: &str) -> anyhow::Result<B256> {
    match text.strip_prefix("0x") {
        Some(digits) if digits.len() == 64 => text.parse().with_context(|| format!("`{text}` is no word")),
        _ => Ok(number(text)?.into()),
    }
}

/// Bytes of hex digits or words; a signature among them is its selector, which only begins calldata.
fn bytes(words: &Option<Words>, is_call: bool) -> anyhow::Result<Bytes> {
    let list = match words {
        None => return Ok(Bytes::new()),
        Some(Words::Hex(text)) => return Ok(hex::decode(text).with_context(|| format!("`{text}` is no hex"))?.into()),
        Some(Words::List(list)) => list,
    };
    let mut all = Vec::new();
    for (at, text) in list.iter().enumerate() {
        match text.contains('(') {
            true if is_call && at == 0 => all.extend_from_slice(&keccak256(text)[..4]),
            true => bail!("`{text}` stands for a selector, and begins calldata only"),
            false => all.extend_from_slice(word(text)?.as_slice()),
        }
    }
    Ok(all.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::block::Verification;
    use crate::event::Event;
    use crate::source::recording::{Item, Recording};

    #[derive(Deserialize)]
    struct Case {
        block: Vec<Written>,
    }

    fn items(text: &str) -> anyhow::Result<Vec<Item>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("build/by-hand.jsonl");
        write(&toml::from_str::<Case>(text)?.block, &file)?;
        let mut recording = Recording::open(&file, &BTreeMap::from([(0, Verification::None)]))?;
        let mut items = Vec::new();
        while let Some(item) = recording.next_item()? {
            items.push(item);
        }
        Ok(items)
    }

    #[test]
    fn written_blocks_are_read_as_a_recording() {
        let token = "0x00000000000000000000000000000000000000aa";
        let text = r#"
            [[block]]
            [[block.log]]
            address = "TOKEN"
            topics = ["Transfer(address,address,uint256)", "0x0000000000000000000000000000000000000001", "TOKEN"]
            data = ["1_000"]
            [[block.observation]]
            feed = "eth-usd"
            number = "1500.5"
            [[block]]
            timestamp_s = 1700000100
            [[block.read]]
            to = "TOKEN"
            call = ["balanceOf(address)", "TOKEN"]
            returns = ["-1"]
            [[block.transaction]]
            to = "TOKEN"
            value = "7"
            input = ["transfer(address,uint256)", "TOKEN", "5"]
            failed = true
            [[block.transaction.frame]]
            kind = "staticcall"
            to = "0x00000000000000000000000000000000000000bb"
            output = ["1"]
        "#;
        let items = items(&text.replace("TOKEN", token)).unwrap();
        let blocks: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Item::Delivery(delivery) => match &delivery.event {
                    Event::Committed { block } => Some(block.clone()),
                    _ => None,
                },
                Item::Answer { .. } => None,
            })
            .collect();
        let (first, second) = (&blocks[0], &blocks[1]);
        assert_eq!((first.number, first.timestamp_s, second.number), (1, FIRST_S, 2));
        assert_eq!((second.timestamp_s, second.parent_hash), (1_700_000_100, first.hash));
        assert_eq!(first.logs.data.get(0), U256::from(1_000).to_be_bytes::<32>());
        assert_eq!(first.logs.topics[0].get(0), &keccak256("Transfer(address,address,uint256)").0);
        assert_eq!((second.transactions.len(), second.transactions.status.first()), (1, Some(&0)));
        let frames = second.frames.as_ref().unwrap();
        assert_eq!((frames.len(), frames.input.get(0).len()), (2, 68));
        let answer = items.iter().find_map(|item| match item {
            Item::Answer { at, answer, .. } => Some((at.hash, answer.clone())),
            Item::Delivery(_) => None,
        });
        assert_eq!(answer, Some((second.hash, Ok(Bytes::from([0xff; 32])))));
        let said = items
            .iter()
            .any(|item| matches!(item, Item::Delivery(delivery) if matches!(delivery.event, Event::Observed { .. })));
        assert!(said);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        for (text, told) in [
            (
                "[[block]]\n[[block.log]]\naddress = \"0x12\"\ntopics = []\n",
                "`block.0`: `transaction.0`: `to`: `0x12` is no address",
            ),
            (
                "[[block]]\n[[block.read]]\nbalance = \"0x00000000000000000000000000000000000000aa\"\n",
                "`read.0`: write what it answers",
            ),
            ("[[block]]\n[[block.observation]]\nfeed = \"a\"\n", "`number` or as `text`"),
            ("[[block]]\nlogs = 1\n", "unknown field `logs`"),
        ] {
            let error = format!("{:#}", items(text).unwrap_err());
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
