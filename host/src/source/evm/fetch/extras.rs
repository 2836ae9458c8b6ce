//! Call frames and storage changes: what some detectors want beside the block, and what no check covers. Each is asked for
//! in several ways, of the node that gave the block first and of the others then. A block goes on without what nobody
//! gives.

mod ways;

use serde_json::value::RawValue;

use super::{Failed, Fetched, Want};
use crate::block::{Frames, StorageChanges, Transactions};
use crate::source::evm::fault::{Fault, Meaning};
use crate::source::evm::pool::{Endpoint, Pool};
use crate::source::evm::refusal::Refusal;
use crate::source::evm::{frames, storage};

pub(in crate::source::evm) use ways::Part;
use ways::{NoResult, Way};

/// A part that a block came without.
pub(in crate::source::evm) struct Without {
    pub(in crate::source::evm) part: Part,
    /// What each node said.
    pub(in crate::source::evm) reason: String,
    /// True if some node gives such parts, if not of this block; false if none does at all.
    pub(in crate::source::evm) is_offered: bool,
}

/// A block that lacks a part so far, and why.
struct Open {
    index: usize,
    /// Reasons by node, in the order in which the nodes were asked.
    reasons: Vec<(usize, String)>,
    /// Whether one of the reasons may be gone in a moment.
    is_passing: bool,
    /// Whether one of the ways is not known to be unknown.
    is_offered: bool,
}

impl Open {
    fn new(index: usize) -> Self {
        Self { index, reasons: Vec::new(), is_passing: false, is_offered: false }
    }
}

enum Parsed {
    Frames(Frames),
    Storage(StorageChanges),
}

/// Fetches the parts that are wanted of each block. Returns the blocks, and why the one after them has to wait.
pub(super) async fn complete(
    pool: &Pool,
    endpoint: &Endpoint,
    mut fetched: Vec<Fetched>,
    want: Want,
) -> (Vec<Fetched>, Option<Failed>) {
    let mut wait: Option<(usize, String)> = None;
    for part in [Part::Traces, Part::Storage] {
        if !part.is_wanted(&want.needs) {
            continue;
        }
        for block in fetched.iter_mut().filter(|block| block.block.transactions.is_empty()) {
            // Nothing happened in it that could be traced, and some nodes fail at the genesis block.
            if let Ok(none) = RawValue::from_string("[]".to_owned()) {
                let parsed = match part {
                    Part::Traces => Parsed::Frames(Frames::default()),
                    Part::Storage => Parsed::Storage(StorageChanges::default()),
                };
                put(block, none, parsed);
            }
        }
        let indices = (0..fetched.len()).filter(|index| !fetched[*index].block.transactions.is_empty());
        let mut open: Vec<Open> = indices.map(Open::new).collect();
        let others = pool.order().into_iter().filter(|other| other.index != endpoint.index);
        for endpoint in std::iter::once(endpoint).chain(others) {
            if open.is_empty() {
                break;
            }
            ask(pool, endpoint, part, want, &mut fetched, &mut open).await;
        }
        for open in open {
            let reason = reason(pool, part, &open.reasons);
            if want.patient && open.is_passing {
                if wait.as_ref().is_none_or(|(index, _)| open.index < *index) {
                    wait = Some((open.index, reason));
                }
            } else {
                let is_offered = open.is_offered;
                fetched[open.index].without.push(Without { part, reason, is_offered });
            }
        }
    }
    let Some((index, reason)) = wait else { return (fetched, None) };
    fetched.truncate(index);
    (fetched, Some(Failed::Partial(reason)))
}

/// Asks one node in each way that it is not known to lack; leaves in `open` what it does not give.
async fn ask(pool: &Pool, endpoint: &Endpoint, part: Part, want: Want, fetched: &mut [Fetched], open: &mut Vec<Open>) {
    if let Err(fault) = pool.admit(endpoint).await {
        open.iter_mut().for_each(|open| {
            (open.is_passing, open.is_offered) = (true, true);
            open.reasons.push((endpoint.index, fault.to_string()));
        });
        return;
    }
    for way in part.ways() {
        if let Some(why) = endpoint.lacks(way.name) {
            let is_unknown = endpoint.is_unknown(way.name);
            for open in open.iter_mut() {
                open.is_offered |= !is_unknown;
                open.reasons.push((endpoint.index, format!("`{}`: {why}", way.name)));
            }
            continue;
        }
        let mut left = Vec::new();
        let blocks: Vec<&Fetched> = open.iter().map(|open| &fetched[open.index]).collect();
        let answers = way.ask(endpoint, &blocks).await;
        let mut is_gone = false;
        for (mut open, answer) in std::mem::take(open).into_iter().zip(answers) {
            let block = &mut fetched[open.index];
            let found = match answer {
                Ok(raw) => parse(part, raw, outline(&block.block.transactions)).await,
                Err(fault) => Err(Miss::Fault(fault)),
            };
            match found {
                Ok((raw, parsed)) => {
                    endpoint.note_works(way.name);
                    put(block, raw, parsed);
                    continue;
                }
                Err(miss) => {
                    is_gone |= matches!(&miss, Miss::Fault(Fault::Transport(_) | Fault::Throttled { .. }));
                    open.is_offered |= !miss.is_unknown();
                    open.is_passing |= note(pool, endpoint, way, (!want.is_late).then_some(block.block.number), &miss);
                    open.reasons.push((endpoint.index, format!("`{}`: {}", way.name, miss.text())));
                }
            }
            left.push(open);
        }
        *open = left;
        if open.is_empty() || is_gone {
            return;
        }
    }
}

