//! The outbox: what is due where and in which order, and what is reported of each delivery, once.

use std::collections::BTreeSet;

use super::*;
use crate::fact::Delivery;

fn key(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

fn page(severity: Severity, channel: &str) -> Effect {
    let (person, text) = ("ana".to_owned(), "Incident 1".to_owned());
    Effect::Page { incident: 1, severity, person, channel: channel.to_owned(), text, brief: None }
}

fn withdraw() -> Effect {
    Effect::Withdraw { incident: 1, intervention: "pause".into(), text: "it is over".into() }
}

/// Key bytes of what is due on a channel, with how often each was tried.
fn due(journal: &Journal, channel: &str, now_ms: u64) -> Vec<(u8, u32)> {
    let of = |urgency| journal.outbox_due(channel, urgency, now_ms, 10, &BTreeSet::new()).unwrap();
    Urgency::ALL.into_iter().flat_map(of).map(|out| (out.key[0], out.attempts)).collect()
}

fn input_of(delivery: Delivery) -> Entry {
    input(1, Event::Delivered { delivery })
}

#[test]
fn an_effect_waits_on_each_channel_until_it_arrives() {
    let mut journal = Journal::in_memory().unwrap();
    journal.append(&ordered(9, notify(1))).unwrap();
    journal.set_channels(vec![channel("a", None), channel("b", None)]);
    for key in [1, 2, 1] {
        journal.append(&ordered(key, notify(1))).unwrap();
    }
    assert_eq!(due(&journal, "a", 0), [], "nothing goes out before it is durable");
    journal.commit().unwrap();
    assert_eq!(due(&journal, "a", 0), [(1, 0), (2, 0)]);
    let none = BTreeSet::new();
    assert_eq!(journal.outbox_due("a", Urgency::Routine, 0, 1, &none).unwrap().len(), 1);
    journal.outbox_failed("a", key(1), 500, "503 from the receiver").unwrap();
    assert_eq!(due(&journal, "a", 499), [(2, 0)]);
    assert_eq!(due(&journal, "a", 500), [(2, 0), (1, 1)], "what was due first goes first");
    assert_eq!(journal.outbox_waiting("a", key(1)).unwrap().unwrap().error.as_deref(), Some("503 from the receiver"));
    journal.outbox_delivered("a", key(1), 600).unwrap();
    assert_eq!(due(&journal, "a", 1_000), [(2, 0)]);
    assert_eq!(journal.outbox_waiting("a", key(1)).unwrap(), None);
    assert_eq!((journal.outbox_count("a").unwrap(), journal.outbox_count("b").unwrap()), (1, 2));
    assert_eq!(journal.outbox_count("c").unwrap(), 0);
    // Ordered again after it arrived: it does not go out twice.
    journal.append(&ordered(1, notify(1))).unwrap();
    journal.commit().unwrap();
    assert_eq!(due(&journal, "a", 1_000), [(2, 0)]);
}

#[test]
fn the_gravest_go_first_whatever_waits_before_them() {
    let mut journal = Journal::in_memory().unwrap();
    journal.set_channels(vec![channel("a", None)]);
    let effects = [
        notify(1),
        page(Severity::Info, "phone:1"),
        page(Severity::High, "phone:1"),
        withdraw(),
        page(Severity::Critical, "phone:1"),
        page(Severity::Critical, "phone:2"),
    ];
    for (at, effect) in effects.into_iter().enumerate() {
        journal.append(&ordered(at as u8 + 1, effect)).unwrap();
    }
    journal.commit().unwrap();
    let order: Vec<u8> = due(&journal, "a", 0).into_iter().map(|(key, _)| key).collect();
    assert_eq!(order, [5, 6, 3, 4, 2, 1]);
}

#[test]
fn what_is_under_way_takes_nobodys_place() {
    let mut journal = Journal::in_memory().unwrap();
    journal.set_channels(vec![channel("a", None)]);
    for at in 1..=12 {
        journal.append(&ordered(at, notify(1))).unwrap();
    }
    journal.commit().unwrap();
    let under_way: BTreeSet<B256> = [1, 2, 3, 4, 7].into_iter().map(key).collect();
    let due = journal.outbox_due("a", Urgency::Routine, 0, 4, &under_way).unwrap();
    assert_eq!(due.iter().map(|out| out.key[0]).collect::<Vec<_>>(), [5, 6, 8, 9]);
}

#[test]
fn a_page_goes_to_channels_of_its_scheme_only() {
    let mut journal = Journal::in_memory().unwrap();
    journal.set_channels(vec![channel("calls", Some(&["phone", "sms"])), channel("chat", Some(&["signal"]))]);
    let effects = [
        page(Severity::High, "Phone:+41 1"),
        page(Severity::High, "signal:ana"),
        page(Severity::High, "fax:1"),
        notify(1),
    ];
    for (at, effect) in effects.into_iter().enumerate() {
        journal.append(&ordered(at as u8 + 1, effect)).unwrap();
    }
    journal.commit().unwrap();
    assert_eq!((due(&journal, "calls", 0), due(&journal, "chat", 0)), (vec![(1, 0), (4, 0)], vec![(2, 0), (4, 0)]));
    assert_eq!(journal.outbox_uncarried(10).unwrap(), [key(3)]);
    journal.append(&input_of(Delivery::failed(key(3), "no channel carries it".into()))).unwrap();
    assert!(journal.outbox_uncarried(10).unwrap().is_empty(), "it is reported once");
    // Without channels, deliveries are not the host's.
    journal.set_channels(Vec::new());
    journal.append(&ordered(9, page(Severity::High, "phone:1"))).unwrap();
    assert_eq!(journal.reported(key(9)).unwrap(), None);
    assert!(journal.outbox_uncarried(10).unwrap().is_empty());
}

#[test]
fn what_came_of_an_effect_is_reported_once_also_after_a_restart() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    journal.set_channels(vec![channel("a", None), channel("b", None)]);
    journal.append(&ordered(1, page(Severity::High, "phone:1"))).unwrap();
    journal.append(&ordered(2, notify(1))).unwrap();
    let overdue = |journal: &Journal, ordered_ms| {
        let of = |urgency| journal.outbox_overdue(urgency, ordered_ms, 10).unwrap();
        (of(Urgency::Urgent), of(Urgency::Routine))
    };
    let at_ms = journal.newest_ms();
    assert_eq!(overdue(&journal, at_ms), (vec![key(1)], vec![key(2)]));
    assert_eq!(journal.reported(key(1)).unwrap(), Some(Reported::Nothing));
    journal.append(&input_of(Delivery::failed(key(1), "500".into()))).unwrap();
    journal.commit().unwrap();
    drop(journal);

    let mut journal = disk.open();
    journal.set_channels(vec![channel("a", None), channel("b", None)]);
    assert_eq!(overdue(&journal, at_ms), (vec![], vec![key(2)]));
    assert_eq!(journal.reported(key(1)).unwrap(), Some(Reported::Undelivered));
    // Given up on one channel, it may still arrive on the other; on both, it is lost.
    journal.outbox_given_up("a", key(1), 9, "500").unwrap();
    assert_eq!(due(&journal, "a", 1_000), [(2, 0)]);
    assert!(!journal.is_lost(key(1)).unwrap());
    journal.outbox_given_up("b", key(1), 9, "500").unwrap();
    assert!(journal.is_lost(key(1)).unwrap());
    journal.append(&input_of(Delivery::given_up(key(1), "500".into()))).unwrap();
    assert!(!journal.is_lost(key(1)).unwrap(), "it is reported once");
    assert_eq!(journal.reported(key(1)).unwrap(), Some(Reported::GivenUp));
    journal.append(&input_of(Delivery::arrived(key(2), "a accepted it".into()))).unwrap();
    assert_eq!(journal.reported(key(2)).unwrap(), Some(Reported::Delivered));
}

