//! Compilers of the languages that detectors are written in, and the detector that is written in all of them.

use std::ffi::OsString;
use std::process::Command;

use anyhow::bail;

use crate::peers::peers_folder;
use crate::step::{run, say};
use crate::{root, target, watchfire};

/// Folders of `tests/conformance`.
const LANGUAGES: [&str; 9] = ["rust", "c", "cpp", "zig", "go", "ts", "python", "bare-c", "bare-python"];

/// Installs the compilers that come from PyPI into a virtual environment; whether they are there now. In CI they must be.
pub(crate) fn install() -> anyhow::Result<bool> {
    let (pins, folder) = (root().join("tests/peers/requirements.txt"), peers_folder().join("venv"));
    let (wanted, stamp) = (std::fs::read_to_string(&pins)?, folder.join("installed"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(true);
    }
    say("installing zig, go and componentize-py into .peers (190 MB)");
    let made = quietly(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && quietly(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "--no-deps", "-r"]).arg(&pins));
    if !made {
        if std::env::var_os("CI").is_some() {
            bail!(
                "the compilers in {} can't be installed by python3's venv and pip, and CI must have them",
                pins.display()
            );
        }
        println!(
            "SKIPPED: the compilers of other languages can't be installed by python3 here, so their tests are skipped"
        );
        return Ok(false);
    }
    std::fs::write(&stamp, &wanted)?;
    Ok(true)
}

fn quietly(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

/// Builds the detector in each language into `target/conformance`.
pub(crate) fn build() -> anyhow::Result<()> {
    std::fs::create_dir_all(target().join("conformance"))?;
    for language in LANGUAGES {
        say(&format!("building the conformance detector: {language}"));
        let out = target().join("conformance").join(format!("{language}.wasm"));
        let project = root().join("tests/conformance").join(language);
        run(watchfire()
            .args(["plugin", "build"])
            .arg(project)
            .arg("--out")
            .arg(out)
            .env("PATH", path()?)
            .env("NODE_PATH", peers_folder().join("node_modules")))?;
    }
    Ok(())
}

/// The path, with the pinned compilers before all others.
fn path() -> anyhow::Result<OsString> {
    let known = std::env::var_os("PATH").unwrap_or_default();
    let own = ["venv/bin", "node_modules/.bin"].map(|folder| peers_folder().join(folder));
    let folders = own.into_iter().chain(std::env::split_paths(&known));
    Ok(std::env::join_paths(folders)?)
}

/// Measures the detector in each language, and puts the table into docs/languages.md.
pub(crate) fn table() -> anyhow::Result<()> {
    say("measuring the detector in each language");
    let mut command = watchfire();
    command.args(["plugin", "bench"]);
    for language in LANGUAGES.iter().filter(|language| !language.starts_with("bare")) {
        command.arg(target().join("conformance").join(language).with_extension("wasm"));
    }
    command.args(["--recording", "examples/lending/attack.jsonl.gz", "--config", "tests/conformance/lending.toml"]);
    let output = command.args(["--format", "markdown"]).output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let page = root().join("docs/languages.md");
    let text = std::fs::read_to_string(&page)?;
    let (start, end) = ("<!-- table: cargo xtask languages --table -->\n", "<!-- end -->");
    let Some((before, after)) =
        text.split_once(start).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)))
    else {
        bail!("{} has no place for the table", page.display());
    };
    let table = String::from_utf8_lossy(&output.stdout);
    std::fs::write(&page, format!("{before}{start}\n{table}\n{end}{after}"))?;
    Ok(())
}
