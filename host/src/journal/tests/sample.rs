//! One entry of each kind, with every shape within it that is written differently.

use super::*;
use crate::block::{Finality, Parts};
use crate::chain_read::{ChainFault, ChainRead};
use crate::decision::{Answer, Choice, Decision, Ruling, RulingState, Way};
use crate::due::{Clock, Due, Mark};
use crate::event::{Coverage, Why};
use crate::fact::{Delivery, Fact, Says};
use crate::finding::{Amount, Claim, LogReference, Origin, Subject};
use crate::incident::{Incident, IncidentState};
use crate::note::{Called, CalledOut, Note, Reminded, Watched};
use crate::operator::{Act, Deed};
use crate::plan::Defaults;
use crate::proof::{Proof, Word};
use crate::protocol::Protocol;
use crate::timeline::{EntryKind, TimelineEntry};

pub(super) fn finding(detector: &str, number: u64, severity: Severity) -> Finding {
    let origin = Origin {
        detector,
        digest: B256::repeat_byte(7),
        input: B256::with_last_byte(number as u8),
        block: Some(block(1, number, 0).reference()),
        time_ms: 1_716_000_000_000,
        at_ms: 1_716_000_000_500,
        assurance: Some(assurance()),
        finality: None,
    };
    let claim = Claim {
        kind: "large-outflow".into(),
        severity,
        confidence_percent: 80,
        title: "12 % of the vault left in a block — “quoted”, ünïcode".into(),
        description: "Line one.\nLine two with a \\ and a \" in it.".into(),
        subject: Subject { kind: "address".into(), id: "0xabc".into() },
        transactions: vec![B256::repeat_byte(1), B256::repeat_byte(2)],
        logs: vec![LogReference { block_number: number, log_index: 3 }],
        amounts: vec![Amount { asset: "native".into(), value: "-115792089237316195423570985008687907853".into() }],
        attributes: vec![("z".into(), "1".into()), ("a".into(), "2".into()), ("z".into(), "3".into())],
        condition_key: String::new(),
    };
    Finding::place(&origin, 0, claim)
}

pub(super) fn incident(id: u64, severity: Severity) -> Incident {
    Incident {
        id,
        protocol: String::new(),
        plan: B256::repeat_byte(3),
        rehearsal: false,
        drill: false,
        signal: "vault-drain".into(),
        group: vec![("vault".into(), Some("0xabc".into())), ("chain".into(), None)],
        title: "The vault is drained".into(),
        severity,
        state: IncidentState::Triage,
        note: "opened by large-outflow".into(),
        began_ms: 1,
        opened_at_ms: 2,
        last_ms: 3,
        findings: vec![B256::repeat_byte(4)],
        more_findings: 0,
        retracted: vec![B256::repeat_byte(5)],
        more_retracted: 0,
        uncounted: 0,
        sources: vec!["outflow".into()],
        duplicates: u64::from(u32::MAX) + 1,
        loss: Default::default(),
        kinds: Vec::new(),
        actors: Vec::new(),
        evidence: Vec::new(),
        related: Vec::new(),
        declared_by: None,
        declared_at_ms: None,
        acked_by: None,
        roles: Default::default(),
        dependency: None,
        follows: None,
        merged_into: None,
        closed_at_ms: None,
        risks: Default::default(),
        no_change: None,
    }
}

pub(super) fn decision(incident: u64, severity: Severity) -> Decision {
    let answers = [
        Answer::Permitted { why: "nothing stands in the way".into() },
        Answer::Needs { whom: vec!["alice".into(), "bob".into()], why: "two of the guardians must sign".into() },
        Answer::Denied { why: vec!["used up".into(), "cooling down".into()] },
    ];
    let choice = |answer: Answer| Choice {
        intervention: "pause-vault".into(),
        summary: "Pauses the vault".into(),
        owner: "guardians".into(),
        authority: "safe".into(),
        trust_cost: 4,
        trust_cost_why: "users can't withdraw".into(),
        reaction_s: 60,
        way: Way::default(),
        uses_left: Some(1),
        answer,
    };
    Decision {
        incident,
        revision: 2,
        cause: "opened".into(),
        at_ms: 4,
        since_began_ms: 12_000,
        plan: B256::repeat_byte(3),
        signal: "vault-drain".into(),
        severity,
        evidence: vec![B256::repeat_byte(4)],
        in_time: "pausing takes effect before the vault is empty".into(),
        rulings: Vec::new(),
        choices: answers.into_iter().map(choice).collect(),
    }
}

