//! Entries as lines for a terminal: what an operator must see first stands first, in plain words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use chrono::DateTime;

use crate::block::{BlockRef, ChainId};
use crate::decision::{Answer, Choice, Decision};
use crate::effect::Effect;
use crate::entry::Entry;
use crate::event::Event;
use crate::finding::{Finding, Severity};
use crate::incident::Incident;

/// Writes entries as lines. Colours are written always; the stream strips them where it is no terminal.
#[derive(Clone, Debug, Default)]
pub struct Pretty {
    /// Names of the chains, as the config has them.
    pub chains: BTreeMap<ChainId, String>,
    /// Whether each block gets a line of its own.
    pub blocks: bool,
}

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const ASKS: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const NEWS: Style = AnsiColor::Cyan.on_default();

impl Pretty {
    /// The lines of an entry; none for what people need not see.
    pub fn lines(&self, entry: &Entry) -> Vec<String> {
        match entry {
            Entry::Input(stamped) => self.input(stamped.at_ms, &stamped.event).into_iter().collect(),
            Entry::Answer { .. } | Entry::Silence { .. } => Vec::new(),
            Entry::Failed { detector, kind, message, .. } => {
                vec![format!("          {BAD}failed{BAD:#}     {detector}: {kind}: {message}")]
            }
            Entry::Finding(finding) => self.finding(finding),
            Entry::Retraction { finding, reason } => {
                vec![format!("          {NEWS}retracted{NEWS:#}  finding {}: {reason}", short(finding.as_slice()))]
            }
            Entry::Incident(incident) => vec![incident_line(incident)],
            Entry::Decision(decision) => decision_lines(decision),
            Entry::Effect(ordered) => vec![effect_line(&ordered.effect)],
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
            Event::Reverted { chain, blocks } => {
                let numbers: Vec<u64> = blocks.iter().map(|block| block.number).collect();
                let (low, high) = (numbers.iter().min()?, numbers.iter().max()?);
                let span = if low == high { format!("block {low}") } else { format!("blocks {low} to {high}") };
                format!("{at}  {ASKS}reorg{ASKS:#}      {} {span} left the chain", self.chain(*chain))
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
            Event::Plan { hash, .. } => format!("{at}  {NEWS}plan{NEWS:#}       is now {}", short(hash.as_slice())),
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
        let mut told = format!("{}/{}, {}% sure", finding.detector, claim.kind, claim.confidence_percent);
        if let Some(block) = finding.block {
            let _ = write!(told, ", {}", self.place(block));
        }
        if let Some(assurance) = &finding.assurance {
            let _ = write!(told, ", verified: {}", name_of(&assurance.verification));
        }
        if let Some(transaction) = claim.transactions.first() {
            let _ = write!(told, ", tx {}", short(transaction.as_slice()));
        }
        lines.push(format!("{:21}{DIM}{told}{DIM:#}", ""));
        lines
    }
}

fn incident_line(incident: &Incident) -> String {
    let style = severity_style(incident.severity);
    let folded = if incident.duplicates > 0 { format!(", {} more sightings", incident.duplicates) } else { String::new() };
    format!(
        "{}  {style}incident{style:#}   #{} {} {}: {BOLD}{}{BOLD:#} {DIM}({} live findings by {}{folded}){DIM:#}{}",
        clock(incident.opened_at_ms),
        incident.id,
        incident.severity,
        incident.signal,
        incident.title,
        incident.findings.len(),
        if incident.sources.is_empty() { "nobody".to_owned() } else { incident.sources.join(", ") },
        if incident.note.is_empty() { String::new() } else { format!(" {}", incident.note) },
    )
}

fn decision_lines(decision: &Decision) -> Vec<String> {
    let mut lines = vec![format!(
        "          {BOLD}decision{BOLD:#}   #{}.{} {}, {:.1} s of chain time after the first sign",
        decision.incident,
        decision.revision,
        decision.cause,
        decision.since_began_ms as f64 / 1_000.0
    )];
    lines.extend(decision.choices.iter().map(choice_line));
    lines
}

fn choice_line(choice: &Choice) -> String {
    let (style, answer, why) = match &choice.answer {
        Answer::Permitted { why } => (GOOD, "permitted", why.clone()),
        Answer::Needs { whom, why } => (ASKS, "needs", format!("{}: {why}", whom.join(", "))),
        Answer::Denied { why } => (BAD, "denied", why.join("; ")),
    };
    let takes = match (choice.intervention.as_str(), choice.reaction_s) {
        ("do-nothing", _) => String::new(),
        (_, seconds) => format!(", effect in {}", span(seconds)),
    };
    format!(
        "{:21}{style}{answer:<10}{style:#}{BOLD}{:<20}{BOLD:#} {DIM}trust cost {}{takes}{DIM:#}  {why}",
        "", choice.intervention, choice.trust_cost
    )
}

fn effect_line(effect: &Effect) -> String {
    match effect {
        Effect::Notify { text, .. } => format!("          {NEWS}notify{NEWS:#}     {text}"),
        Effect::Propose { intervention, authority, whom, text, .. } => {
            let whom = if whom.is_empty() { String::new() } else { format!(" [{}]", whom.join(", ")) };
            format!("          {NEWS}propose{NEWS:#}    {intervention} by {authority}{whom}: {text}")
        }
        Effect::Withdraw { intervention, text, .. } => {
            format!("          {NEWS}withdraw{NEWS:#}   {intervention}: {text}")
        }
    }
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
    let time = i64::try_from(at_ms).ok().and_then(DateTime::from_timestamp_millis);
    time.map_or_else(|| "--:--:--".to_owned(), |time| time.format("%H:%M:%S").to_string())
}

/// First four bytes of a hash, as people quote it.
pub fn short(hash: &[u8]) -> String {
    format!("0x{}…", hex::encode(&hash[..hash.len().min(4)]))
}

/// A span of seconds in its largest whole unit.
pub fn span(seconds: u64) -> String {
    match seconds {
        s if s >= 172_800 && s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s >= 7_200 && s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s >= 120 && s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_in_their_largest_whole_unit() {
        let told: Vec<String> = [45, 90, 120, 7_200, 172_800, 3_661].into_iter().map(span).collect();
        assert_eq!(told, ["45 s", "90 s", "2 min", "2 h", "2 d", "3661 s"]);
    }
}
