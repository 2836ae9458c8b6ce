//! What the book says of limits, one by one and multiplied out, is what the code has.

use std::fs;

use serde_json::Value;
use watchfire::plan::Protocol;
use watchfire::plugin::Limits;

use super::root;

/// How many detectors the example has, on how many cores.
const DETECTORS: u64 = 20;
const CORES: u64 = 2;
const DAY_MS: u64 = 86_400_000;
/// Time from block to block of the two chains of the example, milliseconds.
const BLOCK_MS: [u64; 2] = [12_000, 250];

/// The cells of a table's row that begins so.
fn row<'a>(page: &'a str, heading: &str, first: &str) -> Vec<&'a str> {
    let (_, section) = page.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let found = section.lines().find(|line| line.starts_with(&format!("| {first} |")));
    let line = found.unwrap_or_else(|| panic!("no row `{first}` under {heading}"));
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// A number with commas between thousands.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).unwrap()).collect();
    parts.join(",")
}

/// A size in the largest unit of which it has a quarter's multiple.
fn size(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let (unit, name) = units.into_iter().find(|(unit, _)| bytes >= *unit).unwrap();
    format!("{} {name}", bytes as f64 / unit as f64)
}

fn seconds(time_ms: u64) -> String {
    format!("{} s", time_ms as f64 / 1_000.0)
}

#[test]
fn each_limit_has_its_row_with_its_default() {
    let page = fs::read_to_string(root().join("docs/sandbox.md")).unwrap();
    let limits = serde_json::to_value(Limits::default()).unwrap();
    for (name, value) in limits.as_object().unwrap() {
        // It costs no detector anything, and is of the page on those that are late.
        if name == "batches_behind" {
            continue;
        }
        let said = match value {
            Value::Null => "not counted".to_owned(),
            value if name.contains("bytes") => size(value.as_u64().unwrap()),
            value => count(value.as_u64().unwrap()),
        };
        assert_eq!(row(&page, "\n## Limits\n", &format!("`{name}`"))[1], said, "`{name}`");
    }
}

#[test]
fn what_limits_come_to_is_their_product() {
    let page = fs::read_to_string(root().join("docs/sandbox.md")).unwrap();
    let limits = Limits::default();
    let expect = |first: &str, cells: [String; 3]| {
        assert_eq!(row(&page, "\n## What limits come to\n", first)[1..4], cells, "{first}");
    };
    // A batch that fails is tried twice.
    let batch_ms = 2 * limits.batch_deadline_ms;
    let [slow, fast] = BLOCK_MS.map(|block_ms| (seconds(DETECTORS * batch_ms), seconds(CORES * block_ms)));
    expect(
        "processor",
        [
            format!("{}: a deadline of {}, twice", seconds(batch_ms), seconds(limits.batch_deadline_ms)),
            format!("{} of the {} that two cores have", slow.0, slow.1),
            format!("{} of {}", fast.0, fast.1),
        ],
    );

    let memory = limits.memory_bytes as u64;
    let all = format!("{}, kept", size(DETECTORS * memory));
    expect("memory", [size(memory), all.clone(), all]);

    let (findings, findings_bytes) = (limits.findings_per_batch as u64, limits.findings_bytes_per_batch as u64);
    let [slow, fast] = BLOCK_MS.map(|block_ms| DAY_MS / block_ms * DETECTORS * findings_bytes);
    let a_block = format!("{}, {}", count(DETECTORS * findings), size(DETECTORS * findings_bytes));
    expect(
        "findings",
        [
            format!("{findings}, {}", size(findings_bytes)),
            format!("{a_block}; {:.0} GB a day", slow as f64 / 1e9),
            format!("{a_block}; {:.0} TB a day", fast as f64 / 1e12),
        ],
    );

    let state = (limits.state_write_bytes_per_batch + limits.state_bytes) as u64;
    let a_block = size(DETECTORS * state);
    expect(
        "state, with what undoes it",
        [
            size(state),
            format!("{a_block}; {} until 64 blocks are final", size(64 * DETECTORS * state)),
            format!("{a_block}; the same for each 64 blocks"),
        ],
    );

    let reads = u64::from(limits.chain_reads_per_batch);
    let [slow, fast] = BLOCK_MS.map(|block_ms| {
        let a_second = (DETECTORS * reads) as f64 * 1e3 / block_ms as f64;
        format!("{} calls, {} a second", count(DETECTORS * reads), count(a_second.round() as u64))
    });
    expect("reads of the chain", [format!("{reads}, {}", size(limits.chain_read_bytes as u64)), slow, fast]);

    let lines = limits.log_lines_per_batch as u64;
    let all = format!("{} lines", count(DETECTORS * lines));
    expect("log", [format!("{lines} lines, {}", size(lines * limits.log_line_bytes as u64)), all.clone(), all]);

    let plan = Protocol::default();
    let an_hour = count(DETECTORS * plan.conditions_per_hour);
    let by = "by [`conditions_per_hour`](plan-reference.md#protocol) of the plan";
    expect("new conditions", [findings.to_string(), format!("{an_hour} an hour, {by}"), format!("{an_hour} an hour")]);
    let an_hour = format!("{} an hour of each signal", plan.incidents_per_hour);
    expect(
        "incidents, each with its pages",
        [findings.to_string(), format!("{an_hour}, by `incidents_per_hour` of the plan"), an_hour],
    );
}
