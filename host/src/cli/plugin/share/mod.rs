//! `watchfire plugin push|pull|sign|verify|add|fetch|outdated|update|diff|search|audit|adopt|reproduce`: detectors of registries.

mod add;
mod audit;
mod diff;
mod fetch;
mod more;
mod push;
mod search;
mod show;
mod sign;
mod update;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use jiff::Timestamp;

use crate::app::config::{CacheConfig, Sharing};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::repute::{Ages, Repute};
use crate::app::share::take::{Offer, take};
use crate::cli::{Exit, tell};
use crate::diagnostic::Diagnostic;
use crate::plugin::Runtime;
use crate::share::digest::Digest;
use crate::share::package::Role;
use crate::share::reference::Reference;
use crate::share::registry::Credentials;
use crate::share::review::{Review, left};
use crate::share::signed_by::Refusal;
use crate::share::trust::Verdict;

/// Of registries.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish a detector in a registry, with README, licence, tests, score and response pack.
    Push(push::Push),
    /// Take a detector from a registry into a folder, without running or pinning it.
    Pull(push::Pull),
    /// Vouch for a detector in a registry: by an Ethereum account, or by a cosign key.
    Sign(sign::Sign),
    /// Say who vouches for a detector in a registry, and whether that is enough for a config's `[trust]`.
    Verify(sign::Verify),
    /// Take a detector from a registry into a config, after showing what it is; pin it in watchfire.lock.
    Add(add::Add),
    /// Bring what watchfire.lock pins into the store: on a new machine, or in CI.
    Fetch(fetch::Fetch),
    /// List pinned detectors that have a newer version, and versions that were moved.
    Outdated(update::Outdated),
    /// Take another version of a pinned detector, after showing what changes.
    Update(update::Update),
    /// Find detectors in the indexes that a config names.
    Search(search::Search),
    /// Say what indexes know against the detectors that are pinned.
    Audit(audit::Audit),
    /// Take a pinned detector's response pack into the plan, after showing what changes.
    Adopt(more::Adopt),
    /// Build a published detector again from its stated source, and compare the bytes.
    Reproduce(more::Reproduce),
    /// Compare two versions of a detector: what they ask for, find, take for config; and on a journal, what each finds.
    Diff(diff::Diff),
}

pub(super) fn main(command: Command, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    match command {
        Command::Push(args) => push::push(&args, sandboxes),
        Command::Pull(args) => push::pull(&args, sandboxes),
        Command::Sign(args) => sign::sign(&args, sandboxes),
        Command::Verify(args) => sign::verify(&args, sandboxes),
        Command::Add(args) => add::add(&args, sandboxes),
        Command::Fetch(args) => fetch::fetch(&args),
        Command::Outdated(args) => update::outdated(&args),
        Command::Update(args) => update::update(&args, sandboxes),
        Command::Search(args) => search::search(&args),
        Command::Audit(args) => audit::audit(&args, sandboxes),
        Command::Adopt(args) => more::adopt(&args),
        Command::Reproduce(args) => more::reproduce(&args, sandboxes),
        Command::Diff(args) => diff::diff(&args, sandboxes),
    }
}

/// Whose detectors it is about, and how it is said.
#[derive(Debug, ClapArgs)]
struct Deployment {
    /// The config.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What commands about a deployment read of its config; `None` if it is wrong, which was reported.
fn sharing(of: &Deployment) -> anyhow::Result<Option<Sharing>> {
    match Sharing::of(&of.config) {
        Ok(sharing) => Ok(Some(sharing)),
        Err(diagnostics) => {
            tell(&diagnostics, of.format)?;
            Ok(None)
        }
    }
}

/// Takes what a reference names, compiles it, and asks it what it is.
async fn offer(reference: &Reference, sandboxes: &Sandboxes) -> anyhow::Result<Offer> {
    let taken = take(reference, &Credentials::of_user()).await?;
    taken.offer(&compiler(sandboxes)?)
}

/// Makes what components are compiled and started by.
fn compiler(sandboxes: &Sandboxes) -> anyhow::Result<Runtime> {
    sandboxes.runtime(&CacheConfig::default(), Path::new("."))
}

/// Returns why something is not taken, beginning with the place in the config that asks for more.
fn untrusted(sharing: &Sharing, refusal: &Refusal) -> String {
    let key: Vec<&str> = ["trust"].into_iter().chain(refusal.key.iter().map(String::as_str)).collect();
    let help = "have them sign it, or mend `[trust]`";
    sharing.at(&key, refusal.why.clone(), help).to_string()
}

/// Reports what would be wrong with the config, had it been written.
fn would_be_wrong(wrong: &[Diagnostic], format: Format) -> anyhow::Result<Exit> {
    tell(wrong, format)?;
    anstream::eprintln!("nothing was written: the config would be wrong with it");
    Ok(Exit::No)
}

/// Asks whoever takes something whether they looked at what the config wants reviewed of it, as [`is_agreed`] does. Agreeing to
/// everything beforehand is not looking.
fn is_reviewed(sharing: &Sharing, there: &[Review], reviewed: &[Review], yes: bool) -> bool {
    let Some(left) = left(&sharing.trust.review, there, reviewed) else { return true };
    if yes || !std::io::stdin().is_terminal() {
        let message = format!("somebody must look at its {} first", left.replace(',', ", "));
        let help = format!("see what is shown above, and say so by `--reviewed {left}`");
        anstream::eprintln!("not taken: {}", sharing.at(&["trust", "review"], message, &help));
        return false;
    }
    is_agreed(&format!("did you look at its {}?", left.replace(',', ", ")), false)
}

/// Takes what a reference names, and asks who vouches for it and what indexes say of it.
async fn looked_at(
    reference: &Reference,
    sharing: &Sharing,
    sandboxes: &Sandboxes,
    now: Timestamp,
) -> anyhow::Result<(Offer, Verdict, Repute)> {
    let offer = offer(reference, sandboxes).await?;
    let verdict = offer.judge(&sharing.trust, &sharing.folder, now).await;
    let indexes = sharing.indexes(&Credentials::of_user(), true).await;
    let component = Digest(offer.component.digest());
    let ages = Ages { now, at_most_days: sharing.trust.index_max_age_days };
    let repute = Repute::of(&indexes, &reference.place(), &offer.manifest.version, component, ages);
    Ok((offer, verdict, repute))
}

/// Asks whoever sits at the terminal; the answer is no if nobody does.
fn is_agreed(question: &str, yes: bool) -> bool {
    if yes {
        return true;
    }
    if !std::io::stdin().is_terminal() {
        anstream::eprintln!("nothing was written: nobody is there to ask; add `--yes` to agree to what is shown above");
        return false;
    }
    anstream::eprint!("{question} [y/N] ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}

/// Now, or the moment that `SOURCE_DATE_EPOCH` says, by which the same build is published as the same artefact.
fn created() -> String {
    let said = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    let moment = said.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_else(Timestamp::now);
    Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
}

/// Writes what travels with a component below a folder.
fn write_files(files: &BTreeMap<Role, Vec<u8>>, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    use crate::share::archive;
    let mut written = Vec::new();
    for (role, bytes) in files {
        let path = folder.join(role.file_name());
        match role.is_folder() {
            true => archive::write(&archive::unpack(bytes)?, &path)?,
            false => std::fs::write(&path, bytes)?,
        }
        written.push(path);
    }
    Ok(written)
}
