//! Detectors that are shared: registries, what travels through them, who vouches for it, and what a deployment pins of it.

pub mod archive;
pub mod artefact;
pub mod digest;
pub mod index;
pub mod lock;
pub mod package;
pub mod reference;
pub mod registry;
pub mod review;
pub mod signature;
pub mod signed_by;
pub mod store;
pub mod trust;
pub mod versions;