/// With all that formats before the third could not say.
fn declared() -> Incident {
    Incident {
        protocol: "harbor".into(),
        state: IncidentState::Active,
        loss: [("usd".to_owned(), u128::MAX)].into(),
        declared_at_ms: Some(4),
        acked_by: Some("alice".into()),
        roles: [("lead".to_owned(), "bob".to_owned())].into(),
        dependency: Some("oracle".into()),
        ..incident(1, Severity::High)
    }
}

fn ruled() -> Decision {
    let mut decision = decision(1, Severity::High);
    decision.choices[0].way = Way { ack_s: Some(30), takes_s: Some(90), in_time: Some(true), ..Way::default() };
    decision.rulings.push(Ruling {
        number: 1,
        intervention: "pause-vault".into(),
        by: Some("alice".into()),
        why: "funds leave".into(),
        at_ms: 28,
        revision: 2,
        approvals: vec!["alice".into()],
        quorum: 2,
        calldata: B256::repeat_byte(6),
        valid_until_ms: 1_000,
        state: RulingState::Pending,
        done: None,
        done_at_ms: None,
        ends_at_ms: None,
    });
    decision
}

pub(super) fn ordered(key: u8, effect: Effect) -> Entry {
    Entry::Effect(Ordered { key: B256::repeat_byte(key), at_ms: 5, dry_run: false, drill: false, effect })
}

pub(super) fn notify(incident: u64) -> Effect {
    Effect::Notify {
        incident,
        severity: Severity::High,
        what: crate::effect::Notice::Opened,
        text: "The vault is drained".into(),
        brief: None,
    }
}

