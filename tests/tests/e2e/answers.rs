//! An answer by a channel is an ack of the person whom the plan has there: once, proved, and nothing more.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use watchfire_tests::anvil::{ALICE, Anvil, BOB, free_port};
use watchfire_tests::host::Host;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::services::{ROUTING_KEY, SLACK_TOKEN, Services, TELEGRAM_TOKEN, TOKEN, TWILIO_ACCOUNT};
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

fn hex_hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("form:").unwrap();
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap().to_owned()
}

#[tokio::test]
async fn slack_pagerduty_and_twilio_bring_answers_back_signed_and_once() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let services = Services::start().await.unwrap();
    let port = free_port().unwrap();
    let more = format!(
        "[channel.room]\nkind = 'slack'\nurl = '{}'\ntoken = '{SLACK_TOKEN}'\nanswer_secret = '{SECRET}'\n\n\
         [channel.pager]\nkind = 'pagerduty'\nurl = '{}'\ntoken = '{ROUTING_KEY}'\nanswer_secret = '{SECRET}'\n\n\
         [channel.texts]\nkind = 'twilio-sms'\nurl = '{}'\ntoken = '{TOKEN}'\naccount = '{TWILIO_ACCOUNT}'\nfrom = '+14155550100'\n\n\
         [answers]\nlisten = '127.0.0.1:{port}'\npublic_url = 'http://127.0.0.1:{port}'\nkey = '{}'\n",
        services.url("slack/api"),
        services.url("pagerduty"),
        services.url("twilio"),
        "0123456789abcdef".repeat(4),
    );
    let folder = Deployment { more, ..Deployment::of(anvil.url()) }.make().unwrap();
    let folder = folder.path();
    let plan = plan().split("[signal.blind]").next().unwrap().to_owned()
        + "\n[person.cy]\nname = \"Cy\"\nchannels = { urgent = [\"sms:+351 555 010 103\"] }\n\
           \n[escalation.on-call]\nseverities = [\"info\", \"low\", \"medium\", \"high\", \"critical\"]\n\
           steps = [{ who = [\"ana\", \"bo\", \"cy\"], ack_within_s = 3600 }]\n";
    let plan = plan.replace("phone:+351 555 010 101", "slack:U0ANA").replace("phone:+46 555 010 102", "pagerduty:PB0");
    std::fs::write(folder.join("response/plan.toml"), plan).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let button = |services: &Services| {
        let bodies = services.accepted("slack");
        let blocks = bodies.iter().flat_map(|body| body["blocks"].as_array().cloned().unwrap_or_default());
        let elements = blocks.flat_map(|block| block["elements"].as_array().cloned().unwrap_or_default());
        let mut presses = elements.filter(|element| element["action_id"] == "watchfire-ack");
        presses.next().and_then(|element| element["value"].as_str().map(str::to_owned))
    };
    host.until("all pages", |_| {
        button(&services).is_some()
            && !services.accepted("pagerduty").is_empty()
            && !services.accepted("twilio").is_empty()
    })
    .await
    .unwrap();
    let client = watchfire::http::client_builder().build().unwrap();
    let post = async |channel: &str, headers: &[(&str, String)], body: String| {
        let url = format!("http://127.0.0.1:{port}/answer/{channel}");
        let mut request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let now_s = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();

    let payload = json!({
        "type": "block_actions", "user": { "id": "U0ANA" }, "trigger_id": "1.2.ab",
        "actions": [{ "action_id": "watchfire-ack", "value": button(&services).unwrap() }],
    });
    let body = form(&[("payload", &payload.to_string())]);
    let slack = |at_s: u64, secret: &str| {
        let signature = format!("v0={}", hex_hmac(secret, &format!("v0:{at_s}:{body}")));
        [("x-slack-request-timestamp", at_s.to_string()), ("x-slack-signature", signature)]
    };
    assert_eq!(post("room", &slack(now_s(), "another"), body.clone()).await.0, 401);
    assert_eq!(post("room", &slack(now_s() - 400, SECRET), body.clone()).await.0, 401, "it is old");
    assert!(acts(&host).is_empty());
    for _ in 0..2 {
        assert_eq!(post("room", &slack(now_s(), SECRET), body.clone()).await.0, 200);
    }

    let key = services.accepted("pagerduty")[0]["dedup_key"].as_str().unwrap().to_owned();
    let at = watchfire_tests::services::rfc3339(now_s());
    let event = json!({ "event": {
        "id": "01E", "event_type": "incident.acknowledged", "occurred_at": at,
        "agent": { "id": "PB0", "type": "user_reference" }, "data": { "id": "Q1", "incident_key": key },
    }})
    .to_string();
    let pagerduty = |secret: &str| [("x-pagerduty-signature", format!("v1={}", hex_hmac(secret, &event)))];
    assert_eq!(post("pager", &pagerduty("another"), event.clone()).await.0, 401);
    for _ in 0..2 {
        assert_eq!(post("pager", &pagerduty(SECRET), event.clone()).await.0, 200);
    }

    let fields = [("Body", "ack 1"), ("From", "+351555010103"), ("MessageSid", "SM1")];
    let text = form(&fields);
    let twilio = |token: &str| {
        let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
        mac.update(format!("http://127.0.0.1:{port}/answer/texts").as_bytes());
        fields.iter().for_each(|(name, value)| mac.update(format!("{name}{value}").as_bytes()));
        [("x-twilio-signature", STANDARD.encode(mac.finalize().into_bytes()))]
    };
    assert_eq!(post("texts", &twilio("another"), text.clone()).await.0, 401);
    let first = post("texts", &twilio(TOKEN), text.clone()).await;
    assert!(first.0 == 200 && first.1.contains("You have incident 1"), "{first:?}");
    assert!(post("texts", &twilio(TOKEN), text.clone()).await.1.contains("taken already"));

    host.until("three acks", |lines| lines.iter().filter(|line| line["type"] == "act").count() == 3).await.unwrap();
    let by: Vec<String> = acts(&host).into_iter().map(|(by, proof)| format!("{by} {proof}")).collect();
    assert_eq!(
        by,
        ["ana slack/1.2.ab by channel room", "bo pagerduty/01E by channel pager", "cy twilio/SM1 by channel texts"]
    );
    host.stop().unwrap();
    expect_sound(folder).unwrap();
}
