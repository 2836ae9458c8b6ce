//! Entries as lines for a terminal: what an operator must see first stands first, in plain words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use crate::block::{BlockRef, ChainId};
use crate::decision::{Answer, Choice, Decision};
use crate::effect::Effect;
use crate::entry::Entry;
use crate::event::Event;
use crate::failure_kind::FailureKind;
use crate::finding::{Finding, Severity};
use crate::incident::{Incident, IncidentId};
use crate::plan::moment::span;
use crate::timeline::{EntryKind, TimelineEntry};

/// Writes entries as lines. Colours are written always; the stream strips them where it is no terminal.
#[derive(Clone, Debug, Default)]
pub struct Pretty {
    /// Names of the chains, as the config has them.
    pub chains: BTreeMap<ChainId, String>,
    /// Whether each block gets a line of its own.
    pub blocks: bool,
    /// Columns of the terminal; 0 where lines are not to be broken.
    pub width: usize,
    /// The answers that were printed last of each open incident, by intervention: what is unchanged is not printed again.
    pub answers: BTreeMap<IncidentId, BTreeMap<String, &'static str>>,
    /// What was printed last of how each open incident stands, and its first sign, milliseconds since the Unix epoch.
    pub incidents: BTreeMap<IncidentId, (String, u64)>,
}

/// What was found so long after it happened is said to be that old, milliseconds.
const OLD_MS: u64 = 60_000;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const ASKS: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const NEWS: Style = AnsiColor::Cyan.on_default();

impl Pretty {
    /// The lines of an entry; none for what people need not see.
    pub fn lines(&mut self, entry: &Entry) -> Vec<String> {
        match entry {
            Entry::Input(stamped) => self.input(stamped.at_ms, &stamped.event).into_iter().collect(),
            Entry::Answer { .. } | Entry::Behind { .. } | Entry::Silence { .. } | Entry::Settled { .. } => Vec::new(),
            Entry::Retried { detector, kind, message, .. } => {
                vec![format!("          {ASKS}retried{ASKS:#}    {detector}: {kind}: {message}")]
            }
            // That it rests was reported when that began.
            Entry::Failed { kind: FailureKind::Quarantined, .. } => Vec::new(),
            Entry::Failed { detector, kind, message, .. } => {
                vec![format!("          {BAD}failed{BAD:#}     {detector}: {kind}: {message}")]
            }
            Entry::Finding(finding) => self.finding(finding),
            Entry::Shadow(finding) => {
                let (detector, title) = (&finding.detector, &finding.claim.title);
                vec![format!("{DIM}{}  shadow     {detector}: {title}{DIM:#}", clock(finding.at_ms))]
            }
            Entry::Retraction { finding, reason } => {
                let reason = shortened(reason);
                vec![format!("          {NEWS}retracted{NEWS:#}  finding {}: {reason}", short(finding.as_slice()))]
            }
            Entry::Incident(incident) => {
                let line = incident_line(incident);
                let now = (line.clone(), incident.began_ms);
                let before = self.incidents.insert(incident.id, now);
                if !incident.state.is_open() {
                    self.answers.remove(&incident.id);
                    self.incidents.remove(&incident.id);
                }
                let is_as_before = before.is_some_and(|(before, _)| before == line);
                if is_as_before && incident.state.is_open() { Vec::new() } else { vec![line] }
            }
            Entry::Decision(decision) => self.decision_lines(decision),
            Entry::Effect(ordered) => self.effect_lines(&ordered.effect),
            Entry::Timeline(entry) => self.timeline_lines(entry),
            Entry::Clock(_) => Vec::new(),
            Entry::Refused { by, act, why, .. } => {
                vec![format!("          {BAD}refused{BAD:#}    {by} may not {act}: {}", why.join("; "))]
            }
        }
    }

    fn chain(&self, chain: ChainId) -> String {
        self.chains.get(&chain).cloned().unwrap_or_else(|| format!("chain {chain}"))
    }

