//! From a project in any of the languages, or a core module of any other, to a component that the host can run.

use std::io::Write;
use std::path::{Path, PathBuf};

use alloy::primitives::B256;

use crate::digest::sha256;

mod adapter;
mod cargo;
mod go;
mod javascript;
mod parts;
mod project;
mod python;
mod tool;
mod wrap;
mod zig;

pub use project::{Language, Project};

/// A component that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The component.
    pub bytes: Vec<u8>,
    /// Where it was written.
    pub path: PathBuf,
    /// SHA-256 of the component: the same for the same source, toolchain and dependencies, wherever they lie.
    pub digest: B256,
    /// Its size in bytes.
    pub size: usize,
    /// The interfaces that it imports, in order.
    pub imports: Vec<String>,
    /// The same component with what tells a trap's lines of the source, where the language does not tell them itself. It names
    /// this machine's folders, and so is no component to give to others.
    pub with_lines: Option<Vec<u8>>,
}

/// Why there is no component. Each message says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file can't be read or written.
    #[error("`{path}`: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The path names nothing that can be built.
    #[error(
        "`{path}` is neither a `.wasm` file nor a project: a folder with `Cargo.toml`, `package.json`, `pyproject.toml`, \
         `go.mod`, or `src` with `.c`, `.cpp` or `.zig` files"
    )]
    Unknown {
        /// The path.
        path: PathBuf,
    },
    /// Cargo or rustc can't be run.
    #[error("`{program}` can't be run ({error}); install Rust from https://rustup.rs")]
    NoToolchain {
        /// Which.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// A tool is not there.
    #[error("`{program}` is neither in the project nor on the path; it comes with {remedy}")]
    NoTool {
        /// Its name.
        program: &'static str,
        /// The command that installs it, and what it downloads.
        remedy: &'static str,
    },
    /// A tool failed.
    #[error("{program} could not build `{folder}`; in its own words:\n{words}")]
    Tool {
        /// Its name.
        program: String,
        /// The project.
        folder: PathBuf,
        /// What it wrote.
        words: String,
    },
    /// A project without a source file.
    #[error("`{folder}` has none of `{usual}`; name its source file in the manifest")]
    NoSource {
        /// The project.
        folder: PathBuf,
        /// Where it would be looked for.
        usual: String,
    },
    /// A manifest can't be understood.
    #[error("`{path}` can't be read as what it should be")]
    Manifest {
        /// Which.
        path: PathBuf,
    },
    /// The interface gives no bindings.
    #[error("bindings can't be generated: {why}")]
    Bindings {
        /// Why, by wit-bindgen.
        why: String,
    },
    /// The toolchain can't build for wasm.
    #[error("the Rust toolchain has no `{0}`; run `rustup target add {0}`")]
    NoTarget(&'static str),
    /// The folder holds a workspace without a package of its own.
    #[error("`{path}` is a workspace; name the folder of one of its packages")]
    Workspace {
        /// Its manifest.
        path: PathBuf,
    },
    /// The project gives no wasm.
    #[error("`{path}` builds no `cdylib`; add `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`")]
    NoLibrary {
        /// Its manifest.
        path: PathBuf,
    },
    /// Cargo failed, and has said why on the terminal.
    #[error("cargo could not {what} `{path}`; its own words are above")]
    Cargo {
        /// `read` or `build`.
        what: &'static str,
        /// The manifest.
        path: PathBuf,
    },
    /// The module can't become a component.
    #[error("`{path}` can't be wrapped: {why}")]
    Unwrappable {
        /// The module.
        path: PathBuf,
        /// Why, by `wit-component`.
        why: String,
    },
    /// The component doesn't export a detector.
    #[error(
        "`{path}` is no detector: it exports {exports}, not `{}`; in Rust, end it with `watchfire_sdk::export!(…)`",
        wrap::EXPORTS[0]
    )]
    NotADetector {
        /// The component.
        path: PathBuf,
        /// What it exports.
        exports: String,
    },
    /// The component imports what the host grants to nobody.
    #[error("`{path}` imports {imports}, which the host grants to no detector; detectors have {}", wrap::granted())]
    Ungranted {
        /// The component.
        path: PathBuf,
        /// What it imports.
        imports: String,
    },
}

