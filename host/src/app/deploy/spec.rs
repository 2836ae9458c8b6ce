//! How a detector is run, in the form that the journal keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::config::{Config, DetectorConfig};
use crate::block::ChainId;
use crate::plugin::{Component, Detector, Limits, LoadError, Manifest, Spec};

/// A detector's spec as the journal keeps it: enough to start the same detector again on a replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptSpec {
    /// Chains that it watches, by id.
    pub chains: Vec<ChainId>,
    /// Feeds that it may subscribe to.
    pub feeds: Vec<String>,
    /// Capabilities that it was granted.
    pub grants: Vec<String>,
    /// The detector that it runs beside as a shadow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_of: Option<String>,
    /// What it may use up.
    pub limits: Limits,
    /// Whether it hears what others find: then it is no source beside them. Absent where it was not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hears: Option<bool>,
    /// Its own config.
    pub config: serde_json::Value,
}

impl KeptSpec {
    /// Makes the spec of a detector by itself, granted all that its manifest asks for.
    pub fn alone(manifest: &Manifest, config: serde_json::Value) -> Self {
        Self {
            chains: Vec::new(),
            feeds: vec!["*".to_owned()],
            grants: manifest.capabilities.clone(),
            shadow_of: None,
            limits: Limits::default(),
            hears: None,
            config,
        }
    }

    /// Makes the spec of a detector as a config has it.
    pub fn of(config: &Config, detector: &DetectorConfig) -> Self {
        Self {
            chains: config.chain_ids(detector),
            feeds: detector.feeds.clone(),
            grants: detector.grants(),
            shadow_of: detector.shadow_of.clone(),
            limits: detector.limits.clone(),
            hears: None,
            config: serde_json::to_value(&detector.config).unwrap_or_default(),
        }
    }

    /// Notes whether the detector hears what others find, which its subscriptions say.
    pub fn noting(self, hears: bool) -> Self {
        Self { hears: Some(hears), ..self }
    }

    /// Whether a config asks for the same as this one.
    pub fn is_as(&self, wanted: &Self) -> bool {
        Self { hears: None, ..self.clone() } == Self { hears: None, ..wanted.clone() }
    }

    /// Returns the spec as JSON text, the same for the same spec.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a spec is plain data with text keys")
    }

    /// Starts a component as the detector of this spec.
    ///
    /// # Errors
    ///
    /// If the detector is not admitted: by its grants, limits, config or subscriptions, or because it fails to start.
    pub fn start(&self, id: &str, component: Arc<Component>) -> Result<Detector, LoadError> {
        let spec = Spec {
            id: id.to_owned(),
            component,
            config: self.config.clone(),
            chains: self.chains.clone(),
            feeds: self.feeds.clone(),
            grants: self.grants.clone(),
            shadow_of: self.shadow_of.clone(),
            limits: self.limits.clone(),
        };
        Detector::load(spec, BTreeMap::new())
    }
}
