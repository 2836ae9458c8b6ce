//! Findings about one chain: each is opened once, and ended once when it is over.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use tokio::sync::mpsc;

use super::{Closed, Follower};
use crate::block::ChainId;
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::source::Delivery;

/// The findings that are open, and how to send a change of them.
pub(super) struct Findings {
    name: String,
    chain: ChainId,
    out: mpsc::Sender<Delivery>,
    open: BTreeSet<String>,
}

impl Findings {
    pub(super) fn new(name: &str, chain: ChainId, out: mpsc::Sender<Delivery>) -> Self {
        Self { name: name.to_owned(), chain, out, open: BTreeSet::new() }
    }

    /// Takes over what is open.
    pub(super) fn know(&mut self, open: &[String]) {
        self.open.extend(open.iter().cloned());
    }

    /// True if a finding of this kind is open.
    pub(super) fn is_open(&self, kind: &str) -> bool {
        self.open.contains(kind)
    }

    /// Notes that a finding is open or over; returns the event and where to send it if that is news.
    pub(super) fn turn(
        &mut self,
        kind: &str,
        severity: Severity,
        message: &str,
        over: bool,
    ) -> Option<(mpsc::Sender<Delivery>, Delivery)> {
        let is_news = if over { self.open.remove(kind) } else { self.open.insert(kind.to_owned()) };
        let message = format!("{}: {message}", self.name);
        let subject = format!("chain/{}", self.chain);
        let coverage = Coverage { chain: Some(self.chain), kind: kind.to_owned(), subject, severity, message, over };
        is_news.then(|| (self.out.clone(), Delivery::now(Event::Coverage { coverage })))
    }
}

impl Follower {
    /// Opens a finding about the chain, unless it is open.
    pub(super) async fn open(&self, kind: &str, severity: Severity, message: String) -> Result<(), Closed> {
        self.finding(kind, severity, &message, false).await
    }

    /// Ends a finding about the chain, if it is open.
    pub(super) async fn end(&self, kind: &str, severity: Severity, message: String) -> Result<(), Closed> {
        self.finding(kind, severity, &message, true).await
    }

    async fn finding(&self, kind: &str, severity: Severity, message: &str, over: bool) -> Result<(), Closed> {
        let sending = self.findings.lock().unwrap_or_else(PoisonError::into_inner).turn(kind, severity, message, over);
        if let Some((out, delivery)) = sending {
            out.send(delivery).await?;
        }
        Ok(())
    }
}
