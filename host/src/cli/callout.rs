//! `watchfire callout`: whether people are reached, before the night on which it is needed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::json;

use super::callout_report::{self as report, Quarter, quarter};
use super::{Exit, runtime, tell};
use crate::app::config::Config;
use crate::app::live::callout::{Callout, call_out};
use crate::app::live::control::{Answer, Ask, client, socket_of};
use crate::app::live::output::Format;
use crate::app::plan::register::set_verified;
use crate::cli::given::{plan_of, refuse};
use crate::note::{Called, CalledOut};
use crate::plan::Plan;
use crate::plan::moment::Moment;

/// Send a test page to people on each of their channels, and see who answers after how long.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire callout --role guardian
  watchfire callout --person ana --wait-min 30 --verify
  watchfire callout --wait-min 0 --format json
  watchfire callout --report --quarter 2026-Q4

Each page says that it is a test. A host that runs on this config calls and hears the answers, and notes both in its journal;
without one, answers come in where [answers] says. The exit code is 0 if everybody was reached: answered, or with
`--wait-min 0` was called.")]
pub struct Args {
    /// Call the people of this role, backups too; may be given several times.
    #[arg(long, value_name = "ID")]
    role: Vec<String>,
    /// Call this person; may be given several times. Without role and person, everybody is called.
    #[arg(long, value_name = "ID")]
    person: Vec<String>,
    /// How long answers are waited for, minutes.
    #[arg(long, default_value_t = 10, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(0..=1_440))]
    wait_min: u64,
    /// Where answers come in, in place of answers.listen.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Set `verified_at` of everybody who answered in the plan's file.
    #[arg(long)]
    verify: bool,
    /// Say who was reached by the callouts that the journal has, in place of calling anybody.
    #[arg(long, conflicts_with_all = ["listen", "verify"])]
    report: bool,
    /// The quarter that is reported on; this one by default.
    #[arg(long, value_name = "YEAR-Qn", requires = "report", value_parser = quarter)]
    quarter: Option<Quarter>,
    /// The protocol, where the host watches over several.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// The config.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            return Ok(Exit::Refused);
        }
    };
    let Some(path) = config.plan_path(args.protocol.as_deref()) else {
        anstream::eprintln!("error: `{}` names no such plan", args.config.display());
        return Ok(Exit::Refused);
    };
    let Some(plan) = plan_of(&path)? else { return Ok(Exit::Refused) };
    if args.report {
        let quarter = args.quarter.unwrap_or_else(|| Quarter::of(crate::app::live::main_loop::wall_clock_ms()));
        return report::print(&config, &plan, args.protocol.as_deref().unwrap_or_default(), quarter, args.format);
    }
    let people = match people(&plan, args) {
        Ok(people) => people,
        Err(why) => {
            anstream::eprintln!("error: {why}");
            return Ok(Exit::Refused);
        }
    };
    let wait = Duration::from_secs(args.wait_min.saturating_mul(60));
    if !wait.is_zero() && config.answers.is_none() {
        anstream::eprintln!("warning: there is no [answers], so nobody can answer: only what services accept is seen");
    }
    let by_host = match args.listen {
        None => call_by_host(&config, args.protocol.as_ref(), &people, wait)?,
        Some(_) => None,
    };
    let calls = match by_host {
        Some(Ok(calls)) => calls,
        Some(Err(why)) => return Ok(refuse(&why)),
        None => {
            let callout = Callout { people: people.clone(), wait, listen: args.listen };
            let calls =
                runtime()?.block_on(call_out(&config, &plan, &callout, |line| anstream::eprintln!("{line}")))?;
            anstream::eprintln!(
                "no host called them, so the journal has nothing of this: `callout --report` and `readiness` don't count it. Call people \
                 while the host runs for the record"
            );
            calls
        }
    };
    let waits = !wait.is_zero() && config.answers.is_some();
    let (callout, protocol) = (String::new(), args.protocol.clone().unwrap_or_default());
    let wait_s = if waits { wait.as_secs() } else { 0 };
    let called = CalledOut { callout, protocol, wait_s, began_ms: 0, calls };
    let reached = called.reached();
    let (good, bad): (Vec<String>, Vec<String>) =
        people.into_iter().partition(|id| reached.get(id.as_str()).is_some_and(|reached| *reached));
    let calls = &called.calls;
    print(&plan, calls, args.format);
    if args.verify {
        let answered = |id: &&String| calls.iter().any(|call| call.person == **id && call.answered_s.is_some());
        let answered: Vec<String> = good.iter().filter(answered).cloned().collect();
        for file in set_verified(&path, &answered, today())? {
            anstream::eprintln!("{}: verified_at of {}", file.display(), answered.join(", "));
        }
    }
    if !bad.is_empty() {
        let by_day = |id: &&String| calls.iter().any(|call| call.person == **id && called.is_taken(call));
        let by_day: Vec<String> = bad.iter().filter(by_day).cloned().collect();
        anstream::eprintln!("not reached: {}", bad.join(", "));
        if !by_day.is_empty() {
            anstream::eprintln!("{} answered, and not by what wakes them", by_day.join(", "));
        }
    }
    Ok(if bad.is_empty() { Exit::Good } else { Exit::No })
}

