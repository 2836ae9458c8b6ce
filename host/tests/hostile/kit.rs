//! Guests out of `tests/hostile`, and a host small enough to look into.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use watchfire::block::{Assurance, Block, BlockRef, Transactions, Verification};
use watchfire::chain_read::{ChainAnswer, ChainRead, ChainReader};
use watchfire::plugin::{Compiler, Detector, Fleet, Limits, LoadError, Outcome, Recorded, Runtime, Spec};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// The binary that compiles.
pub const BINARY: &str = env!("CARGO_BIN_EXE_watchfire");

/// A node that answers everything, and some calls with more than anybody wants.
pub struct Chain;

impl ChainReader for Chain {
    fn read(&self, _: BlockRef, read: &ChainRead) -> ChainAnswer {
        let first = match read {
            ChainRead::Call { data, .. } => data.first().copied(),
            _ => None,
        };
        Ok(match first {
            Some(0xbb) => vec![7; 2 << 20].into(),
            Some(0xbc) => vec![7; 40 << 20].into(),
            _ => Bytes::from(vec![0; 32]),
        })
    }

    fn read_within(&self, at: BlockRef, read: &ChainRead, longest: Duration) -> Option<ChainAnswer> {
        if let ChainRead::Call { data, .. } = read
            && data.first() == Some(&0xbd)
        {
            std::thread::sleep(longest);
            return None;
        }
        Some(self.read(at, read))
    }
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile")
}

/// A guest's file: what it does, what is expected of the first batch, and of the last where that differs.
pub struct Trick {
    pub name: String,
    pub expected: String,
    pub at_last: Option<String>,
    pub text: String,
}

impl Trick {
    pub fn read(name: &str) -> Self {
        let text = fs::read_to_string(folder().join(format!("{name}.wat"))).unwrap();
        let (head, text) = text.split_once('\n').unwrap();
        let expected = head.split_once("expect: ").map_or("", |(_, expected)| expected);
        let (expected, at_last) = match expected.split_once("; last: ") {
            Some((first, last)) => (first, Some(last.to_owned())),
            None => (expected, None),
        };
        Self { name: name.to_owned(), expected: expected.to_owned(), at_last, text: text.to_owned() }
    }

    /// All of them, in order of name.
    pub fn all() -> Vec<Self> {
        let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<String> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| name != "base" && name != "neighbour")
            .collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    pub fn component(&self) -> Vec<u8> {
        if self.text.starts_with("(component") {
            return wat::parse_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        }
        component(&module(&self.text), &self.name)
    }

    /// The same as a detector whose batches are its own.
    pub fn owning(&self) -> Vec<u8> {
        component(&module(&self.text).replace("detector/guest@", "detector/owning-guest@"), &self.name)
    }
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

/// A core module as a component of the detectors' world, with WASI where it imports that.
fn component(module: &str, name: &str) -> Vec<u8> {
    let mut bytes = wat::parse_str(module).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/detector");
    let (package, _) = resolve.push_dir(&wit).unwrap();
    let world = if module.contains("\"wasi:") {
        let wasi = resolve.push_file(folder().join("wasi.wit")).unwrap();
        resolve.select_world(&[wasi], Some("test:hostile/hostile")).unwrap()
    } else {
        let world = if module.contains("detector/owning-guest@") { "owning-detector" } else { "detector" };
        resolve.select_world(&[package], Some(world)).unwrap()
    };
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().module(&bytes).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let mut encoder = encoder.validate(true);
    encoder.encode().unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

/// Short deadlines: whatever is endless is so at once.
pub fn limits() -> Limits {
    Limits { batch_deadline_ms: 200, start_deadline_ms: 200, ..Limits::default() }
}

pub fn runtime() -> Runtime {
    Runtime::new(Compiler::in_process()).unwrap()
}

pub fn load(runtime: &Runtime, id: &str, component: &[u8], limits: Limits) -> Result<Detector, LoadError> {
    let component = Arc::new(runtime.compile(component, &limits)?);
    let grants = vec!["state".to_owned(), "chain".to_owned()];
    let (chains, feeds, config) = (Vec::new(), Vec::new(), serde_json::json!({}));
    let spec = Spec { id: id.to_owned(), component, config, chains, feeds, grants, shadow_of: None, limits };
    Detector::load(spec, BTreeMap::new())
}

/// A block of three hundred transactions with half a kilobyte of input each.
pub fn block(number: u64) -> Arc<Block> {
    let mut transactions = Transactions::default();
    for at in 0..300_u16 {
        let mut hash = [0; 32];
        hash[..2].copy_from_slice(&at.to_be_bytes());
        transactions.hash.push(&hash);
        transactions.sender.push(&[1; 20]);
        transactions.recipient.push(&[2; 20]);
        transactions.is_creation.push(0);
        transactions.value.push(&[0; 32]);
        transactions.input.push(&[3; 500]).unwrap();
        transactions.nonce.push(at.into());
        transactions.gas_used.push(21_000);
        transactions.status.push(1);
        transactions.created.push(&[0; 20]);
    }
    Arc::new(Block {
        chain: 1,
        number,
        hash: B256::with_last_byte(number as u8),
        parent_hash: B256::with_last_byte((number - 1) as u8),
        timestamp_s: 1_000 + number,
        beneficiary: Address::repeat_byte(9),
        gas_used: 0,
        base_fee_wei: None,
        assurance: Assurance { verification: Verification::None, exceptions: Vec::new(), source: "test".into() },
        transactions,
        logs: Default::default(),
        frames: None,
        storage: None,
        awaited: Default::default(),
    })
}

/// Shows so many blocks to some detectors; what came of each block.
pub fn run(detectors: Vec<Detector>, blocks: u64) -> Vec<Vec<Outcome>> {
    let mut fleet = Fleet::new();
    detectors.into_iter().for_each(|detector| fleet.swap(detector).unwrap());
    let reader: Arc<dyn ChainReader> = Arc::new(Chain);
    (1..=blocks).map(|number| fleet.on_block(block(number).hash, &block(number), &reader, &Recorded::new())).collect()
}

/// What came of a batch, in a line.
pub fn told(outcome: &Outcome) -> String {
    match &outcome.result {
        Ok(_) if outcome.first_failure.is_some() => {
            outcome.first_failure.as_ref().map(|failure| format!("{}: {}", failure.kind, failure.message)).unwrap()
        }
        Ok(claims) => format!("ok: {}", claims.iter().map(|claim| claim.title.as_str()).collect::<Vec<_>>().join(", ")),
        Err(failure) => format!("{}: {}", failure.kind, failure.message),
    }
}

/// All that a detector's batches came to but the time they took, byte by byte.
pub fn all_of(rounds: &[Vec<Outcome>], id: &str) -> Vec<String> {
    let of = |outcomes: &Vec<Outcome>| outcomes.iter().find(|outcome| outcome.detector == id).unwrap().clone();
    rounds
        .iter()
        .map(of)
        .map(|outcome| {
            let Outcome {
                detector,
                digest,
                result,
                state,
                reads,
                log,
                first_failure,
                quarantined_for,
                elapsed: _,
                fuel: _,
                allocated: _,
            } = outcome;
            format!("{detector} {digest} {result:?} {state:?} {reads:?} {log:?} {first_failure:?} {quarantined_for:?}")
        })
        .collect()
}

/// Whether something came as a file expects it: `KIND: WORDS`, both in it.
pub fn fits(expected: &str, came: &str) -> bool {
    let (kind, words) = expected.split_once(": ").unwrap_or((expected, ""));
    came.starts_with(kind) && came.contains(words)
}
