//! Journals of every format that was ever written open, and steps from one to the next keep what is in them.

use rusqlite::types::ValueRef;

use super::*;

const FIRST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/tests/v1.sql");
const SECOND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/tests/v2.sql");
const THIRD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/tests/v3.sql");
const FOURTH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/tests/v4.sql");
const FIFTH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/tests/v5.sql");

/// All of a journal as SQL text, which reads well in a review.
fn dump(connection: &Connection) -> String {
    let mut sql = String::new();
    let list = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect()
    };
    for table in list("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid") {
        sql += &format!("{table};\n");
    }
    for table in list("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid") {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..columns).map(|at| literal(row.get_ref(at).unwrap())).collect();
            sql += &format!("INSERT INTO {table} VALUES ({});\n", values.join(", "));
        }
    }
    for pragma in ["application_id", "user_version"] {
        let value: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
        sql += &format!("PRAGMA {pragma} = {value};\n");
    }
    sql
}

fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) => format!("'{}'", std::str::from_utf8(text).unwrap().replace('\'', "''")),
        ValueRef::Blob(bytes) => format!("x'{}'", hex::encode(bytes)),
        ValueRef::Real(_) => panic!("a journal has no such number"),
    }
}

/// The first so many samples.
fn expect_samples(journal: &Journal, count: usize) {
    assert_eq!(journal.verify(None, |_, _| {}).unwrap().entries, count as u64);
    let mut rows = journal.entries(&Filter::default()).unwrap();
    for entry in samples().into_iter().take(count) {
        assert_eq!(rows.next().unwrap().unwrap().entry, entry);
    }
    assert_eq!(journal.load_state("outflow").unwrap()[b"k".as_slice()], b"v");
    assert_eq!(journal.outbox_count("webhook").unwrap(), 3);
    assert_eq!(journal.settled(1).unwrap(), Some((99, 90)));
}

fn posted() -> Posted {
    Posted { address: "slack:C0ROOM".into(), key: B256::repeat_byte(1), receipt: "C0ROOM/1".into() }
}

fn sample_with_state() -> OnDisk {
    let disk = sample_on_disk();
    let mut journal = disk.open();
    let change = crate::entry::StateChange { key: b"k".to_vec(), before: None, after: Some(b"v".to_vec()) };
    journal.note_posted("chat", 1, &posted(), 7).unwrap();
    journal.save_state("outflow", 3, &[change]).unwrap();
    journal.keep_component(B256::repeat_byte(7), b"not really a component").unwrap();
    journal.commit().unwrap();
    drop(journal);
    disk
}

/// Opens a stored sample that has so many entries, and goes on with it.
fn check_stored(sample: &str, count: usize) -> OnDisk {
    let disk = OnDisk::new();
    disk.raw().execute_batch(&std::fs::read_to_string(sample).unwrap()).unwrap();
    let mut journal = disk.open();
    expect_samples(&journal, count);
    journal.append(&input(30, observation("feed", "1"))).unwrap();
    journal.commit().unwrap();
    assert_eq!(journal.verify(Some(journal.head().1), |_, _| {}).unwrap().entries, count as u64 + 1);
    disk
}

#[test]
fn a_journal_of_the_first_format_opens() {
    let disk = OnDisk::new();
    disk.raw().execute_batch(&std::fs::read_to_string(FIRST).unwrap()).unwrap();
    let error = Journal::open_existing_read_only(&disk.path()).err().unwrap();
    assert!(error.to_string().contains("has format 1, this version reads 5; `watchfire run` migrates it"), "{error}");
    let disk = check_stored(FIRST, 27);
    // Its blocks have no digest, so they stay: the chain would not hold without them.
    let mut journal = disk.open();
    let header = journal.header(1, 101, u64::MAX).unwrap();
    assert!(header.is_none(), "the sample ends with a reorg: {header:?}");
    journal.append(&input(31, Event::Thinned { before: 28 })).unwrap();
    while journal.drop_bodies(4).unwrap() {}
    journal.commit().unwrap();
    assert_eq!(journal.thinning().unwrap().unwrap().bodies, 0);
    assert_eq!(journal.verify(None, |_, _| {}).unwrap().dropped, 0);
}

