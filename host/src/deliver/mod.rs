//! What leaves the host for people and machines: entries of the journal as terminal lines and as JSON lines, effects by the
//! channels that people are reached by, and what a check found as SARIF.

pub mod answer;
pub mod channel;
mod config;
pub mod heartbeat;
pub mod json;
pub mod pretty;
pub mod sarif;
pub mod webhook;

pub use config::DeliveryConfig;
