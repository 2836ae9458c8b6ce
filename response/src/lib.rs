//! The response: a protocol's plan, and the desk that decides by it.
//!
//! Everything here is a function of plan, state, input and `now`. There is no clock, no file, no network and no
//! async runtime in the crate, so what the desk decides is decided again by every replay.

// Floor 0: the nouns.
pub mod brief;
pub mod chain;
pub mod decision;
pub mod defaults;
pub mod diagnostic;
pub mod digest;
pub mod due;
pub mod effect;
pub mod fact;
pub mod finding;
pub mod foreign;
pub mod incident;
pub mod operator;
pub mod outcome;
pub mod proof;
pub mod protocol;
pub mod staged;
pub mod timeline;

// Floor 1: pure logic.
pub mod desk;
pub mod drill;
pub mod plan;
pub mod record;
pub mod triage;
