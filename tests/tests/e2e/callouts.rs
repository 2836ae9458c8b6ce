//! A callout reaches people by the channels of a night, and writes down who answered.

use std::time::Duration;

use serde_json::{Value, json};
use watchfire_tests::anvil::free_port;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::services::{Services, TELEGRAM_TOKEN, TOKEN};
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::plan;

const SECRET: &str = "the secret of setWebhook";

#[tokio::test(flavor = "multi_thread")]
async fn a_callout_says_who_answered_and_writes_it_into_the_plan() {
    let services = Services::start().await.unwrap();
    let port = free_port().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_owned();
    let config = format!(
        "[plan]\npath = 'response'\n\n\
         [channel.chat]\nkind = 'telegram'\nurl = '{}'\ntoken = '{TELEGRAM_TOKEN}'\nanswer_secret = '{SECRET}'\n\n\
         [channel.push]\nkind = 'ntfy'\nurl = '{}'\ntoken = '{TOKEN}'\n\n\
         [answers]\nlisten = '127.0.0.1:{port}'\npublic_url = 'http://127.0.0.1:{port}'\nkey = '{}'\n",
        services.url("telegram"),
        services.url("ntfy"),
        "0123456789abcdef".repeat(4),
    );
    std::fs::create_dir(folder.join("response")).unwrap();
    std::fs::write(folder.join("watchfire.toml"), config).unwrap();
    let text = plan()
        .replace("\"phone:+351 555 010 101\"", "\"telegram:42\", \"ntfy:ana\"")
        .replace("phone:+46 555 010 102", "ntfy:bo");
    std::fs::write(folder.join("response/plan.toml"), &text).unwrap();
    // Bo's topic is gone: he is called by nothing.
    services.close("ntfy", "bo");
    let calling = {
        let folder = folder.clone();
        let args = ["callout", "--role", "guardian", "--wait-min", "1", "--verify", "--format", "json"];
        tokio::task::spawn_blocking(move || watchfire(&folder, &args).unwrap())
    };
    let called = async {
        while services.accepted("telegram").is_empty() || services.accepted("ntfy").is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), called).await.unwrap();
    let page = &services.accepted("telegram")[0];
    let said = page["text"].as_str().unwrap();
    assert!(said.contains("TEST: ") && !said.contains("incident ack"), "{said}");
    let button = page["reply_markup"]["inline_keyboard"][0][0]["callback_data"].clone();
    let client = watchfire::http::client_builder().build().unwrap();
    let press = async |from: i64, secret: &str| {
        let update = json!({ "update_id": 1, "callback_query": { "id": "7", "from": { "id": from }, "data": button } });
        let request = client.post(format!("http://127.0.0.1:{port}/answer/chat")).json(&update);
        request.header("x-telegram-bot-api-secret-token", secret).send().await.unwrap().text().await.unwrap()
    };
    assert!(press(42, "another").await.contains("refused"));
    assert!(press(42, SECRET).await.contains("You were reached"));
    assert!(press(42, SECRET).await.contains("taken already"));
    let link = services.accepted("ntfy")[0]["actions"][0]["url"].as_str().unwrap().to_owned();
    assert!(client.post(&link).send().await.unwrap().status().is_success());

    let output = calling.await.unwrap();
    let lines: Vec<Value> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(output.status.code(), Some(1), "bo was not reached: {lines:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not reached: bo"));
    let of = |person: &str| lines.iter().filter(|line| line["person"] == person).collect::<Vec<_>>();
    assert!(of("ana").iter().all(|line| line["answered_s"].is_u64() && line["refused"].is_null()), "{lines:?}");
    assert!(of("bo")[0]["refused"].as_str().unwrap().contains("403"), "{lines:?}");
    let after = std::fs::read_to_string(folder.join("response/plan.toml")).unwrap();
    let ana = after.split("[person.bo]").next().unwrap();
    assert!(ana.contains("verified_at = 20"), "{after}");
    assert_eq!(after.matches("verified_at").count(), text.matches("verified_at").count() + 1, "{after}");
}

