//! From findings and labels to precision, recall, false positives a day and lead time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use alloy::primitives::B256;
use serde::Serialize;

use super::labels::{Is, Label, Labels, Unlabelled};
use super::shares::{GroupRecall, Share, by};
use crate::block::ChainId;
use crate::finding::Severity;

const DAY_S: f64 = 86_400.0;
/// So many transactions a rate is told of.
const PER_TRANSACTIONS: f64 = 100_000.0;

/// A finding, as far as scores go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sighting {
    /// Which of the recordings.
    #[serde(skip)]
    pub recording: usize,
    /// The detector that found it.
    pub detector: String,
    /// One of its kinds.
    pub kind: String,
    /// How bad.
    pub severity: Severity,
    /// The chain; of a finding that no chain was involved in, the one that a block came from last.
    pub chain: Option<ChainId>,
    /// Height of its block, or of the newest block then.
    pub block: Option<u64>,
    /// Chain time or the feed's own, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Hashes of the transactions that are evidence.
    pub transactions: Vec<B256>,
    /// One line.
    pub title: String,
}

/// What of a chain a recording has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Its lowest block.
    pub first: u64,
    /// Its highest block.
    pub last: u64,
    /// Blocks, those that left the chain again included.
    pub blocks: u64,
    /// Transactions of these blocks.
    pub transactions: u64,
    /// Chain time between blocks that follow each other, seconds: gaps are not watched.
    pub watched_s: u64,
}

/// What a recording has, as far as scores go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// The name of its file.
    pub recording: String,
    /// By EIP-155 id.
    pub chains: BTreeMap<ChainId, Covered>,
    /// Where labelled transactions stand.
    #[serde(skip)]
    pub transactions: BTreeMap<B256, (ChainId, u64)>,
}

/// What a finding is by the labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is of this attack: right.
    Attack(usize),
    /// It is of what only looks like one, by this label or by none: wrong.
    Benign(Option<usize>),
    /// Nobody says.
    Unknown,
}

impl Verdict {
    /// The place of the label that says so, among all labels.
    pub fn label(self) -> Option<usize> {
        match self {
            Verdict::Attack(at) => Some(at),
            Verdict::Benign(at) => at,
            Verdict::Unknown => None,
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Verdict::Attack(_) => "attack",
            Verdict::Benign(_) => "benign",
            Verdict::Unknown => "unknown",
        })
    }
}

/// An attack that the recordings hold, and whether it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attack {
    /// The label's name.
    pub name: String,
    /// The label's class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The label's stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The recording that holds it.
    pub recording: String,
    /// The block in which the first money is lost.
    pub first_loss_block: u64,
    /// The block of the first finding of it; `None` where it was missed.
    pub found_block: Option<u64>,
    /// Blocks from the first finding to the first loss: negative where it came after.
    pub lead_blocks: Option<i64>,
}

/// How good findings are by the labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// All that count.
    pub findings: usize,
    /// Those of attacks.
    pub true_positives: usize,
    /// Those of what is no attack.
    pub false_positives: usize,
    /// Those of which nobody says what they are.
    pub unknown: usize,
    /// Of the findings that are known to be right or wrong, the share of right ones.
    pub precision: Option<f64>,
    /// Of the attacks, the share that was found.
    pub recall: Option<f64>,
    /// Where the true precision lies with a confidence of 95 %.
    pub precision_interval: Option<[f64; 2]>,
    /// Where the true recall lies, likewise.
    pub recall_interval: Option<[f64; 2]>,
    /// The harmonic mean of both.
    pub f1: Option<f64>,
    /// Wrong findings for a day of chain time.
    pub false_positives_per_day: Option<f64>,
    /// Of all transactions, those that wrong findings name, each once.
    pub false_transactions: Option<Share>,
    /// The same for 100,000 transactions.
    pub false_positives_per_100k_transactions: Option<f64>,
    /// Of all blocks, those in which something wrong was found, each once.
    pub false_blocks: Option<Share>,
    /// The median of the leads of attacks that were found, blocks.
    pub median_lead_blocks: Option<i64>,
    /// Attacks that the recordings hold.
    pub attacks_held: usize,
    /// Those of them that were found.
    pub attacks_found: usize,
    /// Each attack that the recordings hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attacks: Vec<Attack>,
    /// Each class that labels name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<GroupRecall>,
    /// Each stage that labels name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<GroupRecall>,
    /// Names of benign labels that something was found in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disturbed: Vec<String>,
}

