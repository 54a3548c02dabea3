//! The index of one sealed segment, `<number>.idx`: which of its facts name which DocId or order key.
//!
//! ```text
//! 0 magic 8 · 8 version u16 · 10 probes u16 · 12 number u32 · 16 epoch u64 · 24 last_at u64 · 32 last u32
//! 36 docs u32 · 40 keys u32 · 44 filter bytes u32 · 48 crc u32 (of the head and the filter)
//! 4096 filter, then from the next multiple of 4096 on blocks of docs, blocks of keys
//! block, 4096 bytes: 0 crc u32 · 4 count u16 · 6 zero u16 · 8 records, sorted
//! record: key (16 bytes of a DocId, 8 of an order key) · platform u32 · offset in the segment u32
//! ```
//!
//! It refers to the facts in the segment instead of repeating them: one `Accepted` stands under each of its
//! recipients. Only a `Summary` stays in memory, at most `FILTER_BYTES_MAX` per segment, so that a look-up
//! over hundreds of segments reads few of them. An index can always be built again from its segment.

use super::Seq;
use super::entry::{Content, Entry, Head, kind, put, take};
use super::segment::{Header, Scanner, seed_of};
use super::storage::{Storage, StorageFile};
use crate::clock::Timestamp;
use crate::domain::fact::{Fact, ID_BYTES, PlatformId};
use crate::journal::{Lookup, order_key, order_key_of};
use std::io;

/// What memory keeps of an index.
#[derive(Debug)]
pub(super) struct Summary {
    /// The newest entry's moment.
    pub(super) last_at: Timestamp,
    /// Offset of the last entry.
    pub(super) last: u32,
    pub(super) bytes: u64,
    seed: u32,
    docs: u32,
    keys: u32,
    probes: u16,
    filter: Box<[u8]>,
}

