//! Transactions that wait for a block, where a detector asks for them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::pool::Pool;
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
                    if transaction_is_pending(&transaction) && self.told.insert(transaction.hash) {
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
            match endpoint.client.call(Call::new("eth_getBlockByNumber", json!(["pending", true]))).await {
                Ok(answer) if answer.get() != "null" => match serde_json::from_str(answer.get()) {
                    Ok(pending) => return Some(pending),
                    Err(error) => self.pool.fault(endpoint, &Fault::Unreadable(error.to_string())),
                },
                Ok(_) => {}
                Err(fault) => self.pool.fault(endpoint, &fault),
            }
        }
        None
    }
}

/// Some nodes show their newest block where they have no pending one.
fn transaction_is_pending(transaction: &WireTransaction) -> bool {
    transaction.block_hash.is_none_or(|hash| hash == B256::ZERO)
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
