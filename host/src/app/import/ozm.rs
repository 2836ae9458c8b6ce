//! OpenZeppelin Monitor 1.x: `networks/`, `monitors/`, `triggers/`, each with JSON files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::ensure;
use serde_json::Value;
use toml::{Table, Value as Toml};

use super::abi::{Of, named, names};
use super::condition::translate;
use super::model::{Chain, Endpoint, Imported, Monitor, json_files, list, slug, text, texts};

pub(super) fn read(folder: &Path) -> anyhow::Result<Imported> {
    ensure!(
        folder.join("monitors").is_dir(),
        "`{}` has no folder `monitors`; name the folder that has `monitors`, `networks` and `triggers`",
        folder.display()
    );
    let mut imported = Imported::default();
    let optional = |name: &str| match folder.join(name) {
        path if path.is_dir() => json_files(&path),
        _ => Ok(Vec::new()),
    };
    for (file, network) in optional("networks")? {
        read_network(&mut imported, &file, &network);
    }
    let mut triggers = BTreeMap::new();
    for (_, file) in optional("triggers")? {
        let members = file.as_object().into_iter().flatten();
        triggers.extend(members.map(|(name, trigger)| (name.clone(), trigger.clone())));
    }
    let mut used = BTreeSet::new();
    for (file, monitor) in json_files(&folder.join("monitors"))? {
        read_monitor(&mut imported, &file, &monitor, &triggers, &mut used);
    }
    for name in used {
        match triggers.get(&name) {
            Some(trigger) => read_trigger(&mut imported, &name, trigger),
            None => imported.note(format!("there is no trigger `{name}`, which a monitor names")),
        }
    }
    let wanted: BTreeSet<&String> = imported.monitors.iter().flat_map(|monitor| &monitor.chains).collect();
    let wanted: BTreeSet<String> = wanted.into_iter().cloned().collect();
    imported.chains.retain(|name, _| wanted.contains(name));
    Ok(imported)
}

fn read_network(imported: &mut Imported, file: &str, network: &Value) {
    let slug = text(network, "slug");
    let kind = text(network, "network_type");
    if kind != "EVM" {
        imported.note(format!("networks/{file}: `{slug}` is of type {kind}; only EVM chains are watched"));
        return;
    }
    let id = network.get("chain_id").and_then(Value::as_u64).unwrap_or_default();
    let endpoints = list(network, "rpc_urls").iter().filter_map(|rpc| {
        let url = rpc.get("url")?;
        let value = url.as_str().unwrap_or_else(|| text(url, "value"));
        match text(url, "type").to_lowercase().as_str() {
            "environment" => Some(Endpoint::Env(value.to_owned())),
            "" | "plain" => Some(Endpoint::Url(value.to_owned())),
            _ => None,
        }
    });
    let endpoints: Vec<Endpoint> = endpoints.collect();
    if endpoints.len() < list(network, "rpc_urls").len() {
        imported.note(format!("networks/{file}: a URL comes from a vault; put it into an environment variable"));
    }
    imported.chains.insert(slug.to_owned(), Chain { id, endpoints });
}

/// The status that a condition on transactions asks for.
fn status(condition: &Value) -> &'static str {
    match text(condition, "status") {
        "Success" => "success",
        "Failure" => "failed",
        _ => "any",
    }
}

