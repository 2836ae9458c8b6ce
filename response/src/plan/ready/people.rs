//! People: whether somebody who may decide can be woken at any hour, and in time.

use std::collections::{BTreeMap, BTreeSet};

use super::survey::{DAY_S, Survey, TOP, is_automatic, listed, schedule_of, turns};
use super::table::*;
use crate::finding::Severity;
use crate::plan::alias::reach_of;
use crate::plan::load::entity;
use crate::plan::moment::span;
use crate::plan::{Escalation, ProofPolicy, ProvedAct, Schedule, Signal, WithoutSigner, rota};

/// How far ahead rotas are looked at, in days.
const AHEAD_DAYS: u64 = 90;

/// How many gaps of a rota are listed by their times.
const GAPS_LISTED: usize = 3;

/// After how many days what was verified is to be verified again.
pub(super) const VERIFIED_DAYS: u64 = 90;

pub(super) fn check(survey: &mut Survey<'_>) {
    reach(survey);
    shared(survey);
    roles(survey);
    rotas(survey);
    idle(survey);
    steps(survey);
    acks(survey);
    signers(survey);
}

/// Whoever should prove what they decide has something to sign with.
fn signers(survey: &mut Survey<'_>) {
    let tables = survey.tables();
    let unwritten = ProofPolicy::unwritten();
    let policy = tables.protocol.proof.as_ref().unwrap_or(&unwritten);
    let mut lacking: BTreeMap<&str, &str> = BTreeMap::new();
    for (id, intervention) in tables.intervention.iter().filter(|(id, _)| policy.covers(id, survey.plan)) {
        let leads = if policy.acts.contains(&ProvedAct::Veto) { survey.plan.leads() } else { Vec::new() };
        for person in survey.plan.members(&intervention.owner).into_iter().chain(leads) {
            if tables.person.get(person).is_some_and(|one| one.signer.is_none()) {
                lacking.entry(person).or_insert(id);
            }
        }
    }
    for (person, intervention) in lacking {
        let at = entity("person", person);
        if policy.without_signer == WithoutSigner::Recorded {
            let message =
                format!("what `{person}` decides on `{intervention}` counts without a proof, as no signer is named");
            survey.report(NOT_PROVED, at, &[], message);
        } else {
            let message = format!("what `{person}` decides on `{intervention}` must be signed, and no signer is named");
            survey.report(NO_SIGNER, at, &[], message);
        }
    }
}

fn reach(survey: &mut Survey<'_>) {
    for (id, person) in &survey.tables().person {
        let at = entity("person", id);
        if person.channels.urgent.is_empty() {
            survey.report(NO_URGENT_CHANNEL, at, &["channels"], format!("nothing wakes {}", person.name));
        }
        if let Some(message) = survey.stale(person.verified_at, VERIFIED_DAYS, "verified") {
            survey.report(STALE, at, &["verified_at"], message);
        }
    }
}

/// Two people whom one phone wakes are woken by nothing once it is lost, and an answer from it is of neither.
fn shared(survey: &mut Survey<'_>) {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for (id, person) in &survey.tables().person {
        let numbers = person.channels.normal.iter().filter(|address| is_number(address));
        let own: BTreeSet<String> =
            person.channels.urgent.iter().chain(numbers).map(|address| reach_of(address)).collect();
        let mut found = Vec::new();
        for reach in own {
            match known.get(&reach) {
                Some(other) => found.push(format!("`{other}` is reached there too: {}", place_of(&reach))),
                None => drop(known.insert(reach, id)),
            }
        }
        if let Some(message) = found.into_iter().next() {
            survey.report(SHARED_ADDRESS, entity("person", id), &["channels"], message);
        }
    }
}

fn is_number(address: &str) -> bool {
    reach_of(address).starts_with("number:")
}

fn place_of(reach: &str) -> String {
    match reach.strip_prefix("number:") {
        Some(digits) => format!("the number +{digits}"),
        None => reach.to_owned(),
    }
}

