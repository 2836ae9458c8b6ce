//! `[trust]`: whose word is enough for which part of which registry. By default nobody's: nothing from a registry is taken
//! that is not signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use schemars::JsonSchema;
use serde::Deserialize;

use super::reference::{Reference, folded};
use super::review::Review;
use super::signature::{Found, PublicKey, Statement, recover, vouches};
use super::signed_by::Refusal;
use crate::secret::SecretRef;

/// Whom the operator trusts.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrustConfig {
    /// The folder in which detectors from registries are kept, relative to the config's folder. Default `watchfire.store`.
    pub store: PathBuf,
    /// Indexes that `plugin search` and `plugin audit` read: `oci://…`, or a folder.
    pub index: Vec<String>,
    /// Days after which an index is too old to go by, since it was updated and since it was taken from its registry. Default 30.
    pub index_max_age_days: u32,
    /// Signers by a name of your own.
    pub signer: BTreeMap<String, SignerConfig>,
    /// Parts of registries, each with who must have signed what is in it. The longest that fits counts.
    pub namespace: Vec<NamespaceConfig>,
    /// Parts of registries from which unsigned detectors are taken: `localhost:5000/mine/`. None by default.
    pub unsigned: Vec<String>,
    /// What a person must have looked at before it is taken, so that `--yes` alone does not take it: `capabilities`, `limits`,
    /// `severities`, `schema`, `pack`. None by default.
    pub review: Vec<Review>,
}

impl Default for TrustConfig {
    fn default() -> Self {
        Self {
            store: "watchfire.store".into(),
            index: Vec::new(),
            index_max_age_days: 30,
            signer: BTreeMap::new(),
            namespace: Vec::new(),
            unsigned: Vec::new(),
            review: Vec::new(),
        }
    }
}

/// A signer: an Ethereum account, or a key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SignerConfig {
    /// The account.
    #[schemars(with = "Option<String>")]
    pub address: Option<Address>,
    /// A node's URL by which a contract is asked (ERC-1271), where the account is one, such as a Safe.
    pub node: Option<SecretRef>,
    /// The file of a cosign public key, relative to the config's folder.
    pub key: Option<PathBuf>,
    /// The last day on which what it signed is taken, `2027-06-30`.
    pub until: Option<String>,
    /// Whether it is trusted no more: nothing that it alone signed is taken, or runs.
    pub revoked: bool,
}

/// Who must have signed what a part of a registry has.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamespaceConfig {
    /// What the reference begins with, after `oci://`: `ghcr.io/harbor/`.
    pub prefix: String,
    /// Names of signers.
    pub signers: Vec<String>,
    /// How many of them must have signed.
    #[serde(default = "one")]
    pub threshold: usize,
}

fn one() -> usize {
    1
}

/// What came of checking signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Names of signers of the config whose signatures hold, each with its account's address or its key's fingerprint.
    pub signers: BTreeMap<String, String>,
    /// Signatures that count for nothing, each with why.
    pub others: Vec<String>,
    /// Why it is not trusted; `None` if it is.
    pub refusal: Option<Refusal>,
}

impl TrustConfig {
    /// Returns each mistake, with its key below `trust`.
    pub fn mistakes(&self, folder: &Path) -> Vec<(Vec<String>, String)> {
        let mut wrong = Vec::new();
        for (name, signer) in &self.signer {
            let mut tell =
                |key: &str, message: String| wrong.push((vec!["signer".into(), name.clone(), key.into()], message));
            match (&signer.address, &signer.key) {
                (Some(_), Some(_)) | (None, None) => tell("", "it must have either `address` or `key`".to_owned()),
                _ => {}
            }
            if let Err(message) = signer.public_key(folder) {
                tell("key", message);
            }
            if signer.until.as_ref().is_some_and(|until| until.parse::<jiff::civil::Date>().is_err()) {
                tell("until", "it is no day; write `2027-06-30`".to_owned());
            }
            if signer.node.is_some() && signer.address.is_none() {
                tell("node", "a node is asked about an account, and there is no `address`".to_owned());
            }
        }
        for (at, namespace) in self.namespace.iter().enumerate() {
            let mut tell = |key: &str, message: String| {
                wrong.push((vec!["namespace".into(), at.to_string(), key.into()], message))
            };
            if namespace.prefix.trim_matches('/').is_empty() || namespace.prefix.contains("://") {
                tell("prefix", "it must begin with a registry, without `oci://`: `ghcr.io/harbor/`".to_owned());
            } else if !is_place(&namespace.prefix) {
                tell("prefix", "nothing begins so: leave out versions and `*`, and write `ghcr.io/harbor/`".to_owned());
            }
            for unknown in namespace.signers.iter().filter(|name| !self.signer.contains_key(*name)) {
                tell("signers", format!("there is no `[trust.signer.{unknown}]`"));
            }
            let different: BTreeSet<&String> = namespace.signers.iter().collect();
            if namespace.threshold == 0 || namespace.threshold > different.len() {
                tell("threshold", format!("it is not between 1 and the {} signers", different.len()));
            }
        }
        for (at, prefix) in self.unsigned.iter().enumerate() {
            let mut tell = |message: &str| wrong.push((vec!["unsigned".into(), at.to_string()], message.to_owned()));
            if prefix.trim_matches('/').is_empty() || prefix.contains("://") {
                tell("it must begin with a registry, without `oci://`");
            } else if !is_place(prefix) {
                tell("nothing begins so: leave out versions and `*`, and write `localhost:5000/mine/`");
            }
        }
        wrong
    }

