//! A transaction as it looks once whom the actors hand everything to is taken for theirs.

use super::party::{self, Party};
use super::reader::{Reckoned, Transaction};
use super::{gain, selectors};

impl Transaction<'_> {
    /// The same transaction, with the contract that the recipient hands everything to taken for the actors' own: an executor that was
    /// made in an earlier transaction. `None` where there is none. It is called by the recipient alone, by a function that nothing is known of, and
    /// lenders or pools call it back.
    pub fn from_within(&self) -> Option<Self> {
        let executor = self.executor()?;
        let mut parties = self.parties.clone();
        parties.set(executor, party::ACTOR);
        for call in self.calls.iter().filter(|call| call.creates()) {
            if parties.is_actor(call.sender) {
                parties.set(call.target, party::ACTOR);
            }
        }
        for party in parties.all() {
            parties.unset(party, party::PAID);
            if parties.is_actor(party) {
                parties.unset(party, party::TOKEN);
            }
        }
        let tx = Self {
            index: self.index,
            calls: self.calls.clone(),
            parties,
            transfers: self.transfers.clone(),
            logs: self.logs.clone(),
            net: gain::Balances::default(),
            batch: self.batch,
            prices: self.prices,
            has_logs: self.has_logs,
            reckoned: Reckoned::default(),
        };
        Some(tx.settled())
    }

    fn executor(&self) -> Option<Party> {
        if !self.has_own_contract() || self.calls.len() < 8 {
            return None;
        }
        let front = self.root().target;
        let mut executor = None;
        for call in self.calls.iter().filter(|call| call.sender == front && call.changes()) {
            let is_aside = call.is(selectors::TOKEN) || self.is_wrapped(call.target) || !call.has_selector();
            if is_aside || self.parties.is_actor(call.target) {
                continue;
            }
            if call.classes != 0 || executor.is_some_and(|known| known != call.target) {
                return None;
            }
            executor = Some(call.target);
        }
        let executor = executor?;
        let is_called_back = |call: &super::Call<'_>| {
            call.target == executor
                && call.changes()
                && call.is(selectors::CALLBACK)
                && call.sender != executor
                && !self.parties.is_actor(call.sender)
        };
        (!self.parties.is_token(executor) && self.calls.iter().any(is_called_back)).then_some(executor)
    }
}
