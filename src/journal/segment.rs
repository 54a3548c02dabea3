//! One segment file: its header, the flush batches behind it, and reading them back.
//!
//! Format version 1, little-endian, every part seeded by the segment's random epoch:
//!
//! ```text
//! segment header  at 0 and again at 2048, 72 bytes; batches begin at 4096
//!   0 magic 8 · 8 version u16 · 10 zero u16 · 12 number u32 · 16 bytes u64 · 24 journal u64 · 32 epoch u64
//!   40 first_batch u64 · 48 previous_epoch u64 · 56 previous_end u32 · 60 at u64 · 68 crc u32
//! batch           at a multiple of 512, so no acknowledged sector is written a second time
//!   0 magic u32 · 4 crc u32 · 8 epoch u64 · 16 number u64 · 24 payload u32 · 28 count u32 · 32 digest u32
//!   36 zero u32 · 40 entries
//! ```
//!
//! `digest` is the CRC of the entries' CRCs. Batch numbers run on through all segments; a header says where
//! the segment before it ended, so that a lost last batch shows. A recycled file keeps its old bytes: they
//! carry another epoch. A batch whose magic says `LOST` stands for what `accept_loss` went over.
//!
//! Invariant: a batch is believed only whole: header, every entry, number in sequence.

use super::Seq;
use super::entry::{Head, crc_of, put, take};
use super::storage::StorageFile;
use crate::clock::Timestamp;
use bytes::{Bytes, BytesMut};
use std::io;

/// What the first block of a segment file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u32,
    /// Of the file.
    pub(super) bytes: u64,
    /// The same in all segments of one journal.
    pub(super) journal: u64,
    pub(super) epoch: u64,
    pub(super) first_batch: u64,
    pub(super) previous_epoch: u64,
    pub(super) previous_end: u32,
    pub(super) at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    Damaged,
    Newer(u16),
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut one = [0; 72];
        put(&mut one, 0, &SEGMENT_MAGIC);
        put(&mut one, 8, &VERSION.to_le_bytes());
        put(&mut one, 12, &self.number.to_le_bytes());
        put(&mut one, 16, &self.bytes.to_le_bytes());
        put(&mut one, 24, &self.journal.to_le_bytes());
        put(&mut one, 32, &self.epoch.to_le_bytes());
        put(&mut one, 40, &self.first_batch.to_le_bytes());
        put(&mut one, 48, &self.previous_epoch.to_le_bytes());
        put(&mut one, 56, &self.previous_end.to_le_bytes());
        put(&mut one, 60, &self.at.0.to_le_bytes());
        let crc = crc32fast::hash(one.get(..68).unwrap_or_default());
        put(&mut one, 68, &crc.to_le_bytes());
        let mut block = vec![0; FIRST_BATCH_AT as usize];
        put(&mut block, 0, &one);
        put(&mut block, HEADER_COPY_AT, &one);
        block
    }

    pub(super) fn decode(block: &[u8]) -> Result<Self, HeaderError> {
        Self::decode_one(block).or_else(|error| match error {
            HeaderError::Newer(_) => Err(error),
            HeaderError::Damaged => {
                Self::decode_one(block.get(HEADER_COPY_AT..).unwrap_or_default())
            }
        })
    }

    fn decode_one(bytes: &[u8]) -> Result<Self, HeaderError> {
        Self::parse(bytes).unwrap_or(Err(HeaderError::Damaged))
    }

    fn parse(bytes: &[u8]) -> Option<Result<Self, HeaderError>> {
        if take(bytes, 0)? != SEGMENT_MAGIC {
            return None;
        }
        let version = u16::from_le_bytes(take(bytes, 8)?);
        if version > VERSION {
            return Some(Err(HeaderError::Newer(version)));
        }
        if crc32fast::hash(bytes.get(..68)?) != u32::from_le_bytes(take(bytes, 68)?) {
            return None;
        }
        Some(Ok(Self {
            number: u32::from_le_bytes(take(bytes, 12)?),
            bytes: u64::from_le_bytes(take(bytes, 16)?),
            journal: u64::from_le_bytes(take(bytes, 24)?),
            epoch: u64::from_le_bytes(take(bytes, 32)?),
            first_batch: u64::from_le_bytes(take(bytes, 40)?),
            previous_epoch: u64::from_le_bytes(take(bytes, 48)?),
            previous_end: u32::from_le_bytes(take(bytes, 56)?),
            at: Timestamp(u64::from_le_bytes(take(bytes, 60)?)),
        }))
    }

    pub(super) fn read(file: &impl StorageFile) -> io::Result<Result<Self, HeaderError>> {
        if file.bytes()? < u64::from(FIRST_BATCH_AT) {
            return Ok(Err(HeaderError::Damaged));
        }
        let mut block = vec![0; FIRST_BATCH_AT as usize];
        file.read_at(&mut block, 0)?;
        Ok(Self::decode(&block))
    }
}

/// The CRC seed of everything in a segment of this epoch; where a thing stands is mixed in by `^ offset`.
pub(super) fn seed_of(epoch: u64) -> u32 {
    crc32fast::hash(&epoch.to_le_bytes())
}

