//! Judges each intervention that a signal maps: what stands in its way, and what keeps automation from it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::decision::{Ruling, RulingState};
use crate::desk::facts::Facts;
use crate::desk::file::File;
use crate::desk::ledger::{Ledger, Room};
use crate::desk::permit::calldata;
use crate::desk::world::World;
use crate::desk::{Desk, GRAVEST};
use crate::due::Due;
use crate::fact::{FactKey, Says};
use crate::incident::{IncidentId, IncidentState};
use crate::plan::{AuthorityKind, Automation, Intervention, Plan, Signal};
use crate::triage::{Case, Need};

/// By how much the earliest calendar is ahead of UTC, milliseconds.
const AHEAD_MS: u64 = 14 * 3_600_000;
/// A person's word that an authority has its power is worth so long, milliseconds.
pub(super) const VERIFIED_FRESH_MS: u64 = 90 * 24 * 3_600 * 1_000;

/// What forbids an intervention, to people too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// The incident is over.
    Over,
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
    /// Too few people may agree on it.
    NoQuorum,
    /// The chain says that its authority doesn't have the power.
    NotHeld,
    /// Its authority has given no sign of life.
    NoHeartbeat,
    /// It is in effect already.
    InEffect,
    /// It rests for a while, by the plan.
    Blackout,
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
    /// Nobody has made sure lately that its authority has the power.
    Unverified,
    /// Somebody stopped all automation.
    Halted,
    /// Somebody stopped or undid it in this incident.
    Overruled,
    /// It rests for a while, by the plan; people may still contain what is gravest.
    Blackout,
    /// Its uses were made; people may still contain what is gravest.
    UsesMade,
    /// It rests after a use; people may still contain what is gravest.
    Rests,
    /// It has not lasted as long as its signal wants.
    Held,
    /// Too few nodes name the blocks of its findings.
    NotAgreed,
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
    /// The authority's own delay, as the chain or the plan says.
    pub delay_s: u64,
    /// The incident and ruling by which another incident has it in effect.
    pub elsewhere: Option<(IncidentId, u32)>,
    /// How many sources the signals want that lead to it, the least of them.
    pub sources_needed: u32,
}

impl Verdict<'_> {
    /// Whether a proposal may stand.
    pub(super) fn is_proposable(&self) -> bool {
        // A halt stops automation: what people decide on is put before them all the same.
        const MATTERS_TO_PEOPLE: [Gap; 5] = [Gap::Uncorroborated, Gap::Overruled, Gap::UsesMade, Gap::Rests, Gap::Held];
        let gated = match self.intervention.automation {
            Automation::Off => true,
            // What a person must confirm first, a person can be asked to confirm.
            Automation::Propose => self.gaps.iter().any(|gap| MATTERS_TO_PEOPLE.contains(gap)),
            Automation::Presigned | Automation::Auto => !self.gaps.is_empty(),
        };
        self.bars.is_empty() && !gated
    }

    /// Whether what was put forward or chosen in an incident goes on standing.
    pub(super) fn stands(&self, file: &File) -> bool {
        self.is_proposable() || (file.is_chosen(self.id) && self.bars.is_empty())
    }

    /// Whether it may be done now without asking anybody.
    pub(super) fn is_permitted(&self) -> bool {
        self.is_proposable() && matches!(self.intervention.automation, Automation::Presigned | Automation::Auto)
    }

    /// Returns what stands in its way as a number, which is another if the answer is.
    pub(super) fn code(&self) -> u64 {
        let bars = self.bars.iter().fold(0, |code, bar| code | 1 << *bar as u64);
        let gaps = self.gaps.iter().fold(bars, |code, gap| code | 1 << (32 + *gap as u64));
        gaps | u64::from(self.room.shared.is_some()) << 63
    }
}

