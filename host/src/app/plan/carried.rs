//! Whether the channels of a config reach everywhere that the plan's addresses point, and whether one service that fails
//! would cut somebody off.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::config::Config;
use crate::deliver::channel::Kind;
use crate::diagnostic::{Diagnostic, Gravity};
use crate::journal::{Hears, scheme};
use crate::plan::{Channels, Communication, reach_of};
use crate::toml_file::TomlFile;

/// Returns an error for each person or communication and scheme that no channel carries, and a warning for each person whose
/// addresses all hang on one service; nothing if the config has no channel, as deliveries are not the host's then.
pub(super) fn uncarried(config: &Config, files: &[(String, String)]) -> Vec<Diagnostic> {
    let carriers = Carriers::of(config);
    let mut found = Vec::new();
    if carriers.all.is_empty() {
        return found;
    }
    let people = people_of(files);
    for (name, text) in files {
        // A file that is no TOML is an error of the plan's.
        let Ok(mut file) = TomlFile::parse(name, text) else { continue };
        for (person, _) in file.names("person") {
            let path = ["person", &person, "channels"];
            let Some(Channels { urgent, normal }) = file.read(&path) else { continue };
            let addresses: Vec<&String> = urgent.iter().chain(&normal).collect();
            let place = (file.span(&path), path.join("."));
            for scheme in missing(&addresses, |scheme| carriers.carry_pages(scheme)) {
                let message = format!("no channel carries `{scheme}`: such a page counts as undelivered at once");
                let at = Diagnostic::at(Gravity::Error, name, text, place.0.clone(), &place.1, message);
                found.push(at.with_help(carriers.help(&scheme)));
            }
            let refused = addresses.iter().filter_map(|address| carriers.refusal(address));
            for (address, why) in refused {
                let message = format!("`{address}` reaches nobody: {why}");
                let at = Diagnostic::at(Gravity::Error, name, text, place.0.clone(), &place.1, message);
                found.push(at.with_help("mend the address; `watchfire channel test` tries it"));
            }
            if let Some(platform) = carriers.only_platform(&addresses) {
                let message = format!("every address hangs on {platform}: if that fails, nobody is reached there");
                let help = "add an address of another service, as `email:…` beside `phone:…`";
                let at = Diagnostic::at(Gravity::Warning, name, text, place.0, &place.1, message);
                found.push(at.with_help(help));
            }
        }
        for (id, _) in file.names("role") {
            let members: Vec<String> = file.read(&["role", &id, "members"]).unwrap_or_default();
            let backups: Vec<String> = file.read(&["role", &id, "backups"]).unwrap_or_default();
            let people = members.iter().chain(&backups).filter_map(|person| people.get(person));
            let addresses: Vec<&String> = people.flatten().collect();
            let Some(lone) = carriers.only_way(&addresses) else { continue };
            let message =
                format!("every address of its people hangs on {lone}: if that fails, the role is reached by nothing");
            let help = "give one of them an address of another service and number";
            let key = ["role", &id, "members"];
            let at = Diagnostic::at(Gravity::Warning, name, text, file.span(&key), &key.join("."), message);
            found.push(at.with_help(help));
        }
        for (id, _) in file.names("communication") {
            let path = ["communication", &id];
            let Some(Communication { channels, backup_channels, .. }) = file.read(&path) else { continue };
            for (key, addresses) in [("channels", channels), ("backup_channels", backup_channels)] {
                let addresses: Vec<&String> = addresses.iter().collect();
                let path = ["communication", &id, key];
                for scheme in missing(&addresses, |scheme| carriers.carry_pages(scheme)) {
                    let (gravity, message) = match carriers.programs().as_slice() {
                        [] => (Gravity::Error, format!("no channel carries `{scheme}`: nothing is said there")),
                        programs => {
                            let message = format!("only {} hears what is said by `{scheme}`", programs.join(", "));
                            (Gravity::Warning, message)
                        }
                    };
                    let help = match gravity {
                        Gravity::Error => carriers.help(&scheme),
                        Gravity::Warning => format!("add \"{scheme}\" to its `schemes` if it says it there"),
                    };
                    let at = Diagnostic::at(gravity, name, text, file.span(&path), &path.join("."), message);
                    found.push(at.with_help(help));
                }
                for (address, why) in addresses.iter().filter_map(|address| carriers.refusal(address)) {
                    let message = format!("`{address}` reaches nobody: {why}");
                    let at = Diagnostic::at(Gravity::Error, name, text, file.span(&path), &path.join("."), message);
                    found.push(at.with_help("mend the address; `watchfire channel test` tries it"));
                }
            }
        }
    }
    found
}

