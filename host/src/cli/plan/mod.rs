//! `watchfire plan`: plans as people write, read and review them.

mod new;

use clap::Subcommand;

use super::Exit;

/// Of plans.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a starter plan, with comments, for a kind of protocol.
    #[command(after_help = "\
Examples:
  watchfire plan new --kind lending --name \"Harbor Lending\"
  watchfire plan new --kind bridge --into ops/response

Names, numbers and addresses in it are made up: replace them first. Lines that begin with `#! ` become true once somebody has made
sure; `watchfire check --plan response` lists what is left to do.")]
    New(new::Args),
}

pub(super) fn main(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::New(args) => new::main(&args),
    }
}
