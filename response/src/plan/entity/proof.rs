//! Which acts must be proved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::plan::Plan;

/// An act that may have to be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProvedAct {
    /// Choosing an intervention.
    Decide,
    /// Agreeing to one that was chosen.
    Approve,
    /// Stopping it.
    Veto,
    /// Saying that it was carried out.
    Done,
    /// Saying that it was undone.
    Reverse,
    /// Opening an incident by hand.
    Open,
    /// Stopping all automation.
    Halt,
    /// Letting automation go on.
    Unhalt,
}

/// What an act that must be proved counts for, by somebody who has no `signer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutSigner {
    /// It is refused.
    #[default]
    Refused,
    /// It counts, and is marked as not proved.
    Recorded,
}

impl WithoutSigner {
    fn is_refused(&self) -> bool {
        *self == Self::Refused
    }
}

/// Which acts must be proved by a signature of the person's `signer`. All other acts are written down as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofPolicy {
    /// Acts that must be proved.
    #[serde(default = "decisions")]
    pub acts: Vec<ProvedAct>,
    /// For interventions that cost at least so much trust.
    #[serde(default = "three")]
    #[schemars(range(max = 10))]
    pub min_trust: u8,
    /// Only in incidents that are at least so grave.
    #[serde(default = "any")]
    pub min_severity: Severity,
    /// Ids of interventions for which they must be proved whatever they cost, and however grave it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interventions: Vec<String>,
    /// Ids of interventions for which writing them down is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<String>,
    /// What an act counts for that must be proved, by somebody who has no `signer`.
    #[serde(default, skip_serializing_if = "WithoutSigner::is_refused")]
    pub without_signer: WithoutSigner,
}

fn decisions() -> Vec<ProvedAct> {
    vec![ProvedAct::Decide, ProvedAct::Approve, ProvedAct::Veto]
}

fn three() -> u8 {
    3
}

fn any() -> Severity {
    Severity::Info
}

impl ProofPolicy {
    /// What holds where a plan says nothing: whoever has a `signer` proves decisions on what costs trust. All others act as before,
    /// so that nobody finds out at night that they can't.
    pub fn unwritten() -> Self {
        Self {
            acts: decisions(),
            min_trust: three(),
            min_severity: any(),
            interventions: Vec::new(),
            recorded: Vec::new(),
            without_signer: WithoutSigner::Recorded,
        }
    }

    /// Whether somebody of a plan may go without proving what must be proved, as they have nothing to sign with.
    pub fn excuses(&self, person: &str, plan: &Plan) -> bool {
        let has_none = plan.tables().person.get(person).is_some_and(|person| person.signer.is_none());
        has_none && self.without_signer == WithoutSigner::Recorded
    }

    /// Returns why an act on an intervention must be proved, in a clause; `None` if it need not be.
    pub fn why(&self, act: ProvedAct, intervention: &str, plan: &Plan, severity: Severity) -> Option<String> {
        let is_named = |ids: &[String]| ids.iter().any(|id| id == intervention);
        if !self.acts.contains(&act) || is_named(&self.recorded) {
            return None;
        }
        if is_named(&self.interventions) {
            return Some(format!("it names `{intervention}`"));
        }
        let trust = plan.tables().intervention.get(intervention)?.cost.trust;
        (trust >= self.min_trust && severity >= self.min_severity)
            .then(|| format!("`{intervention}` costs {trust} of trust, and {} need a proof", self.min_trust))
    }

    /// Whether an act that is about no intervention must be proved.
    pub fn wants(&self, act: ProvedAct) -> bool {
        self.acts.contains(&act)
    }

    /// Whether some act on an intervention must be proved, in the gravest incident.
    pub fn covers(&self, intervention: &str, plan: &Plan) -> bool {
        self.acts.iter().any(|act| self.why(*act, intervention, plan, Severity::Critical).is_some())
    }
}
