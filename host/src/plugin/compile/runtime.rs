//! The sandbox of a host: components compiled, linked, and made ready to start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use alloy::primitives::B256;
use wasmtime::Engine;
use wasmtime::component::Component as Compiled;

use crate::digest::sha256;
use crate::plugin::boundary::wasi;
use crate::plugin::boundary::world::WorldPre;
use crate::plugin::compile::Compiler;
use crate::plugin::compile::engine::Sandbox;
use crate::plugin::failure::LoadError;
use crate::plugin::limits::{EngineSettings, Limits};
use crate::plugin::text::{line, lines};

/// The sandbox: one for a host.
pub struct Runtime {
    compiler: Compiler,
    /// One engine for each setting that an engine fixes; most hosts have one.
    sandboxes: Mutex<BTreeMap<EngineSettings, Arc<Sandbox>>>,
    /// What is in use, so that detectors of one component share its machine code. A place is held while its component is
    /// being compiled: whoever wants the same one waits for it.
    known: Mutex<BTreeMap<(B256, EngineSettings), Place>>,
}

type Place = Arc<Mutex<Weak<Ready>>>;

/// A component that was compiled and linked, not yet started.
#[derive(Clone)]
pub struct Component(Arc<Ready>);

struct Ready {
    pre: WorldPre,
    compiled: Compiled,
    settings: EngineSettings,
    digest: B256,
    size: usize,
    imports: Vec<String>,
    has_wasi: bool,
    /// Modules of it that count what they allocate.
    counting_modules: usize,
}

impl Runtime {
    /// Makes the sandbox, and starts its clock of deadlines.
    ///
    /// # Errors
    ///
    /// If wasmtime can't work on this machine.
    pub fn new(compiler: Compiler) -> anyhow::Result<Self> {
        let runtime = Self { compiler, sandboxes: Mutex::default(), known: Mutex::default() };
        // What can't work on this machine fails here, not at the first detector.
        runtime.sandbox(Limits::default().engine()).map_err(|error| anyhow::anyhow!("{error:#}"))?;
        Ok(runtime)
    }

    /// Compiles and links a component. Nothing of it has run yet.
    ///
    /// # Errors
    ///
    /// If it is no detector, imports what nobody grants, or goes past a limit.
    pub fn compile(&self, bytes: &[u8], limits: &Limits) -> Result<Component, LoadError> {
        if let Some((key, message)) = limits.mistakes().into_iter().next() {
            return Err(LoadError::Limits { key, message });
        }
        if bytes.len() > limits.component_bytes {
            return Err(LoadError::TooLarge { size: bytes.len(), limit: limits.component_bytes });
        }
        if !is_component(bytes) {
            let what = if bytes.starts_with(b"\0asm") { "a core module" } else { "no WebAssembly" };
            return Err(LoadError::NotAComponent(format!("it is {what}")));
        }
        self.compile_changed(bytes, sha256(bytes), limits, 0)
    }

    /// Compiles and links a component that was changed so that some of its modules count what they allocate.
    pub(in crate::plugin) fn compile_changed(
        &self,
        bytes: &[u8],
        digest: B256,
        limits: &Limits,
        counting_modules: usize,
    ) -> Result<Component, LoadError> {
        let place = self.place(digest, limits.engine());
        let mut known = place.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = match known.upgrade() {
            Some(ready) => ready,
            None => {
                let ready = Arc::new(self.make(bytes, digest, limits, counting_modules)?);
                *known = Arc::downgrade(&ready);
                ready
            }
        };
        drop(known);
        expect_within(&ready.compiled, limits)?;
        Ok(Component(ready))
    }

    fn place(&self, digest: B256, settings: EngineSettings) -> Place {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry((digest, settings)).or_default().clone()
    }

    fn sandbox(&self, settings: EngineSettings) -> wasmtime::Result<Arc<Sandbox>> {
        let mut sandboxes = self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sandbox) = sandboxes.get(&settings) {
            return Ok(sandbox.clone());
        }
        let sandbox = Arc::new(Sandbox::new(settings, self.compiler.names_lines())?);
        sandboxes.insert(settings, sandbox.clone());
        Ok(sandbox)
    }

    fn make(&self, bytes: &[u8], digest: B256, limits: &Limits, counting_modules: usize) -> Result<Ready, LoadError> {
        let settings = limits.engine();
        let sandbox = self.sandbox(settings).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let compiled = self.compiler.compile(&sandbox.engine, settings, bytes, digest, limits)?;
        let imports = imports(&compiled, &sandbox.engine);
        let known = |name: &str| name.starts_with("watchfire:detector/") || wasi::is_known(name);
        if let Some(unknown) = imports.iter().find(|name| !known(name)) {
            return Err(LoadError::UnknownImport(unknown.clone()));
        }
        let has_wasi = imports.iter().any(|name| wasi::is_known(name));
        let linker = if has_wasi { &sandbox.with_wasi } else { &sandbox.bare };
        let pre = linker.instantiate_pre(&compiled).map_err(|error| {
            let message = lines(&format!("{error:#}"), 1_000);
            match imports.iter().find(|name| message.contains(name.as_str())) {
                Some(name) => {
                    let message = lines(&format!("{:#}", error.root_cause()), 500);
                    LoadError::OtherImport { name: name.clone(), message }
                }
                None => LoadError::UnknownImport(message),
            }
        })?;
        let pre = WorldPre::new(pre)
            .map_err(|error| LoadError::NotADetector(lines(&format!("{:#}", error.root_cause()), 1_000)))?;
        Ok(Ready { pre, compiled, settings, digest, size: bytes.len(), imports, has_wasi, counting_modules })
    }
}

impl Component {
    /// Returns the SHA-256 of its bytes.
    pub fn digest(&self) -> B256 {
        self.0.digest
    }

    /// Returns its size, bytes.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// Returns the interfaces that it imports.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// Returns what it was compiled for: the limits of each detector made of it must ask for the same.
    pub fn settings(&self) -> EngineSettings {
        self.0.settings
    }

    pub(in crate::plugin) fn pre(&self) -> &WorldPre {
        &self.0.pre
    }

    pub(in crate::plugin) fn compiled(&self) -> &Compiled {
        &self.0.compiled
    }

    pub(in crate::plugin) fn engine(&self) -> &Engine {
        self.0.pre.engine()
    }

    pub(in crate::plugin) fn counting_modules(&self) -> usize {
        self.0.counting_modules
    }

    pub(in crate::plugin) fn has_wasi(&self) -> bool {
        self.0.has_wasi
    }
}

/// A component's preamble: the magic number, then version 13 and layer 1.
fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x0d\0\x01\0")
}

/// Names of what it imports. They come from the guest: a name may hold a URL of its own choice.
fn imports(compiled: &Compiled, engine: &Engine) -> Vec<String> {
    compiled.component_type().imports(engine).map(|(name, _)| line(name, 256)).collect()
}

fn expect_within(compiled: &Compiled, limits: &Limits) -> Result<(), LoadError> {
    // `None` where a component embeds others whose needs can't be known beforehand; the store's limits hold all the same.
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