/// Returns the addresses of each person of a plan, whatever file they stand in.
fn people_of(files: &[(String, String)]) -> BTreeMap<String, Vec<String>> {
    let mut people = BTreeMap::new();
    for (name, text) in files {
        let Ok(mut file) = TomlFile::parse(name, text) else { continue };
        for (person, _) in file.names("person") {
            if let Some(Channels { urgent, normal }) = file.read(&["person", &person, "channels"]) {
                people.insert(person, [urgent, normal].concat());
            }
        }
    }
    people
}

fn missing(addresses: &[&String], is_carried: impl Fn(&str) -> bool) -> BTreeSet<String> {
    addresses.iter().map(|address| scheme(address)).filter(|scheme| !is_carried(scheme)).collect()
}

/// What carries addresses: schemes, all if `None`; whether it takes every effect; and the service behind it.
#[derive(Default)]
struct Carrier {
    name: String,
    kind: Option<Kind>,
    schemes: Option<BTreeSet<String>>,
    takes_all: bool,
    platform: String,
}

struct Carriers {
    all: Vec<Carrier>,
}

impl Carriers {
    fn of(config: &Config) -> Self {
        let platform = |name: &String| match config.channel.get(name) {
            Some(channel) if !channel.kind.takes_all() => channel.kind.platform().to_owned(),
            _ => format!("`{name}`"),
        };
        let carrier = |channel: crate::journal::Channel| Carrier {
            platform: platform(&channel.name),
            kind: config.channel.get(&channel.name).map(|channel| channel.kind),
            takes_all: channel.hears == Hears::All,
            schemes: channel.schemes,
            name: channel.name,
        };
        Self { all: config.channels().into_iter().map(carrier).collect() }
    }

    fn carry_pages(&self, scheme: &str) -> bool {
        self.carriers(scheme).next().is_some()
    }

    /// Returns the names of what hears every effect, whatever its schemes.
    fn programs(&self) -> Vec<String> {
        self.all.iter().filter(|one| one.takes_all).map(|one| format!("`{}`", one.name)).collect()
    }

    /// Returns an address and why each service that carries it would refuse it; `None` if one may take it.
    fn refusal<'a>(&self, address: &'a str) -> Option<(&'a str, String)> {
        let place = address.split_once(':').map_or("", |(_, place)| place);
        let scheme = scheme(address);
        let services = self.carriers(&scheme).filter(|one| !one.takes_all).filter_map(|one| one.kind);
        let mut refusals: Vec<String> = Vec::new();
        for kind in services {
            refusals.push(kind.check_place(place).err()?);
        }
        refusals.into_iter().next().map(|why| (address, why))
    }

    fn carriers(&self, scheme: &str) -> impl Iterator<Item = &Carrier> {
        self.all.iter().filter(move |one| one.schemes.as_ref().is_none_or(|schemes| schemes.contains(scheme)))
    }

    /// Returns the one service that carries all of somebody's addresses; `None` if there are several, or none at all.
    fn only_platform(&self, addresses: &[&String]) -> Option<&str> {
        let schemes: BTreeSet<String> = addresses.iter().map(|address| scheme(address)).collect();
        let platforms: BTreeSet<&str> =
            schemes.iter().flat_map(|scheme| self.carriers(scheme)).map(|one| one.platform.as_str()).collect();
        // One receiver of a team's own may well pass on to several services.
        let own = self.all.iter().any(|one| one.takes_all && platforms.contains(one.platform.as_str()));
        (platforms.len() == 1 && !own).then(|| platforms.into_iter().next()).flatten()
    }

    /// Returns the one number or service by which all of several addresses are reached; `None` if there are several, or none at all.
    fn only_way(&self, addresses: &[&String]) -> Option<String> {
        let reached: BTreeSet<String> = addresses.iter().map(|address| reach_of(address)).collect();
        let number = reached.first().filter(|_| reached.len() == 1 && addresses.len() > 1);
        let number =
            number.and_then(|reach| reach.strip_prefix("number:")).map(|digits| format!("the number +{digits}"));
        number.or_else(|| self.only_platform(addresses).map(str::to_owned))
    }

    fn help(&self, scheme: &str) -> String {
        match Kind::of_scheme(scheme) {
            Some(kind) => format!("add a `[channel.NAME]` with `kind = \"{}\"`, or mend the address", kind.name()),
            None => format!(
                "add \"{scheme}\" to the `schemes` of a `[channel.…]` or `[webhook.…]` that reaches it, or mend the address"
            ),
        }
    }
}

