//! What rules remember. Each key begins with eight bytes that name the rule by what it says, so that a changed rule starts anew.

use serde::{Deserialize, Serialize};
use watchfire_sdk::alloy_primitives::{I256, keccak256};
use watchfire_sdk::state::{self, Seen, StateError, Window};

use crate::language::Number;

/// Names a rule.
pub type RuleId = [u8; 8];

/// Buckets of a window.
const BUCKETS: u32 = 60;
/// Groups that are looked at for forgetting with each count.
const FORGOTTEN_AT_ONCE: u32 = 8;

fn short(bytes: &[u8]) -> [u8; 16] {
    let mut name = [0; 16];
    name.copy_from_slice(&keccak256(bytes)[..16]);
    name
}

/// Counts a candidate of a group, and gives count and sum over the span that ends now. Groups that have been quiet for two spans
/// are forgotten.
///
/// # Errors
///
/// If the state is full or not granted.
pub fn count(rule: RuleId, span_s: u64, group: &[u8], now_s: u64, amount: I256) -> Result<(I256, I256), StateError> {
    let group = short(group);
    let span = now_s / span_s;
    let seen = |span: u64, group: &[u8]| state::key("groups", &[&rule, &span.to_be_bytes(), group]);
    let window = |what: &str, group: &[u8]| state::key(what, &[&rule, group]);
    if state::get_raw(&seen(span, &group)).is_none() {
        state::put_raw(&seen(span, &group), &[])?;
        let prefix = state::key("groups", &[&rule]);
        for (key, _) in state::scan(&prefix, None, FORGOTTEN_AT_ONCE) {
            let Some((then, quiet)) = key[prefix.len()..].split_first_chunk::<8>() else { continue };
            if u64::from_be_bytes(*then).saturating_add(2) > span {
                break;
            }
            state::delete(&key);
            let is_alive =
                [span, span.saturating_sub(1)].iter().any(|span| state::get_raw(&seen(*span, quiet)).is_some());
            if !is_alive {
                state::delete(&window("counts", quiet));
                state::delete(&window("sums", quiet));
            }
        }
    }
    let add = |what: &str, amount: I256| -> Result<I256, StateError> {
        let key = window(what, &group);
        let mut window = Window::load(&key, span_s, BUCKETS)?;
        window.add(now_s, amount);
        window.save(&key)?;
        Ok(window.sum(now_s))
    };
    Ok((add("counts", I256::ONE)?, add("sums", amount)?))
}

/// Whether a value is seen for the first time within a span.
///
/// # Errors
///
/// If the state is full or not granted.
pub fn is_first(rule: RuleId, forget_s: u64, value: &[u8], now_s: u64) -> Result<bool, StateError> {
    Seen::at(state::key("first", &[&rule]), forget_s).insert(&short(value), now_s)
}

/// What a rule knows of something that it looks at again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The last value, as digits.
    pub value: Option<String>,
    /// When the value last changed, chain time in seconds.
    pub changed_s: u64,
    /// When it was last looked at, chain time in seconds.
    pub looked_s: u64,
    /// Whether the condition held.
    pub held: bool,
    /// Whether the last look failed.
    pub failed: bool,
}

impl Level {
    /// What is known of a target of a rule.
    ///
    /// # Errors
    ///
    /// If it was written by another version.
    pub fn load(rule: RuleId, target: &[u8]) -> Result<Self, StateError> {
        Ok(state::get(&state::key("level", &[&rule, target]))?.unwrap_or_default())
    }

    /// Keeps it.
    ///
    /// # Errors
    ///
    /// If the state is full or not granted.
    pub fn save(&self, rule: RuleId, target: &[u8]) -> Result<(), StateError> {
        state::put(&state::key("level", &[&rule, target]), self)
    }

    /// The last value.
    pub fn before(&self) -> Option<Number> {
        self.value.as_deref().and_then(Number::parse)
    }
}
