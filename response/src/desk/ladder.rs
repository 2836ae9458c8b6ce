//! The ladder: who is paged, how long each step has, what happens when nobody answers, and when people are paged again.

use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::file::{Extent, Ladder, Page, Stage};
use crate::desk::growth::{amount, headline};
use crate::due::Due;
use crate::effect::{Effect, Notice};
use crate::fact::Delivery;
use crate::incident::{IncidentId, IncidentState};
use crate::plan::moment::span;
use crate::plan::{Escalation, Plan, Urgent};
use crate::timeline::EntryKind;

/// What entering a step came to.
enum Entered {
    Waits,
    NobodyThere,
}

impl Desk {
    /// Begins the escalation that the plan has for an incident. `why` says why people are paged again, in a clause.
    pub(super) fn climb(&mut self, id: IncidentId, why: Option<&str>, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(file) = self.files.get_mut(&id) else { return };
        let incident = &mut file.case.incident;
        let had = incident.acked_by.take();
        let Some((escalation, _)) = plan.escalation(&incident.signal, incident.severity) else {
            return self.look_again(id, turn);
        };
        let (escalation, loss) = (escalation.to_owned(), incident.loss.clone());
        let why = why.map(str::to_owned);
        file.ladder = Some(Ladder { escalation, stage: Stage::Step(0), round: 0, pages: BTreeMap::new(), loss, why });
        self.drop_due(id, &Due::Unack, turn);
        self.go_on(id, &plan, turn);
        if let Some(person) = had {
            self.page_who_had_it(id, &plan, &person, turn);
        }
    }

    /// Pages the person who had an incident before people were paged again: they are at it, on call or not.
    fn page_who_had_it(&mut self, id: IncidentId, plan: &Plan, person: &str, turn: &mut Turn) {
        let is_paged = self
            .files
            .get(&id)
            .and_then(|file| file.ladder.as_ref())
            .is_some_and(|ladder| ladder.pages.values().any(|page| plan.same_human(&page.person, person)));
        let has_channel = plan
            .tables()
            .person
            .get(person)
            .is_some_and(|person| !person.channels.urgent.is_empty() || !person.channels.normal.is_empty());
        let is_rung = self.just_paged_for(id, person, turn.now_ms).is_some();
        if has_channel && !is_paged && !is_rung && self.muted(id, turn.now_ms).is_none() {
            self.page(id, plan, person, 0, "who had it", turn);
        }
    }

    /// The plan pages nobody for such an incident: it is looked at again after a while, so that it is not forgotten.
    fn look_again(&mut self, id: IncidentId, turn: &mut Turn) {
        self.drop_due(id, &Due::Unack, turn);
        self.set_due(id, Due::Ack, turn.now_ms.saturating_add(LOOK_AGAIN_MS), turn);
    }

    /// Enters the step at which the ladder stands, or the next one that reaches somebody.
    fn go_on(&mut self, id: IncidentId, plan: &Plan, turn: &mut Turn) {
        // Each stage of each escalation is tried once; the plan holds no circle of escalations.
        loop {
            let Some(ladder) = self.files.get(&id).and_then(|file| file.ladder.clone()) else { return };
            let Some(escalation) = plan.tables().escalation.get(&ladder.escalation) else { return };
            match ladder.stage {
                Stage::Step(step) if step < escalation.steps.len() => {
                    let what = format!("step {} of {}", step + 1, ladder.escalation);
                    let (who, within_s) = (&escalation.steps[step].who, escalation.steps[step].ack_within_s);
                    match self.page_all(id, plan, who, &what, within_s, turn) {
                        Entered::Waits => return,
                        Entered::NobodyThere => self.at_stage(id, Stage::Step(step + 1)),
                    }
                }
                Stage::Step(_) if ladder.round < escalation.repeat && self.anybody(escalation, plan, turn.now_ms) => {
                    if let Some(ladder) = self.ladder_mut(id) {
                        (ladder.round, ladder.stage) = (ladder.round + 1, Stage::Step(0));
                    }
                }
                Stage::Step(_) => match &escalation.then {
                    Some(then) => {
                        let text = format!("{} is through; {then} goes on", ladder.escalation);
                        self.write(id, EntryKind::Exhausted, None, text, turn);
                        if let Some(ladder) = self.ladder_mut(id) {
                            (ladder.escalation, ladder.round, ladder.stage) = (then.clone(), 0, Stage::Step(0));
                        }
                    }
                    None => self.at_stage(id, Stage::Exhausted),
                },
                Stage::Exhausted => {
                    let text = format!("{} is through and nobody answered", ladder.escalation);
                    self.write(id, EntryKind::Exhausted, None, text, turn);
                    let entered = match escalation.last_resort.as_slice() {
                        [] => Entered::NobodyThere,
                        who => self.page_all(id, plan, who, "the last resort", escalation.unack_after_s, turn),
                    };
                    if matches!(entered, Entered::NobodyThere) {
                        self.nobody_left(id, escalation, turn);
                    }
                    return;
                }
            }
        }
    }

