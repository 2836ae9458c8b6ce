//! What is known of an incident when something is sent about it.

use std::collections::BTreeMap;

use crate::finding::Severity;
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::plan::Plan;

/// An incident as it stands when a letter about it leaves: newer than the effect, if that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// Its number.
    pub incident: IncidentId,
    /// Name of the protocol, as its plan has it; empty if the plan names none.
    pub protocol: String,
    /// One line.
    pub title: String,
    /// How grave it is.
    pub severity: Severity,
    /// Where it stands.
    pub state: IncidentState,
    /// Who can act in time, in a line; empty if nothing was decided yet.
    pub in_time: String,
    /// Id of the person who answered; `None` if nobody has.
    pub acked_by: Option<String>,
    /// When it was opened, milliseconds since the Unix epoch.
    pub opened_at_ms: u64,
    /// Tells the incident from those of the same number elsewhere, for services that put together what belongs together.
    pub mark: String,
    /// How often people were paged anew after somebody had it, or a service stopped paging.
    pub round: u32,
    /// The people of the plan, by id.
    pub people: BTreeMap<String, Contact>,
}

/// Where a person is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// What they are called.
    pub name: String,
    /// Addresses that wake them up, best first.
    pub urgent: Vec<String>,
    /// Addresses that they read when they are awake, best first.
    pub normal: Vec<String>,
}

impl Brief {
    /// Makes the brief of an incident as the journal has it last, with what was decided last on who can act in time.
    pub fn of(incident: &Incident, in_time: &str, plan: Option<&Plan>) -> Self {
        // The plan that an incident is under can change, and so can its signal by an adoption: neither tells it apart.
        let told_apart = format!("watchfire/{}/{}/{}", incident.protocol, incident.id, incident.opened_at_ms);
        let people = plan.map(|plan| plan.tables().person.iter()).into_iter().flatten();
        Self {
            incident: incident.id,
            protocol: plan.map(|plan| plan.tables().protocol.name.clone()).unwrap_or_default(),
            title: incident.title.clone(),
            severity: incident.severity,
            state: incident.state,
            in_time: in_time.to_owned(),
            acked_by: incident.acked_by.clone(),
            opened_at_ms: incident.opened_at_ms,
            mark: hex::encode(crate::digest::sha256(told_apart.as_bytes())),
            round: 0,
            people: people
                .map(|(id, person)| {
                    let (urgent, normal) = (person.channels.urgent.clone(), person.channels.normal.clone());
                    (id.clone(), Contact { name: person.name.clone(), urgent, normal })
                })
                .collect(),
        }
    }

    /// Returns the key under which a service that pages puts together what it is sent. Each round has its own: what somebody
    /// acknowledged under a key rings nobody again.
    pub fn key(&self) -> String {
        key_of(&self.mark, self.round)
    }

    /// Returns the keys of all rounds, the oldest first.
    pub fn keys(&self) -> Vec<String> {
        (0..=self.round).map(|round| key_of(&self.mark, round)).collect()
    }

    /// Returns the mark of an incident and the round, of a key.
    pub fn of_key(key: &str) -> (&str, u32) {
        let (mark, round) = key.split_once('-').unwrap_or((key, "0"));
        (mark, round.parse().unwrap_or(0))
    }

    /// Returns what a person is called; their id if the plan does not know them.
    pub fn name<'a>(&'a self, person: &'a str) -> &'a str {
        self.people.get(person).map_or(person, |contact| contact.name.as_str())
    }
}

fn key_of(mark: &str, round: u32) -> String {
    if round == 0 { mark.to_owned() } else { format!("{mark}-{round}") }
}
