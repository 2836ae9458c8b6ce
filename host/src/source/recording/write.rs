//! Writing a recording: it has its name only once it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::line::{Answered, Finality, Reverted, Written};
use crate::block::{BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainRead};
use crate::event::Observation;
use crate::source::raw::RawBlock;

enum Out {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

/// Returns a block as a line of a recording.
///
/// # Errors
/// If it can't be written as JSON.
pub fn block_line(raw: &RawBlock, at_ms: u64) -> anyhow::Result<Vec<u8>> {
    line(&Written::Block { raw, at_ms })
}

/// Returns what the chain answered as a line of a recording.
///
/// # Errors
/// If it can't be written as JSON.
pub fn answer_line(at: BlockRef, read: &ChainRead, answer: &ChainAnswer) -> anyhow::Result<Vec<u8>> {
    line(&Written::Answer { answer: Answered { at, read: read.clone(), answer: answer.clone() } })
}

fn line(object: &Written<'_>) -> anyhow::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    Ok(line)
}

/// A recording that is being made.
pub struct Writer {
    out: Out,
    partial: PathBuf,
    path: PathBuf,
}

impl Writer {
    /// Starts a recording; gzipped if the name ends in `.gz`. A file that is there already is not touched.
    ///
    /// # Errors
    /// If there is a file of that name, or it can't be made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        anyhow::ensure!(!path.exists(), "`{}` is there already; name a new recording", path.display());
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = File::create(&partial).with_context(|| format!("`{}` can't be made", partial.display()))?;
        let buffered = BufWriter::with_capacity(1 << 16, file);
        let out = match path.extension().is_some_and(|extension| extension == "gz") {
            true => Out::Gzip(GzEncoder::new(buffered, Compression::default())),
            false => Out::Plain(buffered),
        };
        Ok(Self { out, partial, path: path.to_owned() })
    }

    /// Writes a block as the node gave it.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_block(&mut self, raw: &RawBlock, at_ms: u64) -> anyhow::Result<()> {
        self.write(&Written::Block { raw, at_ms })
    }

    /// Writes an observation.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_observation(&mut self, observation: &Observation, at_ms: u64) -> anyhow::Result<()> {
        self.write(&Written::Observation { observation, at_ms })
    }

    /// Writes that blocks left the chain, tip first.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_reverted(&mut self, chain: ChainId, blocks: &[BlockRef], at_ms: u64) -> anyhow::Result<()> {
        self.write(&Written::Reverted { reverted: Reverted { chain, blocks: blocks.to_vec() }, at_ms })
    }

    /// Writes that blocks became settled.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_finality(&mut self, chain: ChainId, safe: u64, finalized: u64, at_ms: u64) -> anyhow::Result<()> {
        self.write(&Written::Finality { finality: Finality { chain, safe, finalized }, at_ms })
    }

    /// Writes what the chain answered; before the input that it was asked on.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write_answer(&mut self, at: BlockRef, read: &ChainRead, answer: &ChainAnswer) -> anyhow::Result<()> {
        self.write(&Written::Answer { answer: Answered { at, read: read.clone(), answer: answer.clone() } })
    }

    /// Closes the recording, puts it on the disk, and gives it its name.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn finish(self) -> anyhow::Result<()> {
        let failed = || format!("`{}` can't be written", self.partial.display());
        let buffered = match self.out {
            Out::Plain(out) => out,
            Out::Gzip(out) => out.finish().with_context(failed)?,
        };
        buffered
            .into_inner()
            .map_err(|error| error.into_error())
            .and_then(|file| file.sync_all())
            .with_context(failed)?;
        std::fs::rename(&self.partial, &self.path).with_context(failed)
    }

    fn write(&mut self, object: &Written<'_>) -> anyhow::Result<()> {
        let line = line(object)?;
        let written = match &mut self.out {
            Out::Plain(out) => out.write_all(&line),
            Out::Gzip(out) => out.write_all(&line),
        };
        written.with_context(|| format!("`{}` can't be written", self.partial.display()))
    }
}
