//! `watchfire incident`: the operator's hand on the incidents of a running host.

mod action;
mod export;
mod lines;
mod playbook;
mod sent;
mod show;
mod sign;
mod verify;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Subcommand};

use super::Exit;
use super::operate::{ask, sources_of};
use crate::app::live::control::{Answer, Ask};
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::output::Format;
use crate::app::past::desks::desks_of;
use crate::entry::Entry;
use crate::finding::Severity;
use crate::incident::{IncidentId, IncidentState};
use crate::operator::{Act, Deed, NoteKind};
use sign::{On, Signing};

/// Where the host is, and who acts.
#[derive(Clone, Debug, ClapArgs)]
pub struct Who {
    /// Your id in the plan.
    #[arg(long, env = "WATCHFIRE_PERSON", value_name = "PERSON")]
    by: String,
    /// The number of the newest entry of the timeline that you have seen: refused where somebody acted since.
    #[arg(long, value_name = "NUMBER")]
    seen: Option<u64>,
    /// Prove it by your own key: `keystore:FILE` or `ledger` by Foundry's `cast`, `env` (the key in WATCHFIRE_SIGNER_KEY),
    /// `env:VARIABLE`, or `stdin` for a wallet elsewhere.
    #[arg(long, env = "WATCHFIRE_SIGN", value_name = "HOW")]
    sign: Option<Signing>,
    /// For how long the signature may be handed in, minutes.
    #[arg(long, default_value_t = 10, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=1_440))]
    valid_min: u64,
    /// The config that the host runs on.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
}

