//! What each stage costs by itself.

use std::sync::Arc;

use crate::report::Report;
use crate::{Bench, Nobody};
use watchfire::block::{Block, Verification};
use watchfire::chain_read::ChainReader;
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::journal::Journal;
use watchfire::narrow::{BlockIndex, Matcher, Router};
use watchfire::plugin::Recorded;
use watchfire::source::evm::decode::decode;
use watchfire::source::evm::family::{Recover, Rules};

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section("stages, for one block");
    let decoded = |rules: Rules| {
        bench.per_block_of(|| {
            let mut logs = 0;
            for raw in &bench.blocks.raw {
                logs += decode(raw, rules, "bench")?.logs.len();
            }
            Ok(logs)
        })
    };
    let none = decoded(Verification::None.into())?;
    report.us("decode, JSON in hand", none);
    report.us("decode, and verify the header and the bloom", decoded(Verification::Header.into())?);
    let backlog = Rules { recover: Recover::Later, ..Verification::Full.into() };
    report.us("decode, and verify in full, as a backlog is: hashes and both roots too", decoded(backlog)?);
    report.us("decode, and verify in full, as at the head: all senders too", decoded(Verification::Full.into())?);

    for count in bench.counts() {
        let time = narrowed(bench, count, |at| bench.blocks.narrow(at))?;
        report.us(&format!("narrow to one contract's logs of each of {count} detectors"), time);
    }
    report.us("narrow to the transfers of 100 addresses", narrowed(bench, 1, |_| bench.blocks.wide("1"))?);

    let mut fleet = bench.fleet(std::iter::once(bench.blocks.narrow(0)))?;
    let reader: Arc<dyn ChainReader> = Arc::new(Nobody);
    let mut batches = 0;
    let seeing = |block: &&Arc<Block>| bench.blocks.is_seen(block);
    let time = bench.per_block_of_chain(|blocks| {
        batches = 0;
        for block in blocks.iter().filter(seeing) {
            batches += fleet.on_block(block.hash, block, &reader, &Recorded::new()).len();
        }
        Ok(())
    })?;
    let all = bench.blocks.all.len() as u32;
    report.us("one batch of one contract's logs, narrowing included", time * all / batches.max(1) as u32);

    let folder = tempfile::tempdir()?;
    let mut journal = Journal::open(&folder.path().join("bench.db"))?;
    let input =
        |block: &Arc<_>| Entry::Input(Stamped { at_ms: 1, event: Event::Committed { block: Arc::clone(block) } });
    let append = bench.per_block(
        &mut journal,
        |journal| Ok(journal.rollback()?),
        |journal| {
            for block in &bench.blocks.all {
                journal.append(&input(block))?;
            }
            Ok(())
        },
    );
    report.us("journal: pack and append", append?);
    journal.rollback()?;
    let committed = bench.per_block_of(|| {
        for block in &bench.blocks.all {
            journal.append(&input(block))?;
            journal.commit()?;
        }
        Ok(())
    })?;
    report.us("journal: the same, each with a durable commit of its own", committed);
    Ok(())
}

/// The time that narrowing takes.
fn narrowed(
    bench: &Bench,
    count: usize,
    config: impl Fn(usize) -> serde_json::Value,
) -> anyhow::Result<std::time::Duration> {
    let matchers = (0..count)
        .map(|at| Ok(Matcher::new(bench.detector("x", &bench.rule, config(at))?.profile().subscriptions())))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let router = Router::new(matchers.iter().enumerate());
    bench.per_block_of(|| {
        let each = bench.blocks.all.iter().map(|block| router.select(&BlockIndex::new(block, Some(0))).len());
        Ok(each.sum::<usize>())
    })
}
