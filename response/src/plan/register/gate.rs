//! The release gate: what stands against a release, each thing with a way on.

use serde::{Deserialize, Serialize};

use super::{Standing, gravest_first};
use crate::diagnostic::{Diagnostic, suggestion};
use crate::incident::IncidentId;
use crate::plan::entity::{RiskStatus, Tables};
use crate::plan::moment::Moment;

/// An incident that is over, as far as the register is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedIncident {
    /// Its number.
    pub id: IncidentId,
    /// When it was closed, milliseconds since the Unix epoch.
    pub closed_at_ms: u64,
    /// Ids of the risks that those who closed it named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<String>,
    /// Why no risk changed, in the words of those who closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_change: Option<String>,
}

/// What kind of thing stands against a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// Nobody wrote of a risk since an incident in which it showed was closed.
    UntouchedRisk,
    /// An incident was closed with a risk that the register does not have.
    UnknownRisk,
    /// An incident was closed without a risk, and without a word on why none changed.
    UnansweredIncident,
    /// An acceptance is over, or has no end.
    LapsedAcceptance,
    /// Nobody has a risk.
    OwnerlessRisk,
    /// The plan has an error.
    UnreadyPlan,
}

/// One thing that stands against a release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reason {
    /// What kind of thing it is.
    pub obstacle: Obstacle,
    /// What it is about, as `risk.bent-price`, `incident.17`, or the place of an error in a file.
    pub on: String,
    /// What is wrong, in a clause.
    pub message: String,
    /// How to mend it, in a clause.
    pub help: String,
}

/// What stands against a release as of a moment, milliseconds since the Unix epoch: what was written and closed later does
/// not count, and nothing if the release may go out. `readiness` is what the readiness check says of the plan.
pub fn judge(tables: &Tables, incidents: &[ClosedIncident], readiness: &[Diagnostic], at_ms: u64) -> Vec<Reason> {
    let standings: Vec<(&str, Standing)> =
        gravest_first(tables).into_iter().filter_map(|(id, risk)| Some((id, Standing::at(risk, at_ms)?))).collect();
    let mut reasons = Vec::new();
    for incident in incidents.iter().filter(|incident| incident.closed_at_ms <= at_ms) {
        of_incident(tables, &standings, incident, &mut reasons);
    }
    for (id, standing) in standings.iter().filter(|(_, standing)| standing.status != RiskStatus::Closed) {
        of_risk(id, standing, at_ms, &mut reasons);
    }
    reasons.extend(readiness.iter().filter(|found| found.is_error()).map(unready));
    reasons
}

/// Returns an error of the plan as something that stands against a release.
pub fn unready(found: &Diagnostic) -> Reason {
    let key = if found.key.is_empty() { String::new() } else { format!("{}: ", found.key) };
    Reason {
        obstacle: Obstacle::UnreadyPlan,
        on: format!("{}:{}:{}", found.file, found.line, found.column),
        message: format!("{key}{}", found.message),
        help: if found.help.is_empty() { "mend the plan".into() } else { found.help.clone() },
    }
}

fn of_incident(tables: &Tables, standings: &[(&str, Standing)], incident: &ClosedIncident, reasons: &mut Vec<Reason>) {
    let number = incident.id;
    let closed_at = Moment { ms: incident.closed_at_ms / 1_000 * 1_000 };
    let link = format!("incident.{number}");
    let mut answered = incident.no_change.as_deref().is_some_and(|why| !why.trim().is_empty());
    for (id, standing) in standings {
        if !incident.risks.iter().any(|named| named == id) && !standing.linked.contains(&link) {
            continue;
        }
        answered = true;
        // Entries are written to the second.
        if standing.touched_at.is_none_or(|touched_at| touched_at < closed_at) {
            reasons.push(untouched(id, incident, closed_at));
        }
    }
    // Those that were in nobody's words by then.
    let known = |id: &str| standings.iter().any(|(other, _)| *other == id);
    for id in incident.risks.iter().filter(|id| tables.risk.contains_key(*id) && !known(id)) {
        answered = true;
        reasons.push(untouched(id, incident, closed_at));
    }
    for named in incident.risks.iter().filter(|named| !tables.risk.contains_key(*named)) {
        answered = true;
        let near = suggestion(named, tables.risk.keys().map(String::as_str));
        reasons.push(Reason {
            obstacle: Obstacle::UnknownRisk,
            on: format!("incident.{number}"),
            message: format!("it was closed with the risk `{named}`, which the register does not have"),
            help: format!(
                "add it: `watchfire risk add {named} --incident {number} …`{}",
                if near.is_empty() { String::new() } else { format!("; {near}") }
            ),
        });
    }
    if !answered {
        reasons.push(Reason {
            obstacle: Obstacle::UnansweredIncident,
            on: format!("incident.{number}"),
            message: format!("it was closed on {closed_at} without a risk and without a word on why none changed"),
            help: format!("link it: `watchfire risk link RISK --incident {number}`, or add a risk that it showed"),
        });
    }
}

