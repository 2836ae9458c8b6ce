//! What is told to people and machines: entries of the journal as terminal lines, as JSON lines, and effects
//! as webhook deliveries.

pub mod json;
pub mod pretty;
pub mod webhook;
