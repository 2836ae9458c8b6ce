//! Where a feed speaks: messages become observations, silence and nonsense become faults in the coverage.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::config::{FeedConfig, FeedKind, ValueType};
use super::value;
use crate::event::{Coverage, Event, Observation};
use crate::finding::Severity;
use crate::source::Delivery;

/// After how long without a connection a feed counts as unreachable.
const UNREACHABLE_AFTER: Duration = Duration::from_secs(60);

/// After how long without a value that came too soon a feed keeps to its pace again.
const FLOOD_OVER_AFTER: Duration = Duration::from_secs(60);
/// For what is not awaited.
const FAR: Duration = Duration::from_secs(86_400);

/// A feed's way into the host.
pub(super) struct Outlet {
    name: String,
    pointer: String,
    time_pointer: Option<String>,
    value_type: ValueType,
    silent_after: Option<Duration>,
    spoke: Instant,
    is_silent: bool,
    is_malformed: bool,
    /// Since when it has not been reached.
    failing_since: Option<Instant>,
    unreachable_after: Duration,
    is_unreachable: bool,
    out: mpsc::Sender<Delivery>,
    /// How often its sender may speak, if its sender decides that.
    pace: Option<DefaultDirectRateLimiter>,
    max_per_s: NonZeroU32,
    /// The newest value that came too soon.
    held: Option<Observation>,
    /// When a value was last left out.
    flooded: Option<Instant>,
}

/// The loop is gone: there is nobody to speak to.
#[derive(Debug, thiserror::Error)]
#[error("the host is stopping")]
pub(super) struct Closed;

impl Outlet {
    pub(super) fn new(name: String, config: &FeedConfig, out: mpsc::Sender<Delivery>) -> anyhow::Result<Self> {
        Ok(Self {
            name,
            pointer: config.pointer.clone(),
            time_pointer: config.time_pointer.clone(),
            value_type: config.value_type,
            silent_after: config.silent_after_s.map(Duration::from_secs),
            spoke: Instant::now(),
            is_silent: false,
            is_malformed: false,
            failing_since: None,
            unreachable_after: UNREACHABLE_AFTER,
            is_unreachable: false,
            out,
            pace: matches!(config.kind, FeedKind::Websocket | FeedKind::Webhook)
                .then(|| RateLimiter::direct(Quota::per_second(config.max_per_s))),
            max_per_s: config.max_per_s,
            held: None,
            flooded: None,
        })
    }

    /// That it can't be reached is reported at the first failure.
    pub(super) fn report_at_once(&mut self) {
        self.unreachable_after = Duration::ZERO;
    }

    /// The feed's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads a message; in words, why it is none of this feed.
    pub(super) fn read(&self, json: &str, position: String) -> Result<Observation, String> {
        let value = value::typed(value::part(json, &self.pointer)?, self.value_type)?;
        let received_at_ms = now_ms();
        let observed_at_ms = match &self.time_pointer {
            Some(pointer) => value::time_ms(value::part(json, pointer)?)?,
            None => received_at_ms,
        };
        Ok(Observation { feed: self.name.clone(), observed_at_ms, received_at_ms, value, position })
    }

    /// Takes a message in: an observation, or a fault in the coverage.
    pub(super) async fn message(&mut self, json: &str, position: String) -> Result<(), Closed> {
        match self.read(json, position) {
            Ok(observation) => self.paced(observation).await,
            Err(what) => self.malformed(what).await,
        }
    }

    /// Tells whether another value may come now. If not, that is a finding.
    pub(super) async fn has_room(&mut self) -> Result<bool, Closed> {
        if self.pace.as_ref().is_none_or(|pace| pace.check().is_ok()) {
            if self.flooded.is_some_and(|flooded| flooded.elapsed() >= FLOOD_OVER_AFTER) {
                self.flooded = None;
                self.fault("feed-flood", Severity::Medium, "it speaks as often as it may".to_owned(), true).await?;
            }
            return Ok(true);
        }
        if self.flooded.replace(Instant::now()).is_none() {
            let what = format!(
                "it speaks more often than its `max_per_s`, {} times a second: of what comes too soon the newest is taken in",
                self.max_per_s
            );
            self.fault("feed-flood", Severity::Medium, what, false).await?;
        }
        Ok(false)
    }

    /// Hands an observation over, or keeps it until there is room, in place of an older one.
    async fn paced(&mut self, observation: Observation) -> Result<(), Closed> {
        if self.has_room().await? {
            self.held = None;
            return self.observe(observation, None).await;
        }
        self.held = Some(observation);
        Ok(())
    }

    /// When a value that came too soon may be handed over; far away if there is none.
    pub(super) fn held_due(&self) -> Instant {
        let wait = if self.held.is_some() { Duration::from_secs(1) / self.max_per_s.get() } else { FAR };
        Instant::now() + wait
    }

    /// Hands over the value that came too soon, if there is room for it now.
    pub(super) async fn release(&mut self) -> Result<(), Closed> {
        match self.held.take() {
            Some(observation) if self.pace.as_ref().is_none_or(|pace| pace.check().is_ok()) => {
                self.observe(observation, None).await
            }
            held => {
                self.held = held;
                Ok(())
            }
        }
    }

