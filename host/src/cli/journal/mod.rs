//! `watchfire journal`.

use std::path::PathBuf;

use alloy::primitives::B256;
use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

mod compact;
mod size;
mod unsettle;

use super::Exit;
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::past::proofs::proofs_of;
use crate::deliver::json as json_lines;
use crate::entry::Entry;
use crate::finding::Severity;
use crate::journal::{Filter, Journal, JournalError, Listed, one_line};

/// List, filter and verify what happened; see how large it is, and drop old blocks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List entries, oldest first.
    #[command(after_help = "\
Examples:
  watchfire journal list --last 20
  watchfire journal list --kind finding --kind decision --incident 3
  watchfire journal list --since 2h --severity high
  watchfire journal list --chain 1 --from-block 19932700 --format json")]
    List(List),
    /// Recompute the hash chain, and say where it breaks.
    #[command(after_help = "\
Examples:
  watchfire journal verify
  watchfire journal verify --head 0x5c1f…
  watchfire journal verify --anchor 0x5c1f…
  watchfire journal verify --tables

The chain shows that nothing in it was changed, but not that nothing was cut off its end: for that, keep its head
elsewhere and name it by `--head`.")]
    Verify {
        /// The journal.
        #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
        journal: PathBuf,
        /// The hash that it must end with.
        #[arg(long, value_name = "HASH")]
        head: Option<B256>,
        /// A hash that the chain must have come by, as the log and the metrics have one of each hour.
        #[arg(long, value_name = "HASH")]
        anchor: Option<B256>,
        /// Make the tables beside the log anew from its entries too, and compare.
        #[arg(long)]
        tables: bool,
    },
    /// Tell how large it is, what is in it, how fast it grows, and when the disk will be full.
    Size {
        /// The journal.
        #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
        journal: PathBuf,
        /// The shape of what is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Drop the bodies of old blocks, of pending transactions, of observations and of answers to reads; keep all that was made of them.
    #[command(after_help = "\
Examples:
  watchfire journal compact --keep-days 30 --dry-run
  watchfire journal compact --keep-days 30 --give-back

The chain of hashes still holds, and `watchfire replay` starts where the bodies do. The host must not run; let it do the
same by itself with `journal.keep_days`.")]
    Compact(compact::Args),
    /// Take back that blocks of a chain are final, after a node lied about it.
    #[command(after_help = "\
Examples:
  watchfire journal unsettle --chain 1 --above 19932700 --by ana --why 'the provider served a fork of its own'

The host must not run. Incidents, decisions and findings stay; findings in blocks that then leave the chain are taken back. What undoes
the detectors' changes was forgotten when the blocks became final, so every detector begins with an empty state.")]
    Unsettle(unsettle::Args),
}

/// What is listed.
#[derive(Debug, ClapArgs)]
pub struct List {
    /// The journal.
    #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
    journal: PathBuf,
    /// Only these kinds.
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(Entry::KINDS))]
    kind: Vec<String>,
    /// Only this detector.
    #[arg(long, value_name = "ID")]
    detector: Option<String>,
    /// Only this incident.
    #[arg(long, value_name = "NUMBER")]
    incident: Option<u64>,
    /// Only this chain, by id.
    #[arg(long, value_name = "ID")]
    chain: Option<u64>,
    /// From this block.
    #[arg(long, value_name = "NUMBER")]
    from_block: Option<u64>,
    /// To this block.
    #[arg(long, value_name = "NUMBER")]
    to_block: Option<u64>,
    /// Only findings, incidents and decisions of this severity and above.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    severity: Option<Severity>,
    /// Only what came in since: `2026-11-24T03:00:00Z`, `2026-11-24`, or so long ago, `2h 30m`.
    #[arg(long, value_name = "TIME", value_parser = moment_ms)]
    since: Option<u64>,
    /// Only what came in until then.
    #[arg(long, value_name = "TIME", value_parser = moment_ms)]
    until: Option<u64>,
    /// Only the newest so many.
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn main(command: Command, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    match command {
        Command::List(list) => self::list(list),
        Command::Verify { journal, head, anchor, tables } => verify(&journal, head, anchor, tables),
        Command::Size { journal, format } => size::size(&journal, format),
        Command::Compact(args) => compact::compact(&args, sandboxes),
        Command::Unsettle(args) => unsettle::unsettle(&args),
    }
}

