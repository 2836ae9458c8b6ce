//! The detectors of a sweep: each with each set of values.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::deploy::spec::KeptSpec;
use crate::plugin::Component;
use crate::score::{Number, Sweep, set};

/// Values of a sweep that are tried together at most, all keys taken together.
const POINTS_AT_MOST: usize = 256;

/// A detector to run.
#[derive(Clone)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Its component.
    pub component: Arc<Component>,
    /// What it is granted, and its config.
    pub spec: KeptSpec,
    /// Keys of its config that take several values.
    pub sweeps: Vec<Sweep>,
}

/// A detector with one set of values.
pub(super) struct Subject {
    /// Tells it from all others.
    pub(super) id: String,
    /// The detector's own id.
    pub(super) rule: String,
    pub(super) component: Arc<Component>,
    pub(super) spec: KeptSpec,
    pub(super) values: BTreeMap<String, Number>,
}

impl Subject {
    /// Returns its name with its values.
    pub(super) fn name(&self) -> String {
        let values: Vec<String> = self.values.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        if values.is_empty() { self.rule.clone() } else { format!("{} with {}", self.rule, values.join(", ")) }
    }
}

pub(super) type Values = BTreeMap<String, Number>;

/// Each combination of the values of all keys, by `DETECTOR.KEY`; one without values where nothing is swept.
pub(super) fn grid(rules: &[Rule]) -> anyhow::Result<Vec<Values>> {
    let mut grid = vec![Values::new()];
    for (rule, sweep) in rules.iter().flat_map(|rule| rule.sweeps.iter().map(move |sweep| (rule, sweep))) {
        let key = format!("{}.{}", rule.id, sweep.key);
        let with = |values: &Values, value: Number| {
            let mut values = values.clone();
            values.insert(key.clone(), value);
            values
        };
        grid = grid.iter().flat_map(|values| sweep.values.iter().map(|value| with(values, *value))).collect();
        anyhow::ensure!(
            grid.len() <= POINTS_AT_MOST,
            "the sweep has more than {POINTS_AT_MOST} combinations of values; give fewer points, as `KEY=FROM..TO:POINTS`"
        );
    }
    Ok(grid)
}

/// The distinct detectors of all points, and for each point which of them stands for each rule: a rule that is not swept
/// runs once.
pub(super) fn subjects(rules: &[Rule], grid: &[Values]) -> anyhow::Result<(Vec<Subject>, Vec<Vec<usize>>)> {
    let mut subjects: Vec<Subject> = Vec::new();
    let mut places = Vec::new();
    for values in grid {
        let mut of_point = Vec::new();
        for rule in rules {
            let own: Values = rule
                .sweeps
                .iter()
                .map(|sweep| format!("{}.{}", rule.id, sweep.key))
                .filter_map(|key| values.get_key_value(&key).map(|(key, value)| (key.clone(), *value)))
                .collect();
            let is_same = |subject: &Subject| subject.values == own && subject.rule == rule.id;
            let place = match subjects.iter().position(is_same) {
                Some(place) => place,
                None => {
                    subjects.push(subject(rule, own, subjects.len())?);
                    subjects.len() - 1
                }
            };
            of_point.push(place);
        }
        places.push(of_point);
    }
    Ok((subjects, places))
}

fn subject(rule: &Rule, values: Values, number: usize) -> anyhow::Result<Subject> {
    let mut spec = rule.spec.clone();
    for (key, value) in &values {
        let key = key.strip_prefix(&format!("{}.", rule.id)).unwrap_or(key);
        set(&mut spec.config, key, *value).map_err(|why| anyhow::anyhow!("{}: {why}", rule.id))?;
    }
    let id = if values.is_empty() { rule.id.clone() } else { format!("{} {number}", rule.id) };
    Ok(Subject { id, rule: rule.id.clone(), component: rule.component.clone(), spec, values })
}
