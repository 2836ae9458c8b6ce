//! What the operator writes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use watchfire_sdk::prelude::*;

/// Rules, and what they share.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-finding-kinds" = json!({
    "list": "rule", "id": "name", "severity": "severity", "description": "description", "default-severity": "medium",
})))]
pub struct Config {
    /// Addresses by name. Expressions, lists and `contract` may name them, and findings show the name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, schema::Address>")]
    pub addresses: BTreeMap<String, Address>,
    /// Lists by name, for `in`: addresses, names of addresses, numbers or texts; an address may have a label behind it. The
    /// host reads `{ from_file = "…" }` line by line.
    #[serde(default)]
    pub lists: BTreeMap<String, Vec<Json>>,
    /// ABIs as JSON texts, for events and functions that rules only name. The host reads `{ from_file = "….json" }`.
    #[serde(default)]
    pub abi: Vec<String>,
    /// The rules.
    #[serde(default)]
    pub rule: Vec<RuleConfig>,
    /// Adds findings of the kind `rule-explained` that say what became of candidates. `watchfire rule` sets it.
    #[serde(default)]
    pub explain: bool,
}

/// One rule.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuleConfig {
    /// The kind of its findings, kebab-case; `rule-matched` where it is absent.
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]*$"))]
    pub name: Option<String>,
    /// What makes a candidate: `event …`, `call …`, `transaction`, `native transfer`, `creation`, `storage`, `view …`,
    /// `balance`, `no event …`, `no feed NAME`, `feed NAME`, `finding DETECTOR/KIND`.
    pub on: String,
    /// The contract or contracts: addresses, their names, or names of lists; any where it is absent.
    pub contract: Option<OneOrMany>,
    /// The condition; every candidate matches where it is absent.
    pub when: Option<String>,
    /// How bad it is; `medium` where it is absent.
    #[schemars(with = "SeverityName")]
    pub severity: Option<Severity>,
    /// How sure it is, 0 to 100.
    #[schemars(range(max = 100))]
    pub confidence_percent: Option<u8>,
    /// One line, with expressions in braces.
    pub title: Option<String>,
    /// What was seen and why it matters, with expressions in braces.
    pub description: Option<String>,
    /// What findings are about, with expressions in braces; the contract where it is absent.
    pub subject: Option<String>,
    /// What makes two findings one condition, with expressions in braces.
    pub key: Option<String>,
    /// An expression for how much moved, in the smallest unit.
    pub amount: Option<String>,
    /// What the amount is of: `native`, or text with expressions in braces; the contract where it is absent.
    pub asset: Option<String>,
    /// Which calls: `top` (transactions alone), `internal`, or `all`, which needs traces.
    pub calls: Option<Calls>,
    /// Which outcome of calls and transactions: `success`, `failed` or `any`.
    pub status: Option<Outcome>,
    /// The storage slot, `0x…` or a number.
    pub slot: Option<String>,
    /// What a view function is asked with: expressions without a candidate's values.
    #[serde(default)]
    pub args: Vec<String>,
    /// How often views and balances are read: `10 blocks`, `5 m`; each block where it is absent.
    pub every: Option<String>,
    /// A sliding span of chain time, `1 h`, over which `count` and `sum` are kept for `having`.
    pub window: Option<String>,
    /// What is counted apart: expressions.
    #[serde(default)]
    pub by: Vec<String>,
    /// What is summed up: an expression.
    pub sum: Option<String>,
    /// The condition on `count` and `sum`.
    pub having: Option<String>,
    /// Only the first candidate with this value matches: an expression.
    pub first: Option<String>,
    /// When a first value is forgotten, since it was last seen: `30 d` where it is absent.
    pub forget: Option<String>,
    /// How long nothing may happen, for `no …`: `6 h`.
    pub within: Option<String>,
}

/// Names of severities.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code)]
enum SeverityName {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// One text or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// Which calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    /// Those of transactions, which need no traces.
    Top,
    /// Those of contracts.
    Internal,
    /// Both.
    All,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took effect.
    Success,
    /// It was reverted.
    Failed,
    /// Either.
    Any,
}

impl Outcome {
    /// Whether it is that.
    pub fn fits(self, success: bool) -> bool {
        match self {
            Outcome::Success => success,
            Outcome::Failed => !success,
            Outcome::Any => true,
        }
    }
}

/// Reads a span of time: `90 s`, `5 m`, `6 h`, `30 d`, as seconds.
pub fn span_s(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no span of time; write `90 s`, `5 m`, `6 h` or `30 d`");
    let text = text.trim();
    let end = text.find(|char: char| !char.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = text.split_at(end);
    let unit = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    count.parse::<u64>().ok().and_then(|count| count.checked_mul(unit)).filter(|span| *span > 0).ok_or_else(wrong)
}
