//! The host's own buttons and links: which incident, for whom, until when, under a key that only the host has.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::incident::IncidentId;
use crate::secret::Secret;

/// How many bytes of the MAC a token has: 128 bits, so that it fits into a Telegram button.
const MAC_BYTES: usize = 16;

/// Makes and checks tokens.
#[derive(Clone)]
pub struct Pass {
    key: Secret,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The incident.
    pub incident: IncidentId,
    /// Id of the person; empty if the service says who presses.
    pub person: String,
    /// Until when it holds, seconds since the Unix epoch.
    pub until_s: u64,
}

impl Pass {
    /// Takes the key.
    pub fn new(key: Secret) -> Self {
        Self { key }
    }

    /// Makes a token.
    pub fn make(&self, claim: &Claim) -> String {
        let Claim { incident, person, until_s } = claim;
        format!("{incident:x}.{until_s:x}.{}.{}", hex::encode(person), hex::encode(&self.mac(claim)[..MAC_BYTES]))
    }

    /// Checks a token at a moment, seconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If it is none of this key, or its time is over.
    pub fn read(&self, token: &str, now_s: u64) -> Result<Claim, String> {
        let none = || "it is no token of this host".to_owned();
        let parts: Vec<&str> = token.split('.').collect();
        let [incident, until_s, person, mac] = parts.as_slice() else { return Err(none()) };
        let number = |text: &str| u64::from_str_radix(text, 16).map_err(|_| none());
        let person = hex::decode(person).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(none)?;
        let claim = Claim { incident: number(incident)?, person, until_s: number(until_s)? };
        let given = hex::decode(mac).ok().filter(|mac| mac.len() == MAC_BYTES).ok_or_else(none)?;
        self.hmac(&claim).verify_truncated_left(&given).map_err(|_| none())?;
        // A number may be written in several ways, and only one of them is what was made.
        if self.make(&claim) != token {
            return Err(none());
        }
        if now_s > claim.until_s { Err("its time is over".to_owned()) } else { Ok(claim) }
    }

    fn mac(&self, claim: &Claim) -> Vec<u8> {
        self.hmac(claim).finalize().into_bytes().to_vec()
    }

    fn hmac(&self, claim: &Claim) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key.expose().as_bytes()).expect("HMAC takes a key of any length");
        mac.update(format!("watchfire answer\n{}\n{}\n{}", claim.incident, claim.until_s, claim.person).as_bytes());
        mac
    }
}
