//! A chain's nodes: who is asked first, who rests after a fault, and what is told of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use super::config::ChainConfig;
use super::rpc::{Client, Fault};
use crate::event::Coverage;
use crate::finding::Severity;
use crate::secret::{Secret, SecretRef};

/// Faults in a row after which a node counts as down.
const DOWN_AFTER: u32 = 3;
const FIRST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// One node.
pub(super) struct Endpoint {
    pub(super) client: Client,
    /// What people see of it.
    pub(super) label: String,
    health: Mutex<Health>,
    /// Methods that it does not offer.
    lacks: Mutex<Vec<&'static str>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    failures: u32,
    rests_until: Option<Instant>,
    /// Which faults were told and are not over.
    is_down: bool,
    is_refused: bool,
    is_behind: bool,
}

/// All nodes of a chain.
pub(super) struct Pool {
    endpoints: Vec<Endpoint>,
    /// Faults and their ends, not yet taken by the follower.
    notices: Mutex<Vec<Coverage>>,
}

impl Pool {
    /// The nodes of a resolved config.
    pub(super) fn new(config: &ChainConfig) -> Self {
        let endpoints = config.endpoints.iter().filter_map(|endpoint| match endpoint {
            SecretRef::Literal(secret) => Some(Endpoint::new(secret.clone(), config)),
            // A resolved config has values only.
            SecretRef::Env(_) | SecretRef::File(_) => None,
        });
        Self { endpoints: endpoints.collect(), notices: Mutex::default() }
    }

    /// All nodes, in the order of the config.
    pub(super) fn all(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The nodes in the order in which to ask them: who does not rest first; then whoever has rested longest.
    pub(super) fn order(&self) -> Vec<&Endpoint> {
        let now = Instant::now();
        let mut order: Vec<_> = self
            .endpoints
            .iter()
            .map(|endpoint| (endpoint.health().rests_until.filter(|until| *until > now), endpoint))
            .collect();
        order.sort_by_key(|(until, _)| *until);
        order.into_iter().map(|(_, endpoint)| endpoint).collect()
    }

    /// Waits while every node rests, so that nothing spins.
    pub(super) async fn rested(&self) {
        let now = Instant::now();
        let soonest = self.endpoints.iter().map(|endpoint| endpoint.health().rests_until.unwrap_or(now)).min();
        if let Some(soonest) = soonest.filter(|soonest| *soonest > now) {
            tokio::time::sleep_until(soonest).await;
        }
    }

    /// What was noticed since the last time.
    pub(super) fn take_notices(&self) -> Vec<Coverage> {
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that a node answered as it should.
    pub(super) fn good(&self, endpoint: &Endpoint) {
        let before = endpoint.change(|health| {
            let behind = health.is_behind;
            *health = Health { is_behind: behind, ..Health::default() };
        });
        if before.is_down {
            self.notice("endpoint-down", endpoint, Severity::Low, "it answers again".into(), true);
        }
        if before.is_refused {
            self.notice("endpoint-refused", endpoint, Severity::High, "its blocks hold again".into(), true);
        }
    }

    /// Notes that a node did not answer, or answered nothing of use; it rests for a while.
    pub(super) fn fault(&self, endpoint: &Endpoint, fault: &Fault) {
        let asked = match fault {
            Fault::Throttled { retry_after } => retry_after.unwrap_or_default().min(LONGEST_REST),
            _ => Duration::ZERO,
        };
        let before = endpoint.change(|health| {
            health.failures += 1;
            health.rests_until = Some(Instant::now() + rest(health.failures).max(asked));
            health.is_down |= health.failures >= DOWN_AFTER;
        });
        tracing::debug!(endpoint = endpoint.label, "{fault}");
        if !before.is_down && before.failures + 1 >= DOWN_AFTER {
            let message = format!("{DOWN_AFTER} requests in a row failed: {fault}");
            self.notice("endpoint-down", endpoint, Severity::Low, message, false);
        }
    }

    /// Notes that a node gave a block that does not hold. It rests for longer than after a fault.
    pub(super) fn refused(&self, endpoint: &Endpoint, what: String) {
        tracing::warn!(endpoint = endpoint.label, "refused: {what}");
        let before = endpoint.change(|health| {
            health.failures += 1;
            health.rests_until = Some(Instant::now() + rest(health.failures + 2));
            health.is_refused = true;
        });
        if !before.is_refused {
            self.notice("endpoint-refused", endpoint, Severity::High, what, false);
        }
    }

    /// Notes whether a node is behind the others, or on another fork.
    pub(super) fn behind(&self, endpoint: &Endpoint, what: Option<String>) {
        let is_behind = what.is_some();
        let before = endpoint.change(|health| {
            health.is_behind = is_behind;
            if is_behind {
                health.rests_until = Some(Instant::now() + Duration::from_secs(15));
            }
        });
        match (before.is_behind, what) {
            (false, Some(what)) => self.notice("stale-fork", endpoint, Severity::Medium, what, false),
            (true, None) => {
                self.notice("stale-fork", endpoint, Severity::Medium, "it is with the others again".into(), true);
            }
            _ => {}
        }
    }

    /// Notes something else.
    pub(super) fn tell(&self, coverage: Coverage) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(coverage);
    }

    fn notice(&self, kind: &str, endpoint: &Endpoint, severity: Severity, message: String, over: bool) {
        let subject = format!("endpoint/{}", endpoint.label);
        let message = format!("{}: {message}", endpoint.label);
        self.tell(Coverage { kind: kind.into(), subject, severity, message, over });
    }
}

impl Endpoint {
    fn new(secret: Secret, config: &ChainConfig) -> Self {
        Self {
            label: secret.label(),
            client: Client::new(secret, config),
            health: Mutex::default(),
            lacks: Mutex::default(),
        }
    }

    /// Whether it is known not to offer a method.
    pub(super) fn lacks(&self, method: &'static str) -> bool {
        self.lacks.lock().unwrap_or_else(PoisonError::into_inner).contains(&method)
    }

    /// Notes that it does not offer a method.
    pub(super) fn note_lack(&self, method: &'static str) {
        tracing::info!(endpoint = self.label, "it does not offer `{method}`");
        self.lacks.lock().unwrap_or_else(PoisonError::into_inner).push(method);
    }

    fn health(&self) -> Health {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes its health, and gives what it was.
    fn change(&self, change: impl FnOnce(&mut Health)) -> Health {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *health;
        change(&mut health);
        before
    }
}

/// How long to rest after so many faults in a row: doubling, with up to a quarter of jitter.
fn rest(failures: u32) -> Duration {
    let rest = (FIRST_REST * 2_u32.saturating_pow(failures.saturating_sub(1).min(10))).min(LONGEST_REST);
    rest.mul_f64(rand::rng().random_range(1.0..1.25))
}
