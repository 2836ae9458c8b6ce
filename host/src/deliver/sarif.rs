//! What a check found as SARIF 2.1.0, which code review shows at the line.

use std::path::Path;

use reqwest::Url;
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Gravity};
use crate::plan::ready::{CHECKS, Check, Waived};

/// The rule of what keeps a file from being read as it is meant, which has no code of its own.
const UNREADABLE: Check = Check {
    code: "WF-FILE",
    gravity: Gravity::Error,
    title: "File that can't be used as it is",
    why: "What a file means must be certain before anything stands on it.",
    how: "Syntax, unknown keys, wrong types, and references to what is not there, in the config and the plan's files.",
    remedy: "mend the place that the message names",
};

/// One log of one run. `folder` is what file names start from and are written relative to; `docs` is where the documentation is
/// read, ending with a slash, if that is known.
pub fn log(found: &[Diagnostic], waived: &[Waived], folder: &Path, docs: Option<&Url>) -> Value {
    let rules: Vec<Check> = CHECKS.iter().copied().chain([UNREADABLE]).collect();
    let open = found.iter().map(|found| result(found, &rules, folder, json!([])));
    let suppressed = waived.iter().map(|waived| {
        let Waived { waiver, owner, until, reason, .. } = waived;
        let justification = format!("{reason} (waiver {waiver}, by {owner} until {until})");
        let suppression = json!({ "kind": "inSource", "status": "accepted", "justification": justification });
        result(&waived.found, &rules, folder, json!([suppression]))
    });
    let results: Vec<Value> = open.chain(suppressed).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Watchfire",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|check| rule(check, docs)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(check: &Check, docs: Option<&Url>) -> Value {
    let Check { code, title, why, how, remedy, .. } = check;
    let mut rule = json!({
        "id": code,
        "shortDescription": { "text": format!("{title}.") },
        "fullDescription": { "text": format!("{why} {how}") },
        "help": {
            "text": format!("{why} {how} To mend it: {remedy}."),
            "markdown": format!("{why}\n\n{how}\n\n*Remedy:* {remedy}."),
        },
        "defaultConfiguration": { "level": level(check.gravity) },
    });
    if let Some(uri) = docs.and_then(|docs| docs.join(&check.link()).ok()) {
        rule["helpUri"] = json!(uri.as_str());
    }
    rule
}

fn result(found: &Diagnostic, rules: &[Check], folder: &Path, suppressions: Value) -> Value {
    let code = if found.code.is_empty() { UNREADABLE.code } else { &found.code };
    let mut text = found.message.clone();
    if !found.key.is_empty() {
        text = format!("{}: {text}", found.key);
    }
    if !found.help.is_empty() {
        text = format!("{text}; {}", found.help);
    }
    let named = if found.key.is_empty() { json!([]) } else { json!([{ "fullyQualifiedName": found.key }]) };
    json!({
        "ruleId": code,
        "ruleIndex": rules.iter().position(|rule| rule.code == code),
        "level": level(found.severity),
        "message": { "text": format!("{text}.") },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&found.file, folder) },
                "region": { "startLine": found.line, "startColumn": found.column },
            },
            "logicalLocations": named,
        }],
        // The same fault in the same entity is the same, wherever edits above it move it to.
        "partialFingerprints": { "codeAndKey/v1": format!("{code} {}", found.key) },
        "suppressions": suppressions,
    })
}

fn level(gravity: Gravity) -> &'static str {
    match gravity {
        Gravity::Error => "error",
        Gravity::Warning => "warning",
    }
}

