//! A detector's section in a config: written, copied for a shadow, taken out. The rest of the file stays as people wrote it, with
//! its line ends and its byte-order mark.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use crate::share::reference::Reference;

/// What a detector's section is to say.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its id.
    pub id: String,
    /// What it is granted.
    pub grant: Vec<String>,
    /// Its own config, TOML; what stands there stays where it is absent.
    pub config: Option<String>,
    /// Limits by key; what stands there stays where there are none.
    pub limits: BTreeMap<String, u64>,
}

/// How a file was written beside its words.
struct Layout {
    has_mark: bool,
    has_returns: bool,
}

/// The byte-order mark that some editors put before a text.
const MARK: char = '\u{feff}';

impl Layout {
    /// Returns how a text is laid out, and the text without that.
    fn take(text: &str) -> (Self, String) {
        let bare = text.strip_prefix(MARK);
        let (has_mark, text) = (bare.is_some(), bare.unwrap_or(text));
        // A file with both ends of lines has the more frequent one from then on.
        let returns = text.matches("\r\n").count();
        let has_returns = returns * 2 > text.matches('\n').count();
        (Self { has_mark, has_returns }, text.replace("\r\n", "\n"))
    }

    fn give(&self, text: &str) -> String {
        let text = if self.has_returns { text.replace('\n', "\r\n") } else { text.to_owned() };
        if self.has_mark { format!("{MARK}{text}") } else { text }
    }
}

/// Changes a config's tables, and leaves all else of the text as it is.
fn edited(text: &str, edit: impl FnOnce(&mut DocumentMut) -> anyhow::Result<()>) -> anyhow::Result<String> {
    let (layout, text) = Layout::take(text);
    let mut document: DocumentMut = text.parse().context("the config is no TOML")?;
    edit(&mut document)?;
    Ok(layout.give(&document.to_string()))
}

/// Returns a table below another; made if it is not there, and written as a table of its own if it stands in a line.
fn table_of<'a>(item: &'a mut Item, name: &str) -> anyhow::Result<&'a mut Table> {
    if item.is_inline_table() {
        *item = Item::Table(std::mem::take(item).into_table().unwrap_or_default());
    }
    if item.is_none() {
        *item = Item::Table(Table::new());
    }
    item.as_table_mut().with_context(|| format!("`{name}` is no table in the config"))
}

/// Returns the table of all detectors.
fn detectors_of(document: &mut DocumentMut) -> anyhow::Result<&mut Table> {
    let has_header = document.get("detector").is_some_and(Item::is_table);
    let detectors = table_of(document.entry("detector").or_insert(Item::None), "detector")?;
    if !has_header {
        detectors.set_implicit(true);
    }
    Ok(detectors)
}

/// Returns a config's text with a detector's section as it is to be; the rest stays as it is written.
///
/// # Errors
///
/// If the text, or the detector's own config, is no TOML.
pub fn with_section(text: &str, section: &Section, reference: &Reference) -> anyhow::Result<String> {
    edited(text, |document| {
        let detectors = detectors_of(document)?;
        let own = detectors.entry(&section.id).or_insert(Item::None);
        let own = table_of(own, &format!("detector.{}", section.id))?;
        own["component"] = value(reference.to_string());
        match section.grant.is_empty() {
            true => drop(own.remove("grant")),
            false => own["grant"] = value(section.grant.iter().collect::<Array>()),
        }
        if !section.limits.is_empty() {
            let limits =
                section.limits.iter().map(|(key, limit)| (key.as_str(), i64::try_from(*limit).unwrap_or(i64::MAX)));
            own["limits"] = value(limits.collect::<InlineTable>());
        }
        if let Some(config) = &section.config {
            let (_, config) = Layout::take(config);
            let config: DocumentMut = config.parse().context("the detector's config is no TOML")?;
            own["config"] = Item::Table(config.as_table().clone());
        }
        Ok(())
    })
}

