//! Makes the packages, and runs commands in roots of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Packages of the host that lies beside the tests.
pub(crate) struct Made(TempDir);

impl Made {
    pub(crate) fn now() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = beside_tests("watchfire");
        let plugins = host.ancestors().nth(2).unwrap().join("plugins");
        let mut dist = Command::new(env!("CARGO_BIN_EXE_watchfire-dist"));
        dist.arg("--binary").arg(host).arg("--plugins").arg(plugins).arg("--out").arg(folder.path());
        expect(&mut dist);
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// The one file whose name ends so.
    pub(crate) fn file(&self, end: &str) -> PathBuf {
        let mut files = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.to_str().unwrap().ends_with(end)).unwrap_or_else(|| panic!("no `{end}` was made"))
    }
}

/// A binary that `cargo xtask test` builds before the tests.
fn beside_tests(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let found = test.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("there is no `{name}` beside the tests; build it with `cargo xtask plugins`"))
}

/// Where the other tests keep compiled detectors.
pub(crate) fn cache() -> PathBuf {
    beside_tests("watchfire").with_file_name("compiled")
}

/// Runs a command, which must go well; what it printed.
pub(crate) fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ends with {}:\n{text}\n{log}", output.status);
    text
}

/// Runs a command, which must go well.
pub(crate) fn expect(command: &mut Command) {
    said(command);
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Says in one line that a part was skipped for want of something. In CI nothing may be wanting.
pub(crate) fn skip_or_fail(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} is not here, and CI must have it");
    println!(
        "SKIPPED: {what} is not here, so a part of what is published is not tested; `cargo xtask peers`, as root, brings it"
    );
}

/// A root of its own, in which commands run with a `/proc` of its own and nothing else of this machine's files.
pub(crate) struct Root(TempDir);

impl Root {
    /// A copy of the clean Debian system; `None` without one or without the right to enter it.
    pub(crate) fn clean() -> Option<Self> {
        let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.peers/debian");
        let root = Self::empty().filter(|_| system.is_dir())?;
        expect(Command::new("cp").arg("-a").arg(system.join(".")).arg(root.path("")));
        Some(root)
    }

    /// An empty one; `None` without the right to enter it.
    pub(crate) fn empty() -> Option<Self> {
        let may = Command::new("unshare").args(["--mount", "chroot", "/", "true"]).output();
        may.is_ok_and(|output| output.status.success()).then(|| Self(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn copy(&self, from: &Path, to: &str) {
        fs::copy(from, self.path(to)).unwrap();
    }

    /// Runs a command in it as root.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        self.run_as("0:0", args)
    }

    /// Runs a command in it as a user and a group.
    pub(crate) fn run_as(&self, user: &str, args: &[&str]) -> String {
        fs::create_dir_all(self.path("proc")).unwrap();
        // What is mounted goes with the command.
        let enter = r#"root="$1" user="$2"; shift 2
mount -t proc proc "$root/proc"
exec chroot --userspec="$user" "$root" "$@""#;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "sh", "-ec", enter, "sh"]).arg(self.0.path()).arg(user).args(args);
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C");
        said(&mut command)
    }
}
