//! Makes the decision on an incident, where what it stands on changed, and orders the effects.

use serde::{Deserialize, Serialize};

use super::judge::{Verdict, judge};
use super::words::{Words, list};
use super::{Desk, File};
use crate::decision::Decision;
use crate::digest::Hasher;
use crate::effect::{Effect, Ordered};
use crate::finding::{Finding, Severity};
use crate::incident::{IncidentId, IncidentState};
use crate::outcome::Outcome;
use crate::plan::moment::{Moment, span};
use crate::plan::{Automation, Plan};
use crate::triage::label;

/// What a decision stands on: where this is unchanged, there is nothing new to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    severity: Severity,
    sources: Vec<String>,
    /// Each intervention with what stands in its way, in the order of the choices.
    answers: Vec<(String, u32)>,
}

impl Desk {
    /// Decides on an incident. `cause` forces a revision and says why; without it there is one where what the last
    /// decision stood on changed. `about` is the finding that led here, on which silences are tried.
    pub(super) fn decide(
        &mut self,
        id: IncidentId,
        cause: Option<String>,
        about: Option<&Finding>,
        now_ms: u64,
        out: &mut Vec<Outcome>,
    ) {
        self.revise(id, cause, None, about, now_ms, out);
    }

    /// Decides on an incident that something else may have changed; `note` says what.
    pub(super) fn decide_if_changed(&mut self, id: IncidentId, note: &str, now_ms: u64, out: &mut Vec<Outcome>) {
        self.revise(id, None, Some(note), None, now_ms, out);
    }

    fn revise(
        &mut self,
        id: IncidentId,
        cause: Option<String>,
        note: Option<&str>,
        about: Option<&Finding>,
        now_ms: u64,
        out: &mut Vec<Outcome>,
    ) {
        let Some(file) = self.files.get(&id) else { return };
        let incident = &file.case.incident;
        let Some(plan) = self.plans.get(&incident.plan).cloned() else { return };
        let Some(signal) = plan.tables().signal.get(&incident.signal) else { return };
        let verdicts = judge(&plan, signal, &file.case, &self.ledger, now_ms);
        let standing = Standing {
            severity: incident.severity,
            sources: incident.sources.clone(),
            answers: verdicts.iter().map(|verdict| (verdict.id.to_owned(), verdict.code())).collect(),
        };
        if cause.is_none() && file.standing.as_ref() == Some(&standing) {
            return;
        }
        let cause = cause.unwrap_or_else(|| changes(file.standing.as_ref(), &standing, note));
        let words = Words { plan: &plan, signal, case: &file.case };
        let mut choices: Vec<_> = verdicts.iter().map(|verdict| words.choice(verdict)).collect();
        choices.push(words.do_nothing(&verdicts));
        let decision = Decision {
            incident: id,
            revision: file.revision + 1,
            cause,
            at_ms: now_ms,
            since_began_ms: incident.last_ms.saturating_sub(incident.began_ms),
            plan: incident.plan,
            signal: incident.signal.clone(),
            severity: incident.severity,
            evidence: incident.findings.clone(),
            in_time: words.in_time(&verdicts),
            choices,
        };
        let (is_first, text) = (file.revision == 0, summary(file, &decision, &verdicts));
        let what = match incident.state {
            IncidentState::Retracted => "retracted",
            IncidentState::Triage if is_first => "opened",
            _ => "changed",
        };
        let proposals = self.proposals(file, &plan, &verdicts, &decision.cause);
        let Some(file) = self.files.get_mut(&id) else { return };
        file.revision += 1;
        file.standing = Some(standing);
        out.push(Outcome::Decision(decision));
        for proposal in proposals {
            match &proposal {
                Effect::Propose { intervention, .. } => {
                    if self.ledger.reserve(intervention, id, now_ms) {
                        out.push(order(file, proposal, now_ms));
                    }
                }
                Effect::Withdraw { intervention, .. } => {
                    if self.ledger.release(intervention, id) {
                        self.released.insert(intervention.clone(), id);
                        out.push(order(file, proposal, now_ms));
                    }
                }
                Effect::Notify { .. } => {}
            }
        }
        self.notify(id, what, text, about, now_ms, out);
    }

