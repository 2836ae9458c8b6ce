//! Coverage findings that are open now: parts of the watch that do not work.

use std::collections::BTreeMap;

use alloy::primitives::B256;

use crate::finding::{COVERAGE, Claim, Finding, Severity, Subject, WATCH, is_own};

/// The kind of a change by people.
const WATCH_CHANGED: &str = "watch-changed";
/// Kinds that people's hands lead to.
const BY_PEOPLE: [&str; 4] = [WATCH_CHANGED, "automation-halted", "journal-broken", "finality-taken-back"];

/// So many digits had the mark of a change that the first hosts noted.
const FIRST_MARK_CHARS: usize = 8;
/// A title says no further change once it has so many bytes.
const SAID_BYTES: usize = 160;

/// A part of the watch that does not work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gap {
    /// `head-stalled`, `feed-silent`, `detector-failed`, …
    pub(super) kind: String,
    /// `chain/1`, `feed/eth-usd`, `detector/outflow`.
    pub(super) subject: String,
    /// Where in the chain, for those that can be in several places at once.
    pub(super) place: String,
}

impl Gap {
    /// Makes a gap that a detector leaves.
    pub(super) fn of_detector(kind: &str, detector: &str, place: &str) -> Self {
        Self { kind: kind.to_owned(), subject: format!("detector/{detector}"), place: place.to_owned() }
    }

    /// Returns the host's detector that finds it.
    pub(super) fn detector(&self) -> &'static str {
        if BY_PEOPLE.contains(&self.kind.as_str()) { WATCH } else { COVERAGE }
    }

    pub(super) fn claim(&self, severity: Severity, message: &str) -> Claim {
        let (kind, id) = self.subject.split_once('/').unwrap_or(("host", &self.subject));
        Claim {
            kind: self.kind.clone(),
            severity,
            confidence_percent: 100,
            title: match self.kind.as_str() {
                WATCH_CHANGED => change_in_words(&self.subject, message),
                kind => format!("The watch is weakened: {} ({})", kind.replace('-', " "), self.subject),
            },
            description: message.to_owned(),
            subject: Subject { kind: kind.to_owned(), id: id.to_owned() },
            transactions: Vec::new(),
            logs: Vec::new(),
            amounts: Vec::new(),
            attributes: Vec::new(),
            condition_key: self.place.clone(),
        }
    }
}

/// Returns the title of a change by people: what it was and in whose file, so that whoever is woken sees it. What the first hosts noted
/// has a short mark, and the title that they gave it.
fn change_in_words(subject: &str, message: &str) -> String {
    let (of, mark) = subject.split_once('@').unwrap_or((subject, ""));
    if mark.len() <= FIRST_MARK_CHARS {
        return format!("The watch was changed: {of}");
    }
    let (what, file) = message.rsplit_once(" (`").unwrap_or((message, ""));
    let file = file.split(", written at").next().unwrap_or_default().trim_end_matches(')');
    let mut said = String::new();
    let mut parts = what.split("; ").peekable();
    while let Some(part) = parts.next_if(|part| said.is_empty() || said.len() + part.len() < SAID_BYTES) {
        said.push_str(if said.is_empty() { "" } else { "; " });
        said.extend(part.chars().take(SAID_BYTES));
    }
    let more = parts.count();
    if more > 0 {
        said.push_str(&format!("; and {more} more"));
    }
    if !file.is_empty() {
        said.push_str(&format!(" (`{file})"));
    }
    let mut chars = said.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Open gaps, each with its coverage finding.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    live: BTreeMap<Gap, B256>,
}

impl Gaps {
    pub(super) fn has(&self, gap: &Gap) -> bool {
        self.live.contains_key(gap)
    }

    pub(super) fn get(&self, gap: &Gap) -> Option<B256> {
        self.live.get(gap).copied()
    }

    pub(super) fn open(&mut self, gap: Gap, finding: B256) {
        self.live.insert(gap, finding);
    }

    /// Takes in a finding of the journal's.
    pub(super) fn remember(&mut self, finding: &Finding) {
        if is_own(&finding.detector) {
            let Claim { kind, subject, condition_key, .. } = &finding.claim;
            let subject = format!("{}/{}", subject.kind, subject.id);
            self.open(Gap { kind: kind.clone(), subject, place: condition_key.clone() }, finding.id);
        }
    }

