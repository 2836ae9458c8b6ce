//! Agreement: whether nodes of different operators name the same blocks, and what they call final. Asked beside the follower, so that
//! a node that keeps silent delays no block.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::{Closed, Follower, Standing};
use crate::block::BlockRef;
use crate::event::Event;
use crate::finding::Severity;
use crate::source::evm::fetch::Name;
use crate::source::evm::heads;
use crate::source::evm::pool::{Endpoint, Pool};

/// The kind of the finding that nodes name different blocks.
const DISAGREE: &str = "nodes-disagree";

/// How long a node is waited for.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
/// For how many looks at the head the nodes are asked once what is final.
const LOOKS_FOR_ONE_AT_FINALITY: u32 = 4;

/// What the nodes said last.
#[derive(Debug, Default)]
pub(super) struct Said {
    block: Option<Agreed>,
    /// The blocks that each operator's node calls safe and final.
    tags: BTreeMap<String, Tags>,
}

/// A block that enough operators name.
#[derive(Debug)]
struct Agreed {
    name: Name,
    /// Who names it.
    by: Vec<String>,
    /// The places of nodes that name another one.
    others: Vec<usize>,
    /// Whether every node named a block of that height.
    is_whole: bool,
}

/// The blocks that a node calls safe and final.
type Tags = (Option<Name>, Option<Name>);

/// What the follower and the one who asks share.
pub(super) type Shared = Arc<Mutex<Said>>;

/// Asks the nodes.
pub(super) struct Asker {
    pub(super) pool: Arc<Pool>,
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) said: Shared,
    pub(super) woken: Arc<Notify>,
    /// How many operators must agree.
    pub(super) least: usize,
    pub(super) every: Duration,
}

