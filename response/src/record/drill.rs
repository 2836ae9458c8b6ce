//! What a drill of people showed: who took part and when, where the response lacked, and what is to be done until when.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Record;
use super::reflect::reflect;
use crate::effect::Effect;
use crate::foreign::markdown as markdown_of;
use crate::incident::IncidentId;
use crate::plan::moment::{Moment, span};
use crate::plan::{DO_NOTHING, RoleKind};
use crate::timeline::{EntryKind, TimelineEntry};

/// What a drill showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DrillRecord {
    /// Number of the drill, counted with the incidents.
    pub incident: IncidentId,
    /// Its title.
    pub title: String,
    /// Id of the person who began it.
    pub by: String,
    /// When it began, milliseconds since the Unix epoch.
    pub began_ms: u64,
    /// When it ended, milliseconds since the Unix epoch; `None` if it goes on.
    pub ended_ms: Option<u64>,
    /// Everybody who was paged or acted, by id.
    pub participants: Vec<Participant>,
    /// Each point of the way with how many seconds after the beginning it was reached; `None` if it was not.
    pub times: Vec<(String, Option<u64>)>,
    /// Where the response lacked, in sentences.
    pub gaps: Vec<String>,
    /// What is to be done.
    pub actions: Vec<ActionItem>,
}

/// Somebody who was paged or acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Participant {
    /// Their id.
    pub person: String,
    /// Their name.
    pub name: String,
    /// Pages to them, in order.
    pub pages: Vec<PageSent>,
    /// How many seconds after their first page they first did something; `None` if they never did, or were not paged.
    pub answered_s: Option<u64>,
    /// What they did, in order: each with the seconds after the beginning.
    pub acts: Vec<(u64, String)>,
}

/// A page and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageSent {
    /// Where: `phone:+41…`.
    pub channel: String,
    /// When it was ordered, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What was heard of its delivery, in words; `None` if nothing was.
    pub heard: Option<String>,
}

/// Something that is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActionItem {
    /// What.
    pub what: String,
    /// Id of the risk in the register.
    pub risk: String,
    /// Id of the role or person who does it.
    pub owner: String,
    /// Until when, as a plan writes it.
    pub due: String,
}

/// Returns what a record shows of a drill; `None` if it is of no drill.
pub fn drill_record(record: &Record) -> Option<DrillRecord> {
    let incident = &record.incident;
    if !incident.drill {
        return None;
    }
    let began_ms = incident.opened_at_ms;
    let after_s = |at_ms: u64| at_ms.saturating_sub(began_ms) / 1_000;
    let times = record.milestones().into_iter().map(|(what, at_ms)| (what.to_owned(), at_ms.map(after_s)));
    let participants = participants(record);
    Some(DrillRecord {
        incident: incident.id,
        title: incident.title.clone(),
        by: incident.declared_by.clone().unwrap_or_default(),
        began_ms,
        ended_ms: incident.closed_at_ms,
        times: times.collect(),
        gaps: gaps(record, &participants),
        actions: actions(&record.timeline),
        participants,
    })
}

fn participants(record: &Record) -> Vec<Participant> {
    let began_ms = record.incident.opened_at_ms;
    let mut all: Vec<Participant> = Vec::new();
    let mut seat = |person: &str| -> usize {
        if let Some(at) = all.iter().position(|one| one.person == person) {
            return at;
        }
        let (person, name) = (person.to_owned(), record.name(person));
        all.push(Participant { person, name, pages: Vec::new(), answered_s: None, acts: Vec::new() });
        all.len() - 1
    };
    let seats: Vec<usize> = record
        .orders
        .iter()
        .filter_map(|one| if let Effect::Page { person, .. } = &one.effect { Some(person.as_str()) } else { None })
        .chain(record.timeline.iter().filter_map(|entry| entry.by.as_deref()))
        .map(&mut seat)
        .collect();
    let mut seats = seats.into_iter();
    for one in &record.orders {
        let Effect::Page { channel, .. } = &one.effect else { continue };
        let Some(seat) = seats.next() else { break };
        let heard = record.deliveries.get(&one.key).cloned();
        all[seat].pages.push(PageSent { channel: channel.clone(), at_ms: one.at_ms, heard });
    }
    for entry in record.timeline.iter().filter(|entry| entry.by.is_some()) {
        let Some(seat) = seats.next() else { break };
        let one = &mut all[seat];
        one.acts.push((entry.at_ms.saturating_sub(began_ms) / 1_000, entry.text.clone()));
        // Who began it was not answering by that.
        let is_beginning = entry.number <= 2 && entry.at_ms == began_ms;
        if let (None, Some(page), false) = (one.answered_s, one.pages.first(), is_beginning)
            && entry.at_ms >= page.at_ms
        {
            one.answered_s = Some((entry.at_ms - page.at_ms) / 1_000);
        }
    }
    all.sort_by(|one, other| one.person.cmp(&other.person));
    all
}

