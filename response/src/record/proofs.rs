//! Proofs in a timeline, checked again by whoever has it and the plan: no host, no journal and no chain is needed.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use serde::Serialize;

use crate::finding::Severity;
use crate::incident::Incident;
use crate::operator::Deed;
use crate::plan::{DO_NOTHING, Person, Plan, ProvedAct};
use crate::proof::Signer;
use crate::timeline::{EntryKind, TimelineEntry};

/// What was found in a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proofs {
    /// Acts that a signature proves.
    pub proved: Vec<Line>,
    /// Acts on interventions that were written down without one, as the plan permits.
    pub recorded: Vec<Line>,
    /// What does not hold.
    pub wrong: Vec<Line>,
}

/// One entry of a timeline, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Number of the entry.
    pub entry: u64,
    /// Id of the person.
    pub by: String,
    /// The act, by whom it is proved, or what is wrong.
    pub text: String,
}

impl Proofs {
    /// Adds what was found in another timeline.
    pub fn extend(&mut self, other: Self) {
        self.proved.extend(other.proved);
        self.recorded.extend(other.recorded);
        self.wrong.extend(other.wrong);
    }
}

/// Whether an entry of this kind is an act on an intervention, which may have to be proved.
pub fn is_decision(kind: EntryKind) -> bool {
    act_of(kind).is_some()
}

fn act_of(kind: EntryKind) -> Option<ProvedAct> {
    Some(match kind {
        EntryKind::Decided => ProvedAct::Decide,
        EntryKind::Approved => ProvedAct::Approve,
        EntryKind::Vetoed => ProvedAct::Veto,
        EntryKind::Done => ProvedAct::Done,
        EntryKind::Reversed => ProvedAct::Reverse,
        _ => return None,
    })
}

/// Checks every proof of an incident's timeline, which is in order and whole, and that nothing lacks one which the incident's plan
/// wants proved. `plan_of` gives plans by their hash.
///
/// The chain of a timeline has no key: whoever has a record can make another that is whole. So only what is signed is called
/// proved, and each signature counts once.
pub fn check_proofs<'p>(
    incident: &Incident,
    timeline: &[TimelineEntry],
    plan_of: impl Fn(B256) -> Option<&'p Plan>,
) -> Proofs {
    let mut found = Proofs::default();
    let mut spent = BTreeSet::new();
    let least = least_severity(incident, timeline);
    for (position, entry) in timeline.iter().enumerate() {
        let by = entry.by.clone().unwrap_or_default();
        let line = |text: String| Line { entry: entry.number, by: by.clone(), text };
        if let Some(proof) = &entry.proof {
            let is_new = spent.insert(proof.digest(entry.incident, &by));
            match checked(&timeline[..position], entry, &plan_of) {
                Ok(_) if !is_new => found.wrong.push(line("it was signed once, and stands here again".to_owned())),
                Ok(text) => found.proved.push(line(text)),
                Err(why) => found.wrong.push(line(why)),
            }
        } else if let Some(by) = &entry.by {
            match wanted(by, entry, incident, least, (&timeline[position..], &plan_of)) {
                Ok(None) => {}
                Ok(Some(text)) => found.recorded.push(line(text)),
                Err(why) => found.wrong.push(line(why)),
            }
        } else if matches!(entry.kind, EntryKind::Decided | EntryKind::Vetoed) {
            found.wrong.push(line(format!("nobody's name stands at it, and somebody did it: {}", entry.text)));
        }
    }
    found
}

/// The least severity that the incident may have had at any time.
fn least_severity(incident: &Incident, timeline: &[TimelineEntry]) -> Severity {
    let said = timeline.iter().filter(|entry| entry.kind == EntryKind::Severity).filter_map(|entry| {
        let name = entry.text.strip_prefix("from ")?.split(' ').next()?;
        serde_json::from_value(name.into()).ok()
    });
    said.chain([incident.severity]).min().unwrap_or(incident.severity)
}

/// What is said of an act without a proof; `None` if there is nothing to say, as it never needs one.
///
/// # Errors
///
/// If the plan that it was done under wants it proved, or is not here.
fn wanted<'p>(
    by: &str,
    entry: &TimelineEntry,
    incident: &Incident,
    least: Severity,
    (from_here, plan_of): (&[TimelineEntry], &impl Fn(B256) -> Option<&'p Plan>),
) -> Result<Option<String>, String> {
    let act = match act_of(entry.kind) {
        Some(act) => act,
        None if entry.kind == EntryKind::Opened && !incident.drill => ProvedAct::Open,
        None => return Ok(None),
    };
    let (intervention, number) = named(&entry.text);
    // Anybody may say that somebody else undid it.
    if act == ProvedAct::Reverse && entry.text.contains(") was undone by somebody else: ") {
        return Ok(None);
    }
    // A second human agrees to what lowers or ends the incident, and to no ruling.
    if act == ProvedAct::Approve && number.is_none() && entry.text.starts_with("agreed to ") {
        return Ok(None);
    }
    if act != ProvedAct::Open && number.is_none() && intervention != DO_NOTHING {
        return Err(format!("it names no ruling, and no host writes it so: {}", entry.text));
    }
    let hash = plan_at(from_here, incident.plan);
    let plan = plan_of(hash)
        .ok_or_else(|| format!("it has no proof, and plan {hash}, which says whether it needs one, is not here"))?;
    let policy = plan.tables().protocol.proof.as_ref().filter(|policy| !policy.excuses(by, plan));
    let why = match act {
        ProvedAct::Open => policy.filter(|policy| policy.wants(act)).map(|_| "opening an incident".to_owned()),
        _ => policy.and_then(|policy| policy.why(act, intervention, plan, least)),
    };
    match why {
        Some(why) => Err(format!("the plan wants it proved ({why}), and it is not: {}", entry.text)),
        None if act == ProvedAct::Open => Ok(None),
        None => Ok(Some(entry.text.clone())),
    }
}

