//! `[chain.NAME]`: which chain to follow, by which nodes, and how far to believe them.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::family::{Family, Rules};
use super::operators::operator_of;
use crate::block::{ChainId, Verification};
use crate::secret::{SecretError, SecretRef};

/// Where a node is: an `http`, `https`, `ws` or `wss` URL, or the path of an IPC socket. URLs may carry keys.
pub type Endpoint = SecretRef;

/// One chain to follow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// EIP-155 id of the chain; an endpoint of another one is not used.
    pub id: ChainId,
    /// Nodes in order of preference: URLs (http, https, ws, wss) or paths of IPC sockets, each as it is, as
    /// `{ env = "NAME" }` or as `{ file = "path" }`.
    pub endpoints: Vec<Endpoint>,
    /// Who runs each of `endpoints`, in their order. By default an endpoint's operator is the domain of its URL, and all of this
    /// machine are one.
    #[serde(default)]
    pub operators: Vec<String>,
    /// How many operators' nodes must name the same block before it counts as agreed: automation may wait for it
    /// (`corroboration.agreed_blocks` in the plan), and nothing becomes final without. 1, the default: one node's word is enough.
    #[serde(default = "agree")]
    #[schemars(range(min = 1))]
    pub agree: u32,
    /// How much of each block is checked, and so which members of it are read: `full`, `header` for chains with encodings of
    /// their own, `links`, or `none`. By default as much as the chain's family allows.
    #[serde(default)]
    pub verify: Option<Verification>,
    /// Whose encodings the chain has: `ethereum`, `op-stack`, `arbitrum`, `polygon`, … By default that which its id stands
    /// for.
    #[serde(default)]
    pub family: Option<Family>,
    /// What makes a block final: `"tags"` (the node's `safe` and `finalized`, the default) or
    /// `{ confirmations = N }`.
    #[serde(default)]
    pub finality: Finality,
    /// Where to begin if the journal knows no block of this chain: `"latest"` (the default) or a block number.
    #[serde(default)]
    pub start: Start,
    /// How often a node is asked for its head, in milliseconds; where heads are subscribed to, this is the
    /// check beside it. Default 1000.
    #[serde(default = "poll_interval_ms")]
    pub poll_interval_ms: u64,
    /// How long a node may take to answer, in milliseconds. Default 15000.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Requests a second to each endpoint, each call of a batch counted; without it there is no limit but the
    /// node's own.
    #[serde(default)]
    pub max_requests_per_second: Option<u32>,
    /// Requests a day, by UTC, to each endpoint, each call of a batch counted from the start of the host; without it there is
    /// no limit but the node's own.
    #[serde(default)]
    pub max_requests_per_day: Option<u64>,
    /// How many blocks are fetched ahead at once while catching up. Default 32.
    #[serde(default = "prefetch")]
    pub prefetch: u32,
    /// How many calls go into one JSON-RPC batch, at most; 1 for nodes that take none. Default 8.
    #[serde(default = "batch")]
    pub batch: u32,
    /// After how many seconds without a new block the chain counts as stalled, which is a finding. Default 120.
    #[serde(default = "stall_after_s")]
    pub stall_after_s: u64,
    /// For how many seconds detectors that want call frames or storage changes wait for those of a block that came without;
    /// then they see it as it is. 0: they see it at once. Default 300.
    #[serde(default = "traces_within_s")]
    pub traces_within_s: u64,
    /// After how many blocks of which none is final the lack of finality is a finding: detectors' states can be undone for
    /// all of them, which takes room. Default 10000.
    #[serde(default = "unfinal_after_blocks")]
    pub unfinal_after_blocks: u64,
    /// Reorgs deeper than this are not believed; without it any that the journal holds is followed.
    #[serde(default)]
    pub max_reorg_depth: Option<u64>,
    /// The largest answer that a node may give, in MiB. Default 128.
    #[serde(default = "max_response_mib")]
    pub max_response_mib: u32,
}

fn agree() -> u32 {
    1
}

fn poll_interval_ms() -> u64 {
    1_000
}

fn timeout_ms() -> u64 {
    15_000
}

fn prefetch() -> u32 {
    32
}

fn batch() -> u32 {
    8
}

fn stall_after_s() -> u64 {
    120
}

fn traces_within_s() -> u64 {
    300
}

fn unfinal_after_blocks() -> u64 {
    10_000
}

fn max_response_mib() -> u32 {
    128
}

/// What makes a block final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Finality {
    /// The node's `safe` and `finalized` tags.
    #[default]
    Tags,
    /// So many blocks on top of it.
    Confirmations(u64),
}

/// Where to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the newest block.
    #[default]
    Latest,
    /// At this block.
    Number(u64),
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;
        impl serde::de::Visitor<'_> for Place {
            type Value = Start;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"latest\" or a block number")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Start, E> {
                match text {
                    "latest" => Ok(Start::Latest),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_u64<E>(self, number: u64) -> Result<Start, E> {
                Ok(Start::Number(number))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Start, E> {
                let negative = |_| E::invalid_value(serde::de::Unexpected::Signed(number), &self);
                u64::try_from(number).map(Start::Number).map_err(negative)
            }
        }
        deserializer.deserialize_any(Place)
    }
}

