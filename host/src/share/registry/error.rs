//! How a registry can fail.

use crate::share::digest::Digest;

/// Why a registry did not give or take something. Each message names the registry, and says how to mend it where one can.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It does not have it.
    #[error("{registry} has no {what}")]
    Missing {
        /// Which registry.
        registry: String,
        /// What was asked for.
        what: String,
    },
    /// It lets nobody do this, or not these credentials.
    #[error("{registry} refuses {what} {with}{said}; log in by `docker login {registry}`")]
    Denied {
        /// Which registry.
        registry: String,
        /// What was asked for.
        what: String,
        /// Whether there were credentials.
        with: &'static str,
        /// What it says of it.
        said: String,
    },
    /// It was asked too often.
    #[error("{registry} limits how often it is asked; try again in {after_s} s, or log in for a higher limit")]
    Limited {
        /// Which registry.
        registry: String,
        /// When it may be asked again, seconds; 0 if it did not say.
        after_s: u64,
    },
    /// It sent more than anybody needs.
    #[error("{registry} sends more than {limit} bytes as {what}, which is refused")]
    TooLarge {
        /// Which registry.
        registry: String,
        /// What was asked for.
        what: String,
        /// What is allowed.
        limit: u64,
    },
    /// It sent bytes of another digest than was asked for.
    #[error("{registry} sent other bytes as {what}: they are {found}, and {expected} was asked for")]
    OtherBytes {
        /// Which registry.
        registry: String,
        /// What was asked for.
        what: String,
        /// Digest that was asked for.
        expected: Digest,
        /// Digest of what came.
        found: Digest,
    },
    /// It answered something else.
    #[error("{registry} answered {status} to {what}{said}")]
    Status {
        /// Which registry.
        registry: String,
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: u16,
        /// What it says of it.
        said: String,
    },
    /// It can't be reached, or broke off.
    #[error("{registry} can't be reached: {why}")]
    Unreachable {
        /// Which registry.
        registry: String,
        /// Why.
        why: String,
    },
    /// It speaks no OCI, or the credentials can't be read.
    #[error("{registry}: {why}")]
    Malformed {
        /// Which registry.
        registry: String,
        /// What is wrong.
        why: String,
    },
}

impl RegistryError {
    /// True when the registry answered that there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}
