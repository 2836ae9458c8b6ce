//! `watchfire.toml`: which chains and feeds are watched, by which detectors, under which plan, and who is paged.
//!
//! Each stage owns its own part; this file only lists them, checks the names between them, and fetches secrets.

mod cache;
mod checks;
pub mod included;
mod places;
mod schema;
mod shared;
pub mod shipped;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::block::ChainId;
use crate::deliver::DeliveryConfig;
use crate::deliver::answer::{AnswersConfig, Asks, Door, Pass};
use crate::deliver::channel::{ChannelConfig, Made, make};
use crate::deliver::heartbeat::HeartbeatConfig;
use crate::deliver::webhook::{Webhook, WebhookConfig};
use crate::diagnostic::{Diagnostic, Gravity};
use crate::journal::{Channel, Hears, scheme};
use crate::plugin::Limits;
use crate::share::lock::Lock;
use crate::share::trust::TrustConfig;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::family::Rules;
use crate::source::feed::FeedConfig;
use crate::toml_file::TomlFile;
use crate::whole_file;

pub use cache::CacheConfig;
pub use places::Places;
pub use schema::config_schema;
pub use shared::Sharing;

/// A config whose every reference holds and whose secrets are at hand.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file, as it was given.
    pub file: PathBuf,
    /// Its text, for finding the place of what a detector says of its part.
    pub text: String,
    /// Its tables, as they are written.
    written: toml::Table,
    /// The journal's file.
    pub journal: PathBuf,
    /// For how long the journal keeps bodies, milliseconds; for ever where `None`.
    pub keep_ms: Option<u64>,
    /// With less left on the journal's disk, it is a finding.
    pub min_free_bytes: u64,
    /// How long an input waits for a detector, milliseconds.
    pub patience_ms: u64,
    /// The address on which metrics are served.
    pub metrics_listen: Option<SocketAddr>,
    /// After how long without a turn the main loop counts as stalled, seconds.
    pub loop_stall_after_s: u64,
    /// How often the journal is verified while the host runs, seconds; 0 for never.
    pub verify_every_s: u64,
    /// Whether something of the operator's reads the host's output and reaches people by it.
    pub output_is_read: bool,
    /// Chains by name.
    pub chains: BTreeMap<String, ChainConfig>,
    /// Feeds by name.
    pub feeds: BTreeMap<String, FeedConfig>,
    /// Detectors by id.
    pub detectors: BTreeMap<String, DetectorConfig>,
    /// Files that configs of detectors include.
    pub included: Vec<PathBuf>,
    /// The plan's folder or file.
    pub plan: Option<PathBuf>,
    /// Protocols by name, where the host watches over several.
    pub protocols: BTreeMap<String, ProtocolConfig>,
    /// Webhooks by name.
    pub webhooks: BTreeMap<String, WebhookConfig>,
    /// Channels by name.
    pub channel: BTreeMap<String, ChannelConfig>,
    /// Where answers come in, if they do.
    pub answers: Option<AnswersConfig>,
    /// Who is told that the host is alive, if anybody is.
    pub heartbeat: Option<HeartbeatConfig>,
    /// How long effects are tried.
    pub delivery: DeliveryConfig,
    /// Where compiled components are kept.
    pub cache: CacheConfig,
    /// Whom the operator trusts for detectors from registries.
    pub trust: TrustConfig,
    /// What each detector from a registry is pinned to.
    pub lock: Lock,
}

