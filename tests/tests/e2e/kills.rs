//! `kill -9` of the real host at two hundred random points and more: while it starts, catches up, follows, goes through a
//! reorg, takes up a change, and ends. What its journal tells in the end is what a host tells that was left alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use watchfire_tests::host::Host;
use watchfire_tests::pair::{Pair, until_logged, write_plan};
use watchfire_tests::peers::skip_or_fail;

const KILLS: usize = 204;

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

/// Kills at a random point of a phase; `change` counts changes of config and plan.
async fn disturb(pair: &mut Pair, phase: Phase, change: &mut u64) -> anyhow::Result<()> {
    match phase {
        Phase::Start => {
            pair.host.take().map(Host::kill);
            pair.begin()?;
            pair.kill_within(pair.start_ms * 5 / 4).await;
        }
        Phase::CatchUp => {
            pair.host.take().map(Host::kill);
            let blocks = 5 + pair.seeded.below(25);
            pair.mine(blocks).await?;
            pair.begin()?;
            // From its first block to its last, and a little beyond.
            let taken = pair.seeded.below(blocks) as usize;
            let is_there =
                |lines: &[serde_json::Value]| lines.iter().filter(|line| line["type"] == "block").count() > taken;
            pair.host.as_mut().unwrap().until("some blocks", is_there).await?;
            pair.kill_within(4).await;
        }
        Phase::Follow => {
            pair.level().await?;
            let blocks = 1 + pair.seeded.below(2);
            pair.mine(blocks).await?;
            pair.say()?;
            pair.kill_within(120).await;
        }
        Phase::Reorg => {
            pair.level().await?;
            let depth = 1 + pair.seeded.below(6);
            pair.reorg(depth).await?;
            pair.kill_within(150).await;
        }
        Phase::Change => {
            pair.level().await?;
            until_logged(pair.host.as_mut().unwrap(), "watching", 1).await?;
            *change += 1;
            let (limit, trust) = (8 + *change % 5, 3 + *change / 2 % 4);
            let before = pair.calm.log().matches("taken up: ").count();
            match *change % 2 {
                0 => pair.folders().iter().try_for_each(|folder| write_plan(folder, trust))?,
                _ => pair.write(limit, "")?,
            }
            // Changes are taken up once files have been quiet for a while.
            tokio::time::sleep(Duration::from_millis(250)).await;
            pair.kill_within(250).await;
            until_logged(&mut pair.calm, "taken up: ", before + 1).await?;
            // It takes up the change before it sees another block, as the other one has.
            pair.begin()?;
            until_logged(pair.host.as_mut().unwrap(), "watching", 1).await?;
        }
        Phase::Shutdown => {
            pair.level().await?;
            pair.mine(2).await?;
            pair.host.as_ref().unwrap().signal("TERM")?;
            pair.kill_within(40).await;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_host_that_is_killed_again_and_again_tells_what_an_undisturbed_one_tells() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut pair) = Pair::start(folder.path(), 10).await.unwrap() else { return skip_or_fail("anvil") };
    let mut phases: Vec<Phase> = PHASES.into_iter().cycle().take(KILLS).collect();
    for at in (1..phases.len()).rev() {
        phases.swap(at, pair.seeded.below(at as u64 + 1) as usize);
    }
    let (started, mut kills, mut changes) = (Instant::now(), BTreeMap::<Phase, u64>::new(), 0);
    for phase in phases {
        disturb(&mut pair, phase, &mut changes).await.unwrap();
        *kills.entry(phase).or_default() += 1;
    }
    let story = pair.expect_same().await.unwrap();
    let (blocks, entries) = (story.chain.len(), story.told.len());
    println!("{kills:?} in {:.0?}: {blocks} blocks, {entries} entries told, {changes} changes", started.elapsed());
    assert!(story.chain.iter().any(|block| block.starts_with('-')), "there were reorgs");
    assert!(entries > 100, "it found something to tell: {entries}");
}
