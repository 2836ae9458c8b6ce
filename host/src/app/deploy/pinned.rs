//! Whether the lock says of a component what the component says of itself. Bytes are told by their digest; what else stands
//! beside it in the lock is a note, which a bad merge can spoil.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::diagnostic::{Diagnostic, Gravity};
use crate::plugin::Manifest;
use crate::share::digest::Digest;
use crate::share::lock::{Lock, Pin};

/// Returns an error for each key of a detector's pin that its component contradicts, at the lock's line. `below` leads to the
/// pin: the detector's id, or that and `before`.
pub fn contradictions(folder: &Path, below: &[&str], pin: &Pin, manifest: &Manifest, bytes: usize) -> Vec<Diagnostic> {
    let id = below.first().copied().unwrap_or_default();
    let help = format!(
        "bring watchfire.lock back from version control, or take `{id}` out of config and lock and take it again by \
         `watchfire plugin add {} --as {id}`",
        pin.reference
    );
    let wrong = differences(pin, manifest, bytes).into_iter().map(|(key, said, is)| {
        let place: Vec<&str> = ["detector"].iter().chain(below).copied().chain([key]).collect();
        Lock::at(folder, Gravity::Error, &place, format!("it says {said}, and the component says {is}"), &help)
    });
    wrong.collect()
}

/// Returns each key of a pin that differs: the key, what the pin says, what the component says.
fn differences(pin: &Pin, manifest: &Manifest, bytes: usize) -> Vec<(&'static str, String, String)> {
    let kinds: BTreeMap<String, String> =
        manifest.finding_kinds.iter().map(|kind| (kind.id.clone(), kind.default_severity.to_string())).collect();
    // A detector's config may name kinds beside those that it always has.
    let has_more = manifest.config_schema.contains("x-finding-kinds");
    let are_same = match has_more {
        true => pin.kinds.iter().all(|(kind, severity)| kinds.get(kind) == Some(severity)),
        false => pin.kinds == kinds,
    };
    let schema = Digest::of(manifest.config_schema.as_bytes());
    let asked = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    let listed = |kinds: &BTreeMap<String, String>| {
        let each = kinds.iter().map(|(kind, severity)| format!("{kind} {severity}"));
        each.collect::<Vec<_>>().join(", ")
    };
    let mut found = Vec::new();
    let mut compare = |key, is_same: bool, said: String, is: String| {
        if !is_same {
            let shown = |text: String| if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
            found.push((key, shown(said), shown(is)));
        }
    };
    compare("name", pin.name == manifest.name, pin.name.clone(), manifest.name.clone());
    compare("version", pin.version == manifest.version, pin.version.clone(), manifest.version.clone());
    compare("size_bytes", pin.size_bytes == bytes as u64, pin.size_bytes.to_string(), bytes.to_string());
    let same = asked(&pin.capabilities) == asked(&manifest.capabilities);
    compare("capabilities", same, pin.capabilities.join(", "), manifest.capabilities.join(", "));
    compare("config_schema", pin.config_schema == schema, pin.config_schema.to_string(), schema.to_string());
    compare("kinds", are_same, listed(&pin.kinds), listed(&kinds));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::plugin::FindingKind;
    use crate::share::lock::sample;

    fn manifest() -> Manifest {
        Manifest {
            name: "outflow".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            finding_kinds: vec![FindingKind {
                id: "large-outflow".into(),
                default_severity: Severity::High,
                description: String::new(),
                runbook_url: String::new(),
            }],
            capabilities: vec!["state".into(), "chain".into()],
            config_schema: "{}".into(),
        }
    }

    fn pin() -> Pin {
        Pin {
            capabilities: vec!["chain".into(), "state".into()],
            kinds: BTreeMap::from([("large-outflow".into(), "high".into())]),
            ..sample::pin()
        }
    }

    #[test]
    fn what_the_lock_says_otherwise_is_named_at_its_line_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let check = |pin: Pin, key: &str, says: &str| {
            let mut lock = Lock::default();
            lock.pin("outflow", pin.clone());
            lock.save(folder.path()).unwrap();
            let found = contradictions(folder.path(), &["outflow"], &pin, &manifest(), 9);
            let [found] = found.as_slice() else { panic!("{key}: {found:?}") };
            let text = std::fs::read_to_string(&found.file).unwrap();
            let line = text.lines().nth(found.line - 1).unwrap_or_default();
            assert!(line.contains(key), "{key} is at line {} of\n{text}", found.line);
            assert_eq!(found.key, format!("detector.outflow.{key}"));
            assert!(found.message.contains(says), "{}", found.message);
        };
        assert!(contradictions(folder.path(), &["outflow"], &pin(), &manifest(), 9).is_empty());
        check(Pin { version: "9.0.0".into(), ..pin() }, "version", "it says `9.0.0`, and the component says `1.0.0`");
        check(Pin { capabilities: vec!["state".into()], ..pin() }, "capabilities", "the component says `state, chain`");
        check(Pin { size_bytes: 5, ..pin() }, "size_bytes", "the component says `9`");
        check(Pin { name: "inflow".into(), ..pin() }, "name", "`inflow`");
        check(Pin { config_schema: Digest::of(b"3"), ..pin() }, "config_schema", "the component says `sha256:44136fa3");
        let low = BTreeMap::from([("large-outflow".into(), "low".into())]);
        check(
            Pin { kinds: low, ..pin() },
            "kinds",
            "it says `large-outflow low`, and the component says `large-outflow high`",
        );
    }
}
