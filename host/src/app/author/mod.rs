//! What a detector's author runs: cases, tests, benchmarks, profiles, backtests, and blocks to run them on.

pub mod backtest;
pub mod bench;
mod by_hand;
pub mod cases;
pub mod cpu_profile;
pub mod fetch;
pub mod reads;
pub mod rule_file;
pub mod rule_run;
pub mod test_run;
