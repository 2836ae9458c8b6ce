//! The watchdog of the tip: whatever the cause, a tip that stands is reported. It asks the nodes itself, and trusts no
//! branch of the follower.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::findings::Findings;
use super::{Closed, Standing};
use crate::finding::Severity;
use crate::source::evm::heads;
use crate::source::evm::pool::Pool;

pub(super) const UNREACHABLE: &str = "chain-unreachable";
const TIP_STALLED: &str = "tip-stalled";
const HEAD_STALLED: &str = "head-stalled";

/// How often the nodes are asked while the tip stands.
const ASK_EVERY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// Watches one chain's tip.
pub(super) struct Watchdog {
    pool: Arc<Pool>,
    findings: Arc<Mutex<Findings>>,
    standing: watch::Receiver<Standing>,
    stall_after: Duration,
    /// When a node named its head last, as far as this one asked.
    heard: Instant,
}

impl Watchdog {
    pub(super) fn new(
        pool: Arc<Pool>,
        findings: Arc<Mutex<Findings>>,
        standing: watch::Receiver<Standing>,
        stall_after: Duration,
    ) -> Self {
        Self { pool, findings, standing, stall_after, heard: Instant::now() }
    }

    /// Runs until the follower is gone, or nobody takes findings any more.
    pub(super) async fn run(mut self) {
        let every = (self.stall_after / 4).clamp(ASK_EVERY.0, ASK_EVERY.1);
        let mut tip = self.standing.borrow_and_update().tip;
        let mut since = Instant::now();
        loop {
            let pause = self.stall_after.saturating_sub(since.elapsed()).max(every.min(self.stall_after));
            let turned = tokio::select! {
                changed = self.standing.changed() => match changed {
                    Ok(()) => {
                        let now = self.standing.borrow_and_update().tip;
                        if now == tip {
                            continue;
                        }
                        (tip, since) = (now, Instant::now());
                        self.moves(tip.map_or(0, |tip| tip.number)).await
                    }
                    Err(_) => return,
                },
                () = tokio::time::sleep(pause) => match since.elapsed() >= self.stall_after {
                    true => self.stands(tip.map(|tip| tip.number), since.elapsed()).await,
                    false => Ok(()),
                },
            };
            if turned.is_err() {
                return;
            }
        }
    }

    async fn moves(&self, tip: u64) -> Result<(), Closed> {
        self.turn(UNREACHABLE, &format!("blocks are taken in again, up to {tip}"), true).await?;
        self.turn(TIP_STALLED, &format!("blocks are taken in again, up to {tip}"), true).await?;
        self.turn(HEAD_STALLED, &format!("the head moves again, at {tip}"), true).await
    }

    /// The tip has stood for too long: asks every node where the head is.
    async fn stands(&mut self, tip: Option<u64>, stands_for: Duration) -> Result<(), Closed> {
        let head = async |node| match self.pool.admit(node).await {
            Ok(()) => heads::name(node, "latest").await.ok()?.map(|name| name.number.to::<u64>()),
            Err(_) => None,
        };
        let asked = futures::future::join_all(self.pool.all().iter().map(head)).await;
        let heads = asked.into_iter().zip(self.pool.all());
        // A head that nobody served counts only if no other node has one.
        let heads = heads.filter_map(|(head, node)| Some((!self.pool.is_doubted(node), head?, node.label.as_str())));
        let Some((_, head, label)) = heads.max_by_key(|(is_believed, head, _)| (*is_believed, *head)) else {
            let heard = self.standing.borrow().heard.map_or(self.heard, |heard| heard.max(self.heard));
            let silent_for = heard.elapsed();
            if silent_for < self.stall_after {
                return Ok(());
            }
            let message = format!(
                "no node has answered for {} s, and none does; blocks that come meanwhile are taken in once one does. Look \
                 at the nodes and the network between",
                silent_for.as_secs()
            );
            return self.turn(UNREACHABLE, &message, false).await;
        };
        self.heard = Instant::now();
        let seconds = stands_for.as_secs();
        match tip {
            Some(tip) if head <= tip => {
                self.turn(UNREACHABLE, &format!("{label} answers again, and is at {head}"), true).await?;
                self.turn(TIP_STALLED, &format!("the head is at {head}, which is taken in"), true).await?;
                self.turn(HEAD_STALLED, &format!("no new block since {tip} for {seconds} s"), false).await
            }
            _ => {
                self.turn(HEAD_STALLED, &format!("the head moves again, at {head}"), true).await?;
                let after = tip.map_or_else(|| "at all".to_owned(), |tip| format!("after block {tip}"));
                let why = self.standing.borrow().why.clone();
                let why = if why.is_empty() { "none is known".to_owned() } else { why };
                let message = format!(
                    "no block {after} was taken in for {seconds} s, and {label} is at {head}; nothing of this chain is \
                     watched meanwhile. Reason of the last attempt: {why}. Mend that, or name another endpoint"
                );
                self.turn(TIP_STALLED, &message, false).await?;
                self.turn(UNREACHABLE, &format!("{label} answers again, and is at {head}"), true).await
            }
        }
    }

    async fn turn(&self, kind: &str, message: &str, over: bool) -> Result<(), Closed> {
        let severity = if kind == UNREACHABLE { Severity::Critical } else { Severity::High };
        let sending = self.findings.lock().unwrap_or_else(PoisonError::into_inner).turn(kind, severity, message, over);
        if let Some((out, delivery)) = sending {
            out.send(delivery).await?;
        }
        Ok(())
    }
}
