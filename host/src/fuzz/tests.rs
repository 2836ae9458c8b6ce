//! Each target for a moment, on seeds that are mutated: input `N` of a target is the same on every machine, so that what
//! fails can be made again. `WATCHFIRE_FUZZ_SECONDS` sets how long, `WATCHFIRE_FUZZ_FROM` from which input on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::TARGETS;

/// Longest that one input may take, on a machine that has other things to do.
const HANGS_FROM: Duration = Duration::from_secs(10);

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(kind).join(target)
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Words and numbers that decide something in one format or another.
const TOKENS: [&str; 16] = [
    "\"0x\"",
    "null",
    "-1",
    "18446744073709551616",
    "1e999",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "\\u0000",
    "0x",
    "[[",
    "\n",
    "=",
    "\u{202e}",
];

/// Input `number` of a target: a seed with a few changes.
fn input(seeds: &[(PathBuf, Vec<u8>)], number: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(number);
    let mut pick = |below: usize| random.random_range(0..below.max(1));
    let mut data = seeds[pick(seeds.len())].1.clone();
    for _ in 0..=pick(6) {
        let (at, other) = (pick(data.len()), pick(data.len()));
        let (from, to) = (at.min(other), at.max(other).min(at.min(other) + 64));
        match pick(8) {
            0 if !data.is_empty() => data[at] ^= 1 << pick(8),
            1 if !data.is_empty() => data[at] = [0, 1, 0x7f, 0x80, 0xff, b'9', b'-', b'"'][pick(8)],
            2 => drop(data.drain(from..to)),
            3 => data.insert(at.min(data.len()), pick(256) as u8),
            4 => drop(data.splice(from..from, data[from..to].to_vec())),
            5 => drop(data.splice(from..to, TOKENS[pick(TOKENS.len())].bytes())),
            6 => data.truncate(at),
            _ => {
                let donor = &seeds[pick(seeds.len())].1;
                let start = pick(donor.len());
                let end = (start + pick(64)).min(donor.len());
                drop(data.splice(from..to, donor[start..end].iter().copied()));
            }
        }
    }
    data
}

fn fuzz(name: &str) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    for (path, data) in files(&folder("regressions", name)) {
        println!("{}", path.display());
        target(&data);
    }
    let seeds = files(&folder("seeds", name));
    assert!(!seeds.is_empty(), "`{name}` has no seed");
    seeds.iter().for_each(|(_, data)| target(data));
    let until = Instant::now() + Duration::from_secs(from_env("WATCHFIRE_FUZZ_SECONDS", 1));
    let mut number = from_env("WATCHFIRE_FUZZ_FROM", 0);
    // A panic is told with the number of its input, which is kept where it can be made a regression test of.
    let place = std::env::temp_dir();
    while Instant::now() < until {
        let data = input(&seeds, number);
        let started = Instant::now();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&data)));
        if ended.is_err() || started.elapsed() > HANGS_FROM {
            let kept = place.join(format!("{name}-{number}"));
            std::fs::write(&kept, &data).unwrap();
            panic!(
                "input {number} of `{name}`: {} (kept in {})",
                if ended.is_err() { "a panic" } else { "a hang" },
                kept.display()
            );
        }
        number += 1;
    }
    println!("{name}: {number} inputs");
}

/// A folder of a name that no target has would be read by nobody.
#[test]
fn seeds_and_regressions_belong_to_targets() {
    for kind in ["seeds", "regressions"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(kind);
        let entries: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()).collect();
        for entry in entries.iter().filter(|entry| entry.path().is_dir()) {
            let name = entry.file_name().into_string().unwrap();
            assert!(TARGETS.iter().any(|(target, _)| *target == name), "`fuzz/{kind}/{name}` belongs to no target");
        }
    }
    assert!(!files(&folder("regressions", "webhook")).is_empty(), "regressions are read");
}

#[test]
fn every_target_has_a_test() {
    let source = include_str!("tests.rs");
    for (name, _) in TARGETS {
        assert!(source.contains(&format!("fuzz(\"{name}\")")), "`{name}` has no test");
    }
}

#[test]
fn configs() {
    fuzz("config");
}

#[test]
fn plans() {
    fuzz("plan");
}

#[test]
fn answers_of_nodes() {
    fuzz("rpc");
}

#[test]
fn deliveries_to_webhooks() {
    fuzz("webhook");
}

#[test]
fn answers_of_services() {
    fuzz("answers");
}

#[test]
fn recordings() {
    fuzz("recording");
}

#[test]
fn archives() {
    fuzz("archive");
}

#[test]
fn what_guests_say() {
    fuzz("guest");
}

#[test]
fn journal_rows() {
    fuzz("journal");
}

#[test]
fn what_engines_take_in() {
    fuzz("engine");
}
