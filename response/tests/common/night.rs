//! A protocol's night: a desk, a clock, and everything that was told.

use std::sync::Arc;

use alloy_primitives::B256;
use watchfire_response::chain::BlockRef;
use watchfire_response::decision::{Answer, Decision};
use watchfire_response::desk::{Desk, Input};
use watchfire_response::digest::Hasher;
use watchfire_response::due::Clock;
use watchfire_response::effect::{Effect, Ordered};
use watchfire_response::fact::{Delivery, Fact, Says};
use watchfire_response::finding::{Amount, Claim, Finding, Origin, Severity, Subject};
use watchfire_response::incident::{Incident, IncidentState};
use watchfire_response::operator::{Act, Deed};
use watchfire_response::outcome::Outcome;
use watchfire_response::plan::Plan;
use watchfire_response::timeline::TimelineEntry;

/// A plan with two guardians on a rota by day, a council of three, and a lead.
pub const HARBOR: &str = include_str!("../../src/drill/tests/harbor.toml");

/// A Monday at noon, when a guardian is on call.
pub const DAY_MS: u64 = 1_793_620_800_000;
/// The same day at ten in the evening, when none is.
pub const NIGHT_MS: u64 = DAY_MS + 10 * 3_600_000;

pub struct Night {
    pub desk: Desk,
    pub now_ms: u64,
    pub told: Vec<(u64, Outcome)>,
    pub made: u64,
}

/// A finding that is still to be made.
#[derive(Clone, Debug)]
pub struct Sign {
    pub detector: &'static str,
    pub subject: &'static str,
    pub chain: u64,
    pub severity: Severity,
    pub confidence_percent: u8,
    pub amount: u64,
    pub labels: Vec<(&'static str, &'static str)>,
    pub condition: &'static str,
}

/// The outflow detector, about the vault.
pub const OUTFLOW: Sign = Sign {
    detector: "outflow",
    subject: "vault",
    chain: 1,
    severity: Severity::Critical,
    confidence_percent: 100,
    amount: 0,
    labels: Vec::new(),
    condition: "",
};
/// The price detector, about the vault.
pub const PRICE: Sign = Sign {
    detector: "price",
    subject: "vault",
    chain: 1,
    severity: Severity::Critical,
    confidence_percent: 100,
    amount: 0,
    labels: Vec::new(),
    condition: "",
};

impl Night {
    pub fn under(text: &str, now_ms: u64) -> Self {
        let mut night = Self { desk: Desk::default(), now_ms, told: Vec::new(), made: 0 };
        night.follow(text);
        night
    }

