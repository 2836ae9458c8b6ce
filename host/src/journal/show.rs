//! Which entries are asked for, and one line of text for each.

use alloy::primitives::B256;
use jiff::Timestamp;
use rusqlite::types::Value;

use crate::block::Finality;
use crate::decision::Answer;
use crate::due::Mark;
use crate::effect::Effect;
use crate::entry::Entry;
use crate::event::Event;
use crate::fact::Delivery;
use crate::finding::Severity;
use crate::note::Note;

/// Which entries; what is not set lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds, as [`Entry::kind`] names them.
    pub kinds: Vec<String>,
    /// Detector, or the feed of an observation.
    pub detector: Option<String>,
    /// Incident.
    pub incident: Option<u64>,
    /// Chain.
    pub chain: Option<u64>,
    /// Lowest block.
    pub from_block: Option<u64>,
    /// Highest block.
    pub to_block: Option<u64>,
    /// Lowest severity, of findings, incidents and decisions.
    pub severity: Option<Severity>,
    /// Earliest time, milliseconds since the Unix epoch.
    pub since_ms: Option<u64>,
    /// Latest time, milliseconds since the Unix epoch.
    pub until_ms: Option<u64>,
    /// Only the newest so many.
    pub last: Option<usize>,
    /// Only what triage and response were made of.
    pub desk_only: bool,
}

/// One entry with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Sequence number.
    pub seq: u64,
    /// The input that it follows from; its own number for an input.
    pub cause: u64,
    /// When that input was taken in, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Hash of the chain up to here.
    pub hash: B256,
    /// The entry.
    pub entry: Entry,
}

/// A row as it can be listed.
#[derive(Clone, Debug, PartialEq)]
pub enum Listed {
    /// With its entry.
    Whole(Row),
    /// Without its body.
    Dropped(Dropped),
}

/// What is left of an entry whose body was dropped.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Dropped {
    /// Sequence number.
    pub seq: u64,
    /// When its input was taken in, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What it was, as [`Entry::kind`] names it.
    pub kind: String,
    /// Which event it was, of an input.
    pub event: Option<String>,
    /// The chain that it was of.
    pub chain: Option<u64>,
    /// Height of its block.
    pub number: Option<u64>,
    /// Hash of its block.
    pub hash: Option<B256>,
}

impl Filter {
    /// A condition of SQL with its values.
    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let mut clauses = vec!["1".to_owned()];
        let mut values = Vec::new();
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        if !self.kinds.is_empty() {
            clauses.push(format!("kind IN ({})", vec!["?"; self.kinds.len()].join(", ")));
            values.extend(self.kinds.iter().cloned().map(Value::Text));
        }
        for (clause, given) in [
            ("incident = ?", self.incident),
            ("chain = ?", self.chain),
            ("block_number >= ?", self.from_block),
            ("block_number <= ?", self.to_block),
            ("at_ms >= ?", self.since_ms),
            ("at_ms <= ?", self.until_ms),
        ] {
            if let Some(given) = given {
                clauses.push(clause.to_owned());
                values.push(number(given));
            }
        }
        if let Some(detector) = &self.detector {
            clauses.push("detector = ?".to_owned());
            values.push(Value::Text(detector.clone()));
        }
        if let Some(lowest) = self.severity {
            let all = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
            let names: Vec<Value> = all.iter().filter(|s| **s >= lowest).map(|s| Value::Text(s.to_string())).collect();
            let marks = vec!["?"; names.len()].join(", ");
            clauses.push(format!(
                "kind IN ('finding', 'incident', 'decision') AND json_extract(body, '$.severity') IN ({marks})"
            ));
            values.extend(names);
        }
        if self.desk_only {
            clauses.push(
                "(kind IN ('finding', 'retraction') OR event IN ('plan', 'act', 'fact', 'delivered', 'tick', \
                 'detector', 'reverted', 'agreed'))"
                    .to_owned(),
            );
        }
        (clauses.join(" AND "), values)
    }
}

/// An entry as one line for people, whatever a feed or a guest put into it.
pub fn one_line(row: &Row) -> String {
    let summary = summary(&row.entry).replace(char::is_control, " ");
    format!("{:>8}  {}  {:<10}  {summary}", row.seq, time(row.at_ms), row.entry.kind())
}