    fn place(&self, block: BlockRef) -> String {
        format!("{} block {}", self.chain(block.chain), block.number)
    }

    fn input(&self, at_ms: u64, event: &Event) -> Option<String> {
        let at = clock(at_ms);
        Some(match event {
            Event::Committed { block } if self.blocks => format!(
                "{DIM}{at}  block      {} {} {}  {} transactions, {} logs{DIM:#}",
                self.chain(block.chain),
                block.number,
                short(block.hash.as_slice()),
                block.transactions.len(),
                block.logs.len(),
            ),
            Event::Completed { block, frames, storage, .. } if self.blocks => {
                let came = if frames.is_some() || storage.is_some() { "is complete" } else { "stays incomplete" };
                format!("{DIM}{at}  block      {} {came}{DIM:#}", self.place(*block))
            }
            Event::Reverted { chain, blocks } => {
                let numbers: Vec<u64> = blocks.iter().map(|block| block.number).collect();
                let (low, high) = (numbers.iter().min()?, numbers.iter().max()?);
                let span = if low == high { format!("block {low}") } else { format!("blocks {low} to {high}") };
                format!("{at}  {ASKS}reorg{ASKS:#}      {} {span} left the chain", self.chain(*chain))
            }
            Event::Unsettled { chain, above, by, why } => {
                let chain = self.chain(*chain);
                format!("{at}  {ASKS}unsettled{ASKS:#}  {chain} nothing above {above} is final any more: {by}: {why}")
            }
            Event::Observed { observation } if self.blocks => {
                format!("{DIM}{at}  feed       {} = {}{DIM:#}", observation.feed, observation.value.text())
            }
            Event::Detector { detector, digest: Some(digest), .. } => {
                format!("{at}  {NEWS}detector{NEWS:#}   {detector} is now {}", short(digest.as_slice()))
            }
            Event::Detector { detector, digest: None, .. } => {
                format!("{at}  {NEWS}detector{NEWS:#}   {detector} was removed")
            }
            Event::Rejected { detector, digest, reason } => {
                let digest = short(digest.as_slice());
                format!("{at}  {BAD}rejected{BAD:#}   {detector} {digest}: {reason}")
            }
            Event::Waived { detector, by } => {
                format!("{at}  {ASKS}waived{ASKS:#}     {detector} is not shown what it set aside: {by}")
            }
            Event::Plan { protocol, .. } if protocol.is_retired() => {
                format!("{at}  {NEWS}plan{NEWS:#}       {} is no longer followed", protocol.name)
            }
            Event::Plan { protocol, hash, .. } => {
                let of = if protocol.name.is_empty() { String::new() } else { format!("of {} ", protocol.name) };
                format!("{at}  {NEWS}plan{NEWS:#}       {of}is now {}", short(hash.as_slice()))
            }
            Event::Thinned { before } => {
                format!("{DIM}{at}  journal    bodies before entry {before} are dropped{DIM:#}")
            }
            Event::Coverage { coverage } if coverage.over => {
                format!("{at}  {GOOD}coverage{GOOD:#}   {}: {}", coverage.subject, coverage.message)
            }
            _ => return None,
        })
    }

    fn finding(&self, finding: &Finding) -> Vec<String> {
        let claim = &finding.claim;
        let style = severity_style(claim.severity);
        let mut lines = vec![format!(
            "{}  {style}{:<9}{style:#}  {BOLD}{}{BOLD:#}",
            clock(finding.at_ms),
            claim.severity.to_string(),
            claim.title
        )];
        let mut line = format!("{}/{}, {}% sure", finding.detector, claim.kind, claim.confidence_percent);
        if let Some(block) = finding.block {
            let _ = write!(line, ", {}", self.place(block));
        }
        if let Some(assurance) = &finding.assurance {
            let _ = write!(line, ", verified: {}", name_of(&assurance.verification));
        }
        if let Some(finality) = &finding.finality {
            let _ = write!(line, ", {}", name_of(finality));
        }
        if let Some(transaction) = claim.transactions.first() {
            let _ = write!(line, ", tx {}", short(transaction.as_slice()));
        }
        let late_ms = finding.at_ms.saturating_sub(finding.time_ms);
        if finding.block.is_some() && late_ms > OLD_MS {
            let _ = write!(line, ", it happened at {}, {} before", clock(finding.time_ms), span(late_ms / 1_000));
        }
        lines.push(format!("{:21}{DIM}{line}{DIM:#}", ""));
        lines
    }
}

