//! Runs a drill: the script and the cast on one virtual clock, through the desk that decides in earnest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cast::Cast;
use super::report::{Detection, Line, Report, Times};
use super::scenario::{Happening, Milestone, Scenario};
use crate::decision::{Answer, Decision, RulingState};
use crate::desk::wording::{IN_EFFECT, NOTHING_IN_TIME, OUTLASTS, OVER};
use crate::desk::{Desk, Input};
use crate::due::Clock;
use crate::effect::Effect;
use crate::fact::{Delivery, Fact, Says};
use crate::finding::Finding;
use crate::incident::IncidentId;
use crate::operator::{Act, Deed};
use crate::outcome::Outcome;
use crate::plan::{DO_NOTHING, InterventionKind, Plan};
use crate::timeline::EntryKind;

/// How long it takes until a page on a dead channel is known to have failed, milliseconds.
const FAILS_AFTER_MS: u64 = 5_000;

/// Something that is to happen.
enum Next<'a> {
    Script(usize, &'a Happening),
    Heard(&'a Heard),
    Fails(Delivery),
    Answers { incident: IncidentId, person: String },
    Decides { incident: IncidentId, person: String },
    Acts(Act),
    Holds { intervention: String },
}

pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) scenario: &'a Scenario,
    cast: Cast<'a>,
    desk: Desk,
    pub(super) start_ms: u64,
    pub(super) now_ms: u64,
    queue: BTreeMap<(u64, u64), Next<'a>>,
    queued: u64,
    findings: BTreeMap<String, Finding>,
    newest: Option<IncidentId>,
    decisions: BTreeMap<IncidentId, Decision>,
    rulings: BTreeMap<(IncidentId, u32), RulingState>,
    spoken: BTreeSet<(IncidentId, String)>,
    answering: BTreeSet<(IncidentId, String)>,
    /// When each intervention was in effect: from, until.
    pub(super) in_effect: Vec<(String, InterventionKind, u64, Option<u64>)>,
    pub(super) answers: BTreeSet<(String, &'static str)>,
    pub(super) paged: BTreeSet<String>,
    pub(super) clocks: Vec<Clock>,
    pub(super) times_s: Times,
    /// The finding that is taken in.
    finding: Option<Detection>,
    pub(super) detection: Option<Detection>,
    pub(super) lacks: BTreeMap<String, u64>,
    pub(super) log: Vec<Line>,
}

/// What detectors found in a recording.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A finding.
    Finding(Box<Finding>),
    /// A finding was taken back: which, and why.
    Retraction(alloy_primitives::B256, String),
}

/// Runs a drill against a plan. Returns what it came to.
pub fn run(plan: &Arc<Plan>, scenario: &Scenario) -> Report {
    run_with(plan, scenario, &[])
}

/// Runs a drill in which detectors find something too, each so many milliseconds after the start. Returns what it came to.
pub fn run_with<'a>(plan: &'a Arc<Plan>, scenario: &'a Scenario, heard: &'a [(u64, Heard)]) -> Report {
    let start_ms = scenario.drill.starts.ms;
    let mut run = Run {
        plan,
        scenario,
        cast: Cast::new(plan, scenario),
        desk: Desk::of_a_script(),
        start_ms,
        now_ms: start_ms,
        queue: BTreeMap::new(),
        queued: 0,
        findings: BTreeMap::new(),
        newest: None,
        decisions: BTreeMap::new(),
        rulings: BTreeMap::new(),
        spoken: BTreeSet::new(),
        answering: BTreeSet::new(),
        in_effect: Vec::new(),
        answers: BTreeSet::new(),
        paged: BTreeSet::new(),
        clocks: Vec::new(),
        times_s: Times::new(),
        finding: None,
        detection: None,
        lacks: BTreeMap::new(),
        log: Vec::new(),
    };
    run.step(Input::plan(plan.clone()));
    for (position, happening) in scenario.at.iter().enumerate() {
        run.later(happening.after_s.saturating_mul(1_000), Next::Script(position, happening));
    }
    for (after_ms, heard) in heard {
        run.later(*after_ms, Next::Heard(heard));
    }
    run.play();
    run.report()
}