fn read_monitor(
    imported: &mut Imported,
    file: &str,
    monitor: &Value,
    triggers: &BTreeMap<String, Value>,
    used: &mut BTreeSet<String>,
) {
    let name = text(monitor, "name").to_owned();
    let place = format!("monitors/{file}");
    if monitor.get("paused").and_then(Value::as_bool) == Some(true) {
        imported.note(format!("{place}: `{name}` is paused and was left out"));
        return;
    }
    for condition in list(monitor, "trigger_conditions") {
        let script = text(condition, "script_path");
        imported.note(format!("{place}: the script `{script}` filtered what `{name}` found; write it as `when`"));
    }
    let mut chains = texts(monitor.get("networks"));
    for lost in chains.iter().filter(|chain| !imported.chains.contains_key(*chain)).cloned().collect::<Vec<_>>() {
        imported.note(format!("{place}: `{name}` watches `{lost}`, of which there is no EVM network"));
    }
    chains.retain(|chain| imported.chains.contains_key(chain));
    if chains.is_empty() {
        imported.note(format!("{place}: `{name}` watches no EVM chain and was left out"));
        return;
    }
    let addresses: Vec<String> = list(monitor, "addresses").iter().map(|a| text(a, "address").to_lowercase()).collect();
    let specs = list(monitor, "addresses").iter().filter_map(|address| address.get("contract_spec").cloned());
    let specs: Vec<Value> = specs.collect();
    let triggers_of = texts(monitor.get("triggers"));
    let said = triggers_of.iter().filter_map(|trigger| triggers.get(trigger)).find_map(|trigger| {
        let message = trigger.get("config")?.get("message")?;
        Some(text(message, "body").to_owned())
    });
    let said = said.filter(|said| !said.is_empty());
    let empty = Value::Null;
    let conditions = monitor.get("match_conditions").unwrap_or(&empty);
    let transactions = list(conditions, "transactions");
    let mut rules = Vec::new();
    let each =
        |key: &str, of: Of| list(conditions, key).iter().map(move |condition| (condition, of)).collect::<Vec<_>>();
    for (condition, of) in each("events", Of::Event).into_iter().chain(each("functions", Of::Function)) {
        let signature = text(condition, "signature");
        let Some(signature) = named(signature, of, &specs) else {
            imported.note(format!("{place}: no ABI of `{name}` has `{signature}`; write it as `on` with its names"));
            continue;
        };
        let known = names(&signature);
        let own = |value: &str| known.iter().any(|name| name == value).then(|| value.to_owned());
        let own = translated(imported, &place, condition, own);
        let of_transactions = if transactions.is_empty() { vec![&empty] } else { transactions.iter().collect() };
        for transaction in of_transactions {
            let on_transaction = |value: &str| match value {
                "from" | "to" | "value" | "hash" => Some(format!("tx.{value}")),
                _ => None,
            };
            let when = [own.clone(), translated(imported, &place, transaction, on_transaction)];
            let mut rule = Table::new();
            let status = status(transaction);
            match of {
                // A transaction that failed has no logs.
                Of::Event if status == "failed" => continue,
                Of::Event => rule.insert("on".to_owned(), format!("event {signature}").into()),
                Of::Function => {
                    rule.insert("calls".to_owned(), "top".into());
                    rule.insert("status".to_owned(), status.into());
                    rule.insert("on".to_owned(), format!("call {signature}").into())
                }
            };
            let said = said.as_deref().map(|said| message(imported, &place, said, &name, &known));
            finish(&mut rule, &name, !addresses.is_empty(), &when, said.as_deref());
            rules.push(rule);
        }
    }
    if list(conditions, "events").is_empty() && list(conditions, "functions").is_empty() {
        for transaction in transactions {
            let value = |value: &str| match value {
                "from" | "to" | "value" | "input" => Some(value.to_owned()),
                "hash" => Some("tx.hash".to_owned()),
                _ => None,
            };
            let about = (!addresses.is_empty()).then(|| "(from in monitored || to in monitored)".to_owned());
            let when = [about, translated(imported, &place, transaction, value)];
            let mut rule = Table::from_iter([
                ("on".to_owned(), Toml::from("transaction")),
                ("status".to_owned(), status(transaction).into()),
            ]);
            let said = said.as_deref().map(|said| message(imported, &place, said, &name, &[]));
            finish(&mut rule, &name, false, &when, said.as_deref());
            rules.push(rule);
        }
    }
    if rules.is_empty() {
        imported.note(format!("{place}: `{name}` has no condition that could be carried over"));
        return;
    }
    number(&mut rules, &slug(&name));
    used.extend(triggers_of);
    imported.monitors.push(Monitor { name, chains, addresses, rules });
}

/// Gives each rule a name; several of one monitor are numbered.
pub(super) fn number(rules: &mut [Table], name: &str) {
    let several = rules.len() > 1;
    for (at, rule) in rules.iter_mut().enumerate() {
        let name = if several { format!("{name}-{}", at + 1) } else { name.to_owned() };
        rule.insert("name".to_owned(), name.into());
    }
}

/// A condition in the words of rules; one that has none is noted, and a rule without it matches more.
fn translated(
    imported: &mut Imported,
    place: &str,
    condition: &Value,
    rename: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let written = text(condition, "expression");
    if written.is_empty() {
        return None;
    }
    match translate(written, rename) {
        Ok(condition) => Some(condition),
        Err(why) => {
            imported.note(format!("{place}: `{written}` was left out, so its rule matches more: {why}"));
            None
        }
    }
}

