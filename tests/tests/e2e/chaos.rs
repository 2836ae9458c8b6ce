//! Nodes that misbehave at random: the watch goes on whenever one of them is able, says so whenever it does not, asks no
//! more than it must, and finds what it finds on quiet nodes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::chaos::ChaosProxy;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::seed::Seeded;
use watchfire_tests::story::tip;
use watchfire_tests::watch::{Deployment, ETHER};

const STALL_AFTER_S: u64 = 5;
/// For how long the tip may stand behind while a node is able: one that was of no use for long is asked last, and each before it may
/// take its whole timeout.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(30);

/// Findings of detectors that stand, by block and what they say.
fn findings(lines: &[Value]) -> BTreeSet<String> {
    let retracted: BTreeSet<&str> =
        lines.iter().filter(|line| line["type"] == "retraction").filter_map(|line| line["finding"].as_str()).collect();
    let made = lines.iter().filter(|line| line["type"] == "finding" && line["detector"] != "watchfire/coverage");
    let standing = made.filter(|line| !retracted.contains(line["id"].as_str().unwrap_or_default()));
    standing.map(|line| format!("{} {} {} {}", line["block"], line["kind"], line["title"], line["amounts"])).collect()
}

/// Spans of more than the stall time in which no block was taken in, with what was told meanwhile and just after.
fn untold_standstills(lines: &[Value]) -> Vec<String> {
    let at = |line: &Value| line["at_ms"].as_u64().unwrap_or_default();
    let blocks: Vec<u64> = lines.iter().filter(|line| line["type"] == "block").map(at).collect();
    let told: Vec<u64> = lines
        .iter()
        .filter(|line| line["type"] == "coverage" && line["coverage"]["over"] == false)
        .filter(|line| {
            let kind = line["coverage"]["kind"].as_str().unwrap_or_default();
            ["tip-stalled", "head-stalled", "chain-unreachable"].contains(&kind)
        })
        .map(at)
        .collect();
    // The watchdog looks every quarter of the time, and a look takes as long as the nodes' timeout.
    let longest_ms = (STALL_AFTER_S * 2 + 4) * 1_000;
    let stands = blocks.windows(2).filter(|pair| pair[1] - pair[0] > longest_ms);
    let untold = stands.filter(|pair| !told.iter().any(|at| (pair[0]..=pair[1]).contains(at)));
    untold.map(|pair| format!("no block from {} to {} ms, and nothing said so", pair[0], pair[1])).collect()
}

/// For how long the host stood behind although a node was able.
#[derive(Default)]
struct HeldUp {
    since: Option<Instant>,
    longest: Duration,
}

impl HeldUp {
    fn look(&mut self, is_able: bool, is_behind: bool) {
        self.since = self.since.filter(|_| is_able && is_behind);
        if is_able && is_behind {
            let since = *self.since.get_or_insert_with(Instant::now);
            self.longest = self.longest.max(since.elapsed());
        }
    }
}

/// Heights of blocks that came without their frames and have not got them since.
fn incomplete(lines: &[Value]) -> BTreeSet<u64> {
    let numbers = |kind: &'static str, has_frames: bool| {
        let of_kind = lines.iter().filter(move |line| line["type"] == kind && line["frames"].is_null() != has_frames);
        of_kind.filter_map(|line| line["number"].as_u64())
    };
    let came: BTreeSet<u64> = numbers("completed", true).collect();
    numbers("block", false).filter(|number| !came.contains(number)).collect()
}

