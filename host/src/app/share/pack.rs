//! A detector's response pack: signals, risks, playbook and drill that go with it, taken into a plan after a review.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::app::deploy::load::plan_files;
use crate::diagnostic::Diagnostic;
use crate::drill;
use crate::plan::Plan;
use crate::plan::diff::{Change, diff};
use crate::share::archive::{self, Bounds, Files};
use crate::text::line;
use crate::whole_file;

/// How much a pack may hold. Who takes it reads all of it.
const BOUNDS: Bounds = Bounds { files: 64, bytes: 1 << 20 };

/// The tables of a plan that a pack may have. Whom a protocol pages, what it may do and who permits it is its own.
const TABLES: [&str; 3] = ["signal", "risk", "playbook"];

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
/// If the pack can't be unpacked or has what it may not have, the plan can't be read, or files of the pack are there already and
/// say something else.
pub fn review(packed: &[u8], plan: &Path, id: &str) -> anyhow::Result<Review> {
    ensure!(plan.is_dir(), "`{}` is one file; a pack goes into a folder of files", plan.display());
    let unpacked = archive::unpack_within(packed, BOUNDS).context("the pack can't be taken")?;
    check(&unpacked)?;
    let files = placed(unpacked, plan, id)?;
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

/// Checks that a pack has nothing but signals, risks, playbooks and drills, and words beside them.
///
/// # Errors
///
/// If it has anything else, or more than a pack may hold: which file, and what to do about it.
pub fn check(files: &Files) -> anyhow::Result<()> {
    let bytes = files.values().fold(0_u64, |sum, bytes| sum.saturating_add(bytes.len() as u64));
    ensure!(
        files.len() <= BOUNDS.files && bytes <= BOUNDS.bytes,
        "the pack has {} files of {bytes} bytes, and a pack has {} files of {} bytes at most",
        files.len(),
        BOUNDS.files,
        BOUNDS.bytes
    );
    for (path, bytes) in files {
        let shown = line(&path.to_string_lossy(), 300);
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("md") => {}
            Some("toml") => {
                let text = std::str::from_utf8(bytes).with_context(|| format!("`{shown}` of the pack is no text"))?;
                check_file(path, &shown, text)?;
            }
            _ => {
                bail!("`{shown}` does not belong into a pack: it has `.toml` files, and `.md` for people; take it out")
            }
        }
    }
    Ok(())
}

fn check_file(path: &Path, shown: &str, text: &str) -> anyhow::Result<()> {
    if is_drill(path) {
        return drill::read(shown, text).map(drop).map_err(|wrong| first("a drill of the pack is wrong", &wrong));
    }
    let tables: toml::Table = toml::from_str(text)
        .map_err(|error| anyhow::anyhow!("`{shown}` of the pack is no TOML: {}", line(error.message(), 300)))?;
    match tables.keys().find(|name| !TABLES.contains(&name.as_str())) {
        None => Ok(()),
        Some(other) => bail!(
            "`{shown}` of the pack has `[{}]`, and a pack has only `{}`: people, powers and all else of a plan are of who \
             takes it",
            line(other, 120),
            TABLES.join("`, `")
        ),
    }
}

/// True for a drill, by its file's name.
fn is_drill(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("drill"))
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
        let folder = if is_drill(&path) { &drills } else { plan };
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
    #[test]
    fn a_pack_has_signals_risks_playbooks_and_drills_and_nothing_else() {
        let of = |name: &str, text: &[u8]| Files::from([(PathBuf::from(name), text.to_vec())]);
        let drill = include_bytes!("../../../../drills/aave.toml");
        for (name, text) in [
            ("signals.toml", &b"[signal.a]\n[risk.b]\n[playbook.c]\n"[..]),
            ("README.md", b"words"),
            ("drill-aave.toml", drill),
        ] {
            check(&of(name, text)).unwrap();
        }
        let why = |files: &Files| check(files).unwrap_err().to_string();
        for table in ["person", "role", "escalation", "intervention", "authority", "protocol", "silence", "source"] {
            let refused = why(&of("people.toml", format!("[{table}.eve]\nname = 'Eve'\n").as_bytes()));
            assert!(
                refused.starts_with(&format!("`people.toml` of the pack has `[{table}]`, and a pack has only")),
                "{refused}"
            );
        }
        assert!(why(&of("hook.sh", b"true")).starts_with("`hook.sh` does not belong into a pack"));
        assert!(why(&of("signals.toml", b"[signal")).contains("is no TOML"));
        assert!(why(&of("drill.toml", b"[person.eve]\n")).starts_with("a drill of the pack is wrong"));
    }

    #[test]
    fn a_pack_that_nobody_could_read_is_refused() {
        let many: Files = (0..65).map(|at| (PathBuf::from(format!("{at}.md")), Vec::new())).collect();
        assert!(check(&many).unwrap_err().to_string().contains("has 65 files of 0 bytes, and a pack has 64 files"));
        let large = Files::from([(PathBuf::from("a.md"), vec![b' '; (1 << 20) + 1])]);
        assert!(check(&large).unwrap_err().to_string().contains("1 files of 1048577 bytes"));
        let folder = tempfile::tempdir().unwrap();
        for files in [many, large] {
            let refused = review(&archive::pack(&files).unwrap(), folder.path(), "outflow").err().unwrap();
            assert!(format!("{refused:#}").contains("it holds more than 64 files or 1048576 bytes"), "{refused:#}");
        }
    }
}
