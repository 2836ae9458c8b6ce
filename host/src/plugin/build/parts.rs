//! What the host brings along for a build: the interface, the SDKs, and bindings that are generated from the interface.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use wit_bindgen_core::Files;
use wit_component::StringEncoding;
use wit_parser::{Resolve, WorldId};

use super::project::Language;
use super::{BuildError, project};

static SDK: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../sdk");
static WIT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../wit/detector");

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
/// that this host speaks, so that they can't drift apart.
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
    write_dir(&WIT, &parts.wit)?;
    // C++ stands on what C has.
    let below = if language == Language::Cpp { Some(Language::C) } else { None };
    for language in [Some(language), below].into_iter().flatten() {
        let to = build.join("sdk").join(language.name());
        match std::env::var_os(OTHER_SDK) {
            Some(folder) => copy(&Path::new(&folder).join(language.name()), &to)?,
            None => SDK.get_dir(language.name()).map_or(Ok(()), |dir| write_dir(dir, &to))?,
        }
    }
    match language {
        Language::C | Language::Cpp | Language::Zig => generate(&parts, &mut *c_options().build())?,
        Language::Go => generate(&parts, &mut *go_options().build())?,
        Language::Rust | Language::TypeScript | Language::Python => {}
    }
    Ok(parts)
}

fn c_options() -> wit_bindgen_c::Opts {
    wit_bindgen_c::Opts::default()
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
    embedded.map_err(told)?;
    Ok(module)
}

fn told(error: anyhow::Error) -> BuildError {
    BuildError::Bindings { why: format!("{error:#}") }
}

fn generate(parts: &Parts, generator: &mut dyn wit_bindgen_core::WorldGenerator) -> Result<(), BuildError> {
    let (mut resolve, world) = resolve(parts).map_err(told)?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).map_err(told)?;
    for (name, bytes) in files.iter() {
        match name.ends_with(".go") {
            true => {
                let text = String::from_utf8_lossy(bytes).replace(GO_RUNTIME.0, GO_RUNTIME.1);
                write(&parts.bindings.join(name), text.as_bytes())?;
            }
            false => write(&parts.bindings.join(name), bytes)?,
        }
    }
    Ok(())
}

fn write_dir(dir: &Dir<'_>, to: &Path) -> Result<(), BuildError> {
    for file in dir.files() {
        write(&to.join(file.path().file_name().unwrap_or_default()), file.contents())?;
    }
    for below in dir.dirs() {
        write_dir(below, &to.join(below.path().file_name().unwrap_or_default()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), BuildError> {
    let told = |error| BuildError::File { path: from.to_owned(), error };
    for entry in std::fs::read_dir(from).map_err(told)? {
        let entry = entry.map_err(told)?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to)?,
            false => write(&to, &std::fs::read(&path).map_err(told)?)?,
        }
    }
    Ok(())
}

/// Leaves alone what is as it should be, so that tools that go by times don't build it again.
fn write(path: &Path, contents: &[u8]) -> Result<(), BuildError> {
    if std::fs::read(path).is_ok_and(|there| there == contents) {
        return Ok(());
    }
    let told = |error| BuildError::File { path: path.to_owned(), error };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(told)?;
    }
    std::fs::write(path, contents).map_err(told)
}
