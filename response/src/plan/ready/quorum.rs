//! Agreement among people: whether as many humans as a rule asks for can keep it, and no fewer.

use std::collections::BTreeSet;

use super::survey::{Survey, listed};
use super::table::*;
use crate::plan::Intervention;
use crate::plan::load::entity;

pub(super) fn check(survey: &mut Survey<'_>) {
    for (id, intervention) in &survey.tables().intervention {
        agreement(survey, id, intervention);
        if intervention.limits.two_person {
            second_person(survey, id, intervention);
        }
        let at = entity("intervention", id);
        let authority = survey.tables().authority.get(&intervention.authority);
        if let Some(authority) = authority
            && let Some(only) = same_single(survey, &intervention.owner, &authority.role)
        {
            let message = format!("`{only}` alone decides on it and alone carries it out");
            survey.report(LONE_APPROVER, at, &["owner"], message);
        }
    }
    for (id, communication) in &survey.tables().communication {
        if let Some(approver) = &communication.approver
            && let Some(only) = same_single(survey, &communication.owner, approver)
        {
            let message = format!("`{only}` alone writes it and alone agrees to it");
            survey.report(LONE_APPROVER, entity("communication", id), &["approver"], message);
        }
    }
}

fn agreement(survey: &mut Survey<'_>, id: &str, intervention: &Intervention) {
    let at = entity("intervention", id);
    let needed = intervention.limits.quorum.unwrap_or(1) as usize;
    let members = survey.plan.members(&intervention.owner);
    let (humans, owner) = (survey.humans(&members), &intervention.owner);
    let allowed = allowed(survey, intervention, &members);
    if humans.len() < needed {
        let twice = twice(survey, &members).map(|ids| format!(", {ids} being one human")).unwrap_or_default();
        let message = format!("{needed} must agree, and `{owner}` has {}{twice}", people(humans.len()));
        survey.report(ONE_HUMAN, at, &["limits", "quorum"], message);
    } else if survey.humans(&allowed).len() < needed {
        let left = people(survey.humans(&allowed).len());
        let message = format!("{left} of `{owner}` may decide once the excluded are gone, and it takes {needed}");
        survey.report(DEADLOCK, at, &["limits", "excludes"], message);
    } else if needed > 1
        && let Some(ids) = twice(survey, &allowed)
    {
        let message = format!("{ids} are one human, who would count twice among the {needed} who must agree");
        survey.report(ONE_HUMAN, at, &["limits", "quorum"], message);
    }
}

fn second_person(survey: &mut Survey<'_>, id: &str, intervention: &Intervention) {
    let at = entity("intervention", id);
    let Some(authority) = survey.tables().authority.get(&intervention.authority) else { return };
    let (deciders, hands) = (survey.plan.members(&intervention.owner), survey.plan.members(&authority.role));
    let allowed = allowed(survey, intervention, &deciders);
    let everybody = survey.humans(&[deciders, hands.clone()].concat());
    let left = survey.humans(&[allowed.clone(), hands.clone()].concat());
    let path = ["limits", "two_person"];
    if let Some(only) = everybody.first()
        && everybody.len() == 1
    {
        let message = format!("`{only}` is the only human who may decide on it or carry it out");
        survey.report(ONE_HUMAN, at, &path, message);
    } else if !allowed.is_empty() && left.len() < 2 {
        let message = "whoever may decide once the excluded are gone is the only one who may carry it out".into();
        survey.report(DEADLOCK, at, &["limits", "excludes"], message);
    } else {
        if let Some(ids) = twice(survey, &[allowed, hands].concat()) {
            let message = format!("{ids} are one human, who could decide as one and carry it out as the other");
            survey.report(ONE_HUMAN, at, &path, message);
        }
    }
}

/// Those of `members` whom an intervention does not exclude.
fn allowed<'a>(survey: &Survey<'a>, intervention: &'a Intervention, members: &[&'a str]) -> Vec<&'a str> {
    let mut excluded: BTreeSet<&str> = BTreeSet::new();
    for who in &intervention.limits.excludes {
        if survey.tables().role.contains_key(who) {
            excluded.extend(survey.plan.members(who));
        } else {
            excluded.insert(who);
        }
    }
    members.iter().copied().filter(|member| !excluded.contains(member)).collect()
}

/// Returns ids that are one human, if there are such.
fn twice<'a>(survey: &Survey<'a>, ids: &[&'a str]) -> Option<String> {
    let ids: BTreeSet<&str> = ids.iter().copied().collect();
    survey.humans(&ids.iter().copied().collect::<Vec<_>>()).into_iter().find_map(|human| {
        let same: Vec<&str> = ids.iter().copied().filter(|id| survey.human(id) == human).collect();
        (same.len() > 1).then(|| listed(same))
    })
}

/// The one human whom two roles consist of.
fn same_single<'a>(survey: &Survey<'a>, one: &str, other: &str) -> Option<&'a str> {
    let single = |role: &str| {
        let humans: Vec<&'a str> = survey.humans(&survey.plan.members(role)).into_iter().collect();
        if let [only] = humans[..] { Some(only) } else { None }
    };
    single(one).filter(|only| single(other) == Some(only))
}

fn people(count: usize) -> String {
    match count {
        0 => "nobody".to_owned(),
        1 => "one person".to_owned(),
        count => format!("{count} people"),
    }
}
