//! Two hosts on one chain: one that is left alone, and one that a test disturbs. In the end their journals must tell the
//! same.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::anvil::{ALICE, Anvil, BOB};
use crate::host::{Host, binary};
use crate::receiver::Receiver;
use crate::seed::Seeded;
use crate::story::{Story, effects, expect_sound, tip};
use crate::watch::{self, Deployment, ETHER};

/// Anvil's chain.
const CHAIN: u64 = 31_337;

/// A chain, a host that is left alone, and one that is not.
pub struct Pair {
    /// The node.
    pub anvil: Anvil,
    /// What decides on all that is random.
    pub seeded: Seeded,
    /// The host that is left alone.
    pub calm: Host,
    /// The host that is disturbed, where it runs.
    pub host: Option<Host>,
    /// The folder of the one that is disturbed.
    pub folder: PathBuf,
    /// How long the first one took to start.
    pub start_ms: u64,
    calm_folder: TempDir,
    receiver: Receiver,
    said: u64,
}

/// The deployment of both, with an outflow limit in whole ether, and where its effects are posted.
fn deployment(endpoint: String, limit: u64, webhook: &str) -> Deployment {
    // Deadlines are no part of what is tested, and machines may be slow.
    // Nobody is late either: whether somebody is depends on the machine, and so does then the order of what is told.
    let more = "[host]\npatience_ms = 60000\n\n[detector.outflow.limits]\nbatch_deadline_ms = 60000\nstart_deadline_ms = 60000\n\n\
                [feed.price]\nkind = \"jsonl\"\nfile = \"prices.jsonl\"\npointer = \"/v\"\ntime_pointer = \"/t\"\n";
    let more = format!("{more}\n[webhook.ops]\nurl = \"{webhook}\"\n");
    let chain = vec!["finality = { confirmations = 8 }".to_owned()];
    Deployment { limit: limit.to_string(), more, chain, ..Deployment::of(endpoint) }
}

/// The plan without the signal on gaps of the watch, which depend on how a host was disturbed.
pub fn write_plan(folder: &Path, trust: u64) -> anyhow::Result<()> {
    let plan = watch::plan();
    let text = plan.split("[signal.blind]").next().unwrap_or_default();
    let text = text.replace("trust = 3", &format!("trust = {trust}")).replace("2020-01-01", "2032-01-01");
    let new = folder.join("response/plan.new");
    std::fs::write(&new, text)?;
    Ok(std::fs::rename(new, folder.join("response/plan.toml"))?)
}

