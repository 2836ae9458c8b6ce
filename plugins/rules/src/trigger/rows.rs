//! Contracts that come into being, and storage slots that change.

use watchfire_sdk::prelude::*;

use crate::judge::{Candidate, Judge};
use crate::language::{Scope, Type, Value};
use crate::rule::Rule;
use crate::trigger::common::{Commons, Origin, Senders};

/// Rules on contracts that come into being.
pub struct Creations {
    /// Names of their values.
    pub scope: Scope,
    commons: Commons,
    /// Positions of the rules.
    pub rules: Vec<usize>,
}

/// Rules on storage slots.
pub struct Storage {
    /// Names of their values.
    pub scope: Scope,
    commons: Commons,
    /// Positions of the rules, and the slot of each; any where `None`.
    pub rules: Vec<(usize, Option<B256>)>,
}

impl Default for Creations {
    fn default() -> Self {
        let mut scope = Scope::default();
        scope.add("creator", Type::Address);
        scope.add("address", Type::Address);
        let commons = Commons::add(&mut scope, true, false);
        Self { scope, commons, rules: Vec::new() }
    }
}

impl Creations {
    /// Leaves out what no rule reads. Returns what it wants to see.
    pub fn settle(&mut self, rules: &[Rule]) -> Vec<Subscription> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let needs_transactions = self.commons.keep_read(self.rules.iter().map(|position| &rules[*position]));
        let transactions = needs_transactions.then(|| TransactionFilter::default().into());
        std::iter::once(Subscription::Creations).chain(transactions).collect()
    }

    /// Judges what came into being.
    pub fn look(&self, batch: &Batch<'_>, senders: &Senders, judge: &mut Judge<'_>) {
        if self.rules.is_empty() {
            return;
        }
        for row in batch.creations() {
            let mut values = vec![Value::Address(row.creator), Value::Address(row.address)];
            let (transaction, contract) = (Some(row.transaction_index), Some(row.address));
            self.commons.fill(&mut values, &Origin { batch, transaction, contract, log_index: None, senders });
            let candidate = Candidate {
                shared: &values,
                contract,
                unique: &|| row.address.to_string(),
                evidence: &|finding| finding.transaction(batch.transaction_hash(row.transaction_index)),
            };
            // A rule's contracts are those that create.
            for position in &self.rules {
                if judge.rules[*position].is_about(&row.creator) {
                    judge.judge(*position, &candidate);
                }
            }
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        let mut scope = Scope::default();
        for (name, of) in [
            ("slot", Type::Bytes),
            ("before", Type::Number),
            ("after", Type::Number),
            ("before_bytes", Type::Bytes),
            ("after_bytes", Type::Bytes),
            ("before_address", Type::Address),
            ("after_address", Type::Address),
        ] {
            scope.add(name, of);
        }
        let commons = Commons::add(&mut scope, true, false);
        Self { scope, commons, rules: Vec::new() }
    }
}

impl Storage {
    /// Leaves out what no rule reads. Returns what it wants to see.
    pub fn settle(&mut self, rules: &[Rule]) -> Vec<Subscription> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let needs_transactions = self.commons.keep_read(self.rules.iter().map(|(position, _)| &rules[*position]));
        let mut filter = StorageFilter::default();
        let all_contracts = self.rules.iter().all(|(position, _)| rules[*position].contracts.is_some());
        if all_contracts {
            let contracts = self.rules.iter().filter_map(|(position, _)| rules[*position].contracts.as_ref()).flatten();
            filter.addresses = contracts.map(|key| Address::new(key.0)).collect();
        }
        if let Some(slots) = self.rules.iter().map(|(_, slot)| *slot).collect::<Option<Vec<B256>>>() {
            filter.slots = slots;
        }
        filter.addresses.sort_unstable();
        filter.addresses.dedup();
        filter.slots.sort_unstable();
        filter.slots.dedup();
        let transactions = needs_transactions.then(|| TransactionFilter::default().into());
        std::iter::once(filter.into()).chain(transactions).collect()
    }

    /// Judges the slots that changed.
    pub fn look(&self, batch: &Batch<'_>, senders: &Senders, judge: &mut Judge<'_>) {
        if self.rules.is_empty() {
            return;
        }
        for row in batch.storage_changes() {
            let (before, after, contract) = (row.before(), row.after(), row.address());
            let mut values = vec![
                Value::Bytes(row.slot().as_slice().into()),
                Value::number(U256::from_be_bytes(before.0)),
                Value::number(U256::from_be_bytes(after.0)),
                Value::Bytes(before.as_slice().into()),
                Value::Bytes(after.as_slice().into()),
                Value::Address(Address::from_word(before)),
                Value::Address(Address::from_word(after)),
            ];
            let transaction = Some(row.transaction_index());
            let origin = Origin { batch, transaction, contract: Some(contract), log_index: None, senders };
            self.commons.fill(&mut values, &origin);
            let candidate = Candidate {
                shared: &values,
                contract: Some(contract),
                unique: &|| format!("{}/{}", row.transaction_hash(), row.slot()),
                evidence: &|finding| finding.transaction(row.transaction_hash()),
            };
            for (position, slot) in &self.rules {
                if slot.is_none_or(|slot| slot == row.slot()) && judge.rules[*position].is_about(&contract) {
                    judge.judge(*position, &candidate);
                }
            }
        }
    }
}