/// Blocks and chain of a label in a recording; `None` where it is not there.
fn place(label: &Label, watched: &Watched) -> Option<(ChainId, RangeInclusive<u64>)> {
    if label.recording.as_ref().is_some_and(|name| *name != watched.recording) {
        return None;
    }
    let of_transaction = label.transaction.map(|hash| watched.transactions.get(&hash).copied());
    let (chain, blocks) = match (of_transaction, &label.blocks) {
        (Some(None), _) => return None,
        (Some(Some((chain, block))), None) => (Some(chain), block..=block),
        (Some(Some((chain, _))), Some(blocks)) => (Some(chain), blocks.clone()),
        (None, Some(blocks)) => (label.chain, blocks.clone()),
        (None, None) => return None,
    };
    let mut chains = watched.chains.iter().filter(|(id, _)| chain.is_none_or(|chain| chain == **id));
    let fits = |covered: &Covered| *blocks.start() <= covered.last && *blocks.end() >= covered.first;
    let (chain, _) = chains.find(|(id, covered)| label.chain.is_none_or(|chain| chain == **id) && fits(covered))?;
    Some((*chain, blocks))
}

fn covers(label: &Label, watched: &Watched, sighting: &Sighting) -> bool {
    let Some((chain, blocks)) = place(label, watched) else { return false };
    let (Some(at), Some(block)) = (sighting.chain, sighting.block) else { return false };
    let is_of_it = |hash: B256| sighting.transactions.is_empty() || sighting.transactions.contains(&hash);
    // Where blocks are given, so is all that leads up to the transaction and follows it.
    let is_alone = label.blocks.is_none();
    at == chain && blocks.contains(&block) && label.transaction.is_none_or(|hash| !is_alone || is_of_it(hash))
}

/// What a finding is.
pub fn judge(labels: &Labels, watched: &[Watched], sighting: &Sighting) -> Verdict {
    let of = &watched[sighting.recording];
    match labels.labels.iter().position(|label| covers(label, of, sighting)) {
        Some(at) if labels.labels[at].is == Is::Attack => Verdict::Attack(at),
        Some(at) => Verdict::Benign(Some(at)),
        None if labels.unlabelled == Unlabelled::Benign => Verdict::Benign(None),
        None => Verdict::Unknown,
    }
}

