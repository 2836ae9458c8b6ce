//! Posts effects from the journal's outbox, and takes back in what came of each as an input.

use std::sync::Arc;
use std::time::Instant;

use alloy::primitives::B256;

use crate::app::deploy::change::Outlets;
use crate::app::live::deliveries::{AfterFailure, Attempt, CHANNEL_DEAD, Deliveries, subject};
use crate::app::live::main_loop::{Loop, wall_clock_ms};
use crate::app::live::messages::Message;
use crate::deliver::webhook::{Undelivered, backoff_ms};
use crate::event::Event;
use crate::fact::Delivery;
use crate::journal::{Reported, Urgency};

/// Most effects that are reported as undelivered at one look.
const REPORTED_AT_ONCE: usize = 64;
/// Longest answer that an input keeps, in characters.
const ANSWER_CHARS: usize = 300;

impl Loop {
    /// Posts effects to these webhooks from here on. The finding that a webhook is dead ends with its section.
    pub(super) fn deliver_to(&mut self, outlets: Outlets) -> anyhow::Result<()> {
        for name in self.engine.open_subjects(CHANNEL_DEAD, "webhook/") {
            if !outlets.webhooks.contains_key(&name) {
                let message = format!("webhook {name} was taken out of the config");
                self.take(Event::Coverage { coverage: Deliveries::coverage(&name, message, true) }, None)?;
            }
        }
        self.engine.set_channels(outlets.channels);
        self.deliveries.configure(outlets.config);
        self.webhooks = outlets.webhooks.into_iter().map(|(name, webhook)| (name, Arc::new(webhook))).collect();
        self.look_at_outbox()
    }

    /// Starts the deliveries that are due, and reports the effects whose deadline is over.
    pub(super) fn look_at_outbox(&mut self) -> anyhow::Result<()> {
        self.outbox_looked = Instant::now();
        self.post_all()?;
        // Without a webhook, deliveries are not the host's: somebody reads what it prints.
        if self.webhooks.is_empty() { Ok(()) } else { self.report_overdue() }
    }

    /// Starts the deliveries that are due.
    pub(super) fn post_all(&mut self) -> anyhow::Result<()> {
        let names: Vec<String> = self.webhooks.keys().cloned().collect();
        names.iter().try_for_each(|name| self.post(name))
    }

    /// Starts the deliveries to one webhook that are due. The journal gives only effects that are durable.
    fn post(&mut self, name: &str) -> anyhow::Result<()> {
        let Some(webhook) = self.webhooks.get(name).cloned() else { return Ok(()) };
        if self.stopping_since.is_some() {
            return Ok(());
        }
        // Receivers compare what is signed with a clock of their own; waiting times go by ours.
        let (now_ms, wall_ms) = (self.now_ms()?, wall_clock_ms());
        for urgency in Urgency::ALL {
            let room = self.deliveries.room(name, urgency);
            let under_way = self.deliveries.under_way(name);
            for outgoing in self.engine.outbox_due(name, urgency, now_ms, room, &under_way)? {
                self.deliveries.begin(name, outgoing.key, urgency);
                let (webhook, back, name) = (webhook.clone(), self.back.clone(), name.to_owned());
                self.handle.spawn(async move {
                    let result = webhook.deliver(&outgoing.effect, wall_ms).await;
                    // If the loop has ended, the outbox still has the effect.
                    let _ = back.send(Message::Attempted(Attempt { webhook: name, key: outgoing.key, result })).await;
                });
            }
        }
        Ok(())
    }

    /// Takes in what came of an attempt, and starts the next deliveries to the same webhook.
    pub(super) fn attempted(&mut self, attempt: Attempt) -> anyhow::Result<()> {
        let Attempt { webhook, key, result } = attempt;
        self.deliveries.end(&webhook, key);
        let now_ms = self.now_ms()?;
        match result {
            Ok(()) => self.accepted(&webhook, key, now_ms)?,
            Err(error) => self.failed(&webhook, key, &error, now_ms)?,
        }
        self.commit_soon();
        self.post(&webhook)
    }

