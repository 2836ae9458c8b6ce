//! Events. Rules of one event share their decoding: a log is found by its first topic, then by the contract or the address that a
//! rule asks for, and is decoded once for all of them.

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::Key;
use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use crate::abi::EventLayout;
use crate::judge::{Candidate, Judge};
use crate::language::{Scope, Value};
use crate::rule::Rule;
use crate::trigger::common::{Commons, Origin, Senders};

/// Rules of one event.
pub struct EventGroup {
    /// The event.
    pub layout: EventLayout,
    /// Names of its values.
    pub scope: Scope,
    commons: Commons,
    index: Index,
}

/// Which rules may match, by what is quickest to look at. A rule stands in one place.
#[derive(Default)]
pub struct Index {
    /// By the address that a value must be: the value's place, and rules by address.
    by_value: Vec<(usize, HashMap<Key<20>, Vec<usize>>)>,
    by_contract: HashMap<Key<20>, Vec<usize>>,
    any: Vec<usize>,
    /// Contracts of rules that stand in `by_value`; `None` where one of them takes any.
    contracts: HashMap<usize, Option<HashSet<Address>>>,
}

impl Index {
    /// Adds a rule; `is_value` says which places can be looked up.
    pub fn add(&mut self, position: usize, rule: &Rule, is_value: impl Fn(usize) -> bool) {
        let guard = rule.when.guards().filter(|(at, _)| is_value(*at)).min_by_key(|(_, addresses)| addresses.len());
        let contracts = rule.contracts.as_ref();
        match (guard, contracts) {
            (Some((at, addresses)), _) => {
                let place = match self.by_value.iter().position(|(place, _)| *place == at) {
                    Some(place) => place,
                    None => {
                        self.by_value.push((at, HashMap::new()));
                        self.by_value.len() - 1
                    }
                };
                for address in addresses {
                    self.by_value[place].1.entry(Key(address.into_array())).or_default().push(position);
                }
                let known = self.contracts.entry(at).or_insert_with(|| Some(HashSet::new()));
                match (contracts, known) {
                    (Some(contracts), Some(known)) => known.extend(contracts.iter().map(|key| Address::new(key.0))),
                    (_, known) => *known = None,
                }
            }
            (None, Some(contracts)) => {
                contracts.iter().for_each(|key| self.by_contract.entry(*key).or_default().push(position));
            }
            (None, None) => self.any.push(position),
        }
    }

    /// Rules that may match, by the row's contract and values.
    pub fn candidates<'i>(&'i self, contract: &Address, values: &'i [Value]) -> impl Iterator<Item = usize> + 'i {
        let by_value = self.by_value.iter().filter_map(|(at, rules)| match values.get(*at) {
            Some(Value::Address(address)) => rules.get(&Key(address.into_array())),
            _ => None,
        });
        let by_contract = self.by_contract.get(&Key(contract.into_array()));
        by_value.chain(by_contract).flatten().chain(&self.any).copied()
    }

    /// Whether a row of a contract may match anything, before it is decoded.
    pub fn may_match(&self, contract: &Address) -> bool {
        !self.any.is_empty() || !self.by_value.is_empty() || self.by_contract.contains_key(&Key(contract.into_array()))
    }

    /// Contracts of all rules; `None` where one takes any.
    pub fn all_contracts(&self) -> Option<Vec<Address>> {
        if !self.any.is_empty() || self.contracts.values().any(Option::is_none) {
            return None;
        }
        let mut all: Vec<Address> = self.by_contract.keys().map(|key| Address::new(key.0)).collect();
        all.extend(self.contracts.values().flatten().flatten());
        all.sort_unstable();
        all.dedup();
        Some(all)
    }

    /// The rules.
    pub fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        let by_value = self.by_value.iter().flat_map(|(_, rules)| rules.values());
        by_value.chain(self.by_contract.values()).flatten().chain(&self.any).copied()
    }
}

impl EventGroup {
    /// A group without rules.
    pub fn new(layout: EventLayout) -> Self {
        let mut scope = Scope::default();
        for parameter in &layout.parameters {
            scope.add(&parameter.name, EventLayout::type_of(parameter));
        }
        let commons = Commons::add(&mut scope, true, true);
        Self { layout, scope, commons, index: Index::default() }
    }

    /// Adds a rule.
    pub fn add(&mut self, position: usize, rule: &Rule) {
        let parameters = self.layout.parameters.len();
        self.index.add(position, rule, |at| at < parameters);
    }

    /// Leaves out what no rule reads. Returns what it wants to see.
    pub fn settle(&mut self, rules: &[Rule]) -> Vec<Subscription> {
        let needs_transactions = self.commons.keep_read(self.index.positions().map(|position| &rules[position]));
        let filter = || LogFilter::default().topic(0, [self.layout.topic]);
        let mut wants: Vec<Subscription> = Vec::new();
        if !self.index.any.is_empty() {
            wants.push(filter().into());
        } else if !self.index.by_contract.is_empty() {
            let contracts = self.index.by_contract.keys().map(|key| Address::new(key.0));
            wants.push(filter().addresses(contracts).into());
        }
        for (at, rules) in &self.index.by_value {
            let mut filter = filter();
            if let Some(Some(contracts)) = self.index.contracts.get(at) {
                filter = filter.addresses(contracts.iter().copied());
            }
            if let Some(topic) = self.layout.topic_of(*at) {
                filter = filter.topic(topic, rules.keys().map(|key| Address::new(key.0).into_word()));
            }
            wants.push(filter.into());
        }
        for want in &mut wants {
            if let Subscription::Logs(filter) = want {
                filter.addresses.sort_unstable();
                filter.topics.iter_mut().for_each(|topics| topics.sort_unstable());
            }
        }
        if needs_transactions {
            wants.push(TransactionFilter::default().into());
        }
        wants
    }

    /// Judges a log that has the event's topic.
    pub fn look(&self, batch: &Batch<'_>, log: &Log<'_>, senders: &Senders, judge: &mut Judge<'_>) {
        let contract = log.address();
        if !self.index.may_match(&contract) {
            return;
        }
        let decoded = self.layout.decode(|at| log.topic_or_zero(at), log.topic_count(), log.data());
        let Some(mut values) = decoded else { return };
        let (transaction, log_index) = (Some(log.transaction_index()), Some(log.index()));
        self.commons.fill(&mut values, &Origin { batch, transaction, contract: Some(contract), log_index, senders });
        let candidate = Candidate {
            shared: &values,
            contract: Some(contract),
            unique: &|| format!("{}/{}", log.transaction_hash(), log.index()),
            evidence: &|finding| finding.evidence(log),
        };
        for position in self.index.candidates(&contract, &values) {
            if judge.rules[position].is_about(&contract) {
                judge.judge(position, &candidate);
            }
        }
    }
}
