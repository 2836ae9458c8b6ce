//! An incident at a moment: what its decision is put into words from.

use crate::decision::Ruling;
use crate::desk::Desk;
use crate::desk::file::File;
use crate::due::Due;
use crate::plan::{Plan, Signal};
use crate::triage::Case;

/// An incident as a decision looks at it.
#[derive(Clone, Copy)]
pub(super) struct Situation<'a> {
    pub plan: &'a Plan,
    pub signal: &'a Signal,
    pub file: &'a File,
    pub now_ms: u64,
    /// Until when whoever was paged may answer, milliseconds since the Unix epoch; `None` if nobody is waited for.
    pub ack_due_ms: Option<u64>,
}

impl<'a> Situation<'a> {
    pub(super) fn case(&self) -> &'a Case {
        &self.file.case
    }

    /// Returns the ruling on an intervention that may still be carried out.
    pub(super) fn open_ruling(&self, intervention: &str) -> Option<&'a Ruling> {
        self.file.rulings.iter().find(|ruling| ruling.intervention == intervention && ruling.state.is_open())
    }

    /// Whether something is lost already, by what was found.
    pub(super) fn is_losing(&self) -> bool {
        !self.case().incident.loss.is_empty()
    }

    /// Returns the seconds left until the projected harm, by chain time or by the time since the incident was opened,
    /// whichever is further, and with the time before it was seen if that was late; 0 once the harm has begun, by that
    /// estimate or as something is lost already; `None` if no harm is projected.
    pub(super) fn seconds_to_harm(&self) -> Option<u64> {
        let all_s = self.signal.time_to_harm_s?;
        if self.is_losing() {
            return Some(0);
        }
        let incident = &self.case().incident;
        let of_chain_s = incident.last_ms.saturating_sub(incident.began_ms) / 1_000;
        let open_s = self.now_ms.saturating_sub(incident.opened_at_ms) / 1_000;
        let gone_s = of_chain_s.max(open_s.saturating_add(incident.seen_late_s().unwrap_or(0)));
        Some(all_s.saturating_sub(gone_s))
    }
}

impl Desk {
    /// Returns the situation of an incident, whose `file` is given.
    pub(super) fn situation<'a>(
        &self,
        plan: &'a Plan,
        signal: &'a Signal,
        file: &'a File,
        now_ms: u64,
    ) -> Situation<'a> {
        let ack_due_ms = self.deadlines.due_at_ms(file.incident().id, &Due::Ack);
        Situation { plan, signal, file, now_ms, ack_due_ms }
    }
}
