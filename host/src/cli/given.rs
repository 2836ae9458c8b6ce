//! What commands about a plan are given: where it lies, and moments.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;
use toml::value::Datetime;

use super::{Exit, tell};
use crate::app::config::Places;
use crate::app::deploy::load::plan_at;
use crate::app::live::output::Format;
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::plan::moment::Moment;

/// Where the plan lies.
#[derive(Debug, Clone, ClapArgs)]
pub struct PlanPlace {
    /// The plan's folder or file; what the config names, where it is absent.
    #[arg(long, value_name = "PATH")]
    plan: Option<PathBuf>,
    /// The config that names plan and journal.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
}

impl PlanPlace {
    /// The plan's folder or file; `None` if it is wrong, which was reported.
    pub(super) fn plan(&self, format: Format) -> anyhow::Result<Option<PathBuf>> {
        if let Some(plan) = &self.plan {
            return Ok(Some(plan.clone()));
        }
        match Places::of(&self.config) {
            Ok(Places { plan: Some(plan), .. }) => Ok(Some(plan)),
            Ok(Places { plan: None, .. }) => {
                let why = "it names no plan";
                refuse(&format!("{}: {why}; add [plan] with a path, or name one by `--plan`", self.config.display()));
                Ok(None)
            }
            Err(found) => {
                tell(&found, format)?;
                Ok(None)
            }
        }
    }

    /// The journal, where one is named, or the config names one that is there.
    pub(super) fn journal(&self, named: Option<&Path>) -> Option<PathBuf> {
        match (named, &self.plan) {
            (Some(journal), _) => Some(journal.to_owned()),
            // Who names a plan alone has no config, and a journal of another deployment is not meant.
            (None, Some(_)) => None,
            (None, None) => {
                Places::of(&self.config).ok().map(|places| places.journal).filter(|journal| journal.exists())
            }
        }
    }
}

/// The plan of files, or `None` if it is wrong, which was reported.
pub(super) fn loaded(files: &[(String, String)], format: Format) -> anyhow::Result<Option<Plan>> {
    match Plan::load(files) {
        Ok(plan) => Ok(Some(plan)),
        Err(found) => {
            let errors: Vec<Diagnostic> = found.into_iter().filter(Diagnostic::is_error).collect();
            tell(&errors, format)?;
            Ok(None)
        }
    }
}

/// The plan at a path, or `None` if it is wrong, which was reported.
pub(super) fn plan_of(path: &Path) -> anyhow::Result<Option<Plan>> {
    match plan_at(path) {
        Ok(loaded) => Ok(Some(loaded.plan)),
        Err(found) => {
            tell(&found, Format::Pretty)?;
            Ok(None)
        }
    }
}

/// Writes a text to a file, or to the terminal where none is named.
pub(super) fn put(text: &str, output: Option<&Path>) -> anyhow::Result<()> {
    match output {
        Some(file) => std::fs::write(file, text).with_context(|| format!("`{}` can't be written", file.display())),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}

/// Tells why something is not done.
pub(super) fn refuse(why: &str) -> Exit {
    anstream::eprintln!("error: {why}");
    Exit::Refused
}

/// A moment as a plan writes it: `2027-05-31`, or `2027-05-31T12:00:00Z`.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let datetime: Datetime = text.parse().map_err(|_| {
        "neither a date, as 2027-05-31, nor a date-time with its offset, as 2027-05-31T12:00:00Z".to_owned()
    })?;
    Moment::of(&datetime)
}

/// This moment, to the second, as histories are written.
pub(super) fn now() -> Moment {
    let seconds = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    Moment { ms: seconds * 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_in_a_plan() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let read = moment(text).map(|moment| moment.to_string());
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
        };
        check("2027-05-31", Ok("2027-05-31"));
        check("2027-05-31T14:00:00+02:00", Ok("2027-05-31T12:00:00Z"));
        check("2027-05-31T14:00:00", Err("the offset is missing; for UTC write 2027-05-31T14:00:00Z"));
        check("soon", {
            Err("neither a date, as 2027-05-31, nor a date-time with its offset, as 2027-05-31T12:00:00Z")
        });
    }
}
