//! Acts of people: who may do what, what is refused and why, and what each leads to.

use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::drilling::{Errand, refuse_endless};
use crate::desk::duty::refuse_long;
use crate::desk::file::{Hush, HushedBy};
use crate::desk::intake::key;
use crate::desk::marking::marked;
use crate::desk::refusal::{Refusal, Taken};
use crate::desk::staging::refuse_unplayable;
use crate::desk::talk::Message;
use crate::desk::{Desk, Halt};
use crate::digest::Hasher;
use crate::due::Due;
use crate::incident::{IncidentId, IncidentState};
use crate::operator::{Act, Deed, NoteKind};
use crate::outcome::Outcome;
use crate::plan::Defaults;
use crate::plan::moment::{Moment, span};
use crate::staged::Staged;
use crate::timeline::EntryKind;

/// What somebody opens by hand.
struct Opening<'a> {
    signal: &'a str,
    title: &'a str,
    severity: crate::finding::Severity,
    /// If it is a drill, after how long it ends by itself, in seconds.
    drill_for_s: Option<u64>,
    /// What people are told in its course.
    script: &'a [Staged],
}

impl Desk {
    pub(super) fn act(&mut self, act: &Act, turn: &mut Turn) {
        let taken = self.try_act(act, turn);
        if let Err(refusal) = taken {
            let (by, incident) = (act.by.clone(), act.incident);
            let (act, why) = (act.deed.name().to_owned(), refusal.reasons());
            turn.out.push(Outcome::Refused { by, incident, act, why });
        }
    }

    fn try_act(&mut self, act: &Act, turn: &mut Turn) -> Taken {
        let by = act.by.as_str();
        refuse_long(&act.deed)?;
        turn.account.clone_from(&act.proof);
        if matches!(act.deed, Deed::Open { .. } | Deed::Drill { .. } | Deed::Halt { .. } | Deed::Unhalt { .. }) {
            return self.on_none(act, turn);
        }
        let id = act.incident.ok_or(Refusal::NoneMeant)?;
        let file = self.file(id)?;
        if let Some(seen) = act.seen.filter(|seen| *seen < file.last_act) {
            return Err(Refusal::Outdated { seen, newer: file.last_act });
        }
        let plan = self.plan_for(id)?;
        if !plan.tables().person.contains_key(by) {
            let help = crate::diagnostic::suggestion(by, plan.tables().person.keys().map(String::as_str));
            return Err(Refusal::Unfit(format!("the plan of incident {id} has no person `{by}`; {help}")));
        }
        self.refuse_unless_theirs(id, by, &act.deed, &plan)?;
        turn.proof = self.proof_of(id, act, &plan, turn.now_ms)?.map(Box::new);
        let proved = turn.proof.as_ref().map(|proof| (proof.digest(id, by), proof.expires_s));
        let taken = self.on_incident(id, by, &act.deed, turn);
        turn.proof = None;
        taken?;
        if let (Some((digest, expires_s)), Some(file)) = (proved, self.files.get_mut(&id)) {
            file.heads.spend(digest, expires_s, turn.now_ms);
        }
        // Whoever may answer and acts is there: an answer to a page lasts from now on.
        let is_answering = self.is_answering(id, by, &plan);
        if let Some(file) = self.files.get_mut(&id) {
            file.last_act = file.entries;
            if !is_answering {
                return Ok(());
            }
            let owner = file.case.incident.acked_by.clone();
            if let Some(owner) = owner.filter(|_| !matches!(act.deed, Deed::Ack)) {
                self.acked(id, &owner, turn);
            }
        }
        Ok(())
    }

