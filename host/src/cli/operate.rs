//! `watchfire plugin status|swap|rollback|retry`: the operator's hand on the detectors of a running host.

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use anyhow::Context;
use clap::Subcommand;

use super::{Exit, runtime, tell};
use crate::app::config::Config;
use crate::app::deploy::applied::Swapped;
use crate::app::engine::status::DetectorStatus;
use crate::app::live::control::{Answer, Ask, client};
use crate::app::live::output::Format;
use crate::app::past::shadow::{Compared, Course, compare};
use crate::deliver::pretty::short;

/// Of a running host.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how the detectors of a running host do: versions, what waits for them, what they are blind to.
    #[command(after_help = "\
Examples:
  watchfire plugin status
  watchfire plugin status --format json | jq '.[] | select(.set_aside > 0)'")]
    Status {
        /// The config that the host runs on.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
        /// The shape of what is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Put a component in the place of a detector's, on a running host.
    #[command(after_help = "\
Examples:
  watchfire plugin swap outflow target/outflow.wasm
  watchfire plugin swap outflow mended.wasm --retry

It is compiled, started with the real config and tried on the last inputs beside the old one; then it takes its place
between two batches, and the file that the config names is replaced by it. One that fails within its first blocks is
taken back.")]
    Swap {
        /// The detector's id in the config.
        detector: String,
        /// The component.
        component: PathBuf,
        /// Show it what its predecessor set aside.
        #[arg(long)]
        retry: bool,
        /// Even where it fails on the last inputs, or failed soon after it was swapped in before.
        #[arg(long)]
        force: bool,
        /// The config that the host runs on.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Go back to an earlier version of a detector, on a running host.
    #[command(after_help = "\
Examples:
  watchfire plugin rollback outflow
  watchfire plugin rollback outflow --to 0x5f0c…   (all of it; `watchfire plugin status` lists versions)")]
    Rollback {
        /// The detector's id in the config.
        detector: String,
        /// SHA-256 of the version; the one that ran before by default.
        #[arg(long, value_name = "DIGEST")]
        to: Option<B256>,
        /// The config that the host runs on.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Compare a detector that runs as a shadow with the one that it stands beside, by the journal.
    #[command(after_help = "\
Examples:
  watchfire plugin compare outflow-next
  watchfire plugin compare outflow-next --format json | jq .only_shadow

A shadow is a detector with `shadow_of` in its section: it sees all that the other sees, and what it finds is recorded
and not acted on.")]
    Compare {
        /// The shadow's id in the config.
        shadow: String,
        /// The config that names the journal.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
        /// The shape of what is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show a detector what it failed on and set aside, on a running host; or go on without.
    #[command(after_help = "\
Examples:
  watchfire plugin retry outflow
  watchfire plugin retry outflow --waive \"Ana: a known trap on blocks without logs\"")]
    Retry {
        /// The detector's id in the config.
        detector: String,
        /// Don't show it: who takes the gap upon themselves, and why. It stands in the journal.
        #[arg(long, value_name = "WHO AND WHY")]
        waive: Option<String>,
        /// The config that the host runs on.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
    },
}

pub(super) fn main(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Status { config, format } => {
            let Some(answer) = ask(&config, &Ask::Status)? else { return Ok(Exit::Refused) };
            match (answer, format) {
                (Answer::Status { detectors }, Format::Json) => println!("{}", serde_json::to_string(&detectors)?),
                (Answer::Status { detectors }, Format::Pretty) => detectors.iter().for_each(show),
                (other, _) => return done(&other),
            }
            Ok(Exit::Good)
        }
        Command::Swap { detector, component, retry, force, config } => {
            let component =
                std::path::absolute(&component).with_context(|| format!("`{}` is no path", component.display()))?;
            let swap = Ask::Swap { detector: detector.clone(), component, force };
            let Some(answer) = ask(&config, &swap)? else { return Ok(Exit::Refused) };
            let exit = done(&answer)?;
            if retry && exit == Exit::Good {
                let Some(answer) = ask(&config, &Ask::Retry { detector })? else { return Ok(Exit::Refused) };
                return done(&answer);
            }
            Ok(exit)
        }
        Command::Compare { shadow, config, format } => {
            let Some(config) = sources_of(&config)? else { return Ok(Exit::Refused) };
            let compared = compare(&config.journal, &shadow)?;
            match format {
                Format::Json => println!("{}", serde_json::to_string(&compared)?),
                Format::Pretty => show_compared(&compared),
            }
            Ok(Exit::Good)
        }
        Command::Rollback { detector, to, config } => carry_out(&config, &Ask::RollBack { detector, to }),
        Command::Retry { detector, waive: None, config } => carry_out(&config, &Ask::Retry { detector }),
        Command::Retry { detector, waive: Some(by), config } => carry_out(&config, &Ask::Waive { detector, by }),
    }
}

