//! The library: drills drawn from real incidents, each with its facts and sources, against a starter that holds and a model of
//! what was in place then.

use std::sync::Arc;

use super::scenario::Scenario;
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::plan::starter::Kind;

macro_rules! drills {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../drills/", $name, ".toml")))),*]
    };
}

/// The drills, by name, with their texts.
pub const LIBRARY: [(&str, &str); 9] =
    drills!("aave", "balancer", "beanstalk", "bybit", "compound", "euler", "nomad", "radiant", "venus-luna");

/// Returns the plan that a drill's starter is, with everything verified on its first day; `None` if it names no starter.
///
/// # Errors
///
/// If the plan does not load, which is a fault of the starter.
pub fn starter(scenario: &Scenario) -> Option<Result<Arc<Plan>, Vec<Diagnostic>>> {
    let kind = scenario.drill.starter?;
    Some(Plan::load(&files(kind, scenario)).map(Arc::new))
}

/// Returns the same plan with what was different then; `None` if nothing was, or the drill names no starter.
///
/// # Errors
///
/// If the plan does not load: the drill's file changes what is not there.
pub fn then(scenario: &Scenario) -> Option<Result<Arc<Plan>, Vec<Diagnostic>>> {
    let kind = scenario.drill.starter?;
    if scenario.then.is_empty() && scenario.drill.then_without.is_empty() {
        return None;
    }
    let mut plan = toml::Table::new();
    for (_, text) in files(kind, scenario) {
        merge(&mut plan, text.parse().unwrap_or_else(|error| unreachable!("a starter is TOML: {error}")));
    }
    merge(&mut plan, scenario.then.clone());
    scenario.drill.then_without.iter().for_each(|path| without(&mut plan, path));
    Some(Plan::load(&[("then.toml".to_owned(), plan.to_string())]).map(Arc::new))
}

fn files(kind: Kind, scenario: &Scenario) -> Vec<(String, String)> {
    kind.files("The protocol", scenario.drill.starts.ms, true)
}

/// Puts `over` over a table: tables key by key, all else whole.
fn merge(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(over)) => merge(inner, over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// Takes an entity out, and its name from wherever it is mapped.
fn without(plan: &mut toml::Table, path: &str) {
    let Some((section, id)) = path.split_once('.') else { return };
    if let Some(toml::Value::Table(entities)) = plan.get_mut(section) {
        entities.remove(id);
    }
    for section in ["signal", "risk", "playbook"] {
        let Some(toml::Value::Table(entities)) = plan.get_mut(section) else { continue };
        for (_, entity) in entities.iter_mut() {
            for key in ["interventions", "signals"] {
                if let Some(toml::Value::Array(names)) = entity.get_mut(key) {
                    names.retain(|name| name.as_str() != Some(id));
                }
            }
        }
    }
}
