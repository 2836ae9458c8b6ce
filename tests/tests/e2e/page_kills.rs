//! `kill -9` of the host between a decision and its delivery, again and again: no page is lost, and one that comes twice has the
//! same key. Twelve kills by default, and as many as `WATCHFIRE_KILLS` says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use watchfire::effect::Effect;
use watchfire::entry::Entry;
use watchfire::journal::Filter;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::receiver::Receiver;
use watchfire_tests::seed::Seeded;
use watchfire_tests::story::{expect_sound, journal};
use watchfire_tests::watch::plan;

const KILLS: usize = 12;
/// The longest from an act to the kill, milliseconds: by then the page has long been delivered.
const LONGEST_MS: u64 = 250;

const LADDER: &str = r#"
[escalation.on-call]
severities = ["info", "low", "medium", "high", "critical"]
steps = [{ who = ["ana"], ack_within_s = 3600 }, { who = ["bo"], ack_within_s = 3600 }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_lost_by_a_kill_between_decision_and_delivery() {
    let kills = std::env::var("WATCHFIRE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let (receiver, mut seeded, started) = (Receiver::start().await.unwrap(), Seeded::new(), Instant::now());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("response")).unwrap();
    let text = plan().split("[signal.blind]").next().unwrap().to_owned() + LADDER;
    std::fs::write(folder.join("response/plan.toml"), text).unwrap();
    let config = format!("[plan]\npath = \"response\"\n\n[webhook.ops]\nurl = \"{}\"\n", receiver.url("ops"));
    std::fs::write(folder.join("watchfire.toml"), config).unwrap();
    let is_up = |lines: &[serde_json::Value]| !lines.is_empty();

    let (mut acted, mut unsure) = (0, 0);
    for kill in 0..kills {
        let mut host = Host::start(folder, &[]).unwrap();
        if kill == 0 {
            host.until_within("the plan", Duration::from_secs(90), is_up).await.unwrap();
        }
        // The socket is there once the host takes acts.
        let socket = folder.join("watchfire.db.sock");
        let until = Instant::now() + Duration::from_secs(90);
        let title = format!("an exercise, number {kill}");
        let is_killed = Arc::new(AtomicBool::new(false));
        let asking = {
            let (folder, is_killed) = (folder.to_owned(), is_killed.clone());
            tokio::task::spawn_blocking(move || {
                loop {
                    let args = ["incident", "open", "--signal", "drain", "--title", &title, "--severity", "critical"];
                    let output = watchfire(&folder, &[&args[..], &["--by", "ana"]].concat()).unwrap();
                    let is_refused = String::from_utf8_lossy(&output.stderr).contains("no host answers");
                    if !is_refused || is_killed.load(Ordering::SeqCst) || Instant::now() > until {
                        return output.status.success();
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            })
        };
        // The kill falls anywhere between the act, its commit, its posting and the note of it.
        let before = receiver.ids("ops").len();
        while !socket.exists() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        match seeded.below(3) {
            // By the clock: before the act, at it, or after it.
            0 => tokio::time::sleep(Duration::from_millis(seeded.below(LONGEST_MS))).await,
            // As soon as something left: what came of it is not noted yet.
            1 => {
                while receiver.ids("ops").len() == before && !asking.is_finished() && Instant::now() < until {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            // Once the act was answered: it is durable, and on its way.
            _ => {
                while !asking.is_finished() && Instant::now() < until {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::time::sleep(Duration::from_millis(seeded.below(20))).await;
            }
        }
        // Nobody asks the next host in its name.
        is_killed.store(true, Ordering::SeqCst);
        host.kill();
        match asking.await.unwrap() {
            true => acted += 1,
            // Whoever asked heard nothing: the act may be there or not.
            false => unsure += 1,
        }
    }
    // A last run delivers what waits.
    let mut host = Host::start(folder, &[]).unwrap();
    let pages = |folder: &std::path::Path| {
        let journal = journal(folder).unwrap();
        let mut rows = journal.entries(&Filter { kinds: vec!["effect".into()], ..Filter::default() }).unwrap();
        let mut pages = BTreeSet::new();
        while let Some(row) = rows.next().unwrap() {
            if let Entry::Effect(ordered) = row.entry
                && matches!(ordered.effect, Effect::Page { .. })
            {
                pages.insert(ordered.key.to_string().trim_start_matches("0x").to_owned());
            }
        }
        pages
    };
    let until = Instant::now() + Duration::from_secs(90);
    let ordered = loop {
        let ordered = pages(folder);
        let came: BTreeSet<String> = receiver.ids("ops").into_iter().collect();
        if ordered.is_subset(&came) || Instant::now() > until {
            break ordered;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(host.is_running());
    host.stop().unwrap();
    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    receiver.ids("ops").into_iter().for_each(|id| *came.entry(id).or_default() += 1);
    let lost: Vec<&String> = ordered.iter().filter(|key| !came.contains_key(*key)).collect();
    assert!(lost.is_empty(), "pages were lost: {lost:?}");
    // Each act that was answered has its page; one of which nobody heard may have one, and one more if it was asked again.
    assert!(ordered.len() >= acted, "{} of {acted} + {unsure}", ordered.len());
    let twice = ordered.iter().filter(|key| came[*key] > 1).count();
    println!(
        "{kills} kills in {:.0?}: {acted} acts answered, {unsure} not; {} pages ordered, none lost, {twice} came again by the \
         same key",
        started.elapsed(),
        ordered.len()
    );
    expect_sound(folder).unwrap();
}
