//! Blocks made by hand in, findings out.

#![allow(clippy::unwrap_used)]

use privileged_control::PrivilegedControl;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block};

const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");
const SAFE: Address = address!("0x00000000000000000000000000000000000000bb");
const ALICE: Address = address!("0x00000000000000000000000000000000000000a1");
const MALLORY: Address = address!("0x00000000000000000000000000000000000000e1");
const MULTISEND_CALL_ONLY: Address = address!("0x40A2aCCbd92BCA938b02010E17A5b8929b49130D");
const IMPLEMENTATION: B256 = b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

sol! {
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);
    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
    event Upgraded(address indexed implementation);
    event AdminChanged(address previousAdmin, address newAdmin);
    event BeaconUpgraded(address indexed beacon);
    event RemovedOwner(address owner);
    event ChangedThreshold(uint256 threshold);
    event EnabledModule(address module);
    event DisabledModule(address module);
    event ChangedGuard(address guard);
    event ChangedFallbackHandler(address handler);
    event MinDelayChange(uint256 oldDuration, uint256 newDuration);
    event NewDelay(uint256 indexed newDelay);
    event Paused(address account);
    event Unpaused(address account);
    event Transfer(address indexed from, address indexed to, uint256 value);

    function execTransaction(
        address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice,
        address gasToken, address refundReceiver, bytes signatures
    ) returns (bool success);
}

mod older {
    watchfire_sdk::alloy_sol_types::sol! { event AddedOwner(address owner); }
}

mod newer {
    watchfire_sdk::alloy_sol_types::sol! { event AddedOwner(address indexed owner); }
}

fn config() -> Value {
    json!({
        "watch": [{ "address": VAULT, "label": "Vault" }, { "address": SAFE, "label": "Treasury", "kind": "safe" }],
        "expected": [ALICE],
        "watch_slots": true,
        "watch_delegatecalls": true,
    })
}

/// Findings as `kind severity title`.
fn found(block: &Block) -> Vec<String> {
    let findings = Bench::<PrivilegedControl>::start(config()).unwrap().feed(block).unwrap();
    for finding in &findings {
        assert_eq!(finding.transactions.len(), 1, "each stands on its transaction");
    }
    let told = |finding: &Finding| format!("{} {:?} {}", finding.kind, finding.severity, finding.title);
    findings.iter().map(|finding| short(&told(finding))).collect()
}

/// The addresses above by their names.
fn short(text: &str) -> String {
    [(ALICE, "ALICE"), (MALLORY, "MALLORY"), (MULTISEND_CALL_ONLY, "MULTISEND")]
        .into_iter()
        .fold(text.to_owned(), |text, (address, name)| text.replace(&address.to_string(), name))
}

fn check<E: SolEvent>(emitter: Address, event: &E, expected: &[&str]) {
    let block = Block::at(7, 1_700_000_000).event(emitter, event);
    assert_eq!(found(&block), expected);
}

fn word(address: Address) -> B256 {
    address.into_word()
}

#[test]
fn owners() {
    let transferred = |from, to| OwnershipTransferred { previousOwner: from, newOwner: to };
    check(VAULT, &transferred(ALICE, MALLORY), &["ownership-transferred Critical Vault: ownership went to MALLORY"]);
    check(VAULT, &transferred(MALLORY, ALICE), &["ownership-transferred Info Vault: ownership went to ALICE"]);
    check(VAULT, &transferred(ALICE, Address::ZERO), &["ownership-transferred Medium Vault: ALICE gave up ownership"]);
    check(
        VAULT,
        &transferred(Address::ZERO, MALLORY),
        &["ownership-transferred High Vault: MALLORY became the first owner"],
    );
    check(
        VAULT,
        &OwnershipTransferStarted { previousOwner: ALICE, newOwner: MALLORY },
        &["ownership-transfer-started High Vault: ownership is on its way to MALLORY"],
    );
    check(MALLORY, &transferred(ALICE, MALLORY), &[]);
    check(VAULT, &Transfer { from: ALICE, to: MALLORY, value: U256::from(1) }, &[]);
}

