//! Signatures with names, from ABIs: other monitors write types alone, and their conditions name parameters.

use serde_json::Value;

use super::model::{list, text};

/// What a signature is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Event,
    Function,
}

/// The signature as rules have it, `Transfer(address indexed from, …)`, from the ABI that has it. `None` where no ABI does.
pub(super) fn named(signature: &str, of: Of, abis: &[Value]) -> Option<String> {
    let wanted: String = signature.chars().filter(|char| !char.is_whitespace()).collect();
    let kind = if of == Of::Event { "event" } else { "function" };
    let members = abis.iter().filter_map(Value::as_array).flatten();
    let found = members.filter(|member| text(member, "type") == kind).find(|member| canonical(member) == wanted)?;
    let inputs: Vec<String> = list(found, "inputs").iter().map(|input| parameter(input, of)).collect();
    Some(format!("{}({})", text(found, "name"), inputs.join(", ")))
}

/// The names of a member's parameters.
pub(super) fn names(signature: &str) -> Vec<String> {
    let inner = signature.split_once('(').map_or("", |(_, inner)| inner.trim_end_matches(')'));
    let (mut depth, mut names, mut part) = (0_i32, Vec::new(), String::new());
    for char in inner.chars().chain([',']) {
        match char {
            ',' if depth == 0 => {
                names.push(part.split_whitespace().next_back().unwrap_or_default().to_owned());
                part.clear();
                continue;
            }
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        part.push(char);
    }
    names
}

fn canonical(member: &Value) -> String {
    let types: Vec<String> = list(member, "inputs").iter().map(of_type).collect();
    format!("{}({})", text(member, "name"), types.join(","))
}

fn of_type(input: &Value) -> String {
    let written = text(input, "type");
    match written.strip_prefix("tuple") {
        Some(arrays) => {
            let parts: Vec<String> = list(input, "components").iter().map(of_type).collect();
            format!("({}){arrays}", parts.join(","))
        }
        None => written.to_owned(),
    }
}

fn parameter(input: &Value, of: Of) -> String {
    let written = text(input, "type");
    let base = match written.strip_prefix("tuple") {
        Some(arrays) => {
            let parts: Vec<String> =
                list(input, "components").iter().map(|part| parameter(part, Of::Function)).collect();
            format!("({}){arrays}", parts.join(", "))
        }
        None => written.to_owned(),
    };
    let is_indexed = of == Of::Event && input.get("indexed").and_then(Value::as_bool) == Some(true);
    let indexed = if is_indexed { " indexed" } else { "" };
    let name = text(input, "name");
    if name.is_empty() { format!("{base}{indexed}") } else { format!("{base}{indexed} {name}") }
}
