//! What a running host does by the calendar: it calls people out as the plan says, and reminds those who are to do something by a
//! day. The journal has what was done, so that a restart does nothing twice.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::primitives::B256;
use anyhow::Context;
use tokio::sync::{mpsc, oneshot};

use crate::app::config::Config;
use crate::app::deploy::load::plan_at;
use crate::app::live::callout::{Callout, call};
use crate::app::live::callouts::Callouts;
use crate::app::live::control::{Answer, Ask};
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::messages::Message;
use crate::app::live::reading::{HANGS_AFTER, Reading};
use crate::app::plan::register::set_verified;
use crate::deliver::channel::{Brief, Contact, Intent, Letter, Made};
use crate::diagnostic::Diagnostic;
use crate::effect::{Effect, Ordered};
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::incident::IncidentState;
use crate::journal::{Journal, scheme};
use crate::note::{CalledOut, Note, Reminded};
use crate::plan::moment::Moment;
use crate::plan::rota::{last_callout, last_time_of};
use crate::plan::{Plan, Risk};
use crate::source::Delivery;

/// How often the calendar is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// For how long after its time of day a callout is begun, milliseconds. What was missed is made up on another day.
const BEGUN_WITHIN_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;
const WEEK_MS: u64 = 7 * DAY_MS;
/// How far back notes are read, milliseconds: callouts are a year apart at most that anybody would plan.
const NOTES_MS: u64 = 800 * DAY_MS;

/// A protocol's name, where its plan is, and the plan.
type Planned = (String, PathBuf, Plan);

/// Reads a config and the plans that it names; `None` if the config is wrong. A plan that is wrong is left out.
fn plans_of(file: &Path) -> Option<(Config, Vec<Planned>)> {
    let config = Config::load(file).ok()?;
    let names = config.plan.iter().map(|_| String::new()).chain(config.protocols.keys().cloned());
    let plan = |protocol: String| {
        let path = config.plan_path(Some(&*protocol).filter(|name| !name.is_empty()))?;
        let plan = plan_at(&path).ok()?.plan;
        Some((protocol, path, plan))
    };
    let plans = names.filter_map(plan).collect();
    Some((config, plans))
}