    /// Nobody is left to page: every outlet is notified, and the escalation begins anew after a while.
    fn nobody_left(&mut self, id: IncidentId, escalation: &Escalation, turn: &mut Turn) {
        let severity = self.files.get(&id).map_or(crate::desk::GRAVEST, |file| file.case.incident.severity);
        let after = span(escalation.unack_after_s);
        let text = format!("Nobody can be paged for incident {id}: no step reaches anybody. It begins anew in {after}");
        self.write(id, EntryKind::Unreached, None, text.clone(), turn);
        self.order(
            id,
            Effect::Notify { incident: id, severity, what: Notice::Unreached, text, brief: self.brief(id) },
            turn,
        );
        self.set_due(id, Due::Ack, turn.in_s(escalation.unack_after_s), turn);
    }

    /// Pages everybody who is on duty for `who` and gives them `within_s` to answer.
    fn page_all(
        &mut self,
        id: IncidentId,
        plan: &Plan,
        who: &[String],
        what: &str,
        within_s: u64,
        turn: &mut Turn,
    ) -> Entered {
        let mut people: Vec<&str> = Vec::new();
        for who in who {
            let on_duty = plan.on_duty(who, turn.now_ms);
            if on_duty.is_empty() {
                self.write(id, EntryKind::Unreached, None, format!("{what}: nobody is on call for {who}"), turn);
            }
            people.extend(on_duty.into_iter().filter(|person| !people.contains(person)).collect::<Vec<_>>());
        }
        if let Some(ladder) = self.ladder_mut(id) {
            ladder.pages.clear();
        }
        let due_at_ms = turn.in_s(within_s);
        if let Some(reason) = self.muted(id, turn.now_ms) {
            self.write(id, EntryKind::Silenced, None, format!("{what}: nobody is paged, {reason}"), turn);
            self.set_due(id, Due::Ack, due_at_ms, turn);
            return Entered::Waits;
        }
        let mut paged = false;
        for person in people {
            paged |= match self.just_paged_for(id, person, turn.now_ms) {
                Some(other) => self.tell_beside(id, plan, person, other, what, turn),
                None => self.page_first(id, plan, person, what, turn),
            };
        }
        if !paged {
            return Entered::NobodyThere;
        }
        self.set_due(id, Due::Ack, due_at_ms, turn);
        Entered::Waits
    }

    /// Tells somebody of an incident who was paged for another that it goes with, a moment ago.
    fn tell_beside(
        &mut self,
        id: IncidentId,
        plan: &Plan,
        person: &str,
        other: IncidentId,
        what: &str,
        turn: &mut Turn,
    ) -> bool {
        let Some(file) = self.files.get(&id) else { return false };
        let headline = headline(plan, &file.case.incident, turn.now_ms);
        let why = file.ladder.as_ref().and_then(|ladder| ladder.why.as_ref());
        let why = why.map(|why| format!("; you are told again as {why}")).unwrap_or_default();
        let text = format!("Incident {id} comes with incident {other}, for which you were paged{why}: {headline}");
        self.order(id, Effect::Remind { incident: id, whom: vec![person.to_owned()], text }, turn);
        let text = format!("{what}: {} is paged for incident {other}, and told of this one", plan.name(person));
        self.write(id, EntryKind::Paged, None, text, turn);
        true
    }

