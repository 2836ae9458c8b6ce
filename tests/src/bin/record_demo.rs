//! Re-makes the recording of `examples/lending`: Harbor Lending on a real anvil, honest traffic, a mistake that a
//! reorg takes back, and the attack, recorded by the real host with the deployment's own detectors.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use watchfire_tests::anvil::Anvil;
use watchfire_tests::harbor::{self, Harbor, eth, usd, who};
use watchfire_tests::host::Host;
use watchfire_tests::peers;

/// Seconds from block to block.
const BLOCK_TIME: Duration = Duration::from_secs(1);

struct Stage {
    anvil: Anvil,
    harbor: Harbor,
    prices: std::fs::File,
    /// What the world says that hETH costs, in hundredths of a dollar.
    price_cents: i64,
    step: i64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let anvil = Anvil::start(&[]).await?.context("anvil is not here; run `cargo xtask peers`")?;
    let code = harbor::bytecode()?.context("solc is not here; run `cargo xtask peers`")?;
    let example = peers::root().join("examples/lending");
    let folder = tempfile::tempdir()?;
    let harbor = Harbor::deploy(&anvil, &code).await?;
    println!("vault {} feed {} hUSD {} hETH {}", harbor.vault, harbor.feed, harbor.usd, harbor.eth);

    let prices = std::fs::File::create(folder.path().join("prices.jsonl"))?;
    std::fs::write(folder.path().join("watchfire.toml"), live_config(&example, &anvil)?)?;
    let out = folder.path().join("attack.jsonl.gz");
    let mut host = Host::start(folder.path(), &["--record", &out.display().to_string()])?;
    let mut stage = Stage { anvil, harbor, prices, price_cents: 200_000, step: 0 };
    // The deployment is watched from the block after the protocol's own.
    stage.block().await?;
    host.until_block(stage.anvil.height().await?).await?;

    stage.play().await?;
    host.until_block(stage.anvil.height().await?).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (lines, exit) = host.stop()?;
    anyhow::ensure!(exit == Some(0), "the host ended with {exit:?}");
    let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    println!(
        "{} blocks, {} findings, {} retractions, {} decisions",
        count("block"),
        count("finding"),
        count("retraction"),
        count("decision")
    );
    std::fs::copy(&out, example.join("attack.jsonl.gz"))?;
    Ok(())
}

/// The example's deployment with a live node and a live feed in place of the recording.
fn live_config(example: &Path, anvil: &Anvil) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(example.join("watchfire.toml"))?;
    let components = watchfire_tests::host::component("outflow")?;
    let components = components.parent().context("a folder")?.display().to_string();
    let plan = example.join("response").display().to_string();
    Ok(text
        .replace("http://127.0.0.1:8545", &anvil.url())
        .replace("../../target/plugins", &components)
        .replace("path = \"response\"", &format!("path = \"{plan}\"")))
}

impl Stage {
    /// One block: the world's price moves a little, and the transactions that were sent are mined.
    async fn block(&mut self) -> anyhow::Result<()> {
        self.step += 1;
        // A small swing, the same on each run.
        self.price_cents += [35, -20, 15, -45, 25, -10][self.step as usize % 6];
        if self.step % 2 == 0 {
            let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
            let price = format!("{}.{:02}", self.price_cents / 100, self.price_cents % 100);
            writeln!(self.prices, "{{\"price\":\"{price}\",\"time\":{now_s}}}")?;
        }
        self.anvil.mine().await?;
        tokio::time::sleep(BLOCK_TIME).await;
        Ok(())
    }

    async fn honest_price(&self) -> anyhow::Result<()> {
        self.harbor.post_price(&self.anvil, self.price_cents * 1_000_000).await.map(drop)
    }

    async fn play(&mut self) -> anyhow::Result<()> {
        self.honest_days().await?;
        self.mistake_that_is_taken_back().await?;
        for _ in 0..4 {
            self.honest_price().await?;
            self.block().await?;
        }
        self.attack().await?;
        for _ in 0..4 {
            self.block().await?;
        }
        Ok(())
    }

    async fn honest_days(&mut self) -> anyhow::Result<()> {
        let (user, other) = (who::USER, who::OTHER);
        for round in 0..6_u64 {
            self.honest_price().await?;
            self.harbor.deposit(&self.anvil, user, eth(20)).await?;
            self.block().await?;
            self.harbor.borrow(&self.anvil, user, usd(9_000 + 500 * round)).await?;
            self.harbor.deposit(&self.anvil, other, eth(10)).await?;
            self.block().await?;
            self.harbor.borrow(&self.anvil, other, usd(5_000)).await?;
            self.harbor.repay(&self.anvil, user, usd(2_000)).await?;
            self.block().await?;
        }
        Ok(())
    }

    /// Somebody at Harbor hands the vault to the wrong account; the block is orphaned, and its successor does not
    /// have the transaction.
    async fn mistake_that_is_taken_back(&mut self) -> anyhow::Result<()> {
        self.harbor.hand_over(&self.anvil, who::OTHER).await?;
        self.block().await?;
        self.block().await?;
        self.anvil.rpc("anvil_reorg", serde_json::json!([2, []])).await?;
        // The transaction is back in the pool of a real node too; here its sender replaces it.
        self.anvil.rpc("anvil_dropAllTransactions", serde_json::json!([])).await?;
        tokio::time::sleep(BLOCK_TIME).await;
        self.block().await
    }

    /// With the keys of the price's transmitter and of the proxy's admin: first a price that makes a little collateral
    /// worth a lot, then the vault itself, then all that is left in it.
    async fn attack(&mut self) -> anyhow::Result<()> {
        self.harbor.deposit(&self.anvil, who::ATTACKER, eth(50)).await?;
        self.harbor.post_price(&self.anvil, 2_600_000_000_000).await?;
        self.block().await?;
        self.harbor.borrow(&self.anvil, who::ATTACKER, usd(900_000)).await?;
        self.block().await?;
        self.harbor.take_over(&self.anvil).await?;
        tokio::time::sleep(BLOCK_TIME).await;
        self.block().await?;
        for value in [1_200_000, 1_000_000, 700_000] {
            self.harbor.drain(&self.anvil, usd(value)).await?;
            self.block().await?;
        }
        Ok(())
    }
}
