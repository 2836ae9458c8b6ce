//! The operator's hand on a running host: HTTP over a socket beside the journal that only its owner may open.

pub mod client;
mod server;

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::app::deploy::applied::Swapped;
use crate::app::engine::status::DetectorStatus;
use crate::entry::Entry;
use crate::note::Called;
use crate::operator::Act;

pub use server::Control;

/// What is asked of a running host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// How the detectors do.
    Status,
    /// Put a component in the place of a detector's.
    Swap {
        /// Its id in the config.
        detector: String,
        /// The component's file, absolute.
        component: PathBuf,
        /// Even if it fails on the last inputs, or was rejected before.
        force: bool,
    },
    /// Go back to an earlier version.
    RollBack {
        /// Its id in the config.
        detector: String,
        /// SHA-256 of the version; the one that ran before if there is none.
        to: Option<B256>,
    },
    /// Show a detector what it set aside.
    Retry {
        /// Its id in the config.
        detector: String,
    },
    /// Do something about an incident.
    Act {
        /// Who, and what; the host itself writes down how it knows who.
        act: Act,
    },
    /// Call people out.
    CallOut {
        /// Name of the protocol; the only one if `None`.
        protocol: Option<String>,
        /// Ids of the people.
        people: Vec<String>,
        /// How long answers are waited for, seconds.
        wait_s: u64,
    },
    /// Don't show a detector what it set aside.
    Waive {
        /// Its id in the config.
        detector: String,
        /// Who says so, and why.
        by: String,
    },
}

/// What a running host answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// How the detectors do.
    Status {
        /// In order of id.
        detectors: Vec<DetectorStatus>,
    },
    /// Another version runs now.
    Swapped(Swapped),
    /// So many inputs.
    Count {
        /// How many.
        inputs: usize,
    },
    /// What followed from an act, in order.
    Acted {
        /// The entries of the journal.
        followed: Vec<Entry>,
    },
    /// People were called out.
    CalledOut {
        /// Each page.
        calls: Vec<Called>,
    },
    /// It was not done.
    Refused {
        /// Why, one line each.
        why: Vec<String>,
    },
}

/// A question with the way back for its answer.
pub type Order = (Ask, oneshot::Sender<Answer>);

/// Where the socket of a journal's host is.
pub fn socket_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}
