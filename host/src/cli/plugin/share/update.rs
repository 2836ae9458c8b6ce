//! `watchfire plugin outdated` and `update`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::diff::{FETCH, Known, known, try_on};
use super::{Deployment, compiler, is_agreed, is_reviewed, looked_at, sharing, untrusted, would_be_wrong};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::adopt::Taking;
use crate::app::share::current::{Standing, standings};
use crate::app::share::differ::Difference;
use crate::app::share::repute::{Ages, Repute};
use crate::app::share::section::Section;
use crate::app::share::take::Offer;
use crate::cli::{Exit, runtime};
use crate::share::registry::Credentials;
use crate::share::review::Review;
use crate::text::line;

/// List what is not the newest.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin outdated
  watchfire plugin outdated --format json | jq '.[] | select(.newest)'

The exit code is 1 where there is a newer version, or a version was moved.")]
pub struct Outdated {
    #[command(flatten)]
    of: Deployment,
}

/// Take another version.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin update outflow
  watchfire plugin update outflow --to 1.1.0 --grant traces
  watchfire plugin update outflow --shadow 24h
  watchfire plugin update outflow --detector-config outflow.toml
  watchfire plugin update outflow --yes --reviewed severities
  watchfire plugin update outflow --back

It shows what changes, tries both versions on the last inputs of the journal, and asks. One that asks for more than the
config grants waits until `--grant` names it. A running host takes it up by itself; one that fails soon is taken back.")]
pub struct Update {
    /// The detector's id in the config.
    detector: String,
    /// The version; the newest by default.
    #[arg(long, value_name = "VERSION", conflicts_with = "back")]
    to: Option<String>,
    /// Go back to what was pinned before; a shadow is ended.
    #[arg(long)]
    back: bool,
    /// Run it as a shadow for so long before it takes over: `24h`, `30m`.
    #[arg(long, value_name = "TIME", conflicts_with = "back")]
    shadow: Option<SignedDuration>,
    /// Capabilities to grant beside those that it has.
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    grant: Vec<String>,
    /// Its own config from then on, TOML; what stands in the config by default.
    #[arg(long, value_name = "FILE")]
    detector_config: Option<PathBuf>,
    /// Write the limits that its publisher states into the config.
    #[arg(long, conflicts_with = "back")]
    limits: bool,
    /// Take it despite an advisory of this id.
    #[arg(long, value_name = "ADVISORY", value_delimiter = ',')]
    despite: Vec<String>,
    /// How many of the journal's last inputs both versions are run over.
    #[arg(long, default_value_t = 256, value_name = "N")]
    inputs: usize,
    /// Take a version that fails on inputs on which the old one did not, or that failed soon after it was taken up before. A
    /// running host tries it again, and takes up none that fails on the last inputs.
    #[arg(long)]
    force: bool,
    /// Take a version that was pinned as other bytes before.
    #[arg(long)]
    moved: bool,
    /// Say that you looked at what `[trust] review` names: `capabilities`, `limits`, `severities`, `schema`.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    reviewed: Vec<Review>,
    /// Agree to what is shown.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    of: Deployment,
}

