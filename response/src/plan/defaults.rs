//! Writes into a plan what its files leave out.

use super::entity::{ProofPolicy, Tables};
use crate::defaults::Defaults;

impl Defaults {
    /// Writes into a plan what it leaves out and what follows from the rest of it, so that its hash covers that too.
    pub(super) fn fill(self, tables: &mut Tables) {
        // Where nobody can sign, nothing is proved either way.
        if self >= Self::Proofs && tables.person.values().any(|person| person.signer.is_some()) {
            tables.protocol.proof.get_or_insert_with(ProofPolicy::unwritten);
        }
    }
}
