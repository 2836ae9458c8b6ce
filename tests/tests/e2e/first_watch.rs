//! What `docs/first-watch.md` says, typed block by block on a real anvil, in terminals of its own where it says so.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use watchfire_tests::anvil::free_port;
use watchfire_tests::host::{binary, watchfire};
use watchfire_tests::peers;

/// A newcomer's desk: a folder, a path, and programs that run in terminals of their own.
struct Newcomer {
    folder: TempDir,
    path: String,
    running: Vec<(String, Child)>,
}

impl Newcomer {
    fn new(anvil: &Path) -> Self {
        let watchfire = binary().unwrap();
        let known = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{known}", watchfire.parent().unwrap().display(), anvil.parent().unwrap().display());
        Self { folder: tempfile::tempdir().unwrap(), path, running: Vec::new() }
    }

    fn shell(&self, typed: &str) -> Command {
        // The page's `cd` holds for all blocks that come later.
        let made = self.folder.path().join("first-watch");
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", typed])
            .current_dir(if made.is_dir() { &made } else { self.folder.path() })
            .env("PATH", &self.path)
            .env("WATCHFIRE_CACHE", binary().unwrap().with_file_name("compiled"))
            .stdin(Stdio::null());
        shell
    }

    /// Types a block and waits for its end; gives what was printed.
    fn type_in(&self, typed: &str) -> String {
        let output = self.shell(typed).output().unwrap();
        let printed = [&output.stdout[..], &output.stderr[..]].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert!(output.status.success(), "`{typed}` ends with {}: {printed}", output.status);
        printed
    }

    /// Types a line in a terminal of its own, where it goes on.
    fn leave_running(&mut self, typed: &str) {
        let name = typed.split(' ').next().unwrap().to_owned();
        let printed = File::create(self.folder.path().join(&name)).unwrap();
        let mut shell = self.shell(&format!("exec {typed}"));
        let log = printed.try_clone().unwrap();
        let child = shell.stdout(printed).stderr(log).process_group(0).spawn().unwrap();
        self.running.push((name, child));
    }

    /// What a program that was left running has printed so far.
    fn printed(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// Waits until something is so.
    fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            for (name, child) in &mut self.running {
                let ended = child.try_wait().unwrap();
                assert!(ended.is_none(), "{name} ended ({ended:?}) before {what}");
            }
            let printed = self.printed("watchfire");
            assert!(started.elapsed() < Duration::from_secs(120), "never within two minutes: {what}\n{printed}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Presses Ctrl-C where a program runs, and waits for its end.
    fn press_ctrl_c(&mut self, name: &str) {
        let at = self.running.iter().position(|(running, _)| running == name).unwrap();
        let (_, mut child) = self.running.remove(at);
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let ended = child.wait().unwrap();
        assert!(ended.success(), "{name} ends with {ended}: {}", self.printed(name));
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn the_first_watch_is_what_a_newcomer_can_type() {
    let Some(anvil) = peers::anvil() else { return peers::skip_or_fail("anvil") };
    let port = free_port().unwrap();
    let page = std::fs::read_to_string(peers::root().join("docs/first-watch.md")).unwrap();
    assert!(page.contains("curl -s http://127.0.0.1:8545"));
    // Another test may have the page's port.
    let page = page.replace("http://127.0.0.1:8545", &format!("http://127.0.0.1:{port}"));
    let mut newcomer = Newcomer::new(&anvil);
    let mut printed = String::new();
    let blocks: Vec<&str> = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    for block in &blocks {
        match block.trim() {
            line if line.starts_with("anvil ") => {
                newcomer.leave_running(&format!("{line} --port {port}"));
                newcomer.until("anvil answers", |_| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
            }
            "watchfire run" => {
                newcomer.leave_running("watchfire run");
                newcomer.until("the host takes a block in", |one| one.printed("watchfire").contains("  block  "));
            }
            typed => {
                if typed.starts_with("watchfire journal list") {
                    newcomer.press_ctrl_c("watchfire");
                }
                printed.push_str(&newcomer.type_in(typed));
            }
        }
        if block.starts_with("curl") {
            newcomer.until("the host decides", |one| one.printed("watchfire").contains("decision   #1.1"));
        }
        if let Some(decide) = block.lines().find(|line| line.contains("incident decide")) {
            // Whoever does not decide is refused, as the page says.
            let refused = newcomer.shell(&decide.replace("--by first", "--by engineer-two")).output().unwrap();
            let why = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && why.contains("is not of `guardian`"), "{why}");
        }
    }
    assert_eq!(blocks.len(), 11, "blocks of commands");

    let watched = newcomer.printed("watchfire");
    for expected in ["incident   #1", "outflow/outflow-limit", "do-nothing"] {
        assert!(watched.contains(expected), "the host does not print `{expected}`:\n{watched}");
    }
    for expected in [
        "0 errors",
        "only 1 of the 2 sources agree so far",
        "First Guardian has it",
        "lost or moved so far: 20 of the chain's coin",
        "1. pause-borrowing by First Guardian: waiting to be carried out",
        "whole: ",
        "\nidentical",
        "# Incident 1",
    ] {
        assert!(printed.contains(expected), "`{expected}` is not in\n{printed}");
    }
}

#[test]
fn what_ships_with_the_host_is_inspected_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let shown = watchfire(folder.path(), &["plugin", "inspect", "outflow"]).unwrap();
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    assert!(text.contains("[detector.outflow]\nuse = \"outflow\"\n\n[detector.outflow.config]\n"), "{text}");
    let unknown = watchfire(folder.path(), &["plugin", "inspect", "outflaw"]).unwrap();
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("`outflaw` can't be read"));
}