/// A detector, as the operator allows it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectorConfig {
    /// The component: a file, relative to the config's folder, or `oci://registry/owner/name:1.2.0`, which `watchfire.lock` pins.
    #[serde(default)]
    pub component: Option<PathBuf>,
    /// A detector that ships with the host, in place of a component: `rules`, `outflow`, …
    #[serde(default, rename = "use")]
    pub shipped: Option<String>,
    /// SHA-256 of the component, as `sha256:` and 64 hexadecimal digits: no other bytes are run under this id.
    #[serde(default)]
    pub digest: Option<String>,
    /// Names of the chains that it watches; all where there are none.
    #[serde(default)]
    pub chains: Vec<String>,
    /// Names of the feeds that it may subscribe to.
    #[serde(default)]
    pub feeds: Vec<String>,
    /// Capabilities that it is granted, of those that it asks for: `chain`, `state`, `traces`, `storage`,
    /// `mempool`, `feeds`, `findings`. Where the key is absent, a detector that ships with the host has what it asks for,
    /// and any other has none.
    #[serde(default)]
    pub grant: Option<Vec<String>>,
    /// The detector that it runs beside as a shadow: what it finds is recorded and compared, not acted on.
    #[serde(default)]
    pub shadow_of: Option<String>,
    /// What it may use up.
    #[serde(default)]
    pub limits: Limits,
    /// Its own config, in the shape that it describes.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub config: toml::Table,
}

impl DetectorConfig {
    /// Returns the capabilities that it may use if it asks for them.
    pub fn grants(&self) -> Vec<String> {
        match (&self.grant, &self.shipped) {
            (Some(grant), _) => grant.clone(),
            (None, Some(_)) => CAPABILITIES.map(str::to_owned).to_vec(),
            (None, None) => Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JournalConfig {
    /// The journal's file, relative to the config's folder.
    #[serde(default = "default_journal")]
    path: PathBuf,
    /// Days for which blocks, pending transactions, observations and answers to reads are kept whole; for ever where it is absent.
    /// What was made of them is kept for ever.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    keep_days: Option<f64>,
    /// With less than so many MiB left on the journal's disk, it is a finding; 0 for never.
    #[serde(default = "default_min_free")]
    min_free_mib: u64,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct HostConfig {
    /// How long an input waits for a detector, in milliseconds, before what the others found is decided on without it.
    /// Default 4.
    patience_ms: u64,
    /// After how many seconds without a turn the main loop counts as stalled, which a thread of its own reports. Default 15.
    #[schemars(range(min = 1, max = 86_400))]
    loop_stall_after_s: u64,
    /// Where `GET /metrics` is answered for Prometheus, and `GET /healthz` beside it, such as `127.0.0.1:9464`; nowhere
    /// where it is absent. Read at the start. Whoever reaches the address may read it.
    #[schemars(with = "Option<String>")]
    metrics_listen: Option<SocketAddr>,
    /// How often the journal is verified while the host runs, seconds; 0 for never. Default 86,400. Read at the start.
    verify_every_s: u64,
    /// Whether something of yours reads the lines that the host prints and reaches people by them: `check` wants no channel then.
    output_is_read: bool,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            patience_ms: 4,
            loop_stall_after_s: 15,
            metrics_listen: None,
            verify_every_s: 86_400,
            output_is_read: false,
        }
    }
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlanConfig {
    /// The folder of the plan's files, relative to the config's folder.
    path: PathBuf,
}

/// A protocol among several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtocolConfig {
    /// The folder of its plan's files, relative to the config's folder.
    pub plan: PathBuf,
    /// Ids of the detectors whose findings are its own; those of all where there are none.
    #[serde(default)]
    pub detectors: Vec<String>,
}

fn default_journal() -> PathBuf {
    "watchfire.db".into()
}

fn default_min_free() -> u64 {
    1_024
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { path: default_journal(), keep_days: None, min_free_mib: default_min_free() }
    }
}

/// How much of a config is read.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// All of it, with the components in another folder and another lock than the file's, where they are given.
    Whole { components: Option<&'a Path>, lock: Option<&'a Lock> },
    /// Chains and feeds.
    Sources,
}

const SECTIONS: [&str; 14] = [
    "host",
    "journal",
    "chain",
    "feed",
    "detector",
    "plan",
    "protocol",
    "webhook",
    "channel",
    "answers",
    "heartbeat",
    "delivery",
    "cache",
    "trust",
];

