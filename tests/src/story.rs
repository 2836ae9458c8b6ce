//! What a journal tells, without what differs from run to run: times by the wall clock, places in the order, and what
//! came of starting the host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alloy_primitives::B256;
use anyhow::Context;
use watchfire::block::BlockRef;
use watchfire::due::Due;
use watchfire::effect::{Effect, Notice};
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::finding::is_own;
use watchfire::incident::{Incident, IncidentId};
use watchfire::journal::{Dropped, Filter, Journal, Listed};
use watchfire::timeline::EntryKind;

use crate::host::watchfire;

/// What happened, in order.
#[derive(Debug, Default, PartialEq)]
pub struct Story {
    /// Blocks that came and blocks that left.
    pub chain: Vec<String>,
    /// What feeds said.
    pub observations: Vec<String>,
    /// Findings, retractions, decisions, effects and the timeline.
    pub told: Vec<Entry>,
    /// Incidents as they stand at the end, without what grows.
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// Detectors and plans, each where it is another one than before.
    pub exchanged: Vec<String>,
}

/// Takes out of an effect when the host did what.
fn without_times(effect: &mut Effect) {
    match effect {
        Effect::Notify { brief: Some(brief), .. } | Effect::Page { brief: Some(brief), .. } => {
            brief.evidence.iter_mut().for_each(|evidence| evidence.at_ms = 0);
        }
        Effect::Propose { terms: Some(terms), .. } | Effect::CarryOut { terms, .. } => {
            terms.valid_until_ms = terms.valid_until_ms.map(|_| 0);
        }
        _ => {}
    }
}

/// Takes out of an incident what grows, which is written by the minute. The findings themselves are compared.
fn without_growth(incident: &mut Incident) {
    incident.title.clear();
    incident.last_ms = 0;
    (incident.duplicates, incident.uncounted) = (0, 0);
    (incident.more_findings, incident.more_retracted) = (0, 0);
    incident.findings.clear();
    incident.retracted.clear();
    incident.evidence.clear();
    incident.loss.clear();
    incident.kinds.clear();
    incident.actors.clear();
}

fn is_growth(effect: &Effect) -> bool {
    matches!(effect, Effect::Notify { what: Notice::Grown, .. })
}

/// The journal of a deployment.
pub fn journal(folder: &Path) -> anyhow::Result<Journal> {
    Ok(Journal::open_existing_read_only(&folder.join("watchfire.db"))?)
}

/// The newest block of the journal; `None` where there is no journal yet, or no block in it.
pub fn tip(folder: &Path, chain: u64) -> Option<BlockRef> {
    // While a host starts, the journal may be of no format yet.
    journal(folder).ok()?.tail(chain, 1).ok()?.pop()
}

/// Ids of all effects of a journal, as a receiver has them: those of the watch's own faults too.
pub fn effects(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let journal = journal(folder)?;
    let mut rows = journal.entries(&Filter { kinds: vec!["effect".into()], ..Filter::default() })?;
    let mut ids = BTreeSet::new();
    while let Some(row) = rows.next()? {
        if let Entry::Effect(ordered) = row.entry {
            ids.insert(alloy_primitives::hex::encode(ordered.key));
        }
    }
    Ok(ids)
}

