//! The release gate by the command line, on a plan in a git repository of its own.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

const PLAN: &str = r#"
[person.ana]
name = "Ana"
channels = { urgent = ["phone:1"] }
verified_at = 2026-11-01

[person.bo]
name = "Bo"
channels = { urgent = ["phone:2"] }
verified_at = 2026-11-01

[role.council]
kind = "decision-owner"
members = ["ana", "bo"]
verified_at = 2026-11-01

[communication.users]
severities = ["critical"]
audience = "users"
first_within_s = 1_800
cadence_s = 3_600
channels = ["x:@harbor"]
backup_channels = ["web:status.harbor.example"]
owner = "council"
template = "{title}: we are at it."

[risk.bent-price]
summary = "A false price"
asset = "all"
cause = "one transmitter"
likelihood = "medium"
impact = "high"
response = "mitigate"
owner = "council"
status = "open"

[release.v1-4]
name = "v1.4"
at = 2026-11-20
"#;

fn git(folder: &Path, args: &[&str]) {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=ana", "-c", "user.email=ana@localhost"])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Exit code and all that is said of `watchfire` in a folder.
fn said(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_watchfire")).current_dir(folder).args(args).output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn the_gate_shuts_for_an_untouched_risk_and_opens_once_somebody_wrote_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("response")).unwrap();
    let file = folder.join("response/plan.toml");
    fs::write(&file, PLAN).unwrap();
    git(folder, &["init", "--quiet", "."]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "-m", "plan"]);
    git(folder, &["tag", "v1.5"]);
    // Closed on 2026-11-15, with the risk named by those who closed it.
    let incident = "{\"id\":17,\"closed_at_ms\":1794700800000,\"risks\":[\"bent-price\"]}\n";
    fs::write(folder.join("incidents.jsonl"), incident).unwrap();
    let check = |release: &str| {
        said(folder, &["release", "check", release, "--plan", "response", "--incidents", "incidents.jsonl"])
    };

    for release in ["v1.4", "v1.5"] {
        let (code, told) = check(release);
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("risk.bent-price: it showed in incident 17"), "{told}");
        assert!(told.contains("watchfire risk update bent-price --incident 17"), "{told}");
    }
    let update = ["risk", "update", "bent-price", "--plan", "response", "--by", "ana", "--why", "a second transmitter"];
    let (code, told) = said(folder, &update);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = check("v1.4");
    assert_eq!(code, Some(0), "{told}");

    // An acceptance that is over shuts it too, and so does an error of the readiness check.
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("status = \"open\"", "status = \"accepted\"\naccepted_until = 2026-11-02", 1))
        .unwrap();
    let (code, told) = check("v1.4");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("accepted until 2026-11-02 only"), "{told}");
    fs::write(&file, text.replace("channels = { urgent = [\"phone:2\"] }\n", "")).unwrap();
    let (code, told) = check("v1.4");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("person.bo"), "{told}");

    fs::write(&file, text).unwrap();
    let (code, told) = check("v9");
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("neither the plan nor a tag in git has a release `v9`"), "{told}");
    let (code, told) =
        said(folder, &["release", "list", "--tags", "--plan", "response", "--incidents", "incidents.jsonl"]);
    assert_eq!(code, Some(0), "{told}");
    // At their own moments nobody had written of it.
    assert!(told.contains("v1.4: one thing stands") && told.contains("v1.5: one thing stands"), "{told}");
}
