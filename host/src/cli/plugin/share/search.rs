//! `watchfire plugin search`.

use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde_json::json;

use super::{Deployment, sharing};
use crate::app::live::output::Format;
use crate::app::share::indexes::Known;
use crate::cli::{Exit, runtime};
use crate::share::registry::Credentials;
use crate::text::line;

/// Find detectors.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin search oracle
  watchfire plugin search 'Transfer(address' drain --format json

It searches the indexes that `[trust] index` names: name, summary, place, and the events, protocols and classes that a
detector watches. An index whose registry can't be reached is read as it was kept. How old each index is is said, with a warning
for one that is older than `[trust] index_max_age_days`.")]
pub struct Search {
    /// Words that must all occur; all detectors without any.
    words: Vec<String>,
    /// Ask no registry.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    of: Deployment,
}

pub(super) fn search(args: &Search) -> anyhow::Result<Exit> {
    let Some(sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let indexes = runtime()?.block_on(sharing.indexes(&Credentials::of_user(), !args.offline));
    let (known, missing) = sorted(indexes);
    say_ages(&known, Timestamp::now(), sharing.trust.index_max_age_days);
    let found = known.iter().flat_map(|known| known.index.search(&args.words).into_iter().map(move |one| (known, one)));
    let found: Vec<_> = found.collect();
    match args.of.format {
        Format::Json => {
            let found: Vec<_> = found
                .iter()
                .map(|(known, one)| {
                    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
                    let (updated, taken_at) = (at(known.index.updated), at(known.taken_at));
                    json!({ "index": known.source, "updated": updated, "taken_at": taken_at, "detector": one })
                })
                .collect();
            println!("{}", json!(found));
        }
        Format::Pretty => {
            for (_, one) in &found {
                println!("{}:{}", one.reference, clean(&one.version));
                println!("  {}: {}", clean(&one.name), clean(&one.summary));
                let watches = one.watches.events.iter().chain(&one.watches.protocols).chain(&one.watches.classes);
                let watches: Vec<String> = watches.map(|word| clean(word)).collect();
                if !watches.is_empty() {
                    println!("  watches {}", watches.join(", "));
                }
            }
        }
    }
    if found.is_empty() && !known.is_empty() {
        let sources: Vec<&str> = known.iter().map(|known| known.source.as_str()).collect();
        let words = args.words.join(" ");
        anstream::eprintln!("nothing with `{words}` is listed by {}", sources.join(", "));
    }
    Ok(if missing || found.is_empty() { Exit::No } else { Exit::Good })
}

/// Returns the indexes that could be read, and whether one could not, which is reported.
pub(super) fn sorted(indexes: Vec<Result<Known, String>>) -> (Vec<Known>, bool) {
    let mut known = Vec::new();
    let mut missing = indexes.is_empty();
    if missing {
        anstream::eprintln!("no index is named; add one by `[trust]` with `index = [\"oci://…\"]`, or a folder");
    }
    for read in indexes {
        match read {
            Ok(index) => {
                if let Some(why) = &index.kept_since {
                    anstream::eprintln!("{}: as it was kept; {why}", index.source);
                }
                known.push(index);
            }
            Err(why) => {
                anstream::eprintln!("{}", clean(&why));
                missing = true;
            }
        }
    }
    (known, missing)
}

/// Says how old each index is, and which is too old to go by. Returns whether one is.
pub(super) fn say_ages(known: &[Known], now: Timestamp, at_most_days: u32) -> bool {
    let mut any_old = false;
    for known in known {
        anstream::eprintln!("index {}: {}", clean(&known.source), known.dated(now));
        if let Some(why) = known.too_old(now, at_most_days) {
            anstream::eprintln!("warning: {}: {why}", clean(&known.source));
            any_old = true;
        }
    }
    any_old
}

fn clean(said: &str) -> String {
    line(said, 300)
}
