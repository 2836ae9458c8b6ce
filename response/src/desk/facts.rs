//! What is known of the chain. A newer fact of the same key replaces an older one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::{Fact, FactKey, Says};

/// A fact that is older than this says nothing any more, milliseconds.
const FRESH_MS: u64 = 24 * 3_600 * 1_000;

/// The newest fact of each key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Fact>", into = "Vec<Fact>")]
pub(super) struct Facts(BTreeMap<FactKey, Fact>);

impl From<Vec<Fact>> for Facts {
    fn from(facts: Vec<Fact>) -> Self {
        Self(facts.into_iter().map(|fact| (fact.says.key(), fact)).collect())
    }
}

impl From<Facts> for Vec<Fact> {
    fn from(facts: Facts) -> Self {
        facts.0.into_values().collect()
    }
}

/// What a fact is beside what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// It is older than what is known, and was left out.
    Stale,
    /// It says what was known already.
    Same,
    /// It says something else.
    New,
}

impl Facts {
    /// Takes a fact in.
    pub(super) fn learn(&mut self, fact: &Fact) -> Learned {
        let key = fact.says.key();
        let known = self.0.get(&key);
        if known.is_some_and(|known| known.read_at_ms > fact.read_at_ms) {
            return Learned::Stale;
        }
        let is_new = known.is_none_or(|known| known.says != fact.says);
        self.0.insert(key, fact.clone());
        if is_new { Learned::New } else { Learned::Same }
    }

    /// Returns what was learned last of a key, however long ago.
    pub(super) fn last(&self, key: &FactKey) -> Option<&Fact> {
        self.0.get(key)
    }

    /// Returns what a fact says that is young enough to go by.
    pub(super) fn fresh(&self, key: &FactKey, now_ms: u64) -> Option<&Says> {
        let fact = self.last(key)?;
        (now_ms.saturating_sub(fact.read_at_ms) <= FRESH_MS).then_some(&fact.says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses_left(uses: u32, read_at_ms: u64) -> Fact {
        let says = Says::UsesLeft { intervention: "pause".into(), uses };
        Fact { protocol: String::new(), says, block: None, read_at_ms }
    }

    #[test]
    fn the_newest_fact_stands_for_a_day() {
        let mut facts = Facts::default();
        let key = FactKey::UsesLeft("pause".into());
        assert_eq!(facts.learn(&uses_left(2, 10)), Learned::New);
        assert_eq!(facts.learn(&uses_left(2, 11)), Learned::Same);
        assert_eq!(facts.learn(&uses_left(1, 10)), Learned::Stale);
        assert_eq!(facts.learn(&uses_left(1, 11)), Learned::New, "of two of one moment the later counts");
        let says = uses_left(1, 11).says;
        assert_eq!(facts.fresh(&key, 11 + FRESH_MS), Some(&says));
        assert_eq!(facts.fresh(&key, 12 + FRESH_MS), None);
        assert_eq!(facts.last(&key).map(|fact| &fact.says), Some(&says));
        assert_eq!(facts.last(&FactKey::InEffect("pause".into())), None);
    }
}
