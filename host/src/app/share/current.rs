//! Whether what is pinned is the newest, and still what its tag names.

use semver::Version;
use serde::Serialize;

use crate::app::config::Sharing;
use crate::share::lock::Pin;
use crate::share::registry::{Credentials, RegistryError, Repository};

/// How a pinned detector stands in its registry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Its id in the config.
    pub id: String,
    /// The version that is pinned.
    pub version: String,
    /// Whether its registry answered.
    pub is_known: bool,
    /// The newest version, if it is newer.
    pub newest: Option<String>,
    /// What is wrong: its tag names other bytes now, it is gone, or the registry can't be asked.
    pub fault: Option<String>,
}

/// Asks the registries of all that is pinned.
pub async fn standings(sharing: &Sharing, credentials: &Credentials) -> Vec<Standing> {
    let mut standings = Vec::new();
    for (id, locked) in &sharing.lock.detector {
        let pin = &locked.pin;
        let (id, version) = (id.clone(), pin.version.clone());
        standings.push(match look(pin, credentials).await {
            Ok((newest, fault)) => Standing { id, version, is_known: true, newest, fault },
            Err(error) => Standing { id, version, is_known: false, newest: None, fault: Some(error.to_string()) },
        });
    }
    standings
}

async fn look(pin: &Pin, credentials: &Credentials) -> Result<(Option<String>, Option<String>), RegistryError> {
    let repository = Repository::open(&pin.reference, credentials).await?;
    let tags = repository.tags().await?;
    let fault = match repository.resolve(&pin.reference.wanted()).await? {
        Some(digest) if digest == pin.manifest => None,
        Some(digest) => Some(format!(
            "`{}` was moved: it was {} when it was pinned on {}, and is {digest} now; what is pinned runs on",
            pin.reference, pin.manifest, pin.taken_at
        )),
        None => Some(format!("`{}` is no longer there; what is pinned runs on", pin.reference)),
    };
    Ok((newest(&tags, &pin.version), fault))
}

/// Returns the newest version among tags that is newer than this one. Early versions count for who has one.
fn newest(tags: &[String], than: &str) -> Option<String> {
    let own = Version::parse(than).ok()?;
    let known = tags.iter().filter_map(|tag| Some((Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()?, tag)));
    let newer = known
        .filter(|(version, _)| version.cmp_precedence(&own).is_gt() && (version.pre.is_empty() || !own.pre.is_empty()));
    newer.max_by(|(a, _), (b, _)| a.cmp_precedence(b)).map(|(_, tag)| tag.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_by_its_number_and_no_early_one() {
        let tags: Vec<String> = ["1.9.0", "1.10.0", "2.0.0-rc.1", "latest", "sha256-ab", "v1.9.5"]
            .iter()
            .map(|tag| (*tag).to_owned())
            .collect();
        let check = |than: &str, expected: Option<&str>| assert_eq!(newest(&tags, than).as_deref(), expected, "{than}");
        check("1.2.0", Some("1.10.0"));
        check("1.10.0", None);
        check("2.0.0-beta", Some("2.0.0-rc.1"));
        check("nightly", None);
    }
}