impl<'a> Run<'a> {
    fn play(&mut self) {
        let end_ms = self.start_ms.saturating_add(self.scenario.drill.ends_after_s.saturating_mul(1_000));
        loop {
            let next_ms = self.queue.first_key_value().map(|((at_ms, _), _)| *at_ms);
            let due_ms = self.desk.next_due_ms();
            let Some(at_ms) = next_ms.into_iter().chain(due_ms).min().filter(|at_ms| *at_ms <= end_ms) else { return };
            self.now_ms = at_ms.max(self.now_ms);
            if due_ms.is_some_and(|due_ms| due_ms <= at_ms) {
                self.step(Input::Tick);
            } else if let Some((_, next)) = self.queue.pop_first() {
                self.happen(next);
            }
        }
    }

    fn later(&mut self, after_ms: u64, next: Next<'a>) {
        self.queued += 1;
        self.queue.insert((self.now_ms.saturating_add(after_ms), self.queued), next);
    }

    fn happen(&mut self, next: Next<'a>) {
        match next {
            Next::Script(position, happening) => self.script(position, happening),
            Next::Heard(Heard::Finding(finding)) => {
                // It was found then, and is found now.
                let mut finding = Finding::clone(finding);
                (finding.time_ms, finding.at_ms) = (self.now_ms, self.now_ms);
                self.line(None, "finding", format!("{}: {}", finding.detector, finding.claim.title));
                let known_by = Some("it was shown the recording".to_owned());
                self.finding = Some(Detection { detector: finding.detector.clone(), known_by });
                self.step(Input::Finding(&finding));
                self.finding = None;
            }
            Next::Heard(Heard::Retraction(finding, reason)) => {
                self.step(Input::Retraction { finding: *finding, reason })
            }
            Next::Fails(delivery) => self.step(Input::Delivery(&delivery)),
            Next::Answers { incident, person } => self.answer(incident, &person),
            Next::Decides { incident, person } => self.decide(incident, &person),
            Next::Acts(act) => self.step(Input::Act(&act)),
            Next::Holds { intervention } => {
                let says = Says::Postcondition { intervention, yes: true };
                let fact = Fact { protocol: String::new(), says, block: None, read_at_ms: self.now_ms };
                self.step(Input::Fact(&fact));
            }
        }
    }

    fn script(&mut self, position: usize, happening: &'a Happening) {
        self.cast.change(&happening.sleeps, &happening.wakes, &happening.down, &happening.up);
        if let Some(note) = &happening.note {
            self.line(None, "script", note.clone());
        }
        let changes = [
            ("fall asleep", &happening.sleeps),
            ("wake up", &happening.wakes),
            ("down", &happening.down),
            ("up again", &happening.up),
        ];
        for (what, who) in changes.iter().filter(|(_, who)| !who.is_empty()) {
            self.line(None, "script", format!("{}: {what}", who.join(", ")));
        }
        if let Some(scripted) = &happening.finding {
            let finding = scripted.finding(position, self.now_ms);
            self.line(None, "finding", format!("{}: {}", scripted.detector, scripted.title));
            if let Some(name) = &scripted.name {
                self.findings.insert(name.clone(), finding.clone());
            }
            let known_by = scripted.known_by.clone();
            self.finding = Some(Detection { detector: scripted.detector.clone(), known_by });
            self.step(Input::Finding(&finding));
            self.finding = None;
        }
        if let Some(name) = &happening.retract {
            match self.findings.get(name).map(|finding| finding.id) {
                Some(finding) => self.step(Input::Retraction { finding, reason: "the script takes it back" }),
                None => self.line(None, "script", format!("no finding is called `{name}`, so none is taken back")),
            }
        }
        if let Some(act) = &happening.act {
            let incident = match act.deed {
                Deed::Open { .. } | Deed::Drill { .. } | Deed::Halt { .. } | Deed::Unhalt { .. } => act.incident,
                _ => act.incident.or(self.newest),
            };
            let act = Act {
                by: act.by.clone(),
                proof: String::new(),
                protocol: String::new(),
                incident,
                seen: None,
                signed: None,
                deed: act.deed.clone(),
            };
            self.step(Input::Act(&act));
        }
        if let Some(fact) = happening.fact_at(self.now_ms) {
            self.step(Input::Fact(&fact));
        }
    }

