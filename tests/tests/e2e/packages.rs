//! The SDKs as the registries of their languages take them: whole in themselves, in the version of the interface.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use watchfire_tests::peers::{language_tools, root, skip_or_fail};

/// The version of the interface.
fn version() -> String {
    let wit = std::fs::read_to_string(root().join("wit/detector/world.wit")).unwrap();
    wit.split_once("package watchfire:detector@").unwrap().1.split_once(';').unwrap().0.to_owned()
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {told}");
    output
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_crate_holds_its_interface() {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let listed =
        run(cargo.current_dir(root()).args(["package", "--package", "watchfire-sdk", "--list", "--allow-dirty"]));
    for file in ["README.md", "src/lib.rs", "wit/world.wit", "wit/batches.wit", "wit/types.wit"] {
        assert!(lines(&listed).contains(&file.to_owned()), "{file} is not in the crate");
    }
    let manifest = std::fs::read_to_string(root().join("sdk/rust/Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("\nversion = \"{}\"\n", version())), "{manifest}");
}

#[test]
fn a_package_for_npm_holds_its_sources() {
    let Some(tools) = language_tools().unwrap() else { return skip_or_fail("the compilers of other languages") };
    let mut npm = Command::new("npm");
    let packed =
        run(npm.current_dir(root().join("sdk/ts")).env("PATH", tools.path).args(["pack", "--dry-run", "--json"]));
    let packed: Value = serde_json::from_slice(&packed.stdout).unwrap();
    let package = &packed[0];
    assert_eq!((&package["name"], &package["version"]), (&"@watchfire/sdk".into(), &version().into()));
    let files: Vec<&str> =
        package["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str()).collect();
    let sources = std::fs::read_dir(root().join("sdk/ts/src")).unwrap().count();
    assert_eq!(files.iter().filter(|file| file.starts_with("src/")).count(), sources, "{files:?}");
}

#[test]
fn a_wheel_is_built_and_holds_its_modules() {
    let Some(tools) = language_tools().unwrap() else { return skip_or_fail("the compilers of other languages") };
    let folder = tempfile::tempdir().unwrap();
    // Tools write beside what they build.
    let sdk = folder.path().join("sdk");
    run(Command::new("cp").arg("-r").args([root().join("sdk/python"), sdk.clone()]));
    let mut pip = Command::new("python3");
    run(pip
        .env("PATH", tools.path)
        .args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"])
        .args([folder.path(), &sdk]));
    let wheel = format!("watchfire_sdk-{}-py3-none-any.whl", version());
    let mut listed = Command::new("python3");
    let listed = run(listed.args(["-m", "zipfile", "--list"]).arg(folder.path().join(wheel)));
    let modules = std::fs::read_dir(root().join("sdk/python/watchfire")).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.ends_with(".py").then_some(name)
    });
    for module in modules {
        let module = format!("watchfire/{module} ");
        assert!(lines(&listed).iter().any(|line| line.starts_with(&module)), "{module} is not in the wheel");
    }
    let init = std::fs::read_to_string(root().join("sdk/python/watchfire/__init__.py")).unwrap();
    assert!(init.contains(&format!("__version__ = \"{}\"", version())));
}

/// A Go module's version is the tag that it is fetched by; what it is called is its own.
#[test]
fn a_go_module_is_called_what_it_is_imported_as() {
    let module = std::fs::read_to_string(root().join("sdk/go/go.mod")).unwrap();
    assert!(module.starts_with("module watchfire.dev/sdk\n"), "{module}");
    let imported = std::fs::read_to_string(root().join("tests/conformance/go/detector.go")).unwrap();
    assert!(imported.contains("\"watchfire.dev/sdk\""));
    assert!(Path::new(&root().join("sdk/go/component/component.go")).is_file());
}