/// All that a verdict depends on.
pub(super) struct Scales<'a> {
    pub plan: &'a Plan,
    pub signal: &'a Signal,
    pub file: &'a File,
    /// All open incidents.
    pub files: &'a BTreeMap<IncidentId, File>,
    pub ledger: &'a Ledger,
    pub facts: &'a Facts,
    pub world: &'a World,
    pub halted: bool,
    /// Whether people don't hear of the incident yet.
    pub is_held: bool,
    pub now_ms: u64,
}

impl Desk {
    pub(super) fn scales<'a>(&'a self, plan: &'a Plan, signal: &'a Signal, file: &'a File, now_ms: u64) -> Scales<'a> {
        let ledger = self.ledgers.of(file.incident().rehearsal);
        let is_held = self.deadlines.due_at_ms(file.incident().id, &Due::Hold).is_some();
        Scales {
            plan,
            signal,
            file,
            files: &self.files,
            ledger,
            facts: &self.facts,
            world: &self.world,
            halted: self.halt.is_some(),
            is_held,
            now_ms,
        }
    }
}

/// Judges every intervention of a signal for a case, by ascending trust cost, then from the narrowest scope to the
/// widest, then from the fastest to the slowest.
pub(super) fn judge<'p>(scales: &Scales<'p>) -> Vec<Verdict<'p>> {
    let tables = scales.plan.tables();
    let mapped = scales.plan.interventions_of(&scales.file.signals());
    let mut verdicts: Vec<Verdict<'p>> = Vec::with_capacity(mapped.len());
    for id in mapped {
        if let Some(intervention) = tables.intervention.get(id) {
            verdicts.push(scales.weigh(id, intervention));
        }
    }
    verdicts.sort_by_key(|verdict| {
        let scope = &verdict.intervention.scope;
        let width = (scope.subjects.is_empty(), scope.subjects.len(), scope.chains.len().max(1));
        (verdict.intervention.cost.trust, width, verdict.seconds, verdict.id)
    });
    verdicts
}

