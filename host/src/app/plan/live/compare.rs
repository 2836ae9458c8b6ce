//! What a chain says of an address, beside what a deployment says of it.

use alloy::primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, sol};

use super::stated::Says;
use crate::diagnostic::Gravity;
use crate::source::evm::inquiry::{Called, Inquiry};

sol! {
    function decimals() returns (uint8);
    function getOwners() returns (address[]);
    function getThreshold() returns (uint256);
    function getMinDelay() returns (uint256);
    function delay() returns (uint256);
}

/// One thing that does not agree: how bad, what, and what to do.
pub(super) type Odd = (Gravity, String, String);

/// Compares what is said of an address with a chain on which there is code at it.
///
/// # Errors
///
/// If no node answers.
pub(super) async fn compare(chain: &Inquiry, address: Address, says: &Says) -> Result<Vec<Odd>, String> {
    Ok(match says {
        Says::Watched | Says::Contract => Vec::new(),
        Says::Decimals(expected) => decimals(ask(chain, address, &decimalsCall {}).await?, *expected),
        Says::Safe { owners, threshold } => {
            let (has, wants) =
                (ask(chain, address, &getOwnersCall {}).await?, ask(chain, address, &getThresholdCall {}).await?);
            safe(has, wants, owners, *threshold)
        }
        Says::Timelock { delay_s } => {
            let said = match ask(chain, address, &getMinDelayCall {}).await? {
                Some(said) => Some(said),
                None => ask(chain, address, &delayCall {}).await?,
            };
            timelock(said, *delay_s)
        }
        Says::Takes { from, function, data } => match chain.call(*from, address, data).await? {
            Called::Returned(_) => Vec::new(),
            Called::Reverted(why) => {
                let by = from.map(|from| format!(" by {from}")).unwrap_or_default();
                let message = format!("`{function}` of {address}{by} would be undone as things stand: {why}");
                let help = "make sure that target, function and authority are right; a call that only works in an \
                            incident may be refused today";
                vec![(Gravity::Warning, message, help.to_owned())]
            }
        },
    })
}

/// Returns what a contract answers to a call without arguments; `None` if it has no such function.
async fn ask<C: SolCall>(chain: &Inquiry, address: Address, call: &C) -> Result<Option<C::Return>, String> {
    let data = Bytes::from(call.abi_encode());
    Ok(match chain.call(None, address, &data).await? {
        Called::Returned(bytes) => C::abi_decode_returns(&bytes).ok(),
        Called::Reverted(_) => None,
    })
}

fn decimals(said: Option<u8>, expected: u8) -> Vec<Odd> {
    match said {
        Some(said) if said == expected => Vec::new(),
        Some(said) => {
            let message = format!("it has {said} decimals on chain, and {expected} here");
            let times = if said > expected { "too small" } else { "too large" };
            let help = format!("every limit and amount of it would be {times}; write `decimals = {said}`");
            vec![(Gravity::Error, message, help)]
        }
        None => {
            let message = format!("it does not say how many decimals it has; {expected} stand here");
            vec![(Gravity::Warning, message, "compare them with what its source says".to_owned())]
        }
    }
}

fn safe(has: Option<Vec<Address>>, wants: Option<U256>, owners: &[Address], threshold: u32) -> Vec<Odd> {
    let (Some(has), Some(wants)) = (has, wants) else {
        let message = "it answers neither `getOwners` nor `getThreshold`, so it is no Safe".to_owned();
        return vec![(Gravity::Error, message, "mend the address, or the authority's `kind`".to_owned())];
    };
    let mut odd = Vec::new();
    if wants != U256::from(threshold) {
        let message = format!("{wants} of its owners must sign on chain, and {threshold} by the plan");
        odd.push((Gravity::Error, message, format!("write `threshold = {wants}`, or find out who changed it")));
    }
    let named = |some: Vec<&Address>| some.into_iter().map(Address::to_string).collect::<Vec<_>>().join(", ");
    if !owners.is_empty() {
        let gone = named(owners.iter().filter(|one| !has.contains(one)).collect());
        let new = named(has.iter().filter(|one| !owners.contains(one)).collect());
        for (which, message) in [(gone, "not its owners on chain"), (new, "its owners on chain, and not in the plan")] {
            if !which.is_empty() {
                let message = format!("{message}: {which}");
                odd.push((Gravity::Error, message, "mend `owners`, or find out who changed them".to_owned()));
            }
        }
    }
    odd
}

fn timelock(said: Option<U256>, delay_s: u64) -> Vec<Odd> {
    match said {
        Some(said) if said == U256::from(delay_s) => Vec::new(),
        Some(said) => {
            let message = format!("its delay is {said} s on chain, and {delay_s} s by the plan");
            vec![(Gravity::Error, message, format!("write `delay_s = {said}`, or find out who changed it"))]
        }
        None => {
            let message = "it answers neither `getMinDelay` nor `delay`, so its delay is not known".to_owned();
            vec![(Gravity::Warning, message, "make sure that it is a timelock".to_owned())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(odd: &[Odd], expected: &[&str]) {
        assert_eq!(odd.iter().map(|(_, message, _)| message.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_agrees_is_not_mentioned_and_what_does_not_is_named() {
        let of = Address::repeat_byte;
        check(&decimals(Some(6), 6), &[]);
        check(&decimals(Some(18), 6), &["it has 18 decimals on chain, and 6 here"]);
        check(&decimals(None, 6), &["it does not say how many decimals it has; 6 stand here"]);
        check(&safe(Some(vec![of(1), of(2)]), Some(U256::from(2)), &[of(2), of(1)], 2), &[]);
        check(&safe(Some(vec![of(1)]), Some(U256::from(1)), &[], 1), &[]);
        let odd = safe(Some(vec![of(1), of(3)]), Some(U256::from(1)), &[of(1), of(2)], 2);
        let gone = format!("not its owners on chain: {}", of(2));
        let new = format!("its owners on chain, and not in the plan: {}", of(3));
        check(&odd, &["1 of its owners must sign on chain, and 2 by the plan", &gone, &new]);
        check(&safe(None, None, &[], 1), &["it answers neither `getOwners` nor `getThreshold`, so it is no Safe"]);
        check(&timelock(Some(U256::from(60)), 60), &[]);
        check(&timelock(Some(U256::from(30)), 60), &["its delay is 30 s on chain, and 60 s by the plan"]);
    }
}
