//! How the code of this workspace is compiled: by cargo, and in CI by clippy's driver in place of the compiler, so that what is
//! linted, documented, shown and tested is compiled once.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{root, target};

/// Whether clippy compiles this workspace.
static IS_LINTED: AtomicBool = AtomicBool::new(false);
/// Set where this program is called in place of rustdoc.
const AS_RUSTDOC: &str = "XTASK_AS_RUSTDOC";

/// Has clippy compile this workspace from now on, and fail at its first warning.
pub(crate) fn lint_from_now_on() {
    IS_LINTED.store(true, Ordering::Relaxed);
}

/// Returns cargo, in the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    forget_xtask(&mut command);
    command
}

/// Takes from a command's environment what `cargo run` says of xtask there. Build scripts that read it would run again, and build
/// half of the dependencies again, whenever a command is typed with and without xtask in turns.
pub(crate) fn forget_xtask(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// Returns cargo with a subcommand that compiles this workspace.
pub(crate) fn compile(subcommand: &[&str]) -> Command {
    let mut command = cargo();
    command.args(subcommand);
    if IS_LINTED.load(Ordering::Relaxed) {
        // As an option and not as a variable: detectors that tests build are compiled as their authors compile them.
        command.args(["--config", r#"build.rustc-workspace-wrapper="clippy-driver""#]);
        // `-D warnings`, with what clippy's driver parts its arguments by.
        command.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    }
    command
}

/// Returns cargo with a subcommand that documents the libraries of this workspace, and fails at rustdoc's first warning.
///
/// `cargo doc` would check each dependency again, which takes a third as long as the build. Doctests are handed to rustdoc
/// with what the build made, so rustdoc is called as for them, by way of this program.
pub(crate) fn document() -> Command {
    let mut command = compile(&["test", "--doc", "--workspace", "--quiet"]);
    // Not this process's own file: building the workspace has put another one in its place.
    command.env("RUSTDOC", target().join("debug/xtask")).env(AS_RUSTDOC, "1");
    command
}

/// Returns rustdoc with the arguments that cargo gives it for doctests, made into those for documentation. `None` where this
/// program is called by its own name.
pub(crate) fn as_rustdoc(args: &[String], out: &std::path::Path) -> Option<Command> {
    std::env::var_os(AS_RUSTDOC)?;
    let mut command = Command::new("rustdoc");
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--test" | "--no-run" => {}
            "--test-run-directory" | "--test-args" | "--test-runtool" => drop(args.next()),
            other => drop(command.arg(other)),
        }
    }
    command.args(["-D", "warnings", "--out-dir"]).arg(out);
    Some(command)
}
