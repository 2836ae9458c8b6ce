//! A callout: a test page to each person on each of their channels, by the channels that a night would use, and who answered
//! after how long. No host need run; one that does notes in its journal what came of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use tokio::sync::mpsc;

use crate::app::config::Config;
use crate::app::live::answering::{person_at, place};
use crate::app::live::answers::{self, Doors};
use crate::app::live::callouts::{Callouts, FIRST};
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::messages::Message;
use crate::app::live::sending::ask;
use crate::deliver::answer::{About, Answer, Answerer};
use crate::deliver::channel::{Contact, Letter, Made};
use crate::effect::Effect;
use crate::finding::Severity;
use crate::incident::IncidentId;
use crate::journal::scheme;
use crate::note::Called;
use crate::plan::Plan;

/// How long the last answer has to reach whoever gave it.
const TOLD_WITHIN: Duration = Duration::from_millis(500);

/// Who is called, and for how long answers are waited for.
#[derive(Clone, Debug)]
pub struct Callout {
    /// Ids of people.
    pub people: Vec<String>,
    /// How long answers are waited for; not at all if zero.
    pub wait: Duration,
    /// Where answers come in, in place of what the config says.
    pub listen: Option<SocketAddr>,
}

/// Calls people out while no host runs. `progress` hears of each page and each answer, in a line.
///
/// # Errors
///
/// If a secret is gone since the config was read, or nobody can listen where answers come in.
pub async fn call_out(
    config: &Config,
    plan: &Plan,
    callout: &Callout,
    progress: impl FnMut(String),
) -> anyhow::Result<Vec<Called>> {
    let doors = config.doors()?;
    let (messages, inbox) = mpsc::channel(64);
    let inbox = match (&config.answers, callout.wait.is_zero()) {
        (Some(given), false) => {
            let open = Doors::default();
            open.replace(doors);
            answers::serve(callout.listen.unwrap_or(given.listen), open, messages, Callouts::default()).await?;
            Some(inbox)
        }
        _ => None,
    };
    call(config, plan, callout, inbox, progress).await
}

/// Calls people out, and takes their answers from `inbox`; without one none is waited for.
///
/// # Errors
///
/// If a secret is gone since the config was read.
pub(super) async fn call(
    config: &Config,
    plan: &Plan,
    callout: &Callout,
    inbox: Option<mpsc::Receiver<Message>>,
    mut progress: impl FnMut(String),
) -> anyhow::Result<Vec<Called>> {
    let (outlets, asks) = (config.outlets()?, config.asks()?);
    let mut calls = calls_of(plan, &callout.people, |address| {
        let carries = |made: &Made| made.schemes.as_ref().is_some_and(|schemes| schemes.contains(&scheme(address)));
        outlets.iter().filter(|(_, made)| carries(made)).map(|(name, _)| name.clone()).collect()
    });
    let (began, mut marks) = (Instant::now(), Vec::new());
    for (index, call) in calls.iter_mut().enumerate() {
        let mut letter = letter(plan, call, FIRST + index as u64);
        marks.push(letter.brief.mark.clone());
        let Some(made) = outlets.get(&call.channel) else { continue };
        if let (Some(asks), true) = (&asks, inbox.is_some()) {
            ask(made, asks, &call.channel, &mut letter);
        }
        let sent = made.service.send(&letter).await;
        call.refused = sent.err().map(|error| error.to_string());
        progress(match &call.refused {
            None => format!("{} called by {} at {}", call.person, call.channel, call.address),
            Some(why) => format!("{} NOT called by {} at {}: {why}", call.person, call.channel, call.address),
        });
    }
    let Some(mut inbox) = inbox else { return Ok(calls) };
    let (mut known, until) = (BTreeSet::new(), tokio::time::Instant::now() + callout.wait);
    while calls.iter().any(|call| call.refused.is_none() && call.answered_s.is_none()) {
        let Ok(Some(message)) = tokio::time::timeout_at(until, inbox.recv()).await else { break };
        let Message::Answer { channel, answer, reply } = message else { continue };
        let said = if known.contains(&answer.id) {
            Err("This answer was taken already.".to_owned())
        } else {
            match meant(&calls, &marks, plan, &channel, &answer, outlets.get(&channel)) {
                Some(index) => {
                    known.insert(answer.id);
                    let call = &mut calls[index];
                    let after_s = began.elapsed().as_secs();
                    call.answered_s.get_or_insert(after_s);
                    progress(format!("{} answered by {} after {after_s} s", call.person, call.channel));
                    Ok("You were reached. Thank you: this was a test, and answers no incident.".to_owned())
                }
                None => Err("This is no answer to this test.".to_owned()),
            }
        };
        let _ = reply.send(said);
    }
    // Whoever answered last is still to be told so.
    tokio::time::sleep(TOLD_WITHIN).await;
    Ok(calls)
}

/// Each address of each person with each channel that carries it.
fn calls_of(plan: &Plan, people: &[String], carriers: impl Fn(&str) -> Vec<String>) -> Vec<Called> {
    let mut calls = Vec::new();
    for id in people {
        let Some(person) = plan.tables().person.get(id) else { continue };
        let urgent = person.channels.urgent.iter().map(|address| (address, false));
        for (address, normal) in urgent.chain(person.channels.normal.iter().map(|address| (address, true))) {
            let call = |channel: String, refused: Option<String>| {
                let (person, address) = (id.clone(), address.clone());
                Called { person, address, normal, channel, refused, answered_s: None }
            };
            let channels = carriers(address);
            if channels.is_empty() {
                calls.push(call(String::new(), Some("no channel of this host carries it".to_owned())));
            }
            calls.extend(channels.into_iter().map(|channel| call(channel, None)));
        }
    }
    calls
}

/// Which call an answer is to: the one that it names, by whoever was called.
fn meant(
    calls: &[Called],
    marks: &[String],
    plan: &Plan,
    channel: &str,
    answer: &Answer,
    made: Option<&Made>,
) -> Option<usize> {
    let by = match &answer.from {
        Answerer::Person(id) => id.clone(),
        Answerer::Address(address) => person_at(plan, made.and_then(|made| made.schemes.as_ref()), address)?,
    };
    let is_theirs = |index: &usize| calls.get(*index).is_some_and(|call| call.person == by);
    match &answer.about {
        About::Incident(id) => usize::try_from(id.checked_sub(FIRST)?).ok().filter(is_theirs),
        About::Mark(mark) => marks.iter().position(|known| known == mark).filter(is_theirs),
        About::OnlyOne => {
            let Answerer::Address(address) = &answer.from else { return None };
            let is_it = |call: &Called| {
                let waits = call.refused.is_none() && call.answered_s.is_none();
                waits && call.channel == channel && place(&call.address) == place(address) && call.person == by
            };
            calls.iter().position(is_it)
        }
    }
}

fn letter(plan: &Plan, call: &Called, number: IncidentId) -> Letter {
    let title = "A test of whether you are reached. There is no incident; please answer".to_owned();
    let key = B256::from(rand::random::<[u8; 32]>());
    let mut letter = Letter::test(title, number, &call.person, call.address.clone(), key, wall_clock_ms());
    let contact = Contact { name: plan.name(&call.person), ..Contact::default() };
    // It goes the way that a page of the night goes.
    letter.brief.severity = Severity::Critical;
    if let Effect::Page { severity, .. } = &mut letter.ordered.effect {
        *severity = Severity::Critical;
    }
    letter.brief.protocol.clone_from(&plan.tables().protocol.name);
    letter.brief.people = [(call.person.clone(), contact)].into();
    letter
}
