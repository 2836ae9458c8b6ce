//! Deliveries of effects: what is under way, what follows from an attempt, and when an effect counts as undelivered.
//!
//! Nothing here reads a clock or the journal: times and counts come in, and what to do comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::B256;
use tokio::sync::Semaphore;

use crate::deliver::DeliveryConfig;
use crate::deliver::webhook::Undelivered;
use crate::event::Coverage;
use crate::finding::Severity;
use crate::incident::IncidentId;
use crate::journal::{Posted, Urgency, Waiting};

/// An attempt to deliver an effect that is over.
#[derive(Debug)]
pub struct Attempt {
    /// The name of the webhook or channel in the config.
    pub channel: String,
    /// The incident that the letter was about.
    pub incident: IncidentId,
    /// Keys of the effects that it delivers.
    pub keys: Vec<B256>,
    /// Those of them that it only counts, each with its incident.
    pub folded: Vec<(B256, IncidentId)>,
    /// What stands at the other end now.
    pub posted: Vec<Posted>,
    /// Whether the service accepted it.
    pub result: Result<(), Undelivered>,
}

/// How many deliveries of one urgency to one webhook are under way at once. Each urgency has its own, so that a page does
/// not wait for a receiver that hangs on something else.
const AT_ONCE: usize = 8;
/// How many routine deliveries a program's webhook has in hand: the next of them leaves as soon as one has arrived, without
/// waiting for the loop, which may be at a block meanwhile. What is graver never stands behind so many.
const IN_HAND: usize = 64;

/// The kind of the coverage finding that is open while a webhook takes nothing.
pub(super) const CHANNEL_DEAD: &str = "channel-dead";

/// What is under way, and what each webhook accepted last.
#[derive(Debug)]
pub(super) struct Deliveries {
    config: DeliveryConfig,
    /// When this run began, milliseconds since the Unix epoch.
    began_ms: u64,
    /// Effects by channel and key, each with its urgency if it leads a letter.
    under_way: BTreeMap<String, BTreeMap<B256, Option<Urgency>>>,
    /// When each webhook accepted an effect last, milliseconds since the Unix epoch.
    accepted_ms: BTreeMap<String, u64>,
    /// Lets so many of an urgency leave at once to each webhook.
    turns: BTreeMap<(String, Urgency), Arc<Semaphore>>,
}

/// What follows from an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AfterFailure {
    /// Whether the effect is old enough not to be tried on this webhook any more.
    pub(super) gives_up: bool,
    /// Whether the webhook counts as dead.
    pub(super) is_dead: bool,
}

impl Deliveries {
    /// Nothing is under way; the run began at `began_ms`, milliseconds since the Unix epoch.
    pub(super) fn new(began_ms: u64) -> Self {
        Self {
            config: DeliveryConfig::default(),
            began_ms,
            under_way: BTreeMap::new(),
            accepted_ms: BTreeMap::new(),
            turns: BTreeMap::new(),
        }
    }

    /// Changes the deadlines.
    pub(super) fn configure(&mut self, config: DeliveryConfig) {
        self.config = config;
    }

    /// Returns how many more deliveries of an urgency may begin on a webhook; `takes_all` says whether a program reads there.
    pub(super) fn room(&self, webhook: &str, urgency: Urgency, takes_all: bool) -> usize {
        let most = if takes_all && !urgency.is_urgent() { IN_HAND } else { AT_ONCE };
        let under_way = self.under_way.get(webhook).into_iter().flat_map(BTreeMap::values);
        most.saturating_sub(under_way.filter(|of| **of == Some(urgency)).count())
    }

    /// Returns what a delivery of an urgency waits for before it leaves: only so many do at once.
    pub(super) fn turn(&mut self, webhook: &str, urgency: Urgency) -> Arc<Semaphore> {
        let made = || Arc::new(Semaphore::new(AT_ONCE));
        self.turns.entry((webhook.to_owned(), urgency)).or_insert_with(made).clone()
    }

    /// Returns the keys of the effects that are under way to a webhook.
    pub(super) fn under_way(&self, webhook: &str) -> BTreeSet<B256> {
        self.under_way.get(webhook).into_iter().flat_map(BTreeMap::keys).copied().collect()
    }

