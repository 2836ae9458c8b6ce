//! A disk that is full, read-only, damaged or held by somebody else gives an error that says so, and nothing is halved.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::*;

/// Appends and commits until it fails; the error, and what was committed before it.
fn fill(journal: &mut Journal) -> (JournalError, (u64, B256)) {
    let mut committed = journal.head();
    for number in 0..100_000 {
        let done = journal.append(&input(number, self::committed(block(1, number, 20))));
        let done = done.and_then(|_| journal.append(&Entry::Finding(finding("outflow", number, Severity::Low))));
        match done.and_then(|_| if number % 3 == 2 { journal.commit() } else { Ok(()) }) {
            Ok(()) if number % 3 == 2 => committed = journal.head(),
            Ok(()) => {}
            Err(error) => return (error, committed),
        }
    }
    panic!("it was never full");
}

fn expect_whole(journal: &Journal, head: (u64, B256)) {
    assert_eq!(journal.head(), head);
    assert_eq!(journal.verify(Some(head.1), |_, _| {}).unwrap().entries, head.0);
}

#[test]
fn a_full_journal_keeps_what_was_committed_and_goes_on() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    for pages in [60, 100, 101, 102, 103, 104, 150] {
        journal.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let (error, committed) = fill(&mut journal);
        assert!(matches!(error, JournalError::Full { .. }), "{error:?}");
        expect_whole(&journal, committed);
        expect_whole(&Journal::open_existing_read_only(&disk.path()).unwrap(), committed);
    }
    journal.connection.pragma_update(None, "max_page_count", 100_000).unwrap();
    let seq = journal.head().0;
    assert_eq!(journal.append(&input(1, observation("feed", "1"))).unwrap(), seq + 1);
    journal.commit().unwrap();
    drop(journal);
    let journal = disk.open();
    expect_whole(&journal, (seq + 1, journal.head().1));
}

#[test]
fn an_error_takes_the_whole_transaction_back() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    journal.append(&input(1, observation("feed", "1"))).unwrap();
    journal.commit().unwrap();
    let committed = journal.head();
    journal.append(&input(2, observation("feed", "2"))).unwrap();
    journal.save_state("d", 2, &[change("k", "v")]).unwrap();
    let twice = finding("d", 1, Severity::Low).id;
    journal.finding_lives(twice, 2, 2).unwrap();
    assert!(matches!(journal.finding_lives(twice, 2, 2), Err(JournalError::Sqlite { .. })));
    // Who goes on as if nothing had happened gets neither half of it.
    journal.commit().unwrap();
    expect_whole(&journal, committed);
    assert!(journal.load_state("d").unwrap().is_empty());
    assert_eq!(journal.append(&input(2, observation("feed", "3"))).unwrap(), 2);
    journal.commit().unwrap();
    expect_whole(&disk_reader(&disk), journal.head());
}

fn disk_reader(disk: &OnDisk) -> Journal {
    Journal::open_existing_read_only(&disk.path()).unwrap()
}

fn change(key: &str, value: &str) -> crate::entry::StateChange {
    crate::entry::StateChange { key: key.into(), before: None, after: Some(value.into()) }
}

#[test]
fn a_journal_that_cannot_go_back_says_so() {
    let mut journal = Journal::in_memory().unwrap();
    journal.append(&input(1, observation("feed", "1"))).unwrap();
    journal.connection.execute_batch("DROP TABLE entry").unwrap();
    journal.connection.execute_batch("COMMIT").unwrap();
    assert!(matches!(journal.append(&input(2, observation("feed", "2"))), Err(JournalError::Sqlite { .. })));
    for _ in 0..2 {
        let error = journal.append(&input(2, observation("feed", "2"))).unwrap_err();
        assert!(matches!(error, JournalError::Unusable { .. }), "{error:?}");
        assert!(error.to_string().contains("start again"));
    }
}

#[test]
fn a_reader_does_not_write() {
    let disk = sample_on_disk();
    let mut reader = disk_reader(&disk);
    let error = reader.append(&input(1, observation("feed", "1"))).unwrap_err();
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error:?}");
    expect_whole(&reader, disk.open().head());
}

#[test]
fn a_journal_that_another_program_holds_is_left_as_it_was() {
    let disk = sample_on_disk();
    let mut journal = disk.open();
    journal.connection.busy_timeout(Duration::from_millis(20)).unwrap();
    let head = journal.head();
    let other = disk.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = journal.append(&input(1, observation("feed", "1"))).unwrap_err();
    assert!(matches!(error, JournalError::Busy { .. }), "{error:?}");
    assert!(error.to_string().contains(&disk.path().display().to_string()), "{error}");
    other.execute_batch("COMMIT").unwrap();
    expect_whole(&journal, head);
    journal.append(&input(1, observation("feed", "1"))).unwrap();
    journal.commit().unwrap();
}

#[test]
fn readers_read_while_one_writes() {
    let disk = sample_on_disk();
    let mut journal = disk.open();
    let reader = disk_reader(&disk);
    let before = reader.head();
    journal.append(&input(1, observation("feed", "1"))).unwrap();
    expect_whole(&reader, before);
    assert_eq!(disk_reader(&disk).head(), before, "not committed yet");
    journal.commit().unwrap();
    expect_whole(&disk_reader(&disk), journal.head());
}