    /// Carries out an act that is about no incident, or opens one.
    fn on_none(&mut self, act: &Act, turn: &mut Turn) -> Taken {
        let by = act.by.as_str();
        let plan = self.plan().cloned().ok_or(Refusal::NoPlan)?;
        let proof = self.proof_of_none(act, &plan, turn.now_ms)?;
        let spent = proof.as_ref().map(|proof| (proof.digest(0, by), proof.expires_s));
        turn.proof = proof.map(Box::new);
        let taken = match &act.deed {
            Deed::Open { signal, title, severity } => {
                let script: &[Staged] = &[];
                let (severity, drill_for_s) = (*severity, None);
                self.open_by_hand(by, Opening { signal, title, severity, drill_for_s, script }, turn)
            }
            Deed::Drill { signal, title, severity, for_s, script } => {
                let (severity, drill_for_s) = (*severity, Some(*for_s));
                self.open_by_hand(by, Opening { signal, title, severity, drill_for_s, script }, turn)
            }
            Deed::Halt { why } => self.halt(by, Some(why), turn),
            _ => self.halt(by, None, turn),
        };
        turn.proof = None;
        taken?;
        if let Some((digest, expires_s)) = spent {
            self.spent.spend(digest, expires_s, turn.now_ms);
        }
        Ok(())
    }

    pub(super) fn on_incident(&mut self, id: IncidentId, by: &str, deed: &Deed, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        match deed {
            Deed::Open { .. } | Deed::Drill { .. } | Deed::Halt { .. } | Deed::Unhalt { .. } => Ok(()),
            Deed::Action { risk, what, owner, due_at_ms } => {
                self.add_action(id, by, Errand { risk, what, owner, due_at_ms: *due_at_ms }, turn)
            }
            Deed::Declare => {
                if self.files.get(&id).is_some_and(|file| file.case.incident.state > IncidentState::Triage) {
                    return Err(Refusal::Unfit(format!("incident {id} is declared already")));
                }
                self.set_state(id, IncidentState::Active, Some(by), "declared".to_owned(), turn);
                self.revise(id, Occasion::Event(format!("{} declared it", plan.name(by))), turn);
                Ok(())
            }
            Deed::Ack => {
                let has_it = self.file(id)?.incident().acked_by.as_deref() == Some(by);
                // A button that a service signed says more than a name that was typed.
                let how = turn.account.split_once(" by channel ").filter(|_| plan.defaults() >= Defaults::Proofs);
                let how = how.map(|(proof, channel)| format!(", by channel {channel} ({proof})")).unwrap_or_default();
                self.write(id, EntryKind::Acked, Some(by), format!("{} has it{how}", plan.name(by)), turn);
                self.acked(id, by, turn);
                // Whoever presses twice says nothing new. A journal of before told everybody again.
                if has_it && plan.defaults() >= Defaults::Proofs {
                    return Ok(());
                }
                self.restate(id, turn);
                self.revise(id, Occasion::Event(format!("{} has it", plan.name(by))), turn);
                Ok(())
            }
            Deed::Take { role, person } => {
                let person = person.as_deref().unwrap_or(by);
                if !plan.tables().role.contains_key(role) {
                    let known = plan.tables().role.keys().map(String::as_str);
                    return Err(Refusal::unknown("role", role, known));
                }
                if !plan.members(role).contains(&person) {
                    let whom = plan.people(role).join(", ");
                    return Err(Refusal::Unfit(format!("{} is not of `{role}`: {whom}", plan.name(person))));
                }
                let before =
                    self.incident_mut(id).and_then(|incident| incident.roles.insert(role.clone(), person.to_owned()));
                let text = match before {
                    Some(before) if before != person => {
                        format!("{} is {role}, after {}", plan.name(person), plan.name(&before))
                    }
                    _ => format!("{} is {role}", plan.name(person)),
                };
                self.write(id, EntryKind::Role, Some(by), text.clone(), turn);
                let is_theirs = person == by && self.is_answering(id, by, &plan);
                if is_theirs && self.files.get(&id).is_some_and(|file| file.case.incident.acked_by.is_none()) {
                    self.acked(id, by, turn);
                }
                self.restate(id, turn);
                self.revise(id, Occasion::Event(text), turn);
                Ok(())
            }
            Deed::Note { text, kind } => {
                let entry = match kind {
                    NoteKind::Note => EntryKind::Note,
                    NoteKind::Well => EntryKind::Well,
                    NoteKind::Badly => EntryKind::Badly,
                    NoteKind::Lucky => EntryKind::Lucky,
                };
                self.write(id, entry, Some(by), text.clone(), turn);
                Ok(())
            }
            Deed::Grade { severity, why } => self.grade(id, by, *severity, why, turn),
            Deed::Decide { intervention, why } => self.choose(id, by, intervention, why, turn),
            Deed::Approve { ruling } => self.approve(id, by, *ruling, turn),
            Deed::Veto { ruling, why } => self.veto(id, by, *ruling, why, turn),
            Deed::Done { ruling, by_what } => self.done(id, by, *ruling, by_what, turn),
            Deed::Confirm { ruling, why } => self.confirm(id, Some(by), *ruling, why, turn),
            Deed::Reverse { ruling, why } => self.reverse(id, by, *ruling, why, turn),
            Deed::Undone { ruling, why } => self.undone(id, by, *ruling, why, turn),
            Deed::Resolve { state, why } => self.resolve(id, by, *state, why, turn),
            Deed::Communicate { communication, text, last } => {
                self.say(id, by, Message { communication, text, is_last: *last }, turn)
            }
            Deed::ApproveText { communication } => self.approve_text(id, by, communication, turn),
            Deed::Silence { until_ms, why } => {
                if *until_ms <= turn.now_ms {
                    return Err(Refusal::Unfit("a silence ends in the future".to_owned()));
                }
                if *until_ms - turn.now_ms > LONGEST_SILENCE_MS {
                    let longest = span(LONGEST_SILENCE_MS / 1_000);
                    return Err(Refusal::Unfit(format!("a silence lasts {longest} at most: say it again then")));
                }
                let until = Moment { ms: *until_ms };
                let reason = format!("silenced by hand by {} until {until}: {why}", plan.name(by));
                let text = reason.clone();
                self.file_mut(id)?.hush = Some(Hush { until_ms: *until_ms, reason, by: HushedBy::Person });
                self.write(id, EntryKind::Silenced, Some(by), text, turn);
                Ok(())
            }
            Deed::Merge { into } => self.merge(id, by, *into, turn),
            Deed::FalsePositive { why } => self.false_positive(id, by, why, turn),
            Deed::Adopt => self.adopt(id, by, turn),
            Deed::Second { motion } => self.second(id, by, *motion, turn),
            Deed::Close { risks, no_change, holds } => {
                self.close(id, by, risks, no_change.as_deref(), holds.as_deref(), turn)
            }
        }
    }

