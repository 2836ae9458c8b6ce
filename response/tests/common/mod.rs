//! A small plan and its findings, for tests that go through the crate's door.
#![allow(clippy::unwrap_used, dead_code)]

pub mod night;

use std::sync::Arc;

use alloy_primitives::B256;
use watchfire_response::chain::BlockRef;
use watchfire_response::digest::Hasher;
use watchfire_response::finding::{Claim, Finding, Origin, Severity, Subject};
use watchfire_response::operator::{Act, Deed};
use watchfire_response::plan::Plan;

pub const NOW_MS: u64 = 1_795_608_000_000;

/// A plan in which one use of a pause is all there is.
pub fn plan(owner: &str) -> Arc<Plan> {
    load(&text(owner))
}

pub fn load(text: &str) -> Arc<Plan> {
    Arc::new(Plan::load(&[("plan.toml".to_owned(), text.to_owned())]).unwrap())
}

/// Its text.
pub fn text(owner: &str) -> String {
    format!(
        r#"
[person.{owner}]
name = "{owner}"
channels = {{ urgent = ["phone:1"] }}

[role.guardian]
kind = "decision-owner"
members = ["{owner}"]

[authority.key]
kind = "guardian"
chain = 1
address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
role = "guardian"
verified_at = 2026-11-20

[intervention.pause]
summary = "Stop everything"
kind = "pause"
authority = "key"
owner = "guardian"
automation = "presigned"
reaction_s = 5
limits = {{ uses = 1, max_duration_s = 3600 }}
cost = {{ trust = 3, why = "nobody can leave", inside_boundary = true }}

[signal.drain]
summary = "Funds leave"
match = [{{ kinds = ["outflow"] }}]
group_by = ["subject"]
window_s = 3600
interventions = ["pause"]
"#
    )
}

pub fn finding(detector: &str, kind: &str, subject: &str) -> Finding {
    let origin = Origin {
        detector,
        digest: B256::repeat_byte(7),
        input: Hasher::new("test").text(subject).finish(),
        block: Some(BlockRef { chain: 1, number: 100, hash: B256::repeat_byte(9) }),
        time_ms: NOW_MS,
        at_ms: NOW_MS,
        assurance: None,
        finality: None,
    };
    let claim = Claim {
        kind: kind.into(),
        severity: Severity::Critical,
        confidence_percent: 100,
        title: "funds leave".into(),
        description: String::new(),
        subject: Subject { kind: "address".into(), id: subject.into() },
        transactions: Vec::new(),
        logs: Vec::new(),
        amounts: Vec::new(),
        attributes: Vec::new(),
        condition_key: String::new(),
    };
    Finding::place(&origin, 0, claim)
}

pub fn act(protocol: &str, incident: Option<u64>, by: &str, deed: Deed) -> Act {
    Act { by: by.into(), proof: String::new(), protocol: protocol.into(), incident, seen: None, signed: None, deed }
}