fn carry_out(config: &Path, what: &Ask) -> anyhow::Result<Exit> {
    match ask(config, what)? {
        Some(answer) => done(&answer),
        None => Ok(Exit::Refused),
    }
}

/// `None` if the config is wrong, which was reported.
pub(super) fn ask(config: &Path, what: &Ask) -> anyhow::Result<Option<Answer>> {
    let Some(config) = sources_of(config)? else { return Ok(None) };
    runtime()?.block_on(client::ask(&config.journal, what)).map(Some)
}

/// The part of a config that names the journal; `None` if it is wrong, which was reported.
pub(super) fn sources_of(config: &Path) -> anyhow::Result<Option<Config>> {
    match Config::load_for_sources(config) {
        Ok(config) => Ok(Some(config)),
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            Ok(None)
        }
    }
}

/// Says what came of it.
fn done(answer: &Answer) -> anyhow::Result<Exit> {
    match answer {
        Answer::Swapped(swapped) => {
            print_swapped(swapped);
            Ok(Exit::Good)
        }
        Answer::Count { inputs } => {
            println!("{inputs} inputs");
            Ok(Exit::Good)
        }
        Answer::Refused { why } => {
            why.iter().for_each(|why| anstream::eprintln!("not done: {why}"));
            Ok(Exit::No)
        }
        Answer::Status { .. } | Answer::Acted { .. } | Answer::CalledOut { .. } => {
            anyhow::bail!("the host answers another question")
        }
    }
}

fn print_swapped(swapped: &Swapped) {
    println!("now {}", swapped.digest);
    let Some(rehearsal) = &swapped.rehearsal else { return };
    println!("{}", rehearsal.line());
    let list = |sign: char, lines: &[String]| lines.iter().for_each(|line| println!("  {sign} {line}"));
    list('+', &rehearsal.only_new);
    list('-', &rehearsal.only_old);
    list('!', &rehearsal.failures);
}

fn show_compared(compared: &Compared) {
    let Compared { shadow, beside, inputs, both, .. } = compared;
    println!("{shadow} beside {beside}, {inputs} inputs");
    println!("  {both} findings are the same");
    let list = |sign: char, what: &str, lines: &[String]| {
        println!("  {} {what}", lines.len());
        lines.iter().for_each(|line| println!("    {sign} {line}"));
    };
    list('+', &format!("that only {shadow} makes"), &compared.only_shadow);
    list('-', &format!("that only {beside} makes"), &compared.only_beside);
    list('!', &format!("batches that {shadow} failed on"), &compared.failures);
    let course = |name: &str, course: &Course| {
        let proposed: Vec<String> = course.proposed.iter().map(|(id, count)| format!("{id} {count} times")).collect();
        let proposed = if proposed.is_empty() { "nothing".to_owned() } else { proposed.join(", ") };
        println!(
            "  {name}: {} incidents, {} decisions, {} notices; proposed: {proposed}",
            course.incidents, course.decisions, course.notified
        );
    };
    course(&format!("with {beside}"), &compared.as_it_was);
    course(&format!("with {shadow}"), &compared.as_it_would_have_been);
}

/// The finding that a detector rests, or has just rested.
const RESTS: &str = "detector-quarantined";

fn show(status: &DetectorStatus) {
    lines(status).iter().for_each(|line| println!("{line}"));
}

