//! Posts effects from the journal's outbox, and takes back in what came of each as an input.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use alloy::primitives::B256;

use crate::app::deploy::change::Outlets;
use crate::app::live::deliveries::{AfterFailure, Attempt, CHANNEL_DEAD, Deliveries, subject};
use crate::app::live::fatal::ends_the_host;
use crate::app::live::jobs::{self, Job};
use crate::app::live::main_loop::{Loop, wall_clock_ms};
use crate::app::live::sending;
use crate::app::live::supervisor::guarded;
use crate::deliver::channel::{Brief, Course, Intent, Made, Stop, stops};
use crate::deliver::webhook::{Undelivered, backoff_ms};
use crate::effect::Ordered;
use crate::event::Event;
use crate::fact::Delivery;
use crate::incident::IncidentId;
use crate::journal::{Outgoing, Posted, Reported, Urgency, scheme};

/// Most effects that are reported as undelivered at one look.
const REPORTED_AT_ONCE: usize = 64;
/// Most effects that are looked at for one channel and urgency, to be put together.
const LOOKED_AT: usize = 256;
/// Most attempts that are taken in at once, before anything else has its turn.
const HEARD_AT_ONCE: usize = 256;
/// Longest answer that an input keeps, in characters.
const ANSWER_CHARS: usize = 300;

/// Incidents as they stand, those that were looked up while deliveries were begun together.
type Briefs = BTreeMap<IncidentId, Option<Brief>>;

impl Loop {
    /// Posts effects to these webhooks and channels from here on. The finding that one is dead ends with its section.
    pub(super) fn deliver_to(&mut self, outlets: Outlets) -> anyhow::Result<()> {
        for section in ["webhook", "channel"] {
            for name in self.engine.open_subjects(CHANNEL_DEAD, &format!("{section}/")) {
                if outlets.services.get(&name).is_none_or(|made| made.section != section) {
                    let message = format!("{section} {name} was taken out of the config");
                    self.take(Event::Coverage { coverage: Deliveries::coverage(section, &name, message, true) }, None)?;
                }
            }
        }
        self.engine.set_channels(outlets.channels);
        self.deliveries.configure(outlets.config);
        self.services = outlets.services;
        self.asks = outlets.asks;
        self.look_at_outbox()
    }

    /// Starts the deliveries that are due, and reports the effects whose deadline is over.
    pub(super) fn look_at_outbox(&mut self) -> anyhow::Result<()> {
        self.outbox_looked = Instant::now();
        self.post_all()?;
        self.say_again()?;
        // Without a channel, deliveries are not the host's: somebody reads what it prints.
        if self.services.is_empty() { Ok(()) } else { self.report_overdue() }
    }

    /// Starts the deliveries that are due.
    pub(super) fn post_all(&mut self) -> anyhow::Result<()> {
        let names: Vec<String> = self.services.keys().cloned().collect();
        let mut failed = Ok(());
        for name in &names {
            // What fails on one channel keeps nothing from the others.
            match self.post(name) {
                Err(error) if ends_the_host(&error) => return Err(error),
                Err(error) => failed = Err(error.context(format!("channel {name}"))),
                Ok(()) => {}
            }
        }
        failed
    }

