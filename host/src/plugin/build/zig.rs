//! C, C++ and Zig, by the one compiler that has all three and a C library for the sandbox.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::BuildError;
use super::parts::Parts;
use super::project::{Language, Project};
use super::tool::{self, ZIG};

const TARGET: [&str; 2] = ["-target", "wasm32-wasi"];
/// 256-bit numbers are `_BitInt`, wider than what clang has for wasm unless told.
const WIDE: [&str; 2] = ["-Xclang", "-fexperimental-max-bitint-width=512"];
/// A reactor has no `main`. What debuggers read is left out when it is wrapped; the names of functions stay for traps.
const LINKED: [&str; 6] =
    ["-mexec-model=reactor", "-O2", "-g1", "-Wall", "-fno-exceptions", "-Wl,-z,stack-size=262144"];

/// Compiles a core module and gives its place.
pub(super) fn build(project: &Project, parts: &Parts) -> Result<PathBuf, BuildError> {
    let zig = ZIG.find(&project.folder)?;
    let out = project.build_folder().join("core.wasm");
    match project.language {
        Language::Zig => build_zig(&zig, project, parts, &out)?,
        _ => build_c(&zig, project, parts, &out)?,
    }
    Ok(out)
}

/// The SDK and the bindings are C in either case; C++ links them as a library, since one command takes one standard.
fn build_c(zig: &Path, project: &Project, parts: &Parts, out: &Path) -> Result<(), BuildError> {
    let is_cpp = project.language == Language::Cpp;
    let c_sdk = parts.sdk.with_file_name(Language::C.name());
    let include = |folder: &Path| concat(&["-I".as_ref(), folder.as_os_str()]);
    let includes =
        [include(&parts.sdk), include(&c_sdk), include(&parts.bindings), include(&project.folder.join("src"))];
    let remap = concat(&["-ffile-prefix-map=".as_ref(), project.folder.as_os_str(), "=.".as_ref()]);
    // Whoever does without the SDK implements the interface itself.
    let mut below = if project.mentions("watchfire.h")? { sources_in(&c_sdk)? } else { Vec::new() };
    below.push(parts.bindings.join("detector.c"));
    let library = project.build_folder().join("libwatchfire.a");
    if is_cpp {
        let emitted = concat(&["-femit-bin=".as_ref(), library.as_os_str()]);
        let mut args: Vec<&OsStr> =
            vec!["build-lib".as_ref(), "-O".as_ref(), "ReleaseSmall".as_ref(), "-lc".as_ref(), &emitted];
        args.extend(TARGET.iter().map(OsStr::new));
        args.extend(includes.iter().map(OsString::as_os_str));
        args.extend(["-cflags".as_ref(), remap.as_os_str()]);
        args.extend(WIDE.iter().map(OsStr::new));
        args.push("--".as_ref());
        args.extend(below.iter().map(|source| source.as_os_str()));
        tool::run(zig, &project.folder, &args, &[])?;
        below = vec![library];
    }
    let (driver, standard) = if is_cpp { ("c++", "-std=c++20") } else { ("cc", "-std=c17") };
    let mut args: Vec<&OsStr> = vec![driver.as_ref(), standard.as_ref(), &remap];
    args.extend(TARGET.iter().chain(&WIDE).chain(&LINKED).map(OsStr::new));
    args.extend(includes.iter().map(OsString::as_os_str));
    args.extend(project.sources.iter().chain(&below).map(|source| source.as_os_str()));
    let object = parts.bindings.join("detector_component_type.o");
    args.extend([object.as_os_str(), "-o".as_ref(), out.as_os_str()]);
    tool::run(zig, &project.folder, &args, &[]).map(drop)
}

fn build_zig(zig: &Path, project: &Project, parts: &Parts, out: &Path) -> Result<(), BuildError> {
    let bindings = parts.bindings.join("bindings.zig");
    translate(zig, project, parts, &bindings)?;
    let module = |name: &str, path: &Path| concat(&[format!("-M{name}=").as_ref(), path.as_os_str()]);
    let (root, sdk, raw) = (
        module("root", &parts.sdk.join("entry.zig")),
        module("watchfire", &parts.sdk.join("watchfire.zig")),
        module("bindings", &bindings),
    );
    let detector = module("detector", &project.sources[0]);
    let emitted = concat(&["-femit-bin=".as_ref(), out.as_os_str()]);
    let (c, object) = (parts.bindings.join("detector.c"), parts.bindings.join("detector_component_type.o"));
    let include = concat(&["-I".as_ref(), parts.bindings.as_os_str()]);
    let args: Vec<&OsStr> = vec![
        "build-exe".as_ref(),
        "-target".as_ref(),
        "wasm32-wasi".as_ref(),
        "-mexec-model=reactor".as_ref(),
        "-fno-entry".as_ref(),
        "-rdynamic".as_ref(),
        "-O".as_ref(),
        "ReleaseSafe".as_ref(),
        "--stack".as_ref(),
        "262144".as_ref(),
        "-lc".as_ref(),
        &include,
        c.as_ref(),
        object.as_ref(),
        "--dep".as_ref(),
        "detector".as_ref(),
        "--dep".as_ref(),
        "watchfire".as_ref(),
        &root,
        "--dep".as_ref(),
        "watchfire".as_ref(),
        &detector,
        "--dep".as_ref(),
        "bindings".as_ref(),
        &sdk,
        &raw,
        &emitted,
    ];
    tool::run(zig, &project.folder, &args, &[]).map(drop)
}

/// Zig reads the C header of the bindings once it is translated.
fn translate(zig: &Path, project: &Project, parts: &Parts, to: &Path) -> Result<(), BuildError> {
    let header = parts.bindings.join("detector.h");
    let args: [&OsStr; 5] =
        ["translate-c".as_ref(), "-target".as_ref(), "wasm32-wasi".as_ref(), "-lc".as_ref(), header.as_ref()];
    let text = tool::run(zig, &project.folder, &args, &[])?;
    std::fs::write(to, text).map_err(|error| BuildError::File { path: to.to_owned(), error })
}

fn sources_in(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let told = |error| BuildError::File { path: folder.to_owned(), error };
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            sources.push(path);
        }
    }
    sources.sort();
    Ok(sources)
}

fn concat(parts: &[&OsStr]) -> OsString {
    parts.iter().copied().collect()
}
