//! `watchfire plugin push` and `pull`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;

use super::{created, offer, write_files};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::indexes;
use crate::app::share::publish::Publication;
use crate::cli::plugin::{Loaded, component_bytes};
use crate::cli::{Exit, runtime};
use crate::share::index::FILE;
use crate::share::package::Role;
use crate::share::reference::Reference;
use crate::share::registry::Credentials;
use crate::share::trust::Verdict;

/// Publish a detector.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin push outflow oci://ghcr.io/harbor/outflow:1.2.0
  watchfire plugin push outflow.wasm oci://localhost:5000/harbor/outflow
  watchfire plugin push outflow oci://ghcr.io/harbor/outflow --score score.json --sbom sbom.json

It is the CNCF's Wasm artefact, which wkg, oras and registries read. A project's README.md, licence, tests/, response/ and
publish.toml go along. A folder with index.toml is published as an index. Credentials are Docker's: `docker login`, its config.json and its helpers. A registry on this machine
is spoken to without TLS if it has none.")]
pub struct Push {
    /// A project's folder, which is built, a component, or the folder of an index.
    path: PathBuf,
    /// Where it goes; without a tag, under its own version.
    reference: Reference,
    /// What a backtest made of it: the output of `watchfire backtest --format json`.
    #[arg(long, value_name = "FILE")]
    score: Option<PathBuf>,
    /// What it is made of: CycloneDX, JSON.
    #[arg(long, value_name = "FILE")]
    sbom: Option<PathBuf>,
    /// How it was built: an in-toto statement.
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// Move a tag that is another version's.
    #[arg(long)]
    replace: bool,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Take a detector into a folder.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin pull oci://ghcr.io/harbor/outflow:1.2.0
  watchfire plugin pull oci://ghcr.io/harbor/outflow:1.2.0 --out outflow && watchfire plugin test outflow/outflow.wasm

Nothing is pinned and nobody's signature is asked for: what is in the folder is to be looked at.")]
pub struct Pull {
    /// Where it is.
    reference: Reference,
    /// The folder; named as the detector by default.
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Empty the folder first, if there is something in it.
    #[arg(long)]
    replace: bool,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn push(args: &Push, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let index = args.path.join(FILE);
    if index.is_file() {
        let (digest, is_dated) =
            runtime()?.block_on(indexes::publish(&index, &args.reference, &Credentials::of_user()))?;
        if !is_dated {
            anstream::eprintln!(
                "warning: it has no date, so that nobody knows how old it is: write `updated = 2026-11-30T12:00:00Z` into it"
            );
        }
        match args.format {
            Format::Json => println!("{}", serde_json::json!({ "reference": args.reference, "digest": digest })),
            Format::Pretty => println!("{}\n  digest    {digest}", args.reference),
        }
        return Ok(Exit::Good);
    }
    let bytes = component_bytes(&args.path)?;
    let Loaded { component, manifest } = Loaded::of(&bytes, sandboxes)?;
    let project = args.path.is_dir().then_some(args.path.as_path());
    let mut publication = Publication::of(project, bytes, &component, manifest, created())?;
    for (role, path) in [(Role::Score, &args.score), (Role::Sbom, &args.sbom), (Role::Provenance, &args.provenance)] {
        if let Some(path) = path {
            publication.add(role, path)?;
        }
    }
    let credentials = Credentials::of_user();
    let published = runtime()?.block_on(publication.push(&args.reference, &credentials, args.replace))?;
    match args.format {
        Format::Json => println!("{}", serde_json::to_string(&published)?),
        Format::Pretty => {
            println!("{}", published.reference);
            println!("  digest    {}", published.digest);
            println!("  component {}, {} bytes", published.component, published.size_bytes);
            for (role, size_bytes) in &published.files {
                println!("  {:<9} {size_bytes} bytes", role.file_name());
            }
            println!("  vouch for it: watchfire plugin sign {} --account 0x…", published.reference);
        }
    }
    Ok(Exit::Good)
}

pub(super) fn pull(args: &Pull, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let offer = runtime()?.block_on(offer(&args.reference, sandboxes))?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(&offer.manifest.name));
    make_empty(&folder, args.replace)?;
    let component = folder.join(Path::new(&offer.manifest.name).with_extension("wasm"));
    std::fs::write(&component, &offer.taken.component).with_context(|| component.display().to_string())?;
    let files = write_files(&offer.taken.files, &folder)?;
    match args.format {
        Format::Json => {
            let mut shown = serde_json::to_value(offer.shown(&Verdict::default()))?;
            shown["path"] = serde_json::json!(component);
            println!("{shown}");
        }
        Format::Pretty => {
            println!("{}  {} {}", component.display(), offer.manifest.name, offer.manifest.version);
            files.iter().for_each(|file| println!("{}", file.display()));
        }
    }
    Ok(Exit::Good)
}

/// Makes a folder with nothing in it, so that what one looks at is all of this version and nothing else.
fn make_empty(folder: &Path, replace: bool) -> anyhow::Result<()> {
    let shown = folder.display();
    let is_link = folder.symlink_metadata().is_ok_and(|found| found.is_symlink());
    let is_filled = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if is_link || is_filled {
        let what = if is_link { "is a symbolic link" } else { "is not empty" };
        ensure!(
            replace && !is_link,
            "`{shown}` {what}; name another folder by `--out`{}",
            match is_link {
                true => "",
                false => ", or have it emptied by `--replace`",
            }
        );
        let is_pulled = folder.join(Role::Manifest.file_name()).is_file();
        ensure!(is_pulled, "`{shown}` was not filled by `pull`, and is not emptied; remove it yourself");
        std::fs::remove_dir_all(folder).with_context(|| format!("`{shown}` can't be emptied"))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("`{shown}` can't be made"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_emptied_on_demand_and_only_one_that_was_pulled() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("outflow");
        make_empty(&folder, false).unwrap();
        make_empty(&folder, false).unwrap();
        std::fs::write(folder.join("mine.txt"), "").unwrap();
        let error = make_empty(&folder, false).unwrap_err().to_string();
        assert!(error.contains("is not empty; name another folder by `--out`, or"), "{error}");
        let error = make_empty(&folder, true).unwrap_err().to_string();
        assert!(error.contains("was not filled by `pull`") && folder.join("mine.txt").is_file(), "{error}");
        std::fs::write(folder.join(Role::Manifest.file_name()), "{}").unwrap();
        make_empty(&folder, true).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert!(make_empty(&link, true).unwrap_err().to_string().contains("is a symbolic link; name"));
    }
}