    /// Changes where an incident stands, with what comes of that.
    pub(super) fn set_state(
        &mut self,
        id: IncidentId,
        state: IncidentState,
        by: Option<&str>,
        why: String,
        turn: &mut Turn,
    ) {
        let Some(incident) = self.incident_mut(id) else { return };
        incident.state = state;
        incident.note = why.clone();
        let declared = state.is_open() && incident.declared_at_ms.is_none();
        if declared {
            incident.declared_at_ms = Some(turn.now_ms);
        }
        self.write(id, EntryKind::State, by, format!("{state}: {why}"), turn);
        if declared {
            self.start_clocks(id, turn);
        }
        self.restate(id, turn);
    }

    /// A decision of a person declares an incident, if nobody has yet.
    pub(super) fn declare_for(&mut self, id: IncidentId, by: &str, turn: &mut Turn) {
        if self.files.get(&id).is_some_and(|file| file.case.incident.state == IncidentState::Triage) {
            self.set_state(id, IncidentState::Active, Some(by), "declared by a decision".to_owned(), turn);
        }
    }

    fn open_by_hand(&mut self, by: &str, opening: Opening<'_>, turn: &mut Turn) -> Taken {
        let Opening { signal, severity, drill_for_s, .. } = opening;
        let plan = self.plan().cloned().ok_or(Refusal::NoPlan)?;
        if !plan.tables().person.contains_key(by) {
            return Err(Refusal::Unknown { kind: "person", id: by.to_owned(), help: String::new() });
        }
        let Some(entity) = plan.tables().signal.get(signal) else {
            return Err(Refusal::unknown("signal", signal, plan.tables().signal.keys().map(String::as_str)));
        };
        if let Some(for_s) = drill_for_s {
            refuse_endless(for_s)?;
            refuse_unplayable(opening.script, for_s)?;
        }
        let group = vec![("declared".to_owned(), Some((self.last_incident + 1).to_string()))];
        let key = key(&plan, signal, &group);
        let seal = Hasher::new("incident").bytes(key.as_slice()).text(by).number(turn.now_ms).finish();
        let severity = severity.max(entity.severity.unwrap_or(severity));
        let title = if drill_for_s.is_some() { marked(opening.title) } else { opening.title.to_owned() };
        let mut incident = self.blank(&plan, signal, group, title.clone(), severity, turn.now_ms);
        incident.declared_by = Some(by.to_owned());
        incident.dependency = entity.dependency.clone();
        incident.drill = drill_for_s.is_some();
        incident.rehearsal |= incident.drill;
        let id = self.open_file(incident, entity, key, seal);
        self.write(id, EntryKind::Opened, Some(by), title, turn);
        if let Some(for_s) = drill_for_s {
            self.set_due(id, Due::Drill, turn.in_s(for_s), turn);
        }
        self.stage(id, opening.script, turn);
        self.write_origin(id, &plan, turn);
        self.set_state(id, IncidentState::Active, Some(by), format!("declared by {}", plan.name(by)), turn);
        self.revise(id, Occasion::Event("opened by hand".to_owned()), turn);
        self.climb(id, None, turn);
        Ok(())
    }