impl<'p> Scales<'p> {
    /// Judges one intervention.
    pub(super) fn weigh(&self, id: &'p str, intervention: &'p Intervention) -> Verdict<'p> {
        let incident = self.file.case.incident.id;
        let yielding = self.yielding(id);
        let mut room = self.ledger.room(id, &intervention.limits, incident, yielding, self.now_ms);
        room.shared = self.shared(id, intervention);
        if let Some(Says::UsesLeft { uses, .. }) = self.fresh(&FactKey::UsesLeft(id.to_owned())) {
            // What is reserved and not carried out yet, the chain doesn't know.
            let pending = room.taken.iter().filter(|used| !used.committed).count() as u32;
            let left = uses.saturating_sub(pending);
            room.left = Some(room.left.map_or(left, |ours| ours.min(left)));
        }
        let planned_s = self.plan.tables().authority.get(&intervention.authority).map_or(0, |one| one.delay_s);
        let delay_s = match self.fresh(&FactKey::Delay(intervention.authority.clone())) {
            Some(Says::Delay { delay_s, .. }) => *delay_s,
            _ => planned_s,
        };
        let seconds = self.plan.seconds_to_effect(intervention).saturating_sub(planned_s).saturating_add(delay_s);
        let mut verdict = Verdict {
            id,
            intervention,
            bars: Vec::new(),
            gaps: Vec::new(),
            room,
            seconds,
            delay_s,
            elsewhere: None,
            sources_needed: self.sources_needed(id),
        };
        verdict.elsewhere = self.in_effect_elsewhere(&verdict);
        self.bars(&mut verdict);
        if !verdict.bars.contains(&Bar::Over) {
            self.gaps(&mut verdict);
        }
        verdict
    }

    fn bars(&self, verdict: &mut Verdict<'_>) {
        let (limits, room) = (&verdict.intervention.limits, &verdict.room);
        let case = &self.file.case;
        if !case.incident.state.is_open() {
            verdict.bars.push(Bar::Over);
            return;
        }
        let authority = self.plan.tables().authority.get(&verdict.intervention.authority);
        let authority_id = verdict.intervention.authority.as_str();
        let lifeless =
            authority.and_then(|one| one.heartbeat_s).is_some_and(|every_s| self.is_lifeless(authority_id, every_s));
        let binds_repetition = self.binds_automation(verdict);
        let mut bar = |stands: bool, bar: Bar| {
            if stands {
                verdict.bars.push(bar);
            }
        };
        let chains = chains(verdict.intervention, self.plan);
        let elsewhere = !chains.is_empty() && !is_on(case, &chains) && case.chains().all(|chain| chain.is_some());
        let subjects = &verdict.intervention.scope.subjects;
        let in_effect = match self.fresh(&FactKey::InEffect(verdict.id.to_owned())) {
            Some(Says::InEffect { yes, .. }) => *yes,
            _ => self.ruling_in_effect(verdict.id).is_some() || verdict.elsewhere.is_some(),
        };
        let holds = self.facts.last(&FactKey::Holds(verdict.intervention.authority.clone())).map(|fact| &fact.says);
        bar(limits.not_after.is_some_and(|end| self.now_ms >= end.ms), Bar::Expired);
        let is_gravest = case.incident.severity >= GRAVEST;
        let is_new = room.held.is_none() && room.shared.is_none();
        bar(is_new && room.left == Some(0) && !(is_gravest && binds_repetition), Bar::UsesTaken);
        bar(is_new && room.rests.is_some() && !is_gravest, Bar::Rests);
        bar(elsewhere && !case.is_empty(), Bar::OtherChain);
        let other = !subjects.is_empty() && !subjects.iter().any(|subject| case.is_about(subject, &chains));
        bar(other && !case.is_empty(), Bar::OtherSubject);
        bar(limits.min_severity.is_some_and(|least| case.incident.severity < least), Bar::NotGrave);
        let may = self.plan.deciders(verdict.intervention).len();
        bar(may < limits.quorum.unwrap_or(1) as usize, Bar::NoQuorum);
        bar(matches!(holds, Some(Says::Holds { yes: false, .. })), Bar::NotHeld);
        bar(lifeless, Bar::NoHeartbeat);
        bar(in_effect, Bar::InEffect);
        bar(self.blackout(verdict.intervention).is_some() && case.incident.severity < GRAVEST, Bar::Blackout);
    }

    /// Whether that its uses are taken binds automation alone: no seal was used up, and no chain counts that none is left.
    /// What others have reserved and not made, a person may take all the same.
    fn binds_automation(&self, verdict: &Verdict<'_>) -> bool {
        let authority = self.plan.tables().authority.get(&verdict.intervention.authority);
        let is_seal = authority.is_none_or(|authority| authority.kind == AuthorityKind::OneShotSeal);
        let is_used_up = is_seal && verdict.room.taken.iter().any(|used| used.committed);
        let is_counted =
            matches!(self.fresh(&FactKey::UsesLeft(verdict.id.to_owned())), Some(Says::UsesLeft { uses: 0, .. }));
        !is_used_up && !is_counted
    }

    fn sources_needed(&self, intervention: &str) -> u32 {
        let signals = self.file.signals();
        let signals = signals.iter().filter_map(|signal| self.plan.tables().signal.get(*signal));
        let leading = signals.filter(|signal| signal.interventions.iter().any(|id| id == intervention));
        let least = leading.map(|signal| signal.corroboration.sources).min();
        least.unwrap_or(self.signal.corroboration.sources)
    }

    /// Incidents whose reserved use of an intervention yields to this one, those that yield first: less grave, or as grave
    /// with fewer sources, and nobody has decided on it there.
    fn yielding(&self, intervention: &str) -> Vec<IncidentId> {
        let weight = |file: &File| (file.incident().severity, file.incident().sources.len());
        let own = weight(self.file);
        let others = self.ledger.reserving(intervention).filter_map(|id| self.files.get(&id));
        let mut others: Vec<&File> =
            others.filter(|file| weight(file) < own && !file.is_chosen(intervention)).collect();
        others.sort_by_key(|file| (weight(file), file.incident().id));
        others.iter().map(|file| file.incident().id).collect()
    }

    /// The ruling of another incident by which the same calls wait to be carried out: one act serves both, and takes one use.
    fn shared(&self, id: &str, intervention: &Intervention) -> Option<(IncidentId, u32)> {
        if intervention.calls.is_empty() {
            return None;
        }
        let own = self.file.incident();
        let is_own = self.file.rulings.iter().any(|one| one.intervention == id && one.state.is_open());
        let others = self.ledger.reserving(id).filter(|other| !is_own && *other != own.id);
        let mut others = others.filter_map(|other| self.files.get(&other));
        let calls = calldata(intervention);
        let serves =
            |one: &&Ruling| one.intervention == id && one.calldata == calls && one.state == RulingState::Approved;
        others.find_map(|file| file.rulings.iter().find(serves).map(|ruling| (file.incident().id, ruling.number)))
    }

    fn gaps(&self, verdict: &mut Verdict<'_>) {
        let case = &self.file.case;
        let is_free = verdict.room.held.is_none() && verdict.room.shared.is_none();
        let (is_spent, rests) = (is_free && verdict.room.left == Some(0), is_free && verdict.room.rests.is_some());
        let chains = chains(verdict.intervention, self.plan);
        let unknown = !chains.is_empty() && !is_on(case, &chains) && case.chains().any(|chain| chain.is_none());
        let is_agreed = self.is_agreed(verdict, &chains);
        let mut gap = |stands: bool, gap: Gap| {
            if stands {
                verdict.gaps.push(gap);
            }
        };
        gap((case.incident.sources.len() as u32) < verdict.sources_needed, Gap::Uncorroborated);
        gap(unknown || case.is_empty(), Gap::ChainUnknown);
        gap(!verdict.intervention.prerequisites.is_empty(), Gap::Prerequisites);
        gap(!self.is_verified(verdict.intervention), Gap::Unverified);
        gap(self.halted, Gap::Halted);
        gap(self.file.overruled.contains_key(verdict.id), Gap::Overruled);
        gap(self.blackout(verdict.intervention).is_some(), Gap::Blackout);
        gap(is_spent, Gap::UsesMade);
        gap(rests, Gap::Rests);
        gap(self.is_held, Gap::Held);
        gap(!is_agreed, Gap::NotAgreed);
    }

    /// Whether as many nodes as are wanted name the blocks of findings that are enough by themselves.
    fn is_agreed(&self, verdict: &Verdict<'_>, chains: &[u64]) -> bool {
        let case = &self.file.case;
        let need = Need {
            sources: verdict.sources_needed,
            min_severity: verdict.intervention.limits.min_severity,
            subjects: &verdict.intervention.scope.subjects,
            chains,
        };
        case.is_empty()
            || !wants_agreed(self.plan, self.file, Some(verdict.id))
            || case.is_agreed(self.world.agreed(), &need)
    }

    /// Returns what a fact says that is young enough to go by.
    fn fresh(&self, key: &FactKey) -> Option<&Says> {
        self.facts.fresh(key, self.now_ms)
    }

    /// Whether an authority's last sign of life is too long ago. Of one that never gave any, nothing is known: that is
    /// for automation to be careful about.
    fn is_lifeless(&self, authority: &str, every_s: u64) -> bool {
        let beat = self.facts.last(&FactKey::Heartbeat(authority.to_owned()));
        beat.is_some_and(|beat| self.now_ms.saturating_sub(beat.read_at_ms) > every_s.saturating_mul(1_000))
    }

    fn is_verified(&self, intervention: &Intervention) -> bool {
        let Some(authority) = self.plan.tables().authority.get(&intervention.authority) else { return false };
        if authority.kind == AuthorityKind::OffChain {
            return true;
        }
        let beats = authority.heartbeat_s.is_none()
            || self.facts.last(&FactKey::Heartbeat(intervention.authority.clone())).is_some();
        let by_chain =
            matches!(self.fresh(&FactKey::Holds(intervention.authority.clone())), Some(Says::Holds { yes: true, .. }));
        // A day that has come nowhere on Earth is nobody's word.
        let by_people = authority.verified_at.is_some_and(|at| {
            let age_ms = (self.now_ms + AHEAD_MS).checked_sub(at.ms);
            age_ms.is_some_and(|age_ms| age_ms <= VERIFIED_FRESH_MS + AHEAD_MS)
        });
        beats && (by_chain || by_people)
    }

    /// The blackout that an intervention is in.
    pub(super) fn blackout(&self, intervention: &'p Intervention) -> Option<&'p crate::plan::Blackout> {
        let at_ms = self.now_ms;
        intervention.limits.blackouts.iter().find(|one| one.from.ms <= at_ms && at_ms < one.until.ms)
    }

    /// The incident and ruling by which the same calls are in effect.
    pub(super) fn in_effect_elsewhere(&self, verdict: &Verdict<'_>) -> Option<(IncidentId, u32)> {
        if verdict.intervention.calls.is_empty() {
            return None;
        }
        let (own, calls) = (self.file.incident(), calldata(verdict.intervention));
        let serves =
            |one: &&Ruling| one.intervention == verdict.id && one.calldata == calls && one.state.is_in_effect();
        let others = self.ledger.making(verdict.id).filter(|other| *other != own.id);
        let mut others = others.filter_map(|other| self.files.get(&other));
        others.find_map(|file| file.rulings.iter().find(serves).map(|ruling| (file.incident().id, ruling.number)))
    }

    /// The ruling by which an intervention is in effect.
    pub(super) fn ruling_in_effect(&self, intervention: &str) -> Option<&Ruling> {
        let mut rulings = self.file.rulings.iter();
        rulings.find(|ruling| ruling.intervention == intervention && ruling.state.is_in_effect())
    }
}

