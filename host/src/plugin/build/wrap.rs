//! Core module to component, and what a component asks for.

use std::path::Path;

use wit_component::{ComponentEncoder, DecodedWasm};

use super::BuildError;
use super::adapter::adapter;

/// The interfaces that make a component a detector, either of them.
pub(super) const EXPORTS: [&str; 2] = ["watchfire:detector/guest", "watchfire:detector/owning-guest"];

/// Interfaces of ours that a detector may import.
const OURS: [&str; 5] = ["batches", "chain", "log", "state", "types"];

/// Packages of WASI that are linked with nothing granted, for languages whose runtime brings them along.
const WASI: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// What a file of wasm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Module,
    Component,
}

/// By the file's first eight bytes; `None` where it is no wasm.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    match bytes.first_chunk::<8>()? {
        b"\0asm\x01\0\0\0" => Some(Kind::Module),
        b"\0asm\x0d\0\x01\0" => Some(Kind::Component),
        _ => None,
    }
}

/// Wraps a core module by the interface that its bindings left in it, without what only debuggers read.
pub(super) fn wrap(path: &Path, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    wrap_whole(path, without_debug(module).as_deref().unwrap_or(module))
}

/// The same with everything.
pub(super) fn wrap_whole(path: &Path, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let wrapped = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.adapter("wasi_snapshot_preview1", &adapter()))
        .and_then(|mut encoder| encoder.encode());
    wrapped.map_err(|error| BuildError::Unwrappable { path: path.to_owned(), why: format!("{error:#}") })
}

/// A core module without the sections that only debuggers read, which name this machine's folders; `None` where it is not
/// laid out as a module is.
fn without_debug(module: &[u8]) -> Option<Vec<u8>> {
    let (mut lean, mut rest) = (module.get(..8)?.to_vec(), module.get(8..)?);
    while let Some((&id, after)) = rest.split_first() {
        let (size, body) = leb128(after)?;
        let contents = body.get(..size)?;
        let section = &rest[..rest.len() - body.len() + size];
        let is_debug = id == 0 && {
            let (length, name) = leb128(contents)?;
            name.get(..length)?.starts_with(b".debug_")
        };
        if !is_debug {
            lean.extend_from_slice(section);
        }
        rest = &body[size..];
    }
    Some(lean)
}

/// A number of the binary format, and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

/// Checks what a component exports and imports, and gives its imports.
pub(super) fn check(path: &Path, component: &[u8]) -> Result<Vec<String>, BuildError> {
    let unwrappable = |why: String| BuildError::Unwrappable { path: path.to_owned(), why };
    let decoded = wit_component::decode(component).map_err(|error| unwrappable(format!("{error:#}")))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(unwrappable("it holds an interface and no code".to_owned()));
    };
    let world = &resolve.worlds[world];
    let exports: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    if !exports.iter().any(|name| name.split('@').next().is_some_and(|name| EXPORTS.contains(&name))) {
        let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
        return Err(BuildError::NotADetector { path: path.to_owned(), exports });
    }
    let mut imports: Vec<String> = world.imports.keys().map(|key| resolve.name_world_key(key)).collect();
    imports.sort();
    let ungranted: Vec<String> =
        imports.iter().filter(|name| !is_granted(name)).map(|name| format!("`{name}`")).collect();
    if ungranted.is_empty() {
        Ok(imports)
    } else {
        Err(BuildError::Ungranted { path: path.to_owned(), imports: ungranted.join(", ") })
    }
}

fn is_granted(import: &str) -> bool {
    let name = import.split('@').next().unwrap_or(import);
    let Some((package, interface)) = name.split_once('/') else { return false };
    match package.split_once(':') {
        Some(("watchfire", "detector")) => OURS.contains(&interface),
        Some(("wasi", package)) => WASI.contains(&package),
        _ => false,
    }
}

/// What a detector may import, in words.
pub(super) fn granted() -> String {
    format!("watchfire:detector/{{{}}} and an empty WASI", OURS.join(","))
}
