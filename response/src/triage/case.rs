//! A case: an open incident with the conditions that keep it open.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::agreement::{Agreement, Voice};
use super::flow::{self, Flow, Report};
use super::known::{Growth, Known, Words, magnitude, show};
use super::label::folded;
use crate::brief::{Evidence, actor_of};
use crate::chain::ChainId;
use crate::finding::{Finding, Severity};
use crate::foreign::quoted;
use crate::incident::Incident;
use crate::plan::Signal;

/// How many sightings of one condition are kept. A condition that fires on each block would grow without end;
/// the earliest are kept, as they outlive reorgs, and the newest, as they corroborate.
const SIGHTINGS_KEPT: usize = 64;
/// Of how many assets an incident adds up what is lost: whoever transacts can make tokens without end.
const ASSETS_KEPT: usize = 64;

/// An open incident with its live findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The incident as it stands.
    pub incident: Incident,
    floor: Option<Severity>,
    min_confidence_percent: u8,
    conditions: BTreeMap<B256, Condition>,
    /// What moved, by what detectors sum up over windows that slide.
    #[serde(default)]
    flows: BTreeMap<B256, Flow>,
    agreement: Agreement,
    /// What the signal means, in a line; of an incident that was opened by hand, nothing, and its title stays.
    summary: Option<String>,
    known: Known,
    /// How many live sightings there are of each severity, and at each moment, milliseconds since the Unix epoch.
    severities: BTreeMap<Severity, u64>,
    times: BTreeMap<u64, u64>,
    /// Whether the worst was taken back, so that it is to be looked for before anybody is told.
    is_stale: bool,
    /// How many live conditions there are on each chain, `None` standing for no chain, and about each subject.
    places: Vec<(Option<ChainId>, BTreeMap<String, u64>)>,
}

/// What a detector saw once or more often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Condition {
    /// Whose word its sightings are in corroboration.
    voice: Voice,
    chain: Option<ChainId>,
    subject: String,
    words: Words,
    /// The first is the one that stands in the incident's list.
    sightings: Vec<Sighting>,
    /// The greatest amount of each asset in any sighting.
    #[serde(with = "crate::incident::as_digits")]
    amounts: BTreeMap<String, u128>,
    /// The flows that sightings report of.
    #[serde(default)]
    flows: BTreeSet<B256>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sighting {
    finding: B256,
    severity: Severity,
    time_ms: u64,
    counts: bool,
    /// Height of the block that it is of; `None` if no chain was involved.
    #[serde(default)]
    number: Option<u64>,
}

/// What must be found in blocks that nodes agree on before automation goes by it.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    /// How many sources.
    pub sources: u32,
    /// How grave, if that is asked for.
    pub min_severity: Option<Severity>,
    /// Subjects of which one must be concerned; any if there is none.
    pub subjects: &'a [String],
    /// Chains of which one must be concerned; any if there is none.
    pub chains: &'a [ChainId],
}

/// What taking a finding in or back changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A condition that the incident did not have.
    New {
        /// What it brought.
        growth: Growth,
    },
    /// A finding that the incident has already: nothing changed.
    Known,
    /// Another sighting of a condition that the incident has.
    Again {
        /// The finding that stands for the condition.
        of: B256,
        /// A sighting that is no longer kept.
        dropped: Option<B256>,
        /// Whether the incident's severity or sources changed.
        changed: bool,
        /// What it brought.
        growth: Growth,
    },
}

impl Case {
    /// Makes a case of `signal` that has no finding yet.
    pub fn open(incident: Incident, signal: &Signal) -> Self {
        Self {
            summary: incident.declared_by.is_none().then(|| signal.summary.clone()),
            known: Known::default(),
            incident,
            floor: signal.severity,
            min_confidence_percent: signal.corroboration.min_confidence_percent,
            conditions: BTreeMap::new(),
            flows: BTreeMap::new(),
            agreement: Agreement::within(signal.window_s.saturating_mul(1_000)),
            severities: BTreeMap::new(),
            times: BTreeMap::new(),
            is_stale: false,
            places: Vec::new(),
        }
    }

