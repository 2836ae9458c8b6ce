//! Answers to a detector's reads over a recording: the recording's own, those kept in a file beside it, and a node's, which are
//! kept for the next run.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::Bytes;
use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::json;

use crate::app::engine::answers::Answers;
use crate::block::{Block, BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};
use crate::plugin::Limits;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::past::Past;
use crate::source::recording::{KeptAnswers, RecordingError, Strangers, answer_line, file_beside};
use crate::subscription::Needs;
use crate::whole_file;

/// How long a detector may take for a batch while a node is asked: long beside any node's answer.
const DEADLINE_MS: u64 = 600_000;

/// Nodes that are asked what a recording does not answer, by their chains.
pub struct Nodes(BTreeMap<ChainId, Arc<dyn ChainReader>>);

impl Nodes {
    /// Connects to nodes, and asks each which chain it is on. Several of one chain are asked in order of preference. They
    /// answer as long as the runtime lasts that this is called in.
    ///
    /// # Errors
    ///
    /// If one of them does not answer.
    pub async fn connect(urls: &[String]) -> anyhow::Result<Self> {
        let mut by_chain: BTreeMap<ChainId, Vec<&String>> = BTreeMap::new();
        for url in urls {
            by_chain.entry(past(&[url]).await?.chain()).or_default().push(url);
        }
        let mut nodes = BTreeMap::new();
        for (chain, urls) in by_chain {
            nodes.insert(chain, Arc::new(past(&urls).await?.reader()) as Arc<dyn ChainReader>);
        }
        Ok(Self(nodes))
    }
}

async fn past(urls: &[&String]) -> anyhow::Result<Past> {
    let config: ChainConfig = serde_json::from_value(json!({ "id": 1, "endpoints": urls }))?;
    Past::new(&config.resolve(Path::new("."))?, Needs::default()).await
}

impl ChainReader for Nodes {
    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        match self.0.get(&at.chain) {
            Some(node) => node.read(at, read),
            None => {
                let chains: Vec<String> = self.0.keys().map(ChainId::to_string).collect();
                let chains = chains.join(" and ");
                Err(unavailable(format!("the block is of chain {}, and `--node` is of {chains}", at.chain)))
            }
        }
    }
}

/// Reads that nobody answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unanswered {
    /// How many.
    pub reads: u64,
    /// Why the first was not answered.
    pub first: String,
}

#[derive(Default)]
struct Kept {
    answers: BTreeMap<(BlockRef, ChainRead), ChainAnswer>,
    strangers: Strangers,
    /// How many of them the file does not have yet.
    fresh: usize,
    unanswered: Unanswered,
}

/// Who answers reads over one recording.
pub struct Reads {
    recorded: Answers,
    kept: Mutex<Kept>,
    file: PathBuf,
    node: Option<Arc<dyn ChainReader>>,
}

impl Reads {
    /// Reads what is kept beside a recording. `node` is asked what is not known.
    ///
    /// # Errors
    ///
    /// If there is such a file and it can't be read.
    pub fn beside(recording: &Path, node: Option<Arc<dyn ChainReader>>) -> anyhow::Result<Self> {
        let file = file_beside(recording);
        let KeptAnswers { answers, strangers } = KeptAnswers::beside(recording)?;
        let kept = Mutex::new(Kept { answers, strangers, ..Kept::default() });
        Ok(Self { recorded: Answers::default(), kept, file, node })
    }

    /// Notes a block of the recording.
    pub fn meet(&self, block: &Block) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).strangers.meet(block);
    }

    /// Refuses answers of another recording. Ask it when all blocks have come.
    ///
    /// # Errors
    ///
    /// If the recording has none of the blocks that a file answers reads at.
    pub fn refuse_strangers(&self) -> Result<(), RecordingError> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).strangers.refuse()
    }

    /// Takes in what the recording itself answers, which goes before all else.
    pub fn insert(&self, at: BlockRef, read: ChainRead, answer: ChainAnswer) {
        self.recorded.insert(at.hash, read, answer);
    }

    /// Returns the limits of a detector that waits for a node; those given where none is asked.
    pub fn patient(&self, limits: Limits) -> Limits {
        match &self.node {
            Some(_) => Limits { batch_deadline_ms: DEADLINE_MS.max(limits.batch_deadline_ms), ..limits },
            None => limits,
        }
    }

    /// Writes what a node answered beside the recording. Returns the file and how many answers were added, if any were.
    ///
    /// # Errors
    ///
    /// If the file can't be written.
    pub fn keep(&self) -> anyhow::Result<Option<(&Path, usize)>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.fresh == 0 {
            return Ok(None);
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        for ((at, read), answer) in &kept.answers {
            gzip.write_all(&answer_line(*at, read, answer)?)?;
        }
        let what = || format!("`{}` can't be written", self.file.display());
        whole_file::replace(&self.file, &gzip.finish()?, 0o644).with_context(what)?;
        Ok(Some((&self.file, std::mem::take(&mut kept.fresh))))
    }

    /// Returns which reads nobody answered, if there were any.
    pub fn unanswered(&self) -> Option<Unanswered> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.unanswered.reads > 0).then(|| kept.unanswered.clone())
    }
}

