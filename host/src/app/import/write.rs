//! What was read, as `watchfire.toml`.

use anyhow::Context;
use toml::{Table, Value};

use super::model::{Endpoint, Imported, slug};

pub(super) fn to_toml(imported: &Imported, component: Option<&str>) -> anyhow::Result<String> {
    let mut root = Table::new();
    let mut chains = Table::new();
    for (name, chain) in &imported.chains {
        let endpoints = chain.endpoints.iter().map(|endpoint| match endpoint {
            Endpoint::Url(url) => Value::from(url.as_str()),
            Endpoint::Env(name) => Value::Table(Table::from_iter([("env".to_owned(), Value::from(name.as_str()))])),
        });
        let id = i64::try_from(chain.id).context("a chain's id is past what TOML can say")?;
        let section = [("id".to_owned(), Value::from(id)), ("endpoints".to_owned(), Value::Array(endpoints.collect()))];
        chains.insert(name.clone(), Value::Table(Table::from_iter(section)));
    }
    root.insert("chain".to_owned(), Value::Table(chains));
    let mut detectors = Table::new();
    for monitor in &imported.monitors {
        let mut id = slug(&monitor.name);
        while detectors.contains_key(&id) {
            id.push_str("-2");
        }
        let strings = |list: &[String]| Value::Array(list.iter().map(|text| Value::from(text.as_str())).collect());
        let mut config = Table::new();
        if !monitor.addresses.is_empty() {
            let lists = Table::from_iter([("monitored".to_owned(), strings(&monitor.addresses))]);
            config.insert("lists".to_owned(), Value::Table(lists));
        }
        config.insert("rule".to_owned(), Value::Array(monitor.rules.iter().cloned().map(Value::Table).collect()));
        let mut detector = Table::new();
        match component {
            Some(path) => {
                let grants = ["chain", "state", "traces", "storage", "feeds", "findings"].map(Value::from).to_vec();
                detector.insert("component".to_owned(), Value::from(path));
                detector.insert("grant".to_owned(), Value::Array(grants));
            }
            None => {
                detector.insert("use".to_owned(), Value::from("rules"));
            }
        }
        if !monitor.chains.is_empty() {
            detector.insert("chains".to_owned(), strings(&monitor.chains));
        }
        detector.insert("config".to_owned(), Value::Table(config));
        detectors.insert(id, Value::Table(detector));
    }
    root.insert("detector".to_owned(), Value::Table(detectors));
    if !imported.channels.is_empty() {
        let channels = imported.channels.iter().map(|(name, table)| (name.clone(), Value::Table(table.clone())));
        root.insert("channel".to_owned(), Value::Table(channels.collect()));
    }
    let body = toml::to_string_pretty(&root)?;
    toml::from_str::<Table>(&body).context("what was written is no TOML")?;
    let mut head = String::from("# Written by `watchfire import`. Read it over, then run `watchfire check`.\n");
    if !imported.by_hand.is_empty() {
        head.push_str("#\n# To do by hand:\n");
        for what in &imported.by_hand {
            head.push_str(&format!("# - {}\n", what.replace(char::is_control, " ")));
        }
    }
    Ok(format!("{head}\n{body}"))
}
