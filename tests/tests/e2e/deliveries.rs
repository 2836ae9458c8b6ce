//! What comes of a delivery is an input: a page that no receiver takes goes to the next channel and the next person, once,
//! whatever becomes of the host meanwhile.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncReadExt;
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::fact::Delivery;
use watchfire::journal::Filter;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::receiver::Receiver;
use watchfire_tests::story::{expect_sound, journal};
use watchfire_tests::watch::{Deployment, ETHER, plan};

/// Ana is called first, then written to; Bo, the next person, hears by another service.
const LADDER: &str = r#"
[escalation.on-call]
severities = ["info", "low", "medium", "high", "critical"]
steps = [{ who = ["ana"], ack_within_s = 3600 }, { who = ["bo"], ack_within_s = 3600 }]
"#;

fn with_ladder() -> String {
    let plan = plan();
    // Findings about the watch itself are no part of it: a dead webhook would be another incident with other pages.
    let plan = plan.split("[signal.blind]").next().unwrap();
    let plan = plan.replace("[\"phone:+351 555 010 101\"]", "[\"phone:+351 555 010 101\", \"sms:+351 555 010 101\"]");
    plan.replace("phone:+46 555 010 102", "signal:bo") + LADDER
}

fn deployment(endpoint: String, receiver: &Receiver, delivery: &str) -> Deployment {
    let (calls, chat) = (receiver.url("calls"), receiver.url("chat"));
    let more = format!(
        "[webhook.calls]\nurl = \"{calls}\"\nschemes = [\"phone\", \"sms\"]\n\n\
         [webhook.chat]\nurl = \"{chat}\"\nschemes = [\"signal\"]\n\n[delivery]\n{delivery}\n"
    );
    Deployment { more, ..Deployment::of(endpoint) }
}

/// Whom the host has paged, in order, by channel.
fn paged(lines: &[Value]) -> Vec<String> {
    let pages = lines.iter().filter(|line| line["type"] == "effect" && line["effect"] == "page");
    pages.map(|page| page["channel"].as_str().unwrap().to_owned()).collect()
}

fn of_type(lines: &[Value], kind: &str) -> Vec<Value> {
    lines.iter().filter(|line| line["type"] == kind).cloned().collect()
}

/// What the journal has of each effect's delivery: reports that it was late, that it arrived, that it was given up.
fn reports(folder: &Path) -> BTreeMap<String, [usize; 3]> {
    let journal = journal(folder).unwrap();
    let mut rows = journal.entries(&Filter::default()).unwrap();
    let mut reports: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        match row.entry {
            Entry::Effect(ordered) => drop(reports.entry(ordered.key.to_string()).or_default()),
            Entry::Input(Stamped { event: Event::Delivered { delivery }, .. }) => {
                let Delivery { key, arrived, given_up, .. } = delivery;
                let which = if arrived { 1 } else { 2 * usize::from(given_up) };
                reports.entry(key.to_string()).or_default()[which] += 1;
            }
            _ => {}
        }
    }
    reports
}