    /// Hands an observation over; `done` is told once it is durable.
    pub(super) async fn observe(
        &mut self,
        observation: Observation,
        done: Option<oneshot::Sender<()>>,
    ) -> Result<(), Closed> {
        self.spoke = Instant::now();
        if std::mem::take(&mut self.is_silent) {
            self.fault("feed-silent", Severity::Medium, "it speaks again".to_owned(), true).await?;
        }
        if std::mem::take(&mut self.is_malformed) {
            self.fault("feed-malformed", Severity::Medium, "it makes sense again".to_owned(), true).await?;
        }
        self.send(Delivery { done, ..Delivery::now(Event::Observed { observation }) }).await
    }

    /// Tells that a message made no sense: once, until one does again.
    pub(super) async fn malformed(&mut self, what: String) -> Result<(), Closed> {
        tracing::warn!(feed = self.name, "a message that makes no sense: {what}");
        if std::mem::replace(&mut self.is_malformed, true) {
            return Ok(());
        }
        self.fault("feed-malformed", Severity::Medium, what, false).await
    }

    /// Notes that it could not be reached, and tells so once that has gone on for long, whether or not silence is watched.
    pub(super) async fn failed(&mut self, why: &str) -> Result<(), Closed> {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if self.is_unreachable || since.elapsed() < self.unreachable_after {
            return Ok(());
        }
        self.is_unreachable = true;
        let what = match since.elapsed().as_secs() {
            0 => format!("it could not be reached: {why}"),
            for_s => format!("it could not be reached for {for_s} s: {why}"),
        };
        self.fault("feed-unreachable", Severity::Medium, what, false).await
    }

    /// Notes that it was reached.
    pub(super) async fn reached(&mut self) -> Result<(), Closed> {
        self.failing_since = None;
        match std::mem::take(&mut self.is_unreachable) {
            true => self.fault("feed-unreachable", Severity::Medium, "it is reached again".to_owned(), true).await,
            false => Ok(()),
        }
    }

    /// When its silence is to be told; far away where it never is, or was told already.
    pub(super) fn silence_due(&self) -> Instant {
        let due = self.silent_after.filter(|_| !self.is_silent).and_then(|after| self.spoke.checked_add(after));
        due.unwrap_or_else(|| Instant::now() + FAR)
    }

    /// Tells that it has been silent for too long. `why` is what was last heard of its cause.
    pub(super) async fn silent(&mut self, why: &str) -> Result<(), Closed> {
        let (Some(after), false) = (self.silent_after, self.is_silent) else { return Ok(()) };
        if self.spoke.elapsed() < after {
            return Ok(());
        }
        self.is_silent = true;
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let what = format!("no value for {} s{why}", after.as_secs());
        self.fault("feed-silent", Severity::Medium, what, false).await
    }

    async fn fault(&self, kind: &str, severity: Severity, message: String, over: bool) -> Result<(), Closed> {
        let subject = format!("feed/{}", self.name);
        let coverage = Coverage { chain: None, kind: kind.to_owned(), subject, severity, message, over };
        self.send(Delivery::now(Event::Coverage { coverage })).await
    }

    async fn send(&self, delivery: Delivery) -> Result<(), Closed> {
        self.out.send(delivery).await.map_err(|_| Closed)
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a flood a few values a second are taken in, the newest among them, and that there is one is told once.
    #[tokio::test]
    async fn a_flood_is_thinned_to_the_newest() {
        let config =
            toml::from_str("kind = \"websocket\"\nurl = \"ws://x\"\nmax_per_s = 5\ntype = \"number\"").unwrap();
        let (out, mut came) = mpsc::channel(8_192);
        let mut outlet = Outlet::new("price".into(), &config, out).unwrap();
        for value in 0..20_000 {
            outlet.message(&value.to_string(), String::new()).await.unwrap();
        }
        let (mut values, mut told) = (Vec::new(), Vec::new());
        let mut look = |came: &mut mpsc::Receiver<Delivery>| {
            while let Ok(Delivery { event, .. }) = came.try_recv() {
                match event {
                    Event::Observed { observation } => values.push(observation.value),
                    Event::Coverage { coverage } => told.push((coverage.kind, coverage.over)),
                    _ => {}
                }
            }
        };
        look(&mut came);
        // Its clock is the machine's: what comes late on a slow one makes room for some more.
        std::thread::sleep(Duration::from_millis(400));
        outlet.release().await.unwrap();
        look(&mut came);
        assert!((6..200).contains(&values.len()), "{} values", values.len());
        assert_eq!(values.last(), Some(&crate::event::Value::Number("19999".into())));
        assert_eq!(told, [("feed-flood".to_owned(), false)]);
    }

    #[tokio::test]
    async fn a_feed_that_cannot_be_reached_is_reported_once_even_if_silence_is_not_watched() {
        let config = toml::from_str("kind = \"http\"\nurl = \"http://x\"\ninterval_ms = 100").unwrap();
        let (out, mut came) = mpsc::channel(8);
        let mut outlet = Outlet::new("price".into(), &config, out).unwrap();
        outlet.failed("no route").await.unwrap();
        assert!(came.try_recv().is_err(), "once is no trouble");
        outlet.unreachable_after = Duration::ZERO;
        outlet.failed("no route").await.unwrap();
        outlet.failed("no route").await.unwrap();
        outlet.reached().await.unwrap();
        outlet.reached().await.unwrap();
        let mut told = Vec::new();
        while let Ok(Delivery { event: Event::Coverage { coverage }, .. }) = came.try_recv() {
            told.push((coverage.kind, coverage.over, coverage.message));
        }
        let kind = || "feed-unreachable".to_owned();
        let why = "it could not be reached: no route".to_owned();
        assert_eq!(told, [(kind(), false, why), (kind(), true, "it is reached again".to_owned())]);
    }
}
