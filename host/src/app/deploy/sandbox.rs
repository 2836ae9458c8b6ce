//! How this process makes its sandbox: which binary compiles, and where what was compiled is kept.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;

use crate::app::config::CacheConfig;
use crate::plugin::{Cache, Compiler, Runtime, default_folder};

/// The cache that the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CacheChoice {
    /// The one of the config.
    #[default]
    AsConfigured,
    /// None.
    Off,
    /// The one in this folder.
    Folder(PathBuf),
}

impl FromStr for CacheChoice {
    type Err = std::convert::Infallible;

    fn from_str(said: &str) -> Result<Self, Self::Err> {
        Ok(if said == "off" { Self::Off } else { Self::Folder(said.into()) })
    }
}

/// Makes sandboxes.
#[derive(Clone, Debug)]
pub struct Sandboxes {
    binary: Option<PathBuf>,
    cache: CacheChoice,
    for_authors: bool,
}

impl Sandboxes {
    /// Has components compiled by `binary`, a `watchfire` of this very build, in processes of their own.
    pub fn of_binary(binary: PathBuf, cache: CacheChoice) -> Self {
        Self { binary: Some(binary), cache, for_authors: false }
    }

    /// Has components compiled in this process, without a deadline: for tests and for detectors that one wrote oneself.
    pub fn in_process() -> Self {
        Self { binary: None, cache: CacheChoice::Off, for_authors: false }
    }

    /// Has traps name lines of the source: for those who write detectors.
    pub fn for_authors(mut self) -> Self {
        self.for_authors = true;
        self
    }

    /// Makes a sandbox. A cache that can't be used is logged, and then there is none.
    ///
    /// # Errors
    ///
    /// If wasmtime can't work on this machine.
    pub fn runtime(&self, config: &CacheConfig, folder: &Path) -> anyhow::Result<Runtime> {
        let compiler = match &self.binary {
            Some(binary) => Compiler::in_processes_of(binary),
            None => Compiler::in_process(),
        };
        let compiler = if self.for_authors { compiler.naming_lines() } else { compiler };
        Runtime::new(match self.open(config, folder) {
            Some(cache) => compiler.with_cache(cache),
            None => compiler,
        })
    }

    fn open(&self, config: &CacheConfig, folder: &Path) -> Option<Cache> {
        let path = match &self.cache {
            CacheChoice::Off => return None,
            CacheChoice::Folder(path) => path.clone(),
            CacheChoice::AsConfigured if !config.enabled => return None,
            CacheChoice::AsConfigured => match &config.path {
                Some(path) => folder.join(path),
                None => default_folder()?,
            },
        };
        match Cache::open(&path, config.max_bytes) {
            Ok(cache) => Some(cache),
            Err(error) => {
                tracing::warn!(
                    "compiled components are not kept, each start compiles anew: `{}`: {error:#}",
                    path.display()
                );
                None
            }
        }
    }
}

/// Returns the binary that this process runs.
///
/// # Errors
///
/// If the system does not say which that is.
pub fn own_binary() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("this process's own binary, which compiles detectors, can't be found")
}
