//! The record as an Incident Finding of the Open Cybersecurity Schema Framework: class 2005 of category 2.
//! <https://schema.ocsf.io/classes/incident_finding>

use serde_json::{Value, json};

use super::Record;
use crate::finding::Severity;
use crate::incident::IncidentState;

/// The version of the schema that this is written by.
const OCSF_VERSION: &str = "1.3.0";

/// Returns the record as one JSON object.
pub fn ocsf(record: &Record) -> Value {
    let incident = &record.incident;
    let (activity_id, activity) = if incident.state.is_open() { (2, "Update") } else { (3, "Close") };
    let (status_id, status) = match incident.state {
        IncidentState::Triage if incident.acked_by.is_none() => (1, "New"),
        IncidentState::Triage | IncidentState::Active => (2, "In Progress"),
        IncidentState::Contained | IncidentState::Monitoring => (4, "Resolved"),
        _ => (5, "Closed"),
    };
    let (severity_id, severity) = severity(incident.severity);
    let assignee = incident.acked_by.as_ref().or(incident.declared_by.as_ref());
    let mut event = json!({
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2005,
        "class_name": "Incident Finding",
        "type_uid": 200_500 + activity_id,
        "type_name": format!("Incident Finding: {activity}"),
        "time": record.as_of_ms,
        "start_time": incident.began_ms,
        "end_time": incident.last_ms,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "desc": incident.title,
        "comment": incident.note,
        "confidence_score": record.findings.iter().map(|one| one.claim.confidence_percent).max(),
        "metadata": {
            "version": OCSF_VERSION,
            "product": { "name": "Watchfire", "vendor_name": "Watchfire", "version": env!("CARGO_PKG_VERSION") },
            "uid": incident.id.to_string(),
        },
        "finding_info_list": findings(record),
        "unmapped": unmapped(record),
    });
    // One of the two is needed; a role without a person is a group.
    match assignee {
        Some(person) => event["assignee"] = json!({ "uid": person, "name": record.name(person) }),
        None => event["assignee_group"] = json!({ "name": "nobody has it yet" }),
    }
    if let Some(resolution) = incident.no_change.as_ref().filter(|_| !incident.state.is_open()) {
        event["resolution"] = json!(resolution);
    }
    event
}

fn severity(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn findings(record: &Record) -> Vec<Value> {
    let of = |finding: &crate::finding::Finding| {
        json!({
            "uid": finding.id,
            "title": finding.claim.title,
            "desc": finding.claim.description,
            "created_time": finding.at_ms,
            "first_seen_time": finding.time_ms,
            "types": [finding.claim.kind],
            "analytic": { "name": finding.detector, "uid": finding.digest, "type_id": 1, "type": "Rule" },
            "related_events_count": finding.claim.transactions.len(),
        })
    };
    let mut findings: Vec<Value> = record.findings.iter().map(of).collect();
    if findings.is_empty() {
        // An incident that somebody opened by hand stands on their word.
        findings.push(json!({ "uid": format!("incident-{}", record.id()), "title": record.incident.title }));
    }
    findings
}

/// What the schema has no place for.
fn unmapped(record: &Record) -> Value {
    json!({
        "protocol": record.incident.protocol,
        "signal": record.incident.signal,
        "state": record.incident.state,
        "plan": record.incident.plan,
        "roles": record.incident.roles,
        "retracted": record.incident.retracted,
        "loss": record.incident.loss.iter().map(|(asset, amount)| (asset.clone(), amount.to_string())).collect::<std::collections::BTreeMap<_, _>>(),
        "risks": record.incident.risks,
        "decisions": record.decisions,
        "timeline": record.timeline,
        "milestones": record.milestones().iter().map(|(what, at_ms)| json!({ "point": what, "at_ms": at_ms })).collect::<Vec<_>>(),
    })
}
