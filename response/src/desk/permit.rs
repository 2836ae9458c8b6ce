//! What the plan puts forward by itself: proposals to people, and rulings that it made beforehand.

use alloy_primitives::B256;

use crate::decision::{Ruling, RulingState};
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::file::File;
use crate::desk::judge::Verdict;
use crate::digest::Hasher;
use crate::due::Due;
use crate::effect::Effect;
use crate::incident::IncidentId;
use crate::plan::moment::span;
use crate::plan::{Automation, Intervention, Plan};
use crate::timeline::EntryKind;

/// A proposal to make or to take back.
pub(super) struct Proposal {
    intervention: String,
    effect: Effect,
    /// Whether the plan has decided on it beforehand.
    is_ruling: bool,
}

impl Desk {
    /// Proposals to make and to take back, so that those stand which the verdicts allow.
    pub(super) fn proposals(&self, file: &File, plan: &Plan, verdicts: &[Verdict<'_>], cause: &str) -> Vec<Proposal> {
        let incident = file.case.incident.id;
        let mut proposals = Vec::new();
        for verdict in verdicts {
            let chosen = file
                .rulings
                .iter()
                .any(|one| one.intervention == verdict.id && one.state.is_open() && one.by.is_some());
            let (id, intervention) = (verdict.id.to_owned(), verdict.intervention);
            match (verdict.is_proposable(), verdict.room.held) {
                (true, None) => {
                    let effect = propose(plan, incident, verdict.id, intervention, verdict.seconds);
                    proposals.push(Proposal { intervention: id, effect, is_ruling: verdict.is_permitted() });
                }
                // What a person chose stands until the plan forbids it to people too.
                (false, Some(_)) if !(chosen && verdict.bars.is_empty()) => {
                    let effect = Effect::Withdraw { incident, intervention: id.clone(), text: cause.to_owned() };
                    proposals.push(Proposal { intervention: id, effect, is_ruling: false });
                }
                _ => {}
            }
        }
        proposals
    }

    /// Reserves, then proposes; takes back, then releases.
    pub(super) fn put_forward(&mut self, id: IncidentId, plan: &Plan, proposals: Vec<Proposal>, turn: &mut Turn) {
        for Proposal { intervention, effect, is_ruling } in proposals {
            match effect {
                Effect::Propose { .. } => {
                    if !self.ledger_of(id).reserve(&intervention, id, turn.now_ms) {
                        continue;
                    }
                    let how = if is_ruling { "permitted beforehand" } else { "proposed" };
                    let Some(entity) = plan.tables().intervention.get(&intervention) else { continue };
                    self.write(
                        id,
                        EntryKind::Proposed,
                        None,
                        format!("{intervention}: {how}; {}", entity.summary),
                        turn,
                    );
                    if is_ruling {
                        self.rule_beforehand(id, &intervention, entity, turn);
                    }
                    self.order(id, effect, turn);
                }
                _ => self.withdraw(id, &intervention, effect, turn),
            }
        }
    }

    /// A ruling that nobody has to make, since the plan made it.
    fn rule_beforehand(&mut self, id: IncidentId, intervention: &str, entity: &Intervention, turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let number = file.rulings.len() as u32 + 1;
        let valid_until_ms = turn.in_s(entity.limits.valid_s);
        file.rulings.push(Ruling {
            number,
            intervention: intervention.to_owned(),
            by: None,
            why: "the plan permits it beforehand".to_owned(),
            at_ms: turn.now_ms,
            revision: file.revision,
            approvals: Vec::new(),
            quorum: 0,
            calldata: calldata(entity),
            valid_until_ms,
            state: RulingState::Approved,
            done: None,
            done_at_ms: None,
            ends_at_ms: None,
        });
        self.set_due(id, Due::Ruling { number }, valid_until_ms, turn);
    }

    fn withdraw(&mut self, id: IncidentId, intervention: &str, effect: Effect, turn: &mut Turn) {
        let dry_run = self.is_dry(id);
        if !self.ledgers.release(dry_run, intervention, id) {
            return;
        }
        let mut ended = Vec::new();
        if let Some(file) = self.files.get_mut(&id) {
            for ruling in file.rulings.iter_mut() {
                if ruling.intervention == intervention && ruling.state.is_open() {
                    ruling.state = RulingState::Withdrawn;
                    ended.push(ruling.number);
                }
            }
        }
        for number in ended {
            self.drop_due(id, &Due::Ruling { number }, turn);
        }
        if let Effect::Withdraw { text, .. } = &effect {
            self.write(id, EntryKind::Vetoed, None, format!("{intervention} is withdrawn: {text}"), turn);
        }
        self.order(id, effect, turn);
    }
}

/// Returns the proposal of an intervention to those who decide; if that is settled, to those who hold the authority.
pub(super) fn propose(
    plan: &Plan,
    incident: IncidentId,
    id: &str,
    intervention: &Intervention,
    seconds: u64,
) -> Effect {
    let role = match intervention.automation {
        Automation::Off | Automation::Propose => Some(&intervention.owner),
        _ => plan.tables().authority.get(&intervention.authority).map(|authority| &authority.role),
    };
    let most = intervention.limits.max_duration_s.map(|most_s| format!(", for {} at most", span(most_s)));
    Effect::Propose {
        incident,
        intervention: id.to_owned(),
        owner: intervention.owner.clone(),
        authority: intervention.authority.clone(),
        whom: role.map(|role| plan.people(role)).unwrap_or_default(),
        text: format!(
            "{}{}; takes effect in {}; trust cost {} of 10: {}",
            intervention.summary,
            most.unwrap_or_default(),
            span(seconds),
            intervention.cost.trust,
            intervention.cost.why
        ),
    }
}

/// Returns the hash of the calls that carry an intervention out: what everybody who agrees agrees to.
pub(super) fn calldata(intervention: &Intervention) -> B256 {
    let mut hasher = Hasher::new("calls").number(intervention.calls.len() as u64);
    for call in &intervention.calls {
        hasher = hasher.bytes(call.target.as_slice()).text(&call.function).number(call.args.len() as u64);
        for arg in &call.args {
            hasher = hasher.text(arg);
        }
    }
    hasher.finish()
}
