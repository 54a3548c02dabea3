//! One entry of the journal: a fact or a chunk of a body, with its id and its platform; and its bytes. Pure.
//!
//! Format version 1, little-endian:
//!
//! ```text
//! 0 crc u32 · 4 length u32 · 8 back u32 · 12 platform u32 · 16 version u8 · 17 kind u8 · 18 zero u16
//! 20 at u64 · 28 id u128 · 44 payload
//! ```
//!
//! `length` is the whole entry. `back` is the distance to the entry before it in the same append, 0 for
//! the first. `crc` covers everything after itself and is seeded by where the entry stands, so that bytes
//! found elsewhere are never taken for it. The payload of a fact is its protobuf message.

use crate::clock::Timestamp;
use crate::domain::fact::{Accepted, Fact, PlatformId, Record};
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;

/// One durable thing. `id` makes a repeated append recognisable after `Unknown`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: u128,
    pub platform: PlatformId,
    pub at: Timestamp,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Fact(Fact),
    /// At most `chunk_bytes_max` of a body.
    Chunk(Bytes),
}

/// These bytes are no entry that this release can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("the entry is damaged")]
    Damaged,
    #[error("entry version {0} is newer than this release")]
    UnknownVersion(u8),
    #[error("entry kind {0} is unknown to this release")]
    UnknownKind(u8),
}

impl Entry {
    pub fn encoded_len(&self) -> usize {
        HEAD_BYTES + self.content.payload_len()
    }

    /// Appends the entry and returns its CRC.
    pub fn encode(&self, back: u32, seed: u32, into: &mut Vec<u8>) -> u32 {
        let start = into.len();
        let mut head = [0; HEAD_BYTES];
        put(&mut head, 8, &back.to_le_bytes());
        put(&mut head, 12, &self.platform.0.to_le_bytes());
        put(&mut head, 16, &[VERSION, self.content.kind()]);
        put(&mut head, 20, &self.at.0.to_le_bytes());
        put(&mut head, 28, &self.id.to_le_bytes());
        into.extend_from_slice(&head);
        self.content.encode(into);
        let Some(bytes) = into.get_mut(start..) else { return 0 };
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        put(bytes, 4, &length.to_le_bytes());
        let crc = crc_of(bytes, seed);
        put(bytes, 0, &crc.to_le_bytes());
        crc
    }

    /// The entry at the start of `bytes`. A chunk shares `bytes`; a fact keeps only its own.
    pub fn decode(bytes: &Bytes, seed: u32) -> Result<Self, EntryError> {
        let head = Head::check(bytes, seed)?;
        head.decode(bytes)
    }
}

/// The fixed part of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub crc: u32,
    /// Of the whole entry.
    pub length: u32,
    pub back: u32,
    pub platform: PlatformId,
    pub version: u8,
    pub kind: u8,
    pub at: Timestamp,
    pub id: u128,
}

impl Head {
    /// The head at the start of `bytes`, not yet believed.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head = Self {
            crc: u32::from_le_bytes(take(bytes, 0)?),
            length: u32::from_le_bytes(take(bytes, 4)?),
            back: u32::from_le_bytes(take(bytes, 8)?),
            platform: PlatformId(u32::from_le_bytes(take(bytes, 12)?)),
            version: *bytes.get(16)?,
            kind: *bytes.get(17)?,
            at: Timestamp(u64::from_le_bytes(take(bytes, 20)?)),
            id: u128::from_le_bytes(take(bytes, 28)?),
        };
        (head.len() >= HEAD_BYTES).then_some(head)
    }

    /// The head of the entry at the start of `bytes`, whose CRC holds.
    pub fn check(bytes: &[u8], seed: u32) -> Result<Self, EntryError> {
        let head = Self::parse(bytes).ok_or(EntryError::Damaged)?;
        let whole = bytes.get(..head.len()).ok_or(EntryError::Damaged)?;
        if crc_of(whole, seed) == head.crc { Ok(head) } else { Err(EntryError::Damaged) }
    }

    /// The rest of an entry whose CRC was checked.
    pub fn decode(&self, bytes: &Bytes) -> Result<Entry, EntryError> {
        if self.version != VERSION {
            return Err(EntryError::UnknownVersion(self.version));
        }
        if bytes.len() < self.len() {
            return Err(EntryError::Damaged);
        }
        let payload = bytes.slice(HEAD_BYTES..self.len());
        let content = Content::decode(self.kind, payload)?;
        Ok(Entry { id: self.id, platform: self.platform, at: self.at, content })
    }

    pub const fn len(&self) -> usize {
        self.length as usize
    }

    pub const fn is_empty(&self) -> bool {
        self.len() == HEAD_BYTES
    }
}

