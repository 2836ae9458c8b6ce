//! What one guest has on the host's side: its state, its budget, its log, and the interfaces that reach them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, Bytes};
use wasmtime::Trap;
use wasmtime::component::ResourceTable;

use crate::block::BlockRef;
use crate::chain_read::{ChainFault, ChainRead};
use crate::plugin::Limits;
use crate::plugin::boundary::allowance::Allowance;
use crate::plugin::boundary::bindings::watchfire::detector::{batches, chain, log, state, types};
use crate::plugin::boundary::chain::ChainAccess;
use crate::plugin::boundary::state::StateStore;
use crate::plugin::boundary::text;
use crate::plugin::boundary::wasi::Wasi;

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
/// The longest key of a state.
const KEY_BYTES: usize = 4 << 10;
/// The guest's own clock of deadlines, which ticks more slowly, goes first.
const GRACE: Duration = Duration::from_millis(20);
/// Most handles that a guest holds at once. It is lent one batch; what else there is comes of WASI.
pub(in crate::plugin) const HANDLES_AT_MOST: usize = 1_024;

/// The host's side of one guest; the data of its store.
pub(in crate::plugin) struct Guest {
    pub(in crate::plugin) table: ResourceTable,
    pub(in crate::plugin) limiter: Allowance,
    pub(in crate::plugin) limits: Arc<Limits>,
    pub(in crate::plugin) state: StateStore,
    /// Whether `state` was granted.
    pub(in crate::plugin) has_state: bool,
    /// Whether it has looked at its state, or tried to change it.
    pub(in crate::plugin) knows_state: bool,
    pub(in crate::plugin) chain: ChainAccess,
    pub(in crate::plugin) log: Vec<LogLine>,
    /// Lines past the limit.
    pub(in crate::plugin) dropped_lines: u32,
    pub(in crate::plugin) wasi: Option<Wasi>,
    /// When its time is up.
    until: Instant,
}

impl Guest {
    pub(in crate::plugin) fn new(limits: Arc<Limits>, wasi: Option<Wasi>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_AT_MOST);
        let limiter = Allowance::new(&limits);
        Self {
            table,
            limiter,
            limits,
            state: StateStore::default(),
            has_state: false,
            knows_state: false,
            chain: ChainAccess::default(),
            log: Vec::new(),
            dropped_lines: 0,
            wasi,
            until: Instant::now(),
        }
    }

    /// Begins a batch or a start: nothing of the last one's budget is used.
    pub(in crate::plugin) fn begin(&mut self, at: Option<BlockRef>, deadline_ms: u64) {
        self.until = Instant::now() + Duration::from_millis(deadline_ms) + GRACE;
        self.log.clear();
        self.dropped_lines = 0;
        self.limiter.take_denied();
        self.chain.begin(at);
        self.state.discard();
    }

    /// Ends a guest whose time is up. Its own code looks at the clock in loops and where functions begin; one that only
    /// calls the host, line after line, never does.
    pub(in crate::plugin) fn expect_time(&self) -> wasmtime::Result<()> {
        if Instant::now() > self.until { Err(Trap::Interrupt.into()) } else { Ok(()) }
    }

    fn write(&mut self, level: LogLevel, message: &str) {
        if self.log.len() >= self.limits.log_lines_per_batch as usize {
            self.dropped_lines = self.dropped_lines.saturating_add(1);
            return;
        }
        self.log.push(LogLine { level, message: text::line(message, self.limits.log_line_bytes) });
    }

    fn read(&mut self, read: ChainRead) -> wasmtime::Result<Result<Vec<u8>, chain::ChainError>> {
        let longest = self.until.saturating_duration_since(Instant::now());
        let Some(answer) = self.chain.read(read, &self.limits, longest) else { return Err(Trap::Interrupt.into()) };
        Ok(answer.map(|bytes| bytes.to_vec()).map_err(|fault| chain::ChainError {
            code: fault.code,
            message: fault.message,
            data: fault.data.to_vec(),
        }))
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
        self.expect_time()?;
        match address(&to) {
            Ok(to) => self.read(ChainRead::Call { to, data: data.into() }),
            Err(error) => Ok(Err(error)),
        }
    }

    fn storage_at(&mut self, of: Vec<u8>, slot: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, chain::ChainError>> {
        self.expect_time()?;
        let slot = B256::try_from(slot.as_slice()).map_err(|_| invalid("a slot", &slot));
        match address(&of).and_then(|address| Ok((address, slot?))) {
            Ok((address, slot)) => self.read(ChainRead::Storage { address, slot }),
            Err(error) => Ok(Err(error)),
        }
    }

    fn balance(&mut self, of: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, chain::ChainError>> {
        self.expect_time()?;
        match address(&of) {
            Ok(address) => self.read(ChainRead::Balance { address }),
            Err(error) => Ok(Err(error)),
        }
    }

    fn code(&mut self, of: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, chain::ChainError>> {
        self.expect_time()?;
        match address(&of) {
            Ok(address) => self.read(ChainRead::Code { address }),
            Err(error) => Ok(Err(error)),
        }
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
        let told = |code: &str, message: String| state::StateError { code: code.to_owned(), message };
        if !self.has_state {
            return Ok(Err(told("denied", "the operator does not grant `state`".to_owned())));
        }
        if key.len() > KEY_BYTES {
            return Ok(Err(told("invalid", format!("a key of {} bytes, {KEY_BYTES} are allowed", key.len()))));
        }
        Ok(self.state.set(key, Some(value), &self.limits).map_err(|refused| told("quota", refused.to_string())))
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
        self.write(level, &message);
        Ok(())
    }
}

impl Guest {
    /// What was written to the log, with a last line that tells how much was dropped.
    pub(in crate::plugin) fn take_log(&mut self) -> Vec<LogLine> {
        let mut log = std::mem::take(&mut self.log);
        if self.dropped_lines > 0 {
            let message = format!("{} more lines were dropped", self.dropped_lines);
            log.push(LogLine { level: LogLevel::Warn, message });
        }
        log
    }
}