fn gaps(record: &Record, participants: &[Participant]) -> Vec<String> {
    let mut gaps = Vec::new();
    for one in participants.iter().filter(|one| !one.pages.is_empty()) {
        let by: Vec<&str> = one.pages.iter().map(|page| page.channel.as_str()).collect();
        if one.answered_s.is_none() {
            gaps.push(format!("{} was paged by {} and did not answer.", one.name, by.join(", ")));
        }
        for page in &one.pages {
            match &page.heard {
                Some(heard) if heard.starts_with("NOT") => {
                    gaps.push(format!("The page to {} by {} was {heard}.", one.name, page.channel));
                }
                Some(_) => {}
                None => gaps.push(format!("Nothing was heard of the page to {} by {}.", one.name, page.channel)),
            }
        }
    }
    let ruled = record.rulings();
    if ruled.is_empty() {
        gaps.push("Nobody decided anything.".to_owned());
    }
    for ruling in ruled.iter().filter(|one| one.done.is_none() && one.intervention != DO_NOTHING) {
        gaps.push(format!("{} was decided and nobody said that it is done.", ruling.intervention));
    }
    let is_left = !ruled.is_empty() && ruled.iter().all(|one| one.intervention == DO_NOTHING);
    let is_contained = record.first(|entry| entry.kind == EntryKind::State && entry.text.starts_with("contained"));
    if record.incident.closed_at_ms.is_some() && is_contained.is_none() && !is_left {
        gaps.push("It was never contained: nobody showed that what was done works.".to_owned());
    }
    gaps.extend(absent(record, participants));
    let seen = reflect(record);
    gaps.extend(seen.badly.into_iter().chain(seen.lucky));
    if actions(&record.timeline).is_empty() {
        gaps.push("Nobody wrote down what is to be done.".to_owned());
    }
    gaps
}

/// Returns a sentence for each role that decides on the drill's interventions or leads incidents, of which somebody did nothing.
fn absent(record: &Record, participants: &[Participant]) -> Vec<String> {
    let Some(plan) = &record.plan else { return Vec::new() };
    let tables = plan.tables();
    let signal = tables.signal.get(&record.incident.signal);
    let of_signal = signal.into_iter().flat_map(|signal| &signal.interventions);
    let owners = of_signal.filter_map(|id| Some(tables.intervention.get(id)?.owner.as_str()));
    let leading = tables.role.iter().filter(|(_, role)| role.kind == RoleKind::IncidentLead).map(|(id, _)| id.as_str());
    let roles: BTreeSet<&str> = owners.chain(leading).collect();
    let acted = |person: &&str| participants.iter().any(|one| one.person == **person && !one.acts.is_empty());
    let mut lines = Vec::new();
    for role in roles {
        let members = plan.members(role);
        let absent: Vec<String> = members.iter().filter(|id| !acted(id)).map(|id| plan.name(id)).collect();
        if !absent.is_empty() {
            let (some, all) = (absent.len(), members.len());
            lines.push(format!("{some} of {all} of {role} took no part: {}.", absent.join(", ")));
        }
    }
    lines
}

/// Reads what is to be done from a timeline, as the desk wrote it.
pub fn actions(timeline: &[TimelineEntry]) -> Vec<ActionItem> {
    let entries = timeline.iter().filter(|entry| entry.kind == EntryKind::Action);
    entries.filter_map(|entry| action(&entry.text)).collect()
}

/// `WHAT (risk RISK; OWNER, until DUE)`; what is to be done may have any marks, the rest has none.
fn action(text: &str) -> Option<ActionItem> {
    let (what, rest) = text.strip_suffix(')')?.rsplit_once(" (risk ")?;
    let (risk, rest) = rest.split_once("; ")?;
    let (owner, due) = rest.split_once(", until ")?;
    let [what, risk, owner, due] = [what, risk, owner, due].map(str::to_owned);
    Some(ActionItem { what, risk, owner, due })
}

/// Writes a drill's part of the report for people.
pub(super) fn write(drill: &DrillRecord, text: &mut String) {
    text.push_str("\n## Participants\n\n| person | paged by | answered after | what they did |\n|---|---|---|---|\n");
    for one in &drill.participants {
        let paged: Vec<String> = one.pages.iter().map(|page| markdown_of(&page.channel)).collect();
        let answered = match (one.answered_s, one.pages.is_empty()) {
            (Some(seconds), _) => span(seconds),
            (None, true) => "not paged".to_owned(),
            (None, false) => "**never**".to_owned(),
        };
        let acts: Vec<String> =
            one.acts.iter().map(|(after_s, act)| format!("{} ({})", markdown_of(act), span(*after_s))).collect();
        text.push_str(&format!(
            "| {} | {} | {answered} | {} |\n",
            markdown_of(&one.name),
            paged.join(", "),
            acts.join("; ")
        ));
    }
    text.push_str("\n## Gaps\n\n");
    drill.gaps.iter().for_each(|gap| text.push_str(&format!("- {}\n", markdown_of(gap))));
    if drill.gaps.is_empty() {
        text.push_str("None was seen.\n");
    }
    text.push_str("\n## Corrective actions\n\n");
    for item in &drill.actions {
        let ActionItem { what, risk, owner, due } = item;
        let (what, risk, owner) = (markdown_of(what), markdown_of(risk), markdown_of(owner));
        text.push_str(&format!("- [ ] {what} — {owner}, until {due} (risk {risk})\n"));
    }
    if drill.actions.is_empty() {
        text.push_str("None was written down: `watchfire incident action` does.\n");
    }
    if drill.ended_ms.is_none() {
        let began = Moment { ms: drill.began_ms / 1_000 * 1_000 };
        text.push_str(&format!("\nThe drill began at {began} and goes on.\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_is_read_as_it_was_written() {
        let read = action("Give Bo a phone (a second one) (risk lone-phone; risk-council, until 2027-01-31)").unwrap();
        let expected = ["Give Bo a phone (a second one)", "lone-phone", "risk-council", "2027-01-31"];
        assert_eq!([&read.what, &read.risk, &read.owner, &read.due].map(String::as_str), expected);
        assert_eq!(action("no such thing"), None);
    }
}
