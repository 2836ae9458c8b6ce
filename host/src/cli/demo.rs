//! `watchfire demo`: a lending protocol is attacked, from a recording of a real node; the same engine as in a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args as ClapArgs;

use super::{Exit, tell};
use crate::app::config::Config;
use crate::app::deploy::load;
use crate::app::deploy::sandbox::{Sandboxes, own_binary};
use crate::app::live::output::{Format, Output};
use crate::app::past::replay::Player;
use crate::block::Block;
use crate::decision::{Answer, Decision};
use crate::deliver::pretty::clock;
use crate::entry::Entry;
use crate::event::Event;
use crate::finding::{Severity, is_own};
use crate::incident::IncidentState;
use crate::journal::Journal;
use crate::plugin::Runtime;
use crate::source::recording::Recording;

/// Watch a lending protocol being attacked, from a recording.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire demo
  watchfire demo --fast

It shows blocks streaming, findings, incidents, decisions with the interventions that are permitted and those that
are not, a reorg that takes a finding back, and a detector that is swapped while it runs.")]
pub struct Args {
    /// The folder of the deployment and its recording: the one that is installed beside this binary, or
    /// `examples/lending` in the repository.
    #[arg(long, value_name = "FOLDER")]
    example: Option<PathBuf>,
    /// Where the detectors' components are, instead of where the deployment says.
    #[arg(long, value_name = "FOLDER")]
    components: Option<PathBuf>,
    /// Don't pause between blocks.
    #[arg(long)]
    fast: bool,
    /// Keep the journal, for `watchfire journal` and `watchfire replay`.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

/// Pause after each block, so that a person can read along.
const PACE: Duration = Duration::from_millis(350);

/// Where the demo's data is in the repository.
const IN_REPOSITORY: &str = "examples/lending";

/// Returns where the demo's data is: `share/watchfire/demo` beside the `bin` that holds this binary if it was installed
/// there, and else the repository's.
fn example_of(binary: &Path) -> PathBuf {
    let prefix = binary.parent().and_then(Path::parent);
    let installed = prefix.map(|prefix| prefix.join("share/watchfire/demo"));
    installed.filter(|folder| folder.is_dir()).unwrap_or_else(|| IN_REPOSITORY.into())
}

/// What is worth a line in the timeline at the end.
#[derive(Default)]
struct Timeline {
    lines: Vec<(u64, String)>,
    /// Incidents that stand, with when each began and what was permitted first, and when.
    incidents: BTreeMap<u64, (u64, Option<(u64, String)>)>,
    blocks: u64,
    retracted: u64,
}

pub(super) fn main(args: Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let example =
        args.example.unwrap_or_else(|| own_binary().map_or_else(|_| IN_REPOSITORY.into(), |own| example_of(&own)));
    let text_of = |name: &str| example.join(name);
    let recording = text_of("attack.jsonl.gz");
    anyhow::ensure!(
        recording.is_file(),
        "there is no `{}`; run this in the repository, or name the folder by `--example`",
        recording.display()
    );
    let mut config = match Config::load_with_components(&text_of("watchfire.toml"), args.components.as_deref()) {
        Ok(config) => config,
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            return Ok(Exit::Refused);
        }
    };
    let journal = match &args.journal {
        Some(path) => Journal::open(path)?,
        None => Journal::in_memory()?,
    };
    println!("Harbor Lending: one vault, three detectors, and a plan for the night somebody attacks it.\n");
    let played = Recording::open(&recording, &config.verification())?;
    let runtime = sandboxes.runtime(&config.cache, &config.folder())?;
    let mut player = match Player::new(&runtime, &config, (played, Default::default()), journal)? {
        Ok(player) => player,
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            return Ok(Exit::Refused);
        }
    };
    let mut output = Output::stdout(Format::Pretty, config.chain_names(), true);
    let mut timeline = Timeline::default();
    while let Some(placed) = player.step()? {
        for (seq, entry) in &placed {
            output.print(*seq, entry);
            timeline.note(entry);
        }
        let is_block = placed.iter().any(|(_, entry)| block_of(entry).is_some());
        if is_block && !args.fast {
            std::thread::sleep(PACE);
        }
        if is_block && timeline.blocks == SWAP_AFTER_BLOCKS {
            swap(&mut player, &runtime, &mut config, &mut output)?;
        }
    }
    let replayed = player.finish()?;
    timeline.print();
    println!(
        "\n{} blocks and observations, {} findings, {} decisions; all that came of them hashes to {}.",
        replayed.inputs, replayed.findings, replayed.decisions, replayed.derived
    );
    if let Some(path) = &args.journal {
        println!("The journal is in {0}: try `watchfire journal list --journal {0}`.", path.display());
    }
    Ok(Exit::Good)
}

