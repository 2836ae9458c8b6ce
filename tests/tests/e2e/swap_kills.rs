//! A host that is killed while a version is new: the one that starts next goes on to watch it, and takes it back if it fails.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy_primitives::B256;
use serde_json::Value;
use sha2::{Digest, Sha256};
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::failure_kind::FailureKind;
use watchfire::journal::Journal;
use watchfire_tests::anvil::Anvil;
use watchfire_tests::guests::guest;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::registry::{How, Registry};
use watchfire_tests::shared::{Version, author, operator, plugin};
use watchfire_tests::watch::Deployment;

const GUEST: &str = "[detector.guest]\ncomponent = \"guest.wasm\"\ngrant = [\"state\", \"chain\"]\n";

/// Blocks in which the first version found something.
fn found(lines: &[Value]) -> Vec<u64> {
    let is_own = |line: &&Value| line["type"] == "finding" && line["detector"] == "guest" && line["title"] == "guest";
    lines.iter().filter(is_own).map(|line| line["block"]["number"].as_u64().unwrap()).collect()
}

fn replays(folder: &Path) {
    let replayed = watchfire(folder, &["replay", "watchfire.db", "--quiet"]).unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}

#[tokio::test]
async fn a_version_stays_new_where_the_host_is_killed_before_it_saw_a_block() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let deployment = Deployment { more: GUEST.into(), ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("guest.wasm"), guest("").unwrap()).unwrap();
    std::fs::write(folder.join("trap.wasm"), guest("trap").unwrap()).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    anvil.mine_many(2).await.unwrap();
    host.until("findings", |lines| found(lines).len() == 3).await.unwrap();
    let swapped = watchfire(folder, &["plugin", "swap", "guest", "trap.wasm", "--force"]).unwrap();
    assert!(swapped.status.success(), "{}", String::from_utf8_lossy(&swapped.stderr));
    host.kill();

    anvil.mine().await.unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("the block that the trap did not see", |lines| found(lines).contains(&3)).await.unwrap();
    assert!(host.log().contains("fails soon after it was swapped in (trap: "), "{}", host.log());
    assert_eq!(host.of("rejected").len(), 1);
    host.stop().unwrap();
    replays(folder);
}

#[tokio::test]
async fn a_version_that_failed_is_taken_back_by_the_host_that_starts_next() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let deployment = Deployment { more: GUEST.into(), ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("guest.wasm"), guest("").unwrap()).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    anvil.mine_many(2).await.unwrap();
    host.until("findings", |lines| found(lines).len() == 3).await.unwrap();
    host.stop().unwrap();

    // The journal of a host that was killed after the failure, and before it was rejected.
    let trap = guest("trap").unwrap();
    let digest = B256::from_slice(&Sha256::digest(&trap));
    {
        let mut journal = Journal::open(&folder.join("watchfire.db")).unwrap();
        let spec_of = |seq| match journal.input(seq) {
            Ok(Some(Stamped { event: Event::Detector { detector, spec, .. }, .. })) if detector == "guest" => {
                Some(spec)
            }
            _ => None,
        };
        let spec = (1..=journal.head().0).find_map(spec_of).unwrap();
        let event = Event::Detector { detector: "guest".into(), digest: Some(digest), spec };
        let at_ms = journal.newest_ms() + 1;
        journal.keep_component(digest, &trap).unwrap();
        journal.append(&Entry::Input(Stamped { at_ms, event })).unwrap();
        let (kind, message) = (FailureKind::Trap, "unreachable".to_owned());
        journal.append(&Entry::Failed { detector: "guest".into(), digest, kind, message }).unwrap();
        journal.commit().unwrap();
    }
    std::fs::write(folder.join("guest.wasm"), &trap).unwrap();

    let mut host = Host::start(folder, &[]).unwrap();
    anvil.mine().await.unwrap();
    host.until("the next block", |lines| found(lines).contains(&3)).await.unwrap();
    let log = host.log();
    assert!(log.contains("fails soon after it was swapped in (trap: unreachable)"), "{log}");
    assert!(!log.contains(&format!("is now {digest}")), "what failed is not started again: {log}");
    assert_eq!(host.of("rejected").len(), 1);
    host.stop().unwrap();

    // It is said once, and holds from then on.
    let mut host = Host::start(folder, &[]).unwrap();
    anvil.mine().await.unwrap();
    host.until("one more", |lines| found(lines).contains(&4)).await.unwrap();
    assert!(host.of("rejected").is_empty() && host.log().contains("runs in its place"), "{}", host.log());
    host.stop().unwrap();
}

#[tokio::test]
async fn config_and_lock_go_back_with_a_version_of_a_registry_that_fails() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let name = registry.name();
    let good = |folder: &Path, args: &[&str]| {
        let said = plugin(folder, args, &[]).unwrap();
        assert_eq!(said.code, 0, "{args:?}: {}", said.all());
        said.all()
    };
    let author = author(&[Version::of("1.0.0"), Version { trick: "trap", ..Version::of("1.1.0") }]).unwrap();
    for version in ["1.0.0", "1.1.0"] {
        let reference = format!("oci://{name}/harbor/guest:{version}");
        good(author.path(), &["push", &format!("{version}.wasm"), &reference]);
    }
    let operator = operator(&anvil.url(), &format!("[trust]\nunsigned = [\"{name}\"]\n")).unwrap();
    let operator = operator.path();
    good(operator, &["add", &format!("oci://{name}/harbor/guest:1.0.0"), "--yes"]);
    let mut host = Host::start(operator, &[]).unwrap();
    anvil.mine_many(2).await.unwrap();
    host.until("findings", |lines| found(lines).len() == 3).await.unwrap();
    host.stop().unwrap();
    let read = |name: &str| std::fs::read_to_string(operator.join(name)).unwrap();

    // Taken while no host runs, so that none tries it first; killed as soon as it fails.
    good(operator, &["update", "guest", "--to", "1.1.0", "--yes", "--force"]);
    assert!(read("watchfire.toml").contains("guest:1.1.0"));
    let mut host = Host::start(operator, &[]).unwrap();
    anvil.mine().await.unwrap();
    host.until("a failure", |lines| lines.iter().any(|line| line["type"] == "failed")).await.unwrap();
    host.kill();

    let mut host = Host::start(operator, &[]).unwrap();
    host.until("the block that the new version did not see", |lines| found(lines).contains(&3)).await.unwrap();
    let started = Instant::now();
    while !read("watchfire.toml").contains("guest:1.0.0") {
        assert!(started.elapsed() < Duration::from_secs(60), "{}", host.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let lock = read("watchfire.lock");
    assert!(lock.contains("guest:1.0.0") && !lock.contains("guest:1.1.0"), "{lock}");
    // It is not taken up again by mistake.
    let said = plugin(operator, &["update", "guest", "--to", "1.1.0", "--yes"], &[]).unwrap();
    assert_eq!(said.code, 1, "{}", said.all());
    anvil.mine().await.unwrap();
    host.until("one more", |lines| found(lines).contains(&4)).await.unwrap();
    host.stop().unwrap();
    replays(operator);
}
