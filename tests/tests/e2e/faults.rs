//! A disk that is full, a disk whose fsync fails, a kill in the middle of a commit, a clock that jumps: each on the real
//! host. What its journal tells in the end is what a host tells that was left alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::journal::Filter;
use watchfire_tests::host::{Host, binary};
use watchfire_tests::pair::{Pair, until_logged};
use watchfire_tests::peers::{faketime, skip_or_fail, strace};
use watchfire_tests::story::journal;

/// A small file system of its own, which goes with it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where nothing may be mounted.
    fn mount(folder: &Path, kib: u64) -> Option<Self> {
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(folder).output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }

    fn resize(&self, kib: u64) {
        let options = format!("remount,size={kib}k");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file there keeps it until it ends.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Lets blocks come until the host that is disturbed ends by itself; what it logged, and its exit code.
async fn until_ended(pair: &mut Pair, blocks: u64) -> (String, Option<i32>) {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(90) {
        if !pair.host.as_mut().unwrap().is_running() {
            return pair.host.take().unwrap().ended(Duration::from_secs(60)).await.unwrap();
        }
        pair.mine(blocks).await.unwrap();
        // Faster at first; a machine with much else to do gets more time rather than more blocks.
        let pause_ms = if started.elapsed() < Duration::from_secs(5) { 20 } else { 200 };
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    panic!("it never ended:\n{}", pair.host.as_ref().unwrap().log());
}

#[tokio::test]
async fn a_full_disk_ends_the_host_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut kib = 2_000;
    let Some(disk) = SmallDisk::mount(folder.path(), kib) else {
        println!("SKIPPED: a small file system can't be mounted here, which a full disk is tested with; run as root");
        return;
    };
    let Some(mut pair) = Pair::start(folder.path(), 10).await.unwrap() else { return skip_or_fail("anvil") };
    for round in 0..4 {
        pair.begin().unwrap();
        let (log, code) = until_ended(&mut pair, 6).await;
        assert_eq!(code, Some(4), "{log}");
        assert!(log.contains("is full; what was committed is kept, free some space and start again"), "{log}");
        if round == 0 {
            assert!(log.contains("MiB left; when it is full, the host ends"), "it was told before: {log}");
        }
        kib += 700;
        disk.resize(kib);
    }
    disk.resize(100_000);
    let story = pair.expect_same().await.unwrap();
    assert!(story.chain.len() > 20 && story.told.len() > 20, "{} {}", story.chain.len(), story.told.len());
}

/// The host under a tracer that meddles with its system calls.
fn meddled(with: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    command.args(["-e", "trace=pwrite64,fsync,fdatasync", "-e", &format!("inject={with}")]).arg(binary().unwrap());
    command
}

#[tokio::test]
async fn a_failed_fsync_ends_the_host_and_nothing_is_lost() {
    if !strace() {
        return skip_or_fail("a strace that may trace");
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(mut pair) = Pair::start(folder.path(), 10).await.unwrap() else { return skip_or_fail("anvil") };
    for _ in 0..10 {
        let nth = 1 + pair.seeded.below(12);
        // From there on all fail: of a folder that was not written SQLite makes nothing, of the journal it does.
        pair.begin_by(meddled(&format!("fsync,fdatasync:error=EIO:when={nth}+"))).unwrap();
        let (log, code) = until_ended(&mut pair, 1).await;
        assert_eq!(code, Some(4), "fsync {nth}: {log}");
        assert!(log.contains("failed: ") && log.contains("check the disk and start again"), "fsync {nth}: {log}");
        // Between two failures all goes well for a while.
        if pair.seeded.below(2) == 0 {
            pair.level().await.unwrap();
            pair.host.take().map(Host::kill);
        }
    }
    pair.expect_same().await.unwrap();
}

#[tokio::test]
async fn a_write_that_finds_no_room_ends_the_host_and_nothing_is_lost() {
    if !strace() {
        return skip_or_fail("a strace that may trace");
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(mut pair) = Pair::start(folder.path(), 10).await.unwrap() else { return skip_or_fail("anvil") };
    for _ in 0..10 {
        let nth = 1 + pair.seeded.below(80);
        pair.begin_by(meddled(&format!("pwrite64:error=ENOSPC:when={nth}"))).unwrap();
        let (log, code) = until_ended(&mut pair, 1).await;
        assert_eq!(code, Some(4), "write {nth}: {log}");
        assert!(log.contains("is full; what was committed is kept"), "write {nth}: {log}");
    }
    pair.expect_same().await.unwrap();
}

#[tokio::test]
async fn a_kill_at_any_write_of_a_commit_loses_nothing() {
    if !strace() {
        return skip_or_fail("a strace that may trace");
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(mut pair) = Pair::start(folder.path(), 10).await.unwrap() else { return skip_or_fail("anvil") };
    for _ in 0..24 {
        let nth = 1 + pair.seeded.below(60);
        pair.begin_by(meddled(&format!("pwrite64,fsync,fdatasync:signal=KILL:when={nth}"))).unwrap();
        let (log, code) = until_ended(&mut pair, 1).await;
        assert!(code.is_none() || code == Some(137), "write {nth}: {code:?} {log}");
    }
    pair.expect_same().await.unwrap();
}

#[tokio::test]
async fn a_clock_that_jumps_changes_nothing_that_is_decided() {
    let Some(library) = faketime() else { return skip_or_fail("libfaketime") };
    let folder = tempfile::tempdir().unwrap();
    let Some(mut pair) = Pair::start(folder.path(), 10).await.unwrap() else { return skip_or_fail("anvil") };
    let clock = folder.path().join("clock");
    let set = |offset_s: i64| {
        let new = clock.with_extension("new");
        std::fs::write(&new, format!("{offset_s:+}\n")).unwrap();
        std::fs::rename(new, &clock).unwrap();
    };
    set(0);
    let faked = || {
        let mut command = Command::new(binary().unwrap());
        command.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
        // What a machine's clock is set to does not touch its monotonic clock.
        command.env("DONT_FAKE_MONOTONIC", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    };
    let started_ms = watchfire::app::live::main_loop::wall_clock_ms();
    pair.begin_by(faked()).unwrap();
    let decade_s = 315_360_000;
    for (round, offset_s) in [0, decade_s, 0, -7_200, 0, 3_600, -decade_s, -60, 90, 0].into_iter().enumerate() {
        pair.level().await.unwrap();
        set(offset_s);
        pair.mine(3).await.unwrap();
        pair.say().unwrap();
        pair.level().await.unwrap();
        // A host that starts while the clock is behind goes on from its journal; one that runs goes on by itself.
        if offset_s < 0 {
            pair.kill_within(20).await;
            pair.begin_by(faked()).unwrap();
            until_logged(pair.host.as_mut().unwrap(), "watching", 1).await.unwrap();
        }
        if round % 3 == 2 {
            pair.reorg(2).await.unwrap();
        }
    }
    pair.level().await.unwrap();
    let ended_ms = watchfire::app::live::main_loop::wall_clock_ms();
    let (mut newest_ms, mut jumps) = (0, 0);
    let journal = journal(folder.path()).unwrap();
    let mut rows = journal.entries(&Filter::default()).unwrap();
    while let Some(row) = rows.next().unwrap() {
        assert!(row.at_ms >= newest_ms, "time goes back at entry {}", row.seq);
        newest_ms = row.at_ms;
        if let Entry::Input(Stamped { event: Event::Coverage { coverage }, .. }) = row.entry {
            jumps += u64::from(coverage.kind == "clock-jumped" && !coverage.over);
        }
    }
    assert!(newest_ms >= started_ms && newest_ms <= ended_ms + 2_000, "{started_ms} {newest_ms} {ended_ms}");
    assert!(jumps >= 6, "each jump is told: {jumps}");
    drop(rows);
    let story = pair.expect_same().await.unwrap();
    assert!(story.told.len() > 20, "{}", story.told.len());
}
