//! The watch over the watch: what of a config or a plan was removed, weakened or silenced, and by whom, as far as the files
//! say. Each change becomes a finding of the host's own, which a plan pages people for like any other.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;
use toml::Value;

use crate::app::config::Config;
use crate::diagnostic::Diagnostic;
use crate::digest::sha256;
use crate::event::Coverage;
use crate::finding::Severity;
use crate::note::Watched;
use crate::plan::Plan;
use crate::plan::diff::{About, Change, diff};

/// Sections whose entries carry the watch, each with what one of them is called.
const SECTIONS: [(&str, &str); 6] = [
    ("chain", "chain"),
    ("feed", "feed"),
    ("detector", "detector"),
    ("webhook", "webhook"),
    ("channel", "channel"),
    ("protocol", "protocol"),
];
/// Most changes that one finding lists.
const LISTED: usize = 12;

/// Parts of a config that carry or keep the watch as a whole.
const WHOLE: [&str; 5] = ["answers", "heartbeat", "journal", "delivery", "host"];

/// Returns what is less or other in a config than it was, a finding for each entry.
pub fn of_config(before: &Config, after: &Config) -> Vec<Coverage> {
    of_watched(&watched(before), &watched(after), &after.file, "")
}

/// Returns what is less or other in a config than the last run had it, a finding for each entry: it was changed while no host ran.
pub fn of_config_since(before: &Watched, after: &Config) -> Vec<Coverage> {
    of_watched(before, &watched(after), &after.file, " while no host ran")
}

/// Returns what a config watches, as it is compared later: what may be a secret is a mark of it alone.
pub fn watched(config: &Config) -> Watched {
    let mut entries = BTreeMap::new();
    for (section, name) in SECTIONS {
        for id in config.names(section) {
            entries.insert(format!("{name}/{id}"), masked(&config.written(section, &id)));
        }
    }
    for section in WHOLE {
        let text = config.section(section);
        if !text.is_empty() {
            entries.insert(section.to_owned(), masked(&text));
        }
    }
    Watched { entries }
}

fn of_watched(before: &Watched, after: &Watched, file: &Path, when: &str) -> Vec<Coverage> {
    let who = who([file]);
    let mut found = Vec::new();
    for (entry, was) in &before.entries {
        let is = after.entries.get(entry).map_or("", String::as_str);
        if was == is {
            continue;
        }
        let (old, new) = (table(was), table(is));
        let lines = || listed(&changed(&old, &new));
        let section = entry.split('/').next().unwrap_or_default();
        let severity = if is.is_empty() || is_weaker(section, &old, &new) { Severity::High } else { Severity::Medium };
        let (subject, what) = match (entry.split_once('/'), is.is_empty()) {
            (Some((name, id)), true) => (entry.clone(), format!("there is no longer a {name} {id}")),
            (Some((name, id)), false) => (entry.clone(), format!("{name} {id} is another: {}", lines())),
            (None, true) => (format!("host/{entry}"), format!("there is no longer a section [{entry}]")),
            (None, false) => (format!("host/{entry}"), format!("[{entry}] is another: {}", lines())),
        };
        let id_of = |table: &Value| table.get("id").and_then(Value::as_integer).and_then(|id| u64::try_from(id).ok());
        let chain = (section == "chain").then(|| id_of(&old).or(id_of(&new))).flatten();
        let found_here = coverage(&subject, is, severity, format!("{what}{when} ({who})"));
        found.push(Coverage { chain, ..found_here });
    }
    found
}

/// Adds to the finding that a channel is gone or another whom no channel reaches.
pub fn naming(mut found: Coverage, unreached: &[Diagnostic]) -> Coverage {
    let is_of_channels = ["channel/", "webhook/"].iter().any(|section| found.subject.starts_with(section));
    if is_of_channels && !unreached.is_empty() {
        let lines: Vec<String> = unreached.iter().map(|one| format!("{}: {}", one.key, one.message)).collect();
        found.message = format!("{}. Not reached: {}", found.message, listed(&lines));
    }
    found
}

/// Whether a change of an entry may keep something from being found or told: a key that is gone; what pages and nodes are reached
/// by; a limit that is higher, or a wait that is longer; fewer things in a list, or fewer that must agree.
fn is_weaker(section: &str, was: &Value, is: &Value) -> bool {
    match (was, is) {
        (Value::Table(old), Value::Table(new)) => old.iter().any(|(key, value)| match new.get(key) {
            Some(other) => value != other && is_weaker_at(section, key, value, other),
            None => true,
        }),
        _ => false,
    }
}

