//! Drills of people: an incident that is rehearsed, and paged for by the channels of a night. Also what is to be done after an
//! incident, by whom and until when.

use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::refusal::{Refusal, Taken};
use crate::incident::{IncidentId, IncidentState};
use crate::plan::moment::{Moment, span};
use crate::timeline::EntryKind;

/// The longest that a drill lasts, in seconds: people forget that they are in one.
const LONGEST_S: u64 = 86_400;

/// What is to be done after an incident.
pub(super) struct Errand<'a> {
    /// Id of the risk that it is about.
    pub risk: &'a str,
    pub what: &'a str,
    /// Id of the role or person who does it.
    pub owner: &'a str,
    /// Until when, milliseconds since the Unix epoch.
    pub due_at_ms: u64,
}

impl Desk {
    /// Ends a drill that has lasted as long as it was to.
    pub(super) fn end_drill(&mut self, id: IncidentId, turn: &mut Turn) {
        let why = "the drill is over: its time is";
        if let Some(incident) = self.incident_mut(id) {
            incident.closed_at_ms = Some(turn.now_ms);
            if incident.risks.is_empty() {
                incident.no_change = Some("it ended by itself, and nobody wrote down what is to be done".to_owned());
            }
        }
        self.set_state(id, IncidentState::Closed, None, why.to_owned(), turn);
        self.revise(id, Occasion::Event(why.to_owned()), turn);
        self.shut(id, turn);
    }

    /// Somebody says what is to be done after an incident.
    pub(super) fn add_action(&mut self, id: IncidentId, by: &str, errand: Errand<'_>, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        let Errand { risk, what, owner, due_at_ms } = errand;
        let (people, roles) = (&plan.tables().person, &plan.tables().role);
        if !people.contains_key(owner) && !roles.contains_key(owner) {
            let known = people.keys().chain(roles.keys()).map(String::as_str);
            return Err(Refusal::unknown("role or person", owner, known));
        }
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if what.trim().is_empty() || risk.is_empty() || !risk.chars().all(is_id) {
            let why = "say what is to be done, and the id of the risk that becomes smaller by it: lower-case words joined by hyphens";
            return Err(Refusal::Unfit(why.to_owned()));
        }
        if due_at_ms <= turn.now_ms {
            let due = Moment { ms: due_at_ms };
            return Err(Refusal::Unfit(format!("{due} is over: an action has a date to come")));
        }
        let due = Moment { ms: due_at_ms };
        let text = format!("{what} (risk {risk}; {owner}, until {due})");
        self.write(id, EntryKind::Action, Some(by), text, turn);
        if let Some(incident) = self.incident_mut(id) {
            incident.risks.insert(risk.to_owned(), what.to_owned());
        }
        self.restate(id, turn);
        Ok(())
    }
}

/// Refuses a drill that would last for no time, or for days.
pub(super) fn refuse_endless(for_s: u64) -> Taken {
    match for_s {
        1..=LONGEST_S => Ok(()),
        _ => Err(Refusal::Unfit(format!("a drill lasts for a second at least, and for {} at most", span(LONGEST_S)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_lasts_a_day_at_most() {
        assert!(refuse_endless(0).is_err() && refuse_endless(86_401).is_err());
        assert!(refuse_endless(1).is_ok() && refuse_endless(86_400).is_ok());
    }
}
