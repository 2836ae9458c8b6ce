//! Finds changes of who or what controls a watched contract: owners, roles, proxies, Safes, timelocks, pauses.

mod change;
mod config;
mod events;
mod older;
mod projects;
mod safe;
mod slots;

use watchfire_sdk::prelude::*;

use change::Change;
pub use config::{Config, Kind};
use config::{Rules, Watched};

/// The detector. It keeps nothing: each finding stands on one block alone.
pub struct PrivilegedControl {
    rules: Rules,
}

impl Detector for PrivilegedControl {
    type Config = Config;

    fn manifest() -> Manifest {
        use Severity::{Critical, High, Low, Medium};
        let version = env!("CARGO_PKG_VERSION");
        Manifest::new("privileged-control", version, "Changes of who or what controls a watched contract.")
            .kind("ownership-transferred", Critical, "The owner of a contract changed.")
            .kind("ownership-transfer-started", High, "A new owner was named who can now accept the contract.")
            .kind("role-granted", High, "An account was given a role; critical for the role that gives all others.")
            .kind("role-revoked", Medium, "A role was taken from an account.")
            .kind("role-admin-changed", High, "Another role decides from now on who has a role.")
            .kind("proxy-upgraded", Critical, "A proxy runs other code.")
            .kind("proxy-admin-changed", Critical, "Somebody else can upgrade a proxy.")
            .kind("beacon-upgraded", Critical, "A proxy takes its code from another beacon.")
            .kind("diamond-cut", Critical, "A diamond runs other code for some of its functions.")
            .kind(
                "admin-changed",
                Critical,
                "The admin of a timelock, or of a contract modelled on Compound's, changed.",
            )
            .kind("admin-change-started", High, "A new admin or new code was named, which can now be accepted.")
            .kind("implementation-slot-changed", Critical, "A proxy runs other code, and no event told of it.")
            .kind("safe-owner-added", High, "A Safe has one owner more.")
            .kind("safe-owner-removed", High, "A Safe has one owner less.")
            .kind("safe-threshold-changed", High, "Another number of owners must sign for a Safe.")
            .kind("safe-module-enabled", Critical, "A contract can move everything in a Safe without signatures.")
            .kind("safe-module-disabled", Medium, "A module can no longer act for a Safe.")
            .kind("safe-guard-changed", High, "Another contract, or none, checks a Safe's transactions.")
            .kind("safe-fallback-handler-changed", Medium, "Another contract answers a Safe's unknown calls.")
            .kind("safe-delegatecall", Critical, "A Safe ran foreign code as its own, which can change anything in it.")
            .kind("timelock-delay-changed", High, "A timelock waits longer or shorter before it acts.")
            .kind("paused", Medium, "A contract was paused.")
            .kind("unpaused", Low, "A contract was set going again.")
            .asks_for(Capability::Traces)
            .asks_for(Capability::Storage)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let rules = config.resolve()?;
        let addresses = || rules.watched.iter().map(|watched| watched.address);
        let signatures = events::signatures().into_iter().chain(older::signatures()).chain(projects::signatures());
        let logs = LogFilter::default().addresses(addresses()).topic(0, signatures);
        let mut subscriptions = vec![logs.into()];
        if rules.watch_slots {
            let slots = slots::KNOWN.iter().map(|slot| slot.at).collect();
            subscriptions.push(StorageFilter { addresses: addresses().collect(), slots }.into());
            let safes = rules.watched.iter().filter(|watched| watched.kind == Kind::Safe);
            let safes: Vec<Address> = safes.map(|watched| watched.address).collect();
            if !safes.is_empty() {
                subscriptions.push(StorageFilter { addresses: safes, slots: vec![slots::SAFE_SINGLETON] }.into());
            }
            let unitrollers = rules.watched.iter().filter(|watched| watched.kind == Kind::Unitroller);
            let unitrollers: Vec<Address> = unitrollers.map(|watched| watched.address).collect();
            if !unitrollers.is_empty() {
                let slots = vec![slots::UNITROLLER_ADMIN, slots::UNITROLLER_IMPLEMENTATION];
                subscriptions.push(StorageFilter { addresses: unitrollers, slots }.into());
            }
        }
        if rules.watch_delegatecalls {
            subscriptions.push(safe::frames(addresses()).into());
        }
        Ok((Self { rules }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        let mut announced = Vec::new();
        for log in batch.logs() {
            let Some(watched) = self.rules.watched(log.address()) else { continue };
            let Some(change) = events::read(&log) else { continue };
            announced.extend(change.new.map(|new| (watched.address, new)));
            findings.push(self.finding(watched, change).evidence(&log));
        }
        for change in batch.storage_changes() {
            let Some(watched) = self.rules.watched(change.address()) else { continue };
            let Some(found) = slots::read(&change, watched.kind) else { continue };
            if !found.new.is_some_and(|new| announced.contains(&(watched.address, new))) {
                findings.push(self.finding(watched, found).transaction(change.transaction_hash()));
            }
        }
        for frame in batch.frames() {
            let Some(watched) = self.rules.watched(frame.target()) else { continue };
            if let Some(found) = safe::read(&frame) {
                findings.push(self.finding(watched, found).frame_evidence(&frame));
            }
        }
        Ok(findings)
    }
}

impl PrivilegedControl {
    fn finding(&self, watched: &Watched, change: Change) -> Finding {
        let expected = change.new.is_some_and(|new| self.rules.is_expected(new));
        let severity = if expected { Severity::Info } else { change.severity };
        let expectation = if expected { " This is expected by the config." } else { "" };
        let mut finding = Finding::new(change.kind, severity, Subject::address(watched.address))
            .title(format!("{}: {}", watched.label, change.title))
            .description(format!("{}{expectation}", change.description))
            .condition_key(change.key)
            .attribute("label", &watched.label);
        for (name, value) in change.attributes {
            finding = finding.attribute(name, value);
        }
        finding.attribute("expected", expected)
    }
}

watchfire_sdk::export!(PrivilegedControl);