    /// Returns who must have signed what is at a place, and which of the namespaces says so.
    pub(super) fn namespace(&self, reference: &Reference) -> Option<(usize, &NamespaceConfig)> {
        let fitting = self.namespace.iter().enumerate().filter(|(_, namespace)| covers(&namespace.prefix, reference));
        fitting.max_by_key(|(_, namespace)| namespace.prefix.len())
    }

    /// True when what is at a place need not be signed.
    pub(super) fn takes_unsigned(&self, reference: &Reference) -> bool {
        let open = self.unsigned.iter().filter(|prefix| covers(prefix, reference)).map(String::len).max();
        let closed = self.namespace(reference).map(|(_, namespace)| namespace.prefix.len());
        open.is_some_and(|open| closed.is_none_or(|closed| open > closed))
    }

    /// Checks signatures of an artefact as of a day, `2026-11-30`. Asks nodes about signatures of contracts.
    pub async fn check(
        &self,
        folder: &Path,
        reference: &Reference,
        statement: &Statement,
        found: &[Found],
        today: jiff::civil::Date,
    ) -> Verdict {
        let (mut signers, mut others) = (BTreeMap::new(), Vec::new());
        for signature in found {
            match self.signer_of(folder, statement, signature).await {
                Err(why) => others.push(why),
                Ok(name) => match (self.signer[&name].over(today), self.signer[&name].identity(folder)) {
                    (Some(why), _) => others.push(format!("signed by `{name}`, {why}")),
                    (None, None) => others.push(format!("signed by `{name}`, whose key can't be read")),
                    (None, Some(identity)) => drop(signers.insert(name, identity)),
                },
            }
        }
        let refusal = self.lacking(reference, &signers.keys().cloned().collect(), &others);
        Verdict { signers, others, refusal }
    }

    /// Returns the name of the signer that made a signature, or why it counts for nothing.
    async fn signer_of(&self, folder: &Path, statement: &Statement, found: &Found) -> Result<String, String> {
        match found {
            Found::Unknown(_) => Err(format!("{found} is not checked by this version")),
            Found::Cosign { payload, signature } => {
                let of = self.signer.iter().find(|(_, signer)| {
                    let key = signer.public_key(folder).ok().flatten();
                    key.is_some_and(|key| key.vouches(payload, signature, statement.digest))
                });
                of.map(|(name, _)| name.clone())
                    .ok_or_else(|| "signed by a cosign key that is nobody's in `[trust]`, or for other bytes".into())
            }
            Found::Ethereum { account, signature } => {
                let named = |address: Address| self.signer.iter().find(|(_, signer)| signer.address == Some(address));
                let is_own = recover(statement, signature) == Some(*account);
                let Some((name, signer)) = named(*account) else {
                    return Err(match is_own {
                        true => format!("signed by {account}, who is nobody in `[trust]`"),
                        false => {
                            format!(
                                "said to be signed by {account}, who is nobody in `[trust]`, and that was not checked"
                            )
                        }
                    });
                };
                if is_own {
                    return Ok(name.clone());
                }
                let Some(node) = &signer.node else {
                    return Err(format!("what is said to be signed by `{name}` ({account}) is not"));
                };
                let node = node.resolve(folder).map_err(|error| format!("`{name}`: {error}"))?;
                match vouches(node.expose(), *account, statement, signature).await {
                    Ok(true) => Ok(name.clone()),
                    Ok(false) => Err(format!("the contract of `{name}` ({account}) does not stand by its signature")),
                    Err(error) => Err(format!("`{name}` ({account}): {error:#}")),
                }
            }
        }
    }
}

impl SignerConfig {
    /// Returns what tells it from everybody else: its account's address, or its key's fingerprint. `None` if its key can't be
    /// read.
    pub(super) fn identity(&self, folder: &Path) -> Option<String> {
        match self.address {
            Some(address) => Some(address.to_string()),
            None => self.public_key(folder).ok().flatten().map(|key| key.fingerprint().to_string()),
        }
    }

    fn public_key(&self, folder: &Path) -> Result<Option<PublicKey>, String> {
        let Some(path) = &self.key else { return Ok(None) };
        let path = folder.join(path);
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("`{}` can't be read: {error}", path.display()))?;
        PublicKey::from_pem(&text).map(Some).map_err(|error| format!("`{}`: {error:#}", path.display()))
    }

    /// Returns why it is trusted no more as of a day.
    fn over(&self, today: jiff::civil::Date) -> Option<String> {
        if self.revoked {
            return Some("who is revoked".to_owned());
        }
        let until = self.until.as_ref()?;
        let is_over = until.parse::<jiff::civil::Date>().is_ok_and(|until| today > until);
        is_over.then(|| format!("whose time was over on {until}"))
    }
}

