//! Proofs in a timeline, checked again by whoever has it and the plan: no host, no journal and no chain is needed.

use alloy_primitives::B256;
use serde::Serialize;

use crate::operator::Deed;
use crate::plan::{Person, Plan};
use crate::proof::Signer;
use crate::timeline::{EntryKind, TimelineEntry};

/// What was found in a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proofs {
    /// Acts that a signature proves.
    pub proved: Vec<Line>,
    /// Decisions that were written down without one.
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

/// Whether an entry of this kind is somebody's decision.
pub fn is_decision(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Decided | EntryKind::Approved | EntryKind::Vetoed)
}

/// Checks every proof of an incident's timeline, which is in order and whole. `plan_of` gives plans by their hash.
pub fn check_proofs<'p>(timeline: &[TimelineEntry], plan_of: impl Fn(B256) -> Option<&'p Plan>) -> Proofs {
    let mut found = Proofs::default();
    for (position, entry) in timeline.iter().enumerate() {
        let by = entry.by.clone().unwrap_or_default();
        let line = |text: String| Line { entry: entry.number, by: by.clone(), text };
        match (&entry.proof, &entry.by) {
            (Some(_), _) => match checked(&timeline[..position], entry, &plan_of) {
                Ok(text) => found.proved.push(line(text)),
                Err(why) => found.wrong.push(line(why)),
            },
            (None, Some(_)) if is_decision(entry.kind) => found.recorded.push(line(entry.text.clone())),
            _ => {}
        }
    }
    found
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
        "open" | "drill" => Some(EntryKind::Opened),
        "halt" | "unhalt" => Some(EntryKind::Plan),
        _ => None,
    };
    if kind.is_some_and(|kind| kind != entry.kind) {
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
    let how = match (signer, &proof.contract) {
        (Signer::Contract(chain, address), Some(word)) => {
            format!("by contract {address} on chain {chain}, as the host read it at block {}", word.block)
        }
        (Signer::Key(address) | Signer::Contract(_, address), _) => format!("by {address}"),
    };
    Ok(format!("{}: {}, signed {how}", deed.name(), entry.text))
}
