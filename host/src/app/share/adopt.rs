//! What taking a detector up changes in a deployment: its section in the config, its pin in the lock, its bytes in the store.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use crate::app::config::Sharing;
use crate::share::digest::Digest;
use crate::share::lock::{Lock, Locked, Pin};
use crate::share::package::Role;
use crate::share::reference::Reference;
use crate::share::registry::{Credentials, Repository};
use crate::whole_file;

use super::take::{companion, component_of};

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

impl Sharing {
    /// Returns why a reference must not be taken as what it is now: it was pinned as other bytes.
    pub fn moved(&self, reference: &Reference, pin: &Pin) -> Option<String> {
        let known =
            self.lock.detector.values().flat_map(|locked| [Some(&locked.pin), locked.before.as_ref()]).flatten();
        let other = known.filter(|known| known.reference == *reference).find(|known| known.manifest != pin.manifest)?;
        Some(format!(
            "`{reference}` was {} when it was pinned on {}, and is {} now. A version that changes is not taken: ask its \
             publisher why, or take it all the same by `--moved`",
            other.manifest, other.taken_at, pin.manifest
        ))
    }

    /// Pins a detector: its bytes go into the store, its pin into the lock, its section into the config, in this order, so
    /// that a host which reads the config finds the rest.
    ///
    /// # Errors
    ///
    /// If a file can't be written, or the config would be wrong.
    pub fn adopt(&mut self, section: &Section, pin: Pin, component: &[u8]) -> anyhow::Result<()> {
        let _held = self.hold()?;
        let text = std::fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        let edited = with_section(&text, section, &pin.reference)?;
        self.store().put(component)?;
        self.lock.format = 1;
        self.lock.pin(&section.id, pin);
        self.write(&edited)
    }

    /// Pins a version that runs beside a detector as its shadow, and takes its place at a moment.
    ///
    /// # Errors
    ///
    /// If a file can't be written, or the config would be wrong.
    pub fn adopt_shadow(
        &mut self,
        of: &str,
        section: &Section,
        pin: Pin,
        component: &[u8],
        takes_over_at: Timestamp,
    ) -> anyhow::Result<()> {
        let _held = self.hold()?;
        let text = std::fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        let edited = with_section(&with_shadow(&text, of, &section.id)?, section, &pin.reference)?;
        self.store().put(component)?;
        self.lock.format = 1;
        let takes_over_at = Some(takes_over_at.to_string());
        self.lock.detector.insert(section.id.clone(), Locked { pin, before: None, takes_over_at });
        self.write(&edited)
    }

    /// Takes a shadow out; puts it in the place of the detector that it stands beside, if it is to take over.
    ///
    /// # Errors
    ///
    /// If there is no such shadow, or a file can't be written.
    pub fn end_shadow(&mut self, id: &str, takes_over: bool) -> anyhow::Result<()> {
        let shadow = self.detectors.get(id).with_context(|| format!("the config has no detector `{id}`"))?.clone();
        let of = shadow.shadow_of.with_context(|| format!("`{id}` is nobody's shadow"))?;
        let _held = self.hold()?;
        let locked = self.lock.detector.remove(id).with_context(|| format!("`{id}` is not locked"))?;
        let mut text = std::fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        if takes_over {
            let grant = shadow.grant.unwrap_or_default();
            let section = Section { id: of.clone(), grant, ..Section::default() };
            text = with_section(&text, &section, &locked.pin.reference)?;
            self.lock.pin(&of, locked.pin);
        }
        self.write(&without_section(&text, id)?)
    }

    /// Keeps other processes from changing what is pinned, and reads the lock as they left it.
    fn hold(&mut self) -> anyhow::Result<File> {
        let held = self.store().hold()?;
        self.lock = Lock::load(&self.folder)?;
        Ok(held)
    }

    /// Writes the lock, then the config.
    fn write(&self, config: &str) -> anyhow::Result<()> {
        self.lock.save(&self.folder)?;
        whole_file::rewrite(&self.file, config.as_bytes())
            .with_context(|| format!("`{}` can't be written", self.file.display()))
    }

