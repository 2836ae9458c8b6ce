//! `watchfire readiness`: the checklist by which teams are certified, answered by what stands.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::{Value, json};

use super::{Exit, tell};
use crate::app::config::Config;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::output::Format;
use crate::app::plan::checklist::{Shown, shown, shown_alone};
use crate::cli::given::put;
use crate::plan::moment::Moment;
use crate::plan::seal::{Answered, CONTROLS, Covered, REVISION, Standing, answer, coverage, markdown};

/// Answer the Security Alliance's checklist for incident response from plan, config and journal: each control with what shows it,
/// what lacks, and what can't be seen from here; and a map of what nobody watches and nobody can stop.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire readiness
  watchfire readiness --plan response --format json | jq '.controls[] | select(.standing != \"met\")'
  watchfire readiness --format sarif --output readiness.sarif

Evidence that no host can see is put into the plan, as an [attestation.ID] with an owner and a date, and counts for a year.")]
pub struct Args {
    /// The config.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// This plan alone, without a config: a folder or a file.
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    plan: Option<PathBuf>,
    /// The name of the protocol, where the host watches over several.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// The day or moment of the answers; now, where absent.
    #[arg(long, value_name = "DATE", value_parser = super::given::moment)]
    at: Option<Moment>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// The file that it is written to; the terminal, where absent.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 1 where a control is not met, or only partly.
    #[arg(long)]
    exit_code: bool,
}

/// The shape of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// A report for people.
    #[default]
    Markdown,
    /// One JSON object.
    Json,
    /// A SARIF 2.1.0 log, for code review.
    Sarif,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let at_ms = args.at.map_or_else(wall_clock_ms, |at| at.ms);
    let (path, found) = match &args.plan {
        Some(plan) => (plan.clone(), shown_alone(plan, at_ms)?),
        None => {
            let config = match Config::load(&args.config) {
                Ok(config) => config,
                Err(diagnostics) => {
                    tell(&diagnostics, Format::Pretty)?;
                    return Ok(Exit::Refused);
                }
            };
            let Some(plan) = config.plan_path(args.protocol.as_deref()) else {
                anstream::eprintln!(
                    "{}: it names no such plan; add [plan] with a path, name one by `--plan`, or say which by `--protocol`",
                    args.config.display()
                );
                return Ok(Exit::Refused);
            };
            let found = shown(&config, &plan, at_ms)?;
            (plan, found)
        }
    };
    let Shown { plan, known } = match found {
        Ok(shown) => shown,
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            return Ok(Exit::Refused);
        }
    };
    let (answers, map) = (answer(&plan, &known), coverage(&plan, &known));
    let text = match args.format {
        Shape::Markdown => markdown(&plan.tables().protocol.name, &answers, &map),
        Shape::Json => format!("{}\n", serde_json::to_string_pretty(&object(&answers, &map))?),
        Shape::Sarif => format!("{}\n", serde_json::to_string_pretty(&sarif(&answers, &path.display().to_string()))?),
    };
    put(&text, args.output.as_deref())?;
    let fails = answers.iter().any(|one| matches!(one.standing, Standing::Unmet | Standing::Partly));
    Ok(if args.exit_code && fails { Exit::No } else { Exit::Good })
}

fn object(answers: &[Answered], map: &[Covered]) -> Value {
    let coverage: Vec<Value> = map
        .iter()
        .map(|one| {
            let mut value = json!(one);
            value["watched"] = one.is_watched().into();
            value["stoppable"] = one.is_stoppable().into();
            value
        })
        .collect();
    json!({
        "checklist": "SEAL Framework Checklist: Incident Response", "revision": REVISION,
        "controls": answers, "coverage": coverage,
    })
}

/// Each control that is not met as a result at the plan.
fn sarif(answers: &[Answered], plan: &str) -> Value {
    let rules: Vec<Value> = CONTROLS
        .iter()
        .map(|control| {
            json!({
                "id": control.id,
                "shortDescription": { "text": format!("{}.", control.title) },
                "fullDescription": { "text": format!("{}.", control.asks) },
                "helpUri": "https://frameworks.securityalliance.org/certs/sfc-incident-response",
            })
        })
        .collect();
    let results: Vec<Value> = answers
        .iter()
        .enumerate()
        .filter(|(_, one)| one.standing != Standing::Met)
        .map(|(index, one)| {
            let lines: Vec<String> = one
                .lacks
                .iter()
                .cloned()
                .chain(one.outside.iter().map(|outside| format!("not seen from here: {outside}")))
                .collect();
            let level = if one.standing == Standing::Outside { "note" } else { "warning" };
            json!({
                "ruleId": one.id, "ruleIndex": index, "level": level,
                "message": { "text": format!("{}: {}. {}.", one.title, one.standing.word(), lines.join("; ")) },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": plan } } }],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Watchfire", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules,
            } },
            "results": results,
        }],
    })
}
