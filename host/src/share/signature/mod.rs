//! Who vouches for an artefact: signatures, where a registry keeps them, and what they cover.
//!
//! No key of an account is held here: an Ethereum signature is made by a wallet.

mod cosign;
mod encrypted;
mod ethereum;
mod listed;

use std::fmt;

use alloy::primitives::Address;

use crate::share::digest::Digest;

pub use cosign::{PrivateKey, PublicKey, payload};
pub use encrypted::PASSWORD;
pub use ethereum::{by_wallet, recover, typed_data, vouches};
pub use listed::{attach_cosign, attach_ethereum, found};

/// What a signature of an account covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The artefact's manifest.
    pub digest: Digest,
    /// The detector's name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A signature that a registry keeps, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Of an Ethereum account.
    Ethereum {
        /// The account that is said to have signed.
        account: Address,
        /// The signature.
        signature: Vec<u8>,
    },
    /// Of a cosign key pair.
    Cosign {
        /// What was signed, JSON.
        payload: Vec<u8>,
        /// ECDSA, ASN.1.
        signature: Vec<u8>,
    },
    /// Of a kind that this version does not check.
    Unknown(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ethereum { account, .. } => write!(f, "the account {account}"),
            Self::Cosign { .. } => write!(f, "a cosign key"),
            Self::Unknown(kind) => write!(f, "a signature of the type {kind}"),
        }
    }
}
