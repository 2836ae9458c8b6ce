//! `watchfire incident verify`: checks a record with nothing but the plan, on any machine.

use std::path::PathBuf;

use alloy::primitives::B256;
use clap::Args as ClapArgs;
use serde::Deserialize;
use serde_json::json;

use super::Exit;
use crate::app::deploy::load::plan_files;
use crate::app::live::output::Format;
use crate::incident::{Incident, IncidentId};
use crate::plan::{Defaults, Plan};
use crate::record::{Proofs, check_proofs};
use crate::timeline::{TimelineEntry, verify};

/// Parts of a record that no hash of its timeline covers.
const UNHASHED: [&str; 5] = ["incident", "findings", "decisions", "orders", "clocks"];

/// The record, and what it is held against.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The record, as `watchfire incident export --format json` writes it.
    record: PathBuf,
    /// The folders or files of plans: that of the incident, and each that was adopted during it.
    #[arg(long, required = true, value_name = "PATH")]
    plan: Vec<PathBuf>,
    /// Hash of an entry that the timeline must have, as somebody noted it: so that nothing was cut off since.
    #[arg(long, value_name = "HASH")]
    head: Option<B256>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What of a record is looked at.
#[derive(Deserialize)]
struct Exported {
    incident: Incident,
    timeline: Vec<TimelineEntry>,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let text = std::fs::read_to_string(&args.record)
        .map_err(|error| anyhow::anyhow!("`{}` can't be read: {error}", args.record.display()))?;
    let exported: Exported = serde_json::from_str(&text).map_err(|error| {
        anyhow::anyhow!(
            "`{}` is no record ({error}); `incident export --format json` writes one",
            args.record.display()
        )
    })?;
    let mut plans = Vec::new();
    for path in &args.plan {
        let files = plan_files(path)?;
        let plan = Plan::load(&files).map_err(|found| {
            let first = found.iter().find(|found| found.is_error()).map(ToString::to_string).unwrap_or_default();
            anyhow::anyhow!("`{}` is no plan: {first}", path.display())
        })?;
        plans.push(plan);
        // A record of an older host names the hash that the same files had there.
        plans.extend(Plan::load_journaled(&files, Defaults::First));
    }
    let (incident, timeline) = (&exported.incident, &exported.timeline);
    let mut broken = verify(timeline).err();
    if let Some(stranger) = timeline.iter().find(|entry| entry.incident != incident.id) {
        broken = Some(format!("entry {} is of incident {}", stranger.number, stranger.incident));
    }
    if let Some(head) = args.head.filter(|head| !timeline.iter().any(|entry| entry.hash == *head)) {
        broken =
            Some(format!("no entry has the hash {head}: the end was cut off before it, or the chain was made anew"));
    }
    let proofs = check_proofs(incident, timeline, |hash| plans.iter().find(|plan| plan.hash() == hash));
    let has_plan = plans.iter().any(|plan| plan.hash() == incident.plan);
    let holds = broken.is_none() && proofs.wrong.is_empty() && has_plan;
    match args.format {
        Format::Json => println!(
            "{}",
            json!({
                "incident": incident.id, "holds": holds, "broken": broken, "has_plan": has_plan, "proofs": proofs,
                "unhashed": UNHASHED,
            })
        ),
        Format::Pretty => {
            if !has_plan {
                println!("WRONG: incident {} follows plan {}, which is none of these", incident.id, incident.plan);
            }
            say(incident.id, timeline, broken, &proofs);
        }
    }
    Ok(if holds { Exit::Good } else { Exit::No })
}

fn say(id: IncidentId, timeline: &[TimelineEntry], broken: Option<String>, proofs: &Proofs) {
    match broken {
        Some(broken) => println!("BROKEN: {broken}"),
        None => {
            let head = timeline.last().map(|entry| entry.hash).unwrap_or_default();
            println!("incident {id}: the timeline is whole, {} entries up to {head}", timeline.len());
            println!("under no hash: {}, which are the word of whoever has had the record", UNHASHED.join(", "));
        }
    }
    for (word, lines) in [("proved", &proofs.proved), ("recorded", &proofs.recorded), ("WRONG", &proofs.wrong)] {
        for line in lines {
            println!("{word}: entry {}, {}: {}", line.entry, line.by, line.text);
        }
    }
}
