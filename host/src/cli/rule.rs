//! `watchfire rule`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;

use super::table::Table;
use super::{Exit, runtime};
use crate::app::author::fetch::{Options, fetch};
use crate::app::author::rule_file::{RuleSet, read};
use crate::app::author::rule_run::{RuleRun, Tried};
use crate::app::config::CacheConfig;
use crate::app::config::shipped;
use crate::app::deploy::sandbox::{Sandboxes, own_binary};
use crate::app::live::output::Format;
use crate::plugin::{Limits, describe};
use crate::source::evm::config::ChainConfig;
use crate::source::evm::past::Past;
use crate::subscription::Needs;

/// Most blocks that are fetched for a try.
const LAST_AT_MOST: u64 = 10_000;

/// Try rules.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run rules over a recording.
    #[command(after_help = "\
Examples:
  watchfire rule test watchfire.toml --recording attack.jsonl.gz
  watchfire rule test rules.toml --recording blocks/ --component plugins/rules.wasm --format json

The file is a watchfire.toml, of which each detector with a `config.rule` is run, or a file with `[[rule]]` alone. The exit code is 0
if something matched, 1 if nothing did, 3 if a rule is wrong.")]
    Test(TestArgs),
    /// Run rules over the last blocks of a node.
    #[command(after_help = "\
Examples:
  watchfire rule try watchfire.toml --node $RPC_URL --last 50
  watchfire rule try rules.toml --node http://127.0.0.1:8545 --last 10 --format json

Blocks are fetched with what the rules look at: traces and storage changes only if a rule wants them.")]
    Try(TryArgs),
}

/// What both need.
#[derive(Debug, ClapArgs)]
pub struct Common {
    /// A watchfire.toml, or a file of rules.
    file: PathBuf,
    /// The component of rules; what the config names, or what lies beside this binary, by default.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Run rules over a recording.
#[derive(Debug, ClapArgs)]
pub struct TestArgs {
    #[command(flatten)]
    common: Common,
    /// The recording, or a folder of them.
    #[arg(short, long, value_name = "FILE")]
    recording: PathBuf,
}

/// Run rules over the last blocks of a node.
#[derive(Debug, ClapArgs)]
pub struct TryArgs {
    #[command(flatten)]
    common: Common,
    /// A node, by its URL or IPC socket; several in order of preference.
    #[arg(long, value_name = "URL", required = true, env = "WATCHFIRE_NODE", hide_env_values = true)]
    node: Vec<String>,
    /// So many blocks, the newest among them.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=LAST_AT_MOST))]
    last: u64,
}

pub(super) fn main(command: &Command, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let common = match command {
        Command::Test(args) => &args.common,
        Command::Try(args) => &args.common,
    };
    let mut matched = 0;
    for set in read(&common.file)? {
        let mut run = match load(&set, common.component.as_deref(), sandboxes) {
            Ok(run) => run,
            Err(error) => return refused(&set, &error),
        };
        let needs = match run.needs() {
            Ok(needs) => needs,
            Err(error) => return refused(&set, &error),
        };
        let tried = match command {
            Command::Test(args) => run.run(&args.recording)?,
            Command::Try(args) => on_node(&mut run, needs, args)?,
        };
        matched += tried.found.len();
        match common.format {
            Format::Json => println!("{}", json!({ "detector": set.detector, "result": tried })),
            Format::Pretty => show(&set.detector, &tried),
        }
        if !tried.failures.is_empty() {
            return Ok(Exit::Broken);
        }
    }
    Ok(if matched > 0 { Exit::Good } else { Exit::No })
}

fn refused(set: &RuleSet, error: &anyhow::Error) -> anyhow::Result<Exit> {
    match set.placed(error) {
        Some(placed) => anstream::eprintln!("{placed}"),
        None => anstream::eprintln!("error: {}: {error:#}", set.detector),
    }
    Ok(Exit::Refused)
}

fn load(set: &RuleSet, component: Option<&Path>, sandboxes: &Sandboxes) -> anyhow::Result<RuleRun> {
    let path = match component.map(Path::to_owned).or_else(|| set.component.clone()) {
        Some(path) => path,
        None => shipped::component("rules", &own_binary()?)
            .map_err(|(message, _)| anyhow!("{message}; name the component of rules by `--component`"))?,
    };
    let bytes = std::fs::read(&path).with_context(|| format!("`{}` can't be read", path.display()))?;
    let limits = Limits::default();
    let component = sandboxes.runtime(&CacheConfig::default(), Path::new("."))?.compile(&bytes, &limits)?;
    let manifest = describe(&component, &limits)?;
    Ok(RuleRun { component: Arc::new(component), manifest, config: set.config.clone(), reader: None })
}

fn on_node(run: &mut RuleRun, needs: Needs, args: &TryArgs) -> anyhow::Result<Tried> {
    let runtime = runtime()?;
    let folder = std::env::temp_dir().join(format!("watchfire-try-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let tried = (|| {
        let recording = folder.join("blocks.jsonl.gz");
        runtime.block_on(async {
            let config = json!({ "id": 1, "endpoints": args.node });
            let config = serde_json::from_value::<ChainConfig>(config)?.resolve(Path::new("."))?;
            let past = Past::new(&config, needs).await?;
            run.reader = Some(Arc::new(past.reader()));
            let newest = past.newest().await?;
            let options = Options {
                nodes: args.node.clone(),
                out: recording.clone(),
                ranges: vec![newest.saturating_sub(args.last - 1)..=newest],
                transactions: Vec::new(),
                around: 0,
                addresses: Vec::new(),
                needs: Needs { traces: needs.traces, storage: needs.storage, ..Needs::KEPT },
                requests_per_second: None,
                verify: None,
            };
            fetch(&options).await
        })?;
        run.run(&recording)
    })();
    std::fs::remove_dir_all(&folder).ok();
    tried
}

fn show(detector: &str, tried: &Tried) {
    println!("{detector}: {} inputs, {} findings", tried.inputs, tried.found.len());
    let mut table = Table::new(&["rule", "candidates", "matched", "not, for", "how often", "such as"]);
    for (name, rule) in &tried.rules {
        let mut first = [name.clone(), rule.candidates.to_string(), rule.matched.to_string()];
        if rule.unmet.is_empty() {
            let why = match (&rule.failed, rule.candidates) {
                (Some(why), _) => format!("it could not be judged: {why}"),
                (None, 0) => "nothing in these blocks is what it looks at".to_owned(),
                (None, _) => String::new(),
            };
            table.row(first.clone().into_iter().chain([why, String::new(), String::new()]));
        }
        for (part, unmet) in &rule.unmet {
            let values: Vec<String> = unmet.values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            table.row(first.into_iter().chain([part.clone(), unmet.count.to_string(), values.join(", ")]));
            first = Default::default();
        }
    }
    print!("{}", table.pretty());
    for found in &tried.found {
        let block = found.block.map(|block| format!("block {block}")).unwrap_or_default();
        println!("{block}  {:?}  {}  {}", found.claim.severity, found.claim.kind, found.claim.title);
    }
    for failure in &tried.failures {
        println!("FAILED: a batch ended with {failure}");
    }
}
