//! The plan as a CACAO v2.0 security playbook, for tools that exchange playbooks.
//! <https://docs.oasis-open.org/cacao/security-playbooks/v2.0/security-playbooks-v2.0.html>

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::moment::{Moment, span};
use super::{Intervention, Plan};

/// What ids of this plan's objects are derived under (UUIDv5), so that the same plan gives the same ids.
const NAMESPACE: Uuid = Uuid::from_bytes(*b"watchfire-plans!");

/// Returns the plan as one playbook, as of a moment in milliseconds since the Unix epoch.
pub fn cacao(plan: &Plan, now_ms: u64) -> Value {
    let book = Book { plan };
    let mut workflow = Map::new();
    let end = book.id("end", "end");
    let mut branches = Vec::new();
    for (name, signal) in &plan.tables().signal {
        let mut next = end.clone();
        // From the dearest to the cheapest, so that each leads to the next dearer one.
        let mut mapped: Vec<(&String, &Intervention)> =
            signal.interventions.iter().filter_map(|id| plan.tables().intervention.get_key_value(id)).collect();
        mapped.sort_by_key(|(id, one)| (std::cmp::Reverse(one.cost.trust), (*id).clone()));
        for (id, intervention) in mapped {
            let step = book.id("action", &format!("{name}/{id}"));
            workflow.insert(step.clone(), book.action(id, intervention, &next));
            next = step;
        }
        let condition = book.id("if-condition", name);
        workflow.insert(
            condition.clone(),
            json!({
                "type": "if-condition",
                "name": name,
                "description": signal.summary,
                "condition": format!("__signal__:value = '{name}'"),
                "on_true": next,
                "on_false": end,
            }),
        );
        branches.push(condition);
    }
    let (start, parallel) = (book.id("start", "start"), book.id("parallel", "signals"));
    workflow.insert(start.clone(), json!({ "type": "start", "on_completion": parallel }));
    workflow.insert(
        parallel,
        json!({ "type": "parallel", "name": "Each signal leads to its own", "next_steps": branches, "on_completion": end }),
    );
    workflow.insert(end, json!({ "type": "end" }));
    let at = timestamp(now_ms);
    json!({
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": book.id("playbook", "plan"),
        "name": book.protocol(),
        "description": format!("The response plan of {}, hash {}", book.protocol(), plan.hash()),
        "playbook_types": ["mitigation", "remediation"],
        "created_by": book.id("identity", "protocol"),
        "created": at,
        "modified": at,
        "playbook_variables": {
            "__signal__": { "type": "string", "description": "the signal of the open incident", "constant": false, "external": true },
        },
        "workflow_start": start,
        "workflow": workflow,
        "agent_definitions": book.agents(),
    })
}

struct Book<'a> {
    plan: &'a Plan,
}