#[test]
fn a_journal_of_the_second_format_opens() {
    check_stored(SECOND, 36);
}

/// Effects that an earlier format left waiting are ordered as new ones are, and what came of them is reported.
#[test]
fn a_journal_of_the_third_format_opens() {
    let disk = check_stored(THIRD, 46);
    let journal = disk.open();
    let due = |urgency| -> Vec<u8> {
        let due = journal.outbox_due("webhook", urgency, u64::MAX >> 1, 10, &Default::default()).unwrap();
        due.iter().map(|outgoing| outgoing.key[0]).collect()
    };
    assert_eq!((due(Urgency::Critical), due(Urgency::Urgent), due(Urgency::Routine)), (vec![], vec![2, 3], vec![1]));
    for urgency in [Urgency::Urgent, Urgency::Routine] {
        let overdue = journal.outbox_overdue(urgency, 100, 10).unwrap();
        assert_eq!(overdue.iter().map(|key| key[0]).collect::<Vec<_>>(), due(urgency));
    }
    // The same as when they are ordered now.
    let ranks = |disk: &OnDisk| -> Vec<(Vec<u8>, u8)> {
        let raw = disk.raw();
        let mut statement = raw.prepare("SELECT key, rank FROM outbox ORDER BY key").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(|row| row.unwrap()).collect()
    };
    assert_eq!(ranks(&disk), ranks(&sample_on_disk()));
}

#[test]
fn a_journal_of_the_fourth_format_opens() {
    let disk = check_stored(FOURTH, samples().len());
    assert!(disk.open().posted("webhook", 1).unwrap().is_empty(), "nobody knows what was posted before");
}

/// `WATCHFIRE_UPDATE=1` writes the sample again, which a released format never needs.
#[test]
fn a_journal_of_the_fifth_format_opens() {
    if std::env::var_os("WATCHFIRE_UPDATE").is_some() {
        std::fs::write(FIFTH, dump(&sample_with_state().raw())).unwrap();
    }
    let disk = check_stored(FIFTH, samples().len());
    assert_eq!(disk.open().posted("chat", 1).unwrap(), [posted()]);
}

#[test]
fn an_entry_of_the_first_format_after_one_of_the_second_is_found() {
    let disk = check_stored(FIRST, 27);
    disk.raw().execute_batch("UPDATE entry SET digest = zeroblob(32) WHERE seq = 5").unwrap();
    let error = Journal::open_existing_read_only(&disk.path()).unwrap().verify(None, |_, _| {}).unwrap_err();
    assert!(matches!(error, JournalError::Broken(Broken { seq: 5, .. })), "{error:?}");
}

/// A later step than any that there is, to see that steps work before one is needed.
const NEXT: &str = "ALTER TABLE outbox ADD COLUMN note TEXT; UPDATE outbox SET note = 'older';";

#[test]
fn an_older_journal_is_brought_up_step_by_step() {
    let disk = sample_with_state();
    let raw = disk.raw();
    let steps: Vec<&str> = schema::STEPS.into_iter().chain([NEXT]).collect();
    schema::migrate_by(&steps, &raw, &disk.path()).unwrap();
    schema::migrate_by(&steps, &raw, &disk.path()).unwrap();
    let notes: i64 = raw.query_row("SELECT count(*) FROM outbox WHERE note = 'older'", [], |row| row.get(0)).unwrap();
    let version: i64 = raw.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!((notes, version), (3, steps.len() as i64));
    raw.execute_batch("ALTER TABLE outbox DROP COLUMN note").unwrap();
    raw.pragma_update(None, "user_version", schema::STEPS.len() as i64).unwrap();
    expect_samples(&disk.open(), samples().len());
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let disk = sample_with_state();
    let before = dump(&disk.raw());
    let bad = format!("{NEXT} INSERT INTO nowhere VALUES (1);");
    let steps: Vec<&str> = schema::STEPS.into_iter().chain([bad.as_str()]).collect();
    let raw = disk.raw();
    assert!(schema::migrate_by(&steps, &raw, &disk.path()).is_err());
    drop(raw);
    assert_eq!(dump(&disk.raw()), before);
    expect_samples(&disk.open(), samples().len());
}
