use std::fs::{OpenOptions, rename, write};
use std::io::Write;
use std::path::Path;

use super::start;

const CONFIG: &str =
    "kind = \"jsonl\"\nfile = \"feed.jsonl\"\npointer = \"/p\"\ntime_pointer = \"/t\"\nmax_body_bytes = 64\n";

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn line(value: u32) -> String {
    format!("{{\"p\":{value},\"t\":1700000000}}\n")
}

#[tokio::test]
async fn lines_come_once_each_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.jsonl");
    let mut feed = start(CONFIG, folder.path(), Vec::new());
    append(&file, &(line(1) + &line(2) + "{\"p\":3,"));
    assert_eq!([feed.next().await, feed.next().await], ["1", "2"]);
    // The last line waits for its end.
    feed.nothing().await;
    append(&file, "\"t\":1}\n");
    assert_eq!(feed.next().await, "3");
    let mut observed = feed.end().await;
    assert_eq!(observed[0].observed_at_ms, 1_700_000_000_000);

    append(&file, &(line(4) + &line(5)));
    // As after a kill before the third was journaled.
    observed.pop();
    let mut feed = start(CONFIG, folder.path(), observed);
    assert_eq!([feed.next().await, feed.next().await, feed.next().await], ["3", "4", "5"]);
    feed.nothing().await;
    feed.end().await;
}

#[tokio::test]
async fn a_file_that_was_cut_is_read_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.jsonl");
    append(&file, &(line(1) + &line(2)));
    let mut feed = start(CONFIG, folder.path(), Vec::new());
    assert_eq!([feed.next().await, feed.next().await], ["1", "2"]);
    write(&file, line(3)).unwrap();
    assert_eq!(feed.next().await, "3");
    feed.end().await;
}

#[tokio::test]
async fn rotation_loses_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let (file, old) = (folder.path().join("feed.jsonl"), folder.path().join("feed.jsonl.1"));
    append(&file, &line(1));
    let mut feed = start(CONFIG, folder.path(), Vec::new());
    assert_eq!(feed.next().await, "1");
    // Between two looks: lines at the end of the old file, and others in the new one.
    append(&file, &line(2));
    rename(&file, &old).unwrap();
    append(&old, &line(3));
    append(&file, &line(4));
    assert_eq!([feed.next().await, feed.next().await, feed.next().await], ["2", "3", "4"]);
    // The new one is there already, and the old one is still written to.
    rename(&file, &old).unwrap();
    write(&file, "").unwrap();
    append(&old, &line(5));
    assert_eq!(feed.next().await, "5");
    append(&file, &line(6));
    assert_eq!(feed.next().await, "6");
    // While the host does not run.
    let observed = feed.end().await;
    append(&file, &line(7));
    rename(&file, &old).unwrap();
    append(&file, &line(8));
    let mut feed = start(CONFIG, folder.path(), observed);
    assert_eq!([feed.next().await, feed.next().await], ["7", "8"]);
    feed.nothing().await;
    feed.end().await;
}

#[tokio::test]
async fn nonsense_is_told_once_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.jsonl");
    let mut feed = start(CONFIG, folder.path(), Vec::new());
    append(&file, "{\"p\":\"high\",\"t\":1}\nnot json\n");
    assert_eq!(feed.next().await, "feed-malformed: a number was expected, and a string of 4 characters came");
    feed.nothing().await;
    append(&file, &line(1));
    assert_eq!(feed.next().await, "feed-malformed is over: it makes sense again");
    assert_eq!(feed.next().await, "1");
    // A line without an end that never stops is not held in memory.
    append(&file, &"x".repeat(1_000));
    feed.nothing().await;
    append(&file, &("x".repeat(1_000) + "\n" + &line(2)));
    assert_eq!(feed.next().await, "feed-malformed: a line of more than 64 bytes");
    assert_eq!(feed.next().await, "feed-malformed is over: it makes sense again");
    assert_eq!(feed.next().await, "2");
    feed.end().await;
}

#[tokio::test]
async fn silence_is_told_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.jsonl");
    let mut feed = start(&format!("{CONFIG}silent_after_s = 1\n"), folder.path(), Vec::new());
    let why = feed.next().await;
    assert!(why.starts_with("feed-silent: no value for 1 s: `"), "{why}");
    append(&file, &line(1));
    assert_eq!(feed.next().await, "feed-silent is over: it speaks again");
    assert_eq!(feed.next().await, "1");
    assert_eq!(feed.next().await, "feed-silent: no value for 1 s");
    feed.end().await;
}

/// Whoever opens a pipe that nobody writes to waits, as for a disk that hangs.
#[tokio::test]
async fn a_file_that_cannot_be_opened_holds_up_neither_its_finding_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut feed = start(&format!("{CONFIG}silent_after_s = 3\n"), folder.path(), Vec::new());
    let why = feed.next().await;
    assert!(why.starts_with("feed-silent: no value for 3 s: `") && why.contains("the disk does not answer"), "{why}");
    feed.end().await;
    // Lets go of whoever waits.
    drop(OpenOptions::new().read(true).write(true).open(&file).unwrap());
}
