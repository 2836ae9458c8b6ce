//! Hostile guests, one trick each, in `tests/hostile`: the host lives, says what happened, and the detector beside
//! them finds what it always finds.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy::primitives::B256;
use watchfire::block::{Assurance, Block, BlockRef, Verification};
use watchfire::chain_read::{ChainAnswer, ChainRead, ChainReader};
use watchfire::plugin::{Detector, Fleet, Limits, LoadError, Outcome, Recorded, Runtime, Spec};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

struct Chain;

impl ChainReader for Chain {
    fn read(&self, _: BlockRef, _: &ChainRead) -> ChainAnswer {
        Ok(vec![0; 32].into())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile")
}

/// The base with a trick's parts in place of its own.
fn module(trick: &str) -> String {
    let base = fs::read_to_string(folder().join("base.wat")).unwrap();
    let (imports, parts) = trick.split_once(";;; ").map_or((trick, ""), |(before, _)| (before, &trick[before.len()..]));
    let mut text = base.replacen("  (memory ", &format!("{imports}\n  (memory "), 1);
    for part in parts.split(";;; ").skip(1) {
        let (name, code) = part.split_once('\n').unwrap();
        let start = text.find(&format!(";;; {name}\n")).unwrap_or_else(|| panic!("the base has no `{name}`"));
        let end = start + 4 + text[start + 4..].find(";;; ").unwrap();
        text.replace_range(start..end, &format!(";;; {name}\n{code}\n  "));
    }
    text
}

/// A core module as a component of the detectors' world.
fn component(module: &str) -> Vec<u8> {
    let mut bytes = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/detector");
    let (package, _) = resolve.push_dir(&wit).unwrap();
    let world = resolve.select_world(&[package], Some("detector")).unwrap();
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&bytes).unwrap().validate(true).encode().unwrap()
}

fn load(runtime: &Runtime, id: &str, module: &str) -> Result<Detector, LoadError> {
    let limits = Limits { batch_deadline_ms: 200, start_deadline_ms: 200, ..Limits::default() };
    let component = Arc::new(runtime.compile(&component(module), &limits)?);
    let grants = vec!["state".to_owned(), "chain".to_owned()];
    let (chains, feeds, config) = (Vec::new(), Vec::new(), serde_json::json!({}));
    Detector::load(
        runtime,
        Spec { id: id.to_owned(), component, config, chains, feeds, grants, shadow_of: None, limits },
        BTreeMap::new(),
    )
}

fn block(number: u64) -> Arc<Block> {
    Arc::new(Block {
        chain: 1,
        number,
        hash: B256::with_last_byte(number as u8),
        parent_hash: B256::with_last_byte(number as u8 - 1),
        timestamp_s: 1_000 + number,
        beneficiary: Default::default(),
        gas_used: 0,
        base_fee_wei: None,
        assurance: Assurance { verification: Verification::None, exceptions: Vec::new(), source: "test".into() },
        transactions: Default::default(),
        logs: Default::default(),
        frames: None,
        storage: None,
    })
}

fn told(outcome: &Outcome) -> String {
    match &outcome.result {
        Ok(claims) => format!("ok: {}", claims.iter().map(|claim| claim.title.as_str()).collect::<Vec<_>>().join(", ")),
        Err(failure) => format!("{}: {}", failure.kind, failure.message),
    }
}

/// Runs a guest beside an honest one over three blocks.
fn beside(guest: Detector, honest: Detector, runtime: &Runtime) -> Vec<Vec<Outcome>> {
    let mut fleet = Fleet::new(runtime).unwrap();
    fleet.swap(honest).unwrap();
    fleet.swap(guest).unwrap();
    let reader: Arc<dyn ChainReader> = Arc::new(Chain);
    (1..=3).map(|number| fleet.on_block(block(number).hash, &block(number), &reader, &Recorded::new())).collect()
}

