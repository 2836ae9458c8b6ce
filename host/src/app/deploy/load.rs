//! Loads what a config names: components are admitted, detectors started, plans read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::B256;

use crate::app::config::{Config, DetectorConfig};
use crate::app::deploy::pinned::contradictions;
use crate::app::deploy::spec::KeptSpec;
use crate::app::deploy::weakened;
use crate::diagnostic::{Diagnostic, Gravity, suggestion};
use crate::digest::sha256;
use crate::event::Event;
use crate::plan::{Defaults, Plan};
use crate::plugin::{Detector, LoadError, Runtime};
use crate::protocol::Protocol;
use crate::toml_file::TomlFile;
use crate::whole_file;

/// A detector that is ready to be swapped in.
pub struct Ready {
    /// The detector, started with its real config.
    pub detector: Detector,
    /// Its spec, for the journal.
    pub spec: KeptSpec,
    /// Its component's bytes, for the journal.
    pub bytes: Vec<u8>,
    /// What it is granted and does not ask for.
    pub warnings: Vec<Diagnostic>,
}

/// Detectors of a config by id, each or what is wrong with it.
pub type Loaded = BTreeMap<String, Result<Ready, Vec<Diagnostic>>>;

/// Loads several detectors of a config, as many at once as there are cores.
pub fn detectors(runtime: &Runtime, config: &Config, ids: &[String]) -> Loaded {
    at_once(ids.iter().map(|id| (id.clone(), ())).collect(), |id, ()| detector(runtime, config, id))
}

/// Loads several components as detectors of a config, as many at once as there are cores.
pub fn detectors_of(runtime: &Runtime, config: &Config, components: BTreeMap<String, Vec<u8>>) -> Loaded {
    at_once(components, |id, bytes| detector_of(runtime, config, id, bytes))
}

fn at_once<T: Send>(
    wanted: BTreeMap<String, T>,
    load: impl Fn(&str, T) -> Result<Ready, Vec<Diagnostic>> + Sync,
) -> Loaded {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(wanted.len());
    let left = Mutex::new(wanted);
    let loaded = Mutex::new(Loaded::new());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
                    let Some((id, given)) = next else { break };
                    let made = load(&id, given);
                    loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(id, made);
                }
            });
        }
    });
    loaded.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Reads, compiles and starts one detector of a config.
///
/// # Errors
///
/// If it can't be read, compiled or started: what is wrong, at its place in the config.
pub fn detector(runtime: &Runtime, config: &Config, id: &str) -> Result<Ready, Vec<Diagnostic>> {
    let Some(wanted) = config.detectors.get(id) else { return Err(Vec::new()) };
    let bytes = config.component_bytes(id, wanted);
    let bytes =
        bytes.map_err(|(message, help)| vec![diagnostic(config, &["detector", id, "component"], message, &help)])?;
    detector_of(runtime, config, id, bytes)
}

