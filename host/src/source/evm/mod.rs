//! EVM chains: blocks from nodes that are not trusted.

mod answer;
mod batching;
mod body;
pub mod budget;
pub mod canon;
pub mod config;
pub mod decode;
pub mod family;
mod fault;
mod fetch;
pub mod follow;
mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod heads;
pub mod inquiry;
mod once;
mod operators;
pub mod past;
mod pending;
mod pool;
pub mod probe;
pub mod read;
pub mod refusal;
pub(crate) mod rest;
mod rpc;
mod spell;
mod storage;
#[cfg(test)]
mod test_node;
mod traced;
mod transaction;
mod wire;