/// Nobody may end the attempts at an effect behind the record's back.
#[test]
fn an_effect_that_is_given_up_by_no_input_is_found() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    journal.set_channels(vec![channel("a", None), channel("b", None)]);
    journal.append(&ordered(1, notify(1))).unwrap();
    journal.append(&input_of(Delivery::failed(key(1), "500".into()))).unwrap();
    let found = |journal: &Journal| {
        let differs = journal.verify_tables(|_| {}).unwrap();
        differs.into_iter().map(|one| format!("{}: {}", one.table, one.what)).collect::<Vec<_>>()
    };
    assert_eq!(found(&journal), [""; 0]);
    journal.outbox_given_up("a", key(1), 9, "500").unwrap();
    assert_eq!(found(&journal), [""; 0], "the other still tries");
    journal.outbox_given_up("b", key(1), 9, "500").unwrap();
    let told = found(&journal);
    assert!(told.len() == 1 && told[0].starts_with("outbox: ") && told[0].contains("given up"), "{told:?}");
    journal.append(&input_of(Delivery::given_up(key(1), "500".into()))).unwrap();
    assert_eq!(found(&journal), [""; 0]);
    journal.commit().unwrap();
    disk.raw().execute_batch("UPDATE delivery SET reported = 'delivered'").unwrap();
    let told = found(&journal);
    assert!(
        told.len() == 1 && told[0].starts_with("delivery: ") && told[0].contains("counts as delivered"),
        "{told:?}"
    );
}

/// 14 ms a call with 12,800 rows that wait, before there was a range of the index for it.
#[test]
fn what_is_due_is_found_without_reading_what_waits() {
    let mut journal = Journal::in_memory().unwrap();
    journal.set_channels(vec![channel("a", None)]);
    journal.append(&ordered(1, notify(1))).unwrap();
    journal.commit().unwrap();
    let sql = "EXPLAIN QUERY PLAN SELECT key, seq, attempts FROM outbox WHERE channel = ?1 AND rank = ?2 AND \
               next_attempt_ms <= ?3 AND delivered_at_ms IS NULL AND given_up_at_ms IS NULL AND seq <= ?4 \
               ORDER BY next_attempt_ms, seq LIMIT ?5";
    let plan: Vec<String> = journal.all(sql, params!["a", 0, 0, 0, 0], |row| row.get(3)).unwrap();
    assert_eq!(plan, ["SEARCH outbox USING INDEX outbox_due (channel=? AND rank=? AND next_attempt_ms<?)"]);
}

