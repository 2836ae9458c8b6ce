//! What operators look up when something is wrong: each metric and each coverage kind has its row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{files, root};

fn page() -> String {
    fs::read_to_string(root().join("docs/operations.md")).unwrap()
}

/// First cells of a section's tables, as far as they are code.
fn rows(page: &str, heading: &str) -> BTreeSet<String> {
    let (_, section) = page.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

/// Literals of a text of which every character is a lower-case letter or `joint`, with a joint among them.
fn literals(text: &str, joint: char) -> BTreeSet<String> {
    let is_name = |text: &&str| {
        let whole = text.split(joint).all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()));
        whole && text.contains(joint)
    };
    // Quotes within literals would shift which of the parts stand between quotes.
    let text = text.replace("\\\"", "").replace("'\"'", "");
    text.split('"').skip(1).step_by(2).filter(is_name).map(str::to_owned).collect()
}

/// A source without its tests and comments.
fn source(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_metric_has_its_row() {
    let metrics = source(&root().join("host/src/app/live/metrics.rs"));
    let (_, text) = metrics.split_once("fn text(").unwrap();
    let metrics: BTreeSet<String> = literals(text, '_').into_iter().map(|name| format!("watchfire_{name}")).collect();
    assert!(metrics.len() >= 9, "{metrics:?}");
    let plain = |row: String| row.split('{').next().unwrap_or_default().trim_end_matches("_total").to_owned();
    let documented: BTreeSet<String> = rows(&page(), "## What to watch").into_iter().map(plain).collect();
    assert_eq!(documented, metrics);
}

/// Kinds stand as literals in the files that raise coverage findings.
#[test]
fn every_coverage_kind_has_its_row() {
    let not_kinds = ["do-nothing", "kebab-case", "content-type"];
    let raises = |text: &String| text.contains("Coverage {") || text.contains("Gap::of_detector");
    let sources: Vec<String> = files(&root().join("host/src"), ".rs")
        .iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
        .map(|path| source(path))
        .collect();
    let mut kinds: BTreeSet<String> =
        sources.iter().filter(|text| raises(text)).flat_map(|text| literals(text, '-')).collect();
    // Those of a chain stand beside the judgement, and `follow/findings.rs` raises them.
    for path in files(&root().join("host/src/source/evm/follow"), ".rs") {
        if !path.components().any(|part| part.as_os_str() == "tests") {
            kinds.extend(literals(&source(&path), '-'));
        }
    }
    kinds.retain(|kind| !not_kinds.contains(&kind.as_str()));
    assert!(kinds.len() >= 17, "{kinds:?}");
    let mut documented = rows(&page(), "## Coverage kinds");
    documented.extend(rows(&page(), "## The watch over the watch"));
    let lacking: Vec<&String> = kinds.difference(&documented).collect();
    assert!(lacking.is_empty(), "docs/operations.md does not say what to do about {lacking:?}");
    // A kind may be put together of what is missing and an ending.
    let is_raised = |kind: &&String| {
        let ending = kind.split_once('-').map_or("", |(_, ending)| ending);
        sources.iter().any(|text| text.contains(&format!("\"{kind}\"")) || text.contains(&format!("}}-{ending}\"")))
    };
    let gone: Vec<&String> = documented.iter().filter(|kind| !is_raised(kind)).collect();
    assert!(gone.is_empty(), "nothing raises {gone:?}, which docs/operations.md has");
}

/// Messages that are quoted in first cells, with `…` for what differs, stand in the sources.
#[test]
fn what_troubleshooting_quotes_is_what_the_program_says() {
    let mut sources = String::new();
    for folder in ["host/src", "response/src"] {
        for path in files(&root().join(folder), ".rs") {
            // A literal that goes on in the next line is one line of text.
            let joined: Vec<String> = source(&path).split("\\\n").map(|part| part.trim_start().to_owned()).collect();
            sources.push_str(&joined.concat());
        }
    }
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let parts: BTreeSet<&str> =
        quoted.flat_map(|text| text.split('…')).map(str::trim).filter(|part| part.len() > 3).collect();
    assert!(parts.len() > 25, "{parts:?}");
    let unsaid: Vec<&&str> = parts.iter().filter(|part| !sources.contains(**part)).collect();
    assert!(unsaid.is_empty(), "docs/troubleshooting.md quotes what no source says: {unsaid:?}");
}

#[test]
fn names_are_told_from_other_literals() {
    let text = r#"fault("head-stalled", "a word", "Upper-case", "-", "two--joints"); x_y("one_two")"#;
    assert_eq!(literals(text, '-'), BTreeSet::from(["head-stalled".to_owned()]));
    assert_eq!(literals(text, '_'), BTreeSet::from(["one_two".to_owned()]));
    let page = "## A\n| `a{b}` | x |\n| c |\n## B\n| `d` | y |\n";
    assert_eq!(rows(page, "## A"), BTreeSet::from(["a{b}".to_owned()]));
}
