//! Write Watchfire detectors in Rust.
//!
//! A detector is a type that implements [`Detector`], exported with [`export!`] from a `cdylib`:
//!
//! ```
//! use watchfire_sdk::prelude::*;
//!
//! sol! {
//!     event Paused(address account);
//! }
//!
//! /// Which contracts to watch.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! pub struct Config {
//!     /// Contracts whose pauses are told.
//!     #[schemars(with = "Vec<schema::Address>")]
//!     watch: Vec<Address>,
//! }
//!
//! pub struct Pauses;
//!
//! impl Detector for Pauses {
//!     type Config = Config;
//!
//!     fn manifest() -> Manifest {
//!         Manifest::new("pauses", "0.1.0", "Tells when a watched contract is paused.")
//!             .kind("paused", Severity::Medium, "A watched contract was paused.")
//!     }
//!
//!     fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
//!         if config.watch.is_empty() {
//!             return Err(ConfigError::at("watch", "name at least one contract"));
//!         }
//!         let logs = LogFilter::default().addresses(config.watch).event::<Paused>();
//!         Ok((Self, vec![logs.into()]))
//!     }
//!
//!     fn on_batch(&mut self, batch: &Batch) -> Result<Vec<Finding>, Error> {
//!         let mut findings = Vec::new();
//!         for log in batch.logs() {
//!             if let Some(paused) = log.decode::<Paused>() {
//!                 findings.push(
//!                     Finding::new("paused", Severity::Medium, Subject::address(log.address()))
//!                         .title("The contract was paused")
//!                         .description(format!("{} paused {}.", paused.account, log.address()))
//!                         .evidence(&log),
//!                 );
//!             }
//!         }
//!         Ok(findings)
//!     }
//! }
//!
//! watchfire_sdk::export!(Pauses);
//! ```
//!
//! `watchfire plugin build` makes a component of it, and [`testing`] runs it natively under `cargo test`.
//!
//! The rows of a batch stand in columns, each copied from the host once, when it is first asked for; what is not
//! asked for is not copied, and no row costs a call or an allocation. Fields of the detector are a cache that the
//! host may drop between any two batches: what must last belongs in [`state`].

pub mod batch;
pub mod chain;
mod config;
pub mod decimal;
mod error;
pub mod finding;
pub mod flow;
mod key;
pub mod log;
mod manifest;
pub mod schema;
pub mod state;
mod subscription;

#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;

pub use alloy_primitives;
pub use alloy_sol_types;
pub use schemars;
pub use serde;
pub use serde_json;

pub use batch::Batch;
pub use config::{ConfigError, parse as parse_config};
pub use decimal::Decimal;
pub use error::Error;
pub use finding::Finding;
pub use key::Key;
pub use manifest::{Capability, FindingKind, Manifest, Severity};
pub use subscription::{FindingFilter, FrameFilter, LogFilter, StorageFilter, Subscription, TransactionFilter};

/// Everything that a detector commonly names.
pub mod prelude {
    pub use alloy_primitives::{Address, B256, I256, U256, address, b256};
    pub use alloy_sol_types::{SolCall, SolEvent, sol};

    pub use crate::batch::{Batch, FrameKind, Trigger};
    pub use crate::finding::{Finding, LogReference, Subject};
    pub use crate::{
        Capability, ConfigError, Decimal, Detector, Error, FindingFilter, FrameFilter, LogFilter, Manifest, Severity,
        StorageFilter, Subscription, TransactionFilter, chain, log, schema, state,
    };
}

/// A rule that looks at batches and tells what it finds.
pub trait Detector: Sized {
    /// What the operator writes in `[detector.NAME.config]`.
    type Config: serde::de::DeserializeOwned + schemars::JsonSchema;

    /// What it is, what it can find and what it asks for. The config's schema is added to it.
    fn manifest() -> Manifest;

    /// Checks the config and says what the detector wants to see. Called on each fresh instance, which may be
    /// at any batch: it may read [`state`], and must not depend on when it is called.
    fn start(config: Self::Config) -> Result<(Self, Vec<Subscription>), ConfigError>;

    /// Looks at one batch. An error ends this batch for this detector: the host rolls its state back and tells why.
    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error>;
}

/// Exports a [`Detector`] as the component's only one. Off wasm it does nothing, so that the crate can also be
/// linked natively.
#[macro_export]
macro_rules! export {
    ($detector:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            std::thread_local! {
                static DETECTOR: std::cell::RefCell<Option<$detector>> = const { std::cell::RefCell::new(None) };
            }
            struct Exported;
            impl $crate::guest::Guest for Exported {
                fn describe() -> $crate::guest::Manifest {
                    $crate::guest::describe::<$detector>()
                }
                fn start(config: String) -> Result<Vec<$crate::guest::Subscription>, $crate::guest::ConfigError> {
                    DETECTOR.with_borrow_mut(|detector| $crate::guest::start(detector, &config))
                }
                fn on_batch(batch: &$crate::guest::Batch) -> Result<Vec<$crate::guest::Finding>, String> {
                    DETECTOR.with_borrow_mut(|detector| $crate::guest::on_batch(detector.as_mut(), batch))
                }
            }
    $crate::bindings::export_detector!(Exported with_types_in $crate::bindings);
        };
    };
}

/// A batch takes and gives back memory for every column: a quarter of a detector's time with the allocator that Rust has for
/// wasm.
#[cfg(all(target_arch = "wasm32", feature = "allocator"))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
