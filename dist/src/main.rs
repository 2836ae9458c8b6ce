//! Makes what is published of a build: a tarball, a Debian package, an OCI image, a bill of materials, and checksums.
//! `cargo xtask dist` builds the host and the first-party detectors, and runs this.

mod binary;
mod contents;
mod debian;
mod metadata;
mod notices;
mod oci;
mod sbom;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use clap::Parser;
use sha2::{Digest, Sha256};

use crate::binary::Binary;
use crate::contents::Contents;
use crate::metadata::Metadata;

#[derive(Debug, Parser)]
struct Args {
    /// The host that is packaged. Its manual pages and completions are its own words.
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
    /// The folder of the first-party detectors' components.
    #[arg(long, value_name = "FOLDER")]
    plugins: PathBuf,
    /// The folder that everything is written to.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// The commit that the host must say it was built from.
    #[arg(long, value_name = "COMMIT")]
    commit: Option<String>,
}

/// First-party detectors: packages of this workspace, and names of their components.
const DETECTORS: [&str; 10] = [
    "attack-combiner",
    "attacks",
    "bridge-accounting",
    "frontend-integrity",
    "key-compromise",
    "outflow",
    "price-deviation",
    "privileged-control",
    "rules",
    "share-price",
];

/// The target that detectors are built for.
const DETECTORS_TARGET: &str = "wasm32-unknown-unknown";

fn main() -> ExitCode {
    match make(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn make(args: &Args) -> anyhow::Result<()> {
    let root = root();
    let scratch = tempfile::tempdir()?;
    let binary = Binary::prepare(&args.binary, scratch.path())?;
    if let Some(commit) = &args.commit {
        let said = &binary.long_version;
        ensure!(said.contains(commit.as_str()), "the host does not say that it was built from {commit}: {said}");
    }
    let mtime_s = mtime_s(&root)?;
    let metadata = Metadata::read(&root)?;
    let mut shipped = metadata.shipped(&root, &["watchfire"], &binary.machine.rust_target())?;
    shipped.extend(metadata.shipped(&root, &DETECTORS, DETECTORS_TARGET)?);
    let notices = notices::text(&metadata, &shipped)?;
    let contents = Contents::gather(&root, &binary, &args.plugins, &notices)?;
    let (version, machine) = (&binary.version, &binary.machine);

    std::fs::create_dir_all(&args.out)?;
    let mut made = Vec::new();
    let mut write = |name: String, bytes: Vec<u8>| {
        let path = args.out.join(&name);
        std::fs::write(&path, &bytes).with_context(|| path.display().to_string())?;
        made.push((name, bytes));
        anyhow::Ok(())
    };
    let folder = format!("watchfire-{version}-{}", machine.rust_target());
    write(format!("{folder}.tar.gz"), contents.tarball().under(&folder).tar_gz(mtime_s)?)?;
    let package = debian::package(&contents.package()?, &binary, mtime_s)?;
    write(format!("watchfire_{version}_{}.deb", machine.debian()), package)?;
    let image = oci::archive(&contents.image()?, &binary, args.commit.as_deref(), mtime_s)?;
    write(format!("watchfire-{version}-linux-{}.oci.tar", machine.oci()), image)?;
    write(format!("watchfire-{version}.cdx.json"), sbom::cyclone_dx(&metadata, &shipped, version, mtime_s)?)?;

    let sums: String = made.iter().map(|(name, bytes)| format!("{}  {name}\n", sha256(bytes))).collect();
    std::fs::write(args.out.join("SHA256SUMS"), sums)?;
    for (name, bytes) in &made {
        println!("{:>9.1} MiB  {}", bytes.len() as f64 / f64::from(1 << 20), args.out.join(name).display());
    }
    Ok(())
}

/// Returns the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Returns the time that all files are given, seconds since the Unix epoch: `SOURCE_DATE_EPOCH`, or that of the commit, so
/// that the same commit gives the same packages.
fn mtime_s(root: &Path) -> anyhow::Result<u64> {
    if let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") {
        return given.parse().context("SOURCE_DATE_EPOCH is a number of seconds");
    }
    let mut git = Command::new("git");
    let time = output(git.current_dir(root).args(["log", "-1", "--format=%ct"]))
        .context("the commit's time is not known; set SOURCE_DATE_EPOCH outside of a git repository")?;
    Ok(time.trim().parse()?)
}

/// Runs a command to its end, and returns what it printed.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("`{name}` can't be run"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{name}` failed ({}): {log}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the SHA-256 of bytes as hex digits.
fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
