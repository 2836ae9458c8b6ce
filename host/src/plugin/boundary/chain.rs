//! A guest's reads of the chain: granted or not, within a budget, each distinct read asked once for all detectors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::{B256, Bytes};

use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};
use crate::plugin::boundary::batch::Head;
use crate::plugin::limits::Limits;

/// What any detector may be answered, whatever its budget: an answer is held once for all, and journaled.
const ANSWER_BYTES_AT_MOST: usize = 4 << 20;

/// Answers of one input, shared by all detectors that look at it.
#[derive(Clone)]
pub(in crate::plugin) struct Shared {
    reader: Arc<dyn ChainReader>,
    answers: Arc<Mutex<BTreeMap<(B256, ChainRead), ChainAnswer>>>,
}

impl Shared {
    pub(in crate::plugin) fn new(reader: Arc<dyn ChainReader>) -> Self {
        Self { reader, answers: Arc::default() }
    }

    /// `None` where nothing came within `longest`.
    fn read(&self, at: BlockRef, read: &ChainRead, longest: Duration) -> Option<ChainAnswer> {
        let key = (at.hash, read.clone());
        let known = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(answer) = known {
            return Some(answer);
        }
        // Not held while the node is asked: another detector's read must not wait for it.
        let answer = bounded(self.reader.read_within(at, read, longest)?);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Some(answers.entry(key).or_insert(answer).clone())
    }
}

/// Which state is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plugin) enum When {
    /// That after the block under inspection.
    After,
    /// That before it: after its parent.
    Before,
}

/// One guest's access.
#[derive(Default)]
pub(in crate::plugin) struct ChainAccess {
    /// Whether `chain` was granted.
    pub(in crate::plugin) granted: bool,
    pub(in crate::plugin) shared: Option<Shared>,
    head: Option<Head>,
    reads: u32,
    bytes: usize,
    /// What was asked and answered on this batch, in order.
    pub(in crate::plugin) asked: Vec<(BlockRef, ChainRead, ChainAnswer)>,
}

impl ChainAccess {
    pub(in crate::plugin) fn begin(&mut self, head: Option<Head>) {
        (self.head, self.reads, self.bytes) = (head, 0, 0);
        self.asked.clear();
    }

    /// The answer, or why there is none; `None` where nothing came within `longest`.
    pub(in crate::plugin) fn read(
        &mut self,
        (read, when): (ChainRead, When),
        limits: &Limits,
        longest: Duration,
    ) -> Option<ChainAnswer> {
        let refused =
            |code: &str, message: String| Some(Err(ChainFault { code: code.to_owned(), message, data: Bytes::new() }));
        if !self.granted {
            return refused("denied", "the operator does not grant `chain`".to_owned());
        }
        let (Some(shared), Some(head)) = (&self.shared, self.head) else {
            return refused("unavailable", "there is no block under inspection".to_owned());
        };
        let at = match when {
            When::After => head.block,
            When::Before => match head.parent() {
                Some(parent) => parent,
                None => return refused("unavailable", "the block before this one is not known".to_owned()),
            },
        };
        if self.reads >= limits.chain_reads_per_batch {
            return refused("budget", format!("{} reads are enough for one batch", limits.chain_reads_per_batch));
        }
        // Questions are kept and journaled like answers, so they count as well; and once there is nothing left, no node
        // is troubled for an answer that nobody may have.
        let enough = || {
            let message =
                format!("{} bytes of questions and answers are enough for one batch", limits.chain_read_bytes);
            refused("budget", message)
        };
        self.bytes += size(&read);
        if self.bytes > limits.chain_read_bytes {
            return enough();
        }
        self.reads += 1;
        let answer = shared.read(at, &read, longest)?;
        self.asked.push((at, read, answer.clone()));
        self.bytes += match &answer {
            Ok(bytes) => bytes.len(),
            Err(fault) => fault.message.len() + fault.data.len(),
        };
        if self.bytes > limits.chain_read_bytes {
            return enough();
        }
        Some(answer)
    }
}

fn size(read: &ChainRead) -> usize {
    match read {
        ChainRead::Call { data, .. } => 20 + data.len(),
        ChainRead::Storage { .. } => 52,
        ChainRead::Balance { .. } | ChainRead::Code { .. } => 20,
    }
}

/// The answer, unless it is larger than any that is taken.
fn bounded(answer: ChainAnswer) -> ChainAnswer {
    let size = match &answer {
        Ok(bytes) => bytes.len(),
        Err(fault) => fault.data.len(),
    };
    if size <= ANSWER_BYTES_AT_MOST {
        return answer;
    }
    let message = format!("an answer of {size} bytes; {ANSWER_BYTES_AT_MOST} are taken");
    Err(ChainFault { code: "unavailable".to_owned(), message, data: Bytes::new() })
}
