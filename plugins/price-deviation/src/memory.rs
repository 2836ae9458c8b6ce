//! What is remembered of a pair.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchfire_sdk::alloy_primitives::I256;
use watchfire_sdk::prelude::*;
use watchfire_sdk::state::StateError;

use crate::config::Pair;

/// A condition that goes on is told again after this long.
const TOLD_AGAIN_AFTER_S: u64 = 3_600;

/// What an oracle answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) value: I256,
    pub(crate) updated_at_s: u64,
}

/// What a feed said, as text, for no digit may be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) price: String,
    pub(crate) observed_at_ms: u64,
}

/// A condition that was told: kind, severity, and chain time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told(String, Severity, u64);

/// What is known of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Chain time at which the pair was first looked at; 0 before.
    pub(crate) since_s: u64,
    pub(crate) answer: Option<Answer>,
    pub(crate) said: Option<Said>,
    told: Vec<Told>,
}

/// What feeds beside the first one said, by their names. Under a key of its own: a memory of one feed has the shape that it had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct More(pub(crate) BTreeMap<String, Said>);

impl More {
    pub(crate) fn load(pair: &Pair) -> Result<Self, StateError> {
        match pair.more_feeds.is_empty() {
            true => Ok(Self::default()),
            false => Ok(state::get(&more_key(pair))?.unwrap_or_default()),
        }
    }

    pub(crate) fn save(&self, pair: &Pair) -> Result<(), StateError> {
        state::put(&more_key(pair), self)
    }
}

fn more_key(pair: &Pair) -> Vec<u8> {
    state::key("more", &[pair.aggregator.as_slice(), pair.name.as_bytes()])
}

fn key(pair: &Pair) -> Vec<u8> {
    // Another contract or feed under the same name starts anew.
    state::key("pair", &[pair.aggregator.as_slice(), pair.feed.as_bytes(), b"\0", pair.name.as_bytes()])
}

impl Memory {
    pub(crate) fn load(pair: &Pair) -> Result<Self, StateError> {
        Ok(state::get(&key(pair))?.unwrap_or_default())
    }

    pub(crate) fn save(&self, pair: &Pair) -> Result<(), StateError> {
        state::put(&key(pair), self)
    }

    pub(crate) fn begin(&mut self, now_s: u64) {
        if self.since_s == 0 {
            self.since_s = now_s;
        }
    }

    /// Whether a condition is to be told: it is new, it is worse, or it was told long ago.
    pub(crate) fn is_to_be_told(&mut self, kind: &str, severity: Severity, now_s: u64) -> bool {
        match self.told.iter_mut().find(|Told(told, ..)| told == kind) {
            Some(Told(_, at, told_s)) if *at >= severity && now_s.saturating_sub(*told_s) < TOLD_AGAIN_AFTER_S => false,
            Some(told) => {
                (told.1, told.2) = (severity, now_s);
                true
            }
            None => {
                self.told.push(Told(kind.to_owned(), severity, now_s));
                true
            }
        }
    }

    /// A condition is over: the next time it is new.
    pub(crate) fn is_over(&mut self, kind: &str) {
        self.told.retain(|Told(told, ..)| told != kind);
    }
}
