//! The file of an open incident: its case, and everything that was decided, ordered and said about it.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::decision::Ruling;
use crate::desk::heads::Heads;
use crate::finding::Severity;
use crate::incident::{Incident, IncidentState};
use crate::operator::Deed;
use crate::plan::Signal;
use crate::staged::Staged;
use crate::triage::Case;

/// An open incident with what was decided on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub case: Case,
    /// What findings have in common that belong to it: signals, each with the values of its grouping labels.
    pub groups: Vec<(String, Group)>,
    /// Tells the incident from those of the same number in other journals.
    pub seal: B256,
    /// Number and hash of the newest entry of its timeline.
    pub entries: u64,
    pub head: B256,
    /// Newest entries of its timeline: a signed act names one of them.
    pub heads: Heads,
    /// Number of the entry at which a person last acted.
    pub last_act: u64,
    /// How many effects were ordered.
    pub orders: u64,
    pub revision: u32,
    /// What the last decision stood on.
    pub standing: Option<Standing>,
    /// Whether anybody was notified of it.
    pub is_notified: bool,
    /// What was put out of it lately: of a storm, no more than so much a minute.
    pub burst: Burst,
    /// Conditions that joined or left since the timeline last said so.
    pub folded: Folded,
    /// Whether it grew since people were told.
    pub grew: bool,
    /// When people were last told how far it has grown, milliseconds since the Unix epoch, and what was lost by then.
    pub told_at_ms: Option<u64>,
    #[serde(with = "crate::incident::as_digits")]
    pub told_loss: BTreeMap<String, u128>,
    /// While nobody is notified of it.
    pub hush: Option<Hush>,
    pub ladder: Option<Ladder>,
    pub rulings: Vec<Ruling>,
    /// What was said, by id of the plan's communication.
    pub talks: BTreeMap<String, Talk>,
    /// Interventions that automation does not put forward again here.
    pub overruled: BTreeMap<String, Overruled>,
    /// Acts that wait for a second human, and how many ever did.
    pub motions: Vec<Motion>,
    pub moved: u32,
    /// Accounts by which each ruling was agreed to, by its number.
    pub accounts: BTreeMap<u32, Vec<String>>,
    /// What the people of a drill are told in its course.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub script: Vec<Staged>,
}

/// How many entries a minute may be written about findings of one incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Burst {
    /// When this minute began, milliseconds since the Unix epoch.
    since_ms: u64,
    /// How many were.
    count: u32,
}

impl Burst {
    /// So many findings a minute are each told by themselves.
    const MOST: u32 = 24;

    /// Counts a finding. Returns whether it is told by itself.
    pub(super) fn take(&mut self, now_ms: u64) -> bool {
        if now_ms.saturating_sub(self.since_ms) >= 60_000 {
            *self = Self { since_ms: now_ms, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= Self::MOST
    }
}

/// Conditions that were not told by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Folded {
    pub joined: u64,
    pub left: u64,
    pub uncounted: u64,
}

impl Folded {
    pub(super) fn is_any(self) -> bool {
        self != Self::default()
    }
}

/// An act that waits for a second human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Motion {
    /// Counted from 1 in its incident.
    pub number: u32,
    /// Id of the person who asked for it.
    pub by: String,
    /// The account that they asked by.
    pub account: String,
    pub deed: Deed,
    /// Until when it waits, milliseconds since the Unix epoch.
    pub until_ms: u64,
}

/// Why automation does not put an intervention forward again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Overruled {
    /// Why, in a clause.
    pub why: String,
    /// Whether nobody took it up, so that something new puts it forward again; a person's word stands.
    pub by_lapse: bool,
}

/// Values of grouping labels.
pub(super) type Group = Vec<(String, Option<String>)>;

/// What a decision stands on: if this is unchanged, there is nothing new to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub severity: Severity,
    pub sources: Vec<String>,
    /// Each intervention with what stands in its way, in the order of the choices.
    pub answers: Vec<(String, u64)>,
}

/// While nobody is notified of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hush {
    /// Until when, milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// Why, in a clause.
    pub reason: String,
    pub by: HushedBy,
}

/// Who silenced an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HushedBy {
    /// A silence of the plan: a finding that it does not cover ends it.
    Plan,
    /// A person, on this incident.
    Person,
}

