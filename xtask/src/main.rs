//! Set-up, the demo and the tests of this repository, by one command each: `cargo xtask demo`, `cargo xtask test`.

mod ahead;
mod compile;
mod dist;
mod fuzz;
mod interop;
mod languages;
mod lint;
mod peers;
mod score;
mod soak;
mod step;
mod twins;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use ahead::Ahead;
use anyhow::bail;
use compile::{as_rustdoc, cargo, compile, document, lint_from_now_on};
use step::{run, say, timed};

const USAGE: &str = "\
cargo xtask demo          build all that the demo needs, and show it
cargo xtask test [-- …]   build all that the tests need, and run them; what follows `--` goes to the runner
cargo xtask plugins       build the first-party detectors into target/plugins
cargo xtask peers         install the pinned peers of the tests into .peers
cargo xtask languages     install the pinned compilers, and build the conformance detector in every language
                          [--table: measure it, and renew the table in docs/languages.md]
cargo xtask record-demo   make the demo's recording anew, on a real anvil node
cargo xtask bench         measure each stage on real blocks, and a real node's block to its decision
cargo xtask dist          make what is published: tarball, Debian package, OCI image, bill of materials, checksums
                          [--profile NAME] [--out FOLDER]
cargo xtask score         score the first-party detectors on the data of the study, renew the table in docs/detection.md, and
                          compare with what is expected [--accept: expect what was found]
cargo xtask twins         play attacks and their benign twins on real nodes, and compare what each detector finds [NAME…]
cargo xtask fuzz TARGET   fuzz one of the places that take bytes of others [--seconds N]
cargo xtask soak NAME     run what must hold for hours: nodes, everything, courses [--seconds N] [--seed N]
cargo xtask interop       build other clients of registries that take long to build (wkg), and run the tests that talk to them
cargo xtask ci            what CI runs (`.ci/run`)";

/// Detectors that the demo shows; a first demo waits for no others.
const DEMO: [&str; 3] = ["plugins/privileged-control", "plugins/outflow", "plugins/price-deviation"];
/// Detectors that are published with the host.
const FIRST_PARTY: [&str; 10] = [
    DEMO[0],
    DEMO[1],
    DEMO[2],
    "plugins/attacks",
    "plugins/attack-combiner",
    "plugins/share-price",
    "plugins/bridge-accounting",
    "plugins/key-compromise",
    "plugins/frontend-integrity",
    "plugins/rules",
];
/// The detector that the benchmark measures the boundary with.
const BENCH_DETECTOR: &str = "tests/topic-scan";
/// Targets that detectors are built for; the second one by authors whose code wants WASI.
const TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip2"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(mut rustdoc) = as_rustdoc(&args, &target().join("doc")) {
        return match rustdoc.status() {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
    let rest: Vec<&str> = args.iter().skip(1).map(String::as_str).filter(|arg| *arg != "--").collect();
    let done = match args.first().map(String::as_str) {
        Some("demo") => demo(&rest),
        Some("test") => test(&rest),
        Some("plugins") => set_up(),
        Some("peers") => peers::install().map(drop),
        Some("languages") => set_up().and_then(|()| languages()).and_then(|()| match rest.contains(&"--table") {
            true => languages::table(),
            false => Ok(()),
        }),
        Some("record-demo") => record_demo(),
        Some("bench") => bench(&rest),
        Some("score") => set_up().and_then(|()| score::score(rest.contains(&"--accept"))),
        Some("twins") => set_up().and_then(|()| twins::play(&rest)),
        Some("fuzz") => fuzz::fuzz(&root(), &args.iter().skip(1).map(String::as_str).collect::<Vec<_>>()),
        Some("soak") => soak::soak(&rest, || set_up().and_then(|()| peers::install().map(drop))),
        Some("interop") => interop::interop(|| set_up_with(&[]).and_then(|()| peers::install().map(drop))),
        Some("dist") => dist::dist(&rest),
        Some("ci") => ci(),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |given| root().join(given))
}

fn watchfire() -> Command {
    let mut command = Command::new(target().join("debug/watchfire"));
    command.current_dir(root());
    command
}

/// The host and all detectors, with the targets that these need.
fn set_up() -> anyhow::Result<()> {
    set_up_with(&all_detectors())
}

fn all_detectors() -> Vec<&'static str> {
    [&FIRST_PARTY[..], &[BENCH_DETECTOR]].concat()
}

fn set_up_with(detectors: &[&str]) -> anyhow::Result<()> {
    add_targets()?;
    say("building the host (the first time takes about ten minutes on two cores)");
    let ahead = Ahead::begin(detectors);
    run(&mut compile(&["build", "-p", "watchfire"]))?;
    ahead.wait();
    build_detectors(&target().join("debug/watchfire"), detectors)
}

