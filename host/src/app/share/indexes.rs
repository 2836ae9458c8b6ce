//! Indexes that a config names: read from a folder or a registry, checked, and kept, so that what is known against a detector
//! is known without a network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::app::config::{Config, Sharing};
use crate::event::Coverage;
use crate::finding::Severity;
use crate::share::artefact::{EMPTY, OciManifest};
use crate::share::digest::Digest;
use crate::share::index::{Advisory, FILE, INDEX_BYTES, INDEX_TYPE, Index, Kind};
use crate::share::lock::Lock;
use crate::share::reference::Reference;
use crate::share::registry::{Credentials, Repository};
use crate::share::signature::{Statement, found};
use crate::text::line;
use crate::whole_file;

/// An index that was read.
#[derive(Clone, Debug)]
pub struct Known {
    /// Where it is, as the config names it.
    pub source: String,
    /// What it lists.
    pub index: Index,
    /// Why an older copy had to do; `None` if it is what its source has now.
    pub kept_since: Option<String>,
    /// When its registry was last asked for it and had it; `None` for a folder, and where that was not noted.
    pub taken_at: Option<Timestamp>,
}

/// What is known against a pinned detector.
#[derive(Clone, Debug, Serialize)]
pub struct Against {
    /// Its id in the config.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The index that says so.
    pub index: String,
    /// What it says.
    pub advisory: Advisory,
}

/// Returns what an account signs that vouches for an index.
pub fn statement(digest: Digest, index: &Index) -> Statement {
    Statement { digest, name: "index".to_owned(), version: index.version.clone() }
}

/// Publishes an index. Returns the digest of its manifest, and whether it says when it was updated.
///
/// # Errors
///
/// If the file can't be read, is no index, or the registry does not take it.
pub async fn publish(file: &Path, reference: &Reference, credentials: &Credentials) -> anyhow::Result<(Digest, bool)> {
    let text = std::fs::read_to_string(file).with_context(|| format!("`{}` can't be read", file.display()))?;
    let index = Index::parse(&text).map_err(|why| anyhow::anyhow!("{}: {why}", file.display()))?;
    let repository = Repository::open(reference, credentials).await?;
    let layer = repository.put_blob(INDEX_TYPE, text.as_bytes()).await?;
    let config = repository.put_blob(EMPTY, b"{}").await?;
    let mut manifest = OciManifest::new(config, vec![layer]);
    manifest.artifact_type = Some(INDEX_TYPE.to_owned());
    manifest.annotations.insert("org.opencontainers.image.version".to_owned(), index.version.clone());
    let digest = repository.put_manifest(Some(&reference.wanted()), &manifest).await?.digest;
    Ok((digest, index.updated.is_some()))
}

/// Takes an index from a registry.
///
/// # Errors
///
/// If the registry does not have it, or it is none.
pub async fn take(repository: &Repository) -> anyhow::Result<(Index, String, Digest, OciManifest)> {
    let reference = repository.reference();
    let (manifest, digest) = repository.manifest(&reference.wanted()).await?;
    ensure!(manifest.artifact_type.as_deref() == Some(INDEX_TYPE), "`{reference}` is no index of detectors");
    let [layer] = manifest.layers.as_slice() else {
        bail!("`{reference}` is no index: it has {} layers", manifest.layers.len())
    };
    let text = String::from_utf8(repository.blob(layer, INDEX_BYTES).await?).context("an index is text")?;
    let index = Index::parse(&text).map_err(|why| anyhow::anyhow!("`{reference}`: {why}"))?;
    Ok((index, text, digest, manifest))
}

impl Sharing {
    /// Reads the indexes that the config names; one whose registry can't be asked, or does not have a newer one that is
    /// trusted, as it was kept. Without `ask`, as all were kept. Returns each, or why there is none.
    pub async fn indexes(&self, credentials: &Credentials, ask: bool) -> Vec<Result<Known, String>> {
        let mut known = Vec::new();
        for source in &self.trust.index {
            known.push(self.index(source, credentials, ask).await.map_err(|error| format!("{source}: {error:#}")));
        }
        known
    }

