//! Where the chain's head is: by the best node's word, by subscription or by asking, and how the nodes stand to
//! each other.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::canon::Canon;
use super::fault::{Fault, Meaning};
use super::fetch::Name;
use super::pool::{Endpoint, Pool};
use super::rest::rest;
use super::rpc::Call;
use crate::block::BlockRef;

/// How many blocks a node may be behind the best one.
const BEHIND_AT_MOST: u64 = 5;
/// The highest height that anything is kept of.
const HIGHEST: u64 = i64::MAX as u64;
/// After how long without an answer another node is asked for its head.
const LATE_AFTER: Duration = Duration::from_secs(1);
/// How long the comparison of the nodes waits for one of them.
const SURVEYED_WITHIN: Duration = Duration::from_secs(3);

/// What a node says is the head.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The block.
    pub(super) name: Name,
    /// Its height, no higher than anything that can be kept.
    pub(super) number: u64,
    /// The place of the node.
    pub(super) endpoint: usize,
    /// What people see of the node.
    pub(super) label: String,
}

/// Names of blocks, and the place of the node that gave them.
pub(super) struct Names {
    pub(super) names: Vec<Option<Name>>,
    pub(super) endpoint: usize,
}

/// Asks a node for the name of a block by its tag or height; returns `None` if the node does not have it.
///
/// # Errors
/// If the node does not answer, or with an error.
pub(super) async fn name(endpoint: &Endpoint, block: &str) -> Result<Option<Name>, Fault> {
    let answer = match endpoint.client.call(Call::new("eth_getBlockByNumber", json!([block, false]))).await {
        Err(fault) if fault.meaning() == Meaning::NoBlock => return Ok(None),
        answer => answer?,
    };
    serde_json::from_str(answer.get()).map_err(|error| Fault::Unreadable(error.to_string()))
}

/// Names of blocks by their heights, from the first node that answers for them all. `first` is asked before the others.
pub(super) async fn names(pool: &Pool, first: Option<usize>, numbers: &[u64]) -> Option<Names> {
    let call = |number: &u64| Call::new("eth_getBlockByNumber", json!([format!("{number:#x}"), false]));
    let mut order = pool.order();
    order.sort_by_key(|endpoint| Some(endpoint.index) != first);
    for endpoint in order {
        if pool.admit(endpoint).await.is_err() {
            continue;
        }
        let answers = endpoint.client.calls(numbers.iter().map(call).collect()).await;
        let parsed: Result<Vec<Option<Name>>, Fault> = answers
            .into_iter()
            .map(|answer| match answer {
                Err(fault) if fault.meaning() == Meaning::NoBlock => Ok(None),
                answer => serde_json::from_str(answer?.get()).map_err(|error| Fault::Unreadable(error.to_string())),
            })
            .collect();
        match parsed {
            Ok(names) => return Some(Names { names, endpoint: endpoint.index }),
            Err(fault) => pool.fault(endpoint, &fault),
        }
    }
    None
}

/// The head by the first node that answers and is believed; by the first that answers if none is believed. While a node is late
/// with its answer, the next is asked.
pub(super) async fn head(pool: &Arc<Pool>) -> Option<Head> {
    // Whoever has yet to answer is asked again only if all have.
    let (late, others): (Vec<_>, Vec<_>) = pool.order().into_iter().partition(|endpoint| pool.is_late(endpoint));
    let mut next = if others.is_empty() { late } else { others }.into_iter();
    let (mut asked, mut doubted) = (FuturesUnordered::new(), None);
    loop {
        if asked.is_empty() {
            match next.next() {
                Some(endpoint) => asked.push(ask(pool, endpoint)),
                None => return doubted,
            }
        }
        tokio::select! {
            Some(answer) = asked.next() => match answer.ok().flatten() {
                Some((head, true)) => return Some(head),
                Some((head, false)) => doubted = doubted.or(Some(head)),
                None => {}
            },
            () = sleep(LATE_AFTER), if !next.as_slice().is_empty() => asked.extend(next.next().map(|endpoint| ask(pool, endpoint))),
        }
    }
}

/// Asks a node for its head, and whether that is believed, in a task of its own: what comes of it is noted though nobody waits for
/// it any longer.
fn ask(pool: &Arc<Pool>, endpoint: &Endpoint) -> JoinHandle<Option<(Head, bool)>> {
    let (pool, index) = (pool.clone(), endpoint.index);
    tokio::spawn(async move {
        let endpoint = pool.at(index)?;
        noting_lateness(&pool, endpoint, stated(&pool, endpoint)).await
    })
}