    /// Makes a case of the same incident, without what it stands on.
    pub fn empty_like(other: &Case) -> Self {
        Self {
            summary: other.summary.clone(),
            known: Known::default(),
            incident: other.incident.clone(),
            floor: other.floor,
            min_confidence_percent: other.min_confidence_percent,
            conditions: BTreeMap::new(),
            flows: BTreeMap::new(),
            agreement: Agreement::within(0),
            severities: BTreeMap::new(),
            times: BTreeMap::new(),
            is_stale: false,
            places: Vec::new(),
        }
    }

    /// Takes a finding in, which is the word of `voice` in corroboration. Returns what that changed.
    pub fn take(&mut self, finding: &Finding, voice: &Voice) -> Taken {
        let claim = &finding.claim;
        let known = self.conditions.get(&finding.fingerprint);
        if known.is_some_and(|condition| condition.has(finding.id)) {
            return Taken::Known;
        }
        // A condition stays the word of whoever saw it first, so that what is taken back is what was taken in.
        let voice = known.map_or(voice, |condition| &condition.voice).clone();
        let sighting = Sighting {
            finding: finding.id,
            severity: claim.severity,
            time_ms: finding.time_ms,
            counts: claim.confidence_percent >= self.min_confidence_percent,
            number: finding.block.map(|block| block.number),
        };
        if sighting.counts {
            self.agreement.add(&voice, finding.time_ms);
        }
        let first = self.conditions.is_empty();
        let incident = &mut self.incident;
        incident.began_ms = if first { finding.time_ms } else { incident.began_ms.min(finding.time_ms) };
        incident.last_ms = incident.last_ms.max(finding.time_ms);
        let before = (incident.severity, std::mem::take(&mut incident.sources));
        incident.severity = incident.severity.max(claim.severity);
        incident.sources = self.agreement.sources();
        let changed = before.0 != incident.severity || before.1 != incident.sources;
        let chain = finding.block.map(|block| block.chain);
        let mut words = Words {
            kind: claim.kind.clone(),
            actor: actor_of(&claim.attributes).map(|actor| folded(actor).into_owned()),
            severity: claim.severity,
            title: claim.title.clone(),
            amount: claim.amounts.iter().find_map(|one| Some((one.asset.clone(), magnitude(&one.value)?))),
        };
        let condition = self.conditions.entry(finding.fingerprint).or_insert_with(|| Condition {
            voice: voice.clone(),
            chain,
            subject: folded(&claim.subject.id).into_owned(),
            words: words.clone(),
            sightings: Vec::new(),
            amounts: BTreeMap::new(),
            flows: BTreeSet::new(),
        });
        condition.sightings.push(sighting);
        count(&mut self.severities, &mut self.times, sighting);
        let covers_ms = flow::covered_ms(finding);
        let (mut more, mut is_largest) = (false, false);
        for amount in &claim.amounts {
            let Some(value) = magnitude(&amount.value) else { continue };
            if incident.loss.len() >= ASSETS_KEPT && !incident.loss.contains_key(&amount.asset) {
                continue;
            }
            let grown_by = match covers_ms {
                Some(covers_ms) => {
                    let key = flow::key(finding, &amount.asset);
                    condition.flows.insert(key);
                    let flow = self.flows.entry(key).or_insert_with(|| Flow::of(&amount.asset));
                    let (before, most) = (flow.total(), flow.most());
                    flow.add(Report::of(finding, covers_ms, value));
                    is_largest |= value > most;
                    flow.total() - before
                }
                None => {
                    let most = condition.amounts.entry(amount.asset.clone()).or_default();
                    let grown_by = value.saturating_sub(*most);
                    *most = value.max(*most);
                    is_largest |= grown_by > 0;
                    grown_by
                }
            };
            raise_loss(&mut incident.loss, &amount.asset, grown_by);
            more |= grown_by > 0;
        }
        let is_new = condition.sightings.len() == 1;
        let growth = if is_new {
            self.known.add(finding.fingerprint, &words)
        } else if is_largest || words.severity > condition.words.severity {
            // Actors and kind are counted by what the condition said first.
            (words.kind, words.actor) = (condition.words.kind.clone(), condition.words.actor.clone());
            words.severity = words.severity.max(condition.words.severity);
            condition.words = words;
            Growth { title: self.known.weigh(finding.fingerprint, &condition.words), ..Growth::default() }
        } else {
            Growth::default()
        };
        let growth = Growth { loss: more, ..growth };
        if is_new || more || changed {
            show(&mut incident.evidence, Evidence::of(finding));
        }
        if is_new {
            incident.list(finding.id);
            let subject = condition.subject.clone();
            *subjects(&mut self.places, chain).entry(subject).or_default() += 1;
        }
        if growth.kind || growth.actor || growth.title {
            self.retell();
        }
        if is_new {
            return Taken::New { growth };
        }
        self.incident.duplicates += 1;
        let Some(condition) = self.conditions.get_mut(&finding.fingerprint) else { return Taken::Known };
        let of = condition.sightings[0].finding;
        let dropped = (condition.sightings.len() > SIGHTINGS_KEPT).then(|| condition.forget_one());
        if let Some(dropped) = dropped {
            uncount(&mut self.severities, &mut self.times, dropped);
            if dropped.counts {
                self.agreement.remove(&voice, dropped.time_ms);
            }
        }
        Taken::Again { of, dropped: dropped.map(|dropped| dropped.finding), changed, growth }
    }

