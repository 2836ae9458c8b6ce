//! Journals of every format that was ever written open, and steps from one to the next keep what is in them.

use rusqlite::types::ValueRef;

use super::*;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/tests/v1.sql");

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

/// How many of the samples the stored journal of the first format has.
const OF_FIRST: usize = 28;

fn expect_samples(journal: &Journal, count: usize) {
    assert_eq!(journal.verify(None, |_, _| {}).unwrap().entries, count as u64);
    let mut rows = journal.entries(&Filter::default()).unwrap();
    for entry in samples().into_iter().take(count) {
        assert_eq!(rows.next().unwrap().unwrap().entry, entry);
    }
    assert_eq!(journal.load_state("outflow").unwrap()[b"k".as_slice()], b"v");
    assert_eq!(journal.outbox_waiting("webhook").unwrap(), 3);
}

fn sample_with_state() -> OnDisk {
    let disk = sample_on_disk();
    let mut journal = disk.open();
    let change = crate::entry::StateChange { key: b"k".to_vec(), before: None, after: Some(b"v".to_vec()) };
    journal.save_state("outflow", 3, &[change]).unwrap();
    journal.keep_component(B256::repeat_byte(7), b"not really a component").unwrap();
    journal.commit().unwrap();
    drop(journal);
    disk
}

#[test]
fn a_journal_of_the_first_format_opens() {
    let disk = OnDisk::new();
    disk.raw().execute_batch(&std::fs::read_to_string(SAMPLE).unwrap()).unwrap();
    let mut journal = disk.open();
    expect_samples(&journal, OF_FIRST);
    journal.append(&input(30, observation("feed", "1"))).unwrap();
    journal.commit().unwrap();
    assert_eq!(journal.verify(Some(journal.head().1), |_, _| {}).unwrap().entries, OF_FIRST as u64 + 1);
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
