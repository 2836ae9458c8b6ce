//! Detectors as they come and go between two inputs, over the state that the journal has for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::app::engine::{Engine, Given};
use crate::block::ChainId;
use crate::digest::sha256;
use crate::event::{Event, Stamped};
use crate::journal::{Differs, Journal};
use crate::plugin::Detector;
use crate::subscription::Needs;

impl Engine {
    /// Limits how long inputs wait for a detector from here on; `wake` is called whenever a late one comes back.
    pub fn set_patience(&mut self, patience: Duration, wake: Arc<dyn Fn() + Send + Sync>) {
        self.fleet.set_patience(patience, wake);
    }

    /// Returns what must be fetched of each chain that some detector watches.
    pub fn needs(&self) -> BTreeMap<ChainId, Needs> {
        self.fleet.needs()
    }

    /// Keeps a component's bytes in the journal, so that a replay can start it again.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn keep_component(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.journal.keep_component(sha256(bytes), bytes)?)
    }

    /// Puts a detector in place of the one of its id, between two inputs, and journals that; the state stays.
    ///
    /// # Errors
    ///
    /// If it and others listen to each other in a ring, or the journal can't be read or written.
    pub fn swap(&mut self, detector: Detector, spec: String, at_ms: u64) -> anyhow::Result<()> {
        let (id, digest) = (detector.profile().id().to_owned(), detector.profile().digest());
        self.adopt(detector)?;
        let event = Event::Detector { detector: id.clone(), digest: Some(digest), spec };
        match self.attempt(&Stamped { at_ms, event }, &Given::default())? {
            Ok(()) => Ok(()),
            Err(why) => {
                self.fleet.remove(&id);
                anyhow::bail!("{id} could not be taken up, and does not run: {why}")
            }
        }
    }

    /// Takes a detector out, and journals that.
    ///
    /// # Errors
    ///
    /// As [`Engine::take`].
    pub fn remove(&mut self, id: &str, at_ms: u64) -> anyhow::Result<()> {
        self.fleet.remove(id);
        let event = Event::Detector { detector: id.to_owned(), digest: None, spec: String::new() };
        self.take(Stamped { at_ms, event }, &Given::default())
    }

    /// Puts a detector in its place without an entry, over the state that the journal has for it: for a replay, whose
    /// inputs say so themselves.
    pub(in crate::app) fn adopt(&mut self, mut detector: Detector) -> anyhow::Result<()> {
        detector.set_state(self.journal.load_state(detector.profile().id())?);
        detector.get_ready();
        self.fleet.swap(detector)
    }

    /// Compares the tables of another journal with those that were made here of the same entries.
    ///
    /// # Errors
    ///
    /// If either can't be read.
    pub(in crate::app) fn compare_tables(&self, then: &Journal, from_horizon: bool) -> anyhow::Result<Vec<Differs>> {
        Ok(then.compare_replayed(&self.journal, from_horizon)?)
    }

    /// Takes a detector out without an entry: for a replay, whose inputs say so themselves.
    pub(in crate::app) fn dismiss(&mut self, id: &str) {
        self.fleet.remove(id);
    }

    /// Gives a detector no further input until it is released.
    pub fn hold(&mut self, detector: &str) {
        self.held.insert(detector.to_owned());
    }

    /// Lets a detector see inputs again.
    pub fn release(&mut self, detector: &str) {
        self.held.remove(detector);
    }

    /// Returns the input that a detector is at work on, if it is late.
    pub fn at_work(&self, detector: &str) -> Option<u64> {
        self.fleet.at_work(detector)
    }
}
