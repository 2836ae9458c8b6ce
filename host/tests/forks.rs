//! State, findings and incidents after any sequence of blocks, reorgs, observations, finality, restarts and compaction are
//! those of a run that saw only what stands in the end: several chains, a feed, real components, the real engine. And a
//! replay gives the same again, from the first entry or from the horizon.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use alloy::primitives::{Address, B256, U256, address, b256};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use watchfire::app::deploy::spec::KeptSpec;
use watchfire::app::engine::answers::Answers;
use watchfire::app::engine::{Engine, Given};
use watchfire::app::past::compact;
use watchfire::app::past::replay;
use watchfire::block::{Assurance, Block, BlockRef, ChainId, Logs, Transactions, Verification};
use watchfire::desk::Desks;
use watchfire::entry::Entry;
use watchfire::event::{Event, Observation, Stamped, Value};
use watchfire::finding::Claim;
use watchfire::incident::Incident;
use watchfire::journal::{Filter, Journal, Listed, Values};
use watchfire::plan::{Defaults, Plan};
use watchfire::plugin::{Compiler, Component, Fleet, Limits, Runtime};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

const TOKEN: Address = address!("0x00000000000000000000000000000000000070c0");
const VAULT: Address = address!("0x0000000000000000000000000000000000007a17");
const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

const PLAN: &str = r#"
[person.ana]
name = "Ana"
channels = { urgent = ["phone:+351 555 010 101"] }

[role.guardian]
kind = "decision-owner"
members = ["ana"]

[authority.guardian]
kind = "guardian"
chain = 1
address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
role = "guardian"

[intervention.pause]
summary = "Stop everything"
kind = "pause"
authority = "guardian"
owner = "guardian"
automation = "presigned"
reaction_s = 5
limits = { uses = 1, max_duration_s = 3600 }
cost = { trust = 3, why = "nobody can leave", inside_boundary = true }

[signal.drain]
summary = "Funds leave"
match = [{ detector = "outflow" }]
group_by = ["chain", "subject"]
window_s = 1000000
interventions = ["pause"]

[signal.odd]
summary = "Something odd"
match = [{ detector = "ledger-of-all" }, { detector = "ledger-of-one" }, { detector = "listener-of-two" }]
group_by = ["chain"]
window_s = 1000000
interventions = ["pause"]
"#;

#[derive(Clone, Debug)]
enum Step {
    /// A block on a chain, with so many transfers out of the vault.
    Grow(usize, u64),
    /// So many of a chain's blocks leave it, those that are not final.
    Reorg(usize, usize),
    /// The block that left a chain last comes back, where it fits.
    Return(usize),
    /// The feed speaks.
    Observe,
    /// All but so many of a chain's newest blocks are final.
    Finality(usize, u64),
    /// What was taken is committed; the host is killed and starts again.
    Restart,
    /// The same, and all bodies are dropped that may be.
    Compact,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..2_usize, 0..4_u64).prop_map(|(chain, transfers)| Step::Grow(chain, transfers)),
        3 => (0..2_usize, 1..6_usize).prop_map(|(chain, depth)| Step::Reorg(chain, depth)),
        2 => (0..2_usize).prop_map(Step::Return),
        3 => Just(Step::Observe),
        2 => (0..2_usize, 0..5_u64).prop_map(|(chain, kept)| Step::Finality(chain, kept)),
        1 => Just(Step::Restart),
        1 => Just(Step::Compact),
    ];
    prop::collection::vec(step, 1..50)
}

/// What is compiled once for all runs.
struct Shelf {
    runtime: Arc<Runtime>,
    outflow: (Arc<Component>, Vec<u8>),
    ledger: (Arc<Component>, Vec<u8>),
}

static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let runtime = Arc::new(Runtime::new(Compiler::in_process()).unwrap());
    let compiled = |bytes: Vec<u8>| (Arc::new(runtime.compile(&bytes, &Limits::default()).unwrap()), bytes);
    let outflow = compiled(std::fs::read(built("outflow")).unwrap());
    let ledger = compiled(ledger());
    Shelf { outflow, ledger, runtime: runtime.clone() }
});

fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().map(|folder| folder.join("plugins").join(format!("{name}.wasm")));
    path.into_iter().find(|path| path.is_file()).expect("build the detectors with `cargo xtask plugins`")
}

