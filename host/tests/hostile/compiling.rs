//! Compiling what was made to be hard to compile, by whatever answers to the compiler's name.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use watchfire::plugin::{Compiler, Limits, LoadError, Runtime};

use crate::kit::{BINARY, Trick, limits, load, run, told as told_of};

/// A function whose every local is carried around every one of many loops: a few kilobytes that become millions of
/// values.
fn bomb(locals: usize, loops: usize) -> Vec<u8> {
    let mut text = String::from("  ;;; end\n  (func $bomb (param i32) (local");
    text.push_str(&" i32".repeat(locals));
    text.push_str(")\n");
    text.push_str(&"(loop ".repeat(loops));
    for at in 1..=locals {
        write!(text, "(local.set {at} (i32.add (local.get {at}) (local.get {})))", at - 1).unwrap();
    }
    text.push_str(&"(br_if 0 (local.get 1)))".repeat(loops));
    text.push(')');
    Trick { name: "bomb".into(), expected: String::new(), at_last: None, text }.component()
}

fn compile(binary: &str, bytes: &[u8], limits: &Limits) -> Result<(), LoadError> {
    Runtime::new(Compiler::in_processes_of(binary)).unwrap().compile(bytes, limits).map(drop)
}

fn refused(binary: &str, bytes: &[u8], limits: &Limits) -> String {
    compile(binary, bytes, limits).expect_err("it is refused").to_string()
}

/// Processes that this one started and that are still there, dead or alive.
fn children() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks.map(|task| of(task).split_whitespace().count()).sum()
}

#[test]
fn a_component_compiled_elsewhere_runs_as_one_compiled_here() {
    let bytes = Trick::read("neighbour").component();
    for limits in [limits(), Limits { fuel_per_batch: Some(10_000_000), stack_bytes: 256 << 10, ..limits() }] {
        let told_by = |compiler| {
            let runtime = Runtime::new(compiler).unwrap();
            let detector = load(&runtime, "neighbour", &bytes, limits.clone()).unwrap();
            told_of(&run(vec![detector], 1)[0][0])
        };
        assert_eq!(told_by(Compiler::in_processes_of(BINARY)), "ok: guest");
        assert_eq!(told_by(Compiler::in_process()), "ok: guest");
    }
    assert_eq!(children(), 0);
}

#[test]
fn a_compile_bomb_is_ended_at_its_deadline() {
    let bytes = bomb(4_000, 400);
    println!("a component of {} bytes", bytes.len());
    let told = refused(BINARY, &bytes, &Limits { compile_deadline_ms: 1_000, ..limits() });
    assert!(told.contains("compiling it took longer than 1000 ms of processor time and was ended"), "{told}");
    assert_eq!(children(), 0, "nobody is left behind");
}

/// What the kernel says of the first process that this thread's tests started.
#[cfg(target_os = "linux")]
fn confinement() -> Option<(String, String)> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    let children: String = tasks.map(of).collect();
    let status = fs::read_to_string(format!("/proc/{}/status", children.split_whitespace().next()?)).ok()?;
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
    Some((of("NoNewPrivs:")?, of("Seccomp:")?))
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn the_compiler_gains_no_privileges_and_may_not_make_every_call() {
    let bytes = bomb(4_000, 400);
    let compiling = std::thread::spawn(move || {
        refused(BINARY, &bytes, &Limits { compile_deadline_ms: 4_000, ..limits() });
    });
    let began = Instant::now();
    // It takes both upon itself before it reads the component.
    while confinement() != Some(("1".to_owned(), "2".to_owned())) {
        assert!(!compiling.is_finished() && began.elapsed() < Duration::from_secs(90), "{:?}", confinement());
        std::thread::sleep(Duration::from_millis(1));
    }
    compiling.join().unwrap();
}

/// Programs that a process started and that are still there.
#[cfg(target_os = "linux")]
fn started_by(process: u32) -> Vec<String> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks.flatten().flat_map(|task| of(task).split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_compiler_ends_with_its_host() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bomb.wasm"), bomb(8_000, 400)).unwrap();
    let inspecting = ["plugin", "inspect", "bomb.wasm"];
    let mut host = std::process::Command::new(BINARY);
    let mut host =
        host.args(inspecting).current_dir(folder.path()).env("WATCHFIRE_CACHE", folder.path()).spawn().unwrap();
    let began = Instant::now();
    let wait_until = |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_until("it starts no compiler", &|| !started_by(host.id()).is_empty());
    let compilers = started_by(host.id());
    // Once it may not start programs any more, it has also asked to end with its host.
    let is_confined = || {
        let status = fs::read_to_string(format!("/proc/{}/status", compilers[0])).unwrap_or_default();
        status.lines().any(|line| line.starts_with("NoNewPrivs:") && line.ends_with('1'))
    };
    wait_until("it is not confined", &is_confined);
    host.kill().unwrap();
    host.wait().unwrap();
    let is_over = |id: &String| {
        let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        status.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'))
    };
    wait_until("the compiler goes on without its host", &|| compilers.iter().all(is_over));
}

