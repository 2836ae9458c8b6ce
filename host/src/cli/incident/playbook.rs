//! The playbooks of an incident, and whom to call: what somebody reads who was woken for it.

use super::lines::{heading, say};
use crate::incident::Incident;
use crate::plan::{Plan, Playbook};

/// Says what is done first, by each playbook of the incident's signal, and whom to call in which order.
pub(super) fn playbooks(plan: &Plan, incident: &Incident) {
    let tables = plan.tables();
    let of_signal = tables.playbook.iter().filter(|(_, one)| one.signals.contains(&incident.signal));
    for (id, playbook) in of_signal {
        heading(&format!("Playbook {id}"));
        say(&playbook.summary, 2, 2);
        one(plan, playbook);
    }
    let mut contacts: Vec<_> = tables
        .contact
        .iter()
        .filter(|(_, one)| incident.severity >= one.min_severity)
        .filter_map(|(id, one)| Some((one.order?, id, one)))
        .collect();
    contacts.sort_by_key(|(order, id, _)| (*order, id.as_str()));
    if !contacts.is_empty() {
        heading("Whom to call, in this order");
    }
    for (order, id, contact) in contacts {
        let when = contact.when.as_ref().map(|when| format!(": {when}")).unwrap_or_default();
        say(&format!("{order}. {} ({id}){when}; {}", contact.name, contact.reach.join(", then ")), 2, 5);
    }
}

fn one(plan: &Plan, playbook: &Playbook) {
    for line in &playbook.triage {
        say(&format!("false alarm? {line}"), 2, 4);
    }
    for (number, line) in playbook.first.iter().enumerate() {
        say(&format!("{}. {line}", number + 1), 2, 5);
    }
    for line in &playbook.evidence {
        say(&format!("keep: {line}"), 2, 4);
    }
    for duty in &playbook.duties {
        say(&format!("{} ({}): {}", duty.role, plan.people(&duty.role).join(", "), duty.does), 2, 4);
    }
    for called in &playbook.calls {
        let name = plan.tables().contact.get(&called.who).map_or_else(|| called.who.clone(), |one| one.name.clone());
        say(&format!("call {name}: {}", called.when), 2, 4);
    }
}
