//! What the host brings along for a build: the interface, the SDKs, and bindings that are generated from the interface.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rust_embed::Embed;
use wit_bindgen_core::Files;
use wit_component::StringEncoding;
use wit_parser::{Resolve, WorldId};

use super::project::Language;
use super::{BuildError, project};

/// The SDKs, a folder for each language. A debug build reads them from the source tree, so that a change in one needs no
/// build of the host.
#[derive(Embed)]
#[folder = "../sdk"]
struct Sdk;

/// The interface.
#[derive(Embed)]
#[folder = "../wit/detector"]
struct Wit;

/// Names a folder of SDKs to take in place of the ones that are built in: for those who work on one.
const OTHER_SDK: &str = "WATCHFIRE_SDK";

/// World that detectors implement.
pub(super) const WORLD: &str = "detector";

/// Where the parts of a project's build lie.
pub(super) struct Parts {
    /// The interface.
    pub(super) wit: PathBuf,
    /// The language's SDK.
    pub(super) sdk: PathBuf,
    /// What was generated.
    pub(super) bindings: PathBuf,
}

/// Puts what a build needs into the project's `build` folder, as `sdk/LANGUAGE`, `wit` and `bindings`: of the version
/// that this host speaks, so that they can't drift apart. What another version left there goes.
pub(super) fn lay_out(project: &project::Project) -> Result<Parts, BuildError> {
    let build = project.build_folder();
    let language = project.language;
    let parts = Parts {
        wit: build.join("wit/detector"),
        sdk: build.join("sdk").join(language.name()),
        bindings: match language {
            Language::Go => build.join("sdk/go/bindings"),
            _ => build.join("bindings"),
        },
    };
    let mut layout = Layout::default();
    layout.write_embedded::<Wit>("", &parts.wit)?;
    // C++ stands on what C has.
    let below = if language == Language::Cpp { Some(Language::C) } else { None };
    for language in [Some(language), below].into_iter().flatten() {
        let to = build.join("sdk").join(language.name());
        match std::env::var_os(OTHER_SDK) {
            Some(folder) => layout.copy(&Path::new(&folder).join(language.name()), &to)?,
            None => layout.write_embedded::<Sdk>(&format!("{}/", language.name()), &to)?,
        }
    }
    // The crate's own `wit` is a link in the source tree, which a debug build does not follow out of the folder.
    if language == Language::Rust {
        layout.write_embedded::<Wit>("", &parts.sdk.join("wit"))?;
    }
    match language {
        Language::C | Language::Cpp | Language::Zig => {
            generate(&parts, &mut *wit_bindgen_c::Opts::default().build(), &mut layout)?;
        }
        Language::Go => generate(&parts, &mut *go_options().build(), &mut layout)?,
        Language::Rust | Language::TypeScript | Language::Python => {}
    }
    ["wit", "sdk", "bindings"].iter().try_for_each(|folder| layout.prune(&build.join(folder)))?;
    Ok(parts)
}

fn go_options() -> wit_bindgen_go::Opts {
    wit_bindgen_go::Opts {
        pkg_name: Some("watchfire.dev/sdk/bindings".to_owned()),
        export_pkg_name: Some("watchfire.dev/sdk/internal".to_owned()),
        // Where there is no gofmt, writing to it would end a command that ends with its reader.
        format: wit_bindgen_go::Format::False,
        ..Default::default()
    }
}

/// What Go's bindings call their runtime, and what ours is called.
const GO_RUNTIME: (&str, &str) = ("go.bytecodealliance.org/pkg/wit/", "watchfire.dev/sdk/internal/wit/");

fn resolve(parts: &Parts) -> anyhow::Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&parts.wit)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    Ok((resolve, world))
}

/// A core module with the interface that it is to be wrapped by.
pub(super) fn with_interface(parts: &Parts, mut module: Vec<u8>) -> Result<Vec<u8>, BuildError> {
    let embedded = resolve(parts).and_then(|(resolve, world)| {
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
    });
    embedded.map_err(parts_error)?;
    Ok(module)
}

fn parts_error(error: anyhow::Error) -> BuildError {
    BuildError::Bindings { why: format!("{error:#}") }
}

fn generate(
    parts: &Parts,
    generator: &mut dyn wit_bindgen_core::WorldGenerator,
    layout: &mut Layout,
) -> Result<(), BuildError> {
    let (mut resolve, world) = resolve(parts).map_err(parts_error)?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).map_err(parts_error)?;
    for (name, bytes) in files.iter() {
        match name.ends_with(".go") {
            true => {
                let text = String::from_utf8_lossy(bytes).replace(GO_RUNTIME.0, GO_RUNTIME.1);
                layout.write(parts.bindings.join(name), text.as_bytes())?;
            }
            false => layout.write(parts.bindings.join(name), bytes)?,
        }
    }
    Ok(())
}

/// Files as they are to be, each remembered.
#[derive(Default)]
struct Layout {
    written: BTreeSet<PathBuf>,
}

impl Layout {
    /// Writes the files whose names begin with `prefix`, without it, into the folder `to`.
    fn write_embedded<Files: Embed>(&mut self, prefix: &str, to: &Path) -> Result<(), BuildError> {
        for name in Files::iter() {
            let within = name.strip_prefix(prefix).filter(|within| !Path::new(within).iter().any(is_cache_name));
            if let (Some(within), Some(file)) = (within, Files::get(&name)) {
                self.write(to.join(within), &file.data)?;
            }
        }
        Ok(())
    }

    fn copy(&mut self, from: &Path, to: &Path) -> Result<(), BuildError> {
        for path in entries(from)? {
            let to = to.join(path.file_name().unwrap_or_default());
            match path.is_dir() {
                true if is_cache(&path) => {}
                true => self.copy(&path, &to)?,
                false => {
                    let contents = std::fs::read(&path);
                    self.write(to, &contents.map_err(|error| BuildError::File { path, error })?)?;
                }
            }
        }
        Ok(())
    }

    /// Leaves alone what is as it should be, so that tools that go by times don't build it again.
    fn write(&mut self, path: PathBuf, contents: &[u8]) -> Result<(), BuildError> {
        if !std::fs::read(&path).is_ok_and(|there| there == contents) {
            let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            let written = folder.and_then(|()| std::fs::write(&path, contents));
            written.map_err(|error| BuildError::File { path: path.clone(), error })?;
        }
        self.written.insert(path);
        Ok(())
    }

    /// Removes files that were not written now.
    fn prune(&self, folder: &Path) -> Result<(), BuildError> {
        if !folder.exists() {
            return Ok(());
        }
        for path in entries(folder)? {
            match path.is_dir() {
                true if is_cache(&path) => {}
                true => self.prune(&path)?,
                false if self.written.contains(&path) => {}
                false => std::fs::remove_file(&path).map_err(|error| BuildError::File { path, error })?,
            }
        }
        Ok(())
    }
}

/// Whether it is a folder in which Python keeps what it compiled.
fn is_cache(path: &Path) -> bool {
    path.file_name().is_some_and(is_cache_name)
}

fn is_cache_name(name: &std::ffi::OsStr) -> bool {
    name == "__pycache__"
}

/// What lies in a folder, in order.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let read = std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = read.map_err(|error| BuildError::File { path: folder.to_owned(), error })?;
    paths.sort();
    Ok(paths)
}