fn roles(survey: &mut Survey<'_>) {
    for (id, role) in &survey.tables().role {
        let at = entity("role", id);
        if let Some(message) = survey.stale(role.verified_at, VERIFIED_DAYS, "verified") {
            survey.report(STALE, at, &["verified_at"], message);
        }
        let mut owned = survey.tables().intervention.iter().filter(|(_, intervention)| intervention.owner == *id);
        let Some((decides_on, _)) = owned.next() else { continue };
        let members = survey.plan.members(id);
        if let [only] = members[..] {
            let message = format!("it decides on `{decides_on}`, and `{only}` is its only person");
            survey.report(LONE_OWNER, at, &["members"], message);
        }
        let Some(schedule) = schedule_of(survey.tables(), role) else { continue };
        let strangers: Vec<&str> = turns(schedule).into_iter().filter(|person| !members.contains(person)).collect();
        if !strangers.is_empty() {
            let message = format!(
                "its schedule puts {} on call, who may not decide on `{decides_on}`",
                listed(strangers.iter().copied())
            );
            survey.report(OWNER_OFF_DUTY, at, &["schedule"], message);
        }
    }
}

fn rotas(survey: &mut Survey<'_>) {
    let until_ms = survey.now_ms.saturating_add(AHEAD_DAYS * DAY_S * 1_000);
    for (id, schedule) in &survey.tables().schedule {
        let gaps = gaps(schedule, survey.now_ms, until_ms);
        let Some((first_ms, _)) = gaps.first() else { continue };
        let covers = |at_ms: u64| {
            let covering = schedule.overrides.iter().rposition(|one| one.from.ms <= at_ms && at_ms < one.until.ms);
            covering.map(|index| index.to_string())
        };
        let by_override = covers(*first_ms);
        let path = match &by_override {
            Some(index) => vec!["overrides", index],
            None => vec!["layers"],
        };
        let local = |at_ms: u64| rota::local_date(&schedule.time_zone, at_ms).unwrap_or_default();
        let listed = gaps.iter().take(GAPS_LISTED).map(|(from_ms, to_ms)| match to_ms {
            Some(to_ms) => format!("from {} to {}", local(*from_ms), local(*to_ms)),
            None => format!("from {} on", local(*from_ms)),
        });
        let mut message = format!("nobody is on call {}", listed.collect::<Vec<_>>().join(", "));
        if gaps.len() > GAPS_LISTED {
            message.push_str(&format!(", and {} more times within {AHEAD_DAYS} days", gaps.len() - GAPS_LISTED));
        }
        survey.report(ROTA_GAP, entity("schedule", id), &path, format!("{message} ({})", schedule.time_zone));
    }
}

fn idle(survey: &mut Survey<'_>) {
    for (id, schedule) in &survey.tables().schedule {
        for index in 0..schedule.layers.len() {
            let never = rota::without_turn(schedule, index);
            if !never.is_empty() {
                let message = format!("{} never on call in this layer", are(&never));
                survey.report(
                    NEVER_ON_CALL,
                    entity("schedule", id),
                    &["layers", &index.to_string(), "people"],
                    message,
                );
            }
        }
    }
}

/// Ids in a row with the verb: `a` is, `a` and `b` are.
fn are(ids: &[&str]) -> String {
    format!("{} {}", listed(ids.iter().copied()), if ids.len() == 1 { "is" } else { "are" })
}

/// Returns when nobody is on call, from one moment to another: each from when, and to when if that is before the end.
fn gaps(schedule: &Schedule, from_ms: u64, until_ms: u64) -> Vec<(u64, Option<u64>)> {
    let mut gaps: Vec<(u64, Option<u64>)> = Vec::new();
    for at_ms in rota::changes(schedule, from_ms, until_ms) {
        let is_open = gaps.last().is_some_and(|(_, to_ms)| to_ms.is_none());
        match (rota::on_call(schedule, at_ms), gaps.last_mut()) {
            (Some(_), Some((_, to_ms))) if is_open => *to_ms = Some(at_ms),
            (None, _) if !is_open => gaps.push((at_ms, None)),
            _ => {}
        }
    }
    gaps
}

fn steps(survey: &mut Survey<'_>) {
    for (id, escalation) in &survey.tables().escalation {
        let at = entity("escalation", id);
        if escalation.then.is_none() && escalation.last_resort.is_empty() {
            let message = "nobody is paged once it is exhausted".into();
            survey.report(NO_LAST_STEP, at, &[], message);
        }
        for (index, step) in escalation.steps.iter().enumerate() {
            if let Some(who) = sleepers(survey, &step.who) {
                let message = format!("nothing wakes {who}");
                survey.report(SILENT_STEP, at, &["steps", &index.to_string()], message);
            }
        }
        if let Some(who) = sleepers(survey, &escalation.last_resort) {
            survey.report(SILENT_STEP, at, &["last_resort"], format!("nothing wakes {who}"));
        }
    }
}

