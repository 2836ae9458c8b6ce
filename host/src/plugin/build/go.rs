//! Go, by its own toolchain: a WASI reactor whose system calls lead nowhere.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::BuildError;
use super::parts::{self, Parts};
use super::project::Project;
use super::tool::{self, GO};

/// Makes a core module and gives its place.
pub(super) fn build(project: &Project, parts: &Parts) -> Result<PathBuf, BuildError> {
    let go = GO.find(&project.folder)?;
    let out = project.build_folder().join("core.wasm");
    let flags = "-ldflags=-w -buildid=";
    let args: [&OsStr; 8] = [
        "build".as_ref(),
        "-buildmode=c-shared".as_ref(),
        "-trimpath".as_ref(),
        "-buildvcs=false".as_ref(),
        flags.as_ref(),
        "-o".as_ref(),
        out.as_ref(),
        ".".as_ref(),
    ];
    let target: [(&str, &OsStr); 3] =
        [("GOOS", "wasip1".as_ref()), ("GOARCH", "wasm".as_ref()), ("GOFLAGS", "-mod=mod".as_ref())];
    tool::run(&go, &project.folder, &args, &target)?;
    // Other bindings carry the interface in an object file, which the linker of Go would not take.
    let file_error = |error| BuildError::File { path: out.clone(), error };
    let module = parts::with_interface(parts, std::fs::read(&out).map_err(file_error)?)?;
    std::fs::write(&out, module).map_err(file_error)?;
    Ok(out)
}
