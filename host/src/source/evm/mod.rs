//! EVM chains: blocks from nodes that are not trusted.

pub mod canon;
pub mod config;
pub mod decode;
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
mod rpc;
mod storage;
mod transaction;
mod wire;
