//! Findings: which incident each belongs to, what opens one, and what is left when one is taken back.

use std::collections::BTreeSet;

use alloy_primitives::B256;

use crate::desk::chronicle::Turn;
use crate::desk::{Desk, File, Group, Home};
use crate::digest::Hasher;
use crate::finding::{Finding, Severity};
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::outcome::Outcome;
use crate::plan::{Plan, Signal};
use crate::timeline::Told;
use crate::triage::{Case, Taken, label};

/// What an incident was before a finding joined or left it, as far as people are paged again for more of it.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub severity: Severity,
    pub breadth: usize,
}

/// Why nothing came of a finding that the plan says nothing on.
pub(super) const NO_SIGNAL: &str = "no signal matches";

impl Desk {
    pub(super) fn take(&mut self, finding: &Finding, turn: &mut Turn) {
        let mut signals = BTreeSet::new();
        for id in self.active.get(&finding.fingerprint).cloned().unwrap_or_default() {
            let groups = &self.files[&id].groups;
            if let Some((signal, _)) = groups.iter().find(|(_, group)| label::in_group(finding, group)) {
                signals.insert(signal.clone());
                self.take_again(finding, id, turn);
            }
        }
        let Some(plan) = self.plan().cloned() else {
            if signals.is_empty() {
                turn.out.push(silence(finding, "no plan is loaded"));
            }
            return;
        };
        let mut matched = !signals.is_empty();
        for (id, signal) in &plan.tables().signal {
            if !signals.contains(id) && signal.matchers.iter().any(|matcher| label::matches(matcher, finding)) {
                matched = true;
                self.take_new(finding, &plan, (id, signal), turn);
            }
        }
        if !matched {
            turn.out.push(silence(finding, NO_SIGNAL));
        }
    }

    /// Takes in a condition that the incident has already.
    fn take_again(&mut self, finding: &Finding, id: IncidentId, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        if self.homes.get(&finding.id).is_some_and(|home| home.incidents.contains(&id)) {
            return turn.out.push(silence(finding, &format!("incident {id} has it already")));
        }
        let Some(file) = self.files.get_mut(&id) else { return };
        let before = extent(file);
        if let Taken::Again { of, dropped, changed } = file.case.take(finding, plan.source(&finding.detector)) {
            turn.out.push(silence(finding, &format!("duplicate of finding {of} in incident {id}")));
            if changed {
                self.restate(id, turn);
            }
            self.settle_at(finding, id);
            if let Some(dropped) = dropped {
                self.unsettle(dropped, id);
            }
            self.after(id, before, finding, turn);
        }
    }

    /// Takes in a condition that is new to its incident, or opens one.
    fn take_new(&mut self, finding: &Finding, plan: &Plan, signal: (&str, &Signal), turn: &mut Turn) {
        let group = label::group(finding, &signal.1.group_by);
        let key = key(plan, signal.0, &group);
        let dependency = dependency(plan, signal.1, finding);
        let (id, before) = match self.open.get(&key) {
            Some(id) => (*id, self.files.get(id).map(extent)),
            None => {
                let title = format!("{}: {}", signal.1.summary, finding.claim.title);
                let severity = signal.1.severity.unwrap_or(finding.claim.severity);
                let seal = Hasher::new("incident").bytes(key.as_slice()).bytes(finding.id.as_slice()).finish();
                let mut incident = self.blank(plan, signal.0, group, title, severity, turn.now_ms);
                incident.note = format!("opened by {}", finding.detector);
                (incident.began_ms, incident.last_ms) = (finding.time_ms, finding.time_ms);
                (self.open_file(incident, signal.1, key, seal), None)
            }
        };
        let Some(file) = self.files.get_mut(&id) else { return };
        file.case.take(finding, plan.source(&finding.detector));
        let incident = &mut file.case.incident;
        if incident.dependency.is_none() {
            incident.dependency = dependency;
        }
        self.restate(id, turn);
        self.settle_at(finding, id);
        let claim = &finding.claim;
        let what =
            format!("{} ({}, {} % sure): {}", finding.detector, claim.severity, claim.confidence_percent, claim.title);
        match before {
            Some(before) => {
                self.tell(id, Told::Finding, None, what, turn);
                self.after(id, before, finding, turn);
            }
            None => {
                self.tell(id, Told::Opened, None, what, turn);
                self.tell_origin(id, plan, turn);
                self.hear(id, finding, turn.now_ms);
                self.decide(id, None, Some(finding), turn);
                self.climb(id, turn);
            }
        }
    }

    /// What an incident stands in connection with, where it has just been opened.
    pub(super) fn tell_origin(&mut self, id: IncidentId, plan: &Plan, turn: &mut Turn) {
        let Some(incident) = self.files.get(&id).map(|file| &file.case.incident) else { return };
        let (dependency, follows) = (incident.dependency.clone(), incident.follows);
        if let Some(dependency) = dependency.and_then(|id| plan.tables().dependency.get_key_value(&id)) {
            let text = crate::desk::words::dependency(plan, dependency.0, dependency.1);
            self.tell(id, Told::Note, None, text, turn);
        }
        if let Some(follows) = follows {
            let text = format!("it follows incident {follows}, which was closed not long ago");
            self.tell(id, Told::Note, None, text, turn);
        }
    }

