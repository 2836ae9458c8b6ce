//! From a registry to what can be judged: the component, what travels with it, who vouches for it. Nothing is run of it but
//! its own description, in the sandbox.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use semver::Version;
use serde::Serialize;

use crate::plugin::{Component, Limits, Manifest, Runtime, describe};
use crate::share::artefact::{CONTENTS_ANNOTATION, MANIFEST, OciManifest, WASM_CONFIG, WASM_LAYER};
use crate::share::digest::Digest;
use crate::share::lock::Pin;
use crate::share::package::{COMPANION, COMPONENT_BYTES, CONTENTS_BYTES, Contents, FILE_BYTES, Listens, Role};
use crate::share::reference::Reference;
use crate::share::registry::{Credentials, Repository};
use crate::share::signature::{Found, Statement, found};
use crate::share::signed_by::SignedBy;
use crate::share::store::Store;
use crate::share::trust::{TrustConfig, Verdict};
use crate::text::line;

/// Largest sum of what travels with a component, bytes.
const COMPANION_BYTES: u64 = 128 << 20;

/// What a registry has under a reference.
pub struct Taken {
    /// Where it was taken from.
    pub reference: Reference,
    /// The artefact's manifest.
    pub manifest: OciManifest,
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub manifest_bytes: u64,
    /// The component.
    pub component: Vec<u8>,
    /// What its publisher says of it; `None` if another client published it.
    pub contents: Option<Contents>,
    /// What travels with it.
    pub files: BTreeMap<Role, Vec<u8>>,
    /// Signatures, not yet checked.
    pub signatures: Vec<Found>,
}

/// What was taken, and what it says of itself.
pub struct Offer {
    /// What was taken.
    pub taken: Taken,
    /// The component, compiled.
    pub component: Component,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What it may use up, by its publisher's word; the defaults if that says nothing.
    pub limits: Limits,
}

/// What people see of an offer before they take it up.
#[derive(Clone, Debug, Serialize)]
pub struct Shown<'a> {
    /// Where it is.
    pub reference: &'a Reference,
    /// Digest of the artefact's manifest.
    pub digest: Digest,
    /// Digest of the component.
    pub component: Digest,
    /// Size of the component.
    pub size_bytes: usize,
    /// What the component says of itself.
    pub manifest: &'a Manifest,
    /// What its publisher says.
    pub contents: Option<&'a Contents>,
    /// Interfaces that it imports.
    pub imports: &'a [String],
    /// When it was made, by its publisher's word.
    pub created: Option<&'a str>,
    /// Signers of `[trust]` whose signatures hold, each with its account or key.
    pub signed_by: &'a BTreeMap<String, String>,
    /// Signatures that count for nothing.
    pub not_counted: &'a [String],
    /// Why it is not trusted.
    pub refusal: Option<&'a str>,
}

/// Takes what a reference names.
///
/// # Errors
///
/// If the registry does not have it, sends other bytes, or it is no detector's artefact.
pub async fn take(reference: &Reference, credentials: &Credentials) -> anyhow::Result<Taken> {
    let repository = Repository::open(reference, credentials).await?;
    let (bytes, digest) = repository.manifest_bytes(&reference.wanted(), MANIFEST).await?;
    let manifest: OciManifest =
        serde_json::from_slice(&bytes).with_context(|| format!("`{reference}` is no manifest of an artefact"))?;
    let manifest_bytes = bytes.len() as u64;
    let component = component_of(&repository, &manifest).await?;
    let (contents, files) = companion(&repository, &manifest, digest).await?;
    let signatures = found(&repository, digest).await?;
    let reference = reference.clone();
    Ok(Taken { reference, manifest, digest, manifest_bytes, component, contents, files, signatures })
}

/// Takes a component alone.
///
/// # Errors
///
/// As [`take`].
pub async fn component_of(repository: &Repository, manifest: &OciManifest) -> anyhow::Result<Vec<u8>> {
    let kind = &manifest.config.media_type;
    ensure!(kind == WASM_CONFIG, "`{}` is no Wasm artefact: its config is `{kind}`", repository.reference());
    let [layer] = manifest.layers.as_slice() else {
        bail!("`{}` has {} layers, and a Wasm artefact has one", repository.reference(), manifest.layers.len());
    };
    let kind = &layer.media_type;
    ensure!(kind == WASM_LAYER, "`{}` is no Wasm artefact: its layer is `{kind}`", repository.reference());
    Ok(repository.blob(layer, COMPONENT_BYTES).await?)
}

