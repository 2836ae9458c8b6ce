//! `watchfire check`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde_json::json;

use super::{Exit, tell};
use crate::app::check::check;
use crate::app::output::Format;
use crate::app::sandbox::Sandboxes;

/// Check config, plan and plugins: every error with file, line, key and remedy.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire check
  watchfire check --config deploy/watchfire.toml --format json")]
pub struct Args {
    /// The config.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn main(args: Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let checked = check(&args.config, sandboxes)?;
    tell(&checked.diagnostics, args.format)?;
    let errors = checked.diagnostics.iter().filter(|told| told.is_error()).count();
    let warnings = checked.diagnostics.len() - errors;
    match args.format {
        Format::Json => {
            let detectors: Vec<_> = checked.detectors.iter().map(|(id, _)| id).collect();
            println!(
                "{}",
                json!({ "type": "checked", "errors": errors, "warnings": warnings, "detectors": detectors })
            );
        }
        Format::Pretty => {
            for (id, manifest) in &checked.detectors {
                println!("detector {id}: {} {}, asks for {}", manifest.name, manifest.version, asks(manifest));
            }
            if let Some((signals, interventions)) = checked.plan {
                println!("plan: {signals} signals, {interventions} interventions");
            }
            println!("{errors} errors, {warnings} warnings");
        }
    }
    Ok(if checked.is_good() { Exit::Good } else { Exit::No })
}

fn asks(manifest: &crate::plugin::Manifest) -> String {
    if manifest.capabilities.is_empty() { "nothing".to_owned() } else { manifest.capabilities.join(", ") }
}