async fn soak(length: Duration) {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let mut seeded = Seeded::new();
    let spells = Duration::from_secs(4);
    let mut proxies = Vec::new();
    for _ in 0..3 {
        proxies.push(ChaosProxy::start(anvil.url(), seeded.number(), spells).await.unwrap());
    }
    let perfect = ChaosProxy::start(anvil.url(), 0, spells).await.unwrap();
    perfect.calm();
    let settings = vec![format!("stall_after_s = {STALL_AFTER_S}"), "timeout_ms = 1000".to_owned()];
    let of =
        |endpoints: Vec<String>| Deployment { endpoints, chain: settings.clone(), ..Deployment::of(String::new()) };
    let chaotic = of(proxies.iter().map(ChaosProxy::url).collect()).make().unwrap();
    let quiet = of(vec![perfect.url()]).make().unwrap();
    let mut beside = Host::start(quiet.path(), &[]).unwrap();
    let mut host = Host::start(chaotic.path(), &[]).unwrap();
    beside.until_block(0).await.unwrap();

    let (began, mut held_up) = (Instant::now(), HeldUp::default());
    while began.elapsed() < length {
        let ether = 1 + u128::from(seeded.below(12));
        anvil.send(ALICE, Some(BOB), ether * ETHER, "0x").await.unwrap();
        anvil.send(BOB, Some(ALICE), ether * ETHER / 2, "0x").await.unwrap();
        anvil.mine().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200 + seeded.below(600))).await;
        assert!(host.is_running(), "{}", host.log());
        let (height, tip) = (anvil.height().await.unwrap(), tip(chaotic.path(), 31_337).map_or(0, |tip| tip.number));
        held_up.look(proxies.iter().any(ChaosProxy::is_well), tip + 3 < height);
    }
    // One block surely comes without its frames, whatever chance gave before.
    proxies.iter().for_each(ChaosProxy::trace_nothing);
    anvil.send(BOB, Some(ALICE), ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let last = anvil.height().await.unwrap();
    let is_at = move |lines: &[Value]| lines.iter().any(|line| line["type"] == "block" && line["number"] == last);
    beside.until_within("the last block", Duration::from_secs(60), is_at).await.unwrap();
    host.until_within("the last block", Duration::from_secs(120), is_at).await.unwrap();
    assert!(incomplete(&host.lines()).contains(&last), "the last block has its frames, and no node gave them");
    // What a node never gave of a block comes when it is well, and is worked off.
    proxies.iter().for_each(ChaosProxy::calm);
    let is_whole = |lines: &[Value]| incomplete(lines).is_empty();
    host.until_within("the frames that were owed", Duration::from_secs(120), is_whole).await.unwrap();
    let expected = findings(&beside.lines());
    assert!(!expected.is_empty(), "something is found");
    let same = |lines: &[Value]| findings(lines) == expected;
    let done = host.until_within("the findings of the quiet run", Duration::from_secs(120), same).await;
    if let Err(error) = done {
        let came = findings(&host.lines());
        panic!(
            "missing: {:#?}\nmore: {:#?}\n{error:#}",
            expected.difference(&came).collect::<Vec<_>>(),
            came.difference(&expected).collect::<Vec<_>>()
        );
    }
    let asked: u64 = proxies.iter().map(ChaosProxy::calls).sum();
    let needed = perfect.calls();
    println!("{last} blocks, {asked} calls where {needed} were needed");
    for proxy in &proxies {
        println!("{:?}", proxy.deeds());
    }
    println!("at most {:.1?} behind while a node was able", held_up.longest);
    assert!(held_up.longest < FOLLOWS_WITHIN, "{:.1?} behind, and a node was able", held_up.longest);
    assert!(asked <= needed * 10, "{asked} calls, where a perfect node was asked {needed}");
    let (lines, code) = host.stop().unwrap();
    let completed = lines.iter().filter(|line| line["type"] == "completed").count();
    println!("{completed} times a block was completed, {} findings", expected.len());
    assert_eq!(code, Some(0));
    assert_eq!(untold_standstills(&lines), [""; 0]);
    beside.stop().unwrap();
    let replayed = watchfire(chaotic.path(), &["replay", "watchfire.db", "--quiet"]).unwrap();
    let said = String::from_utf8_lossy(&replayed.stdout).into_owned() + &String::from_utf8_lossy(&replayed.stderr);
    assert!(replayed.status.success(), "{said}");
}

#[tokio::test]
async fn nodes_that_misbehave_at_random_cost_no_finding() {
    soak(Duration::from_secs(25)).await;
}

/// An hour of the same, or `WATCHFIRE_SOAK_S` seconds: `cargo xtask soak nodes`.
#[tokio::test]
#[ignore = "takes an hour"]
async fn an_hour_among_nodes_that_misbehave() {
    let given = std::env::var("WATCHFIRE_SOAK_S").ok().and_then(|text| text.parse().ok());
    soak(Duration::from_secs(given.unwrap_or(3_600))).await;
}
