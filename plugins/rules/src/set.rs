//! All rules of a config: checked, sorted by what they look at, and shown to each batch.

use hashbrown::HashMap;
use watchfire_sdk::Key;
use watchfire_sdk::prelude::*;

use crate::config::Config;
use crate::constants;
use crate::judge::Judge;
use crate::language::Constants;
use crate::rule::{Builder, Rule};
use crate::trigger::call::CallGroup;
use crate::trigger::common::Senders;
use crate::trigger::event::EventGroup;
use crate::trigger::level::LevelRule;
use crate::trigger::rows::{Creations, Storage};
use crate::trigger::silence::SilenceRule;
use crate::trigger::words::{Feeds, Others};

/// Most subscriptions that the host takes, less what other kinds of rows want.
const LOG_SUBSCRIPTIONS: usize = 160;

/// The rules of a config.
#[derive(Default)]
pub struct Rules {
    pub(crate) constants: Constants,
    pub(crate) rules: Vec<Rule>,
    pub(crate) events: Vec<EventGroup>,
    /// Groups by their first topic.
    pub(crate) by_topic: HashMap<Key<32>, Vec<usize>>,
    pub(crate) calls: Vec<CallGroup>,
    pub(crate) creations: Creations,
    pub(crate) storage: Storage,
    pub(crate) feeds: Feeds,
    pub(crate) others: Others,
    pub(crate) levels: Vec<LevelRule>,
    pub(crate) silences: Vec<SilenceRule>,
    pub(crate) explain: bool,
}

impl Rules {
    /// Checks a config. Returns the rules, and what they want to see.
    ///
    /// # Errors
    ///
    /// If a part of it is wrong: what, and its key.
    pub fn new(config: &Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let constants = constants::read(config)?;
        let abis = constants::abis(config)?;
        let mut set = Self { constants: constants.clone(), explain: config.explain, ..Self::default() };
        if config.rule.is_empty() {
            return Err(ConfigError::at("rule", "there is no rule; write one as `[[detector.NAME.config.rule]]`"));
        }
        let mut names = HashMap::new();
        for (at, rule) in config.rule.iter().enumerate() {
            if let Some(name) = &rule.name
                && let Some(other) = names.insert(name.clone(), at)
            {
                return Err(ConfigError::at(format!("rule.{at}.name"), format!("rule.{other} is called `{name}` too")));
            }
            set.add(&Builder { at, config: rule, constants: &constants }, &abis)?;
        }
        let wants = set.settle();
        Ok((set, wants))
    }

    fn settle(&mut self) -> Vec<Subscription> {
        let mut wants: Vec<Subscription> = Vec::new();
        for group in &mut self.events {
            wants.extend(group.settle(&self.rules));
        }
        for group in &mut self.calls {
            wants.extend(group.settle(&self.rules));
        }
        wants.extend(self.creations.settle(&self.rules));
        wants.extend(self.storage.settle(&self.rules));
        wants.extend(self.feeds.settle());
        wants.extend(self.others.settle(&self.rules));
        for silence in &self.silences {
            wants.extend(silence.wants(&self.rules));
        }
        if !self.levels.is_empty() || !self.silences.is_empty() {
            wants.push(Subscription::EveryBlocks(1));
        }
        wants = few(wants);
        let mut once: Vec<Subscription> = Vec::new();
        for want in wants {
            if !once.contains(&want) {
                once.push(want);
            }
        }
        once
    }

    /// Shows a batch to all rules. Returns what they find.
    ///
    /// # Errors
    ///
    /// If the state can't be read.
    pub fn look(&self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let mut judge = Judge::new(&self.rules, &self.constants, batch.timestamp_s(), self.explain);
        let senders = Senders::default();
        if !self.events.is_empty() {
            for log in batch.logs() {
                let groups = self.by_topic.get(&Key(log.topic_or_zero(0).0));
                for group in groups.into_iter().flatten() {
                    self.events[*group].look(batch, &log, &senders, &mut judge);
                }
            }
        }
        if !self.calls.is_empty() {
            CallGroup::look(&self.calls, batch, &senders, &mut judge);
        }
        self.creations.look(batch, &senders, &mut judge);
        self.storage.look(batch, &senders, &mut judge);
        self.others.look(batch, &senders, &mut judge);
        self.feeds.look(batch, &senders, &mut judge)?;
        for silence in &self.silences {
            silence.look(batch, &senders, &mut judge)?;
        }
        // Reads are of a block: what a feed says brings no new one.
        if batch.trigger() == Trigger::Block {
            for level in &self.levels {
                level.look(batch, &senders, &mut judge)?;
            }
        }
        Ok(judge.finish())
    }
}

/// As few subscriptions as the host takes: past that, all logs in one that covers them all.
fn few(wants: Vec<Subscription>) -> Vec<Subscription> {
    let (logs, mut others): (Vec<_>, Vec<_>) =
        wants.into_iter().partition(|want| matches!(want, Subscription::Logs(_)));
    if logs.len() <= LOG_SUBSCRIPTIONS {
        others.extend(logs);
        return others;
    }
    let (mut topics, mut addresses, mut any) = (Vec::new(), Vec::new(), false);
    for want in logs {
        let Subscription::Logs(filter) = want else { continue };
        any |= filter.addresses.is_empty();
        addresses.extend(filter.addresses);
        topics.extend(filter.topics.into_iter().next().unwrap_or_default());
    }
    topics.sort_unstable();
    topics.dedup();
    addresses.sort_unstable();
    addresses.dedup();
    let filter = LogFilter::default().topic(0, topics);
    others.push(if any { filter } else { filter.addresses(addresses) }.into());
    others
}
