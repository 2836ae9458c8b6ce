//! A night as people live it, on a real node: what the receiver got and what `show` printed at each moment.

use std::path::Path;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::pair::until_logged;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::receiver::Receiver;
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::{Deployment, ETHER, plan};

/// The plan with what a person reads: units, links, a runbook, the calls of the pause.
fn readable() -> String {
    let head = "[protocol]\nname = \"Harbor\"\nkill_switch = \"guardian\"\n\
                explorer = { 31337 = \"https://explorer.example/{kind}/{id}\" }\n\n\
                [asset.ether]\nnames = [\"native\"]\nsymbol = \"ETH\"\ndecimals = 18\nusd = \"2000\"\n\n\
                [escalation.all]\nseverities = [\"critical\", \"high\", \"medium\"]\n\
                steps = [{ who = [\"guardian\"], ack_within_s = 300 }]\nunack_after_s = 1800\n";
    let calls = "calls = [{ target = \"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\", function = \"pause()\" }]\n";
    let plan = plan()
        .replace("[intervention.pause]\n", &format!("[intervention.pause]\n{calls}"))
        .replace("[signal.drain]\n", "[signal.drain]\nrunbook = \"https://runbooks.example/drain\"\n");
    format!("{head}{plan}")
}

/// Whether an act was taken, and all that was said of it.
fn incident(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = watchfire(folder, &[&["incident"], args].concat()).unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

fn must(folder: &Path, args: &[&str]) -> String {
    let (is_good, told) = incident(folder, args);
    assert!(is_good, "{args:?}: {told}");
    told
}

/// Effects of a kind that the receiver took, in the order in which they came.
fn got(receiver: &Receiver, effect: &str) -> Vec<Value> {
    receiver.accepted("pager").into_iter().filter(|body| body["effect"] == effect).collect()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{what} did not come");
}

#[tokio::test]
async fn an_incident_grows_in_public_and_undone_is_undone() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let receiver = Receiver::start().await.unwrap();
    let more = format!("[webhook.pager]\nurl = \"{}\"\n", receiver.url("pager"));
    let folder = Deployment { more, ..Deployment::of(anvil.url()) }.make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("response/plan.toml"), readable()).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();

    // The first sign: the page says what, how much, by what it is shown, where to look, and what to type.
    let first = anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    until("a page", || !got(&receiver, "page").is_empty()).await;
    let page = got(&receiver, "page").remove(0);
    let brief = &page["brief"];
    assert_eq!(
        (brief["protocol"].as_str(), brief["loss"][0]["text"].as_str()),
        (Some("Harbor"), Some("20 ETH")),
        "{page}"
    );
    assert_eq!(brief["loss"][0]["worth_usd"], "40000", "{page}");
    assert_eq!(brief["evidence"][0]["transactions"][0], first, "{page}");
    assert_eq!(brief["runbook"], "https://runbooks.example/drain");
    assert_eq!(brief["next"], "watchfire incident ack 1");
    let link = format!("https://explorer.example/tx/{first}");
    assert!(brief["links"].as_array().unwrap().contains(&Value::String(link.clone())), "{page}");

    // What the plan permits beforehand is an effect of its own, with all that it takes.
    until("what may be carried out", || !got(&receiver, "carry-out").is_empty()).await;
    let carry = got(&receiver, "carry-out").remove(0);
    assert_eq!(
        (&carry["ruling"], &carry["terms"]["calls"][0]["calldata"]),
        (&1.into(), &"0x8456cb59".into()),
        "{carry}"
    );
    assert_eq!(carry["terms"]["may_carry_out"][0], serde_json::json!({ "id": "ana", "name": "Ana" }));

    // `show` is short, fits 80 columns, and has all of that.
    let shown = must(folder, &["show", "1"]);
    for part in
        ["lost or moved so far: 20 ETH", "nobody has it", &first, &link, "call pause()", "watchfire incident ack 1"]
    {
        assert!(shown.contains(part), "`{part}` is missing in\n{shown}");
    }
    let is_long = |line: &&str| line.chars().count() > 80 && line.trim().contains(' ') && !line.contains("0x");
    assert_eq!(shown.lines().find(is_long), None);
    assert!(!shown.contains('\u{1b}') && shown.lines().count() < 45, "{shown}");

    // Acting is answering, and a halt shows.
    must(folder, &["done", "1", "1", "--by-what", "0xabc", "--by", "ana"]);
    assert!(must(folder, &["list"]).contains("Ana has it"));
    must(folder, &["halt", "--why", "we look at it ourselves", "--by", "bo"]);
    for args in [&["list"][..], &["show", "1"]] {
        assert!(must(folder, args).contains("all automation is stopped by bo"), "{args:?}");
    }

    // More is lost: it is told within a minute, and has the person who has it paged again.
    let (pages, began) = (got(&receiver, "page").len(), std::time::Instant::now());
    anvil.send(ALICE, Some(BOB), 100 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let says_more = |body: &Value| body["brief"]["loss"][0]["text"] == "120 ETH";
    until("that it grows", || got(&receiver, "notify").iter().any(says_more)).await;
    until("another page", || got(&receiver, "page").len() > pages).await;
    let again = got(&receiver, "page").pop().unwrap();
    assert!(again["text"].as_str().unwrap().contains("paged again as the loss"), "{again}");
    assert!(must(folder, &["show", "1"]).contains("Ana had it until"), "who was at it is not forgotten");
    assert!(began.elapsed().as_secs() < 90, "{:?}", began.elapsed());
    let shown = must(folder, &["show", "1"]);
    assert!(shown.contains("lost or moved so far: 120 ETH") && shown.contains("seen 1 times more"), "{shown}");

    // More is lost within the minute: nobody is told yet, and whoever asks is, in the record too.
    anvil.send(ALICE, Some(BOB), 10 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    until("the loss as it is", || must(folder, &["show", "1"]).contains("lost or moved so far: 130 ETH")).await;
    let record = must(folder, &["export", "1"]);
    assert!(record.contains("| lost or moved | 130 ETH") && record.contains("| seen again | 2 times |"), "{record}");

    // Somebody else undid the pause: anybody says so, and it is done again at once, though it had one use.
    let (is_good, told) = incident(folder, &["decide", "1", "pause", "--why", "again", "--by", "bo"]);
    assert!(!is_good && told.contains("it is in effect"), "{told}");
    must(folder, &["undone", "1", "1", "--why", "the attacker unpaused it", "--by", "bo"]);
    must(folder, &["decide", "1", "pause", "--why", "again", "--by", "bo"]);

    // A kill loses nothing, and a replay is the run.
    let before = must(folder, &["show", "1", "--format", "json"]);
    host.kill();
    let mut host = Host::start(folder, &[]).unwrap();
    until_logged(&mut host, "watching", 1).await.unwrap();
    let after = must(folder, &["show", "1", "--format", "json"]);
    let of = |text: &str| serde_json::from_str::<Value>(text).unwrap()["rulings"].clone();
    assert_eq!(of(&after), of(&before));
    must(folder, &["ack", "1", "--by", "ana"]);

    // Ending it would take the second pause back: one human asks for that, and another agrees.
    let told = must(folder, &["false-positive", "1", "--why", "an exercise", "--by", "ana"]);
    assert!(told.contains("watchfire incident second 1 1"), "{told}");
    let shown = must(folder, &["show", "1"]);
    assert!(shown.contains("a second human is needed") && shown.contains("Ana asks for false-positive"), "{shown}");
    assert!(!incident(folder, &["second", "1", "1", "--by", "ana"]).0);
    must(folder, &["second", "1", "1", "--by", "bo"]);

    // Nobody was woken more than six times, and the record fits two pages before its appendix.
    for person in ["ana", "bo"] {
        let pages = got(&receiver, "page").iter().filter(|page| page["person"] == person).count();
        assert!(pages <= 6, "{person}: {pages}");
    }
    let record = must(folder, &["export", "1"]);
    let head = record.split("# Appendix").next().unwrap();
    assert!(head.lines().count() <= 120, "{head}");
    host.stop().unwrap();
    expect_sound(folder).unwrap();
}
