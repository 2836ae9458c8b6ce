//! What changed from one plan to another, in terms of people and powers, for a review.
//!
//! Whatever is different is listed: what has a sentence of its own by it, all else by its key.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::Plan;
use super::moment::{Moment, span};
use super::show::automation;

/// What a change is about. The order is that of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Somebody may do more.
    Gains,
    /// Somebody may do less.
    Loses,
    /// Within which limits, and at what speed.
    Limits,
    /// What it costs in trust, and what it keeps users from.
    Cost,
    /// What leads to what.
    Signals,
    /// Who is woken, and whom to call.
    Contacts,
    /// What is said to whom.
    Words,
    /// Anything else.
    Other,
}

impl About {
    /// Returns its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Gains => "Who may do more",
            Self::Loses => "Who may do less",
            Self::Limits => "Limits and times",
            Self::Cost => "Costs",
            Self::Signals => "What leads to what",
            Self::Contacts => "Who is woken, and whom to call",
            Self::Words => "What is said",
            Self::Other => "Anything else",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What it is about.
    pub about: About,
    /// The sentence.
    pub text: String,
}

/// Returns everything that is different in `new`, in order; empty if the plans say the same.
pub fn diff(old: &Plan, new: &Plan) -> Vec<Change> {
    let mut changes = BTreeSet::new();
    powers(old, new, &mut changes);
    let (old, new) = (tables(old), tables(new));
    for (table, new_entities) in &new {
        let none = BTreeMap::new();
        let old_entities = old.get(table).unwrap_or(&none);
        for (id, entity) in new_entities {
            match old_entities.get(id) {
                Some(before) => {
                    let mut leaves = Vec::new();
                    differing(before, entity, "", &mut leaves);
                    changes.extend(leaves.into_iter().flat_map(|(key, was, is)| listed(table, id, &key, was, is)));
                }
                None => drop(changes.insert(appeared(table, id, entity))),
            }
        }
    }
    for (table, old_entities) in &old {
        let gone = old_entities.keys().filter(|id| !new.get(table).is_some_and(|entities| entities.contains_key(*id)));
        changes.extend(gone.map(|id| vanished(table, id)));
    }
    changes.into_iter().collect()
}

/// Who may decide, and who may sign.
fn powers(old: &Plan, new: &Plan, changes: &mut BTreeSet<Change>) {
    let deciders = |plan: &Plan, id: &str| -> BTreeSet<String> {
        let one = plan.tables().intervention.get(id);
        one.into_iter().flat_map(|one| plan.deciders(one)).map(str::to_owned).collect()
    };
    let ids: BTreeSet<&String> = old.tables().intervention.keys().chain(new.tables().intervention.keys()).collect();
    for id in ids {
        moved((old, &deciders(old, id)), (new, &deciders(new, id)), &format!("decide on {id}"), changes);
    }
    let signers = |plan: &Plan, id: &str| -> BTreeSet<String> {
        let one = plan.tables().authority.get(id);
        one.into_iter().flat_map(|one| plan.members(&one.role)).map(str::to_owned).collect()
    };
    let ids: BTreeSet<&String> = old.tables().authority.keys().chain(new.tables().authority.keys()).collect();
    for id in ids {
        moved((old, &signers(old, id)), (new, &signers(new, id)), &format!("act by {id}"), changes);
    }
}

/// People by their ids, each with the plan that has them: who is renamed may do no more and no less.
type Of<'a> = (&'a Plan, &'a BTreeSet<String>);

fn moved((old, was): Of<'_>, (new, is): Of<'_>, what: &str, changes: &mut BTreeSet<Change>) {
    for person in is.difference(was) {
        changes.insert(Change { about: About::Gains, text: format!("{} may now {what}", new.name(person)) });
    }
    for person in was.difference(is) {
        changes.insert(Change { about: About::Loses, text: format!("{} may no longer {what}", old.name(person)) });
    }
}

type Entities = BTreeMap<String, Value>;

/// The tables as JSON; what has no id stands under an empty one.
fn tables(plan: &Plan) -> BTreeMap<String, Entities> {
    let all = serde_json::to_value(plan.tables()).unwrap_or_default();
    let Value::Object(all) = all else { return BTreeMap::new() };
    all.into_iter()
        .map(|(table, value)| match (table.as_str(), value) {
            ("protocol", value) => (table, BTreeMap::from([(String::new(), value)])),
            (_, Value::Object(entities)) => (table, entities.into_iter().collect()),
            (_, value) => (table, BTreeMap::from([(String::new(), value)])),
        })
        .collect()
}

type Leaf<'a> = (String, Option<&'a Value>, Option<&'a Value>);

