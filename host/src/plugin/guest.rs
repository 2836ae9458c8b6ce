//! What one guest has on the host's side: its state, its budget, its log, and the interfaces that reach them.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes};
use wasmtime::component::ResourceTable;
use wasmtime::{StoreLimits, StoreLimitsBuilder};

use super::bindings::watchfire::detector::{batches, chain, log, state, types};
use super::chain::ChainAccess;
use super::state::{Refused, StateStore};
use super::wasi::Wasi;
use super::{Limits, text};
use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead};

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// For whoever follows along.
    Info,
    /// For somebody to look at.
    Warn,
    /// Something went wrong.
    Error,
}

/// A line that a detector wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How loud.
    pub level: LogLevel,
    /// Printable, on one line, bounded.
    pub message: String,
}

/// The largest scan that is answered at once.
const SCAN_AT_MOST: u32 = 10_000;

/// The host's side of one guest; the data of its store.
pub(super) struct Guest {
    pub(super) table: ResourceTable,
    pub(super) limiter: StoreLimits,
    pub(super) limits: Arc<Limits>,
    pub(super) state: StateStore,
    /// Whether `state` was granted.
    pub(super) has_state: bool,
    pub(super) chain: ChainAccess,
    pub(super) log: Vec<LogLine>,
    /// Lines past the limit.
    pub(super) dropped_lines: u32,
    pub(super) wasi: Option<Wasi>,
}

impl Guest {
    pub(super) fn new(limits: Arc<Limits>, wasi: Option<Wasi>) -> Self {
        let limiter = StoreLimitsBuilder::new()
            .memory_size(limits.memory_bytes)
            .table_elements(limits.table_elements)
            .instances(limits.instances)
            .memories(limits.instances)
            .tables(limits.instances)
            .trap_on_grow_failure(false)
            .build();
        Self {
            table: ResourceTable::new(),
            limiter,
            limits,
            state: StateStore::default(),
            has_state: false,
            chain: ChainAccess::default(),
            log: Vec::new(),
            dropped_lines: 0,
            wasi,
        }
    }

    /// Begins a batch or a start: nothing of the last one's budget is used.
    pub(super) fn begin(&mut self, at: Option<BlockRef>) {
        self.log.clear();
        self.dropped_lines = 0;
        self.chain.begin(at);
        self.state.discard();
    }

    fn write(&mut self, level: LogLevel, message: &str) {
        if self.log.len() >= self.limits.log_lines_per_batch as usize {
            self.dropped_lines += 1;
            return;
        }
        self.log.push(LogLine { level, message: text::line(message, self.limits.log_line_bytes) });
    }

    fn read(&mut self, read: ChainRead) -> Result<Vec<u8>, chain::ChainError> {
        let answer: ChainAnswer = self.chain.read(read, &self.limits);
        answer.map(|bytes| bytes.to_vec()).map_err(|fault| chain::ChainError {
            code: fault.code,
            message: fault.message,
            data: fault.data.to_vec(),
        })
    }
}

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

impl types::Host for Guest {}

impl batches::Host for Guest {}

impl chain::Host for Guest {
    fn call(&mut self, to: Vec<u8>, data: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, chain::ChainError>> {
        Ok(address(&to).and_then(|to| self.read(ChainRead::Call { to, data: data.into() })))
    }

    fn storage_at(&mut self, of: Vec<u8>, slot: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, chain::ChainError>> {
        let slot = B256::try_from(slot.as_slice()).map_err(|_| invalid("a slot", &slot));
        Ok(address(&of).and_then(|address| self.read(ChainRead::Storage { address, slot: slot? })))
    }

    fn balance(&mut self, of: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, chain::ChainError>> {
        Ok(address(&of).and_then(|address| self.read(ChainRead::Balance { address })))
    }

    fn code(&mut self, of: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, chain::ChainError>> {
        Ok(address(&of).and_then(|address| self.read(ChainRead::Code { address })))
    }
}

impl state::Host for Guest {
    fn get(&mut self, key: Vec<u8>) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.state.get(&key).cloned())
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> wasmtime::Result<Result<(), state::StateError>> {
        let told = |code: &str, message: String| state::StateError { code: code.to_owned(), message };
        if !self.has_state {
            return Ok(Err(told("denied", "the operator does not grant `state`".to_owned())));
        }
        let (bytes, writes) = (self.limits.state_bytes, self.limits.state_writes_per_batch);
        Ok(self.state.set(key, Some(value), bytes, writes).map_err(|refused| match refused {
            Refused::Bytes => told("quota", format!("the state would grow past {bytes} bytes")),
            Refused::Writes => told("quota", format!("{writes} writes are enough for one batch")),
        }))
    }

    fn delete(&mut self, key: Vec<u8>) -> wasmtime::Result<()> {
        if !self.has_state || self.state.get(&key).is_none() {
            return Ok(());
        }
        let (bytes, writes) = (self.limits.state_bytes, self.limits.state_writes_per_batch);
        self.state
            .set(key, None, bytes, writes)
            .map_err(|_| wasmtime::Error::msg(format!("more than {writes} writes to its state on one batch")))
    }

    fn scan(
        &mut self,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: u32,
    ) -> wasmtime::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        Ok(self.state.scan(&prefix, after.as_deref(), limit.min(SCAN_AT_MOST) as usize))
    }
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.write(level, &message);
        Ok(())
    }
}

impl Guest {
    /// What was written to the log, with a last line that tells how much was dropped.
    pub(super) fn take_log(&mut self) -> Vec<LogLine> {
        let mut log = std::mem::take(&mut self.log);
        if self.dropped_lines > 0 {
            let message = format!("{} more lines were dropped", self.dropped_lines);
            log.push(LogLine { level: LogLevel::Warn, message });
        }
        log
    }
}
