//! Relative links and their anchors, in every Markdown file of the repository; the book's list of pages.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{files, lines, root};

/// A page's text without code: fenced blocks, and spans between backquotes.
fn prose(text: &str) -> Vec<String> {
    let outside = lines(text).into_iter().filter(|(_, block)| block.is_none());
    outside.map(|(line, _)| line.split('`').step_by(2).collect::<Vec<_>>().join("``")).collect()
}

/// Targets of the links of a page, in order.
fn targets(text: &str) -> Vec<String> {
    let of_line = |line: &String| -> Vec<String> {
        let after = line.split("](").skip(1);
        after.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
    };
    prose(text).iter().flat_map(of_line).collect()
}

/// The anchor that a heading has, on GitHub and in the book alike.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Anchors of a page. A heading that comes again gets a number.
fn anchors(text: &str) -> Vec<String> {
    let headings = lines(text).into_iter().filter(|(_, block)| block.is_none()).filter_map(|(line, _)| {
        let rest = line.trim_start_matches('#');
        (line.starts_with('#') && rest.starts_with(' ')).then(|| slug(rest))
    });
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut numbered = |slug: String| {
        let count = seen.entry(slug.clone()).or_default();
        *count += 1;
        if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
    };
    headings.map(&mut numbered).collect()
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// What is wrong with a link of a page; `None` if it leads somewhere.
fn wrong(page: &Path, text: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() { page.to_owned() } else { plain(&page.parent()?.join(path)) };
    if !file.exists() {
        return Some("there is no such file".to_owned());
    }
    let docs = root().join("docs");
    if page.starts_with(&docs) && !(file.starts_with(&docs) && file.extension().is_some_and(|end| end == "md")) {
        return Some("the book has no such page: name the file between backquotes".to_owned());
    }
    if anchor.is_empty() {
        return None;
    }
    let there = if path.is_empty() { text.to_owned() } else { fs::read_to_string(&file).ok()? };
    let known = anchors(&there);
    (!known.iter().any(|known| known == anchor)).then(|| format!("no such heading; there are {}", known.join(", ")))
}

#[test]
fn every_link_leads_somewhere() {
    let (mut checked, mut broken) = (0, Vec::new());
    for page in files(&root(), ".md") {
        let text = fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            checked += 1;
            if let Some(why) = wrong(&page, &text, &target) {
                broken.push(format!("{}: {target}: {why}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 200, "only {checked} links were found");
}

#[test]
fn the_book_lists_every_page_once_and_the_readme_in_the_same_order() {
    let docs = root().join("docs");
    let listed = targets(&fs::read_to_string(docs.join("SUMMARY.md")).unwrap());
    let mut pages: Vec<String> = files(&docs, ".md")
        .iter()
        .map(|page| page.strip_prefix(&docs).unwrap().display().to_string())
        .filter(|page| page != "SUMMARY.md")
        .collect();
    let mut sorted = listed.clone();
    sorted.sort();
    pages.sort();
    assert_eq!(sorted, pages, "docs/SUMMARY.md lists each page of docs/ once");

    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, read_on) = readme.split_once("## Read on").unwrap();
    let shown: Vec<String> =
        targets(read_on).iter().filter_map(|target| target.strip_prefix("docs/").map(str::to_owned)).collect();
    let is_own = |page: &&String| !page.starts_with("shipped/");
    let own: Vec<String> = listed[1..].iter().filter(is_own).cloned().collect();
    assert_eq!(shown, own, "README's last section lists the pages in the order of docs/SUMMARY.md");
}

#[test]
fn each_detector_that_ships_has_its_page() {
    let listed = targets(&fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap());
    let mut shown: Vec<&str> = listed.iter().filter_map(|page| page.strip_prefix("shipped/")).collect();
    shown.sort_unstable();
    let mut shipped = Vec::new();
    for folder in fs::read_dir(root().join("plugins")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let page = fs::read_to_string(root().join(format!("docs/shipped/{name}.md"))).unwrap_or_default();
        assert_eq!(page.trim(), format!("{{{{#include ../../plugins/{name}/README.md}}}}"), "the page of {name}");
        shipped.push(format!("{name}.md"));
    }
    shipped.sort();
    assert_eq!(shown, shipped);
}

#[test]
fn anchors_are_those_that_readers_jump_to() {
    let text = "# A `[person.ID]`\n```sh\n# no heading\n```\n## It's slow, or wrong\n## A `[person.ID]`\n";
    assert_eq!(anchors(text), ["a-personid", "its-slow-or-wrong", "a-personid-1"]);
}

#[test]
fn a_link_that_leads_nowhere_is_named() {
    let page = root().join("docs/plan.md");
    let check = |target: &str, expected: Option<&str>| {
        let why = wrong(&page, "## Here\n", target);
        assert_eq!(why.is_some(), expected.is_some(), "{target}: {why:?}");
        assert!(why.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{target}");
    };
    check("https://example.org/x#y", None);
    check("#here", None);
    check("#there", Some("no such heading; there are here"));
    check("checks.md#waivers", None);
    check("checks.md#no-such", Some("no such heading"));
    check("no-such.md", Some("there is no such file"));
    check("../README.md", Some("the book has no such page"));
    assert_eq!(targets("`[a](b)` [c `d`](e) and\n```\n[f](g)\n```\n[h](i#j)"), ["e", "i#j"]);
}

#[test]
fn tables_are_whole() {
    let mut wrong = Vec::new();
    for path in files(&root(), ".md") {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = lines(&text);
        let is_row =
            |index: usize| lines.get(index).is_some_and(|(line, block)| block.is_none() && line.starts_with('|'));
        let is_rule = |index: usize| {
            lines.get(index).is_some_and(|(line, _)| line.contains("--") && line.chars().all(|c| "|-: ".contains(c)))
        };
        let begins = (0..lines.len()).filter(|index| is_row(*index) && (*index == 0 || !is_row(index - 1)));
        let headless = begins.filter(|index| !is_rule(index + 1));
        wrong.extend(headless.map(|index| format!("{}: `{}`", path.display(), lines[index].0)));
    }
    assert_eq!(wrong, [""; 0], "rows without a head are no table: is there an empty line before them?");
}
