//! Who signed what is pinned: the account or the key itself, beside the name that the operator has for it. A name in `[trust]`
//! may come to stand for somebody else; who signed stays who it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::reference::Reference;
use super::trust::TrustConfig;

/// Who signed, of those who were trusted then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected `{ NAME = \"ADDRESS\" }`, with the address of the account or the fingerprint of the key"
)]
pub enum SignedBy {
    /// Names in `[trust]`, each with the address of the account or the fingerprint of the key.
    Known(BTreeMap<String, String>),
    /// Names alone, as older versions wrote them.
    Named(Vec<String>),
}

impl Default for SignedBy {
    fn default() -> Self {
        Self::Known(BTreeMap::new())
    }
}

impl SignedBy {
    /// True when names stand there, and not who that is.
    pub fn is_by_name(&self) -> bool {
        matches!(self, Self::Named(names) if !names.is_empty())
    }
}

/// Why something is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub why: String,
    /// The key below `trust` that asks for more.
    pub key: Vec<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl TrustConfig {
    /// Returns why those who signed what is pinned are not enough for its place by now; `None` if they are. Whoever signed is
    /// known by account or key: another one under the same name has signed nothing.
    pub fn refusal(&self, folder: &Path, reference: &Reference, signed_by: &SignedBy) -> Option<Refusal> {
        let (mut good, mut others) = (BTreeSet::new(), Vec::new());
        match signed_by {
            SignedBy::Named(names) if names.is_empty() => {}
            SignedBy::Named(names) => others.push(format!(
                "watchfire.lock names {} and not the account or key that signed, as older versions wrote it: `watchfire plugin \
                 fetch` asks the registry who signed, and pins that",
                quoted(names)
            )),
            SignedBy::Known(known) => {
                for (name, identity) in known {
                    match self.holder(folder, name, identity) {
                        Ok(holder) => {
                            good.insert(holder);
                        }
                        Err(why) => others.push(why),
                    }
                }
            }
        }
        self.lacking(reference, &good, &others)
    }

    /// Returns the name that an account or a key has by now, or why it counts for nothing.
    fn holder(&self, folder: &Path, name: &str, identity: &str) -> Result<String, String> {
        let is_own = |own: Option<String>| own.is_some_and(|own| own.eq_ignore_ascii_case(identity));
        let holders: Vec<_> = self.signer.iter().filter(|(_, signer)| is_own(signer.identity(folder))).collect();
        if let Some((holder, _)) = holders.iter().find(|(_, signer)| signer.revoked) {
            return Err(format!("signed by `{holder}` ({identity}), who is revoked"));
        }
        if let Some((holder, _)) = holders.first() {
            return Ok((*holder).clone());
        }
        Err(match self.signer.get(name).and_then(|signer| signer.identity(folder)) {
            Some(now) => format!("signed by {identity} when that was `{name}`, who is {now} in `[trust]` now"),
            None => format!("signed by {identity}, who was `{name}` and is no more in `[trust]`"),
        })
    }

    /// Returns why these signers are not enough for what is at a place; `None` if they are. `others` says which signatures
    /// count for nothing.
    pub(super) fn lacking(
        &self,
        reference: &Reference,
        signers: &BTreeSet<String>,
        others: &[String],
    ) -> Option<Refusal> {
        if self.takes_unsigned(reference) {
            return None;
        }
        let Some((at, namespace)) = self.namespace(reference) else {
            let why = format!("`[trust]` names nobody for {}", reference.place());
            return Some(Refusal { why, key: vec!["namespace".to_owned()] });
        };
        let good: Vec<&String> = signers.iter().filter(|name| namespace.signers.contains(name)).collect();
        if good.len() >= namespace.threshold {
            return None;
        }
        let by = match (good.is_empty(), others.is_empty()) {
            (false, _) => quoted(good),
            (true, true) => "nobody".to_owned(),
            (true, false) => "nobody who counts".to_owned(),
        };
        let (wanted, of) = (namespace.threshold, quoted(&namespace.signers));
        let beside = if others.is_empty() { String::new() } else { format!(" ({})", others.join("; ")) };
        let why =
            format!("it is signed by {by}, and `[trust]` wants {wanted} of {of} for {}{beside}", namespace.prefix);
        Some(Refusal { why, key: vec!["namespace".to_owned(), at.to_string(), "signers".to_owned()] })
    }
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    const BO: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";

    fn check(trust: &str, signed_by: &SignedBy, expected: Option<&str>) {
        let rest = "[[namespace]]\nprefix = 'ghcr.io/harbor/'\nsigners = ['harbor', 'other']\n";
        let trust: TrustConfig = toml::from_str(&format!("{trust}{rest}")).unwrap();
        let refusal = trust.refusal(Path::new("/"), &"oci://ghcr.io/harbor/a:1".parse().unwrap(), signed_by);
        match expected {
            None => assert_eq!(refusal, None),
            Some(why) => {
                let refusal = refusal.unwrap_or_else(|| panic!("not refused: {why}"));
                assert!(refusal.why.contains(why), "{why}: {refusal}");
                assert_eq!(refusal.key, ["namespace", "0", "signers"]);
            }
        }
    }

    fn by_ana() -> SignedBy {
        SignedBy::Known(BTreeMap::from([("harbor".to_owned(), ANA.to_lowercase())]))
    }

    #[test]
    fn a_key_that_was_replaced_under_its_name_vouches_for_nothing() {
        let other = "[signer.other]\naddress = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'\n";
        let harbor = |address: &str, more: &str| format!("{other}[signer.harbor]\naddress = '{address}'\n{more}");
        check(&harbor(ANA, ""), &by_ana(), None);
        check(&harbor(BO, ""), &by_ana(), Some(&format!("when that was `harbor`, who is {BO} in `[trust]` now")));
        check(&harbor(ANA, "revoked = true\n"), &by_ana(), Some("), who is revoked"));
        let gone = "[signer.other]\naddress = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'\n[signer.harbor]\nkey = 'none.pub'\n";
        check(gone, &by_ana(), Some("who was `harbor` and is no more in `[trust]`"));
        // Under another name it is the same account.
        check(&format!("[signer.other]\naddress = '{ANA}'\n[signer.harbor]\naddress = '{BO}'\n"), &by_ana(), None);
    }

    #[test]
    fn names_alone_are_read_and_say_how_they_are_mended() {
        #[derive(Deserialize)]
        struct Lock {
            signed_by: SignedBy,
        }
        let read = |text: &str| toml::from_str::<Lock>(text).map(|lock| lock.signed_by);
        let named = read("signed_by = ['harbor']").unwrap();
        assert!(named.is_by_name() && !read("signed_by = []").unwrap().is_by_name());
        assert_eq!(read(&format!("signed_by = {{ harbor = '{}' }}", ANA.to_lowercase())).unwrap(), by_ana());
        assert!(read("signed_by = 5").unwrap_err().to_string().contains("the fingerprint of the key"));
        let harbor = format!("[signer.harbor]\naddress = '{ANA}'\n[signer.other]\naddress = '{BO}'\n");
        check(&harbor, &named, Some("`watchfire plugin fetch` asks the registry who signed"));
        check(&harbor, &SignedBy::default(), Some("signed by nobody, and `[trust]` wants 1 of"));
    }
}
