//! Files that a detector's config includes: `{ from_file = "…" }` stands for what the file says. A detector reads no file
//! itself.

use std::path::{Path, PathBuf};

use toml::Value;

use crate::whole_file::read_text;

/// The key that stands alone in a table that is replaced.
const KEY: &str = "from_file";
/// Largest file that is included, bytes.
const BYTES_AT_MOST: u64 = 4 << 20;

/// A file that can't be included: its key's path in the config, and why.
pub struct Wrong {
    /// Below the detector's `config`.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
}

/// Puts files in their places. Returns the files, and those that can't be read.
pub fn include(config: &mut toml::Table, folder: &Path) -> (Vec<PathBuf>, Vec<Wrong>) {
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    for (key, value) in config.iter_mut() {
        walk(value, &mut vec![key.clone()], folder, &mut files, &mut wrong);
    }
    (files, wrong)
}

fn walk(value: &mut Value, path: &mut Vec<String>, folder: &Path, files: &mut Vec<PathBuf>, wrong: &mut Vec<Wrong>) {
    let named = match &*value {
        Value::Table(table) if table.len() == 1 => table.get(KEY).and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    if let Some(name) = named {
        let file = folder.join(&name);
        match read(&file) {
            Ok(text) => *value = text,
            Err(message) => wrong.push(Wrong { path: path.clone(), message }),
        }
        files.push(file);
        return;
    }
    let mut step = |key: String, inner: &mut Value| {
        path.push(key);
        walk(inner, path, folder, files, wrong);
        path.pop();
    };
    match value {
        Value::Table(table) => table.iter_mut().for_each(|(key, inner)| step(key.clone(), inner)),
        Value::Array(array) => array.iter_mut().enumerate().for_each(|(at, inner)| step(at.to_string(), inner)),
        _ => {}
    }
}

/// JSON as its text, anything else as its lines without comments and blank ones.
fn read(file: &Path) -> Result<Value, String> {
    let why = |error: std::io::Error| format!("`{}` can't be read: {error}", file.display());
    let text = read_text(file, BYTES_AT_MOST).map_err(why)?;
    if file.extension().is_some_and(|extension| extension == "json") {
        return Ok(Value::String(text));
    }
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(Value::Array(lines.filter(|line| !line.is_empty()).map(|line| Value::String(line.to_owned())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_json_take_the_place_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("watched.txt"), "# ours\n0xaa vault # main\n\n0xbb\n").unwrap();
        std::fs::write(folder.path().join("token.json"), "[]").unwrap();
        let text = "abi = [{ from_file = \"token.json\" }]\n[lists]\nwatched = { from_file = \"watched.txt\" }\n\
                    gone = { from_file = \"gone.txt\" }\nplain = { from_file = \"x\", more = 1 }";
        let mut config: toml::Table = toml::from_str(text).unwrap();
        let (files, wrong) = include(&mut config, folder.path());
        assert_eq!(config["abi"][0].as_str(), Some("[]"));
        let lines: Vec<_> =
            config["lists"]["watched"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
        assert_eq!(lines, ["0xaa vault", "0xbb"]);
        assert!(config["lists"]["plain"].is_table());
        assert_eq!(files.len(), 3);
        assert_eq!(wrong[0].path, ["lists", "gone"]);
        assert!(wrong[0].message.contains("can't be read"));
    }
}
