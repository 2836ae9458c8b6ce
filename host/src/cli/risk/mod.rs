//! `watchfire risk`: the register of risks, kept in the plan's own files.

mod edit;
mod show;

use clap::{Subcommand, ValueEnum};

use super::Exit;
use crate::app::live::output::Format;

/// The shape of what is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Lines for people.
    #[default]
    Pretty,
    /// A table in Markdown.
    Markdown,
    /// One JSON object a line.
    Json,
}

impl Shape {
    /// The shape in which mistakes are reported beside it.
    fn format(self) -> Format {
        if self == Shape::Json { Format::Json } else { Format::Pretty }
    }
}

/// Keep the register of risks: what may go wrong, who has it, and what was made of it from release to release.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List risks, the gravest first.
    #[command(after_help = "\
Examples:
  watchfire risk list
  watchfire risk list --plan response/ --status open --status accepted --owner risk-council
  watchfire risk list --format markdown >> review.md")]
    List(show::List),
    /// Show one risk with all that was made of it.
    #[command(after_help = "\
Examples:
  watchfire risk show bent-price
  watchfire risk show bent-price --format json | jq .history")]
    Show(show::Show),
    /// Add a risk to the register.
    #[command(after_help = "\
Examples:
  watchfire risk add frozen-feed --summary \"The feed stops and nobody sees it\" --asset \"all hUSD in the vault\" \\
    --cause \"one transmitter writes it\" --likelihood medium --impact high --response mitigate \\
    --owner risk-council --signal blind-oracle --intervention freeze-borrowing --incident 17

It goes to the first file of the plan that has risks, else to a new risks.toml; nothing else in the file changes.")]
    Add(edit::Add),
    /// Link a risk to signals that would tell of it, interventions against it, incidents in which it showed.
    #[command(after_help = "\
Examples:
  watchfire risk link bent-price --incident 17 --why \"the attacker bent the feed, not the pool\"
  watchfire risk link bent-price --signal blind-oracle --intervention freeze-borrowing")]
    Link(edit::Link),
    /// Take a risk upon yourselves until a date.
    #[command(after_help = "\
Examples:
  watchfire risk accept slow-upgrade --until 2027-05-31 --why \"two days are what users were promised\"")]
    Accept(edit::Accept),
    /// Write that a risk was looked at, give it another owner, or say that it is open again or mitigated.
    #[command(after_help = "\
Examples:
  watchfire risk update bent-price --incident 17 --why \"a second transmitter is live\" --status mitigated
  watchfire risk update bent-price --owner treasury --why \"the council was dissolved\"")]
    Update(edit::Update),
    /// Close a risk that is no more.
    #[command(after_help = "\
Examples:
  watchfire risk close stolen-admin-key --why \"the proxy's admin is the timelock since v1.4\" --release v1.4")]
    Close(edit::Close),
    /// Tell what was made of risks, or where they stood at a release or on a date.
    #[command(after_help = "\
Examples:
  watchfire risk history bent-price
  watchfire risk history --release v1.4
  watchfire risk history --at 2026-09-01 --format markdown

A release is one that the plan names, by its name, id or tag: then the histories are read up to its moment. Any other name
is that of a tag in git: then the plan is read as it was at that tag.")]
    History(show::History),
}

pub(super) fn main(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List(args) => show::list(&args),
        Command::Show(args) => show::show(&args),
        Command::Add(args) => edit::add(args),
        Command::Link(args) => edit::link(args),
        Command::Accept(args) => edit::accept(args),
        Command::Update(args) => edit::update(args),
        Command::Close(args) => edit::close(args),
        Command::History(args) => show::history(&args),
    }
}
