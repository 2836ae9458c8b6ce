//! Effects that wait to be delivered: durable with the decision that ordered them, one row for each channel that carries
//! them, and what the desk was given of the delivery of each.

use std::collections::BTreeSet;

use alloy::primitives::B256;
use rusqlite::params;

use super::{Journal, JournalError, Result};
use crate::effect::{Effect, Ordered};
use crate::entry::Entry;
use crate::fact::Delivery;
use crate::finding::Severity;

/// Where effects may be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name in the config.
    pub name: String,
    /// The schemes of persons' channels that it carries pages for, as `phone`; all of them if `None`.
    pub schemes: Option<BTreeSet<String>>,
    /// Whether effects that name no address of its schemes may concern it too.
    pub hears: Hears,
}

/// What a channel is given beside pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Every other effect, as it is: a machine reads it.
    All,
    /// What people are to see. Which of it has a place on the channel is found when it is posted.
    People,
}

impl Channel {
    /// True when the channel carries an effect, or may.
    pub fn carries(&self, effect: &Effect) -> bool {
        let carries = |address: &str| self.schemes.as_ref().is_none_or(|schemes| schemes.contains(&scheme(address)));
        match (self.hears, effect) {
            (_, Effect::Page { channel, .. }) => carries(channel),
            (Hears::All, _) => true,
            (Hears::People, Effect::Communicate { channels, .. }) => channels.iter().any(|channel| carries(channel)),
            (Hears::People, Effect::UpdateRisk { .. }) => false,
            (Hears::People, _) => true,
        }
    }
}

/// True when somebody in particular is meant, so that an effect which nobody carries is lost on them.
fn is_addressed(effect: &Effect) -> bool {
    !matches!(effect, Effect::Notify { .. } | Effect::UpdateRisk { .. } | Effect::Withdraw { .. })
}

/// Returns the scheme of a person's channel, in lower case: `phone` of `phone:+41…`.
pub fn scheme(channel: &str) -> String {
    channel.split(':').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// How much an effect can wait behind others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A page for a critical incident.
    Critical,
    /// Another page, or something about an intervention.
    Urgent,
    /// Everything else.
    Routine,
}

impl Urgency {
    /// All of them, the most urgent first.
    pub const ALL: [Urgency; 3] = [Urgency::Critical, Urgency::Urgent, Urgency::Routine];

    /// True when somebody waits for the effect.
    pub fn is_urgent(self) -> bool {
        self < Urgency::Routine
    }

    /// The ranks of its effects. Within a rank, what was due first goes first.
    fn ranks(self) -> std::ops::RangeInclusive<u8> {
        match self {
            Urgency::Critical => 0..=0,
            Urgency::Urgent => 1..=4,
            Urgency::Routine => 8..=12,
        }
    }

    fn of_rank(rank: u8) -> Self {
        Self::ALL.into_iter().find(|urgency| urgency.ranks().contains(&rank)).unwrap_or(Urgency::Routine)
    }

    /// Which deadline an effect has, as the `deadline` column of `delivery` has it.
    fn deadline(self) -> &'static str {
        if self.is_urgent() { "urgent" } else { "routine" }
    }
}

/// An effect that no channel carries has its deadline at once.
const AT_ONCE: &str = "at-once";

/// The place of an effect among those that wait, 0 first: pages by severity, then what is about an intervention, then the
/// rest by severity. Migrations of old journals repeat it in SQL.
fn rank(effect: &Effect) -> u8 {
    let by_severity = |severity: &Severity| match severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    };
    match effect {
        Effect::Page { severity, .. } => by_severity(severity),
        Effect::Propose { .. } | Effect::CarryOut { .. } | Effect::Withdraw { .. } | Effect::Revert { .. } => 1,
        Effect::Notify { severity, .. } => 8 + by_severity(severity),
        Effect::Communicate { .. } => 8,
        Effect::Remind { .. } => 10,
        Effect::UpdateRisk { .. } => 12,
    }
}

/// The same for what was ordered: what a drill asks for goes behind all that is meant in earnest and as urgent.
fn rank_of(ordered: &Ordered) -> u8 {
    let rank = rank(&ordered.effect);
    let last = *if rank < 8 { Urgency::Urgent } else { Urgency::Routine }.ranks().end();
    if ordered.drill { last } else { rank }
}

/// An effect that is due on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The effect's key.
    pub key: B256,
    /// The entry that has it.
    pub seq: u64,
    /// The effect.
    pub effect: Ordered,
    /// How often it was tried.
    pub attempts: u32,
}

/// How an effect stands on a channel that has not accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How much it can wait behind others.
    pub urgency: Urgency,
    /// When it was ordered, milliseconds since the Unix epoch.
    pub ordered_ms: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<String>,
}

