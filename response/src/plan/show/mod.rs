//! A plan as people read it: what leads to what, who decides, who carries it out, who is woken, and whom to call outside.

mod diagram;
mod text;

use serde::Serialize;

use super::moment::span;
use super::{Automation, Plan};

pub use diagram::{mermaid, svg};
pub use text::{markdown, pretty};

/// One signal with one intervention that it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Id of the signal.
    pub signal: String,
    /// Id of the intervention.
    pub intervention: String,
    /// What it does.
    pub summary: String,
    /// Id of the role that decides.
    pub owner: String,
    /// Names of those who may.
    pub deciders: Vec<String>,
    /// How many must agree.
    pub quorum: u32,
    /// Id of the authority that carries it out.
    pub authority: String,
    /// `off`, `propose`, `presigned` or `auto`.
    pub automation: String,
    /// 0 to 10.
    pub trust_cost: u8,
    /// What users can't do while it lasts.
    pub blocks: Vec<String>,
    /// From the opening of an incident until somebody who may decide has answered, in seconds, at most: everybody takes all the time that
    /// they have, and whoever is on duty by a rota is one who may not decide. 0 if the plan decided beforehand; `None` if no step of the escalation reaches one of them.
    pub ack_s: Option<u64>,
    /// From the opening of an incident to the effect, in seconds, at most, as its first decision says; where nobody is reached, from the decision.
    pub takes_s: u64,
    /// Whether that is longer than the signal's time to harm; `None` if none is named.
    pub too_late: Option<bool>,
}

/// One escalation, a line for each step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ladder {
    /// Its id.
    pub id: String,
    /// Severities that it is for.
    pub severities: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<String>,
}

/// One dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outside {
    /// Its id.
    pub id: String,
    /// What it is.
    pub summary: String,
    /// Whom to call, the backup second.
    pub contacts: Vec<String>,
    /// How long it takes to agree with them, in seconds.
    pub coordination_s: u64,
    /// How it fails.
    pub failure_modes: Vec<String>,
    /// The degraded mode to enter meanwhile.
    pub mode: Option<String>,
}

/// A plan, laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// The protocol's name.
    pub protocol: String,
    /// The plan's hash.
    pub plan: alloy_primitives::B256,
    /// Signals with what they lead to, by signal and ascending trust cost.
    pub rows: Vec<Row>,
    /// Escalations.
    pub ladders: Vec<Ladder>,
    /// Dependencies.
    pub outside: Vec<Outside>,
}

/// Returns the layout of a plan.
pub fn picture(plan: &Plan) -> Picture {
    let tables = plan.tables();
    let mut rows = Vec::new();
    for (id, signal) in &tables.signal {
        let mut of_signal: Vec<Row> = Vec::new();
        for name in &signal.interventions {
            let Some(intervention) = tables.intervention.get(name) else { continue };
            let ack_s = plan.seconds_to_answer(id, intervention);
            let takes_s = ack_s.unwrap_or(0).saturating_add(plan.seconds_from_answer(intervention));
            of_signal.push(Row {
                signal: id.clone(),
                intervention: name.clone(),
                summary: intervention.summary.clone(),
                owner: intervention.owner.clone(),
                deciders: plan.deciders(intervention).into_iter().map(|person| plan.name(person)).collect(),
                quorum: intervention.limits.quorum.unwrap_or(1).max(1),
                authority: intervention.authority.clone(),
                automation: automation(intervention.automation).to_owned(),
                trust_cost: intervention.cost.trust,
                blocks: intervention.cost.blocks.clone(),
                ack_s,
                takes_s,
                too_late: signal.time_to_harm_s.map(|harm_s| takes_s > harm_s),
            });
        }
        of_signal.sort_by(|a, b| {
            (a.trust_cost, a.takes_s, &a.intervention).cmp(&(b.trust_cost, b.takes_s, &b.intervention))
        });
        rows.extend(of_signal);
    }
    Picture {
        protocol: tables.protocol.name.clone(),
        plan: plan.hash(),
        rows,
        ladders: tables.escalation.iter().map(|(id, one)| ladder(id, one)).collect(),
        outside: tables.dependency.iter().map(|(id, one)| outside(id, one)).collect(),
    }
}

pub(super) fn automation(automation: Automation) -> &'static str {
    match automation {
        Automation::Off => "off",
        Automation::Propose => "propose",
        Automation::Presigned => "presigned",
        Automation::Auto => "auto",
    }
}

fn ladder(id: &str, escalation: &super::Escalation) -> Ladder {
    let step = |step: &super::Step| format!("{}, who have {} to answer", step.who.join(", "), span(step.ack_within_s));
    let mut steps: Vec<String> = escalation.steps.iter().map(step).collect();
    if escalation.urgent == super::Urgent::AllAtOnce {
        steps.insert(0, "each person by all of their urgent channels at once".to_owned());
    }
    if escalation.repeat > 0 {
        steps.push(format!("all of it again, {} times", escalation.repeat));
    }
    if let Some(then) = &escalation.then {
        steps.push(format!("then {then}"));
    }
    if !escalation.last_resort.is_empty() {
        steps.push(format!("as the last resort {}", escalation.last_resort.join(", ")));
    }
    steps.push(format!("from the bottom again after {} without a word", span(escalation.unack_after_s)));
    let severities = escalation.severities.iter().map(ToString::to_string).collect();
    Ladder { id: id.to_owned(), severities, steps }
}

fn outside(id: &str, dependency: &super::Dependency) -> Outside {
    Outside {
        id: id.to_owned(),
        summary: dependency.summary.clone(),
        contacts: dependency.contact.iter().chain(&dependency.backup_contact).cloned().collect(),
        coordination_s: dependency.coordination_s,
        failure_modes: dependency.failure_modes.clone(),
        mode: dependency.mode.clone(),
    }
}
