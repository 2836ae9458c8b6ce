//! What leaves by a channel fits its service, arrives once, and is resolved where it was opened.

use std::path::Path;

use serde_json::Value;
use watchfire::deliver::channel::{Brief, ChannelConfig, Intent, Letter, Made, make};
use watchfire::effect::{Effect, Notice, Ordered};
use watchfire::finding::Severity;
use watchfire::incident::IncidentState;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::outlets::{Alertmanager, Mail, Rsyslog, Tls};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::services::{ROUTING_KEY, SLACK_TOKEN, Services, TELEGRAM_TOKEN, TOKEN, TWILIO_ACCOUNT};
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::{Deployment, ETHER, plan};

/// What somebody may have named a token: mentions, markup and links of every service.
const HOSTILE: &str =
    "<!channel> @everyone <@U1> </b><script> [x](https://evil.example) *b* `c` &amp; \u{202e}evil.example";

fn letter(intent: Intent, address: &str, title: &str) -> Letter {
    let severity = Severity::Critical;
    let text = format!("Incident 7 (critical): {title}");
    let effect = match intent {
        Intent::Page => {
            Effect::Page { incident: 7, severity, person: "ana".into(), channel: address.into(), text, brief: None }
        }
        Intent::Tell | Intent::Remind => {
            Effect::Notify { incident: 7, severity, what: Notice::Opened, text, brief: None }
        }
        Intent::Update => Effect::Notify { incident: 7, severity, what: Notice::Changed, text, brief: None },
        Intent::Resolve => Effect::Notify { incident: 7, severity, what: Notice::Ended, text, brief: None },
    };
    let people =
        [("ana".to_owned(), watchfire::deliver::channel::Contact { name: "Ana".into(), ..Default::default() })];
    Letter {
        ordered: Ordered { key: [7; 32].into(), at_ms: 1_796_000_000_000, dry_run: false, drill: false, effect },
        intent,
        address: address.to_owned(),
        brief: Brief {
            incident: 7,
            protocol: "Harbor".into(),
            title: title.to_owned(),
            severity,
            state: if intent == Intent::Resolve { IncidentState::Closed } else { IncidentState::Active },
            in_time: "In time: pause (20 s, if guardian decides now)".into(),
            acked_by: None,
            opened_at_ms: 1_796_000_000_000,
            mark: "ab".repeat(32),
            round: 0,
            people: people.into_iter().collect(),
        },
        more: 0,
        earlier: None,
        is_test: false,
        answer_url: None,
        answer_token: None,
        now_ms: 1_796_000_000_000,
    }
}

fn made(toml: &str) -> Made {
    let config: ChannelConfig = toml::from_str(toml).unwrap();
    match make(&config, Path::new(".")) {
        Ok(made) => made,
        Err((key, message)) => panic!("{key}: {message}"),
    }
}

/// Each channel of the kit, with an address on it.
fn all(services: &Services) -> Vec<(&'static str, &'static str, String)> {
    let (token, twilio) = (
        format!("token = '{TOKEN}'"),
        format!("token = '{TOKEN}'\naccount = '{TWILIO_ACCOUNT}'\nfrom = '+14155550100'"),
    );
    let kind = |kind: &str, path: &str, more: &str| format!("kind = '{kind}'\nurl = '{}'\n{more}", services.url(path));
    vec![
        ("pagerduty", "pagerduty:ana", kind("pagerduty", "pagerduty", &format!("token = '{ROUTING_KEY}'"))),
        ("slack", "slack:U0ANA", kind("slack", "slack/api", &format!("token = '{SLACK_TOKEN}'"))),
        ("slack", "slack:U0ANA", kind("slack", "slack/services/T0/B0/secret", "")),
        ("discord", "discord:123456789", kind("discord", "discord/api/webhooks/1/secret", "")),
        ("telegram", "telegram:42", kind("telegram", "telegram", &format!("token = '{TELEGRAM_TOKEN}'"))),
        ("twilio", "sms:+351 555 010 101", kind("twilio-sms", "twilio", &twilio)),
        ("twilio", "phone:+351 555 010 101", kind("twilio-voice", "twilio", &twilio)),
        ("ntfy", "ntfy:guardians", kind("ntfy", "ntfy", &token)),
        ("matrix", "matrix:!room:harbor.example", kind("matrix", "matrix", &token)),
        ("oncall", "oncall:", kind("grafana-oncall", "oncall/integrations/v1/formatted_webhook/secret/", "")),
        ("incident-io", "incident-io:", kind("incident-io", "incident-io/v2/alert_events/http/1", &token)),
    ]
}

