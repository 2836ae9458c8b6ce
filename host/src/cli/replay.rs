//! `watchfire replay`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Exit, tell};
use crate::app::config::{CacheConfig, Config};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::{Format, Output};
use crate::app::past::replay;
use crate::app::past::replay::{Player, Replayed};
use crate::journal::Journal;
use crate::source::recording::{KeptAnswers, Recording};

/// Feed a journal or a recording again, and say whether the same comes of it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire replay watchfire.db
  watchfire replay incident.jsonl.gz --config watchfire.toml
  watchfire replay incident.jsonl.gz --expect 0x5c1f…

A journal is replayed with the very components, plan and answers that it keeps, and compared entry by entry.
A recording is run through the config's detectors and plan; what comes of it is one hash, to compare with. Reads of the
chain are answered by the recording, and by FILE.answers beside it.")]
pub struct Args {
    /// A journal, a recording, or a folder of recordings.
    path: PathBuf,
    /// The config, for a recording.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// The hash that must come of it.
    #[arg(long, value_name = "HASH")]
    expect: Option<B256>,
    /// Keep what comes of a recording in a new journal.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the result only.
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn main(args: Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let is_journal = is_sqlite(&args.path)?;
    let replayed = if is_journal { journal(&args, sandboxes)? } else { recording(&args, sandboxes)? };
    let Some(replayed) = replayed else { return Ok(Exit::Refused) };
    let as_expected = args.expect.is_none_or(|expected| expected == replayed.derived);
    let same = replayed.difference.is_none() && replayed.tables.is_empty() && as_expected;
    match args.format {
        Format::Json => println!("{}", json!({ "type": "replayed", "identical": same, "replay": replayed })),
        Format::Pretty => report(&replayed, is_journal, args.expect),
    }
    Ok(if same { Exit::Good } else { Exit::No })
}

fn journal(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Option<Replayed>> {
    let mut output = if args.quiet { Output::silent() } else { Output::stdout(args.format, Default::default(), true) };
    let total = Journal::open_existing_read_only(&args.path)?.head().0;
    let bar = if args.quiet { ProgressBar::new(total) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("replaying {bar:40} {pos}/{len} entries, {per_sec}, {eta} left")?;
    bar.set_style(style);
    let runtime = sandboxes.runtime(&CacheConfig::default(), Path::new("."))?;
    let replayed = replay::journal(&args.path, &runtime, |seq, entry| {
        output.print(seq, entry);
        bar.set_position(seq);
    })?;
    bar.finish_and_clear();
    Ok(Some(replayed))
}

fn recording(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Option<Replayed>> {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(diagnostics) => {
            tell(&diagnostics, args.format)?;
            return Ok(None);
        }
    };
    let mut output =
        if args.quiet { Output::silent() } else { Output::stdout(args.format, config.chain_names(), true) };
    let journal = match &args.journal {
        Some(path) if path.exists() => anyhow::bail!("`{}` is there already; name a new journal", path.display()),
        Some(path) => Journal::open(path)?,
        None => Journal::temporary()?,
    };
    let runtime = sandboxes.runtime(&config.cache, &config.folder())?;
    let played = Recording::open(&args.path, &config.verification())?;
    let kept = KeptAnswers::beside(&args.path)?;
    let mut player = match Player::new(&runtime, &config, (played, kept), journal)? {
        Ok(player) => player,
        Err(diagnostics) => {
            tell(&diagnostics, args.format)?;
            return Ok(None);
        }
    };
    while let Some(placed) = player.step()? {
        placed.iter().for_each(|(seq, entry)| output.print(*seq, entry));
    }
    Ok(Some(player.finish()?))
}

fn report(replayed: &Replayed, compared: bool, expected: Option<B256>) {
    let Replayed { from, inputs, findings, decisions, derived, difference, tables } = replayed;
    if let Some(from) = from {
        println!("from entry {from} on, over the state that was kept of then: bodies before it were dropped by policy");
    }
    println!("{inputs} inputs, {findings} findings, {decisions} decisions; all that came of them hashes to {derived}");
    if let Some(difference) = difference {
        println!("NOT identical: what followed input {} differs", difference.seq);
        println!("  then: {}", difference.then.as_deref().unwrap_or("nothing"));
        println!("  now:  {}", difference.now.as_deref().unwrap_or("nothing"));
    } else if let Some(table) = tables.first() {
        println!(
            "NOT identical: the entries are, but the table `{}` is not what comes of them: {}",
            table.table, table.what
        );
    } else if let Some(expected) = expected.filter(|expected| expected != derived) {
        println!("NOT identical: expected {expected}");
    } else if compared || expected.is_some() {
        println!("identical");
    }
}

fn is_sqlite(path: &Path) -> anyhow::Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut start = [0; 16];
    let mut file = File::open(path).map_err(|error| anyhow::anyhow!("`{}` can't be read: {error}", path.display()))?;
    Ok(file.read_exact(&mut start).is_ok() && &start == b"SQLite format 3\0")
}
