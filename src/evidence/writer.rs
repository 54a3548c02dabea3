//! The one thread that writes: one write and one flush for all that gathered, anchors and new segments where the marks
//! say so.
//!
//! Invariant: an anchor reaches `anchors.jsonl` after its records are on disk, and a removed segment is gone only after
//! the header that says so is on disk. After a write or flush that failed nothing is written any more.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::Head;
use super::Signer;
use super::folder::{Folder, Sink, name_of, segments};
use super::line::{AnchorFields, push_anchor};
use super::options::SIGNATURE_BYTES_MAX;
use super::queue::{Begin, Pending, Shared};

/// To be run on a thread of its own.
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Folder,
    /// The open segment; `None` before the first record of a new log.
    pub(super) segment: Option<Box<dyn Sink>>,
    pub(super) anchors: Box<dyn Sink>,
    pub(super) signer: Arc<dyn Signer>,
    pub(super) platform: String,
    /// Number of the next anchor.
    pub(super) anchor: u64,
    pub(super) taken: Pending,
    /// An anchor line; used again and again.
    pub(super) text: Vec<u8>,
}

impl Writer {
    /// Writes until the log is closed and everything queued is on disk, or until the first failure, after which
    /// everything queued and not shown as durable counts as lost.
    pub fn run(mut self) -> io::Result<()> {
        while self.shared.take(&mut self.taken) {
            let pending = std::mem::take(&mut self.taken);
            self.flush(&pending)?;
            self.shared.show(pending.head);
            self.taken = pending;
            self.taken.clear();
        }
        Ok(())
    }

    fn flush(&mut self, pending: &Pending) -> io::Result<()> {
        let mut written = 0;
        let mut retired = None;
        for mark in &pending.marks {
            self.write(pending.lines.get(written..mark.at).unwrap_or_default())?;
            written = mark.at;
            if let Some(head) = mark.anchor {
                self.anchor(head)?;
            }
            if let Some(begin) = mark.begin {
                self.begin(begin)?;
                let before = retired.is_some_and(|(_, was_early)| was_early);
                retired = Some((begin.oldest, before || begin.is_early));
            }
        }
        let rest = pending.lines.get(written..).unwrap_or_default();
        if !rest.is_empty() {
            self.write(rest)?;
            self.sync()?;
        }
        retired.map_or(Ok(()), |(oldest, is_early)| self.remove_before(oldest, is_early))
    }

    /// Signs a head, in the segment and then in `anchors.jsonl`. Durable when it returns.
    fn anchor(&mut self, head: Head) -> io::Result<()> {
        let fields = AnchorFields {
            anchor: self.anchor,
            platform: self.platform.clone(),
            n: head.number,
            chain: head.chain,
            key: self.signer.key_id(),
        };
        let mut signature_bytes = 0;
        self.text.clear();
        push_anchor(&mut self.text, &fields, |signed| {
            let signature = self.signer.sign(signed);
            signature_bytes = signature.len();
            signature
        })?;
        if signature_bytes == 0 || signature_bytes > SIGNATURE_BYTES_MAX {
            return Err(io::Error::other("no usable signature for the anchor"));
        }
        let text = std::mem::take(&mut self.text);
        self.write(&text)?;
        self.sync()?;
        self.anchors.write(&text)?;
        self.anchors.sync()?;
        self.text = text;
        self.anchor += 1;
        Ok(())
    }

    fn begin(&mut self, begin: Begin) -> io::Result<()> {
        // A segment without an anchor at its end, because one stood there already, may not be flushed yet.
        self.sync()?;
        self.segment = Some(Box::new(self.folder.create(&name_of(begin.segment))?));
        Ok(())
    }

    fn remove_before(&self, oldest: u64, is_early: bool) -> io::Result<()> {
        for number in segments(self.folder.path())?.into_iter().filter(|number| *number < oldest) {
            self.folder.remove(&name_of(number))?;
            let (platform, file) = (self.platform.as_str(), name_of(number));
            if is_early {
                tracing::warn!(
                    platform,
                    file,
                    "evidence younger than it is to be kept left to make room"
                );
            } else {
                tracing::info!(platform, file, "evidence older than it is to be kept left");
            }
        }
        Ok(())
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match &mut self.segment {
            Some(segment) => segment.write(lines),
            None if lines.is_empty() => Ok(()),
            None => Err(io::Error::other("a record without a segment")),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.segment.as_mut().map_or(Ok(()), |segment| segment.sync())
    }
}

// However the thread ends, nobody is left waiting.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("folder", &self.folder).finish_non_exhaustive()
    }
}
