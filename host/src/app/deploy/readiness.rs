//! What the readiness check finds in the plan of a running host: each is logged once, and none stands in the way of the watch.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::plan::readiness;

/// What was logged about the plan that is in force.
#[derive(Debug, Default)]
pub struct Unready {
    /// Code and key of each finding.
    logged: BTreeSet<(String, String)>,
}

impl Unready {
    /// Takes up a plan's files at a moment, milliseconds since the Unix epoch. Returns what is found in them and was not
    /// returned for the plan before.
    pub fn news(&mut self, files: &[(String, String)], now_ms: u64) -> Vec<Diagnostic> {
        let mut news = Vec::new();
        let mut logged = BTreeSet::new();
        for found in readiness(files, now_ms).found {
            let mark = (found.code.clone(), found.key.clone());
            if logged.insert(mark.clone()) && !self.logged.contains(&mark) {
                news.push(found);
            }
        }
        self.logged = logged;
        news
    }
}

/// Warnings that are logged one by one. Of more than these, their codes are: whoever starts a host at night reads what comes after.
const WARNINGS_LOGGED: usize = 3;

/// Returns what is logged of findings: a line for each error, and for each warning where they are few.
pub fn lines(news: &[Diagnostic]) -> Vec<String> {
    let (errors, warnings): (Vec<_>, Vec<_>) = news.iter().partition(|found| found.is_error());
    let mut lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    if warnings.len() <= WARNINGS_LOGGED {
        lines.extend(warnings.iter().map(ToString::to_string));
        return lines;
    }
    let mut codes = BTreeMap::<&str, usize>::new();
    for found in &warnings {
        *codes.entry(&found.code).or_default() += 1;
    }
    let codes: Vec<String> = codes.iter().map(|(code, count)| format!("{code}: {count}")).collect();
    lines.push(format!("{} warnings ({}); `watchfire check` lists them", warnings.len(), codes.join(", ")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Gravity;

    #[test]
    fn errors_are_logged_each_and_many_warnings_in_one_line() {
        let found = |severity, code: &str, key: &str| {
            Diagnostic::at(severity, "plan.toml", "", 0..0, key, "it is old".to_owned()).with_code(code, "")
        };
        let mut news = vec![found(Gravity::Error, "WF-E01", "a"), found(Gravity::Warning, "WF-W04", "b")];
        assert_eq!(
            lines(&news),
            ["plan.toml:1:1: error WF-E01: a: it is old", "plan.toml:1:1: warning WF-W04: b: it is old"]
        );
        news.extend(["c", "d"].map(|key| found(Gravity::Warning, "WF-W04", key)));
        news.push(found(Gravity::Warning, "WF-W17", "e"));
        assert_eq!(
            lines(&news),
            [
                "plan.toml:1:1: error WF-E01: a: it is old",
                "4 warnings (WF-W04: 3, WF-W17: 1); `watchfire check` lists them"
            ]
        );
    }

    #[test]
    fn each_is_returned_once_and_again_if_it_comes_back() {
        let mut unready = Unready::default();
        let mut check = |plan: &str, expected: &[&str]| {
            let news = unready.news(&[("plan.toml".to_owned(), plan.to_owned())], 1_795_608_000_000);
            assert_eq!(news.iter().map(|found| &found.key).collect::<Vec<_>>(), expected, "{plan}");
        };
        let ana = "[person.ana]\nname = \"Ana\"\nverified_at = 2026-11-01\n";
        let bo = format!("{ana}[person.bo]\nname = \"Bo\"\nverified_at = 2026-11-01\n");
        check(ana, &["", "person.ana.channels"]);
        check(&bo, &["person.bo.channels"]);
        check(&format!("# moved down\n{bo}"), &[]);
        check(ana, &[]);
        check(&bo, &["person.bo.channels"]);
    }
}
