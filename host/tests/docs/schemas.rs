//! Reference pages hold every key that the program's schemas have.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::root;

/// Names of all keys of a schema, at whatever depth.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object);
            found.extend(properties.into_iter().flat_map(|keys| keys.keys().cloned()));
            members.values().for_each(|member| keys(member, found));
        }
        Value::Array(members) => members.iter().for_each(|member| keys(member, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_a_schema_is_on_its_page() {
    for (name, page, least) in
        [("config", "config.md", 60), ("drill", "drills.md", 40), ("plan", "plan-reference.md", 100)]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_watchfire")).args(["schema", name]).output().unwrap();
        let mut known = BTreeSet::new();
        keys(&serde_json::from_slice(&output.stdout).unwrap(), &mut known);
        assert!(known.len() >= least, "only {} keys of {name}: {known:?}", known.len());
        let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
        // Tables of a file stand as `[name]` or `[name.ID]`.
        let is_there = |key: &&String| {
            [format!("`{key}`"), format!("`[{key}"), format!("`[[{key}]]`"), format!("`{key}."), format!("{{ {key} = ")]
                .iter()
                .any(|code| text.contains(code))
        };
        let missing: Vec<&String> = known.iter().filter(|key| !is_there(key)).collect();
        assert!(missing.is_empty(), "docs/{page} has no word on {missing:?}");
    }
}

#[test]
fn keys_are_found_at_any_depth() {
    let schema = serde_json::json!({
        "properties": { "a": { "properties": { "b": {} } }, "c": {} },
        "$defs": { "D": { "anyOf": [{ "properties": { "e": {} } }] } },
    });
    let mut found = BTreeSet::new();
    keys(&schema, &mut found);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b", "c", "e"]);
}
