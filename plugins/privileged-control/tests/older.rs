//! Diamonds, EIP-1822, and contracts modelled on Compound's.

#![allow(clippy::unwrap_used)]

use privileged_control::PrivilegedControl;
use serde_json::json;
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block};

const PROXY: Address = address!("0x00000000000000000000000000000000000000aa");
const COMPTROLLER: Address = address!("0x00000000000000000000000000000000000000bb");
const MALLORY: Address = address!("0x00000000000000000000000000000000000000e1");

sol! {
    struct FacetCut {
        address facetAddress;
        uint8 action;
        bytes4[] functionSelectors;
    }
    event DiamondCut(FacetCut[] diamondCut, address init, bytes callData);
    event NewImplementation(address oldImplementation, address newImplementation);
    event NewAdmin(address indexed newAdmin);
    event NewPendingAdmin(address oldPendingAdmin, address newPendingAdmin);
    event ProxyUpdated(address indexed newImplementation, address indexed oldImplementation);
    event TargetUpdated(address newTarget);
    event SetApp(bytes32 indexed namespace, bytes32 indexed appId, address app);
    event ProxyOwnershipTransferred(address previousOwner, address newOwner);
    event LogSetOwner(address indexed owner);
    event LogSetAuthority(address indexed authority);
    event Upgraded(uint256 version, address indexed implementation);
}

fn check(block: Block, expected: &[&str]) {
    let watch = json!([
        { "address": PROXY, "label": "Proxy" },
        { "address": COMPTROLLER, "label": "Comptroller", "kind": "unitroller" },
    ]);
    let mut bench = Bench::<PrivilegedControl>::start(json!({ "watch": watch, "watch_slots": true })).unwrap();
    let told =
        |it: &Finding| format!("{} {:?} {}", it.kind, it.severity, it.title.replace(&MALLORY.to_string(), "MALLORY"));
    assert_eq!(bench.feed(&block).unwrap().iter().map(told).collect::<Vec<_>>(), expected);
}

fn block() -> Block {
    Block::at(7, 1_700_000_000)
}

#[test]
fn a_diamond_is_cut() {
    let cut = FacetCut { facetAddress: MALLORY, action: 1, functionSelectors: vec![[1, 2, 3, 4].into()] };
    let event = DiamondCut { diamondCut: vec![cut], init: MALLORY, callData: vec![1].into() };
    let cut = block().event(PROXY, &event);
    check(cut.clone(), &["diamond-cut Critical Proxy: its functions were cut"]);
    let mut bench =
        Bench::<PrivilegedControl>::start(json!({ "watch": [{ "address": PROXY, "label": "P" }] })).unwrap();
    let finding = bench.feed(&cut).unwrap().remove(0);
    assert!(finding.attributes.contains(&("facets".to_owned(), MALLORY.to_string())), "{:?}", finding.attributes);
    // Offsets that lead nowhere, and a list that claims to be endless.
    let mut hostile = cut;
    hostile.logs[0].data = vec![0xff; 96].into();
    check(hostile.clone(), &["diamond-cut Critical Proxy: its functions were cut"]);
    hostile.logs[0].data = vec![].into();
    check(hostile, &["diamond-cut Critical Proxy: its functions were cut"]);
}

#[test]
fn compound_changes_hands() {
    let implementation = NewImplementation { oldImplementation: PROXY, newImplementation: MALLORY };
    let slot = B256::with_last_byte(2);
    let upgraded = block().event(COMPTROLLER, &implementation);
    let upgraded = upgraded.storage_change(COMPTROLLER, slot, PROXY.into_word(), MALLORY.into_word());
    check(upgraded, &["proxy-upgraded Critical Comptroller: upgraded to MALLORY"]);
    let silent = block().storage_change(COMPTROLLER, slot, PROXY.into_word(), MALLORY.into_word());
    check(silent, &["implementation-slot-changed Critical Comptroller: runs the code of MALLORY, without an event"]);
    check(
        block().event(PROXY, &NewAdmin { newAdmin: MALLORY }),
        &["admin-changed Critical Proxy: its admin is MALLORY"],
    );
    let pending = NewPendingAdmin { oldPendingAdmin: PROXY, newPendingAdmin: MALLORY };
    check(
        block().event(COMPTROLLER, &pending),
        &["admin-change-started High Comptroller: the new admin MALLORY was named"],
    );
}

#[test]
fn a_proxy_of_eip_1822_runs_other_code() {
    let slot = watchfire_sdk::alloy_primitives::keccak256("PROXIABLE");
    check(
        block().storage_change(PROXY, slot, COMPTROLLER.into_word(), MALLORY.into_word()),
        &["implementation-slot-changed Critical Proxy: runs the code of MALLORY, without an event"],
    );
}

#[test]
fn proxies_of_particular_projects_run_other_code() {
    let upgraded = ["proxy-upgraded Critical Proxy: upgraded to MALLORY"];
    let updated = ProxyUpdated { newImplementation: MALLORY, oldImplementation: COMPTROLLER };
    check(block().event(PROXY, &updated), &upgraded);
    check(block().event(PROXY, &TargetUpdated { newTarget: MALLORY }), &upgraded);
    check(block().event(PROXY, &SetApp { namespace: B256::ZERO, appId: B256::ZERO, app: MALLORY }), &upgraded);
    check(block().event(PROXY, &Upgraded { version: U256::from(2), implementation: MALLORY }), &upgraded);
    let slot = watchfire_sdk::alloy_primitives::keccak256("matic.network.proxy.implementation");
    let written = block().storage_change(PROXY, slot, COMPTROLLER.into_word(), MALLORY.into_word());
    check(written.clone().event(PROXY, &updated), &upgraded);
    check(written, &["implementation-slot-changed Critical Proxy: runs the code of MALLORY, without an event"]);
}

#[test]
fn what_is_older_than_the_standards_changes_hands() {
    let changed = ["admin-changed Critical Proxy: its admin is MALLORY"];
    let transferred = ProxyOwnershipTransferred { previousOwner: COMPTROLLER, newOwner: MALLORY };
    check(block().event(PROXY, &transferred), &changed);
    check(block().event(PROXY, &LogSetOwner { owner: MALLORY }), &changed);
    check(block().event(PROXY, &LogSetAuthority { authority: MALLORY }), &changed);
}
