//! The shapes that registries keep: manifests, indexes, and the config of a Wasm artefact.
//!
//! A detector is the CNCF's Wasm artefact: a manifest with one layer, the component. What comes along hangs on it by a
//! manifest of its own, its companion, since other clients refuse an artefact of more than one layer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of a list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a Wasm artefact's config.
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// Media type of a component.
pub const WASM_LAYER: &str = "application/wasm";
/// Media type of a config that says nothing: `{}`.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The annotation by which an artefact names the contents of its companion.
pub const CONTENTS_ANNOTATION: &str = "dev.watchfire.contents";

/// Largest manifest, index or list that is read, bytes.
pub const MANIFEST_BYTES: u64 = 4 << 20;

/// Names bytes that a registry keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What they are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// What the manifest is that they are, in lists of referrers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What else is said of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Describes bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        Self { media_type: media_type.to_owned(), digest, size, artifact_type: None, annotations: BTreeMap::new() }
    }
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OciManifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST`], if it is written at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it is, if its config does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its config.
    pub config: Descriptor,
    /// Its layers.
    pub layers: Vec<Descriptor>,
    /// The manifest that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl OciManifest {
    /// Makes a manifest of a config and layers.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        let (media_type, annotations) = (Some(MANIFEST.to_owned()), BTreeMap::new());
        Self { schema_version: 2, media_type, artifact_type: None, config, layers, subject: None, annotations }
    }

    /// Returns the manifest as bytes, the same for the same manifest.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest is plain data with text keys")
    }

    /// Returns the type by which lists of referrers name it.
    pub fn type_of(&self) -> &str {
        self.artifact_type.as_deref().unwrap_or(&self.config.media_type)
    }

    /// Returns an annotation of `org.opencontainers.image`.
    pub fn said(&self, key: &str) -> Option<&str> {
        self.annotations.get(&format!("org.opencontainers.image.{key}")).map(String::as_str)
    }
}

/// A list of manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OciIndex {
    /// Always 2.
    pub schema_version: u32,
    /// [`INDEX`], if it is written at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What is listed.
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
}

impl Default for OciIndex {
    fn default() -> Self {
        Self { schema_version: 2, media_type: Some(INDEX.to_owned()), manifests: Vec::new() }
    }
}

/// The config of a Wasm artefact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmConfig {
    /// When it was made, RFC 3339.
    pub created: String,
    /// Who made it.
    #[serde(default)]
    pub author: Option<String>,
    /// Always `wasm`.
    pub architecture: String,
    /// `wasip2` for a component.
    pub os: String,
    /// Digests of the layers, in order.
    pub layer_digests: Vec<Digest>,
    /// What the component has.
    pub component: Option<WasmComponent>,
}

/// What a component has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasmComponent {
    /// Interfaces that it exports.
    pub exports: Vec<String>,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// The world that it is of.
    #[serde(default)]
    pub target: Option<String>,
}
