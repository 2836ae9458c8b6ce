//! `watchfire journal unsettle`: the way back from a wrong finality, on a host that is stopped.

use std::path::Path;
use std::sync::Arc;

use anyhow::{bail, ensure};

use crate::app::engine::answers::Answers;
use crate::app::engine::{Engine, Given};
use crate::app::past::compact::open_existing;
use crate::block::ChainId;
use crate::event::Event;
use crate::plugin::Fleet;
use crate::stream::Sequencer;

/// Takes back that blocks of a chain above a height are final, and empties every detector's state. Returns the newest block that
/// was final.
///
/// # Errors
///
/// If there is no journal, a host has it open, it can't be written, or no block above the height is final.
pub fn unsettle(path: &Path, chain: ChainId, above: u64, by: &str, why: &str, now_ms: u64) -> anyhow::Result<u64> {
    let journal = open_existing(path)?;
    let Some((_, finalized)) = journal.settled(chain)? else {
        bail!("no block of chain {chain} is known to be final: there is nothing to take back")
    };
    ensure!(above < finalized, "the newest final block of chain {chain} is {finalized}: name one below it");
    let mut engine = Engine::new(journal, Fleet::new(), Arc::new(Answers::default()))?;
    let event = Event::Unsettled { chain, above, by: by.to_owned(), why: why.to_owned() };
    engine.tick_until(now_ms)?;
    let stamped = Sequencer::new(engine.newest_ms()).stamp(event, now_ms);
    engine.take(stamped, &Given::default())?;
    engine.commit()?;
    Ok(finalized)
}
