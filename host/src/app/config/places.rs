//! Where plan and journal lie, read without the rest of a config: who keeps or judges a plan needs no node and no secret.

use std::path::{Path, PathBuf};

use super::{JournalConfig, PlanConfig, folder_of, read_text};
use crate::diagnostic::Diagnostic;
use crate::toml_file::TomlFile;

/// What a config says of the files of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The plan's folder or file.
    pub plan: Option<PathBuf>,
    /// The journal's file, which need not be there yet.
    pub journal: PathBuf,
}

impl Places {
    /// Reads them from a config's file.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or these parts of it are wrong.
    pub fn of(file: &Path) -> Result<Self, Vec<Diagnostic>> {
        let name = file.display().to_string();
        let text = read_text(file)?;
        let mut toml = TomlFile::parse(&name, &text).map_err(|diagnostic| vec![diagnostic])?;
        let folder = folder_of(file);
        let plan = toml.read::<PlanConfig>(&["plan"]).map(|plan| folder.join(plan.path));
        let journal = folder.join(toml.read::<JournalConfig>(&["journal"]).unwrap_or_default().path);
        if toml.diagnostics.is_empty() { Ok(Self { plan, journal }) } else { Err(toml.diagnostics) }
    }
}
