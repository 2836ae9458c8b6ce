//! Rulings: an intervention is chosen, agreed to, carried out, shown to work, and undone, each by whoever may.

use crate::decision::{Answer, Ruling, RulingState};
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::facts::Learned;
use crate::desk::file::{File, Overruled};
use crate::desk::judge::Verdict;
use crate::desk::permit::{calldata, carry_out, propose};
use crate::desk::refusal::{Refusal, Taken};
use crate::desk::wording::OUTLASTS;
use crate::due::Due;
use crate::effect::Effect;
use crate::fact::{Fact, Says};
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::plan::moment::{Moment, span};
use crate::plan::{DO_NOTHING, Intervention, Plan, Signal};
use crate::timeline::EntryKind;

impl Desk {
    /// Somebody chooses an intervention.
    pub(super) fn choose(&mut self, id: IncidentId, by: &str, chosen: &str, why: &str, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        if chosen == DO_NOTHING {
            return self.choose_nothing(id, &plan, by, why, turn);
        }
        let file = self.file(id)?;
        let signal = signal_of(&plan, file.incident())?;
        let Some(intervention) =
            plan.tables().intervention.get(chosen).filter(|_| plan.interventions_of(&file.signals()).contains(&chosen))
        else {
            let known = plan.interventions_of(&file.signals()).into_iter().chain([DO_NOTHING]);
            let help = crate::diagnostic::suggestion(chosen, known);
            return Err(Refusal::Unfit(format!("`{}` does not lead to `{chosen}`; {help}", file.case.incident.signal)));
        };
        may_decide(&plan, by, chosen)?;
        if let Some(ruling) = file.rulings.iter().find(|one| one.intervention == chosen && one.state.is_open()) {
            let who = ruling.by.as_deref().map_or_else(|| "the plan".to_owned(), |by| plan.name(by));
            let how = match ruling.state {
                RulingState::Pending => format!("; approve {} if you agree", ruling.number),
                _ => format!("; it waits to be carried out (ruling {})", ruling.number),
            };
            return Err(Refusal::Unfit(format!("{who} has decided on {chosen} already{how}")));
        }
        let scales = self.scales(&plan, signal, file, turn.now_ms);
        let verdict = scales.weigh(chosen, intervention);
        self.refuse_barred(&plan, file, &verdict, turn.now_ms)?;
        let seconds = verdict.seconds;
        let quorum = intervention.limits.quorum.unwrap_or(1).max(1);
        let valid_until_ms = turn.in_s(intervention.limits.valid_s);
        let ruling = Ruling {
            number: file.rulings.len() as u32 + 1,
            intervention: chosen.to_owned(),
            by: Some(by.to_owned()),
            why: why.to_owned(),
            at_ms: turn.now_ms,
            revision: file.revision,
            approvals: vec![by.to_owned()],
            quorum,
            calldata: calldata(intervention),
            valid_until_ms,
            state: RulingState::Pending,
            done: None,
            done_at_ms: None,
            ends_at_ms: None,
        };
        let number = ruling.number;
        let yielding = self.takeable(chosen, id);
        self.make_room(id, &plan, chosen, yielding, turn);
        self.ledger_of(id).reserve(chosen, id, turn.now_ms);
        let text = format!("{chosen} (ruling {number}): {why}");
        self.write(id, EntryKind::Decided, Some(by), text, turn);
        if let Some(file) = self.files.get_mut(&id) {
            file.overruled.remove(chosen);
            file.rulings.push(ruling);
            file.accounts.entry(number).or_default().push(turn.account.clone());
        }
        self.set_due(id, Due::Ruling { number }, valid_until_ms, turn);
        self.declare_for(id, by, turn);
        self.answered(id, by, turn);
        self.agree_if_enough(id, number, seconds, turn);
        self.revise(id, Occasion::Event(format!("{} chose {chosen}", plan.name(by))), turn);
        Ok(())
    }