impl Asker {
    /// Asks for as long as the chain is followed.
    pub(super) async fn run(mut self) {
        let mut looks = 0_u32;
        let mut agreed = None;
        loop {
            let tip = self.standing.borrow_and_update().tip;
            if let Some(tip) = tip.filter(|tip| agreed != Some(*tip)) {
                let votes = self.votes(tip.number).await;
                let said = vote(&votes, self.least, self.pool.all().len());
                agreed = said.as_ref().filter(|said| said.name.hash == tip.hash && said.is_whole).map(|_| tip);
                if looks.is_multiple_of(LOOKS_FOR_ONE_AT_FINALITY) {
                    let tags = self.tags().await;
                    self.locked().tags.extend(tags);
                }
                looks = looks.wrapping_add(1);
                if said.is_some() {
                    self.locked().block = said;
                    self.woken.notify_one();
                }
            }
            tokio::select! {
                changed = self.standing.changed(), if agreed == tip => if changed.is_err() { return },
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn name(&self, endpoint: &Endpoint, block: &str) -> Option<Name> {
        let asked = async {
            self.pool.admit(endpoint).await.ok()?;
            heads::name(endpoint, block).await.ok()?
        };
        timeout(ANSWERED_WITHIN, asked).await.ok()?
    }

    /// Asks every node for its block at the highest height that enough operators have, no higher than the tip.
    async fn votes(&self, tip: u64) -> Vec<Vote> {
        let latest = join_all(self.pool.all().iter().map(|endpoint| self.name(endpoint, "latest"))).await;
        let heads =
            || self.pool.all().iter().zip(&latest).filter_map(|(endpoint, name)| Some((endpoint, name.as_ref()?)));
        let operators = heads().map(|(endpoint, name)| (endpoint.operator.as_str(), name.number.to::<u64>()));
        let Some(reached) = reached(operators, self.least) else { return Vec::new() };
        let number = reached.min(tip);
        let named = heads().map(|(endpoint, head)| self.vote_of(endpoint, *head, number));
        join_all(named).await.into_iter().flatten().collect()
    }

    /// Asks a node for its block at a height, unless that is its head.
    async fn vote_of(&self, endpoint: &Endpoint, head: Name, number: u64) -> Option<Vote> {
        let name = match head.number.to::<u64>() == number {
            true => Some(head),
            false => self.name(endpoint, &format!("{number:#x}")).await,
        };
        let name = name.filter(|name| name.number.to::<u64>() == number)?;
        Some(Vote { operator: endpoint.operator.clone(), endpoint: endpoint.index, name })
    }

    async fn tags(&self) -> Vec<(String, Tags)> {
        let asked = join_all(self.pool.all().iter().map(|endpoint| self.tags_of(endpoint))).await;
        asked.into_iter().filter(|(_, (safe, finalized))| safe.is_some() || finalized.is_some()).collect()
    }

    async fn tags_of(&self, endpoint: &Endpoint) -> (String, Tags) {
        let (safe, finalized) = tokio::join!(self.name(endpoint, "safe"), self.name(endpoint, "finalized"));
        (endpoint.operator.clone(), (safe, finalized))
    }
}

/// What a node names a block.
#[derive(Debug)]
struct Vote {
    operator: String,
    endpoint: usize,
    name: Name,
}

/// Returns the highest height that so many operators have reached, each by its best node.
fn reached<'a>(heads: impl Iterator<Item = (&'a str, u64)>, least: usize) -> Option<u64> {
    let mut best: BTreeMap<&str, u64> = BTreeMap::new();
    for (operator, number) in heads {
        let known = best.entry(operator).or_default();
        *known = number.max(*known);
    }
    let mut heights: Vec<u64> = best.into_values().collect();
    heights.sort_unstable_by(|one, other| other.cmp(one));
    heights.get(least.checked_sub(1)?).copied()
}

/// Returns the block that so many operators name, if there is one: who names it, and which nodes name another. An operator whose
/// nodes name different blocks speaks for none.
fn vote(votes: &[Vote], least: usize, nodes: usize) -> Option<Agreed> {
    let mut words: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
    for vote in votes {
        words.entry(&vote.operator).or_default().insert(vote.name.hash);
    }
    let names = |hash| words.iter().filter(move |(_, hashes)| hashes.len() == 1 && hashes.contains(&hash));
    let agreed = votes.iter().find(|vote| names(vote.name.hash).count() >= least)?;
    let by = names(agreed.name.hash).map(|(operator, _)| (*operator).to_owned()).collect();
    let others = votes.iter().filter(|vote| vote.name.hash != agreed.name.hash).map(|vote| vote.endpoint).collect();
    Some(Agreed { name: agreed.name, by, others, is_whole: votes.len() == nodes })
}

impl Follower {
    /// Whether more than one operator must agree.
    pub(super) fn wants_agreement(&self) -> bool {
        self.config.agree > 1
    }

