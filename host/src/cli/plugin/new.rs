//! `watchfire plugin new`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args as ClapArgs, ValueEnum};
use rust_embed::Embed;

use super::Exit;
use crate::cli::given::refuse;
use crate::plugin::build::{Language, lay_out};

/// Folders by language, and `common`, which every project has; for templates beside the event watch, what differs, in
/// `kinds/TEMPLATE` in folders of the same names.
///
/// A debug build reads them from the source tree.
#[derive(Embed)]
#[folder = "templates"]
struct Templates;

/// What the first case runs on, in `tests/`.
const RECORDING: (&str, &[u8]) =
    ("tests/attack.jsonl.gz", include_bytes!("../../../../examples/lending/attack.jsonl.gz"));

/// What a project is called in the templates.
const NAME: &str = "my-rule";

/// What a detector begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Template {
    /// An event watch: large transfers of a token.
    #[default]
    Event,
    /// A token that leaves an account faster than a limit: a window in the state.
    Outflow,
    /// A price on the chain against a feed: reads of the chain, observations.
    Oracle,
    /// A contract that is entered again before it is done: call frames.
    Trace,
    /// Signs of one attack that come together: findings of other detectors.
    Combiner,
}

impl Template {
    /// The folder of what differs; none for what every language's own folder has.
    fn folder(self) -> Option<&'static str> {
        match self {
            Template::Event => None,
            Template::Outflow => Some("kinds/outflow"),
            Template::Oracle => Some("kinds/oracle"),
            Template::Trace => Some("kinds/trace"),
            Template::Combiner => Some("kinds/combiner"),
        }
    }

    /// What the README says that it finds.
    fn summary(self) -> &'static str {
        match self {
            Template::Event => "It finds transfers of a token that are larger than a limit.",
            Template::Outflow => "It finds a token leaving an account faster than a limit.",
            Template::Oracle => "It finds a price on the chain that is not what the rest of the world says.",
            Template::Trace => "It finds a contract that is entered again before it is done.",
            Template::Combiner => "It finds signs of one attack that come together, each another detector's finding.",
        }
    }

    /// What it asks for, as a config grants it.
    fn grants(self) -> &'static str {
        match self {
            Template::Event => "",
            Template::Outflow => "\"state\"",
            Template::Oracle => "\"chain\", \"state\", \"feeds\"",
            Template::Trace => "\"traces\"",
            Template::Combiner => "\"findings\", \"state\"",
        }
    }
}

/// Begin a detector.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin new my-rule --lang ts
  watchfire plugin new my-rule --lang rust --path detectors/my-rule
  watchfire plugin new price --lang python --template oracle
  cd my-rule && watchfire plugin test

The project builds and passes its test, on a recording of an attack. It has the test, a CI workflow, editor settings and
a README.")]
pub struct Args {
    /// The detector's name, in kebab-case.
    #[arg(value_parser = name)]
    name: String,
    /// The language.
    #[arg(short, long, value_enum)]
    lang: Language,
    /// What it begins with.
    #[arg(short, long, value_enum, default_value_t)]
    template: Template,
    /// The folder; named as the detector by default.
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
}

/// A name as a config and a registry take it.
fn name(text: &str) -> Result<String, String> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match text.split('-').all(is_word) && text.starts_with(|first: char| first.is_ascii_lowercase()) {
        true => Ok(text.to_owned()),
        false => Err("it is no name for a detector: lower-case letters and digits, words joined by `-`".to_owned()),
    }
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let is_free = !folder.exists() || folder.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    if !is_free {
        let why = format!("`{}` is there already, and not empty; choose another with `--path`", folder.display());
        return Ok(refuse(&why));
    }
    let folders = match folders(args.template, args.lang) {
        Ok(folders) => folders,
        Err(why) => return Ok(refuse(&why.to_string())),
    };
    for template in folders {
        write(&template, &folder, args)?;
    }
    if args.template != Template::Trace {
        std::fs::write(folder.join(RECORDING.0), RECORDING.1).with_context(|| folder.display().to_string())?;
    }
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

/// Returns the template's folders for a language. Each goes over those before it.
///
/// # Errors
/// If the template has no folder for the language; the message names those that it has.
fn folders(template: Template, lang: Language) -> anyhow::Result<Vec<String>> {
    let lang = lang.name();
    let mut folders = vec!["common".to_owned(), lang.to_owned()];
    if let Some(kind) = template.folder() {
        let kind = format!("{kind}/");
        let known: BTreeSet<String> = Templates::iter()
            .filter_map(|name| Some(name.strip_prefix(&kind)?.split('/').next()?.to_owned()))
            .filter(|language| language != "common")
            .collect();
        if !known.contains(lang) {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            anyhow::bail!("this template is there in {known}, not in {lang} yet");
        }
        folders.extend([format!("{kind}common"), format!("{kind}{lang}")]);
    }
    Ok(folders)
}

/// Writes a template's files. Their names carry `dot-` for a dot and end in `.in` where a tool would take them for its own.
fn write(template: &str, to: &Path, args: &Args) -> anyhow::Result<()> {
    for name in Templates::iter() {
        let Some(within) = Path::new(&*name).strip_prefix(template).ok() else {
            continue;
        };
        let Some(file) = Templates::get(&name) else { continue };
        let parts = within.components().map(|part| {
            let part = part.as_os_str().to_string_lossy();
            let part = part.strip_suffix(".in").unwrap_or(&part).to_owned();
            part.strip_prefix("dot-").map_or(part.clone(), |rest| format!(".{rest}"))
        });
        let path = to.join(parts.collect::<PathBuf>());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let contents = match std::str::from_utf8(&file.data) {
            Ok(text) if path.ends_with("README.md") => text
                .replace(NAME, &args.name)
                .replace("SUMMARY", args.template.summary())
                .replace("GRANT", args.template.grants())
                .into_bytes(),
            Ok(text) => text.replace(NAME, &args.name).into_bytes(),
            Err(_) => file.data.into_owned(),
        };
        std::fs::write(&path, contents).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
