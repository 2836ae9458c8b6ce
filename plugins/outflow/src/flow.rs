//! What moved in a batch, by watched address and asset, and the window that it enters.

use watchfire_sdk::alloy_primitives::I256;
use watchfire_sdk::prelude::*;
use watchfire_sdk::state::{Cache, Counter, StateError, Window};

use crate::config::{AssetId, Rules, Watched};

/// The window's resolution: what is found covers the window and at most a sixtieth more.
const BUCKETS: u32 = 60;

/// Where every token counts, most of them that are kept for one address. Anybody can make a token that claims to
/// leave a watched address; without a bound they would fill the state.
const ANY_ASSETS_AT_MOST: u64 = 1_000;

/// Windows that are at hand, by position among the watched addresses and asset.
pub(crate) type Windows = Cache<(u32, AssetId), Window>;

/// Most windows that are kept at hand.
const WINDOWS_AT_HAND: usize = 20_000;

pub(crate) fn windows() -> Windows {
    Cache::new(WINDOWS_AT_HAND)
}

/// Net movement of one asset at one watched address within one batch; negative where it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    /// Position among the watched addresses.
    pub(crate) watched: u32,
    pub(crate) asset: AssetId,
    pub(crate) net: I256,
}

/// The flows of a batch, in order of watched address and asset.
pub(crate) fn flows(rules: &Rules, batch: &Batch<'_>) -> Vec<Flow> {
    let mut moves = Vec::new();
    for log in batch.logs() {
        // A transfer of an ERC-721 token has its id for a fourth topic and moves no amount.
        if log.topic_count() != 3 {
            continue;
        }
        let Some(value) = log.data().first_chunk::<32>() else { continue };
        let amount = I256::try_from(U256::from_be_bytes(*value)).unwrap_or(I256::MAX);
        let asset = AssetId::Token(log.address());
        if let Some(watched) = rules.position(&log.topic_address(1)) {
            moves.push(Flow { watched, asset, net: -amount });
        }
        if let Some(watched) = rules.position(&log.topic_address(2)) {
            moves.push(Flow { watched, asset, net: amount });
        }
    }
    if rules.watches_native() {
        for frame in batch.frames().filter(|frame| frame.kind().moves_value() && frame.success()) {
            let (sender, target) = (rules.position(&frame.sender()), rules.position(&frame.target()));
            if sender.is_none() && target.is_none() {
                continue;
            }
            let amount = I256::try_from(frame.value()).unwrap_or(I256::MAX);
            moves.extend(sender.map(|watched| Flow { watched, asset: AssetId::Native, net: -amount }));
            moves.extend(target.map(|watched| Flow { watched, asset: AssetId::Native, net: amount }));
        }
    }
    moves.sort_by_key(|flow| (flow.watched, flow.asset));
    moves.dedup_by(|next, kept| {
        let same = (next.watched, next.asset) == (kept.watched, kept.asset);
        if same {
            kept.net = kept.net.saturating_add(next.net);
        }
        same
    });
    moves
}

impl Flow {
    /// The key of something that is remembered of an address and an asset.
    pub(crate) fn key(&self, name: &str, address: Address) -> Vec<u8> {
        match self.asset {
            AssetId::Native => state::key(name, &[address.as_slice()]),
            AssetId::Token(token) => state::key(name, &[address.as_slice(), token.as_slice()]),
        }
    }

    /// Adds the flow to its window, and gives the net movement within it; `None` where there are too many assets to
    /// keep one more.
    pub(crate) fn enter(
        &self,
        rules: &Rules,
        windows: &mut Windows,
        watched: &Watched,
        now_s: u64,
    ) -> Result<Option<I256>, StateError> {
        let key = self.key("window", watched.address);
        let load = || Window::load(&key, rules.window_s, BUCKETS);
        let window = windows.get_or_load((self.watched, self.asset), load)?;
        if rules.counts_any() && window.is_empty() && state::get_raw(&key).is_none() {
            let assets = Counter::at(state::key("assets", &[watched.address.as_slice()]));
            if assets.get()? >= ANY_ASSETS_AT_MOST {
                log::warn(&format!("{}: too many assets to keep {} too; list `assets`", watched.label, self.asset));
                return Ok(None);
            }
            assets.add(1)?;
        }
        window.add(now_s, self.net);
        window.save(&key)?;
        Ok(Some(window.sum(now_s)))
    }
}