#[test]
fn roles() {
    let admin = B256::ZERO;
    let pauser = watchfire_sdk::alloy_primitives::keccak256("PAUSER_ROLE");
    check(
        VAULT,
        &RoleGranted { role: admin, account: MALLORY, sender: ALICE },
        &["role-granted Critical Vault: DEFAULT_ADMIN_ROLE given to MALLORY"],
    );
    check(
        VAULT,
        &RoleGranted { role: pauser, account: MALLORY, sender: ALICE },
        &["role-granted High Vault: PAUSER_ROLE given to MALLORY"],
    );
    check(
        VAULT,
        &RoleRevoked { role: pauser, account: ALICE, sender: MALLORY },
        &["role-revoked Medium Vault: PAUSER_ROLE taken from ALICE"],
    );
    check(
        VAULT,
        &RoleAdminChanged { role: pauser, previousAdminRole: admin, newAdminRole: pauser },
        &["role-admin-changed High Vault: PAUSER_ROLE is administered by PAUSER_ROLE"],
    );
}

#[test]
fn proxies() {
    check(VAULT, &Upgraded { implementation: MALLORY }, &["proxy-upgraded Critical Vault: upgraded to MALLORY"]);
    check(VAULT, &Upgraded { implementation: ALICE }, &["proxy-upgraded Info Vault: upgraded to ALICE"]);
    check(
        VAULT,
        &AdminChanged { previousAdmin: ALICE, newAdmin: MALLORY },
        &["proxy-admin-changed Critical Vault: the proxy's admin is MALLORY"],
    );
    check(VAULT, &BeaconUpgraded { beacon: MALLORY }, &["beacon-upgraded Critical Vault: its beacon is MALLORY"]);
}

#[test]
fn safes_of_either_version() {
    let added = "safe-owner-added High Treasury: MALLORY became an owner";
    check(SAFE, &older::AddedOwner { owner: MALLORY }, &[added]);
    check(SAFE, &newer::AddedOwner { owner: MALLORY }, &[added]);
    check(SAFE, &RemovedOwner { owner: ALICE }, &["safe-owner-removed High Treasury: ALICE is no owner any more"]);
    check(SAFE, &ChangedThreshold { threshold: U256::from(2) }, &["safe-threshold-changed High Treasury: 2 must sign"]);
    check(
        SAFE,
        &ChangedThreshold { threshold: U256::from(1) },
        &["safe-threshold-changed Critical Treasury: 1 must sign"],
    );
    check(
        SAFE,
        &EnabledModule { module: MALLORY },
        &["safe-module-enabled Critical Treasury: module MALLORY can act without signatures"],
    );
    check(
        SAFE,
        &DisabledModule { module: MALLORY },
        &["safe-module-disabled Medium Treasury: module MALLORY was disabled"],
    );
    check(SAFE, &ChangedGuard { guard: Address::ZERO }, &["safe-guard-changed High Treasury: its guard was removed"]);
    check(
        SAFE,
        &ChangedFallbackHandler { handler: MALLORY },
        &["safe-fallback-handler-changed Medium Treasury: its fallback handler is MALLORY"],
    );
}

#[test]
fn delays_and_pauses() {
    let delay =
        |before: u64, after: u64| MinDelayChange { oldDuration: U256::from(before), newDuration: U256::from(after) };
    check(VAULT, &delay(86_400, 3_600), &["timelock-delay-changed High Vault: its delay is 3600 s"]);
    check(VAULT, &delay(86_400, 0), &["timelock-delay-changed Critical Vault: its delay is 0 s"]);
    check(VAULT, &delay(3_600, 86_400), &["timelock-delay-changed Low Vault: its delay is 86400 s"]);
    check(VAULT, &NewDelay { newDelay: U256::from(60) }, &["timelock-delay-changed High Vault: its delay is 60 s"]);
    check(VAULT, &Paused { account: ALICE }, &["paused Medium Vault: it was paused"]);
    check(VAULT, &Unpaused { account: ALICE }, &["unpaused Low Vault: it was unpaused"]);
}

#[test]
fn a_log_that_is_too_short_is_no_event() {
    let block = Block::at(7, 0)
        .log(VAULT, vec![OwnershipTransferred::SIGNATURE_HASH], vec![])
        .log(VAULT, vec![OwnershipTransferred::SIGNATURE_HASH], vec![0; 63])
        .log(VAULT, vec![Upgraded::SIGNATURE_HASH], vec![0; 31]);
    assert_eq!(found(&block), [""; 0]);
}

