//! The JSON Schema of `watchfire.toml`, for editors.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, schema_for};

use super::{
    AnswersConfig, CacheConfig, ChainConfig, ChannelConfig, DeliveryConfig, DetectorConfig, FeedConfig,
    HeartbeatConfig, HostConfig, JournalConfig, PlanConfig, ProtocolConfig, TrustConfig, WebhookConfig,
};

/// The whole file, only ever used for its schema: reading goes section by section.
#[derive(JsonSchema)]
#[schemars(rename = "watchfire.toml", deny_unknown_fields)]
#[allow(dead_code)]
struct File {
    /// The host itself.
    #[schemars(default)]
    host: Option<HostConfig>,
    /// Where everything that happened is kept.
    #[schemars(default)]
    journal: Option<JournalConfig>,
    /// Chains by name.
    #[schemars(default)]
    chain: BTreeMap<String, ChainConfig>,
    /// Off-chain feeds by name.
    #[schemars(default)]
    feed: BTreeMap<String, FeedConfig>,
    /// Detectors by id.
    #[schemars(default)]
    detector: BTreeMap<String, DetectorConfig>,
    /// The response plan.
    #[schemars(default)]
    plan: Option<PlanConfig>,
    /// Protocols by name, each with its plan, where the host watches over several.
    #[schemars(default)]
    protocol: BTreeMap<String, ProtocolConfig>,
    /// Where effects are posted, by name.
    #[schemars(default)]
    webhook: BTreeMap<String, WebhookConfig>,
    /// How people are reached, by name: PagerDuty, Slack, mail, …
    #[schemars(default)]
    channel: BTreeMap<String, ChannelConfig>,
    /// Where answers come in.
    #[schemars(default)]
    answers: Option<AnswersConfig>,
    /// Who is told that the host is alive.
    #[schemars(default)]
    heartbeat: Option<HeartbeatConfig>,
    /// How long effects are tried.
    #[schemars(default)]
    delivery: DeliveryConfig,
    /// Where compiled components are kept.
    #[schemars(default)]
    cache: CacheConfig,
    /// Whom the operator trusts for detectors from registries.
    #[schemars(default)]
    trust: TrustConfig,
}

/// JSON Schema of `watchfire.toml`.
pub fn config_schema() -> Schema {
    schema_for!(File)
}
