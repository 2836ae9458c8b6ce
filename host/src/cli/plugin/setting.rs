//! What a detector is run on: a recording and a config, by their files or by a case of its project.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use crate::app::author::cases::{Case, case, cases};
use crate::plugin::LoadError;
use crate::whole_file;

/// Keys of a case's file.
const CASE: [&str; 4] = ["recording", "block", "config", "heard"];

/// A recording and a config.
pub(in crate::cli) struct Setting {
    recording: Option<PathBuf>,
    /// The detector's own config; an empty one if none was named and no case has one.
    pub(in crate::cli) config: Value,
    is_bare: bool,
}

impl Setting {
    /// Returns the setting of a run of `path`, a component or a project. A project's case gives what is not named; `--config` may
    /// name a case too.
    ///
    /// # Errors
    ///
    /// If a file can't be read, or several cases would fit.
    pub(in crate::cli) fn of(path: &Path, recording: Option<&Path>, config: Option<&Path>) -> anyhow::Result<Self> {
        let named = recording.map(Path::to_owned);
        if let Some(file) = config {
            let (config, of_case) = read(file)?;
            return Ok(Self { recording: named.or(of_case), config, is_bare: false });
        }
        let cases = if has_cases(path) { cases(path)? } else { Vec::new() };
        match one_of(&cases, recording).with_context(|| path.display().to_string())? {
            Some(case) => {
                anstream::eprintln!("as tests/{}.toml has it", case.name);
                let recording = named.unwrap_or_else(|| case.recording.clone());
                Ok(Self { recording: Some(recording), config: case.config.clone(), is_bare: false })
            }
            None => Ok(Self { recording: named, config: json!({}), is_bare: true }),
        }
    }

    /// Returns the recording.
    ///
    /// # Errors
    ///
    /// If none was named and no case has one.
    pub(in crate::cli) fn recording(&self) -> anyhow::Result<&Path> {
        self.recording.as_deref().context("name what it is to run on with `--recording FILE`")
    }

    /// Adds to an error about a missing key how a config is named, if there was none.
    pub(in crate::cli) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast_ref::<LoadError>() {
            Some(LoadError::Config { .. }) if self.is_bare => error.context(
                "it was given no config; name a file with its keys by `--config` (`--detector-config` in a backtest)",
            ),
            _ => error,
        }
    }
}

/// A config's file, or that of a case: then with its recording.
fn read(file: &Path) -> anyhow::Result<(Value, Option<PathBuf>)> {
    let text = whole_file::read_text(file, whole_file::TEXT_BYTES)
        .with_context(|| format!("`{}` can't be read", file.display()))?;
    let table = toml::from_str::<toml::Table>(&text).with_context(|| file.display().to_string())?;
    let is_case = ["recording", "block"].iter().any(|key| table.contains_key(*key))
        && table.keys().all(|key| CASE.contains(&key.as_str()));
    if !is_case {
        return Ok((serde_json::to_value(table)?, None));
    }
    let Case { config, recording, .. } = case(file)?;
    Ok((config, Some(recording)))
}

fn has_cases(path: &Path) -> bool {
    let entries = path.join("tests").read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|file| file.extension().is_some_and(|ending| ending == "toml"))
}

/// The case of a recording; else the one that stands for all.
fn one_of<'a>(cases: &'a [Case], recording: Option<&Path>) -> anyhow::Result<Option<&'a Case>> {
    let is_on = |case: &&Case| {
        recording.is_some_and(|recording| recording.canonicalize().ok() == case.recording.canonicalize().ok())
    };
    let on: Vec<&Case> = cases.iter().filter(is_on).collect();
    let fitting: Vec<&Case> = if on.is_empty() { cases.iter().collect() } else { on };
    let Some((first, others)) = fitting.split_first() else { return Ok(None) };
    let is_same =
        |case: &&Case| case.config == first.config && (recording.is_some() || case.recording == first.recording);
    let names = || fitting.iter().map(|case| format!("tests/{}.toml", case.name)).collect::<Vec<_>>().join(", ");
    anyhow::ensure!(others.iter().all(is_same), "several cases would fit; name one of {} by `--config`", names());
    Ok(Some(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(cases: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tests")).unwrap();
        for (name, text) in cases {
            std::fs::write(folder.path().join("tests").join(name), text).unwrap();
        }
        folder
    }

    const ONE: &str = "recording = \"a.jsonl\"\n[config]\nlimit = 1\n";
    const TWO: &str = "recording = \"b.jsonl\"\n[config]\nlimit = 2\n";

    #[test]
    fn a_project_with_one_case_needs_neither_recording_nor_config() {
        let folder = project(&[("one.toml", ONE), ("a.jsonl", ""), ("b.jsonl", "")]);
        let of =
            |recording: Option<&Path>, config: Option<&Path>| Setting::of(folder.path(), recording, config).unwrap();
        let tests = folder.path().join("tests");
        let by_case = of(None, None);
        assert_eq!(
            (by_case.recording().unwrap(), &by_case.config["limit"]),
            (tests.join("a.jsonl").as_path(), &json!(1))
        );
        let elsewhere = of(Some(&tests.join("b.jsonl")), None);
        assert_eq!(
            (elsewhere.recording().unwrap(), &elsewhere.config["limit"]),
            (tests.join("b.jsonl").as_path(), &json!(1))
        );
        let named = of(None, Some(&tests.join("one.toml")));
        assert_eq!(
            (named.recording().unwrap(), &named.config),
            (tests.join("a.jsonl").as_path(), &json!({ "limit": 1 }))
        );
    }

    #[test]
    fn of_several_cases_the_recordings_own_is_taken_or_one_must_be_named() {
        let folder = project(&[("one.toml", ONE), ("two.toml", TWO), ("a.jsonl", ""), ("b.jsonl", "")]);
        let two = Setting::of(folder.path(), Some(&folder.path().join("tests/b.jsonl")), None).unwrap();
        assert_eq!(two.config["limit"], 2);
        let error = Setting::of(folder.path(), None, None).map(|_| ()).unwrap_err();
        assert!(format!("{error:#}").contains("name one of tests/one.toml, tests/two.toml by `--config`"), "{error:#}");
    }

    #[test]
    fn a_missing_key_says_how_a_config_is_named_where_none_was() {
        let folder = tempfile::tempdir().unwrap();
        let bare = Setting::of(folder.path(), None, None).unwrap();
        assert!(bare.recording().is_err());
        let missing = || anyhow::Error::from(LoadError::Config { key: "token".into(), message: "missing".into() });
        let told = format!("{:#}", bare.explain(missing().context("my-rule")));
        assert!(told.contains("`--config`") && told.ends_with("my-rule: token: missing"), "{told}");
        let file = folder.path().join("own.toml");
        std::fs::write(&file, "limit = 3\n").unwrap();
        let given = Setting::of(folder.path(), None, Some(&file)).unwrap();
        assert_eq!(format!("{:#}", given.explain(missing())), "token: missing");
    }
}
