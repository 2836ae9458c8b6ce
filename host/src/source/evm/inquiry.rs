//! Questions to a chain's nodes of whoever sets a watch up: which chain they are on, what is at an address, what a call would do.

use std::path::Path;

use alloy::primitives::{Address, Bytes, U64};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::config::{ChainConfig, ChainConfigError};
use super::fault::{Fault, Meaning};
use super::pool::Pool;
use super::read::is_revert;
use super::rpc::Call;

/// The nodes of a chain, for a few questions about its newest block. Only nodes that are on the right chain are asked about it.
pub struct Inquiry {
    pool: Pool,
}

/// What a call would do as things stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// It returns this.
    Returned(Bytes),
    /// It is undone, for this reason.
    Reverted(String),
}

impl Inquiry {
    /// Makes ready to ask. `base` is what relative files of the config start from.
    ///
    /// # Errors
    ///
    /// If the config does not resolve.
    pub fn new(config: &ChainConfig, base: &Path) -> Result<Self, ChainConfigError> {
        Ok(Self { pool: Pool::new(&config.resolve(base)?) })
    }

    /// Returns the chain that each node says it is on, by what people see of the node, in the order of the config; `None` if
    /// it does not know; in words, why it does not answer.
    pub async fn chains(&self) -> Vec<(String, Result<Option<u64>, String>)> {
        let mut said = Vec::new();
        for endpoint in self.pool.all() {
            let answer = endpoint.client.call(Call::new("eth_chainId", json!([]))).await;
            let chain = match answer {
                Ok(answer) => match serde_json::from_str::<U64>(answer.get()) {
                    Ok(chain) => Ok(Some(chain.to())),
                    Err(error) => Err(format!("its answer can't be read: {error}")),
                },
                Err(fault) if fault.meaning() == Meaning::MethodUnknown => Ok(None),
                Err(fault) => Err(fault.to_string()),
            };
            said.push((endpoint.label.clone(), chain));
        }
        said
    }

    /// Returns the height of the newest block.
    ///
    /// # Errors
    ///
    /// If no node answers: what the last one said.
    pub async fn height(&self) -> Result<u64, String> {
        self.ask::<U64>("eth_blockNumber", json!([])).await.map(|height| height.to()).map_err(|fault| fault.to_string())
    }

    /// Returns the code at an address; empty if there is no contract.
    ///
    /// # Errors
    ///
    /// If no node answers: what the last one said.
    pub async fn code(&self, address: Address) -> Result<Bytes, String> {
        self.ask("eth_getCode", json!([address, "latest"])).await.map_err(|fault| fault.to_string())
    }

    /// Returns what a call would do, made by `from` or by nobody in particular. Nothing is sent to the chain.
    ///
    /// # Errors
    ///
    /// If no node answers: what the last one said.
    pub async fn call(&self, from: Option<Address>, to: Address, data: &Bytes) -> Result<Called, String> {
        let transaction = match from {
            Some(from) => json!({ "from": from, "to": to, "data": data }),
            None => json!({ "to": to, "data": data }),
        };
        match self.ask("eth_call", json!([transaction, "latest"])).await {
            Ok(returned) => Ok(Called::Returned(returned)),
            Err(Fault::Rpc { code, message, .. }) if is_revert(code, &message) => Ok(Called::Reverted(message)),
            Err(fault) => Err(fault.to_string()),
        }
    }

    async fn ask<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, Fault> {
        let mut last = Fault::Transport("no node is on the right chain".to_owned());
        for endpoint in self.pool.order() {
            if let Err(fault) = self.pool.admit(endpoint).await {
                last = fault;
                continue;
            }
            match endpoint.client.call(Call::new(method, params.clone())).await {
                Ok(answer) => match serde_json::from_str(answer.get()) {
                    Ok(read) => return Ok(read),
                    Err(error) => last = Fault::Unreadable(error.to_string()),
                },
                // What one node says of the chain's state, another says too.
                Err(fault @ Fault::Rpc { .. }) => return Err(fault),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }
}
