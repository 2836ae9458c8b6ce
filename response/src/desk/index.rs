//! Which open incident a group, a condition or a finding belongs to. The index alone holds this, and keeps it in step.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::incident::IncidentId;

/// Where groups, conditions and findings stand. A group is the hash of a signal and the values of its grouping labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IncidentIndex {
    /// The open incident of each group.
    open: BTreeMap<B256, IncidentId>,
    /// The groups of each open incident.
    groups: BTreeMap<IncidentId, Vec<B256>>,
    /// The last closed incident of each group, and when it closed, milliseconds since the Unix epoch.
    closed: BTreeMap<B256, (IncidentId, u64)>,
    /// The incidents in which each live condition stands, by fingerprint.
    active: BTreeMap<B256, Vec<IncidentId>>,
    /// The incidents in which each live finding stands.
    homes: BTreeMap<B256, Home>,
    /// Open incidents by what they are about and who acts, and of each incident what that is.
    links: BTreeMap<String, BTreeSet<IncidentId>>,
    linked: BTreeMap<IncidentId, BTreeSet<String>>,
}

/// By how many subjects and actors one incident is found.
const LINKS_KEPT: usize = 256;

/// Where a live finding stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Home {
    /// The condition that the finding is a sighting of.
    pub fingerprint: B256,
    /// The incidents that it supports, in the order in which it joined them.
    pub incidents: Vec<IncidentId>,
}

impl IncidentIndex {
    /// Returns the open incident of a group.
    pub(super) fn of_group(&self, group: &B256) -> Option<IncidentId> {
        self.open.get(group).copied()
    }

    /// Returns the last incident of a group that was closed, and when it closed, milliseconds since the Unix epoch.
    pub(super) fn last_closed(&self, group: &B256) -> Option<(IncidentId, u64)> {
        self.closed.get(group).copied()
    }

    /// Returns the incidents in which a condition is live.
    pub(super) fn with_condition(&self, fingerprint: &B256) -> Vec<IncidentId> {
        self.active.get(fingerprint).cloned().unwrap_or_default()
    }

    /// Returns the incidents in which a live finding stands.
    pub(super) fn homes(&self, finding: &B256) -> &[IncidentId] {
        self.homes.get(finding).map(|home| home.incidents.as_slice()).unwrap_or_default()
    }

    /// Whether a live finding stands in an incident.
    pub(super) fn has(&self, finding: &B256, id: IncidentId) -> bool {
        self.homes.get(finding).is_some_and(|home| home.incidents.contains(&id))
    }

    /// An incident opens for a group.
    pub(super) fn open(&mut self, id: IncidentId, group: B256) {
        self.open.insert(group, id);
        self.groups.insert(id, vec![group]);
    }

    /// An incident stands for another group too.
    pub(super) fn add_group(&mut self, id: IncidentId, group: B256) {
        if self.open.contains_key(&group) {
            return;
        }
        self.open.insert(group, id);
        self.groups.entry(id).or_default().push(group);
    }

    /// An incident is about something, or somebody acts in it. Returns the other incidents of which that is so.
    pub(super) fn link(&mut self, id: IncidentId, mark: String) -> Vec<IncidentId> {
        let marks = self.linked.entry(id).or_default();
        if marks.len() >= LINKS_KEPT && !marks.contains(&mark) {
            return Vec::new();
        }
        marks.insert(mark.clone());
        let ids = self.links.entry(mark).or_default();
        ids.insert(id);
        ids.iter().copied().filter(|other| *other != id).collect()
    }

