//! What is remembered of a vault.

use serde::{Deserialize, Serialize};
use watchfire_sdk::prelude::*;
use watchfire_sdk::state::StateError;

use crate::config::Watched;

/// A price, and the block after which it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) price: U256,
    pub(crate) block: u64,
}

/// What is known of a vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// `None` before the first look, and while there are no shares.
    pub(crate) look: Option<Look>,
    /// Conditions that go on and were told.
    told: Vec<String>,
}

fn key(watched: &Watched, chain_id: u64) -> Vec<u8> {
    // Another question starts anew: its answers can't be compared.
    let parts = [&chain_id.to_be_bytes()[..], watched.vault.address.as_slice(), &watched.question];
    state::key("vault", &parts)
}

impl Memory {
    pub(crate) fn load(watched: &Watched, chain_id: u64) -> Result<Self, StateError> {
        Ok(state::get(&key(watched, chain_id))?.unwrap_or_default())
    }

    pub(crate) fn save(&self, watched: &Watched, chain_id: u64) -> Result<(), StateError> {
        state::put(&key(watched, chain_id), self)
    }

    /// Notes whether a condition holds, and says whether it is new.
    pub(crate) fn begins(&mut self, kind: &str, holds: bool) -> bool {
        let was_told = self.told.iter().any(|told| told == kind);
        match (holds, was_told) {
            (true, false) => self.told.push(kind.to_owned()),
            (false, true) => self.told.retain(|told| told != kind),
            _ => {}
        }
        holds && !was_told
    }
}
