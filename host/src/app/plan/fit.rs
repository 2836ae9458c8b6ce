//! Whether a plan can respond with the config that it runs under: chains that are watched, kinds that some detector declares,
//! subjects that the config knows, people whom some webhook reaches.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::B256;

use crate::app::config::Config;
use crate::diagnostic::{Diagnostic, Gravity, nearest};
use crate::finding::is_own;
use crate::journal::scheme;
use crate::plan::{Matcher, Plan};
use crate::plugin::Manifest;
use crate::toml_file::TomlFile;

/// A detector that starts: its id, its component, and whether it hears what others find.
pub(super) type Voice = (String, B256, bool);

/// A plan's files, each with its name and text.
type Files = [(String, String)];

/// Returns what of a plan leads nowhere under a config. `detectors` are those that start, each with its id, and `None` if one of
/// the config does not: then nothing is known of what finds what.
pub(super) fn misfits(
    config: &Config,
    files: &Files,
    plan: &Plan,
    detectors: Option<&[(String, Manifest)]>,
    voices: Option<&Vec<Voice>>,
) -> Vec<Diagnostic> {
    let mut fit = Fit { config, files, plan, found: Vec::new() };
    fit.signers();
    fit.authorities();
    fit.subjects();
    fit.people();
    if let Some(detectors) = detectors {
        fit.signals(detectors);
    }
    fit.agreement();
    if let Some(voices) = voices {
        fit.sources(voices);
    }
    fit.found
}

struct Fit<'a> {
    config: &'a Config,
    files: &'a Files,
    plan: &'a Plan,
    found: Vec<Diagnostic>,
}

