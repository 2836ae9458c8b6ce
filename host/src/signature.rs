//! Signatures of webhook deliveries, in and out, by HMAC-SHA256.
//!
//! The second version goes over `watchfire.v2`, timestamp, delivery id and body, each after its length in bytes and a colon. The
//! first, which is sent beside it and taken until version 0.3, goes over `timestamp.delivery_id.body`: it says where each part
//! ends only because ids and timestamps have no dot.

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

/// Longest id of a delivery, in characters.
const ID_CHARS: usize = 128;

/// Tells whether an id of a delivery is of letters, digits, `-`, `_` and `:` alone, and neither empty nor too long.
pub fn is_plain_id(id: &str) -> bool {
    (1..=ID_CHARS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte))
}

impl Signed<'_> {
    /// The signature of the first version: `v1=` and hex digits.
    pub fn sign(&self, key: &Secret) -> String {
        format!("v1={}", hex::encode(self.mac_v1(key).finalize().into_bytes()))
    }

    /// The signature of the second version: `v2=` and hex digits.
    pub fn sign_v2(&self, key: &Secret) -> String {
        format!("v2={}", hex::encode(self.mac_v2(key).finalize().into_bytes()))
    }

    /// Whether a signature, with the name of its version, is of this key. Takes the same time wherever it differs.
    pub fn is_by(&self, key: &Secret, signature: &str) -> bool {
        let (version, digits) = signature.split_once('=').unwrap_or_default();
        let mac = match version {
            "v1" => self.mac_v1(key),
            "v2" => self.mac_v2(key),
            _ => return false,
        };
        hex::decode(digits).is_ok_and(|given| mac.verify_slice(&given).is_ok())
    }

    fn mac_v1(&self, key: &Secret) -> Hmac<Sha256> {
        let mut mac = mac_of(key);
        for part in [self.timestamp.as_bytes(), b".", self.delivery_id.as_bytes(), b".", self.body] {
            mac.update(part);
        }
        mac
    }

    fn mac_v2(&self, key: &Secret) -> Hmac<Sha256> {
        let mut mac = mac_of(key);
        for part in [b"watchfire.v2".as_slice(), self.timestamp.as_bytes(), self.delivery_id.as_bytes(), self.body] {
            mac.update(format!("{}:", part.len()).as_bytes());
            mac.update(part);
        }
        mac
    }
}

fn mac_of(key: &Secret) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes a key of any length")
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
        // From `printf '12:watchfire.v210:17000000002:ab2:{}' | openssl dgst -sha256 -hmac key`.
        let expected = "fe92b9344c53e6358b871b79cae6ef8c26b1fbfb6583a200e956c30a60dac5ca";
        assert_eq!(signed.sign_v2(&key), format!("v2={expected}"));
        for signature in [signed.sign(&key), signed.sign_v2(&key)] {
            assert!(signed.is_by(&key, &signature));
            assert!(!signed.is_by(&Secret::new("other"), &signature));
            assert!(!Signed { body: b"{ }", ..signed }.is_by(&key, &signature));
            assert!(!Signed { delivery_id: "ac", ..signed }.is_by(&key, &signature));
            assert!(!Signed { timestamp: "1700000001", ..signed }.is_by(&key, &signature));
            assert!(!signed.is_by(&key, &signature[3..]), "without its version");
        }
        assert!(!signed.is_by(&key, &signed.sign_v2(&key).replace("v2", "v1")));
    }

    /// The same bytes in a row, with the id's end elsewhere.
    #[test]
    fn the_second_version_says_where_each_part_ends() {
        let key = Secret::new("key");
        let genuine = Signed { timestamp: "1700000000", delivery_id: "evt-1", body: b"1999.95" };
        let split = Signed { timestamp: "1700000000", delivery_id: "evt-1.1999", body: b"95" };
        assert_eq!(genuine.sign(&key), split.sign(&key), "the first version does not");
        assert!(!is_plain_id(split.delivery_id), "so no id has a dot");
        assert_ne!(genuine.sign_v2(&key), split.sign_v2(&key));
        for id in ["", "a b", "a\u{e9}", "a/b", &"a".repeat(129)] {
            assert!(!is_plain_id(id), "{id}");
        }
        assert!(is_plain_id("evt_1:2-F") && is_plain_id(&"a".repeat(128)));
    }
}
