//! Detectors over recordings of which it is known where the attacks are.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use watchfire_tests::host::{component, watchfire};
use watchfire_tests::peers::root;

const LABELS: &str = r#"
[[label]]
name = "a bent price, then the vault is emptied"
is = "attack"
blocks = "28..38"
first_loss = 34

[[label]]
name = "the team at work"
is = "benign"
blocks = "20..24"

[[label]]
name = "of another recording"
is = "attack"
blocks = 900
"#;

const OUTFLOW: &str = r#"
watch = [{ address = "0xdc64a140aa3e981100a9beca4e685f962f0cf6c9", label = "Harbor vault" }]
assets = [{ address = "0x5fbdb2315678afecb367f032d93f642f64180aa3", symbol = "hUSD", decimals = 6, limit = "1500000" }]
window_s = 60
history_windows = 4
"#;

fn recording() -> String {
    root().join("examples/lending/attack.jsonl.gz").display().to_string()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A folder with labels and a detector's config.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("labels.toml"), LABELS).unwrap();
    std::fs::write(folder.path().join("outflow.toml"), OUTFLOW).unwrap();
    folder
}

/// A backtest of the outflow detector alone.
fn outflow(folder: &Path, more: &[&str]) -> Output {
    let detector = component("outflow").unwrap().display().to_string();
    let args = ["backtest", &recording(), "--detector", &detector, "--detector-config", "outflow.toml"];
    watchfire(folder, &[&args, more].concat()).unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", told(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_deployment_is_scored_by_labels() {
    let folder = folder();
    let checkout = watchfire_tests::host::checkout().unwrap();
    let config = checkout.path().join("examples/lending/watchfire.toml").display().to_string();
    let backtest = |more: &[&str]| {
        let args = ["backtest", &recording(), "--config", &config, "--labels", "labels.toml"];
        watchfire(folder.path(), &[&args, more].concat()).unwrap()
    };
    let made = json(&backtest(&["--format", "json"]));
    let point = &made["points"][0];
    let score = &point["all"]["score"];
    // A seventh left the chain with its block.
    assert_eq!(
        (&score["findings"], &score["true_positives"], &score["false_positives"]),
        (&6.into(), &6.into(), &0.into())
    );
    assert_eq!((&score["precision"], &score["recall"]), (&1.0.into(), &1.0.into()));
    let attack = &score["attacks"][0];
    assert_eq!(
        (&attack["found_block"], &attack["first_loss_block"], &attack["lead_blocks"]),
        (&30.into(), &34.into(), &4.into())
    );
    assert_eq!(score["attacks"].as_array().unwrap().len(), 1);
    assert_eq!(made["misplaced"], serde_json::json!(["of another recording"]));
    let leads: Vec<_> =
        point["detectors"].as_array().unwrap().iter().map(|of| of["score"]["median_lead_blocks"].as_i64()).collect();
    assert_eq!(leads, [Some(0), Some(4), Some(2)], "outflow, price-deviation, privileged-control");
    assert!(point["findings"].as_array().unwrap().iter().all(|found| found["is"] == "attack"));
    assert_eq!(point["findings"][0]["label"], "a bent price, then the vault is emptied");

    // The same as a replay finds, without what a reorg took back.
    let replayed = watchfire(&root(), &["replay", &recording(), "--config", &config, "--format", "json"]).unwrap();
    let lines: Vec<Value> =
        String::from_utf8_lossy(&replayed.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let retracted: Vec<&Value> =
        lines.iter().filter(|line| line["type"] == "retraction").map(|line| &line["finding"]).collect();
    let live = lines.iter().filter(|line| line["type"] == "finding" && !retracted.contains(&&line["id"]));
    let titles: Vec<&Value> =
        live.filter(|line| line["detector"] != "watchfire/coverage").map(|line| &line["title"]).collect();
    let found: Vec<&Value> = point["findings"].as_array().unwrap().iter().map(|found| &found["title"]).collect();
    assert_eq!(found, titles);

    let pretty =
        told(&backtest(&["--only", "outflow", "--severity", "critical", "--min-recall", "1", "--html", "report.html"]));
    for expected in [
        "outflow   2         2      0      1.000      1.000   0.00         -1 ",
        "attack.jsonl.gz  35              34             -1",
        "label `of another recording` lies in none of the recordings",
    ] {
        assert!(pretty.contains(expected), "`{expected}` is not in\n{pretty}");
    }
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.matches("<svg").count() == 4 && !page.contains("<script"), "{page}");
    for expected in
        ["Harbor vault: 3179500 hUSD out", "a bent price, then the vault is emptied", "lies in none of the recordings"]
    {
        assert!(page.contains(expected), "`{expected}` is not in the page");
    }
}

