//! Whether detectors of registries hear what their publishers say that they need.

use crate::app::config::Config;
use crate::app::deploy::load;
use crate::diagnostic::Diagnostic;
use crate::plugin::Manifest;

/// Returns an error for each kind of finding that a pinned detector listens to and no other detector of the config makes.
/// `known` are all detectors of the config with what they say of themselves.
pub(super) fn unmet(config: &Config, known: &[(String, Manifest)]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for id in config.detectors.keys() {
        let Some(pin) = config.pin(id) else { continue };
        let needs = pin.listens.iter().flat_map(|(kind, names)| names.split(", ").map(move |name| (kind, name)));
        for (kind, detector) in needs {
            let makes = |(other, manifest): &&(String, Manifest)| {
                let named = detector.is_empty() || other == detector || manifest.name == detector;
                other != id && named && manifest.finding_kinds.iter().any(|made| made.id == *kind)
            };
            if known.iter().find(makes).is_none() {
                let of =
                    if detector.is_empty() { "no detector".to_owned() } else { format!("no detector `{detector}`") };
                let message = format!("`{id}` listens to findings of the kind `{kind}`, and {of} here makes them");
                let help = "add that detector too: `watchfire plugin search` finds one, or take this one out";
                found.push(load::diagnostic(config, &["detector", id, "component"], message, help));
            }
        }
    }
    found
}
