//! Calls: of transactions, which every node tells, and of contracts, which need traces. A transaction's own call is a candidate
//! once, wherever it is seen.

use hashbrown::HashMap;
use watchfire_sdk::batch::{FrameKind, Status};
use watchfire_sdk::prelude::*;

use crate::abi::FunctionLayout;
use crate::config::{Calls, Outcome};
use crate::judge::{Candidate, Judge};
use crate::language::{Scope, Type, Value};
use crate::rule::Rule;
use crate::trigger::common::{Commons, Origin, Senders};
use crate::trigger::index::Index;

/// What a rule asks for beside its condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asks {
    /// Which calls.
    pub calls: Calls,
    /// Which outcome.
    pub outcome: Outcome,
    /// Only what moves native value.
    pub with_value: bool,
}

/// Rules of one function, of any call, or of transfers of the native coin.
pub struct CallGroup {
    /// The function; any call where `None`.
    pub layout: Option<FunctionLayout>,
    /// What its rules ask for.
    pub asks: Asks,
    /// Names of its values.
    pub scope: Scope,
    /// Where the names that every call has begin.
    own: usize,
    commons: Commons,
    index: Index,
}

/// A call, of a transaction or a contract.
struct Call<'b> {
    sender: Address,
    target: Address,
    value: U256,
    input: &'b [u8],
    success: bool,
    depth: u32,
    transaction: u32,
    place: usize,
}

impl CallGroup {
    /// A group without rules. `explain` as in [`Index::new`].
    pub fn new(layout: Option<FunctionLayout>, asks: Asks, explain: bool) -> Self {
        let mut scope = Scope::default();
        for parameter in layout.iter().flat_map(|layout| &layout.inputs) {
            scope.add(&parameter.name, parameter.abi.of_value());
        }
        let own = scope.len();
        for (name, of) in [
            ("caller", Type::Address),
            ("target", Type::Address),
            ("call.value", Type::Number),
            ("input", Type::Bytes),
            ("selector", Type::Bytes),
            ("success", Type::Bool),
            ("depth", Type::Number),
        ] {
            scope.add_below(name, of);
        }
        if layout.is_none() {
            for (name, of) in [("from", Type::Address), ("to", Type::Address), ("value", Type::Number)] {
                scope.add_below(name, of);
            }
        }
        let commons = Commons::add(&mut scope, true, false);
        Self { layout, asks, scope, own, commons, index: Index::new(explain) }
    }

    /// Adds a rule.
    pub fn add(&mut self, position: usize, rule: &Rule) {
        self.index.add(position, rule, |_| true);
    }

    fn sees_internal(&self) -> bool {
        self.asks.calls != Calls::Top
    }

    /// Leaves out what no rule reads. Returns what it wants to see.
    pub fn settle(&mut self, rules: &[Rule]) -> Vec<Subscription> {
        let needs_transactions = self.commons.keep_read(self.index.positions().map(|position| &rules[position]));
        let contracts = self.index.all_contracts().unwrap_or_default();
        let selectors: Vec<[u8; 4]> = self.layout.iter().map(|layout| layout.selector).collect();
        let mut wants = Vec::new();
        if self.sees_internal() {
            let mut filter = FrameFilter::default().targets(contracts.iter().copied());
            filter.selectors.clone_from(&selectors);
            filter.with_value = self.asks.with_value;
            wants.push(filter.into());
        }
        if needs_transactions {
            wants.push(TransactionFilter::default().into());
        } else if self.asks.calls == Calls::Top {
            wants.push(TransactionFilter { recipients: contracts, selectors, senders: Vec::new() }.into());
        }
        wants
    }

    /// Judges the calls of a batch. `by_selector` holds the groups, so that the rows are gone through once.
    pub fn look(groups: &[CallGroup], batch: &Batch<'_>, senders: &Senders, judge: &mut Judge<'_>) {
        let (mut named, mut any): (HashMap<[u8; 4], Vec<&CallGroup>>, Vec<&CallGroup>) = Default::default();
        for group in groups {
            match &group.layout {
                Some(layout) => named.entry(layout.selector).or_default().push(group),
                None => any.push(group),
            }
        }
        let fitting = |input: &[u8]| {
            let named = input.first_chunk::<4>().and_then(|selector| named.get(selector));
            named.into_iter().flatten().chain(&any).copied().collect::<Vec<_>>()
        };
        if groups.iter().any(|group| !group.sees_internal()) {
            for row in batch.transactions() {
                for group in fitting(row.input()).into_iter().filter(|group| !group.sees_internal()) {
                    let (sender, target, value, input) = (row.sender(), row.recipient(), row.value(), row.input());
                    let success = row.status() == Status::Success;
                    let call =
                        Call { sender, target, value, input, success, depth: 0, transaction: row.index(), place: 0 };
                    group.judge(batch, &call, senders, judge);
                }
            }
        }
        if !groups.iter().any(CallGroup::sees_internal) {
            return;
        }
        for (place, row) in batch.frames().enumerate() {
            let is_call = matches!(
                row.kind(),
                FrameKind::Call | FrameKind::StaticCall | FrameKind::DelegateCall | FrameKind::CallCode
            );
            for group in fitting(row.input()).into_iter().filter(|group| group.sees_internal()) {
                let fits_depth = group.asks.calls == Calls::All || row.depth() > 0;
                let fits_kind = if group.asks.with_value { row.kind().moves_value() } else { is_call };
                if !fits_depth || !fits_kind {
                    continue;
                }
                let (sender, target, value, input) = (row.sender(), row.target(), row.value(), row.input());
                let (success, depth, transaction) = (row.success(), row.depth(), row.transaction_index());
                let call = Call { sender, target, value, input, success, depth, transaction, place };
                group.judge(batch, &call, senders, judge);
            }
        }
    }

    fn judge(&self, batch: &Batch<'_>, call: &Call<'_>, senders: &Senders, judge: &mut Judge<'_>) {
        let is_empty = self.asks.with_value && call.value.is_zero();
        if is_empty || !self.asks.outcome.fits(call.success) || !self.index.may_match(&call.target) {
            return;
        }
        let decoded = match &self.layout {
            Some(layout) => layout.decode_input(call.input),
            None => Some(Vec::new()),
        };
        let Some(mut values) = decoded else { return };
        debug_assert_eq!(values.len(), self.own);
        values.push(Value::Address(call.sender));
        values.push(Value::Address(call.target));
        values.push(Value::number(call.value));
        values.push(Value::Bytes(call.input.into()));
        values.push(Value::Bytes(call.input.get(..4).unwrap_or_default().into()));
        values.push(Value::Bool(call.success));
        values.push(Value::number(u64::from(call.depth)));
        if self.layout.is_none() {
            values.extend([Value::Address(call.sender), Value::Address(call.target), Value::number(call.value)]);
        }
        let (transaction, contract) = (Some(call.transaction), Some(call.target));
        self.commons.fill(&mut values, &Origin { batch, transaction, contract, log_index: None, senders });
        let candidate = Candidate {
            shared: &values,
            contract,
            unique: &|| format!("{}/{}", batch.transaction_hash(call.transaction), call.place),
            evidence: &|finding| finding.transaction(batch.transaction_hash(call.transaction)),
        };
        for position in self.index.candidates(&call.target, &values) {
            if judge.rules[position].is_about(&call.target) {
                judge.judge(position, &candidate);
            }
        }
    }
}
