//! Findings: which incident each belongs to, what opens one, and what is left when one is taken back.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::defaults::Defaults;
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::file::{Extent, File, Group, HushedBy};
use crate::desk::growth::is_notified;
use crate::digest::Hasher;
use crate::due::Due;
use crate::finding::{Finding, Severity};
use crate::foreign::quoted;
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::outcome::Outcome;
use crate::plan::moment::span;
use crate::plan::{Plan, Signal};
use crate::timeline::EntryKind;
use crate::triage::{Case, Growth, Taken, label};

/// Why nothing comes of a finding about which the plan says nothing.
const NO_SIGNAL: &str = "no signal matches";

/// Stands for the label of a group of which an incident is opened for all others. No finding has such a label.
const REST: &str = "(all others)";

/// After how long an incident is looked at again that was to be heard of while nothing was live, in seconds.
const HELD_AGAIN_S: u64 = 60;

impl Desk {
    pub(super) fn take(&mut self, finding: &Finding, turn: &mut Turn) {
        self.witness(finding, turn);
        let is_rehearsed = self.plan().is_some_and(|plan| plan.tables().protocol.dry_run);
        // Signals by which an incident has it that is as earnest as the plan of today: they need no other.
        let mut signals = BTreeSet::new();
        let mut is_heard = false;
        for id in self.index.with_condition(&finding.fingerprint) {
            // A merged incident has several groups: the finding is taken in once for all that it is of.
            let Some(file) = self.files.get(&id) else { continue };
            let is_in = |group: &Group| is_rest(group) || label::in_group(finding, group);
            let groups = file.groups.iter().filter(|(_, group)| is_in(group));
            let of: Vec<String> = groups.map(|(signal, _)| signal.clone()).collect();
            if !of.is_empty() {
                if file.incident().rehearsal == is_rehearsed {
                    signals.extend(of);
                }
                is_heard = true;
                self.take_again(finding, id, turn);
            }
        }
        for other in self.plans.others() {
            for (name, signal) in &other.tables().signal {
                if self.take_by_its_plan(finding, &other, (name, signal), turn) {
                    is_heard = true;
                    if other.tables().protocol.dry_run == is_rehearsed {
                        signals.insert(name.clone());
                    }
                }
            }
        }
        let Some(plan) = self.plan().cloned() else {
            if !is_heard {
                turn.out.push(silence(finding, "no plan is loaded"));
            }
            return;
        };
        let is_its = |(id, signal): &(&String, &Signal)| {
            !signals.contains(*id) && signal.matchers.iter().any(|matcher| label::matches(matcher, finding))
        };
        let matched = plan.tables().signal.iter().filter(is_its).map(|(name, signal)| (name.as_str(), signal));
        let matched: Vec<(&str, &Signal)> = matched.collect();
        let is_matched = is_heard || !matched.is_empty();
        self.take_by(finding, &plan, matched, turn);
        if !is_matched {
            turn.unmatched = Some(turn.out.len());
            turn.out.push(silence(finding, NO_SIGNAL));
        }
    }

    /// Takes in a finding by a plan that is no longer today's, if an incident that is open under it has the group. Returns
    /// whether one has.
    fn take_by_its_plan(&mut self, finding: &Finding, plan: &Plan, signal: (&str, &Signal), turn: &mut Turn) -> bool {
        if !signal.1.matchers.iter().any(|matcher| label::matches(matcher, finding)) {
            return false;
        }
        let open = self.index.of_group(&key(plan, signal.0, &label::group(finding, &signal.1.group_by)));
        let is_its = |id: &IncidentId| self.files.get(id).is_some_and(|file| file.incident().plan == plan.hash());
        let is_heard = open.is_some_and(|id| is_its(&id));
        if is_heard {
            self.take_new(finding, plan, signal, &[], turn);
        }
        is_heard
    }

