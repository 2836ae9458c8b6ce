//! The real binary checks plans: the example's, and one of which everything is found.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const EXAMPLE: &str = "examples/lending/response";

/// A plan that is nothing but a person who can't be woken.
const LONELY: &str = "[person.ana]\nname = \"Ana\"\nverified_at = 2026-11-01\n";

fn watchfire(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

fn in_repository(args: &[&str]) -> Output {
    watchfire(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), args)
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks the exit code and that each text is printed or told.
fn check(output: &Output, exit: i32, expected: &[&str]) {
    let all = format!("{}{}", told(output), out(output));
    assert_eq!(output.status.code(), Some(exit), "{all}");
    for expected in expected {
        assert!(all.contains(expected), "`{expected}` is not in\n{all}");
    }
}

#[test]
fn the_example_is_ready_on_the_day_it_was_written_and_ages_on_purpose() {
    let check_on = |day: &str, more: &[&str], exit: i32, expected: &[&str]| {
        let args = [&["check", "--plan", EXAMPLE, "--at", day], more].concat();
        check(&in_repository(&args), exit, expected);
    };
    let waived = "waived WF-E18: intervention.cap-withdrawals.limits.not_after: the power ended on 2026-06-30; by risk-council \
                  until 2027-02-28";
    check_on("2026-11-25", &[], 0, &["0 errors, 3 warnings, 1 waived", waived, "signal.blind-oracle: no replay"]);
    check_on("2026-11-25", &["--strict"], 1, &["0 errors, 3 warnings, 1 waived"]);
    let expected = ["error WF-E18", "warning WF-W12: waiver.cap-is-over", "warning WF-W04: person.ana", "WF-W08"];
    check_on("2027-11-25", &[], 1, &expected);
    check_on("yesterday", &[], 2, &["write a day, as 2027-01-31"]);
}

#[test]
fn a_plan_is_checked_alone_or_with_its_config() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("response")).unwrap();
    std::fs::write(folder.join("response/people.toml"), LONELY).unwrap();
    let at = "response/people.toml:1:9: error WF-E08: person.ana.channels: nothing wakes Ana; give channels.urgent something";
    let why = "Whoever can't be woken is not on call, whatever the rota says.";
    check(
        &watchfire(folder, &["check", "--plan", "response", "--at", "2026-11-25"]),
        1,
        &[at, why, "2 errors, 0 warnings"],
    );
    check(&watchfire(folder, &["check"]), 1, &["1 error, 0 warnings", "the config can't be read"]);
    std::fs::write(folder.join("watchfire.toml"), "[plan]\npath = \"response\"\n").unwrap();
    check(
        &watchfire(folder, &["check", "--at", "2026-11-25"]),
        1,
        &["people.toml:1:9: error WF-E08: person.ana.channels"],
    );
    check(
        &watchfire(folder, &["check", "--plan", "response", "--config", "watchfire.toml"]),
        2,
        &["cannot be used with"],
    );
}

#[test]
fn machines_get_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let waiver = "[role.lead]\nkind = \"incident-lead\"\nmembers = [\"ana\"]\nverified_at = 2026-11-01\n\
                  [waiver.known]\ncheck = \"WF-E08\"\nowner = \"lead\"\nreason = \"soon\"\nuntil = 2027-01-01\n";
    std::fs::write(folder.join("plan.toml"), format!("{LONELY}{waiver}")).unwrap();
    let run =
        |more: &[&str]| watchfire(folder, &[&["check", "--plan", "plan.toml", "--at", "2026-11-25"], more].concat());
    let json = run(&["--format", "json"]);
    let lines: Vec<Value> = out(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [open, waived, sum] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&open["code"], &open["severity"], &open["line"]), (&"WF-E16".into(), &"error".into(), &1.into()));
    assert!(open["why"].as_str().unwrap().ends_with('.') && !open["help"].as_str().unwrap().is_empty());
    assert_eq!((&waived["type"], &waived["until"]), (&"waived".into(), &"2027-01-01".into()));
    assert_eq!(waived["found"]["code"], "WF-E08");
    assert_eq!((&sum["errors"], &sum["warnings"], &sum["waived"]), (&1.into(), &0.into(), &1.into()));

    let sarif = run(&["--format", "sarif"]);
    assert_eq!(sarif.status.code(), Some(1));
    let log: Value = serde_json::from_slice(&sarif.stdout).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.iter().map(|result| &result["ruleId"]).collect::<Vec<_>>(), ["WF-E16", "WF-E08"]);
    let location = &results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!((location, &results[1]["suppressions"][0]["status"]), (&"plan.toml".into(), &"accepted".into()));
}

#[test]
fn a_code_is_explained() {
    check(
        &in_repository(&["check", "--explain", "wf-e05"]),
        0,
        &["WF-E05 (error): Schedule with a gap", "docs/checks.md#wf-e05"],
    );
    check(&in_repository(&["check", "--explain", "WF-X05"]), 1, &["there is no check `WF-X05`; did you mean"]);
    let pages = out(&in_repository(&["check", "--explain", "all"]));
    let documented = include_str!("../../docs/checks.md");
    assert!(documented.ends_with(&pages), "docs/checks.md ends with what `--explain all` prints");
}

#[test]
fn the_checklist_is_answered_from_a_starter_by_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchfire"));
        command.args(args).current_dir(folder.path()).output().unwrap()
    };
    assert!(run(&["plan", "new", "--kind", "lending", "--name", "Harbor"]).status.success());
    let json = run(&["readiness", "--plan", "response", "--format", "json"]);
    assert!(json.status.success(), "{}", String::from_utf8_lossy(&json.stderr));
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let controls = report["controls"].as_array().unwrap();
    assert_eq!(controls.len(), 13, "{report:#}");
    let of = |id: &str| controls.iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(of("ir-1.1.1")["standing"], "partly", "nobody made sure of anything yet: {report:#}");
    assert_eq!(of("ir-4.1.2")["standing"], "met", "{report:#}");
    assert!(of("ir-2.1.4")["lacks"][0].as_str().unwrap().contains("no journal"), "{report:#}");
    assert!(report["coverage"].as_array().unwrap().iter().any(|one| one["asset"] == "site" && one["watched"] == true));
    let sarif = run(&["readiness", "--plan", "response", "--format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_slice(&sarif.stdout).unwrap();
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), 13);
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());
    let text = run(&["readiness", "--plan", "response", "--exit-code"]);
    assert_eq!(text.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&text.stdout).contains("| ir-3.1.1 | Playbooks | **"), "{text:?}");
}
