//! A running host: its sources, its loop, what people ask of it, and what it shows.

pub mod control;
pub mod disk;
pub mod file_watcher;
pub mod main_loop;
pub mod metrics;
mod operator_requests;
pub mod output;
pub mod progress;
pub mod record;
pub mod recorder;
pub mod run;
pub mod sources;
mod swaps;
