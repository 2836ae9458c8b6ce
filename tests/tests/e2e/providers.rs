//! Services that are slow, want to be left alone, lose what they accepted, stop by themselves, or say everything twice: each is
//! decided on, and somebody is paged.

use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use watchfire_tests::anvil::free_port;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::services::{ROUTING_KEY, SLACK_TOKEN, Services, TELEGRAM_TOKEN, TOKEN, rfc3339};
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::plan;

const SECRET: &str = "the secret of the subscription";
/// Generous: CI is slow.
const WITHIN: Duration = Duration::from_secs(90);

/// A host whose Ana is paged by the first addresses and whose Bo by the second, with a Slack room.
struct Stage {
    services: Services,
    folder: TempDir,
    port: u16,
}

impl Stage {
    async fn set(ana: &str, bo: &str, ack_within_s: u64, timeout_ms: u64) -> Self {
        let (services, port) = (Services::start().await.unwrap(), free_port().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "[plan]\npath = 'response'\n\n[delivery]\nurgent_deadline_s = 2\n\n\
             [channel.pager]\nkind = 'pagerduty'\nurl = '{}'\ntoken = '{ROUTING_KEY}'\nanswer_secret = '{SECRET}'\n\
             timeout_ms = {timeout_ms}\n\n\
             [channel.chat]\nkind = 'telegram'\nurl = '{}'\ntoken = '{TELEGRAM_TOKEN}'\ntimeout_ms = {timeout_ms}\n\n\
             [channel.push]\nkind = 'ntfy'\nurl = '{}'\ntoken = '{TOKEN}'\n\n\
             [channel.room]\nkind = 'slack'\nurl = '{}'\ntoken = '{SLACK_TOKEN}'\nroom = 'slack:C0ROOM'\nthrottle_s = 0\n\n\
             [answers]\nlisten = '127.0.0.1:{port}'\npublic_url = 'http://127.0.0.1:{port}'\nkey = '{}'\n",
            services.url("pagerduty"),
            services.url("telegram"),
            services.url("ntfy"),
            services.url("slack/api"),
            "0123456789abcdef".repeat(4),
        );
        std::fs::create_dir(folder.path().join("response")).unwrap();
        std::fs::write(folder.path().join("watchfire.toml"), config).unwrap();
        let text = plan().split("[signal.blind]").next().unwrap().replace("\"phone:+351 555 010 101\"", ana);
        let ladder = format!(
            "\n[escalation.on-call]\nseverities = [\"info\", \"low\", \"medium\", \"high\", \"critical\"]\n\
             steps = [{{ who = [\"ana\"], ack_within_s = {ack_within_s} }}, {{ who = [\"bo\"], ack_within_s = 3600 }}]\n"
        );
        let text = text.replace("\"phone:+46 555 010 102\"", bo) + &ladder;
        std::fs::write(folder.path().join("response/plan.toml"), text).unwrap();
        Self { services, folder, port }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn host(&self) -> Host {
        let mut host = Host::start(self.folder(), &[]).unwrap();
        host.until_within("the plan", WITHIN, |lines| lines.iter().any(|line| line["type"] == "plan")).await.unwrap();
        host
    }

    fn ask(&self, args: &[&str]) -> String {
        let output = watchfire(self.folder(), args).unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}: {said}");
        said
    }

    fn open(&self) {
        let args = ["incident", "open", "--signal", "drain", "--title", "the vault leaks", "--severity", "critical"];
        self.ask(&[&args[..], &["--by", "ana"]].concat());
    }

    /// PagerDuty says that somebody did something about a key. Returns the status of the host's answer.
    async fn pagerduty_says(&self, id: &str, what: &str, user: &str, key: &str) -> u16 {
        let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let event = json!({ "event": {
            "id": id, "event_type": format!("incident.{what}"), "occurred_at": rfc3339(now_s),
            "agent": { "id": user, "type": "user_reference" }, "data": { "id": "Q1", "incident_key": key },
        }})
        .to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(event.as_bytes());
        let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let client = watchfire::http::client_builder().build().unwrap();
        let request = client.post(format!("http://127.0.0.1:{}/answer/pager", self.port)).body(event);
        request.header("x-pagerduty-signature", format!("v1={signature}")).send().await.unwrap().status().as_u16()
    }