/// Whether each signal of an incident that leads to an intervention wants agreed blocks; to any intervention, if none is named.
pub(super) fn wants_agreed(plan: &Plan, file: &File, intervention: Option<&str>) -> bool {
    let signals = file.signals();
    let signals: Vec<&Signal> = signals.iter().filter_map(|signal| plan.tables().signal.get(*signal)).collect();
    let wants = |signal: &&Signal| signal.corroboration.agreed_blocks;
    match intervention {
        Some(id) => {
            let leads = |signal: &&&Signal| signal.interventions.iter().any(|other| other == id);
            let leading: Vec<&Signal> = signals.iter().filter(leads).copied().collect();
            !leading.is_empty() && leading.iter().all(wants)
        }
        None => signals.iter().any(wants),
    }
}

/// Whether a live finding is known to be on one of these chains.
fn is_on(case: &Case, chains: &[u64]) -> bool {
    case.chains().flatten().any(|chain| chains.contains(&chain))
}

/// Chains that an intervention acts on; empty if no chain is involved.
pub(super) fn chains(intervention: &Intervention, plan: &Plan) -> Vec<u64> {
    if !intervention.scope.chains.is_empty() {
        return intervention.scope.chains.clone();
    }
    let authority = plan.tables().authority.get(&intervention.authority);
    authority.and_then(|authority| authority.chain).into_iter().collect()
}

/// Returns the place in which an incident is served of those that wait for the same limit: the gravest first, then the oldest.
pub(super) fn precedence(case: &Case) -> (Reverse<crate::finding::Severity>, u64) {
    (Reverse(case.incident.severity), case.incident.id)
}

/// Whether anything is left to be done about a case.
pub(super) fn is_moot(case: &Case) -> bool {
    case.incident.state == IncidentState::Retracted || (case.is_empty() && case.incident.declared_by.is_none())
}
