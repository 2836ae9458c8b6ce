//! wasmtime as the sandbox sets it up: an engine with its clock of deadlines, and what guests can import.

use std::num::NonZeroUsize;
use std::time::Duration;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, WasmBacktraceDetails};

use crate::plugin::boundary::bindings::Detector as World;
use crate::plugin::boundary::guest::Guest;
use crate::plugin::boundary::wasi;
use crate::plugin::limits::EngineSettings;

/// How often the clock of deadlines ticks.
const TICK_MS: u64 = 5;

/// An engine, and what guests on it can import.
pub(super) struct Sandbox {
    pub(super) engine: Engine,
    pub(super) bare: Linker<Guest>,
    pub(super) with_wasi: Linker<Guest>,
}

impl Sandbox {
    /// Makes the engine, and starts its clock.
    pub(super) fn new(settings: EngineSettings, names_lines: bool) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(settings, names_lines))?;
        tick(&engine)?;
        let mut bare = Linker::new(&engine);
        World::add_to_linker::<_, HasSelf<Guest>>(&mut bare, |guest| guest)?;
        let mut with_wasi = bare.clone();
        wasi::add_to_linker(&mut with_wasi)?;
        Ok(Self { engine, bare, with_wasi })
    }
}

/// The same where components are compiled and where they run, or the one refuses what the other made. Where it tells lines, a
/// trap tells the lines of the source that it came through: a guest's debugging information is then read when it traps,
/// outside its limits, which is for detectors that one writes oneself.
pub(super) fn config(settings: EngineSettings, names_lines: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(settings.counts_fuel)
        // No guest of ours has async functions; without them a call costs a sixth.
        .concurrency_support(false)
        .max_wasm_stack(settings.stack_bytes)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_backtrace_details(match names_lines {
            true => WasmBacktraceDetails::Enable,
            false => WasmBacktraceDetails::Disable,
        })
        .wasm_backtrace_max_frames(NonZeroUsize::new(16));
    config
}

/// How many ticks are at least so long.
pub(in crate::plugin) fn ticks(deadline_ms: u64) -> u64 {
    deadline_ms.div_ceil(TICK_MS).saturating_add(1)
}

fn tick(engine: &Engine) -> std::io::Result<()> {
    let weak = engine.weak();
    std::thread::Builder::new().name("deadlines".into()).spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(Duration::from_millis(TICK_MS));
        }
    })?;
    Ok(())
}
