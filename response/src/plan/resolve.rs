//! Checks what the entities of a plan say of each other.

use std::collections::{BTreeMap, BTreeSet};

use super::entity::{AssetKind, AuthorityKind, Automation, Matcher, ProvedAct, RoleKind, Tables, price_micros};
use super::load::{Entity, Places, entity};
use super::seal::CONTROLS;
use super::{DO_NOTHING, rota};
use crate::diagnostic::{Diagnostic, Gravity, suggestion};
use crate::finding::Severity;
use crate::foreign::skeleton;
use crate::triage::label;

/// All that is wrong between entities.
pub(super) fn check(tables: &Tables, places: &Places<'_>) -> Vec<Diagnostic> {
    let mut check = Check { tables, places, found: Vec::new() };
    check.people();
    check.rotas();
    check.escalations();
    check.assets();
    check.authorities();
    check.interventions();
    check.signals();
    check.quiet();
    check.outside();
    check.playbooks();
    check.risks();
    check.found
}

/// What is wrong between entities of a plan that is put forward, and was not looked at when those of older journals were.
pub(super) fn put_forward(tables: &Tables, places: &Places<'_>) -> Vec<Diagnostic> {
    let mut check = Check { tables, places, found: Vec::new() };
    check.inhibition_circles();
    check.proof();
    check.forbidden_words();
    check.found
}

/// The most trust that an intervention costs.
const MOST_TRUST: u8 = 10;

