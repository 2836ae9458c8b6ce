//! A detector's response pack: signals, risks, playbook and drill that go with it, taken into a plan after a review.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::app::deploy::load::plan_files;
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::plan::diff::{Change, diff};
use crate::share::archive::{self, Files};
use crate::whole_file;

/// What taking a pack into a plan would do.
pub struct Review {
    /// What changes in the plan.
    pub changes: Vec<Change>,
    /// What is wrong with the plan as it would be.
    pub wrong: Vec<Diagnostic>,
    /// Files that would be written, with what they would say.
    pub files: Vec<(PathBuf, String)>,
}

/// Looks at what a pack would change in a plan. Its drills go into a folder `drills` beside the plan, for they are none of its
/// files.
///
/// # Errors
///
/// If the pack can't be unpacked, the plan can't be read, or files of the pack are there already and say something else.
pub fn review(packed: &[u8], plan: &Path, id: &str) -> anyhow::Result<Review> {
    ensure!(plan.is_dir(), "`{}` is one file; a pack goes into a folder of files", plan.display());
    let files = placed(archive::unpack(packed)?, plan, id)?;
    let before = plan_files(plan)?;
    let mut after = before.clone();
    for (path, text) in files.iter().filter(|(path, _)| path.parent() == Some(plan)) {
        let name = path.display().to_string();
        after.retain(|(known, _)| *known != name);
        after.push((name, text.clone()));
    }
    after.sort();
    let before = Plan::load(&before).map_err(|wrong| first("the plan is wrong already", &wrong))?;
    match Plan::load(&after) {
        Ok(after) => Ok(Review { changes: diff(&before, &after), wrong: Vec::new(), files }),
        Err(wrong) => Ok(Review { changes: Vec::new(), wrong, files }),
    }
}

impl Review {
    /// Writes the files, each as a whole.
    ///
    /// # Errors
    ///
    /// If one can't be written.
    pub fn carry_out(&self) -> anyhow::Result<()> {
        for (path, text) in &self.files {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            whole_file::rewrite(path, text.as_bytes())
                .with_context(|| format!("`{}` can't be written", path.display()))?;
        }
        Ok(())
    }
}

/// Returns the files of a pack with the places where they go.
fn placed(files: Files, plan: &Path, id: &str) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let drills = plan.parent().unwrap_or(Path::new(".")).join("drills");
    let mut placed = Vec::new();
    for (path, bytes) in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = String::from_utf8(bytes).with_context(|| format!("`{}` of the pack is no text", path.display()))?;
        let folder = if name.starts_with("drill") { &drills } else { plan };
        ensure!(
            !name.starts_with('.'),
            "`{}` of the pack is hidden, and nobody would see it in the plan",
            path.display()
        );
        let to = folder.join(format!("{id}-{name}"));
        let is_new = placed.iter().all(|(there, _): &(PathBuf, String)| *there != to);
        ensure!(is_new, "two files of the pack are called `{name}`, and would be one in the plan");
        if let Ok(there) = std::fs::read_to_string(&to) {
            ensure!(there == text, "`{}` is there already and says something else; move it away first", to.display());
        }
        placed.push((to, text));
    }
    ensure!(!placed.is_empty(), "the pack has no `.toml` file");
    Ok(placed)
}

fn first(what: &str, wrong: &[Diagnostic]) -> anyhow::Error {
    let first = wrong.first().map(ToString::to_string).unwrap_or_default();
    anyhow::anyhow!("{what}: {first}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_pack_are_seen_and_none_hides_another() {
        let folder = tempfile::tempdir().unwrap();
        let names = |names: &[&str]| {
            let files: Files = names.iter().map(|name| (PathBuf::from(name), b"# one".to_vec())).collect();
            placed(files, &folder.path().join("response"), "outflow")
        };
        assert_eq!(names(&["signals.toml", "drill-drain.toml", "README.md"]).unwrap().len(), 2);
        let why = |given: &[&str]| names(given).unwrap_err().to_string();
        assert!(why(&["a/s.toml", "b/s.toml"]).contains("two files of the pack are called `s.toml`"));
        assert!(why(&[".hidden.toml"]).contains("is hidden"));
    }
}