impl Fit<'_> {
    /// What somebody signs by a contract is asked of the contract's chain, and no other can say whether it holds.
    fn signers(&mut self) {
        let watched: BTreeSet<u64> = self.config.chains.values().map(|chain| chain.id).collect();
        let names: Vec<String> = watched.iter().map(u64::to_string).collect();
        let plan = self.plan;
        for (id, person) in &plan.tables().person {
            let Some(chain) = person.signer_chain.filter(|chain| !watched.contains(chain)) else { continue };
            let message = format!("their contract is on chain {chain}, and no chain of the config has that id");
            let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let help = format!(
                "the config watches {has}: nothing that they sign could be checked; add `[chain.…]` with `id = {chain}`, or name a \
                 signer that is a key"
            );
            self.say(Gravity::Error, &["person", id, "signer_chain"], message, help);
        }
    }

    /// An authority that acts on a chain that nobody watches can act in no incident.
    fn authorities(&mut self) {
        let watched: BTreeSet<u64> = self.config.chains.values().map(|chain| chain.id).collect();
        if watched.is_empty() {
            return;
        }
        let names: Vec<String> = watched.iter().map(u64::to_string).collect();
        let plan = self.plan;
        for (id, authority) in &plan.tables().authority {
            if let Some(chain) = authority.chain.filter(|chain| !watched.contains(chain)) {
                let message = format!("it acts on chain {chain}, and no chain of the config has that id");
                let help = format!("the config watches {}: every intervention of it would be denied", names.join(", "));
                self.say(Gravity::Error, &["authority", id, "chain"], message, help);
            }
        }
        for (id, intervention) in &plan.tables().intervention {
            let elsewhere = intervention.scope.chains.iter().find(|chain| !watched.contains(chain));
            if let Some(chain) = elsewhere {
                let message = format!("it reaches chain {chain}, and no chain of the config has that id");
                let help = format!("the config watches {}", names.join(", "));
                self.say(Gravity::Error, &["intervention", id, "scope", "chains"], message, help);
            }
        }
    }

    /// A subject that the config does not name is one that no detector is told to look at.
    fn subjects(&mut self) {
        let config = self.config.text.to_lowercase();
        let is_known = |subject: &str| !subject.starts_with("0x") || config.contains(&subject.to_lowercase());
        let plan = self.plan;
        for (id, intervention) in &plan.tables().intervention {
            for subject in intervention.scope.subjects.iter().filter(|subject| !is_known(subject)) {
                let message = format!("{subject} stands nowhere in the config: no finding would be about it");
                let help = "compare it with the addresses that detectors watch".to_owned();
                self.say(Gravity::Warning, &["intervention", id, "scope", "subjects"], message, help);
            }
        }
        for (id, signal) in &plan.tables().signal {
            for subject in subjects(&signal.matchers).filter(|subject| !is_known(subject)) {
                let message = format!("{subject} stands nowhere in the config: no finding would be about it");
                let help = "compare it with the addresses that detectors watch".to_owned();
                self.say(Gravity::Warning, &["signal", id, "match"], message, help);
            }
        }
        for (id, intervention) in &plan.tables().intervention {
            for (key, matchers) in [("done_by", &intervention.done_by), ("undone_by", &intervention.undone_by)] {
                for subject in subjects(matchers).filter(|subject| !is_known(subject)) {
                    let message = format!("{subject} stands nowhere in the config: no finding would show it");
                    let help =
                        "name the contract that a detector watches, so that what the chain shows counts".to_owned();
                    self.say(Gravity::Warning, &["intervention", id, key], message, help);
                }
            }
            let targets = intervention.calls.iter().map(|call| call.target.to_string());
            for target in targets.filter(|target| !is_known(target)) {
                let message =
                    format!("{target} stands nowhere in the config: nobody watches the contract that is called");
                let help = "compare it with the protocol's own, and have `privileged-control` watch it".to_owned();
                self.say(Gravity::Warning, &["intervention", id, "calls"], message, help);
            }
        }
    }

    /// Somebody whom no channel reaches is never woken.
    fn people(&mut self) {
        let channels = self.config.channels();
        let plan = self.plan;
        if channels.is_empty() {
            if !self.config.output_is_read && !plan.tables().person.is_empty() {
                self.found.push(of_config(
                    self.config,
                    Gravity::Error,
                    "the config has no `[channel.…]` and no `[webhook.…]`: nobody is ever paged",
                    "add one that carries the plan's addresses, or say `[host] output_is_read = true` if something of yours \
                     reads the host's output and reaches people by it",
                ));
            }
            return;
        }
        for (id, person) in &plan.tables().person {
            let carried = |wanted: &String| {
                let scheme = scheme(wanted);
                channels.iter().any(|one| one.schemes.as_ref().is_none_or(|schemes| schemes.contains(&scheme)))
            };
            let urgent = &person.channels.urgent;
            if !urgent.is_empty() && !urgent.iter().any(carried) {
                let message = format!("no channel carries any urgent address of {}: nothing wakes them", person.name);
                let help = "add a `[channel.…]` that carries one, or mend the addresses".to_owned();
                self.say(Gravity::Error, &["person", id, "channels"], message, help);
            }
        }
    }

    /// Automation that waits for nodes to agree waits for ever where only one is asked.
    fn agreement(&mut self) {
        let plan = self.plan;
        let alone: Vec<&str> =
            self.config.chains.iter().filter(|(_, chain)| chain.agree < 2).map(|(name, _)| name.as_str()).collect();
        if alone.is_empty() {
            return;
        }
        for id in plan.tables().signal.iter().filter(|(_, one)| one.corroboration.agreed_blocks).map(|(id, _)| id) {
            let message = format!(
                "automation waits for nodes to agree, and none of {} is asked: it would wait for ever",
                alone.iter().map(|name| format!("`chain.{name}`")).collect::<Vec<_>>().join(", ")
            );
            let help = "set `agree = 2` there, with endpoints of as many operators".to_owned();
            let gravity = if alone.len() == self.config.chains.len() { Gravity::Error } else { Gravity::Warning };
            self.say(gravity, &["signal", id, "corroboration", "agreed_blocks"], message, help);
        }
    }

    /// One component is one source whatever its ids, and whoever hears others is none beside them.
    fn sources(&mut self, voices: &[Voice]) {
        let plan = self.plan;
        for (id, signal) in &plan.tables().signal {
            let needed = signal.corroboration.sources as usize;
            let named: Option<BTreeSet<&str>> = signal.matchers.iter().map(|one| one.detector.as_deref()).collect();
            let Some(named) = named.filter(|_| needed > 1) else { continue };
            let known: Vec<&Voice> = voices.iter().filter(|(id, ..)| named.contains(id.as_str())).collect();
            if known.len() < named.len() {
                continue;
            }
            let speaking = known.iter().filter(|(_, _, listens)| !listens);
            let by_component: BTreeMap<B256, &str> =
                speaking.map(|(id, component, _)| (*component, plan.source(id))).collect();
            let different: BTreeSet<&str> = by_component.into_values().collect();
            if different.len() < needed {
                let message = format!(
                    "{needed} sources are needed, and its detectors are {} that count beside each other: one component is one \
                     source whatever its ids, and one that hears others is none beside them",
                    different.len()
                );
                let help = "match a detector of another component, or need fewer sources".to_owned();
                self.say(Gravity::Error, &["signal", id, "corroboration", "sources"], message, help);
            }
        }
    }

    /// A signal that no detector can raise is an incident that never opens.
    fn signals(&mut self, detectors: &[(String, Manifest)]) {
        let plan = self.plan;
        for (id, signal) in &plan.tables().signal {
            let dead: Vec<String> = signal.matchers.iter().filter_map(|one| dead(one, detectors)).collect();
            let all = dead.len() == signal.matchers.len();
            if let Some(why) = &signal.pending {
                let (message, help) = match all {
                    true => (format!("nothing raises it yet: {why}"), "add the detector, and take `pending` out"),
                    false => ("it is pending, and a detector of the config raises it".into(), "take `pending` out"),
                };
                self.say(Gravity::Warning, &["signal", id, "pending"], message, help.to_owned());
                continue;
            }
            if dead.is_empty() {
                continue;
            }
            let gravity = if all { Gravity::Error } else { Gravity::Warning };
            let what = if all { "nothing can raise it" } else { "part of it can't be raised" };
            let help = "name a detector of the config and a kind that `watchfire plugin inspect` lists; a gap that is known may \
                        say why, by `pending`";
            self.say(gravity, &["signal", id, "match"], format!("{what}: {}", dead.join("; ")), help.to_owned());
        }
        for (id, signal) in &plan.tables().signal {
            for (kind, near) in signal.matchers.iter().flat_map(|one| unknown_kinds(one, detectors)) {
                let message = format!("no detector that it names declares the kind `{kind}`");
                let help = near.map_or_else(
                    || "name a kind that `watchfire plugin inspect` lists, or take it out".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.say(Gravity::Warning, &["signal", id, "match"], message, help);
            }
        }
    }

    /// Says it where the entity stands.
    fn say(&mut self, gravity: Gravity, path: &[&str], message: String, help: String) {
        let parsed = self.files.iter().filter_map(|(name, text)| Some((name, text, TomlFile::parse(name, text).ok()?)));
        let mut holding = parsed.filter(|(_, _, file)| file.names(path[0]).iter().any(|(name, _)| name == path[1]));
        if let Some((name, text, file)) = holding.next() {
            let span = file.span(path);
            self.found.push(Diagnostic::at(gravity, name, text, span, &path.join("."), message).with_help(help));
        }
    }
}

