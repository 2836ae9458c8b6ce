//! One dataset's rows in order of blocks, a batch of rows at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::ArchiveError;
use super::bounds::{BLOCK_BYTES, ROWS};
use super::column::Column;
use super::layout::{Covering, Dataset, Shape};
use super::table::{Table, Values};

/// Endings that a column of 256 bits may have, those that keep every digit.
const WEI_ENDINGS: [&str; 3] = ["_binary", "", "_string"];

/// Rows of one block that stand together in a file.
#[derive(Clone)]
pub(super) struct Slice {
    pub(super) file: Arc<str>,
    pub(super) rows: Range<usize>,
    /// Bytes of the batch that they are of.
    bytes: usize,
    dataset: &'static Dataset,
    columns: Arc<[Column]>,
}

impl Slice {
    /// A column by the name that the dataset has for it.
    pub(super) fn column(&self, name: &str) -> &Column {
        let at = self.dataset.columns.iter().position(|(known, _)| *known == name);
        &self.columns[at.expect("only columns that the dataset lists are asked for")]
    }
}

/// A file that is being read.
struct Open {
    name: Arc<str>,
    covering: Covering,
    table: Table,
    /// How many of its rows are read at once.
    batch_rows: usize,
    /// The file's own name of each of the dataset's columns.
    names: Vec<Arc<str>>,
    last: u64,
    rows: u64,
}

/// Rows that were read and not yet taken.
struct Waiting {
    slice: Slice,
    numbers: Vec<u64>,
}

/// A dataset, read forward.
pub(super) struct Cursor {
    dataset: &'static Dataset,
    covered: Vec<(u64, u64)>,
    files: VecDeque<Covering>,
    open: Option<Open>,
    waiting: Option<Waiting>,
    /// Rows of blocks below this are not wanted.
    floor: u64,
    /// Rows of all files.
    rows: u64,
}

impl Cursor {
    /// Starts at the first file that has blocks from `floor` on. All files are looked at, so that a column that is
    /// missing is reported before the work begins.
    pub(super) fn new(dataset: &'static Dataset, files: Vec<Covering>, floor: u64) -> Result<Self, ArchiveError> {
        let files: VecDeque<Covering> = files.into_iter().filter(|file| file.last >= floor).collect();
        let covered = files.iter().map(|file| (file.first, file.last)).collect();
        let mut rows = 0;
        for file in &files {
            rows += open(dataset, file.clone(), floor, false)?.rows;
        }
        Ok(Self { dataset, covered, files, open: None, waiting: None, floor, rows })
    }

    /// Reads the columns of another view of the same dataset, where no row was read yet.
    pub(super) fn read_columns_of(&mut self, dataset: &'static Dataset) {
        self.dataset = dataset;
    }

    /// How many rows all files have.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether some file has the block's rows.
    pub(super) fn covers(&self, number: u64) -> bool {
        let after = self.covered.partition_point(|(first, _)| *first <= number);
        after > 0 && self.covered[after - 1].1 >= number
    }

    /// The block of the next row; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u64>, ArchiveError> {
        loop {
            if let Some(number) = self.next_number() {
                if number >= self.floor {
                    return Ok(Some(number));
                }
                self.skip_below(self.floor);
            } else if !self.pull(u64::MAX)? {
                return Ok(None);
            }
        }
    }

    /// The rows of a block. Rows of blocks before it are passed over for good.
    pub(super) fn take(&mut self, number: u64) -> Result<Vec<Slice>, ArchiveError> {
        self.floor = self.floor.max(number);
        let (mut taken, mut bytes) = (Vec::new(), 0_usize);
        loop {
            self.skip_below(number);
            match &mut self.waiting {
                None => {
                    if !self.pull(number)? {
                        return Ok(taken);
                    }
                }
                Some(Waiting { slice, numbers }) => {
                    let start = slice.rows.start;
                    let end = start + numbers[start..].partition_point(|row| *row == number);
                    if end > start {
                        bytes = bytes.saturating_add(slice.bytes);
                        if bytes > BLOCK_BYTES {
                            let what = format!(
                                "block {number} has more than {} MiB of {}: it is no block of any chain",
                                BLOCK_BYTES >> 20,
                                self.dataset.name
                            );
                            return Err(ArchiveError::new(&*slice.file, what));
                        }
                        taken.push(Slice { rows: start..end, ..slice.clone() });
                    }
                    slice.rows.start = end;
                    if !slice.rows.is_empty() {
                        return Ok(taken);
                    }
                    self.waiting = None;
                }
            }
        }
    }

    fn next_number(&self) -> Option<u64> {
        self.waiting.as_ref().and_then(|waiting| waiting.numbers.get(waiting.slice.rows.start).copied())
    }

    fn skip_below(&mut self, number: u64) {
        if let Some(Waiting { slice, numbers }) = &mut self.waiting {
            slice.rows.start += numbers[slice.rows.start..].partition_point(|row| *row < number);
            if slice.rows.is_empty() {
                self.waiting = None;
            }
        }
    }

    /// Reads on, in files that begin at `number` or below; whether there was something to read.
    fn pull(&mut self, number: u64) -> Result<bool, ArchiveError> {
        loop {
            if let Some(open) = &mut self.open {
                let values = guarded(&open.name, || open.table.read(open.batch_rows))?;
                match values.map_err(|error| unreadable(&open.name, error))? {
                    Some(values) => {
                        self.waiting = waiting(self.dataset, open, values)?;
                        return Ok(true);
                    }
                    None => self.open = None,
                }
            }
            match self.files.front() {
                Some(file) if file.last < self.floor => {
                    self.files.pop_front();
                }
                Some(file) if file.first <= number => {
                    self.open = Some(open(self.dataset, file.clone(), self.floor, true)?);
                    self.files.pop_front();
                }
                _ => return Ok(false),
            }
        }
    }
}