    /// Takes in a condition that the incident has already.
    fn take_again(&mut self, finding: &Finding, id: IncidentId, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        if self.index.has(&finding.id, id) {
            return turn.out.push(silence(finding, &format!("incident {id} has it already")));
        }
        let Some(file) = self.files.get_mut(&id) else { return };
        let before = file.extent();
        let voice = self.world.voice(&plan, &finding.detector);
        if let Taken::Again { of, dropped, changed, growth } = file.case.take(finding, &voice) {
            turn.out.push(silence(finding, &format!("duplicate of finding {of} in incident {id}")));
            if changed && (file.extent() != before || file.burst.take(turn.now_ms)) {
                self.restate(id, turn);
            }
            self.index.join(id, finding.id, finding.fingerprint);
            if let Some(dropped) = dropped {
                self.index.leave(id, dropped);
            }
            self.after(id, before, growth, finding, turn);
        }
    }

    /// Takes in a condition that is new to its incident, or opens one.
    ///
    /// `others` are signals that the finding fits too, and that become part of the incident if this one opens it.
    pub(super) fn take_new(
        &mut self,
        finding: &Finding,
        plan: &Plan,
        signal: (&str, &Signal),
        others: &[(&str, &Signal)],
        turn: &mut Turn,
    ) {
        let (mut group, mut key) = {
            let group = label::group(finding, &signal.1.group_by);
            let key = key(plan, signal.0, &group);
            (group, key)
        };
        let most = plan.tables().protocol.incidents_per_hour;
        // Beyond so many in an hour, the others of the signal share one.
        if self.index.of_group(&key).is_none() && !self.budgets.may_open(signal.0, most, turn.now_ms) {
            group = vec![(REST.to_owned(), Some(signal.0.to_owned()))];
            key = self::key(plan, signal.0, &group);
        }
        // Signals whose incidents were merged lead to one incident, which takes the finding in once.
        let open = self.index.of_group(&key);
        if open.is_some_and(|id| self.index.has(&finding.id, id)) {
            return;
        }
        if let Some(id) = open.filter(|id| self.is_over_budget(*id, finding, plan, turn.now_ms)) {
            return self.pass_over(id, finding, turn);
        }
        let dependency = dependency(plan, signal.1, finding);
        let (id, before) = match open {
            Some(id) => (id, self.files.get(&id).map(File::extent)),
            None => {
                let title = format!("{}: {}", signal.1.summary, quoted(&finding.claim.title));
                let severity = signal.1.severity.unwrap_or(finding.claim.severity);
                let seal = Hasher::new("incident").bytes(key.as_slice()).bytes(finding.id.as_slice()).finish();
                let mut incident = self.blank(plan, signal.0, group, title, severity, turn.now_ms);
                incident.note = format!("opened by {}", finding.detector);
                (incident.began_ms, incident.last_ms) = (finding.time_ms, finding.time_ms);
                (self.open_file(incident, signal.1, key, seal), None)
            }
        };
        // What joins is weighed by the plan that the incident is under.
        let own = self.plan_of(id);
        let voice = self.world.voice(own.as_deref().unwrap_or(plan), &finding.detector);
        let Some(file) = self.files.get_mut(&id) else { return };
        let taken = file.case.take(finding, &voice);
        let growth = if let Taken::New { growth } = taken { growth } else { Growth::default() };
        let incident = &mut file.case.incident;
        if incident.dependency.is_none() {
            incident.dependency = dependency;
        }
        // Of a storm, what says nothing new is told once a minute.
        let is_told = before.is_none_or(|before| file.extent().says_more_than(before)) || file.burst.take(turn.now_ms);
        if is_told {
            self.restate(id, turn);
        }
        self.index.join(id, finding.id, finding.fingerprint);
        let window_ms = signal.1.window_s.saturating_mul(1_000);
        let claim = &finding.claim;
        let (sure, said) = (claim.confidence_percent, quoted(&claim.title));
        let what = format!("{} ({}, {sure} % sure): {said}", finding.detector, claim.severity);
        match before {
            Some(before) => {
                match is_told {
                    true => self.write(id, EntryKind::Finding, None, what, turn),
                    false => self.fold(id, |folded| folded.joined += 1, turn),
                }
                self.relate(id, finding, window_ms, turn);
                self.rearm(id, turn);
                self.after(id, before, growth, finding, turn);
            }
            None => {
                self.write(id, EntryKind::Opened, None, what, turn);
                self.write_origin(id, plan, turn);
                self.relate(id, finding, window_ms, turn);
                // What must last before people hear of it is no part of what they hear of at once.
                let is_held = |signal: &Signal| signal.for_s > 0;
                for other in others.iter().filter(|other| is_held(other.1) == is_held(signal.1)) {
                    self.stand_for(id, finding, *other, turn);
                }
                self.hear(id, finding, turn.now_ms);
                if signal.1.for_s > 0 {
                    self.set_due(id, Due::Hold, turn.in_s(signal.1.for_s), turn);
                    return self.revise(id, Occasion::Finding(finding), turn);
                }
                self.revise(id, Occasion::Finding(finding), turn);
                self.grow(id, growth, finding, true, turn);
                self.climb(id, None, turn);
            }
        }
    }

