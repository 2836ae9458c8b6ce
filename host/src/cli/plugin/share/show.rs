//! What people see of a detector of a registry before they take it up.

use jiff::Timestamp;

use crate::app::share::repute::Repute;
use crate::app::share::scored::{data, figures};
use crate::app::share::take::Offer;
use crate::plugin::Limits;
use crate::share::package::Role;
use crate::share::trust::Verdict;
use crate::text::line;

/// What each capability lets a detector do.
const MEANING: [(&str, &str); 7] = [
    ("chain", "reads contracts at a block, through your nodes"),
    ("state", "keeps data in the host from block to block"),
    ("traces", "sees each call within a transaction"),
    ("storage", "sees changed storage slots"),
    ("mempool", "sees transactions that are not in a block yet"),
    ("feeds", "sees the off-chain feeds that you name"),
    ("findings", "sees what your other detectors find"),
];

/// Prints an offer, who vouches for it, and what indexes say of it.
pub(super) fn show(offer: &Offer, verdict: &Verdict, repute: &Repute, now: Timestamp) {
    let (manifest, taken) = (&offer.manifest, &offer.taken);
    println!("{} {}", manifest.name, manifest.version);
    manifest.summary.lines().for_each(|line| println!("  {line}"));
    println!("from      {}", taken.reference);
    println!("digest    {}", taken.digest);
    println!("size      {} bytes", taken.component.len());
    if let Some(created) = taken.manifest.said("created") {
        println!("made      {}{}", clean(created), age(created, now).unwrap_or_default());
    }
    let contents = taken.contents.as_ref();
    match contents.and_then(|contents| contents.source.as_ref()) {
        Some(source) => {
            let changed = if source.is_changed { ", with changes that are in no commit" } else { "" };
            println!("source    {} at {}{changed}", clean(&source.repository), clean(&source.revision));
        }
        None => println!("source    not stated"),
    }
    let licence = contents.and_then(|contents| contents.said.licence.as_deref());
    println!("licence   {}", licence.map_or_else(|| "not stated".to_owned(), clean));
    if verdict.signers.is_empty() {
        println!("signed by nobody whom `[trust]` names");
    }
    verdict.signers.iter().for_each(|(name, identity)| println!("signed by {name} ({identity})"));
    verdict.others.iter().for_each(|other| println!("          {}", clean(other)));
    repute.lines().iter().for_each(|line| println!("{line}"));
    println!("asks for");
    if manifest.capabilities.is_empty() {
        println!("  nothing");
    }
    for name in &manifest.capabilities {
        let meaning = MEANING.iter().find(|(known, _)| known == name).map_or("", |(_, meaning)| meaning);
        println!("  {name:<10} {meaning}");
        match contents.and_then(|contents| contents.said.why.get(name)) {
            Some(why) => println!("  {:<10} why: {}", "", clean(why)),
            None => println!("  {:<10} its publisher does not say why", ""),
        }
    }
    println!("finds");
    for kind in &manifest.finding_kinds {
        println!("  {:<28} {:<9} {}", kind.id, kind.default_severity.to_string(), kind.description);
    }
    for listened in contents.iter().flat_map(|contents| &contents.said.listens) {
        let of = listened.detector.as_deref().unwrap_or("any detector");
        println!("listens to {} of {}", clean(&listened.kind), clean(of));
    }
    println!("limits    {}", limits(&offer.limits));
    match score(offer) {
        Some(score) => println!("score     {score}"),
        None => println!("score     none: nobody says how good it is"),
    }
    let carried = Role::ALL.iter().filter(|role| taken.files.contains_key(role)).map(|role| role.file_name());
    let carried: Vec<&str> = carried.collect();
    println!("carries   {}", if carried.is_empty() { "nothing".to_owned() } else { carried.join(", ") });
}

/// Returns what a component may use up, in a line: what its publisher states, or the defaults.
fn limits(stated: &Limits) -> String {
    let defaults = Limits::default();
    let differs = stated.beside(&defaults);
    if !differs.is_empty() {
        let differs = differs.iter().map(|(key, was, is)| format!("{key} {is} (by default {was})"));
        return format!("{}, by its publisher's word", differs.collect::<Vec<_>>().join(", "));
    }
    let table = defaults.table();
    let of = |key: &str| table.iter().find(|limit| limit.key == key).map(|limit| format!("{key} {}", limit.value));
    let shown = ["batch_deadline_ms", "memory_bytes", "state_bytes"].into_iter().filter_map(of);
    format!("{} (the host's defaults; `[detector.ID.limits]` sets others)", shown.collect::<Vec<_>>().join(", "))
}

/// Returns what a backtest made of it, in a line.
fn score(offer: &Offer) -> Option<String> {
    let bytes = offer.taken.files.get(&Role::Score)?;
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let shown: Vec<String> = figures(&value).iter().map(|(name, value)| format!("{name} {value}")).collect();
    let over = data(&value)
        .map_or_else(|| "it does not say over which data".to_owned(), |data| format!("over {}", clean(data)));
    Some(match shown.is_empty() {
        true => format!("{} bytes of JSON; `watchfire plugin pull` writes it", bytes.len()),
        false => format!("{}, by its publisher's word; {over}", shown.join(", ")),
    })
}

fn age(created: &str, now: Timestamp) -> Option<String> {
    let created: Timestamp = created.parse().ok()?;
    let days = (now.as_second() - created.as_second()) / 86_400;
    Some(match days {
        // Clocks differ by less than a day.
        ..0 => ", which is yet to come: its publisher's clock is wrong, or the date is made up".to_owned(),
        days => format!(", {days} days ago"),
    })
}

/// Returns a publisher's words without what a terminal would obey, or what would hide or turn other words.
fn clean(said: &str) -> String {
    line(said, 300)
}
