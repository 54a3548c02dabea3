//! `Fact`: everything the journal can remember. Small; bodies are entries of their own.
//!
//! Facts are protobuf messages by derive, so a later release may add fields and still read old journals.
//! Agency codes are canonical text, ids are 16 bytes, times are nanoseconds since the epoch.
//!
//! Invariant: a fact says what happened, never what to do; applying the same facts in the same order
//! gives the same state on every replica.

mod record;

use super::envelope::{DocId, Kind, SignatureState};
use super::service::ServiceChanged;
use bytes::Bytes;
use std::sync::Arc;

pub use record::{Addressee, Addressees, Body, Digest, Record, Texts};

/// A stable number for a platform's name, so that facts need not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlatformId(pub u32);

impl PlatformId {
    /// The CRC-32 of the name. Two names of one topology that collide are refused when it is read.
    pub fn of(name: &str) -> Self {
        Self(crc32fast::hash(name.as_bytes()))
    }
}

/// What happened. The number of each variant is part of the journal's format (`journal/entry.rs`).
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Accepted(Arc<Record>),
    HandedOn(HandedOn),
    Attempted(Attempted),
    Confirmed(Confirmed),
    // Large and rare beside the others: an entry is moved often.
    Progressed(Box<Progressed>),
    Expired(Expired),
    AgencyRegistered(Box<AgencyRegistered>),
    AgencyRemoved(AgencyRemoved),
    AgencyLocked(AgencyLocked),
    ServiceChanged(Box<ServiceChanged>),
}

/// A document or status message was taken in, from a member or over a link. This is what it is made of; kept
/// in memory and in the journal it is a `Record`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Accepted {
    /// The sender's DocId.
    #[prost(bytes = "bytes", tag = "1")]
    pub doc_id: Bytes,
    /// The platform where the sender handed it in.
    #[prost(string, tag = "2")]
    pub origin: String,
    /// The neighbour it came from; empty at the first platform.
    #[prost(string, tag = "3")]
    pub via: String,
    /// The member that handed it in; empty when it came over a link.
    #[prost(string, tag = "4")]
    pub member: String,
    #[prost(enumeration = "Kind", tag = "5")]
    pub kind: i32,
    #[prost(string, tag = "6")]
    pub from: String,
    #[prost(string, tag = "7")]
    pub document_id: String,
    #[prost(uint32, tag = "8")]
    pub urgency: u32,
    /// For a status: the original sender of the document it answers.
    #[prost(string, tag = "9")]
    pub answers_sender: String,
    /// For a status: the document it answers.
    #[prost(string, tag = "10")]
    pub answers_document_id: String,
    /// For a status: 1 to 16; else 0.
    #[prost(uint32, tag = "11")]
    pub status: u32,
    #[prost(message, repeated, tag = "12")]
    pub recipients: Vec<Recipient>,
    #[prost(message, optional, tag = "13")]
    pub body: Option<BodyRef>,
    #[prost(string, tag = "14")]
    pub correlation_id: String,
    /// The stations before and including this one; empty at the first platform, where the fact says it all (`way`).
    #[prost(message, repeated, tag = "15")]
    pub hops: Vec<Hop>,
    #[prost(uint32, tag = "16")]
    pub hops_left: u32,
    #[prost(enumeration = "SignatureState", tag = "17")]
    pub signature: i32,
    /// False for an opaque payload handed in beside its envelope.
    #[prost(bool, tag = "18")]
    pub is_edxml: bool,
    #[prost(uint64, tag = "19")]
    pub at: u64,
    #[prost(string, tag = "20")]
    pub subject: String,
    #[prost(string, tag = "21")]
    pub notation: String,
    #[prost(string, tag = "22")]
    pub type_name: String,
    /// `yyyy-MM-dd` or empty.
    #[prost(string, tag = "23")]
    pub promulgated_on: String,
    /// `yyyy-MM-dd` or empty.
    #[prost(string, tag = "24")]
    pub due_on: String,
    /// What lenient reading let pass, as `CODE place`.
    #[prost(string, repeated, tag = "25")]
    pub warnings: Vec<String>,
    /// Description of a status, reason of a recall.
    #[prost(string, tag = "26")]
    pub reason: String,
    /// The digest of the sender's file, without what a client appended; the duplicate key at the first platform.
    #[prost(bytes = "bytes", tag = "27")]
    pub file_sha256: Bytes,
    /// This is a repeated attempt of a neighbour: its earlier answer may have been lost.
    #[prost(bool, tag = "28")]
    pub is_repeat: bool,
    /// Replace only: the DocumentIds replaced.
    #[prost(string, repeated, tag = "29")]
    pub replaces: Vec<String>,
    /// At the first platform: TLS version and cipher suite of the session it came by.
    #[prost(string, tag = "30")]
    pub tls: String,
}