/// Returns an error for each person or communication of the plans and scheme that the channels of `before` carry and those of `after`
/// do not: whoever changed the config cut them off.
pub fn cut_off(before: &Config, after: &Config) -> Vec<Diagnostic> {
    let texts = crate::app::deploy::load::plan_texts(after).into_iter().filter_map(|(_, texts)| texts.ok());
    texts.flat_map(|files| cut_off_in(&Carriers::of(before), &Carriers::of(after), &files)).collect()
}

/// Returns an error for each scheme of the plans that no channel of a config carries.
pub fn unreached(config: &Config) -> Vec<Diagnostic> {
    let texts = crate::app::deploy::load::plan_texts(config).into_iter().filter_map(|(_, texts)| texts.ok());
    texts.flat_map(|files| uncarried(config, &files)).filter(Diagnostic::is_error).collect()
}

fn cut_off_in(before: &Carriers, after: &Carriers, files: &[(String, String)]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, text) in files {
        let Ok(mut file) = TomlFile::parse(name, text) else { continue };
        let mut of = Vec::new();
        for (id, _) in file.names("person") {
            if let Some(Channels { urgent, normal }) = file.read(&["person", &id, "channels"]) {
                of.push((["person".to_owned(), id, "channels".to_owned()], [urgent, normal].concat()));
            }
        }
        for (id, _) in file.names("communication") {
            let Some(Communication { channels, backup_channels, .. }) = file.read(&["communication", &id]) else {
                continue;
            };
            for (key, addresses) in [("channels", channels), ("backup_channels", backup_channels)] {
                of.push((["communication".to_owned(), id.clone(), key.to_owned()], addresses));
            }
        }
        for (path, addresses) in of {
            let path = path.each_ref().map(String::as_str);
            let addresses: Vec<&String> = addresses.iter().collect();
            for scheme in missing(&addresses, |scheme| !before.carry_pages(scheme) || after.carry_pages(scheme)) {
                let message = format!("no channel would carry `{scheme}` any more");
                let at = Diagnostic::at(Gravity::Error, name, text, file.span(&path), &path.join("."), message);
                found.push(at.with_help(format!(
                    "take the address out of the plan first if that is meant; or {}",
                    after.help(&scheme)
                )));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_no_longer_reached_is_named_and_nobody_else() {
        let carriers = |schemes: &[&str]| Carriers {
            all: schemes
                .iter()
                .map(|scheme| Carrier { schemes: Some([(*scheme).to_owned()].into()), ..Carrier::default() })
                .collect(),
        };
        let plan = "[person.ana]\nname = 'Ana'\nchannels = { urgent = ['phone:1', 'sms:1'], normal = ['carrier:x'] }\n\
                    [communication.users]\naudience = 'users'\nowner = 'lead'\nseverities = ['critical']\n\
                    first_within_s = 60\ncadence_s = 60\nchannels = ['sms:2']\n";
        let files = [("plan.toml".to_owned(), plan.to_owned())];
        let lost = |after: &[&str]| {
            let found = cut_off_in(&carriers(&["phone", "sms"]), &carriers(after), &files);
            found.into_iter().map(|one| format!("{}: {}", one.key, one.message)).collect::<Vec<_>>()
        };
        assert_eq!(lost(&["sms", "phone", "email"]), Vec::<String>::new(), "`carrier` was never carried");
        assert_eq!(
            lost(&["phone"]),
            [
                "person.ana.channels: no channel would carry `sms` any more",
                "communication.users.channels: no channel would carry `sms` any more"
            ]
        );
        assert_eq!(lost(&[]).len(), 3, "the last channel is gone too");
    }

    #[test]
    fn a_role_that_hangs_on_one_service_or_one_number_is_named() {
        let carrier = |scheme: &str, platform: &str| Carrier {
            schemes: Some([scheme.to_owned()].into()),
            platform: platform.to_owned(),
            ..Carrier::default()
        };
        let carriers = Carriers {
            all: vec![
                carrier("phone", "Twilio"),
                carrier("sms", "Twilio"),
                carrier("signal", "Signal"),
                carrier("email", "mail"),
            ],
        };
        let way = |addresses: &[&str]| {
            let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
            carriers.only_way(&addresses.iter().collect::<Vec<_>>())
        };
        assert_eq!(way(&["phone:+351 555 010 101", "sms:+46 555 010 102"]).as_deref(), Some("Twilio"));
        let same = way(&["phone:+351 555 010 101", "signal:+351-555-010-101"]);
        assert_eq!(same.as_deref(), Some("the number +351555010101"), "two services, and one phone");
        assert_eq!(way(&["phone:+351 555 010 101", "email:bo@harbor.example"]), None);
        assert_eq!(way(&[]), None);
    }
}
