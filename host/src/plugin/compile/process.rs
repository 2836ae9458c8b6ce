//! The host's side of the compiler's process: feed it, hear it out, and end it at its deadline.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::artefact::Artefact;
use super::child::Request;
use crate::plugin::boundary::text::lines;
use crate::plugin::limits::EngineSettings;
use crate::plugin::{Limits, LoadError};

/// The hidden command of the binary that compiles.
pub const COMMAND: &str = "compile-component";

/// The signal by which a process ends that has used up its processor time.
const SIGXCPU: i32 = 24;

/// Threads of one compilation: more of them need more memory, and several components are compiled at once.
const THREADS_AT_MOST: usize = 4;

const COMPLAINT_BYTES: u64 = 64 << 10;

/// How often it is asked whether the process has ended.
const PATIENCE: Duration = Duration::from_millis(1);

/// How a compilation came to its end.
enum Heard {
    /// The process ended by itself: what it wrote, and what it complained of.
    Ended { made: Vec<u8>, complaint: String, status: ExitStatus },
    /// It was ended at the deadline.
    TooSlow,
    /// It wrote more than it may take memory.
    TooMuch,
}

pub(super) fn compile(
    binary: &Path,
    settings: EngineSettings,
    tells_lines: bool,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Artefact, LoadError> {
    let deadline = Instant::now() + Duration::from_millis(limits.compile_deadline_ms);
    let mut child = start(binary, settings, tells_lines, limits)?;
    let heard = hear_out(&mut child, bytes, deadline, limits.compile_memory_bytes);
    match heard.map_err(|error| LoadError::Compile(format!("its process is lost: {error}")))? {
        Heard::Ended { made, status, .. } if status.success() => Ok(Artefact::vouched_for(made)),
        Heard::Ended { complaint, status, .. } => Err(refusal(status, &complaint, limits)),
        Heard::TooSlow => Err(too_slow(limits)),
        Heard::TooMuch => Err(too_much(limits)),
    }
}

/// The program to start. What this process runs may have been replaced on the disk since; then the one on the disk is
/// another version.
fn program(binary: &Path) -> PathBuf {
    let own = Path::new("/proc/self/exe");
    let is_own = std::env::current_exe().is_ok_and(|exe| exe == binary);
    if is_own && own.exists() { own.to_owned() } else { binary.to_owned() }
}

fn start(binary: &Path, settings: EngineSettings, tells_lines: bool, limits: &Limits) -> Result<Child, LoadError> {
    let threads = available_parallelism().map_or(1, usize::from).min(THREADS_AT_MOST);
    let request = Request {
        stack_bytes: settings.stack_bytes,
        counts_fuel: settings.counts_fuel,
        tells_lines,
        memory_bytes: limits.compile_memory_bytes,
        cpu_s: limits.compile_deadline_ms.div_ceil(1_000).saturating_mul(threads as u64) + 1,
    };
    let request = serde_json::to_string(&request).expect("a request is plain data");
    Command::new(program(binary))
        .args([COMMAND, &request])
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| LoadError::Compile(format!("`{}` can't be started: {error}", binary.display())))
}

fn hear_out(child: &mut Child, bytes: &[u8], deadline: Instant, at_most: u64) -> std::io::Result<Heard> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        // All three pipes move at once: a full one would hold up the other side for ever.
        scope.spawn(move || {
            // One that ends before it has read all says why by its status.
            let _ = stdin.map(|mut stdin| stdin.write_all(bytes));
        });
        let made = scope.spawn(move || read(stdout, at_most));
        let complaint = scope.spawn(move || read(stderr, COMPLAINT_BYTES));
        let ended = wait(child, deadline);
        // Nobody is left behind, whatever came of it: that also ends the pipes, and so the threads.
        end(child);
        let status = child.wait();
        let (made, complaint) = (made.join().unwrap_or_default(), complaint.join().unwrap_or_default());
        Ok(match ended? {
            None => Heard::TooSlow,
            Some(_) if made.len() as u64 > at_most => Heard::TooMuch,
            Some(_) => {
                let complaint = String::from_utf8_lossy(&complaint).into_owned();
                Heard::Ended { made, complaint, status: status? }
            }
        })
    })
}

/// How it ended; `None` where it has not by the deadline.
fn wait(child: &mut Child, deadline: Instant) -> std::io::Result<Option<ExitStatus>> {
    loop {
        match child.try_wait()? {
            None if Instant::now() < deadline => std::thread::sleep(PATIENCE),
            ended => return Ok(ended),
        }
    }
}

/// Ends the process, and whatever it may have started, by its group.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Where the group is gone already, that is well.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Reads to the end, one byte past `at_most` at most.
fn read(from: Option<impl Read>, at_most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read until an error is what there is; its status tells the rest.
        let _ = from.take(at_most.saturating_add(1)).read_to_end(&mut bytes);
    }
    bytes
}

fn too_slow(limits: &Limits) -> LoadError {
    LoadError::Compile(format!(
        "compiling it took longer than {} ms and was ended; raise `limits.compile_deadline_ms` if you trust it",
        limits.compile_deadline_ms
    ))
}

fn too_much(limits: &Limits) -> LoadError {
    LoadError::Compile(format!(
        "compiling it took more than {} bytes of memory; raise `limits.compile_memory_bytes` if you trust it",
        limits.compile_memory_bytes
    ))
}

fn refusal(status: ExitStatus, complaint: &str, limits: &Limits) -> LoadError {
    let short = ["memory allocation of", "out of memory", "Cannot allocate memory"];
    if short.iter().any(|sign| complaint.contains(sign)) {
        return too_much(limits);
    }
    let said = lines(complaint.trim(), 1_000);
    match (status.code(), status.signal()) {
        (Some(1), _) => LoadError::NotAComponent(said),
        (_, Some(SIGXCPU)) => too_slow(limits),
        (_, Some(signal)) => LoadError::Compile(format!("the compiler was ended by signal {signal}: {said}")),
        _ => LoadError::Compile(format!("the compiler ended with {status}: {said}")),
    }
}
