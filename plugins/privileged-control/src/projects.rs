//! Changes of control by the proxies and permissions of particular projects, from before there were standards.

use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use crate::change::Change;
use crate::events::account;

sol! {
    /// Polygon's.
    event ProxyUpdated(address newImplementation, address oldImplementation);
    /// Synthetix'.
    event TargetUpdated(address newTarget);
    /// Aragon's kernel.
    event SetApp(bytes32 namespace, bytes32 appId, address app);
    /// OpenZeppelin's first, and eternal storage.
    event ProxyOwnershipTransferred(address previousOwner, address newOwner);
    /// Maker's, and all that are built on `ds-auth`.
    event LogSetOwner(address owner);
    event LogSetAuthority(address authority);
}

/// Eternal storage's, by the number of the version.
mod versioned {
    use watchfire_sdk::prelude::*;

    sol! {
        event Upgraded(uint256 version, address implementation);
    }
}

/// First topics of all these events.
pub(crate) fn signatures() -> [B256; 7] {
    [
        ProxyUpdated::SIGNATURE_HASH,
        TargetUpdated::SIGNATURE_HASH,
        SetApp::SIGNATURE_HASH,
        ProxyOwnershipTransferred::SIGNATURE_HASH,
        LogSetOwner::SIGNATURE_HASH,
        LogSetAuthority::SIGNATURE_HASH,
        versioned::Upgraded::SIGNATURE_HASH,
    ]
}

/// The change that such a log tells of; `None` where it is no such event, or too short to be one.
pub(crate) fn read(log: &Log<'_>) -> Option<Change> {
    let upgraded = |to: Address| {
        let description = format!("The contract runs the code of {to} from now on, with all that it holds.");
        Change::new("proxy-upgraded", Severity::Critical, format!("upgraded to {to}"), &description)
            .to("implementation", to)
    };
    let admin = |to: Address| {
        let description = "Whoever is the admin can do all that the admin may: other code, other prices, other delays.";
        Change::new("admin-changed", Severity::Critical, format!("its admin is {to}"), description).to("new-admin", to)
    };
    if log.is::<ProxyUpdated>() {
        return Some(upgraded(account(log, 0)?).with("previous", account(log, 1)?));
    }
    if log.is::<TargetUpdated>() {
        return Some(upgraded(account(log, 0)?));
    }
    if log.is::<SetApp>() {
        return Some(upgraded(account(log, 2)?));
    }
    if log.is::<versioned::Upgraded>() {
        // The second parameter is indexed, the first is not.
        return Some(upgraded(account(log, usize::from(log.topic_count() < 2))?));
    }
    if log.is::<ProxyOwnershipTransferred>() {
        return Some(admin(account(log, 1)?));
    }
    if log.is::<LogSetOwner>() || log.is::<LogSetAuthority>() {
        return Some(admin(account(log, 0)?));
    }
    None
}
