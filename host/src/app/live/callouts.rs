//! The callout that is under way in a running host: answers to its pages go to it and not to the desk.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::app::live::messages::Message;
use crate::incident::IncidentId;

/// Numbers of calls begin here, so that no button or link of a callout answers an incident.
pub(super) const FIRST: IncidentId = 1 << 52;

/// How many answers may wait for the callout.
const WAITING: usize = 64;

type Slot = Arc<Mutex<Option<mpsc::Sender<Message>>>>;

/// Where answers to a callout's pages go; one callout is under way at a time.
#[derive(Clone, Default)]
pub struct Callouts(Slot);

/// A callout that is under way; it is over once this is dropped.
pub(super) struct UnderWay {
    /// Answers, as messages that the main loop would take.
    pub(super) inbox: mpsc::Receiver<Message>,
    slot: Slot,
}

impl Callouts {
    /// Begins a callout; `None` if another is under way.
    pub(super) fn begin(&self) -> Option<UnderWay> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return None;
        }
        let (answers, inbox) = mpsc::channel(WAITING);
        *slot = Some(answers);
        Some(UnderWay { inbox, slot: self.0.clone() })
    }

    /// Returns where answers go; `None` if nobody is called out.
    pub(super) fn under_way(&self) -> Option<mpsc::Sender<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_callout_is_under_way_at_a_time() {
        let callouts = Callouts::default();
        let one = callouts.begin().unwrap();
        assert!(callouts.begin().is_none() && callouts.under_way().is_some());
        drop(one);
        assert!(callouts.under_way().is_none() && callouts.begin().is_some());
    }
}
