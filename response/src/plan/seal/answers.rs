//! What shows each control, and what lacks.

use std::collections::BTreeSet;

use super::coverage::coverage;
use super::sheet::{Sheet, listed};
use crate::finding::{COVERAGE, Severity, WATCH};
use crate::plan::moment::Moment;
use crate::plan::{ContactKind, Intervention, PlaybookKind, RiskStatus, RoleKind};

const YEAR: u64 = 365;
const QUARTER: u64 = 92;

/// Fills the sheet of a control.
pub(super) fn fill(control: &str, sheet: &mut Sheet<'_>) {
    match control {
        "ir-1.1.1" => roles(sheet),
        "ir-1.1.2" => contacts(sheet),
        "ir-2.1.1" => threats(sheet),
        "ir-2.1.2" => watched(sheet),
        "ir-2.1.3" => paging(sheet),
        "ir-2.1.4" => logs(sheet),
        "ir-3.1.1" => playbooks(sheet),
        "ir-3.1.2" => signers(sheet),
        "ir-3.1.3" => prepared(sheet),
        "ir-4.1.1" => channels(sheet),
        "ir-4.1.2" => updates(sheet),
        "ir-4.1.3" => public(sheet),
        "ir-5.1.1" => drills(sheet),
        _ => {}
    }
}

fn roles(sheet: &mut Sheet<'_>) {
    let wanted = [
        (RoleKind::IncidentLead, "incident lead", 2),
        (RoleKind::DecisionOwner, "decision owner", 2),
        (RoleKind::SubjectMatterExpert, "subject-matter expert", 1),
        (RoleKind::Scribe, "scribe", 1),
        (RoleKind::Communications, "communications", 1),
        (RoleKind::Counsel, "counsel", 1),
    ];
    for (kind, name, people) in wanted {
        let ids: Vec<String> =
            sheet.tables().role.iter().filter(|(_, role)| role.kind == kind).map(|(id, _)| id.clone()).collect();
        let thin: Vec<String> = ids.iter().filter(|id| sheet.plan.members(id).len() < people).cloned().collect();
        match (ids.is_empty(), thin.is_empty()) {
            (true, _) => sheet.lacks(format!("no role is of kind `{}`: add one", name.replace(' ', "-"))),
            (_, false) => sheet.lacks(format!("no backup for the {name}: {}", listed(&thin))),
            _ => sheet.shows(format!("{name}: {}", listed(&ids))),
        }
    }
    let experts = sheet.tables().role.values().filter(|role| role.kind == RoleKind::SubjectMatterExpert);
    let domains: BTreeSet<&String> = experts.flat_map(|role| &role.domains).collect();
    let domains: Vec<String> = domains.into_iter().cloned().collect();
    sheet.either(
        domains.len() >= 2,
        format!("experts for {}", listed(&domains)),
        "experts name no `domains`, as smart contracts, infrastructure and security",
    );
    let each: Vec<_> = sheet.tables().role.iter().map(|(id, role)| (format!("role.{id}"), role.verified_at)).collect();
    sheet.reviewed("roles", each.into_iter(), YEAR);
    let fresh = sheet.is_fresh(sheet.tables().protocol.reviewed_at, YEAR);
    sheet.either(
        fresh,
        "the plan was gone through within a year",
        "the whole plan was not gone through within a year: set protocol.reviewed_at",
    );
}