/// A message as a rule's description: values in the words of rules, and those that rules do not have as they were written.
fn message(imported: &mut Imported, place: &str, said: &str, monitor: &str, known: &[String]) -> String {
    let escape = |text: &str| text.replace('{', "{{").replace('}', "}}");
    let mut parts = said.split("${");
    let mut description = escape(parts.next().unwrap_or_default());
    for part in parts {
        let Some((value, rest)) = part.split_once('}') else {
            description.push_str(&escape(&format!("${{{part}")));
            continue;
        };
        let of_row = ["events.0.args.", "functions.0.args.", "event_0_", "function_0_"];
        let parameter =
            of_row.iter().find_map(|start| value.strip_prefix(start)).filter(|name| known.iter().any(|k| k == name));
        description.push_str(&match (value, parameter) {
            (_, Some(name)) => format!("{{{name}}}"),
            ("transaction.hash" | "transaction_hash", None) => "{tx.hash}".to_owned(),
            ("transaction.from" | "transaction_from", None) => "{tx.from}".to_owned(),
            ("transaction.to" | "transaction_to", None) => "{tx.to}".to_owned(),
            ("transaction.value" | "transaction_value", None) => "{tx.value}".to_owned(),
            ("monitor.name" | "monitor_name", None) => escape(monitor),
            _ => {
                imported
                    .note(format!("{place}: the message has `{value}`, which rules do not know; mend `description`"));
                escape(&format!("${{{value}}}"))
            }
        });
        description.push_str(&escape(rest));
    }
    description
}

/// What all rules have.
pub(super) fn finish(rule: &mut Table, name: &str, of_contract: bool, when: &[Option<String>], said: Option<&str>) {
    if of_contract {
        rule.insert("contract".to_owned(), "monitored".into());
    }
    let parts: Vec<String> = when.iter().flatten().cloned().collect();
    let parts = match parts.len() {
        0 | 1 => parts,
        _ => parts.into_iter().map(|part| if part.contains("||") { format!("({part})") } else { part }).collect(),
    };
    if !parts.is_empty() {
        rule.insert("when".to_owned(), parts.join(" && ").into());
    }
    rule.insert("title".to_owned(), name.replace('{', "{{").replace('}', "}}").into());
    if let Some(said) = said {
        rule.insert("description".to_owned(), said.into());
    }
}

fn read_trigger(imported: &mut Imported, name: &str, trigger: &Value) {
    let kind = text(trigger, "trigger_type");
    let empty = Value::Null;
    let config = trigger.get("config").unwrap_or(&empty);
    let section = slug(name);
    let variable = section.to_uppercase().replace('-', "_");
    let mut channel = Table::new();
    let mut secret = |imported: &mut Imported, key: &str, from: &str, suffix: &str| {
        let given = config.get(from).unwrap_or(&empty);
        let env = match text(given, "type").to_lowercase().as_str() {
            "environment" => text(given, "value").to_owned(),
            _ => {
                let env = format!("{variable}_{suffix}");
                imported.note(format!("triggers: put `{from}` of `{name}` into the environment variable `{env}`"));
                env
            }
        };
        channel.insert(key.to_owned(), Toml::Table(Table::from_iter([("env".to_owned(), Toml::from(env))])));
    };
    match kind {
        "slack" => secret(imported, "url", "slack_url", "URL"),
        "discord" => secret(imported, "url", "discord_url", "URL"),
        "telegram" => {
            secret(imported, "token", "token", "TOKEN");
            channel.insert("room".to_owned(), format!("telegram:{}", text(config, "chat_id")).into());
        }
        "webhook" => {
            secret(imported, "url", "url", "URL");
            if config.get("secret").is_some_and(|given| !given.is_null()) {
                secret(imported, "secret", "secret", "SECRET");
                imported
                    .note(format!("triggers: `{name}`: the receiver must check the signature as Watchfire makes it"));
            }
        }
        "email" => {
            let url = format!("{variable}_URL");
            let (host, user) = (text(config, "host"), text(config, "username"));
            imported.note(format!(
                "triggers: put `smtps://{user}:PASSWORD@{host}` with the password of `{name}` into `{url}`"
            ));
            channel.insert("url".to_owned(), Toml::Table(Table::from_iter([("env".to_owned(), Toml::from(url))])));
            channel.insert("from".to_owned(), text(config, "sender").into());
            let recipients = texts(config.get("recipients"));
            if let Some(first) = recipients.first() {
                channel.insert("room".to_owned(), format!("email:{first}").into());
            }
            if recipients.len() > 1 {
                let others = recipients[1..].join(", ");
                imported.note(format!("triggers: `{name}` also writes to {others}; name them as persons in the plan"));
            }
        }
        "script" => {
            let script = text(config, "script_path");
            imported.note(format!(
                "triggers: `{name}` runs `{script}`; receive a webhook and run it there: Watchfire runs nothing"
            ));
            return;
        }
        other => {
            imported.note(format!("triggers: `{name}` is of type `{other}`, which has no counterpart"));
            return;
        }
    }
    channel.insert("kind".to_owned(), kind.into());
    imported.channels.insert(section, channel);
}
