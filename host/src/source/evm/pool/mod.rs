//! A chain's nodes: who is asked first, who rests after a fault, and which findings about them are open.

mod endpoint;
mod lacks;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::U64;
use serde_json::json;
use tokio::time::Instant;

use super::budget::Calls;
use super::config::ChainConfig;
use super::fault::{Fault, Meaning};
use super::rest::rest;
use super::rpc::Call;
use crate::block::ChainId;
use crate::event::Coverage;
use crate::finding::Severity;
use crate::secret::SecretRef;

pub(super) use endpoint::Endpoint;

/// Faults in a row after which a node counts as down.
const DOWN_AFTER: u32 = 3;
const FIRST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// For how long a head is not believed.
const DOUBTED_FOR: Duration = Duration::from_secs(15);
/// For so many times as long as a node was waited for in vain the others are asked first.
const LAST_FOR_LOST: u32 = 4;
/// For how long a node that is behind, or on another chain, rests.
const BEHIND_REST: Duration = Duration::from_secs(15);

/// All nodes of a chain.
pub(super) struct Pool {
    /// The chain that they must be on; `None` if any will do.
    chain: Option<ChainId>,
    endpoints: Vec<Endpoint>,
    /// Faults and their ends, not yet taken by the follower.
    notices: Mutex<Vec<Coverage>>,
}

impl Pool {
    /// Makes the nodes of a resolved config.
    pub(super) fn new(config: &ChainConfig) -> Self {
        let endpoints = config.endpoints.iter().enumerate().filter_map(|(index, endpoint)| match endpoint {
            SecretRef::Literal(secret) => Some(Endpoint::new(index, secret.clone(), config)),
            // A resolved config has values only.
            SecretRef::Env(_) | SecretRef::File(_) => None,
        });
        Self { chain: Some(config.id), endpoints: endpoints.collect(), notices: Mutex::default() }
    }

    /// The same for a chain that the nodes themselves name.
    pub(super) fn of_any_chain(config: &ChainConfig) -> Self {
        Self { chain: None, ..Self::new(config) }
    }