/// Where an escalation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// At a step, counted from 0.
    Step(usize),
    /// All steps are through; the last resort is paged.
    Exhausted,
}

/// An escalation under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ladder {
    pub escalation: String,
    pub stage: Stage,
    /// How many times the steps were gone through before.
    pub round: u32,
    /// Pages of this step that are not known to have failed, by key of their effect.
    pub pages: BTreeMap<B256, Page>,
    /// The loss when people were last paged, by asset.
    #[serde(with = "crate::incident::as_digits")]
    pub loss: BTreeMap<String, u128>,
    /// Why people are paged again; `None` the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A page that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// Id of the person.
    pub person: String,
    /// Which of their channels, counted from 0, urgent ones first.
    pub channel: usize,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// What was said to one audience so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Talk {
    /// How many messages went out.
    pub said: u32,
    /// How many in a row were overdue.
    pub overdue: u32,
    /// A message that waits for somebody to agree.
    pub draft: Option<Draft>,
    /// Whether the last message went out.
    pub is_over: bool,
}

/// A message that was written and has not gone out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Draft {
    /// Id of the person who wrote it.
    pub author: String,
    pub text: String,
    /// Whether it is the last message.
    pub is_last: bool,
}

/// How grave and how wide an incident is: people are paged again for more of either.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub severity: Severity,
    /// How many subjects live findings are about, each chain's own.
    pub breadth: usize,
    /// How many assets are lost or moved.
    pub assets: usize,
    /// How many kinds of findings it has, and how many act.
    pub kinds: usize,
    pub actors: usize,
    /// How many sources agree.
    pub sources: usize,
}

impl Extent {
    /// Whether it says more than before of what people decide by.
    pub(super) fn says_more_than(&self, before: Extent) -> bool {
        self.severity > before.severity || self.kinds > before.kinds || self.sources != before.sources
    }
}

impl File {
    /// Opens the file of an incident that has no finding yet.
    pub(super) fn open(incident: Incident, signal: &Signal, seal: B256) -> Self {
        Self {
            groups: vec![(incident.signal.clone(), incident.group.clone())],
            case: Case::open(incident, signal),
            seal,
            entries: 0,
            head: seal,
            heads: Heads::default(),
            last_act: 0,
            orders: 0,
            revision: 0,
            standing: None,
            is_notified: false,
            burst: Burst::default(),
            folded: Folded::default(),
            grew: false,
            told_at_ms: None,
            told_loss: BTreeMap::new(),
            hush: None,
            ladder: None,
            rulings: Vec::new(),
            talks: BTreeMap::new(),
            overruled: BTreeMap::new(),
            motions: Vec::new(),
            moved: 0,
            accounts: BTreeMap::new(),
            script: Vec::new(),
        }
    }

    /// Returns the incident as it stands.
    pub(super) fn incident(&self) -> &Incident {
        &self.case.incident
    }

    /// Whether a person chose an intervention that was not carried out yet.
    pub(super) fn is_chosen(&self, intervention: &str) -> bool {
        self.rulings.iter().any(|one| one.intervention == intervention && one.state.is_open() && one.by.is_some())
    }

    /// Returns the signals that it is of: the one that it stands under first.
    pub(super) fn signals(&self) -> Vec<&str> {
        let mut signals = vec![self.case.incident.signal.as_str()];
        for (signal, _) in &self.groups {
            if !signals.contains(&signal.as_str()) {
                signals.push(signal);
            }
        }
        signals
    }

    /// Returns how grave and how wide the incident is.
    pub(super) fn extent(&self) -> Extent {
        let incident = &self.case.incident;
        Extent {
            severity: incident.severity,
            breadth: self.case.breadth(),
            assets: incident.loss.len(),
            kinds: incident.kinds.len(),
            actors: incident.actors.len(),
            sources: incident.sources.len(),
        }
    }

    /// Returns the hush that holds at a moment.
    pub(super) fn hush_at(&self, now_ms: u64) -> Option<&Hush> {
        self.hush.as_ref().filter(|hush| hush.until_ms > now_ms)
    }

    /// Whether nobody has taken the incident up, and nothing is in effect for it: only then findings alone end it.
    pub(super) fn is_untouched(&self) -> bool {
        self.case.incident.state <= IncidentState::Triage
            && !self.rulings.iter().any(|ruling| ruling.state.is_in_effect())
    }
}
