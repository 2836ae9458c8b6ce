//! The kit of the end-to-end tests: real peers, started, driven and ended.

pub mod anvil;
pub mod bytecode;
pub mod chaos;
pub mod guests;
pub mod harbor;
pub mod host;
pub mod lease;
pub mod outlets;
pub mod pair;
pub mod peers;
pub mod proxy;
pub mod receiver;
pub mod registry;
pub mod seed;
pub mod services;
mod serving;
pub mod shared;
pub mod standing;
pub mod story;
pub mod watch;