#[test]
fn a_busy_machine_refuses_no_component() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Trick::read("neighbour").component();
    // The compiler stands still for twice its deadline, as one does that gets no processor.
    let script = format!("(sleep 4; kill -CONT $$) >&- 2>&- <&- & kill -STOP $$; exec {BINARY} \"$@\"");
    let started = Instant::now();
    compile(&impostor(&folder, &script), &bytes, &Limits { compile_deadline_ms: 2_000, ..limits() }).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(4), "it stood still: {:?}", started.elapsed());
    assert_eq!(children(), 0);
}

#[test]
fn a_compile_bomb_gets_no_more_memory_than_its_limit() {
    let bytes = bomb(8_000, 400);
    let low = Limits { compile_memory_bytes: 128 << 20, compile_deadline_ms: 120_000, ..limits() };
    let told = refused(BINARY, &bytes, &low);
    assert!(told.contains("compiling it took more than 134217728 bytes of memory"), "{told}");
    assert_eq!(children(), 0);
}

/// Types within types, each of which holds two of the one before.
fn deep_types(depth: usize) -> Vec<u8> {
    let mut text = String::from("(component (type $t0 (tuple u8 u8))");
    for at in 1..=depth {
        write!(text, "(type $t{at} (tuple $t{} $t{}))", at - 1, at - 1).unwrap();
    }
    write!(
        text,
        "(import \"watchfire:detector/log@0.1.0\" (instance (export \"write\" (func (param \"a\" $t{depth}))))))"
    )
    .unwrap();
    wat::parse_str(text).unwrap()
}

/// Types within types, each of which holds one of the one before.
fn narrow_types(depth: usize) -> Vec<u8> {
    let mut text = String::from("(component (type $t0 (list u8))");
    for at in 1..=depth {
        write!(text, "(type $t{at} (list $t{}))", at - 1).unwrap();
    }
    write!(
        text,
        "(import \"watchfire:detector/log@0.1.0\" (instance (export \"write\" (func (param \"a\" $t{depth}))))))"
    )
    .unwrap();
    wat::parse_str(text).unwrap()
}

fn many_imports(count: usize) -> Vec<u8> {
    let mut text = String::from("(component");
    for at in 0..count {
        write!(text, "(import \"watchfire:detector/log{at}@0.1.0\" (instance))").unwrap();
    }
    text.push(')');
    wat::parse_str(text).unwrap()
}

fn many_modules(count: usize) -> Vec<u8> {
    let module = "(core module (memory 1) (data (i32.const 0) \"x\") (func (export \"f\")))";
    wat::parse_str(format!("(component {})", module.repeat(count))).unwrap()
}

/// A guest whose one function does the same so often in a row, with no loop around it.
fn in_a_row(imports: &str, code: &str, count: usize) -> Vec<u8> {
    let text = format!(
        "{imports}  ;;; on-batch\n  (func $on-batch (param i32) (result i32)\n    (drop (memory.grow (i32.const 1000)))\n    \
         {}(i32.const 768))\n",
        code.repeat(count)
    );
    Trick { name: "in a row".into(), expected: String::new(), at_last: None, text }.component()
}

#[test]
fn a_guest_without_a_loop_does_not_outlast_its_deadline() {
    let runtime = Runtime::new(Compiler::in_processes_of(BINARY)).unwrap();
    let delete = "  (import \"watchfire:detector/state@0.1.0\" \"delete\" (func $delete (param i32 i32)))\n";
    let fill = "(memory.fill (i32.const 65536) (i32.const 7) (i32.const 65000000))";
    let copy = "(memory.copy (i32.const 65536) (i32.const 65540) (i32.const 65000000))";
    // The first two hand over four megabytes each time, and nothing comes back that would give the guest's own clock a
    // turn; the others keep the processor busy by one instruction for as long as it takes.
    for (imports, code) in [
        (delete, "(call $delete (i32.const 65536) (i32.const 4000000))"),
        ("", "(call $log (i32.const 1) (i32.const 65536) (i32.const 4000000))"),
        ("", fill),
        ("", copy),
    ] {
        let bytes = in_a_row(imports, code, 20_000);
        let guest = load(&runtime, "guest", &bytes, limits()).unwrap();
        let outcome = run(vec![guest], 1).remove(0).remove(0);
        println!("20,000 times {code}: {:?}, {}", outcome.elapsed, told_of(&outcome));
        assert_eq!(told_of(&outcome), "deadline: it took longer than 200 ms", "{code}");
        // All of it takes half a minute at least, on any machine.
        assert!(outcome.elapsed < Duration::from_secs(10), "{code}: {:?}", outcome.elapsed);
    }
}

