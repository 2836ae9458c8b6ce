//! A decision that must be proved is taken with a signature of the person whom the plan names: once, in time, for what it says.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use common::{NOW_MS, finding, load, text};
use secp256k1::{Message, SECP256K1, SecretKey};
use watchfire_response::desk::{Desk, Input};
use watchfire_response::finding::Severity;
use watchfire_response::operator::{Act, Deed};
use watchfire_response::outcome::Outcome;
use watchfire_response::plan::Plan;
use watchfire_response::proof::{Proof, Word};
use watchfire_response::record::check_proofs;
use watchfire_response::timeline::{TimelineEntry, verify};

fn key(byte: u8) -> (SecretKey, Address) {
    let key = SecretKey::from_byte_array([byte; 32]).unwrap();
    let public = key.public_key(SECP256K1).serialize_uncompressed();
    (key, Address::from_raw_public_key(&public[1..]))
}

fn sign(proof: &mut Proof, by: &str, key: &SecretKey) {
    let digest = Message::from_digest(proof.digest(1, by).0);
    let (id, bytes) = SECP256K1.sign_ecdsa_recoverable(digest, key).serialize_compact();
    proof.signature = [bytes.as_slice(), &[27 + i32::from(id) as u8]].concat().into();
}

fn plan_of(head: &str, of_person: &str) -> Arc<Plan> {
    let text =
        text("ana").replace("presigned", "propose").replace("name = \"ana\"", &format!("name = \"Ana\"\n{of_person}"));
    load(&format!("{head}\n{text}"))
}

struct Case {
    desk: Desk,
    plan: Arc<Plan>,
    timeline: Vec<TimelineEntry>,
}

impl Case {
    fn new(plan: Arc<Plan>) -> Self {
        let mut case = Self { desk: Desk::default(), plan: plan.clone(), timeline: Vec::new() };
        case.step(Input::plan(plan));
        case.step(Input::Finding(&finding("outflow", "outflow", "vault")));
        case
    }

    /// Returns why it was refused.
    fn step(&mut self, input: Input<'_>) -> Vec<String> {
        let mut refused = Vec::new();
        for outcome in self.desk.step(input, NOW_MS) {
            match outcome {
                Outcome::Timeline(entry) => self.timeline.push(entry),
                Outcome::Refused { why, .. } => refused.extend(why),
                _ => {}
            }
        }
        refused
    }

    fn unsigned(&self, deed: &Deed) -> Proof {
        let head = self.timeline.last().unwrap().hash;
        Proof::unsigned("", self.plan.hash(), deed.arguments(), head, NOW_MS / 1_000 + 600)
    }

    fn act(&mut self, deed: Deed, signed: Option<Proof>) -> Vec<String> {
        let signed = signed.map(Box::new);
        let (by, proof, protocol) = ("ana".to_owned(), "uid 0".to_owned(), String::new());
        self.step(Input::Act(&Act { by, proof, protocol, incident: Some(1), seen: None, signed, deed }))
    }
}

fn decide() -> Deed {
    Deed::Decide { intervention: "pause".into(), why: "funds leave".into() }
}