    /// Lets it stand under another signal, which is graver.
    pub fn stand_under(&mut self, name: &str, signal: &Signal) {
        name.clone_into(&mut self.incident.signal);
        self.summary = Some(signal.summary.clone());
        self.floor = self.floor.max(signal.severity);
        self.incident.severity = self.incident.severity.max(signal.severity.unwrap_or(self.incident.severity));
        self.retell();
    }

    /// Puts what is known into the incident: kinds, actors, and the title that says the worst.
    fn retell(&mut self) {
        self.incident.kinds = self.known.kinds();
        self.incident.actors = self.known.actors();
        if let (Some(summary), Some(worst)) = (&self.summary, self.known.title()) {
            self.incident.title = format!("{summary}: {}", quoted(worst));
        }
    }

    /// Looks for the worst of what is left, if it was taken back.
    pub fn settle(&mut self) {
        if self.is_stale {
            self.recount();
        }
    }

    /// Counts again what all live conditions say.
    fn recount(&mut self) {
        self.is_stale = false;
        self.known = Known::default();
        for (fingerprint, condition) in &self.conditions {
            self.known.add(*fingerprint, &condition.words);
        }
        self.retell();
    }

    /// Returns the worst that a condition says; nothing if the case doesn't have it.
    pub fn words_of(&self, fingerprint: B256) -> &str {
        self.conditions.get(&fingerprint).map_or("", |condition| &condition.words.title)
    }

