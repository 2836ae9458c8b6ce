//! What is known of an incident beyond its findings' list: kinds, who acts, the newest evidence, and the worst of it.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::brief::{EVIDENCE_KEPT, Evidence};
use crate::finding::Severity;

/// How many actors are told apart; of one more, nothing new is said.
const ACTORS_KEPT: usize = 16;

/// What a finding brought that the incident did not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// More is lost or moved.
    pub loss: bool,
    /// A kind that no live finding had.
    pub kind: bool,
    /// Somebody acts whom no live finding named.
    pub actor: bool,
    /// Something worse than what the title said.
    pub title: bool,
}

impl Growth {
    /// Whether there is anything to tell people of.
    pub fn is_any(self) -> bool {
        self.loss || self.kind || self.actor || self.title
    }
}

/// What one condition says: as it was when the most was lost by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Words {
    pub kind: String,
    pub actor: Option<String>,
    pub severity: Severity,
    pub title: String,
    /// The first asset that it gives an amount of, and how much.
    #[serde(with = "as_pair")]
    pub amount: Option<(String, u128)>,
}

impl Words {
    /// Whether this is worse than what the title says. Severity counts first, then that something is lost, then how much
    /// of the same asset; what came first stays otherwise.
    fn is_worse_than(&self, other: &Words) -> bool {
        let rank = |words: &Words| (words.severity, words.amount.is_some());
        match (&self.amount, &other.amount) {
            _ if rank(self) != rank(other) => rank(self) > rank(other),
            (Some((asset, amount)), Some((known, most))) => asset == known && amount > most,
            _ => false,
        }
    }
}

/// Kinds and actors of live conditions, and the worst of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    kinds: BTreeMap<String, u64>,
    actors: BTreeMap<String, u64>,
    worst: Option<(B256, Words)>,
}

impl Known {
    /// Notes what a condition says that is new to the incident.
    pub(super) fn add(&mut self, fingerprint: B256, words: &Words) -> Growth {
        let kinds = self.kinds.entry(words.kind.clone()).or_default();
        *kinds += 1;
        let mut growth = Growth { kind: *kinds == 1, ..Growth::default() };
        if let Some(actor) = &words.actor {
            let is_room = self.actors.len() < ACTORS_KEPT;
            if let Some(count) = self.actors.get_mut(actor) {
                *count += 1;
            } else if is_room {
                self.actors.insert(actor.clone(), 1);
                growth.actor = true;
            }
        }
        growth.title = self.weigh(fingerprint, words);
        growth
    }

    /// Notes that a condition says something else, as more was lost by it. Returns whether that is the worst now.
    pub(super) fn weigh(&mut self, fingerprint: B256, words: &Words) -> bool {
        let is_worst = match &self.worst {
            None => true,
            Some((of, known)) => (*of == fingerprint && known != words) || words.is_worse_than(known),
        };
        if is_worst {
            self.worst = Some((fingerprint, words.clone()));
        }
        is_worst
    }

    /// Forgets a condition that is over. Returns whether the worst was of it: then another is to be found.
    pub(super) fn remove(&mut self, fingerprint: B256, words: &Words) -> bool {
        forget(&mut self.kinds, &words.kind);
        if let Some(actor) = &words.actor {
            forget(&mut self.actors, actor);
        }
        let is_worst = self.worst.as_ref().is_some_and(|(of, _)| *of == fingerprint);
        if is_worst {
            self.worst = None;
        }
        is_worst
    }

    pub(super) fn has_kind(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    pub(super) fn kinds(&self) -> Vec<String> {
        self.kinds.keys().cloned().collect()
    }

    pub(super) fn actors(&self) -> Vec<String> {
        self.actors.keys().cloned().collect()
    }

    /// Returns the line that says the worst.
    pub(super) fn title(&self) -> Option<&str> {
        self.worst.as_ref().map(|(_, words)| words.title.as_str())
    }
}

/// Returns the size of an amount without its sign; `None` if it is no number.
pub(super) fn magnitude(value: &str) -> Option<u128> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    match digits.parse() {
        Ok(value) => Some(value),
        // Digits alone that don't fit are more than any threshold.
        Err(_) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(u128::MAX),
        Err(_) => None,
    }
}

fn forget(counts: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count -= 1;
        if *count == 0 {
            counts.remove(name);
        }
    }
}

/// Puts evidence first, in place of older evidence of its kind that is no graver. Of too much, the least grave goes.
pub(super) fn show(shown: &mut Vec<Evidence>, evidence: Evidence) {
    let same = shown.iter().position(|one| one.kind == evidence.kind && one.detector == evidence.detector);
    if let Some(at) = same {
        if shown[at].severity > evidence.severity {
            return;
        }
        shown.remove(at);
    }
    shown.insert(0, evidence);
    if shown.len() > EVIDENCE_KEPT {
        let least = shown.iter().map(|one| one.severity).min();
        if let Some(at) = shown.iter().rposition(|one| Some(one.severity) == least) {
            shown.remove(at);
        }
    }
}

mod as_pair {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(amount: &Option<(String, u128)>, serializer: S) -> Result<S::Ok, S::Error> {
        amount.as_ref().map(|(asset, amount)| (asset, amount.to_string())).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(String, u128)>, D::Error> {
        let pair = Option::<(String, String)>::deserialize(deserializer)?;
        pair.map(|(asset, digits)| Ok((asset, digits.parse().map_err(D::Error::custom)?))).transpose()
    }
}
