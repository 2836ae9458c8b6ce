//! Which functions a detector spends its time in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::app::author::bench::read;
use crate::app::deploy::spec::KeptSpec;
use crate::plugin::{Component, Fleet, Manifest, Recorded};

/// How often it is looked where the guest is.
const INTERVAL: Duration = Duration::from_millis(1);

/// A detector, and what it is shown.
pub struct Profiling<'a> {
    /// The component.
    pub component: Arc<Component>,
    /// What it says of itself; it is granted all that it asks for.
    pub manifest: Manifest,
    /// Its config.
    pub config: Value,
    /// The recording whose blocks it is shown, over and over.
    pub recording: &'a Path,
    /// For how long.
    pub lasts: Duration,
}

/// Where a detector was found at work.
pub struct Profiled {
    /// Blocks that it was shown, those of several rounds counted each.
    pub blocks: u64,
    /// How often each stack was seen, functions from the outermost to the innermost.
    pub stacks: BTreeMap<Vec<String>, u64>,
    /// The same in the processed profile format of the Firefox Profiler.
    pub firefox: Vec<u8>,
    /// Where it failed, and how: nothing was shown to it after that.
    pub failed: Option<String>,
}

/// How often a function was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// At work itself.
    pub own: u64,
    /// At work, or waiting for one that it called.
    pub with_called: u64,
}

/// Shows a detector the blocks of a recording, and looks where it is.
///
/// # Errors
///
/// If the recording can't be read, the detector can't be started, or it can't be profiled.
pub fn profile(profiling: &Profiling<'_>) -> anyhow::Result<Profiled> {
    let read = read(profiling.recording)?;
    let name = &profiling.manifest.name;
    let spec = KeptSpec::alone(&profiling.manifest, profiling.config.clone());
    let mut detector = spec.start(name, profiling.component.clone())?;
    let sampler = detector.sample(INTERVAL)?;
    let mut fleet = Fleet::new();
    fleet.swap(detector)?;
    let (mut blocks, mut failed, begun) = (0, None, Instant::now());
    while failed.is_none() && (blocks == 0 || begun.elapsed() < profiling.lasts) {
        fleet.forget()?;
        let before = blocks;
        for block in &read.blocks {
            let outcomes = fleet.on_block(block.hash, block, &read.reader, &Recorded::new());
            blocks += outcomes.len() as u64;
            let failure = outcomes.into_iter().find_map(|outcome| outcome.result.err());
            if let Some(failure) = failure {
                failed = Some(format!("block {}: {}: {}", block.number, failure.kind, failure.message));
                break;
            }
        }
        let recording = profiling.recording.display();
        anyhow::ensure!(blocks > before, "it sees nothing in `{recording}`; does its config fit?");
    }
    fleet.remove(name);
    let firefox = sampler.finish()?;
    Ok(Profiled { blocks, stacks: stacks(&firefox).context("the profile can't be read")?, firefox, failed })
}

impl Profiled {
    /// How many samples were taken.
    pub fn samples(&self) -> u64 {
        self.stacks.values().sum()
    }

    /// Functions, those that were seen at work themselves most often first.
    pub fn functions(&self) -> Vec<(&str, Seen)> {
        let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
        for (stack, count) in &self.stacks {
            if let Some(innermost) = stack.last() {
                seen.entry(innermost).or_default().own += count;
            }
            // One that calls itself is there once.
            for function in stack.iter().map(String::as_str).collect::<BTreeSet<_>>() {
                seen.entry(function).or_default().with_called += count;
            }
        }
        let mut functions: Vec<(&str, Seen)> = seen.into_iter().collect();
        functions.sort_by_key(|(_, seen)| std::cmp::Reverse((seen.own, seen.with_called)));
        functions
    }

    /// A line for each stack, its functions divided by `;`, and how often it was seen.
    pub fn folded(&self) -> Vec<String> {
        let clean = |name: &String| name.replace([';', '\n'], " ");
        let line = |(stack, count): (&Vec<String>, &u64)| {
            format!("{} {count}", stack.iter().map(clean).collect::<Vec<_>>().join(";"))
        };
        self.stacks.iter().map(line).collect()
    }
}

