//! What is shown of an input, to whom and how, and what of it a detector wants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::B256;

use crate::block::{Block, ChainId, Transactions};
use crate::chain_read::ChainReader;
use crate::event::Observation;
use crate::finding::{Claim, Finding};
use crate::narrow::{BlockIndex, Selection};
use crate::plugin::boundary::batch::{Head, Scene};
use crate::plugin::fleet::identity::Profile;
use crate::plugin::fleet::{Outcome, Recorded};

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
    pub heads: Option<&'a BTreeMap<ChainId, crate::plugin::Head>>,
}

/// A finding that others may listen to.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Who found it.
    pub detector: String,
    /// The finding's id.
    pub id: B256,
    /// What it claims.
    pub claim: Claim,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Shown {
    /// In the order of level and id.
    pub outcomes: Vec<Outcome>,
    /// Detectors that have something to see in it and have not seen it to its end, in the order of level and id.
    pub behind: Vec<String>,
}

impl Heard {
    /// What an outcome claims, as findings that others may listen to.
    pub fn of(outcome: &Outcome, input: B256) -> Vec<Heard> {
        let claims = outcome.result.iter().flatten().enumerate();
        claims
            .map(|(position, claim)| {
                let id = Finding::id_of(&outcome.detector, outcome.digest, input, position);
                Heard { detector: outcome.detector.clone(), id, claim: claim.clone() }
            })
            .collect()
    }
}

impl From<crate::plugin::Head> for Head {
    fn from((block, parent_hash, timestamp_s): crate::plugin::Head) -> Self {
        Head { block: Some(block), parent_hash: parent_hash.0, timestamp_s }
    }
}

impl Head {
    pub(in crate::plugin) fn of(block: &Block) -> Self {
        Head { block: Some(block.reference()), parent_hash: block.parent_hash.0, timestamp_s: block.timestamp_s }
    }
}

/// What of a view a detector subscribed to; `None` where that is nothing.
pub(in crate::plugin) fn select(profile: &Profile, view: &View, index: Option<&BlockIndex<'_>>) -> Option<Selection> {
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

/// What a detector wants of what others found.
pub(in crate::plugin) fn wanted(profile: &Profile, view: &View, heard: &[Heard]) -> Vec<Heard> {
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

/// What a view is to a detector at home on a chain.
pub(in crate::plugin) fn scene(view: &View, home: Option<ChainId>, heads: &BTreeMap<ChainId, Head>) -> Arc<Scene> {
    let newest = |chain: ChainId| heads.get(&chain).copied().unwrap_or_default();
    Arc::new(match view {
        View::Block { block, .. } => Scene {
            trigger: "block",
            chain: block.chain,
            head: Head::of(block),
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