/// Compiles and starts a component as one of a config's detectors.
///
/// # Errors
///
/// If it can't be compiled or started: what is wrong, at its place in the config.
pub fn detector_of(runtime: &Runtime, config: &Config, id: &str, bytes: Vec<u8>) -> Result<Ready, Vec<Diagnostic>> {
    let Some(wanted) = config.detectors.get(id) else { return Err(Vec::new()) };
    let path = config.component_path(id, wanted);
    let wrong = |key: &[&str], message: String, help: &str| {
        let place: Vec<&str> = ["detector", id].iter().chain(key).copied().collect();
        vec![diagnostic(config, &place, message, help)]
    };
    if let Some(pinned) = &wanted.digest {
        let is = sha256(&bytes);
        let digits = pinned.strip_prefix("sha256:").or(pinned.strip_prefix("0x")).unwrap_or_default();
        match digits.parse::<B256>() {
            Err(_) => {
                let message = format!("`{pinned}` is no digest");
                let help = format!("write `sha256:` and 64 hexadecimal digits; that of this file is `sha256:{is:x}`");
                return Err(wrong(&["digest"], message, &help));
            }
            Ok(pinned) if pinned != is => {
                let message = format!("`{}` is another component: its digest is sha256:{is:x}", path.display());
                let help = "put the file back, or, if the change is meant, name this digest";
                return Err(wrong(&["digest"], message, help));
            }
            Ok(_) => {}
        }
    }
    let spec = KeptSpec::of(config, wanted);
    let component = runtime
        .compile(&bytes, &spec.limits)
        .map_err(|error| wrong(&["component"], format!("`{}`: {error}", path.display()), ""))?;
    let started = spec.start(id, Arc::new(component));
    let detector = started.map_err(|error| match &error {
        LoadError::Config { key, message } => {
            let parts: Vec<&str> = key.split('.').filter(|part| !part.is_empty()).collect();
            let place: Vec<&str> = ["config"].into_iter().chain(parts).collect();
            wrong(&place, message.clone(), "")
        }
        LoadError::NotGranted { missing } => {
            let help = format!(
                "see what it says of itself by `watchfire plugin inspect {}`, then add {} to `grant`, or leave it",
                path.display(),
                missing.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
            );
            wrong(&["grant"], error.to_string(), &help)
        }
        LoadError::Limits { key, message } => wrong(&["limits", key], message.clone(), ""),
        LoadError::Feed { name } => {
            let known = config.feeds.keys().map(String::as_str);
            let help = match config.feeds.contains_key(name) {
                true => format!("add \"{name}\" to `feeds`, or mend the detector's own config"),
                false => {
                    format!("there is no `[feed.{name}]`: mend the detector's own config. {}", suggestion(name, known))
                }
            };
            wrong(&["feeds"], error.to_string(), help.trim_end())
        }
        other => wrong(&["component"], other.to_string(), ""),
    })?;
    // A version that is tried in the pinned one's place is not what the lock speaks of.
    let pin = config.pin(id).filter(|pin| wanted.is_shared() && pin.component.0 == sha256(&bytes));
    let contradicted = pin.map(|pin| {
        let manifest = detector.profile().manifest();
        contradictions(&config.folder(), &[id], pin, manifest, bytes.len())
    });
    if let Some(contradicted) = contradicted.filter(|found| !found.is_empty()) {
        return Err(contradicted);
    }
    let warnings = unused(config, id, wanted, &detector);
    let spec = spec.noting(detector.profile().listens());
    Ok(Ready { detector, spec, bytes, warnings })
}

/// Returns a warning for each thing that the operator grants and the detector does not ask for.
fn unused(config: &Config, id: &str, wanted: &DetectorConfig, detector: &Detector) -> Vec<Diagnostic> {
    let asks = &detector.profile().manifest().capabilities;
    let idle = wanted.grant.iter().flatten().enumerate().filter(|(_, name)| !asks.contains(name));
    let mut warnings: Vec<Diagnostic> = idle
        .map(|(at, name)| {
            let message = format!("`{name}` is granted, and `{id}` does not ask for it");
            warning(
                config,
                &["detector", id, "grant", &at.to_string()],
                message,
                "leave it out: a new version might use it",
            )
        })
        .collect();
    if !wanted.feeds.is_empty() && !asks.iter().any(|name| name == "feeds") {
        let message = format!("feeds are allowed, and `{id}` does not ask for `feeds`");
        warnings.push(warning(config, &["detector", id, "feeds"], message, "leave them out"));
    }
    warnings
}

/// Reads a plan's files, in order of name.
///
/// # Errors
///
/// If there is none, or one can't be read.
pub fn plan_files(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut names = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?.path();
            if entry.extension().is_some_and(|extension| extension == "toml") {
                names.push(entry);
            }
        }
        names.sort();
        anyhow::ensure!(!names.is_empty(), "`{}` has no `.toml` file", path.display());
    } else {
        names.push(path.to_owned());
    }
    names
        .into_iter()
        .map(|name| {
            let text = whole_file::read_text(&name, whole_file::TEXT_BYTES)
                .map_err(|error| anyhow::anyhow!("`{}` can't be read: {error}", name.display()))?;
            Ok((name.display().to_string(), text))
        })
        .collect()
}