    /// Proposals to make and to take back, so that those stand which the verdicts allow.
    fn proposals(&self, file: &File, plan: &Plan, verdicts: &[Verdict<'_>], cause: &str) -> Vec<Effect> {
        let incident = &file.case.incident;
        let mut effects = Vec::new();
        for verdict in verdicts {
            let intervention = verdict.intervention;
            match (verdict.is_proposable(), verdict.room.held) {
                (true, None) => {
                    // Whoever decides is asked; where that is settled, whoever holds the authority.
                    let role = match intervention.automation {
                        Automation::Off | Automation::Propose => Some(&intervention.owner),
                        _ => plan.tables().authority.get(&intervention.authority).map(|authority| &authority.role),
                    };
                    let most =
                        intervention.limits.max_duration_s.map(|most_s| format!(", for {} at most", span(most_s)));
                    effects.push(Effect::Propose {
                        incident: incident.id,
                        intervention: verdict.id.to_owned(),
                        owner: intervention.owner.clone(),
                        authority: intervention.authority.clone(),
                        whom: role.map(|role| plan.people(role)).unwrap_or_default(),
                        text: format!(
                            "{}{}; takes effect in {}; trust cost {} of 10: {}",
                            intervention.summary,
                            most.unwrap_or_default(),
                            span(verdict.seconds),
                            intervention.cost.trust,
                            intervention.cost.why
                        ),
                    });
                }
                (false, Some(_)) => effects.push(Effect::Withdraw {
                    incident: incident.id,
                    intervention: verdict.id.to_owned(),
                    text: cause.to_owned(),
                }),
                _ => {}
            }
        }
        effects
    }

    fn notify(
        &mut self,
        id: IncidentId,
        what: &str,
        text: String,
        about: Option<&Finding>,
        now_ms: u64,
        out: &mut Vec<Outcome>,
    ) {
        let silence = about.and_then(|finding| Some((finding, self.silenced(finding, now_ms)?)));
        let Some(file) = self.files.get_mut(&id) else { return };
        match (silence, about) {
            (Some((finding, reason)), _) => out.push(Outcome::Silence { finding: finding.id, reason }),
            // Who was never told that it began need not be told that it ended.
            (None, None) if !file.told => {}
            (None, _) => {
                let what = if file.told { what } else { "opened" };
                file.told = true;
                let severity = file.case.incident.severity;
                let effect = Effect::Notify { incident: id, severity, what: what.to_owned(), text };
                out.push(order(file, effect, now_ms));
            }
        }
    }

    /// Why nobody is told of a finding now; `None` where people are.
    fn silenced(&self, finding: &Finding, now_ms: u64) -> Option<String> {
        let silences = self.plan()?.tables().silence.iter();
        let mut silences = silences.filter(|(_, silence)| silence.until.ms > now_ms);
        let matches = |matchers: &[crate::plan::Matcher]| matchers.iter().any(|m| label::matches(m, finding));
        let (id, silence) = silences.find(|(_, silence)| matches(&silence.matchers))?;
        let (owner, until, reason) = (&silence.owner, Moment { ms: silence.until.ms }, &silence.reason);
        Some(format!("notification silenced by {owner} until {until} (silence {id}): {reason}"))
    }
}

fn order(file: &File, effect: Effect, now_ms: u64) -> Outcome {
    let (kind, about) = match &effect {
        Effect::Notify { what, .. } => ("notify", what),
        Effect::Propose { intervention, .. } => ("propose", intervention),
        Effect::Withdraw { intervention, .. } => ("withdraw", intervention),
    };
    let hasher = Hasher::new("effect").bytes(file.seal.as_slice()).number(file.case.incident.id);
    let key = hasher.number(u64::from(file.revision)).text(kind).text(about).finish();
    Outcome::Effect(Ordered { key, at_ms: now_ms, effect })
}

/// What changed from one standing to the next, as the cause of a decision.
fn changes(before: Option<&Standing>, after: &Standing, note: Option<&str>) -> String {
    let Some(before) = before else { return "opened".to_owned() };
    let mut said: Vec<String> = note.map(str::to_owned).into_iter().collect();
    if before.severity != after.severity {
        let way = if after.severity > before.severity { "rose" } else { "fell" };
        said.push(format!("severity {way} from {} to {}", before.severity, after.severity));
    }
    let joined: Vec<&String> = after.sources.iter().filter(|source| !before.sources.contains(source)).collect();
    if !joined.is_empty() {
        let verb = if joined.len() == 1 { "joined" } else { "joined together" };
        said.push(format!("{} {verb} as a source", list(joined.into_iter().cloned())));
    }
    let left: Vec<&String> = before.sources.iter().filter(|source| !after.sources.contains(source)).collect();
    if !left.is_empty() {
        said.push(format!("{} no longer supports it", list(left.into_iter().cloned())));
    }
    if said.is_empty() {
        let changed = after.answers.iter().filter(|answer| !before.answers.contains(answer));
        said.push(format!("the answer on {} changed", list(changed.map(|(id, _)| id.clone()))));
    }
    said.join("; ")
}

/// One line for people.
fn summary(file: &File, decision: &Decision, verdicts: &[Verdict<'_>]) -> String {
    let incident = &file.case.incident;
    if incident.state == IncidentState::Retracted {
        return format!("Incident {} is retracted: {}. It was: {}", incident.id, incident.note, incident.title);
    }
    let ids = |wanted: &dyn Fn(&&Verdict<'_>) -> bool| {
        list(verdicts.iter().filter(wanted).map(|verdict| verdict.id.to_owned()))
    };
    let mut said = vec![incident.title.clone()];
    if decision.revision > 1 {
        said.push(decision.cause.clone());
    }
    let groups = [
        ("permitted", ids(&|verdict| verdict.is_permitted())),
        ("needs somebody", ids(&|verdict| verdict.bars.is_empty() && !verdict.is_permitted())),
        ("denied", ids(&|verdict| !verdict.bars.is_empty())),
    ];
    said.extend(groups.iter().filter(|(_, ids)| !ids.is_empty()).map(|(what, ids)| format!("{what}: {ids}")));
    format!("{}. {}", said.join("; "), decision.in_time)
}
