//! What a detector must remember. The host keeps it: it commits with the findings of the batch and is undone with
//! a reverted block, while fields of the detector are a cache that may be gone at the next batch.
//!
//! Values are encoded by [postcard](https://postcard.jamesmunns.com): compact, and fixed once written, so a detector
//! that changes the shape of a value puts it under another key.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

mod counter;
mod ring;
mod rolling;
mod seen;
mod sums;
mod window;

pub use counter::Counter;
pub use ring::Ring;
pub use rolling::Rolling;
pub use seen::Seen;
pub use sums::{Moved, Sums};
pub use window::Window;

#[cfg(target_arch = "wasm32")]
use crate::bindings::watchfire::detector::state as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::state as host;

/// Why something could not be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateError {
    /// The detector's quota is used up.
    Quota(String),
    /// The operator has not granted `state`.
    Denied(String),
    /// What is stored under the key has another shape, or the host refuses the key or value.
    Invalid(String),
}

impl std::fmt::Display for StateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StateError::Quota(message) => write!(f, "the state's quota is used up: {message}"),
            StateError::Denied(message) => write!(f, "state is not granted: {message}"),
            StateError::Invalid(message) => write!(f, "invalid state: {message}"),
        }
    }
}

impl std::error::Error for StateError {}

impl From<host::StateError> for StateError {
    fn from(error: host::StateError) -> Self {
        match error.code.as_str() {
            "quota" => StateError::Quota(error.message),
            "denied" => StateError::Denied(error.message),
            _ => StateError::Invalid(error.message),
        }
    }
}

/// Builds a key: a name and parts of any bytes, so that no two keys of different parts are the same as long as
/// parts of one name have one length each.
pub fn key(name: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.extend_from_slice(name.as_bytes());
    key.push(0);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// The value under a key; `None` where there is none.
pub fn get<T: DeserializeOwned>(key: &[u8]) -> Result<Option<T>, StateError> {
    get_raw(key).map(|bytes| decode(key, &bytes)).transpose()
}

/// Puts a value under a key.
pub fn put<T: Serialize>(key: &[u8], value: &T) -> Result<(), StateError> {
    let bytes = postcard::to_allocvec(value).map_err(|error| StateError::Invalid(error.to_string()))?;
    put_raw(key, &bytes)
}

/// Removes a key.
pub fn delete(key: &[u8]) {
    host::delete(key);
}

/// The bytes under a key; `None` where there are none.
pub fn get_raw(key: &[u8]) -> Option<Vec<u8>> {
    host::get(key)
}

/// Puts bytes under a key.
pub fn put_raw(key: &[u8], value: &[u8]) -> Result<(), StateError> {
    Ok(host::put(key, value)?)
}

/// Entries whose key starts with `prefix`, in the order of their keys, after `after` where it is set.
pub fn scan(prefix: &[u8], after: Option<&[u8]>, limit: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    host::scan(prefix, after, limit)
}

fn decode<'a, T: Deserialize<'a>>(key: &[u8], bytes: &'a [u8]) -> Result<T, StateError> {
    postcard::from_bytes(bytes).map_err(|error| {
        StateError::Invalid(format!("the value under `{}` has another shape: {error}", key.escape_ascii()))
    })
}
