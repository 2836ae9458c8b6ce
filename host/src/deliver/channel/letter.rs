//! A letter: what is to be said at one address, and what it does to what was said there before.

use std::collections::BTreeMap;

use alloy::primitives::{B256, hex};

use crate::deliver::channel::brief::Brief;
use crate::effect::{Effect, Notice, Ordered};
use crate::finding::Severity;
use crate::incident::{IncidentId, IncidentState};

/// What a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Somebody is to wake up and answer.
    Page,
    /// Somebody is to know, or to do something.
    Tell,
    /// Somebody is reminded of what is to be done by a day to come.
    Remind,
    /// What was said before has changed.
    Update,
    /// It is over.
    Resolve,
}

impl Intent {
    /// Returns what an effect is for.
    pub fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Page { .. } => Intent::Page,
            Effect::Notify { what: Notice::Changed | Notice::Grown, .. } => Intent::Update,
            Effect::Notify { what: Notice::Ended | Notice::Retracted, .. } => Intent::Resolve,
            _ => Intent::Tell,
        }
    }

    /// Returns its name, as templates have it.
    pub fn name(self) -> &'static str {
        match self {
            Intent::Page => "page",
            Intent::Tell => "tell",
            Intent::Remind => "remind",
            Intent::Update => "update",
            Intent::Resolve => "resolve",
        }
    }
}

/// Something to be said at one address.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The effect that asks for it.
    pub ordered: Ordered,
    /// What it is for.
    pub intent: Intent,
    /// Where, as the plan has it: `sms:+41…`. A channel that posts to one place alone has its scheme and nothing behind it.
    pub address: String,
    /// The incident as it stands.
    pub brief: Brief,
    /// How many more effects it stands for.
    pub more: usize,
    /// What the service calls the message that stands at the address about the same incident.
    pub earlier: Option<String>,
    /// Whether it is a test that nobody need act on.
    pub is_test: bool,
    /// Where whoever reads it answers by one press, if the host takes answers: a link for this person and incident alone.
    pub answer_url: Option<String>,
    /// The same for services with buttons: what a press sends back.
    pub answer_token: Option<String>,
    /// When it leaves, by the wall clock, milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl Letter {
    /// Makes a test page, marked as one. `incident` is the number that an answer names; there is no incident behind it.
    pub fn test(title: String, incident: IncidentId, person: &str, address: String, key: B256, now_ms: u64) -> Self {
        let effect = Effect::Page {
            incident,
            severity: Severity::Info,
            person: person.to_owned(),
            channel: address.clone(),
            text: title.clone(),
            brief: None,
        };
        let brief = Brief {
            incident,
            protocol: String::new(),
            title,
            severity: Severity::Info,
            state: IncidentState::Triage,
            in_time: String::new(),
            acked_by: None,
            opened_at_ms: now_ms,
            mark: hex::encode(key),
            round: 0,
            people: BTreeMap::new(),
        };
        Self {
            ordered: Ordered { key, at_ms: now_ms, dry_run: false, drill: false, effect },
            intent: Intent::Page,
            address,
            brief,
            more: 0,
            earlier: None,
            is_test: true,
            answer_url: None,
            answer_token: None,
            now_ms,
        }
    }

    /// Returns the address without its scheme.
    pub fn place(&self) -> &str {
        self.address.split_once(':').map_or("", |(_, place)| place.trim())
    }

    /// Returns the id of the person who is to read it; `None` if it goes to a room.
    pub fn person(&self) -> Option<&str> {
        match &self.ordered.effect {
            Effect::Page { person, .. } => Some(person),
            _ => {
                let is_theirs = |address: &String| *address == self.address;
                let people = self.brief.people.iter();
                let mut found = people.filter(|(_, one)| one.urgent.iter().chain(&one.normal).any(is_theirs));
                found.next().map(|(id, _)| id.as_str())
            }
        }
    }

    /// Returns the key of the effect in hex, the same for every attempt.
    pub fn id(&self) -> String {
        hex::encode(self.ordered.key)
    }
}
