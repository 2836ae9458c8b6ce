//! The real host against real peers. One binary for all, since each would link the whole host.

#![allow(clippy::unwrap_used)]

mod answers;
mod backtest;
mod callouts;
mod chains;
mod channels;
mod chaos;
mod checked;
mod conformance;
mod crashes;
mod deliveries;
mod drills;
mod fallbacks;
mod faults;
mod first_watch;
mod forks;
mod guide;
mod hostile_chain;
mod incidents;
mod kills;
mod lies;
mod mainnet;
mod metrics;
mod night;
mod outlets;
mod packages;
mod page_kills;
mod probe;
mod profile;
mod proofs;
mod protocols;
mod reads;
mod recordings;
mod reload;
mod reorgs;
mod retention;
mod rules;
mod sharing;
mod sharing_lies;
mod sharing_locked;
mod sharing_packs;
mod sharing_peers;
mod swaps;
mod templates;
mod watch_over;