/// Whoever keeps cases to themselves hands on sums.
#[test]
fn sums_hold_nothing_of_any_one_case_and_absent_recordings_are_counted() {
    let folder = folder();
    let label = |name: &str, recording: &str| {
        format!(
            "[[label]]\nname = \"{name}\"\nis = \"attack\"\nblocks = \"28..38\"\nrecording = \"{recording}\"\nclass = \"drain\"\nstage = \"exploit\"\n"
        )
    };
    let labels = [label("secret", "attack.jsonl.gz"), label("other", "b.jsonl"), label("third", "c.jsonl")].concat();
    std::fs::write(folder.path().join("labels.toml"), labels).unwrap();
    let quiet = OUTFLOW.replace("1500000", "1000");
    std::fs::write(folder.path().join("outflow.toml"), quiet).unwrap();

    let all = told(&outflow(folder.path(), &["--labels", "labels.toml"]));
    assert!(all.contains("2 labels are of recordings that were not given") && !all.contains("third"), "{all}");
    for expected in
        ["class drain", "stage exploit", "1.000 ", "0.207 to 1.000", "transactions named wrongly", "in 100,000"]
    {
        assert!(all.contains(expected), "`{expected}` is not in\n{all}");
    }
    let whole = json(&outflow(folder.path(), &["--labels", "labels.toml", "--format", "json"]));
    assert_eq!(whole["absent"], serde_json::json!(["other", "third"]));

    let secrets = ["secret", "attack.jsonl", "other", "Harbor vault", "\"findings\":["];
    let (text, printed) =
        (["--labels", "labels.toml", "--sums"], ["--labels", "labels.toml", "--sums", "--format", "json"]);
    let pretty = told(&outflow(folder.path(), &text));
    let made = outflow(folder.path(), &printed);
    let raw = String::from_utf8_lossy(&made.stdout).into_owned();
    for secret in secrets {
        assert!(!pretty.contains(secret) && !raw.contains(secret), "`{secret}` is in\n{pretty}\n{raw}");
    }
    assert!(pretty.contains("class drain") && pretty.contains("2 labels are of recordings"), "{pretty}");
    let sums = json(&made);
    assert_eq!((&sums["recordings"], &sums["absent"], &sums["blocks"]), (&1.into(), &2.into(), &whole["blocks"]));
    assert_eq!(sums["data"], whole["data"]["digest"]);
    assert_eq!(sums["points"][0]["detectors"][0]["cost"]["course_us"]["means"], serde_json::json!([]));
    let score = &sums["points"][0]["all"]["score"];
    assert_eq!(score["classes"], whole["points"][0]["all"]["score"]["classes"]);
    assert_eq!((&score["attacks_found"], &score["attacks_held"]), (&1.into(), &1.into()));
    let wrong = &score["false_transactions"];
    assert_eq!(wrong["of"], sums["transactions"]);
    assert!(wrong["count"].as_u64().unwrap() > 0, "{wrong}");
}

#[test]
fn a_threshold_is_chosen_by_a_sweep() {
    let folder = folder();
    let sweep = ["--labels", "labels.toml", "--sweep", "assets.0.limit=1000..10000000:5", "--html", "sweep.html"];
    let made = json(&outflow(folder.path(), &[&sweep[..], &["--format", "json"]].concat()));
    let row = |point: &Value| {
        let score = &point["all"]["score"];
        let limit = point["values"]["outflow.assets.0.limit"].as_i64().unwrap();
        (limit, score["true_positives"].as_u64().unwrap(), score["false_positives"].as_u64().unwrap())
    };
    let rows: Vec<_> = made["points"].as_array().unwrap().iter().map(row).collect();
    assert_eq!(rows, [(1_000, 4, 12), (10_000, 4, 11), (100_000, 4, 0), (1_000_000, 3, 0), (10_000_000, 0, 0)]);
    // Each point is what the detector finds alone with that value.
    for (limit, right, wrong) in rows {
        let config = OUTFLOW.replace("1500000", &limit.to_string());
        std::fs::write(folder.path().join("outflow.toml"), config).unwrap();
        let alone = json(&outflow(folder.path(), &["--labels", "labels.toml", "--format", "json"]));
        let score = &alone["points"][0]["all"]["score"];
        assert_eq!((&score["true_positives"], &score["false_positives"]), (&right.into(), &wrong.into()), "{limit}");
    }
    let pretty = told(&outflow(folder.path(), &sweep));
    assert!(pretty.contains("best by F1: assets.0.limit = 100000\n"), "{pretty}");
    let page = std::fs::read_to_string(folder.path().join("sweep.html")).unwrap();
    assert!(page.contains("Precision and recall, by outflow.assets.0.limit"));
    let grid =
        outflow(folder.path(), &["--sweep", "window_s=30,60", "--sweep", "assets.0.limit=1,2,3", "--format", "json"]);
    assert_eq!(json(&grid)["points"].as_array().unwrap().len(), 6);
}

