//! The objects of a file, one after the other: parsed from memory, since byte by byte out of a reader takes ten times as long.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use serde_json::Deserializer;

use super::line::Line;

/// Bytes that are read at once, at least, where an object has more than one line.
const CHUNK: usize = 1 << 16;
/// Largest object: a block with all of its frames has a fifth of that.
const OBJECT_BYTES: usize = 512 << 20;

/// What can't be read on, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// `:LINE:COLUMN`; empty where that is not known.
    pub(super) place: String,
    pub(super) what: String,
}

/// Counts what is read of a file.
struct Counted {
    file: File,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The objects of a file, gzipped or not.
pub(super) struct Objects {
    reader: Box<dyn BufRead + Send>,
    /// What was read and not yet parsed, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    is_at_end: bool,
    /// Most bytes of an object.
    at_most: usize,
    /// Where `start` stands in the file, both from 0.
    line: usize,
    column: usize,
}

impl Objects {
    /// Opens a file; `read_bytes` counts what is read of it.
    pub(super) fn open(path: &Path, read_bytes: Arc<AtomicU64>) -> std::io::Result<Self> {
        let mut file = BufReader::with_capacity(CHUNK, Counted { file: File::open(path)?, read_bytes });
        // By what it holds, not by its name: gzip starts with these two bytes, JSON never does.
        let is_gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        Ok(Self::of(match is_gzip {
            true => Box::new(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(file))),
            false => Box::new(file),
        }))
    }

    fn of(reader: Box<dyn BufRead + Send>) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, is_at_end: false, at_most: OBJECT_BYTES, line: 0, column: 0 }
    }

    /// The next object; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Unreadable> {
        // One line is one object in nearly all recordings.
        let mut is_first = true;
        loop {
            self.pass(self.buffer[self.start..].iter().take_while(|byte| byte.is_ascii_whitespace()).count());
            let left = &self.buffer[self.start..];
            if !left.is_empty() {
                let mut objects = Deserializer::from_slice(left).into_iter();
                match objects.next() {
                    Some(Ok(object)) => {
                        let parsed = objects.byte_offset();
                        self.pass(parsed);
                        return Ok(Some(object));
                    }
                    Some(Err(error)) if !error.is_eof() || self.is_at_end => return Err(self.unreadable(&error)),
                    _ => {}
                }
            }
            if self.is_at_end {
                return Ok(None);
            }
            let read = self.fill(is_first);
            read.map_err(|error| Unreadable { place: String::new(), what: format!("it can't be read: {error}") })?;
            is_first = self.start == self.buffer.len();
        }
    }

    /// Reads on: a line, or where an object goes on, as much again as there is of it, so that it is parsed anew but a few times.
    fn fill(&mut self, a_line: bool) -> std::io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let room = (self.at_most + 1).saturating_sub(self.buffer.len()) as u64;
        let read = match a_line {
            true => self.reader.by_ref().take(room).read_until(b'\n', &mut self.buffer)?,
            false => {
                let more = CHUNK.max(self.buffer.len()) as u64;
                self.reader.by_ref().take(more.min(room)).read_to_end(&mut self.buffer)?
            }
        };
        if self.buffer.len() > self.at_most {
            let what = format!("an object has more than {} bytes", self.at_most);
            return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, what));
        }
        self.is_at_end = read == 0;
        Ok(())
    }

    /// Leaves bytes behind.
    fn pass(&mut self, bytes: usize) {
        let passed = &self.buffer[self.start..self.start + bytes];
        match passed.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => {
                self.line += passed[..=last].iter().filter(|byte| **byte == b'\n').count();
                self.column = bytes - last - 1;
            }
            None => self.column += bytes,
        }
        self.start += bytes;
    }

    fn unreadable(&self, error: &serde_json::Error) -> Unreadable {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let what = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
        let column = if line <= 1 { self.column + column } else { column };
        Unreadable { place: format!(":{}:{column}", self.line + line.max(1)), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many objects a text has, or what is wrong with it. The reader gives a few bytes at a time.
    fn count(text: &[u8]) -> Result<usize, Unreadable> {
        let text = text.to_vec();
        let mut objects = Objects::of(Box::new(BufReader::with_capacity(7, std::io::Cursor::new(text))));
        let mut count = 0;
        while objects.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn objects_come_in_lines_spread_over_lines_or_beside_each_other() {
        for (text, objects) in [
            ("", 0),
            (" \n\r\n ", 0),
            ("{\"at_ms\":1}\n{\"at_ms\":2}\n", 2),
            ("{\"at_ms\":1}\r\n{\"at_ms\":2}", 2),
            ("{\"at_ms\":1}{\"at_ms\":2} {\"at_ms\":3}", 3),
            ("{\n  \"at_ms\": 1\n}\n{\n  \"at_ms\": 2\n}", 2),
            ("{\"note\":\"a } and a { and \\\"\",\n\"at_ms\":1}", 1),
        ] {
            assert_eq!(count(text.as_bytes()), Ok(objects), "{text:?}");
        }
        let long = format!("{{\"at_ms\":1,\n\"note\":\"{}\"}}\n{{\"at_ms\":2}}", "x".repeat(300_000));
        assert_eq!(count(long.as_bytes()), Ok(2));
    }

    /// As a small gzip unpacks to.
    #[test]
    fn an_object_that_never_ends_fills_no_memory() {
        for text in ["\"", "{\"note\":\"", "[\n[\n"] {
            let endless = std::io::repeat(b'x').take(1 << 40);
            let reader = BufReader::new(std::io::Cursor::new(text.as_bytes()).chain(endless));
            let mut objects = Objects { at_most: 1 << 20, ..Objects::of(Box::new(reader)) };
            let refused = objects.next().unwrap_err();
            assert!(refused.what.contains("more than 1048576 bytes") || !text.contains('"'), "{refused:?}");
            assert!(objects.buffer.len() <= (1 << 20) + 1);
        }
    }

    #[test]
    fn what_is_wrong_is_reported_at_its_place_in_the_file() {
        for (text, place, what) in [
            ("{\"at_ms\":1}\n{\"at_ms\":", ":2:9", "EOF while parsing a value"),
            ("{\"at_ms\":1}\n\n  {\"at_ms\":x}", ":3:12", "expected value"),
            ("{\"at_ms\":1} {\"at_ms\":x}", ":1:22", "expected value"),
            ("{\n\"at_ms\":1\n}\n{\n\"at_ms\":\"a\"\n}", ":5:11", "invalid type: string \"a\", expected u64"),
            ("{\"at_ms\":1}\n7", ":2:1", "invalid type: integer `7`, expected struct Line"),
        ] {
            let Unreadable { place: found_place, what: found } = count(text.as_bytes()).unwrap_err();
            assert_eq!((found_place.as_str(), found.as_str()), (place, what), "{text:?}");
        }
    }
}