/// One entry of each kind, inputs of each type, and the shapes within them; all in an order that can happen.
pub(super) fn samples() -> Vec<Entry> {
    let first = block(1, 100, 5);
    let at = first.reference();
    let gone = BlockRef { chain: 1, number: 100, hash: at.hash };
    let coverage = Coverage {
        chain: None,
        kind: "head-stalled".into(),
        subject: "chain/1".into(),
        severity: Severity::High,
        message: "no block for 60 s".into(),
        over: false,
    };
    let fault = ChainFault { code: "reverted".into(), message: "no such pool".into(), data: vec![8, 195].into() };
    let call = ChainRead::Call { to: Address::repeat_byte(1), data: vec![1, 2, 3].into() };
    let storage = ChainRead::Storage { address: Address::repeat_byte(2), slot: B256::repeat_byte(9) };
    let pending = Arc::new(block(1, 102, 3).transactions);
    let found = finding("outflow", 100, Severity::High);
    let (id, again) = (found.id, finding("prices", 100, Severity::Low));
    let second = again.id;
    let shadow = finding("outflow-next", 102, Severity::Low);
    let files = vec![("plan.toml".to_owned(), "[signals]\n".to_owned())];
    let propose = Effect::Propose {
        incident: 1,
        intervention: "pause-vault".into(),
        owner: "guardians".into(),
        authority: "safe".into(),
        whom: vec!["alice".into()],
        text: "Pause the vault".into(),
        terms: None,
    };
    let withdraw = Effect::Withdraw { incident: 1, intervention: "pause-vault".into(), text: "reverted".into() };
    let json = Value::Json("{\"b\":1,\"a\":[1.50]}".into());
    let typed = |value| Observation { position: String::new(), ..observed("typed", value) };
    let digest = Some(B256::repeat_byte(7));
    let kept = Event::Detector { detector: "outflow".into(), digest, spec: "{\"chains\":[1]}".into() };
    let removed = Event::Detector { detector: "prices".into(), digest: None, spec: String::new() };
    let deed = Deed::Decide { intervention: "pause-vault".into(), why: "funds leave".into() };
    let act = Act {
        by: "mallory".into(),
        proof: "uid 0".into(),
        protocol: "harbor".into(),
        incident: Some(1),
        seen: Some(3),
        signed: None,
        deed,
    };
    let harbor = Protocol { name: "harbor".into(), hears: Some(["outflow".to_owned()].into()) };
    let holds = Says::Holds { authority: "safe".into(), yes: true };
    let delivery = Delivery::failed(B256::repeat_byte(2), "503".into());
    let told = TimelineEntry {
        incident: 1,
        number: 1,
        at_ms: 29,
        kind: EntryKind::Fact,
        by: None,
        text: "safe has its power".into(),
        proof: None,
        previous: B256::repeat_byte(1),
        hash: B256::repeat_byte(2),
    };
    vec![
        input(
            10,
            Event::Plan { protocol: Protocol::default(), hash: B256::repeat_byte(3), files, defaults: Defaults::First },
        ),
        input(11, kept),
        input(12, committed(first)),
        Entry::Answer { at, read: call, answer: Ok(vec![0; 32].into()) },
        Entry::Answer { at, read: storage, answer: Err(fault) },
        Entry::Answer { at, read: ChainRead::Balance { address: Address::ZERO }, answer: Ok(vec![1].into()) },
        Entry::Answer { at, read: ChainRead::Code { address: Address::ZERO }, answer: Ok(Default::default()) },
        Entry::Failed {
            detector: "broken".into(),
            digest: B256::repeat_byte(8),
            kind: "trap".into(),
            message: "unreachable".into(),
        },
        Entry::Finding(found),
        Entry::Incident(incident(1, Severity::High)),
        Entry::Decision(decision(1, Severity::High)),
        ordered(1, notify(1)),
        ordered(2, propose),
        Entry::Finding(again),
        Entry::Silence { finding: second, reason: "no signal matches".into() },
        input(13, observation("eth-usd", "3012.4500000000000000001")),
        input(14, Event::Observed { observation: typed(Value::Text("hello \u{fffd}".into())) }),
        input(15, Event::Observed { observation: typed(Value::Boolean(true)) }),
        input(16, Event::Observed { observation: typed(json) }),
        input(17, committed(block(1, 101, 0))),
        input(18, Event::Finality { chain: 1, safe: 99, finalized: 90 }),
        input(19, Event::Pending { chain: 1, transactions: pending }),
        input(20, Event::Coverage { coverage }),
        input(21, Event::Reverted { chain: 1, blocks: vec![block(1, 101, 0).reference(), gone] }),
        Entry::Retraction { finding: id, reason: "block 100 left the chain".into() },
        ordered(3, withdraw),
        input(22, removed),
        Entry::Settled { chain: 1, finality: Finality::Finalized, findings: vec![second] },
        input(23, committed(block(1, 102, 1))),
        Entry::Behind { detectors: vec!["outflow".into(), "prices".into()] },
        input(24, Event::Shown { detector: "outflow".into(), input: 29, why: Why::Behind, completed: None }),
        Entry::Retried {
            detector: "outflow".into(),
            digest: B256::repeat_byte(7),
            kind: "deadline".into(),
            message: "it took longer than 1000 ms".into(),
        },
        input(
            25,
            Event::Rejected {
                detector: "prices".into(),
                digest: B256::repeat_byte(9),
                reason: "trap: unreachable".into(),
            },
        ),
        Entry::Shadow(shadow),
        input(26, Event::Waived { detector: "prices".into(), by: "ana: a known gap".into() }),
        input(27, Event::Thinned { before: 1 }),
        input(
            27,
            Event::Plan {
                protocol: harbor,
                hash: B256::repeat_byte(4),
                files: vec![("harbor.toml".into(), "".into())],
                defaults: Defaults::First,
            },
        ),
        input(28, Event::Act { act }),
        Entry::Incident(declared()),
        Entry::Decision(ruled()),
        Entry::Refused {
            by: "mallory".into(),
            incident: Some(1),
            act: "decide".into(),
            why: vec!["mallory is not of `guardians`".into()],
        },
        input(
            29,
            Event::Fact { fact: Fact { protocol: "harbor".into(), says: holds, block: Some(at), read_at_ms: 29 } },
        ),
        Entry::Timeline(told),
        input(30, Event::Delivered { delivery }),
        input(31, Event::Tick),
        Entry::Clock(Clock { incident: 1, due: Due::Ack, due_at_ms: 31, mark: Mark::Fired, at_ms: 31 }),
    ]
}

