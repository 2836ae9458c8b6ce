//! What ends the host: nothing but a disk that its record can't be kept on.

use crate::app::engine::taking::is_of_the_disk;

/// The recording that a run is for can't be written.
#[derive(Debug, thiserror::Error)]
#[error("the recording can't be written: {0:#}; see to its disk, and record to another file")]
pub(super) struct Lost(pub(super) anyhow::Error);

/// Tells whether nothing can go on: the journal's disk fails, or the disk of the recording that is all that is wanted.
pub(super) fn ends_the_host(error: &anyhow::Error) -> bool {
    is_of_the_disk(error) || error.is::<Lost>()
}
