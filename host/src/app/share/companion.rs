//! Whether a file that travels with a detector is what it is given out for, and about this detector.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::share::scored;
use crate::share::digest::Digest;
use crate::share::package::Role;

/// What a file should be about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The detector's name.
    pub(super) name: &'a str,
    /// Its component.
    pub(super) digest: Digest,
}

/// Checks a file of JSON.
///
/// # Errors
///
/// What is wrong with it, and how to make the right one, as the end of a sentence on the file.
pub(super) fn check(role: Role, value: &Value, subject: Subject<'_>) -> Result<(), String> {
    match role {
        Role::Score => check_score(value, subject),
        Role::Sbom if value["bomFormat"] != "CycloneDX" => {
            Err("is no CycloneDX: it lacks `\"bomFormat\": \"CycloneDX\"`".to_owned())
        }
        Role::Provenance => check_provenance(value, subject),
        _ => Ok(()),
    }
}

fn check_score(value: &Value, subject: Subject<'_>) -> Result<(), String> {
    if scored::figures(value).is_empty() {
        return Err("has no figures of a backtest; make it by `watchfire backtest … --format json`".to_owned());
    }
    let mut named = BTreeSet::new();
    gather(value, "detector", &mut named);
    if named.is_empty() || named.contains(subject.name) {
        return Ok(());
    }
    let others = named.into_iter().collect::<Vec<_>>().join("`, `");
    Err(format!("is a score of `{others}`, and this is `{}`; run the backtest with it", subject.name))
}

fn check_provenance(value: &Value, subject: Subject<'_>) -> Result<(), String> {
    if !value["_type"].as_str().is_some_and(|kind| kind.starts_with("https://in-toto.io/Statement/")) {
        return Err("is no in-toto statement; make it by `watchfire plugin build … --provenance FILE`".to_owned());
    }
    let subjects = value["subject"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wanted = subject.digest.hex();
    match subjects.iter().any(|one| one["digest"]["sha256"] == wanted.as_str()) {
        true => Ok(()),
        false => Err(format!(
            "is a statement on other bytes than this component's, {}; build and push the same",
            subject.digest.short()
        )),
    }
}

/// Gathers the texts that stand under a key, at any depth.
fn gather<'a>(value: &'a Value, key: &str, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|inner| gather(inner, key, found));
        }
        Value::Array(values) => values.iter().for_each(|inner| gather(inner, key, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_of_another_detector_or_format_are_refused() {
        let digest = Digest::of(b"component");
        let subject = Subject { name: "outflow", digest };
        let check = |role: Role, value: Value, wrong: Option<&str>| {
            let checked = super::check(role, &value, subject);
            match (wrong, &checked) {
                (None, Ok(())) => {}
                (Some(part), Err(why)) if why.contains(part) => {}
                _ => panic!("{value}: {checked:?}"),
            }
        };
        check(Role::Score, json!({ "blocks": 3, "findings": [{ "detector": "outflow" }] }), None);
        check(Role::Score, json!({ "blocks": 3, "points": [] }), None);
        check(Role::Score, json!({ "blocks": 3, "per": [{ "detector": "other" }] }), Some("is a score of `other`"));
        check(Role::Score, json!({}), Some("no figures of a backtest"));
        check(Role::Sbom, json!({ "bomFormat": "CycloneDX" }), None);
        check(Role::Sbom, json!({ "spdxVersion": "SPDX-2.3" }), Some("is no CycloneDX"));
        let statement = |hex: &str| json!({ "_type": "https://in-toto.io/Statement/v1", "subject": [{ "digest": { "sha256": hex } }] });
        check(Role::Provenance, statement(&digest.hex()), None);
        check(Role::Provenance, statement(&Digest::of(b"other").hex()), Some("on other bytes"));
        check(Role::Provenance, json!({ "builder": "me" }), Some("is no in-toto statement"));
    }
}