/// Returns all whom these may page, if none of them can be woken.
fn sleepers(survey: &Survey<'_>, who: &[String]) -> Option<String> {
    let people: Vec<&str> = who.iter().flat_map(|who| survey.paged(who)).collect();
    let can_be_woken = |id: &&str| {
        let person = survey.tables().person.get(*id);
        person.is_some_and(|person| !person.channels.urgent.is_empty())
    };
    (!people.is_empty() && !people.iter().any(can_be_woken)).then(|| listed(people))
}

fn acks(survey: &mut Survey<'_>) {
    let mut worst: Vec<(&str, u64, String)> = Vec::new();
    for (id, signal) in &survey.tables().signal {
        let Some((escalation, of)) = survey.plan.escalation(id, TOP) else { continue };
        let paging_s = paging_s(survey, of);
        let Some((room_s, message)) = too_slow(survey, id, signal, paging_s) else { continue };
        match worst.iter_mut().find(|(known, ..)| *known == escalation) {
            Some(known) if known.1 > room_s => *known = (escalation, room_s, message),
            Some(_) => {}
            None => worst.push((escalation, room_s, message)),
        }
    }
    for (escalation, _, message) in worst {
        survey.report(SLOW_ACKS, entity("escalation", escalation), &["steps"], message);
    }
}

/// Until everybody was paged once and had their time, in seconds.
fn paging_s(survey: &Survey<'_>, escalation: &Escalation) -> u64 {
    let mut next = Some(escalation);
    let mut sum_s: u64 = 0;
    while let Some(of) = next {
        let steps_s = of.steps.iter().fold(0u64, |sum, step| sum.saturating_add(step.ack_within_s));
        next = of.then.as_ref().and_then(|id| survey.tables().escalation.get(id));
        let rounds = if next.is_some() { u64::from(of.repeat) + 1 } else { 1 };
        sum_s = sum_s.saturating_add(steps_s.saturating_mul(rounds));
    }
    sum_s
}

/// Returns how long paging may take for a signal, in seconds, and what is wrong, if it takes longer.
fn too_slow(survey: &Survey<'_>, id: &str, signal: &Signal, paging_s: u64) -> Option<(u64, String)> {
    let mapped = signal.interventions.iter().filter_map(|id| survey.tables().intervention.get_key_value(id));
    let live: Vec<_> = mapped.filter(|(_, intervention)| survey.is_live(intervention)).collect();
    let by_people = live.iter().filter(|(_, intervention)| !is_automatic(intervention));
    let (fastest_s, fastest) = by_people.map(|(id, intervention)| (survey.seconds(intervention), *id)).min()?;
    let Some(harm_s) = signal.time_to_harm_s else {
        let message = format!(
            "paging may take {}, longer than the {} that `{fastest}` takes for `{id}`",
            span(paging_s),
            span(fastest_s)
        );
        return (paging_s > fastest_s).then_some((fastest_s, message));
    };
    let automatic = live.iter().filter(|(_, intervention)| is_automatic(intervention));
    let is_covered = automatic.map(|(_, intervention)| survey.seconds(intervention)).any(|seconds| seconds <= harm_s);
    // Where not even those who are there are in time, paging is not what is wrong.
    let room_s = harm_s.checked_sub(fastest_s).filter(|_| !is_covered)?;
    let message = format!(
        "paging may take {}, and `{fastest}` then {}, but the harm of `{id}` comes after {}",
        span(paging_s),
        span(fastest_s),
        span(harm_s)
    );
    (paging_s > room_s).then_some((room_s, message))
}

/// The severities at which an incident of a signal must wake somebody.
pub(super) fn waking(signal: &Signal) -> impl Iterator<Item = Severity> {
    let least = signal.severity.unwrap_or(Severity::Info);
    [Severity::High, Severity::Critical].into_iter().filter(move |severity| *severity >= least)
}
