//! A decision that must be proved is taken with a signature of the person whom the plan names: once, in time, for what it says.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use common::{NOW_MS, finding, load, text};
use secp256k1::{Message, SECP256K1, SecretKey};
use watchfire_response::desk::{Desk, Desks, Input};
use watchfire_response::finding::Severity;
use watchfire_response::incident::Incident;
use watchfire_response::operator::{Act, Deed};
use watchfire_response::outcome::Outcome;
use watchfire_response::plan::{Defaults, Plan};
use watchfire_response::proof::{Proof, Word};
use watchfire_response::record::{Proofs, check_proofs};
use watchfire_response::timeline::{EntryKind, TimelineEntry, verify};

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
    incident: Option<Incident>,
}

impl Case {
    fn new(plan: Arc<Plan>) -> Self {
        let mut case = Self { desk: Desk::default(), plan: plan.clone(), timeline: Vec::new(), incident: None };
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
                Outcome::Incident(incident) => self.incident = Some(incident),
                Outcome::Refused { why, .. } => refused.extend(why),
                _ => {}
            }
        }
        refused
    }

    /// What anybody finds who has this timeline, and the plan.
    fn found(&self, timeline: &[TimelineEntry]) -> Proofs {
        let plan = Some(self.plan.as_ref());
        check_proofs(self.incident.as_ref().unwrap(), timeline, |hash| plan.filter(|plan| plan.hash() == hash))
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
    let found = case.found(&case.timeline);
    assert_eq!((found.proved.len(), found.recorded.len(), found.wrong.len()), (1, 0, 0), "{found:?}");
    let without = check_proofs(case.incident.as_ref().unwrap(), &case.timeline, |_| None);
    assert!(without.wrong[0].text.contains("which is not here"));
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
    assert!(refuses("name = \"x\""), "whoever can sign does, on what costs trust");
    assert!(!refuses("proof = { acts = [] }"));
    assert!(refuses("proof = { without_signer = \"recorded\" }"), "who has a signer is not excused");
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
        let found = case.found(&timeline);
        assert_eq!((found.proved.len(), found.wrong.len()), (proved, 0), "{found:?}");
    }
}

#[test]
fn who_has_nothing_to_sign_with_acts_and_is_marked() {
    let decided = |policy: &str| {
        let mut case = Case::new(plan_of(&format!("[protocol]\n{policy}"), ""));
        let refused = case.act(decide(), None);
        let found = case.found(&case.timeline);
        (refused, found.proved.len(), found.recorded.len())
    };
    assert_eq!(decided("name = \"x\""), (Vec::new(), 0, 1), "nobody has a signer, and the plan says nothing");
    assert_eq!(decided("proof = { without_signer = \"recorded\" }"), (Vec::new(), 0, 1));
    assert!(decided("proof = {}").0[0].contains("the plan wants `decide` proved"), "the plan says it of everybody");
    // That somebody else can sign changes nothing for whoever can't.
    let (_, address) = key(1);
    let bo = format!("[person.bo]\nname = \"Bo\"\nsigner = \"{address}\"\n[protocol]\nkill_switch = \"guardian\"");
    let mut case = Case::new(plan_of(&bo, ""));
    assert!(case.plan.tables().protocol.proof.is_some());
    assert_eq!(case.act(decide(), None), Vec::<String>::new());
}

#[test]
fn a_plan_of_a_journal_keeps_the_defaults_that_it_was_followed_by() {
    let (_, address) = key(1);
    let text = text("ana").replace("name = \"ana\"", &format!("name = \"Ana\"\nsigner = \"{address}\""));
    let files = [("plan.toml".to_owned(), text.replace("presigned", "propose"))];
    let today = Plan::load(&files).unwrap();
    assert!(today.tables().protocol.proof.is_some());
    assert_eq!(Plan::load_journaled(&files, Defaults::NOW).unwrap(), today);
    let before = Plan::load_journaled(&files, Defaults::First).unwrap();
    assert!(before.tables().protocol.proof.is_none());
    assert_ne!(before.hash(), today.hash(), "a host that starts with the same files takes up another plan");
    // What was decided without a proof then is decided again.
    let mut case = Case::new(Arc::new(before));
    assert_eq!(case.act(decide(), None), Vec::<String>::new());
    let mut case = Case::new(Arc::new(today));
    assert!(case.act(decide(), None)[0].contains("the plan wants `decide` proved"));
}

/// A timeline as somebody who has the record can make it: whole, whatever it says.
fn forged(timeline: &[TimelineEntry], change: impl Fn(&mut Vec<TimelineEntry>)) -> Vec<TimelineEntry> {
    let mut forged = timeline.to_vec();
    change(&mut forged);
    for at in 0..forged.len() {
        if at > 0 {
            (forged[at].previous, forged[at].number) = (forged[at - 1].hash, forged[at - 1].number + 1);
        }
        forged[at].hash = forged[at].digest();
    }
    verify(&forged).unwrap();
    forged
}

