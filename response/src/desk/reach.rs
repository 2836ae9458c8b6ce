//! Who can act in time: the way from now to the effect of an intervention, person by person and second by second.

use crate::decision::{RulingState, Way};
use crate::desk::file::Stage;
use crate::desk::judge::Verdict;
use crate::desk::situation::Situation;
use crate::plan::climb::Climb;

/// Returns the way to an intervention. `left_s` are the seconds until the projected harm.
pub(super) fn way(situation: &Situation<'_>, verdict: &Verdict<'_>, left_s: Option<u64>) -> Way {
    let plan = situation.plan;
    let intervention = verdict.intervention;
    let cost = &intervention.cost;
    let authority = plan.tables().authority.get(&intervention.authority);
    let ruling = situation.open_ruling(verdict.id);
    let is_decided = ruling.is_some_and(|ruling| ruling.state == RulingState::Approved);
    let permitted = verdict.is_permitted();
    let mut deciders = plan.deciders(intervention);
    if let Some(ruling) = ruling {
        deciders.retain(|person| !ruling.approvals.iter().any(|one| plan.same_human(one, person)));
    }
    let names = |ids: &[&str]| ids.iter().map(|id| plan.name(id)).collect();
    let ack_s = if permitted || is_decided { Some(0) } else { ack_s(situation, &deciders) };
    let decision_s = if permitted || is_decided { 0 } else { intervention.decision_s };
    let signature_s = if permitted { 0 } else { authority.map_or(0, |authority| authority.signature_s) };
    // The verdict's seconds hold signatures, unless they are given beforehand, and the delay.
    let rest_s = verdict.seconds;
    let takes_s = ack_s.map(|ack_s| ack_s.saturating_add(decision_s).saturating_add(rest_s));
    let mode = cost.mode.as_ref().map(|id| {
        let mode = plan.tables().mode.get(id);
        mode.map_or_else(|| id.clone(), |mode| format!("{id}: {}", mode.summary))
    });
    Way {
        decides: if permitted || is_decided { Vec::new() } else { names(&deciders) },
        signs: authority.filter(|_| !permitted).map(|authority| plan.people(&authority.role)).unwrap_or_default(),
        signatures: authority.filter(|_| !permitted).map_or(0, |authority| authority.threshold),
        ack_s,
        decision_s,
        signature_s,
        reaction_s: intervention.reaction_s,
        delay_s: verdict.delay_s,
        takes_s,
        in_time: if verdict.bars.is_empty() {
            takes_s.zip(left_s).map(|(takes_s, left_s)| takes_s <= left_s)
        } else {
            left_s.map(|_| false)
        },
        blocks: cost.blocks.clone(),
        accrues: cost.accrues.clone(),
        mode,
    }
}

/// Returns the seconds until somebody who may decide has answered, if everybody takes all the time that the escalation
/// gives; `None` if no step reaches one of them.
fn ack_s(situation: &Situation<'_>, deciders: &[&str]) -> Option<u64> {
    let Situation { plan, file, now_ms, ack_due_ms, .. } = *situation;
    let incident = &file.case.incident;
    let is_one = |person: &str| deciders.iter().any(|decider| plan.same_human(decider, person));
    if incident.acked_by.as_deref().is_some_and(is_one) || incident.roles.values().any(|person| is_one(person)) {
        return Some(0);
    }
    let (escalation, from, waited_s) = match &file.ladder {
        Some(ladder) if incident.acked_by.is_none() => {
            let (_, escalation) = plan.tables().escalation.get_key_value(&ladder.escalation)?;
            let from = match ladder.stage {
                Stage::Step(step) => Some(step),
                Stage::Exhausted => None,
            };
            (escalation, from, ack_due_ms.unwrap_or(now_ms).saturating_sub(now_ms).div_ceil(1_000))
        }
        // Whoever has it is no decider, or nobody was paged yet: it begins with the first step.
        _ => (plan.escalation(&incident.signal, incident.severity)?.1, Some(0), 0),
    };
    let is_paged = file.ladder.is_some() && incident.acked_by.is_none();
    let climb = Climb { plan, deciders, duty: &|who, at_ms| plan.on_duty(who, at_ms), now_ms };
    climb.seconds(escalation, from, waited_s, is_paged)
}