impl Content {
    pub const fn is_chunk(&self) -> bool {
        matches!(self, Self::Chunk(_))
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Chunk(_) => kind::CHUNK,
            Self::Fact(Fact::Accepted(_)) => kind::ACCEPTED,
            Self::Fact(Fact::HandedOn(_)) => kind::HANDED_ON,
            Self::Fact(Fact::Attempted(_)) => kind::ATTEMPTED,
            Self::Fact(Fact::Confirmed(_)) => kind::CONFIRMED,
            Self::Fact(Fact::Progressed(_)) => kind::PROGRESSED,
            Self::Fact(Fact::Expired(_)) => kind::EXPIRED,
            Self::Fact(Fact::AgencyRegistered(_)) => kind::AGENCY_REGISTERED,
            Self::Fact(Fact::AgencyRemoved(_)) => kind::AGENCY_REMOVED,
            Self::Fact(Fact::AgencyLocked(_)) => kind::AGENCY_LOCKED,
            Self::Fact(Fact::ServiceChanged(_)) => kind::SERVICE_CHANGED,
        }
    }

    fn payload_len(&self) -> usize {
        match self {
            Self::Chunk(bytes) => bytes.len(),
            Self::Fact(Fact::Accepted(fact)) => fact.encoded_len(),
            Self::Fact(Fact::HandedOn(fact)) => fact.encoded_len(),
            Self::Fact(Fact::Attempted(fact)) => fact.encoded_len(),
            Self::Fact(Fact::Confirmed(fact)) => fact.encoded_len(),
            Self::Fact(Fact::Progressed(fact)) => fact.encoded_len(),
            Self::Fact(Fact::Expired(fact)) => fact.encoded_len(),
            Self::Fact(Fact::AgencyRegistered(fact)) => fact.encoded_len(),
            Self::Fact(Fact::AgencyRemoved(fact)) => fact.encoded_len(),
            Self::Fact(Fact::AgencyLocked(fact)) => fact.encoded_len(),
            Self::Fact(Fact::ServiceChanged(fact)) => fact.encoded_len(),
        }
    }

    // `encode_raw` and not `encode`: a Vec grows, so nobody needs the length again.
    fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Self::Chunk(bytes) => into.extend_from_slice(bytes),
            Self::Fact(Fact::Accepted(fact)) => fact.encode(into),
            Self::Fact(Fact::HandedOn(fact)) => fact.encode_raw(into),
            Self::Fact(Fact::Attempted(fact)) => fact.encode_raw(into),
            Self::Fact(Fact::Confirmed(fact)) => fact.encode_raw(into),
            Self::Fact(Fact::Progressed(fact)) => fact.encode_raw(into),
            Self::Fact(Fact::Expired(fact)) => fact.encode_raw(into),
            Self::Fact(Fact::AgencyRegistered(fact)) => fact.encode_raw(into),
            Self::Fact(Fact::AgencyRemoved(fact)) => fact.encode_raw(into),
            Self::Fact(Fact::AgencyLocked(fact)) => fact.encode_raw(into),
            Self::Fact(Fact::ServiceChanged(fact)) => fact.encode_raw(into),
        }
    }

    fn decode(kind: u8, payload: Bytes) -> Result<Self, EntryError> {
        if kind == kind::CHUNK {
            return Ok(Self::Chunk(payload));
        }
        // Ids inside a fact share the buffer it was decoded from, and facts live long: a small
        // buffer of its own keeps one open document from holding a whole read of the disk.
        let own = Bytes::copy_from_slice(&payload);
        let fact = match kind {
            kind::ACCEPTED => Fact::Accepted(Arc::new(Record::of(message::<Accepted>(own)?))),
            kind::HANDED_ON => Fact::HandedOn(message(own)?),
            kind::ATTEMPTED => Fact::Attempted(message(own)?),
            kind::CONFIRMED => Fact::Confirmed(message(own)?),
            kind::PROGRESSED => Fact::Progressed(Box::new(message(own)?)),
            kind::EXPIRED => Fact::Expired(message(own)?),
            kind::AGENCY_REGISTERED => Fact::AgencyRegistered(Box::new(message(own)?)),
            kind::AGENCY_REMOVED => Fact::AgencyRemoved(message(own)?),
            kind::AGENCY_LOCKED => Fact::AgencyLocked(message(own)?),
            kind::SERVICE_CHANGED => Fact::ServiceChanged(Box::new(message(own)?)),
            unknown => return Err(EntryError::UnknownKind(unknown)),
        };
        Ok(Self::Fact(fact))
    }
}

fn message<M: Message + Default>(payload: Bytes) -> Result<M, EntryError> {
    M::decode(payload).or(Err(EntryError::Damaged))
}

pub(super) fn crc_of(entry: &[u8], seed: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(entry.get(4..).unwrap_or_default());
    hasher.finalize()
}

/// `N` bytes at `at`.
pub(super) fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Writes `value` at `at`, where there is room by construction.
pub(super) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    debug_assert!(at + value.len() <= bytes.len());
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

pub const HEAD_BYTES: usize = 44;
pub const VERSION: u8 = 1;

