//! A transaction made by hand, call by call.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use super::rows::FrameRow;
use super::{Bench, Block};
use crate::{Detector, Error, Finding};

/// The calls of one transaction, each given with its depth, in the order in which they are made. They stand unless
/// [`CallTree::reverted`] says otherwise.
///
/// ```
/// use watchfire_sdk::prelude::*;
/// use watchfire_sdk::testing::{CallTree, word};
///
/// let [user, router, token] = [1, 2, 3].map(Address::with_last_byte);
/// let tree = CallTree::new()
///     .call(0, user, router, "pay(address)", &[word(user)])
///     .call(1, router, token, "transfer(address,uint256)", &[word(user), B256::with_last_byte(9)]);
/// assert_eq!(tree.block.frames.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct CallTree {
    /// The block that has it alone.
    pub block: Block,
}

impl Default for CallTree {
    fn default() -> Self {
        Self::new()
    }
}

impl CallTree {
    /// A transaction without calls, on chain 1.
    pub fn new() -> Self {
        let mut block = Block::at(1, 1_700_000_000);
        block.transaction_hashes.push(keccak256("the transaction"));
        Self { block }
    }

    /// Adds a call of a function, given as Solidity writes it, with its arguments word by word. An empty signature is a call without
    /// calldata.
    pub fn call(self, depth: u32, sender: Address, target: Address, signature: &str, words: &[B256]) -> Self {
        self.call_with(depth, sender, target, calldata(signature, words))
    }

    /// Adds a call with calldata.
    pub fn call_with(mut self, depth: u32, sender: Address, target: Address, input: Vec<u8>) -> Self {
        let input = Bytes::from(input);
        self.block.frames.push(FrameRow { depth, sender, target, input, success: true, ..FrameRow::default() });
        self
    }

    /// What kind the last call is, by the code of the interface: 1 a staticcall, 2 a delegatecall, 4 a creation.
    pub fn kind(mut self, kind: u8) -> Self {
        if let Some(last) = self.block.frames.last_mut() {
            last.kind = kind;
        }
        self
    }

    /// Whole coins of 18 digits that the last call moves.
    pub fn value(mut self, whole: u64) -> Self {
        if let Some(last) = self.block.frames.last_mut() {
            last.value = U256::from_be_bytes(whole_units(whole).0);
        }
        self
    }

    /// Reverts all calls.
    pub fn reverted(mut self) -> Self {
        self.block.frames.iter_mut().for_each(|frame| frame.success = false);
        self
    }

    /// What a detector finds in it.
    ///
    /// # Errors
    /// If the detector fails.
    pub fn feed<D: Detector>(&self, bench: &mut Bench<D>) -> Result<Vec<Finding>, Error> {
        bench.feed(&self.block)
    }
}

/// Calldata: the selector of a function, and words.
pub fn calldata(signature: &str, words: &[B256]) -> Vec<u8> {
    let hash = keccak256(signature);
    let mut input = if signature.is_empty() { Vec::new() } else { hash[..4].to_vec() };
    words.iter().for_each(|word| input.extend_from_slice(word.as_slice()));
    input
}

/// An address as an argument.
pub fn word(address: Address) -> B256 {
    address.into_word()
}

/// Whole units of a token of 18 digits, as an argument.
pub fn whole_units(whole: u64) -> B256 {
    B256::from(U256::from(whole) * U256::from(10).pow(U256::from(18)))
}