/// Waits until a host has logged something so often.
pub async fn until_logged(host: &mut Host, text: &str, times: usize) -> anyhow::Result<()> {
    let started = Instant::now();
    while host.log().matches(text).count() < times {
        anyhow::ensure!(host.is_running(), "it ended before `{text}`:\n{}", host.log());
        anyhow::ensure!(started.elapsed() < Duration::from_secs(60), "never `{text}`:\n{}", host.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

impl Pair {
    /// Starts a node and the host that is left alone, with an outflow limit in whole ether. `folder` is where the other
    /// one lives, which is empty as yet. `None` without anvil.
    pub async fn start(folder: &Path, limit: u64) -> anyhow::Result<Option<Self>> {
        let Some(anvil) = Anvil::start(&[]).await? else { return Ok(None) };
        let calm_folder = tempfile::tempdir()?;
        let receiver = Receiver::start().await?;
        for (folder, name) in [(calm_folder.path(), "calm"), (folder, "disturbed")] {
            std::fs::create_dir(folder.join("response"))?;
            std::fs::write(folder.join("prices.jsonl"), "")?;
            write_plan(folder, 3)?;
            deployment(anvil.url(), limit, &receiver.url(name)).write(folder)?;
        }
        let started = Instant::now();
        let mut calm = Host::start(calm_folder.path(), &[])?;
        until_logged(&mut calm, "watching", 1).await?;
        let start_ms = started.elapsed().as_millis() as u64;
        let (seeded, folder, said) = (Seeded::new(), folder.to_owned(), 0);
        let mut pair = Self { anvil, seeded, calm, calm_folder, folder, host: None, start_ms, receiver, said };
        pair.mine(10).await?;
        Ok(Some(pair))
    }

    /// Both folders.
    pub fn folders(&self) -> [PathBuf; 2] {
        [self.calm_folder.path().to_owned(), self.folder.clone()]
    }

    /// Gives both another outflow limit, and the one that is disturbed more sections.
    pub fn write(&self, limit: u64, more: &str) -> anyhow::Result<()> {
        let [calm, folder] = self.folders();
        deployment(self.anvil.url(), limit, &self.receiver.url("calm")).write(&calm)?;
        let mut own = deployment(self.anvil.url(), limit, &self.receiver.url("disturbed"));
        own.more += more;
        own.write(&folder)
    }

    /// Starts the one that is disturbed.
    pub fn begin(&mut self) -> anyhow::Result<()> {
        self.begin_by(Command::new(binary()?))
    }

    /// Starts the one that is disturbed by another program.
    pub fn begin_by(&mut self, program: Command) -> anyhow::Result<()> {
        self.host = Some(Host::start_by(program, &self.folder, &[])?);
        Ok(())
    }

    /// A few blocks, with transfers in some of them.
    pub async fn mine(&mut self, blocks: u64) -> anyhow::Result<()> {
        for _ in 0..blocks {
            if self.seeded.below(3) > 0 {
                let ether = u128::from(1 + self.seeded.below(4));
                self.anvil.send(ALICE, Some(BOB), ether * ETHER, "0x").await?;
            }
            self.anvil.mine().await?;
        }
        Ok(())
    }

    /// Ends the one that is disturbed as an operator does.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let code = self.host.take().map(Host::stop).transpose()?.map(|(_, code)| code);
        anyhow::ensure!(code.is_none_or(|code| code == Some(0)), "it ended with {code:?}");
        Ok(())
    }

    /// So many of the newest blocks give way to others. Both hosts must have all of them.
    pub async fn reorg(&mut self, depth: u64) -> anyhow::Result<()> {
        self.anvil.rpc("anvil_reorg", json!([depth, []])).await?;
        self.mine(1).await
    }

    /// Another line of the feed, for both.
    pub fn say(&mut self) -> anyhow::Result<()> {
        self.said += 1;
        for folder in self.folders() {
            let mut file = std::fs::OpenOptions::new().append(true).open(folder.join("prices.jsonl"))?;
            writeln!(file, "{}", json!({ "v": self.said, "t": 1_700_000_000 + self.said }))?;
        }
        Ok(())
    }

    /// Waits until both have the chain's newest block; the one that is disturbed is started where it must be.
    pub async fn level(&mut self) -> anyhow::Result<()> {
        let height = self.anvil.height().await?;
        let block = self.anvil.rpc("eth_getBlockByNumber", json!([format!("{height:#x}"), false])).await?;
        let hash = block["hash"].as_str().unwrap_or_default().to_owned();
        if self.host.is_none() {
            self.begin()?;
        }
        let started = Instant::now();
        for folder in self.folders() {
            while tip(&folder, CHAIN).is_none_or(|tip| tip.hash.to_string() != hash) {
                let host = self.host.as_mut().filter(|_| folder == self.folder).unwrap_or(&mut self.calm);
                anyhow::ensure!(host.is_running(), "{} ended:\n{}", folder.display(), host.log());
                anyhow::ensure!(started.elapsed() < Duration::from_secs(60), "not at {height}:\n{}", host.log());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    }

    /// Lets a random part of so many milliseconds pass, then kills the one that is disturbed.
    pub async fn kill_within(&mut self, ms: u64) {
        let wait = Duration::from_micros(self.seeded.below(ms * 1_000));
        tokio::time::sleep(wait).await;
        self.host.take().map(Host::kill);
    }

    /// Brings both to the end of the chain and of the feed, ends them, and compares what they tell, which is returned.
    pub async fn expect_same(mut self) -> anyhow::Result<Story> {
        self.say()?;
        self.mine(1).await?;
        self.level().await?;
        let started = Instant::now();
        for folder in self.folders() {
            while (Story::of(&folder)?.observations.len() as u64) < self.said {
                anyhow::ensure!(started.elapsed() < Duration::from_secs(90), "the feed of {folder:?} is not read");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        for (folder, name) in self.folders().iter().zip(["calm", "disturbed"]) {
            // What is ordered arrives, and nothing that was never ordered.
            let ordered = effects(folder)?;
            let posted = || self.receiver.ids(name).into_iter().collect::<BTreeSet<String>>();
            while posted() != ordered {
                let told = format!("{} of {} effects arrived at {name}", posted().len(), ordered.len());
                anyhow::ensure!(started.elapsed() < Duration::from_secs(60), told);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let [calm_folder, folder] = self.folders();
        let Self { calm, host, calm_folder: _kept, .. } = self;
        for host in host.into_iter().chain([calm]) {
            let (_, code) = host.stop()?;
            anyhow::ensure!(code == Some(0), "it ended with {code:?}");
        }
        let (told, expected) = (Story::of(&folder)?, Story::of(&calm_folder)?);
        told.expect_same(&expected)?;
        expect_sound(&folder)?;
        expect_sound(&calm_folder)?;
        Ok(expected)
    }
}
