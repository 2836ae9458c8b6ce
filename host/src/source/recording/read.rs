//! Reading a recording in bounded memory, with reorgs as they were or as they follow from the parents' hashes.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::line::{Answered, Kind, Line};
use super::objects::{Objects, Unreadable};
use crate::block::{BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainRead};
use crate::event::Event;
use crate::source::Delivery;
use crate::source::evm::canon::{Canon, Link, Verdict};
use crate::source::evm::decode::decode;
use crate::source::evm::family::{Family, Rules};
use crate::source::parquet::{Archive, ArchiveError};
use crate::source::raw::RawBlock;
use crate::subscription::Needs;

/// What a recording has next.
#[derive(Debug)]
pub enum Item {
    /// Something came in.
    Delivery(Delivery),
    /// The chain answered a detector, on the input that follows.
    Answer {
        /// The block under inspection.
        at: BlockRef,
        /// What was asked.
        read: ChainRead,
        /// What came back.
        answer: ChainAnswer,
    },
}

/// Why a recording can't be read on.
#[derive(Debug, thiserror::Error)]
#[error("{file}{place}: {what}")]
pub struct RecordingError {
    /// The file.
    pub(super) file: String,
    /// `:LINE:COLUMN`, or the ordinal of the object in the file.
    pub(super) place: String,
    /// What is wrong.
    pub(super) what: String,
}

impl From<ArchiveError> for RecordingError {
    fn from(ArchiveError { file, what }: ArchiveError) -> Self {
        Self { file, place: String::new(), what }
    }
}

/// A recording, or a folder of them, from its first object to its last.
pub struct Recording {
    files: VecDeque<PathBuf>,
    /// Read in place of the files.
    archive: Option<Archive>,
    current: Option<(PathBuf, Objects, u64)>,
    levels: BTreeMap<ChainId, Rules>,
    canons: BTreeMap<ChainId, Canon>,
    ready: VecDeque<Item>,
    gaps: u64,
    /// Bytes of all files.
    total_bytes: u64,
    /// Bytes of them that were read.
    read_bytes: Arc<AtomicU64>,
}

impl Recording {
    /// Opens a file, or a folder whose files follow each other by number, then by name; or a folder of Parquet
    /// files, an [`Archive`], of whose blocks nothing can be checked. `levels` says how much is
    /// checked of each chain's blocks; the level of chain 0 is that of all others, full if it is not given.
    ///
    /// # Errors
    /// If the folder holds no recording, or the archive can't be opened.
    pub fn open<R: Copy + Into<Rules>>(path: &Path, levels: &BTreeMap<ChainId, R>) -> Result<Self, RecordingError> {
        let files = if path.is_dir() { folder(path)? } else { VecDeque::from([path.to_owned()]) };
        let archive = files.is_empty().then(|| Archive::open(path, 0..=u64::MAX)).transpose()?;
        let total_bytes = files.iter().filter_map(|file| Some(std::fs::metadata(file).ok()?.len())).sum();
        Ok(Self {
            files,
            archive,
            current: None,
            levels: levels.iter().map(|(chain, rules)| (*chain, (*rules).into())).collect(),
            canons: BTreeMap::new(),
            ready: VecDeque::new(),
            gaps: 0,
            total_bytes,
            read_bytes: Arc::default(),
        })
    }

    /// Returns how much was read, and of how much: blocks of an archive, bytes of other recordings.
    pub fn progress(&self) -> (u64, u64) {
        match &self.archive {
            Some(archive) => archive.progress(),
            None => (self.read_bytes.load(Ordering::Relaxed), self.total_bytes),
        }
    }

    /// Leaves out what nobody asked for, if that is less to read; see [`Archive::need`].
    ///
    /// # Errors
    /// If something was read before.
    pub fn need(&mut self, needs: Needs) -> Result<(), RecordingError> {
        if let Some(archive) = &mut self.archive {
            archive.need(needs)?;
        }
        Ok(())
    }

    /// Returns how often blocks were missing between two that follow each other in the recording.
    pub fn gaps(&self) -> u64 {
        self.archive.as_ref().map_or(self.gaps, Archive::gaps)
    }

