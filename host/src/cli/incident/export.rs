//! `watchfire incident export`: the post-incident record from the journal.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::{Value, json};

use super::Exit;
use crate::app::past::desks::record_of;
use crate::cli::given::{put, refuse};
use crate::cli::operate::sources_of;
use crate::incident::IncidentId;
use crate::record::{Record, markdown, markdown_short, ocsf};

/// The shape of the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// A report for people.
    #[default]
    Markdown,
    /// An OCSF Incident Finding, as JSON.
    Ocsf,
    /// Everything, as JSON: what `watchfire incident verify` checks.
    Json,
}

/// What is exported, and where to.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Number of the incident.
    incident: IncidentId,
    /// The shape of the record.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// What fits two pages, without the appendix. Of `--format markdown` alone.
    #[arg(long)]
    short: bool,
    /// The file that it is written to; the terminal, where absent.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The config that names the journal.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
}

fn json(record: &Record) -> Value {
    json!({
        "incident": record.incident, "as_of_ms": record.as_of_ms, "timeline": record.timeline,
        "decisions": record.decisions, "rulings": record.rulings(), "orders": record.orders, "findings": record.findings, "clocks": record.clocks,
    })
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let Some(config) = sources_of(&args.config)? else { return Ok(Exit::Refused) };
    let Some(record) = record_of(&config.journal, args.incident)? else {
        anstream::eprintln!("there is no incident {}; `watchfire incident list --all` has them", args.incident);
        return Ok(Exit::No);
    };
    if args.short && args.format != Shape::Markdown {
        return Ok(refuse(
            "`--short` is of `--format markdown` alone: the others are for programs, which want everything",
        ));
    }
    let text = match args.format {
        Shape::Markdown if args.short => markdown_short(&record),
        Shape::Markdown => markdown(&record),
        Shape::Json => format!("{}\n", serde_json::to_string_pretty(&json(&record))?),
        Shape::Ocsf => format!("{}\n", serde_json::to_string_pretty(&ocsf(&record))?),
    };
    put(&text, args.output.as_deref())?;
    Ok(Exit::Good)
}
