//! The host was away: the time in which nobody watched is a finding, what is open is named, and what is found later is said to be
//! that old.

use std::time::Duration;

use serde_json::{Value, json};
use watchfire::plan::moment::{Moment, span};
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, at_offset, watchfire};
use watchfire_tests::peers::{faketime, skip_or_fail};
use watchfire_tests::story::{expect_sound, journal};
use watchfire_tests::watch::{Deployment, ETHER};

/// How far behind the machine's the clocks of the first host and of the chain are: nobody waits until an absence is long enough.
const AWAY_S: u64 = 900;
/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

fn now_ms() -> u64 {
    jiff::Timestamp::now().as_millisecond() as u64
}

/// What was reported of the absence: that it began, or that it is over.
fn absence(lines: &[Value], over: bool) -> Option<String> {
    let reported = lines.iter().filter(|line| line["type"] == "coverage").map(|line| &line["coverage"]);
    let mut reported = reported.filter(|of| of["kind"] == "host-away" && of["subject"] == "host/watch");
    reported.find(|of| of["over"] == over)?["message"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn an_absence_is_found_and_what_came_meanwhile_is_said_to_be_that_old() {
    let Some(library) = faketime() else { return skip_or_fail("libfaketime") };
    let genesis_s = (now_ms() / 1_000 - AWAY_S).to_string();
    let Some(anvil) = Anvil::start(&["--timestamp", &genesis_s]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let folder = folder.path();
    let earlier = at_offset(&library, -(AWAY_S as i64)).unwrap();
    let mut host = Host::start_by(earlier, folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let is_open = |lines: &[Value]| lines.iter().any(|line| line["type"] == "incident" && line["signal"] == "drain");
    host.until_within("an incident", PATIENCE, is_open).await.unwrap();
    assert_eq!(absence(&host.lines(), false), None, "a new journal missed nothing");
    host.kill();

    // More leaves while nobody watches, and the next host has the machine's clock.
    let since_ms = journal(folder).unwrap().newest_ms();
    anvil.send(ALICE, Some(BOB), 100 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let earliest_ms = now_ms();
    assert!(earliest_ms - since_ms > (AWAY_S - 300) * 1_000, "the first host had a clock of its own");
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_within("the absence", PATIENCE, |lines| absence(lines, false).is_some()).await.unwrap();
    let (said, latest_ms) = (absence(&host.lines(), false).unwrap(), now_ms());
    let mut spans = (earliest_ms - since_ms) / 1_000..=(latest_ms - since_ms) / 1_000;
    assert!(spans.any(|s| said.starts_with(&format!("no host watched for {}, from ", span(s)))), "{said}");
    assert!(said.contains(&format!("from {} at the earliest until ", Moment { ms: since_ms })), "{said}");
    let log = host.log();
    assert!(log.contains("incident 1 is open: Funds leave the treasury"), "{log}");

    // What was found meanwhile is told late, with how late.
    let is_more = |lines: &[Value]| {
        lines.iter().any(|line| {
            let title = line["title"].as_str().unwrap_or_default();
            line["type"] == "finding" && title.contains("120 ETH out")
        })
    };
    host.until_within("what left meanwhile", PATIENCE, is_more).await.unwrap();
    let shown = watchfire(folder, &["incident", "show", "1"]).unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("120 ETH out") && shown.contains("outflow-limit, seen "), "{shown}");
    assert!(shown.contains(" late"), "{shown}");

    // It is over once a block of after the start is there.
    anvil.rpc("evm_increaseTime", json!([AWAY_S])).await.unwrap();
    let until_ms = now_ms() + PATIENCE.as_millis() as u64;
    while absence(&host.lines(), true).is_none() && now_ms() < until_ms {
        anvil.mine().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let over = absence(&host.lines(), true).unwrap_or_else(|| panic!("it never ended:\n{}", host.log()));
    assert!(
        over.contains("that is caught up with: blocks ") && over.contains(" of chain 31337 were taken in"),
        "{over}"
    );
    host.stop().unwrap();
    expect_sound(folder).unwrap();
}
