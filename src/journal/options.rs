//! What the segmented log may use, why it would not open, and what it found when it did.

use super::Seq;
use super::entry::HEAD_BYTES;
use super::segment::{BATCH_HEAD_BYTES, FIRST_BATCH_AT, PAGE_BYTES};
use super::storage::DirectoryError;
use std::io;
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub struct JournalOptions {
    pub dir: PathBuf,
    /// Size of one segment file; rounded up to whole pages, and to four flushes at least.
    pub segment_bytes: u32,
    /// At most so much goes into one flush; one append may not be larger.
    pub batch_bytes_max: u32,
    /// At most so many batches with facts wait to be written.
    pub queue_batches_max: u32,
    /// Half of it for batches with facts, half for bodies.
    pub queue_bytes_max: u32,
    /// How much of the newest is kept in memory for the reader and for `chunk`.
    pub tail_bytes_max: usize,
    /// Told in `Health`; admission refuses at this size, the journal itself does not.
    pub disk_bytes_max: u64,
    /// Empty segment files kept ready beyond the one that is used next.
    pub spare_segments: usize,
    /// Go on over damaged or missing parts at start, and report what was lost.
    pub accept_loss: bool,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("journal"),
            segment_bytes: 64 << 20,
            batch_bytes_max: 2 << 20,
            queue_batches_max: 16_384,
            queue_bytes_max: 64 << 20,
            tail_bytes_max: 32 << 20,
            disk_bytes_max: 20 << 30,
            spare_segments: 2,
            accept_loss: false,
        }
    }
}

impl JournalOptions {
    /// The options with every size in its bounds.
    pub(super) fn bounded(mut self) -> Self {
        let batch_min = u32::try_from(2 * HEAD_BYTES).unwrap_or(u32::MAX);
        self.batch_bytes_max = self.batch_bytes_max.clamp(batch_min, FLUSH_BYTES_LIMIT);
        let least = FIRST_BATCH_AT + 4 * (self.batch_bytes_max + BATCH_HEAD_BYTES + PAGE_BYTES);
        let segment = self.segment_bytes.clamp(least, SEGMENT_BYTES_LIMIT);
        self.segment_bytes = segment.div_ceil(PAGE_BYTES) * PAGE_BYTES;
        self.queue_bytes_max = self.queue_bytes_max.max(4 * self.batch_bytes_max);
        self.queue_batches_max = self.queue_batches_max.max(1);
        self
    }
}

/// What was found at start.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// There was no journal in the folder.
    pub is_new: bool,
    /// Where the checkpoint in force stands.
    pub checkpoint: Option<Seq>,
    /// The newest checkpoint was damaged and a former one is used.
    pub checkpoint_damaged: Option<String>,
    pub segments_read: u32,
    pub bytes_read: u64,
    pub entries_read: u64,
    /// The last entry on disk: whoever folds what was found ends here. 0 in an empty journal.
    pub end: Seq,
    /// An incomplete last batch, cut. It was never acknowledged.
    pub torn: Option<Torn>,
    /// What `accept_loss` went over.
    pub lost: Vec<Loss>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    pub file: String,
    pub offset: u32,
    /// As far as its header could be read.
    pub bytes: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub file: String,
    pub offset: u32,
    pub bytes: u32,
    /// Flush batches, each with one or more entries.
    pub batches: u64,
}

/// The journal does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(
        "{file} is damaged at offset {offset}, and acknowledged entries stand behind that place"
    )]
    Corrupt { file: String, offset: u32 },
    #[error("{file} is missing from the journal")]
    Missing { file: String },
    #[error("{file} belongs to another journal")]
    Foreign { file: String },
    #[error("no checkpoint can be read, and the segments before {file} are gone")]
    CheckpointLost { file: String },
    #[error("{file} has format version {version}, which is newer than this release reads")]
    Newer { file: String, version: u16 },
    #[error("opening the journal failed")]
    Io(#[from] io::Error),
}

/// A torn flush is never longer than this, so that much is cleared behind the last batch at start.
pub(super) const FLUSH_BYTES_LIMIT: u32 = 8 << 20;
const SEGMENT_BYTES_LIMIT: u32 = 1 << 30;