impl Summary {
    /// The index of this segment, if it is whole.
    pub(super) fn load<S: Storage>(storage: &S, header: &Header) -> io::Result<Option<Self>> {
        let file = match storage.open(&file_name(header.number)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = file.bytes()?;
        let mut head = [0; HEAD_BYTES];
        if bytes < BLOCK_BYTES as u64 {
            return Ok(None);
        }
        file.read_at(&mut head, 0)?;
        let Some((mut summary, filter_bytes, crc)) = Self::parse(&head, header, bytes) else {
            return Ok(None);
        };
        let mut filter = vec![0; filter_bytes];
        file.read_at(&mut filter, BLOCK_BYTES as u64)?;
        if crc_of(&head, &filter) != crc {
            return Ok(None);
        }
        summary.filter = filter.into();
        Ok((summary.file_bytes() == bytes).then_some(summary))
    }

    fn parse(head: &[u8], header: &Header, bytes: u64) -> Option<(Self, usize, u32)> {
        let is_ours = take(head, 0)? == MAGIC
            && u16::from_le_bytes(take(head, 8)?) == VERSION
            && u32::from_le_bytes(take(head, 12)?) == header.number
            && u64::from_le_bytes(take(head, 16)?) == header.epoch;
        let summary = Self {
            last_at: Timestamp(u64::from_le_bytes(take(head, 24)?)),
            last: u32::from_le_bytes(take(head, 32)?),
            bytes,
            seed: seed_of(header.epoch),
            docs: u32::from_le_bytes(take(head, 36)?),
            keys: u32::from_le_bytes(take(head, 40)?),
            probes: u16::from_le_bytes(take(head, 10)?),
            filter: Box::default(),
        };
        let filter_bytes = u32::from_le_bytes(take(head, 44)?) as usize;
        let crc = u32::from_le_bytes(take(head, 48)?);
        let is_sane = filter_bytes <= FILTER_BYTES_MAX && summary.probes <= PROBES_MAX;
        (is_ours && is_sane).then_some((summary, filter_bytes, crc))
    }

    /// Reads the segment and writes its index.
    pub(super) fn build<S: Storage>(
        storage: &S,
        header: &Header,
        segment: S::File,
    ) -> io::Result<Self> {
        let mut gathered = Gathered::default();
        gathered.read(&mut Scanner::new(segment, header, limit_of(header)))?;
        Self::write(storage, header, gathered)
    }

    /// Writes an index: a temporary file first, then under its name.
    pub(super) fn write<S: Storage>(
        storage: &S,
        header: &Header,
        gathered: Gathered,
    ) -> io::Result<Self> {
        let (summary, bytes) = gathered.encode(header);
        let temporary = format!("{:010}.idx.tmp", header.number);
        let file = storage.create(&temporary)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        storage.rename(&temporary, &file_name(header.number))?;
        storage.sync_names()?;
        Ok(summary)
    }

    /// False when no fact here can answer.
    pub(super) fn may_hold(&self, what: Lookup) -> bool {
        let bits = self.filter.len() * 8;
        probes(what, self.probes, bits)
            .all(|bit| self.filter.get(bit / 8).is_some_and(|byte| byte & (1 << (bit % 8)) != 0))
    }

    /// Offsets of the facts that answer, in order. `InvalidData` when the index is damaged.
    pub(super) fn look(
        &self,
        file: &impl StorageFile,
        platform: Option<PlatformId>,
        what: Lookup,
    ) -> io::Result<Vec<u32>> {
        let (key, table) = match what {
            Lookup::Doc(doc) => (doc.0, self.docs_table()),
            Lookup::Key(key) => (u128::from(key), self.keys_table()),
        };
        // The first block that may hold the key is the last one that begins before it.
        let (mut low, mut high) = (0, table.blocks());
        while low < high {
            let middle = low + (high - low) / 2;
            let block = table.block(file, middle, self.seed)?;
            if block.first().is_some_and(|first| first.key < key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut offsets = Vec::new();
        for index in low.saturating_sub(1)..table.blocks() {
            let block = table.block(file, index, self.seed)?;
            let is_past = block.last().is_none_or(|last| last.key > key);
            let wanted = |record: &&Record| {
                record.key == key && platform.is_none_or(|platform| platform.0 == record.platform)
            };
            offsets.extend(block.iter().filter(wanted).map(|record| record.offset));
            if is_past {
                break;
            }
        }
        offsets.sort_unstable();
        offsets.dedup();
        Ok(offsets)
    }

    pub(super) const fn last_seq(&self, number: u32) -> Seq {
        Seq::at(number, self.last)
    }

    fn file_bytes(&self) -> u64 {
        self.keys_table().at + self.keys_table().blocks() as u64 * BLOCK_BYTES as u64
    }

    const fn docs_table(&self) -> Table {
        let at = (BLOCK_BYTES + self.filter.len().next_multiple_of(BLOCK_BYTES)) as u64;
        Table { at, count: self.docs as usize, key_bytes: 16 }
    }

    const fn keys_table(&self) -> Table {
        let docs = self.docs_table();
        let at = docs.at + (docs.blocks() * BLOCK_BYTES) as u64;
        Table { at, count: self.keys as usize, key_bytes: 8 }
    }
}

/// Which batches of a sealed segment may be looked at.
pub(super) fn limit_of(header: &Header) -> u32 {
    u32::try_from(header.bytes).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    key: u128,
    platform: u32,
    offset: u32,
}

#[derive(Clone, Copy, Debug)]
struct Table {
    at: u64,
    count: usize,
    key_bytes: usize,
}

impl Table {
    const fn per_block(self) -> usize {
        (BLOCK_BYTES - 8) / (self.key_bytes + 8)
    }

    const fn blocks(self) -> usize {
        self.count.div_ceil(self.per_block())
    }

    fn block(self, file: &impl StorageFile, index: usize, seed: u32) -> io::Result<Vec<Record>> {
        let at = self.at + (index * BLOCK_BYTES) as u64;
        let mut bytes = [0; BLOCK_BYTES];
        file.read_at(&mut bytes, at)?;
        self.decode(&bytes, seed ^ low(at)).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn decode(self, bytes: &[u8], seed: u32) -> Option<Vec<Record>> {
        if block_crc(bytes, seed) != u32::from_le_bytes(take(bytes, 0)?) {
            return None;
        }
        let count = usize::from(u16::from_le_bytes(take(bytes, 4)?));
        let records = bytes.get(8..)?.chunks_exact(self.key_bytes + 8).take(count);
        records.map(|record| self.record(record)).collect()
    }

    fn record(self, bytes: &[u8]) -> Option<Record> {
        let mut key = [0; 16];
        put(&mut key, 0, bytes.get(..self.key_bytes)?);
        Some(Record {
            key: u128::from_le_bytes(key),
            platform: u32::from_le_bytes(take(bytes, self.key_bytes)?),
            offset: u32::from_le_bytes(take(bytes, self.key_bytes + 4)?),
        })
    }

    fn encode(self, records: &[Record], seed: u32, into: &mut Vec<u8>) {
        for chunk in records.chunks(self.per_block()) {
            let at = into.len();
            let mut block = [0; BLOCK_BYTES];
            put(&mut block, 4, &u16::try_from(chunk.len()).unwrap_or(0).to_le_bytes());
            for (index, record) in chunk.iter().enumerate() {
                let place = 8 + index * (self.key_bytes + 8);
                let key = record.key.to_le_bytes();
                put(&mut block, place, key.get(..self.key_bytes).unwrap_or_default());
                put(&mut block, place + self.key_bytes, &record.platform.to_le_bytes());
                put(&mut block, place + self.key_bytes + 4, &record.offset.to_le_bytes());
            }
            let crc = block_crc(&block, seed ^ low(at as u64));
            put(&mut block, 0, &crc.to_le_bytes());
            into.extend_from_slice(&block);
        }
    }
}

/// Everything an index is made of, in memory while it is built: by the writer as it writes, or from a segment.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    docs: Vec<Record>,
    keys: Vec<Record>,
    last_at: Timestamp,
    last: u32,
}

impl Gathered {
    fn read<F: StorageFile>(&mut self, scanner: &mut Scanner<F>) -> io::Result<()> {
        loop {
            while let Some(found) = scanner.next_batch()? {
                for entry in found.entries() {
                    self.add(&entry.head, entry.at, entry.bytes);
                }
            }
            // A stretch that rotted after the seal must not hide what stands behind it.
            let Some((at, head)) = scanner.later_batch()? else { return Ok(()) };
            scanner.skip_to(at, head.number);
        }
    }

    /// As much room as the last segment took.
    pub(super) fn like(last: &Self) -> Self {
        Self {
            docs: Vec::with_capacity(last.docs.len()),
            keys: Vec::with_capacity(last.keys.len()),
            ..Self::default()
        }
    }

    /// An entry as the writer has it, at this offset of its segment.
    pub(super) fn add_entry(&mut self, entry: &Entry, offset: u32) {
        self.note(offset, entry.at);
        keys_of_entry(entry, |what| self.found(what, entry.platform.0, offset));
    }

    /// The entry with this head, at this offset of its segment; `bytes` are the whole of it.
    fn add(&mut self, head: &Head, offset: u32, bytes: &[u8]) {
        self.note(offset, head.at);
        let payload = bytes.get(super::entry::HEAD_BYTES..).unwrap_or_default();
        keys_of(head.kind, payload, |what| self.found(what, head.platform.0, offset));
    }

    fn note(&mut self, offset: u32, at: Timestamp) {
        self.last = offset;
        self.last_at = self.last_at.max(at);
    }

    fn found(&mut self, what: Lookup, platform: u32, offset: u32) {
        match what {
            Lookup::Doc(doc) => self.docs.push(Record { key: doc.0, platform, offset }),
            Lookup::Key(key) => self.keys.push(Record { key: key.into(), platform, offset }),
        }
    }

    fn encode(mut self, header: &Header) -> (Summary, Vec<u8>) {
        // By key alone: one comparison without a branch. Whoever looks a key up sorts the few offsets.
        self.docs.sort_unstable_by_key(|record| record.key);
        self.docs.dedup();
        self.keys.sort_unstable_by_key(|record| record.key);
        let filter = self.filter();
        let mut summary = Summary {
            last_at: self.last_at,
            last: self.last,
            bytes: 0,
            seed: seed_of(header.epoch),
            docs: u32::try_from(self.docs.len()).unwrap_or(u32::MAX),
            keys: u32::try_from(self.keys.len()).unwrap_or(u32::MAX),
            probes: self.probes(filter.len()),
            filter,
        };
        summary.bytes = summary.file_bytes();
        let mut head = [0; HEAD_BYTES];
        put(&mut head, 0, &MAGIC);
        put(&mut head, 8, &VERSION.to_le_bytes());
        put(&mut head, 10, &summary.probes.to_le_bytes());
        put(&mut head, 12, &header.number.to_le_bytes());
        put(&mut head, 16, &header.epoch.to_le_bytes());
        put(&mut head, 24, &summary.last_at.0.to_le_bytes());
        put(&mut head, 32, &summary.last.to_le_bytes());
        put(&mut head, 36, &summary.docs.to_le_bytes());
        put(&mut head, 40, &summary.keys.to_le_bytes());
        let filter_bytes = u32::try_from(summary.filter.len()).unwrap_or(0);
        put(&mut head, 44, &filter_bytes.to_le_bytes());
        let crc = crc_of(&head, &summary.filter);
        put(&mut head, 48, &crc.to_le_bytes());
        let mut bytes = Vec::from(head);
        bytes.resize(BLOCK_BYTES, 0);
        bytes.extend_from_slice(&summary.filter);
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
        summary.docs_table().encode(&self.docs, summary.seed, &mut bytes);
        summary.keys_table().encode(&self.keys, summary.seed, &mut bytes);
        (summary, bytes)
    }

    fn filter(&self) -> Box<[u8]> {
        let bits = (self.docs.len() + self.keys.len()) * FILTER_BITS_PER_KEY;
        let bytes = (bits / 8).clamp(64, FILTER_BYTES_MAX).next_power_of_two();
        let mut filter = vec![0_u8; bytes];
        let count = self.probes(bytes);
        let docs =
            self.docs.iter().map(|record| Lookup::Doc(crate::domain::envelope::DocId(record.key)));
        let keys = self.keys.iter().map(|record| Lookup::Key(low64(record.key)));
        for what in docs.chain(keys) {
            for bit in probes(what, count, bytes * 8) {
                if let Some(byte) = filter.get_mut(bit / 8) {
                    *byte |= 1 << (bit % 8);
                }
            }
        }
        filter.into()
    }

    // ln 2 · bits per key gives the fewest false answers; a filter at its limit wants fewer probes.
    fn probes(&self, filter_bytes: usize) -> u16 {
        let keys = (self.docs.len() + self.keys.len()).max(1);
        let best = filter_bytes * 8 * 7 / 10 / keys;
        u16::try_from(best).unwrap_or(PROBES_MAX).clamp(1, PROBES_MAX)
    }
}

fn probes(what: Lookup, count: u16, bits: usize) -> impl Iterator<Item = usize> {
    let (mixed, salt) = match what {
        Lookup::Doc(doc) => (low64(doc.0) ^ low64(doc.0 >> 64).rotate_left(29), 1),
        Lookup::Key(key) => (key, 2),
    };
    let hash = (mixed ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let step = (hash >> 32 | 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mask = bits.saturating_sub(1) as u64;
    (0..u64::from(count)).map(move |turn| {
        let probe = hash.wrapping_add(turn.wrapping_mul(step)) >> 20 & mask;
        usize::try_from(probe).unwrap_or(0)
    })
}

/// What an entry can be found by.
pub(super) fn keys_of_entry(entry: &Entry, mut found: impl FnMut(Lookup)) {
    let Content::Fact(fact) = &entry.content else { return };
    let mut doc = |id: &[u8]| {
        if let Some(id) = crate::domain::envelope::DocId::from_slice(id) {
            found(Lookup::Doc(id));
        }
    };
    match fact {
        Fact::Accepted(fact) => {
            doc(&fact.doc_id.to_bytes());
            fact.recipients.iter().for_each(|to| doc(&to.doc_id.to_bytes()));
            found(Lookup::Key(order_key_of(fact)));
            fact.replaced_keys().for_each(|key| found(Lookup::Key(key)));
        }
        Fact::HandedOn(fact) => fact.receivers.iter().for_each(|receiver| doc(receiver)),
        Fact::Attempted(fact) => doc(&fact.receiver),
        Fact::Confirmed(fact) => fact.receivers().for_each(|id| doc(&id.to_bytes())),
        Fact::Expired(fact) => doc(&fact.receiver),
        Fact::Progressed(fact) => {
            doc(&fact.doc_id);
            doc(&fact.receiver);
        }
        Fact::AgencyRegistered(_)
        | Fact::AgencyRemoved(_)
        | Fact::AgencyLocked(_)
        | Fact::ServiceChanged(_) => {}
    }
}

/// What a fact can be found by, read from its bytes without making the fact.
pub(super) fn keys_of(kind: u8, payload: &[u8], mut found: impl FnMut(Lookup)) {
    let mut doc = |id: &[u8]| {
        if let Some(id) = crate::domain::envelope::DocId::from_slice(id) {
            found(Lookup::Doc(id));
        }
    };
    match kind {
        kind::ACCEPTED => {
            let [mut from, mut id, mut answered_from, mut answered_id] = [""; 4];
            for (tag, value) in Fields(payload) {
                match tag {
                    1 => doc(value),
                    6 => from = text(value),
                    7 => id = text(value),
                    9 => answered_from = text(value),
                    10 => answered_id = text(value),
                    12 => Fields(value).filter(|(tag, _)| *tag == 2).for_each(|(_, id)| doc(id)),
                    _ => {}
                }
            }
            let key = if answered_id.is_empty() {
                order_key(from, id)
            } else {
                order_key(answered_from, answered_id)
            };
            found(Lookup::Key(key));
            Fields(payload)
                .filter(|(tag, _)| *tag == 29)
                .for_each(|(_, replaced)| found(Lookup::Key(order_key(from, text(replaced)))));
        }
        kind::HANDED_ON | kind::ATTEMPTED => {
            Fields(payload).filter(|(tag, _)| *tag == 2).for_each(|(_, id)| doc(id));
        }
        kind::CONFIRMED => Fields(payload)
            .filter(|(tag, _)| *tag == 1)
            .for_each(|(_, ids)| ids.chunks_exact(ID_BYTES).for_each(&mut doc)),
        kind::EXPIRED => {
            Fields(payload).filter(|(tag, _)| *tag == 1).for_each(|(_, id)| doc(id));
        }
        kind::PROGRESSED => {
            Fields(payload).filter(|(tag, _)| matches!(tag, 3 | 4)).for_each(|(_, id)| doc(id));
        }
        _ => {}
    }
}

fn text(value: &[u8]) -> &str {
    std::str::from_utf8(value).unwrap_or_default()
}

/// The length-delimited fields of a protobuf message; others are passed over.
struct Fields<'b>(&'b [u8]);

impl<'b> Iterator for Fields<'b> {
    type Item = (u64, &'b [u8]);

    fn next(&mut self) -> Option<(u64, &'b [u8])> {
        loop {
            let key = self.varint()?;
            match key & 7 {
                0 => drop(self.varint()?),
                1 => drop(self.take(8)?),
                2 => {
                    let length = usize::try_from(self.varint()?).ok()?;
                    return Some((key >> 3, self.take(length)?));
                }
                5 => drop(self.take(4)?),
                _ => return None,
            }
        }
    }
}

impl<'b> Fields<'b> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

fn crc_of(head: &[u8], filter: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head.get(..48).unwrap_or_default());
    hasher.update(filter);
    hasher.finalize()
}

fn block_crc(block: &[u8], seed: u32) -> u32 {
    super::entry::crc_of(block, seed)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
const fn low(at: u64) -> u32 {
    at as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
const fn low64(key: u128) -> u64 {
    key as u64
}

pub(super) fn file_name(number: u32) -> String {
    format!("{number:010}.idx")
}

pub(super) fn number_of(name: &str) -> Option<u32> {
    name.strip_suffix(".idx")?.parse().ok()
}

const HEAD_BYTES: usize = 52;
const BLOCK_BYTES: usize = 4096;
const FILTER_BYTES_MAX: usize = 16 << 10;
const FILTER_BITS_PER_KEY: usize = 10;
const PROBES_MAX: u16 = 6;
const VERSION: u16 = 1;
const MAGIC: [u8; 8] = *b"LTINDEX1";
