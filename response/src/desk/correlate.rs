//! One attack is one incident: a finding that fits several signals opens one, and incidents about the same are linked.

use std::cmp::Reverse;

use alloy_primitives::B256;

use crate::brief::actor_of;
use crate::defaults::Defaults;
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::file::{File, Page};
use crate::desk::intake::key;
use crate::due::Due;
use crate::finding::{Finding, Severity, is_own};
use crate::incident::{Incident, IncidentId};
use crate::plan::{Plan, Signal};
use crate::timeline::EntryKind;
use crate::triage::label;

/// How many related incidents one names.
const RELATED_KEPT: usize = 8;

impl Desk {
    /// Takes a finding in by each signal of the plan that it fits. Those that have no incident yet become part of one that
    /// has the finding, if the plan wants that; else the gravest of them opens one for all.
    pub(super) fn take_by(
        &mut self,
        finding: &Finding,
        plan: &Plan,
        mut signals: Vec<(&str, &Signal)>,
        turn: &mut Turn,
    ) {
        if !plan.tables().protocol.correlate {
            return signals.into_iter().for_each(|signal| self.take_new(finding, plan, signal, &[], turn));
        }
        let group_of = |signal: &(&str, &Signal)| key(plan, signal.0, &label::group(finding, &signal.1.group_by));
        // What has an incident comes first, then the gravest.
        signals.sort_by_cached_key(|signal| {
            let is_open = self.index.of_group(&group_of(signal)).is_some();
            let (severity, soonest) = rank(signal.1, finding.claim.severity);
            (Reverse(is_open), Reverse(signal.1.for_s == 0), Reverse(severity), soonest, signal.0.to_owned())
        });
        for (at, &signal) in signals.iter().enumerate() {
            let key = group_of(&signal);
            let home = self.index.homes(&finding.id).iter().copied().find(|id| self.may_join(*id, plan, signal.1));
            match home.filter(|_| self.index.of_group(&key).is_none()) {
                // It is one of that signal already, by another group: a storm adds none for each.
                Some(id) if self.is_of(id, signal.0) => {}
                Some(id) => self.attach(id, finding, signal, key, turn),
                None => self.take_new(finding, plan, signal, &signals[at + 1..], turn),
            }
        }
    }

    /// A signal becomes part of an incident that is being opened by a graver one, before anything is decided on it: people hear
    /// of one incident, once.
    pub(super) fn stand_for(
        &mut self,
        id: IncidentId,
        finding: &Finding,
        (name, signal): (&str, &Signal),
        turn: &mut Turn,
    ) {
        let Some(plan) = self.plan_of(id) else { return };
        let group = label::group(finding, &signal.group_by);
        let key = key(&plan, name, &group);
        if self.index.of_group(&key).is_some() || !self.may_join(id, &plan, signal) {
            return;
        }
        let Some(file) = self.files.get_mut(&id) else { return };
        file.groups.push((name.to_owned(), group));
        self.index.add_group(id, key);
        self.write(id, EntryKind::Note, None, format!("it is one of `{name}` too: {}", signal.summary), turn);
    }

    fn is_of(&self, id: IncidentId, signal: &str) -> bool {
        self.files.get(&id).is_some_and(|file| file.signals().contains(&signal))
    }

    /// Whether an incident may stand for another signal too: it is under the same plan, and people hear of it no later.
    fn may_join(&self, id: IncidentId, plan: &Plan, signal: &Signal) -> bool {
        let is_held = self.deadlines.due_at_ms(id, &Due::Hold).is_some();
        let is_same_plan = self.files.get(&id).is_some_and(|file| file.incident().plan == plan.hash());
        is_same_plan && (!is_held || signal.for_s > 0)
    }