pub(super) fn outdated(args: &Outdated) -> anyhow::Result<Exit> {
    let Some(sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let standings = runtime()?.block_on(standings(&sharing, &Credentials::of_user()));
    let is_current = |standing: &Standing| standing.newest.is_none() && standing.fault.is_none();
    match args.of.format {
        Format::Json => println!("{}", serde_json::to_string(&standings)?),
        Format::Pretty => {
            for standing in &standings {
                let newest = match (&standing.newest, standing.is_known) {
                    (Some(newest), _) => format!("→ {}", line(newest, 128)),
                    (None, true) => "is the newest".to_owned(),
                    (None, false) => "whether it is the newest is not known".to_owned(),
                };
                println!("{:<24} {:<12} {newest}", standing.id, standing.version);
                standing.fault.iter().for_each(|fault| println!("  {}", line(fault, 1_000)));
            }
        }
    }
    Ok(if standings.iter().all(is_current) { Exit::Good } else { Exit::No })
}

pub(super) fn update(args: &Update, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let Some(mut sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let id = &args.detector;
    let locked = sharing.lock.detector.get(id).cloned();
    let locked =
        locked.with_context(|| format!("watchfire.lock has no detector `{id}`; take one by `watchfire plugin add`"))?;
    let wanted = sharing.detectors.get(id).with_context(|| format!("the config has no detector `{id}`"))?.clone();
    if args.back && wanted.shadow_of.is_some() {
        sharing.end_shadow(id, false)?;
        println!("the shadow `{id}` is ended");
        return Ok(Exit::Good);
    }
    let config = args
        .detector_config
        .as_ref()
        .map(|path| std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display())));
    let config = config.transpose()?;
    ensure!(
        args.shadow.is_none_or(|time| time >= SignedDuration::from_secs(1)),
        "`--shadow`: a version that takes over at once was never a shadow; write a time, as `24h`"
    );
    let old = known(&sharing, &locked.pin, sandboxes)?;
    let runtime = runtime()?;
    let now = Timestamp::now();
    let mut taken = None;
    let (pin, bytes, new, refusal) = if args.back {
        let before = locked.before.clone().with_context(|| format!("`{id}` was never another version"))?;
        let refusal = sharing.trust.refusal(&sharing.folder, &before.reference, &before.signed_by);
        let refusal = refusal.map(|refusal| untrusted(&sharing, &refusal));
        let bytes = sharing.store().get(before.component).context(FETCH)?;
        let new = known(&sharing, &before, sandboxes)?;
        // Going back is for need; what is known against it is told all the same.
        let indexes = runtime.block_on(sharing.indexes(&Credentials::of_user(), false));
        let version = &new.manifest.version;
        let ages = Ages { now, at_most_days: sharing.trust.index_max_age_days };
        let repute = Repute::of(&indexes, &before.reference.place(), version, before.component, ages);
        for (index, advisory) in &repute.against {
            anstream::eprintln!("against {version}: {}, says {index}", advisory.line());
        }
        (before, bytes, new, refusal)
    } else {
        let to = match &args.to {
            Some(version) => version.clone(),
            None => {
                let standings = runtime.block_on(standings(&sharing, &Credentials::of_user()));
                let own = standings.into_iter().find(|standing| standing.id == *id);
                if let Some(own) = &own {
                    let fault = own.fault.as_deref().map(|fault| line(fault, 1_000)).unwrap_or_default();
                    ensure!(own.is_known, "whether there is a newer `{id}` is not known: {fault}");
                    if !fault.is_empty() {
                        anstream::eprintln!("{fault}");
                    }
                }
                match own.and_then(|own| own.newest) {
                    Some(newest) => newest,
                    None => {
                        println!("`{id}` is the newest: {}", locked.pin.version);
                        return Ok(Exit::Good);
                    }
                }
            }
        };
        let reference = locked.pin.reference.at_version(&to).map_err(|why| anyhow::anyhow!("`--to`: {why}"))?;
        let changes_nothing = config.is_none() && args.grant.is_empty() && !args.limits;
        let (offer, verdict, repute) = runtime.block_on(looked_at(&reference, &sharing, sandboxes, now))?;
        let pin = offer.pin(&verdict, now);
        if pin.manifest == locked.pin.manifest && pin.reference == locked.pin.reference && changes_nothing {
            println!("`{id}` is {} already", pin.version);
            return Ok(Exit::Good);
        }
        let refusal = verdict.refusal.as_ref().map(|refusal| untrusted(&sharing, refusal));
        let refusal = refusal.or_else(|| sharing.moved(&reference, &pin).filter(|_| !args.moved));
        let refusal = refusal.or_else(|| offer.misnamed());
        for (index, why) in &repute.too_old {
            anstream::eprintln!("warning: {index}: {why}");
        }
        let refusal = refusal.or_else(|| repute.refusal(&args.despite));
        let (bytes, new) = (offer.taken.component.clone(), Known::of(&offer));
        taken = Some(offer);
        (pin, bytes, new, refusal)
    };
    let mut difference = Difference::of(old.side(), new.side());
    let (old, manifest, new) = (Arc::new(old.component), new.manifest, Arc::new(new.component));
    try_on(&mut difference, &args.of.config, id, old, (new, &manifest), args.inputs);
    let granted: Vec<String> = wanted
        .grant
        .iter()
        .flatten()
        .chain(&args.grant)
        .filter(|name| manifest.capabilities.contains(name))
        .cloned()
        .collect();
    let missing: Vec<&String> = manifest.capabilities.iter().filter(|name| !granted.contains(name)).collect();
    let waits = (!missing.is_empty()).then(|| {
        let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",");
        format!("it asks for more than it is granted: {names}. It waits for `--grant {names}`")
    });
    // A shadow acts on nothing: it runs to find out.
    let fails =
        difference.findings.as_ref().filter(|tried| tried.is_worse() && !args.force && args.shadow.is_none()).map(
            |tried| {
                let (failed, inputs) = (tried.failures.len(), tried.inputs);
                format!("it fails on {failed} of the last {inputs} inputs; take it all the same by `--force`")
            },
        );
    let failed = sharing.failed_before(id, pin.component).filter(|_| !args.force && args.shadow.is_none());
    let refusal = refusal.or(waits).or(fails).or(failed);
    match args.of.format {
        Format::Json => println!("{}", json!({ "id": id, "pin": pin, "difference": difference, "refusal": refusal })),
        Format::Pretty => {
            println!("{id}  {} → {}  {}", locked.pin.version, pin.version, pin.reference);
            difference.lines().iter().for_each(|line| println!("  {line}"));
        }
    }
    for unheard in taken.iter().flat_map(|offer| sharing.unheard(id, offer.listens())) {
        anstream::eprintln!("warning: {unheard}");
    }
    if let Some(why) = refusal {
        anstream::eprintln!("not taken: {why}");
        return Ok(Exit::No);
    }
    let limits = taken.iter().filter(|_| args.limits).map(Offer::stated_limits).next().unwrap_or_default();
    // What was pinned before was looked at when it was taken.
    let there = if args.back { Vec::new() } else { to_review(&difference, !args.grant.is_empty(), !limits.is_empty()) };
    if !is_reviewed(&sharing, &there, &args.reviewed, args.yes) {
        return Ok(Exit::No);
    }
    if !is_agreed(&format!("take {} {}?", pin.name, pin.version), args.yes) {
        return Ok(Exit::No);
    }
    taken.iter().try_for_each(|offer| offer.keep(&sharing.store()))?;
    let taking = Taking { pin, component: &bytes, runtime: &compiler(sandboxes)? };
    if let Some(time) = args.shadow {
        let shadow = format!("{id}-next");
        let at = now.checked_add(time).context("the time of a shadow is too long")?;
        let section = Section { id: shadow.clone(), grant: granted, config, limits };
        let wrong = sharing.adopt_shadow(id, &section, taking, at)?;
        if !wrong.is_empty() {
            return would_be_wrong(&wrong, args.of.format);
        }
        if args.of.format == Format::Pretty {
            println!("runs as the shadow `{shadow}`, and takes over at {at}; see `watchfire plugin compare {shadow}`");
        }
        return Ok(Exit::Good);
    }
    let wrong = sharing.adopt(&Section { id: id.clone(), grant: granted, config, limits }, taking)?;
    if !wrong.is_empty() {
        anstream::eprintln!("if it takes another config than before, give that by `--detector-config FILE`");
        return would_be_wrong(&wrong, args.of.format);
    }
    Ok(Exit::Good)
}

/// Returns what of an update somebody may have to look at.
fn to_review(difference: &Difference, grants_more: bool, writes_limits: bool) -> Vec<Review> {
    let kinds = [difference.new_kinds.is_empty(), difference.lost_kinds.is_empty(), difference.severities.is_empty()];
    let there = [
        (Review::Capabilities, grants_more),
        (Review::Limits, writes_limits),
        (Review::Severities, kinds.contains(&false)),
        (Review::Schema, !difference.config_schema.is_empty()),
    ];
    there.into_iter().filter(|(_, is_there)| *is_there).map(|(what, _)| what).collect()
}
