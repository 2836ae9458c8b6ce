//! `watchfire plugin new`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;
use include_dir::{Dir, include_dir};

use super::Exit;
use crate::plugin::build::{Language, lay_out};

/// Folders by language, and `common`, which every project has.
static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// What the first case runs on, in `tests/`.
const RECORDING: (&str, &[u8]) =
    ("tests/attack.jsonl.gz", include_bytes!("../../../../examples/lending/attack.jsonl.gz"));

/// What a project is called in the templates.
const NAME: &str = "my-rule";

/// Begin a detector.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin new my-rule --lang ts
  watchfire plugin new my-rule --lang rust --path detectors/my-rule
  cd my-rule && watchfire plugin test

The project finds large transfers of a token, on a recording of a lending protocol under attack. It has the test, a CI
workflow, editor settings and a README.")]
pub struct Args {
    /// The detector's name, in kebab-case.
    name: String,
    /// The language.
    #[arg(short, long, value_enum)]
    lang: Language,
    /// The folder; named as the detector by default.
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let is_kebab = args
        .name
        .split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    anyhow::ensure!(
        is_kebab && args.name.starts_with(|first: char| first.is_ascii_lowercase()),
        "`{}` is no name for a detector: lower-case letters and digits, words joined by `-`",
        args.name
    );
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let is_free = !folder.exists() || folder.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    anyhow::ensure!(is_free, "`{}` is there already, and not empty; choose another with `--path`", folder.display());
    for part in ["common", args.lang.name()] {
        let dir = TEMPLATES.get_dir(part).with_context(|| format!("there is no template for `{part}`"))?;
        write(dir, dir.path(), &folder, &args.name)?;
    }
    std::fs::write(folder.join(RECORDING.0), RECORDING.1).with_context(|| folder.display().to_string())?;
    // Editors want the SDK before the first build.
    lay_out(&folder)?;
    println!("{}: a detector in {}", folder.display(), args.lang.name());
    println!("  cd {}", folder.display());
    if args.lang == Language::TypeScript {
        println!("  npm install              # QuickJS for the sandbox, a bundler, and ox");
    }
    println!("  watchfire plugin test    # build it, and run tests/*.toml");
    println!("  watchfire plugin dev     # the same on each change");
    Ok(Exit::Good)
}

/// Writes a template's files. Their names carry `dot-` for a dot and end in `.in` where a tool would take them for its own.
fn write(dir: &Dir<'_>, base: &Path, to: &Path, name: &str) -> anyhow::Result<()> {
    for below in dir.dirs() {
        write(below, base, to, name)?;
    }
    for file in dir.files() {
        let within = file.path().strip_prefix(base)?;
        let parts = within.components().map(|part| {
            let part = part.as_os_str().to_string_lossy();
            let part = part.strip_suffix(".in").unwrap_or(&part).to_owned();
            part.strip_prefix("dot-").map_or(part.clone(), |rest| format!(".{rest}"))
        });
        let path = to.join(parts.collect::<PathBuf>());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let contents = match file.contents_utf8() {
            Some(text) => text.replace(NAME, name).into_bytes(),
            None => file.contents().to_vec(),
        };
        std::fs::write(&path, contents).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
