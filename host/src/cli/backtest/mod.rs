//! `watchfire backtest`.

mod meter;
mod page;
mod plots;
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::Value;

use super::asked::NodeArgs;
use super::plugin::component_bytes;
use super::plugin::setting::Setting;
use super::{Exit, tell};
use crate::app::author::backtest::{Backtest, Data, Options, Rule, Sums, Ticks, run};
use crate::app::config::{CacheConfig, Config};
use crate::app::deploy::load;
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::deploy::spec::KeptSpec;
use crate::app::live::output::Format;
use crate::finding::Severity;
use crate::plugin::{Runtime, describe};
use crate::score::{Labels, Sweep};
use meter::Meter;

/// Run detectors over long recordings, and score what they find.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire backtest archive/ --detector my-rule --detector-config my-rule.toml
  watchfire backtest attack.jsonl.gz quiet.jsonl.gz --config watchfire.toml --labels labels.toml --html report.html
  watchfire backtest archive/ --detector my-rule --detector-config my-rule.toml --labels labels.toml \\
      --sweep limit=1000..100000
  watchfire backtest cases/*.jsonl.gz --config watchfire.toml --labels labels.toml --min-recall 1 --min-precision 0.9
  watchfire backtest fetched.jsonl.gz --config watchfire.toml --node $RPC_URL   # answers what detectors read of the chain

A labels file says where attacks are, and what only looks like one:

  [[label]]
  name = \"the drain\"
  is = \"attack\"              # or \"benign\"
  blocks = \"100..120\"        # or transaction = \"0x…\", or both
  class = \"reentrancy\"       # and `stage`: recall is told for each
  first_loss = 118           # what lead time is counted to; by default the transaction's block, or the first block

A finding within an attack is right. Any other is wrong, unless the file begins with `unlabelled = \"unknown\"`. A
recording runs in order, since detectors keep state; recordings, detectors and points of a sweep run beside each other.")]
pub struct Args {
    /// Recordings, folders of them, or Parquet archives; each is run by itself.
    #[arg(required = true, value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    /// Run this component, or this project, which is built first.
    #[arg(short, long, value_name = "PATH")]
    detector: Option<PathBuf>,
    /// The detector's own config, as TOML, or a case; by default that of the project's case.
    #[arg(long, value_name = "FILE", requires = "detector")]
    detector_config: Option<PathBuf>,
    /// Run the detectors of this config, where none is given; its plan has no part in it.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE", conflicts_with = "detector")]
    config: PathBuf,
    /// Of the config, only these detectors.
    #[arg(long, value_name = "ID", conflicts_with = "detector")]
    only: Vec<String>,
    /// What is known of the recordings, as TOML.
    #[arg(short, long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Try values of a key of the detector's config: FROM..TO, FROM..TO:POINTS, or A,B,C. With several detectors the key
    /// begins with one's id and a dot. Several keys are tried in all combinations.
    #[arg(short, long, value_name = "KEY=VALUES")]
    sweep: Vec<Sweep>,
    /// Count findings of this severity and above.
    #[arg(long, value_enum, default_value = "info", value_name = "LEVEL")]
    severity: Severity,
    /// Print sums only: no recording, attack, finding or label by itself, for cases that must stay unseen.
    #[arg(long, conflicts_with = "html")]
    sums: bool,
    /// Write a page with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The answer is no (exit code 1) where precision is below this, 0 to 1.
    #[arg(long, value_name = "SHARE", requires = "labels", conflicts_with = "sweep")]
    min_precision: Option<f64>,
    /// The answer is no where recall is below this, 0 to 1.
    #[arg(long, value_name = "SHARE", requires = "labels", conflicts_with = "sweep")]
    min_recall: Option<f64>,
    /// The answer is no where there are more wrong findings for a day of chain time.
    #[arg(long, value_name = "NUMBER", requires = "labels", conflicts_with = "sweep")]
    max_false_positives_per_day: Option<f64>,
    #[command(flatten)]
    node: NodeArgs,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn main(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    for recording in &args.recordings {
        anyhow::ensure!(recording.exists(), "there is no `{}`", recording.display());
    }
    let text = args.labels.as_deref().map(labels_text).transpose()?;
    let parse = |(path, text): (&PathBuf, &String)| Labels::parse(text).with_context(|| path.display().to_string());
    let labels = args.labels.as_ref().zip(text.as_ref()).map(parse).transpose()?;
    let setting = args
        .detector
        .as_ref()
        .map(|path| Setting::of(path, args.recordings.first().map(PathBuf::as_path), args.detector_config.as_deref()));
    let setting = setting.transpose()?;
    let rules = match args.detector.as_ref().zip(setting.as_ref()) {
        Some((path, setting)) => {
            let runtime = sandboxes.runtime(&CacheConfig::default(), Path::new("."))?;
            Some(vec![alone(&runtime, path, setting.config.clone())?])
        }
        None => of_config(args, sandboxes)?,
    };
    let Some(mut rules) = rules else { return Ok(Exit::Refused) };
    give_sweeps(&mut rules, &args.sweep, args.detector.is_some())?;
    let asked = args.node.connect()?;
    let recordings = args.recordings.clone();
    let options = Options { rules, recordings, labels, severity: args.severity, node: asked.reader.clone() };
    let meter = Meter::new(&args.recordings)?;
    let ticks = Ticks { read: &|units| meter.read(units), block: &|| meter.block() };
    let mut backtest = run(&options, &ticks).map_err(|error| match &setting {
        Some(setting) => setting.explain(error),
        None => error,
    })?;
    meter.finish();
    anyhow::ensure!(backtest.inputs > 0, "the recordings hold no block and no observation");
    if let Some(path) = &args.html {
        let page = page::page(&backtest)?;
        std::fs::write(path, page).with_context(|| format!("`{}` can't be written", path.display()))?;
    }
    let wanting = wanting(args, &backtest);
    if args.format == Format::Json {
        backtest.data = Some(Data::of(&args.recordings, text.as_ref().map(String::as_bytes))?);
    }
    match (args.format, args.sums) {
        (Format::Json, false) => println!("{}", serde_json::to_string(&backtest)?),
        (Format::Json, true) => println!("{}", serde_json::to_string(&Sums::of(backtest))?),
        (Format::Pretty, false) => print!("{}", tables::all(&backtest)),
        (Format::Pretty, true) => print!("{}", tables::sums(&Sums::of(backtest))),
    }
    wanting.iter().for_each(|missed| anstream::eprintln!("FAILED: {missed}"));
    Ok(if wanting.is_empty() { Exit::Good } else { Exit::No })
}

fn labels_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display()))
}

/// One detector by itself, granted all that it asks for.
fn alone(runtime: &Runtime, path: &Path, config: Value) -> anyhow::Result<Rule> {
    let bytes = component_bytes(path)?;
    let component = Arc::new(runtime.compile(&bytes, &Default::default())?);
    let manifest = describe(&component, &Default::default())?;
    let spec = KeptSpec::alone(&manifest, config);
    Ok(Rule { id: manifest.name, component, spec, sweeps: Vec::new() })
}

/// The detectors of a config; `None` if something in it is wrong, which was reported.
fn of_config(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Option<Vec<Rule>>> {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(diagnostics) => {
            tell(&diagnostics, args.format)?;
            return Ok(None);
        }
    };
    for only in &args.only {
        anyhow::ensure!(config.detectors.contains_key(only), "{} has no `[detector.{only}]`", args.config.display());
    }
    let runtime = sandboxes.runtime(&config.cache, &config.folder())?;
    let wanted = |id: &&String| args.only.is_empty() || args.only.contains(id);
    let ids: Vec<String> = config.detectors.keys().filter(wanted).cloned().collect();
    let (mut rules, mut wrong) = (Vec::new(), Vec::new());
    for (id, loaded) in load::detectors(&runtime, &config, &ids) {
        match loaded {
            Ok(ready) => {
                let component = ready.detector.profile().component().clone();
                rules.push(Rule { id, component, spec: ready.spec, sweeps: Vec::new() });
            }
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    if !wrong.is_empty() {
        tell(&wrong, args.format)?;
        return Ok(None);
    }
    anyhow::ensure!(!rules.is_empty(), "{} has no detector", args.config.display());
    Ok(Some(rules))
}

/// Hands each sweep to the detector that it is of.
fn give_sweeps(rules: &mut [Rule], sweeps: &[Sweep], is_alone: bool) -> anyhow::Result<()> {
    for sweep in sweeps {
        let mut sweep = sweep.clone();
        let rule = match is_alone {
            true => rules.first_mut(),
            false => {
                let of = rules
                    .iter_mut()
                    .find(|rule| sweep.key.strip_prefix(&rule.id).is_some_and(|rest| rest.starts_with('.')));
                if let Some(rule) = &of {
                    sweep.key = sweep.key[rule.id.len() + 1..].to_owned();
                }
                of
            }
        };
        let rule = rule.with_context(|| {
            format!(
                "`{}`: begin the key with the id of a detector of the config and a dot, as `outflow.limit`",
                sweep.key
            )
        })?;
        rule.sweeps.push(sweep);
    }
    Ok(())
}

/// What falls short of what was asked for.
fn wanting(args: &Args, backtest: &Backtest) -> Vec<String> {
    let Some(score) = backtest.points.first().and_then(|point| point.all.score.as_ref()) else { return Vec::new() };
    let shown = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.3}"));
    let below = |name: &str, is: Option<f64>, at_least: Option<f64>| {
        let at_least = at_least.filter(|at_least| is.is_none_or(|is| is < *at_least))?;
        Some(format!("{name} is {}, and {at_least} is asked for", shown(is)))
    };
    let often =
        args.max_false_positives_per_day.filter(|most| score.false_positives_per_day.is_none_or(|is| is > *most));
    let often = often.map(|most| {
        format!("wrong findings a day are {}, and at most {most} are asked for", shown(score.false_positives_per_day))
    });
    let shares =
        [below("precision", score.precision, args.min_precision), below("recall", score.recall, args.min_recall)];
    shares.into_iter().flatten().chain(often).collect()
}

/// `KEY = VALUE` of a point, for people.
fn point_name(values: &BTreeMap<String, crate::score::Number>, is_alone: bool) -> String {
    let short =
        |key: &str| if is_alone { key.split_once('.').map_or(key, |(_, key)| key).to_owned() } else { key.to_owned() };
    values.iter().map(|(key, value)| format!("{} = {value}", short(key))).collect::<Vec<_>>().join(", ")
}