/// Returns a warning where the config has no plan: nobody is told of what is found.
pub(super) fn without_plan(config: &Config) -> Diagnostic {
    let message = "no plan: what detectors find is recorded, and nobody is told";
    of_config(
        config,
        Gravity::Warning,
        message,
        "`watchfire plan new` begins one; name its folder as `[plan] path = …`",
    )
}

/// Returns what is wrong with a config that watches nothing.
pub(super) fn watching_nothing(config: &Config) -> Option<Diagnostic> {
    if config.chains.is_empty() && config.feeds.is_empty() {
        let help = "name a node as `[chain.NAME]`, or write a config with `watchfire init`";
        return Some(of_config(config, Gravity::Warning, "no chain and no feed: nothing is watched", help));
    }
    let help = "name one as `[detector.ID]`: `use = \"outflow\"` ships with the host";
    let is_idle = config.detectors.is_empty();
    is_idle.then(|| of_config(config, Gravity::Warning, "no detector: nothing is looked for", help))
}

/// Says what the config lacks as a whole.
fn of_config(config: &Config, gravity: Gravity, message: &str, help: &str) -> Diagnostic {
    let name = config.file.display().to_string();
    Diagnostic::at(gravity, &name, &config.text, 0..0, "", message.to_owned()).with_help(help)
}