    /// A signal becomes part of an incident that has the finding already, with its group and its interventions. The gravest
    /// of its signals is the one that it stands under.
    fn attach(
        &mut self,
        id: IncidentId,
        finding: &Finding,
        (name, signal): (&str, &Signal),
        key: B256,
        turn: &mut Turn,
    ) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(file) = self.files.get_mut(&id) else { return };
        let before = file.extent();
        file.groups.push((name.to_owned(), label::group(finding, &signal.group_by)));
        let own = plan.tables().signal.get(&file.case.incident.signal);
        let said = finding.claim.severity;
        let is_graver = own.is_none_or(|own| {
            let ((severity, soonest), (other, later)) = (rank(signal, said), rank(own, said));
            (severity, Reverse(soonest)) > (other, Reverse(later))
        });
        if is_graver && file.case.incident.declared_by.is_none() {
            file.case.stand_under(name, signal);
        }
        let now = file.extent();
        self.index.add_group(id, key);
        self.write(id, EntryKind::Note, None, format!("it is one of `{name}` too: {}", signal.summary), turn);
        self.restate(id, turn);
        if now.severity > before.severity {
            let text = format!("from {} to {}", before.severity, now.severity);
            self.write(id, EntryKind::Severity, None, text, turn);
            self.start_clocks(id, turn);
        }
        self.revise(id, Occasion::Elsewhere(&format!("it is one of `{name}` too")), turn);
        self.page_again(id, before, true, turn);
    }

    /// Links an incident with others about the same subject or by the same actor, within the signal's window.
    pub(super) fn relate(&mut self, id: IncidentId, finding: &Finding, window_ms: u64, turn: &mut Turn) {
        let claim = &finding.claim;
        let chain = finding.block.map(|block| block.chain.to_string()).unwrap_or_default();
        // Of a change of the watch, the part behind `@` tells it from other changes of the same thing.
        let cuts = self.plan_of(id).is_some_and(|plan| plan.defaults() >= Defaults::Folded);
        let about = match is_own(&finding.detector) && cuts {
            true => claim.subject.id.split_once('@').map_or(claim.subject.id.as_str(), |(id, _)| id),
            false => &claim.subject.id,
        };
        let subject = ("subject", format!("subject {chain} {}:{}", claim.subject.kind, label::folded(about)));
        let actor = actor_of(&claim.attributes).map(|actor| ("actor", format!("actor {}", label::folded(actor))));
        let of_chain = chain_of(finding).map(|chain| ("chain", format!("subject  chain:{chain}")));
        for (what, mark) in actor.into_iter().chain([subject]).chain(of_chain) {
            for other in self.index.link(id, mark) {
                if self.is_related(id, other, finding.time_ms, window_ms) {
                    self.note_related(id, other, what, turn);
                    self.note_related(other, id, what, turn);
                }
            }
        }
    }

    fn is_related(&self, id: IncidentId, other: IncidentId, time_ms: u64, window_ms: u64) -> bool {
        let (Some(file), Some(other)) = (self.files.get(&id), self.files.get(&other)) else { return false };
        let (one, other) = (file.incident(), other.incident());
        one.rehearsal == other.rehearsal
            && !one.related.contains(&other.id)
            && one.related.len() < RELATED_KEPT
            && other.last_ms.abs_diff(time_ms) <= window_ms
    }

    fn note_related(&mut self, id: IncidentId, other: IncidentId, what: &str, turn: &mut Turn) {
        let Some(incident) = self.incident_mut(id) else { return };
        if incident.related.contains(&other) || incident.related.len() >= RELATED_KEPT {
            return;
        }
        incident.related.push(other);
        self.write(id, EntryKind::Note, None, format!("incident {other} has the same {what}"), turn);
        self.restate(id, turn);
    }

    /// Returns another incident for which somebody was paged a moment ago and has not answered, if it is as grave, and related
    /// or of the same signal: they are not rung up twice for one attack, nor for each alarm of a storm. What somebody opened
    /// by hand is no storm.
    pub(super) fn just_paged_for(&self, id: IncidentId, person: &str, now_ms: u64) -> Option<IncidentId> {
        let incident = self.files.get(&id)?.incident();
        let is_by_detectors = |one: &Incident| one.declared_by.is_none();
        let goes_with = |other: &Incident| {
            let is_same = other.signal == incident.signal && is_by_detectors(other) && is_by_detectors(incident);
            other.id != id
                && other.rehearsal == incident.rehearsal
                && other.severity >= incident.severity
                && (is_same || incident.related.contains(&other.id))
        };
        let rings = |file: &&File| {
            let pages = file.ladder.iter().flat_map(|ladder| ladder.pages.values());
            let is_ringing = |page: &Page| now_ms.saturating_sub(page.at_ms) < RINGS_MS;
            goes_with(file.incident()) && pages.into_iter().any(|page| page.person == person && is_ringing(page))
        };
        self.files.values().find(rings).map(|file| file.incident().id)
    }
}

/// Returns the id of the chain that the host's own finding about a node of it, or its section of the config, is of: what becomes of
/// one outage is found under each of these names.
fn chain_of(finding: &Finding) -> Option<&str> {
    let named = finding.claim.attributes.iter().find(|(name, _)| name == "chain").filter(|_| is_own(&finding.detector));
    named.map(|(_, chain)| chain.as_str())
}

/// How long a page rings, milliseconds.
const RINGS_MS: u64 = 120_000;

/// How grave a signal is for a finding of a severity, and how soon it does harm, seconds.
fn rank(signal: &Signal, severity: Severity) -> (Severity, u64) {
    (signal.severity.unwrap_or(severity).max(severity), signal.time_to_harm_s.unwrap_or(u64::MAX))
}