    pub(super) fn forget(&mut self, finding: B256) {
        self.live.retain(|_, live| *live != finding);
    }

    /// Returns kind and subject of those that sources reported. Those of detectors and webhooks stand until the journal says
    /// otherwise.
    pub(super) fn of_sources(&self) -> Vec<(String, String)> {
        let is_kept = |subject: &str| ["detector/", "webhook/", "person/"].iter().any(|kept| subject.starts_with(kept));
        let of_sources = self.live.keys().filter(|gap| !is_kept(&gap.subject) && gap.detector() == COVERAGE);
        of_sources.map(|gap| (gap.kind.clone(), gap.subject.clone())).collect()
    }

    /// Returns kind and subject of those that weaken the watch now. A change by people is an event: somebody answers for it, and
    /// nothing stands still meanwhile.
    pub(super) fn weakening(&self) -> Vec<(String, String)> {
        let weakening = self.live.keys().filter(|gap| gap.kind != WATCH_CHANGED);
        weakening.map(|gap| (gap.kind.clone(), gap.subject.clone())).collect()
    }

    /// Returns kind and subject of all.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        self.live.keys().map(|gap| (gap.kind.clone(), gap.subject.clone())).collect()
    }

    /// Returns the gaps of a kind.
    pub(super) fn of_kind(&self, kind: &str) -> Vec<Gap> {
        self.starting_at(kind, "").take_while(|gap| gap.kind == kind).cloned().collect()
    }

    /// Whether a subject has a gap of a kind.
    pub(super) fn is_open(&self, kind: &str, subject: &str) -> bool {
        self.starting_at(kind, subject).next().is_some_and(|gap| gap.kind == kind && gap.subject == subject)
    }

    /// Iterates over gaps from the first one of a kind and subject on: kinds come first in their order.
    fn starting_at(&self, kind: &str, subject: &str) -> impl Iterator<Item = &Gap> {
        let first = Gap { kind: kind.to_owned(), subject: subject.to_owned(), place: String::new() };
        self.live.range(first..).map(|(gap, _)| gap)
    }

    /// Returns the kinds of a subject's gaps.
    pub(super) fn kinds_of(&self, subject: &str) -> Vec<String> {
        self.live.keys().filter(|gap| gap.subject == subject).map(|gap| gap.kind.clone()).collect()
    }

    /// Returns the gaps that a detector leaves.
    pub(super) fn of_detector(&self, detector: &str) -> Vec<Gap> {
        let subject = format!("detector/{detector}");
        self.live.keys().filter(|gap| gap.subject == subject).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_people_is_no_gap_that_stands() {
        let gap = |kind: &str, subject: &str| Gap {
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            place: String::new(),
        };
        let mut gaps = Gaps::default();
        gaps.open(gap(WATCH_CHANGED, "host/plan@305f856b"), B256::repeat_byte(1));
        gaps.open(gap("automation-halted", "protocol/harbor"), B256::repeat_byte(2));
        assert_eq!(gaps.weakening(), [("automation-halted".to_owned(), "protocol/harbor".to_owned())]);
        assert_eq!(gaps.all().len(), 2);
    }

    #[test]
    fn a_change_says_in_its_title_what_was_done_and_one_of_an_older_host_is_as_it_was() {
        let title = |subject: &str, message: &str| {
            let gap = Gap { kind: WATCH_CHANGED.into(), subject: subject.into(), place: String::new() };
            gap.claim(Severity::High, message).title
        };
        let gone =
            "there is no longer a detector outflow (`watchfire.toml`, of uid 0, written at 2026-11-30T19:33:22Z)";
        assert_eq!(title("detector/outflow@e3b0c442", gone), "The watch was changed: detector/outflow");
        assert_eq!(
            title("detector/outflow@e3b0c44298fc", gone),
            "There is no longer a detector outflow (`watchfire.toml`, of uid 0)"
        );
        let long = format!("the plan changed: {}; b; c (`p.toml`, of uid 0, written at now)", "a".repeat(SAID_BYTES));
        let said = title("host/plan@e3b0c44298fc", &long);
        assert!(
            said.starts_with("The plan changed: a") && said.ends_with("a; and 2 more (`p.toml`, of uid 0)"),
            "{said}"
        );
        assert_eq!(
            title("detector/x@e3b0c44298fc", "there is no longer a detector x"),
            "There is no longer a detector x"
        );
    }
}
