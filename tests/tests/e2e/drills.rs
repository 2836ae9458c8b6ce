//! A drill of people goes by the channels of a running host: marked wherever it is read, answered as in earnest, and nothing of it
//! could be carried out. What is to be done afterwards is in the register, and its owner is reminded.

use std::time::Duration;

use serde_json::{Value, json};
use watchfire_tests::anvil::free_port;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::receiver::Receiver;
use watchfire_tests::services::{Services, TELEGRAM_TOKEN, TOKEN};
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::plan;

const SECRET: &str = "the secret of setWebhook";
/// Generous: CI is slow.
const WITHIN: Duration = Duration::from_secs(90);

const LADDER: &str = r#"
[escalation.on-call]
severities = ["info", "low", "medium", "high", "critical"]
steps = [{ who = ["ana"], ack_within_s = 3600 }, { who = ["bo"], ack_within_s = 3600 }]
"#;

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(WITHIN, waiting).await.is_ok(), "never within {WITHIN:?}: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_drilled_by_their_own_channels_and_nothing_else_happens() {
    let (services, receiver) = (Services::start().await.unwrap(), Receiver::start().await.unwrap());
    let port = free_port().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = format!(
        "[plan]\npath = 'response'\n\n\
         [channel.chat]\nkind = 'telegram'\nurl = '{}'\ntoken = '{TELEGRAM_TOKEN}'\nanswer_secret = '{SECRET}'\n\n\
         [channel.push]\nkind = 'ntfy'\nurl = '{}'\ntoken = '{TOKEN}'\n\n\
         [webhook.ops]\nurl = '{}'\n\n\
         [answers]\nlisten = '127.0.0.1:{port}'\npublic_url = 'http://127.0.0.1:{port}'\nkey = '{}'\n",
        services.url("telegram"),
        services.url("ntfy"),
        receiver.url("ops"),
        "0123456789abcdef".repeat(4),
    );
    std::fs::create_dir(folder.join("response")).unwrap();
    std::fs::write(folder.join("watchfire.toml"), config).unwrap();
    let text = plan().replace("phone:+351 555 010 101", "telegram:42").replace("phone:+46 555 010 102", "ntfy:bo");
    let text = text.split("[signal.blind]").next().unwrap().to_owned() + LADDER;
    std::fs::write(folder.join("response/plan.toml"), &text).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_within("the plan", WITHIN, |lines| lines.iter().any(|line| line["type"] == "plan")).await.unwrap();
    let ask = |args: &[&str]| {
        let output = watchfire(folder, args).unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}: {said}");
        said
    };

    let begun = ask(&["drill", "--live", "--signal", "drain", "--title", "the vault leaks", "--by", "bo", "--no-wait"]);
    assert!(begun.contains("drill 1 has begun"), "{begun}");
    until("her page", || !services.accepted("telegram").is_empty()).await;
    let page = services.accepted("telegram")[0].clone();
    let said = page["text"].as_str().unwrap();
    assert!(said.starts_with("DRILL: ") && said.contains("the vault leaks"), "{said}");
    // She answers by the button, as on any night.
    let button = page["reply_markup"]["inline_keyboard"][0][0]["callback_data"].clone();
    let update = json!({ "update_id": 1, "callback_query": { "id": "7", "from": { "id": 42 }, "data": button } });
    let client = watchfire::http::client_builder().build().unwrap();
    let request = client.post(format!("http://127.0.0.1:{port}/answer/chat")).json(&update);
    let answered =
        request.header("x-telegram-bot-api-secret-token", SECRET).send().await.unwrap().text().await.unwrap();
    assert!(answered.contains("You have incident 1"), "{answered}");
    // Nobody is told how it would be carried out.
    ask(&["incident", "decide", "1", "pause", "--why", "it leaks", "--by", "bo"]);
    let done = ask(&["incident", "done", "1", "1", "--by-what", "an exercise", "--by", "ana"]);
    assert!(done.contains("pause"), "{done}");
    assert!(ask(&["incident", "list"]).contains("DRILL: the vault leaks"));

    // A page in earnest does not wait for the drill's, and does not stand behind it.
    ask(&["incident", "open", "--signal", "drain", "--title", "this is real", "--severity", "critical", "--by", "bo"]);
    until("the real page", || {
        services.accepted("telegram").iter().any(|sent| {
            sent["text"].as_str().is_some_and(|text| text.contains("this is real") && !text.contains("DRILL"))
        })
    })
    .await;
    ask(&["incident", "decide", "2", "pause", "--why", "it leaks", "--by", "bo"]);
    until("what is to be carried out", || receiver.accepted("ops").iter().any(|body| body["effect"] == "carry-out"))
        .await;
    until("both at the webhook", || {
        receiver.accepted("ops").iter().filter(|body| body["effect"] == "page").count() >= 2
    })
    .await;
    let told = receiver.accepted("ops");
    let of_drill: Vec<&Value> = told.iter().filter(|body| body["drill"] == true).collect();
    assert!(!of_drill.is_empty());
    for body in &of_drill {
        let text = body["text"].as_str().unwrap();
        assert!(text.starts_with("DRILL: ") && body["dry_run"] == true, "{body}");
        assert!(["page", "notify", "remind"].contains(&body["effect"].as_str().unwrap()), "{body}");
    }
    assert!(told.iter().any(|body| body["effect"] == "carry-out" && body["incident"] == 2), "{told:?}");
    assert!(!services.accepted("telegram").iter().any(|sent| {
        let text = sent.to_string();
        text.contains("DRILL") && text.contains("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
    }));

    // What is to be done goes into the timeline and the register, and its owner hears of it as the day comes near.
    let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let day = day.strftime("%Y-%m-%d").to_string();
    let closing = ["incident", "close", "1", "--by", "bo"];
    let early = watchfire(folder, &closing).unwrap();
    assert!(String::from_utf8_lossy(&early.stderr).contains("what is to be done"), "{early:?}");
    let what = "Give Bo a second phone (a cheap one)";
    let action =
        ["incident", "action", "1", "lone-phone", "--what", what, "--owner", "bo", "--due", &day, "--by", "ana"];
    assert!(ask(&action).contains("risk.lone-phone"), "{action:?}");
    let register = std::fs::read_to_string(folder.join("response/risks.toml")).unwrap();
    assert!(register.contains(&format!("due = {day}")) && register.contains("incidents = [1]"), "{register}");
    ask(&closing);
    let record: Value = serde_json::from_str(&ask(&["drill", "--live", "--record", "1", "--format", "json"])).unwrap();
    let of = |id: &str| record["participants"].as_array().unwrap().iter().find(|one| one["person"] == id).unwrap();
    assert!(of("ana")["answered_s"].is_u64() && of("ana")["pages"][0]["channel"] == "telegram:42", "{record}");
    assert!(of("bo")["pages"].as_array().unwrap().is_empty(), "{record}");
    assert_eq!(record["actions"][0], json!({ "what": what, "risk": "lone-phone", "owner": "bo", "due": day }));
    assert!(record["ended_ms"].is_u64() && !record["gaps"].as_array().unwrap().is_empty(), "{record}");
    let report = ask(&["drill", "--live", "--record", "1"]);
    assert!(report.contains("## Participants") && report.contains("- [ ] Give Bo"), "{report}");
    until("the reminder", || {
        services
            .accepted("ntfy")
            .iter()
            .any(|sent| sent.to_string().contains("Reminder: ") && sent.to_string().contains("Give Bo"))
    })
    .await;
    host.stop().unwrap();
    expect_sound(folder).unwrap();
}

