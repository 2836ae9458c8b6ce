//! From the config's words to what runs: components admitted, detectors started, the plan resolved.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::app::config::{Config, DetectorConfig};
use crate::block::ChainId;
use crate::diagnostic::{Diagnostic, Gravity, suggestion};
use crate::event::Event;
use crate::plan::Plan;
use crate::plugin::{Component, Detector, Limits, LoadError, Manifest, Runtime, Spec};
use crate::protocol::Protocol;
use crate::toml_file::TomlFile;

/// A detector's spec as the journal keeps it, enough to start the same detector again on a replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptSpec {
    /// Chains that it watches, by id.
    pub chains: Vec<ChainId>,
    /// Feeds that it may subscribe to.
    pub feeds: Vec<String>,
    /// Capabilities that it was granted.
    pub grants: Vec<String>,
    /// The detector that it runs beside as a shadow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_of: Option<String>,
    /// What it may use up.
    pub limits: Limits,
    /// Its own config.
    pub config: serde_json::Value,
}

impl KeptSpec {
    /// Of a detector by itself, granted all that it asks for.
    pub fn alone(manifest: &Manifest, config: serde_json::Value) -> Self {
        Self {
            chains: Vec::new(),
            feeds: vec!["*".to_owned()],
            grants: manifest.capabilities.clone(),
            shadow_of: None,
            limits: Limits::default(),
            config,
        }
    }

    /// What the config says of a detector.
    pub fn of(config: &Config, detector: &DetectorConfig) -> Self {
        Self {
            chains: config.chain_ids(detector),
            feeds: detector.feeds.clone(),
            grants: detector.grant.clone(),
            shadow_of: detector.shadow_of.clone(),
            limits: detector.limits.clone(),
            config: serde_json::to_value(&detector.config).unwrap_or_default(),
        }
    }

    /// As JSON text, the same for the same spec.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a spec is plain data with text keys")
    }

    /// Starts the detector that this is the spec of.
    pub fn start(&self, id: &str, component: Arc<Component>) -> Result<Detector, LoadError> {
        let spec = Spec {
            id: id.to_owned(),
            component,
            config: self.config.clone(),
            chains: self.chains.clone(),
            feeds: self.feeds.clone(),
            grants: self.grants.clone(),
            shadow_of: self.shadow_of.clone(),
            limits: self.limits.clone(),
        };
        Detector::load(spec, BTreeMap::new())
    }
}

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

/// Detectors of a config, each or what is wrong with it.
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

/// Reads, compiles and starts one detector of a config. What is wrong is told at its place in the config.
pub fn detector(runtime: &Runtime, config: &Config, id: &str) -> Result<Ready, Vec<Diagnostic>> {
    let Some(wanted) = config.detectors.get(id) else { return Err(Vec::new()) };
    let path = config.component_path(wanted);
    let bytes = std::fs::read(&path).map_err(|error| {
        let message = format!("`{}` can't be read: {error}", path.display());
        let help = "build it with `watchfire plugin build`";
        vec![diagnostic(config, &["detector", id, "component"], message, help)]
    })?;
    detector_of(runtime, config, id, bytes)
}

