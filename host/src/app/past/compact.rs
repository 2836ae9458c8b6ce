//! `watchfire journal compact`: by hand, at once and on a host that is stopped, what a running one does by itself.

use std::path::Path;
use std::sync::Arc;

use crate::app::engine::Engine;
use crate::app::past::replay;
use crate::app::past::replay::Answers;
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

/// Drops bodies of before a time, milliseconds since the Unix epoch. `progress` is told what is done, how far, and of
/// how much.
pub fn compact(
    path: &Path,
    runtime: &Runtime,
    since_ms: u64,
    dry_run: bool,
    give_back: bool,
    mut progress: impl FnMut(&'static str, u64, u64),
) -> anyhow::Result<Compacted> {
    let open = if dry_run { Journal::open_existing_read_only } else { open_existing };
    let mut engine = Engine::new(open(path)?, Fleet::new()?, Arc::new(Answers::default()))?;
    let (before, held_by) = horizon(&engine, since_ms)?;
    let done = engine.journal.thinned_before()?.unwrap_or(1);
    let mut told = Compacted { before: None, bodies: 0, bytes: 0, held_by, file_bytes: 0 };
    if before > done {
        (told.bodies, told.bytes) = engine.journal.droppable_before(before)?;
        told.before = Some(before);
    }
    if !dry_run {
        if told.before.is_some() {
            keep_state(&mut engine, path, runtime, before, &mut progress)?;
            engine.thin_before(before, engine.newest_ms())?;
            engine.commit()?;
        }
        // What an earlier run left undone is done too.
        while engine.journal.drop_bodies(ENTRIES_AT_ONCE)? {
            engine.journal.commit()?;
            progress("dropping", engine.journal.thinning()?.map_or(0, |thinning| thinning.bodies), told.bodies);
        }
        engine.journal.commit()?;
        if give_back {
            engine.journal.give_back_room()?;
        }
    }
    told.file_bytes = engine.journal.file_bytes()?.0;
    Ok(told)
}

fn open_existing(path: &Path) -> crate::journal::Result<Journal> {
    // A journal is not made by a wrong name.
    Journal::open_existing_read_only(path).or_else(|error| match error {
        crate::journal::JournalError::Older { .. } => Ok(Journal::in_memory()?),
        other => Err(other),
    })?;
    Journal::open(path)
}

/// The input before which bodies go, and what holds it back.
fn horizon(engine: &Engine, since_ms: u64) -> anyhow::Result<(u64, Option<String>)> {
    let journal = &engine.journal;
    let by_age = match journal.first_since(since_ms)? {
        seq if seq > journal.head().0 => seq,
        seq => journal.input_at(seq)?.unwrap_or(seq),
    };
    let chains = journal.heads()?.into_iter().map(|head| head.chain).collect();
    let limit = engine.thinning_limit(&chains)?;
    let (mut before, mut held_by) = (by_age, None);
    if limit.before < before {
        (before, held_by) = (limit.before, Some(limit.why));
    }
    loop {
        let unbroken = journal.before_reorgs(before)?;
        if unbroken < before {
            (before, held_by) = (unbroken, Some("a reorg that went back to before it".to_owned()));
        }
        // A replay that starts at the horizon shows late what came after it only.
        if let Some((by, input)) = journal.shown_across(before)? {
            (before, held_by) = (input, Some(format!("input {input}, which was shown late by input {by}")));
            continue;
        }
        let Some((detector, cause)) = journal.failing_before(before)? else { return Ok((before, held_by)) };
        (before, held_by) = (cause, Some(format!("detector {detector}, which did not work then")));
    }
}

/// Sees to it that there is a snapshot of state at the horizon: by a replay up to there, unless one was taken.
fn keep_state(
    engine: &mut Engine,
    path: &Path,
    runtime: &Runtime,
    before: u64,
    progress: &mut impl FnMut(&'static str, u64, u64),
) -> anyhow::Result<()> {
    if engine.journal.snapshots()?.iter().any(|snapshot| snapshot.seq == before && snapshot.complete) {
        return Ok(());
    }
    let then = Journal::open_existing_read_only(path)?;
    let states = replay::state_before(&then, runtime, before, |seq| progress("replaying", seq, before))?;
    engine.journal.put_snapshot(before, &states)?;
    Ok(())
}
