//! The timeline of an incident: append-only, each entry chained to the one before by its hash.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::digest::Hasher;
use crate::incident::IncidentId;
use crate::proof::Proof;

/// What an entry of a timeline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// It was opened.
    Opened,
    /// Another condition was found.
    Finding,
    /// A finding was taken back.
    Retracted,
    /// It got graver or less grave.
    Severity,
    /// Somebody was paged.
    Paged,
    /// Nobody could be paged, or a page did not arrive.
    Unreached,
    /// A step of the escalation ended without an answer.
    Unanswered,
    /// Nobody is left to page.
    Exhausted,
    /// Somebody answered.
    Acked,
    /// An answer lapsed.
    Unacked,
    /// A service pages no more, and nobody has it.
    Stopped,
    /// It changed its state.
    State,
    /// Somebody took a role.
    Role,
    /// Somebody wrote something down.
    Note,
    /// Something went well, by somebody's word.
    Well,
    /// Something went badly, by somebody's word.
    Badly,
    /// Something was luck, by somebody's word.
    Lucky,
    /// The plan's automation put something forward.
    Proposed,
    /// Somebody decided.
    Decided,
    /// Somebody agreed.
    Approved,
    /// Somebody stopped it.
    Vetoed,
    /// It was carried out.
    Done,
    /// It does what it should.
    Verified,
    /// It was undone.
    Reversed,
    /// It was not carried out, or not undone, in time.
    Lapsed,
    /// Something was said to an audience, or written for one.
    Communicated,
    /// A word to an audience is overdue.
    Overdue,
    /// Nobody is notified for a while.
    Silenced,
    /// It follows another plan.
    Plan,
    /// Something about the chain became known that bears on it.
    Fact,
    /// It is part of another, or another is part of it.
    Merged,
    /// What was put forward was taken back.
    Withdrawn,
    /// Somebody asked for what takes a second human.
    Asked,
    /// Something is to be done after it: a corrective action, with its owner and its date.
    Action,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// The incident.
    pub incident: IncidentId,
    /// Counted from 1.
    pub number: u64,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What kind of thing happened. It is stored as `told`.
    #[serde(rename = "told")]
    pub kind: EntryKind,
    /// Id of the person who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What happened, in a line.
    pub text: String,
    /// What the person signed; `None` if the act was written down without a proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Box<Proof>>,
    /// Hash of the entry before; of the first entry, the seal that distinguishes its incident from all others.
    pub previous: B256,
    /// Hash of everything above.
    pub hash: B256,
}

impl TimelineEntry {
    /// Returns the hash that the entry should have.
    pub fn digest(&self) -> B256 {
        let kind = serde_json::to_string(&self.kind).unwrap_or_default();
        let hasher = Hasher::new("timeline")
            .number(self.incident)
            .number(self.number)
            .number(self.at_ms)
            .text(&kind)
            .optional(self.by.as_deref().map(str::as_bytes))
            .text(&self.text)
            .bytes(self.previous.as_slice());
        let person = self.by.as_deref().unwrap_or_default();
        match &self.proof {
            Some(proof) => hasher.bytes(proof.seal(self.incident, person).as_slice()).finish(),
            None => hasher.finish(),
        }
    }
}

/// Checks that entries, in order, are a chain without a gap or a change.
///
/// # Errors
///
/// If an entry is missing or was changed. The error says which.
pub fn verify(entries: &[TimelineEntry]) -> Result<(), String> {
    let mut before: Option<&TimelineEntry> = None;
    for entry in entries {
        if entry.hash != entry.digest() {
            return Err(format!("entry {} of incident {} was changed", entry.number, entry.incident));
        }
        let number = before.map_or(1, |before| before.number + 1);
        if entry.number != number || before.is_some_and(|before| before.hash != entry.previous) {
            return Err(format!("entry {number} of incident {} is missing or was replaced", entry.incident));
        }
        before = Some(entry);
    }
    Ok(())
}
