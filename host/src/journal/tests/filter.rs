//! Filters let through what they say, in order, and each has an index; lines are for people.

use rusqlite::params_from_iter;

use super::*;

fn seqs(journal: &Journal, filter: &Filter) -> Vec<u64> {
    let mut rows = journal.entries(filter).unwrap();
    let mut seqs = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        seqs.push(row.seq);
    }
    seqs
}

/// Expects a filter to let through exactly the samples that a rule names.
fn check(filter: Filter, rule: impl Fn(&Row) -> bool) {
    let disk = sample_on_disk();
    let journal = disk.open();
    let mut rows = journal.entries(&Filter::default()).unwrap();
    let mut expected = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        if rule(&row) {
            expected.push(row.seq);
        }
    }
    assert!(!expected.is_empty(), "{filter:?} is not put to a test");
    assert_eq!(seqs(&journal, &filter), expected, "{filter:?}");
    for last in [0, 1, 3, 100] {
        let newest = &expected[expected.len().saturating_sub(last)..];
        assert_eq!(seqs(&journal, &Filter { last: Some(last), ..filter.clone() }), newest, "{filter:?}, last {last}");
    }
}

fn block_of(entry: &Entry) -> Option<u64> {
    Facts::of(entry).block.map(|(number, _)| number)
}

#[test]
fn each_filter_lets_through_what_it_says() {
    check(Filter::default(), |_| true);
    let kinds = vec!["finding".to_owned(), "effect".to_owned()];
    check(Filter { kinds, ..Filter::default() }, |row| matches!(row.entry.kind(), "finding" | "effect"));
    let detector = Some("outflow".to_owned());
    check(Filter { detector, ..Filter::default() }, |row| Facts::of(&row.entry).detector == Some("outflow"));
    let detector = Some("eth-usd".to_owned());
    check(Filter { detector, ..Filter::default() }, |row| Facts::of(&row.entry).detector == Some("eth-usd"));
    check(Filter { incident: Some(1), ..Filter::default() }, |row| Facts::of(&row.entry).incident == Some(1));
    check(Filter { chain: Some(1), ..Filter::default() }, |row| match &row.entry {
        Entry::Input(stamped) => {
            matches!(stamped.event.name(), "committed" | "reverted" | "finality" | "pending")
        }
        other => matches!(other.kind(), "answer" | "finding" | "shadow" | "settled"),
    });
    let from_101 = Filter { chain: Some(1), from_block: Some(101), ..Filter::default() };
    check(from_101, |row| block_of(&row.entry).is_some_and(|number| number >= 101));
    let to_100 = Filter { to_block: Some(100), ..Filter::default() };
    check(to_100, |row| block_of(&row.entry).is_some_and(|number| number <= 100));
    let times = Filter { since_ms: Some(12), until_ms: Some(16), ..Filter::default() };
    check(times, |row| (12..=16).contains(&row.at_ms));
    for severity in [Severity::Info, Severity::Medium, Severity::High] {
        check(Filter { severity: Some(severity), ..Filter::default() }, |row| match &row.entry {
            Entry::Finding(finding) => finding.claim.severity >= severity,
            Entry::Incident(incident) => incident.severity >= severity,
            Entry::Decision(decision) => decision.severity >= severity,
            _ => false,
        });
    }
    check(Filter { desk_only: true, ..Filter::default() }, |row| match &row.entry {
        Entry::Input(stamped) => {
            let of_people = matches!(stamped.event.name(), "plan" | "act" | "fact" | "delivered" | "tick");
            of_people || matches!(stamped.event.name(), "detector" | "reverted" | "agreed")
        }
        other => matches!(other.kind(), "finding" | "retraction"),
    });
    let kinds = vec!["finding".to_owned()];
    let both = Filter { kinds, severity: Some(Severity::High), incident: None, chain: Some(1), ..Filter::default() };
    check(both, |row| matches!(&row.entry, Entry::Finding(finding) if finding.claim.severity >= Severity::High));
}

