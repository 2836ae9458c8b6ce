//! Chains that are made up, and a follower that follows them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::block::Block;
use crate::event::{Coverage, Event};
use crate::source::Delivery;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::follow::Follower;
use crate::subscription::Needs;

pub(super) const TRACES: Needs = Needs { traces: true, ..Needs::KEPT };

pub(super) fn hash(fork: &str, number: u64) -> String {
    format!("0x{:0>24}{:040x}", fork.bytes().map(|byte| format!("{byte:x}")).collect::<String>(), number)
}

pub(super) fn transaction(fork: &str, number: u64) -> String {
    format!("0x{:0>24}{:040x}", fork.bytes().map(|byte| format!("{byte:x}")).collect::<String>() + "77", number)
}

/// A block of one transaction, as a node without fault answers for it.
pub(super) fn entry(fork: &str, number: u64, parent: &str) -> Value {
    let (hash, transaction) = (hash(fork, number), transaction(fork, number));
    let (from, to) = (format!("0x{:040x}", 1), format!("0x{:040x}", 2));
    json!({
        "block": { "hash": hash, "parentHash": parent, "number": format!("{number:#x}"), "timestamp": format!("{number:#x}"),
            "gasUsed": "0x5208", "transactions": [{ "hash": transaction, "from": from, "to": to, "value": "0x1", "input": "0x" }] },
        "receipts": [{ "transactionHash": transaction, "status": "0x1", "gasUsed": "0x5208", "logs": [] }],
        "traces": [{ "txHash": transaction, "result": { "type": "CALL", "from": from, "to": to, "value": "0x1", "gasUsed": "0x5208" } }],
    })
}

/// Frames of the same block as `trace_block` gives them.
pub(super) fn flat(fork: &str, number: u64) -> Value {
    let (from, to) = (format!("0x{:040x}", 1), format!("0x{:040x}", 2));
    json!([{ "type": "call", "traceAddress": [], "transactionPosition": 0, "transactionHash": transaction(fork, number),
        "result": { "gasUsed": "0x5208", "output": "0x" },
        "action": { "callType": "call", "from": from, "to": to, "value": "0x1", "input": "0x" } }])
}

/// A chain of blocks on one fork whose head is its newest.
pub(super) fn chain(numbers: std::ops::RangeInclusive<u64>) -> Value {
    let head = *numbers.end();
    let mut blocks = serde_json::Map::new();
    for number in numbers {
        let parent = number.checked_sub(1).map_or_else(|| hash("none", 0), |below| hash("a", below));
        blocks.insert(number.to_string(), entry("a", number, &parent));
    }
    json!({ "chain_id": 1, "forks": { "a": blocks }, "phases": [{ "fork": "a", "head": head }] })
}

/// A follower that runs, and what it has handed over.
pub(super) struct Watch {
    deliveries: mpsc::Receiver<Delivery>,
    stop: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<()>>,
    pub(super) blocks: Vec<Block>,
    pub(super) reverted: Vec<u64>,
    pub(super) coverage: Vec<Coverage>,
    /// Blocks that were completed: which, whether their frames came, and whether they are given up.
    pub(super) completed: Vec<(u64, bool, bool)>,
    /// The newest block that nodes agreed on, and whose.
    pub(super) agreed: Option<(u64, Vec<String>)>,
    /// The newest block that is final.
    pub(super) finalized: u64,
    pub(super) inputs: usize,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Follows nodes with more settings, one TOML line each.
    pub(super) fn start(nodes: &[&str], more: &str, needs: Needs) -> Self {
        let mut settings: toml::Table = toml::from_str(more).unwrap();
        let mut default = |key: &str, value: toml::Value| {
            settings.entry(key).or_insert(value);
        };
        default("id", 1.into());
        default("verify", "none".into());
        default("start", 100.into());
        default("poll_interval_ms", 20.into());
        settings
            .insert("endpoints".into(), nodes.iter().map(|node| toml::Value::from(*node)).collect::<Vec<_>>().into());
        let config: ChainConfig = settings.try_into().unwrap();
        let (out, deliveries) = mpsc::channel(64);
        let (_, needs) = watch::channel(needs);
        let follower = Follower::new("case".into(), config, Path::new("."), Vec::new(), needs, false, out).unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(follower.run(stopped));
        Self {
            deliveries,
            stop,
            task,
            blocks: Vec::new(),
            reverted: Vec::new(),
            coverage: Vec::new(),
            completed: Vec::new(),
            agreed: None,
            finalized: 0,
            inputs: 0,
        }
    }

