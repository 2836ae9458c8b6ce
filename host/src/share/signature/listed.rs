//! Where a registry keeps signatures: an account's belongs to the manifest as a referrer, a cosign key's stands under cosign's
//! own tag.

use alloy::primitives::{Address, Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Found;
use crate::share::artefact::{Descriptor, EMPTY, MANIFEST, OciManifest};
use crate::share::digest::Digest;
use crate::share::registry::{RegistryError, Repository};

/// Artefact type and layer of an account's signature.
const ETHEREUM: &str = "application/vnd.watchfire.signature.eip712.v1+json";
/// Layer of a cosign signature.
const COSIGN: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Config of the manifest that holds cosign signatures.
const COSIGN_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Where a layer of cosign has its signature.
const COSIGN_SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// Largest signature, bytes.
const BYTES_AT_MOST: u64 = 64 << 10;
/// Most signatures that are looked at.
const SIGNATURES_AT_MOST: usize = 64;

#[derive(Serialize, Deserialize)]
struct Written {
    account: Address,
    signature: Bytes,
}

/// Attaches an account's signature to a manifest.
///
/// # Errors
///
/// If the registry does not take it.
pub async fn attach_ethereum(
    repository: &Repository,
    subject: &Descriptor,
    account: Address,
    signature: &[u8],
) -> Result<Digest, RegistryError> {
    let written = Written { account, signature: Bytes::copy_from_slice(signature) };
    let bytes = serde_json::to_vec(&written).map_err(|error| malformed(repository, error))?;
    let layer = repository.put_blob(ETHEREUM, &bytes).await?;
    let config = repository.put_blob(EMPTY, b"{}").await?;
    let mut manifest = OciManifest::new(config, vec![layer]);
    manifest.artifact_type = Some(ETHEREUM.to_owned());
    manifest.subject = Some(subject.clone());
    Ok(repository.put_manifest(None, &manifest).await?.digest)
}

/// Adds a cosign key's signature to those of a manifest.
///
/// # Errors
///
/// If the registry does not take it.
pub async fn attach_cosign(
    repository: &Repository,
    subject: Digest,
    payload: &[u8],
    signature: &[u8],
) -> Result<Digest, RegistryError> {
    let mut layer = repository.put_blob(COSIGN, payload).await?;
    layer.annotations.insert(COSIGN_SIGNATURE.to_owned(), STANDARD.encode(signature));
    let mut layers = match repository.manifest(&cosign_tag(subject)).await {
        Ok((there, _)) => there.layers,
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return Err(error),
    };
    layers.push(layer);
    let ids: Vec<Digest> = layers.iter().map(|layer| layer.digest).collect();
    let config = serde_json::json!({
        "architecture": "", "os": "", "config": {},
        "rootfs": { "type": "layers", "diff_ids": ids },
        "history": layers.iter().map(|_| serde_json::json!({ "created": "0001-01-01T00:00:00Z" })).collect::<Vec<_>>(),
    });
    let config = repository.put_blob(COSIGN_CONFIG, config.to_string().as_bytes()).await?;
    let manifest = OciManifest::new(config, layers);
    Ok(repository.put_manifest(Some(&cosign_tag(subject)), &manifest).await?.digest)
}

/// Returns the signatures that a registry keeps for a manifest, not yet checked.
///
/// # Errors
///
/// If the registry can't be asked. One that is no signature is left out, and logged.
pub async fn found(repository: &Repository, manifest: Digest) -> Result<Vec<Found>, RegistryError> {
    let mut found = Vec::new();
    let listed = repository.referrers(manifest).await?;
    for described in listed.iter().filter(|one| one.media_type == MANIFEST).take(SIGNATURES_AT_MOST) {
        let kind = described.artifact_type.as_deref().unwrap_or_default();
        if kind == ETHEREUM || kind.is_empty() {
            match ethereum(repository, described, manifest).await {
                Ok(one) => found.extend(one),
                Err(error) => tracing::warn!("a signature is left out: {error}"),
            }
        } else if kind.contains("sigstore") || kind.contains("notary") {
            found.push(Found::Unknown(crate::share::digest::short(kind)));
        }
    }
    let there = match repository.manifest(&cosign_tag(manifest)).await {
        Ok((there, _)) => there,
        Err(error) if error.is_missing() => return Ok(found),
        Err(error) => return Err(error),
    };
    for layer in there.layers.iter().filter(|layer| layer.media_type == COSIGN).take(SIGNATURES_AT_MOST) {
        let written = layer.annotations.get(COSIGN_SIGNATURE).and_then(|text| STANDARD.decode(text).ok());
        match (written, repository.blob(layer, BYTES_AT_MOST).await) {
            (Some(signature), Ok(payload)) => found.push(Found::Cosign { payload, signature }),
            (_, Err(error)) => tracing::warn!("a signature is left out: {error}"),
            (None, _) => tracing::warn!("a signature is left out: {} has none in it", layer.digest.short()),
        }
    }
    Ok(found)
}

async fn ethereum(
    repository: &Repository,
    described: &Descriptor,
    subject: Digest,
) -> Result<Option<Found>, RegistryError> {
    let (manifest, _) = repository.manifest(&described.digest.to_string()).await?;
    let belongs = manifest.subject.as_ref().is_some_and(|of| of.digest == subject);
    let layer = manifest.layers.iter().find(|layer| layer.media_type == ETHEREUM).filter(|_| belongs);
    let Some(layer) = layer else { return Ok(None) };
    let bytes = repository.blob(layer, BYTES_AT_MOST).await?;
    let written: Written = serde_json::from_slice(&bytes).map_err(|error| malformed(repository, error))?;
    Ok(Some(Found::Ethereum { account: written.account, signature: written.signature.to_vec() }))
}

fn cosign_tag(manifest: Digest) -> String {
    format!("sha256-{}.sig", manifest.hex())
}

fn malformed(repository: &Repository, error: serde_json::Error) -> RegistryError {
    RegistryError::Malformed { registry: repository.reference().registry.clone(), why: error.to_string() }
}