/// An answer in a word.
fn word(choice: &Choice) -> &'static str {
    match choice.answer {
        Answer::Permitted { .. } => "permitted",
        Answer::Needs { .. } => "needs",
        Answer::Denied { .. } => "denied",
    }
}

fn incident_line(incident: &Incident) -> String {
    let style = severity_style(incident.severity);
    let folded =
        if incident.duplicates > 0 { format!(", {} more sightings", incident.duplicates) } else { String::new() };
    let by = if incident.sources.is_empty() { String::new() } else { format!(" by {}", incident.sources.join(", ")) };
    let rehearsal = if incident.rehearsal { "a rehearsal, " } else { "" };
    let live = match incident.live_findings() {
        1 => "1 live finding".to_owned(),
        count => format!("{count} live findings"),
    };
    format!(
        "          {style}incident{style:#}   #{} {} {BOLD}{}{BOLD:#} {DIM}({rehearsal}{live}{by}{folded}){DIM:#} {}",
        incident.id, incident.severity, incident.signal, incident.note,
    )
}

impl Pretty {
    fn decision_lines(&mut self, decision: &Decision) -> Vec<String> {
        let cause = shortened(&decision.cause);
        // Chain time stands still between blocks, and people act in between.
        let began_ms = self.incidents.get(&decision.incident).map(|(_, began_ms)| *began_ms);
        let after_ms = began_ms.map_or(0, |began_ms| decision.at_ms.saturating_sub(began_ms));
        let after = span(after_ms.max(decision.since_began_ms) / 1_000);
        let text = format!("#{}.{} {cause}, {after} after the first sign", decision.incident, decision.revision);
        let mut lines = self.broken(&text, 21);
        if let Some(first) = lines.first_mut() {
            *first = format!("          {BOLD}decision{BOLD:#}   {}", first.trim_start());
        }
        let now: BTreeMap<String, &'static str> =
            decision.choices.iter().map(|choice| (choice.intervention.clone(), word(choice))).collect();
        let before = self.answers.insert(decision.incident, now).unwrap_or_default();
        let is_as_before = |choice: &&Choice| before.get(&choice.intervention) == Some(&word(choice));
        let (same, changed): (Vec<_>, Vec<_>) = decision.choices.iter().partition(is_as_before);
        for choice in changed {
            lines.extend(self.choice_lines(choice));
        }
        if !same.is_empty() {
            let names: Vec<&str> = same.iter().map(|choice| choice.intervention.as_str()).collect();
            let text = format!("as before: {}", names.join(", "));
            lines.extend(self.broken(&text, 21).iter().map(|line| format!("{DIM}{line}{DIM:#}")));
        }
        lines
    }

    fn choice_lines(&self, choice: &Choice) -> Vec<String> {
        let answer = word(choice);
        let (style, why) = match &choice.answer {
            Answer::Permitted { why } => (GOOD, why.clone()),
            Answer::Needs { whom, why } => (ASKS, format!("{}: {why}", whom.join(", "))),
            Answer::Denied { why } => (BAD, why.join("; ")),
        };
        let takes = match (choice.intervention.as_str(), choice.way.takes_s) {
            ("do-nothing", _) => String::new(),
            (_, Some(seconds)) => format!(", effect in {}", span(seconds)),
            (_, None) => ", no step pages who decides".to_owned(),
        };
        let mut lines = vec![format!(
            "{:21}{style}{answer:<10}{style:#}{BOLD}{:<18}{BOLD:#}{DIM}trust cost {}{takes}{DIM:#}",
            "", choice.intervention, choice.trust_cost
        )];
        lines.extend(self.broken(&why, 31));
        lines
    }

