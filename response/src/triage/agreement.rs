//! Agreement: which distinct detectors have live findings close enough in chain time to support each other.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Whose word a finding is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// The source that the plan gives the detector, or the detector itself.
    pub source: String,
    /// SHA-256 of the component that runs as the detector, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<B256>,
    /// Whether the component hears what others find.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listens: bool,
}

/// Live findings by chain time, and the largest set of detectors that meet within one window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Agreement {
    window_ms: u64,
    speakers: Vec<Speaker>,
    live: BTreeMap<u32, u64>,
    #[serde(with = "as_list")]
    times: BTreeMap<(u64, u32), u32>,
    best: Vec<u32>,
}

/// A source as it speaks: by itself, or of what it heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Speaker {
    source: String,
    listens: bool,
    /// Components by which it spoke.
    components: BTreeSet<B256>,
}

impl Speaker {
    fn is(&self, voice: &Voice) -> bool {
        self.source == voice.source && self.listens == voice.listens
    }
}

impl Agreement {
    pub(super) fn within(window_ms: u64) -> Self {
        Self { window_ms, ..Self::default() }
    }

    /// The same window, without anybody.
    pub(super) fn afresh(&self) -> Self {
        Self::within(self.window_ms)
    }

    pub(super) fn add(&mut self, voice: &Voice, time_ms: u64) {
        let index = match self.speakers.iter().position(|known| known.is(voice)) {
            Some(index) => index,
            None => {
                let (source, listens) = (voice.source.clone(), voice.listens);
                self.speakers.push(Speaker { source, listens, components: BTreeSet::new() });
                self.speakers.len() - 1
            }
        };
        self.speakers[index].components.extend(voice.component);
        let index = index as u32;
        *self.times.entry((time_ms, index)).or_default() += 1;
        *self.live.entry(index).or_default() += 1;
        // Where all that count meet already, one more can't add to it. Otherwise only windows that hold it can be better.
        if self.best.len() < self.counted(self.live.keys()).len() {
            self.improve(time_ms.saturating_sub(self.window_ms), time_ms.saturating_add(self.window_ms));
        }
    }

    pub(super) fn remove(&mut self, voice: &Voice, time_ms: u64) {
        let Some(index) = self.speakers.iter().position(|known| known.is(voice)) else { return };
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
        let mut names: Vec<String> =
            self.best.iter().map(|index| self.speakers[*index as usize].source.clone()).collect();
        names.sort();
        names
    }

    /// Whether a source has a live finding that does not count beside those that do: it is of their component, or hears them.
    pub(super) fn repeats(&self, source: &str) -> bool {
        let is_it = |speaker: &Speaker| speaker.source == source && (speaker.listens || !speaker.components.is_empty());
        self.live.keys().any(|index| is_it(&self.speakers[*index as usize]))
    }

    /// Returns those of a set that count, in order of name: of one component the first, and whoever hears others only where nobody
    /// else speaks, for it may be saying again what it heard.
    fn counted<'a>(&self, speaking: impl Iterator<Item = &'a u32>) -> Vec<u32> {
        let of = |index: u32| &self.speakers[index as usize];
        let mut speaking: Vec<u32> = speaking.copied().collect();
        speaking.sort_by_key(|index| of(*index).source.as_str());
        let mut counted: Vec<u32> = Vec::new();
        for index in speaking.iter().copied().filter(|index| !of(*index).listens) {
            let is_new = |other: &u32| of(*other).components.is_disjoint(&of(index).components);
            if counted.iter().all(is_new) {
                counted.push(index);
            }
        }
        if counted.is_empty() {
            counted.extend(speaking.first());
        }
        counted
    }

    /// Takes the largest set that meets in one window between two times, if it is larger than the best.
    fn improve(&mut self, from_ms: u64, to_ms: u64) {
        let mut inside: BTreeMap<u32, u32> = BTreeMap::new();
        let mut best = std::mem::take(&mut self.best);
        let mut oldest = self.times.range((from_ms, 0)..=(to_ms, u32::MAX));
        for (&(newest_ms, detector), _) in self.times.range((from_ms, 0)..=(to_ms, u32::MAX)) {
            *inside.entry(detector).or_default() += 1;
            while let Some((&(time_ms, leaving), _)) = oldest.clone().next()
                && newest_ms - time_ms > self.window_ms
            {
                oldest.next();
                lower(&mut inside, leaving, |count| *count -= 1, |count| *count == 0);
            }
            if inside.len() > best.len() {
                let counted = self.counted(inside.keys());
                if counted.len() > best.len() {
                    best = counted;
                }
            }
        }
        self.best = best;
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

    fn voice(source: &str) -> Voice {
        Voice { source: source.to_owned(), ..Voice::default() }
    }

    fn of(source: &str, component: u8) -> Voice {
        Voice { component: Some(B256::repeat_byte(component)), ..voice(source) }
    }

    fn listening(source: &str) -> Voice {
        Voice { listens: true, ..voice(source) }
    }

    fn check(agreement: &Agreement, expected: &[&str]) {
        assert_eq!(agreement.sources(), expected);
    }

    #[test]
    fn only_those_within_one_window_agree() {
        let (a, b, c) = (voice("a"), voice("b"), voice("c"));
        let mut agreement = Agreement::within(10);
        agreement.add(&a, 100);
        check(&agreement, &["a"]);
        agreement.add(&b, 111);
        check(&agreement, &["a"]);
        agreement.add(&a, 101);
        check(&agreement, &["a", "b"]);
        agreement.add(&c, 95);
        check(&agreement, &["a", "b"]);
        agreement.add(&b, 105);
        check(&agreement, &["a", "b", "c"]);
        agreement.remove(&b, 105);
        check(&agreement, &["a", "c"]);
        agreement.remove(&a, 100);
        agreement.remove(&a, 101);
        check(&agreement, &["c"]);
        agreement.remove(&c, 95);
        check(&agreement, &["b"]);
    }

    #[test]
    fn one_component_is_one_source_under_any_number_of_names() {
        let mut agreement = Agreement::within(10);
        agreement.add(&of("a", 1), 100);
        agreement.add(&of("b", 1), 100);
        check(&agreement, &["a"]);
        assert!(agreement.repeats("b") && !agreement.repeats("c"));
        agreement.add(&of("c", 2), 100);
        check(&agreement, &["a", "c"]);
        agreement.remove(&of("a", 1), 100);
        check(&agreement, &["b", "c"]);
    }

    #[test]
    fn whoever_hears_others_counts_alone_or_not_at_all() {
        let mut agreement = Agreement::within(10);
        agreement.add(&listening("echo"), 100);
        agreement.add(&listening("echo-too"), 100);
        check(&agreement, &["echo"]);
        agreement.add(&voice("a"), 100);
        agreement.add(&voice("z"), 109);
        check(&agreement, &["a", "z"]);
        agreement.remove(&voice("a"), 100);
        agreement.remove(&voice("z"), 109);
        check(&agreement, &["echo"]);
    }

    #[test]
    fn a_window_full_of_echoes_does_not_hide_one_in_which_two_meet() {
        let mut agreement = Agreement::within(10);
        agreement.add(&voice("a"), 100);
        agreement.add(&listening("echo"), 100);
        agreement.add(&voice("a"), 200);
        agreement.add(&voice("b"), 205);
        check(&agreement, &["a", "b"]);
    }
}