/// The plan that an incident was under before the entries that are given: each adoption says which it was.
fn plan_at(from_here: &[TimelineEntry], now: B256) -> B256 {
    let adopted = from_here.iter().filter(|entry| entry.kind == EntryKind::Plan).find_map(|entry| {
        let (_, old) = entry.text.strip_prefix("it follows plan ")?.split_once(" in place of ")?;
        old.parse().ok()
    });
    adopted.unwrap_or(now)
}

/// The intervention that an entry is about, and the number of its ruling, if it says one.
fn named(text: &str) -> (&str, Option<u32>) {
    let Some((intervention, rest)) = text.split_once(" (ruling ") else {
        return (text.split(':').next().unwrap_or_default(), None);
    };
    (intervention, rest.split(')').next().and_then(|number| number.parse().ok()))
}

/// Whether an entry says what was signed, and no more; where that is known of the act.
fn says_what_was_signed(deed: &Deed, text: &str) -> Option<bool> {
    let (intervention, number) = named(text);
    let of =
        |ruling: u32, rest: &str| number == Some(ruling) && text == format!("{intervention} (ruling {ruling}){rest}");
    Some(match deed {
        Deed::Decide { intervention: chosen, why } if chosen == DO_NOTHING => text == format!("{chosen}: {why}"),
        Deed::Decide { intervention: chosen, why } => {
            number.is_some_and(|number| text == format!("{chosen} (ruling {number}): {why}"))
        }
        Deed::Approve { ruling } => of(*ruling, ""),
        Deed::Veto { ruling, why } | Deed::Reverse { ruling, why } => of(*ruling, &format!(": {why}")),
        Deed::Done { ruling, by_what } => of(*ruling, &format!(": {by_what}")),
        Deed::Open { title, .. } => text == title,
        Deed::Halt { why } => text.ends_with(&format!(" stopped all automation: {why}")),
        _ => return None,
    })
}

fn checked<'p>(
    before: &[TimelineEntry],
    entry: &TimelineEntry,
    plan_of: &impl Fn(B256) -> Option<&'p Plan>,
) -> Result<String, String> {
    let (Some(proof), Some(by)) = (&entry.proof, entry.by.as_deref()) else {
        return Err("a proof of nobody".to_owned());
    };
    let deed = Deed::of_proof(proof)?;
    let kind = match deed.name() {
        "decide" => Some(EntryKind::Decided),
        "approve" => Some(EntryKind::Approved),
        "veto" => Some(EntryKind::Vetoed),
        "done" => Some(EntryKind::Done),
        "reverse" => Some(EntryKind::Reversed),
        "open" | "drill" => Some(EntryKind::Opened),
        "halt" | "unhalt" => Some(EntryKind::Plan),
        _ => None,
    };
    if kind.is_some_and(|kind| kind != entry.kind) || kind.is_none() && is_decision(entry.kind) {
        return Err(format!("`{}` was signed, and something else is written here", deed.name()));
    }
    if !proof.is_about_none() && !before.iter().any(|earlier| earlier.hash == proof.head) {
        return Err(format!("it was signed on entry {}, which does not stand before it", proof.head));
    }
    if proof.expires_s < entry.at_ms / 1_000 {
        return Err("its signature had expired".to_owned());
    }
    let plan =
        plan_of(proof.plan).ok_or_else(|| format!("it was signed under plan {}, which is not here", proof.plan))?;
    let signer = plan.tables().person.get(by).and_then(Person::signs_as);
    let signer = signer.ok_or_else(|| format!("the plan has no `signer` for `{by}`"))?;
    proof.check(entry.incident, by, signer)?;
    let said = match says_what_was_signed(&deed, &entry.text) {
        Some(false) => return Err(format!("{} was signed, and this is written here: {}", proof.arguments, entry.text)),
        Some(true) => &entry.text,
        // What the host made of it is not what was signed.
        None => &proof.arguments,
    };
    // A ruling is named by its number alone: it is the one that was decided on here.
    let (intervention, number) = named(&entry.text);
    let chosen = before.iter().filter(|earlier| number.is_some() && earlier.kind == EntryKind::Decided);
    let other = chosen.map(|earlier| named(&earlier.text)).find(|known| known.1 == number && known.0 != intervention);
    if let Some((other, _)) = other.filter(|_| is_decision(entry.kind)) {
        return Err(format!("ruling {} is on {other}, and {intervention} is written here", number.unwrap_or_default()));
    }
    let how = match (signer, &proof.contract) {
        (Signer::Contract(chain, address), Some(word)) => {
            format!("by contract {address} on chain {chain}, as the host read it at block {}", word.block)
        }
        (Signer::Key(address) | Signer::Contract(_, address), _) => format!("by {address}"),
    };
    Ok(format!("{}: {said}, signed {how}", deed.name()))
}