    /// Returns the next item; `None` at the end.
    ///
    /// # Errors
    /// If a file is unreadable, or a block does not pass its level of verification.
    pub fn next_item(&mut self) -> Result<Option<Item>, RecordingError> {
        if let Some(archive) = &mut self.archive {
            let Some(block) = archive.next_block()? else { return Ok(None) };
            let at_ms = block.timestamp_s.saturating_mul(1_000);
            return Ok(Some(Item::Delivery(Delivery::then(Event::Committed { block: block.into() }, at_ms))));
        }
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            let Some((file, objects, read)) = &mut self.current else {
                let Some(next) = self.files.pop_front() else { return Ok(None) };
                let objects = Objects::open(&next, self.read_bytes.clone()).map_err(|error| RecordingError {
                    file: next.display().to_string(),
                    place: String::new(),
                    what: format!("it can't be read: {error}"),
                })?;
                self.current = Some((next, objects, 0));
                continue;
            };
            let name = file.display().to_string();
            *read += 1;
            let place = format!(", object {read}");
            match objects.next() {
                Ok(None) => self.current = None,
                Ok(Some(line)) => self.take(line, name, place)?,
                Err(Unreadable { place, what }) => return Err(RecordingError { file: name, place, what }),
            }
        }
    }

    fn take(&mut self, line: Line, file: String, place: String) -> Result<(), RecordingError> {
        let failed = |what: String| RecordingError { file: file.clone(), place: place.clone(), what };
        let (kind, at_ms) = line.kind().map_err(&failed)?;
        let deliver = |event| Item::Delivery(Delivery { event, raw: None, at_ms, done: None });
        let item = match kind {
            Kind::Block(raw) => return self.block(raw, &file, at_ms).map_err(failed),
            Kind::Observation(observation) => deliver(Event::Observed { observation }),
            Kind::Finality(finality) => {
                let (chain, safe, finalized) = (finality.chain, finality.safe, finality.finalized);
                deliver(Event::Finality { chain, safe, finalized })
            }
            Kind::Answer(Answered { at, read, answer }) => Item::Answer { at, read, answer },
            Kind::Reverted(reverted) => {
                let lowest = reverted.blocks.iter().map(|block| block.number).min();
                if let (Some(canon), Some(lowest)) = (self.canons.get_mut(&reverted.chain), lowest) {
                    canon.revert_above(lowest.saturating_sub(1));
                }
                deliver(Event::Reverted { chain: reverted.chain, blocks: reverted.blocks })
            }
        };
        self.ready.push_back(item);
        Ok(())
    }

    fn block(&mut self, raw: RawBlock, file: &str, at_ms: Option<u64>) -> Result<(), String> {
        let chain = raw.chain_id;
        let rules = self.levels.get(&chain).or(self.levels.get(&0)).copied();
        let rules = rules.unwrap_or_else(|| Family::of_chain(chain).level().into());
        let name = Path::new(file).file_name().map_or(file.to_owned(), |name| name.to_string_lossy().into_owned());
        let block = decode(&raw, rules, &name).map_err(|refusal| refusal.to_string())?;
        let link = Link { number: block.number, hash: block.hash, parent_hash: block.parent_hash };
        let fresh = || Canon::new(chain, &[]).map_err(|error| error.to_string());
        let canon = match self.canons.entry(chain) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(fresh()?),
        };
        if rules.family_of(chain).skips_heights() {
            canon.skip_to(&link);
        }
        match canon.admit(&link) {
            Verdict::Known => return Ok(()),
            Verdict::Extends => {}
            Verdict::Reorg { reverted } => {
                let event = Event::Reverted { chain, blocks: reverted };
                self.ready.push_back(Item::Delivery(Delivery { event, raw: None, at_ms, done: None }));
            }
            Verdict::Gap => {
                if self.gaps == 0 {
                    tracing::warn!("{file}: block {} of chain {chain} does not follow the one before it", link.number);
                }
                self.gaps += 1;
                *canon = fresh()?;
                canon.admit(&link);
            }
        }
        let raw = Some(Box::new(raw));
        let event = Event::Committed { block: block.into() };
        self.ready.push_back(Item::Delivery(Delivery { event, raw, at_ms, done: None }));
        Ok(())
    }
}

/// A folder's files in order; none where it holds an archive.
fn folder(path: &Path) -> Result<VecDeque<PathBuf>, RecordingError> {
    let failed = |what: String| RecordingError { file: path.display().to_string(), place: String::new(), what };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| failed(error.to_string()))? {
        let file = entry.map_err(|error| failed(error.to_string()))?.path();
        let name = file.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        if [".json", ".jsonl", ".json.gz", ".jsonl.gz"].iter().any(|ending| name.ends_with(ending)) {
            let number = name.split('.').next().and_then(|stem| stem.parse::<u64>().ok());
            files.push((number.is_none(), number, name, file));
        }
    }
    files.sort();
    if files.is_empty() && !Archive::is_here(path) {
        return Err(failed(
            "a folder without a `.json`, `.jsonl`, `.json.gz`, `.jsonl.gz` or `.parquet` file".to_owned(),
        ));
    }
    Ok(files.into_iter().map(|(_, _, _, file)| file).collect())
}