    /// Incidents whose reserved use a person may take for another, those that yield first: on which nobody has decided, then
    /// those that are less grave.
    fn takeable(&self, intervention: &str, id: IncidentId) -> Vec<IncidentId> {
        let Some(own) = self.files.get(&id).map(|file| file.incident().severity) else { return Vec::new() };
        let reserving = self.ledgers.of(self.is_dry(id)).reserving(intervention);
        let files = reserving.filter(|other| *other != id).filter_map(|other| self.files.get(&other));
        let yields = |file: &&File| !file.is_chosen(intervention) || file.incident().severity < own;
        let mut files: Vec<&File> = files.filter(yields).collect();
        files.sort_by_key(|file| (file.is_chosen(intervention), file.incident().severity, file.incident().id));
        files.iter().map(|file| file.incident().id).collect()
    }

    fn choose_nothing(&mut self, id: IncidentId, plan: &Plan, by: &str, why: &str, turn: &mut Turn) -> Taken {
        let file = self.file(id)?;
        signal_of(plan, file.incident())?;
        let mapped = plan.interventions_of(&file.signals());
        let of_signal = mapped.into_iter().filter_map(|id| plan.tables().intervention.get(id));
        let may = plan.leads().contains(&by) || of_signal.into_iter().any(|one| plan.deciders(one).contains(&by));
        if !may {
            return Err(Refusal::Unfit(format!("{} decides on nothing here", plan.name(by))));
        }
        let (number, revision) = (file.rulings.len() as u32 + 1, file.revision);
        let ruling = Ruling {
            number,
            intervention: DO_NOTHING.to_owned(),
            by: Some(by.to_owned()),
            why: why.to_owned(),
            at_ms: turn.now_ms,
            revision,
            approvals: vec![by.to_owned()],
            quorum: 1,
            calldata: Default::default(),
            valid_until_ms: turn.now_ms,
            state: RulingState::Verified,
            done: Some((by.to_owned(), "nothing is to be done".to_owned())),
            done_at_ms: Some(turn.now_ms),
            ends_at_ms: None,
        };
        if let Some(file) = self.files.get_mut(&id) {
            file.rulings.push(ruling);
        }
        self.write(id, EntryKind::Decided, Some(by), format!("{DO_NOTHING}: {why}"), turn);
        self.answered(id, by, turn);
        self.revise(id, Occasion::Event(format!("{} chose to do nothing", plan.name(by))), turn);
        Ok(())
    }

    /// Somebody agrees to what was chosen.
    pub(super) fn approve(&mut self, id: IncidentId, by: &str, number: u32, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        let ruling = self.ruling(id, number)?;
        if ruling.state != RulingState::Pending {
            return Err(Refusal::Unfit(format!(
                "ruling {number} is {}, so there is nothing to agree to",
                ruling.state.in_words()
            )));
        }
        let mend = format!("put it back into the plan and adopt it, or veto ruling {number}");
        let intervention = intervention_of(&plan, id, &ruling.intervention, mend)?;
        may_decide(&plan, by, &ruling.intervention)?;
        if let Some(same) = ruling.approvals.iter().find(|one| plan.same_human(one, by)) {
            let who = plan.name(same);
            return Err(Refusal::Unfit(format!("{who} has agreed already, and one human counts once")));
        }
        let file = self.file(id)?;
        let accounts = file.accounts.get(&number).map(Vec::as_slice).unwrap_or_default();
        if plan.tables().protocol.distinct_accounts && accounts.contains(&turn.account) {
            let account = &turn.account;
            return Err(Refusal::Unfit(format!("somebody has agreed by the same account already ({account})")));
        }
        // What the plan forbids by now is not agreed to either.
        let signal = signal_of(&plan, file.incident())?;
        let verdict = self.scales(&plan, signal, file, turn.now_ms).weigh(&ruling.intervention, intervention);
        self.refuse_barred(&plan, file, &verdict, turn.now_ms)?;
        let seconds = verdict.seconds;
        self.write(id, EntryKind::Approved, Some(by), format!("{} (ruling {number})", ruling.intervention), turn);
        if let Some(ruling) = self.ruling_mut(id, number) {
            ruling.approvals.push(by.to_owned());
        }
        if let Some(file) = self.files.get_mut(&id) {
            file.accounts.entry(number).or_default().push(turn.account.clone());
        }
        self.answered(id, by, turn);
        self.agree_if_enough(id, number, seconds, turn);
        self.revise(id, Occasion::Event(format!("{} agreed to {}", plan.name(by), ruling.intervention)), turn);
        Ok(())
    }

