//! `kill -9` of the real host at two hundred random points and more: while it starts, catches up, follows, goes through a
//! reorg, takes up a change, and ends. What its journal tells in the end is what a host tells that was left alone.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::Host;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::seed::Seeded;
use watchfire_tests::story::{Story, expect_sound, tip};
use watchfire_tests::watch::{Deployment, ETHER, PLAN};

const KILLS: u64 = 204;
const CHAIN: u64 = 31_337;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Start,
    CatchUp,
    Follow,
    Reorg,
    Change,
    Shutdown,
}

const PHASES: [Phase; 6] = [Phase::Start, Phase::CatchUp, Phase::Follow, Phase::Reorg, Phase::Change, Phase::Shutdown];

/// A chain, a host that is left alone, and one that is not.
struct Scene {
    anvil: Anvil,
    seeded: Seeded,
    calm: Host,
    calm_folder: PathBuf,
    folder: PathBuf,
    /// The host that is killed, where it runs.
    host: Option<Host>,
    /// How long it takes to start.
    start_ms: u64,
    changes: u64,
    said: u64,
}

fn deployment(endpoint: String, limit: u64) -> Deployment {
    let more = "[detector.outflow.limits]\nbatch_deadline_ms = 60000\nstart_deadline_ms = 60000\n\n\
                [feed.price]\nkind = \"jsonl\"\nfile = \"prices.jsonl\"\npointer = \"/v\"\ntime_pointer = \"/t\"\n";
    Deployment { limit: limit.to_string(), more: more.into(), ..Deployment::of(endpoint) }
}