/// Capabilities that there are.
pub const CAPABILITIES: [&str; 7] = ["chain", "state", "traces", "storage", "mempool", "feeds", "findings"];

impl Config {
    /// Reads and checks a config; every mistake in it is reported, not only the first.
    ///
    /// # Errors
    ///
    /// If it can't be read, or is wrong: every mistake, each at its place.
    pub fn load(file: &Path) -> Result<Self, Vec<Diagnostic>> {
        let name = file.display().to_string();
        let text = read_text(file)?;
        let parsed = TomlFile::parse(&name, &text).map_err(|diagnostic| vec![diagnostic])?;
        Self::read(file, &text, parsed, Part::Whole { components: None, lock: None })
    }

    /// Reads a config whose components lie in another folder, under the same file names.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load_with_components(file: &Path, components: Option<&Path>) -> Result<Self, Vec<Diagnostic>> {
        let name = file.display().to_string();
        let text = read_text(file)?;
        let parsed = TomlFile::parse(&name, &text).map_err(|diagnostic| vec![diagnostic])?;
        Self::read(file, &text, parsed, Part::Whole { components, lock: None })
    }

    /// Reads a config for its chains and feeds only: detectors, plan and webhooks are left out unread.
    ///
    /// # Errors
    ///
    /// As [`Config::load`], of these parts.
    pub fn load_for_sources(file: &Path) -> Result<Self, Vec<Diagnostic>> {
        let name = file.display().to_string();
        let text = read_text(file)?;
        let parsed = TomlFile::parse(&name, &text).map_err(|diagnostic| vec![diagnostic])?;
        Self::read(file, &text, parsed, Part::Sources)
    }

    fn read(file: &Path, text: &str, mut toml: TomlFile<'_>, part: Part<'_>) -> Result<Self, Vec<Diagnostic>> {
        let whole = matches!(part, Part::Whole { .. });
        toml.expect_sections(&SECTIONS);
        let folder = folder_of(file);
        let journal = toml.read::<JournalConfig>(&["journal"]).unwrap_or_default();
        let host = toml.read::<HostConfig>(&["host"]).unwrap_or_default();
        if journal.keep_days.is_some_and(|days| !(days > 0.0 && days.is_finite())) {
            let help = "leave it out to keep everything for ever";
            toml.tell_at(&["journal", "keep_days"], "it must be more than 0", help);
        }
        if !(1..=86_400).contains(&host.loop_stall_after_s) {
            let help = "leave it out for 15; a loop that waits for its disk stands for a second or two";
            toml.tell_at(&["host", "loop_stall_after_s"], "it is not between 1 and 86400", help);
        }
        let plan = toml.read::<PlanConfig>(&["plan"]).map(|plan| folder.join(plan.path)).filter(|_| whole);
        let mut config = Self {
            file: file.to_owned(),
            text: text.to_owned(),
            // A text that is no TOML was refused before.
            written: toml::from_str(text).unwrap_or_default(),
            journal: folder.join(&journal.path),
            patience_ms: host.patience_ms,
            metrics_listen: host.metrics_listen,
            loop_stall_after_s: host.loop_stall_after_s,
            verify_every_s: host.verify_every_s,
            output_is_read: host.output_is_read,
            keep_ms: journal.keep_days.map(|days| (days * 86_400_000.0) as u64),
            min_free_bytes: journal.min_free_mib.saturating_mul(1 << 20),
            chains: section(&mut toml, "chain"),
            feeds: section(&mut toml, "feed"),
            detectors: if whole { section(&mut toml, "detector") } else { BTreeMap::new() },
            included: Vec::new(),
            plan,
            protocols: if whole { section(&mut toml, "protocol") } else { BTreeMap::new() },
            cache: toml.read(&["cache"]).unwrap_or_default(),
            trust: toml.read(&["trust"]).unwrap_or_default(),
            lock: Lock::default(),
            webhooks: if whole { section(&mut toml, "webhook") } else { BTreeMap::new() },
            channel: if whole { section(&mut toml, "channel") } else { BTreeMap::new() },
            answers: if whole { toml.read(&["answers"]) } else { None },
            heartbeat: if whole { toml.read(&["heartbeat"]) } else { None },
            delivery: toml.read(&["delivery"]).unwrap_or_default(),
        };
        for (key, message) in config.delivery.mistakes() {
            toml.tell_at(&["delivery", key], message, "");
        }
        config.find_shipped(&mut toml);
        if let Some((key, message)) = config.heartbeat.as_ref().and_then(|one| one.mistake(&folder)) {
            toml.tell_at(&["heartbeat", key], message, "");
        }
        if let Part::Whole { components: Some(components), .. } = part {
            for detector in config.detectors.values_mut().filter(|detector| !detector.is_shared()) {
                let Some(component) = detector.component.as_mut() else { continue };
                if let Some(name) = component.file_name() {
                    // An absolute path is not taken for one below the config's folder.
                    let moved = std::path::absolute(components.join(name));
                    *component = moved.unwrap_or_else(|_| component.clone());
                }
            }
        }
        config.include_files(&mut toml);
        config.read_lock(part, &mut toml);
        config.check_names(&mut toml);
        config.check_secrets(&mut toml);
        config.check_answers(&mut toml);
        config.check_trust(&mut toml);
        if toml.diagnostics.iter().any(Diagnostic::is_error) { Err(toml.diagnostics) } else { Ok(config) }
    }

    /// The folder that relative paths start from.
    pub fn folder(&self) -> PathBuf {
        folder_of(&self.file)
    }

    /// Returns a section as it is written, for finding out whether it changed: a parsed one does not show its secrets.
    pub fn written(&self, section: &str, name: &str) -> String {
        let part = self.written.get(section).and_then(|part| part.get(name));
        part.map(ToString::to_string).unwrap_or_default()
    }

    /// Returns the plan of a protocol, or the only one; `None` if there is none of that name.
    pub fn plan_path(&self, protocol: Option<&str>) -> Option<PathBuf> {
        let in_folder = |one: &ProtocolConfig| self.folder().join(&one.plan);
        match protocol {
            Some(name) => self.protocols.get(name).map(in_folder),
            None => self.plan.clone().or_else(|| match self.protocols.len() {
                1 => self.protocols.values().next().map(in_folder),
                _ => None,
            }),
        }
    }

    /// Returns the names in a section, in order.
    pub fn names(&self, section: &str) -> Vec<String> {
        let part = self.written.get(section).and_then(toml::Value::as_table);
        part.into_iter().flat_map(|part| part.keys().cloned()).collect()
    }

    /// Returns a section without names as it is written; empty if there is none.
    pub fn section(&self, section: &str) -> String {
        self.written.get(section).map(ToString::to_string).unwrap_or_default()
    }

    /// How each chain's blocks are read and checked.
    pub fn verification(&self) -> BTreeMap<ChainId, Rules> {
        self.chains.values().map(|chain| (chain.id, chain.rules(chain.id))).collect()
    }

    /// Names of the chains by id.
    pub fn chain_names(&self) -> BTreeMap<ChainId, String> {
        self.chains.iter().map(|(name, chain)| (chain.id, name.clone())).collect()
    }

    /// Ids of the chains that a detector watches.
    pub fn chain_ids(&self, detector: &DetectorConfig) -> Vec<ChainId> {
        let named = |name: &String| self.chains.get(name).map(|chain| chain.id);
        match detector.chains.is_empty() {
            true => self.chains.values().map(|chain| chain.id).collect(),
            false => detector.chains.iter().filter_map(named).collect(),
        }
    }

    /// Returns the channels that effects are queued for: one for each webhook and each channel.
    pub fn channels(&self) -> Vec<Channel> {
        let webhooks = self.webhooks.iter().map(|(name, config)| {
            let schemes = config.schemes.as_ref().map(|all| all.iter().map(|one| scheme(one)).collect());
            Channel { name: name.clone(), schemes, hears: Hears::All }
        });
        let channels = self.channel.iter().map(|(name, config)| {
            let schemes = config.schemes().map(|all| all.into_iter().collect());
            let hears = if config.kind.takes_all() { Hears::All } else { Hears::People };
            Channel { name: name.clone(), schemes, hears }
        });
        webhooks.chain(channels).collect()
    }

    /// Returns the webhooks and channels by name, ready to deliver.
    ///
    /// # Errors
    ///
    /// If a secret or a template is gone since the config was read.
    pub fn outlets(&self) -> anyhow::Result<BTreeMap<String, Made>> {
        let folder = self.folder();
        let mut outlets = BTreeMap::new();
        for (name, config) in &self.webhooks {
            let key = config.secret.as_ref().map(|secret| secret.resolve(&folder)).transpose()?;
            let webhook = Webhook::new(config.url.resolve(&folder)?, key, config.timeout_ms)?;
            let schemes = config.schemes.as_ref().map(|all| all.iter().map(|one| scheme(one)).collect());
            outlets.insert(name.clone(), Made::of_webhook(webhook, schemes));
        }
        for (name, config) in &self.channel {
            let wrong = |(key, message)| anyhow::anyhow!("`channel.{name}.{key}`: {message}");
            outlets.insert(name.clone(), make(config, &folder).map_err(wrong)?);
        }
        Ok(outlets)
    }

    /// Returns what links and buttons are made of; `None` if no answers are taken.
    ///
    /// # Errors
    ///
    /// If the key is gone since the config was read.
    pub fn asks(&self) -> anyhow::Result<Option<Asks>> {
        let Some(answers) = &self.answers else { return Ok(None) };
        let pass = Pass::new(answers.key.resolve(&self.folder())?);
        let public_url = answers.public_url.trim_end_matches('/').to_owned();
        Ok(Some(Asks { pass, public_url, valid_s: answers.valid_s }))
    }

    /// Returns the doors by which answers come in, by name of their channel; `None` if no answers are taken.
    ///
    /// # Errors
    ///
    /// If a secret is gone since the config was read.
    pub fn doors(&self) -> anyhow::Result<Option<(Asks, BTreeMap<String, Door>)>> {
        let Some(asks) = self.asks()? else { return Ok(None) };
        let mut doors = BTreeMap::new();
        for (name, channel) in &self.channel {
            if let Some(secret) = channel.answer_secret().map(|secret| secret.resolve(&self.folder())).transpose()? {
                doors.insert(name.clone(), Door { kind: channel.kind, secret, pass: asks.pass.clone() });
            }
        }
        Ok(Some((asks, doors)))
    }

    /// The folder or file of each plan.
    pub fn plan_paths(&self) -> Vec<PathBuf> {
        let several = self.protocols.values().map(|protocol| self.folder().join(&protocol.plan));
        self.plan.iter().cloned().chain(several).collect()
    }
}

fn read_text(file: &Path) -> Result<String, Vec<Diagnostic>> {
    whole_file::read_text(file, whole_file::TEXT_BYTES).map_err(|error| {
        let message = format!("the config can't be read: {error}");
        let help = "name one with `--config`, or write one with `watchfire init`";
        let name = file.display().to_string();
        vec![Diagnostic::at(Gravity::Error, &name, "", 0..0, "", message).with_help(help)]
    })
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// True for a text by which a section may be named.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn section<T: serde::de::DeserializeOwned>(toml: &mut TomlFile<'_>, section: &str) -> BTreeMap<String, T> {
    let mut read = BTreeMap::new();
    for (name, span) in toml.names(section) {
        if !is_name(&name) {
            let key = format!("{section}.{name}");
            toml.tell(span, &key, format!("`{name}` is no name"), "use letters, digits, `-` and `_`");
        } else if let Some(value) = toml.read(&[section, &name]) {
            read.insert(name, value);
        }
    }
    read
}
