//! A drill's file as a script for people: what they are told in its course, and what is left to them.

use std::cmp::Reverse;

use alloy_primitives::B256;

use super::run::Heard;
use super::scenario::{Happening, Scenario};
use crate::chain::BlockRef;
use crate::finding::{Finding, Origin};
use crate::plan::Plan;
use crate::staged::{Staged, StagedFinding};
use crate::triage::label;

/// What people are told, and what a file has that they are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The parts, in order of time.
    pub parts: Vec<Staged>,
    /// What is left out, each in a clause: how often, and why.
    pub left_out: Vec<String>,
}

/// Makes the script of a drill that lasts `for_s` seconds, `speed` times as fast as in the file. What detectors find in its recording
/// is `heard`, each so many milliseconds after its beginning.
pub fn script(scenario: &Scenario, heard: &[(u64, Heard)], speed: u64, for_s: u64) -> Script {
    let speed = speed.max(1);
    let mut parts: Vec<Staged> = scenario.at.iter().filter_map(|one| of_file(one, speed)).collect();
    parts.extend(heard.iter().map(|(after_ms, heard)| of_recording(after_ms / 1_000 / speed, heard)));
    parts.sort_by_key(|part| part.after_s);
    let all = parts.len();
    parts.retain(|part| part.after_s < for_s);
    let count = |is_so: fn(&Happening) -> bool| scenario.at.iter().filter(|one| is_so(one)).count();
    let channels =
        |one: &Happening| !(one.sleeps.is_empty() && one.wakes.is_empty() && one.down.is_empty() && one.up.is_empty());
    let left_out = [
        (all - parts.len(), "after the drill's end: `--for-min` lets it last, `--speed` plays it faster"),
        (count(|one| one.act.is_some()), "of what somebody does: people act for themselves"),
        (count(|one| one.fact.is_some()), "of what becomes known of a chain: it would not be so"),
        (count(channels), "of who sleeps and which channels are down: that is as it is"),
    ];
    let left_out = left_out.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    Script { left_out: left_out.collect(), parts }
}

/// Returns the signal of a plan that a script's first finding leads to, the gravest if it fits several; `None` if none.
pub fn signal_of<'p>(plan: &'p Plan, script: &[Staged]) -> Option<&'p str> {
    let first = script.iter().find_map(|part| part.finding.as_deref())?;
    let (input, severity) = (B256::ZERO, first.claim.severity);
    let origin = Origin {
        detector: &first.detector,
        digest: B256::ZERO,
        input,
        block: first.chain.map(|chain| BlockRef { chain, number: 0, hash: input }),
        time_ms: 0,
        at_ms: 0,
        assurance: None,
        finality: None,
    };
    let finding = Finding::place(&origin, 0, first.claim.clone());
    let fits = plan
        .tables()
        .signal
        .iter()
        .filter(|(_, signal)| signal.matchers.iter().any(|matcher| label::matches(matcher, &finding)));
    fits.min_by_key(|(id, signal)| (Reverse(signal.severity.unwrap_or(severity)), *id)).map(|(id, _)| id.as_str())
}

fn of_file(happening: &Happening, speed: u64) -> Option<Staged> {
    let finding = happening.finding.as_ref().map(|scripted| {
        let (name, detector) = (scripted.name.clone(), scripted.detector.clone());
        Box::new(StagedFinding { name, detector, chain: scripted.chain, claim: scripted.claim() })
    });
    let (note, retract) = (happening.note.clone(), happening.retract.clone());
    let is_told = note.is_some() || finding.is_some() || retract.is_some();
    is_told.then(|| Staged { after_s: happening.after_s / speed, note, finding, retract })
}

fn of_recording(after_s: u64, heard: &Heard) -> Staged {
    match heard {
        Heard::Finding(finding) => {
            let staged = StagedFinding {
                name: Some(finding.id.to_string()),
                detector: finding.detector.clone(),
                chain: finding.block.map(|block| block.chain),
                claim: finding.claim.clone(),
            };
            Staged { after_s, note: None, finding: Some(Box::new(staged)), retract: None }
        }
        Heard::Retraction(finding, _) => {
            Staged { after_s, note: None, finding: None, retract: Some(finding.to_string()) }
        }
    }
}
