//! The engine that all detectors share, and components made ready for it.

use std::path::Path;
use std::time::Duration;

use alloy::primitives::B256;
use wasmtime::component::{Component as Compiled, HasSelf, Linker};
use wasmtime::{Config, Engine};

use super::bindings::{Detector as World, DetectorPre};
use super::detector;
use super::guest::Guest;
use super::{Limits, LoadError, Manifest};
use crate::digest::sha256;

/// How often the clock of deadlines ticks.
const TICK_MS: u64 = 5;

/// A guest's stack; well below what the threads that run guests have.
const STACK_BYTES: usize = 512 << 10;

/// The sandbox: one for a host.
pub struct Runtime {
    pub(super) engine: Engine,
    bare: Linker<Guest>,
    with_wasi: Linker<Guest>,
}

/// A component that was compiled and linked, not yet started.
pub struct Component {
    pub(super) pre: DetectorPre<Guest>,
    digest: B256,
    size: usize,
    imports: Vec<String>,
    pub(super) has_wasi: bool,
}

impl Runtime {
    /// Makes the engine, and starts the clock of deadlines.
    pub fn new() -> anyhow::Result<Self> {
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            // No guest of ours has async functions; without them a call costs a sixth.
            .concurrency_support(false)
            .max_wasm_stack(STACK_BYTES)
            .cranelift_nan_canonicalization(true)
            .wasm_relaxed_simd(false)
            .wasm_memory64(false)
            .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
        let engine = Engine::new(&config).map_err(ours)?;
        tick(&engine)?;
        let mut bare = Linker::new(&engine);
        World::add_to_linker::<_, HasSelf<Guest>>(&mut bare, |guest| guest).map_err(ours)?;
        let mut with_wasi = bare.clone();
        wasmtime_wasi::p2::add_to_linker_sync(&mut with_wasi).map_err(ours)?;
        Ok(Self { engine, bare, with_wasi })
    }

    /// Compiles and links a component. Nothing of it has run yet.
    pub fn compile(&self, bytes: &[u8], limits: &Limits) -> Result<Component, LoadError> {
        if bytes.len() > limits.component_bytes {
            return Err(LoadError::TooLarge { size: bytes.len(), limit: limits.component_bytes });
        }
        if !is_component(bytes) {
            let what = if bytes.starts_with(b"\0asm") { "a core module" } else { "no WebAssembly" };
            return Err(LoadError::NotAComponent(format!("it is {what}")));
        }
        let compiled = Compiled::new(&self.engine, bytes)
            .map_err(|error| LoadError::NotAComponent(format!("{:#}", error.root_cause())))?;
        let imports = imports(&compiled, &self.engine);
        let unknown =
            imports.iter().find(|name| !name.starts_with("watchfire:detector/") && !name.starts_with("wasi:"));
        if let Some(unknown) = unknown {
            return Err(LoadError::UnknownImport(unknown.clone()));
        }
        let has_wasi = imports.iter().any(|name| name.starts_with("wasi:"));
        expect_within(&compiled, limits)?;
        let linker = if has_wasi { &self.with_wasi } else { &self.bare };
        let pre = linker.instantiate_pre(&compiled).map_err(|error| {
            let told = format!("{error:#}");
            let missing = imports.iter().find(|name| told.contains(name.as_str())).cloned();
            LoadError::UnknownImport(missing.unwrap_or(told))
        })?;
        let pre =
            DetectorPre::new(pre).map_err(|error| LoadError::NotADetector(format!("{:#}", error.root_cause())))?;
        Ok(Component { pre, digest: sha256(bytes), size: bytes.len(), imports, has_wasi })
    }

    /// Compiles the component of a file.
    pub fn compile_file(&self, path: &Path, limits: &Limits) -> anyhow::Result<Component> {
        let bytes = std::fs::read(path).map_err(|error| anyhow::anyhow!("`{}`: {error}", path.display()))?;
        Ok(self.compile(&bytes, limits)?)
    }

    /// What a component says of itself.
    pub fn describe(&self, component: &Component, limits: &Limits) -> Result<Manifest, LoadError> {
        detector::describe(self, component, limits)
    }
}

impl Component {
    /// SHA-256 of its bytes.
    pub fn digest(&self) -> B256 {
        self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Interfaces that it imports.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }
}

/// How many ticks are at least so long.
pub(super) fn ticks(deadline_ms: u64) -> u64 {
    deadline_ms.div_ceil(TICK_MS) + 1
}

fn tick(engine: &Engine) -> anyhow::Result<()> {
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

/// A component's preamble: the magic number, then version 13 and layer 1.
fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x0d\0\x01\0")
}

fn imports(compiled: &Compiled, engine: &Engine) -> Vec<String> {
    compiled.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
}

fn expect_within(compiled: &Compiled, limits: &Limits) -> Result<(), LoadError> {
    // `None` where a component embeds others whose needs can't be told beforehand; the store's limits hold all the same.
    let Some(required) = compiled.resources_required() else { return Ok(()) };
    if let Some(bytes) = required.max_initial_memory_size.filter(|bytes| *bytes > limits.memory_bytes as u64) {
        return Err(LoadError::TooMuch(format!(
            "{bytes} bytes of memory at the start; `limits.memory_bytes` is {}",
            limits.memory_bytes
        )));
    }
    if let Some(elements) = required.max_initial_table_size.filter(|count| *count > limits.table_elements as u64) {
        return Err(LoadError::TooMuch(format!(
            "{elements} table elements at the start; `limits.table_elements` is {}",
            limits.table_elements
        )));
    }
    Ok(())
}

/// An error of wasmtime's as one of ours.
fn ours(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
