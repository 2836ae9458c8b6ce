//! What is asked of a plan's files: checks, the release gate, the risk register.

pub mod carried;
pub mod check;
pub mod checklist;
mod fit;
pub mod git_tags;
mod listens;
pub mod live;
pub mod register;
pub mod release_gate;
