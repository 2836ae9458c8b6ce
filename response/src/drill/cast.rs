//! The people of a drill: who hears a page, what they choose, who signs, and how long each of that takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::{Answer, Decision, Ruling};
use crate::plan::{DO_NOTHING, Plan};

use super::scenario::{Behaviour, Scenario};

/// Who is awake, which channels work, and what people do.
pub(super) struct Cast<'a> {
    plan: &'a Plan,
    everybody: &'a Behaviour,
    of_person: &'a BTreeMap<String, Behaviour>,
    asleep: BTreeSet<String>,
    down: BTreeSet<String>,
}

impl<'a> Cast<'a> {
    pub(super) fn new(plan: &'a Plan, scenario: &'a Scenario) -> Self {
        let everybody = &scenario.drill.everybody;
        let people = plan.tables().person.keys();
        let sleeps = |id: &&String| scenario.person.get(*id).unwrap_or(everybody).asleep;
        Self {
            plan,
            everybody,
            of_person: &scenario.person,
            asleep: people.filter(sleeps).cloned().collect(),
            down: scenario.drill.down.iter().cloned().collect(),
        }
    }

    pub(super) fn behaviour(&self, person: &str) -> &'a Behaviour {
        self.of_person.get(person).unwrap_or(self.everybody)
    }

    pub(super) fn is_awake(&self, person: &str) -> bool {
        !self.asleep.contains(person)
    }

    /// People fall asleep or wake up, channels go down or come back.
    pub(super) fn change(&mut self, sleeps: &[String], wakes: &[String], down: &[String], up: &[String]) {
        self.asleep.extend(sleeps.iter().cloned());
        self.down.extend(down.iter().cloned());
        wakes.iter().for_each(|person| {
            self.asleep.remove(person);
        });
        up.iter().for_each(|channel| {
            self.down.remove(channel);
        });
    }

    /// Whether a channel works: neither it nor its kind is down.
    pub(super) fn works(&self, channel: &str) -> bool {
        let kind = channel.split(':').next().unwrap_or(channel);
        !self.down.contains(channel) && !self.down.contains(kind)
    }

    /// What a person chooses of a decision, and how long they think about it, in seconds. Of what they may decide on
    /// and the plan does not deny: their own first choice, else what is in time at the least cost in trust, else what
    /// takes effect soonest.
    pub(super) fn choice(&self, person: &str, decision: &Decision) -> Option<(String, u64)> {
        let behaviour = self.behaviour(person);
        if behaviour.scripted {
            return None;
        }
        let may = |id: &str| {
            let intervention = self.plan.tables().intervention.get(id);
            intervention.is_some_and(|one| self.plan.deciders(one).contains(&person))
        };
        let open: Vec<_> = decision
            .choices
            .iter()
            .filter(|choice| choice.intervention != DO_NOTHING && !matches!(choice.answer, Answer::Denied { .. }))
            .filter(|choice| may(&choice.intervention))
            .collect();
        let wanted = behaviour.chooses.iter().find_map(|id| open.iter().find(|choice| choice.intervention == *id));
        let in_time = || open.iter().find(|choice| choice.way.in_time == Some(true));
        let soonest = || open.iter().min_by_key(|choice| choice.way.takes_s.unwrap_or(u64::MAX));
        let chosen = wanted.or_else(in_time).or_else(soonest)?;
        let of_plan_s = self.plan.tables().intervention.get(&chosen.intervention).map_or(0, |one| one.decision_s);
        Some((chosen.intervention.clone(), behaviour.decides_after_s.unwrap_or(of_plan_s)))
    }

    /// Returns the people who may agree to a ruling, haven't, and are awake, with how long each takes, in seconds.
    pub(super) fn agreeing(&self, ruling: &Ruling) -> Vec<(String, u64)> {
        let Some(intervention) = self.plan.tables().intervention.get(&ruling.intervention) else { return Vec::new() };
        let deciders = self.plan.deciders(intervention).into_iter();
        let others = deciders.filter(|id| !ruling.approvals.iter().any(|one| self.plan.same_human(one, id)));
        others
            .filter(|id| self.is_awake(id) && !self.behaviour(id).scripted)
            .map(|id| {
                let behaviour = self.behaviour(id);
                let decides_s = behaviour.decides_after_s.unwrap_or(intervention.decision_s);
                (id.to_owned(), behaviour.answers_after_s.saturating_add(decides_s))
            })
            .collect()
    }

    /// Who carries a ruling out, and how long that takes, in seconds; or why nobody can.
    pub(super) fn carrying_out(&self, ruling: &Ruling) -> Result<(String, u64), String> {
        let tables = self.plan.tables();
        let Some(intervention) = tables.intervention.get(&ruling.intervention) else { return Err(String::new()) };
        let Some(authority) = tables.authority.get(&intervention.authority) else { return Err(String::new()) };
        let holders = self.plan.members(&authority.role);
        let after_s = intervention.reaction_s.saturating_add(authority.delay_s);
        let Some(decider) = &ruling.by else {
            // Signed beforehand: whoever holds it need not be awake.
            let first = holders.first().ok_or_else(|| format!("nobody holds {}", intervention.authority))?;
            return Ok(((*first).to_owned(), after_s));
        };
        let awake: Vec<&str> = holders.iter().copied().filter(|person| self.is_awake(person)).collect();
        if (awake.len() as u32) < authority.threshold {
            let names: Vec<String> = awake.iter().map(|id| self.plan.name(id)).collect();
            return Err(format!(
                "{} of {} signers of {} hear that they are asked ({}), and {} must sign",
                awake.len(),
                holders.len(),
                intervention.authority,
                names.join(", "),
                authority.threshold
            ));
        }
        let apart = |person: &&&str| !intervention.limits.two_person || !self.plan.same_human(person, decider);
        let by = awake.iter().find(apart).ok_or_else(|| {
            format!(
                "{} must be carried out by another person than who decided, and nobody else is awake",
                ruling.intervention
            )
        })?;
        Ok(((*by).to_owned(), after_s.saturating_add(authority.signature_s)))
    }

    /// Returns the first of a role's people who is awake.
    pub(super) fn awake_of(&self, role: &str, apart_from: Option<&str>) -> Option<String> {
        let people = self.plan.members(role).into_iter();
        let mut people = people.filter(|person| self.is_awake(person) && !self.behaviour(person).scripted);
        people.find(|person| apart_from.is_none_or(|other| !self.plan.same_human(person, other))).map(str::to_owned)
    }
}
