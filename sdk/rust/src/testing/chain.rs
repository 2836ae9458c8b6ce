//! What stands in for the chain: answers that a test lays down.

use std::cell::RefCell;
use std::collections::BTreeMap;

use alloy_primitives::Address;
use alloy_sol_types::SolCall;

/// A read, by what it asks and of whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Read {
    Call(Vec<u8>, Vec<u8>),
    Storage(Vec<u8>, Vec<u8>),
    Balance(Vec<u8>),
    Code(Vec<u8>),
    /// The same of the state before the block.
    Before(Box<Read>),
}

type Answer = Result<Vec<u8>, ChainError>;

thread_local! {
    static ANSWERS: RefCell<BTreeMap<Read, Answer>> = const { RefCell::new(BTreeMap::new()) };
}

/// Why a read gives no answer.
#[derive(Clone, Debug)]
pub struct ChainError {
    /// `denied`, `budget`, `reverted`, `unavailable` or `invalid`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Revert data.
    pub data: Vec<u8>,
}

impl ChainError {
    /// An error of this code.
    pub fn of(code: &str) -> Self {
        Self { code: code.to_owned(), message: "laid down by the test".to_owned(), data: Vec::new() }
    }
}

/// Forgets all answers.
pub fn clear() {
    ANSWERS.with_borrow_mut(BTreeMap::clear);
}

/// Lays down what a call returns from now on.
pub fn answer<C: SolCall>(to: Address, call: &C, returns: &C::Return) {
    lay(Read::Call(to.to_vec(), call.abi_encode()), Ok(C::abi_encode_returns(returns)));
}

/// Lays down that a call fails from now on.
pub fn fail<C: SolCall>(to: Address, call: &C, error: ChainError) {
    lay(Read::Call(to.to_vec(), call.abi_encode()), Err(error));
}

/// Lays down what a storage slot holds.
pub fn hold(address: Address, slot: [u8; 32], value: [u8; 32]) {
    lay(Read::Storage(address.to_vec(), slot.to_vec()), Ok(value.to_vec()));
}

/// Lays down a native balance, in wei.
pub fn fund(address: Address, wei: alloy_primitives::U256) {
    lay(Read::Balance(address.to_vec()), Ok(wei.to_be_bytes_vec()));
}

/// Lays down a contract's code.
pub fn deploy(address: Address, code: &[u8]) {
    lay(Read::Code(address.to_vec()), Ok(code.to_vec()));
}

/// Lays down what a call returned before the block, which [`answer`] does not say.
pub fn answer_before<C: SolCall>(to: Address, call: &C, returns: &C::Return) {
    let read = Read::Call(to.to_vec(), call.abi_encode());
    lay(Read::Before(Box::new(read)), Ok(C::abi_encode_returns(returns)));
}

/// Lays down what a storage slot held before the block.
pub fn hold_before(address: Address, slot: [u8; 32], value: [u8; 32]) {
    lay(Read::Before(Box::new(Read::Storage(address.to_vec(), slot.to_vec()))), Ok(value.to_vec()));
}

/// Lays down a native balance before the block, in wei.
pub fn fund_before(address: Address, wei: alloy_primitives::U256) {
    lay(Read::Before(Box::new(Read::Balance(address.to_vec()))), Ok(wei.to_be_bytes_vec()));
}

/// Lays down a contract's code before the block.
pub fn deploy_before(address: Address, code: &[u8]) {
    lay(Read::Before(Box::new(Read::Code(address.to_vec()))), Ok(code.to_vec()));
}

fn lay(read: Read, answer: Answer) {
    ANSWERS.with_borrow_mut(|answers| answers.insert(read, answer));
}

fn look_up(read: Read) -> Answer {
    ANSWERS.with_borrow(|answers| answers.get(&read).cloned()).unwrap_or_else(|| Err(ChainError::of("unavailable")))
}

pub(crate) fn call(to: &[u8], data: &[u8]) -> Answer {
    look_up(Read::Call(to.to_vec(), data.to_vec()))
}

pub(crate) fn storage_at(address: &[u8], slot: &[u8]) -> Answer {
    look_up(Read::Storage(address.to_vec(), slot.to_vec()))
}

pub(crate) fn balance(address: &[u8]) -> Answer {
    look_up(Read::Balance(address.to_vec()))
}

pub(crate) fn code(address: &[u8]) -> Answer {
    look_up(Read::Code(address.to_vec()))
}

pub(crate) fn call_before(to: &[u8], data: &[u8]) -> Answer {
    look_up(Read::Before(Box::new(Read::Call(to.to_vec(), data.to_vec()))))
}

pub(crate) fn storage_before(address: &[u8], slot: &[u8]) -> Answer {
    look_up(Read::Before(Box::new(Read::Storage(address.to_vec(), slot.to_vec()))))
}

pub(crate) fn balance_before(address: &[u8]) -> Answer {
    look_up(Read::Before(Box::new(Read::Balance(address.to_vec()))))
}

pub(crate) fn code_before(address: &[u8]) -> Answer {
    look_up(Read::Before(Box::new(Read::Code(address.to_vec()))))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    #[test]
    fn what_was_before_a_block_is_another_answer_than_what_is_after_it() {
        clear();
        let at = Address::repeat_byte(1);
        fund(at, U256::from(5));
        assert!(crate::chain::balance_before(at).is_err());
        fund_before(at, U256::from(7));
        hold_before(at, [1; 32], [2; 32]);
        deploy_before(at, &[3]);
        assert_eq!(crate::chain::balance(at), Ok(U256::from(5)));
        assert_eq!(crate::chain::balance_before(at), Ok(U256::from(7)));
        assert_eq!(crate::chain::storage_before(at, [1; 32].into()), Ok([2; 32].into()));
        assert_eq!(crate::chain::code_before(at).map(|code| code.len()), Ok(1));
        assert!(crate::chain::code(at).is_err());
    }
}
