//! The risk register: where each risk stood at a moment, and what people make of it.
//!
//! Every act on a risk appends one entry to its history. The first says who had it and until when it was accepted, later
//! ones what changed, so that the entries up to a moment give where it stood then.

mod act;
mod gate;
mod release;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use act::{Act, Note, act, knows};
pub use gate::{ClosedIncident, Obstacle, Reason, judge, unready};
pub use release::{find, releases};

use super::entity::{Risk, RiskEvent, RiskStatus, Tables};
use super::moment::Moment;

/// Where a risk stood at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its status.
    pub status: RiskStatus,
    /// Id of the role or person who had it.
    pub owner: Option<String>,
    /// Until when it was accepted; `None` if it was not accepted, or for ever.
    pub accepted_until: Option<Moment>,
    /// What was linked to it: `signal.ID`, `intervention.ID`, `incident.NUMBER`.
    pub linked: BTreeSet<String>,
    /// When an entry was last written; `None` if its history is empty.
    pub touched_at: Option<Moment>,
}

impl Standing {
    /// Returns where the risk stands now, by what is written of it beside its history.
    pub fn now(risk: &Risk) -> Self {
        Self {
            status: risk.status,
            owner: risk.owner.clone(),
            accepted_until: risk.acceptance(),
            linked: links(risk).collect(),
            touched_at: risk.history.last().map(|event| event.at),
        }
    }

    /// Where it stood at a moment, milliseconds since the Unix epoch, by its history. `None` before its first entry: nothing
    /// is known of it. After its last one it stands where its table says, also if somebody changed that by hand.
    pub fn at(risk: &Risk, at_ms: u64) -> Option<Self> {
        if risk.history.last().is_none_or(|last| last.at.ms <= at_ms) {
            return Some(Self::now(risk));
        }
        let mut events = risk.history.iter().take_while(|event| event.at.ms <= at_ms).peekable();
        events.peek()?;
        Some(events.fold(Self::before(risk), Self::after))
    }

    /// Whether the risk is accepted and its acceptance is over at a moment, milliseconds since the Unix epoch.
    pub fn has_lapsed(&self, at_ms: u64) -> bool {
        self.status == RiskStatus::Accepted && self.accepted_until.is_some_and(|until| until.ms <= at_ms)
    }

    /// Returns the risk before its first entry: what no entry says was there from the start.
    fn before(risk: &Risk) -> Self {
        let later: BTreeSet<&String> = risk.history.iter().flat_map(|event| &event.linked).collect();
        Self {
            status: risk.status,
            owner: risk.owner.clone().filter(|_| risk.history.iter().all(|event| event.owner.is_none())),
            accepted_until: risk
                .accepted_until
                .filter(|_| risk.history.iter().all(|event| event.accepted_until.is_none())),
            linked: links(risk).filter(|link| !later.contains(link)).collect(),
            touched_at: None,
        }
    }

    fn after(mut self, event: &RiskEvent) -> Self {
        self.status = event.status;
        self.owner = event.owner.clone().or(self.owner);
        let until = event.accepted_until.or(self.accepted_until);
        self.accepted_until = until.filter(|_| event.status == RiskStatus::Accepted);
        self.linked.extend(event.linked.iter().cloned());
        self.touched_at = Some(event.at);
        self
    }
}

/// Returns the ids of all risks, the gravest first, then by id.
pub fn gravest_first(tables: &Tables) -> Vec<(&str, &Risk)> {
    let mut risks: Vec<(&str, &Risk)> = tables.risk.iter().map(|(id, risk)| (id.as_str(), risk)).collect();
    risks.sort_by(|(a, one), (b, other)| other.severity().cmp(&one.severity()).then_with(|| a.cmp(b)));
    risks
}

/// All that a risk is linked to, as its history names it.
fn links(risk: &Risk) -> impl Iterator<Item = String> {
    let signals = risk.signals.iter().map(|id| format!("signal.{id}"));
    let interventions = risk.interventions.iter().map(|id| format!("intervention.{id}"));
    signals.chain(interventions).chain(risk.incidents.iter().map(|id| format!("incident.{id}")))
}