    fn note(&mut self, delivery: Delivery) {
        self.inputs += 1;
        match delivery.event {
            Event::Committed { block } => self.blocks.push((*block).clone()),
            Event::Reverted { blocks, .. } => {
                for block in blocks {
                    let top = self.blocks.pop().expect("only what was committed leaves");
                    assert_eq!(top.reference(), block);
                    self.reverted.push(block.number);
                }
                let tip = self.tip().unwrap_or(0);
                self.agreed.as_mut().into_iter().for_each(|(number, _)| *number = tip.min(*number));
            }
            Event::Agreed { block, by } => {
                let ours = self.blocks.iter().rev().find(|ours| ours.number == block.number);
                assert_eq!(ours.map(Block::reference), Some(block), "what is agreed on was committed and stands");
                self.agreed = Some((block.number, by));
            }
            Event::Finality { finalized, .. } => self.finalized = finalized,
            Event::Coverage { coverage } => self.coverage.push(coverage),
            Event::Completed { block, frames, given_up, .. } => {
                self.completed.push((block.number, frames.is_some(), given_up.traces));
            }
            _ => {}
        }
    }

    /// Waits until something is so.
    pub(super) async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "never: {what}\nat {:?}\n{:#?}",
                self.tip(),
                self.coverage
            );
            if let Ok(delivery) = tokio::time::timeout(Duration::from_millis(50), self.deliveries.recv()).await {
                self.note(delivery.expect("the follower runs"));
            }
        }
    }

    pub(super) async fn until_block(&mut self, number: u64) {
        self.until(&format!("block {number}"), |watch| watch.tip() >= Some(number)).await;
    }

    pub(super) async fn until_open(&mut self, kind: &str) {
        self.until(&format!("{kind} is open"), |watch| watch.is_open(kind)).await;
    }

    pub(super) async fn until_over(&mut self, kind: &str) {
        self.until(&format!("{kind} is over"), |watch| watch.count(kind) > 0 && !watch.is_open(kind)).await;
    }

    /// Lets time go by.
    pub(super) async fn rest(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if let Ok(delivery) = tokio::time::timeout(left, self.deliveries.recv()).await {
                self.note(delivery.expect("the follower runs"));
            }
        }
    }

    pub(super) fn tip(&self) -> Option<u64> {
        self.blocks.last().map(|block| block.number)
    }

    /// The blocks whose call frames are still to come.
    pub(super) fn awaited(&self) -> Vec<u64> {
        self.blocks.iter().filter(|block| block.awaited.traces).map(|block| block.number).collect()
    }

    /// The blocks that came with call frames.
    pub(super) fn traced(&self) -> Vec<u64> {
        self.blocks.iter().filter(|block| block.frames.is_some()).map(|block| block.number).collect()
    }

    pub(super) fn is_open(&self, kind: &str) -> bool {
        self.coverage.iter().rev().find(|coverage| coverage.kind == kind).is_some_and(|coverage| !coverage.over)
    }

    /// How often a finding was opened.
    pub(super) fn count(&self, kind: &str) -> usize {
        self.coverage.iter().filter(|coverage| coverage.kind == kind && !coverage.over).count()
    }

    pub(super) fn message(&self, kind: &str) -> &str {
        &self.coverage.iter().find(|coverage| coverage.kind == kind).unwrap().message
    }

    pub(super) async fn stop(mut self) {
        self.stop.send_replace(true);
        (&mut self.task).await.unwrap().unwrap();
    }
}

/// A case of `../shared/cases`; `None`, with one line, if it is not here.
pub(super) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases").join(name);
    if !path.exists() {
        println!("skipped: ../shared/cases/{name} is not here");
        return None;
    }
    Some(path)
}

pub(super) fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
