//! Real blocks, and rules whose parameters are taken from what is busy in them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use alloy_primitives::{Address, B256, keccak256};
use serde_json::{Value, json};

use watchfire::block::{Block, Verification};
use watchfire::event::Event;
use watchfire::source::raw::RawBlock;
use watchfire::source::recording::{Item, Recording};

/// A limit that nothing reaches, in whole units: a rule that is in use finds something once in a while, not in each block.
pub(super) const NEVER: &str = "1000000000000000000";

/// Seconds between blocks of a loop.
const BLOCK_S: u64 = 12;

/// Blocks in the form in which nodes give them, and decoded.
pub(super) struct Blocks {
    pub(super) raw: Vec<RawBlock>,
    pub(super) all: Vec<Arc<Block>>,
    /// Addresses by how many transfers they took part in, busiest first.
    parties: Vec<Address>,
    /// Tokens by how many transfers they saw, busiest first.
    tokens: Vec<Address>,
}

impl Blocks {
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let mut recording = Recording::open(path, &BTreeMap::from([(0, Verification::Full)]))?;
        let (mut raw, mut all) = (Vec::new(), Vec::new());
        while let Some(item) = recording.next_item()? {
            let Item::Delivery(delivery) = item else { continue };
            if let (Event::Committed { block }, Some(form)) = (delivery.event, delivery.raw) {
                raw.push(*form);
                all.push(block);
            }
        }
        anyhow::ensure!(!all.is_empty(), "`{}` has no block", path.display());
        let transfer = keccak256("Transfer(address,address,uint256)");
        let (mut parties, mut tokens) = (BTreeMap::new(), BTreeMap::new());
        for logs in all.iter().map(|block| &block.logs) {
            for row in
                (0..logs.len()).filter(|&row| logs.topics[0].get(row) == &transfer.0 && logs.topic_count[row] == 3)
            {
                *tokens.entry(Address::from(*logs.address.get(row))).or_insert(0_u32) += 1;
                for topic in [1, 2] {
                    let party = Address::from_slice(&logs.topics[topic].get(row)[12..]);
                    *parties.entry(party).or_insert(0_u32) += 1;
                }
            }
        }
        Ok(Self { raw, all, parties: busiest(parties), tokens: busiest(tokens) })
    }

    /// How many logs there are in all.
    pub(super) fn logs(&self) -> usize {
        self.all.iter().map(|block| block.logs.len()).sum()
    }

    /// So many blocks of one chain: the real ones over and over, each under a hash, a height and a time of its own.
    pub(super) fn looped(&self, count: usize) -> Vec<Arc<Block>> {
        let start_s = self.all.iter().map(|block| block.timestamp_s).max().unwrap_or_default();
        let hash = |number: u64| keccak256(number.to_be_bytes());
        let blocks = self.all.iter().cycle().take(count).zip(1..).map(|(block, number)| {
            Arc::new(Block {
                number,
                hash: hash(number),
                parent_hash: if number == 1 { B256::ZERO } else { hash(number - 1) },
                timestamp_s: start_s + number * BLOCK_S,
                ..(**block).clone()
            })
        });
        blocks.collect()
    }

    /// The same in rounds.
    pub(super) fn loops(&self, rounds: usize) -> Vec<Vec<Arc<Block>>> {
        self.looped(rounds * self.all.len()).chunks(self.all.len()).map(<[_]>::to_vec).collect()
    }

    /// Rule `at` of many narrow ones: each sees one contract's logs, from the busiest token on, those that move the funds
    /// of busy addresses.
    pub(super) fn narrow(&self, at: usize) -> Value {
        let token = self.tokens.get(at % self.tokens.len().max(1)).copied().unwrap_or_default();
        config(&self.parties[..100.min(self.parties.len())], &[token], NEVER)
    }

    /// Whether a block has logs of the busiest token.
    pub(super) fn is_seen(&self, block: &Block) -> bool {
        self.tokens.first().is_some_and(|token| block.logs.address.iter().any(|address| *address == token.into_array()))
    }

    /// Rule `at` of many that find whatever leaves one busy address.
    pub(super) fn sensitive(&self, at: usize) -> Value {
        let party = self.parties.get(at % self.parties.len().max(1)).copied().unwrap_or_default();
        config(&[party], &self.tokens[..1_000.min(self.tokens.len())], "0")
    }

    /// A rule that sees every transfer of the hundred busiest addresses in the thousand busiest tokens.
    pub(super) fn wide(&self, limit: &str) -> Value {
        let (watch, assets) = (100.min(self.parties.len()), 1_000.min(self.tokens.len()));
        config(&self.parties[..watch], &self.tokens[..assets], limit)
    }

    /// A rule that sees all transfers: every address that took part in one is watched.
    pub(super) fn all_transfers(&self, limit: &str) -> Value {
        config(&self.parties, &self.tokens, limit)
    }

    /// A rule that never sees anything.
    pub(super) fn idle(&self, at: usize) -> Value {
        let nobody = Address::from_word(keccak256(format!("nobody {at}")));
        config(&[nobody], &[nobody], "1")
    }
}

fn busiest(counts: BTreeMap<Address, u32>) -> Vec<Address> {
    let mut all: Vec<(Address, u32)> = counts.into_iter().collect();
    all.sort_by_key(|(address, count)| (std::cmp::Reverse(*count), *address));
    all.into_iter().map(|(address, _)| address).collect()
}

fn config(watch: &[Address], assets: &[Address], limit: &str) -> Value {
    let watch: Vec<Value> =
        watch.iter().map(|address| json!({ "address": address.to_checksum(None), "label": "busy" })).collect();
    let asset = |(address, at): (&Address, usize)| json!({ "address": address.to_checksum(None), "symbol": format!("T{at}"), "decimals": 18, "limit": limit });
    let assets: Vec<Value> = assets.iter().zip(0..).map(asset).collect();
    json!({ "watch": watch, "assets": assets, "window_s": 3_600 })
}