    /// Writes what an incident that was just opened is connected with: its dependency, and the incident that it follows.
    pub(super) fn write_origin(&mut self, id: IncidentId, plan: &Plan, turn: &mut Turn) {
        let Some(incident) = self.files.get(&id).map(|file| &file.case.incident) else { return };
        let (dependency, follows) = (incident.dependency.clone(), incident.follows);
        if let Some(dependency) = dependency.and_then(|id| plan.tables().dependency.get_key_value(&id)) {
            let text = crate::desk::words::dependency(plan, dependency.0, dependency.1);
            self.write(id, EntryKind::Note, None, text, turn);
        }
        if let Some(follows) = follows {
            let text = format!("it follows incident {follows}, which was closed not long ago");
            self.write(id, EntryKind::Note, None, text, turn);
        }
    }

    /// What a finding that joined leads to.
    pub(super) fn after(&mut self, id: IncidentId, before: Extent, growth: Growth, finding: &Finding, turn: &mut Turn) {
        let told_before = turn.out.len();
        self.drop_due(id, &Due::Keep, turn);
        let was_hushed = self.hear(id, finding, turn.now_ms);
        let Some(file) = self.files.get(&id) else { return };
        let (now, state) = (file.extent(), file.case.incident.state);
        if now.severity > before.severity {
            let text = format!("from {} to {}", before.severity, now.severity);
            self.write(id, EntryKind::Severity, None, text, turn);
            self.end_hush(id, turn);
            self.start_clocks(id, turn);
        }
        if now.sources > before.sources {
            self.rearm(id, turn);
        }
        if state > IncidentState::Active && (now.breadth > before.breadth || growth.loss) {
            let why = if growth.loss { "more is lost" } else { "something new was found" };
            self.set_state(id, IncidentState::Active, None, why.to_owned(), turn);
        }
        self.revise(id, Occasion::Finding(finding), turn);
        let is_acked = self.files.get(&id).is_some_and(|file| file.case.incident.acked_by.is_some());
        match was_hushed && !is_acked {
            true => self.climb(id, None, turn),
            false => self.page_again(id, before, finding.claim.severity >= now.severity, turn),
        }
        let is_told = is_notified(id, &turn.out[told_before..]);
        self.grow(id, growth, finding, is_told, turn);
    }

    /// Something new was found: what nobody took up while it was valid may be put forward again.
    fn rearm(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let lapsed: Vec<String> =
            file.overruled.iter().filter(|(_, one)| one.by_lapse).map(|(name, _)| name.clone()).collect();
        file.overruled.retain(|_, one| !one.by_lapse);
        for name in lapsed {
            let text = format!("{name} lapsed, and something new was found: it may be put forward again");
            self.write(id, EntryKind::Note, None, text, turn);
        }
    }

    /// It became graver than what somebody silenced: people hear of it again.
    fn end_hush(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        if file.hush.take_if(|hush| hush.by == HushedBy::Person).is_some() {
            let text = "it is graver than when it was silenced: people are notified again".to_owned();
            self.write(id, EntryKind::Silenced, None, text, turn);
        }
    }

