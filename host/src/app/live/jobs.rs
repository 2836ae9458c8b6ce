//! From effects that are due on a channel to the letters that leave: a storm of them is one message and a count, and nothing
//! graver waits for it.
//!
//! Nothing here reads a clock or the journal.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::B256;

use crate::deliver::channel::{After, Brief, Intent, Made, Stop};
use crate::effect::Effect;
use crate::finding::Severity;
use crate::incident::IncidentId;
use crate::journal::{Outgoing, Urgency};

/// What leaves at once: one effect at its addresses, and the effects that it stands for.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The effect.
    pub(super) lead: Outgoing,
    /// Where it goes.
    pub(super) stops: Vec<Stop>,
    /// The incident as it stands.
    pub(super) brief: Brief,
    /// Keys of the other effects that it stands for, each with its incident.
    pub(super) folded: Vec<(B256, IncidentId)>,
}

impl Job {
    /// Returns the keys of all effects that the job delivers.
    pub(super) fn keys(&self) -> Vec<B256> {
        [self.lead.key].into_iter().chain(self.folded.iter().map(|(key, _)| *key)).collect()
    }

    /// Returns how many other incidents the job stands for.
    pub(super) fn more(&self) -> usize {
        let others = self.folded.iter().map(|(_, incident)| *incident);
        others.filter(|incident| *incident != self.brief.incident).collect::<BTreeSet<_>>().len()
    }

    /// Returns the sort of the effect and the address at which effects of this sort are put together; `None` if the effect goes by
    /// itself. Proposals go to several people: those of one intervention to the same people are put together, and in calls, which
    /// name none, all of them.
    fn address(&self, made: &Made) -> Option<(String, String)> {
        let effect = &self.lead.effect.effect;
        if let (Effect::Propose { intervention, .. }, true) = (effect, made.throttle_ms > 0 && !self.stops.is_empty()) {
            let what = if made.speaks { "" } else { intervention.as_str() };
            let drill = if self.lead.effect.drill { "drill " } else { "" };
            let addresses: Vec<&str> = self.stops.iter().map(|stop| stop.address.as_str()).collect();
            return Some((format!("{drill}propose {what}"), addresses.join(" ")));
        }
        let [stop] = self.stops.as_slice() else { return None };
        let is_edit = made.after == After::Edits
            && stop.earlier.as_ref().is_some_and(|receipt| !receipt.is_empty())
            && matches!(stop.intent, Intent::Update | Intent::Resolve);
        let may = matches!(effect, Effect::Page { .. } | Effect::Notify { .. } | Effect::Remind { .. });
        // A drill stands for nothing that is meant in earnest, and holds none of it up.
        let sort = if self.lead.effect.drill { "drill" } else { effect.kind() };
        (made.throttle_ms > 0 && may && !is_edit).then(|| (sort.to_owned(), stop.address.clone()))
    }

    /// How grave its effect is: as it says, since the incident may have changed.
    fn severity(&self) -> Severity {
        match &self.lead.effect.effect {
            Effect::Page { severity, .. } | Effect::Notify { severity, .. } => *severity,
            _ => self.brief.severity,
        }
    }
}

/// Returns why an effect leaves no more; `None` if it does. Nobody is rung up for what is over, or in the hands of somebody else by
/// now: neither again, nor for the first time after it waited.
pub(super) fn overtaken(lead: &Outgoing, brief: &Brief) -> Option<&'static str> {
    let is_page = matches!(lead.effect.effect, Effect::Page { .. });
    // A page that was ordered though somebody had it says something else.
    let had_it = |brief: &crate::brief::Brief| brief.acked_by.is_some();
    let is_first = matches!(&lead.effect.effect, Effect::Page { brief, .. } if !brief.as_deref().is_some_and(had_it));
    let asks = is_page || matches!(lead.effect.effect, Effect::Propose { .. } | Effect::CarryOut { .. });
    match (brief.state.is_open(), &brief.acked_by) {
        (false, _) if asks => Some("the incident is over"),
        (true, Some(_)) if is_first => Some("somebody has the incident by now"),
        _ => None,
    }
}

/// Puts together what goes to the same address: the gravest and newest leads.
pub(super) fn fold(made: &Made, jobs: Vec<Job>) -> Vec<Job> {
    let mut alone = Vec::new();
    let mut groups: BTreeMap<(String, String), Job> = BTreeMap::new();
    for job in jobs {
        let Some((sort, address)) = job.address(made) else {
            alone.push(job);
            continue;
        };
        match groups.remove(&(sort.clone(), address.clone())) {
            None => drop(groups.insert((sort, address), job)),
            Some(other) => {
                let newer = (job.severity(), job.lead.seq) > (other.severity(), other.lead.seq);
                let (mut lead, rest) = if newer { (job, other) } else { (other, job) };
                lead.folded.push((rest.lead.key, rest.brief.incident));
                lead.folded.extend(rest.folded);
                groups.insert((sort, address), lead);
            }
        }
    }
    let mut all: Vec<Job> = groups.into_values().chain(alone).collect();
    all.sort_by_key(|job| (std::cmp::Reverse(job.severity()), job.lead.seq));
    all
}

