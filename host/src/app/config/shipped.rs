//! Detectors that ship with the host: `use = "rules"` in a config names one.

use std::path::{Path, PathBuf};

use crate::diagnostic::suggestion;

/// Where their components are, seen from the folder of the binary: a release's archive, an installation.
const INSTALLED: [&str; 2] = ["plugins", "../share/watchfire/plugins"];

/// The same in a folder that cargo builds in: a build, its tests.
const BUILT: [&str; 2] = ["../plugins", "../../plugins"];

/// Returns the component of a detector that ships with a binary.
///
/// # Errors
///
/// If nothing ships with it, or no detector of that name: what is wrong, and what to do.
pub fn component(name: &str, binary: &Path) -> Result<PathBuf, (String, String)> {
    let beside = binary.parent().unwrap_or(Path::new("."));
    // Cargo marks the folder that it builds in. Without the mark, it is a folder of others, `/tmp/plugins` as well.
    let built = BUILT.iter().map(|place| beside.join(place));
    let built = built.filter(|folder| folder.with_file_name("CACHEDIR.TAG").is_file());
    let installed = INSTALLED.iter().map(|place| beside.join(place));
    let folder = installed.chain(built).find(|folder| folder.is_dir());
    // Without `..`, as messages name it.
    let folder = folder.map(|folder| folder.canonicalize().unwrap_or(folder));
    let Some(folder) = folder else {
        let message = format!("no detectors ship with `{}`", binary.display());
        return Err((
            message,
            "name the file, as `component = \"…\"`; a clone builds them by `cargo xtask plugins`".into(),
        ));
    };
    let path = folder.join(name).with_extension("wasm");
    // A name is no path: it reaches nothing outside of the folder.
    if path.is_file() && path.parent() == Some(&folder) {
        return Ok(path);
    }
    let names = names(&folder);
    let message = format!("`{}` has no detector `{name}`", folder.display());
    Err((message, suggestion(name, names.iter().map(String::as_str))))
}

fn names(folder: &Path) -> Vec<String> {
    let paths = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let components = paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    let mut names: Vec<String> =
        components.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_where_a_binary_has_its_detectors() {
        for (binary, plugins) in [
            ("release/watchfire", "release/plugins"),
            ("target/debug/watchfire", "target/plugins"),
            ("target/debug/deps/config-1", "target/plugins"),
            ("usr/bin/watchfire", "usr/share/watchfire/plugins"),
        ] {
            let root = tempfile::tempdir().unwrap();
            let (binary, plugins) = (root.path().join(binary), root.path().join(plugins));
            std::fs::create_dir_all(binary.parent().unwrap()).unwrap();
            // A folder of somebody else's, as anyone may make one in `/tmp`.
            std::fs::create_dir_all(root.path().join("plugins")).unwrap();
            std::fs::write(root.path().join("plugins/rules.wasm"), "").unwrap();
            assert!(component("rules", &binary).unwrap_err().0.contains("no detectors ship with"), "{binary:?}");
            std::fs::create_dir_all(&plugins).unwrap();
            std::fs::write(plugins.with_file_name("CACHEDIR.TAG"), "").unwrap();
            for name in ["rules.wasm", "outflow.wasm", "README.md"] {
                std::fs::write(plugins.join(name), "").unwrap();
            }
            std::fs::write(plugins.join("../secret.wasm"), "").unwrap();
            let found = component("rules", &binary).unwrap();
            assert_eq!(found.canonicalize().unwrap(), plugins.join("rules.wasm").canonicalize().unwrap());
            let (message, help) = component("rule", &binary).unwrap_err();
            assert!(message.ends_with("has no detector `rule`") && help.contains("`rules`"), "{message} {help}");
            assert!(component("../secret", &binary).is_err(), "{binary:?}");
        }
    }
}