/// Opens a file; `to_read` says whether rows of it are read, or only whether it has what is needed.
fn open(dataset: &'static Dataset, covering: Covering, floor: u64, to_read: bool) -> Result<Open, ArchiveError> {
    let name: Arc<str> = covering.path.display().to_string().into();
    let failed = |what: String| ArchiveError::new(&*name, what);
    let file = File::open(&covering.path).map_err(|error| unreadable(&name, error))?;
    let mut table = guarded(&name, || Table::open(file))?.map_err(|error| unreadable(&name, error))?;
    let mut names = Vec::with_capacity(dataset.columns.len());
    let mut columns = Vec::with_capacity(dataset.columns.len());
    for &(column, shape) in dataset.columns {
        let known = match shape {
            Shape::Wei => WEI_ENDINGS.iter().map(|ending| format!("{column}{ending}")).collect(),
            _ => vec![column.to_owned()],
        };
        let found = known.into_iter().find_map(|name| table.find(&name).map(|found| (name, found)));
        let (own, found) = found.ok_or_else(|| failed(missing(dataset, column, shape)))?;
        let misfit = |expected| failed(format!("column `{own}`: expected {expected}, came {}", found.type_name));
        shape.takes(found.kind).map_err(misfit)?;
        names.push(own.into());
        columns.push(found);
    }
    let number = columns[0].place;
    table.choose(&columns, |metadata, group| {
        newest(metadata.row_group(group), number).is_none_or(|newest| newest >= floor)
    });
    let batch_rows = match to_read {
        true => guarded(&name, || table.rows_at_once())?.map_err(|error| unreadable(&name, error))?,
        false => ROWS,
    };
    let last = covering.first;
    let rows = u64::try_from(table.metadata().file_metadata().num_rows()).unwrap_or_default();
    Ok(Open { name, covering, table, batch_rows, names, last, rows })
}

fn unreadable(file: &str, error: impl std::fmt::Display) -> ArchiveError {
    ArchiveError::new(file, format!("it can't be read: {error}"))
}

/// The reader of Parquet panics on some files that were damaged; the host must not end by one.
fn guarded<T>(file: &str, read: impl FnOnce() -> T) -> Result<T, ArchiveError> {
    let damaged = |_| unreadable(file, "it is damaged");
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).map_err(damaged)
}

fn missing(dataset: &Dataset, column: &str, shape: Shape) -> String {
    let dataset = dataset.name;
    let how = match shape {
        Shape::Wei => format!("cryo {dataset} --include-columns {column} --u256-types binary"),
        _ => format!("cryo {dataset} --include-columns {column}"),
    };
    format!("it has no column `{column}`; write the file anew with `{how}`")
}

/// The highest block of a row group, where the file says.
fn newest(group: &RowGroupMetaData, column: usize) -> Option<u64> {
    match group.columns().get(column)?.statistics()? {
        statistics if statistics.is_min_max_deprecated() => None,
        // Unsigned numbers are stored in signed ones.
        Statistics::Int32(values) => values.max_opt().map(|max| u64::from(*max as u32)),
        Statistics::Int64(values) => values.max_opt().map(|max| *max as u64),
        _ => None,
    }
}

/// Columns under the dataset's names, with the block of each row.
fn waiting(dataset: &'static Dataset, open: &mut Open, values: Vec<Values>) -> Result<Option<Waiting>, ArchiveError> {
    let bytes = values.iter().map(Values::bytes).sum();
    let columns = open.names.iter().zip(values).map(|(name, values)| Column::new(&open.name, name, values));
    let columns: Vec<Column> = columns.collect();
    let rows = columns.first().map_or(0, Column::len);
    let mut numbers = Vec::with_capacity(rows);
    for row in 0..rows {
        let number = columns[0].given(columns[0].number(row)?)?;
        if number < open.last {
            let what = "rows in order of their blocks, as cryo sorts them";
            return Err(columns[0].wrong(what, format_args!("{number} after {}", open.last)));
        }
        if number > open.covering.last {
            let what = format!("blocks up to {}, as the file's name says", open.covering.last);
            return Err(columns[0].wrong(&what, number));
        }
        open.last = number;
        numbers.push(number);
    }
    let rows = 0..numbers.len();
    let slice = Slice { file: open.name.clone(), rows, bytes, dataset, columns: columns.into() };
    Ok(Some(Waiting { slice, numbers }).filter(|waiting| !waiting.numbers.is_empty()))
}
