//! Accounts and contracts of one transaction, by small numbers.

use alloy_primitives::Address;
use hashbrown::HashMap;

use crate::Key;

/// An account or contract of a transaction: its position among [`Parties`].
pub type Party = u32;

/// The address of zeros, which tokens come from when they are minted and go to when they are burnt.
pub const ZERO: Party = 0;

/// Accounts and contracts of a transaction, and what each is in it.
#[derive(Clone, Default)]
pub struct Parties {
    addresses: Vec<[u8; 20]>,
    ids: HashMap<Key<20>, Party>,
    flags: Vec<u8>,
}

pub(super) const ACTOR: u8 = 1;
pub(super) const TOKEN: u8 = 2;
pub(super) const CODE: u8 = 4;
pub(super) const PAID: u8 = 8;
pub(super) const MADE: u8 = 16;

impl Parties {
    pub(super) fn clear(&mut self) {
        self.addresses.clear();
        self.ids.clear();
        self.flags.clear();
        self.of([0; 20]);
    }

    /// The party at an address, new where there was none.
    pub(super) fn of(&mut self, address: [u8; 20]) -> Party {
        let Self { addresses, ids, flags } = self;
        *ids.entry(Key(address)).or_insert_with(|| {
            addresses.push(address);
            flags.push(0);
            addresses.len() as Party - 1
        })
    }

    /// Whether a party is at an address.
    pub(super) fn is_at(&self, party: Party, address: &[u8; 20]) -> bool {
        self.addresses.get(party as usize).is_some_and(|known| Key(*known) == Key(*address))
    }

    /// The party at an address; `None` where it takes no part in the transaction.
    pub fn find(&self, address: &[u8; 20]) -> Option<Party> {
        self.ids.get(&Key(*address)).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// The address of a party.
    pub fn address(&self, party: Party) -> Address {
        self.addresses.get(party as usize).copied().map(Address::new).unwrap_or_default()
    }

    /// All parties.
    pub fn all(&self) -> impl Iterator<Item = Party> + use<> {
        0..self.addresses.len() as Party
    }

    /// The sender, what it acts through, and what these create.
    pub fn is_actor(&self, party: Party) -> bool {
        self.has(party, ACTOR)
    }

    /// Actors, and who is paid by an actor and runs no code: another account of theirs, or a builder that is bribed.
    pub fn is_ours(&self, party: Party) -> bool {
        self.has(party, ACTOR | PAID)
    }

    /// Whether it is called as a token.
    pub fn is_token(&self, party: Party) -> bool {
        self.has(party, TOKEN)
    }

    /// Whether it ran code: was called with data, or called.
    pub fn runs_code(&self, party: Party) -> bool {
        self.has(party, CODE)
    }

    /// Whether it came into being in this transaction.
    pub fn is_made(&self, party: Party) -> bool {
        self.has(party, MADE)
    }

    /// Whether it is one of the chain's precompiled contracts.
    pub fn is_precompile(&self, party: Party) -> bool {
        let address = self.address(party).into_array();
        address[..19].iter().all(|&byte| byte == 0) && (1..20).contains(&address[19])
    }

    pub(super) fn has(&self, party: Party, flag: u8) -> bool {
        self.flags.get(party as usize).is_some_and(|flags| flags & flag != 0)
    }

    pub(super) fn set(&mut self, party: Party, flag: u8) {
        if let Some(flags) = self.flags.get_mut(party as usize) {
            *flags |= flag;
        }
    }

    pub(super) fn unset(&mut self, party: Party, flag: u8) {
        if let Some(flags) = self.flags.get_mut(party as usize) {
            *flags &= !flag;
        }
    }
}
