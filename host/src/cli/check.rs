//! `watchfire check`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use reqwest::Url;
use serde_json::json;

use super::{Exit, probe, runtime};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::plan::check::{Checked, check, check_plan};
use crate::app::plan::live::{Live, live};
use crate::deliver::sarif;
use crate::diagnostic::Diagnostic;
use crate::plan::moment::Moment;
use crate::plan::ready::{CHECKS, check_of};

/// Check config, plan and plugins: every error with file, line, key and remedy, and whether the plan is ready.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire check
  watchfire check --config deploy/watchfire.toml --format json
  watchfire check --all
  watchfire check --live
  watchfire check --live --no-messages --format json
  watchfire check --probe
  watchfire check --plan response/ --strict
  watchfire check --plan response/ --at 2027-01-31
  watchfire check --explain WF-E05
  watchfire check --plan response/ --format sarif > watchfire.sarif

Readiness checks have codes, as WF-E05 for an error and WF-W04 for a warning. What is known and answered for is waived in
the plan, by a [waiver.ID] with an owner, a reason and an end. Dates in a plan age on purpose: what was ready in spring
is not ready in autumn unless somebody looked again.")]
pub struct Args {
    /// The config.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// Check this plan alone, without a config: a folder or a file.
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    plan: Option<PathBuf>,
    /// The day or moment that the plan is checked as of; now, where absent.
    #[arg(long, value_name = "DATE", value_parser = moment)]
    at: Option<Moment>,
    /// Whether warnings count as errors do.
    #[arg(long)]
    strict: bool,
    /// Ask each endpoint of the config what it offers: chain, client, methods, depth of its archive, limits, tags, latency.
    #[arg(long, conflicts_with = "plan")]
    probe: bool,
    /// Ask nodes, feeds and channels whether what config and plan say of them is so: chain ids, the code at each address,
    /// decimals, owners, thresholds and delays, whether each call would work, a value of each feed. Each webhook and each
    /// channel with a room gets a message that says that it is a test.
    #[arg(long, conflicts_with = "plan")]
    live: bool,
    /// With `--live`: send nothing to webhooks and channels.
    #[arg(long, requires = "live")]
    no_messages: bool,
    /// Print each warning, also where many have the same code.
    #[arg(long)]
    all: bool,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Report,
    /// With `--format sarif`: URL of the folder that holds Watchfire's `docs/`, for links to each check's page.
    #[arg(long, value_name = "URL", value_parser = folder_url)]
    docs: Option<Url>,
    /// Say what a check looks at, why, and what mends it; `all` for every check.
    #[arg(long, value_name = "CODE", exclusive = true)]
    explain: Option<String>,
}

/// The shape of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Report {
    /// Lines for people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
    /// A SARIF 2.1.0 log, for code review.
    Sarif,
}

pub(super) fn main(args: Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    if let Some(code) = &args.explain {
        return Ok(explain(code));
    }
    anyhow::ensure!(
        !args.probe || args.format != Report::Sarif,
        "a probe has no place in SARIF; ask for `--format json`"
    );
    let at_ms = args.at.map_or_else(wall_clock_ms, |at| at.ms);
    let mut checked = match &args.plan {
        Some(plan) => check_plan(plan, at_ms)?,
        None => check(&args.config, at_ms, sandboxes)?,
    };
    let mut asked = Live::default();
    if args.live {
        asked = runtime()?.block_on(live(&args.config, !args.no_messages, wall_clock_ms()))?;
        checked.diagnostics.append(&mut asked.diagnostics);
    }
    match args.format {
        Report::Pretty => pretty(&checked, &asked.answers, args.all),
        Report::Json => json_lines(&checked, &asked.answers)?,
        Report::Sarif => {
            let folder = std::env::current_dir()?;
            let log = sarif::log(&checked.diagnostics, &checked.waived, &folder, args.docs.as_ref());
            println!("{}", serde_json::to_string_pretty(&log)?);
        }
    }
    let serves = !args.probe || probe::run(&args.config, &checked.detectors, args.format == Report::Json)?;
    let (errors, warnings) = checked.count();
    let fails = !serves || errors > 0 || (args.strict && warnings > 0);
    Ok(if fails { Exit::No } else { Exit::Good })
}

fn explain(code: &str) -> Exit {
    if code == "all" {
        let pages: Vec<String> = CHECKS.iter().map(|check| check.page()).collect();
        print!("{}", pages.join("\n"));
        return Exit::Good;
    }
    match check_of(&code.to_ascii_uppercase()) {
        Ok(check) => {
            println!("{} ({}): {}\n\n{}\n\n{}\n", check.code, check.gravity, check.title, check.why, check.how);
            println!("To mend it: {}.\n\nSee {}", check.remedy, check.link());
            Exit::Good
        }
        Err(help) => {
            anstream::eprintln!("error: there is no check `{code}`; {help}");
            Exit::No
        }
    }
}

/// Warnings of one code that are printed where there are more than twice as many.
const WARNINGS_OF_A_CODE: usize = 3;