/// What is read of the processed profile format; see
/// <https://github.com/firefox-devtools/profiler/blob/main/docs-developer/processed-profile-format.md>.
#[derive(Deserialize)]
struct Firefox {
    threads: Vec<Thread>,
    shared: Option<Shared>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shared {
    string_array: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thread {
    samples: Samples,
    stack_table: StackTable,
    frame_table: FrameTable,
    func_table: FuncTable,
    string_array: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Samples {
    stack: Vec<Option<usize>>,
    weight: Option<Vec<u64>>,
}

#[derive(Deserialize)]
struct StackTable {
    prefix: Vec<Option<usize>>,
    frame: Vec<usize>,
}

#[derive(Deserialize)]
struct FrameTable {
    func: Vec<usize>,
}

#[derive(Deserialize)]
struct FuncTable {
    name: Vec<usize>,
}

/// Digits of the hashes that Rust's compiler puts into names.
const HASH_DIGITS: std::ops::RangeInclusive<usize> = 13..=17;

/// A function's name without what tells it from others of the same name: `::h` and a hash behind it, a hash in brackets
/// behind a crate.
fn plain(name: &str) -> String {
    let is_hash = |text: &str| HASH_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = name.rsplit_once("::h").filter(|(_, hash)| is_hash(hash)).map_or(name, |(name, _)| name);
    let mut parts = name.split('[');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((hash, rest)) if is_hash(hash) => text.push_str(rest),
            _ => text.extend(["[", part]),
        }
    }
    text
}

fn stacks(json: &[u8]) -> anyhow::Result<BTreeMap<Vec<String>, u64>> {
    let profile: Firefox = serde_json::from_slice(json)?;
    let mut stacks = BTreeMap::new();
    for thread in &profile.threads {
        let strings = thread.string_array.as_ref().or(profile.shared.as_ref().map(|shared| &shared.string_array));
        let strings = strings.context("it has no names")?;
        let name = |stack: usize| {
            let function = thread.frame_table.func.get(*thread.stack_table.frame.get(stack)?)?;
            strings.get(*thread.func_table.name.get(*function)?).map(|name| plain(name))
        };
        for (at, innermost) in thread.samples.stack.iter().enumerate() {
            let mut functions = Vec::new();
            let mut next = *innermost;
            while let Some(stack) = next {
                functions.push(name(stack).context("a frame has no function")?);
                next = thread.stack_table.prefix.get(stack).copied().flatten();
            }
            functions.reverse();
            if !functions.is_empty() {
                let weight = thread.samples.weight.as_ref().and_then(|weights| weights.get(at)).copied();
                *stacks.entry(functions).or_default() += weight.unwrap_or(1);
            }
        }
    }
    Ok(stacks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_hashes_and_nothing_else() {
        for (name, expected) in [
            ("keccak::backends::soft::keccak_p::h28abf5420bec38fc", "keccak::backends::soft::keccak_p"),
            (
                "<alloc[3ca501edff3f0c7c]::string::String as core[c5930c85a12de822]::fmt::Write>::write_str",
                "<alloc::string::String as core::fmt::Write>::write_str",
            ),
            ("a::help", "a::help"),
            ("f::<[u8; 32]>", "f::<[u8; 32]>"),
            ("<wasm function 12>", "<wasm function 12>"),
        ] {
            assert_eq!(plain(name), expected);
        }
    }

    #[test]
    fn functions_are_counted_by_what_they_do_themselves_and_with_what_they_call() {
        let stack = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let profiled = Profiled {
            blocks: 1,
            firefox: Vec::new(),
            failed: None,
            stacks: BTreeMap::from([(stack(&["a", "b", "a"]), 2), (stack(&["a", "c;d"]), 3), (stack(&["a"]), 1)]),
        };
        let seen: Vec<_> =
            profiled.functions().into_iter().map(|(name, seen)| (name, seen.own, seen.with_called)).collect();
        assert_eq!(seen, [("a", 3, 6), ("c;d", 3, 3), ("b", 0, 2)]);
        assert_eq!(profiled.folded(), ["a 1", "a;b;a 2", "a;c d 3"]);
        assert_eq!(profiled.samples(), 6);
    }
}
