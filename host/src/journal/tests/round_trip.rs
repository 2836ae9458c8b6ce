//! What goes in comes out, whatever kind of entry it is, and in bounded memory.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_kind_of_entry_comes_back() {
    let disk = sample_on_disk();
    let written = samples();
    let check = |journal: &Journal| {
        let mut rows = journal.entries(&Filter::default()).unwrap();
        for (position, entry) in written.iter().enumerate() {
            let row = rows.next().unwrap().unwrap();
            assert_eq!((row.seq, &row.entry), (position as u64 + 1, entry));
            assert_eq!(journal.entry(row.seq).unwrap().as_ref(), Some(entry));
        }
        assert_eq!(rows.next().unwrap(), None);
        assert_eq!(journal.head().0, written.len() as u64);
    };
    check(&disk.open());
    check(&Journal::open_existing_read_only(&disk.path()).unwrap());
}

#[test]
fn the_samples_leave_no_kind_out() {
    let (mut kinds, mut events) = (BTreeSet::new(), BTreeSet::new());
    for entry in samples().into_iter().chain([completed()]).chain(agreed()).chain(noted()) {
        kinds.insert(entry.kind().to_owned());
        if let Entry::Input(stamped) = &entry {
            // The names are said twice, by hand and by serde, as the one is a column and the other is in the body.
            assert_eq!(serde_json::to_value(&stamped.event).unwrap()["type"], stamped.event.name());
            events.insert(stamped.event.name());
        }
    }
    assert_eq!((kinds.len(), events.len()), (16, 20));
}

#[test]
fn an_entry_is_written_the_same_way_every_time() {
    for entry in samples().into_iter().chain([completed()]).chain(agreed()).chain(proved()).chain(noted()) {
        let (first, second) = (body::encode(&entry).unwrap(), body::encode(&entry).unwrap());
        assert_eq!(first.bytes(), second.bytes());
        let again = body::encode(&body::decode(&first).unwrap()).unwrap();
        assert_eq!(first.bytes(), again.bytes(), "{entry:?}");
    }
}

#[test]
fn a_proof_a_note_and_a_drill_come_back_as_they_were() {
    for entry in proved().into_iter().chain(noted()) {
        assert_eq!(body::decode(&body::encode(&entry).unwrap()).unwrap(), entry);
    }
}

#[test]
fn entries_follow_from_the_newest_input() {
    let disk = sample_on_disk();
    let journal = disk.open();
    let mut causes = journal.causes().unwrap();
    let mut entries = Vec::new();
    while let Some(cause) = causes.next().unwrap() {
        entries.push(Entry::Input(cause.stamped));
        entries.extend(cause.entries);
    }
    assert_eq!(entries, samples());
    let mut rows = journal.entries(&Filter::default()).unwrap();
    let (mut cause, mut at_ms) = (0, 0);
    while let Some(row) = rows.next().unwrap() {
        if let Entry::Input(stamped) = &row.entry {
            (cause, at_ms) = (row.seq, stamped.at_ms);
        }
        assert_eq!((row.cause, row.at_ms), (cause, at_ms));
    }
    assert_eq!(journal.newest_ms(), 31);
}

#[test]
fn a_long_journal_is_read_a_page_at_a_time() {
    let mut journal = Journal::in_memory().unwrap();
    let large = 200 << 10;
    for number in 0..60_u64 {
        let text = Value::Text("x".repeat(large));
        let observation = observed("large", text);
        journal.append(&input(number, Event::Observed { observation })).unwrap();
    }
    let sql = "SELECT body FROM entry WHERE seq > ?1 ORDER BY seq";
    let page = |after: u64| {
        journal
            .page(sql, [after], |row| body::Body::read(row.get_ref(0)?).map(|body| (body.bytes().len(), ())))
            .unwrap()
    };
    assert_eq!(page(0), (vec![(); PAGE_BYTES.div_ceil(large + 131)], true));
    assert_eq!(page(50).0.len(), 10);
    let mut rows = journal.entries(&Filter::default()).unwrap();
    for seq in 1..=60 {
        assert_eq!(rows.next().unwrap().unwrap().seq, seq);
    }
    assert!(rows.next().unwrap().is_none());
    assert_eq!(journal.verify(None, |_, _| {}).unwrap().entries, 60);
}

#[test]
fn what_was_made_of_the_inputs_has_a_digest_of_its_own() {
    let digest = |entries: &[Entry]| {
        let mut journal = Journal::in_memory().unwrap();
        entries.iter().for_each(|entry| assert!(journal.append(entry).unwrap() > 0));
        journal.derived_digest().unwrap()
    };
    let all = samples();
    let derived: Vec<Entry> = all.iter().filter(|entry| !entry.is_given()).cloned().collect();
    assert_eq!(digest(&all), digest(&derived));
    for left_out in 0..derived.len() {
        let mut fewer = derived.clone();
        fewer.remove(left_out);
        assert_ne!(digest(&fewer), digest(&derived), "without {:?}", derived[left_out]);
    }
    let mut other_order = derived.clone();
    other_order.swap(0, 1);
    assert_ne!(digest(&other_order), digest(&derived));
}

#[test]
fn the_size_counts_every_kind() {
    let disk = sample_on_disk();
    let journal = disk.open();
    let size = journal.size().unwrap();
    let told = |kind: &str, of: &[(String, u64)]| of.iter().find(|(name, _)| name == kind).unwrap().1;
    assert_eq!(size.entries.len(), 16);
    assert_eq!(size.entries.iter().map(|(_, count)| count).sum::<u64>(), samples().len() as u64);
    let findings = samples().into_iter().filter(|entry| entry.kind() == "finding");
    let bytes: usize = findings.map(|entry| body::encode(&entry).unwrap().bytes().len()).sum();
    assert_eq!((told("finding", &size.entries), told("finding", &size.body_bytes)), (2, bytes as u64));
    assert_eq!(size.bytes % 4096, 0);
}
