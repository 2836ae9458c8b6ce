//! What a column's pages unpack to, looked at before any of them is unpacked: no more than the file says that its column has, and no
//! more than is read at once. A page says its size in its own header, which the file's footer does not repeat, and some codecs
//! unpack as much as there is whatever the header says.

use std::fs::File;
use std::io::{Read, copy, sink};
use std::os::unix::fs::FileExt;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

/// Most bytes that a page may have, unpacked. Writers make pages of one MiB.
const PAGE_BYTES: u64 = 256 << 20;
/// The old form of LZ4 does not say what it unpacks to, which is up to 255 times as much: so many bytes of it are no more than a page.
const OLD_LZ4_BYTES: u64 = 1 << 20;
/// How much of a page is looked at for its header: more each time that it does not end there.
const HEADER_BYTES: [u64; 3] = [1 << 9, 1 << 14, 1 << 20];
/// How deep the parts of a header may lie in each other.
const DEPTH: u32 = 8;

/// Looks at the pages of a column of a row group.
///
/// # Errors
///
/// If a page is larger than its column or than what is read at once, or its header can't be read.
pub(super) fn check(file: &File, chunk: &ColumnChunkMetaData) -> Result<()> {
    let name = chunk.column_path().string();
    let refuse = |what: String| Err(ParquetError::General(format!("a page of column `{name}` {what}")));
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let sizes = [start, chunk.compressed_size(), chunk.uncompressed_size()].map(u64::try_from);
    let [Ok(start), Ok(length), Ok(stated)] = sizes else { return refuse("has no place in the file".to_owned()) };
    let (mut at, end) = (start, start.saturating_add(length));
    while at < end {
        let Some(page) = page_at(file, at, end)? else { return refuse("has a header that can't be read".to_owned()) };
        at += page.header;
        if page.packed > end - at || page.levels > page.packed.min(page.unpacked) {
            return refuse("is cut off".to_owned());
        }
        let most = stated.min(PAGE_BYTES);
        if page.unpacked > most {
            return refuse(format!(
                "says that it unpacks to {} bytes, and its column has {stated}; up to {PAGE_BYTES} of a page are read: write the \
                 file with smaller pages",
                page.unpacked
            ));
        }
        match chunk.compression() {
            Compression::GZIP(_) if page.is_packed && page.unpacked > page.levels => {
                let body = Section { file, at: at + page.levels, end: at + page.packed };
                let expected = page.unpacked - page.levels;
                if copy(&mut MultiGzDecoder::new(body).take(expected + 1), &mut sink())? > expected {
                    return refuse("unpacks to more than it says".to_owned());
                }
            }
            Compression::LZ4 if page.packed > OLD_LZ4_BYTES => {
                return refuse(format!(
                    "has {} bytes of LZ4's old form, of which {OLD_LZ4_BYTES} are read at once: write the file with `LZ4_RAW`",
                    page.packed
                ));
            }
            _ => {}
        }
        at += page.packed;
    }
    Ok(())
}

/// A part of a file.
struct Section<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut into[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// What a page's header says, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    /// The header itself.
    header: u64,
    unpacked: u64,
    packed: u64,
    /// How much of it stands before what is packed.
    levels: u64,
    is_packed: bool,
}

fn page_at(file: &File, at: u64, end: u64) -> Result<Option<Page>> {
    for most in HEADER_BYTES {
        let mut bytes = Vec::new();
        Section { file, at, end: end.min(at.saturating_add(most)) }.read_to_end(&mut bytes)?;
        if let Some(page) = page(&bytes) {
            return Ok(Some(page));
        }
    }
    Ok(None)
}

/// Reads a header: Thrift's compact protocol, as the format has it.
fn page(bytes: &[u8]) -> Option<Page> {
    let mut reader = Reader { bytes, at: 0 };
    let (mut unpacked, mut packed, mut levels, mut is_packed) = (None, None, 0, true);
    let mut id = 0;
    while let Some((field, kind)) = reader.field(id)? {
        id = field;
        match (field, kind) {
            (2, INTEGER) => unpacked = Some(reader.size()?),
            (3, INTEGER) => packed = Some(reader.size()?),
            // Of a page of the second version, levels are not packed, and all else need not be.
            (8, STRUCT) => {
                let mut id = 0;
                while let Some((field, kind)) = reader.field(id)? {
                    id = field;
                    match (field, kind) {
                        (5 | 6, INTEGER) => levels += reader.size()?,
                        (7, FALSE) => is_packed = false,
                        _ => reader.skip(kind, DEPTH)?,
                    }
                }
            }
            _ => reader.skip(kind, DEPTH)?,
        }
    }
    Some(Page { header: reader.at as u64, unpacked: unpacked?, packed: packed?, levels, is_packed })
}