fn untouched(id: &str, incident: &ClosedIncident, closed_at: Moment) -> Reason {
    let number = incident.id;
    Reason {
        obstacle: Obstacle::UntouchedRisk,
        on: format!("risk.{id}"),
        message: format!("it showed in incident {number}, closed on {closed_at}, and nobody wrote of it since"),
        help: format!("say what is made of it: `watchfire risk update {id} --incident {number} --why …`"),
    }
}

fn of_risk(id: &str, standing: &Standing, at_ms: u64, reasons: &mut Vec<Reason>) {
    let on = format!("risk.{id}");
    let lapsed = match standing.accepted_until {
        _ if standing.status != RiskStatus::Accepted => None,
        None => Some("it is accepted without an end".to_owned()),
        Some(until) => standing.has_lapsed(at_ms).then(|| format!("it was accepted until {until} only")),
    };
    if let Some(message) = lapsed {
        let help = format!(
            "decide anew: `watchfire risk accept {id} --until … --why …`, or `watchfire risk update {id} --status open --why …`"
        );
        reasons.push(Reason { obstacle: Obstacle::LapsedAcceptance, on: on.clone(), message, help });
    }
    if standing.owner.is_none() {
        let message = "nobody has it".to_owned();
        let help = format!("name a role or a person: `watchfire risk update {id} --owner … --why …`");
        reasons.push(Reason { obstacle: Obstacle::OwnerlessRisk, on, message, help });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Gravity;
    use crate::plan::Plan;

    const DAY_MS: u64 = 86_400_000;

    /// 2026-11-01, the day on which incident 17 is closed.
    const CLOSED_MS: u64 = 1_793_491_200_000;

    fn risk(rest: &str) -> String {
        format!(
            "[role.council]\nkind = \"decision-owner\"\nmembers = [\"ana\"]\n[person.ana]\nname = \"Ana\"\n\
             [risk.bent-price]\nsummary = \"s\"\nasset = \"a\"\ncause = \"c\"\nlikelihood = \"low\"\nimpact = \"high\"\n\
             response = \"mitigate\"\n{rest}"
        )
    }

    fn entry(at: &str, status: &str) -> String {
        format!("[[risk.bent-price.history]]\nat = {at}\nby = \"ana\"\nwhat = \"w\"\nstatus = \"{status}\"\n")
    }

    fn incident(risks: &[&str], no_change: Option<&str>) -> ClosedIncident {
        let risks = risks.iter().map(|risk| (*risk).to_owned()).collect();
        ClosedIncident { id: 17, closed_at_ms: CLOSED_MS, risks, no_change: no_change.map(str::to_owned) }
    }

    /// What stands against a release of a day after the closure of incident 17, `days` later.
    fn check(plan: &str, incidents: &[ClosedIncident], days: u64, expected: &[&str]) {
        let plan = Plan::load(&[("plan.toml".into(), plan.into())]).unwrap_or_else(|found| panic!("{found:?}"));
        let reasons = judge(plan.tables(), incidents, &[], CLOSED_MS + days * DAY_MS);
        let found: Vec<String> = reasons.iter().map(|reason| format!("{}: {}", reason.on, reason.message)).collect();
        assert_eq!(found, expected);
        assert!(reasons.iter().all(|reason| !reason.help.is_empty()), "{reasons:?}");
    }

    const OWNED: &str = "owner = \"council\"\nstatus = \"open\"\nincidents = [17]\n";

    #[test]
    fn a_risk_is_untouched_until_somebody_writes_of_it_after_the_closure() {
        let untouched =
            ["risk.bent-price: it showed in incident 17, closed on 2026-11-01, and nobody wrote of it since"];
        let one = [incident(&[], None)];
        check(&risk(OWNED), &one, 9, &untouched);
        check(&risk(&format!("{OWNED}{}", entry("2026-10-31T23:59:59Z", "open"))), &one, 9, &untouched);
        check(&risk(&format!("{OWNED}{}", entry("2026-11-01T00:00:00Z", "open"))), &one, 9, &[]);
        // What is written after the release does not count for it.
        let later = format!("{OWNED}{}{}", entry("2026-10-01", "open"), entry("2026-11-08", "open"));
        check(&risk(&later), &one, 6, &untouched);
        check(&risk(&later), &one, 7, &[]);
        // Nor does an incident that was closed after it.
        check(&risk(OWNED), &[ClosedIncident { closed_at_ms: CLOSED_MS + 10 * DAY_MS, ..incident(&[], None) }], 9, &[]);
        // A risk that shows again though it was closed asks for a word too.
        check(&risk(&OWNED.replace("open", "closed")), &one, 9, &untouched);
    }

    #[test]
    fn who_closed_an_incident_named_a_risk_or_said_why_none_changed() {
        let unlinked = OWNED.replace("incidents = [17]\n", "");
        let plan = risk(&unlinked);
        check(
            &plan,
            &[incident(&[], None)],
            9,
            &["incident.17: it was closed on 2026-11-01 without a risk and without a word on why none changed"],
        );
        check(
            &plan,
            &[incident(&[], Some("  "))],
            9,
            &["incident.17: it was closed on 2026-11-01 without a risk and without a word on why none changed"],
        );
        check(&plan, &[incident(&[], Some("the node was wrong"))], 9, &[]);
        check(
            &plan,
            &[incident(&["bent-price"], None)],
            9,
            &["risk.bent-price: it showed in incident 17, closed on 2026-11-01, and nobody wrote of it since"],
        );
        check(&risk(&format!("{unlinked}{}", entry("2026-11-02", "open"))), &[incident(&["bent-price"], None)], 9, &[]);
        check(
            &plan,
            &[incident(&["bent-prise"], None)],
            9,
            &["incident.17: it was closed with the risk `bent-prise`, which the register does not have"],
        );
    }

    #[test]
    fn an_acceptance_ends() {
        let accepted = |until: &str| risk(&format!("owner = \"council\"\nstatus = \"accepted\"\n{until}"));
        let until = "accepted_until = 2026-11-10\n";
        check(&accepted(until), &[], 8, &[]);
        check(&accepted(until), &[], 9, &["risk.bent-price: it was accepted until 2026-11-10 only"]);
        check(&accepted(""), &[], 0, &["risk.bent-price: it is accepted without an end"]);
        check(&accepted(until).replace("\"accepted\"", "\"mitigated\""), &[], 9, &[]);
    }

    #[test]
    fn a_risk_has_an_owner_until_it_is_closed() {
        check(&risk("status = \"open\"\n"), &[], 0, &["risk.bent-price: nobody has it"]);
        check(&risk("status = \"closed\"\n"), &[], 0, &[]);
    }

    #[test]
    fn an_error_of_the_readiness_check_stands_and_a_warning_does_not() {
        let plan = Plan::load(&[("plan.toml".into(), risk(OWNED))]).unwrap_or_else(|found| panic!("{found:?}"));
        let found = |severity| Diagnostic::at(severity, "plan.toml", "x", 0..1, "signal.drain", "nobody acts".into());
        let readiness = [found(Gravity::Error).with_help("name an intervention"), found(Gravity::Warning)];
        assert_eq!(
            judge(plan.tables(), &[], &readiness, CLOSED_MS),
            [Reason {
                obstacle: Obstacle::UnreadyPlan,
                on: "plan.toml:1:1".into(),
                message: "signal.drain: nobody acts".into(),
                help: "name an intervention".into(),
            }]
        );
    }
}
