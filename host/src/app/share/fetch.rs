//! Brings what the lock pins into the store: by digest, wherever tags point by now. What an older watchfire pinned by names of
//! signers alone gets their accounts and keys.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::config::Sharing;
use crate::share::digest::Digest;
use crate::share::lock::Pin;
use crate::share::package::Role;
use crate::share::registry::{Credentials, Repository};
use crate::share::signature::{Statement, found};
use crate::share::signed_by::SignedBy;

use super::take::{companion, component_of};

/// What was brought, and what was not.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Components that were not in the store, by the detector's id; `ID.before` for what was pinned before.
    pub brought: Vec<(String, PathBuf)>,
    /// How many pins there are.
    pub pins: usize,
    /// Ids whose signers' accounts or keys are pinned from now on.
    pub signers: Vec<String>,
    /// What could not be had of what was pinned before, to which nobody can go back: the id, and why.
    pub lost: Vec<(String, String)>,
}

impl Sharing {
    /// Brings what the lock names into the store.
    ///
    /// # Errors
    ///
    /// If a registry does not have what is pinned now, sends other bytes, or the lock can't be written.
    pub async fn fetch(&mut self, credentials: &Credentials) -> anyhow::Result<Fetched> {
        let _held = self.hold()?;
        let (mut fetched, mut lock) = (Fetched::default(), self.lock.clone());
        for (id, locked) in &mut lock.detector {
            fetched.pins += 1;
            if let Some(path) = self.bring(&locked.pin, credentials).await? {
                fetched.brought.push((id.clone(), path));
            }
            if self.learn_signers(&mut locked.pin, credentials).await? {
                fetched.signers.push(id.clone());
            }
            let Some(before) = &mut locked.before else { continue };
            fetched.pins += 1;
            let named = format!("{id}.before");
            match self.bring(before, credentials).await {
                Ok(path) => fetched.brought.extend(path.map(|path| (named.clone(), path))),
                Err(error) => fetched.lost.push((id.clone(), format!("{error:#}"))),
            }
            match self.learn_signers(before, credentials).await {
                Ok(true) => fetched.signers.push(named),
                Ok(false) => {}
                Err(error) => fetched.lost.push((id.clone(), format!("{error:#}"))),
            }
        }
        if !fetched.signers.is_empty() {
            lock.save(&self.folder)?;
            self.lock = lock;
        }
        Ok(fetched)
    }

    /// Brings a component and what is kept beside it. Returns the component's file if anything was missing.
    async fn bring(&self, pin: &Pin, credentials: &Credentials) -> anyhow::Result<Option<PathBuf>> {
        let store = self.store();
        let is_kept = |digest: &Digest| store.get(*digest).is_ok();
        let beside = [(Role::Response, pin.response), (Role::Score, pin.score)];
        let beside = beside.into_iter().filter_map(|(role, digest)| Some((role, digest?)));
        let missing: Vec<(Role, Digest)> = beside.filter(|(_, digest)| !is_kept(digest)).collect();
        if is_kept(&pin.component) && missing.is_empty() {
            return Ok(None);
        }
        let at = pin.reference.at(pin.manifest);
        let repository = Repository::open(&at, credentials).await?;
        let (manifest, named) = repository.manifest(&at.wanted()).await?;
        if !missing.is_empty() {
            let (_, files) = companion(&repository, &manifest, named).await?;
            for (role, wanted) in missing {
                let name = role.file_name();
                let bytes = files.get(&role).with_context(|| format!("no `{name}` travels with `{at}`"))?;
                let digest = store.put(bytes)?;
                ensure!(digest == wanted, "`{at}` has the `{name}` {digest}, and the lock names {wanted}");
            }
        }
        let component = component_of(&repository, &manifest).await?;
        let digest = store.put(&component)?;
        ensure!(digest == pin.component, "`{at}` has the component {digest}, and the lock names {}", pin.component);
        Ok(Some(store.path(digest)))
    }

    /// Asks the registry who signed what is pinned by names alone. Returns whether the pin says now who that is.
    async fn learn_signers(&self, pin: &mut Pin, credentials: &Credentials) -> anyhow::Result<bool> {
        if !pin.signed_by.is_by_name() {
            return Ok(false);
        }
        let at = pin.reference.at(pin.manifest);
        let repository = Repository::open(&at, credentials).await?;
        let signatures = found(&repository, pin.manifest).await?;
        let statement = Statement { digest: pin.manifest, name: pin.name.clone(), version: pin.version.clone() };
        let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
        let verdict = self.trust.check(&self.folder, &pin.reference, &statement, &signatures, today).await;
        if let Some(refusal) = verdict.refusal {
            anyhow::bail!("`{}`, which the lock has by names of signers alone: {refusal}", pin.reference);
        }
        pin.signed_by = SignedBy::Known(verdict.signers);
        Ok(true)
    }
}