impl Book<'_> {
    fn protocol(&self) -> &str {
        match self.plan.tables().protocol.name.as_str() {
            "" => "the protocol",
            name => name,
        }
    }

    fn id(&self, kind: &str, name: &str) -> String {
        let name = format!("{}/{kind}/{name}", self.plan.hash());
        format!("{kind}--{}", Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }

    fn action(&self, id: &str, intervention: &Intervention, next: &str) -> Value {
        let limits = &intervention.limits;
        let mut rules = vec![
            format!("{} decides, {} must agree", intervention.owner, limits.quorum.unwrap_or(1).max(1)),
            format!(
                "carried out by {} within {} of the decision",
                intervention.authority,
                span(self.plan.seconds_to_effect(intervention))
            ),
            format!("trust cost {}: {}", intervention.cost.trust, intervention.cost.why),
        ];
        rules.extend(limits.uses.map(|uses| {
            format!("{uses} uses{}", limits.per_s.map(|s| format!(" in {}", span(s))).unwrap_or_default())
        }));
        rules.extend(limits.max_duration_s.map(|seconds| format!("at most {}", span(seconds))));
        rules.extend(limits.not_after.map(|end| format!("not after {end}")));
        rules.extend(intervention.prerequisites.iter().map(|one| format!("first make sure: {one}")));
        rules.extend(intervention.postcondition.iter().map(|one| format!("afterwards: {one}")));
        if !intervention.cost.blocks.is_empty() {
            rules.push(format!("keeps users from: {}", intervention.cost.blocks.join(", ")));
        }
        let calls = intervention
            .calls
            .iter()
            .map(|call| format!("{} {}({})", call.target, call.function, call.args.join(", ")));
        let commands: Vec<Value> =
            calls.chain([rules.join("; ")]).map(|command| json!({ "type": "manual", "command": command })).collect();
        json!({
            "type": "action",
            "name": id,
            "description": intervention.summary,
            "on_completion": next,
            "commands": commands,
            "agent": self.id("group", &intervention.owner),
        })
    }

    fn agents(&self) -> Map<String, Value> {
        let tables = self.plan.tables();
        let owners: std::collections::BTreeSet<&String> = tables.intervention.values().map(|one| &one.owner).collect();
        owners
            .into_iter()
            .map(|role| {
                let people = self.plan.people(role).join(", ");
                (self.id("group", role), json!({ "type": "group", "name": role, "description": people }))
            })
            .collect()
    }
}

/// As CACAO writes it: RFC 3339 with milliseconds, in UTC.
fn timestamp(at_ms: u64) -> String {
    let seconds = Moment { ms: at_ms / 1_000 * 1_000 }.to_string();
    let seconds = if seconds.contains('T') { seconds } else { format!("{seconds}T00:00:00Z") };
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), at_ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::starter::Kind;

    const NOW_MS: u64 = 1_795_608_000_250;

    /// Required properties, identifiers and references, as the specification has them.
    #[test]
    fn each_starter_is_a_playbook_whose_references_hold() {
        for kind in Kind::ALL {
            let plan = match Plan::load(&kind.files("Quay", NOW_MS, true)) {
                Ok(plan) => plan,
                Err(found) => panic!("{found:?}"),
            };
            let book = cacao(&plan, NOW_MS);
            assert_eq!((&book["type"], &book["spec_version"]), (&"playbook".into(), &"cacao-2.0".into()));
            assert_eq!(book["created"], "2026-11-25T12:00:00.250Z");
            let (Some(workflow), Some(agents)) = (book["workflow"].as_object(), book["agent_definitions"].as_object())
            else {
                panic!("{book}")
            };
            let is_id = |id: &str, kind: &str| {
                id.split_once("--").is_some_and(|(own, uuid)| {
                    own == kind && Uuid::parse_str(uuid).is_ok_and(|uuid| uuid.get_version_num() == 5)
                })
            };
            for key in ["id", "created_by", "workflow_start"] {
                assert!(book[key].as_str().is_some_and(|id| id.contains("--")), "{key}");
            }
            let mut actions = 0;
            for (id, step) in workflow {
                let Some(of) = step["type"].as_str() else { panic!("{step}") };
                assert!(is_id(id, of), "{id}");
                let several = step["next_steps"].as_array().into_iter().flatten();
                for next in ["on_completion", "on_true", "on_false"].iter().map(|key| &step[*key]).chain(several) {
                    assert!(next.is_null() || next.as_str().is_some_and(|next| workflow.contains_key(next)), "{next}");
                }
                if of == "action" {
                    actions += 1;
                    assert!(step["agent"].as_str().is_some_and(|agent| agents.contains_key(agent)), "{step}");
                    assert!(step["commands"].as_array().is_some_and(|commands| !commands.is_empty()), "{step}");
                }
            }
            let mapped: usize = plan.tables().signal.values().map(|signal| signal.interventions.len()).sum();
            assert_eq!(actions, mapped);
            assert_eq!(book, cacao(&plan, NOW_MS), "the same plan gives the same playbook");
        }
    }
}
