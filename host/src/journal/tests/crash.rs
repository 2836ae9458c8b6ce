//! A writer that is killed with SIGKILL at any moment leaves a journal in which nothing is lost, halved or doubled.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;
use crate::entry::StateChange;

const VICTIM: &str = "WATCHFIRE_TEST_JOURNAL";
const NAME: &str = "journal::tests::crash::a_killed_writer_loses_nothing_and_doubles_nothing";

/// Adds one input after another, each with three entries, a change of state and an effect, until it is killed.
fn write_for_ever(path: &Path) {
    let mut journal = Journal::open(path).unwrap();
    journal.set_channels(vec![channel("webhook", None)]);
    let mut told = std::io::stdout();
    writeln!(told, "victim open").unwrap();
    loop {
        let state = journal.load_state("counter").unwrap();
        let before = state.get(b"inputs".as_slice()).cloned();
        let count = before.as_deref().map_or(0, number) + 1;
        let seq = journal.append(&input(count, observation("feed", &count.to_string()))).unwrap();
        let found = finding("counter", count, Severity::Low);
        journal.append(&Entry::Finding(found.clone())).unwrap();
        journal.finding_lives(found.id, seq + 1, seq).unwrap();
        let after = Some(count.to_be_bytes().to_vec());
        journal.save_state("counter", seq, &[StateChange { key: b"inputs".to_vec(), before, after }]).unwrap();
        writeln!(told, "victim open").unwrap();
        journal.append(&Entry::Incident(incident(count, Severity::Low))).unwrap();
        let key = B256::left_padding_from(&count.to_be_bytes());
        journal
            .append(&Entry::Effect(Ordered { key, at_ms: 0, dry_run: false, drill: false, effect: notify(count) }))
            .unwrap();
        // Several inputs share a commit, as they do when the host is behind.
        if count.is_multiple_of(3) {
            journal.commit().unwrap();
            writeln!(told, "victim {count}").unwrap();
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

fn victim(path: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([NAME, "--exact", "--nocapture"]).env(VICTIM, path).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let told = BufReader::new(child.stdout.take().unwrap());
    (child, told)
}

/// Lets a victim tell so many lines, kills it, and returns the newest count that it said was durable.
fn kill_after(lines: u64, path: &Path, durable: u64) -> u64 {
    let (mut child, mut told) = victim(path);
    let (mut line, mut durable, mut left) = (String::new(), durable, lines);
    let mut take = |line: &str| {
        // Other words around these are the test harness's own.
        let Some((_, word)) = line.trim_end().rsplit_once("victim ") else { return false };
        durable = word.parse().unwrap_or(durable);
        true
    };
    while left > 0 {
        line.clear();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "the victim ended by itself");
        if take(&line) {
            if left == lines {
                match Journal::open(path) {
                    Err(JournalError::Locked { pid, .. }) => assert_eq!(pid, child.id().to_string()),
                    _ => panic!("a second writer was let in"),
                }
            }
            left -= 1;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // It may have told more between the last line that was read and its end.
    for line in told.lines() {
        take(&line.unwrap());
    }
    durable
}

fn check(journal: &Journal, durable: u64) -> u64 {
    journal.verify(Some(journal.head().1), |_, _| {}).unwrap();
    let state = journal.load_state("counter").unwrap();
    let counted = state.get(b"inputs".as_slice()).map_or(0, |bytes| number(bytes));
    assert!(counted >= durable, "{durable} inputs were told to be durable, {counted} are there");
    assert!(counted.is_multiple_of(3), "part of a commit is there: {counted}");
    let mut causes = journal.causes().unwrap();
    for count in 1..=counted {
        let cause = causes.next().unwrap().unwrap();
        assert_eq!(cause.stamped, Stamped { at_ms: count, event: observation("feed", &count.to_string()) });
        let kinds: Vec<&str> = cause.entries.iter().map(Entry::kind).collect();
        assert_eq!(kinds, ["finding", "incident", "effect"]);
        assert_eq!(journal.live_findings_of_input(cause.seq).unwrap().len(), 1);
    }
    assert!(causes.next().unwrap().is_none());
    assert_eq!(journal.outbox_count("webhook").unwrap(), counted);
    counted
}

#[test]
fn a_killed_writer_loses_nothing_and_doubles_nothing() {
    if let Some(path) = std::env::var_os(VICTIM) {
        return write_for_ever(Path::new(&path));
    }
    let disk = OnDisk::new();
    let mut seeded = Seeded(1);
    let mut durable = 0;
    for _ in 0..12 {
        durable = kill_after(1 + seeded.number() % 40, &disk.path(), durable);
        // Who reads while nobody writes sees the same as the next writer.
        let seen = check(&Journal::open_existing_read_only(&disk.path()).unwrap(), durable);
        assert_eq!(check(&disk.open(), durable), seen);
        durable = seen;
    }
    assert!(durable > 0, "no victim lived long enough to commit");
}
