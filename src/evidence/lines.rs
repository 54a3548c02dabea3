//! Reads a file of lines within bounded memory, whatever is in the file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// A longer line is skipped and told as `Raw::TooLong`.
pub(super) const LINE_BYTES_MAX: usize = super::RECORD_BYTES_MAX + 4096;

pub(super) struct Lines {
    reader: BufReader<io::Take<File>>,
    line: Vec<u8>,
    /// Of the line last returned, from 1.
    number: u64,
    /// Behind the last line feed.
    at: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    Line(&'a [u8]),
    TooLong,
    /// The file ends without a line feed; so many bytes follow the last one.
    Torn(u64),
}

impl Lines {
    /// Reads `bytes_max` bytes at most.
    pub(super) fn new(file: File, bytes_max: u64) -> Self {
        let reader = BufReader::with_capacity(BUFFER_BYTES, file.take(bytes_max));
        Self { reader, line: Vec::new(), number: 0, at: 0 }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Raw<'_>>> {
        self.line.clear();
        let mut length = 0;
        loop {
            let piece = match self.reader.fill_buf() {
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let found = memchr::memchr(b'\n', piece);
            let used = found.unwrap_or(piece.len());
            let room = LINE_BYTES_MAX - self.line.len();
            self.line.extend_from_slice(piece.get(..used.min(room)).unwrap_or_default());
            length += used as u64;
            let is_end = piece.is_empty();
            self.reader.consume(used + usize::from(found.is_some()));
            if found.is_some() {
                break;
            }
            if is_end && length == 0 {
                return Ok(None);
            }
            if is_end {
                self.number += 1;
                return Ok(Some(Raw::Torn(length)));
            }
        }
        self.number += 1;
        self.at += length + 1;
        let is_whole = length == self.line.len() as u64;
        Ok(Some(if is_whole { Raw::Line(&self.line) } else { Raw::TooLong }))
    }
}

const BUFFER_BYTES: usize = 64 << 10;
