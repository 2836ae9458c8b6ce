//! Readiness: whether a plan would hold on the day it is needed, as far as its files can tell.
//!
//! A plan that loads may still page nobody at night or allow what can't be in time. Each check has a code, and what it
//! finds may be waived in the plan itself, by somebody, for a reason, until a date.

mod money;
mod outside;
mod people;
mod powers;
mod quorum;
mod signals;
mod survey;
mod table;
#[cfg(test)]
mod tests;
mod waive;

pub use table::{CHECKS, Check, check_of};

use super::load::{Reader, load};
use super::moment::Moment;
use super::{Defaults, Plan};
use crate::diagnostic::Diagnostic;
use survey::Survey;

/// What the readiness check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// What stands, in order of file and line. Where the plan does not load, what is wrong with its files.
    pub found: Vec<Diagnostic>,
    /// What somebody has taken upon themselves, in the same order.
    pub waived: Vec<Waived>,
}

/// A finding that is waived.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waived {
    /// What was found.
    pub found: Diagnostic,
    /// Id of the waiver.
    pub waiver: String,
    /// Id of the role or person who answers for it.
    pub owner: String,
    /// When that ends.
    pub until: Moment,
    /// Why.
    pub reason: String,
}

/// Runs every check that a plan's files, each with its name and text, can be held against at a moment, milliseconds
/// since the Unix epoch.
pub fn readiness(files: &[(String, String)], now_ms: u64) -> Readiness {
    let (tables, places, found) = load(files, Reader::Operator);
    if found.iter().any(Diagnostic::is_error) {
        return Readiness { found, waived: Vec::new() };
    }
    let plan = Plan::of(tables, found, Defaults::NOW);
    let mut survey = Survey::new(&plan, &places, files, now_ms);
    people::check(&mut survey);
    powers::check(&mut survey);
    money::check(&mut survey);
    quorum::check(&mut survey);
    signals::check(&mut survey);
    outside::check(&mut survey);
    let (found, mut waived) = waive::apply(survey);
    let mut found: Vec<Diagnostic> = plan.warnings().iter().cloned().chain(found).collect();
    found.sort();
    waived.sort();
    Readiness { found, waived }
}
