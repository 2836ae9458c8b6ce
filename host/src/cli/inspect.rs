//! `watchfire plugin inspect`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::json;

use super::{Exit, settings, tell};
use crate::app::config::{CacheConfig, Config, shipped};
use crate::app::deploy::sandbox::{Sandboxes, own_binary};
use crate::app::live::output::Format;
use crate::plugin::{Component, Limits, Manifest, describe};
use crate::whole_file;

/// Show what a component says of itself, what it asks for, and what it may use up.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin inspect outflow
  watchfire plugin inspect outflow.wasm --format json | jq .manifest.capabilities
  watchfire plugin inspect --config deploy/watchfire.toml --detector outflow")]
pub struct Args {
    /// The component, or the name of a detector that ships with the host; the deployment's own where `--detector` names one.
    #[arg(required_unless_present = "detector")]
    component: Option<PathBuf>,
    /// The deployment's config.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// Show a detector as the config grants and limits it.
    #[arg(short, long, value_name = "ID")]
    detector: Option<String>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What an operator says of a detector.
struct Deployed {
    component: PathBuf,
    limits: Limits,
    granted: Option<Vec<String>>,
    cache: CacheConfig,
    folder: PathBuf,
}

/// What a detector asks for beside what it is granted.
#[derive(Debug, Serialize)]
struct Grants {
    granted: Vec<String>,
    /// Asked for and not granted: it is refused.
    missing: Vec<String>,
    /// Granted and not asked for.
    unused: Vec<String>,
}

pub(super) fn main(args: Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let deployed = match &args.detector {
        None => Deployed {
            component: named(args.component.context("clap asks for one of the two")?),
            limits: Limits::default(),
            granted: None,
            cache: CacheConfig::default(),
            folder: ".".into(),
        },
        Some(id) => {
            let config = match Config::load(&args.config) {
                Ok(config) => config,
                Err(diagnostics) => {
                    tell(&diagnostics, args.format)?;
                    return Ok(Exit::Refused);
                }
            };
            let ids = config.detectors.keys().cloned().collect::<Vec<_>>().join(", ");
            let detector = config
                .detectors
                .get(id)
                .with_context(|| format!("`{}` has no detector `{id}`; it has {ids}", args.config.display()))?;
            Deployed {
                component: args.component.unwrap_or_else(|| config.component_path(id, detector)),
                limits: detector.limits.clone(),
                granted: match (&detector.grant, &detector.shipped) {
                    // It has what it asks for.
                    (None, Some(_)) => None,
                    _ => Some(detector.grants()),
                },
                cache: config.cache.clone(),
                folder: config.folder(),
            }
        }
    };
    let path = &deployed.component;
    let bytes = whole_file::read(path, whole_file::COMPONENT_BYTES)
        .with_context(|| format!("`{}` can't be read", path.display()))?;
    let runtime = sandboxes.runtime(&deployed.cache, &deployed.folder)?;
    let component = runtime.compile(&bytes, &deployed.limits)?;
    let manifest = describe(&component, &deployed.limits)?;
    let grants = deployed.granted.map(|granted| Grants::of(&manifest, granted));
    match args.format {
        Format::Json => println!(
            "{}",
            json!({
                "digest": component.digest(),
                "size": component.size(),
                "imports": component.imports(),
                "manifest": manifest,
                "grants": grants,
                "limits": deployed.limits,
            })
        ),
        Format::Pretty => {
            let id = args.detector.as_deref().unwrap_or(&manifest.name);
            show((id, path.as_path()), &component, &manifest, grants.as_ref(), &deployed.limits);
        }
    }
    Ok(Exit::Good)
}

impl Grants {
    fn of(manifest: &Manifest, granted: Vec<String>) -> Self {
        let asked = &manifest.capabilities;
        Self {
            missing: asked.iter().filter(|name| !granted.contains(name)).cloned().collect(),
            unused: granted.iter().filter(|name| !asked.contains(name)).cloned().collect(),
            granted,
        }
    }
}

fn show(
    (id, path): (&str, &Path),
    component: &Component,
    manifest: &Manifest,
    grants: Option<&Grants>,
    limits: &Limits,
) {
    println!("{} {}", manifest.name, manifest.version);
    for line in manifest.summary.lines() {
        println!("  {line}");
    }
    println!("digest   {}", component.digest());
    println!("size     {} bytes", component.size());
    println!("asks for {}", list(&manifest.capabilities));
    if let Some(grants) = grants {
        println!("granted  {}", list(&grants.granted));
        if !grants.missing.is_empty() {
            println!("refused  it asks for {}, which it is not granted", list(&grants.missing));
        }
        if !grants.unused.is_empty() {
            println!("unused   it is granted {}, which it does not ask for", list(&grants.unused));
        }
    }
    println!("imports  {}", list(component.imports()));
    println!("finds");
    for kind in &manifest.finding_kinds {
        println!("  {:<28} {:<9} {}", kind.id, kind.default_severity.to_string(), kind.description);
        if !kind.runbook_url.is_empty() {
            println!("  {:<28} {:<9} {}", "", "", kind.runbook_url);
        }
    }
    println!("limits                           past it");
    for limit in limits.table() {
        println!("  {:<28} {:>11}  {}", limit.key, limit.value, limit.past);
    }
    let settings = settings::settings(&manifest.config_schema);
    if settings.is_empty() {
        println!("config   {}", manifest.config_schema);
        return;
    }
    println!("\n{}", settings::table(&settings).pretty());
    println!("to begin with:\n");
    let run = match shipped_name(path) {
        Some(name) => settings::of_shipped(&name),
        None => settings::of_file(&path.display().to_string(), &manifest.capabilities),
    };
    print!("{}", settings::snippet(id, &run, &manifest.capabilities, &settings));
}

/// Returns the file that a component's name means: one of that path, or else what ships with the host.
fn named(component: PathBuf) -> PathBuf {
    match own_binary() {
        Ok(binary) if !component.exists() => {
            shipped::component(&component.to_string_lossy(), &binary).unwrap_or(component)
        }
        _ => component,
    }
}

/// Returns the name of a component that ships with the host; `None` if it is another.
fn shipped_name(component: &Path) -> Option<String> {
    let name = component.file_stem()?.to_str()?;
    let known = shipped::component(name, &own_binary().ok()?).ok()?;
    (known.canonicalize().ok()? == component.canonicalize().ok()?).then(|| name.to_owned())
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
