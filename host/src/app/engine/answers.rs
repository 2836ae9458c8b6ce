//! Answers to reads of the chain, from a journal or a recording: a replay asks no node.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use alloy::primitives::B256;

use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};

/// Answers of an earlier run, by block and read.
#[derive(Default)]
pub struct Answers(Mutex<BTreeMap<(B256, ChainRead), ChainAnswer>>);

impl Answers {
    /// Keeps the answer to a read of the state after block `at`.
    pub fn insert(&self, at: B256, read: ChainRead, answer: ChainAnswer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((at, read), answer);
    }

    /// Returns the kept answer to a read, if there is one.
    pub fn known(&self, at: B256, read: &ChainRead) -> Option<ChainAnswer> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(&(at, read.clone())).cloned()
    }

    /// Forgets every answer.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl ChainReader for Answers {
    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        self.known(at.hash, read).unwrap_or_else(|| {
            Err(ChainFault {
                code: "unavailable".into(),
                message: format!("nobody asked this of block {} when it was recorded", at.number),
                data: Default::default(),
            })
        })
    }
}
