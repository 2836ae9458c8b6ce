//! The hand on the risk register: edits the operator's own files and leaves all else in them as it is.
//!
//! Edits of one plan wait for each other: each holds a lock on the plan's folder, which the system releases however its
//! holder ends and which leaves no file behind. An editor takes no lock, so a file that changed while an edit was made is
//! not replaced; the edit is made again on what it says now.

mod document;
mod replace;
#[cfg(test)]
mod tests;
mod verified;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use verified::set_verified;

use crate::app::deploy::load::plan_files;
use crate::diagnostic::{Diagnostic, position, suggestion};
use crate::plan::register::knows;
use crate::plan::{Plan, Risk};

/// An edit that starts anew more often than this meets somebody who never stops saving.
const ATTEMPTS: usize = 16;

/// Why nothing was written.
#[derive(Debug, Error)]
pub enum EditError {
    /// The plan is wrong as it is.
    #[error("the plan does not load; mend it first")]
    Unloadable(Vec<Diagnostic>),
    /// The plan would be wrong afterwards.
    #[error("with this edit the plan would no longer load, so nothing was written")]
    WouldBreak(Vec<Diagnostic>),
    /// It can't be done to this risk, or not by this person.
    #[error("{0}")]
    Refused(String),
    /// A file could not be read or written.
    #[error(transparent)]
    Broken(#[from] anyhow::Error),
}

/// An edit that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// The file.
    pub file: String,
    /// Line of the risk in it, counted from 1.
    pub line: usize,
    /// The risk as it is now.
    pub risk: Risk,
}

/// What the files of a plan shall say.
struct Draft {
    file: String,
    /// What the file said; `None` where it is not there yet.
    before: Option<String>,
    text: String,
    risk: Risk,
}

/// Changes a risk of the plan, a folder or a file, by what `change` makes of it in the name of `by`.
///
/// # Errors
///
/// If the plan does not load, before or after; if the change is refused; or if a file can't be read or written.
pub fn edit(
    plan: &Path,
    id: &str,
    by: &str,
    mut change: impl FnMut(&Risk) -> Result<Risk, String>,
) -> Result<Edited, EditError> {
    in_turn(plan, id, by, |loaded, files| {
        let Some(risk) = loaded.tables().risk.get(id) else {
            let known = suggestion(id, loaded.tables().risk.keys().map(String::as_str));
            return Err(EditError::Refused(format!("no risk is called `{id}`; {known}")));
        };
        let after = change(risk).map_err(|why| EditError::Refused(format!("risk.{id}: {why}")))?;
        for (file, text) in files {
            if let Some(text_after) = document::edited(text, id, risk, &after)? {
                return Ok(Draft { file: file.clone(), before: Some(text.clone()), text: text_after, risk: after });
            }
        }
        Err(EditError::Broken(anyhow::anyhow!("risk.{id} was read and is in none of the plan's files")))
    })
}

/// Adds a risk to the plan: to `file` where one is named, else to the first that has risks, else to a new `risks.toml`.
///
/// # Errors
///
/// As [`edit`].
pub fn add(plan: &Path, file: Option<&Path>, id: &str, by: &str, risk: &Risk) -> Result<Edited, EditError> {
    in_turn(plan, id, by, |loaded, files| {
        if loaded.tables().risk.contains_key(id) {
            return Err(EditError::Refused(format!(
                "risk.{id} is in the register already; see `watchfire risk show {id}`, or take another id"
            )));
        }
        let name = home(plan, file, files)?;
        let before = files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.clone());
        let text = document::with_risk(before.as_deref(), id, risk);
        Ok(Draft { file: name, before, text, risk: risk.clone() })
    })
}

/// Composes, checks and writes an edit, as often as it takes until nobody saved the same file meanwhile.
fn in_turn(
    plan: &Path,
    id: &str,
    by: &str,
    mut compose: impl FnMut(&Plan, &[(String, String)]) -> Result<Draft, EditError>,
) -> Result<Edited, EditError> {
    let _lock = replace::lock(plan)?;
    for _ in 0..ATTEMPTS {
        let mut files = plan_files(plan)?;
        let before = Plan::load(&files).map_err(EditError::Unloadable)?;
        knows(before.tables(), by).map_err(EditError::Refused)?;
        let draft = compose(&before, &files)?;
        match files.iter_mut().find(|(name, _)| *name == draft.file) {
            Some((_, text)) => text.clone_from(&draft.text),
            None => files.push((draft.file.clone(), draft.text.clone())),
        }
        let after = Plan::load(&files).map_err(EditError::WouldBreak)?;
        let mut expected = before.tables().clone();
        expected.risk.insert(id.to_owned(), draft.risk.clone());
        if *after.tables() != expected {
            let message = format!("{} would say something else than was meant; please report it", draft.file);
            return Err(EditError::Broken(anyhow::anyhow!(message)));
        }
        if replace::replace(Path::new(&draft.file), draft.before.as_deref(), &draft.text)? {
            let line = document::find(&draft.text, id).map_or(1, |at| position(&draft.text, at).0);
            return Ok(Edited { file: draft.file, line, risk: draft.risk });
        }
    }
    Err(EditError::Broken(anyhow::anyhow!("`{}` was saved by somebody else again and again", plan.display())))
}

/// The file that a new risk goes into.
fn home(plan: &Path, file: Option<&Path>, files: &[(String, String)]) -> Result<String, EditError> {
    if !plan.is_dir() {
        return Ok(plan.display().to_string());
    }
    if let Some(file) = file {
        let path = if file.is_absolute() || file.starts_with(plan) { file.to_owned() } else { plan.join(file) };
        let inside = path.parent() == Some(plan) && path.extension().is_some_and(|extension| extension == "toml");
        let message = || format!("`{}` is no `.toml` file of `{}`; name one in it", path.display(), plan.display());
        return if inside { Ok(path.display().to_string()) } else { Err(EditError::Refused(message())) };
    }
    let with_risks = files.iter().find(|(_, text)| document::has_risks(text)).map(|(name, _)| name.clone());
    let fresh: PathBuf = plan.join("risks.toml");
    Ok(with_risks.unwrap_or_else(|| fresh.display().to_string()))
}
