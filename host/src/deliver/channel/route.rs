//! Where on a channel an effect goes: pages to the address that they name, the rest to whom it concerns.

use std::collections::BTreeSet;

use crate::deliver::channel::brief::Brief;
use crate::deliver::channel::letter::Intent;
use crate::effect::{Effect, Notice};

/// What a service can do about what was posted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It changes what stands there: an alert by its key, a message by its name.
    Edits,
    /// It says that it is over, and nothing in between.
    Says,
    /// Nothing: nobody is called to hear that all is well.
    Nothing,
}

/// A place on a channel that a letter goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The address, with its scheme.
    pub address: String,
    /// What the letter is for.
    pub intent: Intent,
    /// What the service calls the message that stands there about the incident; `None` if there is none.
    pub earlier: Option<String>,
}

/// What is known of a channel when an effect is routed.
pub struct Course<'a> {
    /// Schemes that the channel carries; all if `None`.
    pub schemes: Option<&'a BTreeSet<String>>,
    /// The address that hears of every incident.
    pub room: Option<&'a str>,
    /// What its service can do about what was posted before.
    pub after: After,
    /// Addresses where a message about the incident stands on this channel, each with its receipt.
    pub posted: &'a [(String, String)],
    /// Whether any channel of the host carries an address.
    pub is_carried: &'a dyn Fn(&str) -> bool,
}

impl Course<'_> {
    fn is_mine(&self, address: &str) -> bool {
        let scheme = address.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        self.schemes.is_none_or(|schemes| schemes.contains(&scheme))
    }

    fn stop(&self, address: &str, intent: Intent) -> Stop {
        let earlier = self.posted.iter().find(|(posted, _)| posted == address).map(|(_, receipt)| receipt.clone());
        Stop { address: address.to_owned(), intent, earlier }
    }
}

/// Returns the places on a channel that an effect goes to; none if it has no place there.
pub fn stops(course: &Course<'_>, effect: &Effect, brief: &Brief) -> Vec<Stop> {
    let intent = Intent::of(effect);
    let mut stops: Vec<Stop> = Vec::new();
    match effect {
        Effect::Page { channel, .. } => stops.push(course.stop(channel, intent)),
        Effect::Communicate { channels, .. } => {
            stops.extend(channels.iter().filter(|channel| course.is_mine(channel)).map(|to| course.stop(to, intent)));
        }
        Effect::Notify { what, .. } => {
            let follows = match (what, course.after) {
                (Notice::Opened | Notice::Unreached, _)
                | (_, After::Nothing)
                | (Notice::Changed | Notice::Grown, After::Says) => false,
                (Notice::Changed | Notice::Grown | Notice::Ended | Notice::Retracted, _) => true,
            };
            if follows {
                stops.extend(course.posted.iter().map(|(address, _)| course.stop(address, intent)));
            }
            // A room that never heard of an incident need not hear that it is over.
            let room = course.room.filter(|room| {
                let stands = course.posted.iter().any(|(address, _)| address == room);
                !stops.iter().any(|stop| stop.address == *room) && (intent != Intent::Resolve || stands)
            });
            stops.extend(room.map(|room| course.stop(room, intent)));
        }
        Effect::Remind { whom, .. } => stops.extend(of_people(course, whom, brief, false)),
        Effect::Propose { whom, .. } | Effect::Revert { whom, .. } => {
            stops.extend(of_people(course, whom, brief, true));
            stops.extend(course.room.map(|room| course.stop(room, intent)));
        }
        Effect::CarryOut { terms, .. } => {
            let whom: Vec<String> = terms.may_carry_out.iter().map(|person| person.id.clone()).collect();
            stops.extend(of_people(course, &whom, brief, true));
            stops.extend(course.room.map(|room| course.stop(room, intent)));
        }
        Effect::Withdraw { .. } => stops.extend(course.room.map(|room| course.stop(room, intent))),
        Effect::UpdateRisk { .. } => {}
    }
    let mut seen = BTreeSet::new();
    stops.retain(|stop| seen.insert(stop.address.clone()));
    stops
}