/// A time of day in UTC, one minute ago, and today: a callout that is due now.
fn just_now() -> (String, String) {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(1);
    (then.strftime("%Y-%m-%d").to_string(), then.strftime("%H:%M").to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_calls_people_out_by_the_plans_calendar_and_reports_who_was_reached() {
    let services = Services::start().await.unwrap();
    let port = free_port().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = format!(
        "[plan]\npath = 'response'\n\n\
         [channel.push]\nkind = 'ntfy'\nurl = '{}'\ntoken = '{TOKEN}'\n\n\
         [answers]\nlisten = '127.0.0.1:{port}'\npublic_url = 'http://127.0.0.1:{port}'\nkey = '{}'\n",
        services.url("ntfy"),
        "0123456789abcdef".repeat(4),
    );
    std::fs::create_dir(folder.join("response")).unwrap();
    std::fs::write(folder.join("watchfire.toml"), config).unwrap();
    let (day, time) = just_now();
    let text = plan().replace("phone:+351 555 010 101", "ntfy:ana").replace("phone:+46 555 010 102", "ntfy:bo")
        + &format!(
            "\n[callout.quarterly]\nwho = [\"guardian\"]\nstarts = {day}\ntime_zone = \"UTC\"\nat = \"{time}\"\nwait_s = 20\n"
        );
    std::fs::write(folder.join("response/plan.toml"), &text).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    let within = Duration::from_secs(90);
    let pages = || services.accepted("ntfy").into_iter().filter(|page| page.to_string().contains("TEST: "));
    let called = async {
        while pages().count() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(within, called).await.unwrap();
    // Ana answers by her link; Bo sleeps.
    let anas = pages().find(|page| page["topic"] == "ana").unwrap();
    let link = anas["actions"][0]["url"].as_str().unwrap().to_owned();
    let client = watchfire::http::client_builder().build().unwrap();
    assert!(client.post(&link).send().await.unwrap().status().is_success());
    let is_of = |line: &Value, person: &str| line["type"] == "finding" && line.to_string().contains(person);
    host.until_within("that bo was not reached", within, |lines| {
        lines.iter().any(|line| is_of(line, "callout-unanswered") && is_of(line, "Bo was not reached"))
    })
    .await
    .unwrap();
    let noted =
        |lines: &[Value]| lines.iter().any(|line| line["type"] == "noted" && line.to_string().contains("called-out"));
    host.until_within("the note", within, noted).await.unwrap();
    let verified = async {
        loop {
            let now = std::fs::read_to_string(folder.join("response/plan.toml")).unwrap();
            if now.split("[person.bo]").next().unwrap().contains("verified_at = 20") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(within, verified).await.unwrap();

    // Somebody asks a host that runs: it calls, and hears the answer.
    let before = pages().count();
    let asking = {
        let folder = folder.to_owned();
        let args = ["callout", "--person", "bo", "--wait-min", "1", "--format", "json"];
        tokio::task::spawn_blocking(move || watchfire(&folder, &args).unwrap())
    };
    let called = async {
        while pages().count() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(within, called).await.unwrap();
    let link = pages().next_back().unwrap()["actions"][0]["url"].as_str().unwrap().to_owned();
    assert!(client.post(&link).send().await.unwrap().status().is_success());
    let output = asking.await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    host.until_within("that bo was reached", within, |lines| {
        lines.iter().any(|line| line["type"] == "retraction" && line.to_string().contains("was reached"))
    })
    .await
    .unwrap();
    // Once in a quarter: a restart within the hour calls nobody again.
    host.stop().unwrap();
    let before = pages().count();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_within("the plan", within, |lines| lines.iter().any(|line| line["type"] == "plan")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(pages().count(), before);
    let report = watchfire(folder, &["callout", "--report", "--format", "json"]).unwrap();
    let lines: Vec<Value> =
        String::from_utf8_lossy(&report.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |person: &str| lines.iter().find(|line| line["person"] == person).unwrap();
    assert_eq!((&of("ana")["called"], &of("ana")["reached"]), (&json!(1), &json!(1)), "{lines:?}");
    assert_eq!((&of("bo")["called"], &of("bo")["reached"]), (&json!(2), &json!(1)), "{lines:?}");
    assert_eq!(report.status.code(), Some(0));
    host.stop().unwrap();
    expect_sound(folder).unwrap();
}
