//! Who has more than before, and of what.

use alloy_primitives::U256;
use hashbrown::HashMap;

use super::party::{Parties, Party, ZERO};
use super::prices::Money;
use super::reader::Transaction;
use super::selectors;
use super::transfer::{Transfer, signed, to_f64};
use crate::batch::FrameKind;

/// Net changes by token, in two's complement.
#[derive(Clone, Debug, Default)]
pub struct Balances(Vec<(Party, U256)>);

impl Balances {
    pub(super) fn of_actors(transfers: &[Transfer], parties: &Parties) -> Self {
        let mut net = Self::default();
        for moved in transfers {
            match (parties.is_ours(moved.from), parties.is_ours(moved.to)) {
                (true, false) => net.add(moved.token, moved.amount.wrapping_neg()),
                (false, true) => net.add(moved.token, moved.amount),
                _ => {}
            }
        }
        net
    }

    fn add(&mut self, token: Party, amount: U256) {
        match self.0.iter_mut().find(|(known, _)| *known == token) {
            Some((_, sum)) => *sum = sum.wrapping_add(amount),
            None => self.0.push((token, amount)),
        }
    }

    /// Each token and its change.
    pub fn iter(&self) -> impl Iterator<Item = (Party, U256)> {
        self.0.iter().copied()
    }
}

impl Transaction<'_> {
    /// Net change of each party and token, in two's complement.
    pub fn balances(&self) -> HashMap<(Party, Party), U256> {
        let mut balances: HashMap<(Party, Party), U256> = HashMap::with_capacity(self.transfers.len() * 2);
        for moved in &self.transfers {
            let from = balances.entry((moved.from, moved.token)).or_default();
            *from = from.wrapping_sub(moved.amount);
            let to = balances.entry((moved.to, moved.token)).or_default();
            *to = to.wrapping_add(moved.amount);
        }
        balances
    }

    /// Floors that the actors have more than before, in assets that have a price.
    pub fn gain(&self) -> f64 {
        self.net.iter().filter_map(|(token, sum)| self.signed_floors(token, sum)).sum()
    }

    /// Floors that others lose without getting any token for it.
    pub fn loss(&self) -> f64 {
        *self.reckoned.loss.get_or_init(|| {
            let mut each: HashMap<Party, (bool, f64)> = HashMap::new();
            for ((party, token), sum) in self.balances() {
                if self.parties.is_ours(party) || party == ZERO {
                    continue;
                }
                let (gets, floors) = each.entry(party).or_default();
                *gets |= !sum.is_zero() && !sum.bit(255);
                *floors += self.signed_floors(token, sum).unwrap_or_default();
            }
            let losses = each.values().filter(|(gets, floors)| !gets && *floors < 0.0);
            // In order of size, so that the sum doesn't depend on the order of a hash table.
            let mut losses: Vec<f64> = losses.map(|(_, floors)| -floors).collect();
            losses.sort_by(f64::total_cmp);
            losses.iter().sum()
        })
    }

    /// Floors that the actors gained without spending another kind of money or a token without a price; else 0.
    pub fn pure_gain(&self) -> f64 {
        *self.reckoned.pure.get_or_init(|| {
            let mut kinds = [0.0; Money::COUNT];
            for (token, sum) in self.net.iter() {
                match self.asset(token) {
                    Some(asset) => kinds[asset.money as usize] += signed(sum) / asset.floor,
                    None if sum.bit(255) && !self.may_hold(token) && !self.is_of_no_worth(token) => return 0.0,
                    None => {}
                }
            }
            let up: f64 = kinds.iter().filter(|sum| **sum > 0.0).sum();
            let down: f64 = -kinds.iter().filter(|sum| **sum < 0.0).sum::<f64>();
            if up > 0.0 && down <= 0.1 * up { up - down } else { 0.0 }
        })
    }

    /// Floors that the actors gained, less what they spent of another kind of money, where that is at most half of it; else 0. At fixed
    /// prices a swap may look the same. What was spent of tokens without a price does not count.
    pub fn mixed_gain(&self) -> f64 {
        let mut kinds = [0.0; Money::COUNT];
        for (token, sum) in self.net.iter() {
            if let Some(asset) = self.asset(token) {
                kinds[asset.money as usize] += signed(sum) / asset.floor;
            }
        }
        let up: f64 = kinds.iter().filter(|sum| **sum > 0.0).sum();
        let down: f64 = -kinds.iter().filter(|sum| **sum < 0.0).sum::<f64>();
        if up > 0.0 && down <= 0.5 * up { up - down } else { 0.0 }
    }

    /// Whether there is money in it: a pure gain, or a loss of others and no loss of the actors.
    pub fn has_money(&self, floors: f64) -> bool {
        self.moved() >= floors && (self.pure_gain() >= floors || self.loss() >= floors && self.gain() >= 0.0)
    }

    /// Floors that moved in all, back and forth: no gain and no loss is more.
    pub fn moved(&self) -> f64 {
        *self
            .reckoned
            .moved
            .get_or_init(|| self.transfers.iter().filter_map(|it| self.floors(it.token, it.amount)).sum())
    }

    /// Whether giving a token away is no spending: it, or whoever got it, came into being in this transaction.
    fn is_of_no_worth(&self, token: Party) -> bool {
        let given = |it: &&Transfer| it.token == token && self.parties.is_ours(it.from) && !self.parties.is_ours(it.to);
        self.parties.is_made(token) || self.transfers.iter().filter(given).all(|it| self.parties.is_made(it.to))
    }

    /// Whether actors may hold a token for another reason than a transfer: they called a function of its own. By logs, a mint is a
    /// transfer, and there is no such reason.
    fn may_hold(&self, token: Party) -> bool {
        !self.has_logs
            && self.calls.iter().any(|call| {
                call.target == token
                    && call.kind == FrameKind::Call
                    && call.success
                    && !call.is_static
                    && !call.is(selectors::TOKEN)
                    && call.has_selector()
                    && (self.parties.is_actor(call.sender)
                        || call
                            .address(0)
                            .and_then(|it| self.parties.find(&it))
                            .is_some_and(|it| self.parties.is_actor(it)))
            })
    }

    pub(super) fn signed_floors(&self, token: Party, sum: U256) -> Option<f64> {
        self.asset(token).map(|asset| signed(sum) / asset.floor)
    }

    /// What the actors have more of, largest first: the token and its amount in smallest units.
    pub fn gained(&self) -> Vec<(Party, U256)> {
        let mut gained: Vec<_> = self.net.iter().filter(|(_, sum)| !sum.is_zero() && !sum.bit(255)).collect();
        let floors = |it: &(Party, U256)| self.floors(it.0, it.1).unwrap_or(to_f64(it.1) * 1e-60);
        gained.sort_by(|one, other| floors(other).total_cmp(&floors(one)));
        gained
    }
}
