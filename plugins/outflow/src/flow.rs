//! What moved in a batch, by watched address and asset, and what that makes of each window.

use watchfire_sdk::alloy_primitives::I256;
use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;
use watchfire_sdk::state::{Counter, Moved, StateError, Sums};

use crate::config::{AssetId, Rules, Watched};
use crate::history;
use crate::{Deposit, Withdrawal};

/// The window's resolution: what is found covers the window and at most a sixtieth more.
pub(crate) const BUCKETS: u32 = 60;

/// Where every token counts, most of them that are kept for one address. Anybody can make a token that claims to
/// leave a watched address; without a bound they would fill the state.
const ANY_ASSETS_AT_MOST: u64 = 1_000;

/// Net movement of one asset at one watched address; negative where it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    /// Position among the watched addresses.
    pub(crate) watched: u32,
    pub(crate) asset: AssetId,
    /// Within the batch.
    pub(crate) net: I256,
    /// Within the window.
    pub(crate) window: I256,
}

/// The windows of all watched addresses and assets. An item is an address and a token, or zeros for the native coin.
pub(crate) struct Windows(Sums<40>);

impl Windows {
    pub(crate) fn load(rules: &Rules) -> Result<Self, StateError> {
        Ok(Self(Sums::load(b"windows\0", rules.window_s, BUCKETS)?))
    }

    /// Takes a batch in and gives the flows in it that matter, in the order in which each first moved.
    pub(crate) fn enter(&mut self, rules: &Rules, batch: &Batch<'_>) -> Result<Vec<Flow>, StateError> {
        for log in batch.logs() {
            if log.topic_count() == 2 {
                self.enter_wrapped(rules, batch, &log)?;
                continue;
            }
            // A transfer of an ERC-721 token has its id for a fourth topic and moves no amount.
            if log.topic_count() != 3 {
                continue;
            }
            let Some(value) = log.data().first_chunk::<32>() else { continue };
            let amount = I256::try_from(U256::from_be_bytes(*value)).unwrap_or(I256::MAX);
            let asset = AssetId::Token(log.address());
            self.move_between(rules, asset, log.topic_address(1), log.topic_address(2), amount)?;
        }
        if rules.watches_native() {
            for frame in batch.frames().filter(|frame| frame.kind().moves_value() && frame.success()) {
                let amount = I256::try_from(frame.value()).unwrap_or(I256::MAX);
                self.move_between(rules, AssetId::Native, frame.sender(), frame.target(), amount)?;
            }
        }
        // Without a history, inflows matter no further.
        let matters = |moved: &Moved<40>| rules.history.is_some() || moved.by.is_negative();
        let moved = self.0.settle(batch.timestamp_s())?;
        let flows = moved.into_iter().filter(matters).filter_map(|moved| {
            let (address, asset) = moved.item.split_first_chunk::<20>()?;
            let asset = match Address::from_slice(asset) {
                Address::ZERO => AssetId::Native,
                token => AssetId::Token(token),
            };
            let watched = rules.position(&Address::new(*address))?;
            Some(Flow { watched, asset, net: moved.by, window: moved.sum })
        });
        Ok(flows.collect())
    }

    /// Takes in the wrapping or unwrapping of native coins, unless the token tells of it by a `Transfer` too.
    fn enter_wrapped(&mut self, rules: &Rules, batch: &Batch<'_>, log: &Log<'_>) -> Result<(), StateError> {
        let asset = AssetId::Token(log.address());
        let Some(value) = log.data().first_chunk::<32>() else { return Ok(()) };
        if !rules.tracked(asset).is_some_and(|tracked| tracked.wraps_native) {
            return Ok(());
        }
        let account = log.topic_address(1);
        let (from, to) = match () {
            () if log.is::<Deposit>() => (Address::ZERO, account),
            () if log.is::<Withdrawal>() => (account, Address::ZERO),
            () => return Ok(()),
        };
        let says_the_same = |other: Log<'_>| {
            other.topic_count() == 3
                && other.transaction_index() == log.transaction_index()
                && other.address() == log.address()
                && (other.topic_address(1), other.topic_address(2)) == (from, to)
                && other.data() == log.data()
        };
        if batch.logs().any(says_the_same) {
            return Ok(());
        }
        let amount = I256::try_from(U256::from_be_bytes(*value)).unwrap_or(I256::MAX);
        self.move_between(rules, asset, from, to, amount)
    }

    fn move_between(
        &mut self,
        rules: &Rules,
        asset: AssetId,
        from: Address,
        to: Address,
        amount: I256,
    ) -> Result<(), StateError> {
        for (party, amount) in [(from, -amount), (to, amount)] {
            let Some(watched) = rules.position(&party) else { continue };
            let item = item(party, asset);
            if rules.counts_any() && !self.0.contains(&item) && !has_room(&rules.watched[watched as usize], asset)? {
                continue;
            }
            self.0.add(item, amount);
        }
        Ok(())
    }
}

fn item(address: Address, asset: AssetId) -> [u8; 40] {
    let mut item = [0; 40];
    item[..20].copy_from_slice(address.as_slice());
    if let AssetId::Token(token) = asset {
        item[20..].copy_from_slice(token.as_slice());
    }
    item
}

/// Whether an asset is known of an address, or may become so.
fn has_room(watched: &Watched, asset: AssetId) -> Result<bool, StateError> {
    if history::is_known(watched.address, asset) {
        return Ok(true);
    }
    let assets = Counter::at(state::key("assets", &[watched.address.as_slice()]));
    if assets.get()? >= ANY_ASSETS_AT_MOST {
        log::warn(&format!("{}: too many assets to keep {asset} too; list `assets`", watched.label));
        return Ok(false);
    }
    assets.add(1)?;
    Ok(true)
}
