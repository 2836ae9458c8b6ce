//! Whether a bridge's accounts are right.

use serde::{Deserialize, Serialize};
use watchfire_sdk::prelude::*;
use watchfire_sdk::state::StateError;

use crate::config::Bridge;
use crate::track::Track;

/// What is locked and what is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Balance {
    pub(crate) locked: U256,
    pub(crate) issued: U256,
    /// The moment from which on it held, in chain time.
    pub(crate) from_s: u64,
}

impl Balance {
    /// How much more is issued than locked.
    pub(crate) fn shortfall(&self) -> U256 {
        self.issued.saturating_sub(self.locked)
    }
}

/// What is known of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// In the order of the sides.
    pub(crate) tracks: Vec<Track>,
    /// Chain time of the first look; 0 before.
    pub(crate) since_s: u64,
    /// When the accounts were right for the last time.
    pub(crate) right: Option<Balance>,
    /// The shortfall that was told last; `None` while there is none.
    pub(crate) told: Option<U256>,
    /// Positions of the sides whose silence was told.
    pub(crate) silent: Vec<u32>,
}

fn key(bridge: &Bridge) -> Vec<u8> {
    // Other sides start anew.
    let sides: Vec<String> = bridge.sides.iter().map(|side| format!("{} {:?}", side.chain, side.count)).collect();
    let sides = watchfire_sdk::alloy_primitives::keccak256(sides.join("\n"));
    state::key("bridge", &[sides.as_slice(), bridge.name.as_bytes()])
}

impl Account {
    pub(crate) fn load(bridge: &Bridge) -> Result<Self, StateError> {
        let mut account: Account = state::get(&key(bridge))?.unwrap_or_default();
        account.tracks.resize_with(bridge.sides.len(), Track::default);
        Ok(account)
    }

    pub(crate) fn save(&self, bridge: &Bridge) -> Result<(), StateError> {
        state::put(&key(bridge), self)
    }

    /// The most that was locked and the least that was issued while the grace lasted, up to the moment that all sides were read at.
    ///
    /// An asset is locked before it is issued, and taken back before it is released. So at any one moment no more is issued than
    /// locked, however late a side is read: what one chain did after that moment is left out until the others are read past it.
    pub(crate) fn balance(&mut self, bridge: &Bridge) -> Option<Balance> {
        let until_s = self.tracks.iter().map(|track| track.seen_s).min()?;
        let from_s = until_s.saturating_sub(bridge.grace_s);
        let mut balance = Balance { locked: U256::ZERO, issued: U256::ZERO, from_s };
        for (side, track) in bridge.sides.iter().zip(&mut self.tracks) {
            let (least, most) = track.range(from_s, until_s)?;
            track.forget_before(from_s);
            if side.is_locked() {
                balance.locked = balance.locked.saturating_add(most);
            } else {
                balance.issued = balance.issued.saturating_add(least);
            }
        }
        Some(balance)
    }

    /// Whether a balance is to be told: its shortfall is new, or has grown by a tenth and by more than is tolerated.
    pub(crate) fn is_to_be_told(&mut self, balance: Balance, tolerance: U256) -> bool {
        let shortfall = balance.shortfall();
        if shortfall <= tolerance {
            self.right = Some(balance);
            self.told = None;
            self.tracks.iter_mut().for_each(|track| track.moves.retain(|it| it.at_s > balance.from_s));
            return false;
        }
        let more = |told: U256| told.saturating_add((told / U256::from(10)).max(tolerance));
        if self.told.is_some_and(|told| shortfall <= more(told)) {
            return false;
        }
        self.told = Some(shortfall);
        true
    }
}
