//! What usually leaves an address within a window: the mean over past windows in which anything left.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use watchfire_sdk::alloy_primitives::{I256, U512};
use watchfire_sdk::prelude::*;
use watchfire_sdk::state::StateError;

use crate::config::{AssetId, HistoryRule};
use crate::flow::Flow;

/// Fewer past windows are no history.
const WINDOWS_AT_LEAST: usize = 3;

/// Windows that follow each other without a gap, from the Unix epoch on.
#[derive(Default, Serialize, Deserialize)]
struct History {
    /// Number of the window that is open.
    open: u64,
    /// What moved in it.
    net: I256,
    /// What left in each closed window in which anything did, oldest first.
    closed: VecDeque<U256>,
}

fn key(address: Address, asset: AssetId) -> Vec<u8> {
    match asset {
        AssetId::Native => state::key("history", &[address.as_slice()]),
        AssetId::Token(token) => state::key("history", &[address.as_slice(), token.as_slice()]),
    }
}

/// Whether something of the asset moved at the address before.
pub(crate) fn is_known(address: Address, asset: AssetId) -> bool {
    state::get_raw(&key(address, asset)).is_some()
}

/// Adds a flow to the window that is open, and gives the mean of those that are closed; `None` where there are too
/// few of them.
pub(crate) fn enter(rule: &HistoryRule, address: Address, flow: &Flow, now_s: u64) -> Result<Option<U256>, StateError> {
    let key = key(address, flow.asset);
    let mut history: History = state::get(&key)?.unwrap_or_default();
    let number = now_s / rule.window_s;
    if number > history.open {
        if history.net.is_negative() {
            history.closed.push_back(history.net.unsigned_abs());
        }
        history.open = number;
        history.net = I256::ZERO;
    }
    while history.closed.len() > rule.windows {
        history.closed.pop_front();
    }
    history.net = history.net.saturating_add(flow.net);
    state::put(&key, &history)?;
    if history.closed.len() < WINDOWS_AT_LEAST {
        return Ok(None);
    }
    let sum: U512 = history.closed.iter().map(|&out| U512::from(out)).sum();
    Ok(Some(U256::saturating_from(sum / U512::from(history.closed.len()))))
}
