//! Rules as native code in the host, over the host's own columns: what guests are measured against.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::{Address, B256, I256, U256, address, keccak256};
use anyhow::Context;
use hashbrown::{HashMap, HashSet};

use watchfire::block::{Block, Logs};
use watchfire::entry::StateChange;
use watchfire::narrow::Rows;

/// The one token of the measured blocks that wraps the chain's coin.
const WETH: Address = address!("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2");
/// Resolution of a window, as the detector has it.
const BUCKETS: u64 = 60;

/// The outflow rule. Its windows stand in its own memory, and what each block moves goes to its state, as the detector's
/// do: what is remembered must outlive the process either way.
pub(super) struct Outflow {
    transfer: B256,
    deposit: B256,
    withdrawal: B256,
    watched: HashSet<[u8; 20]>,
    limits: HashMap<[u8; 20], U256>,
    window_s: u64,
    /// Where the window of an item is; places are never freed, as loops come back to all of them.
    places: HashMap<[u8; 40], usize>,
    windows: Vec<Window>,
    /// What the block moved so far, and where its window is, in the order in which items were first named.
    moved: Vec<([u8; 40], usize, I256)>,
    /// Keys of the stored entries, with the number of their bucket, oldest first.
    stored: VecDeque<(u64, Vec<u8>)>,
    state: BTreeMap<Vec<u8>, Vec<u8>>,
}

#[derive(Default)]
struct Window {
    /// Number of the bucket since the Unix epoch and its sum, oldest first.
    buckets: VecDeque<(u64, I256)>,
    total: I256,
    /// One more than its place in what the block moved; 0 where it did not move.
    in_moved: usize,
}

/// An outflow over its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) subject: Address,
    pub(super) asset: Address,
    pub(super) out: U256,
}

/// What a block gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) found: Vec<Over>,
    pub(super) state: Vec<StateChange>,
}

impl Outflow {
    /// The rule of the detector's config.
    pub(super) fn new(config: &serde_json::Value) -> anyhow::Result<Self> {
        let list = |name: &str| config[name].as_array().cloned().unwrap_or_default();
        let address = |value: &serde_json::Value| -> anyhow::Result<[u8; 20]> {
            let text = value["address"].as_str().context("an address")?;
            Ok(text.parse::<Address>()?.into_array())
        };
        let mut limits = HashMap::new();
        for value in list("assets") {
            let whole: u64 = value["limit"].as_str().context("a limit")?.parse()?;
            limits.insert(address(&value)?, U256::from(whole) * U256::from(10).pow(U256::from(18)));
        }
        Ok(Self {
            transfer: keccak256("Transfer(address,address,uint256)"),
            deposit: keccak256("Deposit(address,uint256)"),
            withdrawal: keccak256("Withdrawal(address,uint256)"),
            watched: list("watch").iter().map(address).collect::<anyhow::Result<_>>()?,
            limits,
            window_s: config["window_s"].as_u64().context("a window")?,
            places: HashMap::new(),
            windows: Vec::new(),
            moved: Vec::new(),
            stored: VecDeque::new(),
            state: BTreeMap::new(),
        })
    }

