//! What lies outside: dependencies, words to the public, risks, and what is kept quiet.

use std::collections::BTreeSet;

use super::people::VERIFIED_DAYS;
use super::survey::{Survey, TOP};
use super::table::*;
use crate::plan::RiskStatus;
use crate::plan::load::entity;

pub(super) fn check(survey: &mut Survey<'_>) {
    dependencies(survey);
    communications(survey);
    risks(survey);
    quiet(survey);
}

fn dependencies(survey: &mut Survey<'_>) {
    for (id, dependency) in &survey.tables().dependency {
        let at = entity("dependency", id);
        let lacking = [
            ("degraded mode", dependency.mode.is_none()),
            ("contact", dependency.contact.is_none()),
            ("backup contact", dependency.backup_contact.is_none()),
        ];
        let lacking: Vec<&str> = lacking.iter().filter(|(_, lacks)| *lacks).map(|(what, _)| *what).collect();
        if !lacking.is_empty() {
            survey.report(LONE_DEPENDENCY, at, &[], format!("it has no {}", lacking.join(" and no ")));
        }
        let has_contact = dependency.contact.is_some() || dependency.backup_contact.is_some();
        if has_contact && let Some(message) = survey.stale(dependency.verified_at, VERIFIED_DAYS, "verified") {
            survey.report(STALE, at, &["verified_at"], message);
        }
    }
}

fn communications(survey: &mut Survey<'_>) {
    let mut is_prepared = false;
    for (id, communication) in &survey.tables().communication {
        let at = entity("communication", id);
        if communication.severities.contains(&TOP) {
            is_prepared = true;
            if communication.template.as_ref().is_none_or(|template| template.trim().is_empty()) {
                let message = format!("it has no template for the first word to {}", communication.audience);
                survey.report(NO_TEMPLATE, at, &["template"], message);
            }
            if communication.template.as_ref().is_some_and(|template| template.contains("{title}")) {
                let message = format!("{} would be told what a detector repeats", communication.audience);
                survey.report(FOREIGN_WORDS, at, &["template"], message);
            }
        }
        let channels = communication.channels.iter().chain(&communication.backup_channels);
        let platform = |channel: &String| {
            channel.split_once(':').map_or(channel.as_str(), |(platform, _)| platform).trim().to_ascii_lowercase()
        };
        let platforms: BTreeSet<String> = channels.map(platform).collect();
        if let Some(only) = platforms.first()
            && platforms.len() == 1
        {
            let message = format!("all of it is said on `{only}`");
            survey.report(ONE_PLATFORM, at, &["channels"], message);
        }
    }
    if !is_prepared {
        survey.report(NO_TEMPLATE, entity("protocol", ""), &[], format!("no communication is for {TOP} incidents"));
    }
}

fn risks(survey: &mut Survey<'_>) {
    let open = survey.tables().risk.iter().filter(|(_, risk)| risk.status != RiskStatus::Closed);
    for (id, risk) in open {
        let at = entity("risk", id);
        if risk.owner.is_none() {
            survey.report(LOOSE_RISK, at, &[], "nobody has it".into());
        }
        if let Some(due) = risk.open_due().filter(|due| survey.is_past(*due)) {
            survey.report(LOOSE_RISK, at, &["due"], format!("what is to be done was due on {due}"));
        }
        match risk.accepted_until {
            Some(until) if survey.is_past(until) => {
                let message = format!("it was accepted until {until} only");
                survey.report(LOOSE_RISK, at, &["accepted_until"], message);
            }
            None if risk.status == RiskStatus::Accepted => {
                survey.report(LOOSE_RISK, at, &["status"], "it is accepted without an end".into());
            }
            _ => {}
        }
    }
}

fn quiet(survey: &mut Survey<'_>) {
    let tables = survey.tables();
    let silences = tables.silence.iter().map(|(id, silence)| ("silence", id, silence.until));
    let inhibitions = tables.inhibition.iter().map(|(id, inhibition)| ("inhibition", id, inhibition.until));
    for (table, id, until) in silences.chain(inhibitions) {
        if survey.is_past(until) {
            survey.report(QUIET_OVER, entity(table, id), &["until"], format!("it ended on {until}"));
        }
    }
}
