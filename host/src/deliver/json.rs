//! Entries as JSON lines: one object a line, of which `type` says what it is.

use serde_json::{Map, Value, json};

use crate::entry::Entry;
use crate::event::Event;

/// An entry as one JSON object: `type`, `seq`, and its fields. A block is summed up; the journal has it whole.
pub fn object(seq: u64, entry: &Entry) -> Value {
    let (kind, body) = match entry {
        Entry::Input(stamped) => input(stamped.at_ms, &stamped.event),
        other => (other.kind(), serde_json::to_value(other).unwrap_or_default()),
    };
    let mut object = Map::new();
    object.insert("type".into(), kind.into());
    object.insert("seq".into(), seq.into());
    if let Value::Object(fields) = body {
        object.extend(fields.into_iter().filter(|(name, _)| name != "entry"));
    }
    Value::Object(object)
}

fn input(at_ms: u64, event: &Event) -> (&'static str, Value) {
    match event {
        Event::Committed { block } => (
            "block",
            json!({
                "at_ms": at_ms, "chain": block.chain, "number": block.number, "hash": block.hash,
                "parent_hash": block.parent_hash, "timestamp_s": block.timestamp_s,
                "transactions": block.transactions.len(), "logs": block.logs.len(),
                "frames": block.frames.as_ref().map(|frames| frames.len()),
                "storage_changes": block.storage.as_ref().map(|storage| storage.len()),
                "assurance": block.assurance,
            }),
        ),
        Event::Completed { block, frames, storage, given_up } => (
            "completed",
            json!({
                "at_ms": at_ms, "chain": block.chain, "number": block.number, "hash": block.hash,
                "frames": frames.as_ref().map(|frames| frames.len()),
                "storage_changes": storage.as_ref().map(|storage| storage.len()),
                "given_up": given_up,
            }),
        ),
        Event::Pending { chain, transactions } => {
            ("pending", json!({ "at_ms": at_ms, "chain": chain, "transactions": transactions.len() }))
        }
        Event::Plan { protocol, hash, files, .. } => {
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            ("plan", json!({ "at_ms": at_ms, "protocol": protocol, "hash": hash, "files": names }))
        }
        other => {
            let mut body = serde_json::to_value(other).unwrap_or_default();
            if let Value::Object(fields) = &mut body {
                fields.remove("type");
                fields.insert("at_ms".into(), at_ms.into());
            }
            // The one name that differs from the journal's: consumers of the lines know it so.
            let kind = if matches!(other, Event::Observed { .. }) { "observation" } else { other.name() };
            (kind, body)
        }
    }
}
