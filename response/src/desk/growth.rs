//! An incident grows in public: people are told of what is new at once, and of a loss that goes on once a minute.

use std::collections::BTreeMap;

use crate::brief::{Brief, Loss};
use crate::defaults::Defaults;
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::file::Folded;
use crate::desk::words::list;
use crate::due::Due;
use crate::effect::{Effect, Notice};
use crate::finding::Finding;
use crate::foreign::{quoted, tame};
use crate::incident::{Incident, IncidentId};
use crate::outcome::Outcome;
use crate::plan::moment::{Moment, span};
use crate::plan::{Asset, AssetKind, Plan, grouped};
use crate::timeline::EntryKind;
use crate::triage::{Growth, label};

/// People are told of growth at most so often, milliseconds: a loss goes unsaid no longer than this.
const TELL_EVERY_MS: u64 = 60_000;

impl Desk {
    /// Tells people what a finding brought, or sets the moment at which they are told. `is_told` says whether a notice
    /// went out for it already.
    pub(super) fn grow(&mut self, id: IncidentId, growth: Growth, finding: &Finding, is_told: bool, turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        if is_told {
            file.told_at_ms = Some(turn.now_ms);
            file.told_loss.clone_from(&file.case.incident.loss);
            file.grew = false;
            if file.folded.is_any() {
                return;
            }
            return self.drop_due(id, &Due::Growth, turn);
        }
        if !growth.is_any() || !file.case.incident.state.is_open() {
            return;
        }
        let next_ms = file.told_at_ms.map_or(0, |at_ms| at_ms.saturating_add(TELL_EVERY_MS));
        // Kinds are few, and each says something else. Of all that may come by the thousand, people hear once a minute.
        if growth.kind || next_ms <= turn.now_ms {
            return self.tell_growth(id, Some(finding), turn);
        }
        file.grew = true;
        if self.deadlines.due_at_ms(id, &Due::Growth).is_none() {
            self.set_due(id, Due::Growth, next_ms, turn);
        }
    }

    /// Tells people how far an incident has grown, by the newest facts.
    pub(super) fn tell_growth(&mut self, id: IncidentId, about: Option<&Finding>, turn: &mut Turn) {
        self.tell_folded(id, turn);
        let Some(plan) = self.plan_of(id) else { return };
        if let Some(file) = self.files.get_mut(&id) {
            file.case.settle();
        }
        let Some(file) = self.files.get(&id) else { return };
        let incident = file.incident();
        let newest = about.map(|finding| (finding.detector.as_str(), quoted(&finding.claim.title)));
        let first = || incident.evidence.first().map(|one| (one.detector.as_str(), quoted(&one.title)));
        let mut said = vec![headline(&plan, incident, turn.now_ms)];
        if let Some((detector, newest)) = newest.or_else(first).filter(|(_, newest)| !incident.title.ends_with(newest))
        {
            said.push(format!("newest, by {detector}: {newest}"));
        }
        if !file.told_loss.is_empty() && file.told_loss != incident.loss {
            said.push(format!("before: {}", amounts(&plan, &file.told_loss)));
        }
        let text = format!("It grows: {}", said.join("; "));
        let Some(file) = self.files.get_mut(&id) else { return };
        file.told_at_ms = Some(turn.now_ms);
        file.told_loss.clone_from(&file.case.incident.loss);
        file.grew = false;
        self.drop_due(id, &Due::Growth, turn);
        self.restate(id, turn);
        self.notify(id, Notice::Grown, text, about, turn);
    }

    /// A finding is not told by itself: it is within a minute, with all others.
    pub(super) fn fold(&mut self, id: IncidentId, count: impl Fn(&mut Folded), turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        count(&mut file.folded);
        if self.deadlines.due_at_ms(id, &Due::Growth).is_none() {
            let next_ms = turn.now_ms.saturating_add(TELL_EVERY_MS);
            self.set_due(id, Due::Growth, next_ms, turn);
        }
    }

