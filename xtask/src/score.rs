//! The first-party detectors over the data of the study, and the public table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::step::say;
use crate::{root, target, watchfire};

/// Findings by recording that are expected, to compare with.
const EXPECTED: &str = "plugins/attacks/tests/expected.txt";
/// A line for each component that was scored.
const LEDGER: &str = "docs/detection-ledger.csv";
const PAGE: &str = "docs/detection.md";
const MARKS: [&str; 2] = ["<!-- scores -->", "<!-- /scores -->"];

/// One of the study's cases.
struct Case {
    recording: String,
    class: String,
    is_exploit: bool,
    is_original: bool,
}

/// What a run found: by recording, the kinds of its findings at high and above.
struct Run {
    found: BTreeMap<String, BTreeSet<String>>,
    flagged_transactions: BTreeMap<String, String>,
    failed: u64,
}

/// Scores the detectors. `accept` writes what was found in the place of what is expected.
pub(crate) fn score(accept: bool) -> anyhow::Result<()> {
    let dev = root().join("../shared/detection/dev");
    if !dev.is_dir() {
        println!(
            "skipped: ../shared/detection is not here. Its traces are of a source that states no licence, so they are not in git; \
             the mainnet blocks, replays and MEV blocks of it are MIT and Apache-2.0, and docs/detection.md says where each is had"
        );
        return Ok(());
    }
    let component = target().join("plugins/attacks.wasm");
    let cases = cases(&dev.join("cases.csv"))?;
    say("attacks");
    let attacks = run(&component, &recordings(&dev.join("attacks"))?)?;
    say("benign transactions");
    let mut benign_recordings = recordings(&dev.join("benign"))?;
    let mainnet = mainnet(&root().join("../shared/data/mainnet"))?;
    benign_recordings.extend(mainnet);
    let transactions = count(&benign_recordings)?;
    let benign = run(&component, &benign_recordings)?;
    let digest = digest(&component)?;
    let table = table(&cases, &attacks, &benign, transactions, &digest) + &digest_table(&digests()?);
    println!("{table}");
    write_page(&table)?;
    write_ledger(&cases, &attacks, &benign, transactions, &digest)?;
    if attacks.failed + benign.failed > 0 {
        bail!("{} batches failed: the detector was blind to them", attacks.failed + benign.failed);
    }
    expect(&attacks, &benign, accept)
}

fn cases(path: &Path) -> anyhow::Result<Vec<Case>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display()))?;
    let case = |line: &str| {
        let columns: Vec<&str> = line.split(',').collect();
        let [recording, _, class, stage, .., kind] = columns[..] else { bail!("`{line}` has too few columns") };
        let (recording, class) = (recording.to_owned(), class.to_owned());
        Ok(Case { recording, class, is_exploit: stage == "exploit", is_original: kind == "original" })
    };
    text.lines().skip(1).map(case).collect()
}

fn recordings(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("`{}` can't be read", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.to_string_lossy().ends_with(".jsonl.gz"));
    paths.sort();
    Ok(paths)
}

/// The mainnet blocks as recordings, in the target folder.
fn mainnet(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let out = target().join("score");
    std::fs::create_dir_all(&out)?;
    let mut made = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("`{}` can't be read", folder.display()))? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json.gz")) else { continue };
        let recording = out.join(format!("mainnet-{name}.jsonl.gz"));
        if !recording.is_file() {
            let block: Value = serde_json::from_str(&text(&path)?)?;
            let time = block["block"]["timestamp"].as_str().unwrap_or("0x0").trim_start_matches("0x");
            let line = serde_json::json!({
                "chain_id": 1,
                "at_ms": u64::from_str_radix(time, 16)? * 1_000,
                "block": block["block"],
                "receipts": block["receipts"],
                "traces": block["traces"],
            });
            let file = std::fs::File::create(&recording)?;
            let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            writeln!(gzip, "{line}")?;
            gzip.finish()?;
        }
        made.push(recording);
    }
    made.sort();
    Ok(made)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path)?)
        .read_to_string(&mut text)
        .with_context(|| format!("`{}` can't be read", path.display()))?;
    Ok(text)
}

/// How many transactions there are in recordings.
fn count(recordings: &[PathBuf]) -> anyhow::Result<usize> {
    let mut count = 0;
    for path in recordings {
        for line in text(path)?.lines().filter(|line| line.contains("\"block\"")) {
            let block: Value = serde_json::from_str(line)?;
            count += block["block"]["transactions"].as_array().map_or(0, Vec::len);
        }
    }
    Ok(count)
}