/// Why a way did not give a part.
enum Miss {
    Fault(Fault),
    /// The answer holds no frames at all: the node does not know the tracer.
    NoTracer,
    Refused(Box<Refusal>),
}

impl Miss {
    /// True if the node does not know the method or the tracer.
    fn is_unknown(&self) -> bool {
        match self {
            Miss::Fault(fault) => fault.meaning() == Meaning::MethodUnknown,
            Miss::NoTracer => true,
            Miss::Refused(_) => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Miss::Fault(fault) => fault.to_string(),
            Miss::NoTracer => "the node ignores the tracer that was asked for".to_owned(),
            Miss::Refused(refusal) => format!("{}: expected {}, came {}", refusal.what, refusal.expected, refusal.came),
        }
    }
}

/// Notes a miss with the node, and that the way failed on the block of a number. Returns true if it may be gone in a moment.
fn note(pool: &Pool, endpoint: &Endpoint, way: &Way, number: Option<u64>, miss: &Miss) -> bool {
    let note_failed = |reason: String| {
        if let Some(number) = number {
            endpoint.note_failed(way.name, number, reason);
        }
    };
    let fault = match miss {
        Miss::NoTracer => {
            endpoint.note_unknown(way.name, miss.text());
            return false;
        }
        Miss::Refused(_) => {
            note_failed(miss.text());
            return false;
        }
        Miss::Fault(fault) => fault,
    };
    match fault.meaning() {
        Meaning::MethodUnknown => endpoint.note_unknown(way.name, fault.to_string()),
        // It is of this block alone, and the state is not coming back.
        Meaning::StateUnavailable => return false,
        Meaning::TooLarge => {
            note_failed(fault.to_string());
            return false;
        }
        Meaning::BlockUnknown => return true,
        Meaning::Throttled => {
            pool.fault(endpoint, fault);
            return true;
        }
        Meaning::Unanswered | Meaning::Other | Meaning::NoBlock => {
            if matches!(fault, Fault::Transport(_)) {
                pool.fault(endpoint, fault);
            }
            note_failed(fault.to_string());
            return true;
        }
    }
    false
}

/// The columns by which a trace is assigned to its transaction.
fn outline(transactions: &Transactions) -> Transactions {
    Transactions {
        hash: transactions.hash.clone(),
        sender: transactions.sender.clone(),
        gas_used: transactions.gas_used.clone(),
        ..Transactions::default()
    }
}

/// Parses a part on a thread of its own.
async fn parse(part: Part, raw: Box<RawValue>, transactions: Transactions) -> Result<(Box<RawValue>, Parsed), Miss> {
    let said = |message: String| Miss::Fault(Fault::Rpc { code: 0, message, data: None });
    if raw.get() == "null" {
        return Err(said("null".into()));
    }
    let parsing = tokio::task::spawn_blocking(move || {
        let parsed = match part {
            Part::Traces => frames::decode(&raw, &transactions).map(Parsed::Frames),
            Part::Storage => storage::decode(&raw, &transactions).map(Parsed::Storage),
        };
        let refusal = match parsed {
            Ok(parsed) => return Ok((raw, parsed)),
            Err(refusal) => refusal,
        };
        Err(match ways::no_result(&raw) {
            Some(NoResult::Steps) => Miss::NoTracer,
            Some(NoResult::Error(message)) => said(message),
            None => Miss::Refused(Box::new(refusal)),
        })
    });
    parsing
        .await
        .unwrap_or_else(|error| Err(Miss::Fault(Fault::Unreadable(format!("reading ended by a panic: {error}")))))
}

fn put(block: &mut Fetched, raw: Box<RawValue>, parsed: Parsed) {
    match parsed {
        Parsed::Frames(frames) => {
            block.block.frames = Some(frames);
            block.raw.traces = Some(raw);
        }
        Parsed::Storage(changes) => {
            block.block.storage = Some(changes);
            block.raw.storage = Some(raw);
        }
    }
}

/// What each node said, in one line.
fn reason(pool: &Pool, part: Part, reasons: &[(usize, String)]) -> String {
    let mut all = Vec::new();
    for endpoint in pool.all() {
        let of: Vec<&str> =
            reasons.iter().filter(|(index, _)| *index == endpoint.index).map(|(_, reason)| reason.as_str()).collect();
        if of.is_empty() {
            continue;
        }
        let is_unknown = part.ways().iter().all(|way| endpoint.lacks(way.name).is_some());
        let lacks = if is_unknown { format!(" offers {}:", part.lacking()) } else { ":".to_owned() };
        all.push(format!("{}{lacks} {}", endpoint.label, of.join(", ")));
    }
    if all.is_empty() { "no node was asked".to_owned() } else { all.join("; ") }
}
