//! What a value means after the one before it.

use std::collections::BTreeSet;

use watchfire_sdk::prelude::*;

use crate::Memory;
use crate::config::{Part, What};

/// What status pages say when all is well.
const WELL: [&str; 5] = ["none", "operational", "ok", "up", "all systems operational"];

impl Part {
    /// What a value means after the one before it. The same again means nothing: it was told.
    pub(crate) fn judge(&self, memory: &Memory, value: &str) -> Option<Finding> {
        if memory.last == value {
            return None;
        }
        if self.what == What::Advisories {
            return self.published(memory, value);
        }
        let was_expected = memory.last.is_empty() || self.expects(memory, &memory.last);
        let finding = match (self.expects(memory, value), was_expected) {
            (true, true) => return None,
            (true, false) => Finding::new("frontend-restored", Severity::Info, self.subject())
                .title(format!("{}: as it should be again", self.label)),
            (false, _) => self.changed(memory, value),
        };
        let name = if self.what.is_digest() { "digest" } else { "said" };
        let before = if memory.last.is_empty() { &memory.first } else { &memory.last };
        Some(self.told(finding, value).attribute(name, one_line(value)).attribute("before", one_line(before)))
    }

    fn subject(&self) -> Subject {
        Subject::new("frontend", &self.label)
    }

    fn told(&self, finding: Finding, value: &str) -> Finding {
        let is_certain = !self.expected.is_empty() || matches!(self.what, What::Status | What::Advisories);
        finding
            .confidence(if is_certain { 90 } else { 60 })
            .condition_key(one_line(value))
            .attribute("feed", &self.feed)
    }

    /// Whether a value is one that nobody need look at.
    fn expects(&self, memory: &Memory, value: &str) -> bool {
        let is_among = |item: &str| self.expected.iter().any(|expected| expected.trim().eq_ignore_ascii_case(item));
        match self.what {
            What::Status if self.expected.is_empty() => WELL.contains(&value.trim().to_lowercase().as_str()),
            _ if self.expected.is_empty() => memory.first == value,
            What::Content | What::Certificate | What::Status => is_among(value.trim()),
            // A part of the records is what a resolver says that takes turns; a lock that is gone is a change.
            What::Dns | What::Advisories => items(value).into_iter().all(is_among),
            What::Registrar => items(value).len() == self.expected.len() && items(value).into_iter().all(is_among),
        }
    }

    fn changed(&self, memory: &Memory, value: &str) -> Finding {
        let (kind, severity, what) = match self.what {
            What::Content => ("content-changed", Severity::Critical, "is not what was published"),
            What::Certificate => ("certificate-changed", Severity::High, "has another certificate"),
            What::Dns => ("dns-changed", Severity::High, "has other records"),
            What::Registrar => ("registrar-changed", Severity::Critical, "has another entry at its registrar"),
            What::Status | What::Advisories => ("status-degraded", Severity::Medium, "is not well"),
        };
        let (title, description) = match self.what {
            What::Status | What::Advisories => (
                format!("{} says {}", self.label, one_line(value)),
                "What the frontend depends on is disturbed, by its own word. Expect more faults than these.".to_owned(),
            ),
            What::Content | What::Certificate => (format!("{} {what}", self.label), self.advice()),
            What::Dns | What::Registrar => {
                let known = match self.expected.is_empty() {
                    true => items(&memory.first),
                    false => self.expected.iter().map(String::as_str).collect(),
                };
                let is_known = |item: &&str| known.iter().any(|known| known.trim().eq_ignore_ascii_case(item));
                let now = items(value);
                let new: Vec<&str> = now.iter().copied().filter(|item| !is_known(item)).collect();
                let gone: Vec<&str> = known.iter().copied().filter(|item| !now.contains(item)).collect();
                let detail = match new.is_empty() {
                    false => format!(": {}", new.join(", ")),
                    true => format!(": no more {}", gone.join(", ")),
                };
                (format!("{} {what}{detail}", self.label), self.advice())
            }
        };
        Finding::new(kind, severity, self.subject()).title(title).description(description)
    }

    fn advice(&self) -> String {
        let pinned = match (self.expected.is_empty(), self.what.is_digest()) {
            (true, _) => "It differs from what was there when the watch began.",
            (false, true) => "It is none of the digests in `expected`.",
            (false, false) => "It says what is not in `expected`.",
        };
        format!(
            "{pinned} If nobody of yours did that, warn users before they sign anything, and take the domain, the host and the build's keys \
             for stolen until you know better."
        )
    }

    /// Advisories that are there now, were not before, and are not known.
    fn published(&self, memory: &Memory, value: &str) -> Option<Finding> {
        let id = |item: &str| item.split(' ').next().unwrap_or_default().to_lowercase();
        let known: BTreeSet<String> = self.expected.iter().map(|expected| id(expected)).collect();
        // Without `expected`, what was there when the watch began is known; with it, only what it says.
        let before = match (memory.last.is_empty(), self.expected.is_empty()) {
            (true, true) => items(&memory.first),
            (true, false) => BTreeSet::new(),
            (false, _) => items(&memory.last),
        };
        let before: BTreeSet<String> = before.into_iter().map(id).collect();
        let is_new = |item: &&str| *item != "none" && !known.contains(&id(item)) && !before.contains(&id(item));
        let new: Vec<&str> = items(value).into_iter().filter(is_new).collect();
        if new.is_empty() {
            return None;
        }
        let is_grave = |item: &&str| item.ends_with(" critical") || item.ends_with(" high");
        let severity = if new.iter().any(is_grave) { Severity::High } else { Severity::Medium };
        let finding = Finding::new("advisory-published", severity, self.subject())
            .title(format!("{}: {}", self.label, new.join(", ")))
            .description(
                "An advisory that was not there before. See whether what you run is affected: whoever reads it knows how to attack \
                 what is not mended.",
            );
        Some(self.told(finding, &new.join(", ")).attribute("advisories", new.join(", ")))
    }
}

/// Each line of what a feed says.
fn items(value: &str) -> BTreeSet<&str> {
    value.lines().map(str::trim).filter(|item| !item.is_empty()).collect()
}

fn one_line(value: &str) -> String {
    value.replace('\n', ", ")
}
