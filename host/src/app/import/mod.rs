//! Configurations of other monitors, read and written as rules and channels. What can't be carried over is said, never dropped.

mod abi;
mod condition;
mod defender;
mod model;
mod ozm;
mod write;

use std::path::Path;

pub use model::{Chain, Endpoint, Imported, Monitor};

/// Which monitor a configuration is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// OpenZeppelin Monitor 1.x: a folder with `monitors/`, `networks/` and `triggers/`.
    Ozm,
    /// Sentinels exported from Defender: a JSON file, or a folder of them.
    Defender,
}

/// Reads a configuration.
///
/// # Errors
///
/// If a file can't be read, or is none of that kind.
pub fn read(kind: Kind, path: &Path) -> anyhow::Result<Imported> {
    match kind {
        Kind::Ozm => ozm::read(path),
        Kind::Defender => defender::read(path),
    }
}

/// Writes what was read as `watchfire.toml`, with what is left to do at its head.
///
/// # Errors
///
/// If what is written could not be read again.
pub fn to_toml(imported: &Imported, component: Option<&str>) -> anyhow::Result<String> {
    write::to_toml(imported, component)
}

#[cfg(test)]
mod tests;
