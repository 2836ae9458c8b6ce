//! Guests written by hand: the base in `tests/hostile` with some of its functions replaced by a trick.

#![allow(clippy::unwrap_used, dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy::primitives::B256;
use watchfire::block::{Assurance, Block, BlockRef, Verification};
use watchfire::chain_read::{ChainAnswer, ChainRead, ChainReader};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// A chain on which everything is zero.
pub struct Zeroes;

impl ChainReader for Zeroes {
    fn read(&self, _: BlockRef, _: &ChainRead) -> ChainAnswer {
        Ok(vec![0; 32].into())
    }
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile")
}

/// The parts of a trick: its file without the line that says what is expected.
pub fn trick(name: &str) -> String {
    let text = fs::read_to_string(folder().join(format!("{name}.wat"))).unwrap();
    text.split_once('\n').unwrap().1.to_owned()
}

/// The base with a trick's parts in place of its own.
pub fn module(trick: &str) -> String {
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
pub fn component(module: &str) -> Vec<u8> {
    let mut bytes = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/detector");
    let (package, _) = resolve.push_dir(&wit).unwrap();
    let world = resolve.select_world(&[package], Some("detector")).unwrap();
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&bytes).unwrap().validate(true).encode().unwrap()
}

/// An empty block.
pub fn block(number: u64) -> Arc<Block> {
    of_fork(number, 0, 0)
}

/// An empty block of another fork, which leaves the first one at height 3.
pub fn block_of_fork(number: u64) -> Arc<Block> {
    of_fork(number, 1, u8::from(number > 4))
}

fn of_fork(number: u64, fork: u8, parents: u8) -> Arc<Block> {
    let hash = |number: u64, fork: u8| B256::left_padding_from(&[fork, number as u8]);
    Arc::new(Block {
        chain: 1,
        number,
        hash: hash(number, fork),
        parent_hash: hash(number - 1, parents),
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