fn ledger() -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(here.join("../tests/detectors/ledger.wat")).unwrap();
    let mut bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(here.join("../wit/detector")).unwrap();
    let world = resolve.select_world(&[package], Some("detector")).unwrap();
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&bytes).unwrap().validate(true).encode().unwrap()
}

/// Detectors: id, chains, whether it is the ledger, and its config.
fn specs() -> Vec<(&'static str, KeptSpec, bool)> {
    let spec = |chains: &[ChainId], config: serde_json::Value, grants: &[&str]| KeptSpec {
        chains: chains.to_vec(),
        feeds: vec!["price".into()],
        grants: grants.iter().map(|grant| (*grant).to_owned()).collect(),
        shadow_of: None,
        hears: None,
        limits: Limits { batch_deadline_ms: 60_000, start_deadline_ms: 60_000, ..Limits::default() },
        config,
    };
    let outflow = serde_json::json!({
        "watch": [{ "address": VAULT, "label": "vault" }],
        "assets": [{ "address": TOKEN, "symbol": "TKN", "decimals": 0, "limit": "20" }],
        "window_s": 100,
    });
    let (plain, hears) = (serde_json::json!({}), serde_json::json!({ "hears": true }));
    let state = ["state", "feeds", "findings"];
    vec![
        ("outflow", spec(&[1, 2], outflow, &["state", "traces"]), false),
        ("ledger-of-all", spec(&[2, 1], plain.clone(), &state), true),
        ("ledger-of-one", spec(&[1], plain, &state), true),
        ("listener-of-two", spec(&[2], hears, &state), true),
    ]
}

fn engine(journal: Journal, at_ms: u64) -> Engine {
    let fleet = Fleet::new();
    let mut engine = Engine::new(journal, fleet, Arc::new(Answers::default())).unwrap();
    for (id, spec, is_ledger) in specs() {
        let (component, bytes) = if is_ledger { &SHELF.ledger } else { &SHELF.outflow };
        let detector = spec.start(id, component.clone()).unwrap();
        engine.keep_component(bytes).unwrap();
        engine.swap(detector, spec.text(), at_ms).unwrap();
    }
    engine
}

fn take(engine: &mut Engine, at_ms: u64, event: Event) {
    engine.take(Stamped { at_ms, event }, &Given::default()).unwrap();
    engine.catch_up(at_ms).unwrap();
}

fn block(parent: Option<&Block>, chain: ChainId, salt: u64, transfers: u64) -> Block {
    let number = parent.map_or(0, |parent| parent.number + 1);
    let mut logs = Logs::default();
    for _ in 0..transfers {
        let recipient = Address::with_last_byte(9);
        logs.address.push(&TOKEN.into_array());
        logs.topic_count.push(3);
        let topics = [TRANSFER, VAULT.into_word(), recipient.into_word(), B256::ZERO];
        logs.topics.iter_mut().zip(topics).for_each(|(column, topic)| column.push(&topic.0));
        logs.data.push(&U256::from(1 + salt % 5).to_be_bytes::<32>()).unwrap();
        logs.transaction_index.push(0);
    }
    Block {
        chain,
        number,
        hash: B256::from(U256::from(salt) + (U256::from(chain) << 64)),
        parent_hash: parent.map_or(B256::ZERO, |parent| parent.hash),
        timestamp_s: 1_000 + 12 * number + salt % 7,
        beneficiary: Address::ZERO,
        gas_used: 0,
        base_fee_wei: None,
        assurance: Assurance { verification: Verification::None, exceptions: Vec::new(), source: "test".into() },
        transactions: Transactions::default(),
        logs,
        frames: None,
        storage: None,
        awaited: Default::default(),
    }
}

/// The chains as they stand, and all inputs so far with whether each still stands.
#[derive(Default)]
struct World {
    chains: [Vec<(Arc<Block>, usize)>; 2],
    gone: [Vec<Arc<Block>>; 2],
    finalized: [u64; 2],
    inputs: Vec<(u64, Event, bool)>,
    salt: u64,
    observed: u64,
    at_ms: u64,
}

