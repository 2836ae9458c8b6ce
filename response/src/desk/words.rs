//! The words of a decision: each answer with its reason, as somebody reads it at 3 a.m.

use crate::decision::{Answer, Choice, RulingState, Way};
use crate::desk::judge::{Bar, Gap, Verdict, chains, is_moot};
use crate::desk::ledger::Use;
use crate::desk::reach;
use crate::desk::situation::Situation;
use crate::desk::wording::{IN_EFFECT, NOTHING_IN_TIME, OVER};
use crate::plan::moment::{Moment, span};
use crate::plan::{Automation, Dependency, Intervention, Plan, RoleKind};

impl<'a> Situation<'a> {
    /// One intervention as a choice of the decision.
    pub(super) fn choice(&self, verdict: &Verdict<'_>) -> Choice {
        let intervention = verdict.intervention;
        let mine = u32::from(verdict.room.held.is_some() || verdict.is_proposable());
        Choice {
            intervention: verdict.id.to_owned(),
            summary: intervention.summary.clone(),
            owner: intervention.owner.clone(),
            authority: intervention.authority.clone(),
            trust_cost: intervention.cost.trust,
            trust_cost_why: cost(intervention),
            reaction_s: verdict.seconds,
            way: reach::way(self, verdict, self.seconds_to_harm().filter(|left_s| *left_s > 0)),
            uses_left: verdict.room.left.map(|left| left.saturating_sub(mine)),
            answer: self.answer(verdict),
        }
    }

