//! Where records get their place: the chain is computed when a record is queued, under one short lock, so that the
//! order of the queue is the order of the file and the writer writes bytes only.
//!
//! Where a segment or an anchor is due a `Mark` says so: the headers are in the chain as well, so they are made here.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::line::{Break, Chain, FORMAT, FRAME_BYTES, Header, push_header, push_record};
use super::{Head, RECORD_BYTES_MAX, Refused, Settings};
use crate::clock::Timestamp;

pub(super) struct Shared {
    settings: Settings,
    queue: Mutex<Queue>,
    wake: Condvar,
    durable: watch::Sender<Durable>,
}

#[derive(Clone, Copy, Debug)]
struct Durable {
    head: Head,
    is_ended: bool,
}

/// The state that the start found, and goes on with.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Of the last record.
    pub(super) head: Head,
    /// Of the last line, a header included.
    pub(super) link: Chain,
    /// Those kept, the open one last. Empty in a new log.
    pub(super) segments: VecDeque<Segment>,
    /// Bytes of the open segment, without the anchors that were queued since the start.
    pub(super) segment_bytes: u64,
    /// Those anchors: how long their signatures are shows only when they are written.
    anchors: u64,
    /// The next record begins a segment, because there is none or the last one is damaged.
    pub(super) is_segment_due: bool,
    /// For the next header.
    pub(super) broken: Option<Break>,
    /// The last record that an anchor follows.
    pub(super) anchored: u64,
    pending: Pending,
    /// The last record that the writer took, and that is on disk.
    taken: u64,
    durable: u64,
    /// Somebody waits for this record.
    wanted: u64,
    is_writer_idle: bool,
    is_closed: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    /// Of its first record.
    pub(super) at: Timestamp,
    /// Of its file, once it is closed.
    pub(super) bytes: u64,
}

/// What one flush writes.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) lines: Vec<u8>,
    /// In the order of their places in `lines`.
    pub(super) marks: Vec<Mark>,
    /// Of the last record in `lines`.
    pub(super) head: Head,
}

#[derive(Debug)]
pub(super) struct Mark {
    /// In `lines`; what follows is done before the byte there is written.
    pub(super) at: usize,
    /// An anchor of this head is due.
    pub(super) anchor: Option<Head>,
    /// Then a segment begins.
    pub(super) begin: Option<Begin>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) segment: u64,
    /// Older ones are removed.
    pub(super) oldest: u64,
    /// Some of them for want of room: their records are younger than what is to be kept.
    pub(super) is_early: bool,
}

impl Shared {
    pub(super) fn new(settings: Settings, mut queue: Queue) -> Self {
        queue.taken = queue.head.number;
        queue.durable = queue.head.number;
        let durable = Durable { head: queue.head, is_ended: false };
        let durable = watch::Sender::new(durable);
        Self { settings, queue: Mutex::new(queue), wake: Condvar::new(), durable }
    }

    pub(super) fn queue(&self, object: &[u8], at: Timestamp) -> Result<Head, Refused> {
        if object.len() > RECORD_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        let fields = fields_of(object).ok_or(Refused::NotAnObject)?;
        let mut queue = self.queue.lock();
        let was_hurried = self.is_hurried(&queue);
        let head = queue.push(fields, at, &self.settings)?;
        let is_woken = queue.is_writer_idle || !was_hurried && self.is_hurried(&queue);
        queue.is_writer_idle = false;
        drop(queue);
        if is_woken {
            self.wake.notify_one();
        }
        Ok(head)
    }

    pub(super) fn head(&self) -> Head {
        self.queue.lock().head
    }

    pub(super) fn is_open(&self) -> bool {
        !self.queue.lock().is_closed
    }

    pub(super) fn durable(&self) -> Head {
        self.durable.borrow().head
    }

    pub(super) async fn flushed(&self, number: u64) -> Result<(), Refused> {
        let mut durable = self.durable.subscribe();
        self.hurry(number);
        let is_settled = |now: &Durable| now.head.number >= number || now.is_ended;
        let now = *durable.wait_for(is_settled).await.or(Err(Refused::Closed))?;
        if now.head.number >= number { Ok(()) } else { Err(Refused::Closed) }
    }

    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        if !queue.is_closed {
            queue.is_closed = true;
            queue.anchor_if_due(1);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// For the writer: waits for something to write, lets more gather, and swaps it into `taken`, which must be
    /// empty. False when closed and nothing is left.
    pub(super) fn take(&self, taken: &mut Pending) -> bool {
        let mut queue = self.queue.lock();
        while queue.pending.is_empty() {
            if queue.is_closed {
                return false;
            }
            queue.is_writer_idle = true;
            self.wake.wait(&mut queue);
        }
        queue.is_writer_idle = false;
        let gather = Duration::from_millis(self.settings.flush_ms_max / 2);
        self.wake.wait_while_for(&mut queue, |queue| !self.is_hurried(queue), gather);
        queue.taken = queue.head.number;
        queue.pending.head = queue.head;
        std::mem::swap(&mut queue.pending, taken);
        true
    }

    /// For the writer: everything up to `head` is on disk.
    pub(super) fn show(&self, head: Head) {
        self.queue.lock().durable = head.number;
        self.durable.send_modify(|durable| durable.head = head);
    }

    /// For the writer: whatever the reason, nothing more is written.
    pub(super) fn end(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        queue.pending = Pending::default();
        drop(queue);
        self.durable.send_modify(|durable| durable.is_ended = true);
    }

    fn hurry(&self, number: u64) {
        let mut queue = self.queue.lock();
        if number > queue.taken && number <= queue.head.number && queue.wanted <= queue.taken {
            queue.wanted = number;
            drop(queue);
            self.wake.notify_one();
        }
    }

    /// Whether the writer should not gather any longer.
    fn is_hurried(&self, queue: &Queue) -> bool {
        queue.is_closed
            || queue.wanted > queue.taken
            || queue.pending.lines.len() >= self.settings.queue_bytes_max / 2
            || queue.head.number - queue.taken >= self.settings.queue_records_max.div_ceil(2)
    }
}

impl Pending {
    pub(super) const fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.marks.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.marks.clear();
    }
}

