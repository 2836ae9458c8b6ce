//! What a project is made of, by the lock file of its language, as a bill of materials in CycloneDX 1.6.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::whole_file::{TEXT_BYTES, read_text};

/// A package that goes into a component, or helps to build it.
struct Package {
    purl: String,
    name: String,
    version: String,
    /// Algorithm and digest in hex.
    hash: Option<(&'static str, String)>,
}

#[derive(Deserialize)]
struct CargoLock {
    #[serde(default)]
    package: Vec<CargoPackage>,
}

#[derive(Deserialize)]
struct CargoPackage {
    name: String,
    version: String,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct NpmLock {
    #[serde(default)]
    packages: BTreeMap<String, NpmPackage>,
}

#[derive(Deserialize)]
struct NpmPackage {
    version: Option<String>,
    integrity: Option<String>,
    name: Option<String>,
}

/// Writes the bill of a project's folder; `None` if its language has no lock file there, or one that is not read here.
///
/// # Errors
///
/// If the lock file can't be read or understood.
pub(super) fn bill(project: &Path, name: &str, version: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let packages = match (upwards(project, "Cargo.lock"), upwards(project, "package-lock.json")) {
        (Some(lock), _) if project.join("Cargo.toml").is_file() => of_cargo(&lock, project)?,
        (_, Some(lock)) if project.join("package.json").is_file() => of_npm(&lock)?,
        _ => return Ok(None),
    };
    let components: Vec<Value> = packages.iter().map(component).collect();
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{ "phase": "build" }],
            "tools": {
                "components": [{ "type": "application", "name": "watchfire", "version": env!("CARGO_PKG_VERSION") }],
            },
            "component": { "type": "application", "name": name, "version": version },
        },
        "components": components,
    });
    Ok(Some(serde_json::to_vec_pretty(&bill)?))
}

fn component(package: &Package) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
    });
    if let Some((algorithm, digest)) = &package.hash {
        component["hashes"] = json!([{ "alg": algorithm, "content": digest }]);
    }
    component
}

/// Finds a file in a folder or one around it, up to the root of its repository.
fn upwards(folder: &Path, name: &str) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    for around in folder.ancestors() {
        let path = around.join(name);
        if path.is_file() {
            return Some(path);
        }
        if around.join(".git").exists() {
            return None;
        }
    }
    None
}

/// All that the project's own package reaches. A lock file does not part what is linked from what helps to build.
fn of_cargo(lock: &Path, project: &Path) -> anyhow::Result<Vec<Package>> {
    let wrong = |path: &Path| format!("`{}` can't be understood", path.display());
    let path = project.join("Cargo.toml");
    let manifest: toml::Table = toml::from_str(&read_text(&path, TEXT_BYTES)?).with_context(|| wrong(&path))?;
    let own = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let own = own.with_context(|| format!("`{}` names no package", path.display()))?;
    let lock: CargoLock = toml::from_str(&read_text(lock, TEXT_BYTES)?).with_context(|| wrong(lock))?;
    // A dependency is written as its name, and its version where the name alone could be another.
    let find = |written: &str| {
        let mut words = written.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        lock.package.iter().position(|it| it.name == name && version.is_none_or(|version| it.version == version))
    };
    let mut reached = BTreeSet::new();
    let mut open: Vec<usize> = find(own).into_iter().collect();
    while let Some(at) = open.pop() {
        if reached.insert(at) {
            open.extend(lock.package[at].dependencies.iter().filter_map(|written| find(written)));
        }
    }
    let packages = reached.into_iter().map(|at| &lock.package[at]).filter(|package| package.name != own);
    Ok(packages
        .map(|package| Package {
            purl: format!("pkg:cargo/{}@{}", package.name, package.version),
            name: package.name.clone(),
            version: package.version.clone(),
            hash: package.checksum.clone().map(|digest| ("SHA-256", digest)),
        })
        .collect())
}

fn of_npm(lock: &Path) -> anyhow::Result<Vec<Package>> {
    let wrong = || format!("`{}` can't be understood", lock.display());
    let lock: NpmLock = serde_json::from_str(&read_text(lock, TEXT_BYTES)?).with_context(wrong)?;
    // The entry without a path is the project itself.
    let packages = lock.packages.into_iter().filter(|(path, _)| !path.is_empty()).filter_map(|(path, package)| {
        let name = package.name.or_else(|| Some(path.rsplit_once("node_modules/")?.1.to_owned()))?;
        let version = package.version?;
        Some(Package {
            purl: format!("pkg:npm/{}@{version}", name.replace('@', "%40")),
            hash: package.integrity.as_deref().and_then(integrity),
            name,
            version,
        })
    });
    let mut packages: Vec<Package> = packages.collect();
    packages.dedup_by(|a, b| a.purl == b.purl);
    Ok(packages)
}

/// Reads the digest that npm writes: `sha512-` and base64.
fn integrity(written: &str) -> Option<(&'static str, String)> {
    let digest = written.split(' ').find_map(|one| one.strip_prefix("sha512-"))?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(digest).ok()?;
    Some(("SHA-512", hex::encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], project: &str, expected: &[(&str, Option<&str>)]) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let bill = bill(&folder.path().join(project), "outflow", "1.2.0").unwrap().unwrap();
        let bill: Value = serde_json::from_slice(&bill).unwrap();
        assert_eq!(bill["metadata"]["component"]["name"], "outflow");
        let components = bill["components"].as_array().unwrap().iter();
        let said = |one: &Value| (one["purl"].as_str().unwrap().to_owned(), one["hashes"][0]["content"].clone());
        let came: Vec<(String, Value)> = components.map(said).collect();
        let expected = expected.iter().map(|(purl, hash)| ((*purl).to_owned(), json!(hash)));
        assert_eq!(came, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_bill_has_what_the_project_reaches() {
        let lock = "version = 4\n\
            [[package]]\nname = 'outflow'\nversion = '1.2.0'\ndependencies = ['sdk', 'syn 2.0.0']\n\
            [[package]]\nname = 'other'\nversion = '1.0.0'\ndependencies = ['hyper']\n\
            [[package]]\nname = 'hyper'\nversion = '1.0.0'\n\
            [[package]]\nname = 'sdk'\nversion = '0.1.0'\n\
            [[package]]\nname = 'syn'\nversion = '1.0.0'\n\
            [[package]]\nname = 'syn'\nversion = '2.0.0'\nchecksum = 'ab'\n";
        check(
            &[("Cargo.lock", lock), ("plugins/outflow/Cargo.toml", "[package]\nname = 'outflow'")],
            "plugins/outflow",
            &[("pkg:cargo/sdk@0.1.0", None), ("pkg:cargo/syn@2.0.0", Some("ab"))],
        );
        let lock = r#"{"packages": {
            "": {"name": "outflow", "version": "1.2.0"},
            "node_modules/@scope/a": {"version": "2.0.0", "integrity": "sha512-q80="},
            "node_modules/b/node_modules/c": {"version": "3.0.0"}
        }}"#;
        check(
            &[("package.json", "{}"), ("package-lock.json", lock)],
            ".",
            &[("pkg:npm/%40scope/a@2.0.0", Some("abcd")), ("pkg:npm/c@3.0.0", None)],
        );
    }

    #[test]
    fn without_a_lock_there_is_no_bill() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "[package]\nname = 'a'").unwrap();
        assert!(bill(folder.path(), "a", "1").unwrap().is_none());
    }
}