    /// The choice that is always there.
    pub(super) fn do_nothing(&self, verdicts: &[Verdict<'_>]) -> Choice {
        let lead = self.plan.tables().role.iter().find(|(_, role)| role.kind == RoleKind::IncidentLead);
        let owner = lead.map(|(id, _)| id.clone()).or(verdicts.first().map(|first| first.intervention.owner.clone()));
        let why = match self.seconds_to_harm() {
            _ if is_moot(self.case()) => "nothing is left that calls for anything".to_owned(),
            Some(0) if self.is_losing() => "it stands in nobody's way; the harm has begun, and goes on".to_owned(),
            Some(0) => "it stands in nobody's way; by the plan's estimate the harm has begun, and goes on".to_owned(),
            Some(left_s) => {
                format!("it stands in nobody's way; then the harm that is projected in {} comes", span(left_s))
            }
            None => "it stands in nobody's way".to_owned(),
        };
        Choice {
            intervention: crate::plan::DO_NOTHING.to_owned(),
            summary: "Leave the protocol as it is and watch".to_owned(),
            owner: owner.unwrap_or_default(),
            authority: String::new(),
            trust_cost: 0,
            trust_cost_why: "users lose nothing by it but what the incident itself takes from them".to_owned(),
            reaction_s: 0,
            way: Way { ack_s: Some(0), takes_s: Some(0), ..Way::default() },
            uses_left: None,
            answer: Answer::Permitted { why },
        }
    }

    pub(super) fn answer(&self, verdict: &Verdict<'_>) -> Answer {
        if !verdict.bars.is_empty() {
            return Answer::Denied { why: verdict.bars.iter().map(|bar| self.bar(*bar, verdict)).collect() };
        }
        let intervention = verdict.intervention;
        let mut why: Vec<String> = Vec::new();
        if verdict.is_permitted() {
            why.push(match intervention.automation {
                Automation::Presigned => "its signatures were given beforehand".to_owned(),
                _ => format!("`{}` may act by itself", intervention.authority),
            });
            why.push(self.agreement());
            why.extend(self.limits(verdict));
            if let Some((incident, number)) = verdict.room.shared {
                why.push(format!("ruling {number} of incident {incident} is the same act, and serves this one too"));
            }
            return Answer::Permitted { why: why.join("; ") };
        }
        why.push(match (intervention.limits.quorum, intervention.automation) {
            (Some(quorum), _) if quorum > 1 => format!("any {quorum} of `{}` must agree", intervention.owner),
            (_, Automation::Off) => format!("it is not automated: `{}` decides and starts it", intervention.owner),
            _ => format!("`{}` decides", intervention.owner),
        });
        why.extend(verdict.gaps.iter().map(|gap| self.gap(*gap, verdict)));
        why.extend(self.limits(verdict));
        Answer::Needs { whom: self.plan.people(&intervention.owner), why: why.join("; ") }
    }

    fn bar(&self, bar: Bar, verdict: &Verdict<'_>) -> String {
        let intervention = verdict.intervention;
        let limits = &intervention.limits;
        match bar {
            Bar::Over => format!("{OVER} {}: {}", self.case().incident.state, self.case().incident.note),
            Bar::Expired => match limits.not_after {
                Some(end) => format!("expired on {end} (not_after)"),
                None => "expired".to_owned(),
            },
            Bar::UsesTaken => uses_taken(limits.uses.unwrap_or_default(), limits.per_s, &verdict.room.taken),
            Bar::Rests => match verdict.room.rests {
                Some((until_ms, used)) => {
                    format!("cooldown until {}, after its use for incident {}", Moment { ms: until_ms }, used.incident)
                }
                None => "cooldown".to_owned(),
            },
            Bar::OtherChain => {
                let acts = list(chains(intervention, self.plan).iter().map(u64::to_string));
                let here = list(self.case().chains().flatten().map(|chain| chain.to_string()));
                format!("it acts on chain {acts}, and the incident is on chain {here}")
            }
            Bar::OtherSubject => {
                format!(
                    "it is for {}, and no live finding is about that",
                    list(intervention.scope.subjects.iter().cloned())
                )
            }
            Bar::NotGrave => match limits.min_severity {
                Some(least) => format!("it takes severity {least}, and this is {}", self.case().incident.severity),
                None => "not grave enough".to_owned(),
            },
            Bar::NoQuorum => {
                let (have, need) = (self.plan.deciders(intervention).len(), limits.quorum.unwrap_or(1));
                let people = match have {
                    0 => "nobody who may".to_owned(),
                    1 => "one person".to_owned(),
                    have => format!("{have} people"),
                };
                format!("{need} of `{}` must agree, and the role has {people}", intervention.owner)
            }
            Bar::NotHeld => {
                format!("the chain says that `{}` does not have the power", intervention.authority)
            }
            Bar::NoHeartbeat => {
                format!("`{}` has given no sign of life for too long, so its power is gone", intervention.authority)
            }
            Bar::InEffect => {
                let mut rulings = self.file.rulings.iter();
                let by = rulings.find(|one| one.intervention == verdict.id && one.state.is_in_effect());
                match by.and_then(|ruling| Some((ruling.number, ruling.done_at_ms?))) {
                    Some((number, at_ms)) => {
                        format!("{IN_EFFECT} since {} by ruling {number}", Moment { ms: at_ms })
                    }
                    None => match verdict.elsewhere {
                        Some((incident, number)) => format!("{IN_EFFECT} by ruling {number} of incident {incident}"),
                        None => format!("{IN_EFFECT} already, by what the chain says"),
                    },
                }
            }
            Bar::Blackout => self.blackout(intervention),
        }
    }

    fn gap(&self, gap: Gap, verdict: &Verdict<'_>) -> String {
        match gap {
            Gap::Uncorroborated => {
                let (have, need) = (self.case().incident.sources.len(), verdict.sources_needed);
                format!("only {have} of the {need} sources agree so far, so automation waits and a person may decide")
            }
            Gap::ChainUnknown if self.case().is_empty() => {
                "no finding stands behind it, so automation must not act".to_owned()
            }
            Gap::ChainUnknown => {
                "no finding says which chain is concerned, so automation must not act and a person should make sure"
                    .to_owned()
            }
            Gap::Prerequisites => format!("first make sure: {}", verdict.intervention.prerequisites.join("; ")),
            Gap::Unverified => format!(
                "nobody has made sure lately that `{}` has this power, so automation must not count on it",
                verdict.intervention.authority
            ),
            Gap::Halted => "all automation is stopped, so a person decides and carries it out".to_owned(),
            Gap::Overruled => {
                let why = self.file.overruled.get(verdict.id).map(|one| one.why.as_str()).unwrap_or_default();
                format!("automation does not put it forward again: {why}")
            }
            Gap::UsesMade => {
                let (limits, taken) = (&verdict.intervention.limits, &verdict.room.taken);
                let made = uses_taken(limits.uses.unwrap_or_default(), limits.per_s, taken);
                format!("{made}; that binds automation, and a person may still contain what is critical")
            }
            Gap::Rests => match verdict.room.rests {
                Some((until_ms, _)) => format!(
                    "cooldown until {}: that binds automation, and a person may still contain what is critical",
                    Moment { ms: until_ms }
                ),
                None => "cooldown".to_owned(),
            },
            Gap::Held => {
                format!("it has not lasted {} yet, as the signal wants, so automation waits", span(self.signal.for_s))
            }
            Gap::NotAgreed => "too few nodes of different operators name the blocks of its findings so far, so automation waits and a \
                               person may decide"
                .to_owned(),
            Gap::Blackout => {
                format!("{}; a person may still contain what is critical", self.blackout(verdict.intervention))
            }
        }
    }

    fn blackout(&self, intervention: &Intervention) -> String {
        let rests =
            intervention.limits.blackouts.iter().find(|one| one.from.ms <= self.now_ms && self.now_ms < one.until.ms);
        rests.map_or_else(|| "it rests".to_owned(), |one| format!("it rests until {}: {}", one.until, one.why))
    }

    fn agreement(&self) -> String {
        let sources = &self.case().incident.sources;
        match sources.len() {
            1 => format!("{} alone is enough", sources[0]),
            several => format!("{several} sources agree ({})", sources.join(", ")),
        }
    }

    /// What bounds it and what undoes it, and whether it comes too late.
    fn limits(&self, verdict: &Verdict<'_>) -> Vec<String> {
        let intervention = verdict.intervention;
        let mut said = Vec::new();
        if let (Some(uses), Some(left)) = (intervention.limits.uses, verdict.room.left) {
            let per = intervention.limits.per_s.map(|per_s| format!(" in {}", span(per_s))).unwrap_or_default();
            said.push(format!("use {} of {uses}{per}", uses.saturating_sub(left) + 1));
        }
        if let Some(most_s) = intervention.limits.max_duration_s {
            said.push(format!("lasts at most {}", span(most_s)));
        }
        said.push(match &intervention.reversal {
            Some(reversal) => format!("`{}` undoes it in {}", reversal.who, span(reversal.latency_s)),
            None => "it can't be undone".to_owned(),
        });
        let way = reach::way(self, verdict, None);
        let takes_s = takes(verdict, &way);
        // After the harm has begun, nothing is too late for what is left.
        if let Some(left_s) = self.seconds_to_harm().filter(|left_s| (1..takes_s).contains(left_s)) {
            said.push(format!("it takes {}, and harm is projected in {}", span(takes_s), span(left_s)));
        }
        said
    }

    /// Who can act in time.
    pub(super) fn in_time(&self, verdicts: &[Verdict<'_>], choices: &[Choice]) -> String {
        if is_moot(self.case()) || !self.case().incident.state.is_open() {
            return "Nothing is left to act against.".to_owned();
        }
        let mut open: Vec<(&Verdict<'_>, &Way)> = verdicts
            .iter()
            .zip(choices)
            .filter(|(verdict, _)| verdict.bars.is_empty())
            .map(|(verdict, choice)| (verdict, &choice.way))
            .collect();
        open.sort_by_key(|(verdict, way)| (takes(verdict, way), verdict.id));
        let named = |(verdict, way): &(&Verdict<'_>, &Way)| {
            let ruling = self.open_ruling(verdict.id);
            let who = match ruling {
                Some(one) if one.state == RulingState::Pending => {
                    format!("{} of {} agree: approve ruling {}", one.approvals.len(), one.quorum, one.number)
                }
                Some(one) if one.by.is_some() => format!("decided: carry ruling {} out", one.number),
                _ if verdict.is_permitted() => "permitted".to_owned(),
                _ => match way.ack_s {
                    Some(0) => format!("if {} decides now", verdict.intervention.owner),
                    Some(ack_s) => {
                        format!("if {} answers within {} and decides", verdict.intervention.owner, span(ack_s))
                    }
                    None => format!("if {} decides, whom no step pages", verdict.intervention.owner),
                },
            };
            format!("{} ({}, {who})", verdict.id, span(takes(verdict, way)))
        };
        let in_effect = verdicts.iter().filter(|verdict| verdict.bars.contains(&Bar::InEffect));
        let in_effect = list(in_effect.map(|verdict| verdict.id.to_owned()));
        let standing = if in_effect.is_empty() { String::new() } else { format!(" In effect: {in_effect}.") };
        let Some(left_s) = self.seconds_to_harm() else {
            let first = open.iter().find(|(verdict, _)| verdict.is_permitted()).or(open.first());
            return match first {
                Some(fastest) => format!("No harm is projected in time. Fastest: {}.{standing}", named(fastest)),
                None => format!("Nothing more may be done: every intervention is denied.{standing}"),
            };
        };
        if left_s == 0 {
            let begun = match self.is_losing() {
                true => "The harm has begun, by what is lost already; what is left is still at risk",
                false => "By the plan's estimate the harm has begun; what is left is still at risk",
            };
            return match open.is_empty() {
                true => format!("{begun}, and every intervention is denied.{standing}"),
                false => format!("{begun}. Now: {}.{standing}", list(open.iter().map(named))),
            };
        }
        let harm = format!("Harm is projected in {}", span(left_s));
        let (soon, late): (Vec<_>, Vec<_>) = open.iter().partition(|(verdict, way)| takes(verdict, way) <= left_s);
        let mut said = match (soon.is_empty(), soon.iter().any(|(verdict, _)| verdict.is_permitted())) {
            (true, _) => format!("{harm}, and {NOTHING_IN_TIME}."),
            (false, true) => format!("{harm}. In time: {}.", list(soon.iter().map(named))),
            (false, false) => format!(
                "{harm}, and nothing that is permitted can act before it. In time, if people do: {}.",
                list(soon.iter().map(named))
            ),
        };
        if !late.is_empty() {
            let late = late.iter().map(|(verdict, way)| format!("{} ({})", verdict.id, span(takes(verdict, way))));
            said.push_str(&format!(" After it, for what is left by then: {}.", list(late)));
        }
        said + &standing
    }
}

/// Returns the seconds that an intervention takes from now; if no step reaches anybody who decides, from the decision.
fn takes(verdict: &Verdict<'_>, way: &Way) -> u64 {
    way.takes_s.unwrap_or_else(|| verdict.seconds.saturating_add(way.decision_s))
}

/// What a dependency is to an incident that it causes: who is reached there, how long that takes, and what follows.
pub(super) fn dependency(plan: &Plan, id: &str, one: &Dependency) -> String {
    let mut said = vec![format!("its cause is a dependency, {id}: {}", one.summary)];
    said.push(match (&one.contact, &one.backup_contact) {
        (Some(contact), Some(backup)) => format!("reach {contact}, or else {backup}"),
        (Some(contact), None) | (None, Some(contact)) => format!("reach {contact}; there is nobody else"),
        (None, None) => "the plan names nobody to reach there".to_owned(),
    });
    said.push(format!("they take {} to act with us", span(one.coordination_s)));
    if !one.failure_modes.is_empty() {
        said.push(format!("how it fails: {}", one.failure_modes.join(", or ")));
    }
    if !one.powers.is_empty() {
        said.push(format!("what it may do to us: {}", one.powers.join(", ")));
    }
    said.push(match one.mode.as_ref().and_then(|mode| plan.tables().mode.get_key_value(mode)) {
        Some((id, mode)) => format!("enter {id}: {}", mode.summary),
        None => "the plan names no degraded mode for it".to_owned(),
    });
    said.join("; ")
}

/// Why an intervention costs what it costs, with what it blocks.
fn cost(intervention: &Intervention) -> String {
    let cost = &intervention.cost;
    let mut said = cost.why.clone();
    if !cost.blocks.is_empty() {
        said.push_str(&format!("; blocks {}", list(cost.blocks.iter().cloned())));
    }
    if !cost.inside_boundary {
        said.push_str("; outside what users were told to expect");
    }
    said
}

fn uses_taken(uses: u32, per_s: Option<u64>, taken: &[Use]) -> String {
    let per = per_s.map(|per_s| format!(" in {}", span(per_s))).unwrap_or_default();
    let which = match uses {
        1 => format!("its only use{per} is taken"),
        2 => format!("both uses{per} are taken"),
        more => format!("all {more} uses{per} are taken"),
    };
    let by = taken.iter().map(|used| format!("incident {} since {}", used.incident, Moment { ms: used.at_ms }));
    format!("{which}: {}", list(by))
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.split_last() {
        None => String::new(),
        Some((one, [])) => one.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
