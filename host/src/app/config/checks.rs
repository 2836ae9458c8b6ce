//! What a config may be wrong in beyond its shape: names, files and secrets that it leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::{CAPABILITIES, Config, included, make, shipped};
use crate::diagnostic::suggestion;
use crate::toml_file::TomlFile;

impl Config {
    /// Fills in the components of detectors that ship with the host.
    pub(super) fn find_shipped(&mut self, toml: &mut TomlFile<'_>) {
        for (id, detector) in &mut self.detectors {
            match (&detector.component, &detector.shipped) {
                (Some(_), None) => {}
                (None, Some(name)) => {
                    let binary = std::env::current_exe().unwrap_or_default();
                    match shipped::component(name, &binary) {
                        Ok(path) => detector.component = Some(path),
                        Err((message, help)) => toml.tell_at(&["detector", id, "use"], message, help),
                    }
                }
                (Some(_), Some(_)) => {
                    let message = "`component` is there too, and only one of them can run";
                    toml.tell_at(&["detector", id, "use"], message, "take one of them out");
                }
                (None, None) => {
                    let help =
                        "name a component's file, or a detector that ships with the host, as `use = \"outflow\"`";
                    toml.tell_at(&["detector", id], "it has neither `component` nor `use`", help);
                }
            }
        }
    }

    /// Puts files in the places where configs of detectors name them.
    pub(super) fn include_files(&mut self, toml: &mut TomlFile<'_>) {
        let folder = self.folder();
        for (id, detector) in &mut self.detectors {
            let (files, wrong) = included::include(&mut detector.config, &folder);
            self.included.extend(files);
            for included::Wrong { path, message } in wrong {
                let path: Vec<&str> =
                    ["detector", id, "config"].into_iter().chain(path.iter().map(String::as_str)).collect();
                toml.tell_at(&path, message, "name a file, relative to the config's folder");
            }
        }
    }

    /// Reports names that lead nowhere, and what stands twice.
    pub(super) fn check_names(&self, toml: &mut TomlFile<'_>) {
        let mut ids = BTreeMap::new();
        for (name, chain) in &self.chains {
            if let Some(other) = ids.insert(chain.id, name) {
                let message = format!("`chain.{other}` has the id {} too", chain.id);
                toml.tell_at(&["chain", name, "id"], message, "one chain has one section, with all its endpoints");
            }
        }
        // By what is written: one that is wrong is reported where it stands, and not again wherever it is named.
        let named = |section: &str| toml.names(section).into_iter().map(|(name, _)| name).collect::<Vec<String>>();
        let (chains, feeds) = (named("chain"), named("feed"));
        let chains: BTreeSet<&str> = chains.iter().map(String::as_str).collect();
        let feeds: BTreeSet<&str> = feeds.iter().map(String::as_str).collect();
        let capabilities = BTreeSet::from(CAPABILITIES);
        for (id, detector) in &self.detectors {
            expect_known(toml, id, "chains", &detector.chains, &chains, "chain");
            expect_known(toml, id, "feeds", &detector.feeds, &feeds, "feed");
            expect_known(toml, id, "grant", detector.grant.as_deref().unwrap_or_default(), &capabilities, "capability");
            if let Some(of) = &detector.shadow_of {
                let real: Vec<&str> = self
                    .detectors
                    .iter()
                    .filter(|(other, real)| *other != id && real.shadow_of.is_none())
                    .map(|(other, _)| other.as_str())
                    .collect();
                if !real.contains(&of.as_str()) {
                    let help = suggestion(of, real.iter().copied());
                    let message = format!("there is no detector `{of}` that is no shadow itself");
                    toml.tell_at(&["detector", id, "shadow_of"], message, help);
                }
            }
            for (key, message) in detector.limits.mistakes() {
                toml.tell_at(&["detector", id, "limits", key], message, "");
            }
            let component = self.component_path(id, detector);
            if detector.component.is_some() && !detector.is_shared() && !component.is_file() {
                let message = format!("there is no file `{}`", component.display());
                let help = "build it with `watchfire plugin build`, or mend the path";
                toml.tell_at(&["detector", id, "component"], message, help);
            }
        }
        if let Some(plan) = &self.plan
            && !plan.exists()
        {
            let message = format!("there is no folder `{}`", plan.display());
            toml.tell_at(&["plan", "path"], message, "mend the path, or leave the section out to decide nothing");
        }
        let detectors: BTreeSet<&str> = self.detectors.keys().map(String::as_str).collect();
        for (name, protocol) in &self.protocols {
            let plan = self.folder().join(&protocol.plan);
            if !plan.exists() {
                let message = format!("there is no folder `{}`", plan.display());
                toml.tell_at(&["protocol", name, "plan"], message, "mend the path, or leave the section out");
            }
            for (at, id) in protocol.detectors.iter().enumerate().filter(|(_, id)| !detectors.contains(id.as_str())) {
                let help = suggestion(id, detectors.iter().copied());
                let place = ["protocol", name, "detectors", &at.to_string()];
                toml.tell_at(&place, format!("there is no detector `{id}`"), help);
            }
        }
        if self.plan.is_some() && !self.protocols.is_empty() {
            let help = "move its path to a `[protocol.NAME]` of its own, as `plan = \"…\"`";
            toml.tell_at(&["plan"], "beside `[protocol.…]` nobody could tell whose plan it is", help);
        }
    }

