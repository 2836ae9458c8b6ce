//! Signatures of webhook deliveries, in and out: HMAC-SHA256 over `timestamp.delivery_id.body`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// What a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// Seconds since the Unix epoch, as the header has them.
    pub timestamp: &'a str,
    /// Tells the delivery from every other.
    pub delivery_id: &'a str,
    /// The whole body.
    pub body: &'a [u8],
}

impl Signed<'_> {
    /// The signature's header: `v1=` and hex digits.
    pub fn sign(&self, key: &Secret) -> String {
        format!("v1={}", hex::encode(self.mac(key).finalize().into_bytes()))
    }

    /// Whether a signature, without `v1=` and decoded, is of this key. Takes the same time wherever it differs.
    pub fn is_by(&self, key: &Secret, signature: &[u8]) -> bool {
        self.mac(key).verify_slice(signature).is_ok()
    }

    fn mac(&self, key: &Secret) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes a key of any length");
        for part in [self.timestamp.as_bytes(), b".", self.delivery_id.as_bytes(), b".", self.body] {
            mac.update(part);
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_time_delivery_and_body() {
        let signed = Signed { timestamp: "1700000000", delivery_id: "ab", body: b"{}" };
        let key = Secret::new("key");
        // From `printf '1700000000.ab.{}' | openssl dgst -sha256 -hmac key`.
        let expected = "12cfe6aa2e7fbe44cb9c87be33116845bc769a0f7ad9d6fd1faecd516a3d0793";
        assert_eq!(signed.sign(&key), format!("v1={expected}"));
        let signature = hex::decode(expected).unwrap();
        assert!(signed.is_by(&key, &signature));
        assert!(!signed.is_by(&Secret::new("other"), &signature));
        assert!(!Signed { body: b"{ }", ..signed }.is_by(&key, &signature));
        assert!(!Signed { delivery_id: "ac", ..signed }.is_by(&key, &signature));
        assert!(!Signed { timestamp: "1700000001", ..signed }.is_by(&key, &signature));
    }
}
