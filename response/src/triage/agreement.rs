//! Agreement: which distinct detectors have live findings close enough in chain time to support each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Live findings by chain time, and the largest set of detectors that meet within one window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Agreement {
    window_ms: u64,
    detectors: Vec<String>,
    live: BTreeMap<u32, u64>,
    #[serde(with = "as_list")]
    times: BTreeMap<(u64, u32), u32>,
    best: Vec<u32>,
}

impl Agreement {
    pub(super) fn within(window_ms: u64) -> Self {
        Self { window_ms, ..Self::default() }
    }

    pub(super) fn add(&mut self, detector: &str, time_ms: u64) {
        let index = match self.detectors.iter().position(|known| known == detector) {
            Some(index) => index as u32,
            None => {
                self.detectors.push(detector.to_owned());
                self.detectors.len() as u32 - 1
            }
        };
        *self.times.entry((time_ms, index)).or_default() += 1;
        *self.live.entry(index).or_default() += 1;
        // Where all meet already, one more can't add to it. Otherwise only windows that hold it can be better.
        if self.best.len() < self.live.len() {
            self.improve(time_ms.saturating_sub(self.window_ms), time_ms.saturating_add(self.window_ms));
        }
    }

    pub(super) fn remove(&mut self, detector: &str, time_ms: u64) {
        let Some(index) = self.detectors.iter().position(|known| known == detector) else { return };
        let index = index as u32;
        lower(&mut self.times, (time_ms, index), |count| *count -= 1, |count| *count == 0);
        let is_seen_then = self.times.contains_key(&(time_ms, index));
        lower(&mut self.live, index, |count| *count -= 1, |count| *count == 0);
        // Another sighting of that moment stands in for it.
        if !is_seen_then && self.best.contains(&index) {
            self.best.clear();
            self.improve(0, u64::MAX);
        }
    }

    /// Returns the detectors that agree, in order of name.
    pub(super) fn sources(&self) -> Vec<String> {
        let mut names: Vec<String> = self.best.iter().map(|index| self.detectors[*index as usize].clone()).collect();
        names.sort();
        names
    }

    /// Takes the largest set that meets in one window between two times, if it is larger than the best.
    fn improve(&mut self, from_ms: u64, to_ms: u64) {
        let mut inside: BTreeMap<u32, u32> = BTreeMap::new();
        let mut oldest = self.times.range((from_ms, 0)..=(to_ms, u32::MAX));
        for (&(newest_ms, detector), _) in self.times.range((from_ms, 0)..=(to_ms, u32::MAX)) {
            *inside.entry(detector).or_default() += 1;
            while let Some((&(time_ms, leaving), _)) = oldest.clone().next()
                && newest_ms - time_ms > self.window_ms
            {
                oldest.next();
                lower(&mut inside, leaving, |count| *count -= 1, |count| *count == 0);
            }
            if inside.len() > self.best.len() {
                self.best = inside.keys().copied().collect();
            }
        }
    }
}

/// Lowers a count, and forgets it at nothing.
fn lower<K: Ord, V>(counts: &mut BTreeMap<K, V>, key: K, lower: impl Fn(&mut V), is_none: impl Fn(&V) -> bool) {
    if let Some(count) = counts.get_mut(&key) {
        lower(count);
        if is_none(count) {
            counts.remove(&key);
        }
    }
}

/// A map whose keys are no text, as a list of pairs.
mod as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    type Times = BTreeMap<(u64, u32), u32>;

    pub(super) fn serialize<S: Serializer>(times: &Times, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(times)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Times, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(agreement: &Agreement, expected: &[&str]) {
        assert_eq!(agreement.sources(), expected);
    }

    #[test]
    fn only_those_within_one_window_agree() {
        let mut agreement = Agreement::within(10);
        agreement.add("a", 100);
        check(&agreement, &["a"]);
        agreement.add("b", 111);
        check(&agreement, &["a"]);
        agreement.add("a", 101);
        check(&agreement, &["a", "b"]);
        agreement.add("c", 95);
        check(&agreement, &["a", "b"]);
        agreement.add("b", 105);
        check(&agreement, &["a", "b", "c"]);
        agreement.remove("b", 105);
        check(&agreement, &["a", "c"]);
        agreement.remove("a", 100);
        agreement.remove("a", 101);
        check(&agreement, &["c"]);
        agreement.remove("c", 95);
        check(&agreement, &["b"]);
    }
}