    /// Asks for carrying out what enough people agreed to; for those who are missing where they did not yet.
    fn agree_if_enough(&mut self, id: IncidentId, number: u32, seconds: u64, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(ruling) = self.ruling_mut(id, number) else { return };
        if ruling.state != RulingState::Pending {
            return;
        }
        let is_enough = ruling.approvals.len() as u32 >= ruling.quorum;
        if is_enough {
            ruling.state = RulingState::Approved;
        }
        let ruling = ruling.clone();
        let name = &ruling.intervention;
        let (Some(intervention), Some(file)) = (plan.tables().intervention.get(name), self.files.get(&id)) else {
            return;
        };
        let incident = file.incident();
        if !is_enough {
            let effect = propose(&plan, incident, name, intervention, Some(seconds), Some(&ruling));
            self.order(id, effect, turn);
            return;
        }
        let effect = carry_out(&plan, incident, &ruling, intervention, Some(seconds));
        let text = format!("{name} is decided (ruling {number}): carry it out, then say so");
        self.write(id, EntryKind::Approved, None, text, turn);
        self.order(id, effect, turn);
    }

    /// Somebody stops what was chosen.
    pub(super) fn veto(&mut self, id: IncidentId, by: &str, number: u32, why: &str, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        let ruling = self.ruling(id, number)?;
        if !ruling.state.is_open() {
            return Err(Refusal::Unfit(format!(
                "ruling {number} is {}, so it can't be stopped",
                ruling.state.in_words()
            )));
        }
        if !plan.leads().contains(&by) {
            may_decide(&plan, by, &ruling.intervention)?;
        }
        self.end_ruling(id, number, RulingState::Vetoed, turn);
        if let Some(file) = self.files.get_mut(&id) {
            file.overruled.insert(ruling.intervention.clone(), {
                let why = format!("{} stopped it: {why}", plan.name(by));
                Overruled { why, by_lapse: false }
            });
        }
        self.write(id, EntryKind::Vetoed, Some(by), format!("{} (ruling {number}): {why}", ruling.intervention), turn);
        let text = format!("{} stopped it: {why}", plan.name(by));
        self.order(id, Effect::Withdraw { incident: id, intervention: ruling.intervention.clone(), text }, turn);
        self.revise(id, Occasion::Event(format!("{} stopped {}", plan.name(by), ruling.intervention)), turn);
        Ok(())
    }

    /// Somebody carried out what was chosen.
    pub(super) fn done(&mut self, id: IncidentId, by: &str, number: u32, by_what: &str, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        let ruling = self.ruling(id, number)?;
        let mend = format!("put it back into the plan and adopt it, or veto ruling {number}");
        let intervention = intervention_of(&plan, id, &ruling.intervention, mend)?;
        match ruling.state {
            RulingState::Approved => {}
            RulingState::Pending => {
                let missing = ruling.quorum.saturating_sub(ruling.approvals.len() as u32);
                return Err(Refusal::Unfit(format!("{missing} more must agree to ruling {number} first")));
            }
            state => {
                let since = ruling.done_at_ms.filter(|_| state.is_in_effect());
                let since = since.map(|ms| format!(" since {}, so there is nothing left to say", Moment { ms }));
                let text = format!("ruling {number} is {}{}", state.in_words(), since.unwrap_or_default());
                return Err(Refusal::Unfit(text));
            }
        }
        if intervention.limits.two_person && ruling.by.as_deref().is_some_and(|who| plan.same_human(who, by)) {
            let why = "whoever decides on it must not carry it out: it takes another person";
            return Err(Refusal::Unfit(why.to_owned()));
        }
        self.took_effect(id, &ruling, Some(by), by_what, turn);
        Ok(())
    }