/// The head of one flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchHead {
    pub(super) is_lost: bool,
    pub(super) epoch: u64,
    pub(super) number: u64,
    /// Bytes of the entries; of a lost stretch, what remains of it behind this head.
    pub(super) payload: u32,
    /// How many entries; of a lost stretch, how many batches.
    pub(super) count: u32,
    pub(super) digest: u32,
}

impl BatchHead {
    pub(super) fn encode(&self, seed: u32) -> [u8; BATCH_HEAD_BYTES as usize] {
        let mut head = [0; BATCH_HEAD_BYTES as usize];
        put(&mut head, 0, if self.is_lost { &LOST_MAGIC } else { &BATCH_MAGIC });
        put(&mut head, 8, &self.epoch.to_le_bytes());
        put(&mut head, 16, &self.number.to_le_bytes());
        put(&mut head, 24, &self.payload.to_le_bytes());
        put(&mut head, 28, &self.count.to_le_bytes());
        put(&mut head, 32, &self.digest.to_le_bytes());
        let crc = head_crc(&head, seed);
        put(&mut head, 4, &crc.to_le_bytes());
        head
    }

    fn decode(head: &[u8], epoch: u64, seed: u32) -> Option<Self> {
        let magic: [u8; 4] = take(head, 0)?;
        let is_lost = magic == LOST_MAGIC;
        if !is_lost && magic != BATCH_MAGIC || u64::from_le_bytes(take(head, 8)?) != epoch {
            return None;
        }
        if head_crc(head, seed) != u32::from_le_bytes(take(head, 4)?) {
            return None;
        }
        Some(Self {
            is_lost,
            epoch,
            number: u64::from_le_bytes(take(head, 16)?),
            payload: u32::from_le_bytes(take(head, 24)?),
            count: u32::from_le_bytes(take(head, 28)?),
            digest: u32::from_le_bytes(take(head, 32)?),
        })
    }

    /// Where the next batch begins when this one stands at `at`.
    pub(super) const fn end(&self, at: u32) -> u32 {
        align(at.saturating_add(BATCH_HEAD_BYTES).saturating_add(self.payload))
    }

    fn holds(&self, entries: Entries<'_>, seed: u32) -> bool {
        let mut digest = crc32fast::Hasher::new_with_initial(seed);
        let mut count = 0;
        let mut bytes = 0;
        for entry in entries {
            if crc_of(entry.bytes, seed ^ entry.at) != entry.head.crc {
                return false;
            }
            digest.update(&entry.head.crc.to_le_bytes());
            count += 1;
            bytes += entry.bytes.len();
        }
        count == self.count && bytes == self.payload as usize && digest.finalize() == self.digest
    }
}

fn head_crc(head: &[u8], seed: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(head.get(..4).unwrap_or_default());
    hasher.update(head.get(8..BATCH_HEAD_BYTES as usize).unwrap_or_default());
    hasher.finalize()
}

/// The entries of a batch, each with its place in the segment.
#[derive(Clone, Copy)]
pub(super) struct Entries<'b> {
    rest: &'b [u8],
    at: u32,
}

pub(super) struct Placed<'b> {
    pub(super) at: u32,
    pub(super) head: Head,
    pub(super) bytes: &'b [u8],
}

impl<'b> Entries<'b> {
    pub(super) const fn new(payload: &'b [u8], at: u32) -> Self {
        Self { rest: payload, at }
    }
}

impl<'b> Iterator for Entries<'b> {
    type Item = Placed<'b>;

    fn next(&mut self) -> Option<Placed<'b>> {
        let head = Head::parse(self.rest)?;
        let (bytes, rest) = self.rest.split_at_checked(head.len())?;
        let at = self.at;
        self.at = at.checked_add(head.length)?;
        self.rest = rest;
        Some(Placed { at, head, bytes })
    }
}

/// A batch that was read and believed.
pub(super) struct Found {
    pub(super) at: u32,
    pub(super) head: BatchHead,
    pub(super) payload: Bytes,
}

impl Found {
    pub(super) fn entries(&self) -> Entries<'_> {
        Entries::new(&self.payload, self.first_entry())
    }

    pub(super) const fn first_entry(&self) -> u32 {
        self.at + BATCH_HEAD_BYTES
    }
}

/// Reads a segment's batches in order.
pub(super) struct Scanner<F> {
    file: F,
    epoch: u64,
    seed: u32,
    /// Where the next batch is expected.
    at: u32,
    /// Its number.
    number: u64,
    /// Nothing at or behind this is looked at.
    limit: u32,
    window: Bytes,
    window_at: u32,
}

impl<F: StorageFile> Scanner<F> {
    pub(super) fn new(file: F, header: &Header, limit: u32) -> Self {
        Self {
            file,
            epoch: header.epoch,
            seed: seed_of(header.epoch),
            at: FIRST_BATCH_AT,
            number: header.first_batch,
            limit,
            window: Bytes::new(),
            window_at: 0,
        }
    }

    pub(super) fn extend(&mut self, limit: u32) {
        self.limit = self.limit.max(limit);
    }