impl Story {
    /// What the journal of a deployment tells.
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        let journal = journal(folder)?;
        let mut story = Story::default();
        let mut coverage: BTreeSet<B256> = BTreeSet::new();
        let mut rows = journal.entries(&Filter::default())?;
        while let Some(listed) = rows.next_listed()? {
            let row = match listed {
                Listed::Whole(row) => row,
                // Of a block whose body was dropped, its place is left.
                Listed::Dropped(Dropped { event, number: Some(number), hash: Some(hash), .. }) => {
                    if event.as_deref() == Some("committed") {
                        story.chain.push(format!("+{number} {hash}"));
                    }
                    continue;
                }
                Listed::Dropped(_) => continue,
            };
            match row.entry {
                Entry::Input(Stamped { event, .. }) => story.input(event),
                Entry::Finding(finding) if is_own(&finding.detector) => drop(coverage.insert(finding.id)),
                Entry::Retraction { finding, .. } | Entry::Silence { finding, .. } if coverage.contains(&finding) => {}
                Entry::Finding(mut finding) => {
                    // How settled its block was depends on when it was looked at.
                    (finding.at_ms, finding.finality) = (0, None);
                    story.told.push(Entry::Finding(finding));
                }
                Entry::Incident(mut incident) => {
                    incident.opened_at_ms = 0;
                    incident.closed_at_ms = incident.closed_at_ms.map(|_| 0);
                    without_growth(&mut incident);
                    story.incidents.insert(incident.id, incident);
                }
                Entry::Decision(mut decision) => {
                    decision.at_ms = 0;
                    for ruling in &mut decision.rulings {
                        (ruling.at_ms, ruling.valid_until_ms) = (0, 0);
                    }
                    story.told.push(Entry::Decision(decision));
                }
                // Findings of an incident are told one by one or by the minute, which is the wall clock's.
                Entry::Effect(ordered) if is_growth(&ordered.effect) => {}
                Entry::Timeline(told) if matches!(told.kind, EntryKind::Finding | EntryKind::Retracted) => {}
                Entry::Clock(clock) if clock.due == Due::Growth => {}
                Entry::Effect(mut ordered) => {
                    ordered.at_ms = 0;
                    without_times(&mut ordered.effect);
                    story.told.push(Entry::Effect(ordered));
                }
                // Its hash goes over the time, so what is told stands for it.
                Entry::Timeline(mut told) => {
                    (told.number, told.at_ms, told.previous, told.hash) = (0, 0, B256::ZERO, B256::ZERO);
                    story.told.push(Entry::Timeline(told));
                }
                Entry::Clock(mut clock) => {
                    (clock.at_ms, clock.due_at_ms) = (0, 0);
                    story.told.push(Entry::Clock(clock));
                }
                Entry::Answer { .. } | Entry::Settled { .. } => {}
                other => story.told.push(other),
            }
        }
        Ok(story)
    }

    fn input(&mut self, event: Event) {
        let exchanged = match event {
            Event::Committed { block } => return self.chain.push(format!("+{} {}", block.number, block.hash)),
            Event::Reverted { blocks, .. } => {
                return self.chain.extend(blocks.iter().map(|block| format!("-{} {}", block.number, block.hash)));
            }
            Event::Observed { observation } => {
                let value = observation.value.text();
                return self.observations.push(format!("{} {value}", observation.observed_at_ms));
            }
            // A host that starts loads again what it had: that is no exchange.
            Event::Detector { detector, digest, spec } => format!("{detector} {digest:?} {spec}"),
            Event::Plan { protocol, hash, .. } => format!("plan {} {hash}", protocol.name),
            _ => return,
        };
        let of = exchanged.split(' ').next().unwrap_or_default();
        let same = self.exchanged.iter().rfind(|known| known.split(' ').next() == Some(of));
        if same != Some(&exchanged) {
            self.exchanged.push(exchanged);
        }
    }

    /// Says where it differs from another one first, in words that help.
    pub fn expect_same(&self, calm: &Story) -> anyhow::Result<()> {
        same("blocks", &self.chain, &calm.chain)?;
        same("observations", &self.observations, &calm.observations)?;
        same("what was told", &self.told, &calm.told)?;
        let stand = |story: &Story| story.incidents.values().cloned().collect::<Vec<_>>();
        same("incidents", &stand(self), &stand(calm))?;
        same("detectors and plans", &self.exchanged, &calm.exchanged)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, disturbed: &[T], calm: &[T]) -> anyhow::Result<()> {
    let differs = (0..disturbed.len().max(calm.len())).find(|&at| disturbed.get(at) != calm.get(at));
    if let Some(at) = differs {
        let (was, is) = (calm.get(at), disturbed.get(at));
        anyhow::bail!(
            "{what} differ at {at} ({} and {}):\n  undisturbed: {was:?}\n  disturbed:   {is:?}",
            calm.len(),
            disturbed.len()
        );
    }
    Ok(())
}

/// The chain of hashes holds, and a replay gives the same again.
pub fn expect_sound(folder: &Path) -> anyhow::Result<()> {
    for args in [&["journal", "verify"][..], &["replay", "watchfire.db", "--quiet"]] {
        let output = watchfire(folder, args).with_context(|| format!("{args:?}"))?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        anyhow::ensure!(output.status.success(), "{args:?}: {out}{err}");
    }
    Ok(())
}