/// Finds what travels with an artefact: the companion whose contents the artefact's own manifest names.
pub(super) async fn companion(
    repository: &Repository,
    manifest: &OciManifest,
    digest: Digest,
) -> anyhow::Result<(Option<Contents>, BTreeMap<Role, Vec<u8>>)> {
    let Some(named) = manifest.annotations.get(CONTENTS_ANNOTATION) else { return Ok((None, BTreeMap::new())) };
    let named: Digest = named.parse().map_err(|why: String| anyhow::anyhow!("`{}`: {why}", repository.reference()))?;
    for described in repository.referrers(digest).await? {
        if described.artifact_type.as_deref().is_some_and(|kind| kind != COMPANION) {
            continue;
        }
        let (companion, _) = repository.manifest(&described.digest.to_string()).await?;
        // Anybody who may push may hang something on an artefact: only what the artefact names counts.
        if companion.config.digest != named {
            continue;
        }
        let bytes = repository.blob(&companion.config, CONTENTS_BYTES).await?;
        let contents: Contents = serde_json::from_slice(&bytes)
            .with_context(|| format!("what `{}` says of itself can't be understood", repository.reference()))?;
        ensure!(
            contents.format == 1,
            "`{}` is published in a format that this version does not know",
            repository.reference()
        );
        let sum: u64 = contents.files.values().map(|file| file.size).fold(0, u64::saturating_add);
        ensure!(
            sum <= COMPANION_BYTES,
            "with `{}` travel {sum} bytes, and {COMPANION_BYTES} are taken",
            repository.reference()
        );
        let mut files = BTreeMap::new();
        for (role, file) in &contents.files {
            files.insert(*role, repository.blob(file, FILE_BYTES).await?);
        }
        return Ok((Some(contents), files));
    }
    bail!(
        "what travels with `{}` is not in the registry; copy it with what belongs to it, or ask its publisher",
        repository.reference()
    )
}

impl Taken {
    /// Compiles the component, and asks it what it is.
    ///
    /// # Errors
    ///
    /// If it is no detector, or calls itself otherwise than it is published.
    pub fn offer(self, runtime: &Runtime) -> anyhow::Result<Offer> {
        let limits = Limits::default();
        let component = runtime.compile(&self.component, &limits).with_context(|| self.reference.to_string())?;
        let manifest = describe(&component, &limits).with_context(|| self.reference.to_string())?;
        let published = self.contents.iter().map(|contents| (contents.name.as_str(), contents.version.as_str()));
        let annotated =
            self.manifest.said("title").zip(self.manifest.said("version")).filter(|_| self.contents.is_some());
        for (name, version) in published.chain(annotated) {
            let same = (name, version) == (manifest.name.as_str(), manifest.version.as_str());
            ensure!(
                same,
                "`{}` is published as {} {}, and calls itself {} {}",
                self.reference,
                line(name, 120),
                line(version, 120),
                manifest.name,
                manifest.version
            );
        }
        if let Some(written) = self.files.get(&Role::Manifest) {
            let own = serde_json::to_value(&manifest).with_context(|| self.reference.to_string())?;
            let written: serde_json::Value = serde_json::from_slice(written)
                .with_context(|| format!("`{}`: what travels as `manifest.json` is no JSON", self.reference))?;
            let differs = ["name", "version", "capabilities", "finding_kinds", "config_schema"];
            if let Some(key) = differs.into_iter().find(|key| written.get(key) != own.get(key)) {
                bail!("`{}`: `{key}` of its manifest.json is not what the component says of itself", self.reference);
            }
        }
        let stated = self.contents.as_ref().map(|contents| Limits::stated(&contents.said.limits)).transpose();
        let stated = stated.map_err(|why| anyhow::anyhow!("`{}`: the limits that it states: {why}", self.reference))?;
        Ok(Offer { taken: self, component, manifest, limits: stated.unwrap_or(limits) })
    }
}

impl Offer {
    /// Returns what an account signs that vouches for it.
    pub fn statement(&self) -> Statement {
        let (name, version) = (self.manifest.name.clone(), self.manifest.version.clone());
        Statement { digest: self.taken.digest, name, version }
    }

    /// Returns why a tag that is a version does not name what it is. Signers vouch for name and version, and a registry may
    /// hang an old version under a new tag without any of them.
    pub fn misnamed(&self) -> Option<String> {
        let (reference, manifest) = (&self.taken.reference, &self.manifest);
        is_misnamed(reference.tag.as_deref()?, &manifest.version).then(|| {
            format!(
                "`{reference}` is {} {}: whoever signs it calls it so, and the registry has it under another version",
                manifest.name, manifest.version
            )
        })
    }

    /// Returns the limits that its publisher states, by key.
    pub fn stated_limits(&self) -> BTreeMap<String, u64> {
        self.taken.contents.as_ref().map(|contents| contents.said.limits.clone()).unwrap_or_default()
    }