    /// Somebody who was paged answers, and thinks about what to do.
    fn answer(&mut self, incident: IncidentId, person: &str) {
        self.answering.remove(&(incident, person.to_owned()));
        if !self.cast.is_awake(person) {
            return;
        }
        let open = self.desk.incidents().find(|one| one.id == incident).map(|one| one.acked_by.is_none());
        match open {
            Some(true) => {
                let act = self.act(person, incident, Deed::Ack);
                self.step(Input::Act(&act));
            }
            Some(false) => {}
            None => return,
        }
        self.consider(incident, person);
    }

    /// Somebody who is there thinks about what to do, if they may decide on anything.
    fn consider(&mut self, incident: IncidentId, person: &str) {
        if self.is_in_hand(incident) {
            return;
        }
        let chosen = self.decisions.get(&incident).and_then(|decision| self.cast.choice(person, decision));
        if let Some((_, thinks_s)) = chosen {
            let person = person.to_owned();
            self.later(thinks_s.saturating_mul(1_000), Next::Decides { incident, person });
        }
    }

    fn decide(&mut self, incident: IncidentId, person: &str) {
        if self.is_in_hand(incident) || !self.cast.is_awake(person) {
            return;
        }
        let Some((intervention, _)) = self.decisions.get(&incident).and_then(|one| self.cast.choice(person, one))
        else {
            return;
        };
        let deed = Deed::Decide { intervention, why: "by the plan, as rehearsed".to_owned() };
        let act = self.act(person, incident, deed);
        self.step(Input::Act(&act));
    }

    /// Whether something was chosen that is under way or in effect.
    fn is_in_hand(&self, incident: IncidentId) -> bool {
        let rulings = self.desk.rulings(incident).iter();
        rulings.filter(|one| one.intervention != DO_NOTHING).any(|one| one.state.is_open() || one.state.is_in_effect())
    }

    fn act(&self, person: &str, incident: IncidentId, deed: Deed) -> Act {
        Act {
            by: person.to_owned(),
            proof: String::new(),
            protocol: String::new(),
            incident: Some(incident),
            seen: None,
            signed: None,
            deed,
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let outcomes = self.desk.step(input, self.now_ms);
        for outcome in &outcomes {
            self.note(outcome);
        }
        for outcome in outcomes {
            self.react(outcome);
        }
        self.follow_rulings();
    }

    /// Writes down what followed.
    fn note(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Timeline(entry) => {
                let by = entry.by.as_ref().map(|by| format!("{}: ", self.plan.name(by))).unwrap_or_default();
                self.line(Some(entry.incident), entry_name(entry.kind), format!("{by}{}", entry.text));
                match entry.kind {
                    EntryKind::Opened => {
                        if !self.times_s.contains_key(&Milestone::Detected) {
                            self.detection = self.finding.clone();
                        }
                        self.reach(Milestone::Detected);
                    }
                    EntryKind::Acked => self.reach(Milestone::Acked),
                    EntryKind::Decided => self.reach(Milestone::Decided),
                    EntryKind::Unreached | EntryKind::Exhausted | EntryKind::Overdue | EntryKind::Lapsed => {
                        self.lack(entry.text.clone())
                    }
                    _ => {}
                }
            }
            Outcome::Decision(decision) => {
                self.line(Some(decision.incident), "decision", format!("{}: {}", decision.cause, decision.in_time));
                if decision.in_time.contains(NOTHING_IN_TIME) {
                    self.lack("at some time nothing could act before the projected harm".to_owned());
                }
                for choice in &decision.choices {
                    let answer = match &choice.answer {
                        Answer::Permitted { .. } => "permitted",
                        Answer::Needs { .. } => "needs",
                        Answer::Denied { .. } => "denied",
                    };
                    self.answers.insert((choice.intervention.clone(), answer));
                    if let (Answer::Denied { why }, true) = (&choice.answer, choice.way.in_time.is_some()) {
                        let own = why.iter().all(|why| why.starts_with(IN_EFFECT) || why.starts_with(OVER));
                        if !own {
                            self.lack(format!("{} was denied: {}", choice.intervention, why.join("; ")));
                        }
                    }
                    if choice.way.ack_s.is_none() && !matches!(choice.answer, Answer::Denied { .. }) {
                        self.lack(format!(
                            "no step of the escalation reaches `{}`, which decides on {}",
                            choice.owner, choice.intervention
                        ));
                    }
                }
            }
            Outcome::Effect(ordered) => match &ordered.effect {
                Effect::Page { person, .. } => {
                    self.reach(Milestone::Paged);
                    self.paged.insert(person.clone());
                }
                Effect::Communicate { incident, audience, .. } => {
                    self.line(Some(*incident), "said", format!("to {audience}"));
                }
                Effect::Revert { incident, text, .. } => self.line(Some(*incident), "revert", text.clone()),
                _ => {}
            },
            Outcome::Clock(clock) => self.clocks.push(clock.clone()),
            Outcome::Refused { incident, by, act, why } => {
                self.line(*incident, "refused", format!("`{act}` by {}: {}", self.plan.name(by), why.join("; ")));
            }
            Outcome::Incident(incident) => self.newest = Some(incident.id),
            Outcome::Silence { .. } => {}
        }
    }

