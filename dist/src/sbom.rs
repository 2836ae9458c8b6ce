//! The bill of materials, in CycloneDX 1.6: which packages are in the binary and in the detectors.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::DETECTORS;
use crate::metadata::{Id, Metadata, Package};
use crate::oci::created;

/// Returns the bill of materials as JSON.
pub(crate) fn cyclone_dx(
    metadata: &Metadata,
    shipped: &BTreeSet<Id>,
    version: &str,
    mtime_s: u64,
) -> anyhow::Result<Vec<u8>> {
    let host = metadata.member("watchfire")?;
    let packages = metadata.packages(shipped);
    let components: Vec<Value> = packages
        .iter()
        .filter(|package| package.name != host.name)
        .map(|package| component(metadata, package))
        .collect();
    let mut dependencies: Vec<Value> = packages.iter().map(|package| dependency(metadata, shipped, package)).collect();
    // Detectors are shipped beside the host, and linked with nothing of it.
    if let Some(own) = dependencies.iter_mut().find(|dependency| dependency["ref"] == host.purl())
        && let Some(list) = own["dependsOn"].as_array_mut()
    {
        for name in DETECTORS {
            list.push(metadata.member(name)?.purl().into());
        }
    }
    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": created(mtime_s)?,
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [{ "type": "application", "name": "watchfire-dist", "version": version }] },
            "component": component(metadata, host),
        },
        "components": components,
        "dependencies": dependencies,
    });
    // The same content has the same number.
    let serial = Uuid::new_v5(&Uuid::NAMESPACE_URL, &serde_json::to_vec(&bill)?);
    bill["serialNumber"] = format!("urn:uuid:{serial}").into();
    let mut text = serde_json::to_vec_pretty(&bill)?;
    text.push(b'\n');
    Ok(text)
}

fn component(metadata: &Metadata, package: &Package) -> Value {
    let is_program = package.name == "watchfire" || DETECTORS.contains(&package.name.as_str());
    let mut component = json!({
        "type": if is_program { "application" } else { "library" },
        "bom-ref": package.purl(),
        "name": package.name,
        "version": package.version,
        "purl": package.purl(),
    });
    if let Some(description) = &package.description {
        component["description"] = description.split_whitespace().collect::<Vec<_>>().join(" ").into();
    }
    if let Some(licence) = package.licence() {
        component["licenses"] = json!([{ "expression": licence }]);
    }
    if let Some(checksum) = metadata.checksum(package) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}

fn dependency(metadata: &Metadata, shipped: &BTreeSet<Id>, package: &Package) -> Value {
    let linked: BTreeSet<String> = metadata.linked_with(package, shipped).into_iter().map(Package::purl).collect();
    json!({ "ref": package.purl(), "dependsOn": linked })
}
