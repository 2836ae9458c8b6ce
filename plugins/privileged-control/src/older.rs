//! Changes of control of diamonds (EIP-2535), and of contracts modelled on Compound's.

use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use crate::change::Change;
use crate::events::account;

sol! {
    struct FacetCut {
        address facetAddress;
        uint8 action;
        bytes4[] functionSelectors;
    }
    event DiamondCut(FacetCut[] diamondCut, address init, bytes callData);
    event NewImplementation(address oldImplementation, address newImplementation);
    event NewPendingImplementation(address oldPendingImplementation, address newPendingImplementation);
    event NewAdmin(address newAdmin);
    event NewPendingAdmin(address newPendingAdmin);
}

/// The same events with the one before, as Compound's Unitroller and tokens emit them.
mod with_old {
    use watchfire_sdk::prelude::*;

    sol! {
        event NewAdmin(address oldAdmin, address newAdmin);
        event NewPendingAdmin(address oldPendingAdmin, address newPendingAdmin);
    }
}

/// At most so many facets of a diamond's cut are read.
const FACETS_AT_MOST: usize = 8;

/// First topics of all these events.
pub(crate) fn signatures() -> [B256; 7] {
    [
        DiamondCut::SIGNATURE_HASH,
        NewImplementation::SIGNATURE_HASH,
        NewPendingImplementation::SIGNATURE_HASH,
        NewAdmin::SIGNATURE_HASH,
        NewPendingAdmin::SIGNATURE_HASH,
        with_old::NewAdmin::SIGNATURE_HASH,
        with_old::NewPendingAdmin::SIGNATURE_HASH,
    ]
}

/// The change that such a log tells of; `None` where it is no such event.
pub(crate) fn read(log: &Log<'_>) -> Option<Change> {
    if log.is::<DiamondCut>() {
        let (facets, init) = (facets(log), Address::from_word(data_word(log, 1).unwrap_or_default()));
        let description = "Some of its functions run other code from now on, with all that it holds; `init` ran as the diamond's own.";
        let change = Change::new("diamond-cut", Severity::Critical, "its functions were cut".to_owned(), description);
        let list = facets.iter().map(Address::to_string).collect::<Vec<_>>().join(" ");
        let change = match facets.first() {
            Some(&facet) => change.to("implementation", facet),
            None => change.keyed(log.index()),
        };
        return Some(change.with("facets", list).with("init", init));
    }
    if log.is::<NewImplementation>() {
        let (from, to) = (account(log, 0)?, account(log, 1)?);
        let description =
            format!("The contract ran the code of {from} and runs that of {to} from now on, with all that it holds.");
        let change = Change::new("proxy-upgraded", Severity::Critical, format!("upgraded to {to}"), &description);
        return Some(change.to("implementation", to).with("previous", from));
    }
    let is_admin = log.is::<NewAdmin>() || log.is::<with_old::NewAdmin>();
    if is_admin {
        let to = account(log, usize::from(log.is::<with_old::NewAdmin>()))?;
        let description = "Whoever is the admin can do all that the admin may: other code, other prices, other delays.";
        return Some(
            Change::new("admin-changed", Severity::Critical, format!("its admin is {to}"), description)
                .to("new-admin", to),
        );
    }
    let started = |to: Address, what: &str| {
        let description = "It takes effect when it is accepted.";
        let title = format!("{what} {to} was named");
        (!to.is_zero())
            .then(|| Change::new("admin-change-started", Severity::High, title, description).to("pending", to))
    };
    if log.is::<NewPendingAdmin>() {
        return started(account(log, 0)?, "the new admin");
    }
    if log.is::<with_old::NewPendingAdmin>() {
        return started(account(log, 1)?, "the new admin");
    }
    if log.is::<NewPendingImplementation>() {
        return started(account(log, 1)?, "the new code");
    }
    None
}

/// A word of the data.
fn data_word(log: &Log<'_>, position: usize) -> Option<B256> {
    let start = position.checked_mul(32)?;
    log.data().get(start..start.checked_add(32)?).map(B256::from_slice)
}

/// The first facets of a cut. Read by hand: lists within lists can name one place many times.
fn facets(log: &Log<'_>) -> Vec<Address> {
    let offset = |word: Option<B256>| word.map(|word| U256::from_be_bytes(word.0).saturating_to::<usize>() / 32);
    let Some(list) = offset(data_word(log, 0)) else { return Vec::new() };
    let count = data_word(log, list).map_or(0, |word| U256::from_be_bytes(word.0).saturating_to::<usize>());
    let facet = |at: usize| {
        let cut = offset(data_word(log, list.checked_add(1 + at)?))?;
        data_word(log, list.checked_add(1)?.checked_add(cut)?).map(Address::from_word)
    };
    (0..count.min(FACETS_AT_MOST)).map_while(facet).collect()
}
