//! What is said to whom: clocks from the declaration on, words that must not be said yet, and a second pair of eyes.

use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::rulings::Taken;
use crate::due::Due;
use crate::effect::Effect;
use crate::incident::{Incident, IncidentId};
use crate::plan::moment::span;
use crate::plan::{Communication, Plan};
use crate::timeline::Told;

/// What was said to one audience so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Talk {
    /// How many words went out.
    pub said: u32,
    /// How many in a row were overdue.
    pub overdue: u32,
    /// A word that waits for somebody to agree: who wrote it, what, and whether it is the last.
    pub draft: Option<(String, String, bool)>,
    /// Whether the last word was said.
    pub is_over: bool,
}

impl Desk {
    /// Starts the clocks of an incident that was declared, or has become graver.
    pub(super) fn start_clocks(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(incident) = self.files.get(&id).map(|file| file.case.incident.clone()) else { return };
        let Some(declared_at_ms) = incident.declared_at_ms else { return };
        for (name, communication) in &plan.tables().communication {
            let Some(file) = self.files.get_mut(&id) else { return };
            if !communication.severities.contains(&incident.severity) || file.talks.contains_key(name) {
                continue;
            }
            file.talks.insert(name.clone(), Talk::default());
            let due_at_ms = declared_at_ms.saturating_add(communication.first_within_s.saturating_mul(1_000));
            let due = Due::Word { communication: name.clone() };
            self.set_due(id, due, due_at_ms.max(turn.now_ms), turn);
            let within = span(communication.first_within_s);
            let draft = communication.template.as_ref().map(|template| filled(template, &incident, &plan));
            let draft = draft.map(|draft| format!(": {draft}")).unwrap_or_default();
            let whom = plan.members(&communication.owner).into_iter().map(str::to_owned).collect();
            let text = format!("{} are to hear of it within {within} ({name}){draft}", communication.audience);
            self.order(id, Effect::Remind { incident: id, whom, text }, turn);
        }
    }

    /// Somebody says something to an audience.
    pub(super) fn say(
        &mut self,
        id: IncidentId,
        by: &str,
        (name, text, last): (&str, &str, bool),
        turn: &mut Turn,
    ) -> Taken {
        let plan = self.plan_of(id).ok_or_else(Vec::new)?;
        let communication = known(&plan, name)?;
        let may_approve = communication.approver.as_ref().is_none_or(|role| plan.members(role).contains(&by));
        if !may_approve && !plan.members(&communication.owner).contains(&by) {
            let whom = plan.people(&communication.owner).join(", ");
            return Err(vec![format!("{} does not speak to {}; {whom} may", plan.name(by), communication.audience)]);
        }
        let file = self.files.get(&id).ok_or_else(Vec::new)?;
        if file.case.incident.declared_at_ms.is_none() {
            return Err(vec!["nothing is said before the incident is declared".to_owned()]);
        }
        let text = &filled(text, &file.case.incident, &plan);
        let forbidden = forbidden(communication, text, file.case.incident.state);
        if !forbidden.is_empty() {
            return Err(forbidden);
        }
        // Nobody is the second pair of eyes for what they wrote themselves.
        if communication.approver.is_some() {
            let talk = self.talk_mut(id, name).ok_or_else(Vec::new)?;
            talk.draft = Some((by.to_owned(), text.to_owned(), last));
            self.tell(
                id,
                Told::Communicated,
                Some(by),
                format!("written for {}: {text}", communication.audience),
                turn,
            );
            let whom = communication.approver.iter().flat_map(|role| plan.members(role));
            let whom = whom.filter(|person| !plan.same_human(person, by)).map(str::to_owned).collect();
            let text = format!("agree to what {} are told ({name}): {text}", communication.audience);
            self.order(id, Effect::Remind { incident: id, whom, text }, turn);
            return Ok(());
        }
        self.put_out(id, &plan, (name, text, last), by, turn);
        Ok(())
    }

    /// Somebody agrees to what was written.
    pub(super) fn approve_text(&mut self, id: IncidentId, by: &str, name: &str, turn: &mut Turn) -> Taken {
        let plan = self.plan_of(id).ok_or_else(Vec::new)?;
        let communication = known(&plan, name)?;
        let talk = self.talk_mut(id, name).ok_or_else(Vec::new)?;
        let Some((author, text, last)) = talk.draft.clone() else {
            return Err(vec![format!("nothing is written for {} yet", communication.audience)]);
        };
        let whom = communication.approver.as_ref().map(|role| plan.members(role)).unwrap_or_default();
        if !whom.contains(&by) || plan.same_human(&author, by) {
            let may: Vec<String> =
                whom.iter().filter(|one| !plan.same_human(one, &author)).map(|one| plan.name(one)).collect();
            return Err(vec![format!("{} may not agree to it; {} may", plan.name(by), may.join(", "))]);
        }
        // The state may have changed since it was written.
        let state = self.files.get(&id).ok_or_else(Vec::new)?.case.incident.state;
        let forbidden = forbidden(communication, &text, state);
        if !forbidden.is_empty() {
            return Err(forbidden);
        }
        self.put_out(id, &plan, (name, &text, last), by, turn);
        Ok(())
    }