/// One recipient of an accepted document.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Recipient {
    #[prost(string, tag = "1")]
    pub agency: String,
    /// The receiver's DocId.
    #[prost(bytes = "bytes", tag = "2")]
    pub doc_id: Bytes,
    /// The code of the refusal when this recipient was refused at the door (a locked one refuses only itself).
    #[prost(string, tag = "3")]
    pub refused: String,
}

/// Where a body is. Chunks are journal entries.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BodyRef {
    /// SHA-256 of the whole body.
    #[prost(bytes = "bytes", tag = "1")]
    pub sha256: Bytes,
    #[prost(uint64, tag = "2")]
    pub bytes: u64,
    /// The chunks in order, as sequence numbers; empty while they stand in the same batch.
    #[prost(fixed64, repeated, tag = "3")]
    pub chunks: Vec<u64>,
    /// How many entries directly before this one in its batch are the chunks, when `chunks` is empty.
    #[prost(uint32, tag = "4")]
    pub preceding: u32,
}

/// One station on the way, kept beside the file and never in it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Hop {
    #[prost(string, tag = "1")]
    pub platform: String,
    #[prost(uint64, tag = "2")]
    pub received_at: u64,
    /// When it was handed on; 0 at the last station.
    #[prost(uint64, tag = "3")]
    pub handed_on_at: u64,
    /// Who the peer was: the id in its certificate.
    #[prost(string, tag = "4")]
    pub peer: String,
    /// TLS version and cipher suite of the session it came by.
    #[prost(string, tag = "5")]
    pub tls: String,
    #[prost(uint32, tag = "6")]
    pub attempts: u32,
}

/// A neighbour took these over: they are no longer ours to carry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HandedOn {
    #[prost(string, tag = "1")]
    pub peer: String,
    /// Receivers' DocIds of documents, 16 bytes each.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub receivers: Vec<Bytes>,
    /// Reports that the neighbour has taken, by their number in this platform's mailbox.
    #[prost(uint64, repeated, tag = "3")]
    pub reports: Vec<u64>,
    #[prost(uint64, tag = "4")]
    pub at: u64,
}

/// A neighbour answered and did not take it: again later, or never.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attempted {
    #[prost(string, tag = "1")]
    pub peer: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub receiver: Bytes,
    /// The code of its refusal.
    #[prost(string, tag = "3")]
    pub code: String,
    /// When to try again; 0 when never.
    #[prost(uint64, tag = "4")]
    pub retry_at: u64,
    #[prost(uint64, tag = "5")]
    pub at: u64,
}

/// State of a delivery: the mailbox item, not the clerk's business status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum DeliveryState {
    /// On its way, not yet in the recipient's inbox.
    UnderWay = 0,
    /// In the inbox, not yet taken (`initial`).
    Initial = 1,
    Processing = 2,
    Done = 3,
    Fail = 4,
    /// Refused by a platform on the way, or at the door.
    Refused = 5,
    /// Nobody fetched it in time.
    Expired = 6,
}

/// The recipient's word on one delivery or several (VXP `updateStatus`).
#[derive(Clone, PartialEq, prost::Message)]
pub struct Confirmed {
    /// The receivers' DocIds, 16 bytes each, one after the other: a stream confirms a batch with one word.
    #[prost(bytes = "bytes", tag = "1")]
    pub receivers: Bytes,
    #[prost(enumeration = "DeliveryState", tag = "2")]
    pub state: i32,
    #[prost(string, tag = "3")]
    pub description: String,
    /// The id of the member that said so, as text: all words of one batch share it.
    #[prost(bytes = "bytes", tag = "4")]
    pub member: Bytes,
    #[prost(uint64, tag = "5")]
    pub at: u64,
}

