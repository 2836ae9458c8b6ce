//! `watchfire check`: everything that can be known to be wrong before the host starts.

use std::path::Path;

use crate::app::config::Config;
use crate::app::load;
use crate::app::sandbox::Sandboxes;
use crate::diagnostic::Diagnostic;
use crate::plugin::Manifest;

/// What was looked at and found.
#[derive(Debug, Default)]
pub struct Checked {
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Each detector that starts, with what it says of itself.
    pub detectors: Vec<(String, Manifest)>,
    /// How many signals and interventions the plan has.
    pub plan: Option<(usize, usize)>,
}

impl Checked {
    /// Whether the host would start.
    pub fn is_good(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Checks the config, the plan, and each detector by starting it with its real config.
pub fn check(file: &Path, sandboxes: &Sandboxes) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(diagnostics) => {
            checked.diagnostics = diagnostics;
            return Ok(checked);
        }
    };
    match load::plan(&config) {
        Ok(Some(loaded)) => {
            checked.diagnostics.extend(loaded.plan.warnings().iter().cloned());
            let tables = loaded.plan.tables();
            checked.plan = Some((tables.signal.len(), tables.intervention.len()));
        }
        Ok(None) => {}
        Err(diagnostics) => checked.diagnostics.extend(diagnostics),
    }
    let runtime = sandboxes.runtime(&config.cache, &config.folder())?;
    let ids: Vec<String> = config.detectors.keys().cloned().collect();
    for (id, loaded) in load::detectors(&runtime, &config, &ids) {
        match loaded {
            Ok(ready) => {
                checked.diagnostics.extend(ready.warnings);
                checked.detectors.push((id, ready.detector.profile().manifest().clone()));
            }
            Err(diagnostics) => checked.diagnostics.extend(diagnostics),
        }
    }
    Ok(checked)
}