    /// Looks at rows of a block's logs.
    pub(super) fn block(&mut self, block: &Block, rows: &Rows) -> Given {
        let logs = &block.logs;
        match rows {
            Rows::None => {}
            Rows::All => (0..logs.len()).for_each(|row| self.enter(logs, row)),
            Rows::Some(rows) => rows.iter().for_each(|&row| self.enter(logs, row as usize)),
        }
        let mut given = Given::default();
        if self.moved.is_empty() {
            return given;
        }
        let bucket_s = self.window_s.div_ceil(BUCKETS);
        let oldest = block.timestamp_s.saturating_sub(self.window_s) / bucket_s;
        let newest = self.stored.back().map(|(number, _)| *number);
        let number = (block.timestamp_s / bucket_s).max(newest.unwrap_or(0));
        if newest.is_some_and(|newest| newest < number) {
            self.forget_before(oldest, &mut given.state);
        }
        let mut value = Vec::with_capacity(self.moved.len() * 52);
        for (item, place, by) in std::mem::take(&mut self.moved) {
            write(&mut value, &item, by);
            let window = &mut self.windows[place];
            window.in_moved = 0;
            match window.buckets.back_mut() {
                Some((newest, sum)) if *newest >= number => *sum = sum.saturating_add(by),
                _ => window.buckets.push_back((number, by)),
            }
            window.total = window.total.saturating_add(by);
            while let Some((_, gone)) = window.buckets.pop_front_if(|(number, _)| *number < oldest) {
                window.total = window.total.saturating_sub(gone);
            }
            let sum = window.total;
            if by.is_negative() && sum.is_negative() {
                let (subject, asset) = (Address::from_slice(&item[..20]), Address::from_slice(&item[20..]));
                let out = sum.unsigned_abs();
                if self.limits.get(&asset.into_array()).is_some_and(|limit| out > *limit) {
                    given.found.push(Over { subject, asset, out });
                }
            }
        }
        let part = self.stored.iter().rev().take_while(|(stored, _)| *stored == number).count() as u64;
        let place = [bucket_s.to_be_bytes(), number.to_be_bytes(), part.to_be_bytes()].concat();
        let key = [b"windows\0", &place[..]].concat();
        self.state.insert(key.clone(), value.clone());
        self.stored.push_back((number, key.clone()));
        given.state.push(StateChange { key, before: None, after: Some(value) });
        given
    }

    fn enter(&mut self, logs: &Logs, row: usize) {
        let (topic, token) = (logs.topics[0].get(row), logs.address.get(row));
        let is_wrap = logs.topic_count[row] == 2
            && token == &WETH.into_array()
            && (topic == &self.deposit.0 || topic == &self.withdrawal.0);
        if !is_wrap && (topic != &self.transfer.0 || logs.topic_count[row] != 3) {
            return;
        }
        let Some(value) = logs.data.get(row).first_chunk::<32>() else { return };
        if !self.limits.contains_key(token) {
            return;
        }
        let amount = I256::try_from(U256::from_be_bytes(*value)).unwrap_or(I256::MAX);
        let party = |topic: usize| logs.topics[topic].get(row).last_chunk::<20>().copied().unwrap_or_default();
        // The detector asks for the wraps of watched accounts alone.
        if is_wrap && !self.watched.contains(&party(1)) {
            return;
        }
        // Wrapping makes coins out of nothing, as minting does.
        let (from, to) = match () {
            () if is_wrap && topic == &self.deposit.0 => ([0; 20], party(1)),
            () if is_wrap => (party(1), [0; 20]),
            () => (party(1), party(2)),
        };
        for (party, amount) in [(from, -amount), (to, amount)] {
            if !self.watched.contains(&party) {
                continue;
            }
            let mut item = [0; 40];
            item[..20].copy_from_slice(&party);
            item[20..].copy_from_slice(token);
            let place = *self.places.entry(item).or_insert_with(|| {
                self.windows.push(Window::default());
                self.windows.len() - 1
            });
            let window = &mut self.windows[place];
            if window.in_moved == 0 {
                self.moved.push((item, place, amount));
                window.in_moved = self.moved.len();
            } else {
                let by = &mut self.moved[window.in_moved - 1].2;
                *by = by.saturating_add(amount);
            }
        }
    }

    fn forget_before(&mut self, oldest: u64, changes: &mut Vec<StateChange>) {
        while let Some((_, key)) = self.stored.pop_front_if(|(number, _)| *number < oldest) {
            let before = self.state.remove(&key);
            changes.push(StateChange { key, before, after: None });
        }
    }
}

/// An item and its amount: the sign and the number of digits in a byte, and the digits without leading zeros.
fn write(out: &mut Vec<u8>, item: &[u8; 40], amount: I256) {
    let magnitude = amount.unsigned_abs();
    let digits = magnitude.to_be_bytes::<32>();
    let zeros = magnitude.leading_zeros() / 8;
    out.extend_from_slice(item);
    out.push((32 - zeros) as u8 | if amount.is_negative() { 0x80 } else { 0 });
    out.extend_from_slice(&digits[zeros..]);
}

/// The bare scan: how many logs are transfers.
pub(super) fn transfers(block: &Block, transfer: &B256) -> usize {
    block.logs.topics[0].iter().filter(|topic| **topic == transfer.0).count()
}