    /// Pages a person by their best channel, or by all urgent ones at once if the plan says so. Returns whether there is one.
    fn page_first(&mut self, id: IncidentId, plan: &Plan, person: &str, what: &str, turn: &mut Turn) -> bool {
        let at_once = match self.escalation(id, plan).map(|escalation| escalation.urgent) {
            Some(Urgent::AllAtOnce) => {
                plan.tables().person.get(person).map_or(1, |person| person.channels.urgent.len().max(1))
            }
            _ => 1,
        };
        let mut paged = false;
        for at in 0..at_once {
            paged |= self.page(id, plan, person, at, what, turn);
        }
        paged
    }

    /// Pages a person on one of their channels, urgent ones first. Returns whether there is such a channel.
    pub(super) fn page(
        &mut self,
        id: IncidentId,
        plan: &Plan,
        person: &str,
        at: usize,
        what: &str,
        turn: &mut Turn,
    ) -> bool {
        let Some(entity) = plan.tables().person.get(person) else { return false };
        let Some(channel) = entity.channels.urgent.iter().chain(&entity.channels.normal).nth(at) else {
            let text = format!("{what}: {} has no other channel", entity.name);
            self.write(id, EntryKind::Unreached, None, text, turn);
            return false;
        };
        let Some(file) = self.files.get(&id) else { return false };
        let incident = file.incident();
        let again = file.ladder.as_ref().and_then(|ladder| ladder.why.as_ref());
        let again = again.map(|why| format!(", paged again as {why}")).unwrap_or_default();
        let severity = incident.severity;
        let text = format!("Incident {id} ({severity}){again}: {}", headline(plan, incident, turn.now_ms));
        self.write(id, EntryKind::Paged, None, format!("{what}: {} by {channel}", entity.name), turn);
        let (person_id, brief) = (person.to_owned(), self.brief(id));
        let effect = Effect::Page { incident: id, severity, person: person_id, channel: channel.clone(), text, brief };
        let key = self.order(id, effect, turn);
        if let Some(ladder) = self.ladder_mut(id) {
            ladder.pages.insert(key, Page { person: person.to_owned(), channel: at, at_ms: turn.now_ms });
        }
        self.note_page(key, id);
        true
    }

    /// Notes of which incident a page is. Now and then, those are forgotten that no ladder waits for any more.
    fn note_page(&mut self, key: B256, id: IncidentId) {
        // At each doubling, so that a step costs no more the more pages there are.
        if self.pages.len() >= PAGES_KEPT && self.pages.len().is_power_of_two() {
            let files = &self.files;
            let is_awaited = |key: &B256, id: &IncidentId| {
                files.get(id).and_then(|file| file.ladder.as_ref()).is_some_and(|ladder| ladder.pages.contains_key(key))
            };
            self.pages.retain(|key, id| is_awaited(key, id));
        }
        self.pages.insert(key, id);
    }

    /// Takes in what came of a page. One that did not arrive goes to the next channel at once, and if nobody of the step is
    /// left, the next step begins at once.
    pub(super) fn delivered(&mut self, delivery: &Delivery, turn: &mut Turn) {
        if let Some(stopped) = &delivery.stopped {
            return self.stopped(stopped, &delivery.answer, turn);
        }
        let Some(id) = self.pages.get(&delivery.key).copied() else { return };
        if delivery.arrived {
            return;
        }
        self.pages.remove(&delivery.key);
        let (Some(plan), Some(ladder)) = (self.plan_of(id), self.ladder_mut(id)) else { return };
        let Some(Page { person, channel, .. }) = ladder.pages.remove(&delivery.key) else { return };
        let stage = ladder.stage;
        let has_another = ladder.pages.values().any(|page| page.person == person);
        let text = format!("the page to {} did not arrive: {}", plan.name(&person), delivery.answer);
        self.write(id, EntryKind::Unreached, None, text, turn);
        let is_at_once = self.escalation(id, &plan).is_some_and(|one| one.urgent == Urgent::AllAtOnce);
        if is_at_once && has_another {
            // It went out by other channels at the same moment.
            return;
        }
        let urgent = plan.tables().person.get(&person).map_or(0, |one| one.channels.urgent.len());
        let next = if is_at_once { urgent.max(channel + 1) } else { channel + 1 };
        if self.page(id, &plan, &person, next, "again", turn) {
            return;
        }
        let is_acked = self.files.get(&id).is_some_and(|file| file.case.incident.acked_by.is_some());
        let is_alone = self.ladder_mut(id).is_some_and(|ladder| ladder.pages.is_empty());
        if is_alone && !is_acked {
            match stage {
                Stage::Step(step) => {
                    self.at_stage(id, Stage::Step(step + 1));
                    self.go_on(id, &plan, turn);
                }
                Stage::Exhausted => {
                    if let Some(escalation) = self.escalation(id, &plan) {
                        self.nobody_left(id, &escalation, turn);
                    }
                }
            }
        }
    }