#[test]
fn slots_tell_of_what_no_event_told() {
    let check = |block: Block, expected: &[&str]| assert_eq!(found(&block), expected);
    let block = || Block::at(7, 1_700_000_000);
    let silent = block().storage_change(VAULT, IMPLEMENTATION, word(ALICE), word(MALLORY));
    check(silent.clone(), &["implementation-slot-changed Critical Vault: runs the code of MALLORY, without an event"]);
    check(
        silent.event(VAULT, &Upgraded { implementation: MALLORY }),
        &["proxy-upgraded Critical Vault: upgraded to MALLORY"],
    );
    check(block().storage_change(VAULT, IMPLEMENTATION, word(ALICE), word(ALICE)), &[]);
    check(
        block().storage_change(SAFE, B256::ZERO, word(ALICE), word(MALLORY)),
        &["implementation-slot-changed Critical Treasury: runs the code of MALLORY, without an event"],
    );
    // Slot 0 of anything but a Safe may hold anything.
    check(block().storage_change(VAULT, B256::ZERO, word(ALICE), word(MALLORY)), &[]);
}

#[test]
fn delegatecalls_by_a_safe() {
    let order = |to: Address, operation: u8, succeeded: bool| {
        let call = execTransactionCall {
            to,
            value: U256::ZERO,
            data: vec![1, 2, 3].into(),
            operation,
            safeTxGas: U256::ZERO,
            baseGas: U256::ZERO,
            gasPrice: U256::ZERO,
            gasToken: Address::ZERO,
            refundReceiver: Address::ZERO,
            signatures: vec![0; 65].into(),
        };
        let mut block = Block::at(7, 0).frame(FrameKind::Call, ALICE, SAFE, U256::ZERO, &call.abi_encode());
        block.frames[0].output = B256::with_last_byte(u8::from(succeeded)).to_vec().into();
        block
    };
    let check = |block: Block, expected: &[&str]| assert_eq!(found(&block), expected);
    let foreign = &["safe-delegatecall Critical Treasury: it ran the code of MALLORY as its own"];
    check(order(MALLORY, 1, true), foreign);
    check(order(MALLORY, 0, true), &[]);
    check(order(MALLORY, 1, false), &[]);
    check(order(MULTISEND_CALL_ONLY, 1, true), &["safe-delegatecall Info Treasury: a batch of calls by MULTISEND"]);
    let mut reverted = order(MALLORY, 1, true);
    reverted.frames[0].success = false;
    check(reverted, &[]);
}

#[test]
fn config_errors_name_their_key() {
    let check = |config: Value, expected: &str| {
        let error = Bench::<PrivilegedControl>::start(config).err().unwrap();
        assert_eq!(error.to_string(), expected);
    };
    check(json!({ "watch": [] }), "`watch`: name at least one contract");
    let vault = json!({ "address": VAULT, "label": "Vault" });
    check(json!({ "watch": [vault, vault] }), "`watch.1.address`: it is watched twice");
    check(
        json!({ "watch": [{ "address": VAULT, "label": "Vault", "kind": "saef" }] }),
        "`watch.0.kind`: unknown variant `saef`, expected one of `contract`, `ownable`, `access-control`, `proxy`, \
         `unitroller`, `safe`, `timelock`, `pausable`",
    );
    check(
        json!({ "watch": [vault], "watch_slot": true }),
        "`watch_slot`: unknown field `watch_slot`, expected one of \
         `watch`, `expected`, `watch_slots`, `watch_delegatecalls`",
    );
}

#[test]
fn only_what_is_asked_for_is_subscribed_to() {
    let subscribed = |slots: bool, delegatecalls: bool| {
        let watch = json!([{ "address": VAULT, "label": "Vault" }]);
        let config = json!({ "watch": watch, "watch_slots": slots, "watch_delegatecalls": delegatecalls });
        Bench::<PrivilegedControl>::start(config).unwrap().subscriptions().len()
    };
    assert_eq!([subscribed(false, false), subscribed(true, false), subscribed(true, true)], [1, 2, 3]);
}

#[test]
fn the_test_kits_attack_is_found_and_its_twin_is_not() {
    let all = watchfire_sdk::testing::twins::watched();
    let twins = all.into_iter().find(|twins| twins.detector == "privileged-control").unwrap();
    let found = |blocks: &[Block]| {
        let mut bench = Bench::<PrivilegedControl>::start(twins.config.clone()).unwrap();
        let found = blocks.iter().flat_map(|block| bench.feed(block).unwrap());
        found.map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(found(&twins.attack), ["ownership-transferred"]);
    assert_eq!(found(&twins.benign), [""; 0]);
}
