//! Sentinels exported from Defender: a list, an object with `items`, or one Sentinel, in a file or a folder of files.

use std::path::Path;

use serde_json::Value;
use toml::{Table, Value as Toml};

use super::abi::{Of, named, names};
use super::condition::translate;
use super::model::{Chain, Endpoint, Imported, Monitor, json_files, list, slug, text, texts};
use super::ozm::{finish, number};

/// Chains by the names that Defender gave them.
const CHAINS: [(&str, u64); 22] = [
    ("mainnet", 1),
    ("sepolia", 11_155_111),
    ("goerli", 5),
    ("holesky", 17_000),
    ("matic", 137),
    ("amoy", 80_002),
    ("arbitrum", 42_161),
    ("arbitrum-sepolia", 421_614),
    ("arbitrum-nova", 42_170),
    ("optimism", 10),
    ("optimism-sepolia", 11_155_420),
    ("base", 8_453),
    ("base-sepolia", 84_532),
    ("bsc", 56),
    ("avalanche", 43_114),
    ("fantom", 250),
    ("xdai", 100),
    ("celo", 42_220),
    ("linea", 59_144),
    ("zksync", 324),
    ("scroll", 534_352),
    ("mantle", 5_000),
];

pub(super) fn read(path: &Path) -> anyhow::Result<Imported> {
    let mut imported = Imported::default();
    for (file, json) in json_files(path)? {
        let items = match &json {
            Value::Array(items) => items.as_slice(),
            other if other.get("items").is_some() => list(other, "items"),
            other => std::slice::from_ref(other),
        };
        for item in items {
            read_sentinel(&mut imported, &file, item);
        }
    }
    for name in imported.chains.keys().cloned().collect::<Vec<_>>() {
        imported.note(format!("name a node of `{name}` in the environment variable `{}`", variable(&name)));
    }
    Ok(imported)
}

fn variable(chain: &str) -> String {
    format!("{}_RPC_URL", chain.to_uppercase().replace('-', "_"))
}

/// An ABI, which Defender keeps as a list or as its text.
fn abi(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    }
}

fn read_sentinel(imported: &mut Imported, file: &str, sentinel: &Value) {
    let name = text(sentinel, "name").to_owned();
    let place = format!("{file}: `{name}`");
    if text(sentinel, "type") == "FORTA" {
        imported.note(format!("{place} watches Forta's alerts; subscribe to them as a feed"));
        return;
    }
    if sentinel.get("paused").and_then(Value::as_bool) == Some(true) {
        imported.note(format!("{place} is paused and was left out"));
        return;
    }
    let network = text(sentinel, "network").to_owned();
    let Some((_, id)) = CHAINS.iter().find(|(known, _)| *known == network) else {
        imported.note(format!("{place} watches `{network}`, whose number is not known here"));
        return;
    };
    let condition = ["autotaskCondition", "actionCondition"].into_iter().find(|key| !sentinel[*key].is_null());
    if let Some(key) = condition {
        imported.note(format!("{place}: `{key}` filtered what it found; write it as `when`"));
    }
    let triggers = ["autotaskTrigger", "actionTrigger"].into_iter().find(|key| !sentinel[*key].is_null());
    if let Some(key) = triggers {
        imported.note(format!("{place}: `{key}` ran code; receive a webhook and run it there"));
    }
    let own = [sentinel.clone()];
    let groups = if sentinel.get("addressRules").is_some() { list(sentinel, "addressRules") } else { &own };
    let (mut addresses, mut rules) = (Vec::new(), Vec::new());
    for group in groups {
        addresses.extend(texts(group.get("addresses")).into_iter().map(|address| address.to_lowercase()));
        let abis: Vec<Value> = abi(group.get("abi")).into_iter().collect();
        let conditions =
            if group.get("conditions").is_some() { list(group, "conditions") } else { std::slice::from_ref(group) };
        for condition in conditions {
            read_conditions(imported, &place, &name, condition, &abis, &mut rules);
        }
    }
    addresses.sort();
    addresses.dedup();
    if let Some(threshold) = sentinel.get("alertThreshold").filter(|threshold| threshold.is_object()) {
        let count = threshold.get("amount").and_then(Value::as_u64).unwrap_or(1);
        let span = threshold.get("windowSeconds").and_then(Value::as_u64).unwrap_or(60).max(1);
        for rule in &mut rules {
            rule.insert("window".to_owned(), format!("{span} s").into());
            rule.insert("having".to_owned(), format!("count >= {count}").into());
        }
    }
    if rules.is_empty() {
        imported.note(format!("{place} has no condition that could be carried over"));
        return;
    }
    number(&mut rules, &slug(&name));
    channels(imported, &place, sentinel);
    let endpoints = vec![Endpoint::Env(variable(&network))];
    imported.chains.insert(network.clone(), Chain { id: *id, endpoints });
    imported.monitors.push(Monitor { name, chains: vec![network], addresses, rules });
}

