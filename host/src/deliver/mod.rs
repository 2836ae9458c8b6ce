//! What is told to people and machines: entries of the journal as terminal lines, as JSON lines, effects as webhook
//! deliveries, and what a check found as SARIF.

pub mod json;
pub mod pretty;
pub mod sarif;
pub mod webhook;
