//! `watchfire journal unsettle`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::super::Exit;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::past::unsettle;
use crate::text;

/// Longest text of who and why, characters.
const WORDS_CHARS: usize = 300;

/// What is taken back.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The journal.
    #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
    journal: PathBuf,
    /// The chain, by id.
    #[arg(long, value_name = "ID")]
    chain: u64,
    /// The newest block that stays final: one that the nodes and the journal have in common.
    #[arg(long, value_name = "NUMBER")]
    above: u64,
    /// Who takes it back.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    why: String,
}

pub(super) fn unsettle(args: &Args) -> anyhow::Result<Exit> {
    let Args { journal, chain, above, by, why } = args;
    anyhow::ensure!(*chain <= i64::MAX as u64, "there is no chain {chain}");
    let (by, why) = (text::line(by, WORDS_CHARS), text::line(why, WORDS_CHARS));
    let was = unsettle::unsettle(journal, *chain, *above, &by, &why, wall_clock_ms())?;
    println!(
        "chain {chain}: blocks up to {above} are final; up to {was} were. Every detector begins with an empty state. Start the host: \
         it follows what the nodes agree on"
    );
    Ok(Exit::Good)
}
