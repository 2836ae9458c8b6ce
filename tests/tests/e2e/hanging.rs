//! A disk that hangs holds up what is read of it, and nothing else.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::lease::Lease;
use watchfire_tests::pair::until_logged;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::{Deployment, ETHER, plan};

/// Puts a plan in the place of the one that is there, which nobody can open.
fn put_unreadable(folder: &Path, trust: u32) -> Option<Lease> {
    let plan_folder = folder.join("response");
    let new = plan_folder.join("plan.new");
    std::fs::write(&new, plan().replace("trust = 3", &format!("trust = {trust}"))).unwrap();
    let lease = Lease::take(&new).unwrap()?;
    std::fs::rename(&new, plan_folder.join("plan.toml")).unwrap();
    Some(lease)
}

fn hangs(lines: &[Value], over: bool) -> bool {
    let of_files = |line: &&Value| line["type"] == "coverage" && line["coverage"]["kind"] == "files-hang";
    lines.iter().filter(of_files).any(|line| line["coverage"]["over"] == over)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_cannot_be_read_holds_up_neither_blocks_nor_people_nor_the_end() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let folder = folder.path();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(0).await.unwrap();
    until_logged(&mut host, "watching", 1).await.unwrap();
    let Some(mut lease) = put_unreadable(folder, 5) else {
        println!("skipped: the system has no leases");
        return;
    };
    lease.until_asked().unwrap();
    // The one reads for ever; the others go on.
    anvil.send(ALICE, Some(BOB), 11 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until_block(1).await.unwrap();
    let is_of = |line: &&Value| line["type"] == "decision" && line["signal"] == "drain";
    host.until("an incident", |lines| lines.iter().any(|line| is_of(&line))).await.unwrap();
    let incident = host.lines().iter().find(is_of).unwrap()["incident"].to_string();
    let acked = watchfire(folder, &["incident", "ack", &incident, "--by", "ana"]).unwrap();
    assert!(acked.status.success(), "{}", String::from_utf8_lossy(&acked.stderr));
    host.until("that it hangs", |lines| hangs(lines, false)).await.unwrap();
    assert!(!hangs(&host.lines(), true) && !host.log().contains("taken up: plan"), "{}", host.log());
    let said = host.of("coverage").into_iter().find(|line| line["coverage"]["kind"] == "files-hang").unwrap();
    assert!(said["coverage"]["message"].as_str().unwrap().contains("response/plan.toml` can't be read"), "{said}");
    drop(lease);
    host.until("that it is over", |lines| hangs(lines, true)).await.unwrap();
    until_logged(&mut host, "taken up: plan", 1).await.unwrap();
    assert!(host.of("coverage").iter().all(|line| line["coverage"]["kind"] != "loop-stalled"), "{}", host.log());

    // The end waits for no disk either.
    let mut lease = put_unreadable(folder, 4).unwrap();
    lease.until_asked().unwrap();
    host.signal("TERM").unwrap();
    let (log, code) = host.ended(Duration::from_secs(40)).await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    drop(lease);
    let replayed = watchfire(folder, &["replay", "watchfire.db", "--quiet"]).unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}
