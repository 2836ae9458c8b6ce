//! What is published, as its users get it: each kind of package is made of the host that the other tests run, laid out in a
//! root of its own, and the demo runs from there.

#![allow(clippy::unwrap_used)]

mod kit;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use kit::{Made, Root, expect, said, sha256};
use serde_json::Value;

/// The demo's last line but its hash, which shows that each of its blocks was seen.
const DEMO_END: &str = "all that came of them hashes to";

/// Packages are made once for all tests of this process.
fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(Made::now)
}

fn version() -> String {
    format!("watchfire {}", env!("CARGO_PKG_VERSION"))
}

/// One test, for it is one set of packages: the runner starts a process for each test, and each would make its own.
#[test]
fn what_is_published_installs_and_runs() {
    let made = made();
    sums_fit(made);
    tarball_runs_anywhere(made);
    bill_names_what_is_linked(made);
    match Root::clean() {
        Some(root) => package_installs(made, &root),
        None => kit::skip_or_fail("a clean Debian system (.peers/debian), or root,"),
    }
    match Root::empty() {
        Some(root) => image_runs(made, &root),
        None => kit::skip_or_fail("root"),
    }
}

fn sums_fit(made: &Made) {
    let checked =
        said(Command::new("sha256sum").current_dir(made.folder()).args(["--check", "--strict", "SHA256SUMS"]));
    assert_eq!(checked.lines().count(), 4, "{checked}");
    for line in checked.lines() {
        assert!(line.ends_with(": OK") && line.contains(env!("CARGO_PKG_VERSION")), "{line}");
    }
}

fn tarball_runs_anywhere(made: &Made) {
    let folder = tempfile::tempdir().unwrap();
    expect(Command::new("tar").arg("xzf").arg(made.file(".tar.gz")).arg("-C").arg(folder.path()));
    let prefix = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    assert!(
        prefix
            .to_str()
            .unwrap()
            .ends_with(&format!("watchfire-{}-x86_64-unknown-linux-gnu", env!("CARGO_PKG_VERSION")))
    );
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "share/doc/watchfire/watchfire.service"] {
        assert!(prefix.join(file).is_file(), "{file}");
    }
    let notices = fs::read_to_string(prefix.join("THIRD-PARTY.txt")).unwrap();
    assert!(
        notices.contains("\nwasmtime 48.") && notices.contains("LLVM Exceptions to the Apache 2.0 License"),
        "no notices"
    );
    assert!(!notices.contains("\nwatchfire-response "), "our own packages are no third party");
    expect_words(&prefix.join("share"), "zsh/site-functions/_watchfire");
    let binary = prefix.join("bin/watchfire");
    assert!(said(Command::new(&binary).arg("--version")).starts_with(&version()));
    // In a folder that is neither the repository nor the prefix, and by a link, as administrators install it.
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("watchfire");
    std::os::unix::fs::symlink(&binary, &link).unwrap();
    let demo = said(
        Command::new(link).current_dir(elsewhere.path()).env("WATCHFIRE_CACHE", kit::cache()).args(["demo", "--fast"]),
    );
    assert!(demo.contains(DEMO_END), "{demo}");
}

/// Manual pages and completions name commands of today.
fn expect_words(share: &Path, zsh: &str) {
    let page = said(Command::new("zcat").arg(share.join("man/man1/watchfire-incident-ack.1.gz")));
    assert!(page.contains(".TH watchfire-incident-ack 1"), "{page}");
    let top = said(Command::new("zcat").arg(share.join("man/man1/watchfire.1.gz")));
    assert!(top.contains("Exit codes") && !top.contains("compile\\-component"), "{top}");
    let completions = ["bash-completion/completions/watchfire", "fish/vendor_completions.d/watchfire.fish", zsh];
    for path in completions {
        let text = fs::read_to_string(share.join(path)).unwrap();
        assert!(text.contains("backtest") && text.contains("incident"), "{path}");
    }
}

