//! The loop's pulse, and a thread of its own that watches it: a loop that stands can't report itself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use tokio::sync::mpsc;

use crate::app::live::messages::Message;
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::source::Delivery;

const LOOP_STALLED: &str = "loop-stalled";

/// When the loop turned last, and what it is at.
#[derive(Debug)]
pub struct Pulse {
    began: Instant,
    /// Milliseconds since `began`.
    turned_ms: AtomicU64,
    doing: Mutex<String>,
    /// The journal's newest entry that was committed, by number and hash.
    head: Mutex<(u64, B256)>,
    stall_after: Duration,
}

impl Pulse {
    /// Makes the pulse of a loop that counts as stalled once it has not turned for `stall_after`.
    pub fn new(stall_after: Duration) -> Self {
        let doing = Mutex::new("starting".to_owned());
        Self { began: Instant::now(), turned_ms: AtomicU64::new(0), doing, head: Mutex::default(), stall_after }
    }

    /// Notes that the loop turns, and what it goes about next.
    pub(super) fn turn(&self, doing: String) {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner) = doing;
        self.turned_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Release);
    }

    /// Notes the journal's newest entry that was committed.
    pub(super) fn committed(&self, head: (u64, B256)) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    /// Returns the number and the hash of the journal's newest entry that was committed.
    pub(super) fn head(&self) -> (u64, B256) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what the loop is at.
    pub(super) fn doing(&self) -> String {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns for how long the loop has not turned.
    pub(super) fn stands_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.turned_ms.load(Ordering::Acquire)))
    }

    /// Returns after how long without a turn the loop counts as stalled.
    pub(super) fn stall_after(&self) -> Duration {
        self.stall_after
    }

    /// True if the loop counts as stalled now.
    pub(super) fn is_stalled(&self) -> bool {
        self.stands_for() >= self.stall_after
    }

    /// Watches the pulse by a thread of its own for as long as the loop is there. A stall is logged at once, and given to
    /// the loop as a finding that it takes in when it turns again.
    ///
    /// # Errors
    ///
    /// If there can be no thread.
    pub fn watch(self: &Arc<Self>, messages: mpsc::Sender<Message>) -> std::io::Result<()> {
        let pulse = self.clone();
        let look_every = (self.stall_after / 4).clamp(Duration::from_millis(10), Duration::from_secs(1));
        std::thread::Builder::new().name("watchdog".into()).spawn(move || {
            let (mut watchdog, mut unsent) = (Watchdog::default(), VecDeque::new());
            while !messages.is_closed() {
                std::thread::sleep(look_every);
                unsent.extend(watchdog.look(pulse.stands_for(), pulse.stall_after, || pulse.doing()));
                // A full inbox takes it another time.
                while let Some(coverage) = unsent.pop_front() {
                    let event = Event::Coverage { coverage: Coverage::clone(&coverage) };
                    if messages.try_send(Message::Input(Delivery::now(event))).is_err() {
                        unsent.push_front(coverage);
                        break;
                    }
                }
            }
        })?;
        Ok(())
    }
}

/// Judges the pulse from look to look.
#[derive(Debug, Default)]
struct Watchdog {
    /// For how long the loop has been standing at the least, if that was reported.
    reported: Option<Duration>,
}

impl Watchdog {
    /// Returns what is to be reported, if that is news.
    fn look(
        &mut self,
        stands_for: Duration,
        stall_after: Duration,
        doing: impl FnOnce() -> String,
    ) -> Option<Coverage> {
        let is_stalled = stands_for >= stall_after;
        let message = match (self.reported, is_stalled) {
            (None, true) => {
                let message = format!(
                    "the main loop has not turned for {} s: it is at {}. Nothing is watched, decided or delivered \
                     meanwhile. See the load of this machine and its disk; if it stands for good, restart the host and \
                     please report this",
                    stands_for.as_secs(),
                    doing()
                );
                tracing::error!("{message}");
                message
            }
            (Some(before), false) => {
                let message = format!("the main loop turns again, after {} s or more", before.as_secs());
                tracing::warn!("{message}");
                message
            }
            _ => {
                self.reported = self.reported.map(|before| before.max(stands_for));
                return None;
            }
        };
        self.reported = is_stalled.then_some(stands_for);
        let (kind, subject) = (LOOP_STALLED.to_owned(), "host/loop".to_owned());
        Some(Coverage { chain: None, kind, subject, severity: Severity::High, message, over: !is_stalled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_reported_once_with_what_the_loop_is_at_and_ends() {
        let (mut watchdog, after) = (Watchdog::default(), Duration::from_secs(15));
        let mut look = |stands_for_s| {
            watchdog.look(Duration::from_secs(stands_for_s), after, || "input `committed`, block 7 of chain 1".into())
        };
        assert_eq!(look(14), None);
        let stalled = look(15).unwrap();
        assert!(!stalled.over && stalled.message.contains("for 15 s: it is at input `committed`, block 7 of chain 1"));
        assert_eq!([look(16), look(80)], [None, None], "once");
        let over = look(0).unwrap();
        assert!(over.over && over.message.contains("after 80 s"), "{}", over.message);
        assert_eq!((over.kind, over.subject), (stalled.kind, stalled.subject), "it ends that very finding");
        assert_eq!(look(1), None);
    }

    #[tokio::test]
    async fn a_loop_that_stands_is_reported_by_a_thread_of_its_own() {
        let (messages, mut inbox) = mpsc::channel(4);
        let pulse = Arc::new(Pulse::new(Duration::from_millis(100)));
        pulse.watch(messages).unwrap();
        let next = async |inbox: &mut mpsc::Receiver<Message>| match tokio::time::timeout(
            Duration::from_secs(20),
            inbox.recv(),
        )
        .await
        .unwrap()
        {
            Some(Message::Input(Delivery { event: Event::Coverage { coverage }, .. })) => coverage,
            _ => panic!("no coverage"),
        };
        assert!(pulse.doing() == "starting" && !next(&mut inbox).await.over);
        assert!(pulse.is_stalled());
        let turning = tokio::spawn(async move {
            loop {
                pulse.turn("waiting".into());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(next(&mut inbox).await.over);
        turning.abort();
    }
}
