//! Reads Rust sources far enough to know what they name: paths by `use` and in expressions, and single words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A path as a source names it, from its first segment on.
pub type Named = Vec<String>;

/// What one file says, without its comments, its texts and its tests.
#[derive(Debug, Default)]
pub struct Source {
    /// Where it stands in its crate: `app::engine::late`; empty for the crate's root.
    pub module: Vec<String>,
    /// Every path of two segments or more.
    pub paths: BTreeSet<Named>,
    /// Every identifier.
    pub words: BTreeSet<String>,
    /// What it hands on by `pub use`: the name, and the path behind it.
    pub exports: BTreeMap<String, Named>,
    /// Modules that it declares.
    pub children: BTreeSet<String>,
}

/// The files of a folder that end in `.rs`, in order.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            files.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Reads all files of a crate's `src` that are no tests.
pub fn crate_sources(src: &Path) -> Vec<Source> {
    let is_test = |module: &[String]| module.iter().any(|part| part == "tests");
    let sources = rust_files(src).into_iter().map(|file| {
        let module = module_of(file.strip_prefix(src).unwrap());
        Source::read(module, &fs::read_to_string(&file).unwrap())
    });
    sources.filter(|source| !is_test(&source.module)).collect()
}

fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        file.with_extension("").components().map(|part| part.as_os_str().to_str().unwrap().to_owned()).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

impl Source {
    pub fn read(module: Vec<String>, text: &str) -> Self {
        let tokens = without_tests(tokens(text));
        let mut source = Self { module, ..Self::default() };
        let mut at = 0;
        while at < tokens.len() {
            match tokens[at].as_str() {
                "use" => {
                    let is_public = at > 0 && (tokens[at - 1] == "pub" || tokens[at - 1] == ")");
                    let mut found = Vec::new();
                    at = use_tree(&tokens, at + 1, &[], &mut found);
                    for (path, name) in found {
                        if is_public {
                            source.exports.insert(name, path.clone());
                        }
                        source.words.extend(path.iter().cloned());
                        source.paths.insert(path);
                    }
                    continue;
                }
                "mod" if tokens.get(at + 2).is_some_and(|next| next == ";") => {
                    source.children.insert(tokens[at + 1].clone());
                }
                word if is_word(word) => {
                    source.words.insert(word.to_owned());
                    let is_first = at == 0 || tokens[at - 1] != "::";
                    let mut path = vec![word.to_owned()];
                    let mut next = at + 1;
                    while is_first
                        && tokens.get(next).is_some_and(|token| token == "::")
                        && let Some(segment) = tokens.get(next + 1).filter(|token| is_word(token))
                    {
                        path.push(segment.clone());
                        next += 2;
                    }
                    if path.len() > 1 {
                        source.paths.insert(path);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        source
    }

    /// A path from the crate's root on, without the crate's name; `None` for one that leads elsewhere.
    pub fn absolute(&self, path: &[String]) -> Option<Named> {
        let first = path.first()?.as_str();
        match first {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([&self.module[..], &path[1..]].concat()),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let above = self.module.len().checked_sub(ups)?;
                Some([&self.module[..above], &path[ups..]].concat())
            }
            child if self.children.contains(child) => Some([&self.module[..], path].concat()),
            _ => None,
        }
    }

    /// Every path that it names in its own crate, from the crate's root on.
    pub fn own_paths(&self) -> BTreeSet<Named> {
        self.paths.iter().filter_map(|path| self.absolute(path)).collect()
    }

    /// Whether it names a path of another crate, or anything below that.
    pub fn names_path(&self, wanted: &str) -> bool {
        let wanted: Vec<&str> = wanted.split("::").collect();
        self.paths.iter().any(|path| path.len() >= wanted.len() && path.iter().zip(&wanted).all(|(is, at)| is == at))
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads a tree of `use` from a token on; gives each path with the name under which it is known, and where the tree ends.
fn use_tree(tokens: &[String], mut at: usize, before: &[String], found: &mut Vec<(Named, String)>) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = use_tree(tokens, at, &path, found);
                    at += usize::from(tokens.get(at).is_some_and(|token| token == ","));
                }
                return at + 1;
            }
            "as" => {
                found.push((path.clone(), tokens[at + 1].clone()));
                return at + 2;
            }
            word if is_word(word) || word == "*" => {
                // `self` within braces is what stands before them.
                if word != "self" || path.is_empty() {
                    path.push(word.to_owned());
                }
                at += 1;
            }
            _ => break,
        }
    }
    if let Some(name) = path.last().cloned() {
        found.push((path, name));
    }
    at
}

/// The words and signs of a source, without comments, texts, and numbers.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let rest = |count: usize| chars[at..].iter().take(count).collect::<String>();
        match chars[at] {
            '/' if rest(2) == "//" => at += chars[at..].iter().take_while(|c| **c != '\n').count(),
            '/' if rest(2) == "/*" => {
                let mut depth = 0;
                loop {
                    match chars[at..].iter().take(2).collect::<String>().as_str() {
                        "/*" => (depth, at) = (depth + 1, at + 2),
                        "*/" => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 || at >= chars.len() {
                        break;
                    }
                }
            }
            '"' => at = after_text(&chars, at),
            'r' | 'b' | 'c' if let Some(after) = after_raw_text(&chars, at) => at = after,
            // A letter in quotes; what is no letter is a lifetime.
            '\'' if chars.get(at + 1) == Some(&'\\') => {
                at += 3;
                at += chars[at..].iter().take_while(|c| **c != '\'').count() + 1;
            }
            '\'' if chars.get(at + 2) == Some(&'\'') => at += 3,
            c if c.is_alphabetic() || c == '_' => {
                let word: String = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                at += word.chars().count();
                tokens.push(word);
            }
            c if c.is_ascii_digit() => {
                at += chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
            }
            ':' if rest(2) == "::" => {
                tokens.push("::".to_owned());
                at += 2;
            }
            c if c.is_whitespace() => at += 1,
            c => {
                tokens.push(c.to_string());
                at += 1;
            }
        }
    }
    tokens
}

fn after_text(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Where a text ends that begins with `r"`, `r#"`, `br"`, `b"` or `c"`; `None` where there is none.
fn after_raw_text(chars: &[char], at: usize) -> Option<usize> {
    let is_in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    if is_in_word {
        return None;
    }
    let prefix = chars[at..].iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let hashes = chars[at + prefix..].iter().take_while(|c| **c == '#').count();
    let quote = at + prefix + hashes;
    if prefix > 2 || chars.get(quote) != Some(&'"') {
        return None;
    }
    if !chars[at..at + prefix].contains(&'r') {
        return (hashes == 0).then(|| after_text(chars, quote));
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    (quote + 1..chars.len()).find(|at| chars[*at..].starts_with(&end)).map(|at| at + end.len())
}

/// Leaves out what is compiled for tests only: items and modules under `#[cfg(test)]`.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut left, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at..].iter().take(TEST.len()).map(String::as_str).eq(TEST) {
            at = after_item(&tokens, at + TEST.len());
        } else {
            left.push(tokens[at].clone());
            at += 1;
        }
    }
    left
}

/// Where an item ends: at its `;`, or with its braces.
fn after_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}