/// Of incidents.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List open incidents: who has each, what is due next; with --all, closed ones too.
    List {
        /// Closed ones too.
        #[arg(long)]
        all: bool,
        /// The config that names the journal.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
        /// The shape of what is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show an incident: what it is, how bad, who has it, who can act in time, what shows it, and what to type next.
    #[command(after_help = "\
Examples:
  watchfire incident show 17
  watchfire incident show 17 --full
  watchfire incident show 17 --format json | jq .brief.loss")]
    Show {
        /// Its number.
        incident: IncidentId,
        /// The config that names the journal.
        #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
        config: PathBuf,
        /// Everything: each option with its reasons, each finding, the whole timeline.
        #[arg(long)]
        full: bool,
        /// The shape of what is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Write the post-incident record: a report for people, or an OCSF Incident Finding.
    #[command(after_help = "\
Examples:
  watchfire incident export 17 > incident-17.md
  watchfire incident export 17 --format ocsf --output incident-17.json")]
    Export(export::Args),
    /// Write down what is to be done after it, by whom and until when: a corrective action, which goes into the register of risks.
    #[command(after_help = "\
Examples:
  watchfire incident action 5 lone-phone --what \"Give Bo a second phone\" --owner bo --due 2027-01-31 --by ana

The risk is added to the plan's files, or linked to the incident where it is there already. Its owner is reminded as the day
comes near, and the readiness check warns when it is past.")]
    Action(action::Args),
    /// Check a record with nothing but the plan: its timeline, and who proved what.
    #[command(after_help = "\
Examples:
  watchfire incident export 17 --format json --output incident-17.json
  watchfire incident verify incident-17.json --plan response")]
    Verify(verify::Args),
    /// Open an incident by hand.
    Open {
        /// The signal whose interventions are decided on.
        #[arg(long)]
        signal: String,
        /// One line.
        #[arg(long, value_parser = one_line)]
        title: String,
        /// How grave it is, and at least as grave as the signal says.
        #[arg(long, value_enum)]
        severity: Severity,
        /// The protocol, where the host watches over several.
        #[arg(long, default_value_t, hide_default_value = true)]
        protocol: String,
        #[command(flatten)]
        who: Who,
    },
    /// Answer a page: you look at it, and nobody else is woken for now.
    #[command(after_help = "\
Examples:
  watchfire incident ack 17 --by ana
  watchfire incident ack 17 18 19 --by ana")]
    Ack {
        /// Numbers of the incidents.
        #[arg(required = true)]
        incidents: Vec<IncidentId>,
        #[command(flatten)]
        who: Who,
    },
    /// Say that it is real: clocks of communication start.
    Declare {
        /// Number of the incident.
        incident: IncidentId,
        #[command(flatten)]
        who: Who,
    },
    /// Take a role, or hand it to somebody.
    Take {
        /// Number of the incident.
        incident: IncidentId,
        /// Id of the role.
        role: String,
        /// Id of the person who takes it; you, where absent.
        #[arg(long)]
        person: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Write something down: what happened, what went well or badly, where it was luck.
    Note {
        /// Number of the incident.
        incident: IncidentId,
        /// What.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        text: String,
        /// What it is for in the record.
        #[arg(long, value_enum, default_value = "note")]
        kind: Kind,
        #[command(flatten)]
        who: Who,
    },
    /// Say how grave it is.
    Grade {
        /// Number of the incident.
        incident: IncidentId,
        /// How grave.
        #[arg(value_enum)]
        severity: Severity,
        /// Why.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Choose an intervention, or `do-nothing`.
    Decide {
        /// Number of the incident.
        incident: IncidentId,
        /// Id of the intervention.
        intervention: String,
        /// Why.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Agree to what was chosen.
    Approve {
        /// Number of the incident.
        incident: IncidentId,
        /// Number of the ruling.
        ruling: u32,
        #[command(flatten)]
        who: Who,
    },
    /// Stop what was chosen.
    Veto {
        /// Number of the incident.
        incident: IncidentId,
        /// Number of the ruling.
        ruling: u32,
        /// Why.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that what was chosen was carried out.
    Done {
        /// Number of the incident.
        incident: IncidentId,
        /// Number of the ruling.
        ruling: u32,
        /// By what: a transaction's hash, or words.
        #[arg(long, value_name = "WHAT")]
        by_what: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that it does what it should.
    Confirm {
        /// Number of the incident.
        incident: IncidentId,
        /// Number of the ruling.
        ruling: u32,
        /// How you know.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that it was undone.
    Reverse {
        /// Number of the incident.
        incident: IncidentId,
        /// Number of the ruling.
        ruling: u32,
        /// By what, and why.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that somebody else undid it: anybody may, and it may be done again at once.
    #[command(after_help = "\
Examples:
  watchfire incident undone 17 1 --by ana --why 'the attacker unpaused it, 0x5878…'")]
    Undone {
        /// Number of the incident.
        incident: IncidentId,
        /// Number of the ruling.
        ruling: u32,
        /// How you know.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say how far it has come.
    Resolve {
        /// Number of the incident.
        incident: IncidentId,
        /// How far.
        #[arg(value_enum)]
        state: Progress,
        /// How you know.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say something to an audience.
    Communicate {
        /// Number of the incident.
        incident: IncidentId,
        /// Id of the plan's communication.
        communication: String,
        /// What.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        text: String,
        /// It is the last word.
        #[arg(long)]
        last: bool,
        #[command(flatten)]
        who: Who,
    },
    /// Agree to what was written for an audience.
    ApproveText {
        /// Number of the incident.
        incident: IncidentId,
        /// Id of the plan's communication.
        communication: String,
        #[command(flatten)]
        who: Who,
    },
    /// Tell nobody of it for a while, a day at most. It ends where the incident becomes graver.
    Silence {
        /// Number of the incident.
        incident: IncidentId,
        /// For how long, in minutes.
        #[arg(long, value_name = "MINUTES")]
        for_min: u64,
        /// Why.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Make it part of another incident.
    Merge {
        /// Number of the incident.
        incident: IncidentId,
        /// Number of the other.
        #[arg(long, value_name = "INCIDENT")]
        into: IncidentId,
        #[command(flatten)]
        who: Who,
    },
    /// Say that it is none.
    FalsePositive {
        /// Number of the incident.
        incident: IncidentId,
        /// Why: what the detector's author learns from.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Let it follow the plan of today in place of the one that it was opened under.
    Adopt {
        /// Number of the incident.
        incident: IncidentId,
        #[command(flatten)]
        who: Who,
    },
    /// Agree, as a second human, to an act that lowers or ends the incident: `show` says which waits.
    #[command(after_help = "\
Examples:
  watchfire incident second 17 1 --by dana")]
    Second {
        /// Number of the incident.
        incident: IncidentId,
        /// Number of what was asked for.
        motion: u32,
        #[command(flatten)]
        who: Who,
    },
    /// Close it. Refused with everything that is missing.
    Close {
        /// Number of the incident.
        incident: IncidentId,
        /// A risk that is new or changed, and what was learned: `oracle-lag=no second source`.
        #[arg(long = "risk", value_name = "ID=TEXT", value_parser = pair)]
        risks: Vec<(String, String)>,
        /// Why no risk changed.
        #[arg(long, value_name = "WHY", conflicts_with = "risks")]
        no_change: Option<String>,
        /// How you know that what was done still holds.
        #[arg(long, value_name = "HOW")]
        holds: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Stop all automation.
    Halt {
        /// Why.
        #[arg(long)]
        why: String,
        /// The protocol, where the host watches over several.
        #[arg(long, default_value_t, hide_default_value = true)]
        protocol: String,
        #[command(flatten)]
        who: Who,
    },
    /// Let automation go on.
    Unhalt {
        /// Why.
        #[arg(long)]
        why: String,
        /// The protocol, where the host watches over several.
        #[arg(long, default_value_t, hide_default_value = true)]
        protocol: String,
        #[command(flatten)]
        who: Who,
    },
}

/// What a note is for.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Kind {
    /// What happened.
    Note,
    /// What went well.
    Well,
    /// What went badly.
    Badly,
    /// Where it was luck.
    Lucky,
}

/// How far an incident has come.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Progress {
    /// It goes on.
    Active,
    /// It does no further harm as long as what was done holds.
    Contained,
    /// Its cause is gone; it is watched.
    Monitoring,
}

pub(super) fn main(command: Command) -> anyhow::Result<Exit> {
    let (who, incident, deed) = match command {
        Command::List { all, config, format } => {
            let Some(config) = sources_of(&config)? else { return Ok(Exit::Refused) };
            let (desks, journal) = desks_of(&config.journal)?;
            return show::list(&desks, &journal, all, format);
        }
        Command::Show { incident, config, full, format } => {
            let Some(config) = sources_of(&config)? else { return Ok(Exit::Refused) };
            return show::show(&config.journal, incident, full, format);
        }
        Command::Export(args) => return export::main(&args),
        Command::Action(args) => return action::main(args),
        Command::Verify(args) => return verify::main(&args),
        Command::Open { signal, title, severity, protocol, who } => {
            return act(who, protocol, None, Deed::Open { signal, title, severity });
        }
        Command::Ack { incidents, who } => return ack(&who, &incidents),
        Command::Declare { incident, who } => (who, incident, Deed::Declare),
        Command::Take { incident, role, person, who } => (who, incident, Deed::Take { role, person }),
        Command::Note { incident, text, kind, who } => {
            let kind = match kind {
                Kind::Note => NoteKind::Note,
                Kind::Well => NoteKind::Well,
                Kind::Badly => NoteKind::Badly,
                Kind::Lucky => NoteKind::Lucky,
            };
            (who, incident, Deed::Note { text, kind })
        }
        Command::Grade { incident, severity, why, who } => (who, incident, Deed::Grade { severity, why }),
        Command::Decide { incident, intervention, why, who } => (who, incident, Deed::Decide { intervention, why }),
        Command::Approve { incident, ruling, who } => (who, incident, Deed::Approve { ruling }),
        Command::Veto { incident, ruling, why, who } => (who, incident, Deed::Veto { ruling, why }),
        Command::Done { incident, ruling, by_what, who } => (who, incident, Deed::Done { ruling, by_what }),
        Command::Confirm { incident, ruling, why, who } => (who, incident, Deed::Confirm { ruling, why }),
        Command::Reverse { incident, ruling, why, who } => (who, incident, Deed::Reverse { ruling, why }),
        Command::Undone { incident, ruling, why, who } => (who, incident, Deed::Undone { ruling, why }),
        Command::Resolve { incident, state, why, who } => {
            let state = match state {
                Progress::Active => IncidentState::Active,
                Progress::Contained => IncidentState::Contained,
                Progress::Monitoring => IncidentState::Monitoring,
            };
            (who, incident, Deed::Resolve { state, why })
        }
        Command::Communicate { incident, communication, text, last, who } => {
            (who, incident, Deed::Communicate { communication, text, last })
        }
        Command::ApproveText { incident, communication, who } => (who, incident, Deed::ApproveText { communication }),
        Command::Silence { incident, for_min, why, who } => {
            let until_ms = wall_clock_ms().saturating_add(for_min.saturating_mul(60_000));
            (who, incident, Deed::Silence { until_ms, why })
        }
        Command::Merge { incident, into, who } => (who, incident, Deed::Merge { into }),
        Command::FalsePositive { incident, why, who } => (who, incident, Deed::FalsePositive { why }),
        Command::Adopt { incident, who } => (who, incident, Deed::Adopt),
        Command::Second { incident, motion, who } => (who, incident, Deed::Second { motion }),
        Command::Close { incident, risks, no_change, holds, who } => {
            (who, incident, Deed::Close { risks, no_change, holds })
        }
        Command::Halt { why, protocol, who } => return act(who, protocol, None, Deed::Halt { why }),
        Command::Unhalt { why, protocol, who } => return act(who, protocol, None, Deed::Unhalt { why }),
    };
    act(who, String::new(), Some(incident), deed)
}

/// Answers for several incidents. Each that can't be is said, and the others are.
fn ack(who: &Who, incidents: &[IncidentId]) -> anyhow::Result<Exit> {
    let mut exit = Exit::Good;
    for incident in incidents.iter().collect::<BTreeSet<_>>() {
        let came = act(who.clone(), String::new(), Some(*incident), Deed::Ack)?;
        if came != Exit::Good {
            exit = came;
        }
    }
    Ok(exit)
}

/// Asks the running host for it, and prints what followed.
pub(in crate::cli) fn act(
    who: Who,
    protocol: String,
    incident: Option<IncidentId>,
    deed: Deed,
) -> anyhow::Result<Exit> {
    let signed = match (&who.sign, incident) {
        (None, _) => None,
        (Some(signing), incident) => {
            let Some(config) = sources_of(&who.config)? else { return Ok(Exit::Refused) };
            let (desks, _) = desks_of(&config.journal)?;
            let on = incident.map_or(On::Protocol(&protocol), On::Incident);
            // Signing takes minutes with some wallets: what will not be taken is said before.
            let (by, deed, protocol) = (who.by.clone(), deed.clone(), protocol.clone());
            let tried = Act { by, proof: String::new(), protocol, incident, seen: who.seen, signed: None, deed };
            if let Some(why) = desks.refuses(&tried, wall_clock_ms()) {
                why.iter().for_each(|why| anstream::eprintln!("not done, and nothing was signed: {why}"));
                return Ok(Exit::No);
            }
            Some(Box::new(sign::prove(
                (config.journal.as_path(), &desks),
                on,
                &who.by,
                &tried.deed,
                signing,
                who.valid_min,
            )?))
        }
    };
    let act = Act { by: who.by, proof: String::new(), protocol, incident, seen: who.seen, signed, deed };
    let Some(answer) = ask(&who.config, &Ask::Act { act })? else { return Ok(Exit::Refused) };
    match answer {
        Answer::Acted { followed } => {
            for entry in &followed {
                match entry {
                    Entry::Timeline(entry) => println!("#{} {}. {}", entry.incident, entry.number, entry.text),
                    Entry::Decision(decision) => println!("#{} {}", decision.incident, decision.in_time),
                    _ => {}
                }
            }
            Ok(Exit::Good)
        }
        Answer::Refused { why } => {
            why.iter().for_each(|why| anstream::eprintln!("not done: {why}"));
            Ok(Exit::No)
        }
        _ => anyhow::bail!("the host answers another question"),
    }
}

/// A title is a line wherever it is shown, so that nothing in it looks like a line of the host's.
fn one_line(text: &str) -> Result<String, String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { Err("say what it is, in a line".to_owned()) } else { Ok(line) }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (id, text) = text.split_once('=').ok_or("write it as ID=TEXT")?;
    if id.trim().is_empty() || text.trim().is_empty() {
        return Err("write it as ID=TEXT, with both".to_owned());
    }
    Ok((id.trim().to_owned(), text.trim().to_owned()))
}
