//! Detectors, compiled on the core that the host's build leaves idle: its largest crates come last, one after the other.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use crate::compile::forget_xtask;
use crate::{TARGETS, root, target};

/// Compilation of detectors that goes on beside the host's.
#[must_use = "`plugin build` waits for its lock"]
pub(crate) struct Ahead(Option<JoinHandle<()>>);

impl Ahead {
    /// Begins, where the host was never built here, to compile detectors with the flags of `watchfire plugin build`, which then
    /// finds them ready. With other flags, or if it fails, that command compiles them as if nothing had been done.
    pub(crate) fn begin(detectors: &[&str]) -> Self {
        if target().join("debug/watchfire").exists() {
            return Self(None);
        }
        let commands: Vec<Command> = detectors.iter().map(|detector| compile(detector)).collect();
        let compile = move || {
            for mut command in commands {
                drop(command.status());
            }
        };
        Self(Some(std::thread::spawn(compile)))
    }

    /// Waits for its end.
    pub(crate) fn wait(self) {
        drop(self.0.map(JoinHandle::join));
    }
}

/// Returns the command that compiles one detector as `host/src/plugin/build/cargo.rs` does, with the time that nobody else takes.
fn compile(detector: &str) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "19", "cargo", "rustc", "--quiet", "--jobs", "1", "--lib", "--target", TARGETS[0]]);
    command.args(["--profile", "guest", "--", &format!("--remap-path-prefix={}=/project", root().display())]);
    command.current_dir(root().join(detector));
    forget_xtask(&mut command);
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    if let Some(home) = home {
        command.env("CARGO_ENCODED_RUSTFLAGS", format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    command.env_remove("RUSTFLAGS").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