#[tokio::test]
async fn each_service_takes_any_text_in_its_limits_and_without_its_mentions() {
    let services = Services::start().await.unwrap();
    let long = format!("{HOSTILE} ").repeat(400);
    for (service, address, config) in all(&services) {
        let made = made(&config);
        for title in ["Funds leave the vault", HOSTILE, &long] {
            let letter = letter(Intent::Page, address, title);
            let sent = made.service.send(&letter).await;
            assert!(sent.is_ok(), "{service} {config}: {sent:?}");
        }
        let sent: String = services.accepted(service).iter().map(Value::to_string).collect();
        for forbidden in ["\u{202e}", "https://evil", "evil.example"] {
            assert!(!sent.contains(forbidden), "{service} was given {forbidden}: {sent}");
        }
        let has_markup = ["slack", "discord", "telegram"].contains(&service) || address.starts_with("phone:");
        let marks = ["<!channel>", "<script>", "</b><"]
            .iter()
            .any(|mark| services.accepted(service).last().unwrap().to_string().contains(mark));
        assert!(!(has_markup && marks), "{service} was given markup: {sent}");
        assert!(sent.contains("Funds leave the vault"), "{service}: {sent}");
        let is_alert = ["oncall", "incident-io", "twilio"].contains(&service);
        assert!(is_alert || sent.contains("ack 7 --by ana"), "{service} says how to answer: {sent}");
    }
    let discord = services.accepted("discord");
    assert!(discord.iter().all(|body| body["allowed_mentions"]["parse"] == serde_json::json!([])), "{discord:?}");
    assert!(
        discord[0]["content"].as_str().unwrap().starts_with("<@123456789> "),
        "who is meant is mentioned: {discord:?}"
    );
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_will_not() {
    let services = Services::start().await.unwrap();
    for (service, address, config) in all(&services) {
        let made = made(&config);
        let letter = letter(Intent::Page, address, "Funds leave the vault");
        services.answer_next(service, 429, Some("7"));
        let slow = made.service.send(&letter).await.unwrap_err();
        assert_eq!((slow.retry_after_ms, slow.is_final), (Some(7_000), false), "{service}: {slow}");
        services.answer_next(service, 503, None);
        let down = made.service.send(&letter).await.unwrap_err();
        assert_eq!((down.retry_after_ms, down.is_final), (None, false), "{service}: {down}");
        services.answer_next(service, 403, None);
        let refused = made.service.send(&letter).await.unwrap_err();
        assert!(refused.is_final && refused.message.contains("403"), "{service}: {refused}");
        assert!(
            ![ROUTING_KEY, SLACK_TOKEN, TELEGRAM_TOKEN, TOKEN, "secret"]
                .iter()
                .any(|key| refused.message.contains(key)),
            "{refused}"
        );
        assert!(made.service.send(&letter).await.is_ok(), "{service}");
    }
    // The account is wrong: no attempt helps.
    let wrong = made(&format!("kind = 'slack'\nurl = '{}'\ntoken = 'xoxb-other'", services.url("slack/api")));
    let refused = wrong.service.send(&letter(Intent::Page, "slack:U0ANA", "x")).await.unwrap_err();
    assert!(refused.is_final && refused.message.contains("invalid_auth"), "{refused}");
}

#[tokio::test]
async fn what_was_opened_is_resolved_in_its_place() {
    let services = Services::start().await.unwrap();
    for (service, address, config) in all(&services) {
        let made = made(&config);
        let sent = made.service.send(&letter(Intent::Page, address, "Funds leave the vault")).await.unwrap();
        // The same again, as after an answer that was lost on its way.
        let again = made.service.send(&letter(Intent::Page, address, "Funds leave the vault")).await.unwrap();
        let before = services.messages(service).len();
        let over = Letter {
            earlier: Some(again.receipt.clone()),
            ..letter(Intent::Resolve, address, "Funds leave the vault")
        };
        made.service.send(&over).await.unwrap();
        let messages = services.messages(service);
        match sent.receipt.as_str() {
            "" if ["pagerduty", "oncall", "incident-io"].contains(&service) => {
                let alerts: Vec<_> = services.alerts().into_values().collect();
                assert_eq!(alerts, ["resolve"], "{service}: three events by one key are one alert");
            }
            _ if ["twilio", "ntfy"].contains(&service) => {
                assert_eq!(messages.len(), before + 1, "{service} says it anew");
            }
            "" => assert_eq!(messages.len(), before + 1, "{service} says it anew"),
            _ => {
                assert_eq!(messages.len(), before, "{service} is edited: {messages:?}");
                let plain = messages.last().unwrap().replace('\\', "");
                assert!(plain.contains("It is over: Funds leave the vault (incident 7, "), "{service}: {messages:?}");
            }
        }
    }
}

const LADDER: &str = r#"
[escalation.on-call]
severities = ["info", "low", "medium", "high", "critical"]
steps = [{ who = ["ana"], ack_within_s = 3600 }]
"#;

fn with_addresses(urgent: &str) -> String {
    let plan = plan().split("[signal.blind]").next().unwrap().replace("\"phone:+351 555 010 101\"", urgent);
    plan.replace("phone:+46 555 010 102", "telegram:43") + LADDER
}

fn channels(services: &Services) -> String {
    format!(
        "[channel.pager]\nkind = 'pagerduty'\nurl = '{}'\ntoken = '{ROUTING_KEY}'\n\n\
         [channel.chat]\nkind = 'telegram'\nurl = '{}'\ntoken = '{TELEGRAM_TOKEN}'\n\n\
         [channel.room]\nkind = 'slack'\nurl = '{}'\ntoken = '{SLACK_TOKEN}'\nroom = 'slack:C0ROOM'\n\n\
         [delivery]\nurgent_deadline_s = 20\n",
        services.url("pagerduty"),
        services.url("telegram"),
        services.url("slack/api"),
    )
}

#[tokio::test]
async fn a_run_pages_by_scheme_goes_on_where_it_is_refused_and_resolves_what_it_opened() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let services = Services::start().await.unwrap();
    // The bot was taken out of her chat: the next channel is tried at once, not after a deadline.
    services.close("telegram", "42");
    let deployment = Deployment { more: channels(&services), ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("response/plan.toml"), with_addresses("\"telegram:42\", \"pagerduty:ana\"")).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until("a page by PagerDuty", |_| !services.accepted("pagerduty").is_empty()).await.unwrap();
    let page = &services.accepted("pagerduty")[0];
    let summary = page["payload"]["summary"].as_str().unwrap();
    assert!(summary.starts_with("Incident 1 (") && summary.contains("treasury"), "{page}");
    assert!(!page["payload"]["custom_details"]["in_time"].as_str().unwrap().is_empty(), "{page}");
    assert_eq!(page["payload"]["custom_details"]["answer"], "watchfire incident ack 1 --by ana");
    let to_her: Vec<_> = services.asked("telegram").into_iter().filter(|asked| asked.body["chat_id"] == "42").collect();
    let is_page = |text: &str| text.contains("incident ack 1 --by ana");
    assert!(to_her.iter().any(|asked| asked.body["text"].as_str().is_some_and(is_page)), "{to_her:?}");
    assert!(to_her.iter().all(|asked| !asked.accepted), "{to_her:?}");
    let texts: std::collections::BTreeSet<String> = to_her.iter().map(|asked| asked.body["text"].to_string()).collect();
    assert_eq!(texts.len(), to_her.len(), "no letter is tried again: {to_her:?}");
    host.until("a message in the room", |_| !services.accepted("slack").is_empty()).await.unwrap();

    // Somebody has it: PagerDuty hears so and stops calling.
    let ack = watchfire(folder, &["incident", "ack", "1", "--by", "ana"]).unwrap();
    assert!(ack.status.success(), "{}", String::from_utf8_lossy(&ack.stderr));
    host.until("acknowledged", |_| services.alerts().values().any(|status| status == "acknowledge")).await.unwrap();
    let closed =
        watchfire(folder, &["incident", "false-positive", "1", "--by", "ana", "--why", "an exercise"]).unwrap();
    assert!(closed.status.success(), "{}", String::from_utf8_lossy(&closed.stderr));
    let waits = String::from_utf8_lossy(&closed.stdout).into_owned();
    assert!(waits.contains("pause falls with it, so a second human must agree"), "{waits}");
    let agreed = watchfire(folder, &["incident", "second", "1", "1", "--by", "bo"]).unwrap();
    assert!(agreed.status.success(), "{}", String::from_utf8_lossy(&agreed.stderr));
    host.until("resolved", |_| services.alerts().values().any(|status| status == "resolve")).await.unwrap();
    let over = |services: &Services| {
        services.messages("slack").iter().any(|text| text.contains("It is over: ") && text.contains("(incident 1, "))
    };
    host.until("the room's message is edited", |_| over(&services)).await.unwrap();
    assert_eq!(services.alerts().len(), 1, "one incident is one alert: {:?}", services.alerts());
    host.stop().unwrap();
    expect_sound(folder).unwrap();
}