/// Builds detectors into `target/plugins`, by this host.
fn build_detectors(host: &Path, detectors: &[&str]) -> anyhow::Result<()> {
    std::fs::create_dir_all(target().join("plugins"))?;
    for detector in detectors {
        let name = detector.rsplit('/').next().unwrap_or(detector);
        say(&format!("building the detector {name}"));
        let out = target().join("plugins").join(format!("{name}.wasm"));
        let mut build = Command::new(host);
        run(build.current_dir(root()).args(["plugin", "build"]).arg(root().join(detector)).arg("--out").arg(out))?;
    }
    Ok(())
}

fn add_targets() -> anyhow::Result<()> {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).current_dir(root()).output();
    let installed = match installed {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => bail!("rustup can't be run ({error}); install Rust from https://rustup.rs"),
    };
    for target in TARGETS.into_iter().filter(|target| !installed.lines().any(|line| line == *target)) {
        say(&format!("adding the target {target}"));
        run(Command::new("rustup").args(["target", "add", target]).current_dir(root()))?;
    }
    Ok(())
}

fn demo(rest: &[&str]) -> anyhow::Result<()> {
    set_up_with(&DEMO)?;
    say("the demo: Harbor Lending under attack");
    run(watchfire().arg("demo").args(["--components".as_ref(), target().join("plugins").as_os_str()]).args(rest))
}

fn test(rest: &[&str]) -> anyhow::Result<()> {
    timed("host and detectors", set_up)?;
    timed("peers and the detector in each language", languages)?;
    if !root().join("../shared/data/mainnet").is_dir() {
        println!("skipped: ../shared/data is not here, so tests on real mainnet blocks are skipped");
    }
    let has_nextest = cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success());
    say("running the tests");
    match has_nextest {
        true => {
            let mut test = compile(&["nextest", "run", "--workspace", "--no-fail-fast"]);
            // Many wait for peers: half as many again as there are cores keep these busy. What is typed goes before it.
            if std::env::var_os("NEXTEST_TEST_THREADS").is_none() {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                test.env("NEXTEST_TEST_THREADS", cores.saturating_add(cores.div_ceil(2)).to_string());
            }
            run(test.args(rest))
        }
        // The runner that there always is has all of a file's tests in one process, where some would count each other's
        // children and wait for each other's hosts: one after the other, then.
        false => {
            let mut test = compile(&["test", "--workspace", "--no-fail-fast"]);
            run(test.args(rest).env("RUST_TEST_THREADS", "1"))
        }
    }
}

/// Installs the peers and the compilers of other languages. Returns whether all of these can be had.
fn install() -> anyhow::Result<bool> {
    let has_npm = peers::install()?;
    Ok(languages::install()? && has_npm)
}

/// The peers, and the detector that is written in every language, where all of its compilers can be had.
fn languages() -> anyhow::Result<()> {
    if install()? { languages::build() } else { Ok(()) }
}

fn record_demo() -> anyhow::Result<()> {
    set_up()?;
    if !peers::install()? {
        bail!("the recording needs anvil and solc, which are installed from npm");
    }
    say("recording: about a minute");
    run(cargo().args(["run", "--quiet", "-p", "watchfire-tests", "--bin", "record_demo"]))
}

fn bench(rest: &[&str]) -> anyhow::Result<()> {
    set_up()?;
    say("building the benchmark, optimised as a release is");
    let components = target().join("plugins");
    let mut command = cargo();
    command.args(["run", "--quiet", "--profile", "bench", "-p", "watchfire-bench", "--", "--components"]);
    run(command.arg(components).args(rest))?;
    if peers::install()? {
        run(cargo().args(["run", "--quiet", "-p", "watchfire-tests", "--bin", "latency"]))?;
    }
    Ok(())
}

fn ci() -> anyhow::Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    lint_from_now_on();
    add_targets()?;
    let ahead = Ahead::begin(&all_detectors());
    // They come over the network while the compiler works.
    let peers = std::thread::spawn(install);
    timed("build, by clippy", || run(&mut compile(&["build", "--workspace", "--all-targets"])))?;
    timed("detectors and peers, begun beside it", || {
        ahead.wait();
        peers.join().map_err(|_| anyhow::anyhow!("the installation of peers ended by a panic"))?
    })?;
    timed("rustdoc", || run(&mut document()))?;
    timed("dependencies, workflows, book", || {
        lint::dependencies()?;
        lint::workflows()?;
        lint::book()
    })?;
    timed("demo", || demo(&["--fast"]))?;
    timed("detectors", set_up)?;
    timed("score", || score::score(false))?;
    timed("attacks and their twins", || twins::play(&[]))?;
    timed("packages", || dist::dist(&["--profile", "dev"]))?;
    test(&[])
}
