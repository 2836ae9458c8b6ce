//! How many rows of a file are in memory at once: few, where a value is large. A column may say a value once and refer to it from
//! millions of rows, so that neither the file's size nor what it says of its own size bounds what comes out of it.

use std::fs::File;

use parquet::basic::Type;
use parquet::column::page::Page;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::pages;

/// Rows at once; a busy block has a few thousand frames.
pub(super) const ROWS: usize = 1_024;
/// Bytes of the values of those rows that stand in dictionaries.
const BATCH_BYTES: u64 = 128 << 20;
/// Most bytes of one block's rows in a dataset, as whole batches of them have it.
pub(super) const BLOCK_BYTES: usize = 512 << 20;
/// Most bytes of one column in a row group, unpacked: so much may be read at once where each value stands for itself.
const CHUNK_BYTES: u64 = 2 << 30;

/// Returns how many rows of some row groups may be read at once. `raw` is the file itself.
///
/// # Errors
///
/// If the file can't be read, or a column of a row group is too large.
pub(super) fn rows_at_once(
    file: &SerializedFileReader<File>,
    raw: &File,
    groups: impl Iterator<Item = usize>,
    columns: &[usize],
) -> Result<usize> {
    let mut widest_row = 0;
    for group in groups {
        let chunks = file.metadata().row_group(group).columns();
        let mut row = 0;
        for &column in columns {
            let Some(chunk) = chunks.get(column) else { continue };
            let unpacked = u64::try_from(chunk.uncompressed_size()).unwrap_or(u64::MAX);
            if unpacked > CHUNK_BYTES {
                return Err(ParquetError::General(format!(
                    "row group {group} has {unpacked} bytes in column `{}`, and up to {CHUNK_BYTES} are read at once; write it with \
                     smaller row groups",
                    chunk.column_path()
                )));
            }
            pages::check(raw, chunk)?;
            row += match fixed_width(chunk) {
                Some(width) => width,
                None if chunk.dictionary_page_offset().is_some() => {
                    let mut pages = file.get_row_group(group)?.get_column_page_reader(column)?;
                    match pages.get_next_page()? {
                        Some(Page::DictionaryPage { buf, .. }) => widest(&buf)?,
                        _ => 0,
                    }
                }
                None => 0,
            };
        }
        widest_row = row.max(widest_row);
    }
    let rows = BATCH_BYTES.checked_div(widest_row).unwrap_or(u64::MAX);
    Ok(usize::try_from(rows).unwrap_or(ROWS).clamp(1, ROWS))
}

/// Bytes of each value of a column whose values are all as long.
fn fixed_width(chunk: &ColumnChunkMetaData) -> Option<u64> {
    match chunk.column_type() {
        Type::BYTE_ARRAY => None,
        Type::FIXED_LEN_BYTE_ARRAY => Some(u64::try_from(chunk.column_descr().type_length()).unwrap_or_default()),
        _ => Some(12),
    }
}

/// The longest value of a dictionary: each stands behind its length in four bytes.
fn widest(mut dictionary: &[u8]) -> Result<u64> {
    let mut widest = 0;
    while let Some((length, rest)) = dictionary.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length);
        let cut = || ParquetError::General("a dictionary is cut off".to_owned());
        dictionary = rest.get(length as usize..).ok_or_else(cut)?;
        widest = widest.max(u64::from(length));
    }
    Ok(widest)
}

#[cfg(test)]
mod tests {
    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// Rows that all refer to one value.
    fn file_of(value: usize, rows: usize) -> File {
        let schema = "message rows { REQUIRED INT64 block_number (UINT_64); REQUIRED BYTE_ARRAY input; }";
        let schema = parse_message_type(schema).unwrap().into();
        let properties = WriterProperties::builder().set_dictionary_page_size_limit(64 << 20).build().into();
        let file = tempfile::tempfile().unwrap();
        let mut writer = SerializedFileWriter::new(file.try_clone().unwrap(), schema, properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut numbers = group.next_column().unwrap().unwrap();
        numbers.typed::<Int64Type>().write_batch(&vec![100; rows], None, None).unwrap();
        numbers.close().unwrap();
        let mut inputs = group.next_column().unwrap().unwrap();
        let input = ByteArray::from(vec![7_u8; value]);
        inputs.typed::<ByteArrayType>().write_batch(&vec![input; rows], None, None).unwrap();
        inputs.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        file
    }

    fn rows(value: usize) -> usize {
        // A writer looks at each value of each row.
        let file = file_of(value, ((64 << 20) / value).clamp(8, 4_000));
        assert!(file.metadata().unwrap().len() < value as u64 + (1 << 20), "each value is there once");
        let reader = SerializedFileReader::new(file.try_clone().unwrap()).unwrap();
        rows_at_once(&reader, &file, [0].into_iter(), &[0, 1]).unwrap()
    }

    #[test]
    fn the_larger_a_value_the_fewer_rows_are_read_at_once() {
        assert_eq!(rows(20), ROWS);
        assert_eq!(rows(100_000), ROWS);
        assert_eq!(rows(1 << 20), 127);
        assert_eq!(rows(32 << 20), 3);
    }

    #[test]
    fn a_dictionary_that_is_cut_off_is_refused() {
        assert_eq!(widest(b"\x02\0\0\0ab\x01\0\0\0c").unwrap(), 2);
        assert!(widest(b"\x03\0\0\0ab").is_err());
    }
}