/// A note of each kind, and the entries of a drill and of what is to be done after it.
pub(super) fn noted() -> Vec<Entry> {
    let call = Called {
        person: "ana".into(),
        address: "sms:1".into(),
        normal: false,
        channel: "texts".into(),
        refused: Some("it answers 500".into()),
        answered_s: None,
    };
    let (callout, protocol, calls) = ("quarterly".into(), "harbor".into(), vec![call]);
    let called = CalledOut { callout, protocol, wait_s: 60, began_ms: 0, calls };
    let (protocol, risk, whom) = (String::new(), "lone-phone".into(), vec!["bo".into()]);
    let reminded = Reminded { protocol, risk, due_ms: 9, stage: 1, whom };
    let watched = Watched { entries: [("chain/base".into(), "id = 8453".into())].into() };
    let (severity, title, signal) = (Severity::High, String::from("an exercise"), String::from("vault-drain"));
    let drill = Act {
        by: "ana".into(),
        proof: String::new(),
        protocol: String::new(),
        incident: None,
        seen: None,
        signed: None,
        deed: Deed::Drill { signal, title, severity, for_s: 60, script: Vec::new() },
    };
    let (risk, what, owner) = ("lone-phone".into(), "Give Bo a phone".into(), "bo".into());
    let action = Act { incident: Some(2), deed: Deed::Action { risk, what, owner, due_at_ms: 99 }, ..drill.clone() };
    let effect = notify(2);
    vec![
        input(34, Event::Noted { note: Note::CalledOut(called) }),
        input(35, Event::Noted { note: Note::Reminded(reminded) }),
        input(36, Event::Noted { note: Note::Watched(watched) }),
        input(37, Event::Act { act: drill }),
        input(
            37,
            Event::Plan {
                protocol: Protocol::default(),
                hash: B256::repeat_byte(5),
                files: Vec::new(),
                defaults: Defaults::NOW,
            },
        ),
        Entry::Incident(Incident { rehearsal: true, drill: true, ..incident(2, Severity::High) }),
        Entry::Effect(Ordered { key: B256::repeat_byte(9), at_ms: 37, dry_run: true, drill: true, effect }),
        input(38, Event::Act { act: action }),
        Entry::Clock(Clock { incident: 2, due: Due::Drill, due_at_ms: 60, mark: Mark::Set, at_ms: 38 }),
    ]
}

/// What completes a block, with columns of it.
pub(super) fn completed() -> Entry {
    let block = block(1, 3, 4);
    let (frames, storage) = (block.frames.clone().map(Arc::new), block.storage.clone().map(Arc::new));
    let given_up = Parts { traces: false, storage: storage.is_none() };
    input(32, Event::Completed { block: block.reference(), frames, storage, given_up })
}

/// What nodes agree on, and a finality that somebody takes back.
pub(super) fn agreed() -> [Entry; 2] {
    let block = block(1, 101, 0).reference();
    let (by, why) = ("ana".into(), "a fork of the provider's own".into());
    [
        input(33, Event::Agreed { block, by: vec!["ours".into(), "theirs".into()] }),
        input(34, Event::Unsettled { chain: 1, above: 80, by, why }),
    ]
}

/// An act that is proved, and the entry of the timeline that has the proof.
pub(super) fn proved() -> [Entry; 2] {
    let deed = Deed::Decide { intervention: "pause-vault".into(), why: "funds leave".into() };
    let (chain, block, hash) = (1, 9, B256::repeat_byte(5));
    let proof = Box::new(Proof {
        signature: vec![7; 65].into(),
        contract: Some(Word { chain, block, hash, is_valid: true, said: "0x1626ba7e".into() }),
        ..Proof::unsigned("harbor", B256::repeat_byte(3), deed.arguments(), B256::repeat_byte(4), 1_800_000_000)
    });
    let act = Act {
        by: "ana".into(),
        proof: "uid 0".into(),
        protocol: "harbor".into(),
        incident: Some(1),
        seen: None,
        signed: Some(proof.clone()),
        deed,
    };
    let entry = TimelineEntry {
        incident: 1,
        number: 2,
        at_ms: 33,
        kind: EntryKind::Decided,
        by: Some("ana".into()),
        text: "pause-vault".into(),
        proof: Some(proof),
        previous: B256::repeat_byte(2),
        hash: B256::repeat_byte(3),
    };
    [input(33, Event::Act { act }), Entry::Timeline(entry)]
}
