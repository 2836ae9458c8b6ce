//! One node: how it is reached, how it fares, and what it lacks.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::lacks::Lacks;
use crate::secret::Secret;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::rpc::Client;
use crate::source::evm::spell::Spell;

/// One node.
pub(in crate::source::evm) struct Endpoint {
    /// Its place in the config, from 0.
    pub(in crate::source::evm) index: usize,
    pub(in crate::source::evm) client: Client,
    /// What people see of it.
    pub(in crate::source::evm) label: String,
    /// Who runs it.
    pub(in crate::source::evm) operator: String,
    health: Mutex<Health>,
    lacks: Mutex<Lacks>,
}

/// How a node fares. Each cause has a count of its own, so that one kind of success does not hide another kind of failure.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health {
    /// Times in a row that it did not answer.
    pub(super) unanswered: u32,
    /// Blocks in a row that did not hold.
    pub(super) refusals: u32,
    /// Times in a row that it answered and did not give what was asked for.
    pub(super) unserved: u32,
    /// Times in a row that it served a fork that is not followed.
    pub(super) disputes: u32,
    /// Until then it is asked for nothing, unless every node rests.
    pub(super) rests_until: Option<Instant>,
    /// Until then the others are asked first.
    pub(super) last_until: Option<Instant>,
    /// Whether it has yet to answer what others are asked meanwhile.
    pub(super) is_late: bool,
    /// Which findings about it are open.
    pub(super) down: Spell,
    pub(super) refused: Spell,
    pub(super) is_behind: bool,
    pub(super) is_boasting: bool,
    pub(super) is_elsewhere: bool,
    /// The connection over which it said that it is on the right chain, if it has answered ever since.
    pub(super) confirmed: Option<u64>,
    pub(super) is_spent: bool,
    /// Until then its head is not believed: nobody served the block that it names.
    pub(super) doubted_until: Option<Instant>,
}

impl Endpoint {
    pub(super) fn new(index: usize, secret: Secret, config: &ChainConfig) -> Self {
        Self {
            index,
            operator: config.operator(index, &secret.label()),
            label: secret.label(),
            client: Client::new(secret, config),
            health: Mutex::default(),
            lacks: Mutex::default(),
        }
    }

    /// Returns why a method is not to be asked for now; `None` if it may be.
    pub(in crate::source::evm) fn lacks(&self, method: &str) -> Option<String> {
        self.locked().why(method, Instant::now()).map(str::to_owned)
    }

    /// True if it said that it does not know a method, and not that the method failed.
    pub(in crate::source::evm) fn is_unknown(&self, method: &str) -> bool {
        self.locked().is_unknown(method)
    }

    /// Notes that it does not know a method. The method is asked for again after a while.
    pub(in crate::source::evm) fn note_unknown(&self, method: &'static str, reason: String) {
        if self.locked().unknown(method, reason.clone(), Instant::now()) {
            tracing::info!(endpoint = self.label, "it does not offer `{method}`: {reason}");
        }
    }

    /// Notes that a method failed on a block.
    pub(in crate::source::evm) fn note_failed(&self, method: &'static str, number: u64, reason: String) {
        tracing::debug!(endpoint = self.label, number, "`{method}` failed: {reason}");
        self.locked().failed(method, number, reason, Instant::now());
    }

    /// Notes that a method works.
    pub(in crate::source::evm) fn note_works(&self, method: &str) {
        self.locked().works(method);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Lacks> {
        self.lacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn health(&self) -> Health {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes its health, and returns what it was.
    pub(super) fn change(&self, change: impl FnOnce(&mut Health)) -> Health {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *health;
        change(&mut health);
        before
    }
}