/// A file's name as a URI: relative to `folder` where it lies below it.
fn uri(file: &str, folder: &Path) -> String {
    let whole = Url::from_file_path(folder.join(file));
    match (whole, Url::from_directory_path(folder)) {
        (Ok(whole), Ok(folder)) => match folder.make_relative(&whole) {
            Some(below) if !below.starts_with("..") => below,
            _ => whole.into(),
        },
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::readiness;

    const PLAN: &str = "\
[person.ana]\nname = \"Ana\"\n\n[role.lead]\nkind = \"incident-lead\"\nmembers = [\"ana\"]\n\n\
[waiver.ana-is-new]\ncheck = \"WF-E08\"\non = \"person.ana\"\nowner = \"lead\"\nreason = \"her phone comes\"\nuntil = 2027-01-01\n";

    fn run(docs: Option<&str>, texts: &[(&str, &str)]) -> Value {
        let files: Vec<(String, String)> = texts.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
        let readiness = readiness(&files, 1_795_608_000_000);
        let docs = docs.map(|docs| docs.parse::<Url>().unwrap_or_else(|error| panic!("{error}")));
        let log = log(&readiness.found, &readiness.waived, Path::new("/w/my plan"), docs.as_ref());
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(log["runs"].as_array().map(Vec::len), Some(1));
        log["runs"][0].clone()
    }

    #[test]
    fn every_rule_says_what_the_standard_wants() {
        let run = run(Some("https://docs.example/watchfire/"), &[("plan.toml", PLAN)]);
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "Watchfire");
        let rules = driver["rules"].as_array().cloned().unwrap_or_default();
        assert_eq!(rules.len(), CHECKS.len() + 1);
        for rule in &rules {
            let id = rule["id"].as_str().unwrap_or_default();
            assert!(id.starts_with("WF-"), "{rule}");
            for text in ["shortDescription", "fullDescription"] {
                assert!(rule[text]["text"].as_str().is_some_and(|text| text.ends_with('.')), "{rule}");
            }
            let level = if id.starts_with("WF-W") { "warning" } else { "error" };
            assert_eq!(rule["defaultConfiguration"]["level"], level);
            // The standard wants an absolute URI here.
            let uri = format!("https://docs.example/watchfire/docs/checks.md#{}", id.to_ascii_lowercase());
            assert_eq!(rule["helpUri"], uri);
        }
    }

    #[test]
    fn a_result_stands_at_its_line_under_its_rule() {
        let run = run(None, &[("response/a plan.toml", PLAN), ("/elsewhere/b.toml", "[person.bo]\nname = \"Bo\"\n")]);
        let (rules, results) =
            (&run["tool"]["driver"]["rules"], run["results"].as_array().cloned().unwrap_or_default());
        for result in &results {
            let rule = result["ruleIndex"].as_u64().map(|index| &rules[index as usize]);
            assert_eq!(rule.map(|rule| &rule["id"]), Some(&result["ruleId"]));
            assert_eq!(rule.map(|rule| &rule["defaultConfiguration"]["level"]), Some(&result["level"]));
            let region = &result["locations"][0]["physicalLocation"]["region"];
            assert!(region["startLine"].as_u64() >= Some(1) && region["startColumn"].as_u64() >= Some(1), "{result}");
            assert!(result["suppressions"].is_array(), "all results tell whether they are suppressed, or none does");
        }
        let at = |code: &str, uri: &str| {
            let at = |result: &&Value| {
                result["ruleId"] == code && result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
            };
            results.iter().find(at).cloned().unwrap_or_default()
        };
        assert_eq!(
            at("WF-W04", "response/a%20plan.toml")["message"]["text"],
            "person.ana.verified_at: it was never verified; make sure that it holds, by a test page or on chain, and set \
             verified_at to that day."
        );
        assert_eq!(at("WF-E08", "file:///elsewhere/b.toml")["suppressions"], json!([]));
        let waived = at("WF-E08", "response/a%20plan.toml");
        assert_eq!(waived["locations"][0]["physicalLocation"]["region"], json!({ "startLine": 1, "startColumn": 9 }));
        assert_eq!(
            waived["suppressions"],
            json!([{
                "kind": "inSource",
                "status": "accepted",
                "justification": "her phone comes (waiver ana-is-new, by lead until 2027-01-01)",
            }])
        );
        assert!(rules[0].get("helpUri").is_none(), "where nobody said where the documentation is, nothing is made up");
    }

    #[test]
    fn what_can_not_be_read_is_a_result_too() {
        let run = run(None, &[("plan.toml", "[person.ana\n")]);
        let result = &run["results"][0];
        assert_eq!((&result["ruleId"], &result["level"]), (&json!("WF-FILE"), &json!("error")), "{run}");
    }
}