#[test]
fn nothing_gets_through_a_filter_of_nothing() {
    let disk = sample_on_disk();
    let journal = disk.open();
    for filter in [
        Filter { kinds: vec!["no-such-kind".to_owned()], ..Filter::default() },
        Filter { detector: Some("x' OR '1'='1".to_owned()), ..Filter::default() },
        Filter { incident: Some(u64::MAX), ..Filter::default() },
        Filter { severity: Some(Severity::Critical), ..Filter::default() },
    ] {
        assert!(seqs(&journal, &filter).is_empty(), "{filter:?}");
    }
}

#[test]
fn each_filter_has_an_index() {
    let disk = sample_on_disk();
    let journal = disk.open();
    let check = |filter: Filter, expected: &str| {
        let (clause, values) = filter.sql();
        let sql =
            format!("EXPLAIN QUERY PLAN SELECT seq FROM entry WHERE {clause} AND seq > 0 ORDER BY seq LIMIT 65536");
        let mut statement = journal.connection.prepare(&sql).unwrap();
        let plan = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
        let plan: Vec<String> = plan.map(|line| line.unwrap()).collect();
        assert!(plan.iter().any(|line| line.contains(expected)), "{filter:?}: {plan:#?}");
        assert!(!plan.iter().any(|line| line.starts_with("SCAN entry")), "{filter:?}: {plan:#?}");
    };
    check(Filter::default(), "USING INTEGER PRIMARY KEY");
    check(Filter { kinds: vec!["finding".into()], ..Filter::default() }, "entry_kind");
    check(Filter { detector: Some("outflow".into()), ..Filter::default() }, "entry_detector");
    check(Filter { incident: Some(3), ..Filter::default() }, "entry_incident");
    check(Filter { chain: Some(1), from_block: Some(100), to_block: Some(200), ..Filter::default() }, "entry_place");
    check(Filter { severity: Some(Severity::High), ..Filter::default() }, "entry_kind");
    check(Filter { desk_only: true, ..Filter::default() }, "entry_kind");
}

#[test]
fn a_line_tells_an_entry() {
    let disk = sample_on_disk();
    let journal = disk.open();
    let check = |seq: usize, expected: &str| {
        let mut rows = journal.entries(&Filter::default()).unwrap();
        let row = std::iter::from_fn(|| rows.next().unwrap()).nth(seq - 1).unwrap();
        assert_eq!(one_line(&row), expected);
    };
    let hash = |byte: u8| B256::repeat_byte(byte);
    let first = block(1, 100, 5).hash;
    check(1, &format!("       1  1970-01-01T00:00:00.010Z  input       plan is {}", hash(3)));
    check(2, &format!("       2  1970-01-01T00:00:00.011Z  input       detector outflow is {}", hash(7)));
    let told = format!("chain 1 block 100 {first}: 5 transactions, 5 logs");
    check(3, &format!("       3  1970-01-01T00:00:00.012Z  input       {told}"));
    check(8, "       8  1970-01-01T00:00:00.012Z  failed      broken: trap: unreachable");
    check(10, "      10  1970-01-01T00:00:00.012Z  incident    #1 high vault-drain: The vault is drained");
    let choices = "pause-vault permitted, pause-vault needs somebody, pause-vault denied";
    check(11, &format!("      11  1970-01-01T00:00:00.012Z  decision    #1.2 opened: {choices}"));
    check(16, "      16  1970-01-01T00:00:00.013Z  input       feed eth-usd = 3012.4500000000000000001");
    check(24, "      24  1970-01-01T00:00:00.021Z  input       chain 1 reverted 101, 100");
    check(26, "      26  1970-01-01T00:00:00.021Z  effect      #1 withdraw pause-vault");
}

#[test]
fn a_line_stays_one_line() {
    let event =
        Event::Observed { observation: observed("f", Value::Text("up\n      99  decision\u{1b}[2J\r\u{9b}".into())) };
    let entry = input(0, event);
    let line = one_line(&Row { seq: 1, cause: 1, at_ms: 0, hash: B256::ZERO, entry });
    assert_eq!(line, "       1  1970-01-01T00:00:00.000Z  input       feed f = up       99  decision [2J  ");
}
