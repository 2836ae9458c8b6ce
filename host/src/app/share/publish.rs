//! From a project to an artefact in a registry.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::app::share::companion::{self, Subject};
use crate::app::share::{materials, pack};
use crate::plugin::{Component, Limits, Manifest};
use crate::share::archive;
use crate::share::artefact::{CONTENTS_ANNOTATION, OciManifest, WASM_CONFIG, WASM_LAYER, WasmComponent, WasmConfig};
use crate::share::digest::Digest;
use crate::share::package::{COMPANION, CONTENTS, Contents, FILE_BYTES, Role, Said, Source};
use crate::share::reference::Reference;
use crate::share::registry::{Credentials, Repository};

/// What a project says to others beside its code.
pub const SAID: &str = "publish.toml";

/// What is published.
pub struct Publication {
    /// The component.
    pub component: Vec<u8>,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What else is said of it.
    pub said: Said,
    /// Where its source is.
    pub source: Option<Source>,
    /// What travels with it.
    pub files: BTreeMap<Role, Vec<u8>>,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// What was published.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Published {
    /// Where.
    pub reference: Reference,
    /// The artefact's manifest.
    pub digest: Digest,
    /// The component.
    pub component: Digest,
    /// The component's size.
    pub size_bytes: u64,
    /// What travels with it, each with its size in bytes.
    pub files: BTreeMap<Role, u64>,
    /// Whether the registry had all of it.
    pub is_unchanged: bool,
}

impl Publication {
    /// Gathers what a project's folder holds beside its code. A file alone has nothing beside it.
    ///
    /// # Errors
    ///
    /// If a file can't be read, or `publish.toml` says what can't be.
    pub fn of(
        project: Option<&Path>,
        bytes: Vec<u8>,
        component: &Component,
        manifest: Manifest,
        created: String,
    ) -> anyhow::Result<Self> {
        let mut files = BTreeMap::from([(Role::Manifest, serde_json::to_vec(&manifest)?)]);
        let mut said = Said::default();
        if let Some(folder) = project {
            let path = folder.join(SAID);
            if path.is_file() {
                let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                said = toml::from_str(&text).with_context(|| path.display().to_string())?;
            }
            for (role, names) in [
                (Role::Readme, &["README.md", "readme.md"][..]),
                (Role::Licence, &["LICENSE", "LICENCE", "LICENSE.md", "LICENSE-MIT", "COPYING"]),
            ] {
                if let Some(path) = names.iter().map(|name| folder.join(name)).find(|path| path.is_file()) {
                    files.insert(role, std::fs::read(&path).with_context(|| path.display().to_string())?);
                }
            }
            if let Some(bill) = materials::bill(folder, &manifest.name, &manifest.version)? {
                files.insert(Role::Sbom, bill);
            }
            for role in [Role::Cases, Role::Response] {
                let found = archive::read(&folder.join(role.file_name()))?;
                if role == Role::Response {
                    pack::check(&found).with_context(|| format!("`{}`", folder.join(role.file_name()).display()))?;
                }
                if !found.is_empty() {
                    files.insert(role, archive::pack(&found)?);
                }
            }
        }
        let unknown: Vec<&String> = said.why.keys().filter(|name| !manifest.capabilities.contains(name)).collect();
        ensure!(unknown.is_empty(), "`{SAID}`: `why` names {unknown:?}, which the detector does not ask for");
        Limits::stated(&said.limits).map_err(|why| anyhow::anyhow!("`{SAID}`: `limits`: {why}"))?;
        let source = project.and_then(source_of);
        let imports = component.imports().to_vec();
        Ok(Self { component: bytes, imports, manifest, said, source, files, created })
    }

    /// Adds a file that is named by itself.
    ///
    /// # Errors
    ///
    /// If it can't be read, is not what the role says, or is about another detector.
    pub fn add(&mut self, role: Role, path: &Path) -> anyhow::Result<()> {
        let bytes = std::fs::read(path).with_context(|| format!("`{}` can't be read", path.display()))?;
        if role.media_type().ends_with("json") {
            let value = serde_json::from_slice(&bytes).with_context(|| format!("`{}` is no JSON", path.display()))?;
            let subject = Subject { name: &self.manifest.name, digest: Digest::of(&self.component) };
            companion::check(role, &value, subject).map_err(|why| anyhow::anyhow!("`{}` {why}", path.display()))?;
        }
        self.files.insert(role, bytes);
        Ok(())
    }

