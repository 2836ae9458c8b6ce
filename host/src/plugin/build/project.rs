//! What a folder holds: a detector in which language, by what name.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{BuildError, parts};

/// A language that detectors are built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Language {
    /// By cargo.
    Rust,
    /// By componentize-qjs, bundled by esbuild; JavaScript too.
    #[value(name = "ts", alias = "typescript", alias = "js", alias = "javascript")]
    TypeScript,
    /// By componentize-py.
    Python,
    /// By the Go toolchain, as a WASI reactor.
    Go,
    /// By zig.
    C,
    /// By zig.
    #[value(name = "cpp", alias = "c++")]
    Cpp,
    /// By zig.
    Zig,
}

impl Language {
    /// As it is written in commands and as folders of `sdk/` are called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::TypeScript => "ts",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Zig => "zig",
        }
    }
}

/// A detector's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Absolute.
    pub folder: PathBuf,
    /// What it is written in.
    pub language: Language,
    /// What its component is called.
    pub name: String,
    /// The source file that the build begins with; all of them, where the language has no imports between them.
    pub sources: Vec<PathBuf>,
}

#[derive(Deserialize, Default)]
struct Package {
    name: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pyproject {
    project: Named,
    tool: PyTools,
}

#[derive(Deserialize, Default)]
struct Named {
    name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PyTools {
    watchfire: PyWatchfire,
}

#[derive(Deserialize, Default)]
struct PyWatchfire {
    source: Option<String>,
}

impl Project {
    /// Returns what a folder holds; `None` if it is no project in a language that is known.
    ///
    /// # Errors
    ///
    /// If a manifest can't be read.
    pub fn find(folder: &Path) -> Result<Option<Self>, BuildError> {
        let Ok(folder) = folder.canonicalize() else { return Ok(None) };
        let has = |name: &str| folder.join(name).is_file();
        let called = folder.file_name().map_or_else(|| "detector".into(), |name| name.to_string_lossy().into_owned());
        let one = |language, name: Option<String>, source: Option<String>, usual: &[&str]| {
            let source = source.or_else(|| usual.iter().find(|name| has(name)).map(|name| (*name).to_owned()));
            let source =
                source.ok_or_else(|| BuildError::NoSource { folder: folder.clone(), usual: usual.join("`, `") })?;
            let sources = vec![folder.join(source)];
            Ok(Some(Self { folder: folder.clone(), language, name: plain(name.unwrap_or(called.clone())), sources }))
        };
        if has("Cargo.toml") {
            return one(Language::Rust, None, Some("Cargo.toml".to_owned()), &[]);
        }
        if has("package.json") {
            let Package { name, source } = read(&folder.join("package.json"), |text| serde_json::from_str(text).ok())?;
            return one(Language::TypeScript, name, source, &["src/detector.ts", "src/detector.js", "src/index.ts"]);
        }
        if has("pyproject.toml") {
            let Pyproject { project, tool } = read(&folder.join("pyproject.toml"), |text| toml::from_str(text).ok())?;
            return one(Language::Python, project.name, tool.watchfire.source, &["src/detector.py", "detector.py"]);
        }
        if has("go.mod") {
            let module = read(&folder.join("go.mod"), |text| {
                text.lines().find_map(|line| line.strip_prefix("module ")).map(str::trim).map(str::to_owned)
            })?;
            let name = module.rsplit('/').next().map(str::to_owned);
            return one(Language::Go, name, Some("go.mod".to_owned()), &[]);
        }
        for (language, extensions) in
            [(Language::Zig, &["zig"][..]), (Language::Cpp, &["cpp", "cc", "cxx"]), (Language::C, &["c"])]
        {
            let sources = files(&folder.join("src"), extensions)?;
            if sources.is_empty() {
                continue;
            }
            let main = sources.iter().find(|source| source.file_stem().is_some_and(|stem| stem == "detector"));
            let sources = match language {
                Language::Zig => vec![main.unwrap_or(&sources[0]).clone()],
                _ => sources,
            };
            return Ok(Some(Self { folder, language, name: plain(called), sources }));
        }
        Ok(None)
    }

    /// Where what is made goes: components, bindings, the SDK as this host has it.
    pub fn build_folder(&self) -> PathBuf {
        self.folder.join("build")
    }
}

/// A name that a file can have: the last part of `@scope/name`.
fn plain(name: String) -> String {
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, BuildError> {
    let text = std::fs::read_to_string(path).map_err(|error| BuildError::File { path: path.to_owned(), error })?;
    parse(&text).ok_or_else(|| BuildError::Manifest { path: path.to_owned() })
}

/// Files of these extensions, in order; none where there is no such folder.
pub(super) fn files(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, BuildError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = parts::entries(folder)?;
    files.retain(|path| path.extension().is_some_and(|own| extensions.iter().any(|one| own == *one)));
    Ok(files)
}
