//! Reads of a chain's state for detectors, at the very block that they inspect.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{B256, Bytes, U256};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::budget::Calls;
use super::fault::Fault;
use super::pool::Pool;
use super::rpc::Call;
use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};

/// The longest that a detector waits for an answer, all nodes together.
const LONGEST: Duration = Duration::from_secs(10);

/// Reads by a chain's nodes.
pub struct Reader {
    pool: Arc<Pool>,
    handle: Handle,
}

impl Reader {
    pub(super) fn new(pool: Arc<Pool>, handle: Handle) -> Self {
        Self { pool, handle }
    }

    /// Returns what each node of the chain was asked since the host started, by what people see of the node.
    pub fn calls(&self) -> Vec<(String, Calls)> {
        self.pool.calls()
    }

    fn wait(&self, at: BlockRef, read: &ChainRead, longest: Duration) -> Option<ChainAnswer> {
        self.handle.block_on(async { tokio::time::timeout(longest, self.ask(at, read)).await }).ok()
    }

    async fn ask(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        // By hash: after a reorg the same height is another state.
        let block = json!({ "blockHash": at.hash });
        let call = match read {
            ChainRead::Call { to, data } => Call::new("eth_call", json!([{ "to": to, "data": data }, block])),
            ChainRead::Storage { address, slot } => Call::new("eth_getStorageAt", json!([address, slot, block])),
            ChainRead::Balance { address } => Call::new("eth_getBalance", json!([address, block])),
            ChainRead::Code { address } => Call::new("eth_getCode", json!([address, block])),
        };
        let mut last = "no node answers".to_owned();
        for endpoint in self.pool.order() {
            if let Err(fault) = self.pool.admit(endpoint).await {
                last = fault.to_string();
                continue;
            }
            let answer = match endpoint.client.call(call.clone()).await {
                Ok(answer) => answer,
                Err(Fault::Rpc { code, message, data }) if is_revert(code, &message) => {
                    let data = data.and_then(|data| serde_json::from_str::<Bytes>(data.get()).ok());
                    return Err(fault("reverted", message, data.unwrap_or_default()));
                }
                Err(other) => {
                    // A node that does not have the block's state is not at fault for it.
                    if !matches!(other, Fault::Rpc { .. }) {
                        self.pool.fault(endpoint, &other);
                    }
                    last = other.to_string();
                    continue;
                }
            };
            match bytes(read, answer.get()) {
                Some(bytes) => return Ok(bytes),
                None => last = format!("{} gave something unreadable", endpoint.label),
            }
        }
        Err(fault("unavailable", last, Bytes::new()))
    }
}

impl ChainReader for Reader {
    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        self.wait(at, read, LONGEST).unwrap_or_else(|| {
            let message = format!("no answer within {} s", LONGEST.as_secs());
            Err(fault("unavailable", message, Bytes::new()))
        })
    }

    fn read_within(&self, at: BlockRef, read: &ChainRead, longest: Duration) -> Option<ChainAnswer> {
        if longest >= LONGEST { Some(self.read(at, read)) } else { self.wait(at, read, longest) }
    }
}

fn bytes(read: &ChainRead, answer: &str) -> Option<Bytes> {
    match read {
        ChainRead::Balance { .. } => {
            let balance: U256 = serde_json::from_str(answer).ok()?;
            Some(Bytes::copy_from_slice(&balance.to_be_bytes::<32>()))
        }
        ChainRead::Storage { .. } => {
            let value: U256 = serde_json::from_str::<Value>(answer).ok()?.as_str()?.parse().ok()?;
            Some(Bytes::copy_from_slice(B256::from(value).as_slice()))
        }
        ChainRead::Call { .. } | ChainRead::Code { .. } => serde_json::from_str(answer).ok(),
    }
}

pub(super) fn is_revert(code: i64, message: &str) -> bool {
    code == 3 || message.to_lowercase().contains("revert")
}

fn fault(code: &str, message: String, data: Bytes) -> ChainFault {
    ChainFault { code: code.to_owned(), message: message.chars().take(300).collect(), data }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use alloy::primitives::Address;

    use super::*;

    #[test]
    fn a_node_that_never_answers_holds_nobody_up_for_longer_than_they_have() {
        let node = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", node.local_addr().unwrap());
        let mut config: crate::source::evm::config::ChainConfig =
            toml::from_str(&format!("id = 1\ntimeout_ms = 60000\nendpoints = [\"{url}\"]")).unwrap();
        for endpoint in &mut config.endpoints {
            endpoint.resolve(std::path::Path::new(".")).unwrap();
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let pool = {
            let _within = runtime.enter();
            Arc::new(Pool::new(&config))
        };
        let reader = Reader::new(pool, runtime.handle().clone());
        let read = ChainRead::Balance { address: Address::ZERO };
        let at = BlockRef { chain: 1, number: 1, hash: B256::ZERO };
        let started = Instant::now();
        assert_eq!(reader.read_within(at, &read, Duration::from_millis(100)), None);
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    }
}