    fn grade(
        &mut self,
        id: IncidentId,
        by: &str,
        severity: crate::finding::Severity,
        why: &str,
        turn: &mut Turn,
    ) -> Taken {
        let before = self.file(id)?.extent();
        if before.severity == severity {
            return Err(Refusal::Unfit(format!("incident {id} is {severity} already")));
        }
        let falls = match severity < before.severity {
            true => self.fall_if_graded(id, severity, turn.now_ms),
            false => Vec::new(),
        };
        let deed = Deed::Grade { severity, why: why.to_owned() };
        if self.waits_for_second(id, by, deed, &falls, turn)? {
            return Ok(());
        }
        self.file_mut(id)?.case.grade(severity);
        self.write(id, EntryKind::Severity, Some(by), format!("from {} to {severity}: {why}", before.severity), turn);
        self.restate(id, turn);
        self.start_clocks(id, turn);
        self.revise(id, Occasion::Event(format!("graded {severity}: {why}")), turn);
        self.page_again(id, before, true, turn);
        Ok(())
    }

    fn fall_if_graded(&self, id: IncidentId, severity: crate::finding::Severity, now_ms: u64) -> Vec<String> {
        let (Some(plan), Some(file)) = (self.plan_of(id), self.files.get(&id)) else { return Vec::new() };
        let mut changed = file.clone();
        changed.case.grade(severity);
        self.fall_under(&changed, &plan, now_ms)
    }

    fn halt(&mut self, by: &str, why: Option<&str>, turn: &mut Turn) -> Taken {
        let plan = self.plan().cloned().ok_or(Refusal::NoPlan)?;
        let Some(role) = &plan.tables().protocol.kill_switch else {
            return Err(Refusal::Unfit("the plan names no role for it: give protocol.kill_switch".to_owned()));
        };
        if !plan.members(role).contains(&by) {
            let whom = plan.people(role).join(", ");
            return Err(Refusal::Unfit(format!("{} is not of `{role}`: {whom}", plan.name(by))));
        }
        self.halt = why.map(|why| Halt { by: by.to_owned(), why: why.to_owned(), at_ms: turn.now_ms });
        let note = match why {
            Some(why) => format!("{} stopped all automation: {why}", plan.name(by)),
            None => format!("{} lets automation go on", plan.name(by)),
        };
        let ids: Vec<IncidentId> = self.files.keys().copied().collect();
        let proof = turn.proof.take();
        for id in ids {
            // Each timeline proves it by itself.
            turn.proof.clone_from(&proof);
            self.write(id, EntryKind::Plan, Some(by), note.clone(), turn);
            self.revise(id, Occasion::Elsewhere(&note), turn);
        }
        Ok(())
    }

