//! One Parquet file's rows, some at a time, of the columns that are asked for.

use std::collections::VecDeque;
use std::fs::File;

use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::bounds::rows_at_once;

/// What the values of a column are read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bytes,
    Text,
    Flag,
    Unsigned,
    Signed,
}

impl Kind {
    /// Returns what a file's column is read as; `None` for a type that no archive has.
    fn of(column: &ColumnDescriptor) -> Option<Self> {
        if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
            return None;
        }
        match (column.physical_type(), column.logical_type_ref(), column.converted_type()) {
            (Type::BOOLEAN, ..) => Some(Self::Flag),
            (Type::INT32 | Type::INT64, Some(LogicalType::Integer(integer)), _) if integer.is_signed => {
                Some(Self::Signed)
            }
            (Type::INT32 | Type::INT64, Some(LogicalType::Integer(_)), _)
            | (Type::INT32, None, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32)
            | (Type::INT64, None, ConvertedType::UINT_64) => Some(Self::Unsigned),
            (Type::INT32 | Type::INT64, None, ConvertedType::NONE)
            | (Type::INT32, None, ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::INT_32)
            | (Type::INT64, None, ConvertedType::INT_64) => Some(Self::Signed),
            (Type::BYTE_ARRAY, Some(LogicalType::String), _) | (Type::BYTE_ARRAY, None, ConvertedType::UTF8) => {
                Some(Self::Text)
            }
            (Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, None, ConvertedType::NONE) => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// Values of some rows of a column; `None` for null.
#[derive(Clone)]
pub(super) enum Values {
    Bytes(Vec<Option<ByteArray>>),
    Text(Vec<Option<String>>),
    Flag(Vec<Option<bool>>),
    Unsigned(Vec<Option<u64>>),
    Signed(Vec<Option<i64>>),
}

impl Values {
    /// Returns for how many rows values are here.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Flag(values) => values.len(),
            Self::Unsigned(values) => values.len(),
            Self::Signed(values) => values.len(),
        }
    }
}

impl Values {
    /// Returns how long all values together are, bytes: each as often as a row has it.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Bytes(values) => values.iter().flatten().map(ByteArray::len).sum(),
            Self::Text(values) => values.iter().flatten().map(String::len).sum(),
            _ => self.len() * size_of::<u64>(),
        }
    }
}

/// A column that a file has.
pub(super) struct Found {
    /// Its place among the file's columns.
    pub(super) place: usize,
    /// What it is read as; `None` for a type that no archive has.
    pub(super) kind: Option<Kind>,
    /// Its type in words of the format.
    pub(super) type_name: String,
}

/// A column that is read.
struct Leaf {
    place: usize,
    kind: Kind,
    max_def_level: i16,
}

/// A file that is read forward.
pub(super) struct Table {
    file: SerializedFileReader<File>,
    /// The same as it lies there.
    raw: File,
    leaves: Vec<Leaf>,
    groups: VecDeque<usize>,
    /// The columns of the row group that is being read; empty between two groups.
    open: Vec<ColumnReader>,
    /// Rows of that group that are yet to come.
    rows_left: usize,
}

impl Table {
    /// Opens a file, of which nothing is read before [`Table::choose`].
    ///
    /// # Errors
    /// If the file is no Parquet, or its footer is damaged.
    pub(super) fn open(file: File) -> Result<Self, ParquetError> {
        let raw = file.try_clone()?;
        let file = SerializedFileReader::new(file)?;
        Ok(Self { file, raw, leaves: Vec::new(), groups: VecDeque::new(), open: Vec::new(), rows_left: 0 })
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.file.metadata()
    }

    /// Returns the column of a name; `None` if the file has none.
    pub(super) fn find(&self, name: &str) -> Option<Found> {
        let columns = self.metadata().file_metadata().schema_descr().columns();
        let place = columns.iter().position(|column| column.path().parts().first().is_some_and(|root| root == name))?;
        let column = &columns[place];
        let type_name = match column.converted_type() {
            _ if column.path().parts().len() > 1 => "a group".to_owned(),
            ConvertedType::NONE => column.physical_type().to_string(),
            converted => converted.to_string(),
        };
        Some(Found { place, kind: Kind::of(column), type_name })
    }

