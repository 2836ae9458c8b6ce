//! The OCI image, as an archive of its layout (<https://github.com/opencontainers/image-spec>): one layer, its config, a
//! manifest, an index. No daemon takes part.

use anyhow::Context;
use flate2::Compression;
use serde_json::{Value, json};

use crate::binary::Binary;
use crate::contents::IMAGE_USER;
use crate::sha256;
use crate::tree::{Tree, gzip};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Returns the archive of an image with these files.
pub(crate) fn archive(files: &Tree, binary: &Binary, commit: Option<&str>, mtime_s: u64) -> anyhow::Result<Vec<u8>> {
    let mut layout = Tree::default();
    let layer = files.tar(mtime_s)?;
    let created = created(mtime_s)?;
    let layer_descriptor = add(&mut layout, LAYER, gzip(&layer, Compression::default())?);
    let config = config(binary, &format!("sha256:{}", sha256(&layer)), &created, commit);
    let config_descriptor = add(&mut layout, CONFIG, serde_json::to_vec(&config)?);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config_descriptor,
        "layers": [layer_descriptor],
        "annotations": labels(binary, &created, commit),
    });
    let mut descriptor = add(&mut layout, MANIFEST, serde_json::to_vec(&manifest)?);
    descriptor["platform"] = json!({ "architecture": binary.machine.oci(), "os": "linux" });
    descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": binary.version });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor] });
    layout.file("index.json", serde_json::to_vec(&index)?);
    layout.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    layout.tar(mtime_s)
}

/// Adds a blob under its digest, and returns its descriptor.
fn add(layout: &mut Tree, media_type: &str, bytes: Vec<u8>) -> Value {
    let (digest, size) = (sha256(&bytes), bytes.len());
    layout.file(&format!("blobs/sha256/{digest}"), bytes);
    json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size })
}

fn config(binary: &Binary, diff_id: &str, created: &str, commit: Option<&str>) -> Value {
    json!({
        "created": created,
        "architecture": binary.machine.oci(),
        "os": "linux",
        "config": {
            "User": format!("{IMAGE_USER}:{IMAGE_USER}"),
            "Env": [
                "PATH=/usr/bin",
                "WATCHFIRE_CACHE=/var/cache/watchfire",
            ],
            "Entrypoint": ["/usr/bin/watchfire"],
            "Cmd": ["run", "--config", "/etc/watchfire/watchfire.toml", "--format", "json"],
            "WorkingDir": "/var/lib/watchfire",
            "Volumes": { "/var/lib/watchfire": {} },
            "StopSignal": "SIGTERM",
            "Labels": labels(binary, created, commit),
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created": created, "created_by": "cargo xtask dist" }],
    })
}

fn labels(binary: &Binary, created: &str, commit: Option<&str>) -> Value {
    let mut labels = json!({
        "org.opencontainers.image.title": "watchfire",
        "org.opencontainers.image.version": binary.version,
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
    });
    if let Some(commit) = commit {
        labels["org.opencontainers.image.revision"] = commit.into();
    }
    labels
}

/// Returns a time as RFC 3339 has it.
pub(crate) fn created(mtime_s: u64) -> anyhow::Result<String> {
    let time = jiff::Timestamp::from_second(i64::try_from(mtime_s)?).context("a time that can be written")?;
    Ok(time.to_string())
}