/// The plan without the signal on gaps of the watch, which depend on how a host was disturbed.
fn write_plan(folder: &Path, trust: u64) {
    let (plan, _) = PLAN.split_once("[signal.blind]").unwrap();
    let text = plan.replace("trust = 3", &format!("trust = {trust}"));
    let new = folder.join("response/plan.new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, folder.join("response/plan.toml")).unwrap();
}

impl Scene {
    fn folders(&self) -> [PathBuf; 2] {
        [self.calm_folder.clone(), self.folder.clone()]
    }

    /// A few blocks, with transfers in some of them.
    async fn mine(&mut self, blocks: u64) {
        for _ in 0..blocks {
            if self.seeded.below(3) > 0 {
                let ether = u128::from(1 + self.seeded.below(4));
                self.anvil.send(ALICE, Some(BOB), ether * ETHER, "0x").await.unwrap();
            }
            self.anvil.mine().await.unwrap();
        }
    }

    /// Another line of the feed, for both.
    fn say(&mut self) {
        self.said += 1;
        for folder in self.folders() {
            let mut file = std::fs::OpenOptions::new().append(true).open(folder.join("prices.jsonl")).unwrap();
            writeln!(file, "{}", json!({ "v": self.said, "t": 1_700_000_000 + self.said })).unwrap();
        }
    }

    /// Waits until both have the chain's newest block; the one that is killed is started where it must be.
    async fn level(&mut self) {
        let height = self.anvil.height().await.unwrap();
        let block = self.anvil.rpc("eth_getBlockByNumber", json!([format!("{height:#x}"), false])).await.unwrap();
        let hash = block["hash"].as_str().unwrap().to_owned();
        if self.host.is_none() {
            self.host = Some(Host::start(&self.folder, &[]).unwrap());
        }
        let started = Instant::now();
        for folder in self.folders() {
            while tip(&folder, CHAIN).is_none_or(|tip| tip.hash.to_string() != hash) {
                let host = if folder == self.folder { self.host.as_mut().unwrap() } else { &mut self.calm };
                assert!(host.is_running(), "{} ended:\n{}", folder.display(), host.log());
                assert!(started.elapsed() < Duration::from_secs(60), "not at {height}:\n{}", host.log());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Waits until the one that is killed has taken up its config.
    async fn watching(&mut self) {
        let host = self.host.as_mut().unwrap();
        until_logged(host, "watching", 1).await;
    }

    /// Lets a random part of so many milliseconds pass, then kills.
    async fn kill_within(&mut self, ms: u64) {
        let wait = Duration::from_micros(self.seeded.below(ms * 1_000));
        tokio::time::sleep(wait).await;
        self.host.take().unwrap().kill();
    }

    async fn disturb(&mut self, phase: Phase) {
        match phase {
            Phase::Start => {
                self.host.take().map(Host::kill);
                self.host = Some(Host::start(&self.folder, &[]).unwrap());
                self.kill_within(self.start_ms * 5 / 4).await;
            }
            Phase::CatchUp => {
                self.host.take().map(Host::kill);
                let blocks = 5 + self.seeded.below(25);
                self.mine(blocks).await;
                let mut host = Host::start(&self.folder, &[]).unwrap();
                // From its first block to its last, and a little beyond.
                let taken = self.seeded.below(blocks) as usize;
                let is_there =
                    |lines: &[serde_json::Value]| lines.iter().filter(|line| line["type"] == "block").count() > taken;
                host.until("some blocks", is_there).await.unwrap();
                self.host = Some(host);
                self.kill_within(4).await;
            }
            Phase::Follow => {
                self.level().await;
                let blocks = 1 + self.seeded.below(2);
                self.mine(blocks).await;
                self.say();
                self.kill_within(120).await;
            }
            Phase::Reorg => {
                self.level().await;
                let depth = 1 + self.seeded.below(6);
                self.anvil.rpc("anvil_reorg", json!([depth, []])).await.unwrap();
                self.mine(1).await;
                self.kill_within(150).await;
            }
            Phase::Change => {
                self.level().await;
                self.watching().await;
                self.changes += 1;
                let (limit, trust) = (8 + self.changes % 5, 3 + self.changes / 2 % 4);
                let before = self.calm.log().matches("taken up: ").count();
                for folder in self.folders() {
                    match self.changes % 2 {
                        0 => write_plan(&folder, trust),
                        _ => deployment(self.anvil.url(), limit).write(&folder).unwrap(),
                    }
                }
                // Changes are taken up once files have been quiet for a while.
                tokio::time::sleep(Duration::from_millis(250)).await;
                self.kill_within(250).await;
                until_logged(&mut self.calm, "taken up: ", before + 1).await;
                // It takes up the change before it sees another block, as the other one has.
                self.host = Some(Host::start(&self.folder, &[]).unwrap());
                self.watching().await;
            }
            Phase::Shutdown => {
                self.level().await;
                self.mine(2).await;
                self.host.as_ref().unwrap().signal("TERM").unwrap();
                self.kill_within(40).await;
            }
        }
    }
}

async fn until_logged(host: &mut Host, text: &str, times: usize) {
    let started = Instant::now();
    while host.log().matches(text).count() < times {
        assert!(host.is_running(), "it ended before `{text}`:\n{}", host.log());
        assert!(started.elapsed() < Duration::from_secs(60), "never `{text}`:\n{}", host.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_host_that_is_killed_again_and_again_tells_what_an_undisturbed_one_tells() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let mut seeded = Seeded::new();
    let (calm_folder, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&calm_folder, &folder] {
        std::fs::create_dir(folder.path().join("response")).unwrap();
        std::fs::write(folder.path().join("prices.jsonl"), "").unwrap();
        write_plan(folder.path(), 3);
        deployment(anvil.url(), 10).write(folder.path()).unwrap();
    }
    let started = Instant::now();
    let mut calm = Host::start(calm_folder.path(), &[]).unwrap();
    until_logged(&mut calm, "watching", 1).await;
    let start_ms = started.elapsed().as_millis() as u64;
    let mut phases: Vec<Phase> = (0..KILLS).map(|at| PHASES[at as usize % PHASES.len()]).collect();
    for at in (1..phases.len()).rev() {
        phases.swap(at, seeded.below(at as u64 + 1) as usize);
    }
    let (calm_path, path) = (calm_folder.path().to_owned(), folder.path().to_owned());
    let mut scene =
        Scene { anvil, seeded, calm, calm_folder: calm_path, folder: path, host: None, start_ms, changes: 0, said: 0 };
    scene.mine(3).await;
    let mut kills: BTreeMap<Phase, u64> = BTreeMap::new();
    for phase in phases {
        scene.disturb(phase).await;
        *kills.entry(phase).or_default() += 1;
    }
    scene.say();
    scene.mine(1).await;
    scene.level().await;
    let Scene { calm, host, said, changes, .. } = scene;
    let host = host.unwrap();
    let observed = |folder: &Path| Story::of(folder).unwrap().observations.len() as u64;
    let waited = Instant::now();
    while [calm_folder.path(), folder.path()].iter().any(|folder| observed(folder) < said) {
        assert!(waited.elapsed() < Duration::from_secs(30), "the feed is not read to its end:\n{}", host.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for host in [calm, host] {
        assert_eq!(host.stop().unwrap().1, Some(0));
    }
    let (told, expected) = (Story::of(folder.path()).unwrap(), Story::of(calm_folder.path()).unwrap());
    let (blocks, entries) = (expected.chain.len(), expected.told.len());
    println!("{kills:?} in {:.0?}: {blocks} blocks, {entries} entries told, {changes} changes", started.elapsed());
    assert!(expected.chain.iter().any(|block| block.starts_with('-')), "there were reorgs");
    assert!(entries > 100, "it found something to tell: {entries}");
    told.expect_same(&expected).unwrap();
    for folder in [&calm_folder, &folder] {
        expect_sound(folder.path()).unwrap();
    }
}
