//! Changes of control that events tell of.
//!
//! Versions of one contract differ in which parameters they index, and the signature is the same: so parameters are
//! read in order, first from the topics, then from the data.

use watchfire_sdk::alloy_primitives::keccak256;
use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use crate::change::Change;
use crate::{older, projects};

sol! {
    event OwnershipTransferred(address previousOwner, address newOwner);
    event OwnershipTransferStarted(address previousOwner, address newOwner);
    event RoleGranted(bytes32 role, address account, address sender);
    event RoleRevoked(bytes32 role, address account, address sender);
    event RoleAdminChanged(bytes32 role, bytes32 previousAdminRole, bytes32 newAdminRole);
    event Upgraded(address implementation);
    event AdminChanged(address previousAdmin, address newAdmin);
    event BeaconUpgraded(address beacon);
    event ChangedMasterCopy(address masterCopy);
    event AddedOwner(address owner);
    event RemovedOwner(address owner);
    event ChangedThreshold(uint256 threshold);
    event EnabledModule(address module);
    event DisabledModule(address module);
    event ChangedGuard(address guard);
    event ChangedModuleGuard(address moduleGuard);
    event ChangedFallbackHandler(address handler);
    event MinDelayChange(uint256 oldDuration, uint256 newDuration);
    event NewDelay(uint256 newDelay);
    event Paused(address account);
    event Unpaused(address account);
    event Pause();
    event Unpause();
}

/// Roles by the hash of their name, as OpenZeppelin's contracts and those modelled on them have them.
const ROLES: [&str; 12] = [
    "MINTER_ROLE",
    "BURNER_ROLE",
    "PAUSER_ROLE",
    "UPGRADER_ROLE",
    "PROPOSER_ROLE",
    "EXECUTOR_ROLE",
    "CANCELLER_ROLE",
    "TIMELOCK_ADMIN_ROLE",
    "GUARDIAN_ROLE",
    "OPERATOR_ROLE",
    "KEEPER_ROLE",
    "RISK_ADMIN_ROLE",
];

/// First topics of all these events.
pub(crate) fn signatures() -> [B256; 23] {
    [
        OwnershipTransferred::SIGNATURE_HASH,
        OwnershipTransferStarted::SIGNATURE_HASH,
        RoleGranted::SIGNATURE_HASH,
        RoleRevoked::SIGNATURE_HASH,
        RoleAdminChanged::SIGNATURE_HASH,
        Upgraded::SIGNATURE_HASH,
        AdminChanged::SIGNATURE_HASH,
        BeaconUpgraded::SIGNATURE_HASH,
        ChangedMasterCopy::SIGNATURE_HASH,
        AddedOwner::SIGNATURE_HASH,
        RemovedOwner::SIGNATURE_HASH,
        ChangedThreshold::SIGNATURE_HASH,
        EnabledModule::SIGNATURE_HASH,
        DisabledModule::SIGNATURE_HASH,
        ChangedGuard::SIGNATURE_HASH,
        ChangedModuleGuard::SIGNATURE_HASH,
        ChangedFallbackHandler::SIGNATURE_HASH,
        MinDelayChange::SIGNATURE_HASH,
        NewDelay::SIGNATURE_HASH,
        Paused::SIGNATURE_HASH,
        Unpaused::SIGNATURE_HASH,
        Pause::SIGNATURE_HASH,
        Unpause::SIGNATURE_HASH,
    ]
}

/// The change that a log tells of; `None` where it is no such event, or too short to be one.
pub(crate) fn read(log: &Log<'_>) -> Option<Change> {
    ownership(log)
        .or_else(|| roles(log))
        .or_else(|| proxies(log))
        .or_else(|| older::read(log))
        .or_else(|| projects::read(log))
        .or_else(|| safes(log))
        .or_else(|| others(log))
}

/// Parameter `position` of an event all of whose parameters are one word.
fn word(log: &Log<'_>, position: usize) -> Option<B256> {
    let indexed = log.topic_count().checked_sub(1)?;
    match position.checked_sub(indexed) {
        None => log.topic(position + 1),
        Some(at) => log.data().get(at * 32..at * 32 + 32).map(B256::from_slice),
    }
}

pub(crate) fn account(log: &Log<'_>, position: usize) -> Option<Address> {
    word(log, position).map(Address::from_word)
}