/// Waits for a node's answer, and notes that it is late while others would not wait for it.
async fn noting_lateness<T>(pool: &Pool, endpoint: &Endpoint, answer: impl Future<Output = T>) -> T {
    let mut answer = std::pin::pin!(answer);
    if let Ok(answer) = timeout(LATE_AFTER, &mut answer).await {
        return answer;
    }
    pool.late(endpoint, true);
    let answer = answer.await;
    pool.late(endpoint, false);
    answer
}

/// The head that a node states, and whether it is believed.
async fn stated(pool: &Pool, endpoint: &Endpoint) -> Option<(Head, bool)> {
    pool.admit(endpoint).await.ok()?;
    match name(endpoint, "latest").await {
        Ok(Some(name)) => {
            let stated = name.number.to::<u64>();
            let head =
                Head { name, number: stated.min(HIGHEST), endpoint: endpoint.index, label: endpoint.label.clone() };
            Some((head, stated < HIGHEST && !pool.is_doubted(endpoint)))
        }
        Ok(None) => {
            pool.fault(endpoint, &Fault::Unreadable("it has no latest block".into()));
            None
        }
        Err(fault) => {
            pool.fault(endpoint, &fault);
            None
        }
    }
}

/// The head of another node than the one that is followed, if it has blocks on top of ours. `turn` says which one is asked.
pub(super) async fn newer(pool: &Arc<Pool>, followed: usize, tip: BlockRef, turn: usize) -> Option<Head> {
    let mut others = pool.ready();
    others.retain(|endpoint| endpoint.index != followed && !pool.is_doubted(endpoint));
    let endpoint = others.get(turn.checked_rem(others.len())?)?;
    let (head, is_believed) = timeout(LATE_AFTER, ask(pool, endpoint)).await.ok()?.ok()??;
    (is_believed && head.number > tip.number && has(pool, endpoint, tip).await?).then_some(head)
}

/// Whether another node than this one has a block; `None` if none says so and one has yet to answer.
pub(super) async fn is_elsewhere(pool: &Arc<Pool>, but: usize, block: BlockRef) -> Option<bool> {
    let mut all_answered = true;
    for endpoint in pool.ready().into_iter().filter(|endpoint| endpoint.index != but) {
        match has(pool, endpoint, block).await {
            Some(true) => return Some(true),
            Some(false) => {}
            None => all_answered = false,
        }
    }
    all_answered.then_some(false)
}

/// Whether a node has a block; `None` if it does not say so at once. Then it rests, or is late.
async fn has(pool: &Arc<Pool>, endpoint: &Endpoint, block: BlockRef) -> Option<bool> {
    let (pool, index) = (pool.clone(), endpoint.index);
    let asked = tokio::spawn(async move {
        let endpoint = pool.at(index)?;
        let asked = async {
            pool.admit(endpoint).await.ok()?;
            let named = name(endpoint, &format!("{:#x}", block.number)).await;
            named.inspect_err(|fault| pool.fault(endpoint, fault)).ok()
        };
        noting_lateness(&pool, endpoint, asked).await
    });
    let named = timeout(LATE_AFTER, asked).await.ok()?.ok()??;
    Some(named.is_some_and(|name| name.hash == block.hash))
}

/// What a node says of itself, and what can be believed of that.
struct Claim<'a> {
    endpoint: &'a Endpoint,
    name: Name,
    stated: u64,
    /// The height up to which it serves blocks, as far as is known.
    served: u64,
}

