//! What has been: replays, compaction, comparisons, and the incidents of a journal.

pub mod compact;
pub mod decoded;
pub mod desks;
pub mod incidents;
pub mod proofs;
pub mod replay;
pub mod shadow;
pub mod unsettle;