/// The plan with the files that it was made of, for the journal.
pub struct LoadedPlan {
    /// Whose plan it is.
    pub protocol: Protocol,
    /// The plan.
    pub plan: Plan,
    /// File names and texts.
    pub files: Texts,
    /// Who changed the newest of the files, as far as it says.
    pub who: String,
}

impl LoadedPlan {
    /// Makes the empty plan of a protocol that is no longer followed.
    pub fn retired(name: &str) -> Self {
        Self { protocol: Protocol::retired(name), plan: Plan::default(), files: Vec::new(), who: String::new() }
    }

    fn of(protocol: Protocol, files: Texts) -> Result<Self, Vec<Diagnostic>> {
        let who = weakened::who(files.iter().map(|(file, _)| Path::new(file)));
        Ok(Self { protocol, plan: Plan::load(&files)?, files, who })
    }

    /// Returns the plan as an input.
    pub fn event(self) -> Event {
        let (protocol, hash, files) = (self.protocol, self.plan.hash(), self.files);
        Event::Plan { protocol, hash, files, defaults: Defaults::NOW }
    }
}

/// Names and texts of a plan's files.
pub type Texts = Vec<(String, String)>;

/// Reads the texts of each plan that a config names, with the protocol whose plan it is.
pub fn plan_texts(config: &Config) -> Vec<(Protocol, Result<Texts, Vec<Diagnostic>>)> {
    let read = |path: &Path, place: &[&str]| {
        plan_files(path).map_err(|error| vec![diagnostic(config, place, error.to_string(), "")])
    };
    let only = config.plan.iter().map(|path| (Protocol::default(), read(path, &["plan", "path"])));
    let several = config.protocols.iter().map(|(name, wanted)| {
        let hears = (!wanted.detectors.is_empty()).then(|| wanted.detectors.iter().cloned().collect());
        let texts = read(&config.folder().join(&wanted.plan), &["protocol", name, "plan"]);
        (Protocol { name: name.clone(), hears }, texts)
    });
    only.chain(several).collect()
}

/// Loads each plan that a config names.
pub fn plans(config: &Config) -> Vec<Result<LoadedPlan, Vec<Diagnostic>>> {
    plan_texts(config).into_iter().map(|(protocol, texts)| LoadedPlan::of(protocol, texts?)).collect()
}

/// Loads the plan at a path, without a config.
///
/// # Errors
///
/// If a file can't be read, or the plan is wrong: what, and where.
pub fn plan_at(path: &Path) -> Result<LoadedPlan, Vec<Diagnostic>> {
    let files = plan_files(path).map_err(|error| {
        let name = path.display().to_string();
        vec![Diagnostic::at(Gravity::Error, &name, "", 0..0, "", format!("{error:#}"))]
    })?;
    LoadedPlan::of(Protocol::default(), files)
}

/// Makes an error at a path of the config's file, or at the nearest table around it.
pub fn diagnostic(config: &Config, path: &[&str], message: String, help: &str) -> Diagnostic {
    place(config, Gravity::Error, path, message, help)
}

/// Makes a warning at a path of the config's file, or at the nearest table around it.
pub(super) fn warning(config: &Config, path: &[&str], message: String, help: &str) -> Diagnostic {
    place(config, Gravity::Warning, path, message, help)
}

fn place(config: &Config, gravity: Gravity, path: &[&str], message: String, help: &str) -> Diagnostic {
    let name = config.file.display().to_string();
    match TomlFile::parse(&name, &config.text) {
        Ok(toml) => {
            let span = toml.span(path);
            Diagnostic::at(gravity, &name, &config.text, span, &path.join("."), message).with_help(help)
        }
        Err(diagnostic) => diagnostic,
    }
}
