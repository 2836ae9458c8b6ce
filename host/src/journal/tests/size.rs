//! How large, and how fast it grows.

use super::*;

const HOUR_MS: u64 = 3_600_000;

#[test]
fn growth_is_told_by_day_and_week() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    assert_eq!(journal.size().unwrap().last_day, Growth::default());
    let started_ms = 1_700_000_000_000;
    for hour in 0..240 {
        journal.append(&input(started_ms + hour * HOUR_MS, committed(block(1, hour, 20)))).unwrap();
    }
    journal.commit().unwrap();
    let size = journal.size().unwrap();
    assert_eq!((size.last_day.entries, size.last_day.span_ms), (25, 24 * HOUR_MS));
    assert_eq!((size.last_week.entries, size.last_week.span_ms), (169, 168 * HOUR_MS));
    let a_day = size.last_day.bytes_per_day().unwrap();
    let a_day_by_week = size.last_week.bytes_per_day().unwrap();
    // Ten days make the file, whichever day is looked at.
    let (least, most) = (size.bytes / 10 * 9 / 10, size.bytes / 10 * 12 / 10);
    assert!((least..most).contains(&a_day), "{least} {a_day} {most}");
    assert!((least..most).contains(&a_day_by_week), "{least} {a_day_by_week} {most}");
    assert_eq!(journal.first_since(0).unwrap(), 1);
    assert_eq!(journal.first_since(started_ms + 7 * HOUR_MS).unwrap(), 8);
    assert_eq!(journal.first_since(started_ms + 7 * HOUR_MS + 1).unwrap(), 9);
    assert_eq!(journal.first_since(u64::MAX).unwrap(), 241);
}

#[test]
fn a_young_journal_tells_no_rate() {
    let mut journal = Journal::in_memory().unwrap();
    for number in 0..100 {
        journal.append(&input(1_000 + 100 * number, committed(block(1, number, 1)))).unwrap();
    }
    journal.commit().unwrap();
    let growth = journal.size().unwrap().last_day;
    assert_eq!((growth.entries, growth.span_ms, growth.bytes_per_day()), (100, 9_900, None));
}