    /// Takes a finding back. Returns whether it stood in the incident's list, and by which live sighting of the same
    /// condition it was replaced there; `None` if the case doesn't have it.
    pub fn take_back(&mut self, finding: B256, fingerprint: B256) -> Option<(bool, Option<B256>)> {
        let condition = self.conditions.get_mut(&fingerprint)?;
        let position = condition.sightings.iter().position(|sighting| sighting.finding == finding)?;
        let gone = condition.sightings.remove(position);
        if gone.counts {
            self.agreement.remove(&condition.voice, gone.time_ms);
        }
        uncount(&mut self.severities, &mut self.times, gone);
        let is_over = condition.sightings.is_empty();
        for key in &condition.flows {
            let Some(flow) = self.flows.get_mut(key) else { continue };
            let before = flow.total();
            // Reports of sightings that are no longer kept go with the last one.
            flow.take_back(|one| one.finding == finding || (is_over && one.condition == fingerprint));
            lower_loss(&mut self.incident.loss, &flow.asset, before - flow.total());
            if flow.is_empty() {
                self.flows.remove(key);
            }
        }
        let successor = condition.sightings.first().map(|sighting| sighting.finding);
        if position == 0 {
            self.incident.unlist(finding);
            self.incident.note_retracted(finding);
            if let Some(successor) = successor {
                self.incident.list(successor);
            }
        }
        if successor.is_none() {
            let subjects = subjects(&mut self.places, condition.chain);
            if let Some(count) = subjects.get_mut(&condition.subject) {
                *count -= 1;
                if *count == 0 {
                    subjects.remove(&condition.subject);
                }
            }
            for (asset, value) in &condition.amounts {
                lower_loss(&mut self.incident.loss, asset, *value);
            }
            self.places.retain(|(_, subjects)| !subjects.is_empty());
            let is_worst = self.known.remove(fingerprint, &condition.words);
            self.conditions.remove(&fingerprint);
            self.is_stale |= is_worst;
            if !self.is_stale {
                self.retell();
            }
        }
        self.incident.evidence.retain(|one| one.finding != finding);
        self.incident.sources = self.agreement.sources();
        let floor = self.floor;
        // Once nothing is live, it keeps the severity and the times under which people knew it.
        if let Some((gravest, _)) = self.severities.last_key_value() {
            self.incident.severity = (*gravest).max(floor.unwrap_or(*gravest));
            self.incident.began_ms = self.times.first_key_value().map_or(self.incident.began_ms, |(at_ms, _)| *at_ms);
            self.incident.last_ms = self.times.last_key_value().map_or(self.incident.last_ms, |(at_ms, _)| *at_ms);
        }
        Some((position == 0, successor.filter(|_| position == 0)))
    }

    /// Takes over all that another incident stands on. What both stand on is there once: a sighting counts once, and of
    /// an amount only what exceeds the known one is added to the loss.
    pub fn absorb(&mut self, other: Case) {
        let (mine, theirs) = (&mut self.incident, other.incident);
        mine.severity = mine.severity.max(theirs.severity);
        mine.began_ms = mine.began_ms.min(theirs.began_ms);
        mine.last_ms = mine.last_ms.max(theirs.last_ms);
        let retracted = theirs.retracted.into_iter().filter(|finding| !mine.retracted.contains(finding));
        let retracted: Vec<B256> = retracted.collect();
        retracted.into_iter().for_each(|finding| mine.note_retracted(finding));
        mine.more_retracted += theirs.more_retracted;
        mine.uncounted += theirs.uncounted;
        mine.duplicates += theirs.duplicates;
        for evidence in theirs.evidence.into_iter().rev() {
            show(&mut mine.evidence, evidence);
        }
        for (key, flow) in other.flows {
            let known = self.flows.entry(key).or_insert_with(|| Flow::of(&flow.asset));
            let (asset, before) = (flow.asset.clone(), known.total());
            known.join(flow);
            raise_loss(&mut self.incident.loss, &asset, known.total() - before);
        }
        for (fingerprint, condition) in other.conditions {
            match self.conditions.contains_key(&fingerprint) {
                true => self.join(fingerprint, condition),
                false => self.adopt(fingerprint, condition),
            }
        }
        self.recount();
        self.incident.sources = self.agreement.sources();
    }