/// What left last at each address of each channel.
#[derive(Debug, Default)]
pub(super) struct Paces {
    last: BTreeMap<(String, bool, String), Left>,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    at_ms: u64,
    severity: Severity,
    is_urgent: bool,
}

impl Paces {
    /// Returns until when a job waits, milliseconds since the Unix epoch; `None` if it leaves at `now_ms`. A job that is graver
    /// than what left last, or urgent where that was not, never waits. `most_ms` is the longest wait, milliseconds.
    pub(super) fn hold(
        &mut self,
        channel: &str,
        made: &Made,
        job: &Job,
        urgency: Urgency,
        (now_ms, most_ms): (u64, u64),
    ) -> Option<u64> {
        let (sort, address) = job.address(made)?;
        // A proposal waits for others of its intervention, and never for a page.
        let address = if sort.contains("propose") { format!("{sort} {address}") } else { address };
        let (severity, is_urgent) = (job.severity(), urgency.is_urgent());
        let wait_ms = if is_urgent { made.throttle_ms } else { made.throttle_ms.saturating_mul(4) }.min(most_ms);
        let place = (channel.to_owned(), job.lead.effect.drill, address);
        if let Some(last) = self.last.get(&place) {
            let due_ms = last.at_ms.saturating_add(wait_ms);
            let is_new = job.lead.attempts == 0;
            if is_new && severity <= last.severity && (last.is_urgent || !is_urgent) && now_ms < due_ms {
                return Some(due_ms);
            }
        }
        self.last.insert(place, Left { at_ms: now_ms, severity, is_urgent });
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::future::BoxFuture;

    use super::*;
    use crate::deliver::channel::{Letter, Sent, Service};
    use crate::deliver::webhook::Undelivered;
    use crate::effect::{Notice, Ordered};
    use crate::incident::IncidentState;

    struct Nowhere;

    impl Service for Nowhere {
        fn send<'a>(&'a self, _: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
            Box::pin(async { Ok(Sent::default()) })
        }
    }

    fn made(after: After, throttle_ms: u64) -> Made {
        Made {
            service: Arc::new(Nowhere),
            section: "channel",
            schemes: None,
            room: None,
            after,
            takes_all: false,
            throttle_ms,
            takes_presses: false,
            speaks: false,
            again_ms: None,
        }
    }

    fn job(seq: u64, severity: Severity, intent: Intent, earlier: Option<&str>) -> Job {
        let (incident, text) = (seq, String::new());
        let effect = match intent {
            Intent::Page => {
                let (person, channel) = ("ana".into(), "sms:1".into());
                Effect::Page { incident, severity, person, channel, text, brief: None }
            }
            _ => Effect::Notify { incident, severity, what: Notice::Changed, text, brief: None },
        };
        let key = B256::with_last_byte(seq as u8);
        let effect = Ordered { key, at_ms: 0, dry_run: false, drill: false, effect };
        let stop = Stop { address: "sms:1".into(), intent, earlier: earlier.map(str::to_owned) };
        let brief = Brief {
            incident,
            protocol: String::new(),
            title: String::new(),
            severity,
            state: IncidentState::Active,
            in_time: String::new(),
            acked_by: None,
            opened_at_ms: 0,
            mark: String::new(),
            round: 0,
            people: BTreeMap::new(),
        };
        Job { lead: Outgoing { key, seq, effect, attempts: 0 }, stops: vec![stop], brief, folded: Vec::new() }
    }

    #[test]
    fn a_storm_is_one_message_and_a_count() {
        let storm = (1..=20)
            .map(|seq| job(seq, if seq == 7 { Severity::Critical } else { Severity::High }, Intent::Page, None));
        let folded = fold(&made(After::Says, 15_000), storm.collect());
        assert_eq!(folded.len(), 1);
        assert_eq!((folded[0].lead.seq, folded[0].more(), folded[0].keys().len()), (7, 19, 20), "the gravest leads");
        let notices = vec![job(1, Severity::High, Intent::Page, None), job(2, Severity::High, Intent::Tell, None)];
        assert_eq!(fold(&made(After::Says, 15_000), notices).len(), 2, "a page is no notice");
        let edits = (1..=3).map(|seq| job(seq, Severity::High, Intent::Update, Some("4711"))).collect();
        assert_eq!(fold(&made(After::Edits, 15_000), edits).len(), 3, "each message is edited");
        let alerts = (1..=3).map(|seq| job(seq, Severity::High, Intent::Page, None)).collect();
        assert_eq!(fold(&made(After::Edits, 0), alerts).len(), 3, "the service puts them together");
    }