    /// Goes on to the next step: nobody answered in time.
    pub(super) fn unanswered(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(ladder) = self.ladder_mut(id) else {
            let whom = plan.leads().into_iter().map(str::to_owned).collect();
            let text = format!("Incident {id} is open and nobody has looked at it");
            self.order(id, Effect::Remind { incident: id, whom, text }, turn);
            return self.look_again(id, turn);
        };
        match ladder.stage {
            Stage::Step(step) => {
                let text = format!("nobody answered step {} of {}", step + 1, ladder.escalation);
                ladder.stage = Stage::Step(step + 1);
                self.write(id, EntryKind::Unanswered, None, text, turn);
            }
            // From the bottom again: whoever slept may be awake.
            Stage::Exhausted => {
                ladder.stage = Stage::Step(0);
                ladder.round = 0;
            }
        }
        self.go_on(id, &plan, turn);
        self.revise(id, Occasion::Time, turn);
    }

    /// Ends the step: somebody answered, and has the incident for a while.
    pub(super) fn acked(&mut self, id: IncidentId, by: &str, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        self.drop_due(id, &Due::Ack, turn);
        if let Some(ladder) = self.ladder_mut(id) {
            ladder.pages.clear();
        }
        if let Some(incident) = self.incident_mut(id) {
            incident.acked_by = Some(by.to_owned());
        }
        let after_s = self.escalation(id, &plan).map_or(DEFAULT_UNACK_S, |escalation| escalation.unack_after_s);
        self.set_due(id, Due::Unack, turn.in_s(after_s), turn);
    }

    /// Whoever acts has answered, if nobody had.
    pub(super) fn answered(&mut self, id: IncidentId, by: &str, turn: &mut Turn) {
        let Some(file) = self.files.get(&id) else { return };
        if file.case.incident.acked_by.is_some() || !file.case.incident.state.is_open() {
            return;
        }
        let name = self.plan_of(id).map_or_else(|| by.to_owned(), |plan| plan.name(by));
        self.write(id, EntryKind::Acked, Some(by), format!("{name} has it, by acting"), turn);
        self.acked(id, by, turn);
        self.restate(id, turn);
    }

    /// Pages people again: the person who answered has done nothing for too long.
    pub(super) fn unack(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(file) = self.files.get(&id) else { return };
        let (who, state) = (file.case.incident.acked_by.clone().unwrap_or_default(), file.case.incident.state);
        let Some(plan) = self.plan_of(id) else { return };
        let name = plan.name(&who);
        if state > IncidentState::Active {
            // Nothing burns: a reminder will do, and somebody still has it.
            let text = format!("Incident {id} is {state} and open; say how it stands, or close it");
            self.order(id, Effect::Remind { incident: id, whom: vec![who.clone()], text }, turn);
            return self.acked(id, &who, turn);
        }
        let why = format!("nothing was heard of {name}");
        self.write(id, EntryKind::Unacked, None, format!("{why}: people are paged again"), turn);
        self.climb(id, Some(&why), turn);
        self.restate(id, turn);
        self.revise(id, Occasion::Time, turn);
    }