    fn effect_lines(&self, effect: &Effect) -> Vec<String> {
        let (what, who, text) = match effect {
            Effect::Notify { text, .. } => ("notify", String::new(), text),
            Effect::Propose { intervention, authority, whom, text, .. } => {
                let whom = if whom.is_empty() { String::new() } else { format!(" asks {}", whom.join(", ")) };
                ("propose", format!("{BOLD}{intervention}{BOLD:#} {DIM}by {authority},{whom}{DIM:#}"), text)
            }
            Effect::CarryOut { intervention, authority, text, .. } => {
                ("carry out", format!("{BOLD}{intervention}{BOLD:#} {DIM}by {authority}{DIM:#}"), text)
            }
            Effect::Withdraw { intervention, text, .. } => ("withdraw", format!("{BOLD}{intervention}{BOLD:#}"), text),
            Effect::Page { person, channel, text, .. } => {
                ("page", format!("{BOLD}{person}{BOLD:#} by {channel}"), text)
            }
            Effect::Remind { whom, text, .. } => ("remind", whom.join(", "), text),
            Effect::Communicate { audience, channels, text, .. } => {
                ("tell", format!("{BOLD}{audience}{BOLD:#} {DIM}on {}{DIM:#}", channels.join(", ")), text)
            }
            Effect::Revert { intervention, whom, text, .. } => {
                ("undo", format!("{BOLD}{intervention}{BOLD:#} {DIM}asks {}{DIM:#}", whom.join(", ")), text)
            }
            Effect::UpdateRisk { risk, text, .. } => ("risk", format!("{BOLD}{risk}{BOLD:#}"), text),
        };
        let mut broken = self.broken(&shortened(text), 21).into_iter();
        let first = if who.is_empty() { broken.next().unwrap_or_default().trim_start().to_owned() } else { who };
        let mut lines = vec![format!("          {NEWS}{what:<9}{NEWS:#}  {first}")];
        lines.extend(broken);
        lines
    }

    /// What people did, and what became of pages: everything else of a timeline is printed for another entry.
    fn timeline_lines(&self, entry: &TimelineEntry) -> Vec<String> {
        let (style, by) = match (entry.kind, &entry.by) {
            (
                EntryKind::Unreached
                | EntryKind::Exhausted
                | EntryKind::Unanswered
                | EntryKind::Stopped
                | EntryKind::Overdue
                | EntryKind::Lapsed,
                _,
            ) => (BAD, String::new()),
            (_, Some(by)) => (GOOD, format!("{by}: ")),
            (
                EntryKind::Unacked | EntryKind::State | EntryKind::Fact | EntryKind::Verified | EntryKind::Reversed,
                None,
            ) => (NEWS, String::new()),
            _ => return Vec::new(),
        };
        let text = shortened(&entry.text);
        vec![format!(
            "{}  {style}{:<9}{style:#}  #{} {by}{text}",
            clock(entry.at_ms),
            name_of(&entry.kind),
            entry.incident
        )]
    }

    /// Text in lines that fit the terminal, each behind so many spaces.
    fn broken(&self, text: &str, indent: usize) -> Vec<String> {
        let margin = " ".repeat(indent);
        let room = if self.width == 0 { usize::MAX } else { self.width.saturating_sub(indent).max(30) };
        let mut lines = vec![margin.clone()];
        let mut used = 0;
        for word in text.split_whitespace() {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > room {
                lines.push(margin.clone());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if used > 0 {
                    line.push(' ');
                    used += 1;
                }
                line.push_str(word);
                used += length;
            }
        }
        lines
    }
}