fn run(component: &Path, recordings: &[PathBuf]) -> anyhow::Result<Run> {
    let config = target().join("score-config.toml");
    std::fs::write(&config, "")?;
    let mut command = watchfire();
    command.arg("backtest").args(recordings).arg("--detector").arg(component).arg("--detector-config").arg(&config);
    let output = command.args(["--format", "json", "--log", "error"]).output()?;
    if !output.status.success() {
        bail!("the backtest failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let report: Value = serde_json::from_slice(&output.stdout).context("the backtest's report is no JSON")?;
    let point = &report["points"][0];
    let (mut found, mut flagged_transactions) = (BTreeMap::<_, BTreeSet<String>>::new(), BTreeMap::new());
    for finding in point["findings"].as_array().into_iter().flatten() {
        let of = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        if ["high", "critical"].contains(&of("severity").as_str()) {
            found.entry(of("recording")).or_default().insert(of("kind"));
            let transaction = finding["transactions"][0].as_str().unwrap_or_default().to_owned();
            flagged_transactions.insert(transaction, format!("{} in {}", of("kind"), of("recording")));
        }
    }
    Ok(Run { found, flagged_transactions, failed: point["all"]["failed"].as_u64().unwrap_or_default() })
}

fn digest(component: &Path) -> anyhow::Result<String> {
    let output = watchfire().args(["plugin", "inspect", "--format", "json"]).arg(component).output()?;
    let inspected: Value = serde_json::from_slice(&output.stdout).context("the component can't be inspected")?;
    Ok(inspected["digest"].as_str().unwrap_or("unknown").to_owned())
}

/// Digests of the components of all first-party detectors, by name.
fn digests() -> anyhow::Result<Vec<(String, String)>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("plugins"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let of = |name: String| {
        let component = target().join("plugins").join(format!("{name}.wasm"));
        anyhow::ensure!(component.is_file(), "there is no `{}`; run `cargo xtask plugins`", component.display());
        let digest = digest(&component)?;
        Ok((name, digest))
    };
    names.into_iter().map(of).collect()
}

fn digest_table(digests: &[(String, String)]) -> String {
    let rows: String = digests.iter().map(|(name, digest)| format!("| `{name}` | `{digest}` |\n")).collect();
    format!(
        "\nThe components of this build, those that are in no table above among them:\n\n| component | digest |\n|---|---|\n{rows}"
    )
}

/// Found and all, of the exploit steps that a condition holds for.
fn share(cases: &[Case], run: &Run, counts: impl Fn(&Case) -> bool) -> (usize, usize) {
    let counted: Vec<&Case> = cases.iter().filter(|case| case.is_exploit && counts(case)).collect();
    (counted.iter().filter(|case| run.found.contains_key(&case.recording)).count(), counted.len())
}

/// Wilson's interval of a share at 95 %, from 0 to 1.
fn interval(found: usize, all: usize) -> (f64, f64) {
    let (count, z) = (all.max(1) as f64, 1.96);
    let share = found as f64 / count;
    let spread = z * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
    let (middle, scale) = (share + z * z / (2.0 * count), 1.0 + z * z / count);
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}

fn table(cases: &[Case], attacks: &Run, benign: &Run, transactions: usize, digest: &str) -> String {
    let cell = |(found, all): (usize, usize)| if all == 0 { "–".to_owned() } else { format!("{found}/{all}") };
    let mut text = String::from("| class | originals | replays |\n|---|---|---|\n");
    let classes: BTreeSet<&str> = cases.iter().filter(|case| case.is_exploit).map(|case| case.class.as_str()).collect();
    for class in classes {
        let of = |original: bool| share(cases, attacks, |case| case.class == class && case.is_original == original);
        let _ = writeln!(text, "| {} | {} | {} |", class.replace('_', " "), cell(of(true)), cell(of(false)));
    }
    let of = |original: bool| share(cases, attacks, |case| case.is_original == original);
    let _ = writeln!(text, "| **all** | **{}** | **{}** |", cell(of(true)), cell(of(false)));
    let percent = |(found, all): (usize, usize)| {
        let (low, high) = interval(found, all);
        format!("{:.0} to {:.0} %", low * 100.0, high * 100.0)
    };
    let _ = writeln!(text, "| at 95 % | {} | {} |", percent(of(true)), percent(of(false)));
    let flagged = benign.flagged_transactions.len();
    let rate = flagged as f64 * 100_000.0 / transactions.max(1) as f64;
    let most = interval(flagged, transactions).1 * 100_000.0;
    let _ = writeln!(
        text,
        "\nBenign: {flagged} of {transactions} transactions flagged at high or above ({rate:.1} in 100,000; at 95 % at most {most:.0})."
    );
    for (transaction, what) in &benign.flagged_transactions {
        let _ = writeln!(text, "- `{transaction}`: {what}");
    }
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.is_exploit) {
        for kind in attacks.found.get(&case.recording).into_iter().flatten() {
            let counts = kinds.entry(kind).or_default();
            if case.is_original { counts.0 += 1 } else { counts.1 += 1 }
        }
    }
    text.push_str("\n| kind | originals | replays |\n|---|---|---|\n");
    for (kind, (originals, replays)) in kinds {
        let _ = writeln!(text, "| `{kind}` | {originals} | {replays} |");
    }
    let _ = writeln!(text, "\nComponent: `attacks`, digest `{digest}`.");
    text
}

fn write_page(table: &str) -> anyhow::Result<()> {
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| format!("`{PAGE}` can't be read"))?;
    let (Some(start), Some(end)) = (page.find(MARKS[0]), page.find(MARKS[1])) else {
        bail!("`{PAGE}` lacks the marks `{}` and `{}`", MARKS[0], MARKS[1]);
    };
    let page = format!("{}{}\n{table}{}", &page[..start], MARKS[0], &page[end..]);
    Ok(std::fs::write(path, page)?)
}