/// The number of each content in the format. A number is never used again for something else.
pub(super) mod kind {
    pub(in crate::journal) const CHUNK: u8 = 1;
    pub(in crate::journal) const ACCEPTED: u8 = 2;
    pub(in crate::journal) const HANDED_ON: u8 = 3;
    pub(in crate::journal) const ATTEMPTED: u8 = 4;
    pub(in crate::journal) const CONFIRMED: u8 = 5;
    pub(in crate::journal) const PROGRESSED: u8 = 6;
    pub(in crate::journal) const EXPIRED: u8 = 7;
    pub(in crate::journal) const AGENCY_REGISTERED: u8 = 8;
    pub(in crate::journal) const AGENCY_REMOVED: u8 = 9;
    pub(in crate::journal) const AGENCY_LOCKED: u8 = 10;
    pub(in crate::journal) const SERVICE_CHANGED: u8 = 11;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::{BodyRef, Recipient};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(entry in entry(), seed: u32, back: u32, before in 0_usize..50) {
            let mut bytes = vec![7; before];
            let crc = entry.encode(back, seed, &mut bytes);
            bytes.extend_from_slice(&[9; 5]);
            let bytes = Bytes::from(bytes.split_off(before));
            let head = Head::check(&bytes, seed).unwrap();
            prop_assert_eq!((head.crc, head.back, head.len()), (crc, back, entry.encoded_len()));
            prop_assert_eq!(Entry::decode(&bytes, seed).unwrap(), entry);
        }

        #[test]
        fn no_flipped_bit_and_no_other_place_is_believed(entry in entry(), seed: u32, place: prop::sample::Index) {
            let mut bytes = Vec::new();
            entry.encode(0, seed, &mut bytes);
            let whole = Bytes::from(bytes.clone());
            prop_assert_eq!(Entry::decode(&whole, !seed), Err(EntryError::Damaged));
            prop_assert_eq!(Entry::decode(&whole.slice(..whole.len() - 1), seed), Err(EntryError::Damaged));
            let bit = place.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Entry::decode(&bytes.into(), seed), Err(EntryError::Damaged));
        }

        #[test]
        fn hostile_bytes_are_answered(bytes: Vec<u8>, kind: u8) {
            prop_assert!(Entry::decode(&Bytes::from(bytes.clone()), 0).is_err());
            // Behind a CRC that holds, too.
            let decoded = Content::decode(kind, bytes.into());
            prop_assert!(kind == kind::CHUNK || !matches!(decoded, Ok(Content::Chunk(_))));
        }
    }

    #[test]
    fn a_chunk_shares_the_bytes_it_was_read_from_and_a_fact_does_not() {
        let chunk = sample(Content::Chunk(vec![5; 1000].into()));
        let fact = sample(accepted("x".repeat(1000), vec![1; 1000]));
        for (entry, shares) in [(chunk, true), (fact, false)] {
            let mut bytes = Vec::new();
            entry.encode(0, 1, &mut bytes);
            let bytes = Bytes::from(bytes);
            let decoded = Entry::decode(&bytes, 1).unwrap();
            assert_eq!(decoded, entry);
            assert_eq!(bytes.is_unique(), !shares);
        }
    }

    #[test]
    fn what_a_newer_release_wrote_is_named() {
        let mut bytes = Vec::new();
        sample(Content::Chunk(Bytes::new())).encode(0, 1, &mut bytes);
        let with = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            let crc = crc_of(&bytes, 1);
            put(&mut bytes, 0, &crc.to_le_bytes());
            Entry::decode(&bytes.into(), 1)
        };
        assert_eq!(with(16, 2), Err(EntryError::UnknownVersion(2)));
        assert_eq!(with(17, 99), Err(EntryError::UnknownKind(99)));
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let content = prop_oneof![
            any::<Vec<u8>>().prop_map(|bytes| Content::Chunk(bytes.into())),
            (".*", any::<Vec<u8>>()).prop_map(|(text, id)| accepted(text, id)),
            any::<Vec<u8>>().prop_map(|id| {
                Content::Fact(Fact::Expired(crate::domain::fact::Expired {
                    receiver: id.into(),
                    at: 3,
                }))
            }),
        ];
        (any::<u128>(), any::<u32>(), any::<u64>(), content).prop_map(
            |(id, platform, at, content)| Entry {
                id,
                platform: PlatformId(platform),
                at: Timestamp(at),
                content,
            },
        )
    }

    fn accepted(text: String, id: Vec<u8>) -> Content {
        let recipient = Recipient { agency: text.clone(), ..Recipient::default() };
        let body = BodyRef { chunks: vec![1, u64::MAX], preceding: 3, ..BodyRef::default() };
        Content::Fact(Fact::from(Accepted {
            subject: text,
            doc_id: id.into(),
            recipients: vec![recipient; 3],
            body: Some(body),
            ..Accepted::default()
        }))
    }

    fn sample(content: Content) -> Entry {
        Entry { id: 1, platform: PlatformId(2), at: Timestamp(3), content }
    }
}
