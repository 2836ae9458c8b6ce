//! Archives: folders of Parquet files in the column layout of `cryo`, read as blocks in order.
//!
//! Rows of all datasets are merged by block number, one block at a time, so that memory is bounded whatever the
//! archive's size. Nothing in an archive can be checked against its header: blocks have
//! [`Verification::None`], and say which datasets are missing.

mod assemble;
mod bounds;
mod column;
mod cursor;
mod layout;
mod pages;
mod table;

use std::ops::RangeInclusive;
use std::path::Path;

use alloy::primitives::B256;

use crate::block::{Assurance, Block, Verification};
use crate::subscription::Needs;
use cursor::Cursor;
use layout::{BLOCKS, Dataset, LOGS, Layout, TRACES, TRANSACTION_HASHES, TRANSACTIONS};

/// Why an archive can't be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct ArchiveError {
    /// The file, or the folder.
    pub file: String,
    /// What is wrong, and how to mend it.
    pub what: String,
}

impl ArchiveError {
    fn new(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), what: what.into() }
    }

    fn of_block(self, number: u64) -> Self {
        Self { what: format!("block {number}: {}", self.what), ..self }
    }
}

/// A folder of `cryo` files, from its first block to its last.
pub struct Archive {
    blocks: Cursor,
    transactions: Option<Cursor>,
    logs: Option<Cursor>,
    traces: Option<Cursor>,
    needs: Needs,
    range: RangeInclusive<u64>,
    last: Option<(u64, B256)>,
    gaps: u64,
    /// Blocks that were read.
    read: u64,
}

impl Archive {
    /// True if a folder holds files of an archive, itself or in folders for each dataset.
    pub fn is_here(folder: &Path) -> bool {
        layout::parquet_files(folder).is_ok_and(|files| !files.is_empty())
    }

    /// Opens the blocks of `range` in a folder. `NETWORK__blocks__*` must be there; transactions, logs and traces
    /// may be missing.
    ///
    /// # Errors
    /// If a file is unreadable, lacks a column, or has another layout than the others.
    pub fn open(folder: &Path, range: RangeInclusive<u64>) -> Result<Self, ArchiveError> {
        let mut layout = Layout::read(folder)?;
        let mut cursor = |dataset: &'static Dataset| -> Result<Option<Cursor>, ArchiveError> {
            layout.files(dataset)?.map(|files| Cursor::new(dataset, files, *range.start())).transpose()
        };
        let blocks = cursor(&BLOCKS)?.ok_or_else(|| {
            let what = "no file of the blocks is here; write them with `cryo blocks --include-columns parent_hash`";
            ArchiveError::new(folder.display().to_string(), what)
        })?;
        let (transactions, logs, traces) = (cursor(&TRANSACTIONS)?, cursor(&LOGS)?, cursor(&TRACES)?);
        let needs = Needs { traces: true, ..Needs::KEPT };
        Ok(Self { blocks, transactions, logs, traces, needs, range, last: None, gaps: 0, read: 0 })
    }

    /// Leaves out what nobody asked for: traces, logs, and of transactions all but their hashes. A block that is to be kept
    /// for whoever asks later needs [`Needs::KEPT`].
    ///
    /// # Errors
    /// If a block was read before: it has what was not asked for, and the next would not.
    pub fn need(&mut self, needs: Needs) -> Result<(), ArchiveError> {
        if self.read > 0 {
            let what = "what is needed of it must be set before its first block is read; please report this";
            return Err(ArchiveError::new("archive", what));
        }
        self.needs = needs;
        if let Some(cursor) = &mut self.transactions {
            cursor.read_columns_of(if needs.transactions { &TRANSACTIONS } else { &TRANSACTION_HASHES });
        }
        Ok(())
    }

    /// Returns how often blocks were missing between two that follow each other in the archive.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Returns how many blocks were read, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.read, self.blocks.rows())
    }

    /// Returns the next block; `None` at the end.
    ///
    /// # Errors
    /// If the next block has a value that is no block's, or does not follow the one before it.
    pub fn next_block(&mut self) -> Result<Option<Block>, ArchiveError> {
        let Some(number) = self.blocks.peek()? else { return Ok(None) };
        if number > *self.range.end() {
            return Ok(None);
        }
        let block = self.read(number)?;
        if let Some((before, hash)) = self.last {
            if before + 1 < number {
                self.gaps += 1;
            } else if hash != block.parent_hash {
                let what = format!("its parent is {}, and block {before} is {hash}", block.parent_hash);
                return Err(ArchiveError::new(&block.assurance.source, what).of_block(number));
            }
        }
        self.last = Some((number, block.hash));
        self.read += 1;
        Ok(Some(block))
    }

    fn read(&mut self, number: u64) -> Result<Block, ArchiveError> {
        let failed = |error: ArchiveError| error.of_block(number);
        let header = assemble::header(&self.blocks.take(number)?).map_err(failed)?;
        let mut exceptions = Vec::new();
        let transactions = rows(&mut self.transactions, &TRANSACTIONS, number, &mut exceptions)?;
        let mut wanted = |is_wanted: bool, cursor: &mut Option<Cursor>, dataset| match is_wanted {
            true => rows(cursor, dataset, number, &mut exceptions),
            false => Ok(None),
        };
        let logs = wanted(self.needs.logs, &mut self.logs, &LOGS)?;
        let traces = wanted(self.needs.traces, &mut self.traces, &TRACES)?;
        let lay_out = match self.needs.transactions {
            true => assemble::transactions,
            false => assemble::transaction_hashes,
        };
        let transactions = transactions.map(|rows| lay_out(&rows)).transpose().map_err(failed)?;
        let count = transactions.as_ref().map(|all| all.len() as u64);
        let logs = logs.map(|rows| assemble::logs(&rows, count)).transpose().map_err(failed)?;
        let frames = traces.map(|rows| assemble::frames(&rows, count)).transpose().map_err(failed)?;
        if frames.is_some() {
            let what = "traces: `create2` shows as `create`, and reverted calls are missing where cryo left them out";
            exceptions.push(what.to_owned());
        }
        if let Some(transactions) = &transactions {
            let used: u64 = transactions.gas_used.iter().sum();
            if used != header.gas_used {
                let stated = header.gas_used;
                exceptions
                    .push(format!("transactions: they use {used} gas, the header says {stated}; some may be missing"));
            }
        }
        Ok(Block {
            chain: header.chain,
            number,
            hash: header.hash,
            parent_hash: header.parent_hash,
            timestamp_s: header.timestamp_s,
            beneficiary: header.beneficiary,
            gas_used: header.gas_used,
            base_fee_wei: header.base_fee_wei,
            assurance: Assurance { verification: Verification::None, exceptions, source: header.file },
            transactions: transactions.unwrap_or_default(),
            logs: logs.unwrap_or_default(),
            frames,
            storage: None,
            awaited: Default::default(),
        })
    }
}

/// A block's rows of a dataset; `None`, and an exception, where no file covers the block.
fn rows(
    cursor: &mut Option<Cursor>,
    dataset: &Dataset,
    number: u64,
    exceptions: &mut Vec<String>,
) -> Result<Option<Vec<cursor::Slice>>, ArchiveError> {
    match cursor {
        Some(cursor) if cursor.covers(number) => cursor.take(number).map(Some),
        _ => {
            exceptions.push(format!("no {0}: the archive has no file of {0} that covers the block", dataset.name));
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests;
