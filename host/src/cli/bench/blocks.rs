//! Real blocks, and rules whose parameters are taken from what is busy in them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::{Address, keccak256};
use serde_json::{Value, json};

use crate::block::{Block, Verification};
use crate::event::Event;
use crate::source::raw::RawBlock;
use crate::source::recording::{Item, Recording};

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

    /// A rule that sees the busiest token's transfers of the busiest address only.
    pub(super) fn narrow_config(&self) -> Value {
        config(&self.parties[..1.min(self.parties.len())], &self.tokens[..1.min(self.tokens.len())])
    }

    /// A rule that sees the transfers of the hundred busiest addresses in the thousand busiest tokens.
    pub(super) fn wide_config(&self) -> Value {
        config(&self.parties[..100.min(self.parties.len())], &self.tokens[..1_000.min(self.tokens.len())])
    }
}

fn busiest(counts: BTreeMap<Address, u32>) -> Vec<Address> {
    let mut all: Vec<(Address, u32)> = counts.into_iter().collect();
    all.sort_by_key(|(address, count)| (std::cmp::Reverse(*count), *address));
    all.into_iter().map(|(address, _)| address).collect()
}

fn config(watch: &[Address], assets: &[Address]) -> Value {
    let watch: Vec<Value> =
        watch.iter().map(|address| json!({ "address": address.to_checksum(None), "label": "busy" })).collect();
    let asset = |address: &Address| json!({ "address": address.to_checksum(None), "symbol": "T", "decimals": 18, "limit": "1000000" });
    let assets: Vec<Value> = assets.iter().map(asset).collect();
    json!({ "watch": watch, "assets": assets, "window_s": 3_600 })
}
