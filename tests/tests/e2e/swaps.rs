//! Versions of a detector on a running host: swapped by command, tried beforehand, taken back, kept.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use sha2::{Digest, Sha256};
use watchfire_tests::anvil::Anvil;
use watchfire_tests::guests::{component, guest, module};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::Deployment;

const GUEST: &str = "[detector.guest]\ncomponent = \"guest.wasm\"\ngrant = [\"state\", \"chain\"]\n";

fn plugin(folder: &Path, args: &[&str]) -> (Output, String) {
    let output = watchfire(folder, &[&["plugin"], args].concat()).unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8(told).unwrap())
}

fn status(folder: &Path) -> Value {
    let (output, told) = plugin(folder, &["status", "--format", "json"]);
    assert!(output.status.success(), "{told}");
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    all.into_iter().find(|status| status["id"] == "guest").unwrap()
}

/// Puts a guest in a folder.
fn build(folder: &Path, trick: &str, name: &str) -> String {
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, guest(trick).unwrap()).unwrap();
    path.display().to_string()
}

/// Titles and digests of the guest's findings, by block.
fn found(lines: &[Value]) -> Vec<(u64, String, String)> {
    let own = lines.iter().filter(|line| line["type"] == "finding" && line["detector"] == "guest");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    own.map(|line| (line["block"]["number"].as_u64().unwrap(), text(&line["title"]), text(&line["digest"]))).collect()
}

#[tokio::test]
async fn versions_are_tried_swapped_rolled_back_and_rejected() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let deployment = Deployment { more: GUEST.into(), ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    build(folder, "", "guest");
    let (trap, other) = (build(folder, "trap", "trap"), build(folder, "escapes", "other"));
    let mut host = Host::start(folder, &[]).unwrap();
    anvil.mine_many(3).await.unwrap();
    host.until("findings", |lines| found(lines).len() == 4).await.unwrap();
    let first = status(folder);
    assert_eq!((&first["behind"], &first["set_aside"]), (&0.into(), &0.into()), "{first}");

    // One that fails on what was just seen is refused, and nothing changes.
    let (output, told) = plugin(folder, &["swap", "guest", &trap]);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("it fails on 4 of the last 4 inputs: block 0 of chain 31337: trap"), "{told}");

    // One that finds other things says so, runs from the next block on, and stands where the config says.
    let (output, told) = plugin(folder, &["swap", "guest", &other]);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("0 findings as before, 4 new and 4 no more"), "{told}");
    assert!(told.contains("+ block 3 of chain 31337: ") && told.contains("gone"), "{told}");
    assert_eq!(std::fs::read(folder.join("guest.wasm")).unwrap(), std::fs::read(&other).unwrap());
    anvil.mine().await.unwrap();
    host.until("another title", |lines| found(lines).last().is_some_and(|found| found.1.ends_with("gone")))
        .await
        .unwrap();
    assert_eq!(found(&host.lines()).iter().filter(|found| found.1.ends_with("gone")).count(), 1);

    // Back to the first one.
    let (output, told) = plugin(folder, &["rollback", "guest"]);
    assert!(output.status.success(), "{told}");
    anvil.mine().await.unwrap();
    host.until("the first title", |lines| found(lines).last().is_some_and(|found| found.0 == 5)).await.unwrap();
    let last = found(&host.lines()).pop().unwrap();
    assert_eq!((last.1.as_str(), &last.2), ("guest", &found(&host.lines())[0].2));

    // Forced in, it fails at once: the one before takes its place, and sees what was set aside.
    let (output, told) = plugin(folder, &["swap", "guest", &trap, "--force"]);
    assert!(output.status.success(), "{told}");
    anvil.mine().await.unwrap();
    host.until("the block that the trap did not see", |lines| found(lines).iter().any(|f| f.0 == 6)).await.unwrap();
    assert!(host.log().contains("fails soon after it was swapped in (trap: "), "{}", host.log());
    assert_eq!(host.of("rejected").len(), 1);
    assert_eq!(status(folder)["set_aside"], 0);
    let (lines, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    let blocks: Vec<u64> = found(&lines).into_iter().map(|found| found.0).collect();
    assert_eq!(blocks, [0, 1, 2, 3, 4, 5, 6], "no block was missed, none counted twice");

    // The file is still the one that failed: a restart runs the one before, and says so.
    let mut host = Host::start(folder, &[]).unwrap();
    anvil.mine().await.unwrap();
    host.until("a finding", |lines| found(lines).iter().any(|f| f.0 == 7 && f.1 == "guest")).await.unwrap();
    assert!(host.log().contains("failed soon after it was swapped in before"), "{}", host.log());
    let (output, told) = plugin(folder, &["swap", "guest", &trap]);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("`--force` takes it up all the same"), "{told}");
    host.stop().unwrap();
    let (output, told) = plugin(folder, &["status"]);
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("is one running on this journal"), "{told}");
    let replayed = watchfire(folder, &["replay", "watchfire.db", "--quiet"]).unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}

