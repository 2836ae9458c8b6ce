//! Whoever changes a journal is found out, at the entry that was changed.

use rusqlite::params;

use crate::digest::sha256;

use super::*;

fn verify(disk: &OnDisk, head: Option<B256>) -> Result<Verified> {
    Journal::open_existing_read_only(&disk.path())?.verify(head, |_, _| {})
}

fn broken_at(verified: Result<Verified>) -> u64 {
    match verified {
        Err(JournalError::Broken(broken)) => broken.seq,
        other => panic!("expected a broken chain, found {other:?}"),
    }
}

/// Changes a sample journal by SQL and expects the chain to break at an entry.
fn check(sql: &str, expected: u64) {
    let disk = sample_on_disk();
    disk.raw().execute_batch(sql).unwrap();
    assert_eq!(broken_at(verify(&disk, None)), expected, "{sql}");
}

fn last() -> u64 {
    samples().len() as u64
}

#[test]
fn a_journal_left_alone_is_whole() {
    let disk = sample_on_disk();
    let head = disk.open().head().1;
    let mut told = Vec::new();
    let journal = Journal::open_existing_read_only(&disk.path()).unwrap();
    let verified = journal.verify(Some(head), |done, of| told.push((done, of))).unwrap();
    assert_eq!(verified, Verified { entries: last(), head, dropped: 0 });
    assert_eq!(told.last(), Some(&(last(), last())));
    assert_eq!(verify(&OnDisk { folder: empty() }, Some(B256::ZERO)).unwrap().entries, 0);
}

fn empty() -> TempDir {
    let disk = OnDisk::new();
    drop(disk.open());
    disk.folder
}

#[test]
fn a_changed_byte_of_any_body_is_found() {
    let disk = sample_on_disk();
    let raw = disk.raw();
    for seq in 1..=last() {
        let (body, text): (Vec<u8>, bool) = raw
            .query_row("SELECT CAST(body AS BLOB), typeof(body) = 'text' FROM entry WHERE seq = ?1", [seq], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        for at in [0, body.len() / 2, body.len() - 1] {
            let put = |body: &[u8]| {
                let value = if text { "CAST(?2 AS TEXT)" } else { "?2" };
                raw.execute(&format!("UPDATE entry SET body = {value} WHERE seq = ?1"), params![seq, body]).unwrap();
            };
            for bit in [1, 0x80] {
                let mut changed = body.clone();
                changed[at] ^= bit;
                put(&changed);
                assert_eq!(broken_at(verify(&disk, None)), seq, "byte {at} of entry {seq}, bit {bit}");
            }
            put(&body);
        }
    }
    assert_eq!(verify(&disk, None).unwrap().entries, last());
}

#[test]
fn a_deleted_entry_is_found_wherever_it_was() {
    for seq in 1..last() {
        check(&format!("DELETE FROM entry WHERE seq = {seq}"), seq);
    }
    check("DELETE FROM entry WHERE seq BETWEEN 4 AND 9", 4);
    check("DELETE FROM entry WHERE seq = 4; UPDATE entry SET seq = seq - 1 WHERE seq > 4", 4);
}

/// What is no part of the chain of hashes is made again from it.
#[test]
fn a_changed_table_is_found() {
    let disk = sample_on_disk();
    let tables = || Journal::open_existing_read_only(&disk.path()).unwrap().verify_tables(|_| {}).unwrap();
    let raw = disk.raw();
    // The sample is entries alone: nobody kept its findings and components.
    raw.execute_batch(
        "INSERT INTO live_finding SELECT finding, 0, seq FROM entry AS of_it WHERE kind IN ('finding', 'shadow') AND NOT EXISTS \
         (SELECT 1 FROM entry WHERE kind = 'retraction' AND finding = of_it.finding AND seq > of_it.seq)",
    )
    .unwrap();
    let before = tables();
    assert!(before.iter().all(|found| found.table == "component"), "{before:?}");
    for (name, change) in [
        ("canonical_block", "UPDATE canonical_block SET hash = zeroblob(32)"),
        ("canonical_block", "UPDATE canonical_block SET timestamp_s = timestamp_s + 1"),
        ("canonical_block", "DELETE FROM canonical_block"),
        ("settled", "INSERT INTO settled VALUES (77, 1, 1)"),
        ("settled", "UPDATE settled SET finalized = finalized + 1"),
        ("feed_position", "UPDATE feed_position SET seq = 1"),
        ("feed_position", "DELETE FROM feed_position"),
        ("live_finding", "INSERT INTO live_finding VALUES (x'01', 1, 1)"),
        ("component", "INSERT INTO component VALUES (zeroblob(32), x'00')"),
        ("outbox", "INSERT INTO outbox (channel, key, seq) VALUES ('a', zeroblob(32), 1)"),
        ("delivery", "INSERT INTO delivery (key, seq, deadline, ordered_at_ms) VALUES (zeroblob(32), 1, 'urgent', 1)"),
    ] {
        let rows: i64 = raw.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0)).unwrap();
        if rows == 0 && !change.starts_with("INSERT") {
            continue;
        }
        raw.execute_batch(&format!("CREATE TEMP TABLE kept AS SELECT * FROM {name}")).unwrap();
        raw.execute_batch(change).unwrap();
        let of = |found: &[Differs]| found.iter().filter(|found| found.table == name).cloned().collect::<Vec<_>>();
        assert_ne!(of(&tables()), of(&before), "{change}");
        raw.execute_batch(&format!("DELETE FROM {name}; INSERT INTO {name} SELECT * FROM kept; DROP TABLE kept"))
            .unwrap();
        assert_eq!(tables(), before, "{change}");
    }
}