/// What is played: it grows grave, part of it is taken back, and what people and channels do is left to themselves.
const EXERCISE: &str = r#"
[drill]
name = "The treasury leaks"
summary = "Small at first, and then everything. Does anybody stop it?"
starts = 2026-11-02T03:00:00Z
ends_after_s = 600

[[at]]
after_s = 0
note = "A stranger tries the lock"
finding = { name = "first", detector = "outflow", kind = "large-outflow", severity = "high", title = "12 ETH left the treasury", chain = 31337, subject = "address:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", condition = "first", amounts = { native = "12000000000000000000" } }

[[at]]
after_s = 80
act = { by = "ana", act = "ack" }

[[at]]
after_s = 100
finding = { detector = "outflow", kind = "large-outflow", severity = "critical", title = "300 ETH left the treasury", chain = 31337, subject = "address:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", condition = "second", amounts = { native = "300000000000000000000" } }

[[at]]
after_s = 160
note = "The first was an own transfer"
retract = "first"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_drills_file_is_played_to_people_who_answer_and_its_record_says_how_it_went() {
    let services = Services::start().await.unwrap();
    let port = free_port().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_owned();
    let config = format!(
        "[plan]\npath = 'response'\n\n\
         [channel.chat]\nkind = 'telegram'\nurl = '{}'\ntoken = '{TELEGRAM_TOKEN}'\nanswer_secret = '{SECRET}'\nthrottle_s = 0\n\n\
         [channel.push]\nkind = 'ntfy'\nurl = '{}'\ntoken = '{TOKEN}'\n\n\
         [answers]\nlisten = '127.0.0.1:{port}'\npublic_url = 'http://127.0.0.1:{port}'\nkey = '{}'\n",
        services.url("telegram"),
        services.url("ntfy"),
        "0123456789abcdef".repeat(4),
    );
    std::fs::create_dir(folder.join("response")).unwrap();
    std::fs::write(folder.join("watchfire.toml"), config).unwrap();
    std::fs::write(folder.join("exercise.toml"), EXERCISE).unwrap();
    let text = plan().replace("phone:+351 555 010 101", "telegram:42").replace("phone:+46 555 010 102", "ntfy:bo");
    let ladder = LADDER.replacen("ack_within_s = 3600", "ack_within_s = 2", 1);
    let text = text.split("[signal.blind]").next().unwrap().to_owned() + &ladder;
    std::fs::write(folder.join("response/plan.toml"), &text).unwrap();
    let mut host = Host::start(&folder, &[]).unwrap();
    host.until_within("the plan", WITHIN, |lines| lines.iter().any(|line| line["type"] == "plan")).await.unwrap();
    let ask = |args: &[&str]| {
        let output = watchfire(&folder, args).unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}: {said}");
        said
    };

    // The command follows the drill to its end, twenty times as fast as in the file.
    let played = {
        let folder = folder.clone();
        let args =
            ["drill", "--live", "exercise.toml", "--by", "bo", "--speed", "20", "--for-min", "5", "--format", "json"];
        tokio::task::spawn_blocking(move || watchfire(&folder, &args).unwrap())
    };
    let pages = |title: &str| {
        let sent = services.accepted("telegram").into_iter();
        sent.filter(|sent| sent["text"].as_str().is_some_and(|text| text.contains(title))).collect::<Vec<_>>()
    };
    until("her page, by the drill's first finding", || !pages("12 ETH left the treasury").is_empty()).await;
    let first = pages("12 ETH left the treasury")[0].clone();
    assert!(first["text"].as_str().unwrap().starts_with("DRILL: "), "{first}");
    // She sleeps: the other one, who is asked to decide, has a link, and answers by it.
    until("what he is asked", || !services.accepted("ntfy").is_empty()).await;
    let his = services.accepted("ntfy")[0].clone();
    assert!(his["title"].as_str().unwrap().starts_with("DRILL: "), "{his}");
    let client = watchfire::http::client_builder().build().unwrap();
    let link = his["actions"][0]["url"].as_str().unwrap().to_owned();
    assert!(client.post(&link).send().await.unwrap().status().is_success());
    // It grows grave in its course, whoever has it: people are paged again, and now she answers by her button.
    until("her page, by the second", || !pages("paged again").is_empty()).await;
    let second = pages("paged again").remove(0);
    assert!(second["text"].as_str().unwrap().starts_with("DRILL: "), "{second}");
    let button = second["reply_markup"]["inline_keyboard"][0][0]["callback_data"].clone();
    let update = json!({ "update_id": 1, "callback_query": { "id": "9", "from": { "id": 42 }, "data": button } });
    let request = client.post(format!("http://127.0.0.1:{port}/answer/chat")).json(&update);
    let answered =
        request.header("x-telegram-bot-api-secret-token", SECRET).send().await.unwrap().text().await.unwrap();
    assert!(answered.contains("You have incident 1"), "{answered}");
    // The plan permitted it beforehand.
    ask(&["incident", "done", "1", "1", "--by-what", "an exercise", "--by", "ana"]);
    host.until_within("what the file takes back", WITHIN, |lines| {
        lines.iter().any(|line| line["type"] == "timeline" && line.to_string().contains("was an own transfer"))
    })
    .await
    .unwrap();

    // What was learned goes into the register before it can end.
    let day = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 60)).strftime("%Y-%m-%d").to_string();
    let what = "Let her phone ring through its silence";
    let action = ["incident", "action", "1", "slept", "--what", what, "--owner", "ana", "--due", &day, "--by", "bo"];
    ask(&action);
    ask(&["incident", "close", "1", "--by", "bo"]);
    let output = played.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    for words in ["is played in 3 parts", "1 of what somebody does", "drill 1 has begun", "A stranger tries the lock"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&record["incident"], &record["by"]), (&json!(1), &json!("bo")));
    assert!(record["title"].as_str().unwrap().contains("ETH left the treasury"), "{record}");
    let of = |id: &str| record["participants"].as_array().unwrap().iter().find(|one| one["person"] == id).unwrap();
    for (person, channel) in [("ana", "telegram:42"), ("bo", "ntfy:bo")] {
        let one = of(person);
        assert!(one["answered_s"].is_u64() && !one["acts"].as_array().unwrap().is_empty(), "{one}");
        let page = &one["pages"][0];
        assert!(page["channel"] == channel && page["heard"].as_str().unwrap().starts_with("arrived"), "{one}");
    }
    assert!(of("ana")["pages"].as_array().unwrap().len() >= 2, "{record}");
    let time = |of: &str| {
        let times = record["times"].as_array().unwrap().iter();
        times.filter(|time| time[0] == of).find_map(|time| time[1].as_u64())
    };
    let order = ["opened", "first page", "answered", "ended"].map(time);
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{record}");
    let gaps = record["gaps"].to_string();
    assert!(gaps.contains("never contained"), "{gaps}");
    assert_eq!(record["actions"], json!([{ "what": what, "risk": "slept", "owner": "ana", "due": day }]));
    let register = std::fs::read_to_string(folder.join("response/risks.toml")).unwrap();
    let entry = register.split("[risk.slept]").nth(1).unwrap();
    assert!(entry.contains(&format!("due = {day}")) && entry.contains("owner = \"ana\""), "{register}");
    // The same record, later and from the journal alone.
    host.stop().unwrap();
    let again: Value = serde_json::from_str(&ask(&["drill", "--live", "--record", "1", "--format", "json"])).unwrap();
    assert_eq!(again, record);
    expect_sound(&folder).unwrap();
}