fn list(list: List) -> anyhow::Result<Exit> {
    let journal = Journal::open_existing_read_only(&list.journal)?;
    let filter = Filter {
        kinds: list.kind,
        detector: list.detector,
        incident: list.incident,
        chain: list.chain,
        from_block: list.from_block,
        to_block: list.to_block,
        severity: list.severity,
        since_ms: list.since,
        until_ms: list.until,
        last: list.last,
        ..Filter::default()
    };
    let mut rows = journal.entries(&filter)?;
    while let Some(listed) = rows.next_listed()? {
        match (list.format, &listed) {
            (Format::Json, Listed::Whole(row)) => println!("{}", json_lines::object(row.seq, &row.entry)),
            (Format::Pretty, Listed::Whole(row)) => println!("{}", one_line(row)),
            (Format::Json, Listed::Dropped(dropped)) => {
                let mut object = json!({ "type": "dropped" });
                if let (Value::Object(object), Value::Object(fields)) = (&mut object, json!(dropped)) {
                    object.extend(fields);
                }
                println!("{object}");
            }
            (Format::Pretty, Listed::Dropped(dropped)) => println!("{}", dropped.one_line()),
        }
    }
    Ok(Exit::Good)
}

fn verify(path: &std::path::Path, head: Option<B256>, anchor: Option<B256>, tables: bool) -> anyhow::Result<Exit> {
    let journal = Journal::open_existing_read_only(path)?;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("verifying {bar:40} {pos}/{len} entries, {eta} left")?);
    let verified = journal.verify(head, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    match verified {
        Ok(verified) => {
            println!("whole: {} entries, head {}", verified.entries, verified.head);
            if verified.dropped > 0 {
                println!("{} of them have no body any more, as the policy of retention wants it", verified.dropped);
            }
            if let Some(anchor) = anchor {
                let Some(seq) = journal.entry_of_hash(anchor)? else {
                    println!(
                        "BROKEN: no entry has the hash {anchor}: the end was cut off before it, or the chain was made anew"
                    );
                    return Ok(Exit::No);
                };
                println!("it came by {anchor}, at entry {seq}");
            }
            if tables && verify_tables(&journal)? == Exit::No {
                return Ok(Exit::No);
            }
            proofs(path)
        }
        Err(JournalError::Broken(broken)) => {
            println!("BROKEN: {broken}");
            Ok(Exit::No)
        }
        Err(other) => Err(other.into()),
    }
}

/// Checks the timelines, and the signatures in them, against the plans of the journal.
fn proofs(path: &std::path::Path) -> anyhow::Result<Exit> {
    let (timelines, found, broken) = proofs_of(path)?;
    broken.iter().for_each(|broken| println!("BROKEN: {broken}"));
    let wrong = found.iter().flat_map(|(id, found)| found.wrong.iter().map(move |line| (id, line)));
    for (id, line) in wrong.clone() {
        println!("BROKEN: entry {} of incident {id}, by {}: {}", line.entry, line.by, line.text);
    }
    let is_whole = broken.is_empty() && wrong.count() == 0;
    let proved: usize = found.values().map(|found| found.proved.len()).sum();
    let recorded: usize = found.values().map(|found| found.recorded.len()).sum();
    if timelines > 0 {
        println!("{timelines} timelines; {proved} acts are proved, {recorded} are recorded without a proof");
    }
    Ok(if is_whole { Exit::Good } else { Exit::No })
}

fn verify_tables(journal: &Journal) -> anyhow::Result<Exit> {
    let bar = ProgressBar::new(journal.head().0);
    bar.set_style(ProgressStyle::with_template("tables {bar:40} {pos}/{len} entries, {eta} left")?);
    let differs = journal.verify_tables(|done| bar.set_position(done))?;
    bar.finish_and_clear();
    for table in &differs {
        println!("BROKEN: table {}: {}", table.table, table.what);
    }
    if !differs.is_empty() {
        return Ok(Exit::No);
    }
    println!("tables: as the entries say. `watchfire replay` compares the state of detectors too");
    Ok(Exit::Good)
}

/// A moment as people write it, in milliseconds since the Unix epoch.
fn moment_ms(text: &str) -> Result<u64, String> {
    let moment = if let Ok(moment) = text.parse::<Timestamp>() {
        Some(moment)
    } else if let Ok(date) = text.parse::<Date>() {
        TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    } else {
        let ago = text.parse::<SignedDuration>().map_err(|_| {
            "neither a time such as 2026-11-24T03:00:00Z, nor a date, nor a span such as `2h 30m`".to_owned()
        })?;
        Timestamp::now().checked_sub(ago).ok()
    };
    let ms = moment.and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
    ms.ok_or_else(|| "a time before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_dates_or_spans_ago() {
        assert_eq!(moment_ms("1970-01-02T00:00:01+00:00"), Ok(86_401_000));
        assert_eq!(moment_ms("1970-01-02"), Ok(86_400_000));
        let ago_ms = Timestamp::now().as_millisecond() as u64 - moment_ms("2h 30m").unwrap();
        assert!((9_000_000..9_060_000).contains(&ago_ms), "{ago_ms}");
        assert!(moment_ms("yesterday").unwrap_err().contains("a span such as"));
        assert_eq!(moment_ms("1960-01-01"), Err("a time before 1970".to_owned()));
    }
}