#[test]
fn what_was_signed_counts_once_and_for_what_it_says() {
    let (own, address) = key(1);
    let plan = plan_of("[protocol]\nproof = {}", &format!("signer = \"{address}\""));
    let mut case = Case::new(plan.clone());
    let refused = |case: &mut Case, change: &dyn Fn(&mut Proof), what: &str| {
        let mut proof = case.unsigned(&decide());
        change(&mut proof);
        let why = case.act(decide(), Some(proof)).join("; ");
        assert!(why.contains(what), "{why}");
    };
    assert!(case.act(decide(), None)[0].contains("the plan wants `decide` proved"));
    assert!(case.act(Deed::Ack, None).is_empty(), "an ack needs none");
    refused(&mut case, &|proof| sign(proof, "ana", &key(2).0), "it is signed by");
    refused(&mut case, &|proof| sign(proof, "bo", &own), "it is signed by");
    refused(&mut case, &|_| {}, "a signature of a key has 65 bytes");
    let with = |change: fn(&mut Proof)| {
        move |proof: &mut Proof| {
            change(proof);
            sign(proof, "ana", &own);
        }
    };
    refused(&mut case, &with(|proof| proof.expires_s = NOW_MS / 1_000 - 1), "it expired");
    refused(&mut case, &with(|proof| proof.expires_s += 90_000), "longer than");
    refused(&mut case, &with(|proof| proof.head = B256::repeat_byte(9)), "the timeline has no entry");
    refused(&mut case, &with(|proof| proof.plan = B256::ZERO), "signed under plan");
    refused(&mut case, &with(|proof| proof.protocol = "other".into()), "it is for protocol `other`");
    refused(&mut case, &with(|proof| proof.arguments = proof.arguments.replace("pause", "late")), "another act");
    // Another of two signatures that say the same.
    let high_s = |proof: &mut Proof| {
        sign(proof, "ana", &own);
        let mut bytes = proof.signature.to_vec();
        let order = alloy_primitives::U256::from_str_radix(
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
            16,
        )
        .unwrap();
        let s = alloy_primitives::U256::from_be_slice(&bytes[32..64]);
        bytes[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
        bytes[64] ^= 7;
        proof.signature = bytes.into();
    };
    refused(&mut case, &high_s, "`s`");

    let mut proof = case.unsigned(&decide());
    sign(&mut proof, "ana", &own);
    assert_eq!(case.act(decide(), Some(proof.clone())), Vec::<String>::new());
    let decided = case.timeline.iter().find(|entry| entry.proof.is_some()).unwrap();
    assert_eq!(decided.proof.as_deref(), Some(&proof));
    assert!(case.act(decide(), Some(proof))[0].contains("counts once"));
    assert!(case.act(Deed::Veto { ruling: 1, why: "no".into() }, None)[0].contains("`veto` proved"));

    verify(&case.timeline).unwrap();
    let found = check_proofs(&case.timeline, |hash| Some(plan.as_ref()).filter(|plan| plan.hash() == hash));
    assert_eq!((found.proved.len(), found.recorded.len(), found.wrong.len()), (1, 0, 0), "{found:?}");
    assert!(check_proofs(&case.timeline, |_| None).wrong[0].text.contains("which is not here"));
    // Whoever takes the proof out, or changes what stands beside it, breaks the chain or the signature.
    let mut without = case.timeline.clone();
    without.iter_mut().for_each(|entry| entry.proof = None);
    assert!(verify(&without).is_err());
}

#[test]
fn a_contract_signs_by_what_it_says_itself() {
    let (_, address) = key(3);
    let plan = plan_of("[protocol]\nproof = {}", &format!("signer = \"{address}\"\nsigner_chain = 1"));
    let mut case = Case::new(plan);
    let word = |chain, is_valid| Word { chain, block: 7, hash: B256::ZERO, is_valid, said: "0x1626ba7e".into() };
    let mut proof = case.unsigned(&decide());
    proof.signature = vec![1, 2, 3].into();
    assert!(case.act(decide(), Some(proof.clone()))[0].contains("was not asked"));
    proof.contract = Some(word(1, false));
    assert!(case.act(decide(), Some(proof.clone()))[0].contains("does not take it at block 7"));
    proof.contract = Some(word(5, true));
    assert!(case.act(decide(), Some(proof.clone()))[0].contains("was not asked"), "another chain says nothing");
    proof.contract = Some(word(1, true));
    assert!(case.act(decide(), Some(proof)).is_empty());
}

#[test]
fn a_plan_says_what_must_be_proved() {
    let refuses = |policy: &str| {
        let (_, address) = key(1);
        let mut case = Case::new(plan_of(&format!("[protocol]\n{policy}"), &format!("signer = \"{address}\"")));
        !case.act(decide(), None).is_empty()
    };
    assert!(!refuses("name = \"x\""), "without a policy nothing must be");
    assert!(refuses("proof = { min_trust = 3 }"));
    assert!(!refuses("proof = { min_trust = 4 }"));
    assert!(refuses("proof = { min_trust = 4, interventions = [\"pause\"] }"));
    assert!(!refuses("proof = { recorded = [\"pause\"] }"));
    assert!(!refuses("proof = { acts = [\"veto\"] }"));
}

#[test]
fn opening_and_halting_are_proved_on_no_incident_and_stand_in_every_timeline() {
    let (own, address) = key(1);
    let head = "[protocol]\nkill_switch = \"guardian\"\nproof = { acts = [\"open\", \"halt\"] }";
    let plan = plan_of(head, &format!("signer = \"{address}\""));
    let mut case = Case::new(plan.clone());
    let open = || Deed::Open { signal: "drain".into(), title: "a call".into(), severity: Severity::Critical };
    let halt = || Deed::Halt { why: "a detector lies".into() };
    let mut act = |deed: Deed, signed: Option<Proof>| {
        let (by, proof, protocol) = ("ana".to_owned(), "uid 0".to_owned(), String::new());
        let signed = signed.map(Box::new);
        case.step(Input::Act(&Act { by, proof, protocol, incident: None, seen: None, signed, deed })).join("; ")
    };
    let proof = |deed: &Deed| {
        let mut proof = Proof::unsigned("", plan.hash(), deed.arguments(), B256::ZERO, NOW_MS / 1_000 + 600);
        sign(&mut proof, "ana", &own);
        proof
    };
    assert!(act(open(), None).contains("the plan wants `open` proved"));
    assert!(act(open(), Some(proof(&halt()))).contains("another act"));
    assert_eq!(act(open(), Some(proof(&open()))), "");
    assert!(act(open(), Some(proof(&open()))).contains("counts once"));
    assert_eq!(act(halt(), Some(proof(&halt()))), "");
    assert_eq!(act(Deed::Unhalt { why: "it does not".into() }, None), "", "the plan does not ask for it");
    // Two incidents are open: the halt is proved in both, and the opening in its own.
    for (incident, proved) in [(1, 1), (2, 2)] {
        let timeline: Vec<TimelineEntry> =
            case.timeline.iter().filter(|entry| entry.incident == incident).cloned().collect();
        verify(&timeline).unwrap();
        let found = check_proofs(&timeline, |hash| Some(plan.as_ref()).filter(|plan| plan.hash() == hash));
        assert_eq!((found.proved.len(), found.wrong.len()), (proved, 0), "{found:?}");
    }
}