#[test]
fn a_trigger_that_somebody_put_into_the_file_delivers_nothing() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    disk.raw()
        .execute_batch("CREATE TRIGGER quiet AFTER INSERT ON outbox BEGIN UPDATE outbox SET delivered_at_ms = 1; END")
        .unwrap();
    journal.set_channels(vec![channel("a", None)]);
    journal.append(&ordered(1, notify(1))).unwrap();
    journal.commit().unwrap();
    assert_eq!(due(&journal, "a", 0), [(1, 0)], "of a host that runs already");
    drop(journal);
    let refused = Journal::open(&disk.path()).map(drop).unwrap_err().to_string();
    assert!(refused.contains("it has a trigger `quiet`"), "{refused}");
    assert!(Journal::open_existing_read_only(&disk.path()).is_err(), "nor is it read");
}

#[test]
fn what_has_no_place_on_a_channel_leaves_it() {
    let mut journal = Journal::in_memory().unwrap();
    let people = |name: &str| Channel { hears: Hears::People, ..channel(name, Some(&["sms"])) };
    journal.set_channels(vec![people("a"), people("b")]);
    let remind = Effect::Remind { incident: 1, whom: vec!["ana".into()], text: "say how it stands".into() };
    for (at, effect) in [remind, notify(1), Effect::UpdateRisk { incident: 1, risk: "r".into(), text: "t".into() }]
        .into_iter()
        .enumerate()
    {
        journal.append(&ordered(at as u8 + 1, effect)).unwrap();
    }
    journal.commit().unwrap();
    assert_eq!(due(&journal, "a", 0), [(2, 0), (1, 0)], "a register is no reading for people");
    let of = |journal: &Journal, byte: u8| -> Ordered {
        let all = Urgency::ALL
            .into_iter()
            .flat_map(|urgency| journal.outbox_due("b", urgency, 0, 9, &BTreeSet::new()).unwrap());
        all.into_iter().find(|out| out.key == key(byte)).unwrap().effect
    };
    for byte in [1, 2] {
        let effect = of(&journal, byte);
        journal.outbox_not_here("a", &effect).unwrap();
        assert!(!journal.outbox_uncarried(10).unwrap().contains(&key(byte)), "another channel may have a place");
        journal.outbox_not_here("b", &effect).unwrap();
    }
    assert_eq!(
        journal.outbox_uncarried(10).unwrap(),
        [key(1)],
        "a reminder that reaches nobody is lost; a notice is not"
    );
    assert!(journal.outbox_overdue(Urgency::Routine, 1 << 40, 10).unwrap().is_empty());
}

#[test]
fn what_is_put_off_was_not_tried() {
    let mut journal = Journal::in_memory().unwrap();
    journal.set_channels(vec![channel("a", None)]);
    journal.append(&ordered(1, notify(1))).unwrap();
    journal.commit().unwrap();
    journal.outbox_put_off("a", key(1), 500).unwrap();
    assert_eq!((due(&journal, "a", 499), due(&journal, "a", 500)), (vec![], vec![(1, 0)]));
}

#[test]
fn the_newest_message_at_an_address_is_known() {
    let mut journal = Journal::in_memory().unwrap();
    let posted =
        |address: &str, receipt: &str| Posted { address: address.into(), key: key(1), receipt: receipt.into() };
    for (incident, one) in [
        (1, posted("slack:a", "1")),
        (1, posted("slack:b", "2")),
        (1, posted("slack:a", "3")),
        (2, posted("slack:a", "4")),
    ] {
        journal.note_posted("chat", incident, &one, 5).unwrap();
    }
    assert_eq!(journal.posted("chat", 1).unwrap(), [posted("slack:a", "3"), posted("slack:b", "2")]);
    assert_eq!(journal.posted("other", 1).unwrap(), []);
}

#[test]
fn an_answer_is_known_by_what_proves_it() {
    let mut journal = Journal::in_memory().unwrap();
    let act = |proof: &str| crate::operator::Act {
        by: "ana".into(),
        proof: proof.into(),
        protocol: String::new(),
        incident: Some(1),
        seen: None,
        signed: None,
        deed: crate::operator::Deed::Note { text: "\"proof\":\"slack/9 ".into(), kind: Default::default() },
    };
    journal.append(&input(1, Event::Act { act: act("slack/1.2 by channel ops") })).unwrap();
    assert!(journal.has_act_proved_by("slack/1.2").unwrap());
    assert!(!journal.has_act_proved_by("slack/1").unwrap(), "not by a part of it");
    assert!(!journal.has_act_proved_by("slack/9").unwrap(), "nor by what somebody wrote");
}