impl Confirmed {
    /// The receivers' DocIds, in the order in which verdicts name them.
    pub fn receivers(&self) -> impl Iterator<Item = DocId> {
        self.receivers.chunks_exact(ID_BYTES).filter_map(DocId::from_slice)
    }
}

/// News about one delivery, travelling back to the platform where the sender handed it in.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Progressed {
    #[prost(string, tag = "1")]
    pub origin: String,
    /// The neighbour it came from; empty where it arose.
    #[prost(string, tag = "2")]
    pub via: String,
    /// The sender's DocId.
    #[prost(bytes = "bytes", tag = "3")]
    pub doc_id: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    pub receiver: Bytes,
    #[prost(enumeration = "DeliveryState", tag = "5")]
    pub state: i32,
    /// The code of the refusal, for `Refused` and `Expired`.
    #[prost(string, tag = "6")]
    pub code: String,
    #[prost(uint64, tag = "7")]
    pub at: u64,
    /// The whole way there, sent once with `Initial`.
    #[prost(message, repeated, tag = "8")]
    pub hops: Vec<Hop>,
    #[prost(string, tag = "9")]
    pub description: String,
    /// The platform where it arose.
    #[prost(string, tag = "10")]
    pub platform: String,
}

/// An unread item was given up after `inbox_days_max`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Expired {
    #[prost(bytes = "bytes", tag = "1")]
    pub receiver: Bytes,
    #[prost(uint64, tag = "2")]
    pub at: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AgencyRegistered {
    #[prost(string, tag = "1")]
    pub code: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub mail: String,
    #[prost(string, tag = "4")]
    pub mobile: String,
    #[prost(string, tag = "5")]
    pub fax: String,
    #[prost(string, tag = "6")]
    pub member: String,
    #[prost(uint64, tag = "7")]
    pub at: u64,
    /// The axis counts changes; 0 where the axis has not numbered it yet.
    #[prost(uint64, tag = "8")]
    pub version: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AgencyRemoved {
    #[prost(string, tag = "1")]
    pub code: String,
    #[prost(string, tag = "2")]
    pub member: String,
    #[prost(uint64, tag = "3")]
    pub at: u64,
    #[prost(uint64, tag = "4")]
    pub version: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AgencyLocked {
    #[prost(string, tag = "1")]
    pub code: String,
    #[prost(bool, tag = "2")]
    pub locked: bool,
    #[prost(uint64, tag = "3")]
    pub at: u64,
    #[prost(uint64, tag = "4")]
    pub version: u64,
}

impl From<Accepted> for Fact {
    fn from(accepted: Accepted) -> Self {
        Self::Accepted(Arc::new(Record::of(accepted)))
    }
}

impl Recipient {
    pub fn id(&self) -> DocId {
        DocId::from_slice(&self.doc_id).unwrap_or(DocId::NIL)
    }
}

/// Sixteen bytes of an id, ready for a fact.
pub fn id_bytes(id: DocId) -> Bytes {
    Bytes::copy_from_slice(&id.to_bytes())
}

/// Bytes of a DocId in a fact.
pub const ID_BYTES: usize = 16;

/// The key that keeps a document, its changes and the statuses answering it in order: a digest of (sender, DocumentId).
pub fn order_key(sender: &str, document_id: &str) -> u64 {
    use std::hash::Hasher;
    let mut hasher = std::hash::BuildHasher::build_hasher(
        &foldhash::quality::FixedState::with_seed(0x6c69_656e_7468_6f6e),
    );
    hasher.write(sender.as_bytes());
    hasher.write_u8(0);
    hasher.write(document_id.as_bytes());
    hasher.finish()
}

/// The order key of an accepted message: of the document it answers, if it is a status, else its own.
pub const fn order_key_of(accepted: &Record) -> u64 {
    accepted.key
}
