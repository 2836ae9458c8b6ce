//! `watchfire check --live`: asks the nodes, the feeds and the channels whether what a deployment says of them is so.

mod compare;
mod stated;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use alloy::primitives::keccak256;

use crate::app::config::Config;
use crate::app::deploy::load;
use crate::block::ChainId;
use crate::deliver::channel::Letter;
use crate::diagnostic::{Diagnostic, Gravity};
use crate::plan::Plan;
use crate::secret::SecretRef;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::inquiry::Inquiry;
use crate::source::feed::first_word;
use crate::toml_file::TomlFile;
use stated::{Place, Says, Stated, by_config, by_plan};

/// How long a feed may take to its first value.
const FEED_SPEAKS_WITHIN: Duration = Duration::from_secs(15);

/// What was asked, and what did not agree.
#[derive(Debug, Default)]
pub struct Live {
    /// What is wrong, each at its place in config or plan.
    pub diagnostics: Vec<Diagnostic>,
    /// Who answered what, a line each.
    pub answers: Vec<String>,
}

/// Asks the nodes, the feeds and, if `with_messages`, the channels of a config. `now_ms` is the wall clock, milliseconds since
/// the Unix epoch.
///
/// # Errors
///
/// If a secret can't be had. What nobody answers, or answers otherwise than the files say, is no error: it is what is returned.
pub async fn live(file: &Path, with_messages: bool, now_ms: u64) -> anyhow::Result<Live> {
    let mut live = Live::default();
    // What keeps the config from being read is known from the check itself.
    let Ok(config) = Config::load(file) else { return Ok(live) };
    let nodes = live.nodes(&config).await?;
    for one in by_config(&config) {
        live.about(&config, &[], &nodes, &one).await;
    }
    let watched: Vec<ChainId> = config.chains.values().map(|chain| chain.id).collect();
    for files in load::plan_texts(&config).into_iter().filter_map(|(_, texts)| texts.ok()) {
        let Ok(plan) = Plan::load(&files) else { continue };
        for one in by_plan(&plan, &watched) {
            live.about(&config, &files, &nodes, &one).await;
        }
    }
    live.feeds(&config).await;
    if with_messages {
        live.channels(&config, now_ms).await?;
    }
    Ok(live)
}

/// Returns the chain that each of these nodes says it is on, as [`Inquiry::chains`] does, before there is a config. Each has a
/// few seconds for its answer.
///
/// # Errors
///
/// If an endpoint is none, or its environment variable is not set.
pub async fn chains_of(
    endpoints: &[SecretRef],
    base: &Path,
) -> anyhow::Result<Vec<(String, Result<Option<u64>, String>)>> {
    let mut chain: ChainConfig = toml::from_str("id = 1\nendpoints = []\ntimeout_ms = 3000")?;
    chain.endpoints = endpoints.to_vec();
    Ok(Inquiry::new(&chain, base)?.chains().await)
}

impl Live {
    /// Asks each node for its chain. Returns those chains that a node serves.
    async fn nodes(&mut self, config: &Config) -> anyhow::Result<BTreeMap<ChainId, Inquiry>> {
        let mut nodes = BTreeMap::new();
        for (name, chain) in &config.chains {
            let inquiry = Inquiry::new(chain, &config.folder())?;
            let place = in_config(&["chain", name, "endpoints"]);
            let mut serves = false;
            for (label, said) in inquiry.chains().await {
                match said {
                    Ok(Some(id)) if id != chain.id => {
                        let message = format!("{label} is on chain {id}, not on chain {}", chain.id);
                        let help = format!("nothing of it is taken: mend its URL, or write `id = {id}`");
                        self.say(config, &[], Gravity::Error, &place, message, help);
                    }
                    Ok(_) => serves = true,
                    Err(why) => {
                        let message = format!("{label} does not answer: {why}");
                        self.say(config, &[], Gravity::Error, &place, message, "mend its URL, or start it".to_owned());
                    }
                }
            }
            match serves {
                true => {
                    match inquiry.height().await {
                        Ok(height) => self.answers.push(format!("chain {name}: id {}, at block {height}", chain.id)),
                        Err(why) => {
                            let message = format!("no endpoint says which block is the newest: {why}");
                            self.say(config, &[], Gravity::Error, &place, message, String::new());
                        }
                    }
                    nodes.insert(chain.id, inquiry);
                }
                false => {
                    let message =
                        "no endpoint serves this chain: what is said of its addresses was not checked".to_owned();
                    self.say(config, &[], Gravity::Error, &place, message, String::new());
                }
            }
        }
        Ok(nodes)
    }

