//! Drills: a scripted timeline on a virtual clock, people who answer or sleep, and what the plan makes of it.

mod cast;
mod report;
mod run;
mod scenario;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use report::{Expected, Lack, Line, Loss, Report, Times};
pub use run::run;
pub use scenario::{
    Behaviour, Drill, Expectation, Happening, LossEvent, Milestone, Scenario, ScriptedFinding, read, schema,
};
pub use words::{golden, markdown, pretty};