/// Returns the addresses and labels that matchers name as the subject.
fn subjects(matchers: &[Matcher]) -> impl Iterator<Item = &str> {
    matchers.iter().filter_map(|one| one.subject.as_ref()?.id.as_deref())
}

/// Returns the kinds of a matcher that match no finding though others of it do, each with the declared one that is meant perhaps.
fn unknown_kinds<'a>(matcher: &'a Matcher, detectors: &'a [(String, Manifest)]) -> Vec<(&'a str, Option<&'a str>)> {
    if dead(matcher, detectors).is_some() || matcher.detector.as_deref().is_some_and(is_own) {
        return Vec::new();
    }
    let named = detectors.iter().filter(|(id, _)| matcher.detector.as_ref().is_none_or(|wanted| wanted == id));
    let declared: Vec<&str> =
        named.flat_map(|(_, manifest)| &manifest.finding_kinds).map(|kind| kind.id.as_str()).collect();
    let unknown = matcher.kinds.iter().map(String::as_str).filter(|kind| !declared.contains(kind));
    let near = unknown.map(|kind| (kind, nearest(kind, declared.iter().copied())));
    // A matcher of any detector may well name kinds of detectors that are not there.
    near.filter(|(_, near)| matcher.detector.is_some() || near.is_some()).collect()
}

/// Returns a warning for each detector of which kinds lead to no signal of any plan: nobody hears of them.
pub(super) fn unheard(config: &Config, plans: &[Plan], detectors: &[(String, Manifest)]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (id, manifest) in detectors {
        let is_shadow = config.detectors.get(id).is_some_and(|one| one.shadow_of.is_some());
        let leads = |kind: &str| {
            let signals = plans.iter().flat_map(|plan| plan.tables().signal.values());
            signals.flat_map(|signal| &signal.matchers).any(|one| may_match(one, id, kind))
        };
        let kinds = manifest.finding_kinds.iter().map(|kind| kind.id.as_str());
        let nowhere: Vec<&str> = kinds.filter(|kind| !leads(kind)).collect();
        if is_shadow || nowhere.is_empty() {
            continue;
        }
        let message = format!("these of its kinds lead to no signal, so nobody hears of them: {}", nowhere.join(", "));
        let (name, path) = (config.file.display().to_string(), ["detector", id]);
        let span = TomlFile::parse(&name, &config.text).map_or(0..0, |file| file.span(&path));
        let diagnostic = Diagnostic::at(Gravity::Warning, &name, &config.text, span, &path.join("."), message);
        found.push(diagnostic.with_help("add a signal that matches them, if somebody should hear"));
    }
    found
}

/// Returns why no finding of the config's detectors can match; `None` if one may.
fn dead(matcher: &Matcher, detectors: &[(String, Manifest)]) -> Option<String> {
    if matcher.detector.as_deref().is_some_and(is_own) {
        return None;
    }
    match &matcher.detector {
        Some(wanted) => match detectors.iter().find(|(id, _)| id == wanted) {
            None => Some(format!("the config has no detector `{wanted}`")),
            Some((_, manifest)) if !has_any(manifest, &matcher.kinds) => {
                Some(format!("`{wanted}` declares no kind of {}", matcher.kinds.join(", ")))
            }
            Some(_) => None,
        },
        None if detectors.iter().any(|(_, manifest)| has_any(manifest, &matcher.kinds)) => None,
        None if matcher.kinds.is_empty() => None,
        None => Some(format!("no detector of the config declares a kind of {}", matcher.kinds.join(", "))),
    }
}

fn has_any(manifest: &Manifest, kinds: &[String]) -> bool {
    kinds.is_empty() || manifest.finding_kinds.iter().any(|kind| kinds.contains(&kind.id))
}

fn may_match(matcher: &Matcher, detector: &str, kind: &str) -> bool {
    matcher.detector.as_deref().is_none_or(|wanted| wanted == detector)
        && (matcher.kinds.is_empty() || matcher.kinds.iter().any(|wanted| wanted == kind))
}
