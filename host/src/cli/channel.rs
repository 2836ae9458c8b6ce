//! `watchfire channel list|test`: how people are reached, and whether they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use clap::Subcommand;
use serde_json::json;

use super::{Exit, runtime, tell};
use crate::app::config::Config;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::output::Format;
use crate::deliver::channel::{After, Intent, Letter, Made, Sent};
use crate::deliver::webhook::Undelivered;
use crate::incident::IncidentState;

/// Of a config.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the channels and webhooks of a config, and what each carries.
    #[command(after_help = "\
Examples:
  watchfire channel list
  watchfire channel list --format json | jq -r .name")]
    List {
        /// The config.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
        /// The shape of what is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Send a message that says that it is a test, and print what the service answers.
    #[command(after_help = "\
Examples:
  watchfire channel test pager --resolve
  watchfire channel test texts --to sms:+41791234567
  watchfire channel test mail --to email:ana@harbor.example

It goes out as a page does, so it may wake somebody. No host need run, and nothing is written to the journal. The exit code
is 0 if the service accepted it; whether it arrived, only whoever reads it can say.")]
    Test {
        /// The channel's name in the config.
        name: String,
        /// Where to, as the plan has it; the channel's room if absent.
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        /// Then say that it is over, as at the end of an incident.
        #[arg(long)]
        resolve: bool,
        /// The config.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
    },
}

pub(super) fn main(command: Command) -> anyhow::Result<Exit> {
    let file = match &command {
        Command::List { config, .. } | Command::Test { config, .. } => config,
    };
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            return Ok(Exit::Refused);
        }
    };
    let outlets = config.outlets()?;
    match &command {
        Command::List { format, .. } => list(&config, &outlets, *format),
        Command::Test { name, to, resolve, .. } => test(&outlets, name, to.as_deref(), *resolve, file),
    }
}

fn list(config: &Config, outlets: &BTreeMap<String, Made>, format: Format) -> anyhow::Result<Exit> {
    for (name, made) in outlets {
        let kind = config.channel.get(name).map_or("webhook", |channel| channel.kind.name());
        let schemes: Option<Vec<&String>> = made.schemes.as_ref().map(|all| all.iter().collect());
        match format {
            Format::Json => {
                println!("{}", json!({ "name": name, "kind": kind, "schemes": schemes, "room": made.room }));
            }
            Format::Pretty => {
                let schemes = schemes.map_or("every address".to_owned(), |all| {
                    all.iter().map(|scheme| format!("{scheme}:")).collect::<Vec<_>>().join(" ")
                });
                let room = made.room.as_ref().map(|room| format!(", room {room}")).unwrap_or_default();
                println!("{name}: {kind}, carries {schemes}{room}");
            }
        }
    }
    if outlets.is_empty() {
        anstream::eprintln!("the config has no channel: effects are printed, and go nowhere else");
    }
    Ok(Exit::Good)
}

fn test(
    outlets: &BTreeMap<String, Made>,
    name: &str,
    to: Option<&str>,
    resolve: bool,
    file: &Path,
) -> anyhow::Result<Exit> {
    let Some(made) = outlets.get(name) else {
        let known: Vec<&str> = outlets.keys().map(String::as_str).collect();
        anstream::eprintln!("error: `{}` has no channel `{name}`; it has {}", file.display(), known.join(", "));
        return Ok(Exit::Refused);
    };
    let address = match address(made, to) {
        Ok(address) => address,
        Err(why) => {
            anstream::eprintln!("error: {why}");
            return Ok(Exit::Refused);
        }
    };
    let mut letter = letter(name, address);
    let runtime = runtime()?;
    let sent = runtime.block_on(made.service.send(&letter));
    let exit = said(name, &letter.address, &sent);
    if let (Ok(Sent { receipt }), true) = (sent, resolve && made.after != After::Nothing) {
        (letter.intent, letter.earlier) = (Intent::Resolve, Some(receipt));
        letter.brief.state = IncidentState::Closed;
        return Ok(said(name, &letter.address, &runtime.block_on(made.service.send(&letter))));
    }
    Ok(exit)
}

fn said(name: &str, address: &str, sent: &Result<Sent, Undelivered>) -> Exit {
    let to = if address.is_empty() { String::new() } else { format!(" for {address}") };
    match sent {
        Ok(Sent { receipt }) if receipt.is_empty() => println!("{name} accepted the test{to}"),
        Ok(Sent { receipt }) => println!("{name} accepted the test{to} as {receipt}"),
        Err(error) => {
            let more = if error.is_final { "it will not be accepted later either" } else { "it may be accepted later" };
            anstream::eprintln!("error: {name} did not accept the test{to}: {error}; {more}");
            return Exit::No;
        }
    }
    Exit::Good
}

/// Where a test goes: what was asked for, with the channel's scheme if it has none, or the channel's room.
fn address(made: &Made, to: Option<&str>) -> Result<String, String> {
    let Some(schemes) = &made.schemes else { return Ok(to.unwrap_or_default().to_owned()) };
    let named = || schemes.iter().map(|scheme| format!("{scheme}:…")).collect::<Vec<_>>().join(" or ");
    match (to, &made.room) {
        (None, Some(room)) => Ok(room.clone()),
        (None, None) => Err(format!("say where to, as `--to {}`: the channel has no room of its own", named())),
        (Some(to), _) => match to.split_once(':') {
            Some((scheme, _)) if schemes.contains(&scheme.to_ascii_lowercase()) => Ok(to.to_owned()),
            _ => Err(format!("`{to}` is no address of this channel; write {}", named())),
        },
    }
}

fn letter(name: &str, address: String) -> Letter {
    let title = format!("Test of channel {name}. There is no incident, and nobody need act");
    let key = B256::from(rand::random::<[u8; 32]>());
    Letter::test(title, 0, "", address, key, wall_clock_ms())
}