    /// What was chosen takes effect, by the word of a person or by what the chain shows.
    pub(super) fn took_effect(
        &mut self,
        id: IncidentId,
        ruling: &Ruling,
        by: Option<&str>,
        by_what: &str,
        turn: &mut Turn,
    ) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(intervention) = plan.tables().intervention.get(&ruling.intervention) else { return };
        let number = ruling.number;
        let ends_s = [intervention.limits.max_duration_s, intervention.reversal.as_ref().and_then(|one| one.expires_s)];
        let ends_at_ms =
            ends_s.into_iter().flatten().min().map(|s| turn.now_ms.saturating_add(s.saturating_mul(1_000)));
        self.ledger_of(id).commit(&ruling.intervention, id, turn.now_ms);
        self.drop_due(id, &Due::Ruling { number }, turn);
        if let Some(ruling) = self.ruling_mut(id, number) {
            ruling.state = RulingState::Done;
            ruling.done = Some((by.unwrap_or("the chain").to_owned(), by_what.to_owned()));
            ruling.done_at_ms = Some(turn.now_ms);
            ruling.ends_at_ms = ends_at_ms;
        }
        self.write(id, EntryKind::Done, by, format!("{} (ruling {number}): {by_what}", ruling.intervention), turn);
        if let Some(ends_at_ms) = ends_at_ms {
            self.set_due(id, Due::End { number }, ends_at_ms, turn);
        }
        if let Some(by) = by {
            self.answered(id, by, turn);
        }
        self.revise(id, Occasion::Event(format!("{} was carried out", ruling.intervention)), turn);
        self.revise_others(id, &ruling.intervention, &format!("incident {id} had it carried out"), turn);
    }

    /// Decides anew on the other incidents that an intervention is for.
    pub(super) fn revise_others(&mut self, id: IncidentId, intervention: &str, note: &str, turn: &mut Turn) {
        for other in self.mapping(intervention).into_iter().filter(|other| *other != id) {
            self.revise(other, Occasion::Elsewhere(note), turn);
        }
    }

    /// It is known that what was carried out works.
    pub(super) fn confirm(
        &mut self,
        id: IncidentId,
        by: Option<&str>,
        number: u32,
        why: &str,
        turn: &mut Turn,
    ) -> Taken {
        let ruling = self.ruling(id, number)?;
        if ruling.state != RulingState::Done {
            return Err(Refusal::Unfit(format!("ruling {number} is {}", ruling.state.in_words())));
        }
        if let Some(ruling) = self.ruling_mut(id, number) {
            ruling.state = RulingState::Verified;
        }
        self.write(id, EntryKind::Verified, by, format!("{} (ruling {number}): {why}", ruling.intervention), turn);
        let state = self.files.get(&id).map(|file| file.case.incident.state);
        if state.is_some_and(|state| state < IncidentState::Contained) {
            self.set_state(id, IncidentState::Contained, by, format!("{} holds", ruling.intervention), turn);
        }
        self.revise(id, Occasion::Event(format!("{} holds", ruling.intervention)), turn);
        Ok(())
    }

    /// What was carried out was undone.
    pub(super) fn reverse(&mut self, id: IncidentId, by: &str, number: u32, why: &str, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        let ruling = self.ruling(id, number)?;
        if !ruling.state.is_in_effect() {
            let state = ruling.state.in_words();
            return Err(Refusal::Unfit(format!("ruling {number} is {state}, so there is nothing to undo")));
        }
        let mend = "put it back into the plan and adopt it, so that it says who undoes it".to_owned();
        let intervention = intervention_of(&plan, id, &ruling.intervention, mend)?;
        if let Some(reversal) = &intervention.reversal
            && !plan.members(&reversal.who).contains(&by)
        {
            let whom = plan.people(&reversal.who).join(", ");
            return Err(Refusal::Unfit(format!("`{}` undoes {}: {whom}", reversal.who, ruling.intervention)));
        }
        let rests =
            intervention.limits.blackouts.iter().find(|one| one.from.ms <= turn.now_ms && turn.now_ms < one.until.ms);
        if let Some(rests) = rests {
            return Err(Refusal::Unfit(format!("nothing is undone until {}: {}", rests.until, rests.why)));
        }
        self.ended_effect(id, number, Some(by), why, turn);
        Ok(())
    }

    fn ended_effect(&mut self, id: IncidentId, number: u32, by: Option<&str>, why: &str, turn: &mut Turn) {
        let Ok(ruling) = self.ruling(id, number) else { return };
        self.end_ruling(id, number, RulingState::Reversed, turn);
        if let Some(file) = self.files.get_mut(&id) {
            let why = format!("it was undone: {why}");
            file.overruled.insert(ruling.intervention.clone(), Overruled { why, by_lapse: false });
        }
        self.write(id, EntryKind::Reversed, by, format!("{} (ruling {number}): {why}", ruling.intervention), turn);
        self.revise(id, Occasion::Event(format!("{} was undone", ruling.intervention)), turn);
        self.revise_others(id, &ruling.intervention, &format!("it was undone in incident {id}"), turn);
    }

    /// A ruling was not carried out while it was valid.
    pub(super) fn lapse(&mut self, id: IncidentId, number: u32, turn: &mut Turn) {
        let Ok(ruling) = self.ruling(id, number) else { return };
        if !ruling.state.is_open() {
            return;
        }
        self.end_ruling(id, number, RulingState::Lapsed, turn);
        let text = format!("{} (ruling {number}) was not carried out in time", ruling.intervention);
        self.write(id, EntryKind::Lapsed, None, text.clone(), turn);
        if ruling.by.is_none()
            && let Some(file) = self.files.get_mut(&id)
        {
            // Put forward and not taken up: from here on it takes a person, or something new.
            let why = "nobody carried it out while it was valid".to_owned();
            file.overruled.insert(ruling.intervention.clone(), Overruled { why, by_lapse: true });
        }
        self.order(
            id,
            Effect::Withdraw { incident: id, intervention: ruling.intervention.clone(), text: text.clone() },
            turn,
        );
        self.revise(id, Occasion::Event(text), turn);
    }

    /// What was carried out lasts longer than it may.
    pub(super) fn outlast(&mut self, id: IncidentId, number: u32, turn: &mut Turn) {
        let (Ok(ruling), Some(plan)) = (self.ruling(id, number), self.plan_of(id)) else { return };
        // The plan may have dropped it since: then whoever leads is reminded.
        let intervention = plan.tables().intervention.get(&ruling.intervention);
        let reversal = intervention.and_then(|one| one.reversal.as_ref());
        let since = span(turn.now_ms.saturating_sub(ruling.done_at_ms.unwrap_or(turn.now_ms)) / 1_000);
        let ends_at_ms = reversal.and_then(|reversal| reversal.expires_s).zip(ruling.done_at_ms);
        if ends_at_ms.is_some_and(|(s, done_at_ms)| done_at_ms.saturating_add(s.saturating_mul(1_000)) <= turn.now_ms) {
            return self.ended_effect(id, number, None, &format!("it ended by itself after {since}"), turn);
        }
        let role = reversal.map(|reversal| &reversal.who).or(intervention.map(|one| &one.owner));
        let whom = role.map_or_else(|| plan.leads(), |role| plan.members(role));
        let whom: Vec<String> = whom.into_iter().map(str::to_owned).collect();
        let text = format!("{}{OUTLASTS}{since}, which is all that the plan allows: undo it", ruling.intervention);
        self.write(id, EntryKind::Lapsed, None, text.clone(), turn);
        self.order(id, Effect::Revert { incident: id, intervention: ruling.intervention, whom, text }, turn);
        // It is not forgotten before it is done.
        self.set_due(id, Due::End { number }, turn.now_ms.saturating_add(REMIND_MS), turn);
    }

    /// Something about the chain became known.
    pub(super) fn learn(&mut self, fact: &Fact, turn: &mut Turn) {
        let learned = self.facts.learn(fact);
        if learned == Learned::Stale {
            return;
        }
        let of: Vec<IncidentId> = self.files.keys().copied().collect();
        for id in of {
            if learned == Learned::New && self.bears_on(id, &fact.says) {
                self.write(id, EntryKind::Fact, None, words_of(fact), turn);
            }
            match &fact.says {
                Says::Postcondition { intervention, yes } => self.checked(id, intervention, *yes, turn),
                Says::InEffect { intervention, yes: false } => {
                    let open = self.files.get(&id).into_iter().flat_map(|file| &file.rulings);
                    // Of what was carried out a moment ago, an older block says nothing.
                    let is_it = |one: &&Ruling| {
                        one.intervention == *intervention
                            && one.state.is_in_effect()
                            && (one.state == RulingState::Verified
                                || one.done_at_ms < Some(fact.read_at_ms.saturating_sub(SETTLES_MS)))
                    };
                    if let Some(ruling) = open.into_iter().find(is_it).cloned() {
                        let why = "the chain says that it is in effect no longer";
                        self.undone_elsewhere(id, &ruling, None, why, turn);
                    }
                }
                _ => {}
            }
            self.revise(id, Occasion::Elsewhere("something about the chain became known"), turn);
        }
    }

    fn checked(&mut self, id: IncidentId, intervention: &str, holds: bool, turn: &mut Turn) {
        let of = |one: &&Ruling| one.intervention == intervention && one.state.is_in_effect();
        let Some(ruling) = self.files.get(&id).and_then(|file| file.rulings.iter().find(of)).cloned() else { return };
        match (ruling.state, holds) {
            (RulingState::Done, true) => {
                let _ = self.confirm(id, None, ruling.number, "the chain says so", turn);
            }
            (RulingState::Verified, false) => {
                if let Some(ruling) = self.ruling_mut(id, ruling.number) {
                    ruling.state = RulingState::Done;
                }
                let text = format!("{intervention} does not do what it should: its postcondition is false");
                self.write(id, EntryKind::Lapsed, None, text.clone(), turn);
                let state = self.files.get(&id).map(|file| file.case.incident.state);
                if state.is_some_and(|state| state > IncidentState::Active) {
                    self.set_state(id, IncidentState::Active, None, text.clone(), turn);
                    self.climb(id, Some(&text), turn);
                }
            }
            _ => {}
        }
    }

    fn bears_on(&self, id: IncidentId, says: &Says) -> bool {
        let Some(file) = self.files.get(&id) else { return false };
        let Some(plan) = self.plans.get(file.case.incident.plan) else { return false };
        plan.interventions_of(&file.signals()).into_iter().any(|name| match says {
            Says::Holds { authority, .. } | Says::Heartbeat { authority } | Says::Delay { authority, .. } => {
                plan.tables().intervention.get(name).is_some_and(|one| one.authority == *authority)
            }
            Says::InEffect { intervention, .. }
            | Says::Postcondition { intervention, .. }
            | Says::UsesLeft { intervention, .. } => intervention == name,
        })
    }

    /// Ends a ruling, and gives its use back if it was not made.
    pub(super) fn end_ruling(&mut self, id: IncidentId, number: u32, state: RulingState, turn: &mut Turn) {
        let Some(ruling) = self.ruling_mut(id, number) else { return };
        let (was, name) = (ruling.state, ruling.intervention.clone());
        ruling.state = state;
        self.drop_due(id, &Due::Ruling { number }, turn);
        self.drop_due(id, &Due::End { number }, turn);
        if was.is_open() {
            let dry_run = self.is_dry(id);
            self.ledgers.release(dry_run, &name, id);
        }
    }

    fn refuse_barred(&self, plan: &Plan, file: &File, verdict: &Verdict<'_>, now_ms: u64) -> Taken {
        let Some(signal) = plan.tables().signal.get(&file.case.incident.signal) else { return Ok(()) };
        match self.situation(plan, signal, file, now_ms).answer(verdict) {
            Answer::Denied { why } => Err(Refusal::Because(why)),
            _ => Ok(()),
        }
    }

    pub(super) fn ruling(&self, id: IncidentId, number: u32) -> Result<Ruling, Refusal> {
        let file = self.file(id)?;
        let known = file.rulings.iter().find(|ruling| ruling.number == number);
        known.cloned().ok_or(Refusal::NoRuling { incident: id, number, count: file.rulings.len() })
    }

    fn ruling_mut(&mut self, id: IncidentId, number: u32) -> Option<&mut Ruling> {
        self.files.get_mut(&id)?.rulings.iter_mut().find(|ruling| ruling.number == number)
    }
}

