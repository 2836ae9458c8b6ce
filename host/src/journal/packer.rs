//! Bodies of columns are large: they are made on a thread of their own, while detectors look at what they are of.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::Result;
use super::body::{self, Body};
use crate::entry::Entry;

/// The thread, started with the first body; without one, bodies are made when they are asked for.
#[derive(Default)]
pub(super) struct Packer(Option<Sender<(Entry, SyncSender<Result<Body>>)>>);

/// A body that is being made.
pub struct Packing(Option<Receiver<Result<Body>>>);

impl Packer {
    pub(super) fn pack(&mut self, entry: &Entry) -> Packing {
        if !body::is_packed(entry) {
            return Packing(None);
        }
        if self.0.is_none() {
            let (give, entries) = channel::<(Entry, SyncSender<Result<Body>>)>();
            let work = move || {
                for (entry, made) in entries {
                    // If nobody waits any more, the run has ended.
                    let _ = made.send(body::encode(&entry));
                }
            };
            self.0 = std::thread::Builder::new().name("packer".into()).spawn(work).is_ok().then_some(give);
        }
        let (made, body) = sync_channel(1);
        let given = self.0.as_ref().is_some_and(|give| give.send((entry.clone(), made)).is_ok());
        Packing(given.then_some(body))
    }
}

impl Packing {
    pub(super) fn finish(self, entry: &Entry) -> Result<Body> {
        self.0.and_then(|body| body.recv().ok()).unwrap_or_else(|| body::encode(entry))
    }
}