    pub fn follow(&mut self, text: &str) {
        let plan = match Plan::load(&[("plan.toml".to_owned(), text.to_owned())]) {
            Ok(plan) => plan,
            Err(found) => panic!("{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        };
        self.step(Input::plan(Arc::new(plan)));
    }

    /// Each step goes through the written form of all state: nothing may hang on what is only in memory.
    pub fn step(&mut self, input: Input<'_>) -> Vec<Outcome> {
        self.desk = serde_json::from_str(&serde_json::to_string(&self.desk).unwrap()).unwrap();
        let told = self.desk.step(input, self.now_ms);
        self.told.extend(told.iter().cloned().map(|outcome| (self.now_ms, outcome)));
        told
    }

    /// Lets time pass, each deadline at its own.
    pub fn wait_s(&mut self, seconds: u64) {
        let end_ms = self.now_ms + seconds * 1_000;
        while let Some(due_ms) = self.desk.next_due_ms().filter(|due_ms| *due_ms <= end_ms) {
            self.now_ms = self.now_ms.max(due_ms);
            self.step(Input::Tick);
        }
        self.now_ms = end_ms;
    }

    pub fn make(&mut self, sign: &Sign) -> Finding {
        self.made += 1;
        let origin = Origin {
            detector: sign.detector,
            digest: B256::repeat_byte(7),
            input: Hasher::new("night").number(self.made).finish(),
            block: Some(BlockRef { chain: sign.chain, number: self.made, hash: B256::repeat_byte(9) }),
            time_ms: self.now_ms,
            at_ms: self.now_ms,
            assurance: None,
            finality: None,
        };
        let claim = Claim {
            kind: "outflow".into(),
            severity: sign.severity,
            confidence_percent: sign.confidence_percent,
            title: format!("{} says so", sign.detector),
            description: String::new(),
            subject: Subject { kind: "address".into(), id: sign.subject.into() },
            transactions: Vec::new(),
            logs: Vec::new(),
            amounts: match sign.amount {
                0 => Vec::new(),
                amount => vec![Amount { asset: "eth".into(), value: amount.to_string() }],
            },
            attributes: sign.labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            condition_key: sign.condition.into(),
        };
        Finding::place(&origin, 0, claim)
    }

    pub fn find(&mut self, sign: &Sign) -> B256 {
        let finding = self.make(sign);
        self.step(Input::Finding(&finding));
        finding.id
    }

    pub fn take_back(&mut self, finding: B256) {
        self.step(Input::Retraction { finding, reason: "its block left the chain" });
    }

    /// An act, or each reason for which it is refused.
    pub fn act(&mut self, by: &str, incident: u64, deed: Deed) -> Result<(), String> {
        self.act_having_seen(by, incident, None, deed)
    }

    pub fn act_having_seen(&mut self, by: &str, id: u64, seen: Option<u64>, deed: Deed) -> Result<(), String> {
        let incident = Some(id).filter(|id| *id > 0);
        let act =
            Act { by: by.into(), proof: String::new(), protocol: String::new(), incident, seen, signed: None, deed };
        let told = self.step(Input::Act(&act));
        let refused = told.into_iter().find_map(|outcome| match outcome {
            Outcome::Refused { why, .. } => Some(why.join("; ")),
            _ => None,
        });
        refused.map_or(Ok(()), Err)
    }

    pub fn decide(&mut self, by: &str, incident: u64, intervention: &str) -> Result<(), String> {
        self.act(by, incident, Deed::Decide { intervention: intervention.into(), why: "it goes on".into() })
    }

    pub fn know(&mut self, says: Says) {
        let fact = Fact { protocol: String::new(), says, block: None, read_at_ms: self.now_ms };
        self.step(Input::Fact(&fact));
    }

    pub fn fail_last_page(&mut self) {
        let last = self.orders().into_iter().rfind(|one| matches!(one.effect, Effect::Page { .. })).unwrap();
        let delivery = Delivery::failed(last.key, "busy".into());
        self.step(Input::Delivery(&delivery));
    }

    pub fn orders(&self) -> Vec<Ordered> {
        let effect = |(_, outcome): &(u64, Outcome)| match outcome {
            Outcome::Effect(ordered) => Some(ordered.clone()),
            _ => None,
        };
        self.told.iter().filter_map(effect).collect()
    }

    /// Seconds since a moment, and who was paged then.
    pub fn pages_since(&self, from_ms: u64) -> Vec<(u64, String)> {
        let page = |(at_ms, outcome): &(u64, Outcome)| match outcome {
            Outcome::Effect(Ordered { effect: Effect::Page { person, .. }, .. }) => {
                Some(((at_ms - from_ms) / 1_000, person.clone()))
            }
            _ => None,
        };
        self.told.iter().filter(|(at_ms, _)| *at_ms >= from_ms).filter_map(page).collect()
    }

    pub fn decisions(&self) -> Vec<Decision> {
        let decision = |(_, outcome): &(u64, Outcome)| match outcome {
            Outcome::Decision(decision) => Some(decision.clone()),
            _ => None,
        };
        self.told.iter().filter_map(decision).collect()
    }

    /// The newest answer to an intervention in an incident: `permitted`, `needs: …`, `denied: …`.
    pub fn answer(&self, incident: u64, intervention: &str) -> String {
        let decision = self.decisions().into_iter().rfind(|one| one.incident == incident).unwrap();
        let choice = decision.choices.into_iter().find(|one| one.intervention == intervention).unwrap();
        match choice.answer {
            Answer::Permitted { .. } => "permitted".into(),
            Answer::Needs { why, .. } => format!("needs: {why}"),
            Answer::Denied { why } => format!("denied: {}", why.join("; ")),
        }
    }

    /// An incident as it was last told.
    pub fn incident(&self, id: u64) -> Incident {
        let incident = |(_, outcome): &(u64, Outcome)| match outcome {
            Outcome::Incident(incident) if incident.id == id => Some(incident.clone()),
            _ => None,
        };
        self.told.iter().rev().find_map(incident).unwrap()
    }

    pub fn state(&self, id: u64) -> IncidentState {
        self.incident(id).state
    }

    pub fn count(&self) -> usize {
        let mut ids: Vec<u64> = Vec::new();
        for (_, outcome) in &self.told {
            if let Outcome::Incident(incident) = outcome {
                ids.push(incident.id);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }

    pub fn timeline(&self, id: u64) -> Vec<TimelineEntry> {
        let entry = |(_, outcome): &(u64, Outcome)| match outcome {
            Outcome::Timeline(entry) if entry.incident == id => Some(entry.clone()),
            _ => None,
        };
        self.told.iter().filter_map(entry).collect()
    }

    pub fn says(&self, id: u64, text: &str) -> bool {
        self.timeline(id).iter().any(|entry| entry.text.contains(text))
    }

    pub fn clocks(&self) -> Vec<Clock> {
        let clock = |(_, outcome): &(u64, Outcome)| match outcome {
            Outcome::Clock(clock) => Some(clock.clone()),
            _ => None,
        };
        self.told.iter().filter_map(clock).collect()
    }
}
