//! What the plans of measurements have in common.

use watchfire::event::Event;
use watchfire::plan::Plan;

/// Somebody to page, and what may be proposed.
const TEAM: &str = r#"
[person.ana]
name = "Ana"
channels = { urgent = ["phone:+351 555 010 101"] }

[role.guardian]
kind = "decision-owner"
members = ["ana"]

[authority.desk]
kind = "off-chain"
role = "guardian"

[intervention.warn]
summary = "Ask exchanges to hold what comes from there"
kind = "off-chain"
authority = "desk"
owner = "guardian"
automation = "propose"
reaction_s = 600
cost = { trust = 1, why = "an accusation, taken back if wrong", inside_boundary = true }
"#;

/// Reads the plan of the team and of what else is written. Returns it, and the input that brings it.
///
/// # Errors
///
/// If it is no plan.
pub(crate) fn with_team(text: &str) -> anyhow::Result<(Plan, Event)> {
    let files = vec![("plan.toml".to_owned(), format!("{text}{TEAM}"))];
    let plan = Plan::load(&files).map_err(|found| anyhow::anyhow!("{found:?}"))?;
    let hash = plan.hash();
    Ok((plan, Event::Plan { protocol: Default::default(), hash, files, defaults: Default::default() }))
}
