//! From candidates to findings: the condition, what is counted, what must be new, and the words.

use std::collections::BTreeMap;

use watchfire_sdk::alloy_primitives::I256;
use watchfire_sdk::prelude::*;

use crate::explain::Explanation;
use crate::language::{Constants, EvaluationError, Slots, Value, Verdict};
use crate::memory;
use crate::rule::Rule;

/// The kind of the finding that says that a rule could not be judged.
pub const FAILED: &str = "rule-failed";
/// Most findings of one rule in one batch; of what is past that, the count is told.
const OF_ONE_RULE: usize = 16;
/// Most findings of all rules in one batch: the host takes 100.
const OF_ALL_RULES: usize = 64;
/// Most lines of text that one finding may have, bytes.
const TEXT_BYTES: usize = 4_096;

/// A candidate: values, and what stands behind them.
pub struct Candidate<'a> {
    /// Values that all rules of the kind share.
    pub shared: &'a [Value],
    /// The contract that it is about.
    pub contract: Option<Address>,
    /// What tells it from others of the same rule; empty for a condition that lasts.
    pub unique: &'a dyn Fn() -> String,
    /// Adds evidence.
    pub evidence: &'a dyn Fn(Finding) -> Finding,
}

/// Judges the candidates of one batch.
pub struct Judge<'a> {
    pub(crate) rules: &'a [Rule],
    pub(crate) constants: &'a Constants,
    pub(crate) now_s: u64,
    findings: Vec<Finding>,
    /// How many findings each rule has, by its position.
    counts: BTreeMap<usize, usize>,
    /// Why rules could not be judged, by position: the first reason.
    failures: BTreeMap<usize, String>,
    pub(crate) explanation: Option<Explanation>,
}

/// Why a candidate was not judged.
enum Unjudged {
    Evaluation(EvaluationError),
    State(state::StateError),
}

impl From<EvaluationError> for Unjudged {
    fn from(error: EvaluationError) -> Self {
        Unjudged::Evaluation(error)
    }
}

impl From<state::StateError> for Unjudged {
    fn from(error: state::StateError) -> Self {
        Unjudged::State(error)
    }
}

impl std::fmt::Display for Unjudged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unjudged::Evaluation(error) => write!(f, "{error}"),
            Unjudged::State(error) => write!(f, "{error}"),
        }
    }
}

impl<'a> Judge<'a> {
    /// Nothing is judged yet.
    pub fn new(rules: &'a [Rule], constants: &'a Constants, now_s: u64, explain: bool) -> Self {
        let explanation = explain.then(Explanation::default);
        let (counts, failures) = (BTreeMap::new(), BTreeMap::new());
        Self { rules, constants, now_s, findings: Vec::new(), counts, failures, explanation }
    }

    /// Judges a candidate of a rule and keeps what is found.
    pub fn judge(&mut self, position: usize, candidate: &Candidate<'_>) {
        match self.matched(position, candidate) {
            Ok(Some(own)) => self.tell(position, candidate, &own),
            Ok(None) => {}
            Err(error) => self.fail(position, error.to_string()),
        }
    }

    /// Judges the condition of a rule that looks at something again and again. `None` where it could not be judged.
    pub fn holds(&mut self, position: usize, candidate: &Candidate<'_>) -> Option<bool> {
        let rule = &self.rules[position];
        let slots = Slots { shared: candidate.shared, own: &[] };
        match rule.when.judge(&slots) {
            Ok(verdict) => {
                if let Some(explanation) = &mut self.explanation {
                    explanation.judged(rule, &slots, &verdict, self.constants, candidate.contract);
                }
                Some(verdict == Verdict::Holds)
            }
            Err(error) => {
                self.fail(position, error.to_string());
                None
            }
        }
    }

    /// The values of its own that a rule's candidate has, where it matches.
    fn matched(&mut self, position: usize, candidate: &Candidate<'_>) -> Result<Option<Vec<Value>>, Unjudged> {
        let rule = &self.rules[position];
        let slots = Slots { shared: candidate.shared, own: &[] };
        let verdict = rule.when.judge(&slots)?;
        if let Some(explanation) = &mut self.explanation {
            explanation.judged(rule, &slots, &verdict, self.constants, candidate.contract);
        }
        if verdict != Verdict::Holds {
            return Ok(None);
        }
        let mut own = Vec::new();
        if let Some(counted) = &rule.window {
            let mut group = Vec::new();
            for by in &counted.by {
                let key = by.evaluate(&slots)?.key();
                group.extend_from_slice(&(key.len() as u32).to_be_bytes());
                group.extend_from_slice(&key);
            }
            let amount = match &counted.sum {
                Some(sum) => match sum.evaluate(&slots)? {
                    Value::Number(number) => number.floor().to_i256().unwrap_or(I256::MAX),
                    _ => I256::ZERO,
                },
                None => I256::ZERO,
            };
            let (count, sum) = memory::count(rule.id, counted.span_s, &group, self.now_s, amount)?;
            own = vec![Value::number(count), Value::number(sum)];
            let slots = Slots { shared: candidate.shared, own: &own };
            let verdict = counted.having.judge(&slots)?;
            if let Some(explanation) = &mut self.explanation {
                explanation.counted(rule, &slots, &verdict, self.constants);
            }
            if verdict != Verdict::Holds {
                return Ok(None);
            }
        }
        if let Some((first, forget_s)) = &rule.first {
            let value = first.evaluate(&slots)?;
            let is_first = memory::is_first(rule.id, *forget_s, &value.key(), self.now_s)?;
            if let Some(explanation) = &mut self.explanation {
                explanation.first(rule, &value, is_first, self.constants);
            }
            if !is_first {
                return Ok(None);
            }
        }
        Ok(Some(own))
    }

