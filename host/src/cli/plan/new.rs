//! `watchfire plan new`: a starter.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;
use toml_edit::{DocumentMut, Item, TableLike, value};

use super::Exit;
use crate::app::live::main_loop::wall_clock_ms;
use crate::finding::is_own;
use crate::plan::starter::Kind;

/// What is begun with.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The kind of protocol.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The protocol's name.
    #[arg(long, default_value = "Your Protocol")]
    name: String,
    /// The folder that is made for it.
    #[arg(long, default_value = "response", value_name = "FOLDER")]
    into: PathBuf,
    /// The config that the plan goes with, `watchfire.toml` if there is one: signals that none of its detectors can raise are
    /// marked as pending.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let mut files = args.kind.files(&args.name, wall_clock_ms(), false);
    let pending = match config(args.config.as_deref())? {
        Some(config) => mark_pending(&mut files, &config)?,
        None => Vec::new(),
    };
    let taken: Vec<String> = files
        .iter()
        .map(|(name, _)| args.into.join(name))
        .filter(|path| path.exists())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if !taken.is_empty() {
        anstream::eprintln!(
            "error: {} is there already, and nothing was written; name another folder by --into",
            taken.join(", ")
        );
        return Ok(Exit::Refused);
    }
    std::fs::create_dir_all(&args.into).with_context(|| format!("`{}` can't be made", args.into.display()))?;
    for (name, text) in &files {
        let path = args.into.join(name);
        // Never over what somebody wrote meanwhile.
        let mut file =
            std::fs::File::create_new(&path).with_context(|| format!("`{}` can't be made", path.display()))?;
        file.write_all(text.as_bytes()).with_context(|| format!("`{}` can't be written", path.display()))?;
    }
    let into = args.into.display();
    println!("{into}: a plan for a {} protocol, in {} files", args.kind.name(), files.len());
    for (signal, missing) in &pending {
        println!("pending: signal `{signal}`, as the config has no {}", missing.join(", no "));
    }
    println!("next: put in your people and addresses, then `watchfire check --plan {into}` says what is left;");
    println!("      `watchfire drill nomad --plan {into}` shows how it would have gone");
    Ok(Exit::Good)
}

/// Reads the config that is named, or the one of this folder if there is one.
fn config(named: Option<&Path>) -> anyhow::Result<Option<DocumentMut>> {
    let path = named.unwrap_or(Path::new("watchfire.toml"));
    if named.is_none() && !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display()))?;
    let parsed = text.parse::<DocumentMut>();
    parsed.map(Some).with_context(|| format!("`{}` is no TOML", path.display()))
}

/// Marks the signals of which the config has no detector, and returns their ids with the detectors that are missing.
pub(in crate::cli) fn mark_pending(
    files: &mut [(String, String)],
    config: &DocumentMut,
) -> anyhow::Result<Vec<(String, Vec<String>)>> {
    let there = config.get("detector").and_then(Item::as_table_like);
    let is_there = |name: &str| is_own(name) || there.is_some_and(|detectors| detectors.contains_key(name));
    let mut pending = Vec::new();
    for (_, text) in files {
        let mut plan = text.parse::<DocumentMut>()?;
        let Some(signals) = plan.get_mut("signal").and_then(Item::as_table_mut) else { continue };
        let before = pending.len();
        for (id, signal) in signals.iter_mut() {
            let Some(signal) = signal.as_table_mut() else { continue };
            let wanted = detectors(signal);
            if wanted.is_empty() || wanted.iter().any(|name| is_there(name)) {
                continue;
            }
            signal.insert("pending", value(format!("the config has no {}", wanted.join(", no "))));
            pending.push((id.to_string(), wanted));
        }
        if pending.len() > before {
            *text = plan.to_string();
        }
    }
    Ok(pending)
}

/// Returns the detectors that a signal's matchers name.
fn detectors(signal: &dyn TableLike) -> Vec<String> {
    let matchers = signal.get("match").and_then(Item::as_array).into_iter().flatten();
    let named = matchers.filter_map(|one| one.as_inline_table()?.get("detector")?.as_str());
    let mut names: Vec<String> = named.map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    #[test]
    fn a_signal_is_pending_where_the_config_has_none_of_its_detectors() {
        let config = "[detector.outflow]\ncomponent = 'outflow.wasm'".parse().unwrap();
        let mut files = Kind::Lending.files("Harbor", 1_795_608_000_000, true);
        let marked = mark_pending(&mut files, &config).unwrap();
        let ids: Vec<&str> = marked.iter().map(|(id, _)| id.as_str()).collect();
        let plan = Plan::load(&files).unwrap();
        for (id, signal) in &plan.tables().signal {
            assert_eq!(signal.pending.is_some(), ids.contains(&id.as_str()), "{id}");
            let names_outflow = signal.matchers.iter().any(|one| one.detector.as_deref() == Some("outflow"));
            assert!(!(names_outflow && signal.pending.is_some()), "{id}");
        }
        assert_eq!(ids.len(), 3, "{marked:?}");

        let mut bare = Kind::Lending.files("Harbor", 1_795_608_000_000, true);
        assert_eq!(mark_pending(&mut bare, &DocumentMut::new()).unwrap().len(), 4, "only the watch itself is heard");
    }
}
