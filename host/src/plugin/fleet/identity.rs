//! What is known of a detector whether or not it is at work.

use std::sync::Arc;

use alloy::primitives::B256;

use crate::block::ChainId;
use crate::narrow::Matcher;
use crate::plugin::{Component, Limits, Manifest};
use crate::subscription::{Needs, Subscription};

/// What a detector is, and what it wants to see.
pub struct Profile {
    pub(in crate::plugin) id: String,
    pub(in crate::plugin) component: Arc<Component>,
    pub(in crate::plugin) manifest: Manifest,
    pub(in crate::plugin) subscriptions: Vec<Subscription>,
    pub(in crate::plugin) matcher: Matcher,
    pub(in crate::plugin) chains: Vec<ChainId>,
    pub(in crate::plugin) feeds: Vec<String>,
    /// What it asks for and is granted, both.
    pub(in crate::plugin) grants: Vec<String>,
    pub(in crate::plugin) shadow_of: Option<String>,
    pub(in crate::plugin) config: String,
    pub(in crate::plugin) limits: Arc<Limits>,
}

impl Profile {
    /// Its id in the config.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// SHA-256 of its component.
    pub fn digest(&self) -> B256 {
        self.component.digest()
    }

    /// What it is made of.
    pub fn component(&self) -> &Arc<Component> {
        &self.component
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What it wants to see.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// The detector that it runs beside as a shadow: what it finds is recorded, and neither acted on nor heard by others.
    pub fn shadow_of(&self) -> Option<&str> {
        self.shadow_of.as_deref()
    }

    /// Whether it hears of what others find.
    pub fn listens(&self) -> bool {
        self.matcher.is_combiner()
    }

    /// What it may use up.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What must be fetched for it beyond blocks and receipts.
    pub fn needs(&self) -> Needs {
        Needs::of(&self.subscriptions)
    }

    /// Chains that it watches by name; all where there are none.
    pub fn chains(&self) -> &[ChainId] {
        &self.chains
    }

    /// Whether it watches a chain.
    pub fn watches(&self, chain: ChainId) -> bool {
        self.chains.is_empty() || self.chains.contains(&chain)
    }

    /// The chain whose newest block it inspects when a feed speaks: its only one, or the first of several.
    pub(in crate::plugin) fn home(&self) -> Option<ChainId> {
        self.chains.first().copied()
    }
}
