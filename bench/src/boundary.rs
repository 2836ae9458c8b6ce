//! What the boundary costs: a detector, handing over included, against the same rule as native code in the host, which
//! reads the host's columns in place. Both must find the same, and remember the same.

use std::sync::Arc;

use alloy_primitives::{Address, keccak256};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::blocks::NEVER;
use crate::native::{Given, Outflow, Over, transfers};
use crate::report::{Aim, Report};
use crate::{Bench, Nobody};
use watchfire::chain_read::ChainReader;
use watchfire::finding::Claim;
use watchfire::narrow::Rows;
use watchfire::plugin::{Fleet, Outcome, Recorded};

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section("the boundary, for one block, narrowing and handing over included");
    outflow(
        bench,
        report,
        "outflow over all transfers",
        |limit| bench.blocks.all_transfers(limit),
        Some(Aim::AtMost(1.3)),
    )?;
    outflow(bench, report, "outflow over the transfers of 100 addresses", |limit| bench.blocks.wide(limit), None)?;
    scan(bench, report)
}

fn outflow(
    bench: &Bench,
    report: &mut Report,
    name: &str,
    config: impl Fn(&str) -> Value,
    aim: Option<Aim>,
) -> anyhow::Result<()> {
    let often = config("1000000");
    compare(bench, &mut bench.fleet(std::iter::once(often.clone()))?, &mut Outflow::new(&often)?)?;
    let config = config(NEVER);
    let mut fleet = bench.fleet(std::iter::once(config.clone()))?;
    let reader: Arc<dyn ChainReader> = Arc::new(Nobody);
    let guest = bench.per_block_of_chain(|blocks| {
        let each = blocks.iter().map(|block| fleet.on_block(block.hash, block, &reader, &Recorded::new()).len());
        Ok(each.sum::<usize>())
    })?;
    let mut rule = Outflow::new(&config)?;
    let native = bench.per_block_of_chain(|blocks| {
        Ok(blocks.iter().map(|block| rule.block(block, &Rows::All).state.len()).sum::<usize>())
    })?;
    report.us(&format!("{name}, detector"), guest);
    report.us(&format!("{name}, native"), native);
    report.ratio(&format!("{name}, detector / native"), guest, native, aim);
    Ok(())
}

/// Whether both give the same on each block: findings by what they are about and how much it is, and each change of what is
/// remembered, byte by byte.
fn compare(bench: &Bench, fleet: &mut Fleet, native: &mut Outflow) -> anyhow::Result<()> {
    let reader: Arc<dyn ChainReader> = Arc::new(Nobody);
    let mut changes = 0;
    for block in &bench.blocks.all {
        let expected = native.block(block, &Rows::All);
        let mut given = Given::default();
        for Outcome { result, state, .. } in fleet.on_block(block.hash, block, &reader, &Recorded::new()) {
            let claims = result.map_err(anyhow::Error::from)?;
            given.found.extend(claims.iter().map(over).collect::<anyhow::Result<Vec<_>>>()?);
            given.state.extend(state);
        }
        changes += given.state.len();
        ensure!(given == expected, "block {}: detector and native rule are not the same rule", block.number);
    }
    ensure!(changes > 0, "the rule saw nothing");
    Ok(())
}

fn over(claim: &Claim) -> anyhow::Result<Over> {
    let amount = claim.amounts.first().context("a finding without an amount")?;
    Ok(Over { subject: claim.subject.id.parse::<Address>()?, asset: amount.asset.parse()?, out: amount.value.parse()? })
}

fn scan(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let fleet = |report_from: usize| {
        let mut fleet = Fleet::new();
        fleet.swap(bench.detector("scan", &bench.scan, json!({ "report_from": report_from }))?)?;
        anyhow::Ok(fleet)
    };
    let reader: Arc<dyn ChainReader> = Arc::new(Nobody);
    let transfer = keccak256("Transfer(address,address,uint256)");
    let mut telling = fleet(0)?;
    for block in &bench.blocks.all {
        let outcomes = telling.on_block(block.hash, block, &reader, &Recorded::new());
        let counted =
            outcomes.first().and_then(|outcome| outcome.result.as_ref().ok()?.first()?.amounts.first().cloned());
        let counted = counted.map_or(0, |amount| amount.value.parse().unwrap_or(usize::MAX));
        ensure!(counted == transfers(block, &transfer), "block {}: the scans count differently", block.number);
    }
    let mut quiet = fleet(usize::MAX >> 32)?;
    let guest = bench.per_block_of_chain(|blocks| {
        let each = blocks.iter().map(|block| quiet.on_block(block.hash, block, &reader, &Recorded::new()).len());
        Ok(each.sum::<usize>())
    })?;
    // Too short to be measured once.
    const TIMES: u32 = 100;
    let native = bench.per_block_of(|| {
        let each = (0..TIMES).flat_map(|_| &bench.blocks.all);
        Ok(each.map(|block| std::hint::black_box(transfers(block, &transfer))).sum::<usize>())
    })? / TIMES;
    report.us("bare scan of all topics, detector", guest);
    report.us("bare scan of all topics, native", native);
    report.ratio("bare scan of all topics, detector / native", guest, native, Some(Aim::AtMost(6.0)));
    Ok(())
}
