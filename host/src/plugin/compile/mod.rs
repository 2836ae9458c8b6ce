//! From a component's bytes to machine code. Compilers are large and take hostile input badly: each component is
//! compiled in a process of its own, which has a deadline and a memory limit, and dies alone.

mod artefact;
mod cache;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod calls;
mod child;
pub(super) mod engine;
mod process;
pub(super) mod runtime;

use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::B256;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::plugin::compile::artefact::Artefact;
use crate::plugin::compile::cache::Name;
use crate::plugin::failure::LoadError;
use crate::plugin::limits::{EngineSettings, Limits};
use crate::plugin::text::lines;

pub use cache::{Cache, default_folder};
pub use child::compile_from_stdin;
pub use process::COMMAND;

/// How components are compiled, and where what was compiled is kept.
pub struct Compiler {
    place: Place,
    cache: Option<Cache>,
    names_lines: bool,
    /// The longest that a compilation may take on the clock.
    patience: Duration,
}

/// The longest that a compilation may take on the clock, whatever processor time it has got.
const PATIENCE: Duration = Duration::from_secs(1_200);

enum Place {
    InProcess,
    Processes(PathBuf),
}

impl Compiler {
    /// Compiles in this very process, where neither `compile_deadline_ms` nor `compile_memory_bytes` holds: for
    /// components that one made oneself, where there is no `watchfire` binary to start, as in tests of the library.
    pub fn in_process() -> Self {
        Self { place: Place::InProcess, cache: None, names_lines: false, patience: PATIENCE }
    }

    /// Compiles each component in a process of its own: `binary` is a `watchfire` of this very build.
    pub fn in_processes_of(binary: impl Into<PathBuf>) -> Self {
        Self { place: Place::Processes(binary.into()), cache: None, names_lines: false, patience: PATIENCE }
    }

    /// Keeps what was compiled.
    pub fn with_cache(mut self, cache: Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Has traps name the lines of the source: for detectors that one writes oneself.
    pub fn naming_lines(mut self) -> Self {
        self.names_lines = true;
        self
    }

    /// Ends a compilation that has not ended after so long on the clock; its deadline counts processor time alone.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn names_lines(&self) -> bool {
        self.names_lines
    }

    fn compile(
        &self,
        engine: &Engine,
        settings: EngineSettings,
        bytes: &[u8],
        digest: B256,
        limits: &Limits,
    ) -> Result<Component, LoadError> {
        let name = Name::of(digest, engine);
        if let Some(kept) = self.cache.as_ref().and_then(|cache| cache.read(&name)) {
            match kept.load(engine) {
                Ok(component) => return Ok(component),
                Err(error) => {
                    tracing::warn!("what the cache holds of {digest} does not fit, compiling anew: {error:#}")
                }
            }
        }
        let made = match &self.place {
            Place::InProcess => {
                let made = engine.precompile_component(bytes).map_err(|error| not_a_component(&error))?;
                Artefact::vouched_for(made)
            }
            Place::Processes(binary) => {
                process::compile(binary, settings, self.names_lines, bytes, limits, self.patience)?
            }
        };
        let component = made.load(engine).map_err(|error| {
            let message = lines(&format!("{:#}", error.root_cause()), 1_000);
            LoadError::Compile(format!("the compiler's process made something that this one can't load: {message}"))
        })?;
        if let Some(cache) = &self.cache {
            cache.write(&name, &made);
        }
        Ok(component)
    }
}

fn not_a_component(error: &wasmtime::Error) -> LoadError {
    LoadError::NotAComponent(lines(&format!("{:#}", error.root_cause()), 1_000))
}
