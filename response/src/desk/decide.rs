//! Makes the decision on an incident, where what it stands on changed, and tells people of it.

use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::desk::chronicle::Turn;
use crate::desk::judge::{Verdict, judge, precedence};
use crate::desk::words::{Words, list};
use crate::desk::{Desk, File};
use crate::effect::Effect;
use crate::finding::{Finding, Severity};
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::outcome::Outcome;
use crate::plan::moment::Moment;
use crate::triage::label;

/// What a decision stands on: where this is unchanged, there is nothing new to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    severity: Severity,
    sources: Vec<String>,
    /// Each intervention with what stands in its way, in the order of the choices.
    answers: Vec<(String, u64)>,
}

/// How a silence begins that a person set on one incident.
pub(super) const BY_HAND: &str = "silenced by hand";

impl Desk {
    /// Decides on an incident. `cause` forces a revision and says why; without it there is one where what the last
    /// decision stood on changed. `about` is the finding that led here, on which silences are tried.
    pub(super) fn decide(&mut self, id: IncidentId, cause: Option<String>, about: Option<&Finding>, turn: &mut Turn) {
        self.revise(id, cause, None, about, turn);
    }

    /// Decides on the incidents that could use what others gave back.
    pub(super) fn serve_waiting(&mut self, turn: &mut Turn) {
        while let Some((intervention, by)) = self.released.pop_first() {
            let note = format!("incident {by} gave a use of {intervention} back");
            for id in self.mapping(&intervention) {
                self.revise(id, None, Some(&note), None, turn);
            }
        }
    }

    /// Open incidents whose signal maps an intervention: the gravest first, then the oldest.
    pub(super) fn mapping(&self, intervention: &str) -> Vec<IncidentId> {
        let maps = |file: &&File| {
            let plan = self.plans.get(&file.case.incident.plan);
            let signal = plan.and_then(|plan| plan.tables().signal.get(&file.case.incident.signal));
            signal.is_some_and(|signal| signal.interventions.iter().any(|id| id == intervention))
        };
        let mut files: Vec<&File> = self.files.values().filter(maps).collect();
        files.sort_by_key(|file| precedence(&file.case));
        files.iter().map(|file| file.case.incident.id).collect()
    }

    /// Decides on an incident that something else may have changed; `note` says what.
    pub(super) fn revise(
        &mut self,
        id: IncidentId,
        cause: Option<String>,
        note: Option<&str>,
        about: Option<&Finding>,
        turn: &mut Turn,
    ) {
        let Some(plan) = self.plan_of(id) else { return };
        let Some(file) = self.files.get(&id) else { return };
        let incident = &file.case.incident;
        let Some(signal) = plan.tables().signal.get(&incident.signal) else { return };
        let verdicts = judge(&self.scales(&plan, signal, file, turn.now_ms));
        let standing = Standing {
            severity: incident.severity,
            sources: incident.sources.clone(),
            answers: verdicts.iter().map(|verdict| (verdict.id.to_owned(), verdict.code())).collect(),
        };
        if cause.is_none() && file.standing.as_ref() == Some(&standing) {
            return;
        }
        let cause = cause.unwrap_or_else(|| changes(file.standing.as_ref(), &standing, note));
        let words = Words { plan: &plan, signal, file, now_ms: turn.now_ms };
        let mut choices: Vec<_> = verdicts.iter().map(|verdict| words.choice(verdict)).collect();
        let in_time = words.in_time(&verdicts, &choices);
        choices.push(words.do_nothing(&verdicts));
        let decision = Decision {
            incident: id,
            revision: file.revision + 1,
            cause,
            at_ms: turn.now_ms,
            since_began_ms: incident.last_ms.saturating_sub(incident.began_ms),
            plan: plan.hash(),
            signal: incident.signal.clone(),
            severity: incident.severity,
            evidence: incident.findings.clone(),
            in_time,
            rulings: file.rulings.clone(),
            choices,
        };
        let (is_first, text) = (file.revision == 0, summary(incident, &decision, &verdicts));
        let what = match incident.state {
            IncidentState::Retracted => "retracted",
            state if !state.is_open() => "ended",
            _ if is_first => "opened",
            _ => "changed",
        };
        let proposals = self.proposals(file, &plan, &verdicts, &decision.cause);
        let Some(file) = self.files.get_mut(&id) else { return };
        file.revision += 1;
        file.standing = Some(standing);
        turn.out.push(Outcome::Decision(decision));
        self.put_forward(id, &plan, proposals, turn);
        self.notify(id, what, text, about, turn);
    }