/// So long after somebody said that it was carried out, a fact that it is not in effect means that it was undone.
const SETTLES_MS: u64 = 120_000;

/// How often people are reminded of what must be undone, milliseconds.
const REMIND_MS: u64 = 3_600 * 1_000;

/// Refuses whoever may not decide on an intervention, and says who may.
fn may_decide(plan: &Plan, by: &str, intervention: &str) -> Taken {
    let Some(entity) = plan.tables().intervention.get(intervention) else { return Ok(()) };
    let may = plan.deciders(entity);
    if may.contains(&by) {
        return Ok(());
    }
    let whom: Vec<String> = may.iter().map(|id| plan.name(id)).collect();
    let why = if plan.members(&entity.owner).contains(&by) {
        format!("{} is excluded from {intervention}, or is one human with another id", plan.name(by))
    } else {
        format!("{} is not of `{}`, which decides on {intervention}", plan.name(by), entity.owner)
    };
    Err(Refusal::NotTheirs { why, may: whom })
}

/// The signal of an incident in the plan that it follows.
fn signal_of<'p>(plan: &'p Plan, incident: &Incident) -> Result<&'p Signal, Refusal> {
    plan.tables().signal.get(&incident.signal).ok_or_else(|| Refusal::Dropped {
        incident: incident.id,
        kind: "signal",
        id: incident.signal.clone(),
        mend: "put it back into the plan and adopt it".to_owned(),
    })
}