    /// Compares one thing that is said of an address with what its chains say.
    async fn about(
        &mut self,
        config: &Config,
        files: &[(String, String)],
        nodes: &BTreeMap<ChainId, Inquiry>,
        one: &Stated,
    ) {
        let asked: Vec<(ChainId, &Inquiry)> =
            one.chains.iter().filter_map(|chain| Some((*chain, nodes.get(chain)?))).collect();
        // Who does not answer, and chains that nobody watches, are named once, elsewhere.
        if asked.is_empty() || asked.len() < one.chains.len() {
            return;
        }
        let mut is_there = false;
        for (id, chain) in &asked {
            let found = match chain.code(one.address).await {
                Ok(code) if code.is_empty() => continue,
                Ok(_) => {
                    is_there = true;
                    compare::compare(chain, one.address, &one.says).await
                }
                Err(why) => Err(why),
            };
            match found {
                Ok(odd) => {
                    for (gravity, message, help) in odd {
                        let message = format!("{} on chain {id}: {message}", one.address);
                        self.say(config, files, gravity, &one.place, message, help);
                    }
                }
                Err(why) => {
                    let message = format!("what is at {} on chain {id} could not be asked: {why}", one.address);
                    return self.say(config, files, Gravity::Error, &one.place, message, String::new());
                }
            }
        }
        if is_there {
            return;
        }
        let chains: Vec<String> = asked.iter().map(|(id, _)| id.to_string()).collect();
        let message = format!("there is no contract at {} on chain {}", one.address, chains.join(" or "));
        let (gravity, help) = match one.says {
            Says::Watched => (Gravity::Warning, "right for an account; a contract has another address, or chain"),
            _ => (Gravity::Error, "mend the address, or the chain"),
        };
        self.say(config, files, gravity, &one.place, message, help.to_owned());
    }

    /// Waits for the first value of each feed.
    async fn feeds(&mut self, config: &Config) {
        let folder = &config.folder();
        let words = config
            .feeds
            .iter()
            .map(|(name, feed)| async move { (name, first_word(name, feed, folder, FEED_SPEAKS_WITHIN).await) });
        for (name, word) in futures::future::join_all(words).await {
            match word {
                Ok(Some(word)) => self.answers.push(format!("feed {name}: {}", word.value.text())),
                Ok(None) => self.answers.push(format!("feed {name}: not asked, others speak to it")),
                Err(why) => {
                    let help = "look at where it is and at its `pointer`".to_owned();
                    self.say(config, &[], Gravity::Error, &in_config(&["feed", name]), why, help);
                }
            }
        }
    }

    /// Sends a message that says that it is a test to each webhook and each room.
    async fn channels(&mut self, config: &Config, now_ms: u64) -> anyhow::Result<()> {
        for (name, made) in config.outlets()? {
            let address = match (&made.schemes, &made.room) {
                (_, Some(room)) => room.clone(),
                (None, None) => String::new(),
                (Some(_), None) if made.takes_all => String::new(),
                (Some(schemes), None) => {
                    let scheme = schemes.first().map(String::as_str).unwrap_or_default();
                    let to = format!("`watchfire channel test {name} --to {scheme}:…` tries it");
                    self.answers.push(format!("channel {name}: not tried, it has no room; {to}"));
                    continue;
                }
            };
            let title = format!("Test of channel {name}. There is no incident, and nobody need act");
            let key = keccak256(format!("check --live {name} {now_ms}"));
            let letter = Letter::test(title, 0, "", address, key, now_ms);
            match made.service.send(&letter).await {
                Ok(_) => self.answers.push(format!("channel {name}: accepted a test message")),
                Err(error) => {
                    let message = format!("it did not accept a test message: {error}");
                    let help = format!("`watchfire channel test {name}` tries it again");
                    self.say(config, &[], Gravity::Error, &in_config(&[made.section, &name]), message, help);
                }
            }
        }
        Ok(())
    }

    /// Says it where it is written.
    fn say(
        &mut self,
        config: &Config,
        files: &[(String, String)],
        gravity: Gravity,
        place: &Place,
        message: String,
        help: String,
    ) {
        let path: Vec<&str> = place.path.iter().map(String::as_str).collect();
        let own = [(config.file.display().to_string(), config.text.clone())];
        let files = if place.in_config { &own[..] } else { files };
        let is_in = |file: &TomlFile<'_>| match path[..] {
            [section, name, ..] => file.names(section).iter().any(|(known, _)| known == name),
            _ => true,
        };
        let parsed = files.iter().filter_map(|(name, text)| Some((name, text, TomlFile::parse(name, text).ok()?)));
        let mut holding = parsed.filter(|(_, _, file)| is_in(file));
        let Some((name, text, file)) = holding.next() else { return };
        let found = Diagnostic::at(gravity, name, text, file.span(&path), &path.join("."), message).with_help(help);
        // Several detectors watch the same: each place is named, and each once.
        if !self.diagnostics.contains(&found) {
            self.diagnostics.push(found);
        }
    }
}

fn in_config(path: &[&str]) -> Place {
    Place { in_config: true, path: path.iter().map(|part| (*part).to_owned()).collect() }
}