#[test]
fn monstrous_shapes_are_refused_in_bounded_time() {
    let deep = Limits { compile_deadline_ms: 20_000, ..limits() };
    let check = |name: &str, bytes: Vec<u8>, expected: &str| {
        let started = Instant::now();
        let told = refused(BINARY, &bytes, &deep);
        println!("{name:<24} {:>9} bytes {:>7} ms  {told}", bytes.len(), started.elapsed().as_millis());
        assert!(told.contains(expected), "{name}: `{expected}` is not in `{told}`");
        assert!(told.len() < 2_000, "{name}: a message of {} bytes", told.len());
    };
    check("types of 2^30 fields", deep_types(30), "effective type size exceeds the limit");
    check("types 90 deep", narrow_types(90), "but not as the host has it");
    check("types 5000 deep", narrow_types(5_000), "nesting is too deep");
    check("3000 imports", many_imports(3_000), "instances count exceeds limit of 1000");
    check("900 modules", many_modules(900), "does not export");
    let mut garbage = Trick::read("trap").component();
    for at in (40..garbage.len()).step_by(7) {
        garbage[at] ^= 0x5a;
    }
    check("garbage", garbage, "it is no component");
    assert_eq!(children(), 0);
}

/// A stand-in for the compiler, as a shell script. It shows what the host bears of it.
fn impostor(folder: &tempfile::TempDir, script: &str) -> String {
    let path: PathBuf = folder.path().join("compiler");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn whatever_the_compiler_does_the_host_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    // Larger than a pipe holds, so that whoever does not read it holds up whoever writes it.
    let mut bytes = Trick::read("neighbour").component();
    let custom = vec![7; 300_000];
    bytes.extend([0, 0xe1, 0xa7, 0x12, 0]);
    bytes.extend(&custom);
    let check_within = |deadline_ms: u64, script: &str, expected: &str| {
        let limits = Limits { compile_deadline_ms: deadline_ms, compile_memory_bytes: 64 << 20, ..limits() };
        let told = refused(&impostor(&folder, script), &bytes, &limits);
        assert!(told.contains(expected), "{script}: `{expected}` is not in `{told}`");
        assert!(!told.contains('\u{1b}'), "{script}: it reaches the terminal: {told:?}");
        assert_eq!(children(), 0, "{script}: somebody is left behind");
    };
    // These stand still, and so use no processor.
    for script in ["exec sleep 100", "sleep 100 & sleep 100", "exec 1>&- 2>&-; exec sleep 100"] {
        let compiler = Compiler::in_processes_of(impostor(&folder, script)).with_patience(Duration::from_secs(2));
        let limits = Limits { compile_deadline_ms: 500, ..limits() };
        let told = Runtime::new(compiler).unwrap().compile(&bytes, &limits).map(drop).unwrap_err().to_string();
        assert!(told.contains("did not end within 2 s on the clock"), "{script}: {told}");
        assert_eq!(children(), 0, "{script}: somebody is left behind");
    }
    check_within(300, "while :; do :; done", "took longer than 300 ms of processor time");
    let check = |script: &str, expected: &str| check_within(60_000, script, expected);
    check("exec yes", "more than 67108864 bytes of memory");
    check("exec yes >&2", "y\ny\ny");
    check("sleep 100 & exit 7", "the compiler ended with exit status: 7");
    check("kill -9 $$", "the compiler was ended by signal 9");
    check("cat", "made something that this one can't load");
    check("exit 0", "made something that this one can't load");
    check("printf '\\033[2Jboo' >&2; exit 1", "it is no component: \u{fffd}[2Jboo");
    let told = refused("/nowhere/watchfire", &bytes, &limits());
    assert!(told.contains("`/nowhere/watchfire` can't be started: No such file"), "{told}");
}

#[test]
fn several_are_compiled_at_once() {
    let runtime = Runtime::new(Compiler::in_processes_of(BINARY)).unwrap();
    let tricks: Vec<Vec<u8>> = Trick::all().into_iter().take(8).map(|trick| trick.component()).collect();
    std::thread::scope(|scope| {
        for bytes in tricks.iter().chain(&tricks) {
            scope.spawn(|| runtime.compile(bytes, &limits()).unwrap());
        }
    });
    assert_eq!(children(), 0);
}