    /// From here on new incidents are opened under this plan. If it is meant in earnest, what was rehearsed is over: live
    /// conditions are heard anew.
    pub(super) fn follow(&mut self, plan: Arc<Plan>, turn: &mut Turn) {
        let is_earnest = !plan.tables().protocol.dry_run;
        self.plans.follow(plan);
        let rehearsed = self
            .files
            .values()
            .map(File::incident)
            .filter(|incident| is_earnest && incident.rehearsal && !incident.drill);
        let ids: Vec<IncidentId> = rehearsed.map(|incident| incident.id).collect();
        for id in ids {
            let why = "the rehearsal is over: the plan is meant in earnest now";
            if let Some(incident) = self.incident_mut(id) {
                incident.closed_at_ms = Some(turn.now_ms);
                incident.no_change = Some("it was a rehearsal".to_owned());
            }
            self.set_state(id, IncidentState::Closed, None, why.to_owned(), turn);
            self.revise(id, Occasion::Event(why.to_owned()), turn);
            self.shut(id, turn);
        }
    }

    /// Notes whether a finding is silenced by the plan; one that is not ends such a silence, and then the answer is yes.
    fn hear(&mut self, id: IncidentId, finding: &Finding, now_ms: u64) -> bool {
        let silenced = self.silenced(finding, now_ms);
        let Some(file) = self.files.get_mut(&id) else { return false };
        let was_hushed = file.hush_at(now_ms).is_some();
        let is_first = file.case.incident.live_findings() <= 1;
        match silenced {
            Some(hush) if is_first => file.hush = Some(hush),
            Some(_) => {}
            None => file.hush = file.hush.take().filter(|hush| hush.by == HushedBy::Person),
        }
        was_hushed && file.hush.is_none()
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
        let before = self.index.last_closed(&key(plan, signal, &group));
        let follows = before.filter(|(_, closed_ms)| now_ms.saturating_sub(*closed_ms) <= within_ms).map(|(id, _)| id);
        Incident {
            id: self.last_incident,
            protocol: self.protocol.clone(),
            plan: plan.hash(),
            rehearsal: plan.tables().protocol.dry_run,
            drill: false,
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
            more_findings: 0,
            retracted: Vec::new(),
            more_retracted: 0,
            uncounted: 0,
            sources: Vec::new(),
            duplicates: 0,
            loss: Default::default(),
            kinds: Vec::new(),
            actors: Vec::new(),
            evidence: Vec::new(),
            related: Vec::new(),
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
        self.index.open(id, key);
        self.files.insert(id, File::open(incident, signal, seal));
        id
    }

    pub(super) fn take_back(&mut self, finding: B256, reason: &str, turn: &mut Turn) {
        let Some(home) = self.index.retract(finding) else { return };
        for id in home.incidents {
            let Some(file) = self.files.get_mut(&id) else { continue };
            // What people have taken up, or what is in effect, is ended by people.
            let is_untouched = file.is_untouched();
            let case = &mut file.case;
            let what = quoted(case.words_of(home.fingerprint));
            let plan = self.plans.get(case.incident.plan);
            let names_titles = plan.is_some_and(|plan| plan.defaults() >= Defaults::Folded);
            let before = (case.incident.severity, case.incident.sources.clone());
            let Some((listed, successor)) = case.take_back(finding, home.fingerprint) else { continue };
            let after = (case.incident.severity, case.incident.sources.clone());
            let changed = before != after;
            let keep_for_s = match case.is_empty() && is_untouched && case.incident.state.is_open() {
                true => self.plans.get(case.incident.plan).map_or(0, |plan| {
                    plan.tables().signal.get(&case.incident.signal).map_or(0, |signal| signal.keep_for_s)
                }),
                false => 0,
            };
            let is_over = case.is_empty() && is_untouched && keep_for_s == 0;
            if is_over {
                case.incident.state = IncidentState::Retracted;
                case.incident.note = format!("every finding was taken back; of the last one: {reason}");
                case.incident.closed_at_ms = Some(turn.now_ms);
            }
            if !case.has(home.fingerprint) {
                self.index.end_condition(id, home.fingerprint);
            }
            let cause = match successor {
                Some(successor) if !names_titles => {
                    format!("finding {finding} retracted: {reason}; the same was seen again in finding {successor}")
                }
                None if !names_titles => format!("finding {finding} retracted: {reason}"),
                Some(successor) => {
                    format!("{what} was taken back: {reason}; it was seen again (finding {finding}, now {successor})")
                }
                None => format!("{what} was taken back: {reason} (finding {finding})"),
            };
            let is_told = is_over || changed || file.burst.take(turn.now_ms);
            if is_told && (listed || changed) {
                self.restate(id, turn);
            }
            if listed {
                match is_told {
                    true => self.write(id, EntryKind::Retracted, None, cause.clone(), turn),
                    false => self.fold(id, |folded| folded.left += 1, turn),
                }
            }
            if keep_for_s > 0 {
                self.set_due(id, Due::Keep, turn.in_s(keep_for_s), turn);
            }
            if is_over {
                self.write(id, EntryKind::State, None, "retracted: every finding was taken back".to_owned(), turn);
            }
            self.revise(id, if listed && is_told { Occasion::Event(cause) } else { Occasion::Time }, turn);
            if is_over {
                self.shut(id, turn);
            }
        }
    }

    /// It lasted as long as its signal wants: people hear of it now.
    pub(super) fn heard(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(file) = self.files.get(&id) else { return };
        // What was taken back meanwhile is kept open for a while, and woke nobody.
        if file.case.is_empty() {
            return self.set_due(id, Due::Hold, turn.in_s(HELD_AGAIN_S), turn);
        }
        let incident = file.incident();
        let for_s = plan.tables().signal.get(&incident.signal).map_or(0, |signal| signal.for_s);
        self.revise(id, Occasion::Event(format!("it has lasted {}", span(for_s))), turn);
        if self.files.get(&id).is_some_and(|file| file.case.incident.acked_by.is_none()) {
            self.climb(id, None, turn);
        }
    }

    /// Nothing came back while an incident was kept open after its last finding was taken back.
    pub(super) fn kept(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        if !file.case.is_empty() || !file.is_untouched() {
            return;
        }
        let incident = &mut file.case.incident;
        incident.state = IncidentState::Retracted;
        incident.note = "every finding was taken back, and nothing came back".to_owned();
        incident.closed_at_ms = Some(turn.now_ms);
        let text = format!("retracted: {}", incident.note);
        self.restate(id, turn);
        self.write(id, EntryKind::State, None, text.clone(), turn);
        self.revise(id, Occasion::Event(text), turn);
        self.shut(id, turn);
    }

    /// Forgets an incident that is over.
    pub(super) fn shut(&mut self, id: IncidentId, turn: &mut Turn) {
        self.drop_all_dues(id, turn);
        let Some(file) = self.files.remove(&id) else { return };
        let is_closed = file.case.incident.state == IncidentState::Closed;
        self.index.close(id, file.case.sightings(), is_closed.then_some(turn.now_ms));
        // What it had reserved under a plan that it no longer follows would be taken for good.
        self.ledgers.release_all(id);
    }

    /// Moves all that an incident stands on to another.
    pub(super) fn move_findings(&mut self, from: IncidentId, into: IncidentId) {
        let Some(file) = self.files.get_mut(&from) else { return };
        let empty = Case::empty_like(&file.case);
        let case = std::mem::replace(&mut file.case, empty);
        let groups = file.groups.clone();
        self.index.merge(from, into, case.sightings());
        if let Some(target) = self.files.get_mut(&into) {
            target.case.absorb(case);
            target.groups.extend(groups);
        }
    }
}

/// Whether a group is what is left of a signal once it has opened too many incidents in an hour.
fn is_rest(group: &Group) -> bool {
    matches!(group.as_slice(), [(label, _)] if label == REST)
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

/// Returns the hash that distinguishes a group: of the signal and the values of its grouping labels, a missing one hashed
/// unlike any value. What belongs to an incident goes on doing so if the plan changes meanwhile; but what is meant in earnest
/// does not go to an incident that is only rehearsed.
pub(super) fn key(plan: &Plan, signal: &str, group: &[(String, Option<String>)]) -> B256 {
    let mut hasher = Hasher::new("group").number(u64::from(plan.tables().protocol.dry_run)).text(signal);
    for (name, value) in group {
        hasher = hasher.text(name).number(u64::from(value.is_some())).text(value.as_deref().unwrap_or_default());
    }
    hasher.finish()
}