    /// Brings what the lock names into the store. Returns what was not there, by id.
    ///
    /// # Errors
    ///
    /// If a registry does not have it, or sends other bytes.
    pub async fn fetch(&self, credentials: &Credentials) -> anyhow::Result<Vec<(String, PathBuf)>> {
        let (store, mut fetched) = (self.store(), Vec::new());
        for (id, locked) in &self.lock.detector {
            let pin = &locked.pin;
            let is_kept = |digest: &Digest| store.get(*digest).is_ok();
            let beside = [(Role::Response, pin.response), (Role::Score, pin.score)];
            let beside = beside.into_iter().filter_map(|(role, digest)| Some((role, digest?)));
            let missing: Vec<(Role, Digest)> = beside.filter(|(_, digest)| !is_kept(digest)).collect();
            if is_kept(&pin.component) && missing.is_empty() {
                continue;
            }
            let at = pin.reference.at(pin.manifest);
            let repository = Repository::open(&at, credentials).await?;
            let (manifest, named) = repository.manifest(&at.wanted()).await?;
            if !missing.is_empty() {
                let (_, files) = companion(&repository, &manifest, named).await?;
                for (role, wanted) in missing {
                    let name = role.file_name();
                    let bytes = files.get(&role).with_context(|| format!("no `{name}` travels with `{at}`"))?;
                    let digest = store.put(bytes)?;
                    ensure!(digest == wanted, "`{at}` has the `{name}` {digest}, and the lock names {wanted}");
                }
            }
            let component = component_of(&repository, &manifest).await?;
            let digest = store.put(&component)?;
            ensure!(digest == pin.component, "`{at}` has the component {digest}, and the lock names {}", pin.component);
            fetched.push((id.clone(), store.path(digest)));
        }
        Ok(fetched)
    }
}

/// Returns a config's text with a detector's section as it is to be; the rest stays as it is written.
fn with_section(text: &str, section: &Section, reference: &Reference) -> anyhow::Result<String> {
    let mut document: DocumentMut = text.parse().context("the config is no TOML")?;
    let detectors = document.entry("detector").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let detectors = detectors.as_table_mut().context("`detector` is no table in the config")?;
    let own = detectors.entry(&section.id).or_insert_with(|| Item::Table(Table::new()));
    let Some(own) = own.as_table_mut() else {
        bail!("`detector.{}` is written in a line; write it as `[detector.{}]`", section.id, section.id);
    };
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
        let config: DocumentMut = config.parse().context("the detector's config is no TOML")?;
        own["config"] = Item::Table(config.as_table().clone());
    }
    Ok(document.to_string())
}

/// Returns a config's text with a detector's section once more, as its shadow's.
fn with_shadow(text: &str, of: &str, shadow: &str) -> anyhow::Result<String> {
    let mut document: DocumentMut = text.parse().context("the config is no TOML")?;
    let detectors = document.get_mut("detector").and_then(Item::as_table_mut);
    let detectors = detectors.context("`detector` is no table in the config")?;
    let own = detectors.get(of).and_then(Item::as_table);
    let mut copy = own.with_context(|| format!("`detector.{of}` is no table in the config"))?.clone();
    copy["shadow_of"] = value(of);
    // Where it stood is where the other stands; it goes to the end.
    copy.set_position(None);
    copy.iter_mut().filter_map(|(_, item)| item.as_table_mut()).for_each(|inner| inner.set_position(None));
    ensure!(!detectors.contains_key(shadow), "the config has a detector `{shadow}` already; end it first");
    detectors.insert(shadow, Item::Table(copy));
    Ok(document.to_string())
}

/// Returns a config's text without a detector's section.
fn without_section(text: &str, id: &str) -> anyhow::Result<String> {
    let mut document: DocumentMut = text.parse().context("the config is no TOML")?;
    if let Some(detectors) = document.get_mut("detector").and_then(Item::as_table_mut) {
        detectors.remove(id);
    }
    Ok(document.to_string())
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
}