/// After how many blocks the outflow detector is swapped for one with a lower limit.
const SWAP_AFTER_BLOCKS: u64 = 8;

/// What an operator does by saving a file while the host runs: the same component with another limit, built and
/// started beside the old one, then put in its place between two blocks, over the same state.
fn swap(player: &mut Player, runtime: &Runtime, config: &mut Config, output: &mut Output) -> anyhow::Result<()> {
    const ID: &str = "outflow";
    let limits = config.detectors.get_mut(ID).and_then(|detector| detector.config.get_mut("assets"));
    let first = limits.and_then(|assets| assets.as_array_mut()).and_then(|assets| assets.first_mut());
    let first = first.and_then(toml::Value::as_table_mut).context("the deployment's outflow detector has assets")?;
    first.insert("limit".into(), "500000".into());
    println!("\n          the operator lowers the vault's limit to 500,000 hUSD a minute while the host runs:");
    let ready = load::detector(runtime, config, ID).map_err(|diagnostics| {
        anyhow::anyhow!("{}", diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    let engine = player.engine();
    engine.keep_component(&ready.bytes)?;
    let at_ms = engine.newest_ms();
    engine.swap(ready.detector, ready.spec.text(), at_ms)?;
    for (seq, entry) in engine.commit()? {
        output.print(seq, &entry);
    }
    println!();
    Ok(())
}

fn block_of(entry: &Entry) -> Option<&Block> {
    match entry {
        Entry::Input(stamped) => match &stamped.event {
            Event::Committed { block } => Some(block),
            _ => None,
        },
        _ => None,
    }
}

impl Timeline {
    fn note(&mut self, entry: &Entry) {
        if block_of(entry).is_some() {
            self.blocks += 1;
        }
        match entry {
            Entry::Finding(finding) if !is_own(&finding.detector) && finding.claim.severity >= Severity::High => {
                self.lines.push((finding.at_ms, format!("found      {}", finding.claim.title)));
            }
            Entry::Retraction { .. } => self.retracted += 1,
            Entry::Decision(decision) => self.decided(decision),
            Entry::Incident(incident) if incident.state == IncidentState::Retracted => {
                self.incidents.remove(&incident.id);
            }
            _ => {}
        }
    }

    fn decided(&mut self, decision: &Decision) {
        let mut by_answer: BTreeMap<u8, Vec<&str>> = BTreeMap::new();
        for choice in decision.choices.iter().filter(|choice| choice.intervention != "do-nothing") {
            let (order, name) = match &choice.answer {
                Answer::Permitted { .. } => (0, choice.intervention.as_str()),
                Answer::Needs { .. } => (1, choice.intervention.as_str()),
                Answer::Denied { .. } => (2, choice.intervention.as_str()),
            };
            by_answer.entry(order).or_default().push(name);
        }
        let names = ["permitted", "needs somebody", "denied"];
        let answers: Vec<String> = by_answer
            .iter()
            .map(|(order, list)| format!("{}: {}", names[usize::from(*order)], list.join(", ")))
            .collect();
        let line = format!("decided    #{}.{} {}", decision.incident, decision.revision, answers.join("; "));
        self.lines.push((decision.at_ms, line));
        let began_ms = decision.at_ms.saturating_sub(decision.since_began_ms);
        let (_, first_permitted) = self.incidents.entry(decision.incident).or_insert((began_ms, None));
        if let (None, Some(permitted)) = (&first_permitted, by_answer.get(&0).and_then(|list| list.first())) {
            *first_permitted = Some((decision.at_ms, (*permitted).to_owned()));
        }
    }

    fn print(&self) {
        println!("\nTimeline");
        for (at_ms, line) in &self.lines {
            println!("  {}  {line}", clock(*at_ms));
        }
        if self.retracted > 0 {
            println!("\nFindings taken back because their blocks left the chain: {}.", self.retracted);
        }
        for (incident, (began_ms, permitted)) in &self.incidents {
            if let Some((at_ms, what)) = permitted {
                let seconds = at_ms.saturating_sub(*began_ms) as f64 / 1_000.0;
                println!(
                    "Incident #{incident}: {seconds:.1} s from its first sign to the decision that permits `{what}`."
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn data_that_is_installed_beside_the_binary_goes_first() {
        let prefix = tempfile::tempdir().unwrap();
        let binary = prefix.path().join("bin/watchfire");
        assert_eq!(example_of(&binary), Path::new(IN_REPOSITORY));
        let installed = prefix.path().join("share/watchfire/demo");
        std::fs::create_dir_all(&installed).unwrap();
        assert_eq!(example_of(&binary), installed);
    }
}