/// Returns a config's text with a detector's section once more, as its shadow's.
///
/// # Errors
///
/// If there is no such detector, or the shadow is there already.
pub fn with_shadow(text: &str, of: &str, shadow: &str) -> anyhow::Result<String> {
    edited(text, |document| {
        let detectors = detectors_of(document)?;
        ensure!(!detectors.contains_key(shadow), "the config has a detector `{shadow}` already; end it first");
        let Some(own) = detectors.get_mut(of) else { bail!("the config has no detector `{of}`") };
        let mut copy = table_of(own, &format!("detector.{of}"))?.clone();
        copy["shadow_of"] = value(of);
        // Where it stood is where the other stands; it goes to the end.
        copy.set_position(None);
        copy.iter_mut().filter_map(|(_, item)| item.as_table_mut()).for_each(|inner| inner.set_position(None));
        detectors.insert(shadow, Item::Table(copy));
        Ok(())
    })
}

/// Returns a config's text in which a detector has its shadow's own config and limits.
///
/// # Errors
///
/// If there is no such detector or shadow.
pub fn with_own_of(text: &str, of: &str, shadow: &str) -> anyhow::Result<String> {
    edited(text, |document| {
        let detectors = detectors_of(document)?;
        let Some(from) = detectors.get(shadow) else { bail!("the config has no detector `{shadow}`") };
        let taken = ["config", "limits"].map(|key| (key, from.get(key).cloned()));
        let Some(own) = detectors.get_mut(of) else { bail!("the config has no detector `{of}`") };
        let own = table_of(own, &format!("detector.{of}"))?;
        for (key, item) in taken {
            match item {
                Some(mut item) => {
                    item.as_table_mut().into_iter().for_each(|table| table.set_position(None));
                    own.insert(key, item);
                }
                None => drop(own.remove(key)),
            }
        }
        Ok(())
    })
}