/// Builds a component: from a project in any language, or from a `.wasm` file, which is wrapped where it is a core module
/// and passed through where it is a component already.
///
/// It is written to `out`, whole or not at all. Without `out` that is `plugins/NAME.wasm` in a Cargo project's target
/// folder, `build/NAME.wasm` in any other project, or `NAME.component.wasm` beside a core module; a component that stays
/// where it is, is not written.
///
/// # Errors
///
/// If there is nothing that can be built, a tool is missing or fails, or what it makes is no detector.
pub fn build(path: &Path, out: Option<&Path>) -> Result<Built, BuildError> {
    let project = Project::find(path)?;
    let (source, default) = if let Some(project) = &project {
        build_project(project)?
    } else if path.is_file() {
        (path.to_owned(), path.with_extension("component.wasm"))
    } else {
        return Err(BuildError::Unknown { path: path.to_owned() });
    };
    let bytes = std::fs::read(&source).map_err(|error| BuildError::File { path: source.clone(), error })?;
    let kind = wrap::kind(&bytes).ok_or_else(|| BuildError::Unknown { path: source.clone() })?;
    // Other languages tell the lines themselves.
    let tells_no_lines = |language| matches!(language, Language::C | Language::Cpp | Language::Zig);
    let with_lines = match project.map(|project| project.language) {
        Some(language) if tells_no_lines(language) => Some(wrap::wrap_whole(&source, &bytes)?),
        _ => None,
    };
    let bytes = match kind {
        wrap::Kind::Module => wrap::wrap(&source, &bytes)?,
        wrap::Kind::Component => bytes,
    };
    let imports = wrap::check(&source, &bytes)?;
    let place = match (out, kind) {
        (Some(out), _) => Some(out.to_owned()),
        (None, wrap::Kind::Component) if source == path => None,
        (None, _) => Some(default),
    };
    if let Some(place) = &place {
        write(place, &bytes).map_err(|error| BuildError::File { path: place.clone(), error })?;
    }
    Ok(Built { digest: sha256(&bytes), size: bytes.len(), path: place.unwrap_or(source), imports, bytes, with_lines })
}

/// Puts what a build of the project in a folder needs into its `build` folder: the interface, the SDK, the bindings.
///
/// # Errors
///
/// If the folder holds no project, or it can't be written.
pub fn lay_out(folder: &Path) -> Result<(), BuildError> {
    match Project::find(folder)? {
        Some(project) => parts::lay_out(&project).map(drop),
        None => Err(BuildError::Unknown { path: folder.to_owned() }),
    }
}

/// What a project's tools made, and where the component goes by default.
fn build_project(project: &Project) -> Result<(PathBuf, PathBuf), BuildError> {
    let default = project.build_folder().join(&project.name).with_extension("wasm");
    let made = match project.language {
        Language::Rust => {
            if cargo::wants_parts(&project.folder) {
                parts::lay_out(project)?;
            }
            let artefact = cargo::build(&project.folder)?;
            let default = artefact.target_folder.join("plugins").join(&artefact.package).with_extension("wasm");
            return Ok((artefact.module, default));
        }
        Language::TypeScript => javascript::build(project, &parts::lay_out(project)?)?,
        Language::Python => python::build(project, &parts::lay_out(project)?)?,
        Language::Go => go::build(project, &parts::lay_out(project)?)?,
        Language::C | Language::Cpp | Language::Zig => zig::build(project, &parts::lay_out(project)?)?,
    };
    Ok((made, default))
}

/// Writes a file whole or not at all, so that a host that watches it never reads half.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().permissions(readable_by_all()).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(unix)]
fn readable_by_all() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

#[cfg(test)]
mod tests;