impl World {
    /// The events of a step, in order.
    fn step(&mut self, step: &Step) -> Vec<Event> {
        self.at_ms += 1_000;
        match step {
            Step::Grow(at, transfers) => {
                self.salt += 1;
                let parent = self.chains[*at].last().map(|(block, _)| block.clone());
                let block = block(parent.as_deref(), *at as u64 + 1, self.salt, *transfers);
                vec![self.grow(*at, Arc::new(block))]
            }
            Step::Return(at) => {
                let tip = self.chains[*at].last().map_or(B256::ZERO, |(block, _)| block.hash);
                let back = self.gone[*at].pop().filter(|block| block.parent_hash == tip);
                back.map(|block| self.grow(*at, block)).into_iter().collect()
            }
            Step::Reorg(at, depth) => {
                let kept = self.chains[*at].iter().filter(|(block, _)| block.number <= self.finalized[*at]).count();
                let chain = &mut self.chains[*at];
                let left = chain.split_off(chain.len().saturating_sub(*depth).max(kept.min(chain.len())));
                if left.is_empty() {
                    return Vec::new();
                }
                left.iter().for_each(|(_, input)| self.inputs[*input].2 = false);
                self.gone[*at] = left.iter().rev().map(|(block, _)| block.clone()).collect();
                let blocks = left.iter().rev().map(|(block, _)| block.reference()).collect();
                vec![Event::Reverted { chain: *at as u64 + 1, blocks }]
            }
            Step::Observe => {
                self.observed += 1;
                let observation = Observation {
                    feed: "price".into(),
                    observed_at_ms: self.observed,
                    received_at_ms: self.observed,
                    value: Value::Number(self.observed.to_string()),
                    position: String::new(),
                };
                let event = Event::Observed { observation };
                self.inputs.push((self.at_ms, event.clone(), true));
                vec![event]
            }
            Step::Finality(at, kept) => {
                let Some(tip) = self.chains[*at].last().map(|(block, _)| block.number) else { return Vec::new() };
                let finalized = tip.saturating_sub(*kept).max(self.finalized[*at]);
                self.finalized[*at] = finalized;
                vec![Event::Finality { chain: *at as u64 + 1, safe: finalized, finalized }]
            }
            Step::Restart | Step::Compact => Vec::new(),
        }
    }

    fn grow(&mut self, at: usize, block: Arc<Block>) -> Event {
        let event = Event::Committed { block: block.clone() };
        self.chains[at].push((block, self.inputs.len()));
        self.inputs.push((self.at_ms, event.clone(), true));
        event
    }
}

/// What is compared in the end.
#[derive(Debug, PartialEq)]
struct Standing {
    states: BTreeMap<String, Values>,
    /// Live findings: detector, place, time and claim, in order of these.
    findings: Vec<(String, Option<BlockRef>, u64, String)>,
    incidents: Vec<String>,
}

fn told(claim: &Claim) -> String {
    serde_json::to_string(claim).unwrap()
}

fn standing(journal: &Journal, desk: &Desks) -> Standing {
    let (mut findings, mut fingerprints) = (BTreeMap::new(), BTreeMap::new());
    let mut rows = journal.entries(&Filter::default()).unwrap();
    while let Some(listed) = rows.next_listed().unwrap() {
        let Listed::Whole(row) = listed else { continue };
        match row.entry {
            Entry::Finding(finding) => {
                fingerprints.insert(finding.id, finding.fingerprint);
                let told = (finding.detector, finding.block, finding.time_ms, told(&finding.claim));
                assert!(findings.insert(finding.id, told).is_none(), "a finding was told twice");
            }
            Entry::Retraction { finding, .. } => {
                assert!(findings.remove(&finding).is_some(), "a finding was taken back that was not there");
            }
            Entry::Failed { detector, message, .. } => panic!("{detector}: {message}"),
            _ => {}
        }
    }
    let mut findings: Vec<_> = findings.into_values().collect();
    findings.sort();
    let told = |incident: &Incident| {
        let conditions: BTreeSet<B256> = incident.findings.iter().map(|id| fingerprints[id]).collect();
        let Incident { signal, group, severity, began_ms, last_ms, sources, .. } = incident;
        format!("{signal} {group:?} {severity} {began_ms} {last_ms} {sources:?} {conditions:?}")
    };
    let mut incidents: Vec<String> = desk.incidents().map(told).collect();
    incidents.sort();
    let states = journal.states().unwrap().into_iter().filter(|(_, values)| !values.is_empty()).collect();
    Standing { states, findings, incidents }
}

