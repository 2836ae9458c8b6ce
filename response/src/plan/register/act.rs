//! What people do with a risk: each act gives the risk as it is afterwards, with one entry more in its history.

use super::links;
use crate::diagnostic::suggestion;
use crate::incident::IncidentId;
use crate::plan::entity::{Risk, RiskEvent, RiskStatus, Tables};
use crate::plan::moment::Moment;

/// An act on a risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It came into the register.
    Add,
    /// It has to do with these.
    Link {
        /// Ids of the signals by which it would show.
        signals: Vec<String>,
        /// Ids of interventions against it.
        interventions: Vec<String>,
        /// Numbers of incidents in which it showed.
        incidents: Vec<IncidentId>,
    },
    /// Somebody takes it upon themselves.
    Accept {
        /// Until when.
        until: Moment,
    },
    /// It was looked at, and may stand elsewhere or have another owner from now on.
    Update {
        /// Status of the risk; unchanged if `None`. Acceptance and closure are acts of their own.
        status: Option<RiskStatus>,
        /// Id of the role or person who owns it; unchanged if `None`.
        owner: Option<String>,
    },
    /// It is no more.
    Close,
}

/// What is written beside an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Moment,
    /// Who.
    pub by: String,
    /// Why, in a line; it may be empty.
    pub why: String,
    /// The release that is being made.
    pub release: Option<String>,
    /// The incident that led to it.
    pub incident: Option<IncidentId>,
}

/// Returns the risk after an act.
///
/// # Errors
///
/// If the act does not fit how the risk stands, or lacks something. The error says how to mend it.
pub fn act(risk: &Risk, act: &Act, note: &Note) -> Result<Risk, String> {
    if let Some(last) = risk.history.last().filter(|last| last.at > note.at) {
        let (last, now) = (last.at, note.at);
        return Err(format!("its last entry is of {last}, and it is {now} here; check the clock and that entry"));
    }
    let mut after = risk.clone();
    let before = links(risk).collect::<Vec<_>>();
    let what = match act {
        Act::Add => "added".to_owned(),
        Act::Link { signals, interventions, incidents } => {
            extend(&mut after.signals, signals);
            extend(&mut after.interventions, interventions);
            extend(&mut after.incidents, incidents);
            let new: Vec<String> = links(&after).filter(|link| !before.contains(link)).collect();
            if new.is_empty() {
                return Err(
                    "it is linked to all of these already, so nothing changes; to write that it was looked at, use \
                            `watchfire risk update`"
                        .into(),
                );
            }
            format!("linked to {}", new.join(", "))
        }
        Act::Accept { until } => {
            alive(risk)?;
            if *until <= note.at {
                return Err(format!("{until} is past, so it would be accepted until before now; name a later moment"));
            }
            after.status = RiskStatus::Accepted;
            after.accepted_until = Some(*until);
            format!("accepted until {until}")
        }
        Act::Update { status, owner } => {
            match status {
                Some(RiskStatus::Accepted) => {
                    return Err("accept it by `watchfire risk accept`, which asks until when".into());
                }
                Some(RiskStatus::Closed) => return Err("close it by `watchfire risk close`".into()),
                Some(status) => after.status = *status,
                None => {}
            }
            after.owner = owner.clone().or(after.owner);
            let status =
                Some(&after.status).filter(|status| **status != risk.status).map(|status| format!("now {status}"));
            let owner =
                after.owner.as_ref().filter(|_| after.owner != risk.owner).map(|owner| format!("now with {owner}"));
            let changes: Vec<String> = status.into_iter().chain(owner).collect();
            if changes.is_empty() { "looked at".to_owned() } else { changes.join(", ") }
        }
        Act::Close => {
            alive(risk)?;
            after.status = RiskStatus::Closed;
            "closed".to_owned()
        }
    };
    let why = note.why.trim();
    let first = risk.history.is_empty();
    after.history.push(RiskEvent {
        at: note.at,
        by: note.by.clone(),
        what: if why.is_empty() { what } else { format!("{what}: {why}") },
        status: after.status,
        release: note.release.clone(),
        incident: note.incident,
        owner: after.owner.clone().filter(|_| first || after.owner != risk.owner),
        accepted_until: after.acceptance().filter(|_| first || after.acceptance() != risk.acceptance()),
        linked: links(&after).filter(|link| !before.contains(link)).collect(),
    });
    Ok(after)
}

/// Checks that somebody who writes an entry is known to the plan. In a plan that names nobody, anybody may write.
///
/// # Errors
///
/// If the plan names people and not this one.
pub fn knows(tables: &Tables, by: &str) -> Result<(), String> {
    let known = || tables.person.keys().chain(tables.role.keys()).map(String::as_str);
    if by.trim().is_empty() {
        return Err("an entry needs somebody who answers for it; name a person or a role".into());
    }
    if known().next().is_none() || known().any(|id| id == by) {
        return Ok(());
    }
    Err(format!("no person or role of the plan is called `{by}`; {}", suggestion(by, known())))
}

fn alive(risk: &Risk) -> Result<(), String> {
    match risk.status {
        RiskStatus::Closed => Err("it is closed; open it again by `watchfire risk update --status open`".into()),
        _ => Ok(()),
    }
}

fn extend<T: Clone + PartialEq>(list: &mut Vec<T>, with: &[T]) {
    for item in with {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}