/// The best address of each person that any channel carries, if it is this one.
fn of_people(course: &Course<'_>, whom: &[String], brief: &Brief, urgent: bool) -> Vec<Stop> {
    let best = |person: &String| {
        // Proposals have the names of people, other effects their ids.
        let named = || brief.people.values().find(|contact| contact.name == *person);
        let contact = brief.people.get(person).or_else(named)?;
        let (first, then) =
            if urgent { (&contact.urgent, &contact.normal) } else { (&contact.normal, &contact.urgent) };
        first.iter().chain(then).find(|address| (course.is_carried)(address)).cloned()
    };
    let theirs = whom.iter().filter_map(best).filter(|address| course.is_mine(address));
    theirs.map(|address| course.stop(&address, Intent::Tell)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::channel::brief::Contact;
    use crate::finding::Severity;
    use crate::incident::IncidentState;

    fn brief() -> Brief {
        let contact = |name: &str, urgent: &str, normal: &str| Contact {
            name: name.into(),
            urgent: vec![urgent.into()],
            normal: vec![normal.into()],
        };
        let people = [("ana", contact("Ana", "sms:1", "email:ana")), ("bo", contact("Bo", "sms:2", "fax:2"))];
        Brief {
            incident: 1,
            protocol: String::new(),
            title: String::new(),
            severity: Severity::High,
            state: IncidentState::Active,
            in_time: String::new(),
            acked_by: None,
            opened_at_ms: 0,
            mark: String::new(),
            round: 0,
            people: people.into_iter().map(|(id, contact)| (id.to_owned(), contact)).collect(),
        }
    }

    /// Where an effect goes on a channel that carries texts, with what stands there already.
    fn check(after: After, room: Option<&str>, posted: &[&str], effect: Effect, expected: &[(&str, Intent)]) {
        let schemes = BTreeSet::from(["sms".to_owned()]);
        let posted: Vec<_> = posted.iter().map(|address| ((*address).to_owned(), "4711".to_owned())).collect();
        let is_carried = |address: &str| address.starts_with("sms:") || address.starts_with("email:");
        let course = Course { schemes: Some(&schemes), room, after, posted: &posted, is_carried: &is_carried };
        let found = stops(&course, &effect, &brief());
        let found: Vec<(&str, Intent)> = found.iter().map(|stop| (stop.address.as_str(), stop.intent)).collect();
        assert_eq!(found, expected, "{effect:?}");
    }

    fn notice(what: Notice) -> Effect {
        Effect::Notify { incident: 1, severity: Severity::High, what, text: String::new(), brief: None }
    }

    #[test]
    fn rooms_hear_of_incidents_and_those_who_were_told_of_their_end() {
        let (tell, update, resolve) = (Intent::Tell, Intent::Update, Intent::Resolve);
        check(After::Says, None, &["sms:1"], notice(Notice::Opened), &[]);
        check(After::Says, Some("sms:9"), &[], notice(Notice::Opened), &[("sms:9", tell)]);
        check(After::Says, None, &["sms:1"], notice(Notice::Changed), &[]);
        check(After::Says, Some("sms:9"), &["sms:1"], notice(Notice::Changed), &[("sms:9", update)]);
        check(
            After::Edits,
            None,
            &["sms:1", "sms:2"],
            notice(Notice::Changed),
            &[("sms:1", update), ("sms:2", update)],
        );
        check(After::Says, None, &["sms:1"], notice(Notice::Ended), &[("sms:1", resolve)]);
        check(After::Says, Some("sms:9"), &[], notice(Notice::Ended), &[]);
        check(After::Nothing, None, &["sms:1"], notice(Notice::Retracted), &[]);
    }

    #[test]
    fn people_are_reached_at_their_best_address_that_any_channel_carries() {
        let whom = || vec!["ana".to_owned(), "bo".to_owned(), "nobody".to_owned()];
        let remind = Effect::Remind { incident: 1, whom: whom(), text: String::new() };
        // Ana reads mail first, which another channel carries; nobody carries Bo's fax.
        check(After::Says, Some("sms:9"), &[], remind, &[("sms:2", Intent::Tell)]);
        let revert = Effect::Revert { incident: 1, intervention: "pause".into(), whom: whom(), text: String::new() };
        let all = [("sms:1", Intent::Tell), ("sms:2", Intent::Tell), ("sms:9", Intent::Tell)];
        check(After::Says, Some("sms:9"), &[], revert, &all);
        let propose = Effect::Propose {
            incident: 1,
            intervention: "pause".into(),
            owner: "guardian".into(),
            authority: "guardian".into(),
            whom: vec!["Bo".into()],
            text: String::new(),
            terms: None,
        };
        check(After::Says, None, &[], propose, &[("sms:2", Intent::Tell)]);
        let channels = vec!["sms:5".to_owned(), "x:@harbor".to_owned(), "sms:5".to_owned()];
        let communicate = Effect::Communicate {
            incident: 1,
            communication: "users".into(),
            audience: "users".into(),
            channels,
            text: String::new(),
        };
        check(After::Says, Some("sms:9"), &[], communicate, &[("sms:5", Intent::Tell)]);
    }
}