    /// Keys that PagerDuty was told to page for, each once, in order.
    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for body in self.services.accepted("pagerduty") {
            let key = body["dedup_key"].as_str().unwrap().to_owned();
            if body["event_action"] == "trigger" && !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}

/// Addresses of the pages that were ordered, in order.
fn paged(lines: &[Value]) -> Vec<String> {
    let pages = lines.iter().filter(|line| line["type"] == "effect" && line["effect"] == "page");
    pages.map(|page| page["channel"].as_str().unwrap().to_owned()).collect()
}

fn acts(lines: &[Value]) -> usize {
    lines
        .iter()
        .filter(|line| {
            line["type"] == "act" && line["act"]["proof"].as_str().is_some_and(|proof| proof.starts_with("pagerduty/"))
        })
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_acknowledges_in_pagerduty_stops_no_page() {
    let stage = Stage::set("\"pagerduty:PANA\"", "\"pagerduty:PBO\"", 3_600, 10_000).await;
    let mut host = stage.host().await;
    stage.open();
    host.until_within("her page", WITHIN, |_| stage.keys().len() == 1).await.unwrap();
    let first = stage.keys()[0].clone();

    // PagerDuty pages nobody any more, and the plan knows nobody who has it: she is paged anew, by a key that nobody acknowledged.
    for _ in 0..2 {
        assert_eq!(stage.pagerduty_says("01A", "acknowledged", "PSTRANGER", &first).await, 200);
    }
    host.until_within("a second key", WITHIN, |_| stage.keys().len() == 2).await.unwrap();
    let second = stage.keys()[1].clone();
    assert_eq!(second, format!("{first}-1"));
    assert_eq!(paged(&host.lines()), ["pagerduty:PANA", "pagerduty:PANA"]);
    let said = |services: &Services| {
        let told = services.messages("slack");
        told.iter().any(|text| text.contains("pagerduty:PSTRANGER acknowledged it") && text.contains("nobody has"))
    };
    host.until_within("the room hears why", WITHIN, |_| said(&stage.services)).await.unwrap();
    assert_eq!(acts(&host.lines()), 0);

    // Whoever resolves it there has not answered either. What is said of the key of before is old.
    assert_eq!(stage.pagerduty_says("01B", "resolved", "PANA", &second).await, 200);
    host.until_within("a third key", WITHIN, |_| stage.keys().len() == 3).await.unwrap();
    assert_eq!(stage.pagerduty_says("01C", "acknowledged", "PSTRANGER", &first).await, 200);
    // She answers, by the key that rang last; the callback comes twice, and counts once.
    let third = stage.keys()[2].clone();
    let (one, other) = tokio::join!(
        stage.pagerduty_says("01D", "acknowledged", "PANA", &third),
        stage.pagerduty_says("01D", "acknowledged", "PANA", &third)
    );
    assert_eq!((one, other), (200, 200));
    host.until_within("her ack", WITHIN, |lines| acts(lines) > 0).await.unwrap();
    assert_eq!(stage.pagerduty_says("01E", "acknowledged", "PSTRANGER", &third).await, 200);
    assert_eq!((acts(&host.lines()), stage.keys().len()), (1, 3), "{:?}", stage.keys());
    assert_eq!(paged(&host.lines()).len(), 3);

    // What was opened is resolved, all of it.
    stage.ask(&["incident", "false-positive", "1", "--by", "ana", "--why", "an exercise"]);
    if !stage.services.alerts().values().all(|status| status == "resolve") {
        // It takes a second human where an intervention falls with it.
        let _ = watchfire(stage.folder(), &["incident", "second", "1", "1", "--by", "bo"]).unwrap();
    }
    let is_over = |services: &Services| services.alerts().values().filter(|status| *status == "resolve").count() == 3;
    host.until_within("the end", WITHIN, |_| is_over(&stage.services)).await.unwrap();
    host.stop().unwrap();
    expect_sound(stage.folder()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_accepts_late_is_passed_by_and_rings_once() {
    let stage = Stage::set("\"telegram:42\", \"ntfy:ana\"", "\"ntfy:bo\"", 3_600, 30_000).await;
    // It takes the page at once, and says so long after the deadline.
    stage.services.answer_late("telegram", Duration::from_secs(6));
    let mut host = stage.host().await;
    stage.open();
    host.until_within("her next channel", WITHIN, |_| !stage.services.accepted("ntfy").is_empty()).await.unwrap();
    assert_eq!(paged(&host.lines()), ["telegram:42", "ntfy:ana"]);
    let arrived = |lines: &[Value]| {
        lines.iter().any(|line| {
            line["type"] == "delivered" && line["delivery"]["arrived"] == true && line.to_string().contains("chat")
        })
    };
    host.until_within("that it arrived after all", WITHIN, arrived).await.unwrap();
    assert_eq!(paged(&host.lines()), ["telegram:42", "ntfy:ana"], "nobody else is woken");
    let pages = stage.services.accepted("telegram");
    assert_eq!(pages.iter().filter(|page| page["chat_id"] == "42").count(), 1, "{pages:?}");
    host.stop().unwrap();
    expect_sound(stage.folder()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_too_slow_to_answer_is_asked_again_under_the_same_key() {
    let stage = Stage::set("\"pagerduty:PANA\"", "\"ntfy:bo\"", 3_600, 500).await;
    stage.services.answer_late("pagerduty", Duration::from_secs(5));
    let mut host = stage.host().await;
    stage.open();
    // It has the page, which the host can't know: she has no other channel, and the next person is paged.
    host.until_within("the next person", WITHIN, |_| !stage.services.accepted("ntfy").is_empty()).await.unwrap();
    host.until_within("two attempts", WITHIN, |_| stage.services.accepted("pagerduty").len() >= 2).await.unwrap();
    stage.services.answer_late("pagerduty", Duration::ZERO);
    let arrived = |lines: &[Value]| {
        lines.iter().any(|line| {
            line["type"] == "delivered" && line["delivery"]["arrived"] == true && line.to_string().contains("pager")
        })
    };
    host.until_within("that it arrived", WITHIN, arrived).await.unwrap();
    assert_eq!(stage.keys().len(), 1, "however often it is sent, it is one alert");
    host.stop().unwrap();
    expect_sound(stage.folder()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_wants_an_hour_is_left_alone_and_passed_by() {
    let stage = Stage::set("\"telegram:42\", \"ntfy:ana\"", "\"ntfy:bo\"", 3_600, 10_000).await;
    stage.services.answer_next("telegram", 429, Some("3600"));
    let mut host = stage.host().await;
    stage.open();
    host.until_within("her next channel", WITHIN, |_| !stage.services.accepted("ntfy").is_empty()).await.unwrap();
    assert_eq!(paged(&host.lines()), ["telegram:42", "ntfy:ana"]);
    let late: Vec<Value> = host.lines().into_iter().filter(|line| line["type"] == "delivered").collect();
    assert!(late.iter().any(|line| line.to_string().contains("429")), "{late:?}");
    // Attempts without such an answer come after 1, 2 and 4 s.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.services.asked("telegram").len(), 1, "it is not asked before its hour is over");
    // A restart forgets nothing of that.
    host.kill();
    let host = stage.host().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stage.services.asked("telegram").len(), 1);
    host.stop().unwrap();
    expect_sound(stage.folder()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_accepts_and_loses_costs_the_time_of_a_step() {
    let stage = Stage::set("\"telegram:42\"", "\"ntfy:bo\"", 3, 10_000).await;
    let mut host = stage.host().await;
    stage.open();
    // The page is accepted, and nobody ever sees it.
    host.until_within("the next step", WITHIN, |_| !stage.services.accepted("ntfy").is_empty()).await.unwrap();
    assert_eq!(paged(&host.lines()), ["telegram:42", "ntfy:bo"]);
    let timeline = |kind: &str| host.lines().iter().filter(|line| line["told"] == kind).count();
    assert_eq!((timeline("unanswered"), timeline("unreached")), (1, 0), "it counts as delivered, and as not answered");
    host.stop().unwrap();
    expect_sound(stage.folder()).unwrap();
}
