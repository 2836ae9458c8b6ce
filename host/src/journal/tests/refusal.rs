//! What is not a journal of ours, or not ours to write, is refused, and not a byte of it changes.

use super::*;

/// Opens a file both ways, expects the same told of both, and the file as it was.
fn check(path: &Path, expected: &str) {
    let before = std::fs::read(path).unwrap();
    for opened in [Journal::open(path), Journal::open_existing_read_only(path)] {
        let Err(error) = opened else { panic!("it was opened") };
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(std::fs::read(path).unwrap(), before);
}

#[test]
fn a_file_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    for text in ["short", &"a long text that is no database, page after page. ".repeat(500)] {
        std::fs::write(&path, text).unwrap();
        check(&path, "is not a Watchfire journal");
    }
}

#[test]
fn a_database_of_somebody_else_is_refused() {
    for sql in [
        "CREATE TABLE entry (seq INTEGER PRIMARY KEY)",
        "PRAGMA application_id = 77",
        "CREATE TABLE entry (seq INTEGER PRIMARY KEY); PRAGMA user_version = 1",
        // Ours by its id, and of no format that ever was.
        "PRAGMA application_id = 0x57744672; CREATE TABLE other (a); PRAGMA user_version = -1",
    ] {
        let disk = OnDisk::new();
        disk.raw().execute_batch(sql).unwrap();
        check(&disk.path(), "is not a Watchfire journal");
    }
}

#[test]
fn a_later_format_is_refused() {
    let disk = sample_on_disk();
    disk.raw().execute_batch("PRAGMA user_version = 99").unwrap();
    check(&disk.path(), &format!("has format 99, this version knows up to {}", schema::STEPS.len()));
}

#[test]
fn what_is_not_there_is_missing_for_readers_and_made_for_writers() {
    let disk = OnDisk::new();
    let missing = Journal::open_existing_read_only(&disk.path());
    assert!(matches!(missing, Err(JournalError::Missing { .. })));
    assert!(!disk.path().exists());
    std::fs::write(disk.path(), "").unwrap();
    let empty = Journal::open_existing_read_only(&disk.path());
    assert!(matches!(empty, Err(JournalError::Foreign { .. })));
    assert_eq!(disk.open().head(), (0, B256::ZERO));
    assert_eq!(Journal::open_existing_read_only(&disk.path()).unwrap().head(), (0, B256::ZERO));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let disk = OnDisk::new();
    let path = disk.folder.path().join("missing/journal.db");
    let Err(error) = Journal::open(&path) else { panic!("it was opened") };
    let told = error.to_string();
    assert!(told.contains("missing/journal.db") && told.contains("see that its folder is there"), "{told}");
}

#[test]
fn no_journal_is_made_where_a_link_leads() {
    let disk = OnDisk::new();
    let (link, elsewhere) = (disk.folder.path().join("link.db"), disk.folder.path().join("elsewhere"));
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let Err(error) = Journal::open(&link) else { panic!("it was opened") };
    let told = error.to_string();
    assert!(told.contains("link.db") && told.contains("a link to a file that is not there"), "{told}");
    assert!(!elsewhere.exists(), "it was made");
    // A journal that is there may be reached by a link.
    drop(disk.open());
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(disk.path(), &link).unwrap();
    drop(Journal::open(&link).unwrap());
}

#[test]
fn a_second_writer_is_refused_by_whatever_name_it_comes() {
    let disk = OnDisk::new();
    let first = disk.open();
    let link = disk.folder.path().join("link.db");
    std::os::unix::fs::symlink(disk.path(), &link).unwrap();
    for path in [disk.path(), link.clone()] {
        match Journal::open(&path) {
            Err(error @ JournalError::Locked { .. }) => {
                let told = format!("`{}` is being written by process {}", path.display(), std::process::id());
                assert!(error.to_string().starts_with(&told), "{error}");
            }
            _ => panic!("a second writer was let in"),
        }
    }
    drop(first);
    drop(Journal::open(&link).unwrap());
    disk.open();
}