/// Compares the nodes with each other and with the chain as it is known. Returns which of those in step name another block, if any
/// does.
pub(super) async fn survey(pool: &Arc<Pool>, canon: &Canon) -> Option<String> {
    if pool.all().len() < 2 {
        return None;
    }
    let tip = canon.tip().map_or(0, |tip| tip.number);
    // Whoever is silent delays no block: what comes of asking it is noted in its own task.
    let asked = pool.all().iter().map(|endpoint| {
        let (pool, index) = (pool.clone(), endpoint.index);
        timeout(SURVEYED_WITHIN, tokio::spawn(async move { claim(&pool, pool.at(index)?, tip).await }))
    });
    let asked = futures::future::join_all(asked).await;
    let claims = pool.all().iter().zip(asked).filter_map(|(endpoint, claimed)| {
        let (name, served) = claimed.ok()?.ok()??;
        Some(Claim { endpoint, name, stated: name.number.to(), served })
    });
    let claims: Vec<Claim<'_>> = claims.collect();
    let best = claims.iter().map(|claim| claim.served).max().unwrap_or(0);
    let differs = differing(pool, canon, &claims).await;
    for Claim { endpoint, name, stated, served } in claims {
        let settled = stated.saturating_add(2) <= tip;
        let known = canon.hash_at(stated).filter(|_| settled);
        let what = match known {
            Some(hash) if hash != name.hash => {
                Some(format!("it is on another fork: block {stated} should be {hash}, and is {}", name.hash))
            }
            _ if served.saturating_add(BEHIND_AT_MOST) < best => {
                Some(format!("it is {} blocks behind: at {served}, others at {best}", best - served))
            }
            _ => None,
        };
        pool.behind(endpoint, what);
        let boasts = stated > best.saturating_add(BEHIND_AT_MOST);
        pool.boasts(endpoint, boasts.then(|| {
            format!("it says that its head is block {stated}, which it does not serve; others are at {best}. It is not believed")
        }));
    }
    differs
}

/// Asks each node that is in step with ours for the block below the newest that it and we have, and says which names another one.
/// Who is right can't be said.
async fn differing(pool: &Pool, canon: &Canon, claims: &[Claim<'_>]) -> Option<String> {
    let tip = canon.tip()?.number;
    let in_step = claims.iter().filter(|claim| claim.stated.saturating_add(2) > tip);
    let named = in_step.map(|claim| difference(canon, claim, tip));
    let differ: Vec<String> = futures::future::join_all(named).await.into_iter().flatten().collect();
    (!differ.is_empty()).then(|| {
        format!(
            "{}. {} nodes were asked; one side lies, or is on a fork that the network left. Compare with another, and set `agree` so that \
             nothing goes by one node alone",
            differ.join("; "),
            pool.all().len()
        )
    })
}

/// Asks a node in step with ours for the block below the newest that it and we have; says so if it names another one.
async fn difference(canon: &Canon, claim: &Claim<'_>, tip: u64) -> Option<String> {
    let number = claim.stated.min(tip).checked_sub(1)?;
    let ours = canon.hash_at(number)?;
    let theirs = timeout(SURVEYED_WITHIN, name(claim.endpoint, &format!("{number:#x}"))).await.ok()?.ok()??;
    (theirs.hash != ours).then(|| {
        let label = &claim.endpoint.label;
        format!("{label} names block {number} {}, and the one that was taken in is {ours}", theirs.hash)
    })
}

/// Asks a node for its head, and for the block at that height if it would be new. Returns the head, and up to where it serves
/// blocks.
async fn claim(pool: &Pool, endpoint: &Endpoint, tip: u64) -> Option<(Name, u64)> {
    pool.admit(endpoint).await.ok()?;
    let name = match name(endpoint, "latest").await {
        Ok(name) => name?,
        Err(fault) => {
            pool.fault(endpoint, &fault);
            return None;
        }
    };
    let stated = name.number.to::<u64>();
    let is_served = match stated {
        stated if stated <= tip => true,
        HIGHEST.. => false,
        // What it cannot say now is no boast.
        _ => !matches!(self::name(endpoint, &format!("{stated:#x}")).await, Ok(None)),
    };
    Some((name, if is_served { stated } else { tip }))
}

/// Wakes `heads` whenever a node announces a new head, for as long as the chain is followed.
pub(super) async fn listen(pool: Arc<Pool>, heads: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let listening = async {
        let mut failures = 0_u32;
        loop {
            let mut subscription = None;
            for endpoint in pool.order().into_iter().filter(|endpoint| endpoint.client.subscribes()) {
                match endpoint.client.subscribe(json!(["newHeads"])).await {
                    Ok(Some(opened)) => {
                        subscription = Some(opened);
                        break;
                    }
                    Ok(None) => {}
                    // A node without subscriptions is asked for its head all the same.
                    Err(fault) if fault.is_answer() => {}
                    Err(fault) => pool.fault(endpoint, &fault),
                }
            }
            failures = failures.saturating_add(1);
            if let Some(mut subscription) = subscription {
                while subscription.recv().await.is_ok() {
                    failures = 0;
                    heads.notify_one();
                }
            }
            tokio::time::sleep(rest(Duration::from_secs(2), Duration::from_secs(60), failures)).await;
        }
    };
    if pool.all().iter().any(|endpoint| endpoint.client.subscribes()) {
        tokio::select! {
            () = listening => {}
            // Whoever could stop it is gone, so nobody waits for it either.
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
    }
}
