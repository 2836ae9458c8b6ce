//! Compares a shadow with the detector beside it: what would have been different with the shadow in its place.

use std::collections::BTreeMap;
use std::path::Path;

use alloy::primitives::B256;
use anyhow::Context;
use serde::Serialize;

use crate::app::deploy::spec::KeptSpec;
use crate::app::engine::desk_inputs::step_again;
use crate::desk::{Desks, Input};
use crate::effect::Effect;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::finding::Finding;
use crate::incident::IncidentState;
use crate::journal::{Filter, Journal};
use crate::outcome::Outcome;

/// A shadow compared with what it stands beside.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Compared {
    /// The shadow's id.
    pub shadow: String,
    /// The detector that is acted on.
    pub beside: String,
    /// Since when, milliseconds since the Unix epoch: both are compared from the start of the shadow's version on.
    pub since_ms: u64,
    /// How long the host has run since then, milliseconds: while it is down, nothing is compared.
    pub ran_ms: u64,
    /// Blocks and observations since then.
    pub inputs: u64,
    /// Live findings that both made of the same input.
    pub both: usize,
    /// Live findings of the shadow only: place, severity and title.
    pub only_shadow: Vec<String>,
    /// Live findings of the other only.
    pub only_beside: Vec<String>,
    /// Batches on which the shadow failed.
    pub failures: Vec<String>,
    /// What the plan made of the findings as they were, the other detectors' included.
    pub as_it_was: Course,
    /// What it would have made of them with the shadow's in place of the other's.
    pub as_it_would_have_been: Course,
}

/// What a plan makes of a course of findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Course {
    /// Incidents that were opened, and not taken back since.
    pub incidents: usize,
    /// Decisions, revisions included.
    pub decisions: usize,
    /// How often each intervention was proposed.
    pub proposed: BTreeMap<String, usize>,
    /// How often somebody was notified.
    pub notified: usize,
}

/// Compares a shadow with the detector that it runs beside, by a journal.
///
/// # Errors
///
/// If the journal can't be read, or the detector runs as nobody's shadow.
pub fn compare(journal: &Path, shadow: &str) -> anyhow::Result<Compared> {
    let journal = Journal::open_existing_read_only(journal)?;
    let (since, beside) = started(&journal, shadow)?;
    let mut compared = Compared { shadow: shadow.to_owned(), beside, ..Compared::default() };
    let mut claims: [Vec<Finding>; 2] = Default::default();
    let mut desks = [Desks::default(), Desks::default()];
    let mut courses = [Course::default(), Course::default()];
    let mut open: [BTreeMap<u64, IncidentState>; 2] = Default::default();
    let mut gone = std::collections::BTreeSet::new();
    let mut running = Running::default();
    let mut rows = journal.entries(&Filter::default())?;
    while let Some(row) = rows.next()? {
        let counts = row.seq >= since;
        if row.seq == since {
            compared.since_ms = row.at_ms;
            running = Running { newest_ms: row.at_ms, ..Running::default() };
        }
        if counts {
            running.saw(row.at_ms, is_back(&row.entry));
        }
        let mut note = |at: usize, outcomes: Vec<Outcome>| {
            for outcome in outcomes {
                if counts {
                    courses[at].note(&outcome);
                }
                if let (true, Outcome::Incident(incident)) = (counts, &outcome) {
                    open[at].insert(incident.id, incident.state);
                }
            }
        };
        let is_other = matches!(&row.entry, Entry::Finding(finding) if counts && finding.detector == compared.beside);
        note(0, step_again(&mut desks[0], &row)?);
        if !is_other {
            note(1, step_again(&mut desks[1], &row)?);
        }
        match row.entry {
            Entry::Finding(finding) if is_other => claims[0].push(finding),
            Entry::Shadow(finding) if finding.detector == shadow => {
                let finding = finding.by(&compared.beside);
                note(1, desks[1].step(Input::Finding(&finding), row.at_ms));
                claims[1].push(finding);
            }
            Entry::Retraction { finding, .. } => {
                gone.insert(finding);
            }
            Entry::Failed { detector, kind, message, .. } if counts && detector == shadow => {
                compared.failures.push(format!("{kind}: {message}"));
            }
            Entry::Input(Stamped { event: Event::Committed { .. } | Event::Observed { .. }, .. }) if counts => {
                compared.inputs += 1;
            }
            _ => {}
        }
    }
    let [mut was, is] =
        claims.map(|findings| findings.into_iter().filter(|finding| !gone.contains(&finding.id)).collect::<Vec<_>>());
    for finding in is {
        match was.iter().position(|other| key(other) == key(&finding)) {
            Some(at) => {
                was.swap_remove(at);
                compared.both += 1;
            }
            None => compared.only_shadow.push(line(&finding)),
        }
    }
    compared.ran_ms = running.ran_ms;
    compared.only_beside = was.iter().map(line).collect();
    for (at, course) in courses.iter_mut().enumerate() {
        course.incidents = open[at].values().filter(|state| **state != IncidentState::Retracted).count();
    }
    [compared.as_it_was, compared.as_it_would_have_been] = courses;
    Ok(compared)
}