fn is_weaker_at(section: &str, key: &str, was: &Value, is: &Value) -> bool {
    let leads_elsewhere =
        ["url", "urls", "token", "room", "account", "from", "schemes", "endpoints", "address", "kind"];
    match (was, is) {
        (Value::Table(_), Value::Table(_)) => is_weaker(section, was, is),
        _ if leads_elsewhere.contains(&key) => true,
        (Value::Array(old), Value::Array(new)) => {
            let pairs = || old.iter().zip(new).filter(|(was, is)| was != is);
            new.len() < old.len()
                || pairs().any(|(was, is)| match was.is_table() && is.is_table() {
                    true => is_weaker(section, was, is),
                    false => !new.contains(was),
                })
        }
        _ => match (number(was), number(is)) {
            (Some(was), Some(is)) if key == "agree" => is < was,
            (Some(was), Some(is)) => is > was,
            // A way of checking that is none any more, as `verify = "none"`.
            _ => section == "chain" || matches!(is, Value::Boolean(false)),
        },
    }
}

/// A number, also one that is written as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::String(text) => text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// Returns a table's text with a mark in place of each value that may be a secret: short enough to tell nothing of it.
fn masked(text: &str) -> String {
    let mut table = table(text);
    mask(&mut table, "");
    table.to_string()
}

fn mask(value: &mut Value, path: &str) {
    match value {
        Value::Table(below) => below.iter_mut().for_each(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            mask(value, &path);
        }),
        Value::Array(items) if is_open(path) => items.iter_mut().for_each(|item| mask(item, path)),
        other if !is_open(path) || other.as_str().is_some_and(|text| text.contains("://")) => {
            let mark = hex::encode(&sha256(other.to_string().as_bytes())[..4]);
            *other = Value::String(format!("(mark {mark})"));
        }
        _ => {}
    }
}

/// Returns what is other in a plan than it was, in the words of `plan diff`, and `who` changed it; `None` if it says the same.
pub fn of_plan(protocol: &str, before: &Plan, after: &Plan, who: &str) -> Option<Coverage> {
    let changes = diff(before, after);
    if changes.is_empty() {
        return None;
    }
    let is_weaker = |change: &Change| {
        let text = change.text.as_str();
        matches!(change.about, About::Loses | About::Limits | About::Signals)
            || text.starts_with("there is no longer")
            || text.starts_with("there is now a silence")
            || text.starts_with("there is now a inhibition")
            || text.starts_with("there is now a waiver")
    };
    let severity = if changes.iter().any(is_weaker) { Severity::High } else { Severity::Medium };
    let lines: Vec<String> = changes.into_iter().map(|change| change.text).collect();
    let name = if protocol.is_empty() { String::new() } else { format!(" of {protocol}") };
    let subject = if protocol.is_empty() { "plan".to_owned() } else { format!("plan/{protocol}") };
    let message = format!("the plan{name} changed: {} ({who})", listed(&lines));
    Some(coverage(&subject, &after.hash().to_string(), severity, message))
}

/// Returns that a detector is no longer there.
pub fn of_removed(detector: &str) -> Coverage {
    let message = format!("there is no longer a detector {detector}: what it found is found no more");
    coverage(&format!("detector/{detector}"), "", Severity::High, message)
}

/// Returns that a protocol is no longer followed.
pub fn of_retired(protocol: &str) -> Coverage {
    let message = format!("protocol {protocol} is no longer followed: what is found opens no incident of it");
    coverage(&format!("protocol/{protocol}"), "", Severity::High, message)
}

/// Returns that somebody stopped the automation of a protocol, or that it goes on.
pub fn of_halt(protocol: &str, message: String, over: bool) -> Coverage {
    let subject = if protocol.is_empty() { "host/automation".to_owned() } else { format!("protocol/{protocol}") };
    Coverage { chain: None, kind: "automation-halted".to_owned(), subject, severity: Severity::High, message, over }
}

/// Names a change by what it became, so that the next change of the same thing is another. Its mark is longer than that of the first
/// hosts, whose findings don't say in their titles what was changed.
fn coverage(subject: &str, is: &str, severity: Severity, message: String) -> Coverage {
    let mark = hex::encode(&sha256(is.as_bytes())[..6]);
    let subject = format!("{subject}@{mark}");
    Coverage { kind: "watch-changed".to_owned(), subject, chain: None, severity, message, over: false }
}

fn listed(lines: &[String]) -> String {
    match lines.len() {
        0 => "its comments or order".to_owned(),
        1..=LISTED => lines.join("; "),
        count => format!("{}; and {} changes more", lines[..LISTED].join("; "), count - LISTED),
    }
}

fn table(text: &str) -> Value {
    let document = || toml::from_str(text).map(Value::Table).unwrap_or(Value::Boolean(false));
    text.parse::<Value>().ok().filter(Value::is_table).unwrap_or_else(document)
}

