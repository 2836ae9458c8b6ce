//! `watchfire plan`: plans as people write, read and review them.

mod diff;
mod export;
mod new;
mod show;

pub(in crate::cli) use new::mark_pending;

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
    /// Show a plan: what leads to what, who decides and who acts, who is woken, whom to call outside.
    #[command(after_help = "\
Examples:
  watchfire plan show --plan response
  watchfire plan show --plan response --format markdown > PLAN.md
  watchfire plan show --plan response --format svg --output plan.svg")]
    Show(show::Args),
    /// Tell what changed from one plan to another, in terms of people and powers.
    #[command(after_help = "\
Examples:
  watchfire plan diff response-before/ response/
  watchfire plan diff response-before/ response/ --format markdown >> review.md")]
    Diff(diff::Args),
    /// Export a plan for other tools: as a CACAO v2.0 playbook.
    #[command(after_help = "\
Examples:
  watchfire plan export --plan response --output playbook.json")]
    Export(export::Args),
}

pub(super) fn main(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::New(args) => new::main(&args),
        Command::Show(args) => show::main(&args),
        Command::Diff(args) => diff::main(&args),
        Command::Export(args) => export::main(&args),
    }
}
