//! What one guest has on the host's side: its handles, its state, its budget and its log.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Trap;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::plugin::boundary::allowance::Allowance;
use crate::plugin::boundary::batch::Head;
use crate::plugin::boundary::chain::ChainAccess;
use crate::plugin::boundary::state::StateStore;
use crate::plugin::boundary::time::Time;
use crate::plugin::boundary::wasi::Wasi;
use crate::plugin::limits::{HANDLES_AT_MOST, Limits};
use crate::plugin::text;

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
    /// What it may take of the processor.
    pub(in crate::plugin) time: Time,
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
            time: Time::begin(Duration::ZERO),
        }
    }

    /// Begins a batch or a start: nothing of the last one's budget is used.
    pub(in crate::plugin) fn begin(&mut self, head: Option<Head>, deadline_ms: u64) {
        self.time = Time::begin(Duration::from_millis(deadline_ms));
        self.log.clear();
        self.dropped_lines = 0;
        self.limiter.take_denied();
        self.chain.begin(head);
        self.state.discard();
    }

    /// Ends a guest whose time is up. Its own code looks at the clock in loops and where functions begin; one that only
    /// calls the host, line after line, never does.
    pub(in crate::plugin) fn expect_time(&self) -> wasmtime::Result<()> {
        if self.time.is_surely_left() || self.time.left().is_some() { Ok(()) } else { Err(Trap::Interrupt.into()) }
    }

    /// Keeps a line of its log; one past the limit is dropped and counted.
    pub(super) fn keep_line(&mut self, level: LogLevel, message: &str) {
        if self.log.len() >= self.limits.log_lines_per_batch as usize {
            self.dropped_lines = self.dropped_lines.saturating_add(1);
            return;
        }
        self.log.push(LogLine { level, message: text::line(message, self.limits.log_line_bytes) });
    }

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

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.get_or_insert_with(Wasi::new).view(&mut self.table)
    }
}