    /// Hands over what the nodes agreed on, and lets those rest who are alone with what they say.
    pub(super) async fn hear_agreement(&mut self) -> Result<(), Closed> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).block.take();
        let Some(Agreed { name, by, others, is_whole }) = said else { return Ok(()) };
        let number = name.number.to::<u64>();
        match self.canon.hash_at(number) {
            Some(hash) if hash == name.hash => {
                if others.is_empty() && is_whole {
                    self.end(DISAGREE, Severity::High, format!("the nodes name the same block {number}")).await?;
                }
                if self.agreed.is_none_or(|agreed| agreed < number) {
                    self.agreed = Some(number);
                    let block = BlockRef { chain: self.config.id, number, hash };
                    self.send(Event::Agreed { block, by }).await?;
                }
                Ok(())
            }
            Some(hash) => {
                // What was agreed on before is not any more, so that we may go back.
                self.agreed = None;
                for endpoint in self.pool.all().iter().filter(|endpoint| others.contains(&endpoint.index)) {
                    self.pool.disputed(endpoint);
                }
                let message = format!(
                    "the nodes of {} name block {number} {}, and the one that was followed is {hash}: whoever named that rests, and \
                     the others are followed. Compare with a node of your own",
                    by.join(", "),
                    name.hash
                );
                self.open(DISAGREE, Severity::High, message).await
            }
            // Not known yet, or no longer.
            None => Ok(()),
        }
    }

    /// Reports that nodes name different blocks, once two looks say so, and that they no longer do.
    pub(super) async fn compare(&self, differs: Option<String>, differed: &mut bool) -> Result<(), Closed> {
        let is_again = std::mem::replace(differed, differs.is_some());
        match differs {
            Some(message) if is_again => self.open(DISAGREE, Severity::High, message).await,
            Some(_) => Ok(()),
            // Where nodes must agree, they were asked for one height, all of them.
            None if self.wants_agreement() => Ok(()),
            None => self.end(DISAGREE, Severity::High, "the nodes name the same blocks".to_owned()).await,
        }
    }

    /// True if going back to a height would undo what enough operators name, for a node's word alone: it is reported and not done.
    pub(super) async fn below_agreed(&mut self, ancestor: u64, endpoint: usize) -> Result<bool, Closed> {
        let Some(agreed) = self.agreed.filter(|agreed| ancestor < *agreed) else { return Ok(false) };
        let label = self.label(endpoint);
        let message = format!(
            "the chain of {label} leaves ours at block {ancestor}, below block {agreed} that {} operators named: it is not followed \
             until as many say so",
            self.config.agree
        );
        self.stand(message.clone());
        self.refuse(endpoint);
        self.open(DISAGREE, Severity::High, message).await?;
        Ok(true)
    }

    /// Blocks above a height left the chain: nothing is agreed on above it.
    pub(super) fn disagree_above(&mut self, above: u64) {
        self.agreed = self.agreed.map(|agreed| agreed.min(above));
    }

    /// Returns what enough operators call safe and final, by blocks of ours: the highest heights that so many name or are past.
    pub(super) fn agreed_tags(&self) -> (Option<u64>, Option<u64>) {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let least = self.config.agree as usize;
        let ours = |name: &Name| {
            let number = name.number.to::<u64>();
            (self.canon.hash_at(number) == Some(name.hash)).then_some(number)
        };
        let of = |tag: fn(&Tags) -> Option<&Name>| {
            let heights = said.tags.iter().filter_map(|(operator, tags)| Some((operator.as_str(), ours(tag(tags)?)?)));
            reached(heights, least)
        };
        (of(|tags| tags.0.as_ref()), of(|tags| tags.1.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, U64};

    use super::*;

    fn votes(of: &[(&str, u8)]) -> Vec<Vote> {
        let vote = |(endpoint, (operator, hash)): (usize, &(&str, u8))| Vote {
            operator: (*operator).to_owned(),
            endpoint,
            name: Name { number: U64::from(7_u64), hash: B256::repeat_byte(*hash) },
        };
        of.iter().enumerate().map(vote).collect()
    }

    fn check(of: &[(&str, u8)], least: usize, expected: Option<(u8, &[&str], &[usize])>) {
        let came = vote(&votes(of), least, of.len());
        let came = came.as_ref().map(|came| {
            (came.name.hash[0], came.by.iter().map(String::as_str).collect::<Vec<_>>(), came.others.clone())
        });
        assert_eq!(came, expected.map(|(hash, by, others)| (hash, by.to_vec(), others.to_vec())), "{of:?}");
    }

    #[test]
    fn operators_agree_and_not_nodes() {
        check(&[("a", 1), ("b", 1)], 2, Some((1, &["a", "b"], &[])));
        check(&[("a", 1), ("a", 1)], 2, None);
        check(&[("a", 1), ("b", 2)], 2, None);
        check(&[("liar", 9), ("b", 1), ("c", 1)], 2, Some((1, &["b", "c"], &[0])));
        // Whose nodes contradict each other speaks for none.
        check(&[("a", 1), ("a", 2), ("b", 1)], 2, None);
        check(&[("a", 1), ("a", 2), ("b", 1), ("c", 1)], 2, Some((1, &["b", "c"], &[1])));
        check(&[], 1, None);
    }

    #[test]
    fn a_height_is_reached_by_as_many_operators_as_must_agree() {
        let heads = [("a", 10), ("a", 90), ("b", 20), ("c", 15)];
        assert_eq!(reached(heads.into_iter(), 1), Some(90));
        assert_eq!(reached(heads.into_iter(), 2), Some(20));
        assert_eq!(reached(heads.into_iter(), 3), Some(15));
        assert_eq!(reached(heads.into_iter(), 4), None);
    }
}
