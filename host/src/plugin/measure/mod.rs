//! Measures guests: where their time goes, and what they allocate.

pub(super) mod allocations;
pub(super) mod sampler;