#[test]
fn other_bytes_under_a_digest_are_not_run() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    journal.keep_component(sha256(b"good"), b"good").unwrap();
    journal.commit().unwrap();
    disk.raw().execute_batch("UPDATE component SET bytes = x'6576696c'").unwrap();
    let refused = journal.component(sha256(b"good")).unwrap_err().to_string();
    assert!(refused.contains("other bytes under the digest"), "{refused}");
}

/// Whatever SQLite would act on by itself.
#[test]
fn a_changed_schema_is_refused() {
    for (change, what) in [
        ("CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM outbox; END", "it has a trigger `t`"),
        ("CREATE VIEW v AS SELECT 1", "it has a view `v`"),
        ("ALTER TABLE entry RENAME TO was; CREATE VIEW entry AS SELECT * FROM was", "is another"),
        ("DROP INDEX outbox_due", "it lacks its index `outbox_due`"),
        ("CREATE UNIQUE INDEX one ON entry (kind)", "it has a index `one`"),
    ] {
        let disk = sample_on_disk();
        let done = disk.raw().execute_batch(change);
        if done.is_err() {
            // The sample has two entries of a kind.
            continue;
        }
        let refused = Journal::open(&disk.path()).map(drop).unwrap_err().to_string();
        assert!(refused.contains(what), "{change}: {refused}");
    }
}

#[test]
fn two_swapped_entries_are_found() {
    for seq in 1..last() {
        let (one, two) = (seq, seq + 1);
        let sql = format!(
            "UPDATE entry SET seq = -1 WHERE seq = {one}; UPDATE entry SET seq = {one} WHERE seq = {two}; \
             UPDATE entry SET seq = {two} WHERE seq = -1"
        );
        check(&sql, one);
    }
}

#[test]
fn a_changed_column_is_found() {
    // Entry 3 is a block, 9 a finding, 10 an incident.
    for (set, seq) in [
        ("kind = 'answer'", 3),
        ("event = 'observed'", 3),
        ("event = NULL", 3),
        ("cause = 2", 3),
        ("at_ms = at_ms + 1", 3),
        ("at_ms = -1", 3),
        ("chain = 2", 3),
        ("chain = NULL", 3),
        ("block_number = 7", 3),
        ("block_hash = zeroblob(32)", 3),
        ("block_hash = x'00'", 3),
        ("hash = zeroblob(32)", 3),
        ("hash = x'00'", 3),
        ("digest = zeroblob(32)", 3),
        ("digest = x'00'", 3),
        ("digest = NULL", 3),
        ("body = CAST(body AS TEXT)", 3),
        ("body = 5", 3),
        // No policy said that it may go.
        ("body = x''", 3),
        ("body = x''", 9),
        ("body = ''", 3),
        ("body = CAST(body AS BLOB)", 9),
        ("detector = 'other'", 9),
        ("finding = zeroblob(32)", 9),
        ("incident = 2", 10),
        ("incident = 'two'", 10),
    ] {
        check(&format!("UPDATE entry SET {set} WHERE seq = {seq}"), seq);
    }
}

#[test]
fn an_entry_that_was_put_in_is_found() {
    let copy = |seq: &str| {
        format!(
            "INSERT INTO entry SELECT {seq}, kind, event, cause, at_ms, chain, block_number, block_hash, detector, \
             finding, incident, body, hash, digest FROM entry WHERE seq = 9"
        )
    };
    check(&copy("0"), 1);
    check(&copy("-5"), 1);
    check(&copy(&(last() + 1).to_string()), last() + 1);
    check(&copy(&(last() + 9).to_string()), last() + 1);
}

#[test]
fn a_cut_off_end_is_found_by_who_knows_the_head() {
    let disk = sample_on_disk();
    let head = disk.open().head().1;
    disk.raw().execute_batch(&format!("DELETE FROM entry WHERE seq > {}", last() - 3)).unwrap();
    let journal = Journal::open_existing_read_only(&disk.path()).unwrap();
    assert_eq!(journal.entry_of_hash(head).unwrap(), None, "nor did it come by what was its head");
    // The chain alone can't tell: what is left is whole.
    assert_eq!(verify(&disk, None).unwrap().entries, last() - 3);
    assert_eq!(broken_at(verify(&disk, Some(head))), last() - 3);
}

#[test]
fn a_chain_made_anew_is_found_by_who_knows_the_head() {
    let disk = sample_on_disk();
    let head = disk.open().head().1;
    let forged = OnDisk::new();
    let mut journal = forged.open();
    for entry in samples().iter().skip(1) {
        journal.append(entry).unwrap();
    }
    journal.commit().unwrap();
    assert_eq!(verify(&forged, None).unwrap().entries, last() - 1);
    assert_eq!(broken_at(verify(&forged, Some(head))), last() - 1);
}
