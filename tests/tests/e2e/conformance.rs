//! One detector in every language: byte for byte the same findings, on a recording, on a real node through reorgs and
//! instances that are dropped, and where one language takes over from another in the middle.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use watchfire_tests::anvil::Anvil;
use watchfire_tests::harbor::{self, Harbor, eth, usd, who};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::{conformance, root, skip_or_fail};
use watchfire_tests::story::expect_sound;

const LANGUAGES: [&str; 7] = ["rust", "c", "cpp", "zig", "go", "ts", "python"];

/// Its component in each of these languages.
fn components(languages: &[&'static str]) -> Option<Vec<(&'static str, PathBuf)>> {
    let found: Vec<_> = languages.iter().filter_map(|one| Some((*one, conformance(one).unwrap()?))).collect();
    if found.len() < languages.len() {
        skip_or_fail("the conformance detector in every language");
        return None;
    }
    Some(found)
}

/// Findings are as they were when they were accepted, on kept and on fresh instances.
fn expect_findings(language: &str, component: &Path, config: Option<&str>, expected: &str) {
    let folder = root().join("tests/conformance");
    let (recording, expected) = (root().join("examples/lending/attack.jsonl.gz"), folder.join(expected));
    let config = config.map(|config| folder.join(config).display().to_string());
    let (component, recording, expected) =
        (component.display().to_string(), recording.display().to_string(), expected.display().to_string());
    let mut args = vec!["plugin", "test", &component, "--recording", &recording, "--expected", &expected];
    args.extend(config.as_deref().map(|config| ["--config", config]).into_iter().flatten());
    let output = watchfire(&folder, &args).unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{language}: {told}");
    assert!(told.ends_with("passed\n"), "{language}: {told}");
}

#[test]
fn every_language_finds_the_same_on_a_recording() {
    let Some(components) = components(&LANGUAGES) else { return };
    for (language, component) in components {
        expect_findings(language, &component, Some("lending.toml"), "lending.json");
        expect_findings(language, &component, Some("tokens.toml"), "tokens.json");
    }
}

#[test]
fn the_interface_alone_suffices() {
    let Some(components) = components(&["bare-c", "bare-python"]) else { return };
    for (language, component) in components {
        expect_findings(language, &component, None, "bare.json");
    }
}

/// What is wrong with a config, and the key that must be named.
const WRONG: [(&str, &str, &str); 8] = [
    ("window_s = 7", "window_s = 0", "window_s"),
    ("window_s = 7", "window_s = \"7\"", "window_s"),
    ("limit = \"30000000.25\"", "limit = \"1.123456789\"", "limit"),
    ("decimals = 8", "decimals = 19", "oracle.decimals"),
    ("every_blocks = 3", "every_blocks = 0", "oracle.every_blocks"),
    ("label = \"Borrower\"", "labels = \"Borrower\"", "watch.1.label"),
    ("0x15d34aaf54267db7d7c367839aaf71a00a2c6a65", "0x15d3", "watch.1.address"),
    ("feed = \"eth-usd\"", "feed = \"eth-usd\"\nfeeds = 1", "oracle.feeds"),
];

#[test]
fn every_language_names_the_key_that_is_wrong() {
    let Some(components) = components(&LANGUAGES) else { return };
    let folder = tempfile::tempdir().unwrap();
    let right = std::fs::read_to_string(root().join("tests/conformance/lending.toml")).unwrap();
    let recording = root().join("examples/lending/attack.jsonl.gz").display().to_string();
    for (language, component) in components {
        for (from, to, key) in WRONG {
            assert!(right.contains(from), "{from}");
            std::fs::write(folder.path().join("wrong.toml"), right.replace(from, to)).unwrap();
            let component = component.display().to_string();
            let args = ["plugin", "test", &component, "--recording", &recording, "--config", "wrong.toml"];
            let output = watchfire(folder.path(), &args).unwrap();
            let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            // Of a key that is misspelt, some name the one that is missing, some the one that is unknown.
            let names = told.contains(&format!("{key}: ")) || told.contains(&format!("{key}s: "));
            assert!(!output.status.success() && names, "{language}: {to}: {told}");
        }
    }
}

/// A deployment with each detector on Harbor Lending, all by the same config.
fn deployment(anvil: &Anvil, harbor: &Harbor, detectors: &[(&str, PathBuf)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = format!(
        "[chain.local]\nid = 31337\nendpoints = [\"{}\"]\nstart = 0\npoll_interval_ms = 50\n\n\
         [feed.eth-usd]\nkind = \"jsonl\"\nfile = \"prices.jsonl\"\npointer = \"/price\"\ntime_pointer = \"/time\"\n",
        anvil.url()
    );
    for (id, component) in detectors {
        write!(
            text,
            "\n[detector.{id}]\ncomponent = \"{}\"\nfeeds = [\"eth-usd\"]\ngrant = [\"chain\", \"feeds\", \"state\"]\n\
             limits = {{ batch_deadline_ms = 20_000, compile_deadline_ms = 300_000 }}\n\n\
             [detector.{id}.config]\ntoken = \"{}\"\nsymbol = \"hUSD\"\ndecimals = 6\nwindow_s = 6\nlimit = \"3000000\"\n\
             watch = [{{ address = \"{}\", label = \"vault\" }}, {{ address = \"{}\", label = \"user\" }}]\n\
             oracle = {{ address = \"{}\", decimals = 8, feed = \"eth-usd\", max_gap_bps = 50, every_blocks = 2 }}\n",
            component.display(),
            harbor.usd,
            harbor.vault,
            who::USER,
            harbor.feed,
        )
        .unwrap();
    }
    std::fs::write(folder.path().join("watchfire.toml"), text).unwrap();
    std::fs::write(folder.path().join("prices.jsonl"), "").unwrap();
    folder
}

/// What each detector claimed and took back, in order, without its own name.
fn told(lines: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let (mut by_detector, mut of) = (BTreeMap::<String, Vec<Value>>::new(), BTreeMap::<String, (String, Value)>::new());
    for line in lines {
        match line["type"].as_str() {
            Some("finding") => {
                let detector = line["detector"].as_str().unwrap().to_owned();
                let mut claim = line.as_object().unwrap().clone();
                let id = claim["id"].as_str().unwrap().to_owned();
                for own in ["detector", "digest", "fingerprint", "id", "at_ms", "seq", "finality"] {
                    claim.remove(own);
                }
                let claim = Value::Object(claim);
                of.insert(id, (detector.clone(), claim.clone()));
                by_detector.entry(detector).or_default().push(claim);
            }
            Some("retraction") => {
                let (detector, claim) = &of[line["finding"].as_str().unwrap()];
                by_detector.entry(detector.clone()).or_default().push(json!({ "retracted": claim["title"] }));
            }
            _ => {}
        }
    }
    by_detector.remove("watchfire/coverage");
    by_detector
}

/// The host has taken in the node's newest block.
async fn caught_up(host: &mut Host, anvil: &Anvil, folder: &Path) {
    let newest = anvil.rpc("eth_getBlockByNumber", json!(["latest", false])).await.unwrap();
    let is_in = |lines: &[Value]| lines.iter().any(|line| line["type"] == "block" && line["hash"] == newest["hash"]);
    host.until("the newest block", is_in).await.unwrap();
    // A slow one sees it while the others go on, and would never see what a reorg takes back before that.
    let began = Instant::now();
    loop {
        let asked = watchfire(folder, &["plugin", "status", "--format", "json"]).unwrap();
        let all: Vec<Value> = serde_json::from_slice(&asked.stdout).unwrap();
        if all.iter().all(|one| one["behind"] == 0 && one["at_work_on"].is_null()) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{all:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn languages_agree_on_a_live_chain_and_take_over_from_each_other() {
    let Some(components) = components(&LANGUAGES) else { return };
    let Some(code) = harbor::bytecode().unwrap() else { return skip_or_fail("solc") };
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let harbor = Harbor::deploy(&anvil, &code).await.unwrap();
    let mut detectors: Vec<(&str, PathBuf)> = components.clone();
    let folder = tempfile::tempdir().unwrap();
    let wanderer = folder.path().join("wanderer.wasm");
    std::fs::copy(&components[0].1, &wanderer).unwrap();
    detectors.push(("wanderer", wanderer));
    let deployed = deployment(&anvil, &harbor, &detectors);
    let mut host = Host::start(deployed.path(), &[]).unwrap();
    host.until_within("the first block", Duration::from_secs(120), |lines| {
        lines.iter().any(|line| line["type"] == "block")
    })
    .await
    .unwrap();
    harbor.deposit(&anvil, who::USER, eth(900)).await.unwrap();
    harbor.deposit(&anvil, who::OTHER, eth(900)).await.unwrap();
    anvil.mine().await.unwrap();
    let mut prices = std::fs::File::options().append(true).open(deployed.path().join("prices.jsonl")).unwrap();
    for round in 0..2 * LANGUAGES.len() as i64 {
        let (language, component) = &components[round as usize % LANGUAGES.len()];
        let output =
            watchfire(deployed.path(), &["plugin", "swap", "wanderer", &component.display().to_string()]).unwrap();
        let swapped = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{language}: {swapped}");
        assert!(swapped.contains("as before, 0 new and 0 no more"), "{language}: {swapped}");
        let cents = 200_000 + 700 * round;
        writeln!(
            prices,
            "{}",
            json!({ "price": format!("{}.{:02}", cents / 100, cents % 100), "time": 1_700_000_000 + round })
        )
        .unwrap();
        harbor.post_price(&anvil, 200_000_000_000 + 300_000_000 * (round % 5)).await.unwrap();
        harbor.borrow(&anvil, who::USER, usd(900 + 100 * round as u64)).await.unwrap();
        anvil.mine().await.unwrap();
        harbor.repay(&anvil, who::USER, usd(700)).await.unwrap();
        harbor.borrow(&anvil, who::OTHER, usd(500)).await.unwrap();
        anvil.mine().await.unwrap();
        caught_up(&mut host, &anvil, deployed.path()).await;
        if round % 3 == 2 {
            anvil.rpc("anvil_reorg", json!([2, []])).await.unwrap();
            anvil.mine().await.unwrap();
            caught_up(&mut host, &anvil, deployed.path()).await;
        }
    }
    anvil.mine_many(2).await.unwrap();
    caught_up(&mut host, &anvil, deployed.path()).await;
    let is_even = |lines: &[Value]| {
        let told = told(lines);
        told.len() == LANGUAGES.len() + 1 && told.values().all(|one| one.len() == told["rust"].len())
    };
    host.until("as many findings of each", is_even).await.unwrap();
    let (lines, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    let told = told(&lines);
    let rust = &told["rust"];
    let kinds = |kind: &str| rust.iter().filter(|one| one["kind"] == kind).count();
    let taken_back = rust.iter().filter(|one| one.get("retracted").is_some()).count();
    let counts = (kinds("outflow"), kinds("price-gap"), taken_back);
    assert!(counts.0 > 10 && counts.1 > 2 && counts.2 > 2, "{counts:?}");
    for (detector, own) in &told {
        assert_eq!(own, rust, "{detector}");
    }
    expect_sound(deployed.path()).unwrap();
}
