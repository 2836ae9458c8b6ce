//! How an incident ends: contained, watched, and closed once everything that closing needs is there.

use crate::decision::{Ruling, RulingState};
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::refusal::{Refusal, Taken};
use crate::effect::Effect;
use crate::fact::{FactKey, Says};
use crate::finding::WATCH;
use crate::incident::{IncidentId, IncidentState};
use crate::operator::Deed;
use crate::plan::{DO_NOTHING, Plan};
use crate::timeline::EntryKind;

impl Desk {
    /// Somebody says how far the incident has come.
    pub(super) fn resolve(
        &mut self,
        id: IncidentId,
        by: &str,
        state: IncidentState,
        why: &str,
        turn: &mut Turn,
    ) -> Taken {
        if !matches!(state, IncidentState::Active | IncidentState::Contained | IncidentState::Monitoring) {
            return Err(Refusal::Unfit(format!(
                "`{state}` is no state to bring it to; it is active, contained or monitoring"
            )));
        }
        let incident = &self.file(id)?.case.incident;
        if incident.state == state {
            return Err(Refusal::Unfit(format!("incident {id} is {state} already")));
        }
        self.set_state(id, state, Some(by), why.to_owned(), turn);
        self.revise(id, Occasion::Event(format!("{state}: {why}")), turn);
        Ok(())
    }

    /// Somebody says that it is none.
    pub(super) fn false_positive(&mut self, id: IncidentId, by: &str, why: &str, turn: &mut Turn) -> Taken {
        if why.trim().is_empty() {
            return Err(Refusal::Unfit(
                "say why it is none: the reason is what the detector's author learns from".to_owned(),
            ));
        }
        let in_effect = self.in_effect(id);
        if !in_effect.is_empty() {
            return Err(Refusal::Because(in_effect));
        }
        let falls = self.fall_with_the_end(id);
        if self.waits_for_second(id, by, Deed::FalsePositive { why: why.to_owned() }, &falls, turn)? {
            return Ok(());
        }
        if let Some(incident) = self.incident_mut(id) {
            incident.closed_at_ms = Some(turn.now_ms);
        }
        self.set_state(id, IncidentState::FalsePositive, Some(by), why.to_owned(), turn);
        self.revise(id, Occasion::Event(format!("false positive: {why}")), turn);
        self.shut(id, turn);
        Ok(())
    }

    /// Somebody closes it. Refused with everything that is missing.
    pub(super) fn close(
        &mut self,
        id: IncidentId,
        by: &str,
        risks: &[(String, String)],
        no_change: Option<&str>,
        holds: Option<&str>,
        turn: &mut Turn,
    ) -> Taken {
        let missing = self.missing(id, risks, no_change, holds);
        if !missing.is_empty() {
            return Err(Refusal::Because(missing));
        }
        for (risk, text) in risks {
            let effect = Effect::UpdateRisk { incident: id, risk: risk.clone(), text: text.clone() };
            self.write(id, EntryKind::Note, Some(by), format!("risk {risk}: {text}"), turn);
            self.order(id, effect, turn);
        }
        if let Some(incident) = self.incident_mut(id) {
            incident.risks.extend(risks.iter().cloned());
            incident.no_change = no_change.map(str::to_owned);
            incident.closed_at_ms = Some(turn.now_ms);
        }
        let why = holds.or(no_change).unwrap_or("everything that closing needs is there").to_owned();
        self.set_state(id, IncidentState::Closed, Some(by), why, turn);
        self.revise(id, Occasion::Event("closed".to_owned()), turn);
        self.shut(id, turn);
        Ok(())
    }