fn read_conditions(
    imported: &mut Imported,
    place: &str,
    name: &str,
    condition: &Value,
    abis: &[Value],
    rules: &mut Vec<Table>,
) {
    let transactions = list(condition, "txConditions");
    let flat = text(condition, "txCondition");
    let status = match transactions.first().map(|first| text(first, "status")) {
        Some("success") => "success",
        Some("failed") => "failed",
        _ => "any",
    };
    let of_transaction = transactions.iter().map(|t| text(t, "expression")).chain([flat]).find(|text| !text.is_empty());
    let notes = std::cell::RefCell::new(Vec::new());
    let translated = |written: &str, rename: &dyn Fn(&str) -> Option<String>| match translate(written, rename) {
        Ok(condition) => Some(condition).filter(|condition| !condition.is_empty()),
        Err(why) => {
            notes.borrow_mut().push(format!("{place}: `{written}` was left out, so its rule matches more: {why}"));
            None
        }
    };
    let (events, functions) = (list(condition, "eventConditions"), list(condition, "functionConditions"));
    for (condition, of, key) in events
        .iter()
        .map(|event| (event, Of::Event, "eventSignature"))
        .chain(functions.iter().map(|function| (function, Of::Function, "functionSignature")))
    {
        let signature = text(condition, key);
        let Some(signature) = named(signature, of, abis) else {
            let what = format!("{place}: no ABI has `{signature}`; write it as `on` with its names");
            notes.borrow_mut().push(what);
            continue;
        };
        let known = names(&signature);
        let own = |value: &str| known.iter().any(|name| name == value).then(|| value.to_owned());
        let sent = |value: &str| match value {
            "from" | "to" | "value" => Some(format!("tx.{value}")),
            _ => None,
        };
        let when = [
            translated(text(condition, "expression"), &own),
            of_transaction.and_then(|written| translated(written, &sent)),
        ];
        let mut rule = Table::new();
        match of {
            Of::Event => rule.insert("on".to_owned(), format!("event {signature}").into()),
            Of::Function => {
                rule.insert("calls".to_owned(), "top".into());
                rule.insert("status".to_owned(), status.into());
                rule.insert("on".to_owned(), format!("call {signature}").into())
            }
        };
        finish(&mut rule, name, true, &when, None);
        rules.push(rule);
    }
    if events.is_empty() && functions.is_empty() {
        let sent = |value: &str| match value {
            "from" | "to" | "value" => Some(value.to_owned()),
            _ => None,
        };
        let about = Some("(from in monitored || to in monitored)".to_owned());
        let when = [about, of_transaction.and_then(|written| translated(written, &sent))];
        let on = [("on".to_owned(), Toml::from("transaction")), ("status".to_owned(), status.into())];
        let mut rule = Table::from_iter(on);
        finish(&mut rule, name, false, &when, None);
        rules.push(rule);
    }
    imported.by_hand.extend(notes.into_inner());
}

fn channels(imported: &mut Imported, place: &str, sentinel: &Value) {
    let given = sentinel.get("notifyConfig").map_or(sentinel, |notify| notify);
    let notifications = list(given, "notifications");
    for notification in notifications {
        let (name, kind) = (text(notification, "name"), text(notification, "type"));
        let section = slug(if name.is_empty() { kind } else { name });
        let known = ["slack", "discord", "telegram", "email", "webhook", "pagerduty"];
        if !known.contains(&kind) {
            imported.note(format!("{place}: the notification `{name}` is of type `{kind}`, which has no counterpart"));
            continue;
        }
        let (key, suffix) = match kind {
            "telegram" | "pagerduty" => ("token", "TOKEN"),
            _ => ("url", "URL"),
        };
        let env = format!("{}_{suffix}", section.to_uppercase().replace('-', "_"));
        imported
            .note(format!("{place}: put `{key}` of the notification `{name}` into the environment variable `{env}`"));
        let mut channel = Table::new();
        channel.insert("kind".to_owned(), kind.into());
        channel.insert(key.to_owned(), Toml::Table(Table::from_iter([("env".to_owned(), Toml::from(env))])));
        imported.channels.insert(section, channel);
    }
    if notifications.is_empty() && !list(sentinel, "notificationChannels").is_empty() {
        imported
            .note(format!("{place}: its notification channels are not in the export; write them as `[channel.NAME]`"));
    }
}