/// Text with its hashes shortened to what people quote.
pub fn shortened(text: &str) -> String {
    let is_hash =
        |word: &str| word.len() >= 66 && word.starts_with("0x") && word[2..66].bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split(' ').map(|word| match word.get(..66).filter(|start| is_hash(start)) {
        Some(start) => format!("{}…{}", &start[..10], &word[66..]),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Info => DIM,
        Severity::Low => AnsiColor::Blue.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Critical => AnsiColor::Red.on_default().bold(),
    }
}

fn name_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// Time of day in UTC, from milliseconds since the Unix epoch.
pub fn clock(at_ms: u64) -> String {
    let time = i64::try_from(at_ms).ok().and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    time.map_or_else(|| "--:--:--".to_owned(), |time| time.strftime("%H:%M:%S").to_string())
}

/// First four bytes of a hash, as people quote it.
pub fn short(hash: &[u8]) -> String {
    format!("0x{}…", hex::encode(&hash[..hash.len().min(4)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_did_not_change_is_not_printed_again() {
        let choice = |intervention: &str, answer: Answer| Choice {
            intervention: intervention.to_owned(),
            summary: String::new(),
            owner: String::new(),
            authority: String::new(),
            trust_cost: 1,
            trust_cost_why: String::new(),
            reaction_s: 0,
            way: Default::default(),
            uses_left: None,
            answer,
        };
        let decision = |revision: u32, pause: Answer| Decision {
            incident: 1,
            revision,
            cause: "opened".to_owned(),
            at_ms: 0,
            since_began_ms: 0,
            plan: Default::default(),
            signal: String::new(),
            severity: Severity::High,
            evidence: Vec::new(),
            in_time: String::new(),
            rulings: Vec::new(),
            choices: vec![
                choice("pause", pause),
                choice("warn", Answer::Needs { whom: vec!["Ana".to_owned()], why: format!("revision {revision}") }),
            ],
        };
        let mut pretty = Pretty::default();
        let permitted = || Answer::Permitted { why: "beforehand".to_owned() };
        let first = pretty.lines(&Entry::Decision(decision(1, permitted()))).join("\n");
        assert!(first.contains("beforehand") && first.contains("Ana: revision 1") && !first.contains("as before"));
        let second = pretty.lines(&Entry::Decision(decision(2, Answer::Denied { why: vec!["used".to_owned()] })));
        let second = second.join("\n");
        assert!(second.contains("used") && second.contains("as before: warn") && !second.contains("Ana"), "{second}");
    }

    #[test]
    fn how_an_incident_stands_is_printed_once_until_it_changes() {
        let incident = |severity: &str, state: &str| -> Incident {
            serde_json::from_value(serde_json::json!({
                "id": 2, "plan": alloy::primitives::B256::ZERO, "signal": "drain", "group": [], "title": "Funds leave",
                "severity": severity, "state": state, "note": "opened by outflow", "began_ms": 10_000, "opened_at_ms": 12_000,
                "last_ms": 10_000, "findings": [], "retracted": [], "sources": ["outflow"], "duplicates": 0,
            }))
            .unwrap()
        };
        let mut pretty = Pretty::default();
        let mut print = |severity, state| pretty.lines(&Entry::Incident(incident(severity, state))).len();
        assert_eq!((print("high", "triage"), print("high", "triage")), (1, 0));
        assert_eq!((print("critical", "triage"), print("critical", "triage"), print("critical", "closed")), (1, 0, 1));
    }

    #[test]
    fn long_text_is_broken_and_hashes_are_shortened() {
        let pretty = Pretty { width: 40, ..Pretty::default() };
        assert_eq!(
            pretty.broken("one two three four five six seven eight", 4),
            ["    one two three four five six seven", "    eight"]
        );
        let hash = format!("0x{}", "ab".repeat(32));
        assert_eq!(shortened(&format!("block 22 {hash} left")), "block 22 0xabababab… left");
    }
}