/// What the desk was given of an effect's delivery so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Nothing yet.
    Nothing,
    /// That it was not delivered in time; attempts go on.
    Undelivered,
    /// That a channel accepted it.
    Delivered,
    /// That no channel tries it any more.
    GivenUp,
}

impl Reported {
    fn of_name(name: Option<&str>) -> Option<Self> {
        Some(match name {
            None => Reported::Nothing,
            Some("undelivered") => Reported::Undelivered,
            Some("delivered") => Reported::Delivered,
            Some("given-up") => Reported::GivenUp,
            Some(_) => return None,
        })
    }

    /// As the `reported` column has it, of an input.
    pub(super) fn name(delivery: &Delivery) -> &'static str {
        match delivery {
            Delivery { arrived: true, .. } => "delivered",
            Delivery { given_up: true, .. } => "given-up",
            _ => "undelivered",
        }
    }
}

impl Journal {
    /// Sets the channels that new effects are queued for.
    pub fn set_channels(&mut self, channels: Vec<Channel>) {
        self.channels = channels;
    }

    /// Queues an effect, which was just appended as entry `seq`, on each channel that carries it.
    pub(super) fn queue(&mut self, seq: u64, ordered: &Ordered) -> Result<()> {
        if self.channels.is_empty() {
            return Ok(());
        }
        let (key, rank, at_ms) = (ordered.key.0, rank_of(ordered), self.at_ms);
        let carriers = self.channels.iter().filter(|channel| channel.carries(&ordered.effect));
        let carriers: Vec<String> = carriers.map(|channel| channel.name.clone()).collect();
        for channel in &carriers {
            // The same effect, ordered again, was delivered or is on its way.
            self.run(
                "INSERT OR IGNORE INTO outbox (channel, key, seq, rank, next_attempt_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![channel, key, seq, rank, at_ms],
            )?;
        }
        if carriers.is_empty() && !is_addressed(&ordered.effect) {
            return Ok(());
        }
        let deadline = if carriers.is_empty() { AT_ONCE } else { Urgency::of_rank(rank).deadline() };
        self.run(
            "INSERT OR IGNORE INTO delivery (key, seq, deadline, ordered_at_ms) VALUES (?1, ?2, ?3, ?4)",
            params![key, seq, deadline, at_ms],
        )?;
        Ok(())
    }

    /// Notes with the input that what came of an effect was reported.
    pub(super) fn note_reported(&mut self, delivery: &Delivery) -> Result<()> {
        // It is about no effect.
        if delivery.stopped.is_some() {
            return Ok(());
        }
        let sql = "UPDATE delivery SET reported = ?2 WHERE key = ?1";
        self.run(sql, params![delivery.key.0, Reported::name(delivery)])?;
        Ok(())
    }

