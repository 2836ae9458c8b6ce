//! What is shown of an input, to whom and how, and what of it a detector wants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::B256;

use crate::block::{Block, ChainId, Transactions};
use crate::chain_read::ChainReader;
use crate::event::Observation;
use crate::narrow::{BlockIndex, Selection};
use crate::plugin::boundary::batch::{Head, Heard, Scene};
use crate::plugin::fleet::identity::Profile;
use crate::plugin::fleet::outcome::Recorded;

/// What is shown.
#[derive(Clone, Debug)]
pub enum View {
    /// A block that was added to its chain.
    Block {
        /// The block.
        block: Arc<Block>,
        /// Chain time of the block before it, in seconds; `None` for the first that is seen.
        previous_s: Option<u64>,
    },
    /// What a feed said.
    Observation(Observation),
    /// Transactions that wait for a block.
    Pending {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// The transactions.
        transactions: Arc<Transactions>,
    },
}

/// To whom it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Everybody who subscribed to something in it.
    All,
    /// One detector only, and nobody who listens to it.
    One(&'a str),
    /// One detector, and only what others found: the view itself it has seen.
    OneHears(&'a str),
    /// Those who listen to what was found in it: the view itself they have seen.
    Listeners,
}

/// How it is shown.
pub struct Look<'a> {
    /// The input's sequence number.
    pub seq: u64,
    /// Tells this input from every other.
    pub input: B256,
    /// What a detector's randomness comes from: the same whenever it is shown this input, and in a replay.
    pub seed: B256,
    /// Who answers reads of the chain.
    pub reader: &'a Arc<dyn ChainReader>,
    /// Failures that are repeated rather than run into.
    pub recorded: &'a Recorded,
    /// Detectors that are late and see it another time.
    pub withheld: &'a BTreeSet<String>,
    /// To whom.
    pub audience: Audience<'a>,
    /// Whether it is shown to those who rest after too many failures, too.
    pub rouse: bool,
    /// The chains' newest blocks, where they are not those of now.
    pub heads: Option<&'a BTreeMap<ChainId, Head>>,
}

/// Returns what of a view a detector subscribed to; `None` if that is nothing.
pub(super) fn select(profile: &Profile, view: &View, index: Option<&BlockIndex<'_>>) -> Option<Selection> {
    match view {
        View::Block { block, .. } => {
            let selection =
                index.filter(|_| profile.watches(block.chain)).map(|index| profile.matcher.select(index))?;
            (!selection.is_empty()).then_some(selection)
        }
        View::Observation(observation) => profile.matcher.wants_feed(&observation.feed).then(Selection::default),
        View::Pending { chain, transactions } => {
            let transactions = profile.watches(*chain).then(|| profile.matcher.select_pending(transactions))?;
            (!transactions.is_none()).then(|| Selection { transactions, ..Selection::default() })
        }
    }
}

/// Returns those findings of others that a detector listens to.
pub(super) fn wanted(profile: &Profile, view: &View, heard: &[Heard]) -> Vec<Heard> {
    let chain = match view {
        View::Block { block, .. } => Some(block.chain),
        View::Pending { chain, .. } => Some(*chain),
        View::Observation(_) => None,
    };
    if !profile.matcher.is_combiner() || chain.is_some_and(|chain| !profile.watches(chain)) {
        return Vec::new();
    }
    let wants = |heard: &&Heard| {
        heard.detector != profile.id && profile.matcher.wants_finding(&heard.detector, &heard.claim.kind)
    };
    heard.iter().filter(wants).cloned().collect()
}

/// Returns what a view is to a detector at home on a chain.
pub(super) fn scene(view: &View, home: Option<ChainId>, heads: &BTreeMap<ChainId, Head>) -> Arc<Scene> {
    let newest = |chain: ChainId| heads.get(&chain).copied();
    Arc::new(match view {
        View::Block { block, .. } => Scene {
            trigger: "block",
            chain: block.chain,
            head: Some(Head::of(block)),
            block: Some(block.clone()),
            pending: None,
            observation: None,
        },
        View::Observation(observation) => {
            let chain = home.or(heads.keys().next().copied()).unwrap_or(0);
            let observation = Some(observation.clone());
            Scene { trigger: "feed", chain, head: newest(chain), block: None, pending: None, observation }
        }
        View::Pending { chain, transactions } => {
            let pending = Some(transactions.clone());
            Scene { trigger: "pending", chain: *chain, head: newest(*chain), block: None, pending, observation: None }
        }
    })
}