#[tokio::test]
async fn a_page_that_no_receiver_takes_goes_to_the_next_channel_and_person_once() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("calls", 500);
    let folder = deployment(anvil.url(), &receiver, "urgent_deadline_s = 2").make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("response/plan.toml"), with_ladder()).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();

    // Her phone is not reached: she is written to.
    host.until("the second channel", |lines| paged(lines).len() == 2).await.unwrap();
    assert_eq!(paged(&host.lines()), ["phone:+351 555 010 101", "sms:+351 555 010 101"]);
    let late: Vec<Value> =
        of_type(&host.lines(), "delivered").into_iter().filter(|line| line["delivery"]["arrived"] == false).collect();
    assert_eq!(late.len(), 1, "{late:?}");
    let answer = late[0]["delivery"]["answer"].as_str().unwrap();
    assert!(answer.starts_with("calls: http://127.0.0.1:") && answer.contains("answered 500"), "{answer}");

    // Killed while the second page is under way. The first is tried on, and not reported again.
    host.kill();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("the next person", |lines| paged(lines).len() == 1).await.unwrap();
    assert_eq!(paged(&host.lines()), ["signal:bo"]);
    let is_dead = |over: bool| {
        move |lines: &[Value]| {
            let coverage = of_type(lines, "coverage").into_iter().map(|line| line["coverage"].clone());
            coverage
                .filter(|of| of["kind"] == "channel-dead" && of["subject"] == "webhook/calls")
                .any(|of| of["over"] == over)
        }
    };
    host.until("a finding that the webhook is dead", is_dead(false)).await.unwrap();
    let accepted = receiver.accepted("chat");
    let pages: Vec<&Value> = accepted.iter().filter(|body| body["effect"] == "page").collect();
    assert_eq!(pages.len(), 1, "each webhook is given pages of its own schemes only: {pages:?}");
    assert_eq!(pages[0]["person"], "bo");
    assert!(receiver.accepted("calls").is_empty());

    // `show` names the pages that nobody has, and each delivery in full.
    let show = |more: &[&str]| {
        let shown = watchfire(folder, &[&["incident", "show", "1"], more].concat()).unwrap();
        String::from_utf8_lossy(&shown.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let shown = show(&[]);
    for part in ["Pages that did not arrive", "page to Ana by sms:+351 555 010 101: NOT delivered at", "answered 500"] {
        assert!(shown.contains(part), "`{part}` is missing in {shown}");
    }
    // What arrived is noted a moment later.
    let until = Instant::now() + Duration::from_secs(90);
    while !show(&["--full"]).contains("page to Bo by signal:bo: arrived at") {
        assert!(Instant::now() < until, "{}", show(&["--full"]));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    // The receiver is mended: what waited arrives, late, and that it is dead is taken back.
    receiver.answer("calls", 200);
    host.until_within("the webhook works again", Duration::from_secs(60), is_dead(true)).await.unwrap();
    let both = |lines: &[Value]| {
        let arrived = of_type(lines, "delivered").into_iter().filter(|line| line["delivery"]["arrived"] == true);
        let answers: Vec<String> = arrived.map(|line| line["delivery"]["answer"].to_string()).collect();
        answers.iter().filter(|answer| answer.contains("calls")).count() >= 2
    };
    host.until_within("both pages", Duration::from_secs(60), both).await.unwrap();
    let late: Vec<Value> = receiver.accepted("calls").into_iter().filter(|body| body["effect"] == "page").collect();
    let mut channels: Vec<&str> = late.iter().map(|body| body["channel"].as_str().unwrap()).collect();
    channels.sort_unstable();
    assert_eq!(channels, ["phone:+351 555 010 101", "sms:+351 555 010 101"]);
    assert!(!show(&[]).contains("did not arrive"), "late is not lost: {}", show(&[]));
    host.stop().unwrap();

    let reports = reports(folder);
    assert!(reports.len() > 3, "{reports:?}");
    for (key, [late, arrived, given_up]) in &reports {
        assert_eq!((*arrived, *given_up), (1, 0), "{key} arrived, which was reported once: {reports:?}");
        assert!(*late <= 1, "{key} was reported late {late} times");
    }
    assert_eq!(reports.values().filter(|[late, ..]| *late == 1).count(), 2, "both pages were late: {reports:?}");
    expect_sound(folder).unwrap();
}

#[tokio::test]
async fn an_effect_that_nobody_takes_is_given_up_at_its_age() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("calls", 500);
    receiver.answer("chat", 503);
    let times = "urgent_deadline_s = 1\ndeadline_s = 1\ngive_up_after_s = 5";
    let folder = deployment(anvil.url(), &receiver, times).make().unwrap();
    let folder = folder.path();
    // Bo hears by fax, which no webhook carries.
    std::fs::write(folder.join("response/plan.toml"), with_ladder().replace("signal:bo", "fax:bo")).unwrap();
    let checked = watchfire(folder, &["check"]).unwrap();
    let warned = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(warned.contains("person.bo.channels") && warned.contains("no channel carries `fax`"), "{warned}");
    assert!(!warned.contains("carries `phone`"), "{warned}");

    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let given_up = |lines: &[Value]| {
        of_type(lines, "delivered").iter().filter(|line| line["delivery"]["given_up"] == true).count()
    };
    // Two pages, and at least that it was opened.
    host.until("three given up", move |lines| given_up(lines) >= 3).await.unwrap();
    let unreached = of_type(&host.lines(), "timeline").into_iter().filter(|line| line["told"] == "unreached");
    let texts: Vec<String> = unreached.map(|line| line["text"].as_str().unwrap().to_owned()).collect();
    assert!(texts.iter().any(|text| text == "the page to Bo did not arrive: no channel carries it"), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("Nobody can be paged for incident 1")), "{texts:?}");
    host.stop().unwrap();
    // Who was to be paged, by what, and why that failed, is said of each.
    let shown = watchfire(folder, &["incident", "show", "1", "--format", "json"]).unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let states = shown["deliveries"].as_array().unwrap().iter();
    let pages: Vec<&Value> = states.filter(|one| one["effect"] == "page").collect();
    let people: Vec<&str> = pages.iter().map(|page| page["person"].as_str().unwrap()).collect();
    assert_eq!(people, ["ana", "ana", "bo"]);
    for page in &pages {
        assert!(page["state"].as_str().unwrap().starts_with("NOT delivered at "), "{page}");
    }
    let reports = reports(folder);
    for (key, [late, arrived, given_up]) in &reports {
        assert!(*late <= 1 && *arrived == 0 && *given_up <= 1, "{key}: {reports:?}");
    }
    expect_sound(folder).unwrap();
}

