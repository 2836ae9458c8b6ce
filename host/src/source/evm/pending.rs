//! Transactions that wait for a block, where a detector asks for them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{B256, U64};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::fetch::Name;
use super::pool::{Endpoint, Pool};
use super::rpc::{Call, Fault};
use super::wire::WireTransaction;
use crate::block::{ChainId, Transactions};
use crate::event::Event;
use crate::source::Delivery;
use crate::subscription::Needs;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many transactions are remembered as told.
const REMEMBERED: usize = 100_000;

/// Watches the pending block of the first node that shows it. Nothing of it is verified: it is on no chain yet.
pub(super) struct Watch {
    chain: ChainId,
    pool: Arc<Pool>,
    needs: watch::Receiver<Needs>,
    out: mpsc::Sender<Delivery>,
    told: BTreeSet<B256>,
    told_in_order: VecDeque<B256>,
}

#[derive(Deserialize)]
struct Pending {
    /// None, or the height that it would have.
    number: Option<U64>,
    transactions: Vec<WireTransaction>,
}

impl Watch {
    pub(super) fn new(
        chain: ChainId,
        pool: Arc<Pool>,
        needs: watch::Receiver<Needs>,
        out: mpsc::Sender<Delivery>,
    ) -> Self {
        Self { chain, pool, needs, out, told: BTreeSet::new(), told_in_order: VecDeque::new() }
    }

    /// Runs for as long as somebody takes what it finds.
    pub(super) async fn run(mut self) {
        while self.needs.wait_for(|needs| needs.mempool).await.is_ok() {
            let mut fresh = Vec::new();
            if let Some(pending) = self.look().await {
                for transaction in pending.transactions {
                    if self.told.insert(transaction.hash) {
                        self.told_in_order.push_back(transaction.hash);
                        fresh.push(transaction);
                    }
                }
            }
            while self.told_in_order.len() > REMEMBERED {
                if let Some(oldest) = self.told_in_order.pop_front() {
                    self.told.remove(&oldest);
                }
            }
            if !fresh.is_empty() {
                let transactions = Arc::new(columns(&fresh));
                let event = Event::Pending { chain: self.chain, transactions };
                if self.out.send(Delivery::now(event)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&self) -> Option<Pending> {
        for endpoint in self.pool.order() {
            match pending(endpoint).await {
                Ok(Some(pending)) => return Some(pending),
                Ok(None) => {}
                Err(fault) => self.pool.fault(endpoint, &fault),
            }
        }
        None
    }
}

/// The pending block of a node. Some nodes show their newest block where they have no pending one: its height tells.
async fn pending(endpoint: &Endpoint) -> Result<Option<Pending>, Fault> {
    let unreadable = |error: serde_json::Error| Fault::Unreadable(error.to_string());
    let answer = endpoint.client.call(Call::new("eth_getBlockByNumber", json!(["pending", true]))).await?;
    let pending: Option<Pending> = serde_json::from_str(answer.get()).map_err(unreadable)?;
    let Some(pending) = pending.filter(|pending| !pending.transactions.is_empty()) else { return Ok(None) };
    // Asked afterwards: a block that came meanwhile is not taken for a pending one.
    let answer = endpoint.client.call(Call::new("eth_getBlockByNumber", json!(["latest", false]))).await?;
    let newest: Name = serde_json::from_str(answer.get()).map_err(unreadable)?;
    Ok(Some(pending).filter(|pending| pending.number.is_none_or(|number| number > newest.number)))
}

fn columns(transactions: &[WireTransaction]) -> Transactions {
    let mut out = Transactions::default();
    for transaction in transactions {
        out.hash.push(&transaction.hash);
        out.sender.push(&transaction.from);
        out.recipient.push(&transaction.to.unwrap_or_default());
        out.created.push(&[0; 20]);
        out.is_creation.push(u8::from(transaction.to.is_none()));
        out.value.push(&transaction.value.to_be_bytes());
        out.input.push(&transaction.input);
        out.nonce.push(transaction.nonce.to());
        out.gas_used.push(0);
        out.status.push(2);
    }
    out
}
