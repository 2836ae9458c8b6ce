//! C, C++ and Zig, by the one compiler that has all three and a C library for the sandbox.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::BuildError;
use super::parts::Parts;
use super::project::{self, Language, Project};
use super::tool::{self, ZIG};

const TARGET: [&str; 2] = ["-target", "wasm32-wasi"];
/// 256-bit numbers are `_BitInt`, wider than what clang has for wasm unless told.
const WIDE: [&str; 2] = ["-Xclang", "-fexperimental-max-bitint-width=512"];
/// A reactor has no `main`.
const REACTOR: &str = "-mexec-model=reactor";
/// What debuggers read is left out when it is wrapped; the names of functions stay for traps.
const C_FLAGS: [&str; 5] = ["-O2", "-g1", "-Wall", "-fno-exceptions", "-Wl,-z,stack-size=262144"];
const ZIG_FLAGS: [&str; 6] = ["-fno-entry", "-rdynamic", "-O", "ReleaseSafe", "--stack", "262144"];

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

/// The SDK is a library in C, also for C++. Bindings come after the author's sources, so that who implements the interface
/// there takes none of the SDK from the library; but C++ links them as a part of it, since one command takes one standard.
fn build_c(zig: &Path, project: &Project, parts: &Parts, out: &Path) -> Result<(), BuildError> {
    let is_cpp = project.language == Language::Cpp;
    let c_sdk = parts.sdk.with_file_name(Language::C.name());
    let folders = [&parts.sdk, &c_sdk, &parts.bindings, &project.folder.join("src")];
    let includes = folders.map(|folder| joined("-I", folder));
    let remap = concat(&["-ffile-prefix-map=".as_ref(), project.folder.as_os_str(), "=.".as_ref()]);
    let library = project.build_folder().join("libwatchfire.a");
    let emitted = joined("-femit-bin=", &library);
    let (mut below, mut sources) = (project::files(&c_sdk, &["c"])?, project.sources.clone());
    if is_cpp { &mut below } else { &mut sources }.push(parts.bindings.join("detector.c"));

    let mut args = os(&["build-lib", "-O", "ReleaseFast", "-lc"]);
    args.extend(os(&TARGET));
    args.push(&emitted);
    args.extend(includes.iter().map(OsString::as_os_str));
    args.extend(["-cflags".as_ref(), remap.as_os_str()]);
    args.extend(os(&WIDE));
    args.push("--".as_ref());
    args.extend(below.iter().map(|source| source.as_os_str()));
    tool::run(zig, &project.folder, &args, &[])?;

    let object = parts.bindings.join("detector_component_type.o");
    let mut args = os(if is_cpp { &["c++", "-std=c++20"] } else { &["cc", "-std=c17"] });
    args.extend(os(&TARGET));
    args.extend(os(&WIDE));
    args.extend(os(&C_FLAGS));
    args.extend([REACTOR.as_ref(), remap.as_os_str()]);
    args.extend(includes.iter().map(OsString::as_os_str));
    args.extend(sources.iter().map(|source| source.as_os_str()));
    args.extend([library.as_os_str(), object.as_os_str(), "-o".as_ref(), out.as_os_str()]);
    tool::run(zig, &project.folder, &args, &[]).map(drop)
}

fn build_zig(zig: &Path, project: &Project, parts: &Parts, out: &Path) -> Result<(), BuildError> {
    let bindings = project.build_folder().join("bindings.zig");
    translate(zig, project, parts, &bindings)?;
    let (root, sdk) =
        (joined("-Mroot=", &parts.sdk.join("entry.zig")), joined("-Mwatchfire=", &parts.sdk.join("watchfire.zig")));
    let (detector, raw) = (joined("-Mdetector=", &project.sources[0]), joined("-Mbindings=", &bindings));
    let (emitted, include) = (joined("-femit-bin=", out), joined("-I", &parts.bindings));
    let (c, object) = (parts.bindings.join("detector.c"), parts.bindings.join("detector_component_type.o"));
    let mut args = os(&["build-exe", REACTOR, "-lc"]);
    args.extend(os(&TARGET));
    args.extend(os(&ZIG_FLAGS));
    args.extend([include.as_os_str(), c.as_os_str(), object.as_os_str()]);
    // Each module after what it imports.
    args.extend(os(&["--dep", "detector", "--dep", "watchfire"]));
    args.push(&root);
    args.extend(os(&["--dep", "watchfire"]));
    args.push(&detector);
    args.extend(os(&["--dep", "bindings"]));
    args.extend([sdk.as_os_str(), raw.as_os_str(), emitted.as_os_str()]);
    tool::run(zig, &project.folder, &args, &[]).map(drop)
}

/// Zig reads the C header of the bindings once it is translated.
fn translate(zig: &Path, project: &Project, parts: &Parts, to: &Path) -> Result<(), BuildError> {
    let header = parts.bindings.join("detector.h");
    let mut args = os(&["translate-c", "-lc"]);
    args.extend(os(&TARGET));
    args.push(header.as_ref());
    let text = tool::run(zig, &project.folder, &args, &[])?;
    std::fs::write(to, text).map_err(|error| BuildError::File { path: to.to_owned(), error })
}

fn os<'a>(args: &[&'a str]) -> Vec<&'a OsStr> {
    args.iter().map(|arg| OsStr::new(*arg)).collect()
}

/// An option with a path behind it.
fn joined(option: &str, path: &Path) -> OsString {
    concat(&[option.as_ref(), path.as_os_str()])
}

fn concat(parts: &[&OsStr]) -> OsString {
    parts.iter().copied().collect()
}