    /// Keeps the finding of a candidate that matches.
    pub fn tell(&mut self, position: usize, candidate: &Candidate<'_>, own: &[Value]) {
        let count = self.counts.entry(position).or_insert(0);
        *count += 1;
        if *count > OF_ONE_RULE || self.findings.len() >= OF_ALL_RULES {
            return;
        }
        match self.finding(&self.rules[position], candidate, own) {
            Ok(finding) => self.findings.push(finding),
            Err(error) => self.fail(position, error.to_string()),
        }
    }

    fn finding(&self, rule: &Rule, candidate: &Candidate<'_>, own: &[Value]) -> Result<Finding, EvaluationError> {
        let slots = Slots { shared: candidate.shared, own };
        let fill = |template: &Option<crate::language::Template>| {
            template.as_ref().map(|template| template.fill(&slots, self.constants)).transpose()
        };
        let subject = match (&rule.subject, candidate.contract) {
            (Some(template), _) => subject(&template.fill(&slots, &Constants::default())?),
            (None, Some(contract)) => Subject::address(contract),
            (None, None) => Subject::new("rule", &rule.name),
        };
        let title = rule.title.fill(&slots, self.constants)?;
        let key = match (&rule.key, &rule.window) {
            (Some(template), _) => template.fill(&slots, &Constants::default())?,
            (None, Some(counted)) => {
                let parts = counted.by.iter().map(|by| by.evaluate(&slots).map(|value| value.to_string()));
                parts.collect::<Result<Vec<_>, _>>()?.join("/")
            }
            (None, None) => (candidate.unique)(),
        };
        let mut finding = Finding::new(&rule.kind, rule.severity, subject)
            .confidence(rule.confidence_percent)
            .title(cut(title))
            .condition_key(key)
            .attribute("rule", &rule.name);
        if let Some(description) = fill(&rule.description)? {
            finding = finding.description(cut(description));
        }
        if let Some(amount) = &rule.amount
            && let Value::Number(number) = amount.evaluate(&slots)?
            && let Some(amount) = number.floor().to_i256()
        {
            let asset = match (&rule.asset, candidate.contract) {
                (Some(template), _) => template.fill(&slots, &Constants::default())?,
                (None, Some(contract)) => contract.to_string(),
                (None, None) => "native".to_owned(),
            };
            finding = finding.signed_amount(asset, amount);
        }
        Ok((candidate.evidence)(finding))
    }

    /// Says that a rule could not be judged; the first reason in a batch is told.
    pub fn fail(&mut self, position: usize, reason: String) {
        if let Some(explanation) = &mut self.explanation {
            explanation.failed(&self.rules[position], &reason);
        }
        self.failures.entry(position).or_insert(reason);
    }

    /// What was found.
    pub fn finish(mut self) -> Vec<Finding> {
        let left_out: Vec<String> = self
            .counts
            .iter()
            .filter(|(_, count)| **count > OF_ONE_RULE)
            .map(|(position, count)| format!("{} matched {count} times", self.rules[*position].name))
            .collect();
        let is_full = self.findings.len() >= OF_ALL_RULES;
        if !left_out.is_empty() || is_full {
            let description = match left_out.is_empty() {
                true => "Rules matched too often for all of it to be told.".to_owned(),
                false => cut(left_out.join("; ")),
            };
            let finding = Finding::new(FAILED, Severity::Medium, Subject::new("rule", "all"))
                .title("More matched in one block than is told")
                .description(description)
                .condition_key("too-many");
            self.findings.push(finding);
        }
        let failures = self.failures.iter().take(16).map(|(position, reason)| {
            let rule = &self.rules[*position];
            Finding::new(FAILED, Severity::Medium, Subject::new("rule", &rule.name))
                .title(format!("The rule {} could not be judged", rule.name))
                .description(format!("{reason}. What it watches for may have happened."))
                .condition_key("failed")
        });
        self.findings.extend(failures);
        if let Some(explanation) = self.explanation {
            self.findings.extend(explanation.findings());
        }
        self.findings
    }
}

/// An address is a subject of its own kind.
fn subject(id: &str) -> Subject {
    match id.parse::<Address>() {
        Ok(address) => Subject::address(address),
        Err(_) => Subject::new("value", cut(id.to_owned())),
    }
}

/// No more than fits a finding, at a character's end.
fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        let end = (0..=TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