/// The manifest's name is an author's claim; that it changes under one id is mostly a mistake.
#[tokio::test]
async fn a_component_of_another_name_takes_the_place_only_by_force() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let folder = Deployment { more: GUEST.into(), ..Deployment::of(anvil.url()) }.make().unwrap();
    let folder = folder.path();
    let bytes = std::fs::read(build(folder, "", "guest")).unwrap();
    let renamed = module("").unwrap().replace("(data (i32.const 16) \"guest\")", "(data (i32.const 16) \"other\")");
    std::fs::write(folder.join("renamed.wasm"), component(&renamed).unwrap()).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("findings", |lines| !found(lines).is_empty()).await.unwrap();
    let was = status(folder)["digest"].clone();
    let (output, told) = plugin(folder, &["swap", "guest", "renamed.wasm"]);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("calls itself `other`, and the one that runs as `guest` is `guest`"), "{told}");
    assert_eq!(status(folder)["digest"], was);
    assert_eq!(std::fs::read(folder.join("guest.wasm")).unwrap(), bytes);
    let (output, told) = plugin(folder, &["swap", "guest", "renamed.wasm", "--force"]);
    assert!(output.status.success(), "{told}");
    assert_ne!(status(folder)["digest"], was);
    host.stop().unwrap();
}

#[test]
fn a_component_that_is_pinned_is_the_only_one_that_runs() {
    let deployment = |digest: &str| Deployment {
        more: format!("{GUEST}digest = \"{digest}\"\n"),
        ..Deployment::of("http://127.0.0.1:9".to_owned())
    };
    let folder = deployment("").make().unwrap();
    let bytes = std::fs::read(build(folder.path(), "", "guest")).unwrap();
    let digest = format!("sha256:{}", alloy_primitives::hex::encode(Sha256::digest(&bytes)));
    let check = || {
        let output = watchfire(folder.path(), &["check"]).unwrap();
        String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
    };
    let told = check();
    assert!(told.contains("is no digest") && told.contains(&digest), "{told}");
    deployment(&digest).write(folder.path()).unwrap();
    let told = check();
    assert!(!told.contains("digest") && told.contains("detector guest: "), "{told}");
    build(folder.path(), "slow", "guest");
    let told = check();
    assert!(told.contains("is another component") && !told.contains("detector guest: "), "{told}");
}

#[tokio::test]
async fn a_batch_that_was_set_aside_is_retried_or_waived_by_command() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let deployment = Deployment { more: GUEST.into(), ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    build(folder, "trap", "guest");
    let good = build(folder, "", "good");
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("a failure", |lines| lines.iter().any(|line| line["type"] == "failed")).await.unwrap();
    let gap = |lines: &[Value]| lines.iter().any(|line| line["kind"] == "detector-failed");
    host.until("the gap", gap).await.unwrap();
    assert_eq!(status(folder)["set_aside"], 1);
    let (output, told) = plugin(folder, &["retry", "guset"]);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("no detector `guset` runs; there are guest, outflow"), "{told}");
    let (output, told) = plugin(folder, &["swap", "guest", &good, "--retry"]);
    assert!(output.status.success(), "{told}");
    host.until("what was set aside", |lines| found(lines).iter().any(|f| f.0 == 0)).await.unwrap();
    let over = |lines: &[Value]| lines.iter().any(|line| line["type"] == "retraction");
    host.until("the gap's end", over).await.unwrap();
    assert_eq!(status(folder)["set_aside"], 0);
    let (output, told) = plugin(folder, &["retry", "guest", "--waive", "Ana: nothing to waive"]);
    assert!(output.status.success() && told.contains("0 inputs"), "{told}");
    assert_eq!(host.stop().unwrap().0.iter().filter(|line| line["type"] == "waived").count(), 1);
}

#[tokio::test]
async fn a_shadow_is_recorded_and_compared_and_not_acted_on() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let shadow = "[detector.next]\ncomponent = \"next.wasm\"\ngrant = [\"state\", \"chain\"]\nshadow_of = \"guset\"\n";
    let broken =
        "[detector.broken]\ncomponent = \"broken.wasm\"\ngrant = [\"state\", \"chain\"]\nshadow_of = \"guest\"\n";
    let mut deployment = Deployment { more: format!("{GUEST}{shadow}{broken}"), ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    build(folder, "", "guest");
    build(folder, "escapes", "next");
    build(folder, "trap", "broken");
    let output = watchfire(folder, &["check"]).unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("detector.next.shadow_of: there is no detector `guset`"), "{told}");
    assert!(told.contains("did you mean `guest`?"), "{told}");
    deployment.more = deployment.more.replace("guset", "guest");
    deployment.write(folder).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    anvil.mine_many(2).await.unwrap();
    let shadows = |lines: &[Value]| lines.iter().filter(|line| line["type"] == "shadow").count();
    host.until("three of each", |lines| shadows(lines) == 3 && found(lines).len() == 3).await.unwrap();
    // Other words about the same condition are the same finding.
    let same = ["next beside guest, 3 inputs", "3 findings are the same", "0 that only next makes"];
    let broken =
        ["0 findings are the same", "- block 2 of chain 31337: medium: guest", "3 batches that broken failed on"];
    for (shadow, expected) in [("next", same), ("broken", broken)] {
        let (output, told) = plugin(folder, &["compare", shadow]);
        assert!(output.status.success(), "{told}");
        assert!(expected.iter().all(|expected| told.contains(expected)), "{told}");
    }
    let (output, told) = plugin(folder, &["compare", "guest"]);
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("`guest` runs as nobody's shadow"), "{told}");
    let (lines, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    let is_other = |line: &&Value| !["guest", "watchfire/watch"].map(Value::from).contains(&line["detector"]);
    let others = lines.iter().filter(|line| line["type"] == "finding").filter(is_other);
    assert_eq!(others.count(), 0, "nobody acts on what they find, or don't see");
    let replayed = watchfire(folder, &["replay", "watchfire.db", "--quiet"]).unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}