/// Has a running host call; `None` if none runs on this config.
fn call_by_host(
    config: &Config,
    protocol: Option<&String>,
    people: &[String],
    wait: Duration,
) -> anyhow::Result<Option<Result<Vec<Called>, String>>> {
    if !socket_of(&config.journal).exists() {
        return Ok(None);
    }
    let ask = Ask::CallOut { protocol: protocol.cloned(), people: people.to_vec(), wait_s: wait.as_secs() };
    anstream::eprintln!("the running host calls {}", people.join(", "));
    match runtime()?.block_on(client::ask(&config.journal, &ask)) {
        Ok(Answer::CalledOut { calls }) => Ok(Some(Ok(calls))),
        Ok(Answer::Refused { why }) => Ok(Some(Err(why.join("; ")))),
        Ok(_) => anyhow::bail!("the host answers another question"),
        // A socket that was left behind is nobody's.
        Err(_) => Ok(None),
    }
}

fn people(plan: &Plan, args: &Args) -> Result<Vec<String>, String> {
    let mut ids: Vec<String> = Vec::new();
    for role in &args.role {
        if !plan.tables().role.contains_key(role) {
            return Err(format!("the plan has no role `{role}`"));
        }
        ids.extend(plan.members(role).into_iter().map(str::to_owned));
    }
    for person in &args.person {
        if !plan.tables().person.contains_key(person) {
            return Err(format!("the plan has no person `{person}`"));
        }
        ids.push(person.clone());
    }
    if args.role.is_empty() && args.person.is_empty() {
        ids.extend(plan.tables().person.keys().cloned());
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

fn print(plan: &Plan, calls: &[Called], format: Format) {
    if format == Format::Json {
        calls.iter().for_each(|call| println!("{}", json!(call)));
        return;
    }
    let mut of_person: BTreeMap<&str, Vec<&Called>> = BTreeMap::new();
    calls.iter().for_each(|call| of_person.entry(&call.person).or_default().push(call));
    for (id, calls) in of_person {
        println!("{} ({id})", plan.name(id));
        for call in calls {
            let channel = if call.channel.is_empty() { "nothing" } else { &call.channel };
            let state = match (&call.refused, call.answered_s) {
                (Some(why), _) => format!("NOT called: {why}"),
                (None, Some(seconds)) => format!("answered after {seconds} s"),
                (None, None) => "called, no answer".to_owned(),
            };
            println!("  {} by {channel}: {state}", call.address);
        }
    }
}

fn today() -> Moment {
    const DAY_MS: u64 = 86_400_000;
    let now_ms = crate::app::live::main_loop::wall_clock_ms();
    Moment { ms: now_ms - now_ms % DAY_MS }
}