/// Returns a config's text without a detector's section.
///
/// # Errors
///
/// If the text is no TOML.
pub fn without_section(text: &str, id: &str) -> anyhow::Result<String> {
    edited(text, |document| {
        if let Some(detectors) = document.get_mut("detector").and_then(Item::as_table_like_mut) {
            detectors.remove(id);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_is_a_copy_and_goes_without_a_trace() {
        let text =
            "[detector.outflow]\ncomponent = \"a\"\nchains = [\"a\"]\n\n[detector.outflow.config]\nwindow_s = 5\n";
        let with = with_shadow(text, "outflow", "outflow-next").unwrap();
        let read: toml::Table = toml::from_str(&with).unwrap();
        let next = &read["detector"]["outflow-next"];
        assert_eq!(next["shadow_of"].as_str(), Some("outflow"));
        assert_eq!(next["config"], read["detector"]["outflow"]["config"]);
        assert_eq!(without_section(&with, "outflow-next").unwrap(), text);
        assert!(with_shadow(&with, "outflow", "outflow-next").unwrap_err().to_string().contains("already"));
    }

    #[test]
    fn what_a_shadow_ran_with_becomes_its_detectors() {
        let text = "[detector.outflow]\ncomponent = \"a\"\nlimits = { batch_deadline_ms = 7 }\n\n[detector.outflow.config]\nwindow_s = 5\n\n\
                    [detector.next]\ncomponent = \"b\"\nshadow_of = \"outflow\"\n\n[detector.next.config]\nwindow_s = 6\nfails_from = 9\n";
        let taken = with_own_of(text, "outflow", "next").unwrap();
        let read: toml::Table = toml::from_str(&taken).unwrap();
        let (own, next) = (&read["detector"]["outflow"], &read["detector"]["next"]);
        assert_eq!((own["config"].clone(), own["component"].as_str()), (next["config"].clone(), Some("a")));
        assert_eq!(own.get("limits"), None, "those of the version before are none of its");
        assert!(with_own_of(text, "outflow", "other").unwrap_err().to_string().contains("no detector `other`"));
    }

    fn check(text: &str, grant: &[&str], config: Option<&str>, expected: &str) {
        let section = Section {
            id: "outflow".into(),
            grant: grant.iter().map(|name| (*name).to_owned()).collect(),
            config: config.map(str::to_owned),
            limits: BTreeMap::from([("batch_deadline_ms".to_owned(), 2_000)]),
        };
        let reference = "oci://localhost:5000/harbor/outflow:1.1.0".parse().unwrap();
        assert_eq!(with_section(text, &section, &reference).unwrap(), expected);
    }

    #[test]
    fn a_section_is_added_or_changed_and_the_rest_stays() {
        check(
            "# ours\n[chain.a] # main\nid = 1\n",
            &["state"],
            Some("window_s = 60\n"),
            "# ours\n[chain.a] # main\nid = 1\n\n[detector.outflow]\ncomponent = \"oci://localhost:5000/harbor/outflow:1.1.0\"\n\
             grant = [\"state\"]\nlimits = { batch_deadline_ms = 2000 }\n\n[detector.outflow.config]\nwindow_s = 60\n",
        );
        check(
            "[detector.outflow]\ncomponent = \"oci://localhost:5000/harbor/outflow:1.0.0\"\n# why\nchains = [\"a\"]\n\
             [detector.outflow.config]\nwindow_s = 5 # short\n",
            &[],
            None,
            "[detector.outflow]\ncomponent = \"oci://localhost:5000/harbor/outflow:1.1.0\"\n# why\nchains = [\"a\"]\nlimits = { batch_deadline_ms = 2000 }\n\
             [detector.outflow.config]\nwindow_s = 5 # short\n",
        );
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_stay() {
        let text = "\u{feff}# ours\r\n[chain.a]\r\nid = 1\r\n";
        let section = Section { id: "outflow".into(), ..Section::default() };
        let reference = "oci://localhost:5000/harbor/outflow:1.1.0".parse().unwrap();
        let with = with_section(text, &section, &reference).unwrap();
        assert!(with.starts_with(text), "{with:?}");
        assert_eq!(with.matches('\n').count(), with.matches("\r\n").count());
        assert_eq!(without_section(&with, "outflow").unwrap(), text);
        let plain = with_section("[chain.a]\nid = 1\n", &section, &reference).unwrap();
        assert!(!plain.contains('\r') && !plain.contains(MARK));
    }

    #[test]
    fn detectors_in_a_line_get_tables_of_their_own() {
        let section = Section { id: "new".into(), grant: vec!["state".into()], ..Section::default() };
        let reference = "oci://localhost:5000/harbor/outflow:1.1.0".parse().unwrap();
        for text in [
            "detector = {}\n[chain.a]\nid = 1\n",
            "detector = { outflow = { component = \"a.wasm\", config = { window_s = 5 } } }\n[chain.a]\nid = 1\n",
            "[chain.a]\nid = 1\n[detector]\noutflow = { component = \"a.wasm\", config = { window_s = 5 } }\n",
        ] {
            let had: toml::Table = toml::from_str(text).unwrap();
            let read: toml::Table = toml::from_str(&with_section(text, &section, &reference).unwrap()).unwrap();
            assert_eq!(read["detector"]["new"]["grant"][0].as_str(), Some("state"));
            assert_eq!(read["detector"].get("outflow"), had["detector"].get("outflow"), "{text}");
            assert_eq!(read["chain"], had["chain"]);
            if had["detector"].get("outflow").is_some() {
                let again = Section { id: "outflow".into(), ..Section::default() };
                let read: toml::Table = toml::from_str(&with_section(text, &again, &reference).unwrap()).unwrap();
                assert_eq!(read["detector"]["outflow"]["config"]["window_s"].as_integer(), Some(5), "{text}");
                assert!(with_shadow(text, "outflow", "outflow-next").unwrap().contains("[detector.outflow-next]"));
            }
        }
        assert!(with_section("detector = 5\n", &section, &reference).is_err());
    }
}
