//! Old blocks are dropped, by the running host and by hand, and nothing that is decided changes: not over kills, reorgs and
//! restarts, and a replay from the horizon is identical.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::pair::{Pair, until_logged};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::{Deployment, ETHER};

/// A limit in whole ether that nothing comes near: no incident holds the horizon.
const HIGH: u64 = 100_000;

/// What a command prints, which must end well.
fn told(folder: &Path, args: &[&str]) -> String {
    let output = watchfire(folder, args).unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    out.into_owned()
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let text = told(folder, &[args, &["--format", "json"]].concat());
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// Gives the host that is disturbed another limit and retention; the other one the same limit. Between two blocks.
async fn write(pair: &mut Pair, limit: u64, retention: &str) {
    pair.level().await.unwrap();
    let host = pair.host.as_mut().unwrap();
    until_logged(host, "watching", 1).await.unwrap();
    let before = [&pair.calm, host].map(|host| host.log().matches("taken up: ").count());
    pair.write(limit, retention).unwrap();
    until_logged(&mut pair.calm, "taken up: ", before[0] + 1).await.unwrap();
    until_logged(pair.host.as_mut().unwrap(), "taken up: ", before[1] + 1).await.unwrap();
}

#[tokio::test]
async fn a_running_host_drops_old_blocks_and_decides_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut pair) = Pair::start(folder.path(), HIGH).await.unwrap() else { return skip_or_fail("anvil") };
    // Two seconds.
    let retention = "\n[journal]\nkeep_days = 0.000025\n";
    write(&mut pair, HIGH - 1, retention).await;
    let started = Instant::now();
    let mut kills = 0;
    loop {
        pair.mine(2).await.unwrap();
        pair.say().unwrap();
        pair.level().await.unwrap();
        let size = json(folder.path(), &["journal", "size"]);
        let (bodies, before) = (&size["thinning"]["bodies"], &size["thinning"]["before"]);
        if bodies.as_u64().is_some_and(|bodies| bodies > 25) && before.as_u64().is_some_and(|before| before > 60) {
            assert!(size["thinned"].as_u64().unwrap() > 25);
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "too little was dropped: {size}");
        // A step that is under way when the host is killed is gone on with.
        if pair.seeded.below(4) == 0 {
            pair.kill_within(60).await;
            kills += 1;
        }
    }
    // From here on there is an incident, which holds the horizon.
    write(&mut pair, 8, retention).await;
    pair.kill_within(1).await;
    pair.anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    pair.mine(8).await.unwrap();
    for depth in [1, 3, 6] {
        pair.mine(3).await.unwrap();
        pair.level().await.unwrap();
        pair.reorg(depth).await.unwrap();
        pair.level().await.unwrap();
        pair.kill_within(40).await;
    }
    pair.level().await.unwrap();
    assert!(told(folder.path(), &["journal", "verify"]).contains("have no body any more"));
    assert!(told(folder.path(), &["journal", "list"]).contains(": its body was dropped"));
    assert!(told(folder.path(), &["journal", "list", "--format", "json"]).contains("\"type\":\"dropped\""));
    let replayed = told(folder.path(), &["replay", "watchfire.db", "--quiet"]);
    assert!(
        replayed.contains("over the state that was kept of then") && replayed.contains("\nidentical"),
        "{replayed}"
    );
    pair.stop().unwrap();
    let held = told(folder.path(), &["journal", "compact", "--keep-days", "0", "--dry-run"]);
    assert!(held.contains("no further because of incident 1, which is open"), "{held}");
    let story = pair.expect_same().await.unwrap();
    assert!(story.told.len() > 10 && kills > 0, "{} told, {kills} kills", story.told.len());
}

#[tokio::test]
async fn a_journal_that_is_compacted_by_hand_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut pair) = Pair::start(folder.path(), HIGH).await.unwrap() else { return skip_or_fail("anvil") };
    let mut horizon = 0;
    for _ in 0..3 {
        pair.level().await.unwrap();
        pair.mine(30).await.unwrap();
        pair.level().await.unwrap();
        pair.reorg(3).await.unwrap();
        pair.level().await.unwrap();
        let refused = watchfire(folder.path(), &["journal", "compact", "--keep-days", "0"]).unwrap();
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is being written by process"), "{refused:?}");
        pair.stop().unwrap();
        let dry = json(folder.path(), &["journal", "compact", "--keep-days", "0", "--dry-run"]);
        let kept = told(folder.path(), &["journal", "compact", "--keep-days", "1"]);
        assert!(kept.contains("nothing is to be dropped"), "{kept}");
        let done = json(folder.path(), &["journal", "compact", "--keep-days", "0", "--give-back"]);
        assert_eq!((&dry["before"], &dry["bodies"], &dry["bytes"]), (&done["before"], &done["bodies"], &done["bytes"]));
        assert_eq!(done["held_by"], "the newest final block of chain 31337");
        assert!(done["before"].as_u64().unwrap() > horizon && done["bodies"].as_u64().unwrap() > 20, "{done}");
        assert!(done["file_bytes"].as_u64() < dry["file_bytes"].as_u64(), "{dry} {done}");
        horizon = done["before"].as_u64().unwrap();
        let replayed = told(folder.path(), &["replay", "watchfire.db", "--quiet"]);
        assert!(replayed.starts_with(&format!("from entry {horizon} on")), "{replayed}");
    }
    write(&mut pair, 8, "").await;
    pair.level().await.unwrap();
    pair.mine(12).await.unwrap();
    let story = pair.expect_same().await.unwrap();
    assert!(story.told.len() > 10, "{}", story.told.len());
}

#[tokio::test]
async fn a_chain_that_is_never_final_is_told() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine_many(60).await.unwrap();
    let with = |finality: u64| {
        let chain = vec![format!("finality = {{ confirmations = {finality} }}"), "unfinal_after_blocks = 40".into()];
        Deployment { chain, ..Deployment::of(anvil.url()) }
    };
    let folder = with(1_000).make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    let is_told = |over: bool| {
        move |lines: &[Value]| {
            let coverage = lines.iter().filter(|line| line["type"] == "coverage").map(|line| &line["coverage"]);
            coverage.into_iter().any(|coverage| coverage["kind"] == "finality-missing" && coverage["over"] == over)
        }
    };
    host.until("that nothing is final", is_told(false)).await.unwrap();
    // What it says to do ends it.
    with(12).write(folder.path()).unwrap();
    host.until("that something is", is_told(true)).await.unwrap();
    host.stop().unwrap();
}