#[test]
fn what_is_wrong_is_said_and_gates_say_no() {
    let folder = folder();
    let detector = component("outflow").unwrap().display().to_string();
    std::fs::write(folder.path().join("empty.jsonl"), "").unwrap();
    std::fs::write(folder.path().join("bad.toml"), "[[label]]\nname = \"x\"\nis = \"attack\"\n").unwrap();
    for (args, expected) in [
        (&["--labels", "bad.toml"][..], "bad.toml: label `x`: say where"),
        (&["--labels", "none.toml"], "`none.toml` can't be read"),
        (&["--sweep", "limit=5..1"], "it begins after its end: 5 is not below 1"),
        (&["--sweep", "asset.0.limit=1..2"], "the config has no `asset` to sweep `asset.0.limit` in"),
        (&["--sweep", "window_s=1..1000:200", "--sweep", "history_windows=1..9:9"], "more than 256 combinations"),
        (&["--sweep", "window_s=-5,60"], "outflow with outflow.window_s = -5"),
        (&["--min-recall", "1"], "--labels <FILE>"),
    ] {
        let output = outflow(folder.path(), args);
        assert!(!output.status.success() && told(&output).contains(expected), "{expected}: {}", told(&output));
    }
    let empty =
        watchfire(folder.path(), &["backtest", "empty.jsonl", "-d", &detector, "--detector-config", "outflow.toml"]);
    assert!(told(&empty.unwrap()).contains("hold no block and no observation"));
    let none = watchfire(folder.path(), &["backtest", "none.jsonl", "-d", &detector]).unwrap();
    assert!(told(&none).contains("there is no `none.jsonl`"), "{}", told(&none));

    let quiet = OUTFLOW.replace("1500000", "1000");
    std::fs::write(folder.path().join("outflow.toml"), quiet).unwrap();
    let gates = ["--labels", "labels.toml", "--min-precision", "0.9", "--max-false-positives-per-day", "5"];
    let refused = outflow(folder.path(), &gates);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    for expected in ["precision is 0.250, and 0.9 is asked for", "wrong findings a day are 28800.000, and at most 5"] {
        assert!(told(&refused).contains(expected), "`{expected}` is not in\n{}", told(&refused));
    }
}

/// An archive of Parquet files, and the real blocks that it was made of, are each run by themselves beside each other.
#[test]
fn several_recordings_run_beside_each_other() {
    let folder = folder();
    let data = root().join("../shared/data/mainnet");
    if !data.is_dir() {
        return watchfire_tests::peers::skip_or_fail("../shared/data");
    }
    let detector = component("outflow").unwrap().display().to_string();
    let data = data.display().to_string();
    let args =
        ["backtest", &data, &recording(), "-d", &detector, "--detector-config", "outflow.toml", "--format", "json"];
    let made = json(&watchfire(folder.path(), &args).unwrap());
    assert_eq!(made["blocks"], 42 + 39);
    assert_eq!(
        made["recordings"][0]["chains"]["1"]["watched_s"], 32,
        "7279999 and 7280000, 12243999 and 12244000: no others follow each other"
    );
}

/// The page's commands, typed in a checkout.
#[test]
fn the_page_on_backtests_is_what_a_newcomer_can_type() {
    let page = std::fs::read_to_string(root().join("docs/backtest.md")).unwrap();
    let binaries = watchfire_tests::host::binary().unwrap().parent().unwrap().display().to_string();
    let path = format!("{binaries}:{}", std::env::var("PATH").unwrap());
    let checkout = watchfire_tests::host::checkout().unwrap();
    let mut told = String::new();
    for block in page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let mut shell = std::process::Command::new("sh");
        let shell = shell.current_dir(checkout.path()).env("PATH", &path).args(["-ec", block]).output().unwrap();
        assert!(shell.status.success(), "`{block}` ends with {}: {}", shell.status, self::told(&shell));
        told.push_str(&self::told(&shell));
    }
    for expected in
        ["a bent price, then the vault is emptied  attack.jsonl.gz  30", "best by F1: assets.0.limit = 100000"]
    {
        assert!(told.contains(expected), "`{expected}` is not in\n{told}");
    }
}

