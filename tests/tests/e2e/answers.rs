//! An answer by a channel is an ack of the person whom the plan has there: once, proved, and nothing more.

use serde_json::{Value, json};
use watchfire_tests::anvil::{ALICE, Anvil, BOB, free_port};
use watchfire_tests::host::Host;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::services::{Services, TELEGRAM_TOKEN, TOKEN};
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::{Deployment, ETHER, plan};

const SECRET: &str = "the secret of setWebhook";

fn acts(host: &Host) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = host.lines().into_iter().filter(|line| line["type"] == "act");
    lines.map(|line| (text(&line["act"]["by"]), text(&line["act"]["proof"]))).collect()
}

#[tokio::test]
async fn a_press_and_a_link_are_acks_once_and_of_the_right_person() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let services = Services::start().await.unwrap();
    let port = free_port().unwrap();
    let more = format!(
        "[channel.chat]\nkind = 'telegram'\nurl = '{}'\ntoken = '{TELEGRAM_TOKEN}'\nanswer_secret = '{SECRET}'\n\n\
         [channel.push]\nkind = 'ntfy'\nurl = '{}'\ntoken = '{TOKEN}'\n\n\
         [answers]\nlisten = '127.0.0.1:{port}'\npublic_url = 'http://127.0.0.1:{port}'\nkey = '{}'\n",
        services.url("telegram"),
        services.url("ntfy"),
        "0123456789abcdef".repeat(4),
    );
    let folder = Deployment { more, ..Deployment::of(anvil.url()) }.make().unwrap();
    let folder = folder.path();
    let plan = plan().split("[signal.blind]").next().unwrap().to_owned()
        + "\n[escalation.on-call]\nseverities = [\"info\", \"low\", \"medium\", \"high\", \"critical\"]\n\
           steps = [{ who = [\"ana\", \"bo\"], ack_within_s = 3600 }]\n";
    let plan = plan.replace("phone:+351 555 010 101", "telegram:42").replace("phone:+46 555 010 102", "ntfy:bo");
    std::fs::write(folder.join("response/plan.toml"), plan).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until("both pages", |_| !services.accepted("telegram").is_empty() && !services.accepted("ntfy").is_empty())
        .await
        .unwrap();

    let client = watchfire::http::client_builder().build().unwrap();
    let button = services.accepted("telegram")[0]["reply_markup"]["inline_keyboard"][0][0]["callback_data"].clone();
    let press = async |id: &str, from: i64, secret: &str| {
        let update = json!({ "update_id": 1, "callback_query": { "id": id, "from": { "id": from }, "data": button } });
        let request = client.post(format!("http://127.0.0.1:{port}/answer/chat")).json(&update);
        let answer = request.header("x-telegram-bot-api-secret-token", secret).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(press("1", 42, "another secret").await.0, 401);
    let stranger = press("2", 99, SECRET).await;
    assert!(stranger.1.contains("nobody at this address"), "{stranger:?}");
    assert!(acts(&host).is_empty());
    let (status, said) = press("3", 42, SECRET).await;
    assert!(status == 200 && said.contains("answerCallbackQuery") && said.contains("You have incident 1"), "{said}");
    host.until("the ack", |lines| lines.iter().any(|line| line["type"] == "act")).await.unwrap();
    assert_eq!(acts(&host), [("ana".to_owned(), "telegram/3 by channel chat".to_owned())]);
    assert!(press("3", 42, SECRET).await.1.contains("taken already"));

    // The same after a restart: what was taken stands in the journal.
    host.kill();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("the plan", |lines| lines.iter().any(|line| line["type"] == "plan")).await.unwrap();
    assert!(press("3", 42, SECRET).await.1.contains("taken already"));
    assert!(acts(&host).is_empty());

    // A scanner that follows the link has nothing; whoever presses its button has the incident, once.
    let link = services.accepted("ntfy")[0]["actions"][0]["url"].as_str().unwrap().to_owned();
    let shown = client.get(&link).send().await.unwrap();
    assert!(shown.status().is_success() && shown.text().await.unwrap().contains("I have it"));
    assert!(acts(&host).is_empty());
    let pressed = client.post(&link).send().await.unwrap();
    assert!(pressed.status().is_success(), "{}", pressed.text().await.unwrap());
    host.until("the ack", |lines| lines.iter().any(|line| line["type"] == "act")).await.unwrap();
    assert!(
        matches!(acts(&host).as_slice(), [(by, proof)] if by == "bo" && proof.starts_with("link/")),
        "{:?}",
        acts(&host)
    );
    assert_eq!(client.post(&link).send().await.unwrap().status().as_u16(), 409);
    let forged = link.replace("/a/1.", "/a/2.");
    assert_eq!(client.post(&forged).send().await.unwrap().status().as_u16(), 404);
    host.stop().unwrap();
    expect_sound(folder).unwrap();
}
