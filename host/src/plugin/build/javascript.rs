//! TypeScript and JavaScript: esbuild bundles, componentize-qjs puts the bundle into QuickJS.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use sourcemap::SourceMap;

use super::BuildError;
use super::parts::Parts;
use super::project::Project;
use super::tool::{self, COMPONENTIZE_QJS, ESBUILD};

/// QuickJS as componentize-qjs 0.4 has it never gives a borrowed handle back.
const WORLD: &str = "owning-detector";

/// Makes a component and gives its place.
pub(super) fn build(project: &Project, parts: &Parts) -> Result<PathBuf, BuildError> {
    let esbuild = ESBUILD.find(&project.folder)?;
    let componentize = COMPONENTIZE_QJS.find(&project.folder)?;
    let build = project.build_folder();
    let (entry, bundle, out) = (build.join("entry.js"), build.join("bundle.js"), build.join("made.wasm"));
    let source = project.sources[0].display().to_string();
    let text = format!(
        "import detector from {};\nimport {{ component }} from \"@watchfire/sdk\";\n\nexport const owningGuest = component(detector);\n",
        serde_json::Value::String(source)
    );
    std::fs::write(&entry, text).map_err(|error| BuildError::File { path: entry.clone(), error })?;
    let joined = |name: &str, path: PathBuf| -> OsString { [OsStr::new(name), path.as_os_str()].into_iter().collect() };
    let (sdk, outfile) =
        (joined("--alias:@watchfire/sdk=", parts.sdk.join("src/index.ts")), joined("--outfile=", bundle.clone()));
    let args: [&OsStr; 10] = [
        entry.as_ref(),
        "--sourcemap=external".as_ref(),
        "--bundle".as_ref(),
        "--format=esm".as_ref(),
        "--platform=neutral".as_ref(),
        "--main-fields=module,main".as_ref(),
        "--external:watchfire:*".as_ref(),
        "--log-level=warning".as_ref(),
        &sdk,
        &outfile,
    ];
    tool::run(&esbuild, &project.folder, &args, &[])?;
    append_places(project, &bundle)?;
    let args: [&OsStr; 10] = [
        "--wit".as_ref(),
        parts.wit.as_ref(),
        "--world".as_ref(),
        WORLD.as_ref(),
        "--js".as_ref(),
        bundle.as_ref(),
        "--stub-wasi".as_ref(),
        "--sync".as_ref(),
        "--output".as_ref(),
        out.as_ref(),
    ];
    tool::run(&componentize, &project.folder, &args, &[])?;
    Ok(out)
}

/// Tells the SDK where each line of the bundle comes from, so that stacks name the author's files.
fn append_places(project: &Project, bundle: &Path) -> Result<(), BuildError> {
    let file_error = |error| BuildError::File { path: bundle.to_owned(), error };
    let map = std::fs::read(bundle.with_extension("js.map")).map_err(file_error)?;
    let map = SourceMap::from_slice(&map).map_err(|error| BuildError::Bindings { why: error.to_string() })?;
    let (mut files, mut lines) = (Vec::new(), BTreeMap::new());
    for token in map.tokens() {
        let Some(source) = token.get_source().filter(|source| !source.contains("node_modules")) else { continue };
        let build = bundle.parent().unwrap_or(&project.folder);
        let path = lexically(&build.join(source));
        let name = path.strip_prefix(&project.folder).unwrap_or(&path).display().to_string();
        let file = files.iter().position(|known| *known == name).unwrap_or_else(|| {
            files.push(name);
            files.len() - 1
        });
        lines.entry(token.get_dst_line() + 1).or_insert([file as u32, token.get_src_line() + 1]);
    }
    let places = serde_json::json!({ "files": files, "lines": lines });
    let text = std::fs::read_to_string(bundle).map_err(file_error)?;
    std::fs::write(bundle, format!("{text}globalThis.watchfirePlaces = {places};\n")).map_err(file_error)
}

/// A path without `..`, by its words alone.
fn lexically(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}