/// Takes what is posted and never answers. Returns its port, and the bodies as they come.
async fn hanging_receiver() -> (u16, tokio::sync::mpsc::UnboundedReceiver<Value>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (seen, bodies) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut text = Vec::new();
                while stream.read_buf(&mut text).await.is_ok_and(|read| read > 0) {
                    let body = text.windows(4).position(|four| four == b"\r\n\r\n").map(|at| &text[at + 4..]);
                    if let Some(body) = body.and_then(|body| serde_json::from_slice(body).ok()) {
                        // The test may be over.
                        let _ = seen.send(body);
                    }
                }
            });
        }
    });
    (port, bodies)
}

#[tokio::test]
async fn deliveries_that_hang_hold_up_no_critical_page() {
    let (port, mut bodies) = hanging_receiver().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("response")).unwrap();
    std::fs::write(folder.join("response/plan.toml"), with_ladder()).unwrap();
    let config = format!(
        "[plan]\npath = \"response\"\n\n[webhook.ops]\nurl = \"http://127.0.0.1:{port}/hook\"\ntimeout_ms = 60000\n"
    );
    std::fs::write(folder.join("watchfire.toml"), config).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("the plan", |lines| !of_type(lines, "plan").is_empty()).await.unwrap();
    let open = |severity: &str| {
        let args = ["incident", "open", "--signal", "drain", "--title", "an exercise", "--severity", severity];
        let opened = watchfire(folder, &[&args[..], &["--by", "ana"]].concat()).unwrap();
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    };
    // More pages and notices than are under way at once: none of them is answered.
    (0..10).for_each(|_| open("low"));
    open("critical");
    let critical = async {
        while let Some(body) = bodies.recv().await {
            if body["effect"] == "page" && body["severity"] == "critical" {
                return;
            }
        }
        panic!("the receiver ended");
    };
    let seen = tokio::time::timeout(Duration::from_secs(20), critical).await;
    assert!(seen.is_ok(), "no critical page within 20 s:\n{}", host.log());
    host.stop().unwrap();
}