fn number(log: &Log<'_>, position: usize) -> Option<U256> {
    word(log, position).map(|word| U256::from_be_bytes(word.0))
}

fn ownership(log: &Log<'_>) -> Option<Change> {
    if log.is::<OwnershipTransferred>() {
        let (from, to) = (account(log, 0)?, account(log, 1)?);
        let change = if to.is_zero() {
            let title = format!("{from} gave up ownership");
            Change::new("ownership-transferred", Severity::Medium, title, "Nobody owns the contract from now on.")
        } else if from.is_zero() {
            let title = format!("{to} became the first owner");
            let description = "The contract had no owner and has one now. Unless it was just deployed, somebody \
                               initialised what was left open.";
            Change::new("ownership-transferred", Severity::High, title, description)
        } else {
            let title = format!("ownership went to {to}");
            let description = format!(
                "The owner was {from} and is {to}. Whoever owns the contract can do all that \
                                       its owner may."
            );
            Change::new("ownership-transferred", Severity::Critical, title, &description)
        };
        return Some(change.to("new-owner", to).with("previous-owner", from));
    }
    if log.is::<OwnershipTransferStarted>() {
        let (from, to) = (account(log, 0)?, account(log, 1)?);
        let description = format!("{from} named {to}, who becomes the owner by accepting.");
        let title = format!("ownership is on its way to {to}");
        let change = Change::new("ownership-transfer-started", Severity::High, title, &description);
        return Some(change.to("new-owner", to).with("previous-owner", from));
    }
    None
}

fn roles(log: &Log<'_>) -> Option<Change> {
    if log.is::<RoleGranted>() {
        let (role, to, by) = (word(log, 0)?, account(log, 1)?, account(log, 2)?);
        let severity = if role.is_zero() { Severity::Critical } else { Severity::High };
        let (role_name, title) = (role_name(role), format!("{} given to {to}", role_name(role)));
        let description = format!("{by} gave {role_name} to {to}.");
        let change = Change::new("role-granted", severity, title, &description).keyed(role).to("account", to);
        return Some(change.with("role", role_name).with("role-id", role).with("by", by));
    }
    if log.is::<RoleRevoked>() {
        let (role, from, by) = (word(log, 0)?, account(log, 1)?, account(log, 2)?);
        let severity = if role.is_zero() { Severity::High } else { Severity::Medium };
        let role_name = role_name(role);
        let title = format!("{role_name} taken from {from}");
        let description = match by == from {
            true => format!("{by} gave up {role_name}."),
            false => format!("{by} took {role_name} from {from}."),
        };
        let change = Change::new("role-revoked", severity, title, &description).keyed(role).keyed(from);
        return Some(change.with("account", from).with("role", role_name).with("role-id", role).with("by", by));
    }
    if log.is::<RoleAdminChanged>() {
        let (role, before, after) = (word(log, 0)?, word(log, 1)?, word(log, 2)?);
        let (role_name, before_name, after_name) = (role_name(role), role_name(before), role_name(after));
        let title = format!("{role_name} is administered by {after_name}");
        let description = format!("{before_name} decided who has {role_name}, from now on {after_name} does.");
        let change = Change::new("role-admin-changed", Severity::High, title, &description).keyed(role).keyed(after);
        let change = change.with("role", role_name).with("role-id", role);
        return Some(change.with("previous-admin", before_name).with("new-admin", after_name));
    }
    None
}

fn proxies(log: &Log<'_>) -> Option<Change> {
    if log.is::<Upgraded>() || log.is::<ChangedMasterCopy>() {
        let to = account(log, 0)?;
        let description = format!("The contract runs the code of {to} from now on, with all that it holds.");
        let change = Change::new("proxy-upgraded", Severity::Critical, format!("upgraded to {to}"), &description);
        return Some(change.to("implementation", to));
    }
    if log.is::<AdminChanged>() {
        let (from, to) = (account(log, 0)?, account(log, 1)?);
        let description = format!("{from} could upgrade the proxy, from now on {to} can.");
        let title = format!("the proxy's admin is {to}");
        let change = Change::new("proxy-admin-changed", Severity::Critical, title, &description);
        return Some(change.to("new-admin", to).with("previous-admin", from));
    }
    if log.is::<BeaconUpgraded>() {
        let to = account(log, 0)?;
        let description = format!("The contract runs whatever code the beacon {to} names.");
        let change = Change::new("beacon-upgraded", Severity::Critical, format!("its beacon is {to}"), &description);
        return Some(change.to("beacon", to));
    }
    None
}

