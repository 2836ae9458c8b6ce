//! EVM chains: blocks from nodes that are not trusted.

pub mod canon;
pub mod config;
pub mod decode;
mod frames;
pub mod refusal;
mod storage;
mod transaction;
mod wire;
