//! All files of a config, read at one time: what a running host takes up of a change waits for no disk.

use std::collections::BTreeMap;

use crate::app::config::Config;
use crate::app::deploy::load::{self, LoadedPlan};
use crate::deliver::answer::Asks;
use crate::deliver::channel::Made;
use crate::diagnostic::Diagnostic;

/// The bytes of a component; else what is wrong, and how it is mended.
pub type ComponentRead = Result<Vec<u8>, (String, String)>;

/// A config, with the plans, components and secrets that it names.
pub struct Gathered {
    /// The config.
    pub config: Config,
    /// Each plan, or what is wrong with it.
    pub(super) plans: Vec<Result<LoadedPlan, Vec<Diagnostic>>>,
    /// Components by the detector's id.
    pub(super) components: BTreeMap<String, ComponentRead>,
    /// Webhooks and channels by name, ready to deliver.
    pub(super) outlets: anyhow::Result<BTreeMap<String, Made>>,
    /// What links and buttons are made of, if answers are taken.
    pub(super) asks: anyhow::Result<Option<Asks>>,
}

impl Gathered {
    /// Reads all that a config names. Blocks its thread for as long as the disk takes.
    pub fn of(config: Config) -> Self {
        let bytes_of = |(id, detector)| (String::clone(id), config.component_bytes(id, detector));
        let components = config.detectors.iter().map(bytes_of).collect();
        let (plans, outlets, asks) = (load::plans(&config), config.outlets(), config.asks());
        Self { config, plans, components, outlets, asks }
    }
}
