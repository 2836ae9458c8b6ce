//! What is said to whom: clocks from the declaration on, words that must not be said yet, and a second pair of eyes.

use crate::defaults::Defaults;
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::file::{Draft, Talk};
use crate::desk::refusal::{Refusal, Taken};
use crate::due::Due;
use crate::effect::Effect;
use crate::foreign::skeleton;
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::plan::moment::span;
use crate::plan::{Communication, Plan};
use crate::timeline::EntryKind;

/// A message to an audience.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    /// Id of the plan's communication.
    pub communication: &'a str,
    pub text: &'a str,
    /// Whether it is the last one.
    pub is_last: bool,
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
    pub(super) fn say(&mut self, id: IncidentId, by: &str, message: Message<'_>, turn: &mut Turn) -> Taken {
        let Message { communication: name, text, is_last } = message;
        let plan = self.plan_for(id)?;
        let communication = known(&plan, name)?;
        let may_approve = communication.approver.as_ref().is_none_or(|role| plan.members(role).contains(&by));
        if !may_approve && !plan.members(&communication.owner).contains(&by) {
            let why = format!("{} does not speak to {}", plan.name(by), communication.audience);
            return Err(Refusal::NotTheirs { why, may: plan.people(&communication.owner) });
        }
        let file = self.file(id)?;
        if file.case.incident.declared_at_ms.is_none() {
            return Err(Refusal::Unfit("nothing is said before the incident is declared".to_owned()));
        }
        let text = &filled(text, &file.case.incident, &plan);
        let forbidden = forbidden(communication, text, file.case.incident.state, plan.defaults());
        if !forbidden.is_empty() {
            return Err(Refusal::Because(forbidden));
        }
        // Nobody is the second pair of eyes for what they wrote themselves.
        if communication.approver.is_some() {
            let talk = self.talk_mut(id, name).ok_or(Refusal::NoIncident(id))?;
            talk.draft = Some(Draft { author: by.to_owned(), text: text.to_owned(), is_last });
            self.write(
                id,
                EntryKind::Communicated,
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
        self.put_out(id, &plan, Message { text, ..message }, by, turn);
        Ok(())
    }

    /// Somebody agrees to what was written.
    pub(super) fn approve_text(&mut self, id: IncidentId, by: &str, name: &str, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        let communication = known(&plan, name)?;
        let talk = self.talk_mut(id, name).ok_or(Refusal::NoIncident(id))?;
        let Some(Draft { author, text, is_last }) = talk.draft.clone() else {
            return Err(Refusal::Unfit(format!("nothing is written for {} yet", communication.audience)));
        };
        let whom = communication.approver.as_ref().map(|role| plan.members(role)).unwrap_or_default();
        if !whom.contains(&by) || plan.same_human(&author, by) {
            let may: Vec<String> =
                whom.iter().filter(|one| !plan.same_human(one, &author)).map(|one| plan.name(one)).collect();
            return Err(Refusal::NotTheirs { why: format!("{} may not agree to it", plan.name(by)), may });
        }
        // The state may have changed since it was written.
        let state = self.file(id)?.case.incident.state;
        let forbidden = forbidden(communication, &text, state, plan.defaults());
        if !forbidden.is_empty() {
            return Err(Refusal::Because(forbidden));
        }
        self.put_out(id, &plan, Message { communication: name, text: &text, is_last }, by, turn);
        Ok(())
    }

    /// Sends a message out, and sets when the next one is due.
    fn put_out(&mut self, id: IncidentId, plan: &Plan, message: Message<'_>, by: &str, turn: &mut Turn) {
        let Message { communication: name, text, is_last } = message;
        let Some(communication) = plan.tables().communication.get(name) else { return };
        let Some(talk) = self.talk_mut(id, name) else { return };
        *talk = Talk { said: talk.said + 1, overdue: 0, draft: None, is_over: is_last };
        let due = Due::Word { communication: name.to_owned() };
        let audience = communication.audience.clone();
        self.write(id, EntryKind::Communicated, Some(by), format!("told {audience}: {text}"), turn);
        let channels = communication.channels.clone();
        let effect = Effect::Communicate {
            incident: id,
            communication: name.to_owned(),
            audience,
            channels,
            text: text.to_owned(),
        };
        self.order(id, effect, turn);
        if is_last {
            self.drop_due(id, &due, turn);
        } else {
            let next_ms = turn.in_s(communication.cadence_s);
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
        self.write(id, EntryKind::Overdue, None, text.clone(), turn);
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
                    brief: self.brief(id),
                };
                self.order(id, effect, turn);
            }
        }
        let again_s = communication.cadence_s.min(communication.first_within_s);
        let due = Due::Word { communication: name.to_owned() };
        self.set_due(id, due, turn.in_s(again_s), turn);
    }

    fn talk_mut(&mut self, id: IncidentId, name: &str) -> Option<&mut Talk> {
        let file = self.files.get_mut(&id)?;
        Some(file.talks.entry(name.to_owned()).or_default())
    }
}

fn known<'p>(plan: &'p Plan, name: &str) -> Result<&'p Communication, Refusal> {
    let known = &plan.tables().communication;
    known.get(name).ok_or_else(|| Refusal::unknown("communication", name, known.keys().map(String::as_str)))
}

/// What of a text must not be said yet, and why.
fn forbidden(communication: &Communication, text: &str, state: IncidentState, defaults: Defaults) -> Vec<String> {
    // A journal of before was decided by letters alone.
    let folded = |text: &str| if defaults >= Defaults::Folded { skeleton(text) } else { text.to_lowercase() };
    let text = folded(text);
    let is_said = |word: &str| {
        let word = folded(word);
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

/// Fills the marks of a template in. What is filled in has no marks of its own.
fn filled(template: &str, incident: &Incident, plan: &Plan) -> String {
    let summary = plan.tables().signal.get(&incident.signal).map_or("", |signal| signal.summary.as_str());
    let (severity, state) = (incident.severity.to_string(), incident.state.to_string());
    let marks = [
        ("{title}", incident.title.as_str()),
        ("{summary}", summary),
        ("{severity}", &severity),
        ("{state}", &state),
        ("{protocol}", &plan.tables().protocol.name),
    ];
    let (mut text, mut rest) = (String::new(), template);
    while let Some((at, (mark, value))) =
        marks.iter().filter_map(|mark| Some((rest.find(mark.0)?, mark))).min_by_key(|(at, _)| *at)
    {
        text.push_str(&rest[..at]);
        text.push_str(value);
        rest = &rest[at + mark.len()..];
    }
    text + rest
}
