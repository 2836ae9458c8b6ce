//! An engine for tests, with no detector, no node and nothing on disk.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crate::app::engine::Engine;
use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainRead, ChainReader};
use crate::journal::Journal;
use crate::plugin::Fleet;

struct Nobody;

impl ChainReader for Nobody {
    fn read(&self, _: BlockRef, read: &ChainRead) -> ChainAnswer {
        panic!("nobody answers {read:?}")
    }
}

/// Makes one.
pub(super) fn engine() -> Engine {
    Engine::new(Journal::in_memory().unwrap(), Fleet::new(), Arc::new(Nobody)).unwrap()
}
