//! What was accepted and what became of it: the durable order of facts and bodies.
//!
//! One journal serves all platforms of a process. `append` queues; what became of each batch comes back
//! through `read`, in order, to the journal's one reader, which folds it and then lets the answers go:
//! one wake-up per batch, and nobody is answered before the fold.

mod checkpoint;
mod cursor;
pub mod entry;
mod index;
mod keeper;
mod options;
mod queue;
mod recovery;
mod segment;
mod segments;
mod shelf;
pub mod storage;
mod tail;
mod writer;

#[cfg(test)]
mod tests;

use crate::clock::Timestamp;
use crate::domain::envelope::DocId;
use crate::domain::fact::PlatformId;
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;

pub use crate::domain::fact::{order_key, order_key_of};
pub use entry::{Content, Entry};
pub use options::{JournalOptions, Loss, OpenError, Recovery, Torn};
pub use segments::SegmentJournal;

/// Where an entry stands. Later entries have larger numbers; gaps are normal. 0 stands before every entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// Names a batch for whoever waits for its outcome. Means nothing outside this process; 0 when nobody waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Entries that become durable together or not at all, contiguous and in this order.
#[derive(Clone, Debug)]
pub struct Batch {
    pub ticket: Ticket,
    pub entries: Vec<Entry>,
}

/// A batch that is durable. `seqs` has one number per entry.
#[derive(Clone, Debug)]
pub struct DurableBatch {
    pub ticket: Ticket,
    pub entries: Arc<[Entry]>,
    pub seqs: Arc<[Seq]>,
}

impl DurableBatch {
    pub fn first(&self) -> Seq {
        self.seqs.first().copied().unwrap_or_default()
    }

    /// The position of a reader that has read this batch.
    pub fn last(&self) -> Seq {
        self.seqs.last().copied().unwrap_or_default()
    }
}

/// What the reader is told next.
#[derive(Debug)]
pub enum Read {
    /// In order, at least one.
    Durable(Vec<DurableBatch>),
    /// It is not known whether these became durable: append the same entries again; the fold ignores ids it has seen.
    Unknown(Vec<Batch>),
    /// For ever: a flush failed or the journal was closed. These batches were not acknowledged.
    Closed(Vec<Ticket>),
}

/// Nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// For ever: a flush failed, or it is shutting down.
    #[error("the journal is closed")]
    Closed,
    /// The caller's mistake: bodies are cut into chunks, and large batches into several.
    #[error("a batch of {bytes} bytes does not fit into one flush of {bytes_max}")]
    TooLarge { bytes: usize, bytes_max: u32 },
    #[error("a batch without entries")]
    Empty,
}

/// A stored entry cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("nothing stands at {0:?}: reclaimed, or never written")]
    Gone(Seq),
    #[error("the entry at {0:?} is damaged")]
    Damaged(Seq),
    #[error("reading the journal failed")]
    Io(#[from] std::io::Error),
}

/// What to look for among stored facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Facts that name this DocId, a sender's or a receiver's.
    Doc(DocId),
    /// Facts about the document with this order key (`order_key`): the document itself, what changes it, statuses answering it.
    Key(u64),
}

/// A fact found in a sealed segment.
#[derive(Clone, Debug)]
pub struct StoredFact {
    pub seq: Seq,
    pub entry: Entry,
}

/// How full the disk is, and whether the journal still takes anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub disk_bytes: u64,
    pub disk_bytes_max: u64,
    pub queued: usize,
    pub is_closed: bool,
    pub last_flush_at: Timestamp,
}

/// Contract, for every implementation (`tests/it/journal_contract.rs`):
///
/// * A batch that `read` returns as durable survives a power cut from then on (or is replicated, by class).
/// * `read` returns every durable batch exactly once per reader position, all entries of a batch together.
///   Batches with facts come in the order of the `append` calls of one task. A batch of nothing but chunks may
///   be overtaken: whoever appends the fact that refers to them waits for the chunks, whose numbers it needs.
/// * `append` waits while the queue is full and refuses once the journal is closed; dropping its future
///   before it resolves means that nothing was appended. So does an error: a batch is never cut in two.
/// * A failed write or flush closes the journal for ever: later appends are refused, waiting ones come back in
///   `Read::Closed`. Nothing is retried inside.
/// * Small batches are not held up by large ones: at most `batch_bytes_max` go into one flush.
pub trait Journal: Send + Sync + 'static {
    fn append(&self, batch: Batch) -> impl Future<Output = Result<(), AppendError>> + Send;

    /// The next news after `after`, at most `limit` entries (at least one batch); waits when there are none. One reader.
    fn read(&self, after: Seq, limit: usize) -> impl Future<Output = Read> + Send;

    /// One body chunk by its number. Recent ones come from memory.
    fn chunk(&self, seq: Seq) -> impl Future<Output = Result<Bytes, ReadError>> + Send;

    /// Facts of sealed segments, oldest first, at most `limit`. Facts still in the open segment are the fold's to know.
    fn find(
        &self,
        platform: Option<PlatformId>,
        what: Lookup,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredFact>, ReadError>> + Send;

    /// Keeps `state` as the fold's state after `upto`; a restart begins there. Replaces the former one atomically.
    fn checkpoint(
        &self,
        upto: Seq,
        state: Bytes,
    ) -> impl Future<Output = Result<(), ReadError>> + Send;

    /// The last checkpoint kept.
    fn last_checkpoint(
        &self,
    ) -> impl Future<Output = Result<Option<(Seq, Bytes)>, ReadError>> + Send;

    /// Gives back segments whose entries are all older than `before`, that end at or before the last
    /// checkpoint, and hold none of `pinned` (sorted). Returns how many bytes were freed.
    fn reclaim(
        &self,
        before: Timestamp,
        pinned: &[Seq],
    ) -> impl Future<Output = Result<u64, ReadError>> + Send;

    fn health(&self) -> Health;

    /// Stops taking batches, flushes what is queued, and ends. `read` returns `Closed` after the last batch.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
