//! The list of checks, and the page that documents them.

use std::collections::BTreeSet;

use super::super::{CHECKS, check_of};
use crate::diagnostic::Gravity;

const PAGE: &str = include_str!("../../../../../docs/checks.md");

#[test]
fn every_check_has_its_section_and_every_section_a_check() {
    let sections: Vec<&str> = PAGE.split("\n## ").skip(1).collect();
    let pages: Vec<String> = CHECKS.iter().map(|check| check.page()).collect();
    let of_checks: Vec<String> = sections
        .iter()
        .filter(|section| section.starts_with("WF-"))
        .map(|section| format!("## {}\n", section.trim_end()))
        .collect();
    assert_eq!(of_checks, pages, "`watchfire check --explain all` prints what docs/checks.md must end with");
}

#[test]
fn codes_are_given_once_and_say_how_grave_it_is() {
    let codes: BTreeSet<&str> = CHECKS.iter().map(|check| check.code).collect();
    assert_eq!(codes.len(), CHECKS.len());
    for check in CHECKS {
        let letter = if check.gravity == Gravity::Error { "WF-E" } else { "WF-W" };
        let number = check.code.strip_prefix(letter).and_then(|number| number.parse::<u8>().ok());
        assert!(number.is_some() && check.code.len() == 6, "{check:?}");
        assert!(!check.title.ends_with('.') && !check.remedy.ends_with('.'), "{check:?}");
        assert!(check.why.ends_with('.') && check.how.ends_with('.'), "{check:?}");
    }
}

#[test]
fn a_code_leads_to_its_check() {
    let found = check_of("WF-E01").map(|check| (check.title, check.link()));
    assert_eq!(found, Ok(("Signal without an action", "docs/checks.md#wf-e01".to_owned())));
    assert!(check_of("WF-E99").unwrap_err().starts_with("did you mean `WF-E"));
}