    fn unlink(&mut self, id: IncidentId) {
        for mark in self.linked.remove(&id).unwrap_or_default() {
            if let Some(ids) = self.links.get_mut(&mark) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.links.remove(&mark);
                }
            }
        }
    }

    /// A finding joins an open incident.
    pub(super) fn join(&mut self, id: IncidentId, finding: B256, fingerprint: B256) {
        let home = self.homes.entry(finding).or_insert_with(|| Home { fingerprint, incidents: Vec::new() });
        if !home.incidents.contains(&id) {
            home.incidents.push(id);
        }
        let active = self.active.entry(fingerprint).or_default();
        if !active.contains(&id) {
            active.push(id);
        }
    }

    /// A finding is no longer kept in an incident, in which its condition lives on.
    pub(super) fn leave(&mut self, id: IncidentId, finding: B256) {
        if let Some(home) = self.homes.get_mut(&finding) {
            home.incidents.retain(|home| *home != id);
            if home.incidents.is_empty() {
                self.homes.remove(&finding);
            }
        }
    }

    /// A finding is taken back. Returns where it stood; `None` if it stood nowhere.
    pub(super) fn retract(&mut self, finding: B256) -> Option<Home> {
        self.homes.remove(&finding)
    }

    /// The last sighting of a condition in an incident was taken back.
    pub(super) fn end_condition(&mut self, id: IncidentId, fingerprint: B256) {
        if let Some(incidents) = self.active.get_mut(&fingerprint) {
            incidents.retain(|incident| *incident != id);
            if incidents.is_empty() {
                self.active.remove(&fingerprint);
            }
        }
    }

    /// An incident follows another plan, in which its groups are others. A group that has an open incident already stays
    /// with that one.
    pub(super) fn regroup(&mut self, id: IncidentId, groups: Vec<B256>) {
        for group in self.groups.remove(&id).unwrap_or_default() {
            if self.open.get(&group) == Some(&id) {
                self.open.remove(&group);
            }
        }
        for group in &groups {
            self.open.entry(*group).or_insert(id);
        }
        self.groups.insert(id, groups);
    }

    /// An incident becomes part of another, with all its live findings: each a finding and its fingerprint.
    pub(super) fn merge(&mut self, from: IncidentId, into: IncidentId, findings: impl Iterator<Item = (B256, B256)>) {
        let moved = |incidents: &mut Vec<IncidentId>| {
            incidents.retain(|incident| *incident != from && *incident != into);
            incidents.push(into);
        };
        for (finding, fingerprint) in findings {
            if let Some(home) = self.homes.get_mut(&finding) {
                moved(&mut home.incidents);
            }
            moved(self.active.entry(fingerprint).or_default());
        }
        let groups = self.groups.remove(&from).unwrap_or_default();
        for group in &groups {
            if self.open.get(group) == Some(&from) {
                self.open.insert(*group, into);
            }
        }
        self.groups.entry(into).or_default().extend(groups);
    }

    /// An incident is over; `findings` are those that are still live in it, each with its fingerprint. If people closed it,
    /// `closed_at_ms` says when, and soon after that a new incident of the group follows it.
    pub(super) fn close(
        &mut self,
        id: IncidentId,
        findings: impl Iterator<Item = (B256, B256)>,
        closed_at_ms: Option<u64>,
    ) {
        self.unlink(id);
        for (finding, fingerprint) in findings {
            self.leave(id, finding);
            self.end_condition(id, fingerprint);
        }
        for group in self.groups.remove(&id).unwrap_or_default() {
            if self.open.get(&group) == Some(&id) {
                self.open.remove(&group);
            }
            if let Some(closed_at_ms) = closed_at_ms {
                self.closed.insert(group, (id, closed_at_ms));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u8) -> B256 {
        B256::repeat_byte(number)
    }

    /// Two incidents, 1 of group 1 and 2 of group 2, that share finding 7 of condition 8.
    fn shared() -> IncidentIndex {
        let mut index = IncidentIndex::default();
        for id in [1, 2] {
            index.open(id, hash(id as u8));
            index.join(id, hash(7), hash(8));
        }
        index
    }

    #[test]
    fn a_finding_joins_an_incident_once() {
        let mut index = shared();
        index.join(1, hash(7), hash(8));
        let home = index.retract(hash(7)).map(|home| (home.fingerprint, home.incidents));
        assert_eq!(home, Some((hash(8), vec![1, 2])));
        assert_eq!((index.has(&hash(7), 1), index.retract(hash(7))), (false, None));
        assert_eq!(index.with_condition(&hash(8)), [1, 2], "until the condition ends");
        index.end_condition(1, hash(8));
        assert_eq!(index.with_condition(&hash(8)), [2]);
    }

    #[test]
    fn a_finding_leaves_one_incident_and_its_condition_lives_on() {
        let mut index = shared();
        index.leave(1, hash(7));
        assert_eq!((index.has(&hash(7), 1), index.has(&hash(7), 2)), (false, true));
        assert_eq!(index.with_condition(&hash(8)), [1, 2]);
    }

    #[test]
    fn what_is_merged_goes_on_in_the_other() {
        let mut index = shared();
        index.merge(2, 1, [(hash(7), hash(8))].into_iter());
        assert_eq!((index.of_group(&hash(1)), index.of_group(&hash(2))), (Some(1), Some(1)));
        assert_eq!((index.has(&hash(7), 1), index.has(&hash(7), 2)), (true, false));
        assert_eq!(index.with_condition(&hash(8)), [1]);
        index.close(1, [(hash(7), hash(8))].into_iter(), Some(5));
        assert_eq!(index.last_closed(&hash(2)), Some((1, 5)), "with the groups of both");
        let rest = IncidentIndex { closed: index.closed.clone(), ..IncidentIndex::default() };
        assert_eq!(index, rest, "nothing of it is left but when it closed");
    }

    #[test]
    fn what_is_over_and_was_not_closed_is_followed_by_nothing() {
        let mut index = shared();
        index.close(1, [(hash(7), hash(8))].into_iter(), None);
        assert_eq!((index.of_group(&hash(1)), index.last_closed(&hash(1))), (None, None));
        assert_eq!((index.has(&hash(7), 2), index.with_condition(&hash(8))), (true, vec![2]));
    }

    #[test]
    fn a_group_stays_with_the_incident_that_has_it() {
        let mut index = shared();
        index.regroup(2, vec![hash(1), hash(3)]);
        assert_eq!([1, 2, 3].map(|group| index.of_group(&hash(group))), [Some(1), None, Some(2)]);
        // What it does not have, it takes along nowhere and leaves with nobody.
        index.open(4, hash(4));
        index.merge(2, 4, std::iter::empty());
        assert_eq!([1, 3].map(|group| index.of_group(&hash(group))), [Some(1), Some(4)]);
        index.close(4, std::iter::empty(), None);
        assert_eq!([1, 3].map(|group| index.of_group(&hash(group))), [Some(1), None]);
    }
}
