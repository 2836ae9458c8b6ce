//! `watchfire plugin adopt` and `reproduce`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::json;

use super::{Deployment, is_agreed, is_reviewed, offer, sharing};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::pack::review;
use crate::app::share::provenance::rebuild;
use crate::cli::{Exit, runtime, tell};
use crate::plan::diff::pretty;
use crate::share::digest::Digest;
use crate::share::package::Role;
use crate::share::reference::Reference;
use crate::share::review::Review;
use crate::text::{line, lines};

/// Most bytes of a review that are printed.
const SHOWN_BYTES: usize = 1 << 20;

/// Take a detector's response pack into the plan.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin adopt outflow
  watchfire plugin adopt outflow --plan response/ --yes
  watchfire plugin adopt outflow --yes --reviewed pack

It shows what changes in the plan, and writes nothing without a yes. Files are named after the detector; drills go into a
folder `drills` beside the plan. What it names and the plan does not have yet, such as people, is reported, and then nothing is
written.")]
pub struct Adopt {
    /// The detector's id in the config.
    detector: String,
    /// The plan's folder; the config's by default.
    #[arg(long, value_name = "FOLDER")]
    plan: Option<PathBuf>,
    /// Say that you looked at what `[trust] review` names: `pack`.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    reviewed: Vec<Review>,
    /// Agree to what is shown.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    of: Deployment,
}

/// Build a published detector again from its source, and compare the bytes.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin reproduce oci://ghcr.io/harbor/outflow:1.2.0 --yes

It fetches the stated commit by git and builds it, which runs the source's own build scripts: do it where that may be done.
The exit code is 1 where other bytes come of it. The same bytes need the same toolchain; `watchfire plugin pull` writes the
provenance that names it.")]
pub struct Reproduce {
    /// Where it is.
    reference: Reference,
    /// Agree to run the build of the stated source.
    #[arg(short, long)]
    yes: bool,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn adopt(args: &Adopt) -> anyhow::Result<Exit> {
    let Some(sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let id = &args.detector;
    let locked = sharing.lock.detector.get(id).with_context(|| format!("watchfire.lock has no detector `{id}`"))?;
    let pack = locked.pin.response.with_context(|| format!("no response pack travels with `{id}`"))?;
    let plan = args.plan.clone().or_else(|| sharing.plan.clone());
    let plan = plan.with_context(|| format!("`{}` names no plan; name one by `--plan`", args.of.config.display()))?;
    let review = review(&sharing.store().get(pack).context("bring it back by `watchfire plugin fetch`")?, &plan, id)?;
    if !review.wrong.is_empty() {
        match args.of.format {
            Format::Json => tell(&review.wrong, args.of.format)?,
            Format::Pretty => {
                let shown = review.wrong.iter().map(|wrong| lines(&wrong.to_string(), SHOWN_BYTES));
                shown.for_each(|wrong| anstream::eprintln!("{wrong}"));
            }
        }
        anstream::eprintln!("nothing was written: the plan would be wrong with it");
        return Ok(Exit::No);
    }
    match args.of.format {
        Format::Json => {
            let files: Vec<_> = review.files.iter().map(|(path, _)| path).collect();
            println!("{}", json!({ "changes": review.changes, "files": files }));
        }
        Format::Pretty => {
            // A stranger wrote this, and it is what is agreed to.
            println!("{}", lines(pretty(&review.changes).trim_end(), SHOWN_BYTES));
            let written = review.files.iter().map(|(path, _)| line(&path.display().to_string(), 1_000));
            written.for_each(|path| println!("writes {path}"));
        }
    }
    if !is_reviewed(&sharing, &[Review::Pack], &args.reviewed, args.yes) {
        return Ok(Exit::No);
    }
    if !is_agreed("take this into the plan?", args.yes) {
        return Ok(Exit::No);
    }
    review.carry_out()?;
    Ok(Exit::Good)
}

pub(super) fn reproduce(args: &Reproduce, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let offer = runtime()?.block_on(offer(&args.reference, sandboxes))?;
    let stated = offer.taken.contents.as_ref().and_then(|contents| contents.source.as_ref());
    let source = stated.with_context(|| format!("`{}` states no source", args.reference))?;
    let published = Digest::of(&offer.taken.component);
    let clean = |said: &String| line(said, 300);
    let (repository, revision, folder) = (clean(&source.repository), clean(&source.revision), clean(&source.folder));
    anstream::eprintln!("source    {repository} at {revision}, folder `{folder}`");
    if source.is_changed {
        anstream::eprintln!("it was published with changes that are in no commit, so other bytes may come of it");
    }
    if offer.taken.files.contains_key(&Role::Provenance) {
        anstream::eprintln!("a statement on how it was built travels with it");
    }
    if !is_agreed("fetch it, and run its build?", args.yes) {
        return Ok(Exit::No);
    }
    let folder = tempfile::tempdir().context("there is no place for the source")?;
    let built = rebuild(source, folder.path())?;
    let (own, is_same) = (Digest(built.digest), Digest(built.digest) == published);
    match args.format {
        Format::Json => println!("{}", json!({ "published": published, "built": own, "is_same": is_same })),
        Format::Pretty if is_same => println!("the same bytes: {own}"),
        Format::Pretty => println!("other bytes: published are {published}, and {own} came of its source here"),
    }
    Ok(if is_same { Exit::Good } else { Exit::No })
}
