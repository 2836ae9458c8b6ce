//! Triage: which findings belong together, which are one condition seen again, and who agrees with whom.

mod agreement;
mod case;
pub mod label;

pub use case::{Case, Taken};