    fn accepted(&mut self, webhook: &str, key: B256, now_ms: u64) -> anyhow::Result<()> {
        self.engine.outbox_delivered(webhook, key, now_ms)?;
        self.deliveries.accepted(webhook, now_ms);
        if self.engine.has_open(CHANNEL_DEAD, &subject(webhook)) {
            let coverage = Deliveries::coverage(webhook, format!("webhook {webhook} accepts effects again"), true);
            self.take(Event::Coverage { coverage }, None)?;
        }
        // Several webhooks may carry an effect; the first that accepts it counts.
        if self.engine.reported(key)?.is_some_and(|reported| reported != Reported::Delivered) {
            let delivery = Delivery::arrived(key, format!("{webhook} accepted it"));
            self.take(Event::Delivered { delivery }, None)?;
        }
        Ok(())
    }

    fn failed(&mut self, webhook: &str, key: B256, error: &Undelivered, now_ms: u64) -> anyhow::Result<()> {
        let Some(waiting) = self.engine.outbox_waiting(webhook, key)? else { return Ok(()) };
        let attempts = waiting.attempts + 1;
        let AfterFailure { gives_up, is_dead } =
            self.deliveries.after_failure(webhook, waiting.urgency, waiting.ordered_ms, now_ms);
        if gives_up {
            tracing::error!(webhook, attempts, effect = %key, "delivery given up: {error}");
            self.engine.outbox_given_up(webhook, key, now_ms, &error.message)?;
            if self.engine.is_lost(key)? {
                let delivery = Delivery::given_up(key, self.answer_of(key)?);
                self.take(Event::Delivered { delivery }, None)?;
            }
        } else {
            let wait_ms = backoff_ms(waiting.attempts, error.retry_after_ms);
            tracing::warn!(webhook, attempts, wait_ms, "delivery failed, will be tried again: {error}");
            self.engine.outbox_failed(webhook, key, now_ms + wait_ms, &error.message)?;
        }
        if is_dead && !self.engine.has_open(CHANNEL_DEAD, &subject(webhook)) {
            let message = format!(
                "webhook {webhook} accepts nothing: {error}. Effects wait for it and are tried again; see to its receiver, \
                 or take the webhook out of the config"
            );
            tracing::error!("{message}");
            self.take(Event::Coverage { coverage: Deliveries::coverage(webhook, message, false) }, None)?;
        }
        Ok(())
    }

    /// Reports effects that no webhook carries, and those that no webhook has accepted by their deadline: once each, as the
    /// journal notes with the input that it was reported.
    fn report_overdue(&mut self) -> anyhow::Result<()> {
        let now_ms = self.now_ms()?;
        let mut keys = self.engine.outbox_uncarried(REPORTED_AT_ONCE)?;
        for urgency in [Urgency::Urgent, Urgency::Routine] {
            if let Some(ordered_ms) = self.deliveries.overdue_before(urgency, now_ms) {
                keys.extend(self.engine.outbox_overdue(urgency, ordered_ms, REPORTED_AT_ONCE)?);
            }
        }
        for key in keys {
            let answer = self.answer_of(key)?;
            tracing::error!(effect = %key, "not delivered in time: {answer}");
            self.take(Event::Delivered { delivery: Delivery::failed(key, answer) }, None)?;
        }
        Ok(())
    }

    /// What each webhook that carries an effect said last, in a line.
    fn answer_of(&self, key: B256) -> anyhow::Result<String> {
        let mut parts = Vec::new();
        for name in self.webhooks.keys() {
            let Some(waiting) = self.engine.outbox_waiting(name, key)? else { continue };
            let said = waiting.error.unwrap_or_else(|| "no attempt has ended yet".to_owned());
            parts.push(match waiting.attempts {
                0 | 1 => format!("{name}: {said}"),
                attempts => format!("{name}: {said}, after {attempts} attempts"),
            });
        }
        if parts.is_empty() {
            return Ok("no webhook carries it".to_owned());
        }
        Ok(parts.join("; ").chars().take(ANSWER_CHARS).collect())
    }
}
