//! A running host: its sources, its loop, what people ask of it, what it posts, and what it shows.

mod advisories;
mod answering;
pub mod answers;
pub mod control;
pub mod deliveries;
pub mod disk;
pub mod file_watcher;
mod handling;
mod health;
mod jobs;
pub mod main_loop;
pub mod messages;
pub mod metrics;
mod operator_requests;
pub mod output;
mod posting;
pub mod progress;
pub mod pulse;
pub mod record;
pub mod recorder;
mod repeating;
pub mod run;
mod sending;
pub mod sources;
mod supervisor;
mod swaps;
