//! The real `watchfire`, run as a user runs it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

/// What comes at once on an idle machine has come by then on one with much else to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// The binary beside the running test; `cargo xtask test` builds it first.
pub fn binary() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let found = test.ancestors().skip(1).map(|folder| folder.join("watchfire")).find(|path| path.is_file());
    found.context("there is no `watchfire` beside the tests; build it with `cargo build -p watchfire`")
}

/// The folder that everything was built in, which need not lie in the repository.
fn target() -> anyhow::Result<PathBuf> {
    let binary = binary()?;
    Ok(binary.parent().and_then(Path::parent).context("the binary lies in a target folder")?.to_owned())
}

/// A folder that has the lending example and the target folder where a checkout has them by default.
pub fn checkout() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let lending = folder.path().join("examples/lending");
    std::fs::create_dir_all(&lending)?;
    for entry in std::fs::read_dir(crate::peers::root().join("examples/lending"))? {
        let entry = entry?;
        std::os::unix::fs::symlink(entry.path(), lending.join(entry.file_name()))?;
    }
    std::os::unix::fs::symlink(target()?, folder.path().join("target"))?;
    Ok(folder)
}

/// The components of the first detectors; `cargo xtask test` builds them first.
pub fn component(name: &str) -> anyhow::Result<PathBuf> {
    let path = target()?.join("plugins").join(format!("{name}.wasm"));
    anyhow::ensure!(path.is_file(), "there is no `{}`; build it with `cargo xtask plugins`", path.display());
    Ok(path)
}

/// The binary, with a cache of its own beside it: tests leave the user's alone.
fn command() -> anyhow::Result<Command> {
    let binary = binary()?;
    let mut command = Command::new(&binary);
    command.env("WATCHFIRE_CACHE", binary.with_file_name("compiled"));
    Ok(command)
}

/// Returns the binary with a clock that is so many seconds off the machine's, by the library of `faketime`. Its monotonic clock is
/// the machine's.
pub fn at_offset(library: &Path, offset_s: i64) -> anyhow::Result<Command> {
    let mut command = command()?;
    command.env("LD_PRELOAD", library).env("FAKETIME", format!("{offset_s:+}"));
    command.env("DONT_FAKE_MONOTONIC", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Ok(command)
}

/// Runs a command of `watchfire` to its end.
pub fn watchfire(folder: &Path, args: &[&str]) -> anyhow::Result<Output> {
    Ok(command()?.args(args).current_dir(folder).stdin(Stdio::null()).output()?)
}

/// Runs a command of the real binary with more variables, and waits for its end.
pub fn watchfire_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Output> {
    let variables = variables.iter().copied();
    Ok(command()?.args(args).envs(variables).current_dir(folder).stdin(Stdio::null()).output()?)
}

/// A host that runs, and what it has said so far.
pub struct Host {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Host {
    /// Starts `watchfire run --format json` in a folder that holds a `watchfire.toml`.
    pub fn start(folder: &Path, more: &[&str]) -> anyhow::Result<Self> {
        Self::start_by(command()?, folder, more)
    }

    /// Starts it by another program, which is given the host's own arguments after its own.
    pub fn start_by(mut program: Command, folder: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let mut child = program
            .args(["run", "--format", "json"])
            .args(more)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that it ends with the program that it was started by.
            .process_group(0)
            .spawn()?;
        let (lines, log) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let stdout = BufReader::new(child.stdout.take().context("its output is piped")?);
        let stderr = BufReader::new(child.stderr.take().context("its log is piped")?);
        let (kept, told) = (lines.clone(), log.clone());
        let readers = vec![
            std::thread::spawn(move || {
                for line in stdout.lines().map_while(Result::ok) {
                    let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(value);
                }
            }),
            std::thread::spawn(move || {
                for line in stderr.lines().map_while(Result::ok) {
                    told.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            }),
        ];
        Ok(Self { child, lines, log, readers })
    }

    /// What it printed so far.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// What it printed of one type.
    pub fn of(&self, kind: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["type"] == kind).collect()
    }

    /// Waits until something is so of what it printed.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&[Value]) -> bool) -> anyhow::Result<()> {
        self.until_within(what, PATIENCE, is_so).await
    }

    /// Waits no longer than this until something is so of what it printed.
    pub async fn until_within(
        &mut self,
        what: &str,
        longest: Duration,
        is_so: impl Fn(&[Value]) -> bool,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        while started.elapsed() < longest {
            if is_so(&self.lines()) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the host ended ({status}) before {what}:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let last: Vec<String> = self.lines().iter().rev().take(5).map(ToString::to_string).collect();
        bail!("never within {longest:?}: {what}\nlast lines:\n{}\nlog:\n{}", last.join("\n"), self.log())
    }

    /// Waits until it has taken in a block of this height.
    pub async fn until_block(&mut self, number: u64) -> anyhow::Result<()> {
        let is_in = move |lines: &[Value]| {
            lines.iter().any(|line| line["type"] == "block" && line["number"].as_u64() == Some(number))
        };
        self.until(&format!("block {number}"), is_in).await
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended by itself; what it logged, and its exit code, which is none where a signal ended it.
    pub async fn ended(mut self, within: Duration) -> anyhow::Result<(String, Option<i32>)> {
        let started = Instant::now();
        while self.is_running() {
            anyhow::ensure!(started.elapsed() < within, "it still runs after {within:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let code = self.child.wait()?.code();
        self.wait_for_output();
        Ok((self.log(), code))
    }

    /// Sends it a signal by its name: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        anyhow::ensure!(status.success(), "the host can't be signalled");
        Ok(())
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) -> Vec<Value> {
        self.end();
        self.lines()
    }

    fn end(&mut self) {
        // It may have ended by itself, and then its group is gone too.
        let _ = self.child.kill();
        let _ =
            Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).stderr(Stdio::null()).status();
        self.wait_for_output();
    }

    /// Asks it to drain and end; what it printed, and its exit code.
    pub fn stop(mut self) -> anyhow::Result<(Vec<Value>, Option<i32>)> {
        self.signal("TERM")?;
        let code = self.child.wait()?.code();
        self.wait_for_output();
        Ok((self.lines(), code))
    }

    fn wait_for_output(&mut self) {
        // Already reaped where it was waited for.
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            // A reader can't panic; its lines are what matters.
            let _ = reader.join();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What is waited for already may have given its number to another.
        if !self.readers.is_empty() {
            self.end();
        }
    }
}