/// Compiles and starts a component as one of a config's detectors.
pub fn detector_of(runtime: &Runtime, config: &Config, id: &str, bytes: Vec<u8>) -> Result<Ready, Vec<Diagnostic>> {
    let Some(wanted) = config.detectors.get(id) else { return Err(Vec::new()) };
    let path = config.component_path(wanted);
    let told = |key: &[&str], message: String, help: &str| {
        let place: Vec<&str> = ["detector", id].iter().chain(key).copied().collect();
        vec![diagnostic(config, &place, message, help)]
    };
    let spec = KeptSpec::of(config, wanted);
    let component = runtime
        .compile(&bytes, &spec.limits)
        .map_err(|error| told(&["component"], format!("`{}`: {error}", path.display()), ""))?;
    let started = spec.start(id, Arc::new(component));
    let detector = started.map_err(|error| match &error {
        LoadError::Config { key, message } => {
            let parts: Vec<&str> = key.split('.').filter(|part| !part.is_empty()).collect();
            let place: Vec<&str> = ["config"].into_iter().chain(parts).collect();
            told(&place, message.clone(), "")
        }
        LoadError::NotGranted { missing } => {
            let help = format!(
                "see what it says of itself by `watchfire plugin inspect {}`, then add {} to `grant`, or leave it",
                path.display(),
                missing.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
            );
            told(&["grant"], error.to_string(), &help)
        }
        LoadError::Limits { key, message } => told(&["limits", key], message.clone(), ""),
        LoadError::Feed { name } => {
            let known = config.feeds.keys().map(String::as_str);
            let help = match config.feeds.contains_key(name) {
                true => format!("add \"{name}\" to `feeds`, or mend the detector's own config"),
                false => {
                    format!("there is no `[feed.{name}]`: mend the detector's own config. {}", suggestion(name, known))
                }
            };
            told(&["feeds"], error.to_string(), help.trim_end())
        }
        other => told(&["component"], other.to_string(), ""),
    })?;
    let warnings = unused(config, id, wanted, &detector);
    Ok(Ready { detector, spec, bytes, warnings })
}

/// What the operator allows and the detector does not ask for: least power is what it asks for.
fn unused(config: &Config, id: &str, wanted: &DetectorConfig, detector: &Detector) -> Vec<Diagnostic> {
    let asks = &detector.profile().manifest().capabilities;
    let idle = wanted.grant.iter().enumerate().filter(|(_, name)| !asks.contains(name));
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

/// Reads the plan's files, in order of name.
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
            let text = std::fs::read_to_string(&name)
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
    pub files: Vec<(String, String)>,
}

impl LoadedPlan {
    /// Of a protocol that is no longer followed.
    pub fn retired(name: &str) -> Self {
        Self { protocol: Protocol::retired(name), plan: Plan::default(), files: Vec::new() }
    }

    /// As an input.
    pub fn event(self) -> Event {
        Event::Plan { protocol: self.protocol, hash: self.plan.hash(), files: self.files }
    }
}

/// Names and texts of a plan's files.
pub type Texts = Vec<(String, String)>;

/// The texts of each plan that a config names, with whose it is, or what is wrong with them.
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

/// Loads each plan that a config names, or says what is wrong with it.
pub fn plans(config: &Config) -> Vec<Result<LoadedPlan, Vec<Diagnostic>>> {
    let load = |(protocol, texts): (Protocol, Result<Texts, Vec<Diagnostic>>)| {
        let files = texts?;
        Ok(LoadedPlan { protocol, plan: Plan::load(&files)?, files })
    };
    plan_texts(config).into_iter().map(load).collect()
}

/// Loads the plan at a path, without a config.
pub fn plan_at(path: &Path) -> Result<LoadedPlan, Vec<Diagnostic>> {
    let files = plan_files(path).map_err(|error| {
        let name = path.display().to_string();
        vec![Diagnostic::at(Gravity::Error, &name, "", 0..0, "", format!("{error:#}"))]
    })?;
    let plan = Plan::load(&files)?;
    Ok(LoadedPlan { protocol: Protocol::default(), plan, files })
}

/// A mistake at a path of the config's file, or at the nearest table around it.
pub fn diagnostic(config: &Config, path: &[&str], message: String, help: &str) -> Diagnostic {
    place(config, Gravity::Error, path, message, help)
}

fn warning(config: &Config, path: &[&str], message: String, help: &str) -> Diagnostic {
    place(config, Gravity::Warning, path, message, help)
}

fn place(config: &Config, gravity: Gravity, path: &[&str], message: String, help: &str) -> Diagnostic {
    let name = config.file.display().to_string();
    match TomlFile::parse(&name, &config.text) {
        Ok(toml) => {
            let span = toml.span(path);
            Diagnostic::at(gravity, &name, &config.text, span, &path.join("."), message).with_help(help)
        }
        Err(told) => told,
    }
}