impl JsonSchema for Start {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Start".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Where to begin: \"latest\" or a block number.",
            "anyOf": [{ "const": "latest" }, { "type": "integer", "minimum": 0 }],
        })
    }
}

/// What is wrong with a chain's settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainConfigError {
    /// No endpoint.
    #[error("no endpoint is given; name at least one node")]
    NoEndpoint,
    /// An endpoint's value can't be had.
    #[error("endpoint {place}: {error}")]
    Secret {
        /// Position in the list, from 1.
        place: usize,
        /// Why.
        error: SecretError,
    },
    /// An endpoint is nothing that can be connected to.
    #[error("endpoint {place} is neither an http, https, ws or wss URL nor the path of an IPC socket")]
    NotAnEndpoint {
        /// Position in the list, from 1.
        place: usize,
    },
    /// Operators that are not one for each endpoint.
    #[error("{have} operators are named for {endpoints} endpoints; name one for each, in their order")]
    OperatorsUnlike {
        /// How many are named.
        have: usize,
        /// How many endpoints there are.
        endpoints: usize,
    },
    /// More operators must agree than there are.
    #[error(
        "the nodes of {agree} operators must agree, and the endpoints are of {have}: {who}; name endpoints of others, or say in \
         `operators` who runs each"
    )]
    TooFewOperators {
        /// How many must agree.
        agree: u32,
        /// How many there are.
        have: usize,
        /// Which.
        who: String,
    },
    /// A number that is too small or too large.
    #[error("{value} is not between 1 and {most}")]
    OutOfRange {
        /// Its key.
        key: &'static str,
        /// What was given.
        value: u64,
        /// The largest that makes sense.
        most: u64,
    },
}

impl ChainConfigError {
    /// Returns the key that it is about, as a path below the chain's section.
    pub fn key(&self) -> Vec<String> {
        match self {
            Self::NoEndpoint => vec!["endpoints".to_owned()],
            Self::Secret { place, .. } | Self::NotAnEndpoint { place } => {
                vec!["endpoints".to_owned(), (place - 1).to_string()]
            }
            Self::OperatorsUnlike { .. } => vec!["operators".to_owned()],
            Self::TooFewOperators { .. } => vec!["agree".to_owned()],
            Self::OutOfRange { key, .. } => vec![(*key).to_owned()],
        }
    }
}

/// Longest spans that make sense, in seconds.
const DAY_S: u64 = 86_400;

impl ChainConfig {
    /// Returns how the blocks of a chain are read and checked: this one's, or that on which the endpoints turn out to be.
    pub fn rules(&self, chain: ChainId) -> Rules {
        let family = self.family.unwrap_or_else(|| Family::of_chain(chain));
        Rules { family: Some(family), ..self.verify.unwrap_or_else(|| family.level()).into() }
    }

    /// Fetches the endpoints' secrets and checks the settings; a relative file is looked for in `base`.
    ///
    /// # Errors
    /// The first mistake of [`Self::mistakes`].
    pub fn resolve(&self, base: &Path) -> Result<Self, ChainConfigError> {
        if let Some(mistake) = self.mistakes(base).into_iter().next() {
            return Err(mistake);
        }
        let endpoint = |(place, endpoint): (usize, &Endpoint)| {
            let secret = endpoint.resolve(base).map_err(|error| ChainConfigError::Secret { place, error })?;
            Ok(SecretRef::Literal(secret))
        };
        let endpoints = (1..).zip(&self.endpoints).map(endpoint).collect::<Result<_, _>>()?;
        Ok(Self { endpoints, ..self.clone() })
    }

    /// Returns all that is wrong with the settings.
    pub fn mistakes(&self, base: &Path) -> Vec<ChainConfigError> {
        let first = match self.start {
            Start::Latest => 0,
            Start::Number(first) => first,
        };
        // What the journal can hold.
        let largest = i64::MAX as u64;
        let numbers = [
            ("id", self.id, largest),
            ("start", first.max(1), largest),
            ("agree", self.agree.into(), 100),
            ("poll_interval_ms", self.poll_interval_ms, DAY_S * 1_000),
            ("timeout_ms", self.timeout_ms, DAY_S * 1_000),
            ("max_requests_per_second", self.max_requests_per_second.map_or(1, u64::from), 1_000_000),
            ("max_requests_per_day", self.max_requests_per_day.unwrap_or(1), largest),
            ("prefetch", self.prefetch.into(), 10_000),
            ("batch", self.batch.into(), 1_000),
            ("stall_after_s", self.stall_after_s, 30 * DAY_S),
            ("traces_within_s", self.traces_within_s.max(1), 30 * DAY_S),
            ("unfinal_after_blocks", self.unfinal_after_blocks, u64::MAX),
            // A column of a block holds up to 4 GiB, and hex takes twice as much.
            ("max_response_mib", self.max_response_mib.into(), 65_536),
        ];
        let none = self.endpoints.is_empty().then_some(ChainConfigError::NoEndpoint);
        let numbers = numbers.into_iter().filter(|(_, number, most)| !(1..=*most).contains(number));
        let numbers = numbers.map(|(key, value, most)| ChainConfigError::OutOfRange { key, value, most });
        let endpoints = (1..).zip(&self.endpoints).filter_map(|(place, endpoint)| match endpoint.resolve(base) {
            Err(error) => Some(ChainConfigError::Secret { place, error }),
            Ok(secret) => (!is_endpoint(secret.expose())).then_some(ChainConfigError::NotAnEndpoint { place }),
        });
        none.into_iter().chain(numbers).chain(endpoints).chain(self.unlike_operators(base)).collect()
    }