    /// Writes how many findings were not told by themselves.
    fn tell_folded(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let folded = std::mem::take(&mut file.folded);
        let said = [
            (folded.joined, "more conditions were found"),
            (folded.left, "more were taken back"),
            (folded.uncounted, "more were counted and not kept, above what the plan takes in an hour"),
        ];
        let said = list(said.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        if !said.is_empty() {
            self.write(id, EntryKind::Finding, None, said, turn);
        }
    }

    /// A minute is over: people are told of growth, if there is any; of conditions alone, the timeline is.
    pub(super) fn minute(&mut self, id: IncidentId, turn: &mut Turn) {
        let Some(file) = self.files.get(&id) else { return };
        let (incident, folded) = (file.incident(), file.folded);
        let is_grown = file.grew || file.told_loss != incident.loss;
        if is_grown && incident.state.is_open() {
            return self.tell_growth(id, None, turn);
        }
        if folded.is_any() {
            self.tell_folded(id, turn);
            self.restate(id, turn);
        }
    }

    /// Returns what is known of an incident, for an effect.
    pub(super) fn brief(&self, id: IncidentId) -> Option<Box<Brief>> {
        let file = self.files.get(&id)?;
        let plan = self.plans.get(file.case.incident.plan)?;
        Some(Box::new(brief_of(plan, file.incident())))
    }
}

/// Whether a notice on an incident was ordered among these outcomes.
pub(super) fn is_notified(id: IncidentId, outcomes: &[Outcome]) -> bool {
    outcomes.iter().any(|outcome| match outcome {
        Outcome::Effect(ordered) => matches!(&ordered.effect, Effect::Notify { incident, .. } if *incident == id),
        _ => false,
    })
}

/// What was last seen so long ago is said to be of then, milliseconds.
const OLD_MS: u64 = 120_000;

/// Returns the title with what is lost so far, in units people read, and as of when if that is long before `now_ms`, milliseconds
/// since the Unix epoch.
pub(super) fn headline(plan: &Plan, incident: &Incident, now_ms: u64) -> String {
    let mut said = incident.title.clone();
    if !incident.loss.is_empty() {
        let lost = amounts(plan, &incident.loss);
        let as_of = if plan.defaults() >= Defaults::Folded { as_of(incident, now_ms) } else { String::new() };
        said.push_str(&format!("; lost or moved so far: {lost}{as_of}"));
    }
    if let Some(late_s) = incident.seen_late_s() {
        said.push_str(&format!("; it began {} before it was seen", span(late_s)));
    }
    said
}

/// Returns as of when an open incident's figures are, if that is long before `now_ms`, milliseconds since the Unix epoch: the host was
/// away or behind, or nothing was found since. Empty otherwise.
pub fn as_of(incident: &Incident, now_ms: u64) -> String {
    let age_ms = now_ms.saturating_sub(incident.last_ms);
    if age_ms <= OLD_MS || incident.last_ms == 0 || !incident.state.is_open() {
        return String::new();
    }
    format!(", as of {}, {} ago", Moment { ms: incident.last_ms / 1_000 * 1_000 }, span(age_ms / 1_000))
}

fn amounts(plan: &Plan, loss: &BTreeMap<String, u128>) -> String {
    const NAMED: usize = 4;
    let mut said: Vec<String> = losses(plan, loss).into_iter().take(NAMED).map(|one| loss_in_words(&one)).collect();
    if loss.len() > NAMED {
        said.push(format!("{} other assets", loss.len() - NAMED));
    }
    list(said.into_iter())
}

/// Returns so much of an asset as people read it.
pub(super) fn amount(plan: &Plan, asset: &str, amount: u128) -> String {
    amounts(plan, &BTreeMap::from([(asset.to_owned(), amount)]))
}

/// Returns a loss as people read it, with what it is worth: `8,460,000 hUSD ($8,460,000)`.
pub fn loss_in_words(loss: &Loss) -> String {
    match &loss.worth_usd {
        Some(worth) => format!("{} (${})", loss.text, grouped(worth)),
        None => loss.text.clone(),
    }
}

/// Returns each loss as people read it, by the assets of a plan; in smallest units where it has none.
pub(crate) fn losses(plan: &Plan, loss: &BTreeMap<String, u128>) -> Vec<Loss> {
    let losses = loss.iter().map(|(name, amount)| {
        let known = label::folded(name);
        let is_it =
            |one: &&Asset| one.kind == AssetKind::Token && one.names.iter().any(|name| label::folded(name) == known);
        let asset = plan.tables().asset.values().find(is_it);
        let digits = amount.to_string();
        Loss {
            asset: name.clone(),
            text: match asset {
                Some(asset) => asset.text(*amount),
                None if known == "native" => coin().text(*amount),
                None => format!("{} of {}, in its smallest unit", grouped(&digits), tame(name)),
            },
            worth_usd: asset.and_then(|asset| asset.worth_usd(*amount)).map(|worth| worth.to_string()),
            amount: digits,
        }
    });
    losses.collect()
}

/// Returns the coin of a chain, where the plan does not name it: nodes count it by the 18 digits of Ethereum's.
fn coin() -> Asset {
    Asset::token("native", "of the chain's coin", 18)
}

/// Returns what is known of an incident, as its plan has people read it.
pub fn brief_of(plan: &Plan, incident: &Incident) -> Brief {
    let signal = plan.tables().signal.get(&incident.signal);
    let next = match incident.acked_by {
        None => format!("watchfire incident ack {}", incident.id),
        Some(_) => format!("watchfire incident show {}", incident.id),
    };
    Brief {
        protocol: plan.tables().protocol.name.clone(),
        title: incident.title.clone(),
        severity: incident.severity,
        loss: losses(plan, &incident.loss),
        findings: incident.live_findings(),
        uncounted: incident.uncounted,
        duplicates: incident.duplicates,
        acked_by: incident.acked_by.clone(),
        related: incident.related.clone(),
        evidence: incident.evidence.clone(),
        links: links(plan, incident),
        runbook: signal.and_then(|signal| signal.runbook.clone()),
        next,
    }
}

/// Returns where an explorer shows the transactions and the subjects of an incident's evidence.
pub(crate) fn links(plan: &Plan, incident: &Incident) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for one in &incident.evidence {
        let Some(template) = one.chain.and_then(|chain| plan.tables().protocol.explorer.get(&chain.to_string())) else {
            continue;
        };
        let mut add = |kind: &str, id: &str| {
            let link = template.replace("{kind}", kind).replace("{id}", id);
            if !links.contains(&link) {
                links.push(link);
            }
        };
        for transaction in one.transactions.iter().take(2) {
            add("tx", &transaction.to_string());
        }
        if let Some(address) = one.subject.strip_prefix("address:") {
            add("address", address);
        }
    }
    links
}