#[test]
fn a_damaged_page_is_told_as_damage() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    for number in 0..50 {
        journal.append(&input(number, committed(block(1, number, 20)))).unwrap();
    }
    journal.commit().unwrap();
    drop(journal);
    let whole = std::fs::read(disk.path()).unwrap();
    let pages = whole.len() / 4096;
    let mut told = 0;
    for page in 1..pages {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0xFF);
        std::fs::write(disk.path(), damaged).unwrap();
        let result = Journal::open_existing_read_only(&disk.path()).and_then(|journal| journal.verify(None, |_, _| {}));
        match result {
            // A page of an index or of a table that is not the chain's.
            Ok(verified) => assert_eq!(verified.entries, 50),
            Err(JournalError::Damaged { reason, .. }) => {
                assert!(reason.contains("malformed"), "{reason}");
                told += 1;
            }
            Err(JournalError::Broken(_)) => told += 1,
            Err(other) => panic!("page {page}: {other:?}"),
        }
    }
    assert!(told > pages / 2, "{told} of {pages}");
}

#[test]
fn what_sqlite_says_becomes_what_to_do() {
    let check = |code: i32, expected: &str| {
        let failure = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let told = JournalError::of(Path::new("/x/journal.db"), failure).to_string();
        assert!(told.starts_with(expected), "{told}");
    };
    check(rusqlite::ffi::SQLITE_FULL, "the disk of `/x/journal.db` is full; what was committed is kept");
    check(rusqlite::ffi::SQLITE_IOERR_SHMSIZE, "the disk of `/x/journal.db` is full; what was committed is kept");
    check(rusqlite::ffi::SQLITE_IOERR_FSYNC, "the disk of `/x/journal.db` failed: ");
    check(rusqlite::ffi::SQLITE_IOERR_WRITE, "the disk of `/x/journal.db` failed: ");
    check(rusqlite::ffi::SQLITE_READONLY, "`/x/journal.db` can't be opened or written: ");
    check(rusqlite::ffi::SQLITE_CANTOPEN, "`/x/journal.db` can't be opened or written: ");
    check(rusqlite::ffi::SQLITE_BUSY, "`/x/journal.db` is held by another program");
    check(rusqlite::ffi::SQLITE_CORRUPT, "`/x/journal.db` is damaged");
    check(rusqlite::ffi::SQLITE_NOTADB, "`/x/journal.db` is not a Watchfire journal");
}

const SMALL_DISK: &str = "WATCHFIRE_TEST_SMALL_DISK";

/// Runs a test of this module again where a file system of 1 MiB is mounted on a folder, seen by that process alone.
fn on_a_small_disk(name: &str, part: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(SMALL_DISK) {
        return part(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=1m tmpfs \"$0\" || exit 77; exec \"$1\" --exact \"$2\" --nocapture";
    let shell = ["--user", "--map-root-user", "--mount", "sh", "-c", script];
    let exe = std::env::current_exe().unwrap();
    let name = format!("journal::tests::disk::{name}");
    let mut run = Command::new("unshare");
    run.args(shell).arg(folder.path()).arg(exe).arg(&name).env(SMALL_DISK, folder.path());
    match run.output() {
        Ok(output) if output.status.success() => {
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(told.contains("1 passed"), "{name} did not run: {told}");
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        }
        _ => println!("skipped: a small file system can't be mounted here"),
    }
}

#[test]
fn a_full_disk_keeps_what_was_committed() {
    on_a_small_disk("a_full_disk_keeps_what_was_committed", |folder| {
        let path = folder.join("journal.db");
        let mut journal = Journal::open(&path).unwrap();
        // Room that is given back below, when the disk is full.
        std::fs::write(folder.join("ballast"), vec![0; 200 << 10]).unwrap();
        let (error, committed) = fill(&mut journal);
        assert!(matches!(error, JournalError::Full { .. } | JournalError::Disk { .. }), "{error:?}");
        expect_whole(&journal, committed);
        std::fs::remove_file(folder.join("ballast")).unwrap();
        assert_eq!(journal.append(&input(1, observation("feed", "1"))).unwrap(), committed.0 + 1);
        journal.commit().unwrap();
        let head = journal.head();
        // Killed while the disk is full, then opened again.
        std::mem::forget(journal);
        expect_whole(&Journal::open_existing_read_only(&path).unwrap(), head);
    });
}

#[test]
fn a_read_only_disk_is_told_as_one() {
    on_a_small_disk("a_read_only_disk_is_told_as_one", |folder| {
        let path = folder.join("evidence #1? 100%.db");
        let mut journal = Journal::open(&path).unwrap();
        journal.append(&input(1, observation("feed", "1"))).unwrap();
        journal.commit().unwrap();
        let head = journal.head();
        drop(journal);
        let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(folder).status().unwrap();
        assert!(remount.success());
        match Journal::open(&path) {
            Err(error @ JournalError::ReadOnly { .. }) => assert!(error.to_string().contains("Read-only"), "{error}"),
            _ => panic!("a read-only disk was written"),
        }
        expect_whole(&Journal::open_existing_read_only(&path).unwrap(), head);
    });
}
