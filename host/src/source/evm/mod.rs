//! EVM chains: blocks from nodes that are not trusted.

mod batching;
pub mod canon;
pub mod config;
pub mod decode;
mod fault;
mod fetch;
pub mod follow;
mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod heads;
pub mod past;
mod pending;
mod pool;
pub mod read;
pub mod refusal;
mod rest;
mod rpc;
mod storage;
#[cfg(test)]
mod test_node;
mod traced;
mod transaction;
mod wire;
