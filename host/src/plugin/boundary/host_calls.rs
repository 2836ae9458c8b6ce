//! The functions that a guest can call beside its batch's: reads of the chain, its state, its log.

use alloy::primitives::{Address, B256, Bytes};
use wasmtime::Trap;

use crate::chain_read::{ChainFault, ChainRead};
use crate::plugin::boundary::bindings::watchfire::detector::{batches, chain, log, state, types};
use crate::plugin::boundary::chain::When;
use crate::plugin::boundary::guest::{Guest, LogLevel};

/// The largest scan that is answered at once.
const SCAN_AT_MOST: u32 = 10_000;
/// The longest key of a state.
const KEY_BYTES: usize = 4 << 10;

fn fault(code: &str, message: String) -> ChainFault {
    ChainFault { code: code.to_owned(), message, data: Bytes::new() }
}

fn invalid(what: &str, bytes: &[u8]) -> chain::ChainError {
    let fault = fault("invalid", format!("{what} of {} bytes", bytes.len()));
    chain::ChainError { code: fault.code, message: fault.message, data: Vec::new() }
}

fn address(bytes: &[u8]) -> Result<Address, chain::ChainError> {
    Address::try_from(bytes).map_err(|_| invalid("an address", bytes))
}

/// What comes of a read that the guest asks for.
type Answered = wasmtime::Result<Result<Vec<u8>, chain::ChainError>>;

impl Guest {
    /// Asks, unless an argument is wrong.
    fn read(&mut self, read: Result<ChainRead, chain::ChainError>, when: When) -> Answered {
        self.expect_time()?;
        let read = match read {
            Ok(read) => read,
            Err(error) => return Ok(Err(error)),
        };
        let longest = self.time.may_wait();
        let answer = self.chain.read((read, when), &self.limits, longest);
        let Some(answer) = answer else { return Err(Trap::Interrupt.into()) };
        Ok(answer.map(|bytes| bytes.to_vec()).map_err(|fault| chain::ChainError {
            code: fault.code,
            message: fault.message,
            data: fault.data.to_vec(),
        }))
    }
}

fn call(to: &[u8], data: Vec<u8>) -> Result<ChainRead, chain::ChainError> {
    Ok(ChainRead::Call { to: address(to)?, data: data.into() })
}

fn storage(of: &[u8], slot: &[u8]) -> Result<ChainRead, chain::ChainError> {
    let address = address(of)?;
    let slot = B256::try_from(slot).map_err(|_| invalid("a slot", slot))?;
    Ok(ChainRead::Storage { address, slot })
}

fn balance(of: &[u8]) -> Result<ChainRead, chain::ChainError> {
    Ok(ChainRead::Balance { address: address(of)? })
}

fn code(of: &[u8]) -> Result<ChainRead, chain::ChainError> {
    Ok(ChainRead::Code { address: address(of)? })
}

impl types::Host for Guest {}

impl batches::Host for Guest {}

impl chain::Host for Guest {
    fn call(&mut self, to: Vec<u8>, data: Vec<u8>) -> Answered {
        self.read(call(&to, data), When::After)
    }

    fn storage_at(&mut self, of: Vec<u8>, slot: Vec<u8>) -> Answered {
        self.read(storage(&of, &slot), When::After)
    }

    fn balance(&mut self, of: Vec<u8>) -> Answered {
        self.read(balance(&of), When::After)
    }

    fn code(&mut self, of: Vec<u8>) -> Answered {
        self.read(code(&of), When::After)
    }

    fn call_before(&mut self, to: Vec<u8>, data: Vec<u8>) -> Answered {
        self.read(call(&to, data), When::Before)
    }

    fn storage_before(&mut self, of: Vec<u8>, slot: Vec<u8>) -> Answered {
        self.read(storage(&of, &slot), When::Before)
    }

    fn balance_before(&mut self, of: Vec<u8>) -> Answered {
        self.read(balance(&of), When::Before)
    }

    fn code_before(&mut self, of: Vec<u8>) -> Answered {
        self.read(code(&of), When::Before)
    }
}

impl state::Host for Guest {
    fn get(&mut self, key: Vec<u8>) -> wasmtime::Result<Option<Vec<u8>>> {
        self.expect_time()?;
        self.knows_state = true;
        Ok(self.state.get(&key).cloned())
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> wasmtime::Result<Result<(), state::StateError>> {
        self.expect_time()?;
        self.knows_state = true;
        let refused = |code: &str, message: String| state::StateError { code: code.to_owned(), message };
        if !self.has_state {
            return Ok(Err(refused("denied", "the operator does not grant `state`".to_owned())));
        }
        if key.len() > KEY_BYTES {
            return Ok(Err(refused("invalid", format!("a key of {} bytes, {KEY_BYTES} are allowed", key.len()))));
        }
        Ok(self.state.set(key, Some(value), &self.limits).map_err(|error| refused("quota", error.to_string())))
    }

    fn delete(&mut self, key: Vec<u8>) -> wasmtime::Result<()> {
        self.expect_time()?;
        self.knows_state = true;
        if !self.has_state || self.state.get(&key).is_none() {
            return Ok(());
        }
        self.state.set(key, None, &self.limits).map_err(|refused| wasmtime::Error::msg(refused.to_string()))
    }

    fn scan(
        &mut self,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: u32,
    ) -> wasmtime::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.expect_time()?;
        self.knows_state = true;
        Ok(self.state.scan(&prefix, after.as_deref(), limit.min(SCAN_AT_MOST) as usize))
    }
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.expect_time()?;
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.keep_line(level, &message);
        Ok(())
    }
}