#[test]
fn each_trick_ends_as_it_should_and_harms_nobody_else() {
    let runtime = Runtime::new().unwrap();
    let honest = || load(&runtime, "honest", &module("")).unwrap();
    let mut tricks = 0;
    let mut wrong = Vec::new();
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| !file.ends_with("base.wat")) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(file).unwrap();
        let expected = text.lines().next().unwrap().split_once("expect: ").unwrap().1;
        let trick = text.split_once('\n').unwrap().1;
        tricks += 1;
        let came = match load(&runtime, "a-guest", &module(trick)) {
            Err(error) => format!("refused: {error}"),
            Ok(guest) => {
                let rounds = beside(guest, honest(), &runtime);
                for outcomes in &rounds {
                    let neighbour = outcomes.iter().find(|outcome| outcome.detector == "honest").unwrap();
                    assert_eq!(told(neighbour), "ok: guest", "beside {name}");
                    assert_eq!(outcomes.len(), 2, "{name} fails before it is quarantined, and is told each time");
                }
                let outcome = rounds[0].iter().find(|outcome| outcome.detector == "a-guest").unwrap();
                assert!(outcome.log.len() <= 101, "{name} wrote {} lines", outcome.log.len());
                let limits = Limits::default();
                assert!(outcome.reads.len() <= limits.chain_reads_per_batch as usize, "{name}");
                assert!(outcome.state.len() <= limits.state_writes_per_batch as usize, "{name}");
                told(outcome)
            }
        };
        assert!(!came.contains('\u{1b}'), "{name} reaches the terminal: {came:?}");
        let parts = expected.splitn(2, ": ").collect::<Vec<_>>();
        if !came.starts_with(parts[0]) || !parts.get(1).is_none_or(|part| came.contains(part)) {
            wrong.push(format!("{name}: expected `{expected}`, came `{came}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tricks >= 20, "{tricks} tricks");
}

#[test]
fn what_is_no_detector_is_refused_in_words() {
    let runtime = Runtime::new().unwrap();
    let limits = Limits::default();
    let check = |bytes: &[u8], limits: &Limits, expected: &str| {
        let told = runtime.compile(bytes, limits).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(expected), "`{expected}` is not in `{told}`");
    };
    check(b"#!/bin/sh", &limits, "it is no WebAssembly");
    check(&wat::parse_str("(module)").unwrap(), &limits, "it is a core module");
    check(&wat::parse_str("(component)").unwrap(), &limits, "does not export");
    let files = "(component (import \"wasi:nothing/files@1.0.0\" (instance (export \"open\" (func)))) )";
    check(&wat::parse_str(files).unwrap(), &limits, "wasi:nothing/files@1.0.0");
    let other = "(component (import \"acme:secrets/keys\" (instance)) )";
    check(&wat::parse_str(other).unwrap(), &limits, "it imports `acme:secrets/keys`");
    let small = Limits { component_bytes: 7, ..Limits::default() };
    check(&wat::parse_str("(component)").unwrap(), &small, "may have 7");
}

#[test]
fn a_guest_that_keeps_failing_rests_and_is_not_called() {
    let runtime = Runtime::new().unwrap();
    let trap = fs::read_to_string(folder().join("trap.wat")).unwrap();
    let guest = load(&runtime, "guest", &module(trap.split_once('\n').unwrap().1)).unwrap();
    let mut fleet = Fleet::new(&runtime).unwrap();
    fleet.swap(guest).unwrap();
    let reader: Arc<dyn ChainReader> = Arc::new(Chain);
    let mut called = Vec::new();
    for number in 1..=40 {
        let outcomes = fleet.on_block(block(number).hash, &block(number), &reader, &Recorded::new());
        let outcome = &outcomes[0];
        if !told(outcome).starts_with("quarantined") {
            called.push((number, outcome.quarantined_for));
        }
    }
    assert_eq!(called, [(1, None), (2, None), (3, Some(8)), (12, Some(16)), (29, Some(32))]);
}
