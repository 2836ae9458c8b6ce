//! What the readiness check finds in the plan of a running host: each is logged once, and none stands in the way of the watch.

use std::collections::BTreeSet;

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

#[cfg(test)]
mod tests {
    use super::*;

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