/// Returns the warnings that are printed, and how many more there are of which code.
fn folded<'a>(warnings: &[&'a Diagnostic], all: bool) -> (Vec<&'a Diagnostic>, BTreeMap<&'a str, usize>) {
    let mut counts = BTreeMap::<&str, usize>::new();
    for found in warnings.iter().filter(|found| !all && !found.code.is_empty()) {
        *counts.entry(&found.code).or_default() += 1;
    }
    counts.retain(|_, count| *count > 2 * WARNINGS_OF_A_CODE);
    let mut printed = BTreeMap::<&str, usize>::new();
    let shown = warnings.iter().copied().filter(|found| {
        let before = printed.entry(&found.code).or_default();
        *before += 1;
        *before <= WARNINGS_OF_A_CODE || !counts.contains_key(found.code.as_str())
    });
    let shown = shown.collect();
    counts.values_mut().for_each(|count| *count -= WARNINGS_OF_A_CODE);
    (shown, counts)
}

/// Prints findings, and the first time also why what a code stands for matters.
fn print_each<'a>(findings: &[&'a Diagnostic], explained: &mut BTreeSet<&'a str>) {
    for found in findings {
        anstream::eprintln!("{found}");
        if !found.why.is_empty() && explained.insert(&found.code) {
            anstream::eprintln!("    {}", found.why);
        }
    }
}

fn pretty(checked: &Checked, answers: &[String], all: bool) {
    let (errors, warnings): (Vec<_>, Vec<_>) = checked.diagnostics.iter().partition(|found| found.is_error());
    let (shown, more) = folded(&warnings, all);
    let mut explained = BTreeSet::new();
    print_each(&shown, &mut explained);
    for (code, count) in more {
        anstream::eprintln!("and {count} more of {code}: `--all` prints each");
    }
    // Last, as nobody scrolls up for what keeps the host from starting.
    print_each(&errors, &mut explained);
    for waived in &checked.waived {
        let (found, owner, until, reason) = (&waived.found, &waived.owner, waived.until, &waived.reason);
        anstream::eprintln!(
            "{}:{}:{}: waived {}: {}: {}; by {owner} until {until}: {reason}",
            found.file,
            found.line,
            found.column,
            found.code,
            found.key,
            found.message,
        );
    }
    answers.iter().for_each(|answer| println!("{answer}"));
    for (id, manifest) in &checked.detectors {
        println!("detector {id}: {} {}, asks for {}", manifest.name, manifest.version, asks(manifest));
    }
    for (protocol, signals, interventions) in &checked.plans {
        let of = if protocol.is_empty() { String::new() } else { format!(" of {protocol}") };
        println!("plan{of}: {signals} signals, {interventions} interventions");
    }
    let (errors, warnings) = checked.count();
    let waived = match checked.waived.len() {
        0 => String::new(),
        count => format!(", {count} waived"),
    };
    println!("{}, {}{waived}", counted(errors, "error"), counted(warnings, "warning"));
    if let Some(code) = explained.first() {
        println!("`watchfire check --explain {code}` says more of a code");
    }
}

fn counted(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

fn json_lines(checked: &Checked, answers: &[String]) -> anyhow::Result<()> {
    for found in &checked.diagnostics {
        println!("{}", serde_json::to_string(found)?);
    }
    for waived in &checked.waived {
        let line = json!({
            "type": "waived",
            "found": waived.found,
            "waiver": waived.waiver,
            "owner": waived.owner,
            "until": waived.until.to_string(),
            "reason": waived.reason,
        });
        println!("{line}");
    }
    for answer in answers {
        println!("{}", json!({ "type": "answer", "answer": answer }));
    }
    let (errors, warnings) = checked.count();
    let detectors: Vec<_> = checked.detectors.iter().map(|(id, _)| id).collect();
    let waived = checked.waived.len();
    println!(
        "{}",
        json!({ "type": "checked", "errors": errors, "warnings": warnings, "waived": waived, "detectors": detectors })
    );
    Ok(())
}

fn asks(manifest: &crate::plugin::Manifest) -> String {
    if manifest.capabilities.is_empty() { "nothing".to_owned() } else { manifest.capabilities.join(", ") }
}

fn moment(text: &str) -> Result<Moment, String> {
    let read = text.parse::<toml::value::Datetime>();
    read.map_err(|_| "write a day, as 2027-01-31, or a moment, as 2027-01-31T12:00:00Z".to_owned())
        .and_then(|read| Moment::of(&read))
}

fn folder_url(text: &str) -> Result<Url, String> {
    let with_slash = if text.ends_with('/') { text.to_owned() } else { format!("{text}/") };
    with_slash.parse().map_err(|error| format!("it is no absolute URL: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Gravity;

    #[test]
    fn many_warnings_of_one_code_are_folded_unless_all_are_asked_for() {
        let found = |code: &str, key: usize| {
            Diagnostic::at(Gravity::Warning, "plan.toml", "", 0..0, &key.to_string(), "old".to_owned())
                .with_code(code, "")
        };
        let mut found: Vec<Diagnostic> = (0..7).map(|key| found("WF-W04", key)).chain([found("WF-W08", 7)]).collect();
        let keys = |shown: &[&Diagnostic]| shown.iter().map(|found| found.key.clone()).collect::<Vec<_>>().join(" ");
        let (shown, more) = folded(&found.iter().collect::<Vec<_>>(), false);
        assert_eq!((keys(&shown).as_str(), more), ("0 1 2 7", BTreeMap::from([("WF-W04", 4)])));
        assert_eq!(folded(&found.iter().collect::<Vec<_>>(), true).0.len(), 8);
        found.remove(0);
        assert_eq!(folded(&found.iter().collect::<Vec<_>>(), false).0.len(), 7);
    }
}