    async fn index(&self, source: &str, credentials: &Credentials, ask: bool) -> anyhow::Result<Known> {
        if !Reference::is_meant(source) {
            return of_folder(&self.folder, source);
        }
        let kept = self.folder.join(&self.trust.store).join(kept_name(source));
        if !ask {
            return of_copy(source, &kept, "no registry was asked".to_owned());
        }
        match self.ask(source, credentials).await {
            Ok((index, text)) => {
                let known = of_copy(source, &kept, String::new()).ok();
                if let Some(known) = known.filter(|known| index.is_before(&known.index)) {
                    let (now, was) = (line(&index.version, 64), line(&known.index.version, 64));
                    let why = format!(
                        "its registry has version {now} now, and {was} was there before; an older one is not taken"
                    );
                    return Ok(Known { kept_since: Some(why), ..known });
                }
                if let Some(folder) = kept.parent() {
                    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
                }
                whole_file::replace(&kept, text.as_bytes(), 0o644).with_context(|| kept.display().to_string())?;
                let (now, noted) = (Timestamp::now(), noted(&kept));
                whole_file::replace(&noted, now.to_string().as_bytes(), 0o644)
                    .with_context(|| noted.display().to_string())?;
                Ok(Known { source: source.to_owned(), index, kept_since: None, taken_at: Some(now) })
            }
            Err(error) if kept.is_file() => of_copy(source, &kept, format!("{error:#}")),
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, source: &str, credentials: &Credentials) -> anyhow::Result<(Index, String)> {
        let reference: Reference = source.parse().map_err(|why: String| anyhow::anyhow!(why))?;
        let repository = Repository::open(&reference, credentials).await?;
        let (index, text, digest, _) = take(&repository).await?;
        let signatures = found(&repository, digest).await?;
        let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
        let statement = statement(digest, &index);
        let verdict = self.trust.check(&self.folder, &reference, &statement, &signatures, today).await;
        match verdict.refusal {
            None => Ok((index, text)),
            Some(why) => bail!("it is not taken: {why}"),
        }
    }

    /// Returns what indexes know against what is pinned. `versions` has what components say that they are, by id; what is not
    /// among them is judged by the lock.
    pub fn against(&self, indexes: &[Known], versions: &BTreeMap<String, String>) -> Vec<Against> {
        against(&self.lock, indexes, versions)
    }
}

fn against(lock: &Lock, indexes: &[Known], versions: &BTreeMap<String, String>) -> Vec<Against> {
    let mut all = Vec::new();
    for (id, locked) in &lock.detector {
        let pin = &locked.pin;
        let version = versions.get(id).unwrap_or(&pin.version);
        for known in indexes {
            for advisory in known.index.against(&pin.reference.place(), version, pin.component) {
                let (version, index) = (version.clone(), known.source.clone());
                all.push(Against { id: id.clone(), version, index, advisory: advisory.clone() });
            }
        }
    }
    all
}

/// Returns what is known against the detectors of a running host, as coverage findings, by the indexes as they were kept; and
/// which of these are too old to go by. `versions` has what those that run say that they are, by id.
pub fn coverage(config: &Config, versions: &BTreeMap<String, String>, now: Timestamp) -> Vec<Coverage> {
    let folder = config.folder();
    let known = config.trust.index.iter().filter_map(|source| {
        let read = match Reference::is_meant(source) {
            true => of_copy(source, &folder.join(&config.trust.store).join(kept_name(source)), String::new()),
            false => of_folder(&folder, source),
        };
        read.map_err(|error| tracing::debug!("index {source}: {error:#}")).ok()
    });
    let known: Vec<Known> = known.collect();
    let pinned =
        against(&config.lock, &known, versions).into_iter().filter(|found| config.detectors.contains_key(&found.id));
    let old = known.iter().filter_map(|known| {
        let why = known.too_old(now, config.trust.index_max_age_days)?;
        Some(Coverage {
            chain: None,
            kind: "index-old".to_owned(),
            subject: format!("index/{}", line(&known.source, 300)),
            severity: Severity::Low,
            message: format!("what is known against detectors may be missed, by the index {}: {why}", known.source),
            over: false,
        })
    });
    pinned
        .map(|found| Coverage {
            chain: None,
            kind: "detector-advisory".to_owned(),
            subject: format!("registry/{}/{}", found.id, line(&found.advisory.id, 120)),
            severity: match found.advisory.kind {
                Kind::Vulnerable => Severity::High,
                Kind::Yanked => Severity::Medium,
                Kind::Superseded => Severity::Low,
            },
            message: format!("`{}` {} runs: {}", found.id, found.version, found.advisory.line()),
            over: false,
        })
        .chain(old)
        .collect()
}

/// Returns the files that [`coverage`] reads.
pub fn files(config: &Config) -> Vec<PathBuf> {
    let (folder, store) = (config.folder(), config.folder().join(&config.trust.store));
    let file = |source: &String| match Reference::is_meant(source) {
        true => store.join(kept_name(source)),
        false => folder.join(source).join(FILE),
    };
    config.trust.index.iter().map(file).collect()
}

fn of_folder(base: &Path, source: &str) -> anyhow::Result<Known> {
    let path = base.join(source).join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("`{}` can't be read", path.display()))?;
    let index = Index::parse(&text).map_err(|why| anyhow::anyhow!("`{}`: {why}", path.display()))?;
    Ok(Known { source: source.to_owned(), index, kept_since: None, taken_at: None })
}

fn of_copy(source: &str, kept: &Path, why: String) -> anyhow::Result<Known> {
    let text = std::fs::read_to_string(kept).with_context(|| format!("no copy of it was kept ({why})"))?;
    let index = Index::parse(&text).map_err(|why| anyhow::anyhow!("`{}`: {why}", kept.display()))?;
    // A copy of before is not known to be new.
    let taken_at = std::fs::read_to_string(noted(kept)).ok().and_then(|said| said.trim().parse().ok());
    Ok(Known { source: source.to_owned(), index, kept_since: Some(why), taken_at })
}

/// Where it is noted when a copy was taken.
fn noted(kept: &Path) -> PathBuf {
    kept.with_extension("taken")
}

fn kept_name(source: &str) -> String {
    format!("index/{}.toml", Digest::of(source.as_bytes()).hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::lock::{Pin, sample};

    #[test]
    fn a_component_is_judged_by_what_it_says_and_not_by_the_lock() {
        let text = "format = 1\nversion = \"1\"\n[[advisory]]\nid = \"H-1\"\ndetector = \"localhost:5000/harbor/outflow\"\nversions = \
                    \"<1.2.0\"\nkind = \"vulnerable\"\nsummary = \"blind\"\n";
        let index = Index::parse(text).unwrap();
        let known = [Known { source: "ours".into(), index, kept_since: None, taken_at: None }];
        let mut lock = Lock::default();
        let pin = Pin { version: "9.0.0".into(), ..sample::pin() };
        lock.pin("outflow", pin);
        let said = BTreeMap::from([("outflow".to_owned(), "1.1.0-rc.1".to_owned())]);
        let found = against(&lock, &known, &said);
        assert_eq!((found.len(), found[0].version.as_str()), (1, "1.1.0-rc.1"));
        assert_eq!(against(&lock, &known, &BTreeMap::new()).len(), 0, "what can't be asked is judged by the lock");
    }
}