/// Leaves that differ, by their path; a list is one leaf.
fn differing<'a>(old: &'a Value, new: &'a Value, path: &str, leaves: &mut Vec<Leaf<'a>>) {
    match (old, new) {
        (Value::Object(was), Value::Object(is)) => {
            let keys: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            for key in keys {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (was.get(key), is.get(key)) {
                    (Some(was), Some(is)) => differing(was, is, &below, leaves),
                    (was, is) => leaves.push((below, was, is)),
                }
            }
        }
        _ if old == new => {}
        _ => leaves.push((path.to_owned(), Some(old), Some(new))),
    }
}

fn about(table: &str, key: &str) -> About {
    match (table, key.split('.').next().unwrap_or(key)) {
        (
            "intervention" | "authority",
            "limits" | "threshold" | "delay_s" | "reaction_s" | "decision_s" | "signature_s" | "reversal"
            | "automation",
        ) => About::Limits,
        // Who may act, and how that is known.
        ("protocol", "proof" | "kill_switch" | "distinct_accounts") | ("person", "signer" | "signer_chain") => {
            About::Limits
        }
        ("intervention", "cost") | ("mode", _) => About::Cost,
        ("signal" | "source" | "silence" | "inhibition" | "asset" | "waiver", _) => About::Signals,
        ("person" | "role" | "schedule" | "escalation" | "dependency", _) => About::Contacts,
        ("communication", _) => About::Words,
        _ => About::Other,
    }
}

fn listed(table: &str, id: &str, key: &str, was: Option<&Value>, is: Option<&Value>) -> Vec<Change> {
    let about = about(table, key);
    let name = if id.is_empty() { table.to_owned() } else { id.to_owned() };
    let one = |text: String| vec![Change { about, text }];
    if let (Some(was), Some(is)) = (list(was), list(is)) {
        return lists(about, table, &name, key, &was, &is);
    }
    let (from, to) = (said(key, was), said(key, is));
    if (table, key, was) == ("protocol", "proof", None) {
        return vec![Change { about: About::Other, text: format!("acts must now be proved: {to}") }];
    }
    one(match (table, key) {
        ("intervention", "limits.max_duration_s") => match (was, is) {
            (Some(_), Some(_)) => format!("{name} may now last {to} instead of {from}"),
            (None, _) => format!("{name} may now last {to} at most; before it had no end"),
            _ => format!("{name} may now last without an end; before it was {from}"),
        },
        ("intervention", "limits.uses") => match (was, is) {
            (Some(_), Some(_)) => format!("{name} may now be used {to} times instead of {from}"),
            (None, _) => format!("{name} may now be used {to} times; before without a limit"),
            _ => format!("{name} may now be used without a limit; before {from} times"),
        },
        ("intervention", "limits.quorum") => {
            format!("{} must now agree to {name} instead of {}", or(&to, "1"), or(&from, "1"))
        }
        ("intervention", "limits.not_after") if is.is_none() => format!("the power of {name} no longer ends on {from}"),
        ("intervention", "limits.not_after") => format!("the power of {name} now ends on {to}"),
        ("intervention", "automation") => format!("{name} is now {to}, where it was {from}: {}", freedom(&to)),
        ("intervention", "cost.trust") => format!("{name} now costs {to} in trust instead of {from}"),
        ("intervention", "owner") => format!("{to} now decides on {name} instead of {from}"),
        ("intervention", "authority") => format!("{to} now carries {name} out instead of {from}"),
        ("intervention", "reversal.who") => format!("{to} now undoes {name} instead of {from}"),
        ("authority", "threshold") => format!("{to} must now sign for {name} instead of {from}"),
        ("authority", "delay_s") => format!("what {name} does now takes effect after {to} instead of {from}"),
        ("authority", "address") => format!("{name} is now {to}, where it was {from}"),
        ("signal", "corroboration.sources") => {
            format!("{name} now waits for {to} sources instead of {from} before automation acts")
        }
        ("signal", "corroboration.agreed_blocks") => match is.is_some() {
            true => format!("{name} now waits for nodes to agree on its blocks before automation acts"),
            false => format!("{name} no longer waits for nodes to agree on its blocks before automation acts"),
        },
        ("signal", "time_to_harm_s") => {
            format!("{name} now projects harm after {} instead of {}", or(&to, "no time"), or(&from, "no time"))
        }
        ("communication", "approver") if is.is_none() => {
            format!("nobody has to agree to {name} any more; before {from}")
        }
        ("communication", "first_within_s") => {
            format!("the first word of {name} is now due within {to} instead of {from}")
        }
        ("protocol", "proof") => format!("acts need no longer be proved; before: {from}"),
        ("person", "signer") if is.is_none() => format!("{name} no longer proves what they decide; before as {from}"),
        ("person", "signer") => format!("{name} now signs as {to} instead of {}", or(&from, "not at all")),
        ("dependency", "contact") => {
            format!("{name} is now reached by {} instead of {}", or(&to, "nobody"), or(&from, "nobody"))
        }
        _ => {
            let place = if id.is_empty() { key.to_owned() } else { format!("{id}: {key}") };
            format!("{table} {place} is now {} instead of {}", or(&to, "not given"), or(&from, "not given"))
        }
    })
}