fn contacts(sheet: &mut Sheet<'_>) {
    let tables = sheet.tables();
    let wanted = [
        ContactKind::Emergency,
        ContactKind::Auditor,
        ContactKind::Forensics,
        ContactKind::Legal,
        ContactKind::Press,
        ContactKind::Infrastructure,
        ContactKind::Dependent,
    ];
    for kind in wanted {
        let ids: Vec<String> =
            tables.contact.iter().filter(|(_, one)| one.kind == kind).map(|(id, _)| id.clone()).collect();
        let name = kind.name();
        sheet.either(
            !ids.is_empty(),
            format!("{name}: {}", listed(&ids)),
            format!("no contact is of kind `{name}`: add a [contact.…]"),
        );
    }
    let blind: Vec<String> =
        tables.dependency.iter().filter(|(_, one)| one.contact.is_none()).map(|(id, _)| id.clone()).collect();
    let one_way: Vec<String> =
        tables.dependency.iter().filter(|(_, one)| !one.notice_both_ways).map(|(id, _)| id.clone()).collect();
    sheet.either(
        blind.is_empty(),
        "each dependency has a contact",
        format!("dependencies without a contact: {}", listed(&blind)),
    );
    if !one_way.is_empty() {
        sheet.lacks(format!("no notice both ways with {}: agree on it, and set notice_both_ways", listed(&one_way)));
    }
    let mut order: Vec<(u32, String)> =
        tables.contact.iter().filter_map(|(id, one)| Some((one.order?, id.clone()))).collect();
    order.sort();
    let order: Vec<String> = order.into_iter().map(|(_, id)| id).collect();
    sheet.either(
        !order.is_empty(),
        format!("called in this order: {}", order.join(", ")),
        "no contact has an `order` of calling",
    );
    let of_contacts = tables.contact.iter().map(|(id, one)| (format!("contact.{id}"), one.verified_at));
    let of_dependencies = tables.dependency.iter().map(|(id, one)| (format!("dependency.{id}"), one.verified_at));
    let of_people = tables.person.iter().map(|(id, one)| (format!("person.{id}"), one.verified_at));
    sheet.reviewed("contacts", of_contacts.chain(of_dependencies).chain(of_people), QUARTER);
}

fn threats(sheet: &mut Sheet<'_>) {
    let tables = sheet.tables();
    let open = tables.risk.values().filter(|risk| risk.status != RiskStatus::Closed).count();
    sheet.either(
        open > 0,
        format!("{open} risks stand in the register"),
        "the register has no risk: `watchfire risk add`",
    );
    let silent: Vec<String> =
        tables.dependency.iter().filter(|(_, one)| one.failure_modes.is_empty()).map(|(id, _)| id.clone()).collect();
    sheet.either(
        !tables.dependency.is_empty(),
        format!("{} dependencies, each with how it fails", tables.dependency.len()),
        "no dependency is named: oracles, bridges, chains, issuers",
    );
    if !silent.is_empty() {
        sheet.lacks(format!("no failure_modes of {}", listed(&silent)));
    }
    sheet.checks(&["WF-W05", "WF-W06", "WF-E04", "WF-E10", "WF-W03"], "no single human, platform or contact is alone");
    sheet.checks(&["WF-W07"], "each risk has an owner, and what was accepted has an end");
    let fresh = sheet.is_fresh(sheet.tables().protocol.reviewed_at, YEAR);
    sheet.either(
        fresh,
        "the plan was gone through within a year",
        "the threat model was not gone through within a year: set protocol.reviewed_at",
    );
}

fn watched(sheet: &mut Sheet<'_>) {
    let map = coverage(sheet.plan, sheet.known);
    sheet.either(
        !map.is_empty(),
        format!("{} assets are named", map.len()),
        "no asset is named: contracts, keys, domains, accounts",
    );
    let known = map.iter().filter(|one| one.gap.is_some()).count();
    if known > 0 {
        sheet.shows(format!("{known} gaps are known and accepted"));
    }
    let blind: Vec<String> =
        map.iter().filter(|one| !one.is_watched() && one.gap.is_none()).map(|one| one.asset.clone()).collect();
    let loose: Vec<String> =
        map.iter().filter(|one| !one.is_stoppable() && one.gap.is_none()).map(|one| one.asset.clone()).collect();
    if !blind.is_empty() {
        sheet.lacks(format!(
            "nobody watches {}: name what does in `watched_by`, or why nothing does in `gap`",
            listed(&blind)
        ));
    }
    if !loose.is_empty() {
        sheet.lacks(format!(
            "nobody can stop what happens to {}: map an intervention, or say why in `gap`",
            listed(&loose)
        ));
    }
    if !map.is_empty() && blind.is_empty() && loose.is_empty() {
        sheet.shows("each of them is watched and can be protected, or its gap is known");
    }
    let kinds: BTreeSet<&str> = map.iter().map(|one| one.kind).collect();
    for kind in ["contract", "key", "domain", "account"].into_iter().filter(|kind| !kinds.contains(kind)) {
        sheet.lacks(format!("no asset is of kind `{kind}`"));
    }
    let hears_gaps = sheet
        .tables()
        .signal
        .values()
        .any(|signal| signal.matchers.iter().any(|one| one.detector.as_deref() == Some(COVERAGE)));
    sheet.either(
        hears_gaps,
        "a gap in the watch is a signal of its own",
        format!("no signal matches `{COVERAGE}`: a gap in the watch pages nobody"),
    );
    sheet.outside("leaked credentials, and accounts at services that no feed of this host follows");
}

