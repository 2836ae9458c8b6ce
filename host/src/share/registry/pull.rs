//! What is read from a repository.

use reqwest::header::ACCEPT;
use serde::Deserialize;

use super::{Doing, RegistryError, Repository, read};
use crate::share::artefact::{Descriptor, INDEX, MANIFEST, MANIFEST_BYTES, OciIndex, OciManifest};
use crate::share::digest::Digest;

/// Most versions that are listed.
const TAGS_AT_MOST: usize = 10_000;

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Repository {
    /// Returns the manifest that a tag or a digest names, and its own digest. Where a digest was named, the manifest has it.
    ///
    /// # Errors
    ///
    /// If the registry has none, sends another one, or one that is no manifest.
    pub async fn manifest(&self, wanted: &str) -> Result<(OciManifest, Digest), RegistryError> {
        let (bytes, digest) = self.manifest_bytes(wanted, MANIFEST).await?;
        let manifest = serde_json::from_slice(&bytes);
        let manifest =
            manifest.map_err(|error| self.wrong(format!("`{wanted}` is no manifest of an artefact: {error}")))?;
        Ok((manifest, digest))
    }

    /// Returns the bytes of what a tag or a digest names, and their digest.
    ///
    /// # Errors
    ///
    /// If the registry has none, or sends others.
    pub async fn manifest_bytes(&self, wanted: &str, accept: &str) -> Result<(Vec<u8>, Digest), RegistryError> {
        let what = format!("manifest `{}:{wanted}`", self.reference.repository);
        let url = self.url(&format!("manifests/{wanted}"));
        let answer = self.send(Doing::Pull, &what, || self.get(url.clone()).header(ACCEPT, accept)).await?;
        let bytes = read(answer, MANIFEST_BYTES, &self.name(), &what).await?;
        let found = Digest::of(&bytes);
        if let Ok(expected) = wanted.parse::<Digest>() {
            self.expect(expected, found, &what)?;
        }
        Ok((bytes, found))
    }

    /// Returns the digest of the manifest that a tag or a digest names; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the registry can't be asked.
    pub async fn resolve(&self, wanted: &str) -> Result<Option<Digest>, RegistryError> {
        match self.manifest_bytes(wanted, MANIFEST).await {
            Ok((_, digest)) => Ok(Some(digest)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns bytes by their descriptor: as many as it says, no more than `limit`, of its digest.
    ///
    /// # Errors
    ///
    /// If the registry has none, sends others, or more than is allowed.
    pub async fn blob(&self, described: &Descriptor, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let what = format!("layer {} of `{}`", described.digest.short(), self.reference.repository);
        if described.size > limit {
            return Err(RegistryError::TooLarge { registry: self.name(), what, limit });
        }
        let url = self.url(&format!("blobs/{}", described.digest));
        let answer = self.send(Doing::Pull, &what, || self.get(url.clone())).await?;
        let bytes = read(answer, described.size, &self.name(), &what).await?;
        self.expect(described.digest, Digest::of(&bytes), &what)?;
        Ok(bytes)
    }

    /// Returns the versions of the repository, in the registry's order.
    ///
    /// # Errors
    ///
    /// If the registry can't be asked.
    pub async fn tags(&self) -> Result<Vec<String>, RegistryError> {
        let what = format!("list of versions of `{}`", self.reference.repository);
        let mut url = self.url("tags/list");
        url.set_query(Some(&format!("n={TAGS_AT_MOST}")));
        let answer = self.send(Doing::Pull, &what, || self.get(url.clone())).await?;
        let bytes = read(answer, MANIFEST_BYTES, &self.name(), &what).await?;
        let tags: Tags = serde_json::from_slice(&bytes).map_err(|_| self.wrong(format!("its {what} is no JSON")))?;
        Ok(tags.tags.unwrap_or_default().into_iter().take(TAGS_AT_MOST).collect())
    }

    /// Returns what says of itself that it belongs to a manifest, by the API for it or, where the registry has none, by the
    /// tag that stands for it.
    ///
    /// # Errors
    ///
    /// If the registry can't be asked, or answers no list.
    pub async fn referrers(&self, of: Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let what = format!("list of what belongs to {}", of.short());
        let url = self.url(&format!("referrers/{of}"));
        let asked = self.send(Doing::Pull, &what, || self.get(url.clone()).header(ACCEPT, INDEX)).await;
        let bytes = match asked {
            Ok(answer) => read(answer, MANIFEST_BYTES, &self.name(), &what).await?,
            // Registries before 1.1 know no such path.
            Err(RegistryError::Missing { .. } | RegistryError::Status { status: 400..=499, .. }) => {
                match self.manifest_bytes(&referrers_tag(of), INDEX).await {
                    Ok((bytes, _)) => bytes,
                    Err(error) if error.is_missing() => return Ok(Vec::new()),
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let index: OciIndex =
            serde_json::from_slice(&bytes).map_err(|_| self.wrong(format!("its {what} is no list")))?;
        Ok(index.manifests)
    }

    fn expect(&self, expected: Digest, found: Digest, what: &str) -> Result<(), RegistryError> {
        match expected == found {
            true => Ok(()),
            false => Err(RegistryError::OtherBytes { registry: self.name(), what: what.to_owned(), expected, found }),
        }
    }
}

/// Returns the tag under which a registry without the API lists what belongs to a manifest.
pub(super) fn referrers_tag(of: Digest) -> String {
    format!("sha256-{}", of.hex())
}
