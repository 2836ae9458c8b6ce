//! Detectors of registries: what a project publishes, what is taken, judged, pinned and kept current.

pub mod adopt;
pub mod back;
mod companion;
pub mod current;
mod dates;
pub mod differ;
pub mod fetch;
pub mod indexes;
mod materials;
mod needs;
pub mod pack;
pub mod pinned;
pub mod provenance;
pub mod publish;
pub mod repute;
pub mod scored;
pub mod section;
pub mod shadow;
pub mod take;