/// Each key whose value is another. What may be a secret is named and not shown.
fn changed(was: &Value, is: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk(was, is, "", &mut lines);
    lines
}

fn walk(was: &Value, is: &Value, path: &str, lines: &mut Vec<String>) {
    let (Value::Table(old), Value::Table(new)) = (was, is) else {
        if was != is {
            lines.push(match is_open(path) {
                true => format!("{path} is {is} instead of {was}"),
                false => format!("{path} is another"),
            });
        }
        return;
    };
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, value) in old {
        match new.get(key) {
            Some(other) => walk(value, other, &below(key), lines),
            None if is_open(&below(key)) => lines.push(format!("{} is gone, and was {value}", below(key))),
            None => lines.push(format!("{} is gone", below(key))),
        }
    }
    for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        lines.push(match is_open(&below(key)) {
            true => format!("{} is now {value}", below(key)),
            false => format!("{} is now given", below(key)),
        });
    }
}

/// Whether a key's value may be shown: endpoints, tokens and keys may not.
fn is_open(path: &str) -> bool {
    let closed = ["url", "endpoint", "token", "secret", "key", "password", "header", "user", "routing", "account"];
    let path = path.to_ascii_lowercase();
    !closed.iter().any(|word| path.contains(word))
}

/// Returns who changed the newest of some files, as far as it says.
pub fn who<'a>(files: impl IntoIterator<Item = &'a Path>) -> String {
    let dated = files.into_iter().map(|path| (std::fs::metadata(path).and_then(|meta| meta.modified()).ok(), path));
    let path = dated.max().map_or(Path::new(""), |(_, path)| path);
    match std::fs::metadata(path) {
        Ok(meta) => {
            let at = Timestamp::from_second(meta.mtime()).map(|at| at.to_string()).unwrap_or_default();
            format!("`{}`, of uid {}, written at {at}", path.display(), meta.uid())
        }
        Err(error) => format!("`{}`: {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_said_by_key_and_secrets_are_not_shown() {
        let was = table("limit = 10\nurl = 'https://a/secret'\n[config]\nwindow_s = 60\nwatch = ['a', 'b']\n");
        let is = table("url = 'https://b/secret'\n[config]\nwindow_s = 3600\nwatch = ['a', 'b']\nmore = true\n");
        assert_eq!(
            changed(&was, &is),
            [
                "config.window_s is 3600 instead of 60",
                "config.more is now true",
                "limit is gone, and was 10",
                "url is another"
            ]
        );
        assert_eq!(listed(&[]), "its comments or order");
    }

    #[test]
    fn a_chain_that_changed_is_known_by_its_id_too() {
        let of = |text: &str| Watched { entries: [("chain/anvil".to_owned(), text.to_owned())].into() };
        let (was, gone) = (of("id = 31337\nverify = 'full'\n"), Watched { entries: BTreeMap::new() });
        for is in [of("id = 31337\nverify = 'none'\n"), gone] {
            let found = of_watched(&was, &is, Path::new("watchfire.toml"), "");
            assert_eq!(found.iter().map(|one| one.chain).collect::<Vec<_>>(), [Some(31_337)], "{found:?}");
        }
    }

    #[test]
    fn what_was_changed_while_no_host_ran_is_said_without_its_secrets() {
        let entries = |entries: &[(&str, &str)]| Watched {
            entries: entries.iter().map(|(name, text)| ((*name).to_owned(), masked(text))).collect(),
        };
        let before = entries(&[
            ("chain/base", "id = 8453\nendpoints = ['https://node.example/key']"),
            ("detector/outflow", "chains = ['base']\n[limits]\nfuel = 5"),
            ("channel/texts", "kind = 'twilio'\ntoken = 'hunter2'"),
            ("answers", "listen = '127.0.0.1:1'"),
        ]);
        assert!(
            !format!("{before:?}").contains("hunter2") && !format!("{before:?}").contains("node.example"),
            "{before:?}"
        );
        let after = entries(&[
            ("detector/outflow", "chains = ['base']\n[limits]\nfuel = 50"),
            ("channel/texts", "kind = 'twilio'\ntoken = 'hunter3'"),
            ("feed/price", "url = 'https://x'"),
        ]);
        let found = of_watched(&before, &after, Path::new("gone.toml"), " while no host ran");
        let said: Vec<&str> = found.iter().map(|one| one.message.split(" (`").next().unwrap()).collect();
        assert_eq!(
            said,
            [
                "there is no longer a section [answers] while no host ran",
                "there is no longer a chain base while no host ran",
                "channel texts is another: token is another while no host ran",
                "detector outflow is another: limits.fuel is 50 instead of 5 while no host ran",
            ]
        );
        assert!(of_watched(&before, &before, Path::new("gone.toml"), "").is_empty());
    }

    #[test]
    fn what_may_keep_something_from_being_found_or_told_is_grave() {
        let grave = |section: &str, was: &str, is: &str| is_weaker(section, &table(was), &table(is));
        let asset = |limit: &str| format!("[config]\nassets = [{{ symbol = 'ETH', limit = '{limit}' }}]");
        assert!(grave("detector", &asset("10"), &asset("1_000_000")) && !grave("detector", &asset("10"), &asset("5")));
        assert!(
            grave("detector", "watch = ['a', 'b']", "watch = ['a']")
                && !grave("detector", "watch = ['a']", "watch = ['a', 'b']")
        );
        assert!(grave("chain", "verify = 'receipts'", "verify = 'none'") && grave("chain", "agree = 2", "agree = 1"));
        assert!(
            grave("channel", "token = '(mark a)'", "token = '(mark b)'")
                && !grave("channel", "throttle_s = 60", "throttle_s = 15")
        );
        assert!(
            grave("delivery", "urgent_deadline_s = 8", "urgent_deadline_s = 3600")
                && grave("answers", "valid_s = 5", "")
        );
        assert!(!grave("detector", "label = 'a'", "label = 'b'"), "a name is a name");
    }

    #[test]
    fn that_a_channel_is_gone_names_whom_nothing_reaches() {
        let unreached = [Diagnostic::at(
            crate::diagnostic::Gravity::Error,
            "p.toml",
            "",
            0..0,
            "person.bo.channels",
            "no channel carries `sms`".into(),
        )];
        let of = |subject: &str| naming(coverage(subject, "", Severity::High, "gone".into()), &unreached).message;
        assert_eq!(of("channel/texts"), "gone. Not reached: person.bo.channels: no channel carries `sms`");
        assert_eq!(of("chain/base"), "gone");
    }

    #[test]
    fn a_plan_that_is_weaker_is_graver_than_one_that_is_other() {
        let plan = |text: &str| Plan::load(&[("plan.toml".to_owned(), text.to_owned())]).unwrap();
        let (one, two) =
            ("[person.ana]\nname = \"Ana\"\n", "[person.ana]\nname = \"Ana B.\"\n[person.bo]\nname = \"Bo\"\n");
        let other = of_plan("", &plan(one), &plan(two), "ana").unwrap();
        assert_eq!((other.severity, other.kind.as_str()), (Severity::Medium, "watch-changed"), "{other:?}");
        let weaker = of_plan("", &plan(two), &plan(one), "ana").unwrap();
        assert_eq!(weaker.severity, Severity::High, "{weaker:?}");
        assert!(weaker.message.contains("there is no longer a person bo"), "{weaker:?}");
        assert!(of_plan("", &plan(one), &plan(one), "ana").is_none());
        // Who need no longer sign, and who signs by another key.
        let signed = "[person.ana]\nname = \"Ana\"\nsigner = \"0x0000000000000000000000000000000000000a0a\"\n";
        let graded = |before: &Plan, after: &str| {
            let found = of_plan("", before, &plan(after), "ana").unwrap();
            (found.severity, found.message)
        };
        let unproved = graded(&plan(signed), &format!("[protocol]\nproof = {{ acts = [] }}\n{signed}"));
        assert!(unproved.0 == Severity::High && unproved.1.contains("no longer has veto"), "{unproved:?}");
        let other_key = graded(&plan(signed), &signed.replace("a0a", "b0b"));
        assert!(other_key.0 == Severity::High && other_key.1.contains("ana now signs as"), "{other_key:?}");
        // What a newer host asks for by itself is no weakening.
        let files = [("plan.toml".to_owned(), signed.to_owned())];
        let before = Plan::load_journaled(&files, crate::plan::Defaults::First).unwrap();
        let newer = graded(&before, signed);
        assert!(newer.0 == Severity::Medium && newer.1.contains("acts must now be proved"), "{newer:?}");
    }

    #[test]
    fn of_several_files_the_one_that_was_written_last_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["outside.toml", "signals.toml", "people.toml"].map(|name| folder.path().join(name));
        let start = std::time::SystemTime::now();
        for (path, age_s) in files.iter().zip([60, 0, 30]) {
            let file = std::fs::File::create(path).unwrap();
            file.set_modified(start - std::time::Duration::from_secs(age_s)).unwrap();
        }
        let said = who(files.iter().map(std::path::PathBuf::as_path));
        assert!(said.contains("signals.toml`, of uid "), "{said}");
        assert!(who([Path::new("gone.toml")]).starts_with("`gone.toml`: "));
    }
}
