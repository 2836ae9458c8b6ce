//! `watchfire check`, `init` and what they say of a plan that can't respond with its config.

use std::path::Path;

use watchfire_tests::host::watchfire;
use watchfire_tests::watch::{Deployment, plan};

/// What `check` says of a folder, and its exit code.
fn checked(folder: &Path) -> (String, Option<i32>) {
    let output = watchfire(folder, &["check"]).unwrap();
    let said = [&output.stderr[..], &output.stdout[..]].concat();
    (String::from_utf8(said).unwrap(), output.status.code())
}

fn has(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
}

#[test]
fn a_plan_that_reaches_nobody_is_an_error_and_no_plan_a_warning() {
    let mut deployment = Deployment::of("http://127.0.0.1:1".into());
    let folder = deployment.make().unwrap();
    let (said, code) = checked(folder.path());
    has(&said, &["watchfire.toml:1:1: error", "nobody is ever paged", "[host] output_is_read = true"]);
    assert_eq!(code, Some(1));

    deployment.more = "[host]\noutput_is_read = true\n".into();
    deployment.write(folder.path()).unwrap();
    assert!(!checked(folder.path()).0.contains("nobody is ever paged"));

    let config = std::fs::read_to_string(folder.path().join("watchfire.toml")).unwrap();
    let bare = config.replace("[plan]\npath = \"response\"\n", "").replace("output_is_read = true", "");
    std::fs::write(folder.path().join("watchfire.toml"), bare).unwrap();
    let (said, code) = checked(folder.path());
    has(&said, &["warning", "no plan: what detectors find is recorded, and nobody is told", "0 errors, 1 warning"]);
    assert_eq!(code, Some(0));
    assert_eq!(watchfire(folder.path(), &["check", "--strict"]).unwrap().status.code(), Some(1));
}

#[test]
fn kinds_subjects_and_calls_that_lead_nowhere_are_named() {
    let more = "[host]\noutput_is_read = true\n".to_owned();
    let folder = Deployment { more, ..Deployment::of("http://127.0.0.1:1".into()) }.make().unwrap();
    let target = "0x1111111111111111111111111111111111111111";
    let calls = format!(
        "[intervention.pause]\ncalls = [{{ target = \"{target}\", function = \"pause(address)\", args = [\"0x12\"] }}]\n\
         undone_by = [{{ kinds = [\"unpaused\"], subject = {{ id = \"{target}\" }} }}]\n"
    );
    let text = plan().replace("[intervention.pause]\n", &calls).replace(
        "{ detector = \"outflow\" }",
        "{ detector = \"outflow\", kinds = [\"outflow-limt\", \"outflow-unusual\"] }",
    );
    std::fs::write(folder.path().join("response/plan.toml"), text).unwrap();
    let (said, code) = checked(folder.path());
    has(
        &said,
        &[
            "error WF-E25: intervention.pause.calls: call 1: `0x12` is no address",
            "nobody watches the contract that is called",
            "intervention.pause.undone_by: 0x1111",
            "signal.drain.match: no detector that it names declares the kind `outflow-limt`",
            "did you mean `outflow-limit`?",
        ],
    );
    assert_eq!(code, Some(1));
}

#[test]
fn what_init_writes_knows_its_contract_and_its_units() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let vault = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    let token = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
    let args = ["init", "--yes", "--chain", "1", "--endpoint", "http://127.0.0.1:1", "--contract"];
    let (vault, asset) = (format!("Vault={vault}"), format!("USDC={token},6,250000"));
    let more =
        [vault.as_str(), "--asset", &asset, "--kind", "lending", "--protocol", "Harbor", "--webhook", "env:PAGER"];
    let output = watchfire(folder, &[&args[..], &more[..]].concat()).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let powers = std::fs::read_to_string(folder.join("response/powers.toml")).unwrap();
    has(&powers, &["[asset.held-1]", token, "target = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\""]);
    let config = std::fs::read_to_string(folder.join("watchfire.toml")).unwrap();
    has(&config, &["symbol = \"USDC\", decimals = 6, limit = \"250000\""]);
    // What it wrote loads: nothing but what people have to look at is left.
    let output =
        watchfire_tests::host::watchfire_with(folder, &["check"], &[("PAGER", "http://127.0.0.1:1/")]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("0 errors") && !said.contains("stands nowhere"), "{said}");
}
