//! What cargo knows of the packages: which ones are in the binary and in the detectors, and where they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde::Deserialize;

use crate::output;

/// A package's id, as cargo writes it.
pub(crate) type Id = String;

#[derive(Debug, Deserialize)]
struct Listed {
    packages: Vec<Package>,
    workspace_members: BTreeSet<Id>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: Id,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: Id,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    id: Id,
    pub(crate) name: String,
    pub(crate) version: String,
    /// As its manifest has it.
    license: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) repository: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Package {
    /// Returns its licence as an SPDX expression; `None` if its manifest has none.
    pub(crate) fn licence(&self) -> Option<String> {
        // Older manifests have a slash between licences of which one may be chosen.
        self.license.as_ref().map(|license| match license.contains('/') {
            true => license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR "),
            false => license.clone(),
        })
    }

    /// Returns the folder of its sources.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    /// Returns its package URL, which names it in a bill of materials.
    pub(crate) fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }

    fn is_macro(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
    }
}

/// All packages of the workspace and its lock file.
#[derive(Debug)]
pub(crate) struct Metadata {
    packages: BTreeMap<Id, Package>,
    members: BTreeSet<Id>,
    /// What each package is linked with.
    links: BTreeMap<Id, BTreeSet<Id>>,
    checksums: BTreeMap<(String, String), String>,
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Returns name and version of a line of `cargo tree`, as `name v1.2.3 (where it is)`.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Metadata {
    /// Reads what cargo knows of the workspace at `root`.
    ///
    /// # Errors
    ///
    /// If cargo can't be run, or the lock file is not up to date.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut cargo = cargo(root);
        cargo.args(["metadata", "--format-version", "1", "--locked"]);
        let listed: Listed = serde_json::from_str(&output(&mut cargo)?).context("what `cargo metadata` says")?;
        let lock: Lock = toml::from_str(&std::fs::read_to_string(root.join("Cargo.lock"))?)?;
        let packages: BTreeMap<Id, Package> =
            listed.packages.into_iter().map(|package| (package.id.clone(), package)).collect();
        let is_linked = |dependency: &Dependency| {
            let is_macro = packages.get(&dependency.pkg).is_none_or(Package::is_macro);
            !is_macro && dependency.dep_kinds.iter().any(|kind| kind.kind.is_none())
        };
        let links = listed.resolve.nodes.into_iter().map(|node| {
            let linked = node.deps.into_iter().filter(is_linked).map(|dependency| dependency.pkg);
            (node.id, linked.collect())
        });
        let checksums = lock.package.into_iter().filter_map(|locked| {
            let checksum = locked.checksum?;
            Some(((locked.name, locked.version), checksum))
        });
        Ok(Self { links: links.collect(), checksums: checksums.collect(), members: listed.workspace_members, packages })
    }

    /// Returns the packages that are linked into what these members of the workspace are built to for a target: no macros,
    /// nothing that only build scripts or tests use, and nothing of a feature that is off.
    ///
    /// # Errors
    ///
    /// If cargo can't be run, or the workspace has no such member.
    pub(crate) fn shipped(&self, root: &Path, members: &[&str], target: &str) -> anyhow::Result<BTreeSet<Id>> {
        // `cargo metadata` has the features that tests switch on as well; `cargo tree` has those of the build.
        let mut cargo = cargo(root);
        cargo.args(["tree", "--locked", "--edges", "normal,no-proc-macro", "--target", target, "--prefix", "none"]);
        cargo.args(["--format", "{p}"]);
        for name in members {
            cargo.args(["--package", self.member(name)?.name.as_str()]);
        }
        let listed = output(&mut cargo)?;
        let built: BTreeSet<(&str, &str)> = listed.lines().filter_map(name_and_version).collect();
        let is_built = |package: &Package| built.contains(&(package.name.as_str(), package.version.as_str()));
        Ok(self.packages.values().filter(|package| is_built(package)).map(|package| package.id.clone()).collect())
    }

    /// Returns a member of the workspace by its name.
    ///
    /// # Errors
    ///
    /// If the workspace has no such member.
    pub(crate) fn member(&self, name: &str) -> anyhow::Result<&Package> {
        let mut members = self.members.iter().filter_map(|id| self.packages.get(id));
        members.find(|package| package.name == name).with_context(|| format!("the workspace has no package `{name}`"))
    }

    /// Returns packages by their ids, sorted by name and version.
    pub(crate) fn packages<'a>(&'a self, ids: &BTreeSet<Id>) -> Vec<&'a Package> {
        let mut packages: Vec<&Package> = ids.iter().filter_map(|id| self.packages.get(id)).collect();
        packages.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
        packages
    }

    /// Returns what of these a package is linked with.
    pub(crate) fn linked_with(&self, package: &Package, shipped: &BTreeSet<Id>) -> Vec<&Package> {
        let links = self.links.get(&package.id).into_iter().flatten();
        links.filter(|id| shipped.contains(*id)).filter_map(|id| self.packages.get(id)).collect()
    }

    /// Whether a package is this workspace's own.
    pub(crate) fn is_own(&self, package: &Package) -> bool {
        self.members.contains(&package.id)
    }

    /// Returns the SHA-256 of a package as its registry has it; `None` for this workspace's own.
    pub(crate) fn checksum(&self, package: &Package) -> Option<&str> {
        self.checksums.get(&(package.name.clone(), package.version.clone())).map(String::as_str)
    }
}
