//! TypeScript and JavaScript: esbuild bundles, componentize-qjs puts the bundle into QuickJS.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

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
    let args: [&OsStr; 9] = [
        entry.as_ref(),
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
