//! A detector's project as its author tests it: cases in `tests/`, each a recording, a config, and the findings that are expected.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::app::author::by_hand;
use crate::app::author::reads::Reads;
use crate::app::author::test_run::{Bench, Found, Others};
use crate::chain_read::ChainReader;
use crate::plugin::{Component, Manifest};

/// Lines around a difference that are shown with it.
const AROUND: usize = 3;

/// A case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it is called: its file's name.
    pub name: String,
    /// What it runs on.
    pub recording: PathBuf,
    /// The detector's config.
    pub config: Value,
    /// What other detectors found in it.
    pub others: Vec<Others>,
    /// Where the findings stand that are expected; `None` where none were written down.
    pub expected: Option<PathBuf>,
}

/// What a case's file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The recording, or a folder of them, relative to the file.
    recording: Option<PathBuf>,
    /// Blocks in its place.
    #[serde(default)]
    block: Vec<by_hand::Written>,
    #[serde(default)]
    config: toml::Table,
    #[serde(default)]
    heard: Vec<WrittenOthers>,
}

/// What a case's file says of another detector.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOthers {
    /// Its id in a config.
    detector: String,
    /// What it found, as a case of its own has it, relative to the file.
    findings: PathBuf,
}

/// What came of a case.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CaseResult {
    /// The case.
    pub name: String,
    /// Blocks and observations that were fed.
    pub inputs: u64,
    /// How much was found.
    pub findings: usize,
    /// What is wrong, each with what it is; nothing where it passed.
    pub faults: Vec<String>,
    /// What its author should know beside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether the findings were accepted as what is expected from now on.
    pub is_accepted: bool,
    /// How long it took, milliseconds.
    pub elapsed_ms: u64,
    /// What was found.
    #[serde(skip)]
    pub found: Vec<Found>,
}

impl CaseResult {
    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Returns the cases of a project, in order of their names.
///
/// # Errors
///
/// If a case's file can't be read, or says what can't be.
pub fn cases(project: &Path) -> anyhow::Result<Vec<Case>> {
    let folder = project.join("tests");
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("`{}` can't be read; cases stand in it, one `NAME.toml` each", folder.display()))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        files.push(entry.with_context(|| folder.display().to_string())?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    anyhow::ensure!(
        !files.is_empty(),
        "`{}` has no case; write one as `NAME.toml` with `recording = \"…\"`, or blocks of your own, and a table `[config]`",
        folder.display()
    );
    files.iter().map(|file| case(file)).collect()
}

/// Reads a case. Blocks that it has of its own become a recording in `build/cases`.
///
/// # Errors
///
/// If the file can't be read, says what can't be, or names a recording that is not there.
pub fn case(file: &Path) -> anyhow::Result<Case> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let written: Written = toml::from_str(&text).with_context(|| file.display().to_string())?;
    let recording = match (&written.recording, written.block.as_slice()) {
        (Some(recording), []) => file.parent().unwrap_or(Path::new(".")).join(recording),
        (None, [_, ..]) => write_by_hand(file, &written.block)?,
        (Some(_), _) => anyhow::bail!("{}: it has a `recording` and blocks of its own; keep one", file.display()),
        (None, []) => anyhow::bail!("{}: name a `recording`, or write what happens as `[[block]]`", file.display()),
    };
    anyhow::ensure!(
        recording.exists(),
        "{}: `recording`: there is no `{}`; record one with `watchfire record` or `watchfire fetch`",
        file.display(),
        recording.display()
    );
    let others = written.heard.into_iter().enumerate().map(|(at, heard)| {
        let path = file.parent().unwrap_or(Path::new(".")).join(&heard.findings);
        let what = || format!("{}: `heard.{at}.findings`: {}", file.display(), path.display());
        Ok(Others { detector: heard.detector, found: snapshot(&path).with_context(what)? })
    });
    let others = others.collect::<anyhow::Result<_>>()?;
    Ok(Case {
        others,
        name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        recording,
        config: serde_json::to_value(&written.config)?,
        expected: Some(file.with_extension("json")),
    })
}

/// Makes a recording of a case's own blocks, where tools of the project write to. Returns it.
fn write_by_hand(file: &Path, blocks: &[by_hand::Written]) -> anyhow::Result<PathBuf> {
    let name = format!("{}.jsonl", file.file_stem().unwrap_or_default().to_string_lossy());
    // From `tests/NAME.toml` to `build/cases/NAME.jsonl`.
    let project = file.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let recording = project.join("build/cases").join(name);
    by_hand::write(blocks, &recording).with_context(|| file.display().to_string())?;
    Ok(recording)
}

