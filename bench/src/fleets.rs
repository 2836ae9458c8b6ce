//! Many detectors at once: how many blocks they take in a second, how that stands to the same rules as native code, and
//! how it grows.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::blocks::NEVER;
use crate::native::Outflow;
use crate::report::{Aim, Report};
use crate::{Bench, Nobody};
use watchfire::chain_read::ChainReader;
use watchfire::narrow::{BlockIndex, Matcher, Router};
use watchfire::plugin::{Fleet, Recorded};

/// A fleet over all blocks: the time for one block, and how many batches were seen in all.
#[derive(Clone, Copy)]
struct Pace {
    per_block: Duration,
    batches: usize,
}

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section("detectors that see one contract's logs each");
    for count in bench.counts() {
        let aim = match count {
            100 => Some(Aim::AtLeast(5_000.0)),
            1_000 => Some(Aim::AtLeast(500.0)),
            _ => None,
        };
        fleet(bench, report, count, |at| bench.blocks.narrow(at), aim)?;
    }
    report.section("detectors that see the transfers of 100 addresses each");
    for count in bench.counts() {
        fleet(bench, report, count, |_| bench.blocks.wide(NEVER), None)?;
    }
    growth(bench, report)
}

fn fleet(
    bench: &Bench,
    report: &mut Report,
    count: usize,
    config: impl Fn(usize) -> Value,
    aim: Option<Aim>,
) -> anyhow::Result<()> {
    let configs: Vec<Value> = (0..count).map(config).collect();
    let mut fleet = bench.fleet(configs.iter().cloned())?;
    let pace = paced(bench, &mut fleet)?;
    let native = native(bench, &fleet, &configs)?;
    report.row(&format!("{count}: blocks"), 1.0 / pace.per_block.as_secs_f64().max(f64::EPSILON), "in a s", aim);
    let batches = pace.batches as f64 / bench.blocks.all.len() as f64;
    report.row(&format!("{count}: batches"), batches, "a block", None);
    if pace.batches > 0 {
        report.us(&format!("{count}: for each batch"), pace.per_block.mul_f64(1.0 / batches));
    }
    report.ratio(&format!("{count}: to the same rules as native code, narrowed alike"), pace.per_block, native, None);
    Ok(())
}

fn paced(bench: &Bench, fleet: &mut Fleet) -> anyhow::Result<Pace> {
    let reader: Arc<dyn ChainReader> = Arc::new(Nobody);
    let mut batches = 0;
    let per_block = bench.per_block_of_chain(|blocks| {
        batches = 0;
        for block in blocks {
            for outcome in fleet.on_block(block.hash, block, &reader, &Recorded::new()) {
                outcome.result.map_err(anyhow::Error::from)?;
                batches += 1;
            }
        }
        Ok(())
    })?;
    Ok(Pace { per_block, batches })
}

/// The same rules as native code over what the same narrowing gives them, one after the other.
fn native(bench: &Bench, fleet: &Fleet, configs: &[Value]) -> anyhow::Result<Duration> {
    let matchers: Vec<Matcher> = (0..configs.len())
        .filter_map(|at| fleet.get(&format!("outflow-{at}")))
        .map(|detector| Matcher::new(detector.subscriptions()))
        .collect();
    let router = Router::new(matchers.iter().enumerate());
    let mut rules = configs.iter().map(Outflow::new).collect::<anyhow::Result<Vec<_>>>()?;
    bench.per_block_of_chain(|blocks| {
        let mut changes = 0;
        for block in blocks {
            for (at, selection) in router.select(&BlockIndex::new(block, None)) {
                changes += rules[at].block(block, &selection.logs).state.len();
            }
        }
        Ok(changes)
    })
}

/// What each further detector costs that has nothing to see: the curve, and the cost of one.
fn growth(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section("one detector that sees something, and others that never do");
    let mut paces = Vec::new();
    for idle in [0, bench.most / 4, bench.most / 2, bench.most] {
        let configs = std::iter::once(bench.blocks.narrow(0)).chain((0..idle).map(|at| bench.blocks.idle(at)));
        let mut fleet = bench.fleet(configs)?;
        let pace = paced(bench, &mut fleet)?;
        report.us(&format!("{idle} others: a block"), pace.per_block);
        paces.push(pace.per_block.as_secs_f64());
    }
    let extra_ns = (paces[3] - paces[0]) * 1e9 / bench.most as f64;
    report.row("for each of the others, a block", extra_ns.max(0.0), "ns", Some(Aim::AtMost(200.0)));
    Ok(())
}