/// Scores findings against labels, over all recordings.
pub fn score(labels: &Labels, watched: &[Watched], sightings: &[Sighting]) -> Score {
    let mut score = Score { findings: sightings.len(), ..Score::default() };
    let mut found: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    let (mut false_transactions, mut false_blocks) = (BTreeSet::new(), BTreeSet::new());
    for sighting in sightings {
        match judge(labels, watched, sighting) {
            Verdict::Attack(at) => {
                score.true_positives += 1;
                let block = sighting.block.unwrap_or_default();
                let first = found.entry((at, sighting.recording)).or_insert(block);
                *first = block.min(*first);
            }
            Verdict::Benign(at) => {
                score.false_positives += 1;
                false_transactions.extend(sighting.transactions.iter().map(|hash| (sighting.recording, *hash)));
                false_blocks.extend(sighting.block.map(|block| (sighting.recording, sighting.chain, block)));
                let name = at.map(|at| &labels.labels[at].name);
                score.disturbed.extend(name.filter(|name| !score.disturbed.contains(name)).cloned());
            }
            Verdict::Unknown => score.unknown += 1,
        }
    }
    for (at, label) in labels.labels.iter().enumerate().filter(|(_, label)| label.is == Is::Attack) {
        for (recording, of) in watched.iter().enumerate() {
            let Some((_, blocks)) = place(label, of) else { continue };
            let of_transaction = label.transaction.and_then(|hash| of.transactions.get(&hash)).map(|(_, block)| *block);
            let first_loss_block = label.first_loss.or(of_transaction).unwrap_or(*blocks.start());
            let found_block = found.get(&(at, recording)).copied();
            let lead_blocks = found_block.map(|block| first_loss_block as i64 - block as i64);
            score.attacks.push(Attack {
                name: label.name.clone(),
                class: label.class.clone(),
                stage: label.stage.clone(),
                recording: of.recording.clone(),
                first_loss_block,
                found_block,
                lead_blocks,
            });
        }
    }
    let detected = score.attacks.iter().filter(|attack| attack.found_block.is_some()).count();
    let precision = Share::new(score.true_positives, score.true_positives + score.false_positives);
    let recall = Share::new(detected, score.attacks.len());
    (score.attacks_held, score.attacks_found) = (score.attacks.len(), detected);
    (score.precision, score.recall) = (precision.map(|of| of.share), recall.map(|of| of.share));
    (score.precision_interval, score.recall_interval) = (precision.map(|of| of.interval), recall.map(|of| of.interval));
    score.classes = by(&score.attacks, |attack| attack.class.as_ref());
    score.stages = by(&score.attacks, |attack| attack.stage.as_ref());
    score.f1 = match (score.precision, score.recall) {
        (Some(precision), Some(recall)) if precision + recall > 0.0 => {
            Some(2.0 * precision * recall / (precision + recall))
        }
        _ => None,
    };
    let watched_s: u64 = watched.iter().flat_map(|of| of.chains.values()).map(|covered| covered.watched_s).sum();
    score.false_positives_per_day = (watched_s > 0).then(|| score.false_positives as f64 * DAY_S / watched_s as f64);
    let all = |count: fn(&Covered) -> u64| {
        let all: u64 = watched.iter().flat_map(|of| of.chains.values()).map(count).sum();
        usize::try_from(all).unwrap_or(usize::MAX)
    };
    score.false_transactions = Share::new(false_transactions.len(), all(|covered| covered.transactions));
    score.false_positives_per_100k_transactions = score.false_transactions.map(|of| of.share * PER_TRANSACTIONS);
    score.false_blocks = Share::new(false_blocks.len(), all(|covered| covered.blocks));
    let mut leads: Vec<i64> = score.attacks.iter().filter_map(|attack| attack.lead_blocks).collect();
    leads.sort_unstable();
    score.median_lead_blocks = leads.get(leads.len().saturating_sub(1) / 2).copied();
    score
}

/// Names of labels that lie in none of the recordings, though the recording that they name is there, if they name one.
pub fn misplaced<'a>(labels: &'a Labels, watched: &[Watched]) -> Vec<&'a str> {
    let is_nowhere = |label: &&Label| watched.iter().all(|of| place(label, of).is_none());
    let labels = labels.labels.iter().filter(|label| !is_absent(label, watched));
    labels.filter(is_nowhere).map(|label| label.name.as_str()).collect()
}

/// Names of labels of recordings that were not given.
pub fn absent<'a>(labels: &'a Labels, watched: &[Watched]) -> Vec<&'a str> {
    labels.labels.iter().filter(|label| is_absent(label, watched)).map(|label| label.name.as_str()).collect()
}

