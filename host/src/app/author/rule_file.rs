//! Rules as somebody tries them: those of a config's detectors, or a file of rules alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::app::config::included;

/// Rules of one detector.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSet {
    /// The detector's id; `rules` where the file has rules alone.
    pub detector: String,
    /// The component, as far as the file names one.
    pub component: Option<PathBuf>,
    /// The detector's config.
    pub config: Value,
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
    let set = |detector: &str, component: Option<&str>, mut config: toml::Table| {
        let (_, wrong) = included::include(&mut config, folder);
        if let Some(wrong) = wrong.first() {
            bail!("{}: `{}`: {}", file.display(), wrong.path.join("."), wrong.message);
        }
        let component = component.map(|component| folder.join(component));
        Ok(RuleSet { detector: detector.to_owned(), component, config: serde_json::to_value(config)? })
    };
    if table.contains_key("rule") {
        return Ok(vec![set("rules", None, table)?]);
    }
    let mut sets = Vec::new();
    for (id, detector) in table.get("detector").and_then(toml::Value::as_table).into_iter().flatten() {
        let config = detector.get("config").and_then(toml::Value::as_table);
        let Some(config) = config.filter(|config| config.contains_key("rule")) else { continue };
        let component = detector.get("component").and_then(toml::Value::as_str);
        sets.push(set(id, component, config.clone())?);
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
        let error = read(&write("none.toml", "[host]\n")).unwrap_err().to_string();
        assert!(error.contains("has no rule"), "{error}");
    }
}
