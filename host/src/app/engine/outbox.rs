//! The outbox, as the main loop uses it: effects that wait for their delivery, and what was reported of each.

use std::collections::BTreeSet;

use alloy::primitives::B256;

use crate::app::engine::Engine;
use crate::deliver::channel::Brief;
use crate::effect::{Effect, Ordered};
use crate::entry::Entry;
use crate::incident::IncidentId;
use crate::journal::{Channel, Filter, Outgoing, Posted, Reported, Urgency, Waiting};
use crate::timeline::{EntryKind, TimelineEntry};

impl Engine {
    /// Sets the channels that new effects are queued for.
    pub fn set_channels(&mut self, channels: Vec<Channel>) {
        self.journal.set_channels(channels);
    }

    /// Returns durable effects of an urgency that are due on a channel at `now_ms`, milliseconds since the Unix epoch, the
    /// gravest and then the oldest first, without those that are `under_way`.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_due(
        &self,
        channel: &str,
        urgency: Urgency,
        now_ms: u64,
        at_most: usize,
        under_way: &BTreeSet<B256>,
    ) -> anyhow::Result<Vec<Outgoing>> {
        Ok(self.journal.outbox_due(channel, urgency, now_ms, at_most, under_way)?)
    }

    /// Returns how an effect stands on a channel; `None` if it does not wait there.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_waiting(&self, channel: &str, key: B256) -> anyhow::Result<Option<Waiting>> {
        Ok(self.journal.outbox_waiting(channel, key)?)
    }

    /// Notes that a channel accepted an effect at `at_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_delivered(&mut self, channel: &str, key: B256, at_ms: u64) -> anyhow::Result<()> {
        Ok(self.journal.outbox_delivered(channel, key, at_ms)?)
    }

    /// Notes that an attempt failed, and when the next is due, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_failed(&mut self, channel: &str, key: B256, next_attempt_ms: u64, error: &str) -> anyhow::Result<()> {
        Ok(self.journal.outbox_failed(channel, key, next_attempt_ms, error)?)
    }

    /// Notes that an effect is not tried on a channel any more, since `at_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_given_up(&mut self, channel: &str, key: B256, at_ms: u64, error: &str) -> anyhow::Result<()> {
        Ok(self.journal.outbox_given_up(channel, key, at_ms, error)?)
    }

    /// Puts an effect off without an attempt, until `due_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_put_off(&mut self, channel: &str, key: B256, due_ms: u64) -> anyhow::Result<()> {
        Ok(self.journal.outbox_put_off(channel, key, due_ms)?)
    }

    /// Takes an effect from a channel that has no place for it.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_not_here(&mut self, channel: &str, ordered: &Ordered) -> anyhow::Result<()> {
        Ok(self.journal.outbox_not_here(channel, ordered)?)
    }

    /// Notes that a message about an incident stands at an address, since `at_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn note_posted(&mut self, channel: &str, incident: u64, posted: &Posted, at_ms: u64) -> anyhow::Result<()> {
        Ok(self.journal.note_posted(channel, incident, posted, at_ms)?)
    }

    /// Returns the messages about an incident that stand on a channel.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn posted(&self, channel: &str, incident: u64) -> anyhow::Result<Vec<Posted>> {
        Ok(self.journal.posted(channel, incident)?)
    }

    /// Whether somebody was paged for an incident at an address of which `is_its` is true.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn was_paged(&self, incident: u64, is_its: impl Fn(&str) -> bool) -> anyhow::Result<bool> {
        let filter = Filter { kinds: vec!["effect".to_owned()], incident: Some(incident), ..Filter::default() };
        let mut rows = self.journal.entries(&filter)?;
        while let Some(row) = rows.next()? {
            if let Entry::Effect(Ordered { effect: Effect::Page { channel, .. }, .. }) = &row.entry
                && is_its(channel)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an incident's timeline has that a service pages no more, for this reason.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn was_stopped(&self, incident: u64, why: &str) -> anyhow::Result<bool> {
        let filter = Filter { kinds: vec!["timeline".to_owned()], incident: Some(incident), ..Filter::default() };
        let mut rows = self.journal.entries(&filter)?;
        while let Some(row) = rows.next()? {
            if let Entry::Timeline(TimelineEntry { kind: EntryKind::Stopped, text, .. }) = &row.entry
                && text.starts_with(why)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns what the desk was given of an effect's delivery so far; `None` if nothing of it is to be reported.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn reported(&self, key: B256) -> anyhow::Result<Option<Reported>> {
        Ok(self.journal.reported(key)?)
    }

    /// True when every channel has given an effect up, none accepted it, and that was not reported yet.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn is_lost(&self, key: B256) -> anyhow::Result<bool> {
        Ok(self.journal.is_lost(key)?)
    }

    /// Returns effects that no channel carries and that were not reported yet.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_uncarried(&self, at_most: usize) -> anyhow::Result<Vec<B256>> {
        Ok(self.journal.outbox_uncarried(at_most)?)
    }

    /// Returns effects, urgent or not, that were ordered at `ordered_ms` or before, milliseconds since the Unix epoch, and of
    /// which nothing was reported yet.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_overdue(&self, urgency: Urgency, ordered_ms: u64, at_most: usize) -> anyhow::Result<Vec<B256>> {
        Ok(self.journal.outbox_overdue(urgency, ordered_ms, at_most)?)
    }

    /// True when an answer of this id was taken in before, whatever came of it.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn was_answered(&self, id: &str) -> anyhow::Result<bool> {
        Ok(self.journal.has_act_proved_by(id)?)
    }

    /// Returns what is known of an incident, open or over; `None` if there never was one of this number.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn brief(&self, id: IncidentId) -> anyhow::Result<Option<Brief>> {
        let Some(Entry::Incident(incident)) = self.journal.newest_about(id, "incident")? else { return Ok(None) };
        let in_time = match self.journal.newest_about(id, "decision")? {
            Some(Entry::Decision(decision)) => decision.in_time,
            _ => String::new(),
        };
        let desks = self.desks();
        let plan = desks.plan_of(id).or_else(|| desks.plan(&incident.protocol).cloned());
        let round = self.journal.rounds(id)?;
        Ok(Some(Brief { round, ..Brief::of(&incident, &in_time, plan.as_deref()) }))
    }

    /// The same for people, who are told who can act in time at `now_ms`, milliseconds since the Unix epoch, and not when that
    /// was decided on.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn brief_at(&self, id: IncidentId, now_ms: u64) -> anyhow::Result<Option<Brief>> {
        let brief = self.brief(id)?;
        Ok(brief.map(|brief| match self.desks().options(id, now_ms) {
            Some((in_time, _)) => Brief { in_time, ..brief },
            None => brief,
        }))
    }

    /// True when a coverage finding of a kind and subject is open.
    pub fn has_open(&self, kind: &str, subject: &str) -> bool {
        self.gaps.is_open(kind, subject)
    }

    /// Returns what follows `prefix` in the subjects of the open coverage findings of a kind.
    pub fn open_subjects(&self, kind: &str, prefix: &str) -> Vec<String> {
        let open = self.gaps.all().into_iter().filter(|(open, _)| open == kind);
        open.filter_map(|(_, subject)| subject.strip_prefix(prefix).map(str::to_owned)).collect()
    }
}
