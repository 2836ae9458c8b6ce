//! `watchfire man`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args as ClapArgs;

use super::Exit;

/// Write the manual pages: one for `watchfire`, and one for each command.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire man --out man1 && man ./man1/watchfire-run.1")]
pub struct Args {
    /// The folder that the pages are written to; it is made if there is none.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(super) fn main(args: &Args, command: clap::Command) -> anyhow::Result<Exit> {
    let cannot = || format!("the pages can't be written to `{}`", args.out.display());
    std::fs::create_dir_all(&args.out).with_context(cannot)?;
    clap_mangen::generate_to(command, &args.out).with_context(cannot)?;
    Ok(Exit::Good)
}