    /// Keeps what is of use once it is pinned: the response pack and the score, if they travel with it.
    ///
    /// # Errors
    ///
    /// If the store can't be written.
    pub fn keep(&self, store: &Store) -> anyhow::Result<()> {
        let mut kept = [Role::Response, Role::Score].into_iter().filter_map(|role| self.taken.files.get(&role));
        kept.try_for_each(|bytes| store.put(bytes).map(drop))
    }

    /// Checks who vouches for it.
    pub async fn judge(&self, trust: &TrustConfig, folder: &Path, now: Timestamp) -> Verdict {
        let today = TimeZone::UTC.to_datetime(now).date();
        trust.check(folder, &self.taken.reference, &self.statement(), &self.taken.signatures, today).await
    }

    /// Returns what a lock keeps of it.
    pub fn pin(&self, verdict: &Verdict, now: Timestamp) -> Pin {
        let kinds = self.manifest.finding_kinds.iter();
        Pin {
            reference: self.taken.reference.clone(),
            manifest: self.taken.digest,
            component: Digest(self.component.digest()),
            size_bytes: self.taken.component.len() as u64,
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            capabilities: self.manifest.capabilities.clone(),
            config_schema: Digest::of(self.manifest.config_schema.as_bytes()),
            signed_by: SignedBy::Known(verdict.signers.clone()),
            taken_at: now.to_string(),
            kinds: kinds.map(|kind| (kind.id.clone(), kind.default_severity.to_string())).collect(),
            response: self.taken.files.get(&Role::Response).map(|pack| Digest::of(pack)),
            score: self.taken.files.get(&Role::Score).map(|score| Digest::of(score)),
            limits: self.stated_limits(),
            listens: by_kind(self.listens()),
        }
    }

    /// Returns the findings of others that it listens to, by its publisher's word.
    pub fn listens(&self) -> &[Listens] {
        self.taken.contents.as_ref().map(|contents| contents.said.listens.as_slice()).unwrap_or_default()
    }

    /// Returns what people see of it.
    pub fn shown<'a>(&'a self, verdict: &'a Verdict) -> Shown<'a> {
        Shown {
            reference: &self.taken.reference,
            digest: self.taken.digest,
            component: Digest(self.component.digest()),
            size_bytes: self.taken.component.len(),
            manifest: &self.manifest,
            contents: self.taken.contents.as_ref(),
            imports: self.component.imports(),
            created: self.taken.manifest.said("created"),
            signed_by: &verdict.signers,
            not_counted: &verdict.others,
            refusal: verdict.refusal.as_ref().map(|refusal| refusal.why.as_str()),
        }
    }
}

/// Returns the kinds that a detector listens to, each with the names of the detectors that must make it; none for any.
fn by_kind(listens: &[Listens]) -> BTreeMap<String, String> {
    let mut kinds = BTreeMap::<String, String>::new();
    for one in listens {
        let names = kinds.entry(one.kind.clone()).or_default();
        if let Some(name) = &one.detector {
            let between = if names.is_empty() { "" } else { ", " };
            names.push_str(&format!("{between}{name}"));
        }
    }
    kinds
}

/// True when a tag is a version, and another one than this.
fn is_misnamed(tag: &str, version: &str) -> bool {
    let Ok(tag) = Version::parse(tag.strip_prefix('v').unwrap_or(tag)) else { return false };
    Version::parse(version).map_or(true, |version| version.cmp_precedence(&tag).is_ne())
}

#[cfg(test)]
mod tests {
    use super::{Listens, by_kind, is_misnamed};

    #[test]
    fn one_kind_may_be_needed_of_several_detectors() {
        let of =
            |kind: &str, detector: Option<&str>| Listens { kind: kind.into(), detector: detector.map(str::to_owned) };
        let kinds = by_kind(&[of("a", Some("x")), of("b", None), of("a", Some("y"))]);
        assert_eq!((kinds["a"].as_str(), kinds["b"].as_str()), ("x, y", ""));
    }

    #[test]
    fn a_tag_that_is_a_version_names_that_version() {
        for (tag, version) in [("3.0.0", "1.0.0"), ("v1.0.1", "1.0.0"), ("1.0.0", "1.0.0-rc.1"), ("1.0.0", "nightly")] {
            assert!(is_misnamed(tag, version), "{tag} of {version}");
        }
        for (tag, version) in
            [("1.0.0", "1.0.0"), ("v1.0.0", "1.0.0"), ("1.0.0", "1.0.0+a"), ("latest", "1.0.0"), ("1.0", "1.0.0")]
        {
            assert!(!is_misnamed(tag, version), "{tag} of {version}");
        }
    }
}
