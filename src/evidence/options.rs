//! What the evidence log may use, who signs for it, why it would not open, and what it found when it did.

use std::io;
use std::path::PathBuf;

use super::{Fault, Head};

#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose log it is; stands in the first line of every segment. At most `PLATFORM_BYTES_MAX`.
    pub platform: String,
    /// At most so many records are not on disk yet; one more is refused.
    pub queue_records_max: u64,
    /// At most so many bytes wait for the writer; as many again may be under way.
    pub queue_bytes_max: usize,
    /// A queued record is on disk within this time, as long as one flush takes a quarter of it or less: records are
    /// gathered for half of it, so that this log leaves the disk to the journal.
    pub flush_ms_max: u64,
    /// A new segment begins before this is exceeded, and at least once a day.
    pub segment_bytes_max: u64,
    /// The open one included; at least one.
    pub segments_kept_max: usize,
    /// The oldest closed segments go before all of them take more, the open one counted as full.
    pub kept_bytes_max: u64,
    /// A segment goes when all its records are older.
    pub kept_days_max: u64,
    /// A signed anchor follows every so many records, every segment, and the last record at close.
    pub anchor_records_max: u64,
    /// Go on behind damage in a new segment that tells the break.
    pub accept_loss: bool,
}

impl Settings {
    pub fn new(platform: &str) -> Self {
        Self {
            platform: platform.to_owned(),
            queue_records_max: 65_536,
            queue_bytes_max: 64 << 20,
            flush_ms_max: 50,
            segment_bytes_max: 64 << 20,
            segments_kept_max: 65_536,
            kept_bytes_max: 16 << 30,
            // As long as X-Road keeps its message log by custom (wire/xroad.md 2.12).
            kept_days_max: 30,
            anchor_records_max: 10_000,
            accept_loss: false,
        }
    }

    /// The settings with every number in its bounds.
    pub(super) fn bounded(mut self) -> Self {
        self.queue_records_max = self.queue_records_max.max(1);
        self.queue_bytes_max = self.queue_bytes_max.max(2 * super::lines::LINE_BYTES_MAX);
        self.segments_kept_max = self.segments_kept_max.max(1);
        self.anchor_records_max = self.anchor_records_max.max(1);
        self
    }
}

/// Signs anchors, on the writer's thread, and containers, on others.
pub trait Signer: Send + Sync {
    /// A signature of `bytes`, of at most `SIGNATURE_BYTES_MAX`. An empty one means that none could be made: the
    /// writer then fails for ever.
    fn sign(&self, bytes: &[u8]) -> Vec<u8>;
    /// Names the key for `Verifier::verify`; at most `KEY_BYTES_MAX`.
    fn key_id(&self) -> String;
    /// The certificate of that key, DER.
    fn certificate(&self) -> Vec<u8>;
    /// What that certificate is checked against, as it is now; blocks.
    fn trust(&self) -> io::Result<Trust>;
}

/// What a certificate of a signer is checked against, all of it PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The root alone: whoever checks decides whether to believe it.
    pub anchors: String,
    /// The authorities between.
    pub between: String,
    /// The newest list of revoked certificates.
    pub revoked: String,
}

pub trait Verifier {
    /// Whether `key` is trusted for this log and made `signature` of `bytes`. All three come from the file.
    fn verify(&self, key: &str, bytes: &[u8], signature: &[u8]) -> bool;
}

/// The record was not queued; the chain is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Retryable: the writer does not keep up.
    #[error("too many records wait to be written")]
    Full,
    /// Final: closed, or a write failed.
    #[error("the evidence log is closed")]
    Closed,
    #[error("the record is larger than {} bytes", super::RECORD_BYTES_MAX)]
    TooLarge,
    #[error("the record is not a JSON object with fields, in one line")]
    NotAnObject,
}

/// What was found at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    pub is_new: bool,
    /// Of an incomplete last line.
    pub cut_bytes: u64,
    /// The next record follows this one.
    pub last: Head,
    pub segments: usize,
    /// What `accept_loss` went over.
    pub broken: Option<Fault>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another process uses the evidence folder {}", .0.display())]
    InUse(PathBuf),
    #[error("the evidence log is damaged: {0}")]
    Broken(Fault),
    #[error("{file} is the evidence of platform {platform}")]
    Foreign { file: String, platform: String },
    #[error("the name of the platform or of the key is longer than the format allows")]
    NameTooLong,
    #[error("opening the evidence log failed")]
    Io(#[from] io::Error),
}

pub(super) const PLATFORM_BYTES_MAX: usize = 256;
pub(super) const KEY_BYTES_MAX: usize = 256;
/// The largest of the standardised post-quantum signatures fits.
pub(super) const SIGNATURE_BYTES_MAX: usize = 32 << 10;
