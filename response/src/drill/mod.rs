//! Drills: a scripted timeline on a virtual clock, people who answer or sleep, and what the plan makes of it.

mod cast;
mod compared;
pub mod library;
mod report;
mod run;
mod scenario;
mod staging;
mod verdict;
mod what_if;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use compared::{Pair, markdown as what_if_markdown, pairs, pretty as what_if_pretty};
pub use report::{Detection, Expected, Lack, Line, Loss, Report, Times};
pub use run::{Heard, run, run_with};
pub use scenario::{
    Behaviour, Drill, Expectation, Happening, LossEvent, Milestone, Scenario, ScriptedFinding, read, schema,
};
pub use staging::{Script, script, signal_of};
pub use what_if::{Course, Seen, WhatIf};
pub use words::{golden, markdown, pretty};