    /// True when nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.values().all(BTreeMap::is_empty)
    }

    /// Notes that an attempt begins, on the first of these effects and others that it stands for.
    pub(super) fn begin(&mut self, webhook: &str, keys: &[B256], urgency: Urgency) {
        let under_way = self.under_way.entry(webhook.to_owned()).or_default();
        under_way.extend(keys.iter().enumerate().map(|(at, key)| (*key, (at == 0).then_some(urgency))));
    }

    /// Returns the longest that an effect of an urgency may be held back, milliseconds: so that its deadline is not missed.
    pub(super) fn longest_wait_ms(&self, urgency: Urgency) -> u64 {
        self.deadline_ms(urgency) / 3
    }

    /// Notes that an attempt is over.
    pub(super) fn end(&mut self, webhook: &str, key: B256) {
        if let Some(under_way) = self.under_way.get_mut(webhook) {
            under_way.remove(&key);
        }
    }

    /// Notes that a webhook accepted an effect at `now_ms`, milliseconds since the Unix epoch.
    pub(super) fn accepted(&mut self, webhook: &str, now_ms: u64) {
        self.accepted_ms.insert(webhook.to_owned(), now_ms);
    }

    /// Judges an attempt that failed at `now_ms`, milliseconds since the Unix epoch; no further one would go better if
    /// `is_final`.
    pub(super) fn after_failure(&self, webhook: &str, waiting: &Waiting, is_final: bool, now_ms: u64) -> AfterFailure {
        let (urgency, ordered_ms) = (waiting.urgency, waiting.ordered_ms);
        let age_ms = now_ms.saturating_sub(ordered_ms);
        let gives_up = is_final || age_ms >= self.config.give_up_after_ms();
        // A webhook that accepted a later effect works: it is this effect that its receiver does not take.
        let works = self.accepted_ms.get(webhook).is_some_and(|accepted_ms| *accepted_ms >= ordered_ms);
        let is_late = now_ms.saturating_sub(ordered_ms.max(self.began_ms)) >= self.deadline_ms(urgency);
        AfterFailure { gives_up, is_dead: !works && (is_late || gives_up) }
    }

    /// Returns the time at or before which an effect of an urgency was ordered if its deadline is over, milliseconds since
    /// the Unix epoch; `None` if no deadline can be over yet. An effect of an earlier run has its whole time again, as it
    /// was not tried while the host was down.
    pub(super) fn overdue_before(&self, urgency: Urgency, now_ms: u64) -> Option<u64> {
        let ordered_ms = now_ms.checked_sub(self.deadline_ms(urgency))?;
        (ordered_ms >= self.began_ms).then_some(ordered_ms)
    }

    fn deadline_ms(&self, urgency: Urgency) -> u64 {
        if urgency.is_urgent() { self.config.urgent_deadline_ms() } else { self.config.deadline_ms() }
    }

    /// Returns the coverage that a webhook or channel is dead, or works again.
    pub(super) fn coverage(section: &str, name: &str, message: String, over: bool) -> Coverage {
        let (kind, subject) = (CHANNEL_DEAD.to_owned(), subject(section, name));
        Coverage { chain: None, kind, subject, severity: Severity::High, message, over }
    }
}