// The program runs while the services answer.
#[tokio::test(flavor = "multi_thread")]
async fn check_finds_addresses_that_no_channel_carries_and_a_test_goes_out_marked() {
    let services = Services::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("response")).unwrap();
    std::fs::write(folder.join("watchfire.toml"), format!("[plan]\npath = 'response'\n\n{}", channels(&services)))
        .unwrap();
    let contract = format!("name = \"Bo\"\nsigner = \"0x{}\"\nsigner_chain = 5\n", "0b".repeat(20));
    let text = with_addresses("\"fax:+351 1\", \"pagerduty:ana\"").replace("name = \"Bo\"\n", &contract);
    std::fs::write(folder.join("response/plan.toml"), text).unwrap();
    let check = watchfire(folder, &["check"]).unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    let line = said.lines().find(|line| line.contains("person.bo.signer_chain")).unwrap_or_default();
    let place = "plan.toml:9:";
    assert!(line.contains(place) && line.contains("is on chain 5") && line.contains("add `[chain.…]`"), "{said}");
    assert!(!check.status.success(), "an address that nobody carries is an error");
    assert!(said.contains("person.ana.channels: no channel carries `fax`"), "{said}");
    assert!(said.contains("every address hangs on telegram"), "{said}");

    let sent = watchfire(folder, &["channel", "test", "room", "--resolve"]).unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let messages = services.messages("slack");
    assert_eq!(messages.len(), 1, "it is edited, not said twice: {messages:?}");
    assert!(messages[0].contains("TEST: "), "{messages:?}");
    let nowhere = watchfire(folder, &["channel", "test", "chat"]).unwrap();
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("--to telegram:…"), "{nowhere:?}");
    let refused = watchfire(folder, &["channel", "test", "chat", "--to", "sms:1"]).unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no address of this channel"), "{refused:?}");
    services.answer_next("telegram", 401, None);
    let refused = watchfire(folder, &["channel", "test", "chat", "--to", "telegram:42"]).unwrap();
    assert_eq!(refused.status.code(), Some(1));
}

