//! What is written to a repository.

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode, Url};

use super::pull::referrers_tag;
use super::{Doing, RegistryError, Repository};
use crate::share::artefact::{Descriptor, INDEX, MANIFEST, OciIndex, OciManifest};
use crate::share::digest::Digest;

/// How often an upload is begun again that broke off.
const UPLOADS: u32 = 3;

impl Repository {
    /// Uploads bytes, unless the registry has them. Returns their descriptor.
    ///
    /// # Errors
    ///
    /// If the registry does not take them.
    pub async fn put_blob(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor, RegistryError> {
        let described = Descriptor::of(media_type, bytes);
        let what = format!("layer {} of `{}`", described.digest.short(), self.reference.repository);
        let url = self.url(&format!("blobs/{}", described.digest));
        let asked = self.send(Doing::Push, &what, || self.client.request(Method::HEAD, url.clone())).await;
        match asked {
            Ok(_) => return Ok(described),
            Err(RegistryError::Missing { .. }) => {}
            // Some say so to whoever may not read yet may write.
            Err(RegistryError::Status { status: 405, .. }) => {}
            Err(error) => return Err(error),
        }
        let mut attempt = 1;
        loop {
            match self.upload(&described, bytes, &what).await {
                Ok(()) => return Ok(described),
                // An upload's place is gone after a failure: a new one is asked for.
                Err(error @ (RegistryError::Unreachable { .. } | RegistryError::Missing { .. }))
                    if attempt < UPLOADS =>
                {
                    tracing::warn!("the upload broke off, and is begun again: {error}");
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn upload(&self, described: &Descriptor, bytes: &[u8], what: &str) -> Result<(), RegistryError> {
        let begin = self.url("blobs/uploads/");
        let answer = self.send(Doing::Push, what, || self.client.post(begin.clone())).await?;
        let location = answer.headers().get(LOCATION).and_then(|header| header.to_str().ok());
        let place = location.and_then(|location| begin.join(location).ok());
        let mut place = place.ok_or_else(|| self.wrong("it names no place for an upload".to_owned()))?;
        if !is_same_server(&place, &self.base) {
            return Err(self.wrong("it wants an upload on another server, which is told no credentials".to_owned()));
        }
        place.query_pairs_mut().append_pair("digest", &described.digest.to_string());
        let put = || {
            let request = self.client.put(place.clone());
            request.header(CONTENT_TYPE, "application/octet-stream").body(bytes.to_vec())
        };
        let answer = self.send(Doing::Push, what, put).await?;
        match answer.status() {
            StatusCode::CREATED => Ok(()),
            status => Err(self.wrong(format!("it answered {status} to an upload, and should say 201"))),
        }
    }

    /// Writes a manifest under a tag, or under its own digest. Returns its descriptor. Where it belongs to another manifest,
    /// it is listed with that one.
    ///
    /// # Errors
    ///
    /// If the registry does not take it.
    pub async fn put_manifest(&self, tag: Option<&str>, manifest: &OciManifest) -> Result<Descriptor, RegistryError> {
        let bytes = manifest.bytes();
        let mut described = Descriptor::of(MANIFEST, &bytes);
        let name = tag.map_or_else(|| described.digest.to_string(), str::to_owned);
        let listed = self.put_named(&name, MANIFEST, &bytes).await?;
        described.artifact_type = Some(manifest.type_of().to_owned());
        described.annotations.clone_from(&manifest.annotations);
        if let Some(subject) = &manifest.subject
            && !listed
        {
            self.list(subject.digest, &described).await?;
        }
        Ok(described)
    }

    /// Returns whether the registry lists what belongs to a manifest by itself.
    async fn put_named(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<bool, RegistryError> {
        let what = format!("manifest `{}:{name}`", self.reference.repository);
        let url = self.url(&format!("manifests/{name}"));
        let put = || self.client.put(url.clone()).header(CONTENT_TYPE, media_type).body(bytes.to_vec());
        let answer = self.send(Doing::Push, &what, put).await?;
        if let Some(kept) = answer.headers().get("docker-content-digest").and_then(|header| header.to_str().ok()) {
            let (expected, found) = (Digest::of(bytes), kept.parse::<Digest>());
            if let Some(found) = found.ok().filter(|found| *found != expected) {
                return Err(RegistryError::OtherBytes { registry: self.name(), what, expected, found });
            }
        }
        Ok(answer.headers().contains_key("oci-subject"))
    }

    /// Lists a manifest under the tag that stands for what belongs to another.
    async fn list(&self, subject: Digest, described: &Descriptor) -> Result<(), RegistryError> {
        let mut index = OciIndex { manifests: self.referrers(subject).await?, ..OciIndex::default() };
        if index.manifests.iter().any(|known| known.digest == described.digest) {
            return Ok(());
        }
        index.manifests.push(described.clone());
        let bytes = serde_json::to_vec(&index).map_err(|error| self.wrong(error.to_string()))?;
        self.put_named(&referrers_tag(subject), INDEX, &bytes).await.map(drop)
    }
}

fn is_same_server(a: &Url, b: &Url) -> bool {
    (a.scheme(), a.host_str(), a.port_or_known_default()) == (b.scheme(), b.host_str(), b.port_or_known_default())
}