    /// Reports secrets, addresses and templates that can't be had.
    pub(super) fn check_secrets(&self, toml: &mut TomlFile<'_>) {
        let folder = self.folder();
        for (name, webhook) in &self.webhooks {
            for (key, secret) in [("url", Some(&webhook.url)), ("secret", webhook.secret.as_ref())] {
                if let Some(Err(error)) = secret.map(|secret| secret.resolve(&folder)) {
                    toml.tell_at(&["webhook", name, key], error.to_string(), "");
                }
            }
        }
        for (name, channel) in &self.channel {
            if self.webhooks.contains_key(name) {
                let message = format!("there is a `[webhook.{name}]` too, and what waits is kept by name");
                toml.tell_at(&["channel", name], message, "give one of them another name");
            }
            if let Err((key, message)) = make(channel, &folder) {
                toml.tell_at(&["channel", name, &key], message, "");
            }
        }
        for (name, chain) in &self.chains {
            for error in chain.mistakes(&folder) {
                let key = error.key();
                let path: Vec<&str> = ["chain", name].into_iter().chain(key.iter().map(String::as_str)).collect();
                toml.tell_at(&path, error.to_string(), "");
            }
        }
        for (name, feed) in &self.feeds {
            if let Err((key, message)) = feed.resolve(&folder) {
                toml.tell_at(&["feed", name, &key], message, "");
            }
        }
    }
    /// Reports what keeps answers from coming in.
    pub(super) fn check_answers(&self, toml: &mut TomlFile<'_>) {
        for (name, channel) in &self.channel {
            if channel.answer_secret.is_some() && self.answers.is_none() {
                let help = "add `[answers]` with where services reach this host, or take it out";
                toml.tell_at(
                    &["channel", name, "answer_secret"],
                    "there is no `[answers]`, so that nobody listens",
                    help,
                );
            }
        }
        let Some(answers) = &self.answers else { return };
        match answers.key.resolve(&self.folder()) {
            Err(error) => toml.tell_at(&["answers", "key"], error.to_string(), ""),
            Ok(key) if key.expose().chars().count() < 32 => {
                let help = "make one by `openssl rand -hex 32`";
                toml.tell_at(&["answers", "key"], "it has less than 32 characters, so that it can be guessed", help);
            }
            Ok(_) => {}
        }
        if let Some(message) = wrong_public_url(&answers.public_url) {
            let help = "links and signatures hold it as it stands; write `https://watch.harbor.example`";
            toml.tell_at(&["answers", "public_url"], message, help);
        }
        if answers.valid_s == 0 {
            toml.tell_at(&["answers", "valid_s"], "it must be more than 0", "");
        }
    }
}

fn expect_known(
    toml: &mut TomlFile<'_>,
    detector: &str,
    key: &str,
    given: &[String],
    known: &BTreeSet<&str>,
    what: &str,
) {
    for (at, name) in given.iter().enumerate().filter(|(_, name)| !known.contains(name.as_str())) {
        let help = suggestion(name, known.iter().copied());
        let path = ["detector", detector, key, &at.to_string()];
        toml.tell_at(&path, format!("there is no {what} `{name}`"), help);
    }
}

/// Returns what is wrong with the URL that paths of answers are put behind; `None` if nothing is.
fn wrong_public_url(text: &str) -> Option<&'static str> {
    let Ok(url) = text.parse::<reqwest::Url>() else { return Some("it is no URL") };
    if !["https", "http"].contains(&url.scheme()) || !url.has_host() {
        return Some("it must start with https:// and name a host");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some("what is put behind `?` or `#` is no path, and nobody could answer");
    }
    (!url.username().is_empty() || url.password().is_some()).then_some("services would see its user and password")
}

#[cfg(test)]
mod tests {
    use super::wrong_public_url;

    #[test]
    fn answers_come_in_by_a_url_that_paths_can_stand_behind() {
        for good in ["https://watch.example", "http://127.0.0.1:8787/", "https://x.example/watch"] {
            assert_eq!(wrong_public_url(good), None, "{good}");
        }
        for bad in ["x", "https://", "https://x/p?q=1#f", "https://u:p@x", "http://x/with/path?q=1", "ftp://x"] {
            assert!(wrong_public_url(bad).is_some(), "{bad}");
        }
    }
}
