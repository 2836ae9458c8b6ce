//! What a deployment changes in the loop: each is one message, taken up between two inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use alloy::primitives::B256;
use tokio::sync::oneshot;

use crate::app::deploy::load::{LoadedPlan, Ready};
use crate::app::engine::retention::Retention;
use crate::deliver::DeliveryConfig;
use crate::deliver::answer::Asks;
use crate::deliver::channel::Made;
use crate::event::Coverage;
use crate::journal::Channel;

/// One change of what runs.
pub enum Change {
    /// A detector is to take its place; the answer says whether it did.
    Swap(Box<Ready>, oneshot::Sender<Result<(), String>>),
    /// Something is to be reported.
    Report(Coverage),
    /// A detector is to go.
    Remove(String),
    /// A detector is to be shown, in its turn, what it set aside.
    Retry(String),
    /// A version of a detector is not to be taken up again.
    Reject {
        /// Its id in the config.
        detector: String,
        /// SHA-256 of the component.
        digest: B256,
        /// How it failed.
        reason: String,
    },
    /// Decisions are to be made under this plan from here on.
    Plan(Box<LoadedPlan>),
    /// Only these protocols are followed from here on; incidents of others that are open stay under their plan.
    Protocols(BTreeSet<String>),
    /// Effects go to these webhooks and channels from here on.
    Webhooks(Outlets),
    /// For how long things are kept from here on, and how much of the disk must be free.
    Retain(Retention, DiskFloor),
}

/// Where effects are posted, and for how long it is tried.
pub struct Outlets {
    /// Webhooks and channels by name.
    pub services: BTreeMap<String, Made>,
    /// Which effects each of them carries.
    pub channels: Vec<Channel>,
    /// What links and buttons are made of, if answers are taken.
    pub asks: Option<Asks>,
    /// Deadlines.
    pub config: DeliveryConfig,
}

/// How much of the journal's disk must be free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskFloor {
    /// The journal's file.
    pub journal: PathBuf,
    /// With less free than this, the host raises a coverage finding.
    pub min_free_bytes: u64,
}
