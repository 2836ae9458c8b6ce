//! Where the chain's head is: by the best node's word, by subscription or by asking, and how the nodes stand to
//! each other.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, watch};

use super::canon::Canon;
use super::fetch::Name;
use super::pool::{Endpoint, Pool};
use super::rpc::{Call, Fault};

/// How many blocks a node may be behind the best one.
const BEHIND_AT_MOST: u64 = 5;

/// The name of a block by its tag or height; `None` where the node does not have it.
pub(super) async fn name(endpoint: &Endpoint, block: &str) -> Result<Option<Name>, Fault> {
    let answer = endpoint.client.call(Call::new("eth_getBlockByNumber", json!([block, false]))).await?;
    serde_json::from_str(answer.get()).map_err(|error| Fault::Unreadable(error.to_string()))
}

/// Names of blocks by their heights, from whichever node gives them all.
pub(super) async fn names(pool: &Pool, numbers: &[u64]) -> Option<Vec<Option<Name>>> {
    let call = |number: &u64| Call::new("eth_getBlockByNumber", json!([format!("{number:#x}"), false]));
    for endpoint in pool.order() {
        let answers = match endpoint.client.calls(numbers.iter().map(call).collect()).await {
            Ok(answers) => answers,
            Err(fault) => {
                pool.fault(endpoint, &fault);
                continue;
            }
        };
        let parsed: Result<Vec<Option<Name>>, Fault> = answers
            .into_iter()
            .map(|answer| serde_json::from_str(answer?.get()).map_err(|error| Fault::Unreadable(error.to_string())))
            .collect();
        match parsed {
            Ok(names) => return Some(names),
            Err(fault) => pool.fault(endpoint, &fault),
        }
    }
    None
}

/// The head by the first node that answers, and that node's label.
pub(super) async fn head(pool: &Pool) -> Option<(Name, String)> {
    for endpoint in pool.order() {
        match name(endpoint, "latest").await {
            Ok(Some(name)) => return Some((name, endpoint.label.clone())),
            Ok(None) => pool.fault(endpoint, &Fault::Unreadable("it has no latest block".into())),
            Err(fault) => pool.fault(endpoint, &fault),
        }
    }
    None
}

/// Compares the nodes with each other and with the chain as it is known.
pub(super) async fn survey(pool: &Pool, canon: &Canon) {
    if pool.all().len() < 2 {
        return;
    }
    let asked = futures::future::join_all(pool.all().iter().map(|endpoint| name(endpoint, "latest"))).await;
    let best = asked.iter().flatten().flatten().map(|name| name.number.to::<u64>()).max().unwrap_or(0);
    for (endpoint, answer) in pool.all().iter().zip(asked) {
        let name = match answer {
            Ok(Some(name)) => name,
            Ok(None) => continue,
            Err(fault) => {
                pool.fault(endpoint, &fault);
                continue;
            }
        };
        let number = name.number.to::<u64>();
        let settled = canon.tip().is_some_and(|tip| number + 2 <= tip.number);
        let known = canon.hash_at(number).filter(|_| settled);
        let what = match known {
            Some(hash) if hash != name.hash => {
                Some(format!("it is on another fork: block {number} should be {hash}, and is {}", name.hash))
            }
            _ if number + BEHIND_AT_MOST < best => {
                Some(format!("it is {} blocks behind: at {number}, others at {best}", best - number))
            }
            _ => None,
        };
        pool.behind(endpoint, what);
    }
}

/// Wakes `heads` whenever a node tells of a new head, for as long as the chain is followed.
pub(super) async fn listen(pool: Arc<Pool>, heads: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let listening = async {
        loop {
            let mut subscription = None;
            for endpoint in pool.order().into_iter().filter(|endpoint| endpoint.client.subscribes()) {
                match endpoint.client.subscribe(json!(["newHeads"])).await {
                    Ok(Some(opened)) => {
                        subscription = Some(opened);
                        break;
                    }
                    Ok(None) => {}
                    Err(fault) => pool.fault(endpoint, &fault),
                }
            }
            if let Some(mut subscription) = subscription {
                while subscription.recv().await.is_ok() {
                    heads.notify_one();
                }
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
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
