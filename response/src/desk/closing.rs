//! How an incident ends: contained, watched, and closed once everything that closing needs is there.

use crate::decision::RulingState;
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::refusal::{Refusal, Taken};
use crate::effect::Effect;
use crate::fact::{FactKey, Says};
use crate::incident::{IncidentId, IncidentState};
use crate::operator::Deed;
use crate::plan::DO_NOTHING;
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

    /// What closing an incident still needs.
    fn missing(
        &self,
        id: IncidentId,
        risks: &[(String, String)],
        no_change: Option<&str>,
        holds: Option<&str>,
    ) -> Vec<String> {
        let (Some(file), Some(plan)) = (self.files.get(&id), self.plan_of(id)) else { return Vec::new() };
        let mut missing = Vec::new();
        let state = file.case.incident.state;
        let learned = &file.case.incident.risks;
        if file.case.incident.drill {
            // Nothing was done to a chain: what people are to do better is all that it leaves.
            if learned.is_empty() && risks.is_empty() && no_change.is_none_or(|why| why.trim().is_empty()) {
                missing.push(
                    "write down what is to be done (`watchfire incident action`), or say why nothing is".to_owned(),
                );
            }
            return missing;
        }
        if state < IncidentState::Contained {
            missing.push(format!("it is {state}: say that it is contained or monitoring first"));
        }
        for ruling in file.rulings.iter().filter(|ruling| ruling.intervention != DO_NOTHING) {
            let name = &ruling.intervention;
            if ruling.state.is_open() {
                missing.push(format!(
                    "ruling {} on {name} is {}: carry it out, or stop it",
                    ruling.number,
                    ruling.state.in_words()
                ));
            }
            if !ruling.state.is_in_effect() {
                continue;
            }
            let entity = plan.tables().intervention.get(name);
            let lasts = entity.is_some_and(|entity| entity.kind.lasts());
            let ends = ruling.ends_at_ms.is_some() && entity.is_some_and(|entity| entity.reversal.is_some());
            if lasts && !ends {
                missing.push(format!("{name} is in effect and nothing ends it: undo it (ruling {})", ruling.number));
            }
            let known = self.facts.last(&FactKey::Postcondition(name.clone())).map(|fact| &fact.says);
            match known {
                Some(Says::Postcondition { yes: false, .. }) => {
                    missing.push(format!("{name} does not do what it should, by what the chain says"));
                }
                Some(Says::Postcondition { yes: true, .. }) => {}
                _ if ruling.state == RulingState::Done => {
                    missing.push(format!("nobody has made sure that {name} works: confirm ruling {}", ruling.number));
                }
                _ if holds.is_none_or(|how| how.trim().is_empty()) => {
                    missing.push(format!("say how you know that {name} still holds"));
                }
                _ => {}
            }
        }
        if !plan.interventions_of(&file.signals()).is_empty() && file.rulings.is_empty() {
            missing.push(format!("nobody decided anything: choose an intervention, or `{DO_NOTHING}`, and say why"));
        }
        for (name, talk) in &file.talks {
            if !talk.is_over {
                let audience = plan.tables().communication.get(name).map_or(name.as_str(), |one| one.audience.as_str());
                missing.push(format!("{audience} have not had the last word ({name})"));
            }
        }
        if learned.is_empty() && risks.is_empty() && no_change.is_none_or(|why| why.trim().is_empty()) {
            missing.push("name a risk that is new or changed, or say why none is".to_owned());
        }
        if let Some((risk, _)) = risks.iter().find(|(risk, text)| risk.trim().is_empty() || text.trim().is_empty()) {
            missing.push(format!("say what was learned of risk `{risk}`"));
        }
        missing
    }

    /// What is in effect and must be undone first.
    fn in_effect(&self, id: IncidentId) -> Vec<String> {
        let rulings = self.files.get(&id).into_iter().flat_map(|file| &file.rulings);
        let standing = rulings.filter(|one| one.state.is_in_effect() && one.intervention != DO_NOTHING);
        standing
            .map(|one| format!("{} is in effect: undo it first (ruling {})", one.intervention, one.number))
            .collect()
    }
}