    /// What a finding that joined leads to.
    fn after(&mut self, id: IncidentId, before: Extent, finding: &Finding, turn: &mut Turn) {
        let was_hushed = self.hear(id, finding, turn.now_ms);
        let Some(file) = self.files.get(&id) else { return };
        let (now, state) = (extent(file), file.case.incident.state);
        if now.severity > before.severity {
            let text = format!("from {} to {}", before.severity, now.severity);
            self.tell(id, Told::Severity, None, text, turn);
            self.start_clocks(id, turn);
        }
        if state > IncidentState::Active && now.breadth > before.breadth {
            self.set_state(id, IncidentState::Active, None, "something new was found".to_owned(), turn);
        }
        self.decide(id, None, Some(finding), turn);
        let is_acked = self.files.get(&id).is_some_and(|file| file.case.incident.acked_by.is_some());
        match was_hushed && !is_acked {
            true => self.climb(id, turn),
            false => self.page_again(id, before, turn),
        }
    }

    /// Notes whether a finding is silenced by the plan; one that is not ends such a silence, and then the answer is yes.
    fn hear(&mut self, id: IncidentId, finding: &Finding, now_ms: u64) -> bool {
        let silenced = self.silenced(finding, now_ms);
        let Some(file) = self.files.get_mut(&id) else { return false };
        let was_hushed = file.hushed.as_ref().is_some_and(|(until_ms, _)| *until_ms > now_ms);
        let is_first = file.case.incident.findings.len() <= 1;
        match silenced {
            Some((until_ms, reason)) if is_first => file.hushed = Some((until_ms, reason)),
            Some(_) => {}
            None => {
                file.hushed = file.hushed.take().filter(|(_, reason)| reason.starts_with(crate::desk::decide::BY_HAND))
            }
        }
        was_hushed && file.hushed.is_none()
    }

    /// An incident as it is before anything is known of it.
    pub(super) fn blank(
        &mut self,
        plan: &Plan,
        signal: &str,
        group: Group,
        title: String,
        severity: Severity,
        now_ms: u64,
    ) -> Incident {
        self.last_incident += 1;
        let within_ms = plan.tables().protocol.successor_s.saturating_mul(1_000);
        let before = self.closed.get(&self::key(plan, signal, &group));
        let follows = before.filter(|(_, closed_ms)| now_ms.saturating_sub(*closed_ms) <= within_ms).map(|(id, _)| *id);
        Incident {
            id: self.last_incident,
            protocol: self.protocol.clone(),
            plan: plan.hash(),
            signal: signal.to_owned(),
            group,
            title,
            severity,
            state: IncidentState::Triage,
            note: String::new(),
            began_ms: now_ms,
            opened_at_ms: now_ms,
            last_ms: now_ms,
            findings: Vec::new(),
            retracted: Vec::new(),
            sources: Vec::new(),
            duplicates: 0,
            loss: Default::default(),
            declared_by: None,
            declared_at_ms: None,
            acked_by: None,
            roles: Default::default(),
            dependency: None,
            follows,
            merged_into: None,
            closed_at_ms: None,
            risks: Default::default(),
            no_change: None,
        }
    }

    pub(super) fn open_file(&mut self, incident: Incident, signal: &Signal, key: B256, seal: B256) -> IncidentId {
        let id = incident.id;
        let groups = vec![(incident.signal.clone(), incident.group.clone())];
        self.open.insert(key, id);
        let file = File {
            case: Case::open(incident, signal),
            keys: vec![key],
            groups,
            seal,
            told_entries: 0,
            head: seal,
            last_act: 0,
            orders: 0,
            revision: 0,
            standing: None,
            told: false,
            hushed: None,
            ladder: None,
            rulings: Vec::new(),
            talks: Default::default(),
            dues: Default::default(),
            overruled: Default::default(),
        };
        self.files.insert(id, file);
        id
    }

