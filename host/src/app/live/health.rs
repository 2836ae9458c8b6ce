//! `/healthz`: whether the loop turns, and which gaps the watch has, for whoever restarts or pages.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::app::live::messages::Message;
use crate::app::live::pulse::Pulse;
use crate::app::live::sources::Readers;

/// How long the loop is waited for with its gaps.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// Whom the pages ask.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) messages: mpsc::Sender<Message>,
    /// Known without the loop's help, as what endpoints were asked.
    pub(super) pulse: Arc<Pulse>,
    pub(super) readers: Readers,
}

/// How the host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    /// The loop turns, and nothing weakens the watch.
    Ok,
    /// The loop turns, and the watch has gaps.
    Weakened,
    /// The loop turns, and did not say in time which gaps the watch has.
    Busy,
    /// The loop has not turned for too long.
    Stalled,
    /// The loop has ended.
    Ended,
}

#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: Status,
    /// Why, in a sentence; empty if all is well.
    reason: String,
    /// For how long the loop has not turned, milliseconds.
    loop_stands_for_ms: u64,
    /// After how long without a turn it counts as stalled, milliseconds.
    loop_stall_after_ms: u64,
    /// What the loop is at.
    loop_doing: String,
    /// Open gaps in the watch; `None` if the loop did not say.
    gaps: Option<Vec<Gap>>,
}

#[derive(Debug, Serialize)]
struct Gap {
    kind: String,
    subject: String,
}

/// Answers with 200 if the loop turns, else with 503. A gap in the watch is no reason to restart the host.
pub(super) async fn answer(State(asked): State<Asked>) -> (StatusCode, Json<Health>) {
    let health = health(&asked).await;
    let is_well = !matches!(health.status, Status::Stalled | Status::Ended);
    (if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health))
}

async fn health(asked: &Asked) -> Health {
    let gaps = async {
        let (reply, metrics) = oneshot::channel();
        asked.messages.send(Message::Metrics(reply)).await.ok()?;
        let gaps = metrics.await.ok()?.gaps;
        Some(gaps.into_iter().map(|(kind, subject)| Gap { kind, subject }).collect::<Vec<Gap>>())
    };
    let pulse = &asked.pulse;
    let gaps = match pulse.is_stalled() {
        true => None,
        false => tokio::time::timeout(ANSWERED_WITHIN, gaps).await.ok().flatten(),
    };
    let (stands_for, doing) = (pulse.stands_for(), pulse.doing());
    let (status, reason) = match &gaps {
        _ if asked.messages.is_closed() => (Status::Ended, "the main loop has ended".to_owned()),
        _ if pulse.is_stalled() => {
            let seconds = stands_for.as_secs();
            (Status::Stalled, format!("the main loop has not turned for {seconds} s: it is at {doing}"))
        }
        None => (Status::Busy, "the main loop turns and has not answered yet".to_owned()),
        Some(gaps) if gaps.is_empty() => (Status::Ok, String::new()),
        Some(gaps) => {
            let all: Vec<String> = gaps.iter().map(|gap| format!("{} ({})", gap.kind, gap.subject)).collect();
            (Status::Weakened, format!("the watch is weakened: {}", all.join(", ")))
        }
    };
    Health {
        status,
        reason,
        loop_stands_for_ms: stands_for.as_millis() as u64,
        loop_stall_after_ms: pulse.stall_after().as_millis() as u64,
        loop_doing: doing,
        gaps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::engine::status::Metrics;

    fn asked(stall_after: Duration) -> (Asked, mpsc::Receiver<Message>) {
        let (messages, inbox) = mpsc::channel(4);
        let pulse = Arc::new(Pulse::new(stall_after));
        (Asked { messages, pulse, readers: Readers::default() }, inbox)
    }

    #[tokio::test]
    async fn a_loop_that_turns_is_well_and_says_what_is_missing() {
        let (asked, mut inbox) = asked(Duration::from_secs(60));
        let answering = tokio::spawn(async move {
            for gaps in [vec![], vec![("tip-stalled".to_owned(), "chain/1".to_owned())]] {
                let Some(Message::Metrics(reply)) = inbox.recv().await else { panic!("no question") };
                reply.send(Metrics { gaps, ..Metrics::default() }).unwrap();
            }
            inbox
        });
        let (status, Json(health)) = answer(State(asked.clone())).await;
        assert_eq!((status, health.status, health.reason.as_str()), (StatusCode::OK, Status::Ok, ""));
        let (status, Json(health)) = answer(State(asked.clone())).await;
        assert_eq!((status, health.status), (StatusCode::OK, Status::Weakened));
        assert_eq!(health.reason, "the watch is weakened: tip-stalled (chain/1)");
        drop(answering.await.unwrap());
        let (status, Json(health)) = answer(State(asked)).await;
        assert_eq!(
            (status, health.status),
            (StatusCode::SERVICE_UNAVAILABLE, Status::Ended),
            "nobody listens any more"
        );
    }

    #[tokio::test]
    async fn a_loop_that_stands_is_not_waited_for() {
        let (asked, _inbox) = asked(Duration::ZERO);
        asked.pulse.turn("input `committed`".into());
        let (status, Json(health)) = answer(State(asked)).await;
        assert_eq!((status, health.status), (StatusCode::SERVICE_UNAVAILABLE, Status::Stalled));
        assert!(health.reason.ends_with("it is at input `committed`"), "{}", health.reason);
    }
}