/// Returns the subject of a coverage finding about a webhook or channel.
pub(super) fn subject(section: &str, name: &str) -> String {
    format!("{section}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN_MS: u64 = 1_000_000;

    fn deliveries() -> Deliveries {
        let mut deliveries = Deliveries::new(BEGAN_MS);
        deliveries.configure(DeliveryConfig { urgent_deadline_s: 60, deadline_s: 900, give_up_after_s: 86_400 });
        deliveries
    }

    fn key(byte: u8) -> B256 {
        B256::repeat_byte(byte)
    }

    #[test]
    fn each_urgency_has_room_of_its_own() {
        let mut deliveries = deliveries();
        for at in 0..8 {
            assert_eq!(deliveries.room("ops", Urgency::Routine, false), 8 - usize::from(at));
            deliveries.begin("ops", &[key(at), key(at + 100)], Urgency::Routine);
        }
        assert_eq!(deliveries.room("ops", Urgency::Routine, false), 0);
        assert_eq!(deliveries.room("ops", Urgency::Critical, true), 8, "hanging receivers hold up no page");
        assert_eq!(deliveries.room("other", Urgency::Routine, false), 8);
        assert_eq!(deliveries.under_way("ops").len(), 16);
        (0..8).for_each(|at| deliveries.end("ops", key(at + 100)));
        deliveries.end("ops", key(3));
        assert_eq!(deliveries.room("ops", Urgency::Routine, false), 1);
        assert!(!deliveries.is_idle());
        (0..8).for_each(|at| deliveries.end("ops", key(at)));
        assert!(deliveries.is_idle());
    }

    #[test]
    fn a_program_has_more_in_hand_than_leaves_at_once() {
        let mut deliveries = deliveries();
        let room = |deliveries: &Deliveries, urgency| deliveries.room("ops", urgency, true);
        assert_eq!(room(&deliveries, Urgency::Routine), IN_HAND);
        assert_eq!(room(&deliveries, Urgency::Urgent), AT_ONCE, "a page stands behind few others");
        deliveries.begin("ops", &[key(1)], Urgency::Routine);
        assert_eq!(room(&deliveries, Urgency::Routine), IN_HAND - 1);
        let turn = deliveries.turn("ops", Urgency::Routine);
        let left: Vec<_> = (0..AT_ONCE).map(|_| turn.clone().try_acquire_owned().unwrap()).collect();
        assert!(deliveries.turn("ops", Urgency::Routine).try_acquire().is_err(), "they are the same");
        assert!(deliveries.turn("ops", Urgency::Critical).try_acquire().is_ok());
        assert!(deliveries.turn("other", Urgency::Routine).try_acquire().is_ok());
        drop(left);
        assert!(turn.try_acquire().is_ok());
    }

    #[test]
    fn a_deadline_counts_from_the_order_and_from_the_start_of_the_run() {
        let deliveries = deliveries();
        // An hour before the start: nothing was tried while the host was down.
        assert_eq!(deliveries.overdue_before(Urgency::Critical, BEGAN_MS + 59_999), None);
        assert_eq!(deliveries.overdue_before(Urgency::Critical, BEGAN_MS + 60_000), Some(BEGAN_MS));
        assert_eq!(deliveries.overdue_before(Urgency::Urgent, BEGAN_MS + 100_000), Some(BEGAN_MS + 40_000));
        assert_eq!(deliveries.overdue_before(Urgency::Routine, BEGAN_MS + 100_000), None);
        assert_eq!(deliveries.overdue_before(Urgency::Routine, BEGAN_MS + 900_000), Some(BEGAN_MS));
    }

    #[test]
    fn a_webhook_is_dead_once_a_deadline_is_over_and_nothing_was_accepted_since() {
        let mut deliveries = deliveries();
        let ordered_ms = BEGAN_MS + 10_000;
        let after = |deliveries: &Deliveries, urgency, passed_ms| {
            let waiting = Waiting { urgency, ordered_ms, attempts: 1, error: None };
            deliveries.after_failure("ops", &waiting, false, ordered_ms + passed_ms)
        };
        let goes_on = AfterFailure { gives_up: false, is_dead: false };
        assert_eq!(after(&deliveries, Urgency::Critical, 59_999), goes_on);
        assert_eq!(after(&deliveries, Urgency::Critical, 60_000), AfterFailure { gives_up: false, is_dead: true });
        assert_eq!(after(&deliveries, Urgency::Routine, 60_000), goes_on);
        deliveries.accepted("other", ordered_ms + 1);
        assert!(after(&deliveries, Urgency::Critical, 60_000).is_dead, "another webhook's success says nothing");
        deliveries.accepted("ops", ordered_ms + 1);
        assert_eq!(after(&deliveries, Urgency::Critical, 70_000), goes_on, "its receiver refuses this effect alone");
        let waiting = Waiting { urgency: Urgency::Critical, ordered_ms, attempts: 0, error: None };
        let refused = deliveries.after_failure("ops", &waiting, true, ordered_ms + 1);
        assert_eq!(refused, AfterFailure { gives_up: true, is_dead: false }, "a refusal for good goes on at once");
        let day = AfterFailure { gives_up: true, is_dead: false };
        assert_eq!(after(&deliveries, Urgency::Critical, 86_400_000), day);
    }
}
