//! A plan as it stood at a tag in git, read by git's own command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The repository that a plan lies in.
pub struct Repository {
    /// The folder that the plan lies in, or is.
    folder: PathBuf,
    /// The plan's file, where it is one and no folder.
    file: Option<String>,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// When it was made, milliseconds since the Unix epoch; of a lightweight one, when its commit was.
    pub at_ms: u64,
}

impl Repository {
    /// Finds the repository of a plan, a folder or a file.
    ///
    /// # Errors
    ///
    /// If the plan is in none, or git can't be run.
    pub fn of(plan: &Path) -> anyhow::Result<Self> {
        let whole = plan.canonicalize().with_context(|| format!("`{}` can't be read", plan.display()))?;
        let (folder, file) = if whole.is_dir() {
            (whole, None)
        } else {
            let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
            (whole.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned), name)
        };
        let repository = Self { folder, file };
        repository
            .git(&["rev-parse", "--is-inside-work-tree"])
            .with_context(|| format!("`{}` is in no git repository, so it has no tags", plan.display()))?;
        Ok(repository)
    }

    /// Returns tags whose name fits a pattern of git's, oldest first.
    ///
    /// # Errors
    ///
    /// If git can't be run.
    pub fn tags(&self, pattern: &str) -> anyhow::Result<Vec<Tag>> {
        let listed = self.git(&[
            "for-each-ref",
            "--sort=creatordate",
            "--format=%(creatordate:unix) %(refname:strip=2)",
            &format!("refs/tags/{pattern}"),
        ])?;
        let tag = |line: &str| {
            let (seconds, name) = line.split_once(' ')?;
            Some(Tag { name: name.to_owned(), at_ms: seconds.parse::<u64>().ok()?.checked_mul(1_000)? })
        };
        Ok(listed.lines().filter_map(tag).collect())
    }

    /// Returns the tag of a name; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If git can't be run.
    pub fn tag(&self, name: &str) -> anyhow::Result<Option<Tag>> {
        // A pattern's characters can't be part of a tag's name.
        if name.contains(['*', '?', '[', '\\']) {
            return Ok(None);
        }
        Ok(self.tags(name)?.into_iter().find(|tag| tag.name == name))
    }

    /// Returns the files of the plan at a tag, in order of name.
    ///
    /// # Errors
    ///
    /// If git can't be run, or the plan was not there then.
    pub fn files(&self, tag: &Tag) -> anyhow::Result<Vec<(String, String)>> {
        let tree = format!("refs/tags/{}", tag.name);
        let mut names: Vec<String> = match &self.file {
            Some(file) => vec![file.clone()],
            None => {
                let listed = self.git(&["ls-tree", "-z", "--name-only", &tree, "./"])?;
                listed.split('\0').filter(|name| name.ends_with(".toml")).map(str::to_owned).collect()
            }
        };
        names.sort();
        ensure!(!names.is_empty(), "at the tag {} `{}` has no `.toml` file", tag.name, self.folder.display());
        names
            .into_iter()
            .map(|name| {
                let text = self.git(&["show", &format!("{tree}:./{name}")])?;
                Ok((format!("{}:{name}", tag.name), text))
            })
            .collect()
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let what = || format!("git {} failed in `{}`", arguments.join(" "), self.folder.display());
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.folder)
            .args(arguments)
            .output()
            .with_context(|| format!("{}: is git installed?", what()))?;
        ensure!(output.status.success(), "{}: {}", what(), String::from_utf8_lossy(&output.stderr).trim());
        String::from_utf8(output.stdout).with_context(what)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ana", "-c", "user.email=ana@harbor.example", "-c", "tag.gpgSign=false"];
        let done = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(identity)
            .args(arguments)
            .env("GIT_COMMITTER_DATE", "2026-09-01T00:00:00Z")
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    #[test]
    fn a_plan_is_read_as_it_was_at_a_tag() {
        let root = tempfile::tempdir().unwrap();
        let plan = root.path().join("response");
        std::fs::create_dir(&plan).unwrap();
        let alone = |error: anyhow::Error| format!("{error:#}");
        let message = Repository::of(&plan).map(|_| ()).map_err(alone).unwrap_err();
        assert!(message.contains("is in no git repository, so it has no tags"), "{message}");
        git(root.path(), &["init", "--quiet"]);
        std::fs::write(root.path().join("watchfire.toml"), "").unwrap();
        std::fs::write(plan.join("b.toml"), "b = 1\n").unwrap();
        std::fs::write(plan.join("a.toml"), "a = 1\n").unwrap();
        std::fs::write(plan.join("notes.md"), "").unwrap();
        git(root.path(), &["add", "."]);
        git(root.path(), &["commit", "--quiet", "-m", "one"]);
        git(root.path(), &["tag", "v1.4"]);
        std::fs::write(plan.join("a.toml"), "a = 2\n").unwrap();
        let file = |name: &str, text: &str| (format!("v1.4:{name}"), text.to_owned());
        let repository = Repository::of(&plan).unwrap();
        let tag = repository.tag("v1.4").unwrap().unwrap();
        assert_eq!(tag, Tag { name: "v1.4".into(), at_ms: 1_788_220_800_000 });
        assert_eq!(repository.files(&tag).unwrap(), [file("a.toml", "a = 1\n"), file("b.toml", "b = 1\n")]);
        assert_eq!(repository.tags("v*").unwrap(), std::slice::from_ref(&tag));
        assert_eq!(repository.tag("v1").unwrap(), None);
        assert_eq!(repository.tag("v*").unwrap(), None);
        let one_file = Repository::of(&plan.join("a.toml")).unwrap();
        assert_eq!(one_file.files(&tag).unwrap(), [file("a.toml", "a = 1\n")]);
    }
}