    /// Returns all nodes, in the order of the config.
    pub(super) fn all(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Returns the node of a place in the config.
    pub(super) fn at(&self, index: usize) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.index == index)
    }

    /// Returns the nodes that neither rest nor are late with an answer, in the order in which to ask them.
    pub(super) fn ready(&self) -> Vec<&Endpoint> {
        let now = Instant::now();
        let is_ready = |endpoint: &&Endpoint| {
            let health = endpoint.health();
            !health.is_late && health.rests_until.is_none_or(|until| until <= now)
        };
        self.order().into_iter().filter(is_ready).collect()
    }

    /// Returns the nodes in the order in which to ask them: first those that do not rest, then those that have rested
    /// longest.
    pub(super) fn order(&self) -> Vec<&Endpoint> {
        let now = Instant::now();
        let until = |endpoint: &Endpoint| {
            let health = endpoint.health();
            let later = |until: Option<Instant>| until.filter(|until| *until > now);
            (later(health.rests_until), health.is_late, later(health.last_until))
        };
        let mut order: Vec<_> = self.endpoints.iter().map(|endpoint| (until(endpoint), endpoint)).collect();
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

    /// Takes what was noticed since the last time.
    pub(super) fn take_notices(&self) -> Vec<Coverage> {
        self.endpoints.iter().for_each(|endpoint| self.look_at_budget(endpoint));
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes sure that a node is on the right chain: asks it before anything else is taken from it, and again after each
    /// time that it did not answer.
    ///
    /// # Errors
    /// If the node does not answer, or is on another chain.
    pub(super) async fn admit(&self, endpoint: &Endpoint) -> Result<(), Fault> {
        let is_confirmed = endpoint.health().confirmed == Some(endpoint.client.connection());
        let Some(expected) = self.chain.filter(|_| !is_confirmed) else { return Ok(()) };
        let came = match endpoint.client.call(Call::new("eth_chainId", json!([]))).await {
            Ok(answer) => {
                serde_json::from_str::<U64>(answer.get()).map_err(|error| Fault::Unreadable(error.to_string()))
            }
            // A node that knows no chain ids can't be asked.
            Err(fault) if fault.meaning() == Meaning::MethodUnknown => Ok(U64::from(expected)),
            Err(fault) => Err(fault),
        };
        let came = came.inspect_err(|fault| self.fault(endpoint, fault))?.to::<u64>();
        let is_elsewhere = came != expected;
        let before = endpoint.change(|health| {
            health.confirmed = (!is_elsewhere).then(|| endpoint.client.connection());
            health.is_elsewhere = is_elsewhere;
            if is_elsewhere {
                health.rests_until = Some(Instant::now() + BEHIND_REST);
            }
        });
        let message =
            format!("it is on chain {came}, not on chain {expected}; nothing of it is taken. Mend its URL or `id`");
        match (before.is_elsewhere, is_elsewhere) {
            (false, true) => self.notice("wrong-chain", endpoint, Severity::High, message.clone(), false),
            (true, false) => {
                self.notice("wrong-chain", endpoint, Severity::High, "it is on the right chain".into(), true)
            }
            _ => {}
        }
        if is_elsewhere { Err(Fault::Transport(message)) } else { Ok(()) }
    }

    /// Notes that a node answered as it should, with what was asked for.
    pub(super) fn good(&self, endpoint: &Endpoint) {
        let (mut is_up, mut holds) = (false, false);
        endpoint.change(|health| {
            health.unanswered = 0;
            health.refusals = 0;
            health.unserved = 0;
            health.rests_until = None;
            health.last_until = None;
            (is_up, holds) = (health.down.works(), health.refused.works());
        });
        if is_up {
            self.notice("endpoint-down", endpoint, Severity::Low, "it answers again".into(), true);
        }
        if holds {
            self.notice("endpoint-refused", endpoint, Severity::High, "its blocks hold again".into(), true);
        }
    }

    /// Notes that a node did not answer, or answered nothing of use; it rests for a while.
    pub(super) fn fault(&self, endpoint: &Endpoint, fault: &Fault) {
        let asked = match fault {
            Fault::Throttled { retry_after, .. } => retry_after.unwrap_or_default().min(LONGEST_REST),
            _ => Duration::ZERO,
        };
        let mut is_news = false;
        endpoint.change(|health| {
            health.unanswered = health.unanswered.saturating_add(1);
            let pause = rest(FIRST_REST, LONGEST_REST, health.unanswered).max(asked);
            health.rests_until = Some(Instant::now() + pause);
            // It cost as much time as it may take: the others come first for longer than that.
            if let Fault::Timeout(lost) = fault {
                health.last_until = Some(Instant::now() + lost.saturating_mul(LAST_FOR_LOST).min(LONGEST_REST));
            }
            is_news = health.down.fails(health.unanswered >= DOWN_AFTER);
            // Whoever answers at this place next may be another node.
            health.confirmed = health.confirmed.filter(|_| !matches!(fault, Fault::Transport(_)));
        });
        tracing::debug!(endpoint = endpoint.label, "{fault}");
        if is_news {
            let message = format!("{DOWN_AFTER} requests in a row failed: {fault}");
            // With no other node to turn to, nothing is watched.
            let severity = if self.endpoints.len() == 1 { Severity::High } else { Severity::Low };
            self.notice("endpoint-down", endpoint, severity, message, false);
        }
    }

    /// Notes that a node answered and did not give what was asked for: the others are asked first for a while.
    pub(super) fn unserved(&self, endpoint: &Endpoint) {
        endpoint.change(|health| {
            health.unserved = health.unserved.saturating_add(1);
            health.last_until = Some(Instant::now() + rest(FIRST_REST, LONGEST_REST, health.unserved));
        });
    }

    /// Notes whether a node has yet to answer what others are asked meanwhile.
    pub(super) fn late(&self, endpoint: &Endpoint, is_late: bool) {
        endpoint.change(|health| health.is_late = is_late);
    }

    /// True if a node has yet to answer what others are asked meanwhile.
    pub(super) fn is_late(&self, endpoint: &Endpoint) -> bool {
        endpoint.health().is_late
    }

    /// Notes that a node gave a block that does not hold. It rests for longer than after a fault.
    pub(super) fn refused(&self, endpoint: &Endpoint, what: String) {
        let mut is_news = false;
        endpoint.change(|health| {
            health.refusals = health.refusals.saturating_add(1);
            health.rests_until =
                Some(Instant::now() + rest(FIRST_REST, LONGEST_REST, health.refusals.saturating_add(2)));
            is_news = health.refused.fails(true);
        });
        if is_news {
            tracing::warn!(endpoint = endpoint.label, "refused: {what}");
            self.notice("endpoint-refused", endpoint, Severity::High, what, false);
        }
    }

    /// Notes that a node serves a fork that is not followed. It rests; the finding about the chain names it.
    pub(super) fn disputed(&self, endpoint: &Endpoint) {
        endpoint.change(|health| {
            health.disputes = health.disputes.saturating_add(1);
            let pause = rest(FIRST_REST, LONGEST_REST, health.disputes.saturating_add(2));
            health.rests_until = Some(Instant::now() + pause);
        });
    }

    /// Notes that no node serves a fork that is not followed any more.
    pub(super) fn undisputed(&self) {
        for endpoint in &self.endpoints {
            endpoint.change(|health| health.disputes = 0);
        }
    }

    /// Notes whether a node is behind the others, or on another fork.
    pub(super) fn behind(&self, endpoint: &Endpoint, what: Option<String>) {
        let is_behind = what.is_some();
        let before = endpoint.change(|health| {
            health.is_behind = is_behind;
            if is_behind {
                health.rests_until = Some(Instant::now() + BEHIND_REST);
            }
        });
        self.turn("stale-fork", endpoint, before.is_behind, what, "it is with the others again");
    }

    /// Notes whether a node claims a head that nobody serves.
    pub(super) fn boasts(&self, endpoint: &Endpoint, what: Option<String>) {
        let before = endpoint.change(|health| health.is_boasting = what.is_some());
        self.turn("head-unserved", endpoint, before.is_boasting, what, "it serves the block that it says is its head");
    }

    /// Notes whether the head that a node claims can be believed. A doubt ends by itself, for one that boasted once may be well.
    pub(super) fn doubt(&self, endpoint: &Endpoint, is_doubted: bool) {
        endpoint.change(|health| health.doubted_until = is_doubted.then(|| Instant::now() + DOUBTED_FOR));
    }

    /// True if the head that a node claims was not served a moment ago.
    pub(super) fn is_doubted(&self, endpoint: &Endpoint) -> bool {
        endpoint.health().doubted_until.is_some_and(|until| until > Instant::now())
    }

    /// Notes whether a node's budget for the day is used up.
    fn look_at_budget(&self, endpoint: &Endpoint) {
        let calls = endpoint.client.calls_made();
        let spent = calls.most_a_day.filter(|most| calls.today >= *most);
        let before = endpoint.change(|health| health.is_spent = spent.is_some());
        let what = spent.map(|most| {
            format!(
                "it was asked {most} calls today, which is its `max_requests_per_day`; it is asked nothing more before \
                 midnight, UTC. Raise the budget, ask less often (`poll_interval_ms`), or name another endpoint"
            )
        });
        self.turn("budget-spent", endpoint, before.is_spent, what, "a new day has a new budget");
    }

    /// Returns what each node was asked.
    pub(super) fn calls(&self) -> Vec<(String, Calls)> {
        self.endpoints.iter().map(|endpoint| (endpoint.label.clone(), endpoint.client.calls_made())).collect()
    }

    /// Opens or ends a finding of medium severity about a node.
    fn turn(&self, kind: &str, endpoint: &Endpoint, was: bool, what: Option<String>, end: &str) {
        match (was, what) {
            (false, Some(what)) => self.notice(kind, endpoint, Severity::Medium, what, false),
            (true, None) => self.notice(kind, endpoint, Severity::Medium, end.to_owned(), true),
            _ => {}
        }
    }

    fn notice(&self, kind: &str, endpoint: &Endpoint, severity: Severity, message: String, over: bool) {
        let subject = format!("endpoint/{}", endpoint.label);
        let message = format!("{}: {message}", endpoint.label);
        let coverage = Coverage { chain: self.chain, kind: kind.into(), subject, severity, message, over };
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(coverage);
    }
}

#[cfg(test)]
mod tests;
