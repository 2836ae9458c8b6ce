//! Contracts that sign for people: what each is asked, and what its answer says.

use crate::app::engine::Engine;
use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainRead};
use crate::operator::Act;
use crate::plan::Person;
use crate::proof::{ERC1271_MAGIC, Signer, Word};

impl Engine {
    /// Returns what a contract is to be asked about the signature of an act, and after which block; `None` if no contract
    /// signs for the person, or no block of its chain is known.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn what_to_ask(&self, act: &Act) -> anyhow::Result<Option<(BlockRef, ChainRead)>> {
        let Some(proof) = &act.signed else { return Ok(None) };
        let plan = match act.incident {
            Some(id) => self.desks.plan_of(id),
            None => self.desks.plan(&proof.protocol).cloned(),
        };
        let (Some(plan), id) = (plan, act.incident.unwrap_or_default()) else { return Ok(None) };
        let signer = plan.tables().person.get(&act.by).and_then(Person::signs_as);
        let Some(Signer::Contract(chain, to)) = signer else { return Ok(None) };
        let head = self.head(chain, u64::MAX)?;
        Ok(head.map(|head| (head.block, ChainRead::Call { to, data: proof.question(id, &act.by) })))
    }
}

/// Reads what a contract answered after a block.
pub fn word(at: BlockRef, answer: &ChainAnswer) -> Word {
    let (is_valid, said) = match answer {
        // ERC-1271: the magic value, padded to 32 bytes by the ABI.
        Ok(bytes) => (bytes.len() == 32 && bytes[..4] == ERC1271_MAGIC, format!("0x{}", hex::encode(bytes))),
        Err(fault) => (false, format!("{}: {}", fault.code, fault.message)),
    };
    let said = said.chars().take(200).collect();
    Word { chain: at.chain, block: at.number, hash: at.hash, is_valid, said }
}
