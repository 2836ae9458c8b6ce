//! What the plan puts forward by itself: proposals to people, and rulings that it made beforehand.

use alloy_primitives::B256;

use crate::decision::{Choice, Ruling, RulingState};
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::file::File;
use crate::desk::judge::Verdict;
use crate::digest::Hasher;
use crate::due::Due;
use crate::effect::{CallData, Effect, Human, Terms};
use crate::incident::{Incident, IncidentId};
use crate::plan::moment::span;
use crate::plan::{Call, Defaults, Intervention, Plan, ProvedAct};
use crate::timeline::EntryKind;

/// A proposal to make or to take back.
pub(super) struct Proposal {
    intervention: String,
    effect: Effect,
    /// Whether the plan has decided on it beforehand.
    is_ruling: bool,
    /// From now to its effect, in seconds.
    takes_s: Option<u64>,
    /// Incidents whose reserved uses make room for it, in this order, where the limits leave none.
    yielding: Vec<IncidentId>,
}

impl Desk {
    /// Proposals to make and to take back, so that those stand which the verdicts allow.
    pub(super) fn proposals(
        &self,
        file: &File,
        plan: &Plan,
        verdicts: &[Verdict<'_>],
        choices: &[Choice],
        cause: &str,
    ) -> Vec<Proposal> {
        let incident = file.case.incident.id;
        let mut proposals = Vec::new();
        for (verdict, choice) in verdicts.iter().zip(choices) {
            let takes_s = choice.way.takes_s;
            let (id, intervention) = (verdict.id.to_owned(), verdict.intervention);
            let yielding = verdict.room.yielding.clone();
            match (verdict.is_proposable(), verdict.room.held) {
                // One act serves both.
                (true, None) if verdict.room.shared.is_some() => {}
                (true, None) => {
                    let effect = propose(plan, &file.case.incident, verdict.id, intervention, takes_s, None);
                    let is_ruling = verdict.is_permitted();
                    proposals.push(Proposal { intervention: id, effect, is_ruling, takes_s, yielding });
                }
                // What a person chose stands until the plan forbids it to people too.
                (false, Some(_)) if !verdict.stands(file) => {
                    let effect = Effect::Withdraw { incident, intervention: id.clone(), text: cause.to_owned() };
                    proposals.push(Proposal { intervention: id, effect, is_ruling: false, takes_s, yielding });
                }
                _ => {}
            }
        }
        proposals
    }

    /// Reserves, then proposes; takes back, then releases.
    pub(super) fn put_forward(&mut self, id: IncidentId, plan: &Plan, proposals: Vec<Proposal>, turn: &mut Turn) {
        for Proposal { intervention, effect, is_ruling, takes_s, yielding } in proposals {
            match effect {
                Effect::Propose { .. } => {
                    self.make_room(id, plan, &intervention, yielding, turn);
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
                    match is_ruling {
                        true => self.rule_beforehand(id, plan, &intervention, takes_s, turn),
                        false => drop(self.order(id, effect, turn)),
                    }
                }
                _ => self.withdraw(id, &intervention, effect, turn),
            }
        }
    }

    /// Takes reserved uses back from other incidents until the limits leave one to this incident, or none is left to take.
    pub(super) fn make_room(
        &mut self,
        id: IncidentId,
        plan: &Plan,
        intervention: &str,
        yielding: Vec<IncidentId>,
        turn: &mut Turn,
    ) {
        let Some(entity) = plan.tables().intervention.get(intervention) else { return };
        for other in yielding {
            let room = self.ledger_of(id).room(intervention, &entity.limits, id, Vec::new(), turn.now_ms);
            if room.held.is_some() || (room.left != Some(0) && room.rests.is_none()) {
                return;
            }
            let text = format!("incident {id} weighs more, and takes the use that was kept for {intervention}");
            let effect = Effect::Withdraw { incident: other, intervention: intervention.to_owned(), text };
            self.withdraw(other, intervention, effect, turn);
        }
    }

    /// A ruling that nobody has to make, since the plan made it.
    fn rule_beforehand(
        &mut self,
        id: IncidentId,
        plan: &Plan,
        intervention: &str,
        takes_s: Option<u64>,
        turn: &mut Turn,
    ) {
        let Some(entity) = plan.tables().intervention.get(intervention) else { return };
        let Some(file) = self.files.get_mut(&id) else { return };
        let number = file.rulings.len() as u32 + 1;
        let valid_until_ms = turn.in_s(entity.limits.valid_s);
        let ruling = Ruling {
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
        };
        let effect = carry_out(plan, &file.case.incident, &ruling, entity, takes_s);
        file.rulings.push(ruling);
        self.set_due(id, Due::Ruling { number }, valid_until_ms, turn);
        self.order(id, effect, turn);
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
            self.write(id, EntryKind::Withdrawn, None, format!("{intervention} is withdrawn: {text}"), turn);
        }
        self.order(id, effect, turn);
    }
}

