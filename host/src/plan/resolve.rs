//! Checks what the entities of a plan say of each other.

use std::collections::BTreeSet;

use super::DO_NOTHING;
use super::entity::{AuthorityKind, Automation, Matcher, RoleKind, Tables};
use super::load::Places;
use super::shape::join;
use crate::diagnostic::{Diagnostic, Gravity, suggestion};

/// All that is wrong between entities.
pub(super) fn check(tables: &Tables, places: &Places<'_>) -> Vec<Diagnostic> {
    let mut check = Check { tables, places, found: Vec::new() };
    check.people();
    check.authorities();
    check.interventions();
    check.signals();
    check.silences();
    check.found
}

struct Check<'a> {
    tables: &'a Tables,
    places: &'a Places<'a>,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn people(&mut self) {
        for (id, person) in &self.tables.person {
            if person.channels.is_empty() {
                let message = format!("{} has no channel", person.name);
                self.warn(("person", id), &[], message, "say where they are reached, as channels = [\"phone:+41…\"]");
            }
        }
        for (id, role) in &self.tables.role {
            if role.members.is_empty() {
                self.error(("role", id), &["members"], "the role has no people".into(), "name at least one person");
            }
            for (list, people) in [("members", &role.members), ("backups", &role.backups)] {
                for (index, person) in people.iter().enumerate() {
                    self.refer(("role", id), &[list, &index.to_string()], &["person"], person);
                }
            }
        }
    }

    fn authorities(&mut self) {
        for (id, authority) in &self.tables.authority {
            self.refer(("authority", id), &["role"], &["role"], &authority.role);
            let off_chain = authority.kind == AuthorityKind::OffChain;
            for (key, given) in [("chain", authority.chain.is_some()), ("address", authority.address.is_some())] {
                if off_chain && given {
                    let help = "take it away, or change the kind";
                    self.error(("authority", id), &[key], format!("an off-chain authority has no {key}"), help);
                } else if !off_chain && !given {
                    let help = "give it, or say kind = \"off-chain\"";
                    self.error(("authority", id), &[], format!("`{key}` is missing"), help);
                }
            }
        }
    }

    fn interventions(&mut self) {
        let reached: BTreeSet<&String> = self.tables.signal.values().flat_map(|signal| &signal.interventions).collect();
        let signals = self.places.keys().filter(|(table, _)| *table == "signal").count();
        let all_signals_read = signals == self.tables.signal.len();
        for (id, intervention) in &self.tables.intervention {
            let at = ("intervention", id.as_str());
            if id == DO_NOTHING {
                let message = format!("`{DO_NOTHING}` is the choice that every decision has");
                self.error(at, &[], message, "use another id");
            }
            self.refer(at, &["authority"], &["authority"], &intervention.authority);
            self.refer(at, &["owner"], &["role"], &intervention.owner);
            if let Some(reversal) = &intervention.reversal {
                self.refer(at, &["reversal", "who"], &["role"], &reversal.who);
                if intervention.limits.max_duration_s.is_some_and(|most_s| most_s < reversal.latency_s) {
                    let message = "undoing it takes longer than it may last".into();
                    self.warn(
                        at,
                        &["reversal", "latency_s"],
                        message,
                        "raise limits.max_duration_s, or undo it faster",
                    );
                }
            }
            if let Some(role) = self.tables.role.get(&intervention.owner) {
                if !matches!(role.kind, RoleKind::DecisionOwner | RoleKind::IncidentLead) {
                    let message = format!("the role `{}` does not decide", intervention.owner);
                    self.error(at, &["owner"], message, "name a role of kind decision-owner or incident-lead");
                }
                let people: BTreeSet<&String> = role.members.iter().chain(&role.backups).collect();
                if people.len() < 2 {
                    let message = format!("`{}` is one person, who may be asleep", intervention.owner);
                    self.warn(at, &["owner"], message, "give the role a second person");
                }
                if intervention.limits.quorum.is_some_and(|quorum| people.len() < quorum as usize) {
                    let message = format!("`{}` has fewer people than the quorum", intervention.owner);
                    self.warn(at, &["limits", "quorum"], message, "it is denied until the role has more people");
                }
            }
            if intervention.limits.per_s.is_some() && intervention.limits.uses.is_none() {
                let message = "`per_s` says in which span uses are counted, but `uses` is missing".into();
                self.error(at, &["limits", "per_s"], message, "give limits.uses too");
            }
            if matches!(intervention.automation, Automation::Presigned | Automation::Auto) {
                if intervention.limits.uses.is_none() {
                    let message = "it may be used without a person, and nothing limits how often".into();
                    self.error(at, &["automation"], message, "give limits.uses, or say automation = \"propose\"");
                }
                if intervention.kind.lasts() && intervention.limits.max_duration_s.is_none() {
                    let message = "it may be used without a person, and nothing limits how long it lasts".into();
                    self.error(
                        at,
                        &["automation"],
                        message,
                        "give limits.max_duration_s, or say automation = \"propose\"",
                    );
                }
                if !intervention.prerequisites.is_empty() {
                    let message = "the host can't check prerequisites, so a person will be asked each time".into();
                    self.warn(at, &["prerequisites"], message, "say automation = \"propose\", or take them away");
                }
            }
            if all_signals_read && !reached.contains(id) {
                self.warn(
                    at,
                    &[],
                    "no signal names it, so nothing can reach it".into(),
                    "name it in a signal's interventions",
                );
            }
        }
    }

    fn signals(&mut self) {
        for (id, signal) in &self.tables.signal {
            let at = ("signal", id.as_str());
            if signal.matchers.is_empty() {
                self.error(at, &["match"], "it matches nothing".into(), "give at least one matcher");
            }
            for (index, matcher) in signal.matchers.iter().enumerate() {
                if *matcher == Matcher::default() {
                    self.warn(at, &["match", &index.to_string()], "it matches every finding".into(), "name a detector");
                }
            }
            for (index, name) in signal.interventions.iter().enumerate() {
                let place = &["interventions", &index.to_string()];
                if signal.interventions[..index].contains(name) {
                    self.error(at, place, format!("`{name}` is named twice"), "name it once");
                } else {
                    self.refer(at, place, &["intervention"], name);
                }
            }
            if signal.interventions.is_empty() {
                let message = "it names no intervention, so people are told and nothing else can follow".into();
                self.warn(at, &["interventions"], message, "name what could be done");
            }
            for (index, label) in signal.group_by.iter().enumerate() {
                if signal.group_by[..index].contains(label) {
                    let place = &["group_by", &index.to_string()];
                    self.error(at, place, format!("`{label}` is named twice"), "name it once");
                }
            }
            let detectors: Option<BTreeSet<&String>> =
                signal.matchers.iter().map(|matcher| matcher.detector.as_ref()).collect();
            let needed = signal.corroboration.sources as usize;
            if let Some(detectors) = detectors.filter(|detectors| !detectors.is_empty() && detectors.len() < needed) {
                let have =
                    if detectors.len() == 1 { "one detector".into() } else { format!("{} detectors", detectors.len()) };
                let message = format!("{needed} sources are needed, and its matchers name {have}");
                self.error(at, &["corroboration", "sources"], message, "match another detector, or need fewer sources");
            }
        }
    }

    fn silences(&mut self) {
        for (id, silence) in &self.tables.silence {
            let at = ("silence", id.as_str());
            self.refer(at, &["owner"], &["role", "person"], &silence.owner);
            if silence.matchers.is_empty() {
                self.error(at, &["match"], "it silences nothing".into(), "give at least one matcher");
            }
            for (index, matcher) in silence.matchers.iter().enumerate() {
                if *matcher == Matcher::default() {
                    let message = "it would silence every finding".into();
                    self.error(at, &["match", &index.to_string()], message, "name a detector, kinds or a subject");
                }
            }
        }
    }

    /// Checks that one of `tables` has `id`.
    fn refer(&mut self, at: (&'static str, &str), path: &[&str], tables: &[&'static str], id: &str) {
        let known = || self.places.keys().filter(|(table, _)| tables.contains(table)).map(|(_, known)| known.as_str());
        if !known().any(|known| known == id) {
            let help = suggestion(id, known());
            let help = if help.is_empty() { format!("define [{}.{id}]", tables[0]) } else { help };
            self.error(at, path, format!("no {} is called `{id}`", tables.join(" or ")), &help);
        }
    }

    fn error(&mut self, at: (&'static str, &str), path: &[&str], message: String, help: &str) {
        self.say(Gravity::Error, at, path, message, help);
    }

    fn warn(&mut self, at: (&'static str, &str), path: &[&str], message: String, help: &str) {
        self.say(Gravity::Warning, at, path, message, help);
    }

    fn say(&mut self, gravity: Gravity, (table, id): (&'static str, &str), path: &[&str], message: String, help: &str) {
        if let Some(place) = self.places.get(&(table, id.to_owned())) {
            self.found.push(place.say(gravity, &join(table, id), path, message).with_help(help));
        }
    }
}
