//! What became of candidates, for `watchfire rule`: how many each rule had, and which part of its condition was false with which
//! values. It leaves as findings of the kind `rule-explained`, which the command reads and nobody else sees.

use std::collections::BTreeMap;

use serde::Serialize;
use watchfire_sdk::prelude::*;

use crate::language::{Constants, Slots, Value, Verdict};
use crate::rule::Rule;

/// The kind of these findings.
pub const EXPLAINED: &str = "rule-explained";
/// Longest value that is shown, bytes.
const VALUE_BYTES: usize = 120;
/// Most text in one finding, bytes.
const FINDING_BYTES: usize = 12_000;

/// What became of a batch's candidates.
#[derive(Default)]
pub struct Explanation {
    rules: BTreeMap<String, Told>,
}

/// What became of the candidates of one rule.
#[derive(Debug, Default, Serialize)]
pub struct Told {
    rule: String,
    candidates: u64,
    matched: u64,
    /// By the part of the condition that was false.
    unmet: BTreeMap<String, Unmet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// Candidates that a part of a condition turned away.
#[derive(Debug, Default, Serialize)]
pub struct Unmet {
    count: u64,
    /// Values of the last of them, by name.
    values: BTreeMap<String, String>,
}

impl Explanation {
    fn told(&mut self, rule: &Rule) -> &mut Told {
        let told = || Told { rule: rule.name.clone(), ..Told::default() };
        self.rules.entry(rule.name.clone()).or_insert_with(told)
    }

    /// A condition was judged.
    pub fn judged(
        &mut self,
        rule: &Rule,
        slots: &Slots<'_>,
        verdict: &Verdict,
        constants: &Constants,
        contract: Option<Address>,
    ) {
        let told = self.told(rule);
        told.candidates += 1;
        match verdict {
            Verdict::Holds => told.matched += 1,
            Verdict::Fails(part) => {
                let part = &rule.when.parts[*part];
                let unmet = told.unmet.entry(part.text.clone()).or_default();
                unmet.count += 1;
                unmet.values = values(rule, part.reads(), slots, constants);
                if let Some(contract) = contract.filter(|_| rule.contracts.is_none()) {
                    unmet.values.insert("contract".to_owned(), constants.call(&contract));
                }
            }
        }
    }

    /// What was counted was judged.
    pub fn counted(&mut self, rule: &Rule, slots: &Slots<'_>, verdict: &Verdict, constants: &Constants) {
        let Verdict::Fails(part) = verdict else { return };
        let Some(part) = rule.window.as_ref().and_then(|counted| counted.having.parts.get(*part)) else { return };
        let told = self.told(rule);
        told.matched = told.matched.saturating_sub(1);
        let unmet = told.unmet.entry(part.text.clone()).or_default();
        unmet.count += 1;
        unmet.values = values(rule, part.reads(), slots, constants);
    }

    /// What must be new was looked up.
    pub fn first(&mut self, rule: &Rule, value: &Value, is_first: bool, constants: &Constants) {
        if is_first {
            return;
        }
        let told = self.told(rule);
        told.matched = told.matched.saturating_sub(1);
        let unmet = told.unmet.entry("first".to_owned()).or_default();
        unmet.count += 1;
        unmet.values = BTreeMap::from([("seen before".to_owned(), short(constants.show(value)))]);
    }

    /// A candidate could not be judged.
    pub fn failed(&mut self, rule: &Rule, reason: &str) {
        let told = self.told(rule);
        told.candidates += 1;
        told.failed = Some(short(reason.to_owned()));
    }

    /// One finding for as many rules as fit.
    pub fn findings(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut lines: Vec<String> = Vec::new();
        let mut flush = |lines: &mut Vec<String>| {
            if !lines.is_empty() {
                let text = format!("[{}]", lines.join(","));
                let key = findings.len().to_string();
                let finding = Finding::new(EXPLAINED, Severity::Info, Subject::new("rule", "all"));
                findings.push(finding.title("What became of candidates").description(text).condition_key(key));
                lines.clear();
            }
        };
        for told in self.rules.into_values() {
            let Ok(line) = serde_json::to_string(&told) else { continue };
            if lines.iter().map(String::len).sum::<usize>() + line.len() > FINDING_BYTES {
                flush(&mut lines);
            }
            if line.len() <= FINDING_BYTES {
                lines.push(line);
            }
        }
        flush(&mut lines);
        findings.truncate(16);
        findings
    }
}

fn values(rule: &Rule, reads: &[usize], slots: &Slots<'_>, constants: &Constants) -> BTreeMap<String, String> {
    let value = |at: &usize| Some((rule.scope.name(*at).to_owned(), short(constants.show(slots.get(*at)?))));
    reads.iter().filter_map(value).collect()
}

fn short(mut text: String) -> String {
    if text.len() > VALUE_BYTES {
        let end = (0..=VALUE_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
