//! `docs/journal.md` tells of every table, column, index, kind and error that there is, and its queries run.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::ValueRef;

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/journal.md");

/// Tables by name, each with its columns and their types, and the names of its indexes.
type Schema = BTreeMap<String, (Vec<(String, String)>, BTreeSet<String>)>;

/// The text between backquotes, for as long as there is any.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

fn documented() -> Schema {
    let mut schema = Schema::new();
    for section in DOCUMENT.split("\n### ").skip(1) {
        let section = section.split("\n## ").next().unwrap();
        let table = quoted(section.lines().next().unwrap()).remove(0);
        let rows = section.lines().filter(|line| line.starts_with("| `")).map(cells);
        let columns = rows.map(|cells| (quoted(cells[0]).remove(0), cells[1].to_owned())).collect();
        let indexes = section.split_once("Indexes:").map_or(Vec::new(), |(_, list)| quoted(list));
        schema.insert(table, (columns, indexes.into_iter().collect()));
    }
    schema
}

fn existing(connection: &Connection) -> Schema {
    let list = |sql: &str| -> Vec<(String, String)> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(|row| row.unwrap()).collect()
    };
    let mut schema = Schema::new();
    for (table, _) in list("SELECT name, '' FROM sqlite_schema WHERE type = 'table'") {
        let columns = list(&format!("SELECT name, type FROM pragma_table_info('{table}')"));
        let sql = "SELECT name, '' FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name =";
        let indexes = list(&format!("{sql} '{table}'")).into_iter().map(|(name, _)| name).collect();
        schema.insert(table, (columns, indexes));
    }
    schema
}

#[test]
fn the_documented_schema_is_the_one_that_there_is() {
    let disk = sample_on_disk();
    assert_eq!(documented(), existing(&disk.raw()));
}

#[test]
fn each_kind_and_event_is_documented() {
    let (mut kinds, mut events, mut from_outside) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for entry in samples().into_iter().chain([completed()]).chain(agreed()).chain(proved()).chain(noted()) {
        kinds.insert(entry.kind().to_owned());
        if entry.is_given() {
            from_outside.insert(entry.kind().to_owned());
        }
        if let Entry::Input(stamped) = &entry {
            events.insert(stamped.event.name().to_owned());
        }
    }
    let listed = |heading: &str| -> Vec<Vec<&str>> {
        let rows = DOCUMENT.split_once(heading).unwrap().1.trim_start().lines();
        rows.take_while(|line| line.starts_with('|')).skip(2).map(cells).collect()
    };
    let names = |rows: &[Vec<&str>]| rows.iter().map(|cells| quoted(cells[0]).remove(0)).collect::<BTreeSet<_>>();
    let listed_kinds = listed("## Kinds of entries");
    assert_eq!(names(&listed_kinds), kinds);
    let outside: Vec<Vec<&str>> = listed_kinds.into_iter().filter(|cells| cells[1] == "yes").collect();
    assert_eq!(names(&outside), from_outside);
    assert_eq!(names(&listed("Events of inputs:")), events);
}

#[test]
fn the_documented_format_and_id_are_those_that_are_written() {
    let disk = sample_on_disk();
    let pragma = |name: &str| -> i64 { disk.raw().pragma_query_value(None, name, |row| row.get(0)).unwrap() };
    let told = format!("`application_id` is `{:#x}`", pragma("application_id"));
    assert!(DOCUMENT.contains(&told), "{told}");
    let told = format!("`user_version` is the format, now {}.", pragma("user_version"));
    assert!(DOCUMENT.contains(&told), "{told}");
    assert_eq!(pragma("application_id"), schema::APPLICATION_ID);
}

#[test]
fn the_documented_queries_run_and_find_something() {
    let disk = sample_on_disk();
    let queries: Vec<&str> = DOCUMENT.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(queries.len() >= 4);
    for query in queries {
        let raw = disk.raw();
        let mut statement = raw.prepare(query).unwrap();
        assert!(statement.exists([]).unwrap(), "nothing found: {query}");
    }
}

/// The chain as somebody would compute it who knows no more than the document.
#[test]
fn the_documented_hash_is_the_one_that_is_written() {
    use sha2::{Digest, Sha256};
    let disk = sample_on_disk();
    let raw = disk.raw();
    let sql = "SELECT seq, cause, at_ms, kind, CAST(body AS BLOB), hash, event, chain, block_number, block_hash, \
               detector, finding, incident FROM entry ORDER BY seq";
    let mut statement = raw.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut before = vec![0; 32];
    while let Some(row) = rows.next().unwrap() {
        let mut fields = Vec::new();
        let field = |fields: &mut Vec<u8>, bytes: &[u8]| {
            fields.extend((bytes.len() as u64).to_be_bytes());
            fields.extend(bytes);
        };
        field(&mut fields, b"entry.2");
        field(&mut fields, &before);
        for column in 0..3 {
            fields.extend(row.get::<_, u64>(column).unwrap().to_be_bytes());
        }
        field(&mut fields, row.get::<_, String>(3).unwrap().as_bytes());
        for column in 6..13 {
            let bytes = match row.get_ref(column).unwrap() {
                ValueRef::Null => {
                    fields.extend(0_u64.to_be_bytes());
                    continue;
                }
                ValueRef::Integer(number) => number.to_be_bytes().to_vec(),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
                ValueRef::Real(_) => panic!("a journal has no such number"),
            };
            fields.extend(1_u64.to_be_bytes());
            field(&mut fields, &bytes);
        }
        field(&mut fields, &Sha256::digest(row.get::<_, Vec<u8>>(4).unwrap()));
        before = row.get(5).unwrap();
        assert_eq!(Sha256::digest(&fields).to_vec(), before);
    }
    assert_eq!(before, disk.open().head().1.to_vec());
}

#[test]
fn each_error_is_documented() {
    let path = || PathBuf::from("watchfire.db");
    let errors = [
        JournalError::Locked { path: path(), pid: "7".into() },
        JournalError::Busy { path: path() },
        JournalError::Full { path: path() },
        JournalError::Disk { path: path(), reason: "x".into() },
        JournalError::ReadOnly { path: path(), reason: "x".into() },
        JournalError::Damaged { path: path(), reason: "x".into() },
        JournalError::Foreign { path: path() },
        JournalError::Newer { path: path(), found: 2, known: 1 },
        JournalError::Unusable { path: path() },
    ];
    let table = DOCUMENT.split_once("## When something goes wrong").unwrap().1;
    let said: Vec<String> = table.lines().filter(|line| line.starts_with("| `")).map(|l| quoted(l).remove(0)).collect();
    let says = |error: &JournalError, said: &str| said.split('…').all(|part| error.to_string().contains(part.trim()));
    assert_eq!(said.len(), errors.len());
    for (said, error) in said.iter().zip(&errors) {
        assert!(says(error, said), "`{said}` is not in `{error}`");
    }
}
