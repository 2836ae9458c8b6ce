//! Transactions that wait for a block, where a detector asks for them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{B256, U64};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::fault::Fault;
use super::fetch::Name;
use super::pool::{Endpoint, Pool};
use super::rest::rest;
use super::rpc::Call;
use super::wire::WireTransaction;
use crate::block::{ChainId, Transactions};
use crate::event::Event;
use crate::source::Delivery;
use crate::subscription::Needs;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long to wait at most while no node shows a pending block.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// How many transactions are remembered as handed over.
const REMEMBERED: usize = 100_000;

/// Watches the pending block of the first node that shows it. Nothing of it is verified: it is on no chain yet.
pub(super) struct Watch {
    chain: ChainId,
    pool: Arc<Pool>,
    needs: watch::Receiver<Needs>,
    out: mpsc::Sender<Delivery>,
    seen: BTreeSet<B256>,
    seen_in_order: VecDeque<B256>,
}

#[derive(Deserialize)]
struct Pending {
    /// None, or the height that it would have.
    number: Option<U64>,
    /// Some nodes write null for none.
    #[serde(default)]
    transactions: Option<Vec<WireTransaction>>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.transactions.as_ref().is_none_or(Vec::is_empty)
    }
}

impl Watch {
    pub(super) fn new(
        chain: ChainId,
        pool: Arc<Pool>,
        needs: watch::Receiver<Needs>,
        out: mpsc::Sender<Delivery>,
    ) -> Self {
        Self { chain, pool, needs, out, seen: BTreeSet::new(), seen_in_order: VecDeque::new() }
    }

    /// Runs for as long as somebody takes what it finds.
    pub(super) async fn run(mut self) {
        let mut failures = 0_u32;
        while self.needs.wait_for(|needs| needs.mempool).await.is_ok() {
            let mut fresh = Vec::new();
            let (pending, failed) = self.look().await;
            failures = if failed { failures.saturating_add(1) } else { 0 };
            if let Some(pending) = pending {
                for transaction in pending.transactions.unwrap_or_default() {
                    if self.seen.insert(transaction.hash) {
                        self.seen_in_order.push_back(transaction.hash);
                        fresh.push(transaction);
                    }
                }
            }
            while self.seen_in_order.len() > REMEMBERED {
                if let Some(oldest) = self.seen_in_order.pop_front() {
                    self.seen.remove(&oldest);
                }
            }
            if !fresh.is_empty() {
                let transactions = Arc::new(columns(&fresh));
                let event = Event::Pending { chain: self.chain, transactions };
                if self.out.send(Delivery::now(event)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(rest(LOOK_EVERY, LOOK_AT_LEAST_EVERY, failures)).await;
        }
    }

    /// Returns the pending block of the first node that shows one, and whether no node could be asked.
    async fn look(&self) -> (Option<Pending>, bool) {
        let mut failed = true;
        for endpoint in self.pool.order() {
            if self.pool.admit(endpoint).await.is_err() {
                continue;
            }
            match pending(endpoint).await {
                Ok(Some(pending)) => return (Some(pending), false),
                Ok(None) => failed = false,
                // A node that answers with an error of its own has no such block to show.
                Err(fault) if fault.is_answer() => {}
                Err(fault) => self.pool.fault(endpoint, &fault),
            }
        }
        (None, failed)
    }
}

/// Asks a node for its pending block. Some nodes show their newest block instead: its height gives it away.
async fn pending(endpoint: &Endpoint) -> Result<Option<Pending>, Fault> {
    let unreadable = |error: serde_json::Error| Fault::Unreadable(error.to_string());
    let answer = endpoint.client.call(Call::new("eth_getBlockByNumber", json!(["pending", true]))).await?;
    let pending: Option<Pending> = serde_json::from_str(answer.get()).map_err(unreadable)?;
    let Some(pending) = pending.filter(|pending| !pending.is_empty()) else { return Ok(None) };
    // Asked afterwards: a block that came meanwhile is not taken for a pending one.
    let answer = endpoint.client.call(Call::new("eth_getBlockByNumber", json!(["latest", false]))).await?;
    let newest: Name = serde_json::from_str(answer.get()).map_err(unreadable)?;
    Ok(Some(pending).filter(|pending| pending.number.is_none_or(|number| number > newest.number)))
}

fn columns(transactions: &[WireTransaction]) -> Transactions {
    let mut out = Transactions::default();
    for transaction in transactions {
        // A mempool of 4 GiB is cut off there.
        if out.input.push(transaction.input()).is_err() {
            break;
        }
        out.sender.push(&transaction.sender());
        out.recipient.push(&transaction.to.unwrap_or_default());
        out.created.push(&[0; 20]);
        out.is_creation.push(u8::from(transaction.to.is_none()));
        out.value.push(&transaction.value.to_be_bytes());
        out.hash.push(&transaction.hash);
        out.nonce.push(transaction.nonce());
        out.gas_used.push(0);
        out.status.push(2);
    }
    out
}