fn paging(sheet: &mut Sheet<'_>) {
    sheet.checks(&["WF-E01", "WF-E02"], "each signal leads to an action and, if grave, to somebody who is paged");
    sheet.checks(&["WF-E06", "WF-E07", "WF-E09"], "each escalation goes on by time, and ends with somebody");
    sheet.checks(&["WF-E03", "WF-E05", "WF-W14"], "no hour of the next 90 days is without somebody on call");
    sheet.checks(&["WF-E08"], "each person has a channel that wakes them");
    let platforms: BTreeSet<&String> = sheet.known.channels.values().collect();
    let platforms: Vec<String> = platforms.into_iter().cloned().collect();
    sheet.either(
        platforms.len() >= 2,
        format!("pages go by {}", listed(&platforms)),
        "pages go by one kind of channel: add another, so that one may fail",
    );
    let alone: Vec<String> = sheet
        .tables()
        .person
        .iter()
        .filter(|(_, one)| one.channels.urgent.len() + one.channels.normal.len() < 2)
        .map(|(id, _)| id.clone())
        .collect();
    if !alone.is_empty() {
        sheet.lacks(format!("one address alone for {}", listed(&alone)));
    }
    let bare: Vec<String> = sheet
        .tables()
        .signal
        .iter()
        .filter(|(id, signal)| {
            signal.runbook.is_none() && !sheet.tables().playbook.values().any(|one| one.signals.contains(id))
        })
        .map(|(id, _)| id.clone())
        .collect();
    sheet.either(
        bare.is_empty(),
        "each signal has a runbook or a playbook",
        format!("neither runbook nor playbook for {}", listed(&bare)),
    );
    sheet.either(
        sheet.known.has_heartbeat,
        "an outside service notices if the host is silent",
        "nothing outside notices if the host is silent: add [heartbeat]",
    );
}

fn logs(sheet: &mut Sheet<'_>) {
    let Some(journal) = sheet.known.journal.clone() else {
        sheet.lacks("there is no journal yet: let the host run");
        return sheet.outside("logs of infrastructure and cloud providers");
    };
    match journal.holds {
        Some(Ok(entries)) => sheet.shows(format!("the journal's chain of hashes holds over {entries} entries")),
        Some(Err(broken)) => sheet.lacks(format!("the journal's chain of hashes is broken: {broken}")),
        None => sheet.lacks("the journal was not verified: run `watchfire journal verify`"),
    }
    sheet.shows(match journal.keep_days {
        Some(days) => format!("decisions and acts are kept for ever, blocks for {days} days"),
        None => "everything is kept for ever".to_owned(),
    });
    match &sheet.tables().protocol.proof {
        Some(policy) if policy.acts.is_empty() => {
            sheet.lacks("the plan has no decision proved: take `proof = { acts = [] }` out of [protocol], and give people a `signer`");
        }
        _ => sheet.checks(&["WF-E24", "WF-W17"], "decisions on what costs trust are signed by whoever makes them"),
    }
    let hears = sheet
        .tables()
        .signal
        .values()
        .any(|signal| signal.matchers.iter().any(|one| one.detector.as_deref() == Some(WATCH)));
    sheet.either(
        hears,
        "whoever weakens the watch is reported to people",
        format!("no signal matches `{WATCH}`: nobody hears that the watch was weakened"),
    );
    sheet.outside("logs of infrastructure and cloud providers");
}

