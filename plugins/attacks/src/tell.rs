//! From claims to findings.

use watchfire_sdk::flow::{NATIVE, Transaction};
use watchfire_sdk::prelude::*;

use crate::claim::Claim;

/// At most this many assets and actors are told.
const TOLD_AT_MOST: usize = 8;

/// Kind, default severity, description.
const KINDS: [(&str, Severity, &str); 35] = [
    ("reentered", Severity::High, "A contract is entered again while a call of it is under way."),
    (
        "read-only-reentered",
        Severity::High,
        "A contract is read by another while a call of it is under way, and an actor runs in between.",
    ),
    ("loan-as-deposit", Severity::High, "A loan is paid back as a deposit, which is taken out afterwards."),
    (
        "round-trip",
        Severity::High,
        "A pool is traded one way and back within one transaction, and there is money in it.",
    ),
    ("view-jump", Severity::High, "The same question about a price is answered differently within one transaction."),
    ("third-party-pull", Severity::High, "Tokens of accounts that take no part are moved through what they approved."),
    (
        "dictated-call",
        Severity::High,
        "A contract passes on what the caller dictates, and others' tokens are taken by it.",
    ),
    ("forged-callback", Severity::High, "A contract is called as a pool would call it, asked for nothing, and pays."),
    ("foreign-code", Severity::High, "A contract runs the attacker's code on its own storage, and pays."),
    ("spoofed-counterpart", Severity::High, "A contract takes the attacker's contract for an asset or a vault."),
    (
        "inert-counterpart",
        Severity::High,
        "A contract pays for what a contract that the caller named was asked for and did not do.",
    ),
    (
        "acting-asset",
        Severity::High,
        "What is taken for a token moves money when it is asked to approve or to say a balance.",
    ),
    ("reserves-fell", Severity::High, "The product of a pair's reserves fell, and nobody withdrew liquidity."),
    ("skim-sync", Severity::High, "A pair is skimmed or synced, and money is kept."),
    ("takeover-drain", Severity::Critical, "A contract is initialised or given to another owner, and then pays."),
    ("takeover-gain", Severity::High, "A contract is initialised or given to another owner, and money is kept."),
    ("self-transfer", Severity::High, "A token is sent to the account that it comes from, and money is kept."),
    ("issued-gain", Severity::High, "A token is asked for something of its own, and what was never got is sold."),
    ("absurd-amount", Severity::High, "An amount that no token has is moved, or amounts that overflow are asked for."),
    ("governed-gain", Severity::Critical, "A vote or its execution comes with a gain in the same transaction."),
    ("flash-gain", Severity::High, "Money is kept after a loan and calls that are no trades."),
    ("flash-large", Severity::Medium, "Much money is kept after a loan; large arbitrage looks the same."),
    ("flash-margin", Severity::High, "A twentieth or more of a loan is kept; arbitrage earns less."),
    ("own-liquidation", Severity::High, "Actors liquidate a position of their own, and money is kept."),
    ("born-gain", Severity::High, "Money is kept by contracts that the transaction makes."),
    ("repeated-gain", Severity::High, "The same function is called again and again, and money is kept."),
    ("free-gain", Severity::High, "Money is kept over several calls that are no trades, and nothing is spent."),
    ("swarm", Severity::High, "Contracts of the same code each call the same function, and money is kept."),
    ("large-gain", Severity::High, "Much money is kept through an own contract, and whoever pays gets nothing."),
    (
        "helpers-gain",
        Severity::High,
        "Contracts that an actor gives tokens to each call the same function, and give back more.",
    ),
    ("balance-drain", Severity::High, "A large share of what a contract held left it in one transaction."),
    ("large-mint", Severity::Medium, "A large share of a token's supply was minted to actors in one transaction."),
    (
        "unlimited-approvals",
        Severity::Medium,
        "A new contract approves several spenders without limit, and does nothing else.",
    ),
    ("names-protected", Severity::Medium, "The code of a new contract names a protected address."),
    ("mixer-payout", Severity::Low, "A mixer paid an account."),
];

pub(crate) fn manifest() -> Manifest {
    let summary = "Transactions that are attacks by what they do: reentrancy, bent prices, pulled allowances, spoofed counterparts and \
                   others, whoever the victim is.";
    let mut manifest = Manifest::new("attacks", env!("CARGO_PKG_VERSION"), summary);
    for (id, severity, description) in KINDS {
        manifest = manifest.kind(id, severity, description);
    }
    manifest.asks_for(Capability::Traces).asks_for(Capability::Chain)
}

/// A finding of one claim: one condition for each kind and transaction.
pub(crate) fn finding(tx: &Transaction<'_>, detector: &str, claim: Claim) -> Finding {
    let (hash, victim) = (tx.hash(), tx.parties.address(claim.victim));
    let actors: Vec<String> = tx
        .parties
        .all()
        .filter(|&it| tx.parties.is_actor(it))
        .take(TOLD_AT_MOST)
        .map(|it| tx.parties.address(it).to_string())
        .collect();
    let (gain, loss) = (tx.gain(), tx.loss());
    let mut finding = Finding::new(claim.kind, claim.severity, Subject::address(victim))
        .confidence(claim.confidence_percent)
        .condition_key(hash)
        .transaction(hash)
        .title(format!("{victim}: {detector}, the transaction {}", claim.what))
        .description(format!(
            "{} acts through {} contracts. It gains {gain:.1} and others lose {loss:.1} times 10,000 dollars, at rough prices.",
            tx.parties.address(tx.sender()),
            actors.len().saturating_sub(1)
        ))
        .attribute("detector", detector)
        .attribute("sender", tx.parties.address(tx.sender()))
        .attribute("actors", actors.join(" "))
        .attribute("gain-floors", format!("{gain:.2}"))
        .attribute("loss-floors", format!("{loss:.2}"));
    for (token, amount) in tx.gained().into_iter().take(TOLD_AT_MOST) {
        let asset = if token == NATIVE { "native".to_owned() } else { tx.parties.address(token).to_string() };
        finding = finding.amount(asset, amount);
    }
    for (name, value) in claim.attributes {
        finding = finding.attribute(name, value);
    }
    finding
}
