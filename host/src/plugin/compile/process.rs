//! The host's side of the compiler's process: feeds it, reads what it makes, and ends it once it has used up its time.
//!
//! The deadline counts the processor's time that the process has used, so that a busy machine refuses nobody's detector.
//! The clock ends only a process that stands still.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::plugin::compile::artefact::Artefact;
use crate::plugin::compile::child::Request;
use crate::plugin::failure::LoadError;
use crate::plugin::limits::{EngineSettings, Limits};
use crate::plugin::text::lines;

/// The hidden command of the binary that compiles.
pub const COMMAND: &str = "compile-component";

/// The signal by which a process ends that has used up its processor time.
const SIGXCPU: i32 = 24;

/// Threads of one compilation: more of them need more memory, and several components are compiled at once.
const THREADS_AT_MOST: usize = 4;

const COMPLAINT_BYTES: u64 = 64 << 10;

/// How often it is asked whether the process has ended, and how much time it has used.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Units of the times under `/proc`: Linux gives them in hundredths of a second to programs, whatever its own clock does.
const TICKS_PER_S: u64 = 100;

/// How a compilation came to its end.
enum Compilation {
    /// The process ended by itself: what it wrote, and what it complained of.
    Ended { made: Vec<u8>, complaint: String, status: ExitStatus },
    /// It was ended since it had used up its time.
    TooSlow,
    /// It was ended since it took too long on the clock.
    Stuck,
    /// It wrote more than it may take memory.
    TooMuch,
}

/// How long was waited for the process.
enum Waited {
    Ended(ExitStatus),
    UsedUp,
    Stuck,
}

pub(super) fn compile(
    binary: &Path,
    settings: EngineSettings,
    names_lines: bool,
    bytes: &[u8],
    limits: &Limits,
    patience: Duration,
) -> Result<Artefact, LoadError> {
    let mut child = start(binary, settings, names_lines, limits)?;
    let deadline = Duration::from_millis(limits.compile_deadline_ms);
    let patience = patience.max(deadline);
    let compilation = attend(&mut child, bytes, limits.compile_memory_bytes, deadline, patience);
    match compilation.map_err(|error| LoadError::Compile(format!("its process is lost: {error}")))? {
        Compilation::Ended { made, status, .. } if status.success() => Ok(Artefact::vouched_for(made)),
        Compilation::Ended { complaint, status, .. } => Err(refusal(status, &complaint, limits)),
        Compilation::TooSlow => Err(too_slow(limits)),
        Compilation::Stuck => Err(stuck(patience)),
        Compilation::TooMuch => Err(too_much(limits)),
    }
}

/// The program to start. What this process runs may have been replaced on the disk since; then the one on the disk is
/// another version.
fn program(binary: &Path) -> PathBuf {
    let own = Path::new("/proc/self/exe");
    let is_own = std::env::current_exe().is_ok_and(|exe| exe == binary);
    if is_own && own.exists() { own.to_owned() } else { binary.to_owned() }
}

fn start(binary: &Path, settings: EngineSettings, names_lines: bool, limits: &Limits) -> Result<Child, LoadError> {
    let threads = available_parallelism().map_or(1, usize::from).min(THREADS_AT_MOST);
    let request = Request {
        stack_bytes: settings.stack_bytes,
        counts_fuel: settings.counts_fuel,
        names_lines,
        memory_bytes: limits.compile_memory_bytes,
        cpu_s: limits.compile_deadline_ms.div_ceil(1_000) + 1,
        host: std::process::id(),
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

/// Feeds the process, and reads what it writes until it ends or must be ended.
fn attend(
    child: &mut Child,
    bytes: &[u8],
    at_most: u64,
    deadline: Duration,
    patience: Duration,
) -> std::io::Result<Compilation> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        // All three pipes move at once: a full one would hold up the other side for ever.
        scope.spawn(move || {
            // One that ends before it has read all says why by its status.
            let _ = stdin.map(|mut stdin| stdin.write_all(bytes));
        });
        let made = scope.spawn(move || read(stdout, at_most));
        let complaint = scope.spawn(move || read(stderr, COMPLAINT_BYTES));
        let waited = wait(child, deadline, patience);
        // Nobody is left behind, whatever came of it: that also ends the pipes, and so the threads.
        end(child);
        let status = child.wait();
        let (made, complaint) = (made.join().unwrap_or_default(), complaint.join().unwrap_or_default());
        status?;
        Ok(match waited? {
            Waited::UsedUp => Compilation::TooSlow,
            Waited::Stuck => Compilation::Stuck,
            Waited::Ended(_) if made.len() as u64 > at_most => Compilation::TooMuch,
            Waited::Ended(status) => {
                let complaint = String::from_utf8_lossy(&complaint).into_owned();
                Compilation::Ended { made, complaint, status }
            }
        })
    })
}

/// Waits until the process has ended, or has used up its time.
fn wait(child: &mut Child, deadline: Duration, patience: Duration) -> std::io::Result<Waited> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Waited::Ended(status));
        }
        if processor_time(child.id()).is_some_and(|used| used >= deadline) {
            return Ok(Waited::UsedUp);
        }
        if started.elapsed() >= patience {
            return Ok(Waited::Stuck);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Returns how much of the processors' time a process has used, all its threads together; `None` where the system does
/// not say so under `/proc`. There the limit that the process sets itself ends it, by whole seconds.
fn processor_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program comes before, in parentheses; it may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let in_user: u64 = fields.nth(11)?.parse().ok()?;
    let in_kernel: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((in_user + in_kernel).saturating_mul(1_000) / TICKS_PER_S))
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
        "compiling it took longer than {} ms of processor time and was ended; raise `limits.compile_deadline_ms` if you \
         trust it",
        limits.compile_deadline_ms
    ))
}

fn stuck(patience: Duration) -> LoadError {
    LoadError::Compile(format!(
        "compiling it did not end within {} s on the clock and was ended; is the machine overloaded?",
        patience.as_secs()
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