/// Drops what may go, and says whether that was anything.
fn compact(path: &Path) -> bool {
    compact::compact(path, &SHELF.runtime, u64::MAX, false, false, |_, _, _| {}).unwrap().before.is_some()
}

fn expect_replay(path: &Path) {
    let replayed = replay::journal(path, &SHELF.runtime, |_, _| {}).unwrap();
    assert!(replayed.difference.is_none(), "{:?}", replayed.difference);
}

/// Goes through the steps; without incidents where these would keep everything from being dropped.
fn check(steps: &[Step], incidents: bool) -> (Standing, u64) {
    let quiet = PLAN.replace("detector = \"", "detector = \"no-");
    let files = vec![("plan.toml".to_owned(), if incidents { PLAN.to_owned() } else { quiet })];
    let hash = Plan::load(&files).unwrap_or_else(|told| panic!("{told:?}")).hash();
    let plan = Event::Plan { protocol: Default::default(), hash, files, defaults: Defaults::NOW };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut disturbed = engine(Journal::open(&path).unwrap(), 0);
    take(&mut disturbed, 0, plan.clone());
    let (mut world, mut compacted) = (World::default(), 0);
    for step in steps {
        for event in world.step(step) {
            take(&mut disturbed, world.at_ms, event);
        }
        if matches!(step, Step::Restart | Step::Compact) {
            disturbed.commit().unwrap();
            let desk = disturbed.desks().clone();
            drop(disturbed);
            compacted += u64::from(matches!(step, Step::Compact) && compact(&path));
            disturbed = engine(Journal::open(&path).unwrap(), world.at_ms);
            assert!(*disturbed.desks() == desk, "what triage and response stood at is another thing after a restart");
        }
    }
    disturbed.commit().unwrap();
    let desk = disturbed.desks().clone();
    drop(disturbed);
    let journal = Journal::open(&path).unwrap();
    journal.verify(Some(journal.head().1), |_, _| {}).unwrap();

    let clean_path = folder.path().join("clean.db");
    let mut clean = engine(Journal::open(&clean_path).unwrap(), 0);
    take(&mut clean, 0, plan);
    for (at_ms, event, stands) in world.inputs {
        if stands {
            take(&mut clean, at_ms, event);
        }
    }
    clean.commit().unwrap();
    let came = standing(&journal, &desk);
    let desk = clean.desks().clone();
    drop(clean);
    let expected = standing(&Journal::open(&clean_path).unwrap(), &desk);
    for (detector, values) in &expected.states {
        assert!(came.states.get(detector) == Some(values), "the state of {detector} is another one");
    }
    assert_eq!(came.states.len(), expected.states.len());
    assert_eq!(came.findings, expected.findings);
    assert_eq!(came.incidents, expected.incidents);
    drop(journal);
    // A replay compiles the components anew, which takes longer than all the rest.
    if compacted > 0 || steps.len().is_multiple_of(4) {
        expect_replay(&path);
    }
    (came, compacted)
}

/// As many as `PROPTEST_CASES` says; as a rule, as many as take half a minute.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(32)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), ..ProptestConfig::default() })]

    #[test]
    fn forks_leave_what_a_run_on_the_canonical_chain_leaves(steps in steps(), incidents in any::<bool>()) {
        check(&steps, incidents);
    }
}