/// Absences that a host reports are at least so long, and reported within so long of its start, milliseconds.
const ABSENCE_MS: u64 = 60_000;

/// For how long a host ran, by the entries of its journal.
#[derive(Debug, Default)]
struct Running {
    newest_ms: u64,
    ran_ms: u64,
    /// The newest span without an entry that may be an absence, and its end, milliseconds.
    pause: Option<(u64, u64)>,
}

impl Running {
    /// Takes the moment of an entry. Where it says that the host was away, the pause before its start does not count; a start
    /// writes other entries first.
    fn saw(&mut self, at_ms: u64, is_back: bool) {
        let lapse_ms = at_ms.saturating_sub(self.newest_ms);
        if lapse_ms >= ABSENCE_MS {
            self.pause = Some((lapse_ms, at_ms));
        }
        self.ran_ms += lapse_ms;
        self.newest_ms = self.newest_ms.max(at_ms);
        if is_back
            && let Some((pause_ms, end_ms)) = self.pause.take()
            && at_ms.saturating_sub(end_ms) <= ABSENCE_MS
        {
            self.ran_ms = self.ran_ms.saturating_sub(pause_ms);
        }
    }
}

/// True for the entry by which a host that started says that it was away.
fn is_back(entry: &Entry) -> bool {
    matches!(entry, Entry::Input(Stamped { event: Event::Coverage { coverage, .. }, .. })
        if coverage.kind == "host-away" && !coverage.over)
}

impl Course {
    fn note(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Decision(_) => self.decisions += 1,
            Outcome::Effect(ordered) => match &ordered.effect {
                Effect::Propose { intervention, .. } | Effect::CarryOut { intervention, .. } => {
                    *self.proposed.entry(intervention.clone()).or_default() += 1;
                }
                Effect::Notify { .. } => self.notified += 1,
                _ => {}
            },
            _ => {}
        }
    }
}

/// Returns the input by which this version of a shadow came to stand beside a detector, and that detector.
fn started(journal: &Journal, shadow: &str) -> anyhow::Result<(u64, String)> {
    let filter = Filter { kinds: vec!["input".into()], detector: Some(shadow.to_owned()), ..Filter::default() };
    let mut rows = journal.entries(&filter)?;
    let mut started = None;
    while let Some(row) = rows.next()? {
        let Entry::Input(Stamped { event: Event::Detector { digest, spec, .. }, .. }) = row.entry else { continue };
        let beside = match digest {
            Some(digest) => serde_json::from_str::<KeptSpec>(&spec)?.shadow_of.map(|beside| (digest, beside)),
            None => None,
        };
        started = match (started, beside) {
            // A restart goes on with the same; what another version failed on is not held against this one.
            (Some((since, before)), Some(beside)) if before == beside => Some((since, before)),
            (_, beside) => beside.map(|beside| (row.seq, beside)),
        };
    }
    let started = started.map(|(since, (_, beside))| (since, beside));
    started.with_context(|| format!("`{shadow}` runs as nobody's shadow; `shadow_of` in its section makes it one"))
}

/// What makes two findings the same for whoever acts on them.
fn key(finding: &Finding) -> (Option<B256>, u64, B256) {
    (finding.block.map(|block| block.hash), finding.time_ms, finding.fingerprint)
}

fn line(finding: &Finding) -> String {
    let place = finding
        .block
        .map_or_else(|| "no block".to_owned(), |block| format!("block {} of chain {}", block.number, block.chain));
    format!("{place}: {}: {}", finding.claim.severity, finding.claim.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_in_which_the_host_ran() {
        let ran = |entries: &[(u64, bool)]| {
            let mut running = Running { newest_ms: 1_000, ..Running::default() };
            entries.iter().for_each(|(at_ms, is_back)| running.saw(*at_ms, *is_back));
            running.ran_ms
        };
        assert_eq!(ran(&[(1_000, false), (13_000, false), (25_000, false)]), 24_000);
        // A quiet night, and a host that was there.
        assert_eq!(ran(&[(3_601_000, false)]), 3_600_000);
        // A stop of 71 s: others are written before the absence is.
        let stop = [(13_000, false), (84_431, false), (84_431, false), (84_440, true), (84_800, false)];
        assert_eq!(ran(&stop), 12_000 + 369);
        // A weekend.
        assert_eq!(ran(&[(13_000, false), (172_813_000, true), (172_825_000, false)]), 24_000);
        // An absence from before, and one entry on it alone.
        assert_eq!(ran(&[(5_000, true), (17_000, true)]), 16_000);
        // A clock that was set back.
        assert_eq!(ran(&[(13_000, false), (2_000, false), (14_000, false)]), 13_000);
    }
}
