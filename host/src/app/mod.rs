//! Where the edges meet: the loop, what runs in it, and how it changes while it runs.

pub mod check;
pub mod config;
pub mod deploy;
pub mod engine;
pub mod keep;
pub mod load;
pub mod output;
pub mod plugin_test;
pub mod progress;
pub mod record;
pub mod replay;
pub mod run;
mod settled;
pub mod sources;
pub mod tape;
pub mod turn;
pub mod watch;