    #[test]
    fn nobody_is_rung_up_late_for_what_is_over_or_taken() {
        let page = |attempts, state, acked_by: Option<&str>| {
            let mut job = job(1, Severity::Critical, Intent::Page, None);
            (job.lead.attempts, job.brief.state) = (attempts, state);
            job.brief.acked_by = acked_by.map(str::to_owned);
            overtaken(&job.lead, &job.brief).is_some()
        };
        assert!(page(1, IncidentState::Closed, None) && page(1, IncidentState::Active, Some("bo")));
        assert!(page(0, IncidentState::Closed, None), "what waited since is no news either");
        assert!(page(0, IncidentState::Retracted, None) && page(0, IncidentState::Active, Some("bo")));
        assert!(!page(0, IncidentState::Active, None) && !page(3, IncidentState::Active, None));
        let mut notice = job(1, Severity::High, Intent::Update, None);
        (notice.lead.attempts, notice.brief.state) = (2, IncidentState::Closed);
        assert_eq!(overtaken(&notice.lead, &notice.brief), None, "that it is over is told");
    }

    #[test]
    fn nothing_graver_waits() {
        let (made, mut paces) = (made(After::Says, 15_000), Paces::default());
        let mut at = |job: Job, urgency, now_ms| paces.hold("texts", &made, &job, urgency, (now_ms, 20_000));
        let page = |severity| job(1, severity, Intent::Page, None);
        assert_eq!(at(page(Severity::High), Urgency::Urgent, 1_000), None);
        assert_eq!(at(page(Severity::High), Urgency::Urgent, 2_000), Some(16_000));
        assert_eq!(at(page(Severity::Critical), Urgency::Critical, 3_000), None, "it is graver");
        assert_eq!(at(page(Severity::High), Urgency::Urgent, 4_000), Some(18_000));
        assert_eq!(at(page(Severity::High), Urgency::Urgent, 18_000), None);
        let notice = job(2, Severity::High, Intent::Tell, None);
        assert_eq!(
            at(notice.clone(), Urgency::Routine, 19_000),
            Some(38_000),
            "no longer than a third of its deadline"
        );
        assert_eq!(at(notice, Urgency::Routine, 38_000), None);
        assert_eq!(at(page(Severity::High), Urgency::Urgent, 39_000), None, "a page does not wait for a notice");
    }

    #[test]
    fn proposals_to_the_same_people_are_one_call_and_a_count() {
        let proposed = |seq: u64, intervention: &str, to: &[&str]| {
            let mut job = job(seq, Severity::High, Intent::Tell, None);
            let (owner, authority, whom) = ("guardian".into(), "multisig".into(), Vec::new());
            let (intervention, text, terms) = (intervention.to_owned(), String::new(), None);
            job.lead.effect.effect =
                Effect::Propose { incident: seq, intervention, owner, authority, whom, text, terms };
            let stop = |address: &&str| Stop { address: (*address).into(), intent: Intent::Tell, earlier: None };
            job.stops = to.iter().map(stop).collect();
            job
        };
        let both =
            || vec![proposed(2, "lower-caps", &["phone:1", "phone:2"]), proposed(3, "pause", &["phone:1", "phone:2"])];
        let (texts, calls) = (made(After::Says, 15_000), Made { speaks: true, ..made(After::Nothing, 15_000) });
        let folded = fold(&calls, both());
        assert_eq!((folded.len(), folded[0].stops.len(), folded[0].more()), (1, 2, 1), "one call to each, and a count");
        assert_eq!(fold(&texts, both()).len(), 2, "a text says what is proposed");
        let same =
            vec![proposed(2, "pause", &["sms:1"]), proposed(3, "pause", &["sms:1"]), proposed(4, "pause", &["sms:2"])];
        assert_eq!(fold(&texts, same).len(), 2, "those of others go to others");
        let mut paces = Paces::default();
        let mut at = |job: Job, now_ms| paces.hold("calls", &calls, &job, Urgency::Urgent, (now_ms, 20_000));
        let call = |seq| proposed(seq, "pause", &["phone:1", "phone:2"]);
        assert_eq!((at(call(2), 1_000), at(call(3), 1_100)), (None, Some(16_000)));
        assert_eq!(at(job(4, Severity::High, Intent::Page, None), 1_200), None, "a page waits for no proposal");
    }
}
