//! Feeds: what the world off the chain says, as typed, time-stamped observations.

mod config;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod http;
mod jsonl;
mod listen;
mod outlet;
mod records;
mod value;
mod webhook;
mod websocket;

use std::path::Path;

use tokio::sync::{mpsc, watch};

use crate::event::Observation;
use crate::source::Delivery;

use config::Resolved;
pub use config::{FeedConfig, FeedKind, ValueType};
pub use listen::first_word;
use outlet::Outlet;

/// Where a feed stood when the host stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedResume {
    /// Its latest observations, oldest first.
    pub recent: Vec<Observation>,
}

/// A feed as a task.
pub struct FeedTask {
    source: Resolved,
    resume: FeedResume,
    outlet: Outlet,
}

impl FeedTask {
    /// Makes the task of a feed of a config whose relative paths start from `folder`.
    ///
    /// # Errors
    /// If a secret can't be had, or a setting is wrong.
    pub fn new(
        name: String,
        config: FeedConfig,
        folder: &Path,
        resume: FeedResume,
        out: mpsc::Sender<Delivery>,
    ) -> anyhow::Result<Self> {
        let source = config.resolve(folder).map_err(|(key, message)| anyhow::anyhow!("{key}: {message}"))?;
        let outlet = Outlet::new(name, &config, out)?;
        Ok(Self { source, resume, outlet })
    }

    /// Runs until `stop` is true.
    ///
    /// # Errors
    /// If the feed can't go on without somebody's help.
    pub async fn run(self, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let Self { source, resume, outlet } = self;
        match source {
            Resolved::Http(source) => http::run(source, outlet, stop).await,
            Resolved::Websocket(source) => websocket::run(source, outlet, stop).await,
            Resolved::Webhook(source) => webhook::run(source, resume, outlet, stop).await,
            Resolved::Jsonl(source) => jsonl::run(source, resume, outlet, stop).await,
        }
    }
}

/// Waits until a task is to end.
async fn until_stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever could stop it is gone, so nobody waits for it either.
    let _ = stop.wait_for(|stopped| *stopped).await;
}

#[cfg(test)]
mod tests;
