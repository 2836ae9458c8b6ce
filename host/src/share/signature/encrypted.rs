//! Private keys as cosign encrypts them: a password by scrypt, then NaCl's secretbox around PKCS #8.
//!
//! The format is that of `encrypted` in go-securesystemslib, in a PEM that `cosign generate-key-pair` writes.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};
use serde::Deserialize;

use crate::secret::Secret;

/// Where the password is, as for cosign itself.
pub const PASSWORD: &str = "COSIGN_PASSWORD";

/// Kinds of PEM that cosign wrote, the newest first.
const LABELS: [&str; 2] = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];

/// Most rounds of scrypt, which take 1 GiB of memory. cosign writes 2^15 or 2^16.
const ROUNDS_LOG2_AT_MOST: u32 = 20;

#[derive(Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Rounds,
    salt: String,
}

#[derive(Deserialize)]
struct Rounds {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// True for a key that is to be opened by [`open`].
pub(super) fn is_sealed(text: &str) -> bool {
    LABELS.iter().any(|label| text.contains(&format!("-----BEGIN {label}-----")))
}

/// Opens a key. Returns its PKCS #8.
///
/// # Errors
///
/// If the file is none of cosign's, or the password is another.
pub(super) fn open(text: &str, password: &Secret) -> anyhow::Result<Vec<u8>> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let decode = |written: &str| STANDARD.decode(written).context("a part of the encrypted key is no base64");
    let sealed: Sealed = serde_json::from_slice(&decode(&body)?).context("it is no key that cosign encrypted")?;
    let (kdf, cipher) = (&sealed.kdf, &sealed.cipher);
    let is_known = kdf.name == "scrypt" && cipher.name == "nacl/secretbox";
    ensure!(is_known, "it is encrypted by {} and {}, which are not known here", short(&kdf.name), short(&cipher.name));
    let Rounds { n, r, p } = kdf.params;
    let is_bounded =
        n.is_power_of_two() && n.ilog2() <= ROUNDS_LOG2_AT_MOST && (1..=8).contains(&r) && (1..=4).contains(&p);
    ensure!(is_bounded, "it wants N = {n}, r = {r}, p = {p} of scrypt, and 2^{ROUNDS_LOG2_AT_MOST}, 8, 4 are allowed");
    let mut key = [0; 32];
    let params = u8::try_from(n.ilog2()).ok().and_then(|log2| scrypt::Params::new(log2, r, p).ok());
    let params = params.context("scrypt does not take the key's parameters")?;
    scrypt::scrypt(password.expose().as_bytes(), &decode(&kdf.salt)?, &params, &mut key)?;
    let nonce: [u8; 24] = decode(&cipher.nonce)?.try_into().ok().context("the nonce of the key has 24 bytes")?;
    let opened =
        XSalsa20Poly1305::new(&key.into()).decrypt(&Nonce::from(nonce), decode(&sealed.ciphertext)?.as_slice());
    opened.ok().with_context(|| format!("`{PASSWORD}` is not the password of this key"))
}

fn short(said: &str) -> String {
    said.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Made for this test, by Python's hashlib.scrypt and PyNaCl's SecretBox.
    pub(in super::super) const SEALED: &str = "\
-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n\
eyJrZGYiOiB7Im5hbWUiOiAic2NyeXB0IiwgInBhcmFtcyI6IHsiTiI6IDEwMjQs\n\
ICJyIjogOCwgInAiOiAxfSwgInNhbHQiOiAiQUFFQ0F3UUZCZ2NJQ1FvTERBME9E\n\
eEFSRWhNVUZSWVhHQmthR3h3ZEhoOD0ifSwgImNpcGhlciI6IHsibmFtZSI6ICJu\n\
YWNsL3NlY3JldGJveCIsICJub25jZSI6ICJBQUVDQXdRRkJnY0lDUW9MREEwT0R4\n\
QVJFaE1VRlJZWCJ9LCAiY2lwaGVydGV4dCI6ICJianlPc29oNXF3R2ZLMHhZOWhH\n\
NXVmNnE2cFh0b1R4VXN3eVZWWG1oMGdFQnRwcE92U3ByZ1AzVEpQZlpHSnQ4SWZU\n\
dThhcU80ZmN6VEZ4VThFOVpibHlmZkpNS1laTFNJQnp6UHBKbnUzNUhkcmtQL2lO\n\
WGczZDRBbU5qTFRDKzB4MjdLNXVsbWVZb0JwY0s2bGF1S2U5SkE3Tk96eVBpWXg0\n\
TFg3djRkMmhOWFc2MFJyL0pUNERLYjJ5bFJQbExhTWZ2aEVGQTlOOTBYZz09In0=\n\
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
    pub(in super::super) const PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJmrK/R7darZ68ucftDO5x8xQN9L5\n\
roVuiqmr4BImNPPwru8SDvjrXkQNdO7hOQJkAB/GqC5fTzyBd5gDQ3OjEA==\n\
-----END PUBLIC KEY-----\n";

    fn refused(text: &str, password: &str, why: &str) {
        let error = open(text, &Secret::new(password)).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{error:#}");
    }

    fn with(json: &str) -> String {
        format!("-----BEGIN {}-----\n{}\n-----END {}-----\n", LABELS[0], STANDARD.encode(json), LABELS[0])
    }

    #[test]
    fn a_key_opens_with_its_password_alone() {
        assert!(is_sealed(SEALED));
        assert_eq!(open(SEALED, &Secret::new("correct horse")).unwrap().len(), 138);
        refused(SEALED, "another", "`COSIGN_PASSWORD` is not the password");
    }

    #[test]
    fn what_is_no_such_key_is_refused_before_it_costs_anything() {
        refused("-----BEGIN X-----\n%%\n", "", "no base64");
        refused(&with("{}"), "", "no key that cosign encrypted");
        let key = |n: &str, kdf: &str| {
            with(&format!(
                r#"{{"kdf":{{"name":"{kdf}","params":{{"N":{n},"r":8,"p":1}},"salt":"AA=="}},"cipher":{{"name":"nacl/secretbox","nonce":"AA=="}},"ciphertext":"AA=="}}"#
            ))
        };
        refused(&key("1073741824", "scrypt"), "", "are allowed");
        refused(&key("0", "scrypt"), "", "are allowed");
        refused(&key("2", "argon2"), "", "argon2");
        refused(&key("2", "scrypt"), "", "24 bytes");
    }
}