/// An intervention that was chosen, in the plan that its incident follows now: another plan may have been adopted since.
fn intervention_of<'p>(
    plan: &'p Plan,
    incident: IncidentId,
    id: &str,
    mend: String,
) -> Result<&'p Intervention, Refusal> {
    let known = plan.tables().intervention.get(id);
    known.ok_or_else(|| Refusal::Dropped { incident, kind: "intervention", id: id.to_owned(), mend })
}

fn words_of(fact: &Fact) -> String {
    let at = fact.block.map(|block| format!(" at block {}", block.number)).unwrap_or_default();
    let when = Moment { ms: fact.read_at_ms };
    let what = match &fact.says {
        Says::Holds { authority, yes: true } => format!("{authority} has its power"),
        Says::Holds { authority, yes: false } => format!("{authority} does not have the power that the plan counts on"),
        Says::Heartbeat { authority } => format!("{authority} gave a sign of life"),
        Says::Delay { authority, delay_s } => format!("{authority} has a delay of {}", span(*delay_s)),
        Says::InEffect { intervention, yes } => {
            format!("{intervention} is {}in effect", if *yes { "" } else { "not " })
        }
        Says::Postcondition { intervention, yes: true } => format!("{intervention} does what it should"),
        Says::Postcondition { intervention, yes: false } => format!("{intervention} does not do what it should"),
        Says::UsesLeft { intervention, uses } => format!("{intervention} has {uses} uses left"),
    };
    format!("{what}, as of {when}{at}")
}
