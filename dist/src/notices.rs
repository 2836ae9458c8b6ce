//! Licences of the libraries that are in what is shipped, with their texts, each text once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::metadata::{Id, Metadata, Package};

/// How names of files begin that hold a licence or a notice.
const NAMES: [&str; 6] = ["license", "licence", "copying", "notice", "unlicense", "copyright"];

/// Returns the notices of all packages that are not this workspace's own.
///
/// # Errors
///
/// If the sources of a package can't be read.
pub(crate) fn text(metadata: &Metadata, shipped: &BTreeSet<Id>) -> anyhow::Result<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut list = String::new();
    for package in metadata.packages(shipped).into_iter().filter(|package| !metadata.is_own(package)) {
        let mut numbers = BTreeSet::new();
        for text in texts_of(package)? {
            // Texts that differ by their line breaks only are one.
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let number = *known.entry(words).or_insert_with(|| {
                texts.push(text);
                texts.len()
            });
            numbers.insert(number);
        }
        let numbers: Vec<String> = numbers.iter().map(|number| format!("[{number}]")).collect();
        let licence = package.licence().unwrap_or_else(|| "see its text".to_owned());
        let numbers = if numbers.is_empty() { "no text in its package".to_owned() } else { numbers.join(" ") };
        writeln!(list, "{} {}: {licence}; {numbers}", package.name, package.version)?;
    }
    let mut out =
        "Libraries in Watchfire's binary and in its detectors, their licences, and the texts of these.\n\n".to_owned();
    out.push_str(&list);
    for (at, text) in texts.iter().enumerate() {
        write!(out, "\n{:=^100}\n\n{}\n", format!(" [{}] ", at + 1), text.trim_end())?;
    }
    Ok(out)
}

fn texts_of(package: &Package) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(package.folder())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_source = [".rs", ".toml", ".sh", ".yml"].iter().any(|end| name.ends_with(end));
        if path.is_file() && !is_source && NAMES.iter().any(|start| name.starts_with(start)) {
            texts.push(String::from_utf8_lossy(&std::fs::read(&path)?).into_owned());
        }
    }
    texts.sort();
    Ok(texts)
}
