//! Whether the webhooks of a config carry pages to everywhere that the persons of its plans are reached.

use std::collections::BTreeSet;

use crate::app::config::Config;
use crate::diagnostic::{Diagnostic, Gravity};
use crate::journal::{Channel, scheme};
use crate::plan::Channels;
use crate::toml_file::TomlFile;

/// Returns a warning for each person and scheme that no webhook carries; none if the config has no webhook, as deliveries are
/// not the host's then.
pub(super) fn uncarried(config: &Config, files: &[(String, String)]) -> Vec<Diagnostic> {
    let channels = config.channels();
    let carried = |wanted: &str| {
        let carries = |channel: &Channel| channel.schemes.as_ref().is_none_or(|schemes| schemes.contains(wanted));
        channels.is_empty() || channels.iter().any(carries)
    };
    let mut warnings = Vec::new();
    for (name, text) in files {
        // A file that is no TOML is an error of the plan's.
        let Ok(mut file) = TomlFile::parse(name, text) else { continue };
        for (person, _) in file.names("person") {
            let path = ["person", &person, "channels"];
            let Some(Channels { urgent, normal }) = file.read(&path) else { continue };
            let schemes: BTreeSet<String> = urgent.iter().chain(&normal).map(|channel| scheme(channel)).collect();
            for scheme in schemes.into_iter().filter(|scheme| !carried(scheme)) {
                let message = format!("no webhook carries `{scheme}`: such a page counts as undelivered at once");
                let help =
                    format!("add \"{scheme}\" to the `schemes` of a `[webhook.…]`, or a webhook without `schemes`");
                let place = (file.span(&path), path.join("."));
                warnings.push(Diagnostic::at(Gravity::Warning, name, text, place.0, &place.1, message).with_help(help));
            }
        }
    }
    warnings
}
