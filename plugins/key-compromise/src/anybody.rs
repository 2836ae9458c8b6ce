//! Accounts of anybody's that are emptied into one that nobody knew.

use serde::{Deserialize, Serialize};
use watchfire_sdk::flow::ChainPrices;
use watchfire_sdk::prelude::*;

use crate::config::Rules;
use crate::sent::{self, Plain, Sent};

/// Most payments to one account that are remembered.
const PAYMENTS_AT_MOST: usize = 64;
/// Most payments whose sender is read, and most accounts that are looked into in one batch: what a batch may read is bounded.
const READ_AT_MOST: usize = 12;
const LOOKED_INTO_AT_MOST: usize = 2;
/// Most assets of which the receiver's balance is read.
const ASSETS_AT_MOST: usize = 3;
/// Less than so many times 10,000 dollars is gathered every day by people with many accounts.
const FLOORS_AT_LEAST: f64 = 1.0;
/// Most accounts that are forgotten in one batch.
const FORGOTTEN_AT_ONCE: u32 = 64;
/// Most transactions that a finding names.
const EVIDENCE_AT_MOST: usize = 20;

/// Who paid an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Payment {
    from: Address,
    token: Option<Address>,
    amount: U256,
    at_s: u64,
    transaction: B256,
}

/// What is known of an account that several pay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Receiver {
    /// One for each sender, oldest first.
    payments: Vec<Payment>,
    expires_s: u64,
    /// How many senders there were when it was looked into last.
    looked_at: u32,
}

/// The state's keys of one chain: receivers by account, and by when they are forgotten.
struct Keys([u8; 8]);

impl Keys {
    fn receiver(&self, account: &[u8]) -> Vec<u8> {
        state::key("receiver", &[&self.0, account])
    }

    fn expiry(&self, expires_s: u64, account: &[u8]) -> Vec<u8> {
        state::key("expiry", &[&self.0, &expires_s.to_be_bytes(), account])
    }

    fn forget(&self, now_s: u64) {
        let prefix = state::key("expiry", &[&self.0]);
        for (key, _) in state::scan(&prefix, None, FORGOTTEN_AT_ONCE) {
            let Some((expires_s, account)) = key[prefix.len()..].split_first_chunk::<8>() else { continue };
            if u64::from_be_bytes(*expires_s) > now_s {
                break;
            }
            state::delete(&self.receiver(account));
            state::delete(&key);
        }
    }
}

/// Accounts that so many others were emptied into.
pub(crate) fn find(rules: &Rules, batch: &Batch<'_>, prices: &ChainPrices) -> Result<Vec<Finding>, Error> {
    let paid: Vec<Plain<'_>> = sent::plainly(batch, prices).filter(|sent| !rules.is_expected(&sent.to)).collect();
    // Places are sorted, which are smaller than what stands there; those of one account stay in their order.
    let mut order: Vec<usize> = (0..paid.len()).collect();
    order.sort_by_key(|&at| paid[at].to);
    let (keys, now_s) = (Keys(batch.chain_id().to_be_bytes()), batch.timestamp_s());
    keys.forget(now_s);
    let (mut findings, mut looked_into) = (Vec::new(), 0);
    for group in order.chunk_by(|&a, &b| paid[a].to == paid[b].to) {
        let first = paid[group[0]];
        let (to, key) = (first.to, keys.receiver(first.to.as_slice()));
        let known: Option<Receiver> = state::get(&key)?;
        // Whoever is paid by one is no sweep: most accounts are never remembered.
        if known.is_none() && group.iter().all(|&at| paid[at].from == first.from) {
            continue;
        }
        let mut receiver = known.unwrap_or_default();
        state::delete(&keys.expiry(receiver.expires_s, to.as_slice()));
        receiver.payments.retain(|it| it.at_s.saturating_add(rules.swept_window_s) > now_s);
        for &at in group {
            let Sent { from, token, amount, transaction, .. } = paid[at].sent();
            receiver.payments.retain(|it| it.from != from);
            receiver.payments.push(Payment { from, token, amount, at_s: now_s, transaction });
        }
        let surplus = receiver.payments.len().saturating_sub(PAYMENTS_AT_MOST);
        receiver.payments.drain(..surplus);
        // Looked into at the first time that there are enough, and then whenever there are half as many more.
        let count = receiver.payments.len();
        if count < rules.swept {
            receiver.looked_at = 0;
        } else if count >= (receiver.looked_at as usize * 3).div_ceil(2) && looked_into < LOOKED_INTO_AT_MOST {
            receiver.looked_at = count as u32;
            looked_into += 1;
            findings.extend(look_into(rules, to, &receiver, prices));
        }
        receiver.expires_s = now_s.saturating_add(rules.swept_window_s);
        state::put_raw(&keys.expiry(receiver.expires_s, to.as_slice()), &[])?;
        state::put(&key, &receiver)?;
    }
    Ok(findings)
}

/// Whether the senders have nothing left, and the receiver held nothing before.
fn look_into(rules: &Rules, to: Address, receiver: &Receiver, prices: &ChainPrices) -> Option<Finding> {
    let sent = |it: &Payment| {
        let Payment { from, token, amount, transaction, .. } = it.clone();
        Sent { from, to, token, amount, transaction }
    };
    let all: Vec<Sent> = receiver.payments.iter().map(sent).collect();
    let floors: f64 = all.iter().map(|it| it.floors(prices)).sum();
    if floors < FLOORS_AT_LEAST {
        return None;
    }
    let mut sums: Vec<(Option<Address>, U256)> = Vec::new();
    for it in &all {
        match sums.iter_mut().find(|(token, _)| *token == it.token) {
            Some((_, sum)) => *sum = sum.saturating_add(it.amount),
            None => sums.push((it.token, it.amount)),
        }
    }
    // An exchange's wallet holds more than what it was paid just now, and a contract is called and not stolen for.
    if !chain::code(to).ok()?.is_empty() {
        return None;
    }
    for (token, sum) in sums.iter().take(ASSETS_AT_MOST) {
        if sent::balance(*token, to).ok()? > sum.saturating_mul(U256::from(2)) {
            return None;
        }
    }
    let read: Vec<&Sent> = all.iter().rev().take(READ_AT_MOST).collect();
    let is_emptied = |it: &&&Sent| it.left().is_ok_and(|left| rules.is_emptied(it.amount, left));
    let emptied = read.iter().filter(is_emptied).count();
    if emptied * 5 < read.len() * 4 {
        return None;
    }
    let finding = Finding::new("swept-accounts", Severity::Medium, Subject::address(to))
        .confidence(50)
        .title(format!("{} accounts were emptied into {to}, which held nothing", all.len()))
        .description(format!(
            "Within {} s, {} accounts sent it about {floors:.1} times 10,000 dollars; {emptied} of {} that were read have nothing left. Keys that leaked \
             together look so, and so does whoever gathers coins of accounts of his own.",
            rules.swept_window_s,
            all.len(),
            read.len()
        ))
        .attribute("accounts", all.len())
        .attribute("floors", format!("{floors:.2}"));
    let finding = sums
        .iter()
        .take(ASSETS_AT_MOST)
        .fold(finding, |finding, (token, sum)| finding.amount(sent::asset(*token), *sum));
    Some(all.iter().rev().take(EVIDENCE_AT_MOST).fold(finding, |finding, it| finding.transaction(it.transaction)))
}