/// The same with detectors that are late on everything: what they are owed is shown to them whenever it comes, over
/// reorgs and restarts.
fn check_late(steps: &[Step]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    // Who hears of findings hears of them later too, and so in other batches.
    let open = |at_ms| {
        let mut engine = engine(Journal::open(&path).unwrap(), at_ms);
        engine.remove("listener-of-two", at_ms).unwrap();
        engine.set_patience(std::time::Duration::ZERO, Arc::new(|| {}));
        engine
    };
    let mut late = open(0);
    let mut world = World::default();
    for step in steps {
        for event in world.step(step) {
            take(&mut late, world.at_ms, event);
        }
        if matches!(step, Step::Restart) {
            late.commit().unwrap();
            drop(late);
            late = open(world.at_ms);
        }
    }
    let started = std::time::Instant::now();
    while late.has_late() {
        late.catch_up(world.at_ms).unwrap();
        std::thread::yield_now();
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "still late");
    }
    late.commit().unwrap();
    let desk = late.desks().clone();
    drop(late);
    let clean_path = folder.path().join("clean.db");
    let mut clean = engine(Journal::open(&clean_path).unwrap(), 0);
    clean.remove("listener-of-two", 0).unwrap();
    for (at_ms, event, stands) in world.inputs {
        if stands {
            take(&mut clean, at_ms, event);
        }
    }
    clean.commit().unwrap();
    drop(clean);
    let came = standing(&Journal::open(&path).unwrap(), &desk);
    let expected = standing(&Journal::open(&clean_path).unwrap(), &desk);
    assert_eq!(came.states, expected.states);
    assert_eq!(came.findings, expected.findings);
    let replayed = watchfire::app::past::replay::journal(&path, &SHELF.runtime, |_, _| {}).unwrap();
    assert_eq!(replayed.difference, None, "who was late is repeated by a replay");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() / 3, failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), ..ProptestConfig::default() })]

    #[test]
    fn forks_leave_the_same_where_detectors_are_late(steps in steps()) {
        check_late(&steps);
    }
}

#[test]
fn a_long_walk_through_forks_has_something_to_compare() {
    let mut steps = Vec::new();
    for round in 0..8 {
        let chain = round % 2;
        let grow = |transfers| Step::Grow(chain, transfers);
        let other = Step::Grow(1 - chain, 2);
        steps.extend([grow(3), other.clone(), Step::Observe, grow(1), Step::Reorg(chain, 2), grow(3), other]);
        steps.extend([Step::Observe, grow(2), Step::Reorg(chain, 1), Step::Return(chain), Step::Restart, grow(3)]);
        steps.extend([Step::Finality(chain, 3), Step::Compact]);
    }
    let (standing, compacted) = check(&steps, true);
    assert!(compacted < 3, "an incident is open from early on: {compacted}");
    let (same, compacted) = check(&steps, false);
    assert!(compacted > 3, "{compacted}");
    assert_eq!((&same.states, &same.findings), (&standing.states, &standing.findings));
    assert_eq!(standing.states.len(), 4, "each detector keeps something");
    let told: BTreeSet<&str> = standing.findings.iter().map(|(detector, ..)| detector.as_str()).collect();
    assert_eq!(told.len(), 4, "each detector has found something: {told:?}");
    assert!(standing.incidents.len() >= 3, "{:?}", standing.incidents);
}

/// What can be undone is forgotten once it is final: of a detector, as soon as the chains that it depends on are, even where
/// another chain never is.
#[test]
fn undoing_is_forgotten_by_what_a_detector_depends_on() {
    let kept = |with_listener: bool| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let mut engine = engine(Journal::open(&path).unwrap(), 0);
        if !with_listener {
            engine.remove("listener-of-two", 0).unwrap();
        }
        let mut world = World::default();
        for _ in 0..40 {
            // Only the first chain is ever final.
            for step in [Step::Grow(0, 1), Step::Grow(1, 1), Step::Finality(0, 2)] {
                for event in world.step(&step) {
                    take(&mut engine, world.at_ms, event);
                }
            }
        }
        engine.commit().unwrap();
        drop(engine);
        let journal = Journal::open(&path).unwrap();
        let newest = journal.head().0;
        ["outflow", "ledger-of-all", "ledger-of-one", "listener-of-two"]
            .map(|id| journal.oldest_undo(id).unwrap().map(|oldest| if newest - oldest > 100 { "all" } else { "few" }))
    };
    assert_eq!(kept(false), [Some("all"), Some("all"), Some("few"), None]);
    // It hears of the others, so it would have to see again with them, and they with it.
    assert_eq!(kept(true), [Some("all"), Some("all"), Some("all"), Some("all")]);
}

/// A reorg of one chain goes back past what is final on the other: no replay can start in between.
#[test]
fn a_horizon_stays_before_a_reorg_that_went_back_past_it() {
    let grow = |chain| Step::Grow(chain, 0);
    let final_at = |chain| Step::Finality(chain, 0);
    let steps = [grow(1), grow(1), grow(0), final_at(0), Step::Reorg(1, 1), Step::Return(1), grow(1), final_at(1)];
    let (_, compacted) = check(&[&steps[..], &[Step::Compact]].concat(), false);
    assert_eq!(compacted, 1);
}