impl ChainReader for Reads {
    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        if let Some(answer) = self.recorded.known(at.hash, read) {
            return answer;
        }
        let key = (at, read.clone());
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = lock().answers.get(&key) {
            return answer.clone();
        }
        // Not held while the node is asked: other recordings' and detectors' reads go on.
        let answer = match &self.node {
            Some(node) => node.read(at, read),
            None => Err(unavailable(format!("nobody asked this of block {} when it was recorded", at.number))),
        };
        let mut kept = lock();
        match &answer {
            // A call that reverts does so whenever it is asked; a node that has no answer may have one next time.
            Err(fault) if fault.code != "reverted" => {
                kept.unanswered.reads += 1;
                if kept.unanswered.first.is_empty() {
                    kept.unanswered.first = format!("block {}: {}", at.number, fault.message);
                }
            }
            _ => {
                if kept.answers.insert(key, answer.clone()).is_none() {
                    kept.fresh += 1;
                }
            }
        }
        answer
    }
}

impl Unanswered {
    /// Returns a sentence for the detector's author.
    pub fn sentence(&self) -> String {
        let (reads, first) = (self.reads, &self.first);
        format!("{reads} reads of the chain had no answer ({first}); `--node URL` asks a node, and keeps its answers")
    }
}

fn unavailable(message: String) -> ChainFault {
    ChainFault { code: "unavailable".to_owned(), message, data: Bytes::new() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use alloy::primitives::{Address, B256};

    use super::*;

    /// Answers the balance that is its own count of questions; has no state of block 3, and reverts calls.
    #[derive(Default)]
    struct Node(AtomicU64);

    impl ChainReader for Node {
        fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
            let asked = self.0.fetch_add(1, Ordering::Relaxed);
            match read {
                _ if at.number == 3 => Err(unavailable("no such state".to_owned())),
                ChainRead::Call { .. } => {
                    Err(ChainFault { code: "reverted".to_owned(), message: "no".to_owned(), data: Bytes::new() })
                }
                _ => Ok(Bytes::copy_from_slice(&asked.to_be_bytes())),
            }
        }
    }

    fn block(number: u64) -> BlockRef {
        BlockRef { chain: 1, number, hash: B256::with_last_byte(number as u8) }
    }

    #[test]
    fn what_a_node_answers_is_kept_beside_the_recording_and_not_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("attack.jsonl.gz");
        let balance = ChainRead::Balance { address: Address::ZERO };
        let call = ChainRead::Call { to: Address::ZERO, data: Bytes::new() };
        let node = Arc::new(Node::default());
        let reads = Reads::beside(&recording, Some(node.clone())).unwrap();
        let first = reads.read(block(1), &balance);
        assert_eq!(reads.read(block(1), &balance), first);
        assert_eq!(reads.read(block(2), &call).unwrap_err().code, "reverted");
        assert_eq!(reads.read(block(3), &balance).unwrap_err().code, "unavailable");
        let (file, added) = reads.keep().unwrap().unwrap();
        assert_eq!((file, added), (folder.path().join("attack.jsonl.gz.answers").as_path(), 2));
        assert_eq!(reads.keep().unwrap(), None, "nothing is new");
        assert_eq!(node.0.load(Ordering::Relaxed), 3);

        // Without a node, and for the whole folder too.
        for recording in [recording.as_path(), folder.path()] {
            let again = Reads::beside(recording, None).unwrap();
            assert_eq!(again.read(block(1), &balance), first);
            assert_eq!(again.read(block(2), &call).unwrap_err().code, "reverted");
            assert_eq!(again.unanswered(), None);
            assert_eq!(again.read(block(3), &balance).unwrap_err().code, "unavailable");
            let unanswered = again.unanswered().unwrap();
            assert_eq!((unanswered.reads, unanswered.first.starts_with("block 3: nobody asked")), (1, true));
            assert_eq!(again.keep().unwrap(), None);
        }
    }

    #[test]
    fn what_the_recording_says_goes_before_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("blocks");
        let balance = ChainRead::Balance { address: Address::ZERO };
        let reads = Reads::beside(&recording, Some(Arc::new(Node::default()))).unwrap();
        reads.read(block(1), &balance).unwrap();
        reads.keep().unwrap();
        let again = Reads::beside(&recording, None).unwrap();
        again.insert(block(1), balance.clone(), Ok(Bytes::from_static(b"recorded")));
        assert_eq!(again.read(block(1), &balance), Ok(Bytes::from_static(b"recorded")));
    }

    #[test]
    fn a_file_of_something_else_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("attack.jsonl");
        std::fs::write(
            folder.path().join("attack.jsonl.answers"),
            "{\"finality\":{\"chain\":1,\"safe\":1,\"finalized\":1}}\n",
        )
        .unwrap();
        let error = Reads::beside(&recording, None).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("attack.jsonl.answers") && error.contains("something else"), "{error}");
    }
}
