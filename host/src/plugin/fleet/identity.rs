//! What is known of a detector whether or not it is at work.

use std::sync::Arc;

use alloy::primitives::B256;

use crate::block::ChainId;
use crate::narrow::Matcher;
use crate::plugin::boundary::manifest::Manifest;
use crate::plugin::compile::runtime::Component;
use crate::plugin::limits::Limits;
use crate::subscription::{Needs, Subscription};

/// What a detector is, and what it wants to see.
pub struct Profile {
    pub(super) id: String,
    pub(super) component: Arc<Component>,
    pub(super) manifest: Manifest,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) matcher: Matcher,
    pub(super) chains: Vec<ChainId>,
    pub(super) feeds: Vec<String>,
    /// What it asks for and is granted, both.
    pub(super) grants: Vec<String>,
    pub(super) shadow_of: Option<String>,
    pub(super) config: String,
    pub(super) limits: Arc<Limits>,
}

impl Profile {
    /// Returns its id in the config.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the SHA-256 of its component.
    pub fn digest(&self) -> B256 {
        self.component.digest()
    }

    /// Returns its component.
    pub fn component(&self) -> &Arc<Component> {
        &self.component
    }

    /// Returns what it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns its subscriptions.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Returns the detector that it runs beside as a shadow: findings of a shadow are recorded, and neither acted on nor heard
    /// by others.
    pub fn shadow_of(&self) -> Option<&str> {
        self.shadow_of.as_deref()
    }

    /// Tells whether it hears of what others find.
    pub fn listens(&self) -> bool {
        self.matcher.is_combiner()
    }

    /// Returns its limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns what must be fetched for it beyond blocks and receipts.
    pub fn needs(&self) -> Needs {
        Needs::of(&self.subscriptions)
    }

    /// Returns the chains that it watches by name; it watches all chains if there are none.
    pub fn chains(&self) -> &[ChainId] {
        &self.chains
    }

    /// Tells whether it watches a chain.
    pub fn watches(&self, chain: ChainId) -> bool {
        self.chains.is_empty() || self.chains.contains(&chain)
    }

    /// Returns the chain whose newest block it inspects when a feed speaks: its only one, or the first of several.
    pub(super) fn home(&self) -> Option<ChainId> {
        self.chains.first().copied()
    }
}
