//! Finds transactions that several rules agree on, and attacks by those who prepared for one.

use std::collections::{BTreeMap, BTreeSet};

use watchfire_sdk::prelude::*;
use watchfire_sdk::state::Seen;

/// What is combined. Everything has a default.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Ids of the detectors whose findings are combined; all that it may see where there are none.
    #[serde(default)]
    detectors: Vec<String>,
    /// Kinds of findings that come before an attack, and are no attack by themselves.
    #[serde(default = "default_preparation")]
    preparation: Vec<String>,
    /// How many different kinds about one transaction agree.
    #[serde(default = "default_kinds")]
    #[schemars(range(min = 2, max = 10))]
    kinds: usize,
    /// How long a preparation counts, in seconds of chain time.
    #[serde(default = "default_memory_s")]
    memory_s: u64,
}

fn default_preparation() -> Vec<String> {
    ["unlimited-approvals", "names-protected", "mixer-payout"].map(str::to_owned).to_vec()
}

fn default_kinds() -> usize {
    2
}

fn default_memory_s() -> u64 {
    7 * 86_400
}

/// The detector.
pub struct Combiner {
    config: Config,
}

/// Findings about one transaction.
#[derive(Default)]
struct Group {
    kinds: BTreeSet<String>,
    parties: BTreeSet<String>,
    subject: Option<Subject>,
    amounts: Vec<watchfire_sdk::finding::Amount>,
    sender: String,
}

impl Detector for Combiner {
    type Config = Config;

    fn manifest() -> Manifest {
        let summary = "Transactions that several rules agree on, and attacks by those who prepared for one.";
        Manifest::new("attack-combiner", env!("CARGO_PKG_VERSION"), summary)
            .kind("rules-agree", Severity::Critical, "Several kinds of findings are about one transaction.")
            .kind("prepared-attack", Severity::Critical, "Who prepared within the last days is found to attack.")
            .asks_for(Capability::Findings)
            .asks_for(Capability::State)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        if !(2..=10).contains(&config.kinds) {
            return Err(ConfigError::at("kinds", "between 2 and 10 kinds agree"));
        }
        if config.memory_s == 0 {
            return Err(ConfigError::at("memory_s", "it must be above zero"));
        }
        let filter = FindingFilter { detectors: config.detectors.clone(), kinds: Vec::new() };
        Ok((Self { config }, vec![filter.into()]))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let (now_s, mut findings) = (batch.timestamp_s(), Vec::new());
        let prepared = Seen::at(state::key("prepared", &[&batch.chain_id().to_be_bytes()]), self.config.memory_s);
        let mut groups: BTreeMap<B256, Group> = BTreeMap::new();
        for reported in batch.findings() {
            let finding = &reported.finding;
            if self.config.preparation.contains(&finding.kind) {
                let named = attribute(finding, "prepares").or(attribute(finding, "sender")).unwrap_or_default();
                for party in named.split_whitespace().chain([finding.subject.id.as_str()]) {
                    prepared.insert(party.as_bytes(), now_s)?;
                }
                continue;
            }
            let parties = parties(finding);
            let Some(&transaction) = finding.transactions.first() else { continue };
            // What is not even medium is no attack that others could agree with.
            if finding.severity < Severity::Medium {
                continue;
            }
            let group = groups.entry(transaction).or_default();
            group.kinds.insert(finding.kind.clone());
            group.parties.extend(parties);
            group.subject.get_or_insert_with(|| finding.subject.clone());
            if group.amounts.is_empty() {
                group.amounts.clone_from(&finding.amounts);
            }
            if group.sender.is_empty() {
                group.sender = attribute(finding, "sender").unwrap_or_default().to_owned();
            }
        }
        for (transaction, group) in groups {
            let Some(subject) = &group.subject else { continue };
            let kinds: Vec<&str> = group.kinds.iter().map(String::as_str).collect();
            let kinds = kinds.join(", ");
            let begin = |kind: &str| {
                let mut finding = Finding::new(kind, Severity::Critical, subject.clone())
                    .condition_key(transaction)
                    .transaction(transaction)
                    .attribute("kinds", &kinds)
                    .attribute("sender", &group.sender);
                finding.amounts.clone_from(&group.amounts);
                finding
            };
            if group.kinds.len() >= self.config.kinds {
                let title = format!("{}: {} kinds of findings agree", subject.id, group.kinds.len());
                findings.push(
                    begin("rules-agree").title(title).description(format!("One transaction is found by {kinds}.")),
                );
            }
            let known = group.parties.iter().find(|party| prepared.contains(party.as_bytes(), now_s));
            if let Some(party) = known {
                let title = format!("{}: attacked by who prepared for it", subject.id);
                let description =
                    format!("{party} was seen to prepare, and now takes part in what is found by {kinds}.");
                findings
                    .push(begin("prepared-attack").title(title).description(description).attribute("prepared", party));
            }
        }
        Ok(findings)
    }
}

/// Who acts in a finding, and what it is about.
fn parties(finding: &Finding) -> BTreeSet<String> {
    let named = ["sender", "actors"].into_iter().filter_map(|name| attribute(finding, name));
    let mut parties: BTreeSet<String> = named.flat_map(str::split_whitespace).map(str::to_owned).collect();
    parties.insert(finding.subject.id.clone());
    parties
}

fn attribute<'f>(finding: &'f Finding, name: &str) -> Option<&'f str> {
    finding.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

watchfire_sdk::export!(Combiner);
