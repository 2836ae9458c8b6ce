//! Accounts of the config's that are emptied.

use serde::{Deserialize, Serialize};
use watchfire_sdk::flow::ChainPrices;
use watchfire_sdk::prelude::*;

use crate::config::Rules;
use crate::sent::{self, Sent};

/// Most emptied assets that are remembered. Money costs whoever wants to fill this.
const REMEMBERED_AT_MOST: usize = 256;

/// An asset of an account that was emptied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Emptied {
    account: Address,
    token: Option<Address>,
    to: Address,
    at_s: u64,
}

/// What watched accounts were emptied of in this batch, and what that makes of the window.
pub(crate) fn find(rules: &Rules, batch: &Batch<'_>, prices: &ChainPrices) -> Result<Vec<Finding>, Error> {
    let mut sums: Vec<Sent> = Vec::new();
    for sent in sent::by(&rules.accounts, batch, prices) {
        if rules.is_expected(&sent.to) {
            continue;
        }
        match sums.iter_mut().find(|sum| (sum.from, sum.to, sum.token) == (sent.from, sent.to, sent.token)) {
            Some(sum) => sum.amount = sum.amount.saturating_add(sent.amount),
            None => sums.push(sent),
        }
    }
    sums.retain(|sum| sum.floors(prices) >= rules.min_floors);
    let mut emptied: Vec<Sent> = Vec::new();
    for sum in sums {
        match sum.left() {
            Ok(left) if rules.is_emptied(sum.amount, left) => emptied.push(sum),
            Ok(_) => {}
            // Rather told than not: the money left, and what is left can't be read.
            Err(error) => {
                log::warn(&format!("{}: what it has left can't be read: {error}", sum.from));
                emptied.push(sum);
            }
        }
    }
    if emptied.is_empty() {
        return Ok(Vec::new());
    }
    let (now_s, key) = (batch.timestamp_s(), state::key("own", &[&batch.chain_id().to_be_bytes()]));
    let mut known: Vec<Emptied> = state::get(&key)?.unwrap_or_default();
    known.retain(|it| it.at_s.saturating_add(rules.window_s) >= now_s);
    for sum in &emptied {
        known.retain(|it| (it.account, it.token, it.to) != (sum.from, sum.token, sum.to));
        known.push(Emptied { account: sum.from, token: sum.token, to: sum.to, at_s: now_s });
    }
    let surplus = known.len().saturating_sub(REMEMBERED_AT_MOST);
    known.drain(..surplus);
    state::put(&key, &known)?;
    Ok(tell(rules, &emptied, &known, prices))
}

/// One finding for each account that receives.
fn tell(rules: &Rules, emptied: &[Sent], known: &[Emptied], prices: &ChainPrices) -> Vec<Finding> {
    let mut receivers: Vec<Address> = emptied.iter().map(|sum| sum.to).collect();
    receivers.sort_unstable();
    receivers.dedup();
    let finding = |to: &Address| {
        let mut accounts: Vec<Address> = known.iter().filter(|it| it.to == *to).map(|it| it.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let labels: Vec<&str> = accounts.iter().filter_map(|account| rules.label(account)).collect();
        let now: Vec<&Sent> = emptied.iter().filter(|sum| sum.to == *to).collect();
        let first = now.first().map_or(*to, |sum| sum.from);
        // Of whatever account: a thief takes each asset, a person who pays takes one.
        let assets = known.iter().filter(|it| it.account == first).count();
        let (kind, severity, confidence, subject, what) = if accounts.len() > 1 {
            let what = format!("{} accounts were emptied into {to}: {}", accounts.len(), labels.join(", "));
            ("emptied-together", Severity::Critical, 90, *to, what)
        } else {
            let severity = if assets > 1 { Severity::High } else { Severity::Medium };
            let what = format!("{} was emptied of {assets} assets into {to}", labels.join(", "));
            ("account-emptied", severity, if assets > 1 { 80 } else { 60 }, first, what)
        };
        let floors: f64 = now.iter().map(|sum| sum.floors(prices)).sum();
        let finding = Finding::new(kind, severity, Subject::address(subject))
            .confidence(confidence)
            .title(what)
            .description(format!(
                "At least {} % of each went, about {floors:.1} times 10,000 dollars in this block, to an account that is not in `expected`. If \
                 nobody of yours did it, somebody else has the keys: move what other accounts of the same keys hold, and take their roles away.",
                rules.share_percent
            ))
            .condition_key(to)
            .attribute("receiver", to)
            .attribute("accounts", accounts.iter().map(Address::to_string).collect::<Vec<_>>().join(" "));
        now.iter().fold(finding, |finding, sum| {
            finding.amount(sent::asset(sum.token), sum.amount).transaction(sum.transaction)
        })
    };
    receivers.iter().map(finding).collect()
}
