//! Takes an answer in as an act of the person whom the plan knows by its address. An ack is all that it can be.

use std::collections::BTreeSet;

use crate::app::live::main_loop::Loop;
use crate::deliver::answer::{About, Answer, Answerer, There};
use crate::deliver::channel::Brief;
use crate::entry::Entry;
use crate::event::Event;
use crate::fact::Delivery;
use crate::incident::IncidentId;
use crate::journal::scheme;
use crate::operator::{Act, Deed};
use crate::plan::Plan;

/// Most of an account's name at a service that is repeated to people, in characters.
const FROM_CHARS: usize = 60;
/// How often people are paged anew about an incident where a service stops: what acknowledges everything by itself would have them
/// paged for ever.
const ROUNDS: u32 = 12;

impl Loop {
    /// Takes an answer in. Returns what came of it, in a line for whoever answered: an error if it was not taken.
    ///
    /// # Errors
    ///
    /// If the journal can't be written or read.
    pub(super) fn answered(&mut self, channel: &str, answer: &Answer) -> anyhow::Result<Result<String, String>> {
        let id: String = answer.id.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        if self.engine.was_answered(&id)? {
            return Ok(Err("This answer was taken already.".to_owned()));
        }
        let (incident, by) = match self.meant(channel, answer)? {
            Ok(meant) if answer.there != There::Resolved => meant,
            Ok(_) => {
                let why = "What is resolved there is not over here: the record alone says that.".to_owned();
                self.page_on(channel, answer, "the record alone says when it is over")?;
                return Ok(Err(why));
            }
            Err(why) => {
                self.page_on(channel, answer, "the plan knows nobody there by this account")?;
                return Ok(Err(why));
            }
        };
        let proof = format!("{id} by channel {channel}");
        let (protocol, incident_id) = (String::new(), Some(incident));
        let act = Act { by, proof, protocol, incident: incident_id, seen: None, signed: None, deed: Deed::Ack };
        // What follows from it alone is the answer, and is durable before it is given.
        self.commit()?;
        self.take(Event::Act { act }, None)?;
        let refused = self.engine.uncommitted().iter().find_map(|(_, entry)| match entry {
            Entry::Refused { why, .. } => Some(why.join("; ")),
            _ => None,
        });
        self.commit()?;
        Ok(match refused {
            Some(why) => {
                self.page_on(channel, answer, &format!("it was not taken ({why})"))?;
                Err(format!("It was not taken: {why}."))
            }
            None => Ok(format!("You have incident {incident}.")),
        })
    }

    /// Has people paged again where a service pages nobody more by an answer that was not taken: an input, once for each key that
    /// the service was sent.
    fn page_on(&mut self, channel: &str, answer: &Answer, why: &str) -> anyhow::Result<()> {
        let (About::Mark(key), Answerer::Address(from)) = (&answer.about, &answer.from) else { return Ok(()) };
        let did = match answer.there {
            There::Nothing => return Ok(()),
            There::Acknowledged => "acknowledged",
            There::Resolved => "resolved",
        };
        let Some(incident) = self.marked(key)? else { return Ok(()) };
        let Some(brief) = self.engine.brief(incident)? else { return Ok(()) };
        // Somebody has it, or it was said already.
        if brief.acked_by.is_some() || Brief::of_key(key).1 != brief.round {
            return Ok(());
        }
        let from: String = from.chars().filter(|c| is_plain(*c)).take(FROM_CHARS).collect();
        let said = format!("{from} {did} it by channel {channel}, and {why}");
        tracing::error!(channel, incident, "nobody is paged there any more: {said}");
        if brief.round >= ROUNDS {
            tracing::error!(channel, incident, "it was paged {ROUNDS} times anew: only the plan's ladder goes on");
            return Ok(());
        }
        let delivery = Delivery::stopped(incident, scheme(&from), said);
        self.take(Event::Delivered { delivery }, None)?;
        self.commit()
    }

    /// Finds the incident that an answer is about, and who of its plan answers.
    fn meant(&self, channel: &str, answer: &Answer) -> anyhow::Result<Result<(IncidentId, String), String>> {
        let incident = match &answer.about {
            About::Incident(id) => Some(*id),
            About::Mark(mark) => self.marked(mark)?,
            About::OnlyOne => match &answer.from {
                Answerer::Address(address) => self.paged_at(channel, address)?,
                Answerer::Person(_) => None,
            },
        };
        let Some(incident) = incident else {
            return Ok(Err("Say which incident, as `ack 17`.".to_owned()));
        };
        let Some(plan) = self.engine.desks().plan_of(incident) else {
            return Ok(Err(format!("There is no open incident {incident}.")));
        };
        let schemes = self.services.get(channel).and_then(|made| made.schemes.as_ref());
        Ok(match &answer.from {
            Answerer::Person(id) if plan.tables().person.contains_key(id) => Ok((incident, id.clone())),
            Answerer::Person(_) => Err("The plan does not know you any more.".to_owned()),
            Answerer::Address(address) => match person_at(&plan, schemes, address) {
                Some(person) => Ok((incident, person)),
                None => Err("The plan has nobody at this address.".to_owned()),
            },
        })
    }

    fn marked(&self, key: &str) -> anyhow::Result<Option<IncidentId>> {
        let (mark, _) = Brief::of_key(key);
        for incident in self.engine.desks().incidents() {
            if self.engine.brief(incident.id)?.is_some_and(|brief| brief.mark == mark) {
                return Ok(Some(incident.id));
            }
        }
        Ok(None)
    }

    /// The open incident that an address was paged for, if there is one alone. That something was said there is no question.
    fn paged_at(&self, channel: &str, address: &str) -> anyhow::Result<Option<IncidentId>> {
        let mut known = Vec::new();
        for incident in self.engine.desks().incidents() {
            let posted = self.engine.posted(channel, incident.id)?;
            let is_its = |other: &str| place(other) == place(address);
            if posted.iter().any(|one| is_its(&one.address)) && self.engine.was_paged(incident.id, is_its)? {
                known.push(incident.id);
            }
        }
        Ok(if let [only] = known.as_slice() { Some(*only) } else { None })
    }
}

/// The one person of a plan at an address of a channel; `None` if there is nobody, or nobody can say which.
pub(super) fn person_at(plan: &Plan, schemes: Option<&BTreeSet<String>>, address: &str) -> Option<String> {
    let is_theirs =
        |own: &String| schemes.is_none_or(|schemes| schemes.contains(&scheme(own))) && place(own) == place(address);
    let people = plan.tables().person.iter();
    let mut found = people.filter(|(_, one)| one.channels.urgent.iter().chain(&one.channels.normal).any(is_theirs));
    match (found.next(), found.next()) {
        (Some((id, _)), None) => Some(id.clone()),
        _ => None,
    }
}

/// What stands behind the scheme, without what people write into numbers.
pub(super) fn place(address: &str) -> String {
    let place = address.split_once(':').map_or("", |(_, place)| place).trim();
    if place.starts_with('+') { place.chars().filter(|c| c.is_ascii_digit()).collect() } else { place.to_owned() }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "./-_:".contains(c)
}
