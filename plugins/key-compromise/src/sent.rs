//! What accounts sent in a batch.

use watchfire_sdk::batch::{Status, Transaction};
use watchfire_sdk::chain::ChainError;
use watchfire_sdk::flow::{ChainPrices, to_f64};
use watchfire_sdk::prelude::*;

use crate::{Transfer, balanceOfCall, transferCall};

/// Money that one account sent to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) from: Address,
    pub(crate) to: Address,
    /// `None` for the chain's own coin.
    pub(crate) token: Option<Address>,
    pub(crate) amount: U256,
    pub(crate) transaction: B256,
}

impl Sent {
    /// How many times 10,000 dollars it is, at rough prices; 0 where it is no money.
    pub(crate) fn floors(&self, prices: &ChainPrices) -> f64 {
        let asset = match self.token {
            None => Some(&prices.native),
            Some(token) => prices.token(&token.into_array()),
        };
        asset.map_or(0.0, |asset| to_f64(self.amount) / asset.floor)
    }

    /// What the sender has left of it after the block.
    pub(crate) fn left(&self) -> Result<U256, ChainError> {
        balance(self.token, self.from)
    }
}

/// What findings call an asset.
pub(crate) fn asset(token: Option<Address>) -> String {
    token.map_or_else(|| "native".to_owned(), |token| token.to_string())
}

/// What an account holds of an asset after the block.
pub(crate) fn balance(token: Option<Address>, account: Address) -> Result<U256, ChainError> {
    match token {
        None => chain::balance(account),
        Some(token) => chain::call(token, &balanceOfCall { account }),
    }
}

/// A transaction that does nothing but send: coins, or a token by `transfer`. Most of them are nobody's business, so that no more
/// is read of it than who gets it.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'b> {
    transaction: Transaction<'b>,
    pub(crate) from: Address,
    pub(crate) to: Address,
    token: Option<(Address, U256)>,
}

impl Plain<'_> {
    /// All of it.
    pub(crate) fn sent(&self) -> Sent {
        let Self { transaction, from, to, token } = *self;
        let (token, amount) = match token {
            Some((token, amount)) => (Some(token), amount),
            None => (None, transaction.value()),
        };
        Sent { from, to, token, amount, transaction: transaction.hash() }
    }
}

/// What signers sent by transactions that do nothing else.
pub(crate) fn plainly<'b>(batch: &'b Batch<'_>, prices: &'b ChainPrices) -> impl Iterator<Item = Plain<'b>> + 'b {
    batch.transactions().filter(|transaction| transaction.status() == Status::Success).filter_map(move |transaction| {
        let plain = |to, token| Plain { transaction, from: transaction.sender(), to, token };
        if transaction.has_value() {
            return transaction.input().is_empty().then(|| plain(transaction.recipient(), None));
        }
        let token = transaction.recipient();
        prices.token(&token.into_array())?;
        let call = transferCall::abi_decode(transaction.input()).ok()?;
        Some(plain(call.to, Some((token, call.amount))))
    })
}

/// What some accounts sent in any way that transactions and logs tell of.
pub(crate) fn by<'b>(accounts: &'b [Address], batch: &'b Batch<'_>, prices: &'b ChainPrices) -> Vec<Sent> {
    let coins =
        batch.transactions().filter(|it| it.status() == Status::Success && !it.value().is_zero()).filter_map(|it| {
            let (from, to) = (it.sender(), it.recipient());
            let is_watched = accounts.contains(&from);
            is_watched.then(|| Sent { from, to, token: None, amount: it.value(), transaction: it.hash() })
        });
    let tokens = batch.logs().filter_map(|log| {
        // Anybody can make a token that claims to leave an account: only those that are money count.
        let token = log.address();
        prices.token(&token.into_array())?;
        let Transfer { from, to, value: amount } = log.decode::<Transfer>()?;
        accounts.contains(&from).then(|| Sent {
            from,
            to,
            token: Some(token),
            amount,
            transaction: log.transaction_hash(),
        })
    });
    coins.chain(tokens).collect()
}
