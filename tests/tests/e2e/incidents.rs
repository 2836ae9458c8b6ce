//! People's hands on a running host: acts by several at once, a kill, a restart, a replay, and the record of it all.

use std::path::Path;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::pair::until_logged;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::{Deployment, ETHER, plan};

/// Whether an act was taken, and all that was said of it.
fn incident(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = watchfire(folder, &[&["incident"], args].concat()).unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

fn shown(folder: &Path, id: &str) -> Value {
    let (is_good, told) = incident(folder, &["show", id, "--format", "json"]);
    assert!(is_good, "{told}");
    serde_json::from_str(&told).unwrap()
}

/// The same, whenever it is asked.
fn standing(folder: &Path, number: &str) -> Value {
    let mut shown = shown(folder, number);
    for moment in ["as_of_ms", "newest_input_ms"] {
        assert!(shown.as_object_mut().unwrap().remove(moment).is_some(), "{moment}: {shown}");
    }
    shown
}

/// An intervention that two of three must agree to, so that people have something to decide.
fn with_people() -> String {
    plan().replace(
        "automation = \"presigned\"\nreaction_s = 5\nlimits = { uses = 1, max",
        "automation = \"propose\"\nreaction_s = 5\nlimits = { uses = 1, quorum = 2, max",
    )
}

#[tokio::test]
async fn people_act_at_once_and_nothing_of_it_is_lost() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("response/plan.toml"), with_people()).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until("a decision", |lines| lines.iter().any(|line| line["type"] == "decision")).await.unwrap();

    let (is_good, told) = incident(folder, &["ack", "1", "--by", "mallory"]);
    assert!(!is_good && told.contains("no person `mallory`"), "{told}");
    let (is_good, told) = incident(folder, &["ack", "1", "--by", "ana"]);
    assert!(is_good && told.contains("Ana has it"), "{told}");
    assert_eq!(shown(folder, "1")["incident"]["acked_by"], "ana");

    // Both decide on what they have seen, at the same moment: one of them does.
    let seen = shown(folder, "1")["timeline"].as_array().unwrap().len().to_string();
    let both = std::thread::scope(|scope| {
        let decide = |by: &'static str| {
            let seen = &seen;
            scope.spawn(move || {
                incident(folder, &["decide", "1", "pause", "--why", "funds leave", "--by", by, "--seen", seen])
            })
        };
        ["ana", "bo"].map(decide).map(|one| one.join().unwrap())
    });
    let taken: Vec<bool> = both.iter().map(|(is_good, _)| *is_good).collect();
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{both:?}");
    let (first, second) = if taken[0] { ("ana", "bo") } else { ("bo", "ana") };
    let refused = both.iter().find(|(is_good, _)| !is_good).unwrap();
    assert!(refused.1.contains("somebody else acted since"), "{}", refused.1);
    let (is_good, told) = incident(folder, &["approve", "1", "1", "--by", first]);
    assert!(!is_good && told.contains("one human counts once"), "{told}");

    // Killed between the decision and the second signature.
    let before = standing(folder, "1");
    host.kill();
    assert_eq!(standing(folder, "1"), before);
    let (is_good, told) = incident(folder, &["approve", "1", "1", "--by", second]);
    assert!(!is_good && told.contains("no host answers"), "nobody is there to take it: {told}");
    let mut host = Host::start(folder, &[]).unwrap();
    until_logged(&mut host, "watching", 1).await.unwrap();
    assert_eq!(standing(folder, "1"), before, "it stands as it stood");
    let (is_good, told) = incident(folder, &["approve", "1", "1", "--by", second]);
    assert!(is_good, "{told}");
    for args in [
        &["note", "1", "it was our own migration", "--kind", "lucky", "--by", "bo"][..],
        &["done", "1", "1", "--by-what", "0xabc", "--by", "ana"],
    ] {
        let (is_good, told) = incident(folder, args);
        assert!(is_good, "{args:?}: {told}");
    }
    let stands = shown(folder, "1");
    assert_eq!(stands["rulings"][0]["state"], "done");
    assert_eq!(stands["rulings"][0]["approvals"], serde_json::json!([first, second]));
    host.stop().unwrap();
    expect_sound(folder).unwrap();

    let (is_good, report) = incident(folder, &["export", "1"]);
    assert!(is_good, "{report}");
    for part in [
        "# Incident 1: ",
        "pause **(taken)**",
        "- not taken",
        "no person \\`mallory\\`",
        "it was our own migration (Bo)",
    ] {
        assert!(report.contains(part), "`{part}` is missing in\n{report}");
    }
    let (is_good, event) = incident(folder, &["export", "1", "--format", "ocsf"]);
    let event: Value = serde_json::from_str(&event).unwrap();
    assert!(is_good && event["class_uid"] == 2005 && event["status_id"] == 2, "{event}");

    // The same incident under a plan whose power has ended.
    std::fs::create_dir(folder.join("plan2")).unwrap();
    let ended = with_people().replace("quorum = 2,", "quorum = 2, not_after = 2020-01-01T00:00:00Z,");
    std::fs::write(folder.join("plan2/plan.toml"), ended).unwrap();
    let output = watchfire(folder, &["drill", "--what-if", "plan2", "--incident", "1"]).unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("* pause\n    as it was     needs somebody") && told.contains("what if       denied"),
        "{told}"
    );
}
