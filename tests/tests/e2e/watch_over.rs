//! The watch over the watch: what people do to it is found, and somebody else hears that the host is alive.

use std::process::Command;

use serde_json::Value;
use watchfire_tests::anvil::Anvil;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::outlets::Alertmanager;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::services::Services;
use watchfire_tests::watch::{Deployment, plan};

const MORE: &str = r#"
[protocol]
kill_switch = "guardian"

[intervention.ask]
summary = "Ask whose it was"
kind = "off-chain"
authority = "phones"
owner = "guardian"
automation = "off"
reaction_s = 60
cost = { trust = 0, why = "nobody sees it", inside_boundary = true }

[authority.phones]
kind = "off-chain"
role = "guardian"

[signal.watch-changed]
summary = "Somebody's hand was on the watch"
match = [{ detector = "watchfire/watch" }]
group_by = ["subject"]
window_s = 3600
severity = "high"
interventions = ["ask"]
"#;

fn found(lines: &[Value], kind: &str, subject: &str) -> Option<String> {
    let is_it = |line: &&Value| {
        line["type"] == "finding"
            && line["detector"] == "watchfire/watch"
            && line.to_string().contains(&format!("\"{kind}\""))
            && line.to_string().contains(subject)
    };
    lines.iter().find(is_it).map(Value::to_string)
}

#[tokio::test(flavor = "multi_thread")]
async fn hands_on_the_watch_are_found_and_a_silent_host_is_missed() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let services = Services::start().await.unwrap();
    let more = format!(
        "[host]\nverify_every_s = 1\n\n[heartbeat]\nurl = '{}'\nevery_s = 1\n\n[channel.room]\nkind = 'syslog'\nurl = 'udp://127.0.0.1:9'\n",
        services.url("heartbeat")
    );
    let mut deployment = Deployment { more, ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    let text = plan() + MORE;
    std::fs::write(folder.join("response/plan.toml"), &text).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    host.until("two beats", |_| services.accepted("heartbeat").len() >= 2).await.unwrap();

    // The plan is weaker: it is said in the words of `plan diff`, and opens an incident of the plan that was.
    std::fs::write(folder.join("response/plan.toml"), text.replace("\"pause\", \"late\"", "\"pause\"")).unwrap();
    host.until("a changed plan", |lines| found(lines, "watch-changed", "plan@").is_some()).await.unwrap();
    let said = found(&host.lines(), "watch-changed", "plan@").unwrap();
    assert!(said.contains("drain") && said.contains("late") && said.contains("of uid"), "{said}");
    host.until("an incident", |lines| {
        lines.iter().any(|line| line["type"] == "incident" && line.to_string().contains("watch-changed"))
    })
    .await
    .unwrap();

    // A limit is raised, and a channel is gone.
    deployment.limit = "1000".into();
    deployment.more = deployment.more.split("[channel").next().unwrap().to_owned();
    deployment.write(folder).unwrap();
    host.until("a changed detector", |lines| found(lines, "watch-changed", "outflow@").is_some()).await.unwrap();
    let said = found(&host.lines(), "watch-changed", "outflow@").unwrap();
    assert!(said.contains("config.assets") && said.contains("1000"), "{said}");
    host.until("a channel that is gone", |lines| found(lines, "watch-changed", "room@").is_some()).await.unwrap();

    // Automation is halted, and goes on.
    let halt = |what: &str| watchfire(folder, &["incident", what, "--why", "an exercise", "--by", "ana"]).unwrap();
    let halted = halt("halt");
    assert!(halted.status.success(), "{}", String::from_utf8_lossy(&halted.stderr));
    host.until("a halt", |lines| found(lines, "automation-halted", "automation").is_some()).await.unwrap();
    assert!(found(&host.lines(), "automation-halted", "automation").unwrap().contains("ana stopped all automation"));
    assert!(halt("unhalt").status.success());
    host.until("its end", |lines| lines.iter().any(|line| line["type"] == "retraction")).await.unwrap();

    // Somebody changes what happened.
    assert!(found(&host.lines(), "journal-broken", "journal").is_none());
    let changed = Command::new("sqlite3")
        .arg(folder.join("watchfire.db"))
        .arg("PRAGMA busy_timeout = 5000; UPDATE entry SET at_ms = at_ms - 1 WHERE seq = 2;")
        .output()
        .unwrap();
    assert!(changed.status.success(), "{}", String::from_utf8_lossy(&changed.stderr));
    host.until("a broken journal", |lines| found(lines, "journal-broken", "journal").is_some()).await.unwrap();
    // Each beat has the journal's head, and whoever hears them sees it move.
    let heads: Vec<u64> =
        services.accepted("heartbeat").iter().filter_map(|beat| beat["journal"]["entry"].as_u64()).collect();
    assert!(heads.is_sorted() && heads.first() < heads.last(), "{heads:?}");
    let before = services.accepted("heartbeat").len();
    host.kill();
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert!(services.accepted("heartbeat").len() <= before + 1, "a host that is gone beats no more");
}