const FALSE: u8 = 2;
const INTEGER: u8 = 5;
const STRUCT: u8 = 12;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(bytes).ok()?).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A number that has a sign.
    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A size, which has none.
    fn size(&mut self) -> Option<u64> {
        u64::try_from(self.signed()?).ok()
    }

    /// The next field's id and type; within, `None` at the end.
    fn field(&mut self, last: i16) -> Option<Option<(i16, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.signed()?).ok()?,
            delta => last.checked_add(delta.into())?,
        };
        Some(Some((id, head & 15)))
    }

    /// Passes over a field's value.
    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // A flag is its type.
            1 | FALSE => Some(()),
            3 => self.pass(1),
            4..=6 => self.number().map(drop),
            7 => self.pass(8),
            8 => {
                let length = self.number()?;
                self.pass(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => self.number()?,
                    few => few.into(),
                };
                (0..count).try_for_each(|_| self.element(head & 15, depth))
            }
            11 => {
                let count = self.number()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                (0..count).try_for_each(|_| {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 15, depth)
                })
            }
            STRUCT => {
                let mut id = 0;
                while let Some((field, kind)) = self.field(id)? {
                    id = field;
                    self.skip(kind, depth)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Passes over a value of a list, where a flag is a byte.
    fn element(&mut self, kind: u8, depth: u32) -> Option<()> {
        if kind <= FALSE { self.pass(1) } else { self.skip(kind, depth) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::basic::{GzipLevel, ZstdLevel};
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn gzip() -> Compression {
        Compression::GZIP(GzipLevel::default())
    }

    /// One column of values that have so many bytes in all, half of them null.
    fn written(compression: Compression, version: WriterVersion, dictionary: bool, bytes: usize) -> File {
        let schema = Arc::new(parse_message_type("message rows { OPTIONAL BYTE_ARRAY input; }").unwrap());
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_writer_version(version)
            .set_dictionary_enabled(dictionary)
            .set_data_page_size_limit(16 << 20);
        let file = tempfile::tempfile().unwrap();
        let mut writer =
            SerializedFileWriter::new(file.try_clone().unwrap(), schema, Arc::new(properties.build())).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values: Vec<ByteArray> = (0..100).map(|at| ByteArray::from(vec![at; bytes / 100])).collect();
        let levels: Vec<i16> = (0..200).map(|row| row % 2).collect();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        file
    }

    fn chunk(file: &File) -> ColumnChunkMetaData {
        let reader = SerializedFileReader::new(file.try_clone().unwrap()).unwrap();
        reader.metadata().row_group(0).column(0).clone()
    }

    #[test]
    fn pages_of_every_codec_and_version_hold() {
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            gzip(),
            Compression::ZSTD(ZstdLevel::default()),
            Compression::LZ4,
            Compression::LZ4_RAW,
        ] {
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                for (dictionary, bytes) in [(false, 200_000), (true, 200_000), (false, 0), (true, 100)] {
                    let file = written(compression, version, dictionary, bytes);
                    let came = check(&file, &chunk(&file));
                    assert!(came.is_ok(), "{compression:?} {version:?} {dictionary} {bytes}: {came:?}");
                }
            }
        }
    }

    /// Writes another unpacked size into the header of a file's first page; what looking at it says.
    fn forged(compression: Compression, unpacked: u32) -> String {
        let file = written(compression, WriterVersion::PARQUET_1_0, false, 200_000);
        let chunk = chunk(&file);
        let mut head = [0; 6];
        let start = u64::try_from(chunk.data_page_offset()).unwrap();
        file.read_exact_at(&mut head, start).unwrap();
        // The page's type, its size, and where the next field begins.
        assert_eq!((head[0], head[1], head[2], head[5] < 0x80), (0x15, 0, 0x15, true), "{head:x?}");
        let number = unpacked * 2;
        let bytes = [number as u8 | 0x80, (number >> 7) as u8 | 0x80, (number >> 14) as u8 & 0x7f];
        file.write_all_at(&bytes, start + 3).unwrap();
        check(&file, &chunk).unwrap_err().to_string()
    }

    #[test]
    fn a_page_that_is_larger_than_its_column_or_than_it_says_is_refused() {
        for compression in [Compression::UNCOMPRESSED, Compression::LZ4_RAW, gzip()] {
            let told = forged(compression, 500_000);
            assert!(told.contains("a page of column `input` says that it unpacks to 500000 bytes"), "{told}");
        }
        let told = forged(gzip(), 100_000);
        assert!(told.contains("unpacks to more than it says"), "{told}");
    }

    #[test]
    fn headers_that_are_no_headers_are_refused() {
        // Sizes 10 and 5, then a list of numbers, a map, a text, and a struct in a struct.
        let whole =
            b"\x15\x00\x15\x14\x15\x0a\x19\x25\x02\x04\x1b\x01\x58\x02\x01x\x18\x03abc\x1c\x1c\x15\x02\x00\x00\x00";
        let expected = Page { header: whole.len() as u64, unpacked: 10, packed: 5, levels: 0, is_packed: true };
        assert_eq!(page(whole), Some(expected));
        (0..whole.len()).for_each(|length| assert_eq!(page(&whole[..length]), None, "cut at {length}"));
        assert_eq!(page(b"\x15\x00\x15\x13\x15\x0a\x00"), None, "a size below zero");
        assert_eq!(page(&[0x1c; 1_000]), None, "too deep");
        assert_eq!(page(b"\x19\xf5\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"), None, "a list that is longer than all");
    }
}