    /// Adds to a condition what another incident saw of it.
    fn join(&mut self, fingerprint: B256, other: Condition) {
        let Some(known) = self.conditions.get_mut(&fingerprint) else { return };
        let seen = other.sightings.len();
        let new: Vec<Sighting> = other.sightings.into_iter().filter(|one| !known.has(one.finding)).collect();
        // Of the sightings here the first alone is no duplicate; of theirs it was the first too.
        self.incident.duplicates = (self.incident.duplicates + 1).saturating_sub((seen - new.len()) as u64);
        for sighting in new.iter().filter(|sighting| sighting.counts) {
            self.agreement.add(&known.voice, sighting.time_ms);
        }
        new.iter().for_each(|sighting| count(&mut self.severities, &mut self.times, *sighting));
        known.sightings.extend(new);
        known.flows.extend(other.flows);
        for (asset, value) in other.amounts {
            let most = known.amounts.entry(asset.clone()).or_default();
            raise_loss(&mut self.incident.loss, &asset, value.saturating_sub(*most));
            *most = value.max(*most);
        }
    }

    /// Takes a condition over that this incident did not have.
    fn adopt(&mut self, fingerprint: B256, condition: Condition) {
        for sighting in condition.sightings.iter().filter(|sighting| sighting.counts) {
            self.agreement.add(&condition.voice, sighting.time_ms);
        }
        for (asset, value) in &condition.amounts {
            raise_loss(&mut self.incident.loss, asset, *value);
        }
        condition.sightings.iter().for_each(|sighting| count(&mut self.severities, &mut self.times, *sighting));
        if let Some(first) = condition.sightings.first() {
            self.incident.list(first.finding);
        }
        let subjects = subjects(&mut self.places, condition.chain);
        *subjects.entry(condition.subject.clone()).or_default() += 1;
        self.conditions.insert(fingerprint, condition);
    }

    /// Sets the severity by somebody's word; findings that come later may still raise it.
    pub fn grade(&mut self, severity: Severity) {
        self.floor = Some(severity);
        self.incident.severity = severity;
    }

    /// Iterates over live sightings: each finding, and the fingerprint of its condition.
    pub fn sightings(&self) -> impl Iterator<Item = (B256, B256)> {
        let conditions = self.conditions.iter();
        conditions.flat_map(|(fingerprint, condition)| {
            condition.sightings.iter().map(move |sighting| (sighting.finding, *fingerprint))
        })
    }

    /// Returns how many subjects live findings are about, each chain's own.
    pub fn breadth(&self) -> usize {
        self.places.iter().map(|(_, subjects)| subjects.len()).sum()
    }

    /// Iterates over subjects of live findings.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.places.iter().flat_map(|(_, subjects)| subjects.keys().map(String::as_str))
    }

    /// Whether a new condition would say nothing that the incident does not know: no graver, of a kind and by a source that
    /// it has.
    pub fn knows(&self, finding: &Finding, source: &str) -> bool {
        let is_source = self.incident.sources.iter().any(|known| known == source) || self.agreement.repeats(source);
        is_source && finding.claim.severity <= self.incident.severity && self.known.has_kind(&finding.claim.kind)
    }

    /// Whether what live findings say is enough where only those count whose blocks are agreed on, up to a height for each chain,
    /// and those that no chain was involved in.
    pub fn is_agreed(&self, heights: &BTreeMap<ChainId, u64>, need: &Need<'_>) -> bool {
        let mut agreement = self.agreement.afresh();
        let (mut gravest, mut is_about) = (None, false);
        for condition in self.conditions.values() {
            let height = condition.chain.map(|chain| heights.get(&chain).copied());
            let counts = |sighting: &&Sighting| match height {
                Some(agreed) => agreed.is_some_and(|agreed| sighting.number.is_some_and(|number| number <= agreed)),
                None => true,
            };
            for sighting in condition.sightings.iter().filter(counts) {
                if sighting.counts {
                    agreement.add(&condition.voice, sighting.time_ms);
                }
                gravest = gravest.max(Some(sighting.severity));
                is_about |= condition.is_within(need);
            }
        }
        let is_grave = need.min_severity.is_none_or(|least| gravest.max(self.floor) >= Some(least));
        agreement.sources().len() >= need.sources as usize && is_grave && is_about
    }

    /// Whether a live finding is of a chain's block above one height and no higher than another.
    pub fn is_between(&self, chain: ChainId, above: u64, up_to: u64) -> bool {
        let is_between = |number: u64| above < number && number <= up_to;
        let on_it = self.conditions.values().filter(|condition| condition.chain == Some(chain));
        on_it.flat_map(|condition| &condition.sightings).any(|sighting| sighting.number.is_some_and(is_between))
    }

    /// Counts a condition that is not kept.
    pub fn pass_over(&mut self) {
        self.incident.uncounted += 1;
    }

    /// Whether a condition is live.
    pub fn has(&self, fingerprint: B256) -> bool {
        self.conditions.contains_key(&fingerprint)
    }

    /// Whether nothing is live any more.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Iterates over chains that live findings are on, in the order in which they came; `None` stands for a finding that no chain
    /// was involved in.
    pub fn chains(&self) -> impl Iterator<Item = Option<ChainId>> {
        self.places.iter().map(|(chain, _)| *chain)
    }

    /// Whether a live finding is about this subject, on one of `chains`.
    pub fn is_about(&self, subject: &str, chains: &[ChainId]) -> bool {
        let on = |chain: &Option<ChainId>| chains.is_empty() || chain.is_none_or(|chain| chains.contains(&chain));
        let subject = folded(subject);
        self.places.iter().any(|(chain, subjects)| on(chain) && subjects.contains_key(subject.as_ref()))
    }
}

