//! One file for each detector. Each rule looks at one transaction.

mod abnormal_mint;
mod arbitrary_call;
mod attack_preparation;
mod balance_drain;
mod governance_capture;
mod pair_invariant;
mod price_manipulation;
mod reentrancy;
mod spoofed_counterpart;
mod takeover;
mod third_party_pull;
mod token_accounting;
mod unearned_gain;

use watchfire_sdk::flow::Transaction;

use crate::claim::Claim;
use crate::config::Rules;

/// A detector: its name in the config, and what it sees in a transaction.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) look: fn(&Transaction<'_>, &Rules, &mut Vec<Claim>),
}

/// All of them, in the order in which findings come.
pub(crate) const ALL: [Rule; 13] = [
    Rule { name: "reentrancy", look: reentrancy::look },
    Rule { name: "price-manipulation", look: price_manipulation::look },
    Rule { name: "third-party-pull", look: third_party_pull::look },
    Rule { name: "arbitrary-call", look: arbitrary_call::look },
    Rule { name: "spoofed-counterpart", look: spoofed_counterpart::look },
    Rule { name: "pair-invariant", look: pair_invariant::look },
    Rule { name: "takeover", look: takeover::look },
    Rule { name: "abnormal-mint", look: abnormal_mint::look },
    Rule { name: "governance-capture", look: governance_capture::look },
    Rule { name: "token-accounting", look: token_accounting::look },
    Rule { name: "unearned-gain", look: unearned_gain::look },
    Rule { name: "balance-drain", look: balance_drain::look },
    Rule { name: "attack-preparation", look: attack_preparation::look },
];

/// First topics of the events of pairs that rules read.
pub(crate) fn pair_events() -> [watchfire_sdk::alloy_primitives::B256; 2] {
    [pair_invariant::SYNC_EVENT, pair_invariant::BURN_EVENT]
}
