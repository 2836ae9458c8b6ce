//! `watchfire journal compact`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use serde_json::json;

use super::super::Exit;
use crate::app::config::CacheConfig;
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::output::Format;
use crate::app::past::compact;
use crate::app::past::compact::Compacted;

/// What is dropped.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The journal.
    #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
    journal: PathBuf,
    /// Keep the bodies of so many days; 0 keeps those that a reorg or an open incident may still need.
    #[arg(long, value_name = "DAYS", value_parser = days)]
    keep_days: f64,
    /// Only tell what would be dropped.
    #[arg(long)]
    dry_run: bool,
    /// Give the room back to the disk. Needs as much free space as the journal will take.
    #[arg(long, conflicts_with = "dry_run")]
    give_back: bool,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn days(text: &str) -> Result<f64, String> {
    let days = text.parse::<f64>().ok().filter(|days| days.is_finite() && *days >= 0.0);
    days.ok_or_else(|| "not a number of days, such as 30 or 0.5".to_owned())
}

pub(super) fn compact(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let keep_ms = (args.keep_days * 86_400_000.0) as u64;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} entries, {eta} left")?);
    let progress = |what: &'static str, done: u64, of: u64| {
        bar.set_message(what);
        bar.set_length(of);
        bar.set_position(done);
    };
    let runtime = sandboxes.runtime(&CacheConfig::default(), Path::new("."))?;
    let since_ms = wall_clock_ms().saturating_sub(keep_ms);
    let compacted = compact::compact(&args.journal, &runtime, since_ms, args.dry_run, args.give_back, progress);
    bar.finish_and_clear();
    let compacted = compacted?;
    match args.format {
        Format::Json => println!("{}", json!(compacted)),
        Format::Pretty => print(&compacted, args.dry_run),
    }
    Ok(Exit::Good)
}

fn print(compacted: &Compacted, dry_run: bool) {
    let Compacted { before, bodies, bytes, held_by, file_bytes } = compacted;
    let (bodies, bytes) = (HumanCount(*bodies), HumanBytes(*bytes));
    match (before, dry_run) {
        (None, _) => println!("nothing is to be dropped"),
        (Some(before), true) => println!("{bodies} bodies of before entry {before} would be dropped, {bytes}"),
        (Some(before), false) => {
            println!("{bodies} bodies of before entry {before} were dropped, {bytes}; a replay starts there");
            println!("the file has {}", HumanBytes(*file_bytes));
        }
    }
    if let Some(held_by) = held_by {
        println!("no further because of {held_by}");
    }
}