/// Adds a line for a component that has none yet.
fn write_ledger(cases: &[Case], attacks: &Run, benign: &Run, transactions: usize, digest: &str) -> anyhow::Result<()> {
    let path = root().join(LEDGER);
    let mut ledger = std::fs::read_to_string(&path)
        .unwrap_or_else(|_| "component,digest,originals,of,replays,of,benign_flagged,of\n".to_owned());
    if !ledger.contains(digest) {
        let of = |original: bool| share(cases, attacks, |case| case.is_original == original);
        let ((originals, of_originals), (replays, of_replays)) = (of(true), of(false));
        let flagged = benign.flagged_transactions.len();
        let _ = writeln!(
            ledger,
            "attacks,{digest},{originals},{of_originals},{replays},{of_replays},{flagged},{transactions}"
        );
        std::fs::write(path, ledger)?;
    }
    Ok(())
}

/// Compares with what is expected: the same kinds in the same recordings, and nothing else.
fn expect(attacks: &Run, benign: &Run, accept: bool) -> anyhow::Result<()> {
    let mut found = String::new();
    for (recording, kinds) in attacks.found.iter().chain(&benign.found) {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        let _ = writeln!(found, "{recording}: {}", kinds.join(" "));
    }
    let path = root().join(EXPECTED);
    if accept {
        return Ok(std::fs::write(path, found)?);
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    let (expected, found): (BTreeSet<&str>, BTreeSet<&str>) = (expected.lines().collect(), found.lines().collect());
    let (missing, new): (Vec<_>, Vec<_>) =
        (expected.difference(&found).collect(), found.difference(&expected).collect());
    if !missing.is_empty() || !new.is_empty() {
        bail!(
            "what was found is not what is expected; where it is right, run `cargo xtask score --accept`\nexpected: {missing:#?}\nfound: {new:#?}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{digest_table, interval};

    #[test]
    fn each_component_has_its_digest() {
        let table = digest_table(&[("outflow".to_owned(), "0xab".to_owned())]);
        assert!(table.ends_with("|---|---|\n| `outflow` | `0xab` |\n"), "{table}");
    }

    #[test]
    fn intervals_are_wilsons() {
        let percent = |found, all| {
            let (low, high) = interval(found, all);
            ((low * 1_000.0).round() / 10.0, (high * 1_000.0).round() / 10.0)
        };
        assert_eq!(percent(41, 57), (59.2, 81.9));
        assert_eq!(percent(19, 26), (53.9, 86.3));
        assert_eq!(percent(57, 57), (93.7, 100.0));
        assert_eq!(percent(0, 0), (0.0, 79.3));
        assert!((interval(0, 20_103).1 * 100_000.0 - 19.1).abs() < 0.1);
    }
}
