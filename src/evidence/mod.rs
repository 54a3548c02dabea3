//! Evidence of service calls: one chained log per platform, in files of JSON lines that people and X-Road's metrics
//! tools read, where every altered, dropped, swapped or cut-off record is found (`verify`, `cross_check`).
//!
//! What it finds and what it cannot: a record that was changed without rehashing breaks its own hash; one that was
//! changed with all that follows contradicts the next signed anchor. What stands behind the last anchor can be cut off
//! without a trace in this log; the caller's head that the peer recorded with the call shows it (design.md 3).
//!
//! Invariant: the order of `queue` is the order of the file, so a head is known before its record is on disk. Nothing
//! in here starts a thread, asks a clock, retries a write, or holds a payload.

mod anchors;
mod container;
mod cross;
mod find;
mod folder;
mod line;
mod lines;
mod open;
mod options;
mod queue;
mod report;
mod sequence;
mod tail;
mod verify;
mod walk;
mod writer;

pub use container::{BUNDLE_TYPE, CONTAINER_TYPE, Container, Half, bundle, file_name, unbundle};
pub use cross::{CrossFault, CrossKind, CrossReport, cross_check};
pub use find::{Found, IDS, find};
pub use options::{OpenError, Opened, Refused, Settings, Signer, Trust, Verifier};
pub use report::{Fault, FaultKind, Note, Report};
pub use tail::{Passed, Tail};
pub use verify::{VerifyOptions, verify};
pub use writer::Writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use queue::Shared;

/// The open log of one platform. Clones share it; when the last is gone the writer ends as after `close`.
#[derive(Clone)]
pub struct Evidence {
    handle: Arc<Handle>,
}

/// Where the chain stands: the number of a record and its hash. `0` and zeros in a log without records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub number: u64,
    pub chain: [u8; 32],
}

/// The head that travelled with a call from the other end. A record carries it in its field `peerChain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerChain {
    pub platform: String,
    pub n: u64,
    #[serde(with = "line::hex")]
    pub chain: [u8; 32],
}

impl Evidence {
    /// Opens the log of `folder`, which this process alone uses while the writer lives. Reads the last
    /// segment whole, the first line of the others and the end of `anchors.jsonl`; blocks.
    ///
    /// An incomplete last line was never acknowledged and is cut. Damage inside is not repaired: the log does not
    /// open, unless `Settings::accept_loss` lets it go on in a new segment whose first line tells the break.
    ///
    /// Nothing reaches the disk before somebody runs the `Writer`.
    pub fn open(
        folder: &Path,
        settings: Settings,
        signer: Box<dyn Signer>,
    ) -> Result<(Self, Writer, Opened), OpenError> {
        let signer: Arc<dyn Signer> = Arc::from(signer);
        let platform = settings.platform.clone();
        let (shared, writer, opened) = open::open(folder, settings, Arc::clone(&signer))?;
        let handle = Handle { shared, signer, platform, folder: folder.to_owned() };
        Ok((Self { handle: Arc::new(handle) }, writer, opened))
    }

    /// The records of a message or call that `is_wanted` lets through, each in a signed container, the newest first;
    /// blocks. What is queued and not on disk yet is not found; `limit` and `scan_bytes_max` are as for `find`.
    pub fn containers(
        &self,
        id: &str,
        half: Half,
        (limit, scan_bytes_max): (usize, u64),
        is_wanted: impl Fn(&serde_json::Value) -> bool,
    ) -> std::io::Result<Vec<Container>> {
        let Handle { folder, platform, signer, .. } = &*self.handle;
        let lines = find::lines_of(folder, id, limit, scan_bytes_max, is_wanted)?;
        lines.iter().map(|line| container::of_line(line, half, platform, &**signer)).collect()
    }

    /// What containers are checked with, as the files of one archive; blocks.
    pub fn verification_conf(&self, instance: &str) -> std::io::Result<Vec<u8>> {
        container::verification_conf(instance, &self.handle.signer.trust()?)
    }

    /// Queues a record and returns the head it got. Never waits. `record` must serialise to a JSON object with at
    /// least one field, without `n`, `prev` and `chain`; `at` drives the age of segments only and is not written to
    /// the record.
    pub fn queue(&self, record: &impl Serialize, at: Timestamp) -> Result<Head, Refused> {
        let mut object = Vec::with_capacity(RECORD_BYTES_USUAL);
        serde_json::to_writer(&mut object, record).or(Err(Refused::NotAnObject))?;
        self.queue_json(&object, at)
    }

    /// Like `queue`, with the object in one line of JSON text. Its inside is believed.
    pub fn queue_json(&self, object: &[u8], at: Timestamp) -> Result<Head, Refused> {
        self.handle.shared.queue(object, at)
    }

    /// Of the last record queued, which may not be on disk yet.
    pub fn head(&self) -> Head {
        self.handle.shared.head()
    }

    /// Of the last record that is on disk. This is the one to send to a peer: a head that a crash takes back
    /// would later look like a cut tail.
    pub fn durable(&self) -> Head {
        self.handle.shared.durable()
    }

    /// Resolves when record `number`, which has been queued, is on disk, and hurries the writer to it. `Closed` when the
    /// writer ended before.
    pub async fn flushed(&self, number: u64) -> Result<(), Refused> {
        self.handle.shared.flushed(number).await
    }

    /// Takes records: neither closed, nor ended by a write that failed.
    pub fn is_open(&self) -> bool {
        self.handle.shared.is_open()
    }

    /// Takes no more records. The writer flushes what waits, signs an anchor behind it and ends.
    pub fn close(&self) {
        self.handle.shared.close();
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence").field("head", &self.head()).finish_non_exhaustive()
    }
}

struct Handle {
    shared: Arc<Shared>,
    signer: Arc<dyn Signer>,
    platform: String,
    folder: PathBuf,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Head {
    pub fn of_peer(self, platform: &str) -> PeerChain {
        PeerChain { platform: platform.to_owned(), n: self.number, chain: self.chain }
    }
}

/// As it travels in a header: `17:9f86…`.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(line::HEX_BYTES);
        line::push_hex(&mut text, &self.chain);
        write!(f, "{}:{}", self.number, String::from_utf8_lossy(&text))
    }
}

/// What `Display` writes, and nothing else, is a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the head of an evidence log")]
pub struct NotAHead;

impl FromStr for Head {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let (number, chain) = text.split_once(':').ok_or(NotAHead)?;
        let number = line::parse_number(number.as_bytes()).ok_or(NotAHead)?;
        let chain = line::parse_hex(chain.as_bytes()).ok_or(NotAHead)?;
        Ok(Self { number, chain })
    }
}

/// A record larger than this is refused. It holds ids, hashes, times and an outcome, never a payload (design.md 6.2).
pub const RECORD_BYTES_MAX: usize = 64 << 10;
const RECORD_BYTES_USUAL: usize = 1024;

#[cfg(test)]
mod tests;