    /// Starts the deliveries to one channel that are due. The journal gives only effects that are durable.
    fn post(&mut self, name: &str) -> anyhow::Result<()> {
        let Some(made) = self.services.get(name).cloned() else { return Ok(()) };
        if self.stopping_since.is_some() {
            return Ok(());
        }
        let now_ms = self.now_ms()?;
        let mut briefs = Briefs::new();
        for urgency in Urgency::ALL {
            let room = self.deliveries.room(name, urgency, made.takes_all);
            if room == 0 {
                continue;
            }
            let under_way = self.deliveries.under_way(name);
            let most = if made.throttle_ms > 0 { LOOKED_AT } else { room };
            let mut wanting = Vec::new();
            for outgoing in self.engine.outbox_due(name, urgency, now_ms, most, &under_way)? {
                wanting.extend(self.job(name, &made, outgoing, (&mut briefs, now_ms))?);
            }
            let most_ms = self.deliveries.longest_wait_ms(urgency);
            let mut begun = 0;
            for job in jobs::fold(&made, wanting) {
                if begun == room {
                    break;
                }
                match self.paces.hold(name, &made, &job, urgency, (now_ms, most_ms)) {
                    Some(due_ms) => {
                        job.keys().into_iter().try_for_each(|key| self.engine.outbox_put_off(name, key, due_ms))?;
                        self.commit_soon();
                    }
                    None => {
                        begun += 1;
                        self.begin(name, &made, job, urgency);
                    }
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, name: &str, made: &Made, job: Job, urgency: Urgency) {
        self.deliveries.begin(name, &job.keys(), urgency);
        let turn = self.deliveries.turn(name, urgency);
        let (made, back, channel) = (made.clone(), self.back.clone(), name.to_owned());
        let asks = self.asks.clone();
        let (incident, keys, folded) = (job.brief.incident, job.keys(), job.folded.clone());
        self.handle.spawn(async move {
            // It is never closed.
            let _turn = turn.acquire_owned().await;
            // Receivers compare what is signed with a clock of their own; waiting times go by ours.
            let wall_ms = wall_clock_ms();
            let sender = channel.clone();
            let attempt = guarded(async move { sending::send(&made, asks.as_ref(), sender, job, wall_ms).await }).await;
            // Without an answer its effects would count as under way for ever.
            let attempt = attempt.unwrap_or_else(|message| {
                let result = Err(Undelivered { message, retry_after_ms: None, is_final: false });
                Attempt { channel, incident, keys, folded, posted: Vec::new(), result }
            });
            // If the loop has ended, the outbox still has the effect.
            let _ = back.send(attempt);
        });
    }

    /// Finds where an effect goes on a channel. One that has no place there is taken from it.
    fn job(
        &mut self,
        name: &str,
        made: &Made,
        lead: Outgoing,
        (briefs, now_ms): (&mut Briefs, u64),
    ) -> anyhow::Result<Option<Job>> {
        let id = lead.effect.effect.incident();
        if let Entry::Vacant(unknown) = briefs.entry(id) {
            unknown.insert(match made.takes_all {
                true => self.engine.brief(id)?,
                false => self.engine.brief_at(id, now_ms)?,
            });
        }
        let Some(brief) = briefs.get(&id).cloned().flatten() else { return self.not_here(name, &lead.effect) };
        if made.takes_all && !lead.effect.is_for_programs() {
            return self.not_here(name, &lead.effect);
        }
        if made.takes_all {
            let stops = vec![Stop { address: String::new(), intent: Intent::of(&lead.effect.effect), earlier: None }];
            return Ok(Some(Job { lead, stops, brief, folded: Vec::new() }));
        }
        if let Some(why) = jobs::overtaken(&lead, &brief) {
            tracing::info!(channel = name, effect = %lead.key, "not tried again: {why}");
            let now_ms = self.now_ms()?;
            self.engine.outbox_given_up(name, lead.key, now_ms, why)?;
            self.commit_soon();
            return Ok(None);
        }
        let posted = self.engine.posted(name, id)?;
        let standing: Vec<(String, String)> =
            posted.iter().map(|one| (one.address.clone(), one.receipt.clone())).collect();
        let services = &self.services;
        let is_carried = |address: &str| {
            let scheme = scheme(address);
            services.values().any(|made| made.schemes.as_ref().is_none_or(|schemes| schemes.contains(&scheme)))
        };
        let course = Course {
            schemes: made.schemes.as_ref(),
            room: made.room.as_deref(),
            after: made.after,
            posted: &standing,
            is_carried: &is_carried,
        };
        let mut stops = stops(&course, &lead.effect.effect, &brief);
        if stops.is_empty() {
            return self.not_here(name, &lead.effect);
        }
        // What an earlier attempt posted is not posted again.
        stops.retain(|stop| !posted.iter().any(|one| one.address == stop.address && one.key == lead.key));
        Ok(Some(Job { lead, stops, brief, folded: Vec::new() }))
    }

    fn not_here(&mut self, name: &str, ordered: &Ordered) -> anyhow::Result<Option<Job>> {
        self.engine.outbox_not_here(name, ordered)?;
        self.commit_soon();
        Ok(None)
    }

    /// Takes in what came of attempts that have ended meanwhile.
    pub(super) fn hear(&mut self) -> anyhow::Result<()> {
        let Ok(attempt) = self.answers.try_recv() else { return Ok(()) };
        self.pulse.turn(format!("a delivery to {}", attempt.channel));
        self.attempted(attempt)
    }

    /// Takes in what came of an attempt and of all others that have ended by now, and starts the next deliveries to the same
    /// channels: once for all of them, so that each costs the less the more there are.
    pub(super) fn attempted(&mut self, first: Attempt) -> anyhow::Result<()> {
        let mut channels = BTreeSet::from([first.channel.clone()]);
        self.ended(first)?;
        for _ in 1..HEARD_AT_ONCE {
            let Ok(attempt) = self.answers.try_recv() else { break };
            channels.insert(attempt.channel.clone());
            self.ended(attempt)?;
        }
        channels.iter().try_for_each(|channel| self.post(channel))
    }

    fn ended(&mut self, attempt: Attempt) -> anyhow::Result<()> {
        let Attempt { channel, incident, keys, folded, posted, result } = attempt;
        let now_ms = self.now_ms()?;
        if let (true, Err(error)) = (keys.is_empty(), &result) {
            return self.stands_no_more(&channel, incident, &error.message);
        }
        for one in &posted {
            self.engine.note_posted(&channel, incident, one, now_ms)?;
            self.note_folded(&channel, &folded, one, now_ms)?;
        }
        for key in keys {
            self.deliveries.end(&channel, key);
            match &result {
                Ok(()) => self.accepted(&channel, key, now_ms)?,
                Err(error) => self.failed(&channel, key, error, now_ms)?,
            }
        }
        // A host that is killed before the commit posts them again, under the same id.
        self.commit_later();
        Ok(())
    }

    /// Notes that incidents are known at an address by the count of another's message, so that their end is told there.
    fn note_folded(
        &mut self,
        channel: &str,
        folded: &[(B256, IncidentId)],
        posted: &Posted,
        now_ms: u64,
    ) -> anyhow::Result<()> {
        for (key, incident) in folded {
            let known = self.engine.posted(channel, *incident)?;
            if !known.iter().any(|one| one.address == posted.address) {
                let one = Posted { address: posted.address.clone(), key: *key, receipt: String::new() };
                self.engine.note_posted(channel, *incident, &one, now_ms)?;
            }
        }
        Ok(())
    }

    fn accepted(&mut self, channel: &str, key: B256, now_ms: u64) -> anyhow::Result<()> {
        self.engine.outbox_delivered(channel, key, now_ms)?;
        self.deliveries.accepted(channel, now_ms);
        let section = self.section(channel);
        if self.engine.has_open(CHANNEL_DEAD, &subject(section, channel)) {
            let message = format!("{section} {channel} accepts effects again");
            self.take(Event::Coverage { coverage: Deliveries::coverage(section, channel, message, true) }, None)?;
        }
        // Several channels may carry an effect; the first that accepts it counts.
        if self.engine.reported(key)?.is_some_and(|reported| reported != Reported::Delivered) {
            let delivery = Delivery::arrived(key, format!("{channel} accepted it"));
            self.take_later(Event::Delivered { delivery }, None)?;
        }
        Ok(())
    }

    fn failed(&mut self, channel: &str, key: B256, error: &Undelivered, now_ms: u64) -> anyhow::Result<()> {
        let Some(waiting) = self.engine.outbox_waiting(channel, key)? else { return Ok(()) };
        let attempts = waiting.attempts + 1;
        let section = self.section(channel);
        let AfterFailure { gives_up, is_dead } =
            self.deliveries.after_failure(channel, &waiting, error.is_final, now_ms);
        if gives_up {
            tracing::error!(channel, attempts, effect = %key, "delivery given up: {error}");
            self.engine.outbox_given_up(channel, key, now_ms, &error.message)?;
            if self.engine.is_lost(key)? {
                let delivery = Delivery::given_up(key, self.answer_of(key)?);
                self.take(Event::Delivered { delivery }, None)?;
            }
        } else {
            let wait_ms = backoff_ms(waiting.attempts, error.retry_after_ms);
            tracing::warn!(channel, attempts, wait_ms, "delivery failed, will be tried again: {error}");
            self.engine.outbox_failed(channel, key, now_ms + wait_ms, &error.message)?;
        }
        if is_dead && !self.engine.has_open(CHANNEL_DEAD, &subject(section, channel)) {
            let message = format!(
                "{section} {channel} accepts nothing: {error}. Effects wait for it and are tried again; see to its receiver, \
                 or take the {section} out of the config"
            );
            tracing::error!("{message}");
            self.take(Event::Coverage { coverage: Deliveries::coverage(section, channel, message, false) }, None)?;
        }
        Ok(())
    }

    /// Reports effects that no channel carries, and those that no channel has accepted by their deadline: once each, as the
    /// journal notes with the input that it was reported.
    fn report_overdue(&mut self) -> anyhow::Result<()> {
        let now_ms = self.now_ms()?;
        let mut keys = self.engine.outbox_uncarried(REPORTED_AT_ONCE)?;
        for urgency in [Urgency::Urgent, Urgency::Routine] {
            if let Some(ordered_ms) = self.deliveries.overdue_before(urgency, now_ms) {
                keys.extend(self.engine.outbox_overdue(urgency, ordered_ms, REPORTED_AT_ONCE)?);
            }
        }
        for key in keys {
            let answer = self.answer_of(key)?;
            tracing::error!(effect = %key, "not delivered in time: {answer}");
            self.take(Event::Delivered { delivery: Delivery::failed(key, answer) }, None)?;
        }
        Ok(())
    }

    /// What each channel that carries an effect said last, in a line.
    fn answer_of(&self, key: B256) -> anyhow::Result<String> {
        let mut parts = Vec::new();
        for name in self.services.keys() {
            let Some(waiting) = self.engine.outbox_waiting(name, key)? else { continue };
            let said = waiting.error.unwrap_or_else(|| "no attempt has ended yet".to_owned());
            parts.push(match waiting.attempts {
                0 | 1 => format!("{name}: {said}"),
                attempts => format!("{name}: {said}, after {attempts} attempts"),
            });
        }
        if parts.is_empty() {
            return Ok("no channel carries it".to_owned());
        }
        Ok(parts.join("; ").chars().take(ANSWER_CHARS).collect())
    }

    fn section(&self, channel: &str) -> &'static str {
        self.services.get(channel).map_or("channel", |made| made.section)
    }
}