    /// Publishes. The tag comes last, so that who finds it finds all of it. A tag that is there already stays what it is,
    /// unless it may be moved.
    ///
    /// # Errors
    ///
    /// If a file is too large, the tag is another version's, or the registry does not take it.
    pub async fn push(
        &self,
        reference: &Reference,
        credentials: &Credentials,
        may_move: bool,
    ) -> anyhow::Result<Published> {
        ensure!(reference.digest.is_none(), "`{reference}` names a digest; what is pushed gets its own");
        let tag = reference.tag.clone().unwrap_or_else(|| self.manifest.version.clone());
        let reference = reference.with_tag(&tag);
        if let Some((role, bytes)) = self.files.iter().find(|(_, bytes)| bytes.len() as u64 > FILE_BYTES) {
            anyhow::bail!("`{}` has {} bytes, and {FILE_BYTES} are taken", role.file_name(), bytes.len());
        }
        let repository = Repository::open(&reference, credentials).await?;
        let layer = repository.put_blob(WASM_LAYER, &self.component).await?;
        let config = WasmConfig {
            created: self.created.clone(),
            author: None,
            architecture: "wasm".to_owned(),
            os: "wasip2".to_owned(),
            layer_digests: vec![layer.digest],
            component: Some(WasmComponent {
                exports: vec!["watchfire:detector/guest".to_owned()],
                imports: self.imports.clone(),
                target: None,
            }),
        };
        let config = repository.put_blob(WASM_CONFIG, &serde_json::to_vec(&config)?).await?;
        let mut files = BTreeMap::new();
        for (role, bytes) in &self.files {
            files.insert(*role, repository.put_blob(role.media_type(), bytes).await?);
        }
        let contents = Contents {
            format: 1,
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            said: self.said.clone(),
            source: self.source.clone(),
            files,
        };
        let contents_blob = repository.put_blob(CONTENTS, &serde_json::to_vec(&contents)?).await?;
        let mut manifest = OciManifest::new(config, vec![layer.clone()]);
        manifest.annotations = self.annotations(contents_blob.digest);
        let digest = Digest::of(&manifest.bytes());
        let there = repository.resolve(&tag).await?;
        // The same detector published again, at another time, is the same.
        if let Some(there) = there.filter(|there| *there != digest) {
            let (known, _) = repository.manifest(&there.to_string()).await?;
            let said = |manifest: &OciManifest| manifest.annotations.get(CONTENTS_ANNOTATION).cloned();
            if known.layers == manifest.layers && said(&known) == said(&manifest) {
                let files = contents.files.iter().map(|(role, file)| (*role, file.size)).collect();
                let (component, size_bytes) = (layer.digest, layer.size);
                return Ok(Published { reference, digest: there, component, size_bytes, files, is_unchanged: true });
            }
        }
        ensure!(
            may_move || there.is_none_or(|there| there == digest),
            "`{reference}` is there already and is another one; give the detector a new version, or move it by `--replace`, \
             which everybody who pinned it will be told"
        );
        let subject = repository.put_manifest(None, &manifest).await?;
        let mut companion = OciManifest::new(contents_blob, contents.files.values().cloned().collect());
        companion.artifact_type = Some(COMPANION.to_owned());
        companion.subject =
            Some(crate::share::artefact::Descriptor { artifact_type: None, annotations: BTreeMap::new(), ..subject });
        repository.put_manifest(None, &companion).await?;
        repository.put_manifest(Some(&tag), &manifest).await?;
        let sizes = contents.files.iter().map(|(role, file)| (*role, file.size)).collect();
        let (component, size_bytes, is_unchanged) = (layer.digest, layer.size, there == Some(digest));
        Ok(Published { reference, digest, component, size_bytes, files: sizes, is_unchanged })
    }

    fn annotations(&self, contents: Digest) -> BTreeMap<String, String> {
        let mut said = BTreeMap::from([(CONTENTS_ANNOTATION.to_owned(), contents.to_string())]);
        let mut say = |key: &str, value: &str| said.insert(format!("org.opencontainers.image.{key}"), value.to_owned());
        say("title", &self.manifest.name);
        say("version", &self.manifest.version);
        say("created", &self.created);
        say("description", self.manifest.summary.lines().next().unwrap_or_default());
        if let Some(licence) = &self.said.licence {
            say("licenses", licence);
        }
        if let Some(source) = &self.source {
            say("source", &source.repository);
            say("revision", &source.revision);
        }
        said
    }
}

/// Returns where the source of a folder is, by git; `None` if it is in no repository that others can reach.
pub fn source_of(folder: &Path) -> Option<Source> {
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
        let said = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| said.trim().to_owned())
    };
    let repository = without_password(&git(&["remote", "get-url", "origin"])?);
    let revision = git(&["rev-parse", "HEAD"])?;
    let folder = git(&["rev-parse", "--show-prefix"])?.trim_end_matches('/').to_owned();
    let is_changed = !git(&["status", "--porcelain", "--", "."])?.is_empty();
    Some(Source { repository, revision, folder, is_changed })
}

/// Returns a URL without user and password.
fn without_password(said: &str) -> String {
    match reqwest::Url::parse(said) {
        Ok(mut url) if url.password().is_some() => {
            let _ = (url.set_password(None), url.set_username(""));
            url.to_string()
        }
        _ => said.to_owned(),
    }
}