#[test]
fn a_record_that_was_made_whole_again_proves_no_more_than_what_was_signed() {
    let (own, address) = key(1);
    let head = "[protocol]\nproof = { acts = [\"decide\", \"veto\"] }";
    let mut case = Case::new(plan_of(head, &format!("signer = \"{address}\"")));
    let signed = |case: &Case, deed: &Deed| {
        let mut proof = case.unsigned(deed);
        sign(&mut proof, "ana", &own);
        Some(proof)
    };
    let decided = signed(&case, &decide());
    assert_eq!(case.act(decide(), decided), Vec::<String>::new());
    let veto = Deed::Veto { ruling: 1, why: "a migration".into() };
    let vetoed = signed(&case, &veto);
    assert_eq!(case.act(veto, vetoed), Vec::<String>::new());
    let found = case.found(&case.timeline);
    assert_eq!((found.proved.len(), found.recorded.len(), found.wrong.len()), (2, 0, 0), "{found:?}");

    let at = |kind: EntryKind| case.timeline.iter().position(|entry| entry.kind == kind).unwrap();
    let (decided, vetoed) = (at(EntryKind::Decided), at(EntryKind::Vetoed));
    let wrong = |what: &str, change: &dyn Fn(&mut Vec<TimelineEntry>)| {
        let found = case.found(&forged(&case.timeline, change));
        assert!(found.wrong.iter().any(|line| line.text.contains(what)), "{what}: {found:?}");
    };
    wrong("is written here: drain-all", &|entries| entries[decided].text = "drain-all (ruling 1): funds leave".into());
    wrong("is written here: pause", &|entries| entries[decided].text.push_str(", and more"));
    wrong("is written here: pause (ruling 2)", &|entries| {
        entries[vetoed].text = "pause (ruling 2): a migration".into()
    });
    wrong("ruling 1 is on pause, and late", &|entries| entries[vetoed].text = "late (ruling 1): a migration".into());
    wrong("the plan wants it proved", &|entries| entries[decided].proof = None);
    wrong("nobody's name", &|entries| (entries[decided].proof, entries[decided].by) = (None, None));
    wrong("it names no ruling", &|entries| {
        entries[decided].proof = None;
        entries[decided].text = "pause: funds leave".into();
    });
    wrong("stands here again", &|entries| {
        let again = entries[decided].clone();
        entries.push(again);
    });
    wrong("something else is written", &|entries| entries[vetoed].kind = EntryKind::Done);
    // A second human who agreed to the end of the incident agreed to no ruling.
    let seconded = forged(&case.timeline, |entries| {
        let mut agreed = entries[decided].clone();
        (agreed.proof, agreed.kind) = (None, EntryKind::Approved);
        agreed.text = "agreed to false-positive of Bo".into();
        entries.push(agreed);
    });
    assert_eq!(case.found(&seconded).wrong, Vec::new());
}

#[test]
fn what_is_signed_names_the_protocol_and_what_would_be_refused_is_not_signed() {
    let (own, address) = key(1);
    let bo = "[person.bo]\nname = \"Bo\"\n[protocol]\nname = \"Harbor\"\nproof = {}";
    let plan = plan_of(bo, &format!("signer = \"{address}\""));
    let mut case = Case::new(plan.clone());
    for (protocol, is_taken) in [("Quay", false), ("Harbor", true)] {
        let mut proof = case.unsigned(&decide());
        proof.protocol = protocol.into();
        sign(&mut proof, "ana", &own);
        assert_eq!(case.act(decide(), Some(proof)).is_empty(), is_taken, "{protocol}");
    }
    // Before anybody signs.
    let mut desks = Desks::default();
    desks.step(Input::plan(plan), NOW_MS);
    desks.step(Input::Finding(&finding("outflow", "outflow", "vault")), NOW_MS);
    let refused = |by: &str, deed: Deed| {
        let (by, proof, protocol) = (by.to_owned(), String::new(), String::new());
        let act = Act { by, proof, protocol, incident: Some(1), seen: None, signed: None, deed };
        desks.refuses(&act, NOW_MS).map(|why| why.join("; "))
    };
    assert_eq!(refused("ana", decide()), None);
    let other = Deed::Decide { intervention: "nope".into(), why: "x".into() };
    assert!(refused("ana", other).unwrap().contains("does not lead to `nope`"));
    assert!(refused("bo", Deed::Ack).is_some());
    let note = Deed::Note { text: "x".into(), kind: Default::default() };
    assert!(refused("bo", note).unwrap().contains("no `signer` for `bo`"));
    assert!(desks.incidents().next().unwrap().acked_by.is_none(), "it was tried, and not done");
}
