//! The one shape that all doors produce: `Envelope`, and the ids a message travels under.
//!
//! Invariant: an `Envelope` is made by `edxml`/`rules` or by a face from fields that `rules` checked;
//! holding one means that the rules held. The payload is opaque bytes and is never altered.

use super::agency::AgencyCode;
use crate::clock::Timestamp;
use std::fmt;
use std::str::FromStr;

/// The gateway's id of one message (VXP `DocId`). The document's own `DocumentId` is a field of the envelope.
///
/// A sender's DocId is a version 7 UUID (time, then random); the DocId of each receiver is derived
/// from it and the recipient's code, so that every platform that must name it names it alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DocId(pub u128);

impl DocId {
    pub const NIL: Self = Self(0);

    /// A sender's DocId from a moment and 74 random bits (the rest of `random` is ignored).
    pub const fn new(at: Timestamp, random: u128) -> Self {
        let time = (at.ms() as u128 & 0xffff_ffff_ffff) << 80;
        Self(time | 7 << 76 | (random & 0x0fff_u128 << 64) | 2 << 62 | (random & ((1 << 62) - 1)))
    }

    /// The receiver's DocId: keeps the time, replaces the rest by a digest of (sender's DocId, recipient).
    #[must_use]
    pub fn receiver(self, recipient: &AgencyCode) -> Self {
        use sha2::Digest;
        let mut hash = sha2::Sha256::new();
        hash.update(self.0.to_be_bytes());
        hash.update(recipient.as_bytes());
        let digest = hash.finalize();
        let low = digest.iter().take(16).fold(0_u128, |sum, &byte| sum << 8 | u128::from(byte));
        let kept = self.0 >> 80 << 80;
        Self(kept | 8 << 76 | (low & 0x0fff_u128 << 64) | 2 << 62 | (low & ((1 << 62) - 1)))
    }

    /// Milliseconds since the epoch at which the sender's DocId was made.
    pub const fn made_at(self) -> Timestamp {
        Timestamp::from_ms((self.0 >> 80) as u64)
    }

    /// The usual form, 36 characters.
    pub fn text(self) -> String {
        let mut buffer = uuid::Uuid::encode_buffer();
        uuid::Uuid::from_u128(self.0).hyphenated().encode_lower(&mut buffer).to_owned()
    }

    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(u128::from_be_bytes(bytes.try_into().ok()?)))
    }
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_u128(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DocId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Ok(Self(uuid::Uuid::parse_str(text.trim())?.as_u128()))
    }
}

/// What a message is. The first four are BussinessDocType 0–3 of the edXML header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    New = 0,
    Recall = 1,
    Update = 2,
    Replace = 3,
    /// An edXML status message (business status 01…16).
    Status = 4,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::New, Self::Recall, Self::Update, Self::Replace, Self::Status];
}

/// Độ khẩn: 0 Thường · 1 Khẩn · 2 Thượng khẩn · 3 Hỏa tốc · 4 Hỏa tốc hẹn giờ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Urgency(u8);

impl Urgency {
    pub const NORMAL: Self = Self(0);

    pub const fn new(level: u8) -> Option<Self> {
        if level <= 4 { Some(Self(level)) } else { None }
    }

    pub const fn level(self) -> u8 {
        self.0
    }

    pub const fn is_urgent(self) -> bool {
        self.0 > 0
    }
}

/// What the sender declares about state secrets (QĐ 28/2018 Art. 1; edXML has no element for it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Declaration {
    #[default]
    Unspecified,
    NoSecret,
    /// Mật, Tối mật or Tuyệt mật: refused at the door.
    Secret,
}

/// What a verified signature says; recorded in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum SignatureState {
    /// Not an edXML file, or not looked at.
    Unchecked = 0,
    None = 1,
    Valid = 2,
    Invalid = 3,
    /// The digest and signature hold, but no trusted authority vouches for the key.
    Untrusted = 4,
}

/// The document that this one answers (`ResponseFor`).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ResponseFor {
    /// The agency named; for a status it is the one the status goes to.
    pub organ_id: Option<AgencyCode>,
    pub document_id: String,
    pub code: String,
    pub promulgation_date: Option<jiff::civil::Date>,
}

/// The change an update makes to the list of receivers (`ReceiverList`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverChange {
    pub agency: AgencyCode,
    pub added: bool,
}

/// A business status as a status message carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusNotice {
    pub code: super::status::BusinessStatus,
    pub description: String,
}

/// A header believed; the payload stays outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub kind: Kind,
    pub from: AgencyCode,
    /// Recipients in the order given, each once. Empty only for a status, which goes by `response_for`.
    pub to: Vec<AgencyCode>,
    /// The sender's own id of the document, unique per sender: opaque.
    pub document_id: String,
    pub code_number: String,
    pub code_notation: String,
    pub promulgation_date: Option<jiff::civil::Date>,
    pub type_name: String,
    pub subject: String,
    pub urgency: Urgency,
    /// `SteeringType`: 1 not steering, 2 steering, 3 report on steering; 0 when not given.
    pub steering: u8,
    pub due_date: Option<jiff::civil::Date>,
    /// `Paper` = 1: a paper copy follows.
    pub paper_follows: bool,
    pub response_for: Vec<ResponseFor>,
    /// BussinessDocReason.
    pub reason: String,
    /// The DocumentId that a recall or an update is about; empty for the other kinds.
    pub acts_on: String,
    /// Update only.
    pub receiver_changes: Vec<ReceiverChange>,
    /// Replace only: DocumentIds replaced.
    pub replaces: Vec<String>,
    /// Status only.
    pub status: Option<StatusNotice>,
    /// What a lenient reading let pass; each a code of `rules` and the place.
    pub warnings: Vec<Warning>,
}

/// Something that strict reading would have refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub reason: super::rejection::Reason,
    pub at: String,
}

impl Envelope {
    /// An envelope with nothing but its addresses and id; the rest is empty.
    pub fn addressed(
        kind: Kind,
        from: AgencyCode,
        to: Vec<AgencyCode>,
        document_id: String,
    ) -> Self {
        Self {
            kind,
            from,
            to,
            document_id,
            code_number: String::new(),
            code_notation: String::new(),
            promulgation_date: None,
            type_name: String::new(),
            subject: String::new(),
            urgency: Urgency::NORMAL,
            steering: 0,
            due_date: None,
            paper_follows: false,
            response_for: Vec::new(),
            reason: String::new(),
            acts_on: String::new(),
            receiver_changes: Vec::new(),
            replaces: Vec::new(),
            status: None,
            warnings: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_ids_are_derived_and_differ() {
        let sent = DocId::new(Timestamp::from_ms(1_790_000_000_000), u128::MAX);
        let a = AgencyCode::parse("H53").unwrap();
        let b = AgencyCode::parse("H41").unwrap();
        assert_eq!(sent.receiver(&a), sent.receiver(&a));
        assert_ne!(sent.receiver(&a), sent.receiver(&b));
        assert_eq!(sent.receiver(&a).made_at(), sent.made_at());
        assert_eq!(uuid::Uuid::from_u128(sent.0).get_version_num(), 7);
        assert_eq!(uuid::Uuid::from_u128(sent.receiver(&a).0).get_version_num(), 8);
        assert_eq!(sent.to_string().parse::<DocId>().unwrap(), sent);
    }
}
