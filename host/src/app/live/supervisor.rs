//! Keeps a source running: one that ends by an error or a panic is reported, and started again after a while.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};

use crate::app::live::messages::Message;
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::source::{Delivery, rest};

/// How soon a source is started again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Starts {
    /// The first wait.
    first: Duration,
    /// The longest.
    longest: Duration,
    /// A source that has run for so long runs again: its finding ends.
    steady_after: Duration,
}

/// How soon the sources of a host are started again.
pub(super) const STARTS: Starts =
    Starts { first: Duration::from_secs(1), longest: Duration::from_secs(60), steady_after: Duration::from_secs(30) };

const SOURCE_ENDED: &str = "source-ended";

/// A source at work.
pub(super) type Running = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// Makes a source anew, going on from what the journal has by then.
pub(super) type Again = Box<dyn Fn() -> Pin<Box<dyn Future<Output = anyhow::Result<Running>> + Send>> + Send + Sync>;

/// Runs a source until it ends by itself or `stop` is true. If it fails, reports that once, waits, and goes on with the
/// next that `again` makes.
pub(super) fn supervise(
    subject: String,
    messages: mpsc::Sender<Message>,
    mut stop: watch::Receiver<bool>,
    first: Running,
    again: Again,
    starts: Starts,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let (mut failures, mut next) = (0_u32, Some(first));
        loop {
            let run = async {
                match next.take() {
                    Some(running) => running.await,
                    None => again().await?.await,
                }
            };
            // A task of its own would outlive this one if it is aborted; a panic is caught here as well.
            let run = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(run));
            let mut is_steady = false;
            let ended = {
                tokio::pin!(run);
                tokio::select! {
                    ended = &mut run => ended,
                    () = tokio::time::sleep(starts.steady_after) => {
                        is_steady = true;
                        if failures > 0 && !report(&messages, &subject, "it runs again".to_owned(), true).await {
                            return;
                        }
                        run.await
                    }
                }
            };
            let why = match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => format!("{error:#}"),
                Err(panic) => format!("by a panic, please report it: {}", panic_text(panic.as_ref())),
            };
            if *stop.borrow() {
                tracing::warn!("{subject} ended while it was stopped: {why}");
                return;
            }
            failures = if is_steady { 1 } else { failures.saturating_add(1) };
            let pause = rest(starts.first, starts.longest, failures);
            tracing::error!("{subject} ended and is started again in {} ms: {why}", pause.as_millis());
            let message =
                format!("it ended: {why}. It is started again, ever more slowly; nothing of it is watched meanwhile");
            if failures == 1 && !report(&messages, &subject, message, false).await {
                return;
            }
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    })
}

/// Reports that a source ended or runs again. Returns false if nobody takes it: the loop has ended.
async fn report(messages: &mpsc::Sender<Message>, subject: &str, message: String, over: bool) -> bool {
    let message = format!("{subject}: {message}");
    let (kind, subject) = (SOURCE_ENDED.to_owned(), subject.to_owned());
    let coverage = Coverage { chain: None, kind, subject, severity: Severity::Critical, message, over };
    messages.send(Message::Input(Delivery::now(Event::Coverage { coverage }))).await.is_ok()
}

/// Runs one piece of work as a task of its own, so that its panic ends nothing else.
///
/// # Errors
///
/// If it ends by a panic, with what that said.
pub(super) async fn guarded<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
    tokio::spawn(work).await.map_err(|error: JoinError| match error.try_into_panic() {
        Ok(panic) => format!("the host's own code failed, please report it: {}", panic_text(panic.as_ref())),
        Err(cancelled) => cancelled.to_string(),
    })
}

/// What a panic said.
fn panic_text(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    said.unwrap_or("no reason is known").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use super::*;

    const SOON: Starts = Starts {
        first: Duration::from_millis(20),
        longest: Duration::from_millis(80),
        steady_after: Duration::from_millis(500),
    };

    fn coverage(message: Option<Message>) -> Coverage {
        match message {
            Some(Message::Input(Delivery { event: Event::Coverage { coverage }, .. })) => coverage,
            _ => panic!("no coverage"),
        }
    }

    #[tokio::test]
    async fn a_source_that_panics_is_reported_once_and_started_again_ever_more_slowly() {
        let (messages, mut inbox) = mpsc::channel(8);
        let (stop, stopped) = watch::channel(false);
        let starts = Arc::new(AtomicU32::new(0));
        let counted = starts.clone();
        let again: Again = Box::new(move || {
            let start = counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                anyhow::ensure!(start != 1, "no address");
                let running: Running = match start {
                    0 => Box::pin(async { panic!("index {} out of bounds", 7) }),
                    _ => Box::pin(std::future::pending()),
                };
                Ok(running)
            })
        });
        let first: Running = Box::pin(async { panic!("at once") });
        let began = Instant::now();
        let task = supervise("chain/5".into(), messages, stopped, first, again, SOON);
        let reported = coverage(inbox.recv().await);
        assert_eq!(
            (reported.kind.as_str(), reported.subject.as_str(), reported.over),
            ("source-ended", "chain/5", false)
        );
        assert!(reported.message.contains("by a panic, please report it: at once"), "{}", reported.message);
        let over = coverage(inbox.recv().await);
        assert!(over.over, "three failures are one finding: {}", over.message);
        let passed = began.elapsed();
        // 20, 40 and 80 ms of rest, then half a second of running.
        assert!(passed >= Duration::from_millis(640), "{passed:?}");
        assert_eq!(starts.load(Ordering::SeqCst), 3);
        stop.send_replace(true);
        task.abort();
    }

    #[tokio::test]
    async fn a_source_that_is_stopped_is_not_started_again() {
        let (messages, mut inbox) = mpsc::channel(8);
        let (stop, stopped) = watch::channel(false);
        let again: Again = Box::new(|| panic!("started again"));
        let first: Running = Box::pin(async { anyhow::bail!("no such file") });
        let task = supervise("feed/x".into(), messages, stopped, first, again, SOON);
        assert!(coverage(inbox.recv().await).message.contains("no such file"));
        stop.send_replace(true);
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_piece_of_work_that_panics_says_why() {
        assert_eq!(guarded(async { 5 }).await, Ok(5));
        let failed: Result<(), String> = guarded(async { panic!("oh") }).await;
        assert_eq!(failed, Err("the host's own code failed, please report it: oh".to_owned()));
    }
}
