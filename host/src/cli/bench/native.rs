//! The outflow rule as native code in the host, over the host's own columns: what a guest is measured against.

use std::collections::{HashMap, VecDeque};

use alloy::primitives::{Address, B256, I256, U256, keccak256};
use anyhow::Context;

use crate::block::Block;

/// Resolution of a window, as the detector has it.
const BUCKETS: u64 = 60;

/// The rule with its windows, which it keeps in its own memory.
pub(super) struct Native {
    transfer: B256,
    watched: HashMap<[u8; 20], u32>,
    limits: HashMap<[u8; 20], U256>,
    window_s: u64,
    windows: HashMap<(u32, [u8; 20]), Window>,
}

/// Number of a bucket since the Unix epoch and its sum, oldest first.
type Window = VecDeque<(u64, I256)>;

impl Native {
    /// The rule of the detector's config.
    pub(super) fn new(config: &serde_json::Value) -> anyhow::Result<Self> {
        let list = |name: &str| config[name].as_array().cloned().unwrap_or_default();
        let address = |value: &serde_json::Value| -> anyhow::Result<[u8; 20]> {
            let text = value["address"].as_str().context("an address")?;
            Ok(text.parse::<Address>()?.into_array())
        };
        let mut watched = HashMap::new();
        for (at, value) in list("watch").iter().enumerate() {
            watched.insert(address(value)?, at as u32);
        }
        let mut limits = HashMap::new();
        for value in list("assets") {
            let whole: u64 = value["limit"].as_str().context("a limit")?.parse()?;
            limits.insert(address(&value)?, U256::from(whole) * U256::from(10).pow(U256::from(18)));
        }
        Ok(Self {
            transfer: keccak256("Transfer(address,address,uint256)"),
            watched,
            limits,
            window_s: config["window_s"].as_u64().context("a window")?,
            windows: HashMap::new(),
        })
    }

    /// How many findings a block gives.
    pub(super) fn block(&mut self, block: &Block) -> usize {
        let logs = &block.logs;
        let mut moves: Vec<(u32, [u8; 20], I256)> = Vec::new();
        for (row, topic) in logs.topics[0].iter().enumerate() {
            if topic != &self.transfer.0 || logs.topic_count[row] != 3 {
                continue;
            }
            let token = logs.address.get(row);
            let Some(value) = logs.data.get(row).first_chunk::<32>() else { continue };
            if !self.limits.contains_key(token) {
                continue;
            }
            let amount = I256::try_from(U256::from_be_bytes(*value)).unwrap_or(I256::MAX);
            for (topic, signed) in [(1, -amount), (2, amount)] {
                let party = logs.topics[topic].get(row).last_chunk::<20>();
                if let Some(&watched) = party.and_then(|party| self.watched.get(party)) {
                    moves.push((watched, *token, signed));
                }
            }
        }
        moves.sort_by_key(|(watched, token, _)| (*watched, *token));
        let mut findings = 0;
        for group in moves.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (watched, token, _) = group[0];
            let flow = group.iter().fold(I256::ZERO, |sum, (_, _, amount)| sum.saturating_add(*amount));
            let net = self.enter(watched, token, block.timestamp_s, flow);
            let is_over = || net.unsigned_abs() > self.limits[&token];
            if flow.is_negative() && net.is_negative() && is_over() {
                findings += 1;
            }
        }
        findings
    }

    fn enter(&mut self, watched: u32, token: [u8; 20], now_s: u64, flow: I256) -> I256 {
        let bucket_s = self.window_s.div_ceil(BUCKETS);
        let window = self.windows.entry((watched, token)).or_default();
        let number = now_s / bucket_s;
        match window.back_mut() {
            Some((newest, sum)) if *newest >= number => *sum = sum.saturating_add(flow),
            _ => window.push_back((number, flow)),
        }
        let oldest = now_s.saturating_sub(self.window_s) / bucket_s;
        while window.front().is_some_and(|(number, _)| *number < oldest) {
            window.pop_front();
        }
        window.iter().fold(I256::ZERO, |sum, (_, amount)| sum.saturating_add(*amount))
    }
}