fn playbooks(sheet: &mut Sheet<'_>) {
    let tables = sheet.tables();
    for kind in PlaybookKind::ASKED {
        let ids: Vec<String> =
            tables.playbook.iter().filter(|(_, one)| one.kind == kind).map(|(id, _)| id.clone()).collect();
        let name = kind.name();
        sheet.either(
            !ids.is_empty(),
            format!("{name}: {}", listed(&ids)),
            format!("no playbook is of kind `{name}`: add a [playbook.…]"),
        );
    }
    let mut thin = Vec::new();
    for (id, one) in &tables.playbook {
        let lacking =
            [("evidence", one.evidence.is_empty()), ("duties", one.duties.is_empty()), ("calls", one.calls.is_empty())];
        let lacking: Vec<&str> = lacking.iter().filter(|(_, lacks)| *lacks).map(|(what, _)| *what).collect();
        if !lacking.is_empty() {
            thin.push(format!("playbook.{id} has no {}", lacking.join(", no ")));
        }
    }
    thin.into_iter().for_each(|text| sheet.lacks(text));
    let each: Vec<_> = tables.playbook.iter().map(|(id, one)| (format!("playbook.{id}"), one.reviewed_at)).collect();
    sheet.reviewed("playbooks", each.into_iter(), YEAR);
}

/// Ids of people who carry interventions out on chain.
fn signing(sheet: &Sheet<'_>) -> BTreeSet<String> {
    let on_chain = sheet.tables().authority.values().filter(|one| one.chain.is_some());
    on_chain.flat_map(|one| sheet.plan.members(&one.role)).map(str::to_owned).collect()
}

fn signers(sheet: &mut Sheet<'_>) {
    let people = signing(sheet);
    sheet.either(!people.is_empty(), format!("{} people sign", people.len()), "no authority on a chain has people");
    let paged: BTreeSet<&str> = sheet
        .tables()
        .escalation
        .values()
        .flat_map(|one| one.steps.iter().flat_map(|step| &step.who).chain(&one.last_resort))
        .flat_map(
            |who| if sheet.tables().role.contains_key(who) { sheet.plan.members(who) } else { vec![who.as_str()] },
        )
        .collect();
    let off: Vec<String> = people.iter().filter(|id| !paged.contains(id.as_str())).cloned().collect();
    sheet.either(off.is_empty(), "each of them is in an escalation", format!("no escalation pages {}", listed(&off)));
    let zones: BTreeSet<&String> =
        people.iter().filter_map(|id| sheet.tables().person.get(id)?.time_zone.as_ref()).collect();
    let zones: Vec<String> = zones.into_iter().cloned().collect();
    sheet.either(zones.len() >= 2, format!("in {}", listed(&zones)), "signers are in one time zone, or name none");
    sheet.checks(&["WF-E19", "WF-E15", "WF-E18"], "each threshold can be reached");
    let each: Vec<_> = people
        .iter()
        .filter_map(|id| Some((format!("person.{id}"), sheet.tables().person.get(id)?.verified_at)))
        .collect();
    sheet.reviewed("signers", each.into_iter(), QUARTER);
}

fn prepared(sheet: &mut Sheet<'_>) {
    let stops = |one: &&Intervention| {
        sheet.tables().authority.get(&one.authority).is_some_and(|authority| authority.chain.is_some())
    };
    let all: Vec<(&String, &Intervention)> = sheet.tables().intervention.iter().filter(|(_, one)| stops(one)).collect();
    let bare: Vec<String> = all.iter().filter(|(_, one)| one.calls.is_empty()).map(|(id, _)| (*id).clone()).collect();
    let count = all.len();
    sheet.either(
        count > 0,
        format!("{count} interventions on chain, each with who decides and how fast"),
        "no intervention is carried out on a chain",
    );
    if count > 0 {
        sheet.either(
            bare.is_empty(),
            "the calldata of each is prepared",
            format!("no `calls` are prepared for {}", listed(&bare)),
        );
    }
    sheet.checks(&["WF-E14", "WF-E17", "WF-W10"], "each is faster than the harm, and in reach");
    sheet.outside(
        "another signing interface, other nodes and another explorer for the day on which the usual ones are down",
    );
}