    fn notify(&mut self, id: IncidentId, what: &str, text: String, about: Option<&Finding>, turn: &mut Turn) {
        let muted = self.muted(id, turn.now_ms);
        let by_plan = about.and_then(|finding| Some((finding, self.silenced(finding, turn.now_ms)?.1)));
        match (by_plan, muted, about) {
            (Some((finding, reason)), ..) => turn.out.push(Outcome::Silence { finding: finding.id, reason }),
            (None, Some(reason), Some(finding)) => turn.out.push(Outcome::Silence { finding: finding.id, reason }),
            (None, Some(_), None) => {}
            (None, None, _) => {
                let Some(file) = self.files.get_mut(&id) else { return };
                // Who was never told that it began need not be told that it ended.
                if about.is_none() && !file.told && !file.case.incident.state.is_open() {
                    return;
                }
                let what = if file.told { what } else { "opened" };
                file.told = true;
                let severity = file.case.incident.severity;
                let effect = Effect::Notify { incident: id, severity, what: what.to_owned(), text };
                self.order(id, effect, turn);
            }
        }
    }

    /// Why nobody is told of an incident now; `None` where people are.
    pub(super) fn muted(&self, id: IncidentId, now_ms: u64) -> Option<String> {
        let file = self.files.get(&id)?;
        if let Some((until_ms, reason)) = &file.hushed
            && *until_ms > now_ms
        {
            return Some(reason.clone());
        }
        let incident = &file.case.incident;
        let plan = self.plans.get(&incident.plan)?;
        let inhibitions = plan.tables().inhibition.iter();
        let mut inhibitions =
            inhibitions.filter(|(_, one)| one.until.ms > now_ms && one.mutes.contains(&incident.signal));
        inhibitions.find_map(|(name, inhibition)| {
            let explains = |other: &&File| {
                let other = &other.case.incident;
                let same = |label: &String| matches!((value(incident, label), value(other, label)), (Some(a), Some(b)) if a == b);
                other.id != id && other.signal == inhibition.while_open && inhibition.equal.iter().all(same)
            };
            let by = self.files.values().find(explains)?.case.incident.id;
            let (owner, until, reason) = (&inhibition.owner, inhibition.until, &inhibition.reason);
            Some(format!("incident {by} explains it (inhibition {name} of {owner} until {until}): {reason}"))
        })
    }

    /// Until when nobody is told of a finding, and why; `None` where people are.
    pub(super) fn silenced(&self, finding: &Finding, now_ms: u64) -> Option<(u64, String)> {
        let silences = self.plan()?.tables().silence.iter();
        let mut silences = silences.filter(|(_, silence)| silence.until.ms > now_ms);
        let matches = |matchers: &[crate::plan::Matcher]| matchers.iter().any(|m| label::matches(m, finding));
        let (id, silence) = silences.find(|(_, silence)| matches(&silence.matchers))?;
        let (owner, until, reason) = (&silence.owner, Moment { ms: silence.until.ms }, &silence.reason);
        let why = format!("notification silenced by {owner} until {until} (silence {id}): {reason}");
        Some((silence.until.ms, why))
    }
}

/// The value of a grouping label of an incident. One that it is not grouped by is not known of it.
fn value<'i>(incident: &'i Incident, label: &str) -> Option<&'i str> {
    incident.group.iter().find(|(name, _)| name == label)?.1.as_deref()
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
fn summary(incident: &Incident, decision: &Decision, verdicts: &[Verdict<'_>]) -> String {
    if !incident.state.is_open() {
        return format!(
            "Incident {} is {}: {}. It was: {}",
            incident.id, incident.state, incident.note, incident.title
        );
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
