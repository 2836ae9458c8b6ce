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
