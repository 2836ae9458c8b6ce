//! Where the edges meet: the loop, what runs in it, and how it changes while it runs.

pub mod check;
pub mod config;
pub mod deploy;
pub mod engine;
mod gaps;
pub mod keep;
mod late;
pub mod load;
mod outcome;
pub mod output;
mod owed;
pub mod plugin_test;
pub mod progress;
pub mod record;
pub mod replay;
pub mod run;
mod scene;
mod settled;
pub mod sources;
pub mod tape;
pub mod turn;
pub mod watch;