fn channels(sheet: &mut Sheet<'_>) {
    let kinds: BTreeSet<&String> = sheet.known.channels.values().collect();
    let kinds: Vec<String> = kinds.into_iter().cloned().collect();
    sheet.either(kinds.len() >= 2, listed(&kinds), "the response talks on one platform alone");
    sheet.checks(&["WF-W05"], "each audience has a backup on another platform");
    sheet.outside("who is a member of the response's rooms, and how a room for one incident is made");
}

fn updates(sheet: &mut Sheet<'_>) {
    for severity in [Severity::Critical, Severity::High, Severity::Medium] {
        let ids: Vec<String> = sheet
            .tables()
            .communication
            .iter()
            .filter(|(_, one)| one.severities.contains(&severity))
            .map(|(id, one)| format!("{id} ({}, every {})", one.audience, crate::plan::moment::span(one.cadence_s)))
            .collect();
        sheet.either(
            !ids.is_empty(),
            format!("{severity}: {}", listed(&ids)),
            format!("nobody is told how it goes while it is {severity}: add a [communication.…]"),
        );
    }
}

fn public(sheet: &mut Sheet<'_>) {
    let tables = sheet.tables();
    sheet.checks(&["WF-E16"], "the first word is prepared for the gravest severity");
    let bare: Vec<String> =
        tables.communication.iter().filter(|(_, one)| one.template.is_none()).map(|(id, _)| id.clone()).collect();
    let free: Vec<String> =
        tables.communication.iter().filter(|(_, one)| one.approver.is_none()).map(|(id, _)| id.clone()).collect();
    let none = tables.communication.is_empty();
    sheet.either(!none && bare.is_empty(), "each has a template", format!("no template: {}", listed(&bare)));
    sheet.either(
        !none && free.is_empty(),
        "somebody agrees to each before it goes out",
        format!("nobody agrees before it goes out: {}", listed(&free)),
    );
    let holds_back = tables.communication.values().any(|one| !one.forbidden.is_empty());
    sheet.either(
        holds_back,
        "what must not be said yet is written down",
        "nothing is forbidden until a state: write down what helps an attacker",
    );
    sheet.outside("how rumours are followed and put right");
}

fn drills(sheet: &mut Sheet<'_>) {
    let tables = sheet.tables();
    let each: Vec<_> =
        tables.intervention.iter().map(|(id, one)| (format!("intervention.{id}"), one.drilled_at)).collect();
    sheet.reviewed("interventions drilled or", each.into_iter(), YEAR);
    let fired: Vec<_> = tables.signal.iter().map(|(id, one)| (format!("signal.{id}"), one.fired_at)).collect();
    sheet.reviewed("signals fired in a replay or", fired.into_iter(), YEAR);
    if let Some(incidents) = sheet.known.journal.as_ref().map(|journal| journal.incidents).filter(|count| *count > 0) {
        sheet.shows(format!("{incidents} incidents stand in the journal, each with its times and decisions"));
    }
    let drill = sheet.known.journal.as_ref().and_then(|journal| journal.drill);
    let day = |ms: u64| Moment { ms: ms - ms % 86_400_000 };
    match drill.filter(|(_, at_ms)| sheet.is_fresh(Some(day(*at_ms)), YEAR)) {
        Some((number, at_ms)) => {
            let day = day(at_ms);
            sheet.shows(format!(
                "people were drilled on {day}, and drill {number} says who took part and what it showed"
            ));
            let late: Vec<String> = tables
                .risk
                .iter()
                .filter(|(_, risk)| risk.open_due().is_some_and(|due| due.ms < sheet.known.now_ms))
                .map(|(id, _)| format!("risk.{id}"))
                .collect();
            sheet.either(
                late.is_empty(),
                "nothing that was to be done is overdue",
                format!("what was to be done is overdue: {}", listed(&late)),
            );
        }
        None => sheet.outside("who took part in drills, what they showed, and whether that was mended in time"),
    }
}
