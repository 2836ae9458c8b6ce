//! The real binary with detectors of the corpus: what is granted is told at each step, and what forgets is caught.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::kit::{BINARY, Trick};

/// A folder with a config, a feed that says nothing, and a detector.
struct Deployment(tempfile::TempDir);

/// A detector that asks for so many of `state` and `chain`, in that order.
fn asking_for(count: u32) -> Vec<u8> {
    let text = format!(
        "  ;;; describe\n  (func $describe (result i32)\n    (i32.store (i32.const 420) (i32.const {count}))\n    \
         (i32.const 384))\n"
    );
    Trick { name: "asks".into(), expected: String::new(), at_last: None, text }.component()
}

impl Deployment {
    fn new(component: &[u8], grant: &str) -> Self {
        let deployment = Self(tempfile::tempdir().unwrap());
        fs::write(deployment.path().join("feed.jsonl"), "").unwrap();
        deployment.put(component);
        deployment.grant(grant);
        deployment
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, component: &[u8]) {
        fs::write(self.path().join("new.wasm"), component).unwrap();
        fs::rename(self.path().join("new.wasm"), self.path().join("odd.wasm")).unwrap();
    }

    fn grant(&self, grant: &str) {
        let text = format!(
            "[feed.quiet]\nkind = \"jsonl\"\nfile = \"feed.jsonl\"\npointer = \"/v\"\n\
             [cache]\npath = \"compiled\"\n\
             [detector.odd]\ncomponent = \"odd.wasm\"\n{grant}\n"
        );
        fs::write(self.path().join("watchfire.toml"), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).env_remove("WATCHFIRE_CACHE");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn start(&self) -> Running {
        let log = fs::File::create(self.path().join("log")).unwrap();
        Running(self.command(&["run"]).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// Waits until the log says something new, and gives that line.
    fn until_logged(&self, what: &str) -> String {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(90) {
            let log = fs::read_to_string(self.path().join("log")).unwrap();
            if let Some(line) = log.lines().find(|line| line.contains(what)) {
                return line.to_owned();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("never logged `{what}`:\n{}", fs::read_to_string(self.path().join("log")).unwrap());
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn check_tells_what_is_asked_and_not_granted_and_the_other_way_round() {
    let deployment = Deployment::new(&asking_for(2), "grant = [\"state\"]");
    let checked = deployment.run(&["check"]);
    let told = text(&checked);
    let place = "watchfire.toml:9:9: error: detector.odd.grant: it asks for `chain`, which it is not granted; see what";
    assert!(told.contains(place), "{told}");
    assert!(told.contains("then add \"chain\" to `grant`"), "{told}");
    assert_eq!(checked.status.code(), Some(1));

    deployment.grant("grant = [\"state\", \"chain\", \"traces\"]\nfeeds = [\"quiet\"]");
    let checked = deployment.run(&["check"]);
    let told = text(&checked);
    let place =
        "watchfire.toml:9:28: warning: detector.odd.grant.2: `traces` is granted, and `odd` does not ask for it";
    assert!(told.contains(place), "{told}");
    assert!(told.contains("feeds are allowed, and `odd` does not ask for `feeds`"), "{told}");
    assert!(told.contains("0 errors, 3 warnings"), "{told}");
    assert_eq!(checked.status.code(), Some(0));

    deployment.grant("grant = [\"state\"]\n[detector.odd.limits]\nstack_bytes = 1\nmemory_bytes = 131072");
    let told = text(&deployment.run(&["check"]));
    let place = "watchfire.toml:11:15: error: detector.odd.limits.stack_bytes: a stack has 16384 to 1048576 bytes";
    assert!(told.contains(place), "{told}");
}

#[test]
fn inspect_shows_a_deployment_s_grants_and_limits() {
    let deployment =
        Deployment::new(&asking_for(2), "grant = [\"state\", \"traces\"]\nlimits.fuel_per_batch = 5000000");
    let told = text(&deployment.run(&["plugin", "inspect", "--detector", "odd"]));
    for expected in [
        "asks for state, chain",
        "granted  state, traces",
        "refused  it asks for chain, which it is not granted",
        "unused   it is granted traces, which it does not ask for",
        "fuel_per_batch                 5,000,000  the batch fails, on a replay too",
        "memory_bytes                      64 MiB  gets no more",
    ] {
        assert!(told.contains(expected), "`{expected}` is not in\n{told}");
    }
    let json = deployment.run(&["plugin", "inspect", "--detector", "odd", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["limits"]["fuel_per_batch"], 5_000_000);
    assert_eq!(json["grants"]["missing"], serde_json::json!(["chain"]));
    let told = text(&deployment.run(&["plugin", "inspect", "--detector", "even"]));
    assert!(told.contains("has no detector `even`; it has odd"), "{told}");
}

#[test]
fn a_version_that_asks_for_more_is_refused_until_it_is_granted() {
    let deployment = Deployment::new(&asking_for(1), "grant = [\"state\"]");
    let _running = deployment.start();
    deployment.until_logged("detector odd: is now");
    deployment.until_logged("watching");

    deployment.put(&asking_for(2));
    let told = deployment.until_logged("config change refused");
    assert!(told.contains("it asks for `chain`, which it is not granted"), "{told}");

    deployment.grant("grant = [\"state\", \"chain\"]");
    deployment.until_logged("taken up: detector odd: is now");

    // Back to the version that asks for less: what it no longer needs is told.
    deployment.put(&asking_for(1));
    let told = deployment.until_logged("does not ask for it");
    assert!(told.contains("detector.odd.grant.1: `chain` is granted"), "{told}");
    assert!(deployment.path().join("compiled/key").is_file(), "compiled components lie where the config says");
}

#[test]
fn a_replay_runs_out_of_fuel_at_the_same_blocks() {
    let chain = "[chain.harbor]\nid = 31337\nendpoints = [\"http://127.0.0.1:1\"]\n";
    let limits = "[detector.odd.limits]\nfuel_per_batch = 50000\n";
    let deployment = Deployment::new(
        &Trick { text: LIGHT_THEN_HEAVY.into(), ..Trick::read("trap") }.component(),
        &format!("grant = []\n{limits}{chain}"),
    );
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/lending/attack.jsonl.gz");
    let ran = deployment.run(&["replay", recording.to_str().unwrap(), "--quiet", "--journal", "ran.db"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran));
    let failed = text(&deployment.run(&["journal", "list", "--journal", "ran.db", "--kind", "failed"]));
    assert!(failed.contains("it used up its 50000 units of fuel"), "{failed}");
    let replayed = deployment.run(&["replay", "ran.db", "--quiet"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", text(&replayed));
}

/// Cheap on even blocks, dear on odd ones; it asks for nothing.
const LIGHT_THEN_HEAVY: &str = r#"
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-number" (func $number (param i32) (result i64)))
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 420) (i32.const 0))
    (i32.const 384))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (if (i32.wrap_i64 (i64.and (call $number (local.get 0)) (i64.const 1)))
      (then (loop $more (br $more))))
    (i32.const 768))
"#;

#[test]
fn what_is_kept_in_guest_memory_is_caught_by_its_test() {
    let deployment = Deployment::new(&Trick::read("keeps-count").component(), "");
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/lending/attack.jsonl.gz");
    let recording = recording.to_str().unwrap();
    let tested = deployment.run(&["--cache", "off", "plugin", "test", "odd.wasm", "--recording", recording]);
    let told = text(&tested);
    assert!(told.contains("FAILED: it keeps something in guest memory that it should keep in `state`"), "{told}");
    assert!(told.contains("guest1") && told.contains("guest0"), "{told}");
    assert_eq!(tested.status.code(), Some(1));

    deployment.put(&Trick::read("nan-payload").component());
    let tested = deployment.run(&["--cache", "off", "plugin", "test", "odd.wasm", "--recording", recording]);
    assert_eq!(tested.status.code(), Some(0), "{}", text(&tested));
    assert!(!deployment.path().join("compiled").exists(), "nothing is kept where that is turned off");
}

#[test]
fn a_hostile_component_is_told_of_by_the_command_line_without_harm() {
    let deployment = Deployment::new(&Trick::read("describe-escapes").component(), "");
    for args in
        [&["check"][..], &["plugin", "inspect", "odd.wasm"], &["plugin", "inspect", "odd.wasm", "--format=json"]]
    {
        let told = text(&deployment.run(args));
        assert!(told.contains("is not kebab-case"), "{args:?}: {told}");
        assert!(!told.contains('\u{1b}'), "{args:?}: {told:?}");
    }
}

#[test]
fn what_fails_has_no_figures() {
    let deployment = Deployment::new(&Trick::read("endless-loop").component(), "grant = []");
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/lending/attack.jsonl.gz");
    let output = deployment.run(&["plugin", "bench", "odd.wasm", "--recording", recording.to_str().unwrap()]);
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("it fails on block") && said.contains("so it has no figures: deadline"), "{said}");
}
