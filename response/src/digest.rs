//! SHA-256 over typed fields, each with its length, so that no two inputs share an encoding.

use alloy_primitives::B256;
use sha2::{Digest, Sha256};

/// Returns the SHA-256 of bytes, by which components and plans are known.
pub fn sha256(bytes: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(bytes))
}

/// Hashes fields one after another.
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts a hash whose use is `domain`, so that hashes made for two uses never meet.
    pub fn new(domain: &str) -> Self {
        Self(Sha256::new()).text(domain)
    }

    /// Adds bytes with their length.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds text with its length.
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a number.
    pub fn number(mut self, number: u64) -> Self {
        self.0.update(number.to_be_bytes());
        self
    }

    /// Adds bytes that may be absent, which is not the same as empty: the number 1 and the bytes, or the number 0.
    pub fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.number(1).bytes(bytes),
            None => self.number(0),
        }
    }

    /// Returns the hash of all fields.
    pub fn finish(self) -> B256 {
        B256::from_slice(&self.0.finalize())
    }
}