fn is_absent(label: &Label, watched: &[Watched]) -> bool {
    label.recording.as_ref().is_some_and(|name| watched.iter().all(|of| of.recording != *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(block: u64, transactions: &[u8]) -> Sighting {
        Sighting {
            recording: 0,
            detector: "d".into(),
            kind: "k".into(),
            severity: Severity::High,
            chain: Some(1),
            block: Some(block),
            time_ms: 0,
            transactions: transactions.iter().copied().map(B256::repeat_byte).collect(),
            title: String::new(),
        }
    }

    fn watched(recording: &str) -> Watched {
        let covered = Covered { first: 90, last: 200, blocks: 111, transactions: 1_000, watched_s: 43_200 };
        Watched {
            recording: recording.into(),
            chains: BTreeMap::from([(1, covered)]),
            transactions: BTreeMap::from([(B256::repeat_byte(7), (1, 150))]),
        }
    }

    fn labels(text: &str) -> Labels {
        Labels::parse(text).unwrap()
    }

    #[test]
    fn findings_in_attacks_are_right_and_the_first_one_gives_the_lead() {
        let labels = labels(
            "[[label]]\nname = \"drain\"\nis = \"attack\"\nclass = \"theft\"\nstage = \"exploit\"\nblocks = \"100..120\"\nfirst_loss = 110\n\
             [[label]]\nname = \"missed\"\nis = \"attack\"\nblocks = \"180..181\"\n\
             [[label]]\nname = \"arb\"\nis = \"benign\"\nblocks = 130\n\
             [[label]]\nname = \"elsewhere\"\nis = \"attack\"\nblocks = 500",
        );
        let all = [watched("a")];
        let seen =
            [sighting(112, &[]), sighting(104, &[]), sighting(130, &[3]), sighting(95, &[1, 2]), sighting(95, &[2])];
        let score = score(&labels, &all, &seen);
        assert_eq!((score.true_positives, score.false_positives, score.unknown), (2, 3, 0));
        assert_eq!((score.precision, score.recall), (Some(0.4), Some(0.5)));
        assert!((score.f1.unwrap() - 4.0 / 9.0).abs() < 1e-9);
        assert_eq!(score.false_positives_per_day, Some(6.0));
        assert_eq!(score.false_positives_per_100k_transactions, Some(300.0), "three transactions, one of them twice");
        assert_eq!(score.false_blocks.map(|of| (of.count, of.of)), Some((2, 111)));
        let [low, high] = score.recall_interval.unwrap();
        assert!((low - 0.0945).abs() < 5e-4 && (high - 0.9055).abs() < 5e-4, "{low} to {high}");
        let group = |of: &[GroupRecall]| of.iter().map(|one| (one.name.clone(), one.found)).collect::<Vec<_>>();
        assert_eq!(group(&score.classes), [("theft".to_owned(), 1)]);
        assert_eq!(group(&score.stages), [("exploit".to_owned(), 1)]);
        assert_eq!(score.attacks.iter().map(|attack| attack.lead_blocks).collect::<Vec<_>>(), [Some(6), None]);
        assert_eq!((score.median_lead_blocks, &score.disturbed[..]), (Some(6), &["arb".to_owned()][..]));
        assert_eq!(misplaced(&labels, &all), ["elsewhere"]);
    }

    #[test]
    fn a_transaction_alone_is_found_by_who_names_it_and_with_blocks_by_who_sees_it_coming() {
        let hash = B256::repeat_byte(7);
        let alone = labels(&format!("[[label]]\nname = \"t\"\nis = \"attack\"\ntransaction = \"{hash}\""));
        let all = [watched("a")];
        assert_eq!(judge(&alone, &all, &sighting(150, &[1, 7])), Verdict::Attack(0));
        assert_eq!(judge(&alone, &all, &sighting(150, &[])), Verdict::Attack(0));
        assert_eq!(judge(&alone, &all, &sighting(150, &[1])), Verdict::Benign(None));
        assert_eq!(judge(&alone, &all, &sighting(149, &[7])), Verdict::Benign(None));
        let text = format!("[[label]]\nname = \"t\"\nis = \"attack\"\ntransaction = \"{hash}\"\nblocks = \"140..160\"");
        let wide = labels(&text);
        let score = score(&wide, &all, &[sighting(141, &[1])]);
        assert_eq!((score.attacks[0].first_loss_block, score.attacks[0].lead_blocks), (150, Some(9)));
    }

    #[test]
    fn labels_may_leave_the_rest_open_and_name_their_recording() {
        let all = [watched("a"), watched("b")];
        let label = "[[label]]\nname = \"x\"\nis = \"attack\"\nblocks = 100\n";
        let one = labels(&format!("unlabelled = \"unknown\"\n{label}recording = \"b\""));
        let mut seen = sighting(100, &[]);
        assert_eq!(judge(&one, &all, &seen), Verdict::Unknown);
        seen.recording = 1;
        assert_eq!(judge(&one, &all, &seen), Verdict::Attack(0));
        assert_eq!(score(&one, &all, &[seen.clone()]).recall, Some(1.0));
        // Without a recording's name it is an attack in each.
        assert_eq!(score(&labels(label), &all, &[seen]).recall, Some(0.5));
        let nothing = score(&Labels::default(), &all, &[]);
        assert_eq!((nothing.precision, nothing.recall, nothing.f1), (None, None, None));
        assert_eq!(
            (nothing.false_positives_per_day, nothing.false_positives_per_100k_transactions),
            (Some(0.0), Some(0.0))
        );
        // What was not given is told apart from what lies in none of what was.
        let only = [watched("a")];
        assert_eq!((absent(&one, &only), misplaced(&one, &only)), (vec!["x"], vec![]));
        assert_eq!((absent(&one, &all), misplaced(&one, &all)), (vec![], vec![]));
    }
}
