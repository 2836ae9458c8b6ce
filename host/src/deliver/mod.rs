//! What leaves the host for people and machines: entries of the journal as terminal lines and as JSON lines, effects as
//! webhook deliveries, and what a check found as SARIF.

mod config;
pub mod json;
pub mod pretty;
pub mod sarif;
pub mod webhook;

pub use config::DeliveryConfig;