#[tokio::test]
async fn alertmanager_holds_an_alert_while_the_host_is_alive() {
    let Some(alertmanager) = Alertmanager::start().await.unwrap() else {
        return skip_or_fail("prometheus-alertmanager");
    };
    let config: watchfire::deliver::heartbeat::HeartbeatConfig =
        toml::from_str(&format!("alertmanagers = ['{}']\nname = 'harbor'\nevery_s = 1", alertmanager.url())).unwrap();
    let heart = config.heart(std::path::Path::new(".")).unwrap();
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    heart.beat(now_ms, (7, [7; 32].into())).await.unwrap();
    let alerts = alertmanager.alerts().await.unwrap();
    assert_eq!((alerts.len(), &alerts[0]["labels"]["alertname"]), (1, &"WatchfireAlive".into()), "{alerts:?}");
    assert_eq!(alerts[0]["labels"]["host"], "harbor");
    // A beat moves its end and what it says of the journal, and never its start.
    let began = alerts[0]["startsAt"].clone();
    heart.beat(now_ms + 500, (9, [9; 32].into())).await.unwrap();
    let alerts = alertmanager.alerts().await.unwrap();
    assert_eq!((alerts.len(), &alerts[0]["startsAt"]), (1, &began), "{alerts:?}");
    assert!(alerts[0]["annotations"]["journal"].as_str().unwrap().starts_with("entry 9, 0x0909"), "{alerts:?}");
    // Four beats later nobody has beaten: it is gone, which is the alarm.
    tokio::time::sleep(std::time::Duration::from_millis(4_500)).await;
    assert_eq!(alertmanager.alerts().await.unwrap(), Vec::<Value>::new());
    let nobody: watchfire::deliver::heartbeat::HeartbeatConfig =
        toml::from_str("alertmanagers = ['http://127.0.0.1:9']").unwrap();
    let why = nobody.heart(std::path::Path::new(".")).unwrap().beat(now_ms, (0, [0; 32].into())).await.unwrap_err();
    assert!(why[0].starts_with("http://127.0.0.1:9"), "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_from_the_watch_while_no_host_runs_is_found_at_the_next_start() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let more = "[chain.other]\nid = 1\nendpoints = ['http://127.0.0.1:9/secret']\n\n\
                [channel.room]\nkind = 'syslog'\nurl = 'udp://127.0.0.1:9'\n";
    let mut deployment = Deployment { more: more.to_owned(), ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    let text = plan() + MORE;
    std::fs::write(folder.join("response/plan.toml"), &text).unwrap();
    let within = std::time::Duration::from_secs(90);
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_within("the first block", within, |lines| lines.iter().any(|line| line["type"] == "block"))
        .await
        .unwrap();
    let noted =
        |lines: &[Value]| lines.iter().any(|line| line["type"] == "noted" && line.to_string().contains("watched"));
    host.until_within("the note", within, noted).await.unwrap();
    assert!(!host.lines().iter().any(|line| line["type"] == "noted" && line.to_string().contains("secret")));
    host.stop().unwrap();

    // Nobody watches the watch: a chain and a channel go, a limit is raised, and the plan is weaker.
    deployment.more = String::new();
    deployment.limit = "1000".into();
    deployment.write(folder).unwrap();
    std::fs::write(folder.join("response/plan.toml"), text.replace("\"pause\", \"late\"", "\"pause\"")).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    for (subject, words) in [
        ("chain/other@", "there is no longer a chain other while no host ran"),
        ("channel/room@", "there is no longer a channel room while no host ran"),
        ("detector/outflow@", "config.assets"),
        ("plan@", "late"),
    ] {
        let subject = subject.split('/').next_back().unwrap();
        host.until_within(words, within, |lines| {
            found(lines, "watch-changed", subject).is_some_and(|said| said.contains(words))
        })
        .await
        .unwrap();
    }
    host.stop().unwrap();
    // Nothing is other: nothing is said.
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_within("a block or its start", within, |lines| !lines.is_empty()).await.unwrap();
    host.stop().unwrap();
    watchfire_tests::story::expect_sound(folder).unwrap();
}
