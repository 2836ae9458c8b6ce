//! What a signed act is held against in an incident: the newest entries of its timeline, and what was signed before.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::proof::Proof;

/// How many entries of a timeline a signature may be behind.
const HEADS: usize = 4_096;

/// Newest entries of a timeline, and the signatures that were handed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heads {
    newest: VecDeque<B256>,
    /// What was signed and taken, until it could not be handed in again anyway: seconds since the Unix epoch.
    spent: BTreeMap<B256, u64>,
}

impl Heads {
    pub(super) fn push(&mut self, hash: B256) {
        self.newest.push_back(hash);
        if self.newest.len() > HEADS {
            self.newest.pop_front();
        }
    }

    /// Notes that what was signed has been taken.
    pub(super) fn spend(&mut self, digest: B256, expires_s: u64, now_ms: u64) {
        self.spent.retain(|_, expires_s| *expires_s >= now_ms / 1_000);
        self.spent.insert(digest, expires_s);
    }

    /// Refuses what was handed in before.
    pub(super) fn refuse_spent(&self, digest: B256) -> Result<(), String> {
        match self.spent.contains_key(&digest) {
            true => Err("it was handed in already, and counts once".to_owned()),
            false => Ok(()),
        }
    }

    /// Refuses what was handed in before, or was signed on nothing that stands here.
    pub(super) fn refuse(&self, proof: &Proof, digest: B256) -> Result<(), String> {
        self.refuse_spent(digest)?;
        if !self.newest.contains(&proof.head) {
            return Err(format!("the timeline has no entry {} among its newest {HEADS}: sign anew", proof.head));
        }
        Ok(())
    }
}
