//! Events. Rules of one event share their decoding: a log is found by its first topic, then by the contract or the address that a
//! rule asks for, and is decoded once for all of them.

use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use crate::abi::EventLayout;
use crate::judge::{Candidate, Judge};
use crate::language::Scope;
use crate::rule::Rule;
use crate::trigger::common::{Commons, Origin, Senders};
use crate::trigger::index::Index;

/// Rules of one event.
pub struct EventGroup {
    /// The event.
    pub layout: EventLayout,
    /// Names of its values.
    pub scope: Scope,
    commons: Commons,
    index: Index,
}

impl EventGroup {
    /// A group without rules. `explain` as in [`Index::new`].
    pub fn new(layout: EventLayout, explain: bool) -> Self {
        let mut scope = Scope::default();
        for parameter in &layout.parameters {
            scope.add(&parameter.name, EventLayout::type_of(parameter));
        }
        let commons = Commons::add(&mut scope, true, true);
        Self { layout, scope, commons, index: Index::new(explain) }
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
        if self.index.takes_any() {
            wants.push(filter().into());
        } else if let Some(contracts) = self.index.named_contracts() {
            wants.push(filter().addresses(contracts).into());
        }
        for (at, addresses, contracts) in self.index.looked_up() {
            let mut filter = filter();
            if let Some(contracts) = contracts {
                filter = filter.addresses(contracts.iter().copied());
            }
            if let Some(topic) = self.layout.topic_of(at) {
                filter = filter.topic(topic, addresses.map(|address| address.into_word()));
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
