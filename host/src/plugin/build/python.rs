//! Python, by componentize-py: CPython and the detector's modules in one component, imported before it is frozen.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::BuildError;
use super::parts::{Parts, WORLD};
use super::project::Project;
use super::tool::{self, COMPONENTIZE_PY};

/// The module that the component is made of.
const APP: &str = "watchfire_component";

/// Makes a component and gives its place.
pub(super) fn build(project: &Project, parts: &Parts) -> Result<PathBuf, BuildError> {
    let componentize = COMPONENTIZE_PY.find(&project.folder)?;
    let source = &project.sources[0];
    let folder = source.parent().unwrap_or(&project.folder);
    let module = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let entry = project.build_folder().join("entry");
    let file_error = |error| BuildError::File { path: entry.clone(), error };
    std::fs::create_dir_all(&entry).map_err(file_error)?;
    let text = std::fs::read_to_string(source).map_err(|error| BuildError::File { path: source.clone(), error })?;
    // Whoever does without the SDK implements the interface itself.
    let has_sdk = text.lines().any(|line| line.starts_with("import watchfire") || line.starts_with("from watchfire"));
    let guest = if has_sdk { "watchfire._guest" } else { module.as_str() };
    let text = format!("import {module}\nfrom {guest} import Guest\n\nassert {module} and Guest\n");
    std::fs::write(entry.join(APP).with_extension("py"), text).map_err(file_error)?;
    let out = project.build_folder().join("made.wasm");
    let mut args: Vec<&OsStr> = vec!["-q".as_ref(), "-d".as_ref(), parts.wit.as_ref(), "-w".as_ref(), WORLD.as_ref()];
    args.extend(["componentize".as_ref(), "--stub-wasi".as_ref(), APP.as_ref(), "-o".as_ref(), out.as_os_str()]);
    let vendored = project.build_folder().join("site-packages");
    for path in [&entry, folder, parts.sdk.as_path(), vendored.as_path()] {
        args.extend(["-p".as_ref(), path.as_os_str()]);
    }
    // The seed of hashes decides the order of sets, which is frozen with the rest.
    tool::run(&componentize, &project.folder, &args, &[("PYTHONHASHSEED", "0".as_ref())])?;
    Ok(out)
}
