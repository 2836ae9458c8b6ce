//! Reads of the chain as it stood after the block under inspection, or before it. Each counts against the detector's budget for
//! the batch, and its answer is journaled, so that a replay gives the same.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;

#[cfg(target_arch = "wasm32")]
use crate::bindings::watchfire::detector::chain as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::chain as host;

/// Why a read gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// The operator has not granted `chain`.
    Denied,
    /// The batch has used up its reads.
    Budget,
    /// The call was reverted, with this data.
    Reverted(Bytes),
    /// The answer is not what the call promises to return.
    Malformed(String),
    /// The node could not answer, or anything else that the host tells.
    Failed {
        /// The host's code for it.
        code: String,
        /// What happened.
        message: String,
    },
}

impl std::fmt::Display for ChainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ChainError::Denied => f.write_str("a read of the chain was denied: grant `chain`"),
            ChainError::Budget => f.write_str("the batch has used up its reads of the chain"),
            ChainError::Reverted(data) => write!(f, "the call was reverted with {data}"),
            ChainError::Malformed(why) => write!(f, "the answer is not what the call returns: {why}"),
            ChainError::Failed { code, message } => write!(f, "{code}: {message}"),
        }
    }
}

impl std::error::Error for ChainError {}

impl From<host::ChainError> for ChainError {
    fn from(error: host::ChainError) -> Self {
        match error.code.as_str() {
            "denied" => ChainError::Denied,
            "budget" => ChainError::Budget,
            "reverted" => ChainError::Reverted(error.data.into()),
            _ => ChainError::Failed { code: error.code, message: error.message },
        }
    }
}

/// Calls a function of a contract and decodes what it returns.
pub fn call<C: SolCall>(to: Address, call: &C) -> Result<C::Return, ChainError> {
    let output = host::call(to.as_slice(), &call.abi_encode())?;
    C::abi_decode_returns_validate(&output).map_err(|error| ChainError::Malformed(error.to_string()))
}

/// `eth_call` with calldata of one's own.
pub fn call_raw(to: Address, data: &[u8]) -> Result<Vec<u8>, ChainError> {
    Ok(host::call(to.as_slice(), data)?)
}

/// What a storage slot holds.
pub fn storage_at(address: Address, slot: B256) -> Result<B256, ChainError> {
    word(&host::storage_at(address.as_slice(), slot.as_slice())?).map(B256::from)
}

/// Native balance, in wei.
pub fn balance(address: Address) -> Result<U256, ChainError> {
    word(&host::balance(address.as_slice())?).map(U256::from_be_bytes)
}

/// A contract's code; empty where there is none.
pub fn code(address: Address) -> Result<Bytes, ChainError> {
    Ok(host::code(address.as_slice())?.into())
}

/// Calls a function as of the state before the block under inspection, which is that after its parent, and decodes what it
/// returns.
pub fn call_before<C: SolCall>(to: Address, call: &C) -> Result<C::Return, ChainError> {
    let output = host::call_before(to.as_slice(), &call.abi_encode())?;
    C::abi_decode_returns_validate(&output).map_err(|error| ChainError::Malformed(error.to_string()))
}

/// What a storage slot held before the block.
pub fn storage_before(address: Address, slot: B256) -> Result<B256, ChainError> {
    word(&host::storage_before(address.as_slice(), slot.as_slice())?).map(B256::from)
}

/// Native balance before the block, in wei.
pub fn balance_before(address: Address) -> Result<U256, ChainError> {
    word(&host::balance_before(address.as_slice())?).map(U256::from_be_bytes)
}

/// A contract's code before the block; empty where there was none.
pub fn code_before(address: Address) -> Result<Bytes, ChainError> {
    Ok(host::code_before(address.as_slice())?.into())
}

fn word(bytes: &[u8]) -> Result<[u8; 32], ChainError> {
    bytes.try_into().map_err(|_| ChainError::Malformed(format!("{} bytes where 32 are due", bytes.len())))
}