    /// Pages again if an incident became graver, wider or costlier since people were paged.
    ///
    /// `is_grave` says whether what is new is as grave as the incident: by another kind or actor only that pages.
    pub(super) fn page_again(&mut self, id: IncidentId, before: Extent, is_grave: bool, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(file) = self.files.get(&id) else { return };
        let (now, incident) = (file.extent(), file.incident());
        let Some(ladder) = &file.ladder else {
            // Nobody is paged for what is less grave; for what it is now, somebody may be.
            let is_held = self.deadlines.due_at_ms(id, &Due::Hold).is_some();
            if now.severity > before.severity
                && !is_held
                && plan.escalation(&incident.signal, incident.severity).is_some()
            {
                self.climb(id, Some(&format!("it is {} now", now.severity)), turn);
            }
            return;
        };
        let growth = plan.tables().signal.get(&incident.signal).map_or(100, |signal| signal.growth_percent);
        let grown = incident.loss.iter().find(|(asset, loss)| {
            let paged = ladder.loss.get(*asset).copied().unwrap_or(0);
            paged > 0
                && **loss
                    >= paged
                        .saturating_add(paged / 100 * u128::from(growth))
                        .saturating_add(paged % 100 * u128::from(growth) / 100)
        });
        let acked = incident.acked_by.is_some();
        let reason = if now.severity > before.severity {
            format!("it is {} now", now.severity)
        } else if acked && (now.breadth > before.breadth || now.assets > before.assets) {
            "another asset or chain is concerned".to_owned()
        } else if acked && is_grave && now.kinds > before.kinds {
            "something of another kind was found".to_owned()
        } else if acked && is_grave && now.actors > before.actors {
            "somebody else acts".to_owned()
        } else if let (true, Some((asset, loss))) = (acked, grown) {
            let paged = ladder.loss.get(asset).copied().unwrap_or(0);
            let (before, now) = (amount(&plan, asset, paged), amount(&plan, asset, *loss));
            format!("the loss has grown from {before} to {now} since people were paged")
        } else {
            // Growth is measured from the first amount that is known.
            if let Some(file) = self.files.get_mut(&id) {
                let loss = file.case.incident.loss.clone();
                if let Some(ladder) = &mut file.ladder {
                    for (asset, value) in loss {
                        ladder.loss.entry(asset).or_insert(value);
                    }
                }
            }
            return;
        };
        self.write(id, EntryKind::Unacked, None, format!("people are paged again: {reason}"), turn);
        self.climb(id, Some(&reason), turn);
        self.restate(id, turn);
    }

    fn anybody(&self, escalation: &Escalation, plan: &Plan, now_ms: u64) -> bool {
        let reachable = |person: &str| {
            let channels = plan.tables().person.get(person).map(|person| &person.channels);
            channels.is_some_and(|channels| !channels.urgent.is_empty() || !channels.normal.is_empty())
        };
        let whom = escalation.steps.iter().flat_map(|step| &step.who);
        whom.flat_map(|who| plan.on_duty(who, now_ms)).any(reachable)
    }

    pub(super) fn escalation(&self, id: IncidentId, plan: &Plan) -> Option<Escalation> {
        let file = self.files.get(&id)?;
        let incident = &file.case.incident;
        let running = file.ladder.as_ref().and_then(|ladder| plan.tables().escalation.get(&ladder.escalation));
        running.or_else(|| plan.escalation(&incident.signal, incident.severity).map(|(_, one)| one)).cloned()
    }

    pub(super) fn ladder_mut(&mut self, id: IncidentId) -> Option<&mut Ladder> {
        self.files.get_mut(&id).and_then(|file| file.ladder.as_mut())
    }

    fn at_stage(&mut self, id: IncidentId, stage: Stage) {
        if let Some(ladder) = self.ladder_mut(id) {
            ladder.stage = stage;
        }
    }
}

/// How many pages are known before those that nobody waits for are forgotten.
const PAGES_KEPT: usize = 4_096;

/// After how long an incident that nobody is paged for is brought up again, milliseconds.
const LOOK_AGAIN_MS: u64 = 24 * 3_600 * 1_000;

/// How long an answer is worth if the plan has no escalation for an incident, in seconds.
const DEFAULT_UNACK_S: u64 = 1_800;