    fn merge(&mut self, id: IncidentId, by: &str, into: IncidentId, turn: &mut Turn) -> Taken {
        if id == into {
            return Err(Refusal::Unfit("an incident is no part of itself".to_owned()));
        }
        let (one, other) = (self.file(id)?.incident().rehearsal, self.file(into)?.incident().rehearsal);
        if one != other {
            let (rehearsal, earnest) = if one { (id, into) } else { (into, id) };
            let why =
                format!("incident {rehearsal} is only rehearsed, and {earnest} is meant in earnest: they don't mix");
            return Err(Refusal::Unfit(why));
        }
        let rulings = &self.file(id)?.rulings;
        if let Some(ruling) = rulings
            .iter()
            .find(|one| one.done.is_some() && one.state.is_in_effect() && one.intervention != crate::plan::DO_NOTHING)
        {
            return Err(Refusal::Unfit(format!(
                "{} is in effect for incident {id}: undo it first, or merge {into} into {id}",
                ruling.intervention
            )));
        }
        let falls = self.fall_with_the_end(id);
        if self.waits_for_second(id, by, Deed::Merge { into }, &falls, turn)? {
            return Ok(());
        }
        self.move_findings(id, into);
        if let Some(incident) = self.incident_mut(id) {
            incident.merged_into = Some(into);
            incident.closed_at_ms = Some(turn.now_ms);
        }
        self.set_state(id, IncidentState::Merged, Some(by), format!("part of incident {into}"), turn);
        self.revise(id, Occasion::Event(format!("merged into incident {into}")), turn);
        self.shut(id, turn);
        self.write(into, EntryKind::Merged, Some(by), format!("incident {id} is part of it"), turn);
        self.restate(into, turn);
        self.revise(into, Occasion::Event(format!("incident {id} was merged into it")), turn);
        Ok(())
    }

    fn adopt(&mut self, id: IncidentId, by: &str, turn: &mut Turn) -> Taken {
        let plan = self.plan().cloned().ok_or(Refusal::NoPlan)?;
        let incident = self.file(id)?.incident();
        if incident.plan == plan.hash() {
            return Err(Refusal::Unfit(format!("incident {id} follows the plan of today already")));
        }
        if !plan.tables().signal.contains_key(&incident.signal) {
            return Err(Refusal::Unfit(format!("the plan of today has no signal `{}`", incident.signal)));
        }
        if !incident.drill && incident.rehearsal != plan.tables().protocol.dry_run {
            let (of, today) =
                if incident.rehearsal { ("rehearsed", "in earnest") } else { ("in earnest", "a rehearsal") };
            return Err(Refusal::Unfit(format!(
                "incident {id} is {of}, and the plan of today is {today}: they don't mix"
            )));
        }
        let mut changed = self.file(id)?.clone();
        changed.case.incident.plan = plan.hash();
        let falls = self.fall_under(&changed, &plan, turn.now_ms);
        if self.waits_for_second(id, by, Deed::Adopt, &falls, turn)? {
            return Ok(());
        }
        let file = self.file_mut(id)?;
        let old = std::mem::replace(&mut file.case.incident.plan, plan.hash());
        let keys = file.groups.iter().map(|(signal, group)| key(&plan, signal, group)).collect();
        self.index.regroup(id, keys);
        let text = format!("it follows plan {} in place of {old}", plan.hash());
        self.write(id, EntryKind::Plan, Some(by), text, turn);
        self.restate(id, turn);
        self.revise(id, Occasion::Event("the plan of today was adopted".to_owned()), turn);
        self.start_clocks(id, turn);
        // Steps of the old plan mean nothing in the new one.
        if self.files.get(&id).is_some_and(|file| file.case.incident.acked_by.is_none()) {
            self.drop_due(id, &Due::Ack, turn);
            self.climb(id, None, turn);
        }
        Ok(())
    }
}

/// The longest that somebody may have nobody notified of an incident, milliseconds.
const LONGEST_SILENCE_MS: u64 = 24 * 3_600 * 1_000;