    /// What closing an incident still needs, each with what to type.
    fn missing(
        &self,
        id: IncidentId,
        risks: &[(String, String)],
        no_change: Option<&str>,
        holds: Option<&str>,
    ) -> Vec<String> {
        let (Some(file), Some(plan)) = (self.files.get(&id), self.plan_of(id)) else { return Vec::new() };
        let mut missing = Vec::new();
        let incident = file.incident();
        let (state, learned) = (incident.state, &incident.risks);
        if incident.drill {
            // Nothing was done to a chain: what people are to do better is all that it leaves.
            if learned.is_empty() && risks.is_empty() && no_change.is_none_or(|why| why.trim().is_empty()) {
                missing.push(format!(
                    "write down what is to be done (`watchfire incident action {id} RISK --what … --owner … --due …`), or say why \
                     nothing is (`watchfire incident close {id} --no-change WHY`)"
                ));
            }
            return missing;
        }
        if state < IncidentState::Contained {
            missing.push(format!(
                "it is {state}: say that it is contained or monitoring first: `watchfire incident resolve {id} monitoring --why WHY`"
            ));
        }
        for ruling in file.rulings.iter().filter(|ruling| ruling.intervention != DO_NOTHING) {
            self.missing_of(id, ruling, &plan, holds, &mut missing);
        }
        let interventions = plan.interventions_of(&file.signals());
        if !interventions.is_empty() && file.rulings.is_empty() {
            missing.push(format!(
                "nobody decided anything: choose an intervention ({}), or `{DO_NOTHING}`, and say why: `watchfire incident decide \
                 {id} {DO_NOTHING} --why WHY`",
                interventions.join(", ")
            ));
        }
        for (name, talk) in &file.talks {
            if !talk.is_over {
                let audience = plan.tables().communication.get(name).map_or(name.as_str(), |one| one.audience.as_str());
                missing.push(format!(
                    "{audience} have not had the last word ({name}): `watchfire incident communicate {id} {name} TEXT --last`"
                ));
            }
        }
        if learned.is_empty() && risks.is_empty() && no_change.is_none_or(|why| why.trim().is_empty()) {
            missing.push(format!(
                "name a risk that is new or changed, or say why none is: `watchfire incident close {id} --risk ID=TEXT`, or \
                 `--no-change WHY`"
            ));
        }
        if let Some((risk, _)) = risks.iter().find(|(risk, text)| risk.trim().is_empty() || text.trim().is_empty()) {
            missing.push(format!("say what was learned of risk `{risk}`: `--risk ID=TEXT`"));
        }
        // What people meant to do to the watch is no incident of the protocol: nothing is to be contained.
        let is_of_the_watch =
            !incident.evidence.is_empty() && incident.evidence.iter().all(|one| one.detector == WATCH);
        if is_of_the_watch && !missing.is_empty() && self.in_effect(id).is_empty() {
            missing.push(format!(
                "or, if the change was meant, say whose it was, and that is all: `watchfire incident false-positive {id} --why WHOSE`"
            ));
        }
        missing
    }

    /// What closing still needs of a ruling.
    fn missing_of(&self, id: IncidentId, ruling: &Ruling, plan: &Plan, holds: Option<&str>, missing: &mut Vec<String>) {
        let (name, number) = (&ruling.intervention, ruling.number);
        let typed = |act: &str, rest: &str| format!("`watchfire incident {act} {id} {number}{rest}`");
        if ruling.state.is_open() {
            let next = match ruling.state {
                RulingState::Pending => typed("approve", ""),
                _ => typed("done", " --by-what WHAT"),
            };
            let stop = typed("veto", " --why WHY");
            let state = ruling.state.in_words();
            missing.push(format!("ruling {number} on {name} is {state}: carry it out, {next}, or stop it, {stop}"));
        }
        if !ruling.state.is_in_effect() {
            return;
        }
        let entity = plan.tables().intervention.get(name);
        let lasts = entity.is_some_and(|entity| entity.kind.lasts());
        let ends = ruling.ends_at_ms.is_some() && entity.is_some_and(|entity| entity.reversal.is_some());
        let undo = typed("reverse", " --why HOW");
        if lasts && !ends {
            missing
                .push(format!("{name} is in effect and nothing ends it: undo it (ruling {number}) and say so: {undo}"));
        }
        let known = self.facts.last(&FactKey::Postcondition(name.clone())).map(|fact| &fact.says);
        match known {
            Some(Says::Postcondition { yes: false, .. }) => {
                missing.push(format!(
                    "{name} does not do what it should, by what the chain says: make it so, or say that it is undone: {undo}"
                ));
            }
            Some(Says::Postcondition { yes: true, .. }) => {}
            _ if ruling.state == RulingState::Done => {
                let confirm = typed("confirm", " --why HOW-YOU-KNOW");
                missing.push(format!("nobody has made sure that {name} works: confirm ruling {number}: {confirm}"));
            }
            _ if holds.is_none_or(|how| how.trim().is_empty()) => {
                missing.push(format!(
                    "say how you know that {name} still holds: `watchfire incident close {id} … --holds HOW`"
                ));
            }
            _ => {}
        }
    }

    /// What is in effect and must be undone first.
    fn in_effect(&self, id: IncidentId) -> Vec<String> {
        let rulings = self.files.get(&id).into_iter().flat_map(|file| &file.rulings);
        let standing = rulings.filter(|one| one.state.is_in_effect() && one.intervention != DO_NOTHING);
        standing
            .map(|one| {
                let (name, number) = (&one.intervention, one.number);
                format!(
                    "{name} is in effect: undo it first (ruling {number}) and say so: `watchfire incident reverse {id} {number} --why HOW`"
                )
            })
            .collect()
    }
}