/// Names that came into a list and names that left it.
fn lists(about: About, table: &str, name: &str, key: &str, was: &[String], is: &[String]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut tell = |about: About, text: String| changes.push(Change { about, text });
    for item in is.iter().filter(|item| !was.contains(item)) {
        match (table, key) {
            ("signal", "interventions") => tell(about, format!("{name} now leads to {item}")),
            ("intervention", "cost.blocks") => tell(about, format!("{name} now keeps users from: {item}")),
            ("role", "members" | "backups") => tell(about, format!("{item} is now of {name}")),
            _ => tell(about, format!("{table} {name}: {key} now has {item}")),
        }
    }
    for item in was.iter().filter(|item| !is.contains(item)) {
        match (table, key) {
            ("signal", "interventions") => tell(about, format!("{name} no longer leads to {item}")),
            ("intervention", "cost.blocks") => tell(about, format!("{name} no longer keeps users from: {item}")),
            ("role", "members" | "backups") => tell(about, format!("{item} is no longer of {name}")),
            _ => tell(about, format!("{table} {name}: {key} no longer has {item}")),
        }
    }
    if changes.is_empty() {
        changes.push(Change { about, text: format!("{table} {name}: {key} is now in the order {}", is.join(", ")) });
    }
    changes
}

fn appeared(table: &str, id: &str, entity: &Value) -> Change {
    let summary = ["summary", "name", "audience"].iter().find_map(|key| entity.get(*key)?.as_str());
    let summary = summary.map(|summary| format!(": {summary}")).unwrap_or_default();
    let about = if table == "intervention" { About::Gains } else { about(table, "") };
    // A signal decides what is permitted, and may come from strangers: whoever takes it sees all that it says.
    let says = match (table, entity) {
        ("signal", Value::Object(fields)) => {
            let fields = fields.iter().filter(|(key, _)| *key != "summary");
            let day = |key: &str, value: &Value| {
                let ms = value.as_u64().filter(|_| key.ends_with("_at"))?;
                Some(Moment { ms }.to_string())
            };
            let words = |key: &str, value: &Value| day(key, value).unwrap_or_else(|| said(key, Some(value)));
            let fields = fields.map(|(key, value)| (key, words(key, value))).filter(|(_, said)| !said.is_empty());
            fields.map(|(key, said)| format!("; {key} = {said}")).collect()
        }
        _ => String::new(),
    };
    Change { about, text: format!("there is now a {table} {id}{summary}{says}") }
}

fn vanished(table: &str, id: &str) -> Change {
    let about = if table == "intervention" { About::Loses } else { about(table, "") };
    Change { about, text: format!("there is no longer a {table} {id}") }
}

fn list(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None => Some(Vec::new()).filter(|_| false),
        Some(Value::Array(items)) => Some(items.iter().map(plain).collect()),
        Some(_) => None,
    }
}

/// Returns a value in words: a span if the key says seconds.
fn said(key: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(value) => match value.as_u64().filter(|_| key.ends_with("_s")) {
            Some(seconds) => span(seconds),
            None => plain(value),
        },
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key} = {}", said(key, Some(value)));
            fields.iter().map(field).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

fn or(text: &str, other: &str) -> String {
    if text.is_empty() { other.to_owned() } else { text.to_owned() }
}

fn freedom(word: &str) -> &'static str {
    use super::Automation::{Auto, Off, Presigned, Propose};
    match [Off, Propose, Presigned, Auto].into_iter().find(|one| automation(*one) == word) {
        Some(Off) => "people act, and nothing is put before them",
        Some(Propose) => "it is put before the people who decide",
        Some(Presigned) => "within its limits it is permitted without asking anybody",
        Some(Auto) => "within its limits its authority acts by itself",
        None => "",
    }
}

/// Returns the changes by what they are about, for a terminal.
pub fn pretty(changes: &[Change]) -> String {
    grouped(changes, |title| format!("{title}\n"), |text| format!("  {text}\n"))
}

/// Returns the changes by what they are about, as Markdown for a review.
pub fn markdown(changes: &[Change]) -> String {
    let clean = |text: &str| text.replace(char::is_control, " ").replace('<', "&lt;");
    grouped(changes, |title| format!("### {title}\n\n"), |text| format!("- {}\n", clean(text)))
}

fn grouped(changes: &[Change], head: impl Fn(&str) -> String, line: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    let mut about = None;
    for change in changes {
        if about != Some(change.about) {
            if about.is_some() {
                text.push('\n');
            }
            about = Some(change.about);
            text.push_str(&head(change.about.title()));
        }
        text.push_str(&line(&change.text));
    }
    if changes.is_empty() {
        text.push_str("nothing that the plans say is different\n");
    }
    text
}