fn bill_names_what_is_linked(made: &Made) {
    let bill: Value = serde_json::from_slice(&fs::read(made.file(".cdx.json")).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let components = bill["components"].as_array().unwrap();
    let find = |name: &str| components.iter().find(|component| component["name"] == name);
    let wasmtime = find("wasmtime").unwrap();
    assert!(wasmtime["purl"].as_str().unwrap().starts_with("pkg:cargo/wasmtime@"));
    assert_eq!(wasmtime["licenses"][0]["expression"], "Apache-2.0 WITH LLVM-exception");
    assert_eq!(wasmtime["hashes"][0]["content"].as_str().unwrap().len(), 64);
    assert!(find("watchfire-response").is_some() && find("outflow").is_some(), "our own packages are in it");
    assert!(find("proptest").is_none() && find("serde_derive").is_none(), "tests and macros are not linked");
    // Each component is described once, has a licence, and every edge ends at one that is there.
    let described: Vec<&str> = components.iter().filter_map(|component| component["bom-ref"].as_str()).collect();
    let own = bill["metadata"]["component"]["bom-ref"].as_str().unwrap();
    for component in components {
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
    }
    let dependencies = bill["dependencies"].as_array().unwrap();
    assert_eq!(dependencies.len(), described.len() + 1);
    for dependency in dependencies {
        for to in dependency["dependsOn"].as_array().unwrap() {
            assert!(described.contains(&to.as_str().unwrap()), "{to} of {} is not described", dependency["ref"]);
        }
    }
    let of_host = dependencies.iter().find(|dependency| dependency["ref"] == own).unwrap();
    assert!(of_host["dependsOn"].as_array().unwrap().len() > 40, "{of_host}");
}

fn package_installs(made: &Made, root: &Root) {
    root.copy(&made.file(".deb"), "watchfire.deb");
    root.run(&["dpkg", "--install", "/watchfire.deb"]);
    assert!(root.run(&["/usr/bin/watchfire", "--version"]).starts_with(&version()));
    let status = root.run(&["dpkg-query", "--show", "--showformat", "${Status} ${Version}", "watchfire"]);
    assert_eq!(status, format!("install ok installed {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(root.run(&["dpkg", "--verify", "watchfire"]), "");

    // The user is its own, can't log in, and its folder is closed to others.
    let user = root.run(&["getent", "passwd", "watchfire"]);
    assert!(user.trim_end().ends_with(":/var/lib/watchfire:/usr/sbin/nologin"), "{user}");
    let numbers: Vec<u32> = user.split(':').skip(2).take(2).map(|number| number.parse().unwrap()).collect();
    let state = fs::metadata(root.path("var/lib/watchfire")).unwrap();
    assert_eq!((vec![state.uid(), state.gid()], state.permissions().mode() & 0o7777), (numbers.clone(), 0o700));
    let etc = fs::metadata(root.path("etc/watchfire")).unwrap();
    assert_eq!((etc.uid(), etc.gid(), etc.permissions().mode() & 0o7777), (0, numbers[1], 0o750));

    expect_words(&root.path("usr/share"), "zsh/vendor-completions/_watchfire");
    for file in ["copyright", "THIRD-PARTY.txt.gz", "README.md", "CHANGELOG.md.gz"] {
        assert!(root.path("usr/share/doc/watchfire").join(file).is_file(), "{file}");
    }
    let by_user = |args: &[&str]| root.run_as("watchfire:watchfire", args);
    let demo = by_user(&["env", "WATCHFIRE_CACHE=off", "watchfire", "demo", "--fast"]);
    assert!(demo.contains(DEMO_END), "{demo}");
    config_holds(root);
    unit_holds(root);
    upgrade_and_removal(root);
}

/// The config is right as it comes, and so is each setting in it that is commented out.
fn config_holds(root: &Root) {
    let listed = root.run(&["dpkg-query", "--show", "--showformat", "${Conffiles}", "watchfire"]);
    assert!(listed.contains("/etc/watchfire/watchfire.toml"), "{listed}");
    let check = |file: &str| {
        root.run_as(
            "watchfire:watchfire",
            &["env", "WATCHFIRE_CACHE=off", "RPC_URL=http://127.0.0.1:1", "watchfire", "check", "--config", file],
        )
    };
    check("/etc/watchfire/watchfire.toml");
    let text = fs::read_to_string(root.path("etc/watchfire/watchfire.toml")).unwrap();
    let all_on: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(all_on.contains("\n[chain.mainnet]\n") && all_on.contains("\n[plan]\n"), "{all_on}");
    // A plan just begun names detectors that are yet to be added, which `check` refuses: it is shown by itself.
    let all_on = all_on.replace("[plan]\npath = \"response\"\n", "");
    let folder = "etc/watchfire";
    fs::write(root.path(folder).join("all.toml"), all_on).unwrap();
    root.run(&[
        "watchfire",
        "plan",
        "new",
        "--kind",
        "lending",
        "--name",
        "Harbor",
        "--into",
        "/etc/watchfire/response",
    ]);
    root.run(&["watchfire", "plan", "show", "--plan", "/etc/watchfire/response"]);
    check("/etc/watchfire/all.toml");
    fs::remove_file(root.path(folder).join("all.toml")).unwrap();
}

/// The unit is one that systemd takes, and exposes little.
fn unit_holds(root: &Root) {
    let unit = root.path("usr/lib/systemd/system/watchfire.service");
    assert!(unit.is_file());
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        return kit::skip_or_fail("systemd-analyze");
    }
    let unit_name = "watchfire.service";
    let in_root = format!("--root={}", root.path("").display());
    let verified = Command::new("systemd-analyze").args([&in_root, "verify", unit_name]).output().unwrap();
    let log = String::from_utf8_lossy(&verified.stderr);
    // The clean system has neither systemd's own units nor a reader of manual pages.
    let is_known = |line: &str| line.contains("Unit sysinit.target not found") || line.contains("Command 'man ");
    assert!(!log.lines().any(|line| line.contains(unit_name) && !is_known(line)), "{log}");
    // Tenths of systemd's own measure, from 0 to 100; a service without any of this has 96.
    let exposure = ["--offline=true", "--threshold=20", "security"];
    said(Command::new("systemd-analyze").args(exposure).arg(unit));
}

/// An upgrade leaves the owner's config, a removal the journal.
fn upgrade_and_removal(root: &Root) {
    let config = root.path("etc/watchfire/watchfire.toml");
    fs::write(&config, "[journal]\npath = \"/var/lib/watchfire/watchfire.db\"\nkeep_days = 7\n").unwrap();
    fs::write(root.path("var/lib/watchfire/watchfire.db"), "kept").unwrap();
    root.run(&["dpkg", "--install", "/watchfire.deb"]);
    assert!(fs::read_to_string(&config).unwrap().contains("keep_days = 7"), "the owner's config was replaced");
    root.run(&["dpkg", "--remove", "watchfire"]);
    assert!(config.is_file() && !root.path("usr/bin/watchfire").exists());
    let purged = root.run(&["dpkg", "--purge", "watchfire"]);
    assert!(purged.contains("the journal stays"), "{purged}");
    assert!(!root.path("etc/watchfire").exists() && root.path("var/lib/watchfire/watchfire.db").is_file());
}

/// Each blob of the layout is what its digest says, and the layer is a root that the host runs in, with nothing else.
fn image_runs(made: &Made, root: &Root) {
    let layout = tempfile::tempdir().unwrap();
    expect(Command::new("tar").arg("xf").arg(made.file(".oci.tar")).arg("-C").arg(layout.path()));
    let read = |path: &str| fs::read(layout.path().join(path)).unwrap();
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let bytes = read(&format!("blobs/sha256/{digest}"));
        assert_eq!((sha256(&bytes).as_str(), bytes.len() as u64), (digest, descriptor["size"].as_u64().unwrap()));
        bytes
    };
    assert_eq!(json(&read("oci-layout"))["imageLayoutVersion"], "1.0.0");
    let index = json(&read("index.json"));
    assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], env!("CARGO_PKG_VERSION"));
    let manifest = json(&blob(&index["manifests"][0]));
    let config = json(&blob(&manifest["config"]));
    let layers = manifest["layers"].as_array().unwrap();
    for (layer, diff_id) in layers.iter().zip(config["rootfs"]["diff_ids"].as_array().unwrap()) {
        let packed = root.path("layer.tar.gz");
        fs::write(&packed, blob(layer)).unwrap();
        expect(Command::new("gunzip").arg(&packed));
        let tar = root.path("layer.tar");
        assert_eq!(format!("sha256:{}", sha256(&fs::read(&tar).unwrap())), diff_id.as_str().unwrap());
        expect(Command::new("tar").arg("xpf").arg(&tar).arg("-C").arg(root.path("")));
        fs::remove_file(tar).unwrap();
    }
    let entry = config["config"]["Entrypoint"][0].as_str().unwrap();
    assert!(root.run(&[entry, "--version"]).starts_with(&version()));
    // As its user, with its cache, as an engine would.
    let user = config["config"]["User"].as_str().unwrap();
    let demo = root.run_as(user, &[entry, "--cache", "/var/cache/watchfire", "demo", "--fast"]);
    assert!(demo.contains(DEMO_END), "{demo}");
    let config_file = config["config"]["Cmd"][2].as_str().unwrap();
    root.run_as(user, &[entry, "check", "--config", config_file]);
}