/// Returns the proposal of an intervention to those who decide, with how far a `ruling` on it has come.
pub(super) fn propose(
    plan: &Plan,
    incident: &Incident,
    id: &str,
    intervention: &Intervention,
    takes_s: Option<u64>,
    ruling: Option<&Ruling>,
) -> Effect {
    let most = intervention.limits.max_duration_s.map(|most_s| format!(", for {} at most", span(most_s)));
    let takes = takes_s.map_or_else(|| "no step pages who decides".to_owned(), |s| format!("effect in {}", span(s)));
    let terms = terms(plan, incident, (id, intervention), takes_s, ruling);
    let mut text = format!(
        "{}{}; {takes}; trust cost {} of 10: {}",
        intervention.summary,
        most.unwrap_or_default(),
        intervention.cost.trust,
        intervention.cost.why
    );
    if ruling.is_some() {
        let missing: Vec<&str> = terms.missing.iter().map(|one| one.name.as_str()).collect();
        let (have, need) = (terms.agreed.len(), terms.quorum);
        text =
            format!("{id}: {have} of {need} agree, missing is one of {}: {}; {text}", missing.join(", "), terms.next);
    }
    Effect::Propose {
        incident: incident.id,
        intervention: id.to_owned(),
        owner: intervention.owner.clone(),
        authority: intervention.authority.clone(),
        whom: plan.people(&intervention.owner),
        text,
        terms: Some(Box::new(terms)),
    }
}

/// Returns the effect by which those who hold the authority carry out what a ruling permits.
pub(super) fn carry_out(
    plan: &Plan,
    incident: &Incident,
    ruling: &Ruling,
    intervention: &Intervention,
    takes_s: Option<u64>,
) -> Effect {
    let (id, number) = (ruling.intervention.as_str(), ruling.number);
    let terms = terms(plan, incident, (id, intervention), takes_s, Some(ruling));
    let calls: Vec<String> = terms.calls.iter().map(|call| format!("{} at {}", written(call), call.target)).collect();
    let calls = if calls.is_empty() { String::new() } else { format!(" by {}", calls.join(", then ")) };
    let how = if ruling.by.is_none() { "is permitted beforehand" } else { "is decided" };
    let text = format!("{id} {how} (ruling {number}): carry it out{calls}, then say so: {}", terms.next);
    Effect::CarryOut {
        incident: incident.id,
        ruling: number,
        intervention: id.to_owned(),
        owner: intervention.owner.clone(),
        authority: intervention.authority.clone(),
        text,
        terms: Box::new(terms),
    }
}

/// What is typed behind an act that must be proved.
const SIGN: &str = " --sign keystore:FILE";

fn written(call: &CallData) -> String {
    let name = call.function.split('(').next().unwrap_or_default();
    format!("{name}({})", call.args.join(", "))
}

/// Returns what an intervention takes.
fn terms(
    plan: &Plan,
    incident: &Incident,
    (id, intervention): (&str, &Intervention),
    takes_s: Option<u64>,
    ruling: Option<&Ruling>,
) -> Terms {
    let human = |id: &str| Human { id: id.to_owned(), name: plan.name(id) };
    let authority = plan.tables().authority.get(&intervention.authority);
    let deciders = plan.deciders(intervention);
    let agreed: &[String] = ruling.map_or(&[], |ruling| &ruling.approvals);
    let quorum = ruling.map_or(intervention.limits.quorum.unwrap_or(1).max(1), |ruling| ruling.quorum);
    let permitted = ruling.is_some_and(|ruling| ruling.state == RulingState::Approved);
    let counts = |person: &&&str| !agreed.iter().any(|one| plan.same_human(one, person));
    // A journal of before has these words without it.
    let says_how = plan.defaults() >= Defaults::Proofs;
    let sign = |act| if says_how && plan.wants_proof(act, id, incident.severity) { SIGN } else { "" };
    let next = match ruling {
        Some(one) if permitted => {
            let (number, sign) = (one.number, sign(ProvedAct::Done));
            format!("watchfire incident done {} {number} --by-what TRANSACTION{sign}", incident.id)
        }
        Some(one) => format!("watchfire incident approve {} {}{}", incident.id, one.number, sign(ProvedAct::Approve)),
        None => format!("watchfire incident decide {} {id} --why WHY{}", incident.id, sign(ProvedAct::Decide)),
    };
    let signal = plan.tables().signal.get(&incident.signal);
    Terms {
        ruling: ruling.map(|ruling| ruling.number),
        permitted,
        may_decide: deciders.iter().map(|id| human(id)).collect(),
        agreed: agreed.iter().map(|id| human(id)).collect(),
        quorum,
        missing: match permitted {
            true => Vec::new(),
            false => deciders.iter().filter(counts).map(|id| human(id)).collect(),
        },
        may_carry_out: authority
            .map(|authority| plan.members(&authority.role).into_iter().map(human).collect())
            .unwrap_or_default(),
        calls: intervention.calls.iter().map(|call| call_data(call, authority.and_then(|one| one.chain))).collect(),
        calls_hash: calldata(intervention),
        prerequisites: intervention.prerequisites.clone(),
        valid_until_ms: ruling.map(|ruling| ruling.valid_until_ms),
        takes_s,
        runbook: signal.and_then(|signal| signal.runbook.clone()),
        next,
    }
}

fn call_data(call: &Call, chain: Option<u64>) -> CallData {
    CallData {
        chain,
        target: call.target.to_checksum(None),
        function: call.function.clone(),
        args: call.args.clone(),
        calldata: call.data().map(|data| data.to_string()),
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
