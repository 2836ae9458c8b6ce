//! From a block on a real node to the decision on standard output: how long `watchfire run` takes, over several runs.

use std::time::{Duration, Instant};

use anyhow::Context;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::Host;
use watchfire_tests::watch::{Deployment, ETHER};

const RUNS: usize = 15;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let anvil = Anvil::start(&[]).await?.context("anvil is not here; run `cargo xtask peers`")?;
        let folder = Deployment::of(anvil.ws_url()).make()?;
        let mut host = Host::start(folder.path(), &["--log", "warn"])?;
        host.until_block(0).await?;
        anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await?;
        anvil.mine().await?;
        let mined = Instant::now();
        while !host.lines().iter().any(|line| line["type"] == "decision") {
            anyhow::ensure!(mined.elapsed() < Duration::from_secs(10), "no decision: {}", host.log());
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        times.push(mined.elapsed());
        host.stop()?;
    }
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("block mined by a real anvil to decision on standard output, {RUNS} runs (aim: 50 ms at most)");
    println!(
        "median {:.1} ms, fastest {:.1} ms, slowest {:.1} ms",
        ms(times[RUNS / 2]),
        ms(times[0]),
        ms(times[RUNS - 1])
    );
    Ok(())
}
