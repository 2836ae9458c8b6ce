//! Rules as somebody tries them: those of a config's detectors, or a file of rules alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::app::config::included;
use crate::diagnostic::Diagnostic;
use crate::plugin::LoadError;
use crate::toml_file::TomlFile;

/// Rules of one detector.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSet {
    /// The detector's id; `rules` where the file has rules alone.
    pub detector: String,
    /// The component, as far as the file names one.
    pub component: Option<PathBuf>,
    /// The detector's config.
    pub config: Value,
    /// The file that they stand in.
    pub file: PathBuf,
    /// Where in it: the keys that lead to the config, none where the file has rules alone.
    pub place: Vec<String>,
}

impl RuleSet {
    /// Returns what is wrong with a rule, at its place in the file; `None` where the error is not one of the config.
    pub fn placed(&self, error: &anyhow::Error) -> Option<Diagnostic> {
        let LoadError::Config { key, message } = error.downcast_ref()? else { return None };
        let text = std::fs::read_to_string(&self.file).ok()?;
        let name = self.file.display().to_string();
        let mut toml = TomlFile::parse(&name, &text).ok()?;
        let inner = key.split('.').filter(|part| !part.is_empty());
        let path: Vec<&str> = self.place.iter().map(String::as_str).chain(inner).collect();
        let mut span = toml.span(&path);
        span.start += within(&text[span.clone()], message).unwrap_or_default();
        toml.tell(span, &path.join("."), message.clone(), "");
        toml.diagnostics.pop()
    }
}

/// Returns how many bytes into a text of one line, as it stands in the file, the place is that a message begins with.
fn within(written: &str, message: &str) -> Option<usize> {
    let column = message.strip_prefix("line 1, column ")?.split(':').next()?.parse::<usize>().ok()?;
    let quote = written.chars().next().filter(|first| ['"', '\''].contains(first))?;
    let inside = written.strip_prefix(quote)?;
    // A text of several lines, or with what is escaped, stands elsewhere than it says.
    if inside.starts_with(quote) || inside.contains('\\') {
        return None;
    }
    inside.char_indices().nth(column.checked_sub(1)?).map(|(at, _)| at + 1)
}

/// Reads the rules of a file: of each detector of a `watchfire.toml` that has a `config.rule`, or the file's own.
///
/// # Errors
///
/// If it can't be read, has no rule, or includes a file that can't be read.
pub fn read(file: &Path) -> anyhow::Result<Vec<RuleSet>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("`{}` can't be read", file.display()))?;
    let table = toml::from_str::<toml::Table>(&text).with_context(|| file.display().to_string())?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let set = |detector: &str, component: Option<&str>, mut config: toml::Table, place: &[&str]| {
        let (_, wrong) = included::include(&mut config, folder);
        if let Some(wrong) = wrong.first() {
            bail!("{}: `{}`: {}", file.display(), wrong.path.join("."), wrong.message);
        }
        let component = component.map(|component| folder.join(component));
        let place = place.iter().map(|key| (*key).to_owned()).collect();
        let config = serde_json::to_value(config)?;
        Ok(RuleSet { detector: detector.to_owned(), component, config, file: file.to_owned(), place })
    };
    if table.contains_key("rule") {
        return Ok(vec![set("rules", None, table, &[])?]);
    }
    let mut sets = Vec::new();
    for (id, detector) in table.get("detector").and_then(toml::Value::as_table).into_iter().flatten() {
        let config = detector.get("config").and_then(toml::Value::as_table);
        let Some(config) = config.filter(|config| config.contains_key("rule")) else { continue };
        let component = detector.get("component").and_then(toml::Value::as_str);
        sets.push(set(id, component, config.clone(), &["detector", id, "config"])?);
    }
    ensure!(
        !sets.is_empty(),
        "`{}` has no rule; write `[[detector.NAME.config.rule]]`, or `[[rule]]` in a file of rules alone",
        file.display()
    );
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_in_configs_and_alone() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write("list.txt", "0xaa\n");
        let alone = write("alone.toml", "[lists]\nmine = { from_file = \"list.txt\" }\n[[rule]]\non = \"creation\"\n");
        let sets = read(&alone).unwrap();
        assert_eq!((sets[0].detector.as_str(), &sets[0].component), ("rules", &None));
        assert_eq!(sets[0].config["lists"]["mine"][0], "0xaa");
        let text = "[detector.a]\ncomponent = \"x.wasm\"\n[[detector.a.config.rule]]\non = \"creation\"\n\
                    [detector.b]\ncomponent = \"y.wasm\"\n";
        let sets = read(&write("watchfire.toml", text)).unwrap();
        assert_eq!(sets.len(), 1);
        assert_eq!(sets[0].component, Some(folder.path().join("x.wasm")));
        assert_eq!(sets[0].place, ["detector", "a", "config"]);
        let error = read(&write("none.toml", "[host]\n")).unwrap_err().to_string();
        assert!(error.contains("has no rule"), "{error}");
    }

    #[test]
    fn a_wrong_rule_is_told_at_its_place_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let check = |text: &str, key: &str, message: &str, expected: &str| {
            let file = folder.path().join("rules.toml");
            std::fs::write(&file, text).unwrap();
            let error = LoadError::Config { key: key.to_owned(), message: message.to_owned() }.into();
            let told = read(&file).unwrap()[0].placed(&error).unwrap();
            let place = format!("{}:{} {}", told.line, told.column, told.key);
            assert_eq!((place.as_str(), told.message.as_str()), (expected, message));
        };
        let alone = "[[rule]]\non = \"creation\"\nwhen = \"a && b\"\n";
        check(alone, "rule.0.when", "line 1, column 6: there is no `b`", "3:14 rule.0.when");
        check(alone, "rule.0.on", "it can't be", "2:6 rule.0.on");
        let of_two_lines = "[[rule]]\non = \"creation\"\nwhen = \"\"\"\na &&\nb\"\"\"\n";
        check(of_two_lines, "rule.0.when", "line 1, column 6: there is no `b`", "3:8 rule.0.when");
        let config = "[detector.big]\nuse = \"rules\"\n[[detector.big.config.rule]]\non = 'call'\n";
        check(config, "rule.0.on", "line 1, column 1: odd", "4:7 detector.big.config.rule.0.on");
    }
}