    /// People do what they do about it.
    fn react(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Decision(decision) => {
                let incident = decision.incident;
                let acked = self.desk.incidents().find(|one| one.id == incident).and_then(|one| one.acked_by.clone());
                self.decisions.insert(incident, decision);
                // Something changed: whoever has it thinks again.
                if let Some(person) = acked.filter(|person| self.cast.is_awake(person)) {
                    self.consider(incident, &person);
                }
            }
            Outcome::Effect(ordered) => {
                if let Effect::Page { incident, person, channel, .. } = ordered.effect {
                    if !self.cast.works(&channel) {
                        let answer = format!("{channel} is down");
                        let delivery = Delivery::failed(ordered.key, answer);
                        self.later(FAILS_AFTER_MS, Next::Fails(delivery));
                    } else if self.cast.is_awake(&person) && self.answering.insert((incident, person.clone())) {
                        let after_s = self.cast.behaviour(&person).answers_after_s;
                        self.later(after_s.saturating_mul(1_000), Next::Answers { incident, person });
                    }
                }
            }
            Outcome::Incident(incident) if incident.declared_at_ms.is_some() && incident.state.is_open() => {
                self.speak(incident.id, incident.severity);
            }
            _ => {}
        }
    }

    /// Has the people who owe an audience a first message write it, and those who must agree do so.
    fn speak(&mut self, incident: IncidentId, severity: crate::finding::Severity) {
        for (name, communication) in &self.plan.tables().communication {
            if !communication.severities.contains(&severity) || !self.spoken.insert((incident, name.clone())) {
                continue;
            }
            let Some(author) = self.cast.awake_of(&communication.owner, None) else { continue };
            let text = communication.template.clone().unwrap_or_else(|| "We are looking into it.".to_owned());
            let answers_s = self.cast.behaviour(&author).answers_after_s;
            let say = Deed::Communicate { communication: name.clone(), text, last: false };
            self.later(answers_s.saturating_mul(1_000), Next::Acts(self.act(&author, incident, say)));
            if let Some(approver) =
                communication.approver.as_ref().and_then(|role| self.cast.awake_of(role, Some(&author)))
            {
                let after_s =
                    answers_s.saturating_add(self.cast.behaviour(&approver).answers_after_s).saturating_add(1);
                let agree = Deed::ApproveText { communication: name.clone() };
                self.later(after_s.saturating_mul(1_000), Next::Acts(self.act(&approver, incident, agree)));
            }
        }
    }

    /// What was chosen is agreed to, carried out, and seen to work.
    fn follow_rulings(&mut self) {
        let ids: Vec<IncidentId> = self.desk.incidents().map(|incident| incident.id).collect();
        for id in ids {
            for ruling in self.desk.rulings(id).to_vec() {
                let known = self.rulings.insert((id, ruling.number), ruling.state);
                if known == Some(ruling.state) || ruling.intervention == DO_NOTHING {
                    continue;
                }
                let kind = self.plan.tables().intervention.get(&ruling.intervention).map(|one| one.kind);
                match ruling.state {
                    RulingState::Pending => {
                        let agreeing = self.cast.agreeing(&ruling);
                        let missing = ruling.quorum.saturating_sub(ruling.approvals.len() as u32) as usize;
                        if agreeing.len() < missing {
                            self.lack(format!(
                                "{} must agree to {} and {} hear that they are asked",
                                ruling.quorum,
                                ruling.intervention,
                                agreeing.len() + ruling.approvals.len()
                            ));
                        }
                        for (person, after_s) in agreeing {
                            let act = self.act(&person, id, Deed::Approve { ruling: ruling.number });
                            self.later(after_s.saturating_mul(1_000), Next::Acts(act));
                        }
                    }
                    RulingState::Approved => {
                        self.reach(Milestone::Decided);
                        match self.cast.carrying_out(&ruling) {
                            Ok((person, after_s)) => {
                                let by_what = "as rehearsed".to_owned();
                                let act = self.act(&person, id, Deed::Done { ruling: ruling.number, by_what });
                                self.later(after_s.saturating_mul(1_000), Next::Acts(act));
                            }
                            Err(why) => self.lack(why),
                        }
                    }
                    RulingState::Done => {
                        let works = !self.scenario.drill.fails.contains(&ruling.intervention);
                        if let (Some(kind), true) = (kind, works) {
                            self.reach(Milestone::Contained);
                            self.in_effect.push((ruling.intervention.clone(), kind, self.now_ms, None));
                            self.later(0, Next::Holds { intervention: ruling.intervention.clone() });
                        }
                    }
                    RulingState::Reversed => {
                        let mut standing = self.in_effect.iter_mut();
                        if let Some(one) = standing.find(|one| one.0 == ruling.intervention && one.3.is_none()) {
                            one.3 = Some(self.now_ms);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn at_s(&self) -> u64 {
        self.now_ms.saturating_sub(self.start_ms) / 1_000
    }

    fn line(&mut self, incident: Option<IncidentId>, what: &str, text: String) {
        self.log.push(Line { at_s: self.at_s(), incident, what: what.to_owned(), text });
    }

    pub(super) fn lack(&mut self, text: String) {
        // It comes again each hour, and says a longer time.
        let text = match text.split_once(OUTLASTS) {
            Some((id, _)) => format!("{id} was in effect for all that the plan allows, and nobody had undone it"),
            None => text,
        };
        let at_s = self.at_s();
        self.lacks.entry(text).or_insert(at_s);
    }

    pub(super) fn reach(&mut self, milestone: Milestone) {
        let at_s = self.at_s();
        self.times_s.entry(milestone).or_insert(at_s);
    }
}

pub(super) fn milestone_name(milestone: Milestone) -> &'static str {
    match milestone {
        Milestone::Detected => "detected",
        Milestone::Paged => "paged",
        Milestone::Acked => "acked",
        Milestone::Decided => "decided",
        Milestone::Contained => "contained",
    }
}

fn entry_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Opened => "opened",
        EntryKind::Finding | EntryKind::Retracted => "finding",
        EntryKind::Severity => "severity",
        EntryKind::Paged => "paged",
        EntryKind::Unreached => "unreached",
        EntryKind::Unanswered => "unanswered",
        EntryKind::Exhausted => "exhausted",
        EntryKind::Acked => "acked",
        EntryKind::Unacked => "unacked",
        EntryKind::Stopped => "unanswered",
        EntryKind::State => "state",
        EntryKind::Role => "role",
        EntryKind::Note | EntryKind::Well | EntryKind::Badly | EntryKind::Lucky => "note",
        EntryKind::Proposed => "proposed",
        EntryKind::Decided => "decided",
        EntryKind::Approved => "approved",
        EntryKind::Vetoed => "stopped",
        EntryKind::Done => "done",
        EntryKind::Verified => "verified",
        EntryKind::Reversed => "reversed",
        EntryKind::Lapsed => "lapsed",
        EntryKind::Communicated => "said",
        EntryKind::Overdue => "overdue",
        EntryKind::Silenced => "silenced",
        EntryKind::Plan => "plan",
        EntryKind::Fact => "fact",
        EntryKind::Merged => "merged",
        EntryKind::Asked => "asked",
        EntryKind::Action => "action",
        EntryKind::Withdrawn => "withdrawn",
    }
}
