//! One step at a time, each said before it runs.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};

/// Says what comes next.
pub(crate) fn say(what: &str) {
    println!("== {what}");
}

/// Runs a command to its end; what it prints is shown.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("`{name}` can't be run"))?;
    let args: Vec<String> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    ensure!(status.success(), "`{name} {}` failed ({status})", args.join(" "));
    Ok(())
}

/// Does one step and prints how long it took.
pub(crate) fn timed<T>(what: &str, step: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let began = Instant::now();
    let done = step()?;
    let took = began.elapsed();
    println!("== {what}: {} min {} s", took.as_secs() / 60, took.as_secs() % 60);
    Ok(done)
}
