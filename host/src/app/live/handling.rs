//! Carries out the messages that the main loop takes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::app::deploy::change::Change;
use crate::app::deploy::load::LoadedPlan;
use crate::app::deploy::weakened;
use crate::app::live::disk::Disk;
use crate::app::live::main_loop::Loop;
use crate::app::live::messages::Message;
use crate::event::{Coverage, Event};
use crate::source::Delivery;

/// How far back observations count as recent, milliseconds: longer than any sender's clock may be off.
const RECENT_MS: u64 = 3_600_000;

impl Loop {
    /// Carries out one message.
    ///
    /// # Errors
    ///
    /// If the journal can't be written or read: nothing can be decided then.
    pub(super) fn handle(&mut self, message: Message) -> anyhow::Result<()> {
        match message {
            Message::Input(delivery) => self.input(delivery),
            Message::Change(change) => self.change(change),
            Message::Retry { detector, reply } => {
                let count = self.engine.retry(&detector)?;
                self.answer(reply, count)
            }
            Message::Waive { detector, by, reply } => {
                let count = self.engine.set_aside(&detector).len();
                self.take(Event::Waived { detector, by }, None)?;
                self.answer(reply, count)
            }
            Message::Metrics(reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.engine.metrics()?);
                Ok(())
            }
            Message::Status(reply) => {
                let status = self.engine.status()?;
                self.answer(reply, status)
            }
            Message::Resume { chain, reply } => {
                self.commit()?;
                let _ = reply.send(self.engine.chain_resume(chain)?);
                Ok(())
            }
            Message::LastSeen { feed, reply } => {
                self.commit()?;
                let since_ms = self.now_ms()?.saturating_sub(RECENT_MS);
                let _ = reply.send(self.engine.recent_observations(&feed, since_ms)?);
                Ok(())
            }
            Message::Attempted(attempt) => self.attempted(attempt),
            Message::Answer { channel, answer, reply } => {
                let done = self.answered(&channel, &answer)?;
                self.answer(reply, done)
            }
            Message::Act { act, reply } => {
                // What follows from it alone is the answer, and is durable before it is given.
                self.commit()?;
                let halts = self.halts();
                self.take(Event::Act { act }, None)?;
                self.report_halts(&halts)?;
                let followed = self.engine.uncommitted().iter().map(|(_, entry)| entry.clone()).collect();
                self.commit()?;
                self.answer(reply, followed)
            }
            Message::WhatToAsk { act, reply } => {
                let _ = reply.send(self.engine.what_to_ask(&act)?);
                Ok(())
            }
            // The loop looks after each message at who is late.
            Message::CameBack => Ok(()),
            Message::Stop => {
                self.stopping_since = Some(Instant::now());
                Ok(())
            }
        }
    }

    fn input(&mut self, delivery: Delivery) -> anyhow::Result<()> {
        if let (Some(tape), Some(raw)) = (&mut self.tape, delivery.raw) {
            tape.keep(*raw);
        }
        self.waiting.extend(delivery.done);
        self.take(delivery.event, delivery.at_ms)
    }

    fn change(&mut self, change: Change) -> anyhow::Result<()> {
        match change {
            Change::Swap(ready, reply) => self.swap_soon(ready, reply),
            Change::Report(coverage) => self.take(Event::Coverage { coverage }, None),
            Change::Remove(detector) => {
                let at_ms = self.now_ms()?;
                self.report(weakened::of_removed(&detector))?;
                self.engine.remove(&detector, at_ms)?;
                self.engine_changed();
                Ok(())
            }
            Change::Retry(detector) => {
                self.engine.retry(&detector)?;
                self.commit_soon();
                Ok(())
            }
            Change::Reject { detector, digest, reason } => {
                self.take(Event::Rejected { detector, digest, reason }, None)
            }
            Change::Plan(loaded) => {
                // Under the plan that was: who changes the plan does not choose who hears of it.
                let name = loaded.protocol.name.clone();
                let before = self.engine.desks().plan(&name).cloned();
                if let Some(coverage) =
                    before.and_then(|before| weakened::of_plan(&name, &before, &loaded.plan, &loaded.who))
                {
                    self.report(coverage)?;
                }
                self.take(loaded.event(), None)
            }
            Change::Protocols(names) => self.follow_protocols(&names),
            Change::Webhooks(outlets) => self.deliver_to(outlets),
            Change::Retain(retention, floor) => {
                self.engine.retain(&retention)?;
                self.commit_soon();
                self.retention = retention;
                self.disk = Some(Disk::new(floor));
                Ok(())
            }
        }
    }

    fn follow_protocols(&mut self, names: &BTreeSet<String>) -> anyhow::Result<()> {
        let known = self.engine.desks().protocols();
        let gone = known.filter(|(known, _)| !names.contains(&known.name) && !known.is_retired());
        let gone: Vec<String> = gone.map(|(known, _)| known.name.clone()).collect();
        gone.into_iter().try_for_each(|name| {
            self.report(weakened::of_retired(&name))?;
            self.take(LoadedPlan::retired(&name).event(), None)
        })
    }

    /// Takes in the host's own finding about people's hands on the watch.
    fn report(&mut self, coverage: Coverage) -> anyhow::Result<()> {
        tracing::warn!("{}", coverage.message);
        self.take(Event::Coverage { coverage }, None)
    }

    /// Protocols whose automation is stopped, each with who stopped it and why.
    fn halts(&self) -> BTreeMap<String, String> {
        let halts = self.engine.desks().halts();
        halts.map(|(name, by, _, why)| (name.to_owned(), format!("{by} stopped all automation: {why}"))).collect()
    }

    fn report_halts(&mut self, before: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let now = self.halts();
        let begun = now.iter().filter(|(name, _)| !before.contains_key(*name));
        let ended = before.keys().filter(|name| !now.contains_key(*name));
        let begun: Vec<Coverage> = begun.map(|(name, said)| weakened::of_halt(name, said.clone(), false)).collect();
        let ended = ended.map(|name| weakened::of_halt(name, "automation goes on".to_owned(), true));
        let all: Vec<Coverage> = begun.into_iter().chain(ended).collect();
        all.into_iter().try_for_each(|coverage| self.report(coverage))
    }

    /// Answers whoever asked; nobody waits any more if the run has ended meanwhile.
    fn answer<T>(&mut self, reply: oneshot::Sender<T>, answer: T) -> anyhow::Result<()> {
        self.commit_soon();
        let _ = reply.send(answer);
        Ok(())
    }
}
