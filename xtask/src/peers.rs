//! The peers that tests talk to: real servers and compilers, pinned, in a folder that git ignores.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::root;
use crate::step::{run, say};

/// Files that pin what is installed.
const PINS: [&str; 2] = ["package.json", "package-lock.json"];

/// Debian's packages with what each brings, in the versions of the release: what disturbs a host's system calls and its
/// clock, what makes a clean root, what effects are sent to: a mail server, Alertmanager and rsyslog, and what detectors are shared by:
/// a registry, its passwords, and another client, which checks cosign's signatures too.
const PACKAGES: [(&str, &str); 10] = [
    ("strace", "/usr/bin/strace"),
    ("faketime", "/usr/bin/faketime"),
    ("debootstrap", "/usr/sbin/debootstrap"),
    ("python3-aiosmtpd", "/usr/lib/python3/dist-packages/aiosmtpd/__init__.py"),
    ("prometheus-alertmanager", "/usr/bin/prometheus-alertmanager"),
    ("rsyslog", "/usr/sbin/rsyslogd"),
    ("rsyslog-openssl", "/usr/share/doc/rsyslog-openssl/copyright"),
    ("docker-registry", "/usr/bin/docker-registry"),
    ("apache2-utils", "/usr/bin/htpasswd"),
    ("skopeo", "/usr/bin/skopeo"),
];

/// What is installed is here.
pub(crate) fn peers_folder() -> PathBuf {
    root().join(".peers")
}

/// Installs what is not there yet; whether what comes from npm is there now. In CI all must be.
pub(crate) fn install() -> anyhow::Result<bool> {
    install_packages()?;
    install_clean_root()?;
    install_npm()
}

fn install_packages() -> anyhow::Result<()> {
    let wanting = || PACKAGES.iter().filter(|(_, brings)| !Path::new(brings).exists()).map(|(name, _)| *name);
    let missing: Vec<&str> = wanting().collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("installing {} by apt-get", missing.join(" and ")));
    let apt_get = |args: &[&str]| {
        let status = Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status();
        status.is_ok_and(|status| status.success())
    };
    let install = [&["install", "--yes", "--quiet", "--no-install-recommends"], missing.as_slice()].concat();
    // The lists of a fresh machine may be empty or old.
    let _ = apt_get(&install) || (apt_get(&["update", "--quiet"]) && apt_get(&install));
    let missing: Vec<&str> = wanting().collect();
    if !missing.is_empty() {
        let missing = missing.join(" and ");
        if std::env::var_os("CI").is_some() {
            bail!("{missing} can't be installed by apt-get, and CI must have them for its tests");
        }
        println!("SKIPPED: {missing} can't be installed here, so the tests that need them are skipped");
    }
    Ok(())
}

/// Makes a clean Debian system, which the package is installed into by its test: what a package may count on, and the two
/// packages that it asks for.
fn install_clean_root() -> anyhow::Result<()> {
    let (folder, making) = (peers_folder().join("debian"), peers_folder().join("debian-making"));
    if folder.is_dir() {
        return Ok(());
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root || !Path::new("/usr/sbin/debootstrap").exists() {
        println!(
            "SKIPPED: a clean Debian system is made by root and debootstrap, so the package is not installed in a test"
        );
        return Ok(());
    }
    say("making a clean Debian system in .peers (60 MB)");
    if making.exists() {
        std::fs::remove_dir_all(&making)?;
    }
    std::fs::create_dir_all(&making)?;
    let mut make = Command::new("/usr/sbin/debootstrap");
    make.args(["--variant=minbase", "--include=adduser,ca-certificates"]).arg(suite());
    run(make.arg(&making).stdout(std::process::Stdio::null()))?;
    Ok(std::fs::rename(&making, &folder)?)
}

/// Returns Debian's release here, whose glibc is the one that is linked to; the oldest one that is served elsewhere.
fn suite() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    match (value("ID"), value("VERSION_CODENAME")) {
        (Some("debian"), Some(name)) => name.to_owned(),
        _ => "bookworm".to_owned(),
    }
}

fn install_npm() -> anyhow::Result<bool> {
    let (pins, folder) = (root().join("tests/peers"), peers_folder());
    let wanted = read(PINS.map(|name| pins.join(name)))?;
    let stamp = folder.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(true);
    }
    let npm = Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success());
    if !npm {
        if std::env::var_os("CI").is_some() {
            bail!("npm is not here, and CI must have it for anvil, solc and the tools of TypeScript");
        }
        println!(
            "SKIPPED: npm is not here, so tests against a real anvil node and of TypeScript are skipped; install Node.js to run them"
        );
        return Ok(false);
    }
    say("installing anvil, solc and the tools of TypeScript into .peers");
    std::fs::create_dir_all(&folder)?;
    for name in PINS {
        std::fs::copy(pins.join(name), folder.join(name))?;
    }
    // The package carries anvil itself: no script of it needs to run.
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(args).current_dir(&folder))?;
    std::fs::write(&stamp, &wanted)?;
    Ok(true)
}

fn read(files: [PathBuf; 2]) -> anyhow::Result<String> {
    let texts = files.map(|file| std::fs::read_to_string(&file).with_context(|| file.display().to_string()));
    let [first, second] = texts;
    Ok(format!("{}{}", first?, second?))
}
