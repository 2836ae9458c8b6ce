//! Triage: which findings belong together, which are one condition seen again, and who agrees with whom.

mod agreement;
mod case;
mod flow;
mod known;
pub mod label;

pub use agreement::Voice;
pub use case::{Case, Need, Taken};
pub use flow::COVERS_S;
pub use known::Growth;