    pub(super) fn take_back(&mut self, finding: B256, reason: &str, turn: &mut Turn) {
        let Some(home) = self.homes.remove(&finding) else { return };
        for id in home.incidents {
            let Some(file) = self.files.get_mut(&id) else { continue };
            let case = &mut file.case;
            let before = (case.incident.severity, case.incident.sources.clone());
            let Some((listed, successor)) = case.take_back(finding, home.fingerprint) else { continue };
            let changed = before != (case.incident.severity, case.incident.sources.clone());
            // What people have taken up, or what is in effect, is ended by people.
            let in_hand = case.incident.state > IncidentState::Triage
                || file.rulings.iter().any(|ruling| ruling.state.is_in_effect());
            let is_over = case.is_empty() && !in_hand;
            if is_over {
                case.incident.state = IncidentState::Retracted;
                case.incident.note = format!("every finding was taken back; of the last one: {reason}");
                case.incident.closed_at_ms = Some(turn.now_ms);
            }
            if !case.has(home.fingerprint)
                && let Some(incidents) = self.active.get_mut(&home.fingerprint)
            {
                incidents.retain(|incident| *incident != id);
                if incidents.is_empty() {
                    self.active.remove(&home.fingerprint);
                }
            }
            let cause = match successor {
                Some(successor) => {
                    format!("finding {finding} retracted: {reason}; the same was seen again in finding {successor}")
                }
                None => format!("finding {finding} retracted: {reason}"),
            };
            if listed || changed {
                self.restate(id, turn);
            }
            if listed {
                self.tell(id, Told::Retracted, None, cause.clone(), turn);
            }
            if is_over {
                self.tell(id, Told::State, None, "retracted: every finding was taken back".to_owned(), turn);
            }
            self.decide(id, listed.then_some(cause), None, turn);
            if is_over {
                self.shut(id, turn);
            }
        }
    }

    /// Forgets an incident that is over.
    pub(super) fn shut(&mut self, id: IncidentId, turn: &mut Turn) {
        self.drop_all_dues(id, turn);
        let Some(file) = self.files.remove(&id) else { return };
        for key in &file.keys {
            if self.open.get(key) == Some(&id) {
                self.open.remove(key);
            }
        }
        for (finding, fingerprint) in file.case.sightings() {
            self.unsettle(finding, id);
            if let Some(incidents) = self.active.get_mut(&fingerprint) {
                incidents.retain(|incident| *incident != id);
                if incidents.is_empty() {
                    self.active.remove(&fingerprint);
                }
            }
        }
        if file.case.incident.state == IncidentState::Closed {
            self.closed.extend(file.keys.iter().map(|key| (*key, (id, turn.now_ms))));
        }
    }

    fn settle_at(&mut self, finding: &Finding, id: IncidentId) {
        let home = self
            .homes
            .entry(finding.id)
            .or_insert_with(|| Home { fingerprint: finding.fingerprint, incidents: Vec::new() });
        home.incidents.push(id);
        let active = self.active.entry(finding.fingerprint).or_default();
        if !active.contains(&id) {
            active.push(id);
        }
    }

    pub(super) fn unsettle(&mut self, finding: B256, id: IncidentId) {
        if let Some(home) = self.homes.get_mut(&finding) {
            home.incidents.retain(|home| *home != id);
            if home.incidents.is_empty() {
                self.homes.remove(&finding);
            }
        }
    }

    /// Moves all that an incident stands on to another.
    pub(super) fn move_findings(&mut self, from: IncidentId, into: IncidentId) {
        let Some(file) = self.files.get_mut(&from) else { return };
        let empty = Case::empty_like(&file.case);
        let case = std::mem::replace(&mut file.case, empty);
        let (keys, groups) = (std::mem::take(&mut file.keys), file.groups.clone());
        for (finding, fingerprint) in case.sightings() {
            if let Some(home) = self.homes.get_mut(&finding) {
                home.incidents.retain(|home| *home != from && *home != into);
                home.incidents.push(into);
            }
            let active = self.active.entry(fingerprint).or_default();
            active.retain(|incident| *incident != from && *incident != into);
            active.push(into);
        }
        for key in &keys {
            self.open.insert(*key, into);
        }
        if let Some(target) = self.files.get_mut(&into) {
            target.case.absorb(case);
            target.keys.extend(keys);
            target.groups.extend(groups);
        }
    }
}

pub(super) fn extent(file: &File) -> Extent {
    Extent { severity: file.case.incident.severity, breadth: file.case.breadth() }
}

pub(super) fn silence(finding: &Finding, reason: &str) -> Outcome {
    Outcome::Silence { finding: finding.id, reason: reason.to_owned() }
}

/// The dependency that causes a finding: the signal's, or the one whose subject it is about.
fn dependency(plan: &Plan, signal: &Signal, finding: &Finding) -> Option<String> {
    let about = label::folded(&finding.claim.subject.id);
    let of = |subjects: &[String]| subjects.iter().any(|subject| label::folded(subject) == about);
    let by_subject = || plan.tables().dependency.iter().find(|(_, one)| of(&one.subjects)).map(|(id, _)| id.clone());
    signal.dependency.clone().or_else(by_subject)
}

/// What tells an open incident from another: signal and the values of the grouping labels, a missing one hashed unlike
/// any value. What belongs to an incident goes on doing so where the plan changes meanwhile; but what is meant in earnest
/// does not go to an incident that is only rehearsed.
pub(super) fn key(plan: &Plan, signal: &str, group: &[(String, Option<String>)]) -> B256 {
    let mut hasher = Hasher::new("group").number(u64::from(plan.tables().protocol.dry_run)).text(signal);
    for (name, value) in group {
        hasher = hasher.text(name).number(u64::from(value.is_some())).text(value.as_deref().unwrap_or_default());
    }
    hasher.finish()
}
