//! The findings.

use watchfire_sdk::prelude::*;

use crate::account::{Account, Balance};
use crate::config::{Bridge, Side};

/// More is issued than locked.
pub(crate) fn short(bridge: &Bridge, account: &Account, balance: Balance, right: Option<Balance>) -> Finding {
    let whole = |units: U256| Decimal::from_units(units, bridge.decimals);
    let (kind, severity, what, why) = match right {
        None => (
            "backing-short",
            Severity::High,
            "are issued and not locked".to_owned(),
            "It is so since the first look. If it is known, set `tolerance`; else it was taken before, or a side is missing in the config."
                .to_owned(),
        ),
        Some(right) => {
            let (left, made) = (right.locked.saturating_sub(balance.locked), balance.issued.saturating_sub(right.issued));
            if made > left {
                let why = "Tokens were issued without a deposit: a forged message, or keys of the bridge in other hands.";
                ("unbacked-mint", Severity::Critical, format!("were issued for nothing ({} more than before)", whole(made)), why.to_owned())
            } else {
                let why = "A withdrawal without a burn: a forged message, or keys of the bridge in other hands.";
                let what = format!("left with their tokens still out ({} less is locked than before)", whole(left));
                ("unbacked-release", Severity::Critical, what, why.to_owned())
            }
        }
    };
    let shortfall = balance.shortfall();
    let finding = Finding::new(kind, severity, Subject::address(worse(bridge, kind).address()))
        .title(format!("{}: {} {what}", bridge.name, whole(shortfall)))
        .description(format!(
            "{} are issued on {} and {} are locked, for {} s at the least, with every side read since. {why}",
            whole(balance.issued),
            chains(bridge),
            whole(balance.locked),
            bridge.grace_s
        ))
        .condition_key(&bridge.name)
        .attribute("bridge", &bridge.name)
        .attribute("locked", whole(balance.locked))
        .attribute("issued", whole(balance.issued))
        .attribute("tolerance", whole(bridge.tolerance))
        .amount(&bridge.name, shortfall);
    // Transactions of several chains: by chain, as a finding's own are of one.
    let moves = bridge.sides.iter().zip(&account.tracks).flat_map(|(side, track)| {
        let kind = if side.is_locked() { "release" } else { "mint" };
        let told =
            move |it: &crate::track::Move| (kind, format!("{}:{} {}", side.chain, it.transaction, whole(it.amount)));
        track.moves.iter().map(told)
    });
    moves.fold(finding, |finding, (kind, told)| finding.attribute(kind, told))
}

/// Sides that nobody could read for too long, each once until it is read again.
pub(crate) fn unread(bridge: &Bridge, account: &mut Account, now_s: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let newest_s = account.tracks.iter().map(|track| track.seen_s).max().unwrap_or_default().max(now_s);
    for (at, (side, track)) in (0u32..).zip(bridge.sides.iter().zip(&account.tracks)) {
        let unread_s = newest_s.saturating_sub(track.seen_s.max(account.since_s));
        if unread_s <= bridge.stale_s {
            account.silent.retain(|silent| *silent != at);
        } else if !account.silent.contains(&at) {
            account.silent.push(at);
            findings.push(
                Finding::new("side-unread", Severity::Medium, Subject::address(side.address()))
                    .title(format!("{}: {} on chain {} is unread for {unread_s} s", bridge.name, side.address(), side.chain))
                    .description(format!(
                        "It should be read every {} s at the latest. Until it is, nothing holds the bridge to its accounts: its chain is not \
                         followed, or its contract does not answer.",
                        bridge.stale_s
                    ))
                    .condition_key(format!("{} {at}", bridge.name))
                    .attribute("bridge", &bridge.name)
                    .attribute("chain", side.chain),
            );
        }
    }
    findings
}

/// The first side of the kind that a finding is about.
fn worse<'a>(bridge: &'a Bridge, kind: &str) -> &'a Side {
    let is_issued = kind == "unbacked-mint";
    let first = &bridge.sides[0];
    bridge.sides.iter().find(|side| side.is_locked() != is_issued).unwrap_or(first)
}

fn chains(bridge: &Bridge) -> String {
    let mut chains: Vec<u64> = bridge.sides.iter().filter(|side| !side.is_locked()).map(|side| side.chain).collect();
    chains.sort_unstable();
    chains.dedup();
    let chains: Vec<String> = chains.iter().map(u64::to_string).collect();
    format!("chain {}", chains.join(", "))
}
