//! Who stands where to an incident: who may be woken for it, who runs it, who holds what carries an intervention out.

use std::collections::BTreeSet;

use super::{Escalation, Intervention, Plan, RoleKind};

impl Plan {
    /// Returns the ids of everybody who may ever be on duty for a role, a schedule or a person, each once.
    pub fn everybody(&self, who: &str) -> Vec<&str> {
        let tables = self.tables();
        let of_schedule = |id: &str| -> Vec<&str> {
            let Some(schedule) = tables.schedule.get(id) else { return Vec::new() };
            let layers = schedule.layers.iter().flat_map(|layer| &layer.people);
            layers.chain(schedule.overrides.iter().filter_map(|one| one.person.as_ref())).map(String::as_str).collect()
        };
        let ids = match tables.role.get(who) {
            Some(role) => {
                let scheduled = role.schedule.as_deref().map(of_schedule).unwrap_or_default();
                [self.members(who), scheduled].concat()
            }
            None if tables.schedule.contains_key(who) => of_schedule(who),
            None => tables.person.get_key_value(who).map(|(id, _)| id.as_str()).into_iter().collect(),
        };
        each_once(ids)
    }

    /// Returns the ids of the people who run incidents of some signals: who leads, and who decides on one of its interventions.
    /// Where the plan names nobody for either, whoever may answer for it; else everybody.
    pub fn running(&self, signals: &[&str]) -> Vec<&str> {
        let deciders = self.mapped(signals).flat_map(|one| self.deciders(one));
        let ids = each_once(self.leads().into_iter().chain(deciders).collect());
        match ids.is_empty() {
            true => self.answering(signals),
            false => ids,
        }
    }

    /// Returns the ids of the people who may answer for incidents of some signals: who runs them, who may be paged for them, and who
    /// carries their interventions out. Where the plan names nobody, everybody.
    pub fn answering(&self, signals: &[&str]) -> Vec<&str> {
        let mut ids = self.leads();
        for intervention in self.mapped(signals) {
            ids.extend(self.members(&intervention.owner));
            ids.extend(self.holding(intervention));
        }
        for escalation in signals.iter().flat_map(|signal| self.escalations(signal)) {
            let whom = escalation.steps.iter().flat_map(|step| &step.who).chain(&escalation.last_resort);
            ids.extend(whom.flat_map(|who| self.everybody(who)));
        }
        match ids.is_empty() {
            true => self.tables().person.keys().map(String::as_str).collect(),
            false => each_once(ids),
        }
    }

    /// Returns the ids of the people who hold the authority of an intervention, each once.
    pub fn holding(&self, intervention: &Intervention) -> Vec<&str> {
        let authority = self.tables().authority.get(&intervention.authority);
        authority.map(|authority| self.members(&authority.role)).unwrap_or_default()
    }

    /// Returns the names of the roles that run incidents of some signals, as a person reads them.
    pub(crate) fn running_roles(&self, signals: &[&str]) -> String {
        let leads = self.tables().role.iter().filter(|(_, role)| role.kind == RoleKind::IncidentLead);
        let mut roles: Vec<&str> = leads.map(|(id, _)| id.as_str()).collect();
        roles.extend(self.mapped(signals).map(|one| one.owner.as_str()));
        let roles: Vec<String> = each_once(roles).into_iter().map(|role| format!("`{role}`")).collect();
        if roles.is_empty() { "whoever is paged".to_owned() } else { roles.join(" or ") }
    }

    /// Returns the ids of the interventions of some signals, each once, in the order in which the signals name them.
    pub(crate) fn interventions_of<'a>(&'a self, signals: &[&str]) -> Vec<&'a str> {
        let signals = signals.iter().filter_map(|signal| self.tables().signal.get(*signal));
        each_once(signals.flat_map(|signal| &signal.interventions).map(String::as_str).collect())
    }

    fn mapped(&self, signals: &[&str]) -> impl Iterator<Item = &Intervention> {
        self.interventions_of(signals).into_iter().filter_map(|name| self.tables().intervention.get(name))
    }

    /// All escalations that may run for a signal's incidents, whatever their severity becomes.
    fn escalations(&self, signal: &str) -> Vec<&Escalation> {
        let all = &self.tables().escalation;
        let own = self.tables().signal.get(signal).and_then(|signal| signal.escalation.as_ref());
        let mut left: Vec<&String> = match own {
            Some(own) => vec![own],
            None => all.iter().filter(|(_, one)| !one.severities.is_empty()).map(|(id, _)| id).collect(),
        };
        let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
        while let Some(id) = left.pop() {
            if let Some(escalation) = all.get(id).filter(|_| seen.insert(id)) {
                left.extend(&escalation.then);
                found.push(escalation);
            }
        }
        found
    }
}

fn each_once(ids: Vec<&str>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}
