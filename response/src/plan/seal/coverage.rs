//! The coverage map: each asset with the detectors that watch it, the signals that they lead to, and the interventions that
//! reach it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Known;
use crate::plan::{Asset, Matcher, Plan};
use crate::triage::label;

/// One asset, with what watches and what protects it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Id of the asset.
    pub asset: String,
    /// `token`, `contract`, `key`, `domain` or `account`.
    pub kind: &'static str,
    /// Ids of detectors whose config or matcher names it.
    pub detectors: Vec<String>,
    /// What else watches it, by the plan's word.
    pub watched_by: Vec<String>,
    /// Ids of signals that findings about it may lead to.
    pub signals: Vec<String>,
    /// Ids of interventions of these signals whose scope has it.
    pub interventions: Vec<String>,
    /// Why nothing watches or stops it, if the plan accepts that.
    pub gap: Option<String>,
}

impl Covered {
    /// Whether something watches it.
    pub fn is_watched(&self) -> bool {
        !self.detectors.is_empty() || !self.watched_by.is_empty()
    }

    /// Whether something can be done about it.
    pub fn is_stoppable(&self) -> bool {
        !self.interventions.is_empty()
    }
}

/// Returns the map, in order of asset.
pub fn coverage(plan: &Plan, known: &Known) -> Vec<Covered> {
    plan.tables().asset.iter().map(|(id, asset)| of_asset(plan, known, id, asset)).collect()
}

fn of_asset(plan: &Plan, known: &Known, id: &str, asset: &Asset) -> Covered {
    let names: Vec<String> = asset.names.iter().map(|name| label::folded(name).to_lowercase()).collect();
    let is_named = |text: &str| names.iter().any(|name| text.contains(name.as_str()));
    let is_it = |subject: &str| names.contains(&label::folded(subject).to_lowercase());
    let mut detectors: BTreeSet<&str> = known
        .detectors
        .iter()
        .filter(|(_, config)| is_named(&config.to_lowercase()))
        .map(|(id, _)| id.as_str())
        .collect();
    let subject = |one: &Matcher| one.subject.as_ref().and_then(|subject| subject.id.clone());
    let tables = plan.tables();
    let matchers = || tables.signal.values().flat_map(|signal| &signal.matchers);
    for one in matchers().filter(|one| subject(one).is_some_and(|subject| is_it(&subject))) {
        detectors.extend(one.detector.as_deref().filter(|detector| known.detectors.contains_key(*detector)));
    }
    let leads = |one: &Matcher| match (subject(one), &one.detector) {
        (Some(subject), _) => is_it(&subject),
        (None, Some(detector)) => detectors.contains(detector.as_str()),
        (None, None) => !detectors.is_empty(),
    };
    let signals: Vec<(&String, _)> =
        tables.signal.iter().filter(|(_, signal)| signal.matchers.iter().any(leads)).collect();
    let mut interventions = BTreeSet::new();
    for chosen in signals.iter().flat_map(|(_, signal)| &signal.interventions) {
        let Some(one) = tables.intervention.get(chosen) else { continue };
        let reaches = one.scope.subjects.is_empty() || one.scope.subjects.iter().any(|subject| is_it(subject));
        if reaches {
            interventions.insert(chosen.clone());
        }
    }
    Covered {
        asset: id.to_owned(),
        kind: asset.kind.name(),
        watched_by: asset.watched_by.clone(),
        signals: signals.into_iter().map(|(id, _)| id.clone()).collect(),
        detectors: detectors.into_iter().map(str::to_owned).collect(),
        interventions: interventions.into_iter().collect(),
        gap: asset.gap.clone(),
    }
}