struct Check<'a> {
    tables: &'a Tables,
    places: &'a Places<'a>,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn people(&mut self) {
        if let Some(role) = &self.tables.protocol.kill_switch {
            self.refer(entity("protocol", ""), &["kill_switch"], &["role"], role);
        }
        if let Some(proof) = &self.tables.protocol.proof {
            for (list, ids) in [("interventions", &proof.interventions), ("recorded", &proof.recorded)] {
                for (index, id) in ids.iter().enumerate() {
                    let path = ["proof", list, &index.to_string()];
                    self.refer(entity("protocol", ""), &path, &["intervention"], id);
                }
            }
        }
        for (id, person) in &self.tables.person {
            if person.signer_chain.is_some() && person.signer.is_none() {
                let message = "`signer_chain` says where a contract is, and no `signer` names it".into();
                self.error(entity("person", id), &["signer_chain"], message, "name the contract in `signer`");
            }
            if let Some(zone) = &person.time_zone {
                self.zone(entity("person", id), &["time_zone"], zone);
            }
        }
        for (id, role) in &self.tables.role {
            if role.members.is_empty() {
                self.error(
                    entity("role", id),
                    &["members"],
                    "the role has no people".into(),
                    "name at least one person",
                );
            }
            for (list, people) in [("members", &role.members), ("backups", &role.backups)] {
                self.refer_all(entity("role", id), list, &["person"], people);
            }
            if let Some(schedule) = &role.schedule {
                self.refer(entity("role", id), &["schedule"], &["schedule"], schedule);
            }
        }
    }

    fn rotas(&mut self) {
        for (id, schedule) in &self.tables.schedule {
            let at = entity("schedule", id);
            self.zone(at, &["time_zone"], &schedule.time_zone);
            if schedule.layers.is_empty() {
                self.error(at, &["layers"], "it has no layer, so nobody is ever on call".into(), "add one");
            }
            for (index, layer) in schedule.layers.iter().enumerate() {
                let index = index.to_string();
                if layer.people.is_empty() {
                    self.error(at, &["layers", &index, "people"], "nobody takes turns".into(), "name somebody");
                }
                for (turn, person) in layer.people.iter().enumerate() {
                    self.refer(at, &["layers", &index, "people", &turn.to_string()], &["person"], person);
                }
                if layer.from.is_some() != layer.until.is_some() {
                    let message = "`from` and `until` belong together".into();
                    self.error(at, &["layers", &index], message, "give both, or neither");
                }
            }
            for (index, exception) in schedule.overrides.iter().enumerate() {
                let index = index.to_string();
                if exception.until <= exception.from {
                    let message = "it ends before it begins".into();
                    self.error(at, &["overrides", &index], message, "put `until` after `from`");
                }
                if let Some(person) = &exception.person {
                    self.refer(at, &["overrides", &index, "person"], &["person"], person);
                }
            }
        }
    }

    fn assets(&mut self) {
        let mut known: BTreeMap<String, &str> = BTreeMap::new();
        for (id, asset) in &self.tables.asset {
            let at = entity("asset", id);
            if asset.names.is_empty() {
                self.error(at, &["names"], "no finding names it".into(), "give the token's address, or `native`");
            }
            for (index, name) in asset.names.iter().enumerate() {
                if let Some(other) = known.insert(label::folded(name).into_owned(), id) {
                    let message = format!("`{other}` has that name already");
                    self.error(at, &["names", &index.to_string()], message, "let one of them have it");
                }
            }
            let lacks = [("symbol", asset.symbol.is_none()), ("decimals", asset.decimals.is_none())];
            for (key, _) in lacks.into_iter().filter(|(_, lacks)| *lacks && asset.kind == AssetKind::Token) {
                let help = "give it, or say by `kind` that it is no token";
                self.error(at, &[], format!("`{key}` is missing"), help);
            }
            if asset.usd.as_deref().is_some_and(|usd| price_micros(usd).is_none()) {
                let message = "it is no price in US dollars".into();
                self.error(at, &["usd"], message, "write a decimal number in quotes, as \"1999.5\"");
            }
        }
        for (chain, template) in &self.tables.protocol.explorer {
            let at = entity("protocol", "");
            if chain.parse::<u64>().is_err() {
                let message = format!("`{chain}` is no EIP-155 id of a chain");
                self.error(at, &["explorer", chain], message, "give the chain's number, as 1");
            }
            if !template.contains("{id}") {
                let message = "it has no place for what is looked at".into();
                self.error(at, &["explorer", chain], message, "write {kind} and {id} into it");
            }
        }
    }

    fn escalations(&mut self) {
        for (id, escalation) in &self.tables.escalation {
            let at = entity("escalation", id);
            if escalation.steps.is_empty() {
                self.error(at, &["steps"], "it has no step".into(), "say who is paged first");
            }
            for (index, step) in escalation.steps.iter().enumerate() {
                let index = index.to_string();
                if step.who.is_empty() {
                    self.error(at, &["steps", &index, "who"], "nobody is paged".into(), "name a role");
                }
                for (position, who) in step.who.iter().enumerate() {
                    self.whom(at, &["steps", &index, "who", &position.to_string()], who);
                }
            }
            for (position, who) in escalation.last_resort.iter().enumerate() {
                self.whom(at, &["last_resort", &position.to_string()], who);
            }
            if let Some(then) = &escalation.then {
                self.refer(at, &["then"], &["escalation"], then);
            }
            let mut seen = BTreeSet::from([id]);
            let mut next = escalation.then.as_ref();
            while let Some(then) = next {
                if !seen.insert(then) {
                    let message = format!("it comes back to `{then}` and never ends");
                    self.error(at, &["then"], message, "let the last one end with last_resort");
                    break;
                }
                next = self.tables.escalation.get(then).and_then(|escalation| escalation.then.as_ref());
            }
        }
        let mut by_severity: BTreeMap<Severity, &str> = BTreeMap::new();
        for (id, escalation) in &self.tables.escalation {
            for severity in &escalation.severities {
                if let Some(first) = by_severity.insert(*severity, id) {
                    let message = format!("`{first}` is for {severity} already");
                    self.error(entity("escalation", id), &["severities"], message, "let one of them be for it");
                }
            }
        }
    }

    fn authorities(&mut self) {
        for (id, authority) in &self.tables.authority {
            self.refer(entity("authority", id), &["role"], &["role"], &authority.role);
            let off_chain = authority.kind == AuthorityKind::OffChain;
            for (key, given) in [("chain", authority.chain.is_some()), ("address", authority.address.is_some())] {
                if off_chain && given {
                    let help = "take it away, or change the kind";
                    self.error(entity("authority", id), &[key], format!("an off-chain authority has no {key}"), help);
                } else if !off_chain && !given {
                    let help = "give it, or say kind = \"off-chain\"";
                    self.error(entity("authority", id), &[], format!("`{key}` is missing"), help);
                }
            }
        }
    }

    fn interventions(&mut self) {
        for (id, intervention) in &self.tables.intervention {
            let at = entity("intervention", id);
            if id == DO_NOTHING {
                let message = format!("`{DO_NOTHING}` is the choice that every decision has");
                self.error(at, &[], message, "use another id");
            }
            self.refer(at, &["authority"], &["authority"], &intervention.authority);
            self.refer(at, &["owner"], &["role"], &intervention.owner);
            if let Some(reversal) = &intervention.reversal {
                self.refer(at, &["reversal", "who"], &["role"], &reversal.who);
            }
            if let Some(role) = self.tables.role.get(&intervention.owner)
                && !matches!(role.kind, RoleKind::DecisionOwner | RoleKind::IncidentLead)
            {
                let message = format!("the role `{}` does not decide", intervention.owner);
                self.error(at, &["owner"], message, "name a role of kind decision-owner or incident-lead");
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
            }
            if let Some(mode) = &intervention.cost.mode {
                self.refer(at, &["cost", "mode"], &["mode"], mode);
            }
            for (index, who) in intervention.limits.excludes.iter().enumerate() {
                self.refer(at, &["limits", "excludes", &index.to_string()], &["person", "role"], who);
            }
            for (index, blackout) in intervention.limits.blackouts.iter().enumerate() {
                if blackout.until <= blackout.from {
                    let message = "it ends before it begins".into();
                    let place = &["limits", "blackouts", &index.to_string()];
                    self.error(at, place, message, "put `until` after `from`");
                }
            }
        }
    }

    fn signals(&mut self) {
        for (id, signal) in &self.tables.signal {
            let at = entity("signal", id);
            if signal.matchers.is_empty() {
                self.error(at, &["match"], "it matches nothing".into(), "give at least one matcher");
            }
            for (index, name) in signal.interventions.iter().enumerate() {
                let place = &["interventions", &index.to_string()];
                if signal.interventions[..index].contains(name) {
                    self.error(at, place, format!("`{name}` is named twice"), "name it once");
                } else {
                    self.refer(at, place, &["intervention"], name);
                }
            }
            if let Some(escalation) = &signal.escalation {
                self.refer(at, &["escalation"], &["escalation"], escalation);
            }
            if let Some(dependency) = &signal.dependency {
                self.refer(at, &["dependency"], &["dependency"], dependency);
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

    fn quiet(&mut self) {
        for (id, silence) in &self.tables.silence {
            let at = entity("silence", id);
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

    fn outside(&mut self) {
        for (id, inhibition) in &self.tables.inhibition {
            let at = entity("inhibition", id);
            self.refer(at, &["owner"], &["role", "person"], &inhibition.owner);
            self.refer(at, &["while_open"], &["signal"], &inhibition.while_open);
            self.refer_all(at, "mutes", &["signal"], &inhibition.mutes);
            if inhibition.mutes.contains(&inhibition.while_open) {
                let message = format!("`{}` would mute itself", inhibition.while_open);
                self.error(at, &["mutes"], message, "take it away");
            }
        }
        for (id, dependency) in &self.tables.dependency {
            if let Some(mode) = &dependency.mode {
                self.refer(entity("dependency", id), &["mode"], &["mode"], mode);
            }
        }
        for (id, communication) in &self.tables.communication {
            let at = entity("communication", id);
            self.refer(at, &["owner"], &["role"], &communication.owner);
            if let Some(approver) = &communication.approver {
                self.refer(at, &["approver"], &["role"], approver);
            }
            if communication.channels.is_empty() {
                self.error(at, &["channels"], "it is said nowhere".into(), "name a channel");
            }
        }
    }

    fn playbooks(&mut self) {
        for (id, contact) in &self.tables.contact {
            if contact.reach.is_empty() {
                let message = "they are reached nowhere".into();
                self.error(entity("contact", id), &["reach"], message, "say where, best first");
            }
        }
        for (id, attestation) in &self.tables.attestation {
            let at = entity("attestation", id);
            self.refer(at, &["owner"], &["role", "person"], &attestation.owner);
            if !CONTROLS.iter().any(|control| control.id == attestation.control) {
                let help = suggestion(&attestation.control, CONTROLS.iter().map(|control| control.id));
                self.error(at, &["control"], format!("no control is called `{}`", attestation.control), &help);
            }
        }
        for (id, callout) in &self.tables.callout {
            let at = entity("callout", id);
            self.refer_all(at, "who", &["role", "person"], &callout.who);
            self.zone(at, &["time_zone"], &callout.time_zone);
            if callout.who.is_empty() {
                self.error(at, &["who"], "nobody is called".into(), "name a role or a person");
            }
            if !(1..=86_400).contains(&callout.wait_s) {
                self.error(at, &["wait_s"], "it is not between 1 and 86400".into(), "leave it out for half an hour");
            }
            if callout.every_days == 0 {
                self.error(at, &["every_days"], "it is not at least 1".into(), "leave it out for a quarter");
            }
        }
        for (id, playbook) in &self.tables.playbook {
            let at = entity("playbook", id);
            self.refer_all(at, "signals", &["signal"], &playbook.signals);
            for (index, duty) in playbook.duties.iter().enumerate() {
                self.refer(at, &["duties", &index.to_string(), "role"], &["role"], &duty.role);
            }
            for (index, called) in playbook.calls.iter().enumerate() {
                self.refer(at, &["calls", &index.to_string(), "who"], &["contact", "role", "person"], &called.who);
            }
            if playbook.first.is_empty() {
                self.error(at, &["first"], "nothing is done first".into(), "name the first thing to do");
            }
        }
    }

    /// What `[protocol] proof` says in two ways: whoever reads one believes that an act is proved, or that it need not be.
    fn proof(&mut self) {
        let Some(proof) = &self.tables.protocol.proof else { return };
        let at = entity("protocol", "");
        for (index, id) in proof.recorded.iter().enumerate() {
            if proof.interventions.contains(id) {
                let message = format!("acts on `{id}` need a proof by `interventions`, and none by `recorded`");
                let help = "take it out of one of the two";
                self.error(at, &["proof", "recorded", &index.to_string()], message, help);
            }
        }
        let is_of_intervention =
            |act: &ProvedAct| !matches!(act, ProvedAct::Open | ProvedAct::Halt | ProvedAct::Unhalt);
        if !proof.interventions.is_empty() && !proof.acts.iter().any(is_of_intervention) {
            let message = "it names interventions, and `acts` has no act on one: nothing about them is proved".into();
            let help = "add \"decide\", \"approve\" or \"veto\" to `acts`, or take `interventions` away";
            self.error(at, &["proof", "acts"], message, help);
        }
        if proof.min_trust > MOST_TRUST {
            let message = format!("nothing costs so much trust: {MOST_TRUST} is the most, so nothing would be proved");
            self.error(at, &["proof", "min_trust"], message, "say acts = [] if nothing is to be proved");
        }
    }

    /// A word of nothing but what can't be seen forbids every text, or none.
    fn forbidden_words(&mut self) {
        for (id, communication) in &self.tables.communication {
            for (index, forbidden) in communication.forbidden.iter().enumerate() {
                let index = index.to_string();
                for (word, _) in forbidden.words.iter().enumerate().filter(|(_, word)| skeleton(word).is_empty()) {
                    let path = ["forbidden", &index, "words", &word.to_string()];
                    let message = "it is no word: nothing of it can be seen".into();
                    self.error(entity("communication", id), &path, message, "write the word, or take it away");
                }
                if forbidden.words.is_empty() {
                    let path = ["forbidden", &index, "words"];
                    let message = "no word is forbidden".into();
                    self.error(entity("communication", id), &path, message, "name one, or take the entry away");
                }
            }
        }
    }

    fn inhibition_circles(&mut self) {
        let mut mutes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for inhibition in self.tables.inhibition.values() {
            mutes.entry(&inhibition.while_open).or_default().extend(inhibition.mutes.iter().map(String::as_str));
        }
        for (id, inhibition) in &self.tables.inhibition {
            for (index, muted) in inhibition.mutes.iter().enumerate() {
                let Some(way) = way_back(&mutes, muted, &inhibition.while_open) else { continue };
                let way: Vec<String> = way.iter().map(|signal| format!("`{signal}`")).collect();
                let message = format!(
                    "`{}` and `{muted}` would mute each other: {} comes back to it",
                    inhibition.while_open,
                    way.join(", which mutes ")
                );
                let help = "take one away, so that one of the signals always pages";
                self.error(entity("inhibition", id), &["mutes", &index.to_string()], message, help);
            }
        }
    }

    fn risks(&mut self) {
        for (id, risk) in &self.tables.risk {
            let at = entity("risk", id);
            if let Some(owner) = &risk.owner {
                self.refer(at, &["owner"], &["role", "person"], owner);
            }
            self.refer_all(at, "signals", &["signal"], &risk.signals);
            self.refer_all(at, "interventions", &["intervention"], &risk.interventions);
            let backwards = risk.history.windows(2).position(|pair| pair[1].at < pair[0].at);
            if let Some(index) = backwards {
                let message = "it is older than the entry before it".into();
                let place = &["history", &(index + 1).to_string(), "at"];
                self.error(at, place, message, "put the entries in order, oldest first");
            }
        }
        let mut names = BTreeMap::new();
        for (id, release) in &self.tables.release {
            let called = BTreeSet::from([id.as_str(), release.name(id), release.tag.as_deref().unwrap_or(id)]);
            for name in called {
                if let Some(other) = names.insert(name, id) {
                    let message = format!("`{other}` goes by `{name}` too");
                    self.error(entity("release", id), &[], message, "give each release a name and a tag of its own");
                }
            }
        }
        for (id, waiver) in &self.tables.waiver {
            self.refer(entity("waiver", id), &["owner"], &["role", "person"], &waiver.owner);
        }
    }

    fn zone(&mut self, at: Entity<'_>, path: &[&str], zone: &str) {
        if !rota::is_zone(zone) {
            let message = format!("`{zone}` is no time zone");
            self.error(at, path, message, "write an IANA name, as Europe/Lisbon, or UTC");
        }
    }

    /// Checks that somebody who may be paged is there, and is one thing only.
    fn whom(&mut self, at: Entity<'_>, path: &[&str], who: &str) {
        const KINDS: [&str; 3] = ["role", "schedule", "person"];
        let is: Vec<&str> =
            KINDS.into_iter().filter(|table| self.places.contains_key(&(*table, who.to_owned()))).collect();
        match is.len() {
            0 => self.refer(at, path, &KINDS, who),
            1 => {}
            _ => {
                let message = format!("`{who}` is both a {}", is.join(" and a "));
                self.error(at, path, message, "rename one of them");
            }
        }
    }

    fn refer_all(&mut self, at: Entity<'_>, list: &str, tables: &[&'static str], ids: &[String]) {
        for (index, id) in ids.iter().enumerate() {
            self.refer(at, &[list, &index.to_string()], tables, id);
        }
    }

    /// Checks that one of `tables` has `id`.
    fn refer(&mut self, at: Entity<'_>, path: &[&str], tables: &[&'static str], id: &str) {
        let known = || self.places.keys().filter(|(table, _)| tables.contains(table)).map(|(_, known)| known.as_str());
        if !known().any(|known| known == id) {
            let help = suggestion(id, known());
            let help = if help.is_empty() { format!("define [{}.{id}]", tables[0]) } else { help };
            self.error(at, path, format!("no {} is called `{id}`", tables.join(" or ")), &help);
        }
    }

    fn error(&mut self, at: Entity<'_>, path: &[&str], message: String, help: &str) {
        if let Some(place) = self.places.get(&(at.table, at.id.to_owned())) {
            self.found.push(place.say(Gravity::Error, &at.path(), path, message).with_help(help));
        }
    }
}

/// The shortest way by which a signal mutes another, over what it mutes itself; `None` if there is none. A signal is no
/// way to itself: that an inhibition mutes its own signal is an error of its own.
fn way_back<'a>(mutes: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = std::collections::VecDeque::from([vec![from]]);
    while let Some(way) = ways.pop_front() {
        for next in way.last().and_then(|last| mutes.get(last)).into_iter().flatten().copied() {
            if seen.insert(next) {
                let further: Vec<&str> = way.iter().copied().chain([next]).collect();
                if next == to {
                    return Some(further);
                }
                ways.push_back(further);
            }
        }
    }
    None
}
