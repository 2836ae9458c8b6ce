//! Calls by actors that matter.

use hashbrown::HashSet;

use super::call::Call;
use super::party::Party;
use super::reader::Transaction;
use super::selectors;
use crate::batch::FrameKind;

impl Transaction<'_> {
    /// Positions of the calls by actors that can change state, to contracts that are no token, pool, router or lender.
    pub fn calls_out(&self) -> &[u32] {
        self.reckoned.calls_out.get_or_init(|| {
            let lenders: Vec<Party> = self.loans().iter().map(|loan| self.calls[loan.at as usize].target).collect();
            let pool = |call: &&Call<'_>| [selectors::PAIR_SWAP, selectors::POOL_SWAP].contains(&call.selector);
            let pools: HashSet<Party> = self.calls.iter().filter(pool).map(|call| call.target).collect();
            let matters = |call: &Call<'_>| {
                call.changes()
                    && call.has_selector()
                    && self.parties.is_actor(call.sender)
                    && !self.parties.is_actor(call.target)
                    && !self.parties.is_token(call.target)
                    && !call.is(selectors::TOKEN | selectors::ROUTER)
                    && !lenders.contains(&call.target)
                    && !pools.contains(&call.target)
            };
            (0u32..).zip(&self.calls).filter(|(_, call)| matters(call)).map(|(at, _)| at).collect()
        })
    }

    /// Of these, the calls to contracts which themselves hold more or less of something afterwards, or which mint or burn.
    pub fn material(&self) -> &[u32] {
        self.reckoned.material.get_or_init(|| {
            if self.calls_out().is_empty() {
                return Vec::new();
            }
            let balances = self.balances();
            let held: HashSet<Party> =
                balances.iter().filter(|(_, sum)| !sum.is_zero()).map(|(key, _)| key.0).collect();
            let mut minters: HashSet<Party> = HashSet::new();
            for call in &self.calls {
                if call.kind == FrameKind::Call && call.success && call.is(selectors::MINT_OR_BURN) {
                    minters.extend([call.sender, call.target]);
                }
            }
            let matters = |&at: &u32| {
                let call = &self.calls[at as usize];
                if call.is(selectors::SWAP) {
                    return false;
                }
                held.contains(&call.target) || minters.contains(&call.target) || self.moves_within(at, &held)
            };
            self.calls_out().iter().copied().filter(matters).collect()
        })
    }

    /// Whether, within a call and outside of swaps, somebody is called who holds more or less of something afterwards.
    fn moves_within(&self, at: u32, held: &HashSet<Party>) -> bool {
        let end = self.calls[at as usize].end;
        let mut next = at + 1;
        while next < end {
            let call = &self.calls[next as usize];
            let counts = call.kind == FrameKind::Call
                && held.contains(&call.context)
                && !call.is(selectors::TOKEN | selectors::SWAP)
                && !self.parties.is_token(call.context)
                && !self.parties.is_actor(call.target);
            if counts {
                return true;
            }
            // What happens within a swap is the pool's affair.
            next = if call.is(selectors::SWAP) { call.end.max(next + 1) } else { next + 1 };
        }
        false
    }
}
