//! A detector's place in the fleet.

use std::sync::Arc;

use crate::plugin::fleet::detector::Detector;
use crate::plugin::fleet::identity::Profile;
use crate::plugin::fleet::quarantine::Record;

/// A detector, here or at work.
pub(super) struct Slot {
    pub(super) profile: Arc<Profile>,
    pub(super) detector: Option<Box<Detector>>,
    /// The job that it is at, if it is not here.
    pub(super) out: Option<Out>,
    /// How it has done lately, by the outcomes that counted.
    pub(super) record: Record,
}

/// A job that a detector is at.
pub(super) struct Out {
    /// The input's sequence number.
    pub(super) seq: u64,
    /// Tells this job from every other.
    pub(super) job: u64,
    /// Whether what it brings back does not count.
    pub(super) is_void: bool,
}
