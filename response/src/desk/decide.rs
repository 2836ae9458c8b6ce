//! Makes the decision on an incident, if what it stands on changed, and notifies people of it.

use std::collections::BTreeSet;

use crate::decision::{Choice, Decision};
use crate::defaults::Defaults;
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::file::{File, Hush, HushedBy, Standing};
use crate::desk::growth::headline;
use crate::desk::judge::{Verdict, judge, precedence};
use crate::desk::words::list;
use crate::due::Due;
use crate::effect::{Effect, Notice};
use crate::finding::Finding;
use crate::incident::{Incident, IncidentId, IncidentState, ended};
use crate::outcome::Outcome;
use crate::plan::{Plan, Signal};
use crate::triage::label;

/// Why an incident is decided on again.
pub(super) enum Occasion<'a> {
    /// Something happened to the incident, said in a clause: there is a new revision in any case.
    Event(String),
    /// A finding was taken in. Silences are tried on it.
    Finding(&'a Finding),
    /// Something happened elsewhere, said in a clause, that may bear on the incident.
    Elsewhere(&'a str),
    /// Time has passed.
    Time,
}

impl Desk {
    /// Decides on the incidents that could use what others gave back.
    pub(super) fn serve_waiting(&mut self, turn: &mut Turn) {
        while let Some((intervention, by)) = self.ledgers.next_released() {
            let note = format!("incident {by} gave a use of {intervention} back");
            for id in self.mapping(&intervention) {
                self.revise(id, Occasion::Elsewhere(&note), turn);
            }
        }
    }

    /// Returns the open incidents whose signal maps an intervention: the gravest first, then the oldest.
    pub(super) fn mapping(&self, intervention: &str) -> Vec<IncidentId> {
        let maps = |file: &&File| {
            let plan = self.plans.get(file.case.incident.plan);
            plan.is_some_and(|plan| plan.interventions_of(&file.signals()).contains(&intervention))
        };
        let mut files: Vec<&File> = self.files.values().filter(maps).collect();
        files.sort_by_key(|file| precedence(&file.case));
        files.iter().map(|file| file.case.incident.id).collect()
    }

    /// Decides on an incident, unless nothing happened to it and what the last decision stood on is unchanged.
    pub(super) fn revise(&mut self, id: IncidentId, occasion: Occasion<'_>, turn: &mut Turn) {
        let (cause, note, about) = match occasion {
            Occasion::Event(cause) => (Some(cause), None, None),
            Occasion::Finding(finding) => (None, None, Some(finding)),
            Occasion::Elsewhere(note) => (None, Some(note), None),
            Occasion::Time => (None, None, None),
        };
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
        if let Some(file) = self.files.get_mut(&id) {
            file.case.settle();
        }
        let Some(file) = self.files.get(&id) else { return };
        let incident = &file.case.incident;
        let (verdicts, choices, in_time) = self.weigh(&plan, signal, file, turn.now_ms);
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
        let (is_first, text) = (file.revision == 0, summary(&plan, incident, &decision, &verdicts));
        let what = match incident.state {
            IncidentState::Retracted => Notice::Retracted,
            state if !state.is_open() => Notice::Ended,
            _ if is_first => Notice::Opened,
            _ => Notice::Changed,
        };
        let proposals = self.proposals(file, &plan, &verdicts, &decision.choices, &decision.cause);
        let Some(file) = self.files.get_mut(&id) else { return };
        file.revision += 1;
        file.standing = Some(standing);
        turn.out.push(Outcome::Decision(decision));
        self.put_forward(id, &plan, proposals, turn);
        self.notify(id, what, text, about, turn);
    }

    /// Returns what stands in the way of each intervention at a moment, the options in words, and who can act in time.
    fn weigh<'a>(
        &'a self,
        plan: &'a Plan,
        signal: &'a Signal,
        file: &'a File,
        now_ms: u64,
    ) -> (Vec<Verdict<'a>>, Vec<Choice>, String) {
        let verdicts = judge(&self.scales(plan, signal, file, now_ms));
        let situation = self.situation(plan, signal, file, now_ms);
        let mut choices: Vec<Choice> = verdicts.iter().map(|verdict| situation.choice(verdict)).collect();
        let in_time = situation.in_time(&verdicts, &choices);
        choices.push(situation.do_nothing(&verdicts));
        (verdicts, choices, in_time)
    }

    /// Returns who can act in time on an open incident, in words, and its options, both as they stand at `now_ms`, milliseconds
    /// since the Unix epoch: a decision says what held when it was made. `None` if no such incident is open.
    pub fn options(&self, id: IncidentId, now_ms: u64) -> Option<(String, Vec<Choice>)> {
        let file = self.files.get(&id)?;
        let plan = self.plans.get(file.incident().plan)?;
        let signal = plan.tables().signal.get(&file.incident().signal)?;
        let (_, choices, in_time) = self.weigh(plan, signal, file, now_ms);
        Some((in_time, choices))
    }

    pub(super) fn notify(
        &mut self,
        id: IncidentId,
        what: Notice,
        text: String,
        about: Option<&Finding>,
        turn: &mut Turn,
    ) {
        let muted = self.muted(id, turn.now_ms);
        let by_plan = about.and_then(|finding| Some((finding, self.silenced(finding, turn.now_ms)?.reason)));
        match (by_plan, muted, about) {
            (Some((finding, reason)), ..) => turn.out.push(Outcome::Silence { finding: finding.id, reason }),
            (None, Some(reason), Some(finding)) => turn.out.push(Outcome::Silence { finding: finding.id, reason }),
            (None, Some(_), None) => {}
            (None, None, _) => {
                let Some(file) = self.files.get_mut(&id) else { return };
                // Nobody was notified that it began, so nobody need be that it ended.
                if about.is_none() && !file.is_notified && !file.case.incident.state.is_open() {
                    return;
                }
                let what = if file.is_notified { what } else { Notice::Opened };
                file.is_notified = true;
                let severity = file.case.incident.severity;
                let brief = self.brief(id);
                let effect = Effect::Notify { incident: id, severity, what, text, brief };
                self.order(id, effect, turn);
            }
        }
    }

    /// Returns why nobody is notified of an incident now; `None` if people are.
    pub(super) fn muted(&self, id: IncidentId, now_ms: u64) -> Option<String> {
        let file = self.files.get(&id)?;
        if self.deadlines.due_at_ms(id, &Due::Hold).is_some() {
            return Some("it has not lasted as long as its signal wants".to_owned());
        }
        if self.deadlines.due_at_ms(id, &Due::Keep).is_some() {
            return Some("every finding was taken back; it is over if nothing comes back".to_owned());
        }
        if let Some(hush) = file.hush_at(now_ms) {
            return Some(hush.reason.clone());
        }
        let (name, by) = self.explanations(file, now_ms).find(|(_, other)| {
            // Of incidents that explain each other none explains anything, and one that is muted itself does not either:
            // somebody is always paged.
            !self.is_explained_by(other, id, now_ms) && self.muted(other.incident().id, now_ms).is_none()
        })?;
        let inhibition = self.plans.get(file.incident().plan)?.tables().inhibition.get(name)?;
        let (owner, until, reason) = (&inhibition.owner, inhibition.until, &inhibition.reason);
        let by = by.incident().id;
        Some(format!("incident {by} explains it (inhibition {name} of {owner} until {until}): {reason}"))
    }

    /// Iterates over the open incidents that would explain another, each with the id of the inhibition.
    fn explanations<'a>(&'a self, file: &'a File, now_ms: u64) -> impl Iterator<Item = (&'a str, &'a File)> {
        let incident = file.incident();
        let inhibitions = self.plans.get(incident.plan).into_iter().flat_map(|plan| &plan.tables().inhibition);
        let muting = inhibitions.filter(move |(_, one)| one.until.ms > now_ms && one.mutes.contains(&incident.signal));
        muting.flat_map(move |(name, inhibition)| {
            let explains = move |other: &&File| {
                let other = other.incident();
                let same = |label: &String| matches!((value(incident, label), value(other, label)), (Some(a), Some(b)) if a == b);
                let is_alike = other.rehearsal == incident.rehearsal;
                is_alike && other.id != incident.id && other.signal == inhibition.while_open && inhibition.equal.iter().all(same)
            };
            self.files.values().filter(explains).map(move |other| (name.as_str(), other))
        })
    }

    /// Whether `id` would explain an incident, itself or over others.
    fn is_explained_by(&self, file: &File, id: IncidentId, now_ms: u64) -> bool {
        let mut seen = BTreeSet::new();
        let mut left = vec![file];
        while let Some(file) = left.pop() {
            for (_, by) in self.explanations(file, now_ms) {
                let by_id = by.incident().id;
                if by_id == id {
                    return true;
                }
                if seen.insert(by_id) {
                    left.push(by);
                }
            }
        }
        false
    }

    /// Returns the hush that a silence of the plan puts on a finding; `None` if no silence covers it.
    pub(super) fn silenced(&self, finding: &Finding, now_ms: u64) -> Option<Hush> {
        let silences = self.plan()?.tables().silence.iter();
        let mut silences = silences.filter(|(_, silence)| silence.until.ms > now_ms);
        let matches = |matchers: &[crate::plan::Matcher]| matchers.iter().any(|m| label::matches(m, finding));
        let (id, silence) = silences.find(|(_, silence)| matches(&silence.matchers))?;
        let (owner, until, reason) = (&silence.owner, silence.until, &silence.reason);
        let reason = format!("notification silenced by {owner} until {until} (silence {id}): {reason}");
        Some(Hush { until_ms: silence.until.ms, reason, by: HushedBy::Plan })
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
fn summary(plan: &Plan, incident: &Incident, decision: &Decision, verdicts: &[Verdict<'_>]) -> String {
    if !incident.state.is_open() {
        if plan.defaults() < Defaults::Folded {
            let Incident { id, state, note, title, .. } = incident;
            return format!("Incident {id} is {state}: {note}. It was: {title}");
        }
        return format!("{}: {}", ended(incident.id, incident.state, &incident.title), incident.note);
    }
    let ids = |wanted: &dyn Fn(&&Verdict<'_>) -> bool| {
        list(verdicts.iter().filter(wanted).map(|verdict| verdict.id.to_owned()))
    };
    let mut said = vec![headline(plan, incident, decision.at_ms)];
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