    /// Returns committed effects of an urgency that are due on a channel, the gravest and then the oldest first, without
    /// those that are `under_way`.
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
    ) -> Result<Vec<Outgoing>> {
        // Each rank is a range of the index: however many wait, only rows that are due are read.
        let sql = "SELECT key, seq, attempts FROM outbox WHERE channel = ?1 AND rank = ?2 AND next_attempt_ms <= ?3 \
                   AND delivered_at_ms IS NULL AND given_up_at_ms IS NULL AND seq <= ?4 \
                   ORDER BY next_attempt_ms, seq LIMIT ?5";
        let mut due = Vec::new();
        for rank in urgency.ranks() {
            if due.len() >= at_most {
                break;
            }
            let rows_at_most = (at_most - due.len() + under_way.len()) as u64;
            let params = params![channel, rank, now_ms, self.committed, rows_at_most];
            let rows: Vec<([u8; 32], u64, u32)> =
                self.all(sql, params, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            for (key, seq, attempts) in rows {
                let key = B256::from(key);
                if due.len() >= at_most || under_way.contains(&key) {
                    continue;
                }
                if let Some(Entry::Effect(effect)) = self.entry(seq)? {
                    due.push(Outgoing { key, seq, effect, attempts });
                }
            }
        }
        Ok(due)
    }

    /// Returns how an effect stands on a channel; `None` if it does not wait there.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_waiting(&self, channel: &str, key: B256) -> Result<Option<Waiting>> {
        let sql = "SELECT rank, entry.at_ms, attempts, error FROM outbox JOIN entry USING (seq) \
                   WHERE channel = ?1 AND key = ?2 AND delivered_at_ms IS NULL";
        self.one(sql, params![channel, key.0], |row| {
            let urgency = Urgency::of_rank(row.get(0)?);
            Ok(Waiting { urgency, ordered_ms: row.get(1)?, attempts: row.get(2)?, error: row.get(3)? })
        })
    }

    /// Notes that a channel accepted an effect.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_delivered(&mut self, channel: &str, key: B256, at_ms: u64) -> Result<()> {
        let sql = "UPDATE outbox SET delivered_at_ms = ?3, attempts = attempts + 1, error = NULL \
                   WHERE channel = ?1 AND key = ?2";
        self.run(sql, params![channel, key.0, at_ms])?;
        Ok(())
    }

    /// Notes that an attempt failed, and when the next is due.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_failed(&mut self, channel: &str, key: B256, next_attempt_ms: u64, error: &str) -> Result<()> {
        let sql = "UPDATE outbox SET next_attempt_ms = ?3, attempts = attempts + 1, error = ?4 \
                   WHERE channel = ?1 AND key = ?2";
        self.run(sql, params![channel, key.0, next_attempt_ms, error])?;
        Ok(())
    }

    /// Notes that an attempt failed, and that it was the last on this channel.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_given_up(&mut self, channel: &str, key: B256, at_ms: u64, error: &str) -> Result<()> {
        let sql = "UPDATE outbox SET given_up_at_ms = ?3, attempts = attempts + 1, error = ?4 \
                   WHERE channel = ?1 AND key = ?2";
        self.run(sql, params![channel, key.0, at_ms, error])?;
        Ok(())
    }

    /// Puts an effect off without an attempt: it is due again at `due_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_put_off(&mut self, channel: &str, key: B256, due_ms: u64) -> Result<()> {
        let sql = "UPDATE outbox SET next_attempt_ms = ?3 WHERE channel = ?1 AND key = ?2";
        self.run(sql, params![channel, key.0, due_ms])?;
        Ok(())
    }

    /// Takes an effect from a channel that has no place for it. One that no channel is left for counts as carried by none,
    /// unless nobody in particular was meant.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_not_here(&mut self, channel: &str, ordered: &Ordered) -> Result<()> {
        let key = ordered.key.0;
        self.run("DELETE FROM outbox WHERE channel = ?1 AND key = ?2", params![channel, key])?;
        let left = "AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.key = ?1)";
        if is_addressed(&ordered.effect) {
            let sql = format!("UPDATE delivery SET deadline = ?2 WHERE key = ?1 AND reported IS NULL {left}");
            self.run(&sql, params![key, AT_ONCE])?;
        } else {
            self.run(&format!("DELETE FROM delivery WHERE key = ?1 AND reported IS NULL {left}"), params![key])?;
        }
        Ok(())
    }

    /// Returns what was reported of an effect's delivery; `None` if nothing of it is to be reported.
    ///
    /// # Errors
    ///
    /// If the journal can't be read, or has a word that this version does not know.
    pub fn reported(&self, key: B256) -> Result<Option<Reported>> {
        let sql = "SELECT reported FROM delivery WHERE key = ?1";
        let Some(name) = self.one(sql, [key.0], |row| row.get::<_, Option<String>>(0))? else { return Ok(None) };
        match Reported::of_name(name.as_deref()) {
            Some(reported) => Ok(Some(reported)),
            None => Err(JournalError::Unreadable(format!("`{}` was reported of an effect", name.unwrap_or_default()))),
        }
    }

    /// True when no channel tries an effect any more, none accepted it, and that was not reported yet.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn is_lost(&self, key: B256) -> Result<bool> {
        if !matches!(self.reported(key)?, Some(Reported::Nothing | Reported::Undelivered)) {
            return Ok(false);
        }
        let sql = "SELECT 1 FROM outbox WHERE channel = ?1 AND key = ?2 AND given_up_at_ms IS NULL";
        for channel in &self.channels {
            if self.one(sql, params![channel.name, key.0], |_| Ok(()))?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns effects that no channel carries and of which nothing was reported yet, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_uncarried(&self, at_most: usize) -> Result<Vec<B256>> {
        self.unreported(AT_ONCE, i64::MAX as u64, at_most)
    }

    /// Returns effects, urgent or not, that were ordered at a time or before and of which nothing was reported yet, oldest
    /// first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_overdue(&self, urgency: Urgency, ordered_ms: u64, at_most: usize) -> Result<Vec<B256>> {
        self.unreported(urgency.deadline(), ordered_ms, at_most)
    }

    fn unreported(&self, deadline: &str, ordered_ms: u64, at_most: usize) -> Result<Vec<B256>> {
        let sql = "SELECT key FROM delivery WHERE reported IS NULL AND deadline = ?1 AND ordered_at_ms <= ?2 \
                   ORDER BY ordered_at_ms, seq LIMIT ?3";
        let params = params![deadline, ordered_ms, at_most as u64];
        let keys: Vec<[u8; 32]> = self.all(sql, params, |row| row.get(0))?;
        Ok(keys.into_iter().map(B256::from).collect())
    }

    /// Returns how many effects wait on a channel.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_count(&self, channel: &str) -> Result<u64> {
        let sql =
            "SELECT count(*) FROM outbox WHERE channel = ?1 AND delivered_at_ms IS NULL AND given_up_at_ms IS NULL";
        Ok(self.one(sql, [channel], |row| row.get(0))?.unwrap_or(0))
    }
}
