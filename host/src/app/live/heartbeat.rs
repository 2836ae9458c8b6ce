//! Beats while the main loop turns, and reports who does not take it.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::messages::Message;
use crate::app::live::pulse::Pulse;
use crate::deliver::heartbeat::Heart;
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::source::Delivery;

/// After how many beats in a row that nobody took it is a finding.
const MISSED: u32 = 3;

/// Beats until the loop is gone. A loop that stands is not alive: nobody is told that it is.
pub fn start(heart: Heart, pulse: Arc<Pulse>, messages: mpsc::Sender<Message>) {
    tokio::spawn(async move {
        let mut every = tokio::time::interval(heart.every());
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut missed: u32 = 0;
        while !messages.is_closed() {
            every.tick().await;
            if pulse.is_stalled() {
                continue;
            }
            let (news, now_missed) = match heart.beat(wall_clock_ms(), pulse.head()).await {
                Ok(()) => {
                    let is_news = missed >= MISSED;
                    (is_news.then(|| coverage("the heartbeat is taken again".to_owned(), true)), 0)
                }
                Err(why) => {
                    let why = why.join("; ");
                    tracing::warn!("the heartbeat was not taken: {why}");
                    let is_news = missed + 1 == MISSED;
                    let message = format!("nobody would notice if this host fell silent: {why}");
                    (is_news.then(|| coverage(message, false)), missed.saturating_add(1))
                }
            };
            missed = now_missed;
            if let Some(coverage) = news
                && messages.send(Message::Input(Delivery::now(Event::Coverage { coverage }))).await.is_err()
            {
                return;
            }
        }
    });
}

fn coverage(message: String, over: bool) -> Coverage {
    let (kind, subject) = ("heartbeat-refused".to_owned(), "host/heartbeat".to_owned());
    Coverage { chain: None, kind, subject, severity: Severity::Medium, message, over }
}