fn safes(log: &Log<'_>) -> Option<Change> {
    let change = |kind, severity, name, title: &dyn Fn(Address) -> String, description| {
        let to = account(log, 0)?;
        Some(Change::new(kind, severity, title(to), description).to(name, to))
    };
    if log.is::<AddedOwner>() {
        let title = |owner: Address| format!("{owner} became an owner");
        return change("safe-owner-added", Severity::High, "owner", &title, "The Safe has one owner more.");
    }
    if log.is::<RemovedOwner>() {
        let owner = account(log, 0)?;
        let title = format!("{owner} is no owner any more");
        let change = Change::new("safe-owner-removed", Severity::High, title, "The Safe has one owner less.");
        return Some(change.keyed(owner).with("owner", owner));
    }
    if log.is::<ChangedThreshold>() {
        let threshold = number(log, 0)?;
        let severity = if threshold <= U256::from(1) { Severity::Critical } else { Severity::High };
        let title = format!("{threshold} must sign");
        let description = "Another number of owners must sign from now on.";
        let change = Change::new("safe-threshold-changed", severity, title, description);
        return Some(change.keyed(threshold).with("threshold", threshold));
    }
    if log.is::<EnabledModule>() {
        let title = |module: Address| format!("module {module} can act without signatures");
        let description = "A module can move everything in the Safe without any owner's signature.";
        return change("safe-module-enabled", Severity::Critical, "module", &title, description);
    }
    if log.is::<DisabledModule>() {
        let module = account(log, 0)?;
        let title = format!("module {module} was disabled");
        let description = "A module can no longer act for the Safe.";
        let change = Change::new("safe-module-disabled", Severity::Medium, title, description);
        return Some(change.keyed(module).with("module", module));
    }
    if log.is::<ChangedGuard>() || log.is::<ChangedModuleGuard>() {
        let title = |guard: Address| match guard.is_zero() {
            true => "its guard was removed".to_owned(),
            false => format!("its guard is {guard}"),
        };
        let description = "Another contract, or none, checks the Safe's transactions.";
        return change("safe-guard-changed", Severity::High, "guard", &title, description);
    }
    if log.is::<ChangedFallbackHandler>() {
        let title = |handler: Address| format!("its fallback handler is {handler}");
        let description = "Another contract answers what is asked of the Safe, its signatures included.";
        return change("safe-fallback-handler-changed", Severity::Medium, "handler", &title, description);
    }
    None
}

fn others(log: &Log<'_>) -> Option<Change> {
    if log.is::<MinDelayChange>() {
        let (before, after) = (number(log, 0)?, number(log, 1)?);
        let severity = match () {
            () if after.is_zero() => Severity::Critical,
            () if after < before => Severity::High,
            () => Severity::Low,
        };
        return Some(delay(severity, after).with("previous-delay-s", before));
    }
    if log.is::<NewDelay>() {
        let after = number(log, 0)?;
        return Some(delay(if after.is_zero() { Severity::Critical } else { Severity::High }, after));
    }
    let by = |change: Change| match account(log, 0) {
        Some(account) => change.with("by", account),
        None => change,
    };
    if log.is::<Paused>() || log.is::<Pause>() {
        let description = "Whatever the contract guards by its pause stands still.";
        return Some(by(Change::new("paused", Severity::Medium, "it was paused".to_owned(), description)));
    }
    if log.is::<Unpaused>() || log.is::<Unpause>() {
        let description = "What the pause held back goes on.";
        return Some(by(Change::new("unpaused", Severity::Low, "it was unpaused".to_owned(), description)));
    }
    None
}

fn delay(severity: Severity, after: U256) -> Change {
    let title = format!("its delay is {after} s");
    let description = "Whoever watches the timelock has another time to react from now on.";
    Change::new("timelock-delay-changed", severity, title, description).keyed(after).with("new-delay-s", after)
}

fn role_name(role: B256) -> String {
    if role.is_zero() {
        return "DEFAULT_ADMIN_ROLE".to_owned();
    }
    let known = ROLES.iter().find(|name| keccak256(name.as_bytes()) == role);
    known.map_or_else(|| format!("role {role}"), |name| (*name).to_owned())
}
