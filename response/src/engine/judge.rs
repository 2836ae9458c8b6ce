//! Judges each intervention that a signal maps: what stands in its way, and what keeps automation from it.

use std::cmp::Reverse;

use super::ledger::{Ledger, Room};
use crate::incident::IncidentState;
use crate::plan::{Automation, Intervention, Plan, Signal};
use crate::triage::Case;

/// What forbids an intervention, to people too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// There is no incident any more.
    Retracted,
    /// The power is gone.
    Expired,
    /// Its uses are taken.
    UsesTaken,
    /// It rests after a use.
    Rests,
    /// It acts on other chains.
    OtherChain,
    /// It is for other subjects.
    OtherSubject,
    /// The incident is not grave enough.
    NotGrave,
    /// Its owner's role has fewer people than must agree.
    NoQuorum,
}

/// What forbids an intervention to automation, and leaves it to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Too few sources agree.
    Uncorroborated,
    /// No finding says which chain is concerned.
    ChainUnknown,
    /// Something must be true first that the host can't check.
    Prerequisites,
}

/// What was found about one intervention.
pub(super) struct Verdict<'p> {
    pub id: &'p str,
    pub intervention: &'p Intervention,
    pub bars: Vec<Bar>,
    pub gaps: Vec<Gap>,
    pub room: Room,
    /// From the decision to the effect.
    pub seconds: u64,
}

impl Verdict<'_> {
    /// Whether a proposal may stand.
    pub(super) fn is_proposable(&self) -> bool {
        let gated = match self.intervention.automation {
            Automation::Off => true,
            // What a person must confirm first, a person can be asked to confirm.
            Automation::Propose => self.gaps.contains(&Gap::Uncorroborated),
            Automation::Presigned | Automation::Auto => !self.gaps.is_empty(),
        };
        self.bars.is_empty() && !gated
    }

    /// Whether it may be done now without asking anybody.
    pub(super) fn is_permitted(&self) -> bool {
        self.is_proposable() && matches!(self.intervention.automation, Automation::Presigned | Automation::Auto)
    }

    /// What stands in its way, as a number that tells whether an answer changed.
    pub(super) fn code(&self) -> u32 {
        let bars = self.bars.iter().fold(0, |code, bar| code | 1 << *bar as u32);
        self.gaps.iter().fold(bars, |code, gap| code | 1 << (16 + *gap as u32))
    }
}

/// Judges every intervention of a signal for a case, by ascending trust cost, then from the narrowest scope to the
/// widest, then from the fastest to the slowest.
pub(super) fn judge<'p>(
    plan: &'p Plan,
    signal: &'p Signal,
    case: &Case,
    ledger: &Ledger,
    now_ms: u64,
) -> Vec<Verdict<'p>> {
    let tables = plan.tables();
    let mut verdicts: Vec<Verdict<'p>> = Vec::with_capacity(signal.interventions.len());
    for id in &signal.interventions {
        let Some(intervention) = tables.intervention.get(id) else { continue };
        let room = ledger.room(id, &intervention.limits, case.incident.id, now_ms);
        let seconds = plan.seconds_to_effect(intervention);
        let mut verdict = Verdict { id, intervention, bars: Vec::new(), gaps: Vec::new(), room, seconds };
        bars(&mut verdict, plan, case, now_ms);
        gaps(&mut verdict, plan, signal, case);
        verdicts.push(verdict);
    }
    verdicts.sort_by_key(|verdict| {
        let scope = &verdict.intervention.scope;
        let width = (scope.subjects.is_empty(), scope.subjects.len(), scope.chains.len().max(1));
        (verdict.intervention.cost.trust, width, verdict.seconds, verdict.id)
    });
    verdicts
}

fn bars(verdict: &mut Verdict<'_>, plan: &Plan, case: &Case, now_ms: u64) {
    let (limits, room) = (&verdict.intervention.limits, &verdict.room);
    if case.incident.state == IncidentState::Retracted {
        verdict.bars.push(Bar::Retracted);
        return;
    }
    if limits.not_after.is_some_and(|end| now_ms >= end.ms) {
        verdict.bars.push(Bar::Expired);
    }
    if room.held.is_none() && room.left == Some(0) {
        verdict.bars.push(Bar::UsesTaken);
    }
    if room.held.is_none() && room.rests.is_some() {
        verdict.bars.push(Bar::Rests);
    }
    let chains = chains(verdict.intervention, plan);
    if !chains.is_empty() && !is_on(case, &chains) && case.chains().all(|chain| chain.is_some()) {
        verdict.bars.push(Bar::OtherChain);
    }
    let subjects = &verdict.intervention.scope.subjects;
    if !subjects.is_empty() && !subjects.iter().any(|subject| case.is_about(subject, &chains)) {
        verdict.bars.push(Bar::OtherSubject);
    }
    if limits.min_severity.is_some_and(|least| case.incident.severity < least) {
        verdict.bars.push(Bar::NotGrave);
    }
    if limits.quorum.is_some_and(|quorum| plan.headcount(&verdict.intervention.owner) < quorum as usize) {
        verdict.bars.push(Bar::NoQuorum);
    }
}

fn gaps(verdict: &mut Verdict<'_>, plan: &Plan, signal: &Signal, case: &Case) {
    if (case.incident.sources.len() as u32) < signal.corroboration.sources {
        verdict.gaps.push(Gap::Uncorroborated);
    }
    let chains = chains(verdict.intervention, plan);
    if !chains.is_empty() && !is_on(case, &chains) && case.chains().any(|chain| chain.is_none()) {
        verdict.gaps.push(Gap::ChainUnknown);
    }
    if !verdict.intervention.prerequisites.is_empty() {
        verdict.gaps.push(Gap::Prerequisites);
    }
}

/// Whether a live finding is known to be on one of these chains.
fn is_on(case: &Case, chains: &[u64]) -> bool {
    case.chains().flatten().any(|chain| chains.contains(&chain))
}

/// Chains that an intervention acts on; empty where no chain is involved.
pub(super) fn chains(intervention: &Intervention, plan: &Plan) -> Vec<u64> {
    if !intervention.scope.chains.is_empty() {
        return intervention.scope.chains.clone();
    }
    let authority = plan.tables().authority.get(&intervention.authority);
    authority.and_then(|authority| authority.chain).into_iter().collect()
}

/// The order in which incidents are served where they wait for the same limit: the gravest first, then the oldest.
pub(super) fn precedence(case: &Case) -> (Reverse<crate::finding::Severity>, u64) {
    (Reverse(case.incident.severity), case.incident.id)
}
