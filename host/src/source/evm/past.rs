//! Blocks of the past by their numbers, and which ones hold what somebody looks for.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use alloy::primitives::{Address, B256, U64};
use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::config::ChainConfig;
use super::fetch::{self, Want};
use super::pool::Pool;
use super::rpc::{Call, Fault};
use crate::block::{ChainId, Verification};
use crate::source::raw::RawBlock;
use crate::subscription::Needs;

/// How often all nodes are asked before one gives up.
const TRIES: u32 = 6;
/// Blocks whose logs are asked for at once; nodes refuse much wider ones.
const SPAN: u64 = 1_000;

/// Fetches from nodes that are not trusted: each block is held against its header.
pub struct Past {
    pool: Pool,
    want: Want,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    block_number: Option<U64>,
}

impl Past {
    /// Connects to the nodes of a resolved config, and asks them which chain they are on.
    pub async fn new(config: &ChainConfig, needs: Needs) -> anyhow::Result<Self> {
        let want = Want { chain: config.id, level: Verification::Full, needs };
        let mut past = Self { pool: Pool::new(config), want };
        past.want.chain = past.ask::<U64>("eth_chainId", json!([])).await?.to();
        Ok(past)
    }

    /// The chain that the nodes are on.
    pub fn chain(&self) -> ChainId {
        self.want.chain
    }

    /// The block of a transaction.
    pub async fn block_of(&self, transaction: B256) -> anyhow::Result<u64> {
        let found: Option<Placed> = self.ask("eth_getTransactionByHash", json!([transaction])).await?;
        let placed = found.with_context(|| format!("no node knows the transaction {transaction}"))?;
        let number =
            placed.block_number.with_context(|| format!("the transaction {transaction} is in no block yet"))?;
        Ok(number.to())
    }

    /// Blocks of a range with logs of any of these addresses. `seen` is told how many blocks were searched.
    pub async fn with_logs_of(
        &self,
        addresses: &[Address],
        range: RangeInclusive<u64>,
        mut seen: impl FnMut(u64),
    ) -> anyhow::Result<BTreeSet<u64>> {
        let mut blocks = BTreeSet::new();
        let mut from = *range.start();
        while from <= *range.end() {
            let to = from.saturating_add(SPAN - 1).min(*range.end());
            let filter =
                json!([{ "address": addresses, "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}") }]);
            let logs: Vec<Placed> = self.ask("eth_getLogs", filter).await?;
            blocks.extend(logs.iter().filter_map(|log| log.block_number).map(|number| number.to::<u64>()));
            seen(to - from + 1);
            from = to.saturating_add(1);
        }
        Ok(blocks)
    }

    /// Blocks by their numbers, in order, each with its chain time in seconds since the Unix epoch.
    pub async fn blocks(&self, numbers: &[u64]) -> anyhow::Result<Vec<(RawBlock, u64)>> {
        for _ in 0..TRIES {
            if let Some(fetched) = fetch::blocks(&self.pool, numbers, self.want).await {
                return Ok(fetched.into_iter().map(|fetched| (fetched.raw, fetched.block.timestamp_s)).collect());
            }
            self.pool.rested().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let told: Vec<String> = self.pool.take_notices().into_iter().map(|notice| notice.message).collect();
        let why = if told.is_empty() { "none has them".to_owned() } else { told.join("; ") };
        let (first, last) = (numbers.first().copied().unwrap_or_default(), numbers.last().copied().unwrap_or_default());
        bail!("no node gives blocks {first} to {last}: {why}")
    }

    async fn ask<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> anyhow::Result<T> {
        let mut last = String::new();
        for _ in 0..TRIES {
            for endpoint in self.pool.order() {
                let answer = endpoint.client.call(Call::new(method, params.clone())).await;
                let parsed = answer.and_then(|answer| {
                    serde_json::from_str(answer.get()).map_err(|error| Fault::Unreadable(error.to_string()))
                });
                match parsed {
                    Ok(parsed) => {
                        self.pool.good(endpoint);
                        return Ok(parsed);
                    }
                    Err(fault) => {
                        last = format!("{}: {fault}", endpoint.label);
                        self.pool.fault(endpoint, &fault);
                    }
                }
            }
            self.pool.rested().await;
        }
        bail!("no node answers `{method}`: {last}")
    }
}