impl Dropped {
    /// One line of text.
    pub fn one_line(&self) -> String {
        let what = self.event.as_deref().unwrap_or_default();
        let chain = self.chain.map(|chain| format!(" chain {chain}")).unwrap_or_default();
        let number = self.number.map(|number| format!(" block {number}")).unwrap_or_default();
        let hash = self.hash.map(|hash| format!(" {hash}")).unwrap_or_default();
        let summary = format!("{what}{chain}{number}{hash}: its body was dropped");
        format!("{:>8}  {}  {:<10}  {}", self.seq, time(self.at_ms), self.kind, summary.trim_start())
    }
}

fn time(at_ms: u64) -> String {
    let time = i64::try_from(at_ms).ok().and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    time.map_or_else(String::new, |time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

fn summary(entry: &Entry) -> String {
    match entry {
        Entry::Input(stamped) => input(&stamped.event),
        Entry::Answer { at, read, answer } => match answer {
            Ok(bytes) => format!("block {} {read:?}: {} bytes", at.number, bytes.len()),
            Err(fault) => format!("block {} {read:?}: {}: {}", at.number, fault.code, fault.message),
        },
        Entry::Behind { detectors } => format!("shown another time to {}", detectors.join(", ")),
        Entry::Retried { detector, kind, message, .. } => format!("{detector} gets a second try: {kind}: {message}"),
        Entry::Failed { detector, kind, message, .. } => format!("{detector}: {kind}: {message}"),
        Entry::Finding(finding) | Entry::Shadow(finding) => format!(
            "{} {} {}/{}: {}",
            finding.id, finding.claim.severity, finding.detector, finding.claim.kind, finding.claim.title
        ),
        Entry::Retraction { finding, reason } | Entry::Silence { finding, reason } => format!("{finding}: {reason}"),
        Entry::Settled { chain, finality, findings } => {
            let now = if *finality == Finality::Finalized { "final" } else { "safe" };
            format!("chain {chain}: {now} are the blocks of {} findings", findings.len())
        }
        Entry::Incident(incident) => {
            let rehearsal = match (incident.drill, incident.rehearsal) {
                (true, _) => " (a drill)",
                (_, true) => " (a rehearsal)",
                _ => "",
            };
            format!("#{} {} {}{rehearsal}: {}", incident.id, incident.severity, incident.signal, incident.title)
        }
        Entry::Decision(decision) => {
            let choices: Vec<String> = decision
                .choices
                .iter()
                .map(|choice| format!("{} {}", choice.intervention, word(&choice.answer)))
                .collect();
            format!("#{}.{} {}: {}", decision.incident, decision.revision, decision.cause, choices.join(", "))
        }
        Entry::Effect(ordered) => match &ordered.effect {
            Effect::Notify { incident, text, .. } => format!("#{incident} notify: {text}"),
            Effect::Propose { incident, intervention, .. } => format!("#{incident} propose {intervention}"),
            Effect::CarryOut { incident, ruling, intervention, .. } => {
                format!("#{incident} carry out {intervention} (ruling {ruling})")
            }
            Effect::Withdraw { incident, intervention, .. } => format!("#{incident} withdraw {intervention}"),
            Effect::Page { incident, person, channel, .. } => format!("#{incident} page {person} by {channel}"),
            Effect::Remind { incident, whom, text } => format!("#{incident} remind {}: {text}", whom.join(", ")),
            Effect::Communicate { incident, audience, text, .. } => format!("#{incident} tell {audience}: {text}"),
            Effect::Revert { incident, intervention, text, .. } => format!("#{incident} undo {intervention}: {text}"),
            Effect::UpdateRisk { incident, risk, text } => format!("#{incident} risk {risk}: {text}"),
        },
        Entry::Timeline(entry) => {
            let by = entry.by.as_ref().map(|by| format!("{by}: ")).unwrap_or_default();
            format!("#{} {}. {by}{}", entry.incident, entry.number, entry.text)
        }
        Entry::Clock(clock) => {
            let mark = match clock.mark {
                Mark::Set => "due at",
                Mark::Fired => "fired, due at",
                Mark::Dropped => "fell away, due at",
            };
            format!("#{} {:?} {mark} {}", clock.incident, clock.due, time(clock.due_at_ms))
        }
        Entry::Refused { by, act, why, .. } => format!("{by} may not {act}: {}", why.join("; ")),
    }
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Permitted { .. } => "permitted",
        Answer::Needs { .. } => "needs somebody",
        Answer::Denied { .. } => "denied",
    }
}

fn input(event: &Event) -> String {
    match event {
        Event::Committed { block } => format!(
            "chain {} block {} {}: {} transactions, {} logs",
            block.chain,
            block.number,
            block.hash,
            block.transactions.len(),
            block.logs.len()
        ),
        Event::Completed { block, frames, storage, .. } => {
            let came = [("call frames", frames.is_some()), ("storage changes", storage.is_some())];
            let came: Vec<&str> = came.into_iter().filter(|(_, came)| *came).map(|(name, _)| name).collect();
            let came = if came.is_empty() { "no more is waited for".to_owned() } else { came.join(" and ") };
            format!("chain {} block {}: {came}", block.chain, block.number)
        }
        Event::Reverted { chain, blocks } => {
            let numbers: Vec<String> = blocks.iter().map(|block| block.number.to_string()).collect();
            format!("chain {chain} reverted {}", numbers.join(", "))
        }
        Event::Finality { chain, safe, finalized } => format!("chain {chain} safe {safe}, finalized {finalized}"),
        Event::Agreed { block, by } => {
            format!("chain {} block {} {}: named by {}", block.chain, block.number, block.hash, by.join(", "))
        }
        Event::Unsettled { chain, above, by, why } => {
            format!(
                "chain {chain}: nothing above {above} is final any more, and every detector begins anew: {by}: {why}"
            )
        }
        Event::Observed { observation } => format!("feed {} = {}", observation.feed, observation.value.text()),
        Event::Pending { chain, transactions } => format!("chain {chain}: {} pending", transactions.len()),
        Event::Coverage { coverage } => format!("{}: {}", coverage.subject, coverage.message),
        Event::Detector { detector, digest: Some(digest), .. } => format!("detector {detector} is {digest}"),
        Event::Detector { detector, digest: None, .. } => format!("detector {detector} removed"),
        Event::Shown { detector, input, why, .. } => format!("{detector} is shown input {input}: {}", why.name()),
        Event::Rejected { detector, digest, reason } => format!("detector {detector} {digest} is rejected: {reason}"),
        Event::Waived { detector, by } => format!("{detector} is not shown what it set aside: {by}"),
        Event::Plan { protocol, .. } if protocol.is_retired() => {
            format!("plan of {} is no longer followed", protocol.name)
        }
        Event::Plan { protocol, hash, .. } if !protocol.name.is_empty() => {
            format!("plan of {} is {hash}", protocol.name)
        }
        Event::Plan { hash, .. } => format!("plan is {hash}"),
        Event::Act { act } => {
            let on = act.incident.map(|incident| format!("#{incident} ")).unwrap_or_default();
            format!("{on}{}: {}", act.by, act.deed.name())
        }
        Event::Fact { fact } => format!("{} at {}", fact.says.key(), time(fact.read_at_ms)),
        Event::Delivered { delivery: Delivery { stopped: Some(stopped), answer, .. } } => {
            format!("#{} {} pages no more: {answer}", stopped.incident, stopped.scheme)
        }
        Event::Delivered { delivery } => {
            let outcome = match delivery {
                Delivery { arrived: true, .. } => "arrived",
                Delivery { given_up: true, .. } => "is given up",
                _ => "did not arrive in time",
            };
            format!("effect {} {outcome}: {}", delivery.key, delivery.answer)
        }
        Event::Noted { note: Note::CalledOut(called) } => {
            let reached = called.reached();
            let (all, good) = (reached.len(), reached.values().filter(|reached| **reached).count());
            let of = if called.callout.is_empty() { "by hand" } else { &called.callout };
            format!("callout {of}: {good} of {all} people were reached")
        }
        Event::Noted { note: Note::Reminded(reminded) } => {
            format!("{} reminded of risk {}", reminded.whom.join(", "), reminded.risk)
        }
        Event::Noted { note: Note::Watched(watched) } => {
            format!("the config has {} entries that watch or carry", watched.entries.len())
        }
        Event::Tick => "a deadline has come".to_owned(),
        Event::Thinned { before } => format!("bodies of before entry {before} are dropped; a replay starts there"),
    }
}
