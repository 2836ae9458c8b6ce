//! `watchfire journal`.

use std::path::PathBuf;

use alloy::primitives::B256;
use clap::{Args as ClapArgs, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Exit;
use crate::act::json as json_lines;
use crate::app::output::Format;
use crate::journal::{Filter, Journal, JournalError, one_line};

/// List, filter and verify what happened.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List entries, oldest first.
    #[command(after_help = "\
Examples:
  watchfire journal list --last 20
  watchfire journal list --kind finding --kind decision --incident 3
  watchfire journal list --chain 1 --from-block 19932700 --format json")]
    List(List),
    /// Recompute the hash chain, and say where it breaks.
    #[command(after_help = "\
Examples:
  watchfire journal verify
  watchfire journal verify --head 0x5c1f…

The chain shows that nothing in it was changed, but not that nothing was cut off its end: for that, keep its head
elsewhere and name it by `--head`.")]
    Verify {
        /// The journal.
        #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
        journal: PathBuf,
        /// The hash that it must end with.
        #[arg(long, value_name = "HASH")]
        head: Option<B256>,
    },
    /// Tell how large it is, and what is in it.
    Size {
        /// The journal.
        #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
        journal: PathBuf,
    },
}

/// What is listed.
#[derive(Debug, ClapArgs)]
pub struct List {
    /// The journal.
    #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
    journal: PathBuf,
    /// Only these kinds: input, answer, failed, finding, retraction, silence, incident, decision, effect.
    #[arg(long, value_name = "KIND")]
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
    /// Only the newest so many.
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn main(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List(list) => self::list(list),
        Command::Verify { journal, head } => verify(&journal, head),
        Command::Size { journal } => size(&journal),
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
        last: list.last,
        ..Filter::default()
    };
    let mut rows = journal.entries(&filter)?;
    while let Some(row) = rows.next()? {
        match list.format {
            Format::Json => println!("{}", json_lines::object(row.seq, &row.entry)),
            Format::Pretty => println!("{}", one_line(&row)),
        }
    }
    Ok(Exit::Good)
}

fn verify(path: &std::path::Path, head: Option<B256>) -> anyhow::Result<Exit> {
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
            Ok(Exit::Good)
        }
        Err(JournalError::Broken(broken)) => {
            println!("BROKEN: {broken}");
            Ok(Exit::No)
        }
        Err(other) => Err(other.into()),
    }
}

fn size(path: &std::path::Path) -> anyhow::Result<Exit> {
    let journal = Journal::open_existing_read_only(path)?;
    println!("{}", json!(journal.size()?));
    Ok(Exit::Good)
}
