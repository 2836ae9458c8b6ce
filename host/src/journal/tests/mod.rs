//! Tests of the journal; here is what they share: one entry of each kind, blocks of any size, journals on a disk.

mod crash;
mod disk;
mod document;
mod filter;
mod format;
mod growth;
mod lookup;
mod newcomers;
mod outbox;
mod refusal;
mod round_trip;
mod sample;
mod size;
mod state;
mod tamper;
mod thin;

use std::path::PathBuf;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use tempfile::TempDir;

use super::*;
use crate::block::{Assurance, Block, BlockRef, Frames, Logs, StorageChanges, Transactions, Verification};
use crate::effect::{Effect, Ordered};
use crate::event::{Event, Observation, Stamped, Value};
use crate::finding::{Finding, Severity};
use sample::{agreed, completed, finding, incident, noted, notify, ordered, proved, samples};

/// Numbers that look random and are the same on every run.
struct Seeded(u64);

impl Seeded {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, size: usize) -> Vec<u8> {
        (0..size).map(|_| self.number() as u8).collect()
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.number() as u8)
    }
}

/// A journal in a folder of its own, which goes with it.
struct OnDisk {
    folder: TempDir,
}

impl OnDisk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    fn open(&self) -> Journal {
        Journal::open(&self.path()).unwrap()
    }

    /// The file without the rules of the journal, as somebody who tampers with it has it.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

/// A channel that carries pages of these schemes, or all.
fn channel(name: &str, schemes: Option<&[&str]>) -> Channel {
    let schemes = schemes.map(|schemes| schemes.iter().map(|scheme| (*scheme).to_owned()).collect());
    Channel { name: name.to_owned(), schemes, hears: Hears::All }
}

/// A journal with one entry of each kind and event, committed.
fn sample_on_disk() -> OnDisk {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    journal.set_channels(vec![channel("webhook", None)]);
    for entry in samples() {
        journal.append(&entry).unwrap();
    }
    journal.commit().unwrap();
    disk
}

fn block(chain: u64, number: u64, rows: usize) -> Block {
    let mut seeded = Seeded(number ^ (chain << 32));
    let mut transactions = Transactions::default();
    let (mut logs, mut frames, mut storage) = (Logs::default(), Frames::default(), StorageChanges::default());
    for row in 0..rows {
        transactions.hash.push(&seeded.array());
        transactions.sender.push(&seeded.array());
        transactions.recipient.push(&seeded.array());
        transactions.created.push(&[0; 20]);
        transactions.is_creation.push(0);
        transactions.value.push(&seeded.array());
        let size = seeded.number() as usize % 200;
        transactions.input.push(&seeded.bytes(size)).unwrap();
        transactions.nonce.push(seeded.number());
        transactions.gas_used.push(21_000);
        transactions.status.push((row % 3) as u8);
        logs.address.push(&seeded.array());
        logs.topic_count.push((row % 5) as u8);
        logs.topics.iter_mut().for_each(|topic| topic.push(&seeded.array()));
        logs.data.push(&seeded.bytes(row % 70)).unwrap();
        logs.transaction_index.push(row as u32);
        frames.transaction_index.push(row as u32);
        frames.depth.push((row % 4) as u32);
        frames.kind.push((row % 7) as u8);
        frames.sender.push(&seeded.array());
        frames.target.push(&seeded.array());
        frames.value.push(&seeded.array());
        frames.input.push(&seeded.bytes(4)).unwrap();
        frames.output.push(&[]).unwrap();
        frames.gas_used.push(seeded.number());
        frames.status.push(1);
        storage.transaction_index.push(row as u32);
        storage.address.push(&seeded.array());
        storage.slot.push(&seeded.array());
        storage.before.push(&seeded.array());
        storage.after.push(&seeded.array());
    }
    Block {
        chain,
        number,
        hash: B256::new(seeded.array()),
        parent_hash: B256::new(seeded.array()),
        timestamp_s: 1_716_000_000 + 12 * number,
        beneficiary: Address::new(seeded.array()),
        gas_used: 21_000 * rows as u64,
        base_fee_wei: number.is_multiple_of(2).then(|| seeded.number()),
        assurance: assurance(),
        transactions,
        logs,
        frames: number.is_multiple_of(2).then_some(frames),
        storage: number.is_multiple_of(3).then_some(storage),
        awaited: Default::default(),
    }
}

fn assurance() -> Assurance {
    let exceptions = vec!["receipts root before Byzantium".to_owned()];
    Assurance { verification: Verification::Full, exceptions, source: "node-a".into() }
}

fn committed(block: Block) -> Event {
    Event::Committed { block: Arc::new(block) }
}

fn input(at_ms: u64, event: Event) -> Entry {
    Entry::Input(Stamped { at_ms, event })
}

fn observation(feed: &str, digits: &str) -> Event {
    Event::Observed { observation: observed(feed, Value::Number(digits.to_owned())) }
}

fn observed(feed: &str, value: Value) -> Observation {
    Observation { feed: feed.into(), observed_at_ms: 1, received_at_ms: 2, value, position: "4096".into() }
}