/// Runs cases, several at once, each on a kept instance and on fresh ones. `node` answers reads that neither a recording nor the
/// file beside it answers, and its answers are kept there.
///
/// # Errors
///
/// If answers that are kept can't be read or written.
pub fn run(
    component: &Arc<Component>,
    manifest: &Manifest,
    cases: &[Case],
    accept: bool,
    node: Option<&Arc<dyn ChainReader>>,
) -> anyhow::Result<Vec<CaseResult>> {
    // Cases of one recording share its file of answers.
    let mut reads: BTreeMap<&Path, Arc<Reads>> = BTreeMap::new();
    for case in cases {
        if let Entry::Vacant(vacant) = reads.entry(&case.recording) {
            vacant.insert(Arc::new(Reads::beside(&case.recording, node.cloned())?));
        }
    }
    let all = cases.par_iter().map(|case| {
        let started = Instant::now();
        let bench = Bench {
            component: component.clone(),
            manifest: manifest.clone(),
            config: case.config.clone(),
            others: case.others.clone(),
        };
        let result = run_case(&bench, case, accept, &reads[case.recording.as_path()])
            .unwrap_or_else(|error| CaseResult { faults: vec![format!("{error:#}")], ..CaseResult::default() });
        CaseResult { name: case.name.clone(), elapsed_ms: millis(started.elapsed()), ..result }
    });
    let mut results: Vec<CaseResult> = all.collect();
    for (recording, reads) in reads {
        let first = cases.iter().position(|case| case.recording == recording);
        let Some(result) = first.and_then(|at| results.get_mut(at)) else { continue };
        if let Some((file, added)) = reads.keep()? {
            result.notes.push(format!("{added} answers of the node are kept in `{}`", file.display()));
        }
        result.notes.extend(reads.unanswered().map(|unanswered| unanswered.sentence()));
    }
    Ok(results)
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

fn run_case(bench: &Bench, case: &Case, accept: bool, reads: &Arc<Reads>) -> anyhow::Result<CaseResult> {
    let kept = bench.run(&case.recording, false, reads)?;
    let fresh = bench.run(&case.recording, true, reads)?;
    let mut faults: Vec<String> = kept.failures.iter().map(|failure| format!("a batch failed: {failure}")).collect();
    if kept.rested > 0 {
        faults.push(format!("{} more batches were not shown to it: it rests after too many failures", kept.rested));
    }
    if let Some(lines) = difference("kept", &kept.found, "fresh", &fresh.found) {
        faults.push(format!("it keeps something in guest memory that it should keep in `state`:\n{lines}"));
    }
    let mut is_accepted = false;
    if let Some(expected) = &case.expected {
        match accept {
            // What a run that failed has found is not what a right one finds.
            true if !faults.is_empty() => faults.push("nothing was accepted: mend what failed first".to_owned()),
            true => {
                std::fs::write(expected, text(&kept.found)).with_context(|| expected.display().to_string())?;
                is_accepted = true;
            }
            false if !expected.exists() => faults.push(format!(
                "nothing says what is expected: read what it found, and write it to `{}` with `--accept`\n{}",
                expected.display(),
                difference("expected", &[], "found", &kept.found).unwrap_or_default()
            )),
            false => {
                // What a run that failed has found is not to be accepted.
                let remedy = if faults.is_empty() { "; `--accept` renews it" } else { "" };
                faults.extend(unexpected(expected, &kept.found, remedy)?);
            }
        }
    }
    let (inputs, findings) = (kept.inputs, kept.found.len());
    Ok(CaseResult { inputs, findings, faults, is_accepted, found: kept.found, ..CaseResult::default() })
}

/// Returns what differs from the findings that are expected, and what may be done about it.
fn unexpected(expected: &Path, found: &[Found], remedy: &str) -> anyhow::Result<Option<String>> {
    let what = || format!("`{}` can't be read; make it with `--accept`", expected.display());
    let known = snapshot(expected).with_context(what)?;
    let lines = difference("expected", &known, "found", found);
    Ok(lines.map(|lines| format!("the findings are not those of `{}`{remedy}:\n{lines}", expected.display())))
}

/// Reads a snapshot.
fn snapshot(path: &Path) -> anyhow::Result<Vec<Found>> {
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

/// Findings as snapshots have them.
fn text(found: &[Found]) -> String {
    format!("{}\n", serde_json::to_string_pretty(found).unwrap_or_default())
}

/// Where two lists of findings part, line by line; `None` where they are the same.
pub fn difference(left_name: &str, left: &[Found], right_name: &str, right: &[Found]) -> Option<String> {
    if left == right {
        return None;
    }
    let (left, right) = (text(left), text(right));
    let diff = TextDiff::from_lines(&left, &right);
    let mut lines = format!("--- {left_name}\n+++ {right_name}\n");
    for group in diff.grouped_ops(AROUND) {
        lines.push_str("@@\n");
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            lines.push_str(match change.tag() {
                ChangeTag::Delete => "-",
                ChangeTag::Insert => "+",
                ChangeTag::Equal => " ",
            });
            lines.push_str(change.value());
        }
    }
    Some(lines)
}
