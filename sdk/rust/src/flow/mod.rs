//! What a transaction did, read from its call frames and logs: who acts, what moved, who gained.
//!
//! Rules over whole transactions stand on a few notions, which are computed here once for all of them:
//!
//! - The [call tree](Call), rebuilt from depths. A call's `context` is the party whose storage it works on: a delegatecall keeps that of
//!   the call around it.
//! - **Actors**: the sender; what it calls, unless that is called as a token or a router or makes no call of its own; and all contracts
//!   that these create on the way. A detector that knows more (who deployed what, and when) adds to them by [`Reader::own`].
//! - [Transfers](Transfer): `Transfer`, `Deposit` and `Withdrawal` logs, in their place among the frames, and native value.
//! - **Floors**: an amount of an asset in multiples of what about 10,000 dollars are worth ([`Prices`]). They need no price feed, and
//!   say no more than "this is money".
//! - **Pure gain**: floors that the actors gained without spending another kind of money or any token without a price. At fixed prices
//!   every large swap looks like a profit; this does not.
//! - [Loans](Loan) by behaviour, whatever the lender's interface is called.
//! - **Material calls**: calls by actors to contracts that are no token, pool, router or lender, and that hold more or less of
//!   something afterwards.
//!
//! ```
//! use watchfire_sdk::flow::{Prices, Reader};
//! use watchfire_sdk::prelude::*;
//!
//! fn loud(batch: &Batch<'_>) -> Vec<B256> {
//!     let reader = Reader::new(Prices::shipped());
//!     reader.transactions(batch).filter(|it| it.pure_gain() > 100.0).map(|it| it.hash()).collect()
//! }
//! ```
//!
//! Subscribe to [`subscriptions`]: all call frames and the logs of transfers.

mod call;
mod gain;
mod loan;
mod material;
mod party;
mod prices;
mod reader;
pub mod selectors;
mod transfer;
mod within;

pub use call::{Call, address_of};
pub use gain::Balances;
pub use loan::Loan;
pub use party::{Parties, Party, ZERO};
pub use prices::{Asset, ChainPrices, Money, Prices};
pub use reader::{Reader, Transaction, subscriptions};
pub use transfer::{NATIVE, Transfer, signed, to_f64};

#[cfg(test)]
mod tests;