#[tokio::test]
async fn a_mail_server_takes_mails_over_either_tls_and_none_without() {
    for (tls, scheme, other) in [(Tls::Wrapped, "smtps", "smtp"), (Tls::Started, "smtp", "smtps")] {
        let Some(mail) = Mail::start(tls).await.unwrap() else { return skip_or_fail("python3-aiosmtpd") };
        let config = |scheme: &str, more: &str| {
            format!(
                "kind = 'email'\nurl = '{}'\nfrom = 'Watchfire <watch@harbor.example>'\ntimeout_ms = 5000\n{more}",
                mail.url(scheme)
            )
        };
        let trusting = format!("ca_file = '{}'", mail.ca_file().display());
        let page = letter(
            Intent::Page,
            "email:Ana <ana@harbor.example>",
            &format!("Funds leave the vault\r\nBcc: all@evil.example {HOSTILE}"),
        );
        made(&config(scheme, &trusting)).service.send(&page).await.unwrap();
        let taken = mail.taken().unwrap();
        assert_eq!(taken.len(), 1);
        let head = taken[0].split("\n\n").next().unwrap();
        assert!(
            head.contains("To: Ana <ana@harbor.example>") || head.contains("To: \"Ana\" <ana@harbor.example>"),
            "{head}"
        );
        assert!(head.contains(&format!("Message-ID: <{}@harbor.example>", "07".repeat(32))), "{head}");
        assert!(head.contains("X-Priority: 1") && !head.contains("\nBcc:"), "{head}");
        assert!(taken[0].contains("watchfire incident ack 7 --by ana"), "{}", taken[0]);
        // A certificate that nobody vouches for, and a server that speaks another way: nothing is sent in the clear.
        let strange = made(&config(scheme, "")).service.send(&page).await.unwrap_err();
        assert!(!strange.is_final, "{strange}");
        assert!(made(&config(other, &trusting)).service.send(&page).await.is_err());
        let wrong = letter(Intent::Page, "email:nobody", "x");
        assert!(made(&config(scheme, &trusting)).service.send(&wrong).await.unwrap_err().is_final);
        assert_eq!(mail.taken().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_line_reaches_rsyslog_over_tls_and_no_server_that_nobody_vouches_for() {
    let Some(rsyslog) = Rsyslog::start().await.unwrap() else { return skip_or_fail("rsyslog") };
    let config = |more: &str| format!("kind = 'syslog'\nurl = '{}'\ntimeout_ms = 20000\n{more}", rsyslog.url());
    let trusting = format!("ca_file = '{}'", rsyslog.ca_file().display());
    let notice = letter(Intent::Tell, "syslog:", &format!("Funds leave the vault \"]\\ {HOSTILE}"));
    made(&config(&trusting)).service.send(&notice).await.unwrap();
    let mut waited_ms = 0;
    while rsyslog.lines().is_empty() && waited_ms < 60_000 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        waited_ms += 50;
    }
    let lines = rsyslog.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let head = "watchfire - notify [watchfire@32473 incident=\"7\" severity=\"critical\" state=\"active\" key=\"0707";
    assert!(lines[0].starts_with("<130>1 2026-") && lines[0].contains(head), "{lines:?}");
    assert!(lines[0].contains("Funds leave the vault"), "{lines:?}");
    let strange = made(&config("")).service.send(&notice).await.unwrap_err();
    assert!(!strange.is_final && strange.to_string().contains("certificate"), "{strange}");
    let plain = config("").replace("tls://", "tcp://") + &trusting;
    let config: ChannelConfig = toml::from_str(&plain).unwrap();
    assert!(matches!(make(&config, Path::new(".")), Err((key, _)) if key == "ca_file"));
}

#[tokio::test]
async fn an_alert_stands_in_alertmanager_until_it_is_over() {
    let Some(alertmanager) = Alertmanager::start().await.unwrap() else {
        return skip_or_fail("prometheus-alertmanager");
    };
    let config = format!(
        "kind = 'alertmanager'\nurls = ['{}', 'http://127.0.0.1:9']\nrecord_url = 'https://watch.example/{{incident}}'",
        alertmanager.url()
    );
    let made = made(&config);
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let letter = |intent, severity, earlier: Option<&str>| {
        let mut letter = letter(intent, "alertmanager:", "Funds leave the vault");
        (letter.now_ms, letter.brief.opened_at_ms, letter.brief.severity) = (now_ms, now_ms - 1_000, severity);
        letter.earlier = earlier.map(str::to_owned);
        letter
    };
    // A replica that is down holds up nothing.
    let sent = made.service.send(&letter(Intent::Tell, Severity::High, None)).await.unwrap();
    let alerts = alertmanager.alerts().await.unwrap();
    assert_eq!((alerts.len(), sent.receipt.as_str()), (1, "high"), "{alerts:?}");
    assert_eq!((&alerts[0]["labels"]["incident"], &alerts[0]["labels"]["severity"]), (&"7".into(), &"high".into()));
    assert_eq!(alerts[0]["generatorURL"], "https://watch.example/7");
    let summary = alerts[0]["annotations"]["summary"].as_str().unwrap();
    assert_eq!(summary, "Incident 7 (high): Funds leave the vault");
    // It became graver: the labels can't change, so one alert ends and another begins.
    made.service.send(&letter(Intent::Update, Severity::Critical, Some("high"))).await.unwrap();
    let severities = |alerts: &[Value]| {
        alerts.iter().map(|one| one["labels"]["severity"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(severities(&alertmanager.alerts().await.unwrap()), ["critical"]);
    // It accepts what a silence matches, and tells nobody: that counts as refused. One of another alert is nothing to this.
    alertmanager.silence("severity", "high").await.unwrap();
    made.service.send(&letter(Intent::Update, Severity::Critical, Some("critical"))).await.unwrap();
    let silence = alertmanager.silence("alertname", "WatchfireIncident").await.unwrap();
    let silenced = made.service.send(&letter(Intent::Update, Severity::Critical, Some("critical"))).await.unwrap_err();
    assert!(silenced.is_final && silenced.message.contains(&silence), "{silenced}");
    made.service.send(&letter(Intent::Resolve, Severity::Critical, Some("critical"))).await.unwrap();
    assert_eq!(alertmanager.alerts().await.unwrap(), Vec::<Value>::new());
}
