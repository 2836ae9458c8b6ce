//! Signatures of cosign's key pairs: ECDSA on P-256 over a small JSON that names the manifest.

use anyhow::{Context, ensure};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde_json::json;

use super::encrypted::{self, PASSWORD};
use crate::secret::Secret;
use crate::share::digest::Digest;
use crate::share::reference::Reference;

/// What stands before the point of a public key on P-256.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What is signed says that it is of this type.
const TYPE: &str = "cosign container image signature";

/// A key that checks signatures: `cosign.pub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    der: Vec<u8>,
}

impl PublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    ///
    /// If it is none, or of another curve than P-256.
    pub fn from_pem(text: &str) -> anyhow::Result<Self> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes());
        let der = der.ok().context("it is no public key; cosign writes one to `cosign.pub`")?.as_ref().to_vec();
        let is_p256 = der.len() == 91 && der.starts_with(&P256);
        ensure!(is_p256, "it is no key on the curve P-256, which cosign's key pairs are of");
        Ok(Self { der })
    }

    /// Returns the digest by which the key is known.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// True when a signature is of this key, and names this manifest.
    pub fn vouches(&self, payload: &[u8], signature: &[u8], manifest: Digest) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.der[P256.len()..]);
        key.verify(payload, signature).is_ok() && names(payload, manifest)
    }
}

/// A key that signs.
pub struct PrivateKey {
    pair: EcdsaKeyPair,
}

impl PrivateKey {
    /// Reads `-----BEGIN PRIVATE KEY-----`, which `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes, or what
    /// `cosign generate-key-pair` writes, with its password.
    ///
    /// # Errors
    ///
    /// If it is none, does not open by the password, or is of another curve than P-256.
    pub fn from_pem(text: &str, password: Option<&Secret>) -> anyhow::Result<Self> {
        let der = if encrypted::is_sealed(text) {
            let password =
                password.with_context(|| format!("the key is encrypted; set `{PASSWORD}` to its password"))?;
            encrypted::open(text, password)?
        } else {
            let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok();
            let der = der.context(
                "it is no private key; make one by `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`",
            )?;
            der.secret_pkcs8_der().to_vec()
        };
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &SystemRandom::new());
        Ok(Self { pair: pair.map_err(|why| anyhow::anyhow!("it is no private key on the curve P-256 ({why})"))? })
    }

    /// Returns the key that checks what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey { der: [&P256[..], self.pair.public_key().as_ref()].concat() }
    }

    /// Signs.
    ///
    /// # Errors
    ///
    /// If the system gives no randomness.
    pub fn sign(&self, payload: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signature = self.pair.sign(&SystemRandom::new(), payload);
        Ok(signature.map_err(|_| anyhow::anyhow!("the system gives no randomness"))?.as_ref().to_vec())
    }
}

/// Returns what is signed for a manifest.
pub fn payload(reference: &Reference, manifest: Digest) -> Vec<u8> {
    let critical = json!({
        "identity": { "docker-reference": reference.place() },
        "image": { "docker-manifest-digest": manifest },
        "type": TYPE,
    });
    json!({ "critical": critical, "optional": null }).to_string().into_bytes()
}

/// True when what was signed names a manifest.
fn names(payload: &[u8], manifest: Digest) -> bool {
    let Ok(said) = serde_json::from_slice::<serde_json::Value>(payload) else { return false };
    let critical = &said["critical"];
    critical["type"] == TYPE && critical["image"]["docker-manifest-digest"] == manifest.to_string()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::share::signature::encrypted::tests::{PUBLIC, SEALED};

    fn pem(kind: &str, der: &[u8]) -> String {
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
    }

    fn key() -> String {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        pem("PRIVATE KEY", der.as_ref())
    }

    #[test]
    fn a_signature_holds_for_one_manifest_and_one_key() {
        let key = PrivateKey::from_pem(&key(), None).unwrap();
        let public = PublicKey::from_pem(&pem("PUBLIC KEY", &key.public().der)).unwrap();
        assert_eq!(key.public(), public);
        let reference: Reference = "oci://localhost:5000/a:1".parse().unwrap();
        let manifest = Digest::of(b"x");
        let payload = payload(&reference, manifest);
        let signature = key.sign(&payload).unwrap();
        assert!(public.vouches(&payload, &signature, manifest));
        assert!(!public.vouches(&payload, &signature, Digest::of(b"y")));
        assert!(!public.vouches(&[&payload[..], b" "].concat(), &signature, manifest));
        assert!(!public.vouches(&payload, &signature[1..], manifest));
    }

    #[test]
    fn a_key_of_cosign_is_the_one_that_its_public_key_names() {
        let key = PrivateKey::from_pem(SEALED, Some(&Secret::new("correct horse"))).unwrap();
        assert_eq!(key.public(), PublicKey::from_pem(PUBLIC).unwrap());
    }

    #[test]
    fn what_is_no_such_key_is_refused() {
        assert!(PublicKey::from_pem("x").unwrap_err().to_string().contains("no public key"));
        assert!(PublicKey::from_pem(&key()).is_err());
        let closed = PrivateKey::from_pem(SEALED, None).err().unwrap().to_string();
        assert!(closed.contains("set `COSIGN_PASSWORD`"), "{closed}");
    }
}
