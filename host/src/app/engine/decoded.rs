//! Inputs that were read back from the journal last: a reorg shows one block again to many detectors, and decoding it
//! takes longer than most of them do.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::event::Stamped;
use crate::journal::{Journal, JournalError};

/// Inputs that are kept: detectors that catch up beside each other are a few inputs apart.
const KEPT: usize = 16;

/// The inputs that were decoded last, each with its sequence number.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// `None` where the journal has no such input, or no body of it.
    recent: RefCell<VecDeque<(u64, Option<Stamped>)>>,
    count: Cell<u64>,
}

impl Decoded {
    /// Returns an input; `None` if its body was dropped, which happens only to inputs that a chain goes back to which
    /// was not followed for long.
    pub(super) fn input(&self, journal: &Journal, seq: u64) -> anyhow::Result<Option<Stamped>> {
        let known = self.recent.borrow().iter().find(|(known, _)| *known == seq).map(|(_, input)| input.clone());
        if let Some(input) = known {
            return Ok(input);
        }
        let input = match journal.input(seq) {
            Err(JournalError::Thinned { .. }) => None,
            other => other?,
        };
        self.count.set(self.count.get() + 1);
        let mut recent = self.recent.borrow_mut();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back((seq, input.clone()));
        Ok(input)
    }

    /// Forgets what was decoded: the journal may have dropped it.
    pub(super) fn clear(&mut self) {
        self.recent.get_mut().clear();
    }

    /// Returns how many inputs were decoded so far.
    pub(super) fn count(&self) -> u64 {
        self.count.get()
    }
}