/// True for what a place may begin with: a registry, and below it repositories without a version.
fn is_place(prefix: &str) -> bool {
    let (_, path) = prefix.split_once('/').unwrap_or((prefix, ""));
    path.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/'))
}

/// True when a part of a registry has a place, by whole parts of its path.
fn covers(prefix: &str, reference: &Reference) -> bool {
    let (prefix, place) = (folded(prefix.trim_end_matches('/')), reference.place());
    place.strip_prefix(&prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::signed_by::SignedBy;

    fn config(text: &str) -> TrustConfig {
        toml::from_str(text).unwrap()
    }

    const HARBOR: &str = "\
        unsigned = ['localhost:5000/mine', 'ghcr.io/harbor/lab/']\n\
        [signer.ana]\naddress = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'\n\
        [signer.bo]\naddress = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'\n\
        [signer.gone]\naddress = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'\nrevoked = true\n\
        [[namespace]]\nprefix = 'ghcr.io/harbor/'\nsigners = ['ana', 'bo', 'gone']\nthreshold = 2\n\
        [[namespace]]\nprefix = 'ghcr.io'\nsigners = ['ana']\n";

    #[test]
    fn the_longest_part_that_fits_says_who_and_how_many() {
        let trust = config(HARBOR);
        let refused = |reference: &str, signers: &[&str]| {
            let identity = |name: &str| trust.signer[name].identity(Path::new("/")).unwrap();
            let known = signers.iter().map(|name| ((*name).to_owned(), identity(name))).collect();
            let refusal = trust.refusal(Path::new("/"), &reference.parse().unwrap(), &SignedBy::Known(known));
            refusal.map(|refusal| refusal.why)
        };
        assert_eq!(refused("oci://ghcr.io/other/a:1", &["ana"]), None);
        assert_eq!(refused("oci://ghcr.io/harbor/a:1", &["ana", "bo"]), None);
        for signers in [&["ana"][..], &["ana", "gone"], &["ana", "ana"], &[]] {
            assert!(refused("oci://ghcr.io/harbor/a:1", signers).unwrap().contains("wants 2 of"), "{signers:?}");
        }
        assert_eq!(refused("oci://ghcr.io/harbor/lab/a:1", &[]), None);
        assert_eq!(refused("oci://localhost:5000/mine/a:1", &[]), None);
        assert_eq!(refused("oci://GHCR.IO/harbor/a:1", &["ana", "bo"]), None, "hosts have no case");
        assert!(covers("GHCR.io/harbor/", &"oci://ghcr.io/harbor/a:1".parse().unwrap()));
        assert!(refused("oci://localhost:5000/mines/a:1", &["ana"]).unwrap().contains("names nobody"));
        assert!(refused("oci://ghcr.io.evil.example/a:1", &["ana"]).unwrap().contains("names nobody"));
        let (nobody, at) = (SignedBy::default(), "oci://localhost/a:1".parse().unwrap());
        assert!(TrustConfig::default().refusal(Path::new("/"), &at, &nobody).is_some());
    }

    #[test]
    fn mistakes_are_named_by_their_key() {
        let trust = config(
            "unsigned = ['localhost:5000/mine/', 'localhost:5000/mine:1.0.0']\n[signer.both]\naddress = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'\nkey = 'none.pub'\n\
             [signer.late]\naddress = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'\nuntil = 'soon'\n\
             [[namespace]]\nprefix = 'oci://ghcr.io'\nsigners = ['nobody']\nthreshold = 2\n",
        );
        let keys: Vec<String> = trust.mistakes(Path::new("/")).into_iter().map(|(key, _)| key.join(".")).collect();
        let expected = [
            "signer.both.",
            "signer.both.key",
            "signer.late.until",
            "namespace.0.prefix",
            "namespace.0.signers",
            "namespace.0.threshold",
            "unsigned.1",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_prefix_that_fits_nothing_is_a_mistake() {
        for prefix in ["localhost:5511/harbor/my-rule:1.1.0", "localhost:5511/harbor/*", "ghcr.io/Harbor"] {
            assert!(!is_place(prefix), "{prefix}");
        }
        for prefix in ["localhost:5511", "LOCALHOST:5511/", "ghcr.io/harbor/", "[::1]:5000/a_b/c-d.e"] {
            assert!(is_place(prefix), "{prefix}");
        }
    }

    #[test]
    fn a_signer_whose_time_is_over_or_who_is_revoked_counts_for_nothing() {
        let day = |text: &str| text.parse().unwrap();
        let signer = SignerConfig { until: Some("2026-11-30".into()), ..SignerConfig::default() };
        assert_eq!(signer.over(day("2026-11-30")), None);
        assert!(signer.over(day("2026-12-01")).unwrap().contains("over on 2026-11-30"));
        let revoked = SignerConfig { revoked: true, ..SignerConfig::default() };
        assert_eq!(revoked.over(day("2026-11-30")).unwrap(), "who is revoked");
    }
}