/// Reads a config and one of its plans.
fn plan_of(file: &Path, protocol: Option<&str>) -> anyhow::Result<(Config, Plan)> {
    let wrong =
        |found: Vec<Diagnostic>| anyhow::anyhow!(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    let config = Config::load(file).map_err(wrong)?;
    let path = config.plan_path(protocol).context("the config names no such plan")?;
    let plan = plan_at(&path).map_err(wrong)?.plan;
    Ok((config, plan))
}

/// What the calendar needs.
#[derive(Clone)]
pub(super) struct Calendar {
    /// The config's file.
    pub(super) config: PathBuf,
    /// Takes inputs.
    pub(super) messages: mpsc::Sender<Message>,
    /// Hands on answers.
    pub(super) callouts: Callouts,
}

impl Calendar {
    /// Looks at the calendar again and again until the loop is gone.
    pub(super) fn start(&self) {
        let calendar = self.clone();
        tokio::spawn(async move {
            let mut every = tokio::time::interval(LOOK_EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while !calendar.messages.is_closed() {
                every.tick().await;
                if let Err(error) = calendar.look().await {
                    tracing::warn!("what the plan's calendar asks for could not be done now: {error:#}");
                }
            }
        });
    }

    async fn look(&self) -> anyhow::Result<()> {
        let file = self.config.clone();
        // That it hangs is reported by whoever takes changes up.
        let read = Reading::begin(&self.config, move || plans_of(&file))?.done().await?;
        // A config that is wrong was reported by whoever took it up.
        let Some((config, plans)) = read else { return Ok(()) };
        for (protocol, path, plan) in &plans {
            self.call_those_due(&config, protocol, path, plan).await?;
            self.remind_those_due(&config, protocol, plan).await?;
        }
        Ok(())
    }

    async fn call_those_due(&self, config: &Config, protocol: &str, path: &Path, plan: &Plan) -> anyhow::Result<()> {
        for (id, callout) in &plan.tables().callout {
            let now_ms = wall_clock_ms();
            let (Some(due_ms), Some(time_ms)) = (last_callout(callout, now_ms), last_time_of(callout, now_ms)) else {
                continue;
            };
            let is_done = self.notes(config, now_ms)?.iter().any(|(at_ms, note)| {
                let is_it = |one: &CalledOut| one.callout == *id && one.protocol == protocol;
                *at_ms >= due_ms && matches!(note, Note::CalledOut(one) if is_it(one))
            });
            if is_done || now_ms - time_ms > BEGUN_WITHIN_MS {
                continue;
            }
            let people = people_of(plan, &callout.who);
            tracing::info!("callout {id}: {} people are called", people.len());
            let wait = Duration::from_secs(callout.wait_s);
            let Some(called) = self.call(config, protocol, plan, (id, people, wait)).await? else { continue };
            let reached: Vec<String> =
                called.reached().into_iter().filter(|(_, reached)| *reached).map(|(id, _)| id.to_owned()).collect();
            // Without answers nobody is known to have been reached.
            if called.wait_s > 0 && !reached.is_empty() {
                let today = Moment { ms: now_ms - now_ms % DAY_MS };
                for file in set_verified(path, &reached, today)? {
                    tracing::info!("{}: verified_at of {}", file.display(), reached.join(", "));
                }
            }
        }
        Ok(())
    }

    /// Calls people out and notes what came of it; that somebody was not reached is a finding. `None` if another callout is
    /// under way.
    async fn call(
        &self,
        config: &Config,
        protocol: &str,
        plan: &Plan,
        (id, people, wait): (&str, Vec<String>, Duration),
    ) -> anyhow::Result<Option<CalledOut>> {
        let Some(mut under_way) = self.callouts.begin() else { return Ok(None) };
        let wait = if config.answers.is_some() { wait } else { Duration::ZERO };
        let (_, nobody) = mpsc::channel(1);
        let inbox = (!wait.is_zero()).then(|| std::mem::replace(&mut under_way.inbox, nobody));
        let callout = Callout { people, wait, listen: None };
        let began_ms = wall_clock_ms();
        let calls = call(config, plan, &callout, inbox, |line| tracing::info!("callout: {line}")).await?;
        drop(under_way);
        let (callout, protocol) = (id.to_owned(), protocol.to_owned());
        let called = CalledOut { callout, protocol, wait_s: wait.as_secs(), began_ms, calls };
        for (person, reached) in called.reached() {
            self.report(&called.protocol, plan, person, reached, &called).await?;
        }
        self.note(Note::CalledOut(called.clone())).await?;
        Ok(Some(called))
    }

    async fn report(
        &self,
        protocol: &str,
        plan: &Plan,
        person: &str,
        reached: bool,
        called: &CalledOut,
    ) -> anyhow::Result<()> {
        let ways = called.calls.iter().filter(|call| call.person == person).map(|call| match &call.refused {
            Some(why) => format!("{}: {why}", call.address),
            None if called.is_taken(call) => format!("{}: answered, and wakes nobody", call.address),
            None => format!("{}: no answer", call.address),
        });
        let message = match reached {
            true => format!("{} was reached by a callout", plan.name(person)),
            false => format!(
                "{} was not reached by a callout ({}). Find out why, and mend the channels of person.{person}",
                plan.name(person),
                ways.collect::<Vec<_>>().join("; ")
            ),
        };
        let of = if protocol.is_empty() { String::new() } else { format!("{protocol}.") };
        let (kind, subject) = ("callout-unanswered".to_owned(), format!("person/{of}{person}"));
        self.input(Event::Coverage {
            coverage: Coverage { chain: None, kind, subject, severity: Severity::High, message, over: reached },
        })
        .await
    }

    /// Carries out a callout that somebody asked for, beside all else.
    pub(super) fn call_by_hand(&self, ask: Ask, reply: oneshot::Sender<Answer>) {
        let calendar = self.clone();
        tokio::spawn(async move {
            let answer = match calendar.asked(ask).await {
                Ok(Some(called)) => Answer::CalledOut { calls: called.calls },
                Ok(None) => Answer::Refused { why: vec!["another callout is under way: wait for its end".to_owned()] },
                Err(error) => Answer::Refused { why: vec![format!("{error:#}")] },
            };
            // Whoever asked may have gone.
            let _ = reply.send(answer);
        });
    }

    async fn asked(&self, ask: Ask) -> anyhow::Result<Option<CalledOut>> {
        let Ask::CallOut { protocol, people, wait_s } = ask else {
            anyhow::bail!("it is no callout; please report it")
        };
        let (file, of) = (self.config.clone(), protocol.clone());
        let reading = Reading::begin(&self.config, move || plan_of(&file, of.as_deref()))?;
        let (config, plan) = reading.within(HANGS_AFTER).await??;
        let (protocol, wait) = (protocol.unwrap_or_default(), Duration::from_secs(wait_s));
        self.call(&config, &protocol, &plan, ("", people, wait)).await
    }

    async fn remind_those_due(&self, config: &Config, protocol: &str, plan: &Plan) -> anyhow::Result<()> {
        let now_ms = wall_clock_ms();
        for (id, risk) in &plan.tables().risk {
            let Some((due, stage)) = risk.open_due().and_then(|due| Some((due, stage(due, now_ms)?))) else { continue };
            let is_done = self.notes(config, now_ms)?.iter().any(|(_, note)| {
                let is_it = |one: &Reminded| {
                    one.risk == *id && one.protocol == protocol && one.due_ms == due.ms && one.stage >= stage
                };
                matches!(note, Note::Reminded(one) if is_it(one))
            });
            if is_done {
                continue;
            }
            let owner = risk.owner.as_slice();
            let whom = remind(config, plan, (id, risk, due), &people_of(plan, owner)).await?;
            if whom.is_empty() {
                tracing::warn!("risk.{id} is due on {due}, and nobody could be reminded of it");
                continue;
            }
            let (protocol, risk) = (protocol.to_owned(), id.clone());
            self.note(Note::Reminded(Reminded { protocol, risk, due_ms: due.ms, stage, whom })).await?;
        }
        Ok(())
    }

    fn notes(&self, config: &Config, now_ms: u64) -> anyhow::Result<Vec<(u64, Note)>> {
        Ok(Journal::open_existing_read_only(&config.journal)?.notes(now_ms.saturating_sub(NOTES_MS))?)
    }

    /// Notes something, and waits until it is durable: what is done is not done again.
    async fn note(&self, note: Note) -> anyhow::Result<()> {
        let (done, durable) = oneshot::channel();
        let delivery = Delivery { done: Some(done), ..Delivery::now(Event::Noted { note }) };
        let ended = |_| anyhow::anyhow!("the loop has ended");
        self.messages.send(Message::Input(delivery)).await.map_err(ended)?;
        durable.await.map_err(|_| anyhow::anyhow!("the loop has ended"))
    }

    async fn input(&self, event: Event) -> anyhow::Result<()> {
        let sent = self.messages.send(Message::Input(Delivery::now(event))).await;
        sent.map_err(|_| anyhow::anyhow!("the loop has ended"))
    }
}

/// Which reminder is due by a moment, milliseconds since the Unix epoch; `None` if the day is more than a week away.
fn stage(due: Moment, now_ms: u64) -> Option<u64> {
    Some(now_ms.checked_sub(due.ms.saturating_sub(WEEK_MS))? / WEEK_MS)
}

/// The people of roles, backups too, and people by themselves, each once.
fn people_of(plan: &Plan, who: &[String]) -> Vec<String> {
    let of = |id: &String| match plan.tables().role.contains_key(id) {
        true => plan.members(id).into_iter().map(str::to_owned).collect(),
        false => vec![id.clone()],
    };
    let people: BTreeSet<String> = who.iter().flat_map(of).collect();
    people.into_iter().collect()
}

/// Writes to people at the address that they read when they are awake. Returns whom a service took it for.
async fn remind(
    config: &Config,
    plan: &Plan,
    (id, risk, due): (&str, &Risk, Moment),
    people: &[String],
) -> anyhow::Result<Vec<String>> {
    let outlets = config.outlets()?;
    let mut reminded = Vec::new();
    for person in people {
        let Some(channels) = plan.tables().person.get(person).map(|one| &one.channels) else { continue };
        let carries = |made: &Made, address: &str| {
            !made.takes_all && made.schemes.as_ref().is_some_and(|schemes| schemes.contains(&scheme(address)))
        };
        for address in channels.normal.iter().chain(&channels.urgent) {
            let Some(made) = outlets.values().find(|made| carries(made, address)) else { continue };
            match made.service.send(&reminder(plan, (id, risk, due), person, address)).await {
                Ok(_) => {
                    reminded.push(person.clone());
                    break;
                }
                Err(error) => tracing::warn!("{person} could not be reminded at {}: {error}", scheme(address)),
            }
        }
    }
    Ok(reminded)
}

fn reminder(plan: &Plan, (id, risk, due): (&str, &Risk, Moment), person: &str, address: &str) -> Letter {
    let now_ms = wall_clock_ms();
    let when = if now_ms < due.ms { "is due on" } else { "was due on" };
    let text = format!("Reminder: \u{201c}{}\u{201d} {when} {due} (risk {id})", risk.summary);
    let incident = risk.incidents.last().copied().unwrap_or_default();
    let key = B256::from(rand::random::<[u8; 32]>());
    let contact = Contact { name: plan.name(person), urgent: vec![address.to_owned()], normal: Vec::new() };
    let brief = Brief {
        incident,
        protocol: plan.tables().protocol.name.clone(),
        title: text.clone(),
        severity: Severity::Low,
        state: IncidentState::Closed,
        in_time: String::new(),
        acked_by: None,
        opened_at_ms: now_ms,
        mark: hex::encode(key),
        round: 0,
        people: [(person.to_owned(), contact)].into(),
    };
    let effect = Effect::Remind { incident, whom: vec![person.to_owned()], text: String::new() };
    Letter {
        ordered: Ordered { key, at_ms: now_ms, dry_run: false, drill: false, effect },
        intent: Intent::Remind,
        address: address.to_owned(),
        brief,
        more: 0,
        earlier: None,
        is_test: false,
        answer_url: None,
        answer_token: None,
        now_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_reminded_a_week_before_on_the_day_and_each_week_after() {
        let due = Moment { ms: 100 * DAY_MS };
        let at = |day: u64| stage(due, day * DAY_MS);
        assert_eq!(
            [at(92), at(93), at(99), at(100), at(106), at(107)],
            [None, Some(0), Some(0), Some(1), Some(1), Some(2)]
        );
    }
}