/// Returns what is said of a detector.
fn lines(status: &DetectorStatus) -> Vec<String> {
    let mut lines = vec![format!("{} {} {}", status.id, status.version, short(status.digest.as_slice()))];
    if status.is_shadow {
        lines.push("  a shadow: its findings are recorded only".to_owned());
    }
    let is_quarantined = status.gaps.iter().any(|gap| gap == RESTS);
    match status.rests_for_batches {
        0 if is_quarantined => lines.push("  quarantined until a batch goes well: it is shown the next one".to_owned()),
        0 => {}
        batches => lines.push(format!("  quarantined: its next {batches} batches are set aside unseen")),
    }
    match (status.behind, status.at_work_on) {
        (0, None) if is_quarantined || status.rests_for_batches > 0 => {}
        (0, None) => lines.push("  in step".to_owned()),
        (behind, _) => lines.push(format!("  {behind} inputs behind")),
    }
    if status.set_aside > 0 {
        lines.push(format!("  {} inputs set aside: `watchfire plugin retry {}`", status.set_aside, status.id));
    }
    if status.owed_blocks > 0 {
        lines.push(format!("  {} blocks owed: their call frames or storage changes have not come", status.owed_blocks));
    }
    if !status.gaps.is_empty() {
        lines.push(format!("  open gaps: {}", status.gaps.join(", ")));
    }
    let spent = &status.spent;
    if spent.batches > 0 {
        let (mean, slowest) = (in_words(spent.mean_us()), in_words(spent.slowest_ns as f64 / 1e3));
        lines.push(format!("  {} batches of {mean} on average, the slowest {slowest}", spent.batches));
    }
    lines.push(format!("  {} bytes of state", status.state_bytes));
    for (at_ms, digest) in &status.versions {
        let at = i64::try_from(*at_ms).ok().and_then(|at_ms| jiff::Timestamp::from_millisecond(at_ms).ok());
        lines.push(format!("  version {digest} since {}", at.map(|at| at.to_string()).unwrap_or_default()));
    }
    lines
}

/// Returns a time in the unit in which people read it.
fn in_words(time_us: f64) -> String {
    match time_us {
        ..999.5 => format!("{time_us:.0} µs"),
        ..99_950.0 => format!("{:.1} ms", time_us / 1e3),
        ..999_500.0 => format!("{:.0} ms", time_us / 1e3),
        _ => format!("{:.1} s", time_us / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::engine::spent::Spent;

    fn status() -> DetectorStatus {
        DetectorStatus {
            id: "outflow".to_owned(),
            digest: B256::ZERO,
            version: "1.0.0".to_owned(),
            is_shadow: false,
            behind: 0,
            at_work_on: None,
            set_aside: 0,
            owed_blocks: 0,
            rests_for_batches: 0,
            gaps: Vec::new(),
            spent: Spent { batches: 4, busy_ns: 7_510_976_000, slowest_ns: 2_003_000_000 },
            state_bytes: 12,
            versions: Vec::new(),
        }
    }

    #[test]
    fn times_have_the_unit_in_which_people_read_them() {
        let cases = [
            (0.4, "0 µs"),
            (812.0, "812 µs"),
            (999.6, "1.0 ms"),
            (1_877.0, "1.9 ms"),
            (99_960.0, "100 ms"),
            (250_400.0, "250 ms"),
            (999_700.0, "1.0 s"),
            (1_877_744.0, "1.9 s"),
        ];
        for (time_us, said) in cases {
            assert_eq!(in_words(time_us), said);
        }
        assert!(lines(&status()).contains(&"  4 batches of 1.9 s on average, the slowest 2.0 s".to_owned()));
    }

    #[test]
    fn who_rests_is_not_in_step() {
        let step = "  in step".to_owned();
        assert!(lines(&status()).contains(&step));
        let gaps = vec!["detector-failed".to_owned(), RESTS.to_owned()];
        let rests = lines(&DetectorStatus { rests_for_batches: 8, gaps: gaps.clone(), set_aside: 3, ..status() });
        assert!(rests.contains(&"  quarantined: its next 8 batches are set aside unseen".to_owned()), "{rests:?}");
        assert!(rests.contains(&"  open gaps: detector-failed, detector-quarantined".to_owned()), "{rests:?}");
        let tried = lines(&DetectorStatus { gaps, ..status() });
        assert!(tried.iter().any(|line| line.contains("quarantined until a batch goes well")), "{tried:?}");
        // A shadow leaves no gap, and rests all the same.
        let shadow = lines(&DetectorStatus { rests_for_batches: 1, is_shadow: true, ..status() });
        assert!([rests, tried, shadow].iter().all(|lines| !lines.contains(&step)));
        let behind = lines(&DetectorStatus { behind: 2, at_work_on: Some(9), ..status() });
        assert!(behind.contains(&"  2 inputs behind".to_owned()));
    }
}