    /// The batch expected next, or `None` when no valid one stands there.
    pub(super) fn next_batch(&mut self) -> io::Result<Option<Found>> {
        while let Some(head) = self.head_at(self.at)? {
            if head.number != self.number {
                return Ok(None);
            }
            if head.is_lost {
                self.at = head.end(self.at);
                self.number += u64::from(head.count);
                continue;
            }
            let at = self.at;
            let Some(payload) = self.payload_of(&head, at)? else { return Ok(None) };
            self.at = head.end(at);
            self.number += 1;
            return Ok(Some(Found { at, head, payload }));
        }
        Ok(None)
    }

    /// The first valid batch of this epoch behind a place where none stands.
    pub(super) fn later_batch(&mut self) -> io::Result<Option<(u32, BatchHead)>> {
        let mut at = self.at;
        while at < self.limit {
            if let Some(head) = self.head_at(at)?
                && head.number >= self.number
                && (head.is_lost || self.payload_of(&head, at)?.is_some())
            {
                return Ok(Some((at, head)));
            }
            at += SECTOR_BYTES;
        }
        Ok(None)
    }

    /// Goes on at a batch that `later_batch` found.
    pub(super) const fn skip_to(&mut self, at: u32, number: u64) {
        self.at = at;
        self.number = number;
    }

    /// How long the batch that should stand here says it is, if its head can be read.
    pub(super) fn torn_bytes(&mut self) -> io::Result<Option<u32>> {
        let at = self.at;
        let head = self.head_at(at)?.filter(|head| head.number == self.number);
        Ok(head.map(|head| head.end(at).min(self.limit) - at))
    }

    pub(super) const fn at(&self) -> u32 {
        self.at
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn file(&self) -> &F {
        &self.file
    }

    pub(super) fn into_file(self) -> F {
        self.file
    }

    fn head_at(&mut self, at: u32) -> io::Result<Option<BatchHead>> {
        let (epoch, seed) = (self.epoch, self.seed ^ at);
        Ok(self.look(at, BATCH_HEAD_BYTES)?.and_then(|head| BatchHead::decode(head, epoch, seed)))
    }

    fn payload_of(&mut self, head: &BatchHead, at: u32) -> io::Result<Option<Bytes>> {
        let (start, seed) = (at + BATCH_HEAD_BYTES, self.seed);
        let Some(payload) = self.look(start, head.payload)? else { return Ok(None) };
        if !head.holds(Entries::new(payload, start), seed) {
            return Ok(None);
        }
        let from = (start - self.window_at) as usize;
        Ok(Some(self.window.slice(from..from + head.payload as usize)))
    }

    /// `bytes` at `at`, through the window; `None` beyond the limit.
    fn look(&mut self, at: u32, bytes: u32) -> io::Result<Option<&[u8]>> {
        let Some(end) = at.checked_add(bytes).filter(|end| *end <= self.limit) else {
            return Ok(None);
        };
        let window_end = self.window_at as usize + self.window.len();
        if at < self.window_at || end as usize > window_end {
            self.fill(at, end)?;
        }
        let from = (at - self.window_at) as usize;
        Ok(self.window.get(from..from + bytes as usize))
    }

    fn fill(&mut self, at: u32, end: u32) -> io::Result<()> {
        let end = end.max(at.saturating_add(WINDOW_BYTES)).min(self.limit);
        let length = (end - at) as usize;
        // The old window is used again unless somebody still holds a chunk of it.
        let mut window = std::mem::take(&mut self.window)
            .try_into_mut()
            .unwrap_or_else(|_shared| BytesMut::with_capacity(length));
        window.resize(length, 0);
        self.file.read_at(&mut window, u64::from(at))?;
        self.window = window.freeze();
        self.window_at = at;
        Ok(())
    }
}

// A sequence number of this log is a place: number of the segment, offset in it.
impl Seq {
    pub(super) const fn at(segment: u32, offset: u32) -> Self {
        Self((segment as u64) << 32 | offset as u64)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a u64")]
    pub(super) const fn place(self) -> (u32, u32) {
        ((self.0 >> 32) as u32, self.0 as u32)
    }
}

/// Rounds up to a whole sector.
pub(super) const fn align(bytes: u32) -> u32 {
    bytes.saturating_add(SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES
}

pub(super) fn file_name(number: u32) -> String {
    format!("{number:010}.log")
}

pub(super) fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 10)?;
    digits.parse().ok().filter(|number| *number > 0)
}

pub(super) const FIRST_BATCH_AT: u32 = 4096;
pub(super) const PAGE_BYTES: u32 = 4096;
pub(super) const SECTOR_BYTES: u32 = 512;
pub(super) const BATCH_HEAD_BYTES: u32 = 40;
const HEADER_COPY_AT: usize = 2048;
const WINDOW_BYTES: u32 = 1 << 20;
const VERSION: u16 = 1;
const SEGMENT_MAGIC: [u8; 8] = *b"LTSEGMNT";
const BATCH_MAGIC: [u8; 4] = *b"LTBA";
const LOST_MAGIC: [u8; 4] = *b"LOST";
