//! `watchfire journal compact`: by hand, at once and on a host that is stopped, what a running one does by itself.

use std::path::Path;
use std::sync::Arc;

use crate::app::engine::Engine;
use crate::app::engine::answers::Answers;
use crate::app::engine::thinning::{Bodies, Horizon};
use crate::app::past::replay;
use crate::journal::Journal;
use crate::plugin::{Fleet, Runtime};

/// Entries that are looked at in one transaction.
const ENTRIES_AT_ONCE: u64 = 4_096;

/// What was dropped, or would be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Compacted {
    /// The input that a replay starts with from now on; `None` where nothing is to be dropped.
    pub before: Option<u64>,
    /// Bodies.
    pub bodies: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What kept younger bodies from going, where their age alone did not.
    pub held_by: Option<String>,
    /// Bytes of the file afterwards.
    pub file_bytes: u64,
}

/// Drops bodies of before a time, milliseconds since the Unix epoch. Calls `progress` with the step under way, how far
/// it is, and of how much. Returns what was dropped, or with `dry_run` what would be.
///
/// # Errors
///
/// If there is no journal, another host has it open, it can't be read or written, or a replay up to the horizon differs.
pub fn compact(
    path: &Path,
    runtime: &Runtime,
    since_ms: u64,
    dry_run: bool,
    give_back: bool,
    mut progress: impl FnMut(&'static str, u64, u64),
) -> anyhow::Result<Compacted> {
    let open = if dry_run { Journal::open_existing_read_only } else { open_existing };
    let mut engine = Engine::new(open(path)?, Fleet::new(), Arc::new(Answers::default()))?;
    let Horizon { before, held_by } = engine.horizon(since_ms)?;
    let done = engine.thinned_before()?.unwrap_or(1);
    let mut compacted = Compacted { before: None, bodies: 0, bytes: 0, held_by, file_bytes: 0 };
    if before > done {
        let Bodies { count, bytes } = engine.droppable_before(before)?;
        (compacted.before, compacted.bodies, compacted.bytes) = (Some(before), count, bytes);
    }
    if !dry_run {
        if compacted.before.is_some() {
            keep_state(&mut engine, path, runtime, before, &mut progress)?;
            engine.thin_before(before, engine.newest_ms())?;
            engine.commit()?;
        }
        // What an earlier run left undone is done too.
        while let Some(dropped) = engine.drop_bodies(ENTRIES_AT_ONCE)? {
            progress("dropping", dropped, compacted.bodies);
        }
        if give_back {
            engine.give_back_room()?;
        }
    }
    compacted.file_bytes = engine.file_bytes()?;
    Ok(compacted)
}

/// Opens a journal that there is, to write to it.
///
/// # Errors
///
/// If there is none, a host has it open, or it can't be read.
pub(super) fn open_existing(path: &Path) -> crate::journal::Result<Journal> {
    // A journal is not made by a wrong name.
    Journal::open_existing_read_only(path).or_else(|error| match error {
        crate::journal::JournalError::Older { .. } => Ok(Journal::in_memory()?),
        other => Err(other),
    })?;
    Journal::open(path)
}

/// Sees to it that there is a snapshot of state at the horizon: by a replay up to there, unless one was taken.
fn keep_state(
    engine: &mut Engine,
    path: &Path,
    runtime: &Runtime,
    before: u64,
    progress: &mut impl FnMut(&'static str, u64, u64),
) -> anyhow::Result<()> {
    if engine.has_snapshot(before)? {
        return Ok(());
    }
    let then = Journal::open_existing_read_only(path)?;
    let states = replay::state_before(&then, runtime, before, |seq| progress("replaying", seq, before))?;
    engine.put_snapshot(before, &states)
}
