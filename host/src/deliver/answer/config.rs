//! `[answers]`: where answers come in.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Pass;
use crate::secret::SecretRef;

/// Where services and people answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswersConfig {
    /// The address to listen on, behind whatever ends TLS. Read at the start.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Where that is reached from outside, as `https://watch.harbor.example`: in links, and in what Twilio signs.
    pub public_url: String,
    /// Key of the host's own links and buttons: 32 random characters or more.
    pub key: SecretRef,
    /// For how long a link or a button answers, seconds. Default 86,400.
    #[serde(default = "default_valid_s")]
    #[schemars(range(min = 1))]
    pub valid_s: u64,
}

fn default_valid_s() -> u64 {
    86_400
}

/// What links and buttons are made of.
#[derive(Clone)]
pub struct Asks {
    /// Makes and checks tokens.
    pub pass: Pass,
    /// Where answers come in, without a slash at its end.
    pub public_url: String,
    /// For how long they are taken, seconds.
    pub valid_s: u64,
}
