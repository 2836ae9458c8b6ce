//! How long an escalation takes to reach somebody who may decide, and with that an intervention to have its effect.

use super::{Automation, Escalation, Intervention, Plan};
use crate::finding::Severity;

/// A way up an escalation, at which everybody takes all the time that they have to answer.
pub(crate) struct Climb<'a> {
    pub plan: &'a Plan,
    /// Ids of those who may decide.
    pub deciders: &'a [&'a str],
    /// Returns who is on duty for a role, schedule or person at a moment, milliseconds since the Unix epoch.
    pub duty: &'a dyn Fn(&str, u64) -> Vec<&'a str>,
    /// When it begins, milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl<'a> Climb<'a> {
    /// Returns the seconds until somebody who may decide has answered, `waited_s` at step `from` of `escalation`, or past its last
    /// step where that is `None`; `is_paged` says whether that step was paged already. `None` if no step reaches one of them.
    pub(crate) fn seconds(
        &self,
        mut escalation: &'a Escalation,
        from: Option<usize>,
        mut waited_s: u64,
        is_paged: bool,
    ) -> Option<u64> {
        let Some(mut from) = from else {
            return self.reaches(&escalation.last_resort, self.now_ms).then_some(waited_s);
        };
        if is_paged {
            if escalation.steps.get(from).is_some_and(|step| self.reaches(&step.who, self.now_ms)) {
                return Some(waited_s);
            }
            from += 1;
        }
        // Each escalation once: the plan holds no circle.
        loop {
            for step in escalation.steps.iter().skip(from) {
                let at_ms = self.after(waited_s);
                if step.who.iter().all(|who| (self.duty)(who, at_ms).is_empty()) {
                    continue;
                }
                waited_s = waited_s.saturating_add(step.ack_within_s);
                if self.reaches(&step.who, at_ms) {
                    return Some(waited_s);
                }
            }
            match escalation.then.as_ref().and_then(|then| self.plan.tables().escalation.get(then)) {
                Some(then) => (escalation, from) = (then, 0),
                None => {
                    let is_reached = self.reaches(&escalation.last_resort, self.after(waited_s));
                    return is_reached.then(|| waited_s.saturating_add(escalation.unack_after_s));
                }
            }
        }
    }

    fn after(&self, seconds: u64) -> u64 {
        self.now_ms.saturating_add(seconds.saturating_mul(1_000))
    }

    fn reaches(&self, who: &[String], at_ms: u64) -> bool {
        let is_one = |person: &str| self.deciders.iter().any(|decider| self.plan.same_human(decider, person));
        who.iter().any(|who| (self.duty)(who, at_ms).into_iter().any(is_one))
    }
}

impl Plan {
    /// Returns the seconds until somebody who may decide on an intervention has answered a page for a new incident of a signal, at
    /// most: of a rota, whoever may not decide is taken to be on duty. 0 if the plan decided beforehand; `None` if no step reaches
    /// anybody who decides. A signal that says no severity is taken for critical.
    pub fn seconds_to_answer(&self, signal: &str, intervention: &Intervention) -> Option<u64> {
        if is_decided_beforehand(intervention) {
            return Some(0);
        }
        let severity =
            self.tables().signal.get(signal).and_then(|signal| signal.severity).unwrap_or(Severity::Critical);
        let (_, escalation) = self.escalation(signal, severity)?;
        let deciders = self.deciders(intervention);
        let duty = |who: &str, at_ms: u64| {
            let Some(rota) = self.rota_of(who) else { return self.on_duty(who, at_ms) };
            let turns = self.everybody(rota);
            let decides = |person: &&str| deciders.iter().any(|decider| self.same_human(decider, person));
            match turns.iter().find(|person| !decides(person)) {
                Some(other) => vec![*other],
                None => turns,
            }
        };
        let climb = Climb { plan: self, deciders: &deciders, duty: &duty, now_ms: 0 };
        climb.seconds(escalation, Some(0), 0, false)
    }

    /// Returns the schedule that says who is on duty for a role or schedule; `None` if nothing does.
    fn rota_of(&self, who: &str) -> Option<&str> {
        let of_role = self.tables().role.get(who).map(|role| role.schedule.as_deref());
        of_role.unwrap_or_else(|| self.tables().schedule.get_key_value(who).map(|(id, _)| id.as_str()))
    }

    /// Returns the seconds from an answer to the effect of an intervention: the decision, unless the plan took it beforehand, and
    /// [`Self::seconds_to_effect`].
    pub fn seconds_from_answer(&self, intervention: &Intervention) -> u64 {
        let decision_s = if is_decided_beforehand(intervention) { 0 } else { intervention.decision_s };
        decision_s.saturating_add(self.seconds_to_effect(intervention))
    }
}

fn is_decided_beforehand(intervention: &Intervention) -> bool {
    matches!(intervention.automation, Automation::Presigned | Automation::Auto)
}