    /// Sets which columns are read, in this order, and of which row groups. Columns of a type that no archive has are left out.
    pub(super) fn choose(&mut self, columns: &[Found], is_wanted: impl Fn(&ParquetMetaData, usize) -> bool) {
        let metadata = self.file.metadata();
        let schema = metadata.file_metadata().schema_descr();
        self.groups = (0..metadata.num_row_groups()).filter(|group| is_wanted(metadata, *group)).collect();
        self.leaves = columns
            .iter()
            .filter_map(|Found { place, kind, .. }| {
                Some(Leaf { place: *place, kind: (*kind)?, max_def_level: schema.column(*place).max_def_level() })
            })
            .collect();
    }

    /// Returns how many rows of the chosen columns may be read at once.
    ///
    /// # Errors
    /// If a column of a row group is too large, or its dictionary is damaged.
    pub(super) fn rows_at_once(&self) -> Result<usize, ParquetError> {
        let columns: Vec<usize> = self.leaves.iter().map(|leaf| leaf.place).collect();
        rows_at_once(&self.file, &self.raw, self.groups.iter().copied(), &columns)
    }

    /// Reads at most so many rows; returns the chosen columns, equally long, or `None` at the end.
    ///
    /// # Errors
    /// If a page is damaged, or a row group has other rows than its file says.
    pub(super) fn read(&mut self, most_rows: usize) -> Result<Option<Vec<Values>>, ParquetError> {
        while self.rows_left == 0 {
            let Some(group) = self.groups.pop_front() else { return Ok(None) };
            let group = self.file.get_row_group(group)?;
            self.rows_left = usize::try_from(group.metadata().num_rows())?;
            self.open = self.leaves.iter().map(|leaf| group.get_column_reader(leaf.place)).collect::<Result<_, _>>()?;
        }
        let rows = most_rows.min(self.rows_left);
        let leaves = self.leaves.iter().zip(&mut self.open);
        let columns = leaves.map(|(leaf, reader)| leaf.read(reader, rows)).collect::<Result<Vec<_>, _>>()?;
        if columns.iter().any(|values| values.len() != rows) {
            return Err(ParquetError::General("a row group has fewer rows than the file says".into()));
        }
        self.rows_left -= rows;
        Ok(Some(columns))
    }
}

impl Leaf {
    fn read(&self, reader: &mut ColumnReader, rows: usize) -> Result<Values, ParquetError> {
        let (kind, level) = (self.kind, self.max_def_level);
        Ok(match (reader, kind) {
            (ColumnReader::BoolColumnReader(reader), Kind::Flag) => Values::Flag(read(reader, level, rows, Ok)?),
            (ColumnReader::Int32ColumnReader(reader), Kind::Signed) => {
                Values::Signed(read(reader, level, rows, |value| Ok(value.into()))?)
            }
            (ColumnReader::Int64ColumnReader(reader), Kind::Signed) => Values::Signed(read(reader, level, rows, Ok)?),
            // Unsigned numbers are stored in signed ones.
            (ColumnReader::Int32ColumnReader(reader), Kind::Unsigned) => {
                Values::Unsigned(read(reader, level, rows, |value| Ok(value.cast_unsigned().into()))?)
            }
            (ColumnReader::Int64ColumnReader(reader), Kind::Unsigned) => {
                Values::Unsigned(read(reader, level, rows, |value| Ok(value.cast_unsigned()))?)
            }
            (ColumnReader::ByteArrayColumnReader(reader), Kind::Bytes) => Values::Bytes(read(reader, level, rows, Ok)?),
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Kind::Bytes) => {
                Values::Bytes(read(reader, level, rows, |value| Ok(value.into()))?)
            }
            (ColumnReader::ByteArrayColumnReader(reader), Kind::Text) => {
                Values::Text(read(reader, level, rows, |value: ByteArray| Ok(value.as_utf8()?.to_owned()))?)
            }
            _ => return Err(ParquetError::General(format!("a column's pages are not of its type, {kind:?}"))),
        })
    }
}

/// Reads at most so many rows of a column. Values stand close together; a level below the highest stands for null.
fn read<T: DataType, U>(
    reader: &mut ColumnReaderImpl<T>,
    max_def_level: i16,
    rows: usize,
    into: impl Fn(T::T) -> Result<U, ParquetError>,
) -> Result<Vec<Option<U>>, ParquetError> {
    let (mut levels, mut values) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter().map(into);
    if max_def_level == 0 {
        return values.map(|value| value.map(Some)).collect();
    }
    let is_given = levels.into_iter().map(|level| level == max_def_level);
    is_given.map(|is_given| if is_given { values.next().transpose() } else { Ok(None) }).collect()
}
