//! A guest's reads of the chain: granted or not, within a budget, each distinct read asked once for all detectors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::{B256, Bytes};

use super::Limits;
use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};

/// Answers of one input, shared by all detectors that look at it.
#[derive(Clone)]
pub(super) struct Shared {
    reader: Arc<dyn ChainReader>,
    answers: Arc<Mutex<BTreeMap<(B256, ChainRead), ChainAnswer>>>,
}

impl Shared {
    pub(super) fn new(reader: Arc<dyn ChainReader>) -> Self {
        Self { reader, answers: Arc::default() }
    }

    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        let key = (at.hash, read.clone());
        let known = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(answer) = known {
            return answer;
        }
        // Not held while the node is asked: another detector's read must not wait for it.
        let answer = self.reader.read(at, read);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(key).or_insert(answer).clone()
    }
}

/// One guest's access.
#[derive(Default)]
pub(super) struct ChainAccess {
    /// Whether `chain` was granted.
    pub(super) granted: bool,
    pub(super) shared: Option<Shared>,
    at: Option<BlockRef>,
    reads: u32,
    bytes: usize,
    /// What was asked and answered on this batch, in order.
    pub(super) asked: Vec<(BlockRef, ChainRead, ChainAnswer)>,
}

impl ChainAccess {
    pub(super) fn begin(&mut self, at: Option<BlockRef>) {
        (self.at, self.reads, self.bytes) = (at, 0, 0);
        self.asked.clear();
    }

    pub(super) fn read(&mut self, read: ChainRead, limits: &Limits) -> ChainAnswer {
        let refused =
            |code: &str, message: String| Err(ChainFault { code: code.to_owned(), message, data: Bytes::new() });
        if !self.granted {
            return refused("denied", "the operator does not grant `chain`".to_owned());
        }
        let (Some(shared), Some(at)) = (&self.shared, self.at) else {
            return refused("unavailable", "there is no block under inspection".to_owned());
        };
        if self.reads >= limits.chain_reads_per_batch {
            return refused("budget", format!("{} reads are enough for one batch", limits.chain_reads_per_batch));
        }
        self.reads += 1;
        let answer = shared.read(at, &read);
        self.asked.push((at, read, answer.clone()));
        self.bytes += answer.as_ref().map_or(0, |bytes| bytes.len());
        if self.bytes > limits.chain_read_bytes {
            return refused("budget", format!("answers of {} bytes are enough for one batch", limits.chain_read_bytes));
        }
        answer
    }
}
