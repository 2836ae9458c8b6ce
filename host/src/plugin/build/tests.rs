use std::path::Path;

use super::*;

fn check(name: &str, contents: &[u8], expected: Result<&[&str], &str>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, contents).unwrap();
    told(build(&path, None), folder.path(), expected);
}

fn told(built: Result<Built, BuildError>, folder: &Path, expected: Result<&[&str], &str>) {
    let shown = folder.canonicalize().unwrap().display().to_string();
    match (built, expected) {
        (Ok(built), Ok(imports)) => assert_eq!(built.imports, imports),
        (Err(error), Err(message)) => {
            let error = error.to_string().replace(&shown, "…").replace(&folder.display().to_string(), "…");
            assert!(error.contains(message), "{error}");
        }
        (built, expected) => panic!("{built:?}, expected {expected:?}"),
    }
}

fn project(manifest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), "#[unsafe(no_mangle)] pub extern \"C\" fn f() {}").unwrap();
    folder
}

#[test]
fn what_is_no_wasm_is_told() {
    check("notes.txt", b"not wasm", Err("`…/notes.txt` is neither a `.wasm` file nor a project: a folder with"));
    let folder = tempfile::tempdir().unwrap();
    told(build(folder.path(), None), folder.path(), Err("`…` is neither a `.wasm` file nor a project: a folder with"));
}

#[test]
fn a_component_that_is_no_detector_is_told() {
    let component = |text: &str| wat::parse_str(text).unwrap();
    check(
        "a.wasm",
        &component("(component)"),
        Err("`…/a.wasm` is no detector: it exports nothing, not `watchfire:detector/guest`"),
    );
    check(
        "a.wasm",
        &component(r#"(component (instance $i) (export "a:b/c@0.1.0" (instance $i)))"#),
        Err("`…/a.wasm` is no detector: it exports a:b/c@0.1.0, not `watchfire:detector/guest`"),
    );
}

#[test]
fn imports_that_nobody_is_granted_are_named() {
    let importing = |name: &str| {
        wat::parse_str(format!(
            r#"(component (import "{name}" (instance)) (instance $guest)
                (export "watchfire:detector/guest@0.1.0" (instance $guest)))"#
        ))
        .unwrap()
    };
    check("a.wasm", &importing("watchfire:detector/chain@0.1.0"), Ok(&["watchfire:detector/chain@0.1.0"]));
    check("a.wasm", &importing("wasi:clocks/wall-clock@0.2.6"), Ok(&["wasi:clocks/wall-clock@0.2.6"]));
    check(
        "a.wasm",
        &importing("wasi:http/outgoing-handler@0.2.6"),
        Err("`…/a.wasm` imports `wasi:http/outgoing-handler@0.2.6`, which the host grants to no detector"),
    );
    check(
        "a.wasm",
        &importing("watchfire:detector/keys@0.1.0"),
        Err("`…/a.wasm` imports `watchfire:detector/keys@0.1.0`, which the host grants to no detector"),
    );
}

#[test]
fn a_component_is_passed_through_and_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"(component (instance $guest) (export "watchfire:detector/guest@0.1.0" (instance $guest)))"#;
    let bytes = wat::parse_str(text).unwrap();
    let path = folder.path().join("a.wasm");
    std::fs::write(&path, &bytes).unwrap();
    let stays = build(&path, None).unwrap();
    assert_eq!((stays.path, stays.size, stays.digest), (path.clone(), bytes.len(), sha256(&bytes)));
    let out = folder.path().join("detectors/b.wasm");
    let written = build(&path, Some(&out)).unwrap();
    assert_eq!((std::fs::read(&out).unwrap(), written.path), (bytes, out));
    assert_eq!(std::fs::read_dir(folder.path().join("detectors")).unwrap().count(), 1, "nothing half-written stays");
}

#[test]
fn a_project_that_gives_no_detector_is_told() {
    let check = |manifest: &str, message: &str| {
        let folder = project(manifest);
        told(build(folder.path(), None), folder.path(), Err(message));
    };
    let package = "[package]\nname = \"empty\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    check(package, "`…/Cargo.toml` builds no `cdylib`; add `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`");
    check(
        &format!("{package}[lib]\ncrate-type = [\"cdylib\"]\n"),
        "wasm32-unknown-unknown/guest/empty.wasm` is no detector: it exports nothing",
    );
    check("[workspace]\nmembers = []\n", "`…/Cargo.toml` is a workspace; name the folder of one of its packages");
}
