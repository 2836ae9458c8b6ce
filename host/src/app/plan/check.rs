//! `watchfire check`: everything that can be known to be wrong before the host starts, and whether the plan is ready.

use std::path::Path;

use crate::app::config::Config;
use crate::app::deploy::load;
use crate::app::deploy::machine::{Machine, past_the_machine};
use crate::app::deploy::requests::past_the_budget;
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::plan::{carried, fit, listens};
use crate::diagnostic::Diagnostic;
use crate::plan::ready::Waived;
use crate::plan::{Plan, readiness};
use crate::plugin::Manifest;

/// What was looked at and found.
#[derive(Debug, Default)]
pub struct Checked {
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// What would be wrong with the plan, had nobody taken it upon themselves.
    pub waived: Vec<Waived>,
    /// Each detector that starts, with what it says of itself.
    pub detectors: Vec<(String, Manifest)>,
    /// How many signals and interventions the plan of each protocol has; its name is empty where there is one.
    pub plans: Vec<(String, usize, usize)>,
}

impl Checked {
    /// How many errors and how many warnings there are.
    pub fn count(&self) -> (usize, usize) {
        let errors = self.diagnostics.iter().filter(|found| found.is_error()).count();
        (errors, self.diagnostics.len() - errors)
    }

    /// Checks the texts of a plan as of a moment, milliseconds since the Unix epoch.
    fn plan(&mut self, protocol: &str, files: &[(String, String)], at_ms: u64) {
        let readiness = readiness(files, at_ms);
        self.diagnostics.extend(readiness.found);
        self.waived.extend(readiness.waived);
        if let Ok(plan) = Plan::load(files) {
            let (signals, interventions) = (plan.tables().signal.len(), plan.tables().intervention.len());
            self.plans.push((protocol.to_owned(), signals, interventions));
        }
    }
}

/// Checks the config, the plan as of a moment (milliseconds since the Unix epoch), and each detector by starting it with
/// its real config.
///
/// # Errors
///
/// If the plan can't be read or the sandbox can't be made. What is wrong with config, plan or detectors is no error: it is what
/// is returned.
pub fn check(file: &Path, at_ms: u64, sandboxes: &Sandboxes) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(diagnostics) => {
            checked.diagnostics = diagnostics;
            return Ok(checked);
        }
    };
    checked.diagnostics.extend(past_the_machine(&config, Machine::this()));
    checked.diagnostics.extend(past_the_budget(&config));
    checked.diagnostics.extend(config.idle_pins());
    let mut plans = Vec::new();
    for (protocol, texts) in load::plan_texts(&config) {
        match texts {
            Ok(files) => {
                checked.plan(&protocol.name, &files, at_ms);
                checked.diagnostics.extend(carried::uncarried(&config, &files));
                plans.push(files);
            }
            Err(diagnostics) => checked.diagnostics.extend(diagnostics),
        }
    }
    let runtime = sandboxes.runtime(&config.cache, &config.folder())?;
    let ids: Vec<String> = config.detectors.keys().cloned().collect();
    let mut voices = Vec::new();
    for (id, loaded) in load::detectors(&runtime, &config, &ids) {
        match loaded {
            Ok(ready) => {
                checked.diagnostics.extend(ready.warnings);
                let profile = ready.detector.profile();
                voices.push((id.clone(), profile.digest(), profile.listens()));
                checked.detectors.push((id, ready.detector.profile().manifest().clone()));
            }
            Err(diagnostics) => checked.diagnostics.extend(diagnostics),
        }
    }
    // What finds what is known only of detectors that start.
    let all = (checked.detectors.len() == ids.len()).then_some(checked.detectors.as_slice());
    checked.diagnostics.extend(all.map(|known| listens::unmet(&config, known)).unwrap_or_default());
    let mut misfits = Vec::new();
    let mut read = Vec::new();
    for files in &plans {
        if let Ok(plan) = Plan::load(files) {
            misfits.extend(fit::misfits(&config, files, &plan, all, all.and(Some(&voices))));
            read.push(plan);
        }
    }
    if read.len() == plans.len() && !plans.is_empty() {
        misfits.extend(fit::unheard(&config, &read, all.unwrap_or_default()));
    }
    checked.diagnostics.extend(misfits);
    checked.diagnostics.extend(fit::watching_nothing(&config));
    if config.plan.is_none() && config.protocols.is_empty() && !config.output_is_read {
        checked.diagnostics.push(fit::without_plan(&config));
    }
    Ok(checked)
}

/// Checks a plan alone, a folder or a file, as of a moment, milliseconds since the Unix epoch.
///
/// # Errors
///
/// If the files can't be read.
pub fn check_plan(path: &Path, at_ms: u64) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    checked.plan("", &load::plan_files(path)?, at_ms);
    Ok(checked)
}