    fn put_out(
        &mut self,
        id: IncidentId,
        plan: &Plan,
        (name, text, last): (&str, &str, bool),
        by: &str,
        turn: &mut Turn,
    ) {
        let Some(communication) = plan.tables().communication.get(name) else { return };
        let Some(talk) = self.talk_mut(id, name) else { return };
        *talk = Talk { said: talk.said + 1, overdue: 0, draft: None, is_over: last };
        let due = Due::Word { communication: name.to_owned() };
        let audience = communication.audience.clone();
        self.tell(id, Told::Communicated, Some(by), format!("told {audience}: {text}"), turn);
        let channels = communication.channels.clone();
        let effect = Effect::Communicate {
            incident: id,
            communication: name.to_owned(),
            audience,
            channels,
            text: text.to_owned(),
        };
        self.order(id, effect, turn);
        if last {
            self.drop_due(id, &due, turn);
        } else {
            let next_ms = turn.now_ms.saturating_add(communication.cadence_s.saturating_mul(1_000));
            self.set_due(id, due, next_ms, turn);
        }
    }

    /// A word to an audience is overdue: whoever owes it is paged, and the second time whoever leads as well.
    pub(super) fn overdue(&mut self, id: IncidentId, name: &str, turn: &mut Turn) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(communication) = plan.tables().communication.get(name) else { return };
        let Some(talk) = self.talk_mut(id, name) else { return };
        talk.overdue += 1;
        let (overdue, said) = (talk.overdue, talk.said);
        let owed = if said == 0 { "the first word" } else { "the next word" };
        let text = format!("{owed} to {} is overdue ({name}); \"nothing new\" is one", communication.audience);
        self.tell(id, Told::Overdue, None, text.clone(), turn);
        let mut whom = plan.members(&communication.owner);
        if overdue > 1 {
            whom.extend(plan.leads());
        }
        let severity = self.files.get(&id).map_or(crate::desk::GRAVEST, |file| file.case.incident.severity);
        let mut paged: Vec<&str> = Vec::new();
        for person in whom {
            let channels = plan.tables().person.get(person).map(|person| &person.channels);
            let channel = channels.and_then(|channels| channels.urgent.iter().chain(&channels.normal).next());
            if let (Some(channel), false) = (channel, paged.contains(&person)) {
                paged.push(person);
                let effect = Effect::Page {
                    incident: id,
                    severity,
                    person: person.to_owned(),
                    channel: channel.clone(),
                    text: format!("Incident {id}: {text}"),
                };
                self.order(id, effect, turn);
            }
        }
        let again_s = communication.cadence_s.min(communication.first_within_s);
        let due = Due::Word { communication: name.to_owned() };
        self.set_due(id, due, turn.now_ms.saturating_add(again_s.saturating_mul(1_000)), turn);
    }

    fn talk_mut(&mut self, id: IncidentId, name: &str) -> Option<&mut Talk> {
        let file = self.files.get_mut(&id)?;
        Some(file.talks.entry(name.to_owned()).or_default())
    }
}

fn known<'p>(plan: &'p Plan, name: &str) -> Result<&'p Communication, Vec<String>> {
    plan.tables().communication.get(name).ok_or_else(|| {
        let help = crate::diagnostic::suggestion(name, plan.tables().communication.keys().map(String::as_str));
        vec![format!("the plan has no communication `{name}`; {help}")]
    })
}

/// What of a text must not be said yet, and why.
fn forbidden(communication: &Communication, text: &str, state: crate::incident::IncidentState) -> Vec<String> {
    let text = text.to_lowercase();
    let is_said = |word: &str| {
        let word = word.to_lowercase();
        let bounded = |at: usize| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            !inside(before) && !inside(after)
        };
        !word.is_empty() && text.match_indices(&word).any(|(at, _)| bounded(at))
    };
    let early = communication.forbidden.iter().filter(|one| state < one.until);
    early
        .flat_map(|one| one.words.iter().filter(|word| is_said(word)).map(move |word| (word, one)))
        .map(|(word, one)| format!("`{word}` is not said before the incident is {}: {}", one.until, one.why))
        .collect()
}

fn filled(template: &str, incident: &Incident, plan: &Plan) -> String {
    template
        .replace("{title}", &incident.title)
        .replace("{severity}", &incident.severity.to_string())
        .replace("{state}", &incident.state.to_string())
        .replace("{protocol}", &plan.tables().protocol.name)
}