    fn unlike_operators(&self, base: &Path) -> Option<ChainConfigError> {
        let (have, endpoints) = (self.operators.len(), self.endpoints.len());
        if endpoints == 0 {
            return None;
        }
        if have > 0 && have != endpoints {
            return Some(ChainConfigError::OperatorsUnlike { have, endpoints });
        }
        let labels = self.endpoints.iter().map(|endpoint| endpoint.resolve(base).map(|secret| secret.label()));
        // What can't be resolved is a mistake of its own.
        let labels: Vec<String> = labels.collect::<Result<_, _>>().ok()?;
        let operators = (0..).zip(&labels).map(|(index, label)| self.operator(index, label));
        let different: BTreeSet<String> = operators.collect();
        (different.len() < self.agree as usize).then(|| ChainConfigError::TooFewOperators {
            agree: self.agree,
            have: different.len(),
            who: different.into_iter().collect::<Vec<_>>().join(", "),
        })
    }

    /// Returns who runs the endpoint at a place, from 0, which people see as `label`.
    pub(super) fn operator(&self, index: usize, label: &str) -> String {
        self.operators.get(index).cloned().unwrap_or_else(|| operator_of(label))
    }
}

/// Whether it is a URL that can be connected to, or the path of an IPC socket.
fn is_endpoint(text: &str) -> bool {
    match text.split_once("://") {
        Some((scheme, _)) => matches!(scheme, "http" | "https" | "ws" | "wss") && reqwest::Url::parse(text).is_ok(),
        None => text.starts_with(['/', '.']) || text.ends_with(".ipc"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), &str>) {
        let parsed = toml::from_str::<ChainConfig>(text).map_err(|error| error.message().to_owned());
        let came = parsed.and_then(|config| config.resolve(Path::new(".")).map_err(|error| error.to_string()));
        assert_eq!(came.map(drop), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn settings_are_checked_where_they_stand() {
        check("id = 1\nendpoints = ['http://x', 'wss://y/KEY', '/run/geth.ipc']", Ok(()));
        check(
            "id = 1\nendpoints = ['http://x']\nstart = 5\nfinality = { confirmations = 12 }\nverify = 'header'",
            Ok(()),
        );
        check("id = 1\nendpoints = []", Err("no endpoint is given; name at least one node"));
        let neither = "endpoint 1 is neither an http, https, ws or wss URL nor the path of an IPC socket";
        check("id = 1\nendpoints = ['ftp://x']", Err(neither));
        check("id = 1\nendpoints = ['localhost:8545']", Err(neither));
        check("id = 1\nendpoints = ['http://x']\nbatch = 0", Err("0 is not between 1 and 1000"));
        check("id = 1\nendpoints = ['http://x']\nstart = 0", Ok(()));
        check("id = 0\nendpoints = ['http://x']", Err("0 is not between 1 and 9223372036854775807"));
        check(
            "id = 1\nendpoints = [{ env = 'WATCHFIRE_NO_SUCH_URL' }]",
            Err(
                "endpoint 1: the environment variable `WATCHFIRE_NO_SUCH_URL` is not set; export it, or name another one",
            ),
        );
        check(
            "id = 1\nendpoints = ['http://127.0.0.1:1', 'http://localhost:2', 'http://a.node.example']\nagree = 2",
            Ok(()),
        );
        check(
            "id = 1\nendpoints = ['http://127.0.0.1:1', 'http://localhost:2']\nagree = 2",
            Err(
                "the nodes of 2 operators must agree, and the endpoints are of 1: this machine; name endpoints of others, or say in \
                 `operators` who runs each",
            ),
        );
        check(
            "id = 1\nendpoints = ['http://127.0.0.1:1', 'http://127.0.0.1:2']\nagree = 2\noperators = ['a', 'b']",
            Ok(()),
        );
        check(
            "id = 1\nendpoints = ['http://x']\noperators = ['a', 'b']",
            Err("2 operators are named for 1 endpoints; name one for each, in their order"),
        );
        let start = "invalid value: string \"now\", expected \"latest\" or a block number";
        check("id = 1\nendpoints = ['http://x']\nstart = 'now'", Err(start));
    }
}
