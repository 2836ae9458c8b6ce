//! Which act asks for which standing in the plan. What alarms or writes down, everybody of the plan may; what answers, whoever
//! may be paged; what lowers or ends, whoever runs the incident; what says that something was done, whoever can do it.

use crate::desk::Desk;
use crate::desk::refusal::{Refusal, Taken};
use crate::incident::IncidentId;
use crate::operator::Deed;
use crate::plan::{DO_NOTHING, Plan};

/// The longest text that an act may bring, in characters.
const LONGEST_TEXT: usize = 4_000;

impl Desk {
    /// Refuses an act of somebody who may not, with who may.
    pub(super) fn refuse_unless_theirs(&self, id: IncidentId, by: &str, deed: &Deed, plan: &Plan) -> Taken {
        // Who began a drill ends it.
        let incident = self.file(id)?.incident();
        if incident.drill
            && incident.declared_by.as_deref() == Some(by)
            && matches!(deed, Deed::Close { .. } | Deed::Resolve { .. })
        {
            return Ok(());
        }
        match deed {
            Deed::Ack => self.refuse_unless_answering(id, by, plan),
            Deed::Grade { .. }
            | Deed::Silence { .. }
            | Deed::Merge { .. }
            | Deed::FalsePositive { .. }
            | Deed::Adopt
            | Deed::Resolve { .. }
            | Deed::Second { .. }
            | Deed::Close { .. } => self.refuse_unless_running(id, by, plan),
            Deed::Take { person: Some(person), .. } if person != by => self.refuse_unless_running(id, by, plan),
            Deed::Done { ruling, .. } => self.refuse_unless_holding(id, by, *ruling, plan),
            Deed::Confirm { ruling, .. } => self.refuse_own_work(id, by, *ruling, plan),
            // Deciding, agreeing, stopping, undoing and speaking ask for their own, where they are done.
            _ => Ok(()),
        }
    }

    /// Whether somebody may answer for an incident: their acts count as signs of life.
    pub(super) fn is_answering(&self, id: IncidentId, by: &str, plan: &Plan) -> bool {
        self.files.get(&id).is_some_and(|file| plan.answering(&file.signals()).contains(&by))
    }

    fn refuse_unless_answering(&self, id: IncidentId, by: &str, plan: &Plan) -> Taken {
        if self.is_answering(id, by, plan) {
            return Ok(());
        }
        let may = names(plan, &plan.answering(&self.file(id)?.signals()));
        let why =
            format!("{} is not paged for incident {id}, and neither runs it nor carries anything out", plan.name(by));
        Err(Refusal::NotTheirs { why, may })
    }

    fn refuse_unless_running(&self, id: IncidentId, by: &str, plan: &Plan) -> Taken {
        let signals = self.file(id)?.signals();
        let may = plan.running(&signals);
        if may.contains(&by) {
            return Ok(());
        }
        let (name, roles) = (plan.name(by), plan.running_roles(&signals));
        let why = format!("{name} neither leads nor decides here: it takes {roles}");
        Err(Refusal::NotTheirs { why, may: names(plan, &may) })
    }

    fn refuse_unless_holding(&self, id: IncidentId, by: &str, number: u32, plan: &Plan) -> Taken {
        let ruling = self.ruling(id, number)?;
        let Some(intervention) = plan.tables().intervention.get(&ruling.intervention) else { return Ok(()) };
        let may = plan.holding(intervention);
        if may.contains(&by) {
            return Ok(());
        }
        let role = plan.tables().authority.get(&intervention.authority).map_or("", |authority| authority.role.as_str());
        let why = format!(
            "{} is not of `{role}`, which carries {} out by `{}`",
            plan.name(by),
            ruling.intervention,
            intervention.authority
        );
        Err(Refusal::NotTheirs { why, may: names(plan, &may) })
    }

    /// That something works is said by another human than who did it, where there is one.
    fn refuse_own_work(&self, id: IncidentId, by: &str, number: u32, plan: &Plan) -> Taken {
        self.refuse_unless_answering(id, by, plan)?;
        let ruling = self.ruling(id, number)?;
        let Some((did, _)) = ruling.done.as_ref().filter(|_| ruling.intervention != DO_NOTHING) else { return Ok(()) };
        let may = plan.answering(&self.file(id)?.signals());
        let others: Vec<&str> = may.into_iter().filter(|other| !plan.same_human(other, did)).collect();
        if others.is_empty() || !plan.same_human(did, by) {
            return Ok(());
        }
        let why = format!("{} carried it out, and another human says whether it works", plan.name(did));
        Err(Refusal::NotTheirs { why, may: names(plan, &others) })
    }
}

/// Refuses an act whose text is longer than anybody reads.
pub(super) fn refuse_long(deed: &Deed) -> Taken {
    let longest = deed.texts().into_iter().map(|text| text.chars().count()).max().unwrap_or_default();
    if longest <= LONGEST_TEXT {
        return Ok(());
    }
    let why = format!("a text of {longest} characters is too long: say it in {LONGEST_TEXT}, and link to the rest");
    Err(Refusal::Unfit(why))
}

fn names(plan: &Plan, ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| plan.name(id)).collect()
}
