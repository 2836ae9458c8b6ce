//! What is asked of a plan's files: checks, the release gate, the risk register.

pub mod check;
pub mod git_tags;
pub mod register;
pub mod release_gate;