impl Condition {
    /// Whether it is about what an intervention is for.
    fn is_within(&self, need: &Need<'_>) -> bool {
        let is_on = need.chains.is_empty() || self.chain.is_none_or(|chain| need.chains.contains(&chain));
        let is_about = |subject: &String| folded(subject) == self.subject;
        is_on && (need.subjects.is_empty() || need.subjects.iter().any(is_about))
    }

    /// Whether a finding is among the sightings.
    fn has(&self, finding: B256) -> bool {
        self.sightings.iter().any(|sighting| sighting.finding == finding)
    }

    /// Drops a sighting from the middle, one of the gravest only if all are. Returns it.
    fn forget_one(&mut self) -> Sighting {
        let middle = SIGHTINGS_KEPT / 2;
        let gravest = self.sightings.iter().map(|sighting| sighting.severity).max();
        let lesser = self.sightings[middle..].iter().position(|sighting| Some(sighting.severity) < gravest);
        self.sightings.remove(middle + lesser.unwrap_or(0))
    }
}

fn count(severities: &mut BTreeMap<Severity, u64>, times: &mut BTreeMap<u64, u64>, sighting: Sighting) {
    *severities.entry(sighting.severity).or_default() += 1;
    *times.entry(sighting.time_ms).or_default() += 1;
}

fn uncount(severities: &mut BTreeMap<Severity, u64>, times: &mut BTreeMap<u64, u64>, sighting: Sighting) {
    lower(severities, sighting.severity);
    lower(times, sighting.time_ms);
}

/// Lowers a count, and forgets it at nothing.
fn lower<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// Raises what is lost of an asset.
fn raise_loss(loss: &mut BTreeMap<String, u128>, asset: &str, by: u128) {
    if by > 0 {
        let total = loss.entry(asset.to_owned()).or_default();
        *total = total.saturating_add(by);
    }
}

/// Lowers what is lost of an asset, and forgets it at nothing.
fn lower_loss(loss: &mut BTreeMap<String, u128>, asset: &str, by: u128) {
    if let Some(total) = loss.get_mut(asset) {
        *total = total.saturating_sub(by);
        if *total == 0 {
            loss.remove(asset);
        }
    }
}

fn subjects(
    places: &mut Vec<(Option<ChainId>, BTreeMap<String, u64>)>,
    chain: Option<ChainId>,
) -> &mut BTreeMap<String, u64> {
    let index = places.iter().position(|(known, _)| *known == chain).unwrap_or_else(|| {
        places.push((chain, BTreeMap::new()));
        places.len() - 1
    });
    &mut places[index].1
}