/// A folder of Parquet files is an archive, of which each block is one that follows the one before it.
#[test]
fn an_archive_is_run_from_its_first_block_to_its_last() {
    let folder = folder();
    let archive = folder.path().join("archive");
    std::fs::create_dir(&archive).unwrap();
    for dataset in ["blocks", "transactions", "logs", "traces"] {
        // The first byte of a seed is the fuzzer's own.
        let seed = std::fs::read(root().join("fuzz/seeds/archive").join(dataset)).unwrap();
        std::fs::write(archive.join(format!("ethereum__{dataset}__00000100_to_00000104.parquet")), &seed[1..]).unwrap();
    }
    let detector = component("outflow").unwrap().display().to_string();
    let args = ["backtest", "archive", "-d", &detector, "--detector-config", "outflow.toml", "--format", "json"];
    let made = json(&watchfire(folder.path(), &args).unwrap());
    let expected = serde_json::json!({ "first": 100, "last": 104, "blocks": 5, "transactions": 10, "watched_s": 4 });
    assert_eq!(made["recordings"][0]["chains"]["1"], expected);
}

/// One chain of many blocks, each of which is one of the recording's in which the vault loses tokens, and a reorg late in it.
fn chain_with_a_reorg(blocks: u64) -> String {
    let unpacked = std::process::Command::new("gzip").args(["-dc", &recording()]).output().unwrap();
    let lines = String::from_utf8(unpacked.stdout).unwrap();
    let lossy = lines.lines().find(|line| line.contains("\"number\":\"0x23\"")).unwrap();
    let mut block: Value = serde_json::from_str(lossy).unwrap();
    let hash = |number: u64, fork: u64| format!("0x{fork:032x}{number:032x}");
    let mut text = String::new();
    let heights = (1..=blocks).map(|number| (number, 0)).chain((blocks - 9..=blocks + 1).map(|number| (number, 1)));
    for (number, fork) in heights {
        let parent = hash(number - 1, if number == blocks - 9 { 0 } else { fork });
        let (height, own) = (format!("{number:#x}"), hash(number, fork));
        block["block"]["number"] = height.clone().into();
        block["block"]["hash"] = own.clone().into();
        block["block"]["parentHash"] = parent.into();
        block["block"]["timestamp"] = format!("{:#x}", 1_700_000_000 + 2 * number).into();
        for receipt in block["receipts"].as_array_mut().unwrap() {
            for log in receipt["logs"].as_array_mut().unwrap() {
                log["blockNumber"] = height.clone().into();
                log["blockHash"] = own.clone().into();
            }
            receipt["blockNumber"] = height.clone().into();
            receipt["blockHash"] = own.clone().into();
        }
        for transaction in block["block"]["transactions"].as_array_mut().unwrap() {
            transaction["blockNumber"] = height.clone().into();
            transaction["blockHash"] = own.clone().into();
        }
        block.as_object_mut().unwrap().remove("at_ms");
        text.push_str(&format!("{block}\n"));
    }
    text
}

/// However many findings come of a block, a reorg goes back over it.
#[test]
fn a_reorg_gives_the_same_in_a_noisy_sweep_as_alone() {
    let folder = folder();
    std::fs::write(folder.path().join("reorg.jsonl"), chain_with_a_reorg(192)).unwrap();
    let detector = component("outflow").unwrap().display().to_string();
    let backtest = |more: &[&str]| {
        let args =
            ["backtest", "reorg.jsonl", "-d", &detector, "--detector-config", "outflow.toml", "--format", "json"];
        json(&watchfire(folder.path(), &[&args, more].concat()).unwrap())
    };
    let alone = backtest(&[]);
    let swept = backtest(&["--sweep", "assets.0.limit=1500000..1500100:100"]);
    let titles = |point: &Value| -> Vec<Value> {
        point["findings"].as_array().unwrap().iter().map(|found| found["title"].clone()).collect()
    };
    assert_eq!(alone["points"][0]["all"]["failed"], 0);
    assert!(titles(&alone["points"][0]).len() > 100, "{}", titles(&alone["points"][0]).len());
    assert_eq!(titles(&swept["points"][0]), titles(&alone["points"][0]));
}

/// Blocks of two chains come in turns, and each chain's time is its own.
#[test]
fn the_time_of_each_chain_of_a_recording_is_watched() {
    let folder = folder();
    let one = chain_with_a_reorg(20);
    let turns: Vec<String> = one
        .lines()
        .take(20)
        .flat_map(|line| [line.to_owned(), line.replacen("\"chain_id\":31337", "\"chain_id\":99", 1)])
        .collect();
    std::fs::write(folder.path().join("two.jsonl"), turns.join("\n")).unwrap();
    let detector = component("outflow").unwrap().display().to_string();
    let args = ["backtest", "two.jsonl", "-d", &detector, "--detector-config", "outflow.toml", "--format", "json"];
    let made = json(&watchfire(folder.path(), &args).unwrap());
    for chain in ["31337", "99"] {
        let expected = serde_json::json!({ "first": 1, "last": 20, "blocks": 20, "transactions": 20, "watched_s": 38 });
        assert_eq!(made["recordings"][0]["chains"][chain], expected, "chain {chain}");
    }
}