impl Queue {
    fn push(&mut self, fields: &[u8], at: Timestamp, limits: &Settings) -> Result<Head, Refused> {
        if self.is_closed {
            return Err(Refused::Closed);
        }
        let bytes = fields.len() + FRAME_BYTES;
        let is_full = self.head.number - self.durable >= limits.queue_records_max;
        if is_full || self.pending.lines.len() + bytes > limits.queue_bytes_max {
            return Err(Refused::Full);
        }
        let number = self.head.number.checked_add(1).ok_or(Refused::Closed)?;
        if self.is_roll_due(bytes as u64, at, limits) {
            self.roll(number, at, limits)?;
        }
        let start = self.pending.lines.len();
        self.link = push_record(&mut self.pending.lines, number, &self.link, fields);
        self.segment_bytes += (self.pending.lines.len() - start) as u64;
        self.head = Head { number, chain: self.link };
        self.anchor_if_due(limits.anchor_records_max);
        Ok(self.head)
    }

    fn is_roll_due(&self, bytes: u64, at: Timestamp, limits: &Settings) -> bool {
        let Some(open) = self.segments.back() else { return true };
        self.is_segment_due
            || self.segment_bytes + bytes > limits.segment_bytes_max
            || at.since(open.at) >= DAY
    }

    /// Begins a segment, and decides which old ones go.
    fn roll(&mut self, first: u64, at: Timestamp, limits: &Settings) -> Result<(), Refused> {
        let number = self.segments.back().map_or(0, |open| open.number) + 1;
        // A clock that went backwards must not make the segment look older than the one before.
        let at = self.segments.back().map_or(at, |open| open.at.max(at));
        if let Some(closed) = self.segments.back_mut() {
            let is_anchored = self.anchored == self.head.number;
            let anchors = self.anchors + u64::from(!is_anchored);
            closed.bytes = self.segment_bytes + anchors * ANCHOR_BYTES;
        }
        self.anchors = 0;
        self.segments.push_back(Segment { number, at, bytes: 0 });
        let is_early = self.retire(at, limits);
        let oldest = self.segments.front().map_or(number, |segment| segment.number);
        let header = Header {
            evidence: FORMAT,
            platform: limits.platform.clone(),
            segment: number,
            oldest,
            first,
            at: at.ms(),
            broken: self.broken.take(),
        };
        let place = self.pending.lines.len();
        let anchor = (self.anchored < self.head.number).then_some(self.head);
        self.anchored = self.head.number;
        let begin = Some(Begin { segment: number, oldest, is_early });
        self.pending.marks.push(Mark { at: place, anchor, begin });
        // A header always serialises; the error is only in the type.
        self.link = push_header(&mut self.pending.lines, &header, &self.link)
            .or(Err(Refused::NotAnObject))?;
        self.segment_bytes = (self.pending.lines.len() - place) as u64;
        self.is_segment_due = false;
        Ok(())
    }

    /// Lets the oldest closed segments go; true when one went that is younger than what is to be kept.
    fn retire(&mut self, at: Timestamp, limits: &Settings) -> bool {
        let kept_max = DAY.saturating_mul(u32::try_from(limits.kept_days_max).unwrap_or(u32::MAX));
        let open = limits.segment_bytes_max + ANCHOR_BYTES;
        let room = limits.kept_bytes_max.saturating_sub(open);
        let mut bytes: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let mut is_early = false;
        loop {
            // All its records are older than the first of the next.
            let Some(next) = self.segments.get(1) else { return is_early };
            let is_old = at.since(next.at) > kept_max;
            if !is_old && self.segments.len() <= limits.segments_kept_max && bytes <= room {
                return is_early;
            }
            is_early |= !is_old;
            bytes -= self.segments.pop_front().map_or(0, |gone| gone.bytes);
        }
    }

    fn anchor_if_due(&mut self, records: u64) {
        if self.head.number - self.anchored >= records {
            self.anchors += 1;
            self.anchored = self.head.number;
            let at = self.pending.lines.len();
            self.pending.marks.push(Mark { at, anchor: Some(self.head), begin: None });
        }
    }
}

/// What stands behind the opening brace.
fn fields_of(object: &[u8]) -> Option<&[u8]> {
    let fields = object.strip_prefix(b"{")?;
    let is_whole = fields.len() > 1 && fields.ends_with(b"}");
    (is_whole && memchr::memchr2(b'\n', b'\r', fields).is_none()).then_some(fields)
}

const DAY: Duration = Duration::from_hours(24);
/// More than an anchor takes with one of our signatures.
const ANCHOR_BYTES: u64 = 512;
