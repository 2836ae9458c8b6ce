//! Loans within one call, by what they do.

use super::call::Call;
use super::party::Party;
use super::reader::Transaction;
use super::selectors;
use super::transfer::to_f64;
use crate::batch::FrameKind;

/// A loan that is paid back within the call that took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loan {
    /// Position of the call of an actor to the lender.
    pub at: u32,
    /// What was lent.
    pub token: Party,
}

impl Transaction<'_> {
    /// Flash loans by behaviour: within one call of an actor, the lender sends something, calls an actor back, and it comes back, at
    /// most a fifth more of it. A pair may get anything back.
    pub fn loans(&self) -> &[Loan] {
        self.reckoned.loans.get_or_init(|| {
            let calls = (0u32..).zip(&self.calls);
            calls.filter_map(|(at, call)| Some(Loan { at, token: self.lends(at, call)? })).collect()
        })
    }

    /// Whether the call at this position is the taking of a loan.
    pub fn is_loan(&self, at: u32) -> bool {
        self.loans().iter().any(|loan| loan.at == at)
    }

    fn lends(&self, at: u32, call: &Call<'_>) -> Option<Party> {
        let parties = &self.parties;
        if !call.changes() || !parties.is_actor(call.sender) || parties.is_actor(call.target) || !call.has_selector() {
            return None;
        }
        let calls_back = |inner: &Call<'_>| {
            inner.kind == FrameKind::Call
                && parties.is_actor(inner.target)
                && inner.target != self.sender()
                && inner.success
                && !parties.is_actor(inner.sender)
                && inner.has_selector()
        };
        let back = at + 1 + self.within(at).iter().position(calls_back)? as u32;
        let is_pair = call.selector == selectors::PAIR_SWAP;
        let from = self.transfers.partition_point(|moved| moved.at < at);
        for moved in self.transfers[from..].iter().take_while(|moved| moved.at <= back) {
            let lender = moved.from;
            if parties.is_actor(lender) || moved.to == call.target {
                continue;
            }
            let inner = &self.calls[moved.at as usize];
            let by_lender = || {
                inner.sender == call.target
                    || self.around(moved.at).any(|it| it.sender == call.target || it.context == call.target)
            };
            if lender != call.target && !by_lender() {
                continue;
            }
            let is_source = |party: Party| party == call.target || party == lender;
            let later = self.transfers.iter().filter(|it| it.at > moved.at && it.at < call.end && is_source(it.to));
            if is_pair && lender == call.target && later.clone().next().is_some() {
                return Some(moved.token);
            }
            let (lent, paid) = (
                to_f64(moved.amount),
                later.filter(|it| it.token == moved.token).map(|it| to_f64(it.amount)).sum::<f64>(),
            );
            if paid >= lent && paid <= lent * 1.2 && !is_source(moved.to) {
                return Some(moved.token);
            }
        }
        None
    }
}
