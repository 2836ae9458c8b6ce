//! `cargo xtask fuzz TARGET`: libFuzzer on one target, from its seeds on, with what it finds kept.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::step::{run, say};

/// Targets, as `host/src/fuzz.rs` lists them.
const TARGETS: [&str; 10] =
    ["config", "plan", "rpc", "webhook", "answers", "recording", "engine", "archive", "guest", "journal"];

/// Longest input; seeds are a few kilobytes.
const LARGEST_BYTES: u32 = 64 << 10;

pub fn fuzz(root: &Path, args: &[&str]) -> anyhow::Result<()> {
    let (target, seconds) = match args {
        [target] => (*target, 300),
        [target, "--seconds", seconds] => (*target, seconds.parse::<u64>().context("`--seconds` takes a number")?),
        _ => bail!("name a target, as in `cargo xtask fuzz config --seconds 600`: {}", TARGETS.join(", ")),
    };
    if !TARGETS.contains(&target) {
        bail!("no target `{target}`; there are {}", TARGETS.join(", "));
    }
    let has_fuzz = Command::new("cargo-fuzz").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_fuzz {
        bail!("cargo-fuzz is not here; install it with `cargo install cargo-fuzz`");
    }
    let folder = |kind: &str| root.join("fuzz").join(kind).join(target);
    std::fs::create_dir_all(folder("corpus"))?;
    say(&format!("fuzzing `{target}` for {seconds} s (the first time all is built for it, which takes a while)"));
    let mut command = Command::new("cargo-fuzz");
    // Coverage needs flags that a stable compiler takes only when it is told that it may.
    command.current_dir(root).env("RUSTC_BOOTSTRAP", "1").args([
        "run",
        "--sanitizer",
        "none",
        "--fuzz-dir",
        "fuzz",
        target,
    ]);
    command.arg(folder("corpus"));
    let given = ["seeds", "regressions"].map(folder);
    command.args(given.iter().filter(|folder| folder.is_dir()));
    command.args(["--", &format!("-max_total_time={seconds}"), &format!("-max_len={LARGEST_BYTES}"), "-timeout=10"]);
    let ended = run(&mut command);
    if ended.is_err() {
        say(
            "what it found is under `fuzz/artifacts`; mend it, and keep the input under `fuzz/regressions` with a name that says what it does",
        );
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_is_fuzzed_every_night() {
        let workflow = std::fs::read_to_string(crate::root().join(".github/workflows/nightly.yml")).unwrap();
        assert!(workflow.contains(&format!("target: [{}]", TARGETS.join(", "))), "{TARGETS:?}");
    }
}
