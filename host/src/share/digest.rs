//! The name that a registry knows bytes by: `sha256:` and 64 hex digits.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::digest::sha256;

/// SHA-256 of bytes, as OCI writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub B256);

impl Digest {
    /// Returns the digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }

    /// Returns the 64 hex digits alone.
    pub fn hex(self) -> String {
        hex::encode(self.0)
    }

    /// Returns what people tell digests apart by.
    pub fn short(self) -> String {
        format!("sha256:{}…", &self.hex()[..12])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(said: String) -> Result<Self, String> {
        said.parse()
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(said: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is no digest: `sha256:` and 64 lower-case hex digits", short(said));
        let digits = said.strip_prefix("sha256:").ok_or_else(wrong)?;
        let plain = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let bytes = hex::decode(digits).ok().filter(|_| plain).ok_or_else(wrong)?;
        Ok(Self(B256::from_slice(&bytes)))
    }
}

/// Returns no more of a text than a message should hold, without what a terminal would obey.
pub(crate) fn short(said: &str) -> String {
    crate::text::line(said, 120)
}
