//! Blocks of the past by their numbers, and which ones hold what somebody looks for.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, U64};
use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::config::ChainConfig;
use super::fault::{Fault, Meaning};
use super::fetch::{self, Want, Without};
use super::pool::Pool;
use super::read::Reader;
use super::rest::rest;
use super::rpc::Call;
use crate::block::ChainId;
use crate::source::raw::RawBlock;
use crate::subscription::Needs;

/// How often all nodes are asked before one gives up.
const TRIES: u32 = 6;
/// How long to wait between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Blocks whose logs are asked for at once; a node that refuses so many is asked for fewer.
const SPAN: u64 = 1_000;

/// Fetches from nodes that are not trusted: each block is held against its header.
pub struct Past {
    pool: Arc<Pool>,
    want: Want,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    block_number: Option<U64>,
}

impl Past {
    /// Connects to the nodes of a resolved config, and asks them which chain they are on. Blocks are verified as the config
    /// says.
    ///
    /// # Errors
    /// If no node answers.
    pub async fn new(config: &ChainConfig, needs: Needs) -> anyhow::Result<Self> {
        let want = Want { chain: config.id, rules: config.rules(config.id), needs, patient: true, is_late: false };
        let mut past = Self { pool: Arc::new(Pool::of_any_chain(config)), want };
        past.want.chain = past.ask::<U64>("eth_chainId", json!([])).await?.to();
        past.want.rules = config.rules(past.want.chain);
        Ok(past)
    }

    /// Returns the chain that the nodes are on.
    pub fn chain(&self) -> ChainId {
        self.want.chain
    }

    /// Returns the number of the newest block.
    ///
    /// # Errors
    /// If no node answers.
    pub async fn newest(&self) -> anyhow::Result<u64> {
        Ok(self.ask::<U64>("eth_blockNumber", json!([])).await?.to())
    }

    /// Returns a reader of the chain's state by the same nodes. It waits on the runtime that this is called in.
    pub fn reader(&self) -> Reader {
        Reader::new(self.pool.clone(), tokio::runtime::Handle::current())
    }

    /// Returns the block of a transaction.
    ///
    /// # Errors
    /// If no node knows the transaction, or it is in no block yet.
    pub async fn block_of(&self, transaction: B256) -> anyhow::Result<u64> {
        let found: Option<Placed> = self.ask("eth_getTransactionByHash", json!([transaction])).await?;
        let placed = found.with_context(|| format!("no node knows the transaction {transaction}"))?;
        let number =
            placed.block_number.with_context(|| format!("the transaction {transaction} is in no block yet"))?;
        Ok(number.to())
    }

    /// Returns the blocks of a range with logs of any of these addresses. `seen` is called with how many more blocks were
    /// searched. A span that a node finds too wide, or too full, is halved.
    ///
    /// # Errors
    /// If no node gives the logs of a single block.
    pub async fn with_logs_of(
        &self,
        addresses: &[Address],
        range: RangeInclusive<u64>,
        mut seen: impl FnMut(u64),
    ) -> anyhow::Result<BTreeSet<u64>> {
        let mut blocks = BTreeSet::new();
        let mut from = *range.start();
        let (mut span, mut answered) = (SPAN, 0);
        while from <= *range.end() {
            let to = from.saturating_add(span - 1).min(*range.end());
            let filter =
                json!([{ "address": addresses, "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}") }]);
            let logs: Vec<Placed> = match self.try_once("eth_getLogs", &filter).await {
                Ok(logs) => logs,
                // It may be the width: clients have no common word for it.
                Err((_, true)) if to > from => {
                    span = ((to - from).saturating_add(1) / 2).max(1);
                    answered = 0;
                    continue;
                }
                Err(_) => self.ask("eth_getLogs", filter).await?,
            };
            answered += 1;
            if answered >= 8 && span < SPAN {
                (span, answered) = ((span * 2).min(SPAN), 0);
            }
            blocks.extend(logs.iter().filter_map(|log| log.block_number).map(|number| number.to::<u64>()));
            seen(to - from + 1);
            let Some(next) = to.checked_add(1) else { break };
            from = next;
        }
        Ok(blocks)
    }

    /// Fetches blocks by their numbers, in order, each with its chain time in seconds since the Unix epoch. Heights that have no
    /// block, on a chain that has such, are left out.
    ///
    /// # Errors
    /// If no node gives one of them, or one of its parts that were asked for.
    pub async fn blocks(&self, numbers: &[u64]) -> anyhow::Result<Vec<(RawBlock, u64)>> {
        let mut all = Vec::with_capacity(numbers.len());
        let (mut passed, mut tries, mut why) = (0, 0, String::new());
        while passed < numbers.len() {
            if tries >= TRIES {
                let (first, last) = (numbers[passed], numbers.last().copied().unwrap_or_default());
                bail!("no node gives blocks {first} to {last}: {why}");
            }
            let served = fetch::blocks(&self.pool, &numbers[passed..], self.want).await;
            // What is wrong is said once, by whoever gives up.
            self.pool.take_notices();
            if served.passed > 0 {
                tries = 0;
            }
            passed += served.passed;
            for fetched in served.fetched {
                if let Some(Without { part, reason, .. }) = fetched.without.first() {
                    bail!("no {} of block {}: {reason}", part.name(), fetched.block.number);
                }
                all.push((fetched.raw, fetched.block.timestamp_s));
            }
            if let Some(short) = served.short {
                (tries, why) = (tries + 1, short.reason);
                self.pool.rested().await;
                tokio::time::sleep(rest(FIRST_PAUSE, LONGEST_PAUSE, tries)).await;
            }
        }
        Ok(all)
    }

    async fn ask<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> anyhow::Result<T> {
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.try_once(method, &params).await {
                Ok(answer) => return Ok(answer),
                Err((why, _)) => last = why,
            }
            self.pool.rested().await;
        }
        bail!("no node answers `{method}`: {last}")
    }

    /// Asks each node once. An error says why the last one did not answer, and whether a node answered with an error that is
    /// not about the number of requests.
    async fn try_once<T: DeserializeOwned>(&self, method: &'static str, params: &Value) -> Result<T, (String, bool)> {
        let (mut last, mut is_refused) = ("no node is named".to_owned(), false);
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
                    // Who does not answer in time may answer for less.
                    let is_slow = matches!(fault, Fault::Timeout(_));
                    is_refused |= fault.is_answer() || is_slow || fault.meaning() == Meaning::TooLarge;
                    // A node that finds the span too wide is at no fault.
                    if !fault.is_answer() || method != "eth_getLogs" {
                        self.pool.fault(endpoint, &fault);
                    }
                }
            }
        }
        Err((last, is_refused))
    }
}
