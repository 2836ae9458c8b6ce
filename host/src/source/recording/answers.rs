//! Answers to detectors' reads, kept in files beside a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::read::{Item, Recording, RecordingError};
use crate::block::{Block, BlockRef, Verification};
use crate::chain_read::{ChainAnswer, ChainRead};

/// What the file of answers adds to the recording's name.
const ENDING: &str = ".answers";

/// What is kept beside a recording.
#[derive(Clone, Debug, Default)]
pub struct KeptAnswers {
    /// By block and read.
    pub answers: BTreeMap<(BlockRef, ChainRead), ChainAnswer>,
    /// Whether the files are of this recording.
    pub strangers: Strangers,
}

/// Files of answers of which no block has come yet, and the blocks that they answer reads at.
#[derive(Clone, Debug, Default)]
pub struct Strangers(BTreeMap<PathBuf, BTreeSet<BlockRef>>);

impl KeptAnswers {
    /// Reads what is kept beside a recording; nothing if there is no file.
    ///
    /// # Errors
    ///
    /// If a file can't be read, or holds something else.
    pub fn beside(recording: &Path) -> Result<Self, RecordingError> {
        let mut kept = Self::default();
        for file in files(recording) {
            let mut blocks = BTreeSet::new();
            let mut items = Recording::open(&file, &BTreeMap::from([(0, Verification::None)]))?;
            while let Some(item) = items.next_item()? {
                let Item::Answer { at, read, answer } = item else {
                    return Err(wrong(&file, "it holds something else than answers; remove or rename it".to_owned()));
                };
                blocks.insert(at);
                kept.answers.insert((at, read), answer);
            }
            if !blocks.is_empty() {
                kept.strangers.0.insert(file, blocks);
            }
        }
        Ok(kept)
    }
}

impl Strangers {
    /// Notes a block of the recording.
    pub fn meet(&mut self, block: &Block) {
        // Reads may be of the state before a block, too.
        let is_of = |at: &BlockRef| at.chain == block.chain && (at.hash == block.hash || at.hash == block.parent_hash);
        self.0.retain(|_, blocks| !blocks.iter().any(is_of));
    }

    /// Refuses files that are of another recording. Ask it when all blocks have come.
    ///
    /// # Errors
    ///
    /// If the recording has none of a file's blocks.
    pub fn refuse(&self) -> Result<(), RecordingError> {
        let Some((file, blocks)) = self.0.first_key_value() else { return Ok(()) };
        let first = blocks
            .first()
            .map_or_else(String::new, |at| format!(" ({} of chain {}, {})", at.number, at.chain, at.hash));
        let what = format!(
            "it is of another recording: this one has none of the blocks that it answers reads at{first}; remove it, or name the \
             recording that it is of"
        );
        Err(wrong(file, what))
    }
}

fn wrong(file: &Path, what: String) -> RecordingError {
    RecordingError { file: file.display().to_string(), place: String::new(), what }
}

/// Returns where the answers to reads are kept: those of `attack.jsonl.gz` in `attack.jsonl.gz.answers`, and so of a folder.
pub fn file_beside(recording: &Path) -> PathBuf {
    // Of `blocks/`, the folder's own name and not its content's.
    let mut name = recording.components().as_path().as_os_str().to_owned();
    name.push(ENDING);
    name.into()
}

/// The recording's own file of answers, and those of the files of a folder.
fn files(recording: &Path) -> Vec<PathBuf> {
    let own = file_beside(recording);
    let is_of_answers = |path: &PathBuf| path.as_os_str().to_string_lossy().ends_with(ENDING);
    let entries = recording.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(is_of_answers).collect();
    files.sort();
    files.extend(own.is_file().then_some(own));
    files
}
