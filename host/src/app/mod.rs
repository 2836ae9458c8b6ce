//! Where the edges meet: the loop, what runs in it, and how it changes while it runs.

pub mod author;
pub mod config;
pub mod deploy;
pub mod engine;
pub mod import;
pub mod live;
pub mod past;
pub mod plan;
pub mod share;
