//! What the components in the store say of themselves, beside what the lock says of them.

use std::collections::BTreeMap;

use crate::app::config::Sharing;
use crate::app::deploy::pinned::contradictions;
use crate::diagnostic::{Diagnostic, Gravity};
use crate::plugin::{Limits, Runtime, describe};
use crate::share::lock::{Lock, Pin};

/// What pinned components say of themselves.
#[derive(Debug, Default)]
pub struct Said {
    /// Versions by the detector's id in the config.
    pub versions: BTreeMap<String, String>,
    /// What is wrong: a component that can't be asked, or that contradicts the lock.
    pub wrong: Vec<Diagnostic>,
}

/// Asks each component that the lock pins.
pub fn said(sharing: &Sharing, runtime: &Runtime) -> Said {
    let mut said = Said::default();
    for (id, locked) in &sharing.lock.detector {
        let pin = &locked.pin;
        match ask(sharing, runtime, pin) {
            Ok((manifest, bytes)) => {
                said.wrong.extend(contradictions(&sharing.folder, &[id], pin, &manifest, bytes));
                said.versions.insert(id.clone(), manifest.version);
            }
            Err(error) => {
                let message = format!("it can't be asked for its version, so that the lock is believed: {error:#}");
                let help = "bring it back by `watchfire plugin fetch`";
                let key = ["detector", id, "component"];
                said.wrong.push(Lock::at(&sharing.folder, Gravity::Error, &key, message, help));
            }
        }
    }
    said
}

fn ask(sharing: &Sharing, runtime: &Runtime, pin: &Pin) -> anyhow::Result<(crate::plugin::Manifest, usize)> {
    let bytes = sharing.store().get(pin.component)?;
    // Limits of the config are for what runs; to say what it is takes less than the defaults.
    let limits = Limits::default();
    let component = runtime.compile(&bytes, &limits)?;
    Ok((describe(&component, &limits)?, bytes.len()))
}
