//! What a drill came to: losses, what was expected, what the plan lacked.

use super::report::{Expected, Lack, Loss, Report};
use super::run::{Run, milestone_name};
use super::scenario::{Expectation, Milestone};
use crate::due::audit;

impl Run<'_> {
    pub(super) fn report(mut self) -> Report {
        let mut losses: Vec<Loss> = self
            .scenario
            .loss
            .iter()
            .map(|event| {
                let waits_for = event.delayed_by.as_ref().and_then(|id| self.plan.tables().authority.get(id));
                let at_s = event.after_s.saturating_add(waits_for.map_or(0, |authority| authority.delay_s));
                let at_ms = self.start_ms.saturating_add(at_s.saturating_mul(1_000));
                let mut standing = self.in_effect.iter();
                let by = standing.find(|(_, kind, from_ms, until_ms)| {
                    event.stopped_by.contains(kind)
                        && *from_ms <= at_ms
                        && until_ms.is_none_or(|until_ms| at_ms < until_ms)
                });
                Loss { at_s, usd: event.usd, what: event.what.clone(), averted_by: by.map(|one| one.0.clone()) }
            })
            .collect();
        losses.sort_by_key(|loss| loss.at_s);
        let sum = |averted: bool| {
            losses.iter().filter(|loss| loss.averted_by.is_some() == averted).map(|loss| loss.usd).sum()
        };
        let (lost_usd, averted_usd) = (sum(false), sum(true));
        for milestone in
            [Milestone::Detected, Milestone::Paged, Milestone::Acked, Milestone::Decided, Milestone::Contained]
        {
            if !self.times_s.contains_key(&milestone) {
                let never = match milestone {
                    Milestone::Detected => "no signal opened an incident",
                    Milestone::Paged => "nobody was paged",
                    Milestone::Acked => "nobody answered",
                    Milestone::Decided => "nothing was decided",
                    Milestone::Contained => "no intervention took effect",
                };
                self.lack(never.to_owned());
            }
        }
        let mut lacks: Vec<Lack> =
            std::mem::take(&mut self.lacks).into_iter().map(|(text, at_s)| Lack { at_s, text }).collect();
        lacks.sort();
        let mut report = Report {
            name: self.scenario.drill.name.clone(),
            protocol: self.plan.tables().protocol.name.clone(),
            plan: self.plan.hash(),
            held: false,
            times_s: self.times_s.clone(),
            detection: self.detection.clone(),
            losses,
            lost_usd,
            averted_usd,
            expected: Vec::new(),
            lacks,
            log: std::mem::take(&mut self.log),
        };
        report.expected =
            self.scenario.expect.iter().flat_map(|expectation| self.compare(expectation, &report)).collect();
        report.held = report.expected.iter().all(|expected| expected.met);
        report
    }

    fn compare(&self, expectation: &Expectation, report: &Report) -> Vec<Expected> {
        let mut found = Vec::new();
        let mut check = |what: String, met: bool, seen: String| found.push(Expected { what, met, seen });
        if let Some(milestone) = expectation.reached {
            let name = milestone_name(milestone);
            let seen_s = self.times_s.get(&milestone).copied();
            let within = expectation.within_s;
            let what = within.map_or_else(|| name.to_owned(), |within_s| format!("{name} within {within_s} s"));
            let met = seen_s.is_some_and(|seen_s| within.is_none_or(|within_s| seen_s <= within_s));
            check(what, met, seen_s.map_or_else(|| "never".to_owned(), |seen_s| format!("after {seen_s} s")));
        }
        if let Some(percent) = expectation.averted_percent {
            let seen = report.averted_percent();
            check(format!("at least {percent} % of the loss averted"), seen >= percent, format!("{seen} %"));
        }
        if let Some(intervention) = &expectation.intervention {
            let given: Vec<&str> =
                self.answers.iter().filter(|(id, _)| id == intervention).map(|(_, answer)| *answer).collect();
            let seen = if given.is_empty() { "never an option".to_owned() } else { given.join(", then ") };
            match &expectation.answer {
                Some(answer) => check(format!("{intervention} is {answer}"), given.contains(&answer.as_str()), seen),
                None => check(format!("{intervention} is an option"), !given.is_empty(), seen),
            }
        }
        if let Some(person) = &expectation.paged {
            let met = self.paged.contains(person);
            check(format!("{person} is paged"), met, if met { "paged" } else { "not paged" }.to_owned());
        }
        if let Some(person) = &expectation.not_paged {
            let met = !self.paged.contains(person);
            check(format!("{person} is not paged"), met, if met { "not paged" } else { "paged" }.to_owned());
        }
        if let Some(words) = &expectation.says {
            let line = report.log.iter().find(|line| line.text.contains(words.as_str()));
            let seen = line.map_or_else(|| "not said".to_owned(), |line| format!("after {} s", line.at_s));
            check(format!("the log says \"{words}\""), line.is_some(), seen);
        }
        if let Some(what) = &expectation.never_blocks {
            let took_effect = self.in_effect.iter().map(|(id, ..)| id);
            let blocks = |id: &&String| {
                let intervention = self.plan.tables().intervention.get(*id);
                intervention.is_some_and(|intervention| intervention.cost.blocks.contains(what))
            };
            let by: Vec<&str> = took_effect.filter(blocks).map(String::as_str).collect();
            let seen = if by.is_empty() { "nothing does".to_owned() } else { format!("{} does", by.join(", ")) };
            check(format!("nothing keeps users from `{what}`"), by.is_empty(), seen);
        }
        if expectation.no_deadline_missed == Some(true) {
            let audit = audit(&self.clocks, self.now_ms, 0);
            let met = audit == Default::default();
            let seen = format!("{} late, {} missed", audit.late.len(), audit.missed.len() + audit.odd.len());
            check("no deadline missed".to_owned(), met, seen);
        }
        found
    }
}
