//! The library's rules for governors: a proposal that takes control or pays is told, and one that does neither is not.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use rules::RuleDetector;
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block, calldata, word};

sol! {
    event ProposalCreated(
        uint256 proposalId,
        address proposer,
        address[] targets,
        uint256[] values,
        string[] signatures,
        bytes[] calldatas,
        uint256 voteStart,
        uint256 voteEnd,
        string description
    );
}

const GOVERNOR: Address = Address::with_last_byte(1);
const PROPOSER: Address = Address::with_last_byte(7);

/// Kinds of what a proposal of one call makes the rules find.
fn found(coins: u64, signature: &str, data: Vec<u8>, vote: u64) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("library/governor.toml")).unwrap();
    let mut bench = Bench::<RuleDetector>::start(toml::from_str(&text).unwrap()).unwrap();
    let proposal = ProposalCreated {
        proposalId: U256::from(9),
        proposer: PROPOSER,
        targets: vec![Address::with_last_byte(8)],
        values: vec![U256::from(coins)],
        signatures: vec![signature.to_owned()],
        calldatas: vec![data.into()],
        voteStart: U256::from(100),
        voteEnd: U256::from(100 + vote),
        description: "why".to_owned(),
    };
    let findings = bench.feed(&Block::at(1, 1_700_000_000).event(GOVERNOR, &proposal)).unwrap();
    let mut kinds: Vec<String> = findings.iter().map(|finding| finding.kind.clone()).collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn proposals_are_told_by_what_they_would_do() {
    let to = &[word(PROPOSER), B256::with_last_byte(9)];
    let parameter = || calldata("setFee(uint256)", &[B256::with_last_byte(3)]);
    assert_eq!(found(0, "", parameter(), 50_400), Vec::<String>::new());
    assert_eq!(found(0, "", Vec::new(), 50_400), Vec::<String>::new());
    assert_eq!(found(1, "", parameter(), 50_400), ["proposal-pays"]);
    assert_eq!(found(0, "", calldata("transfer(address,uint256)", to), 50_400), ["proposal-pays"]);
    assert_eq!(found(0, "transfer(address,uint256)", Vec::new(), 50_400), ["proposal-pays"]);
    assert_eq!(found(0, "", calldata("upgradeTo(address)", &to[..1]), 50_400), ["proposal-takes-control"]);
    assert_eq!(found(0, "upgradeTo(address)", Vec::new(), 100), ["proposal-takes-control", "short-vote"]);
}
