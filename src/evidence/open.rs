//! Opening a folder: reads the last segment, cuts a torn last line, refuses what is damaged, and tells the queue and
//! the writer where to go on.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::anchors::AnchorFile;
use super::folder::{ANCHORS, Folder, Sink, name_of, segments};
use super::line::{self, Break, Line};
use super::lines::{Lines, Raw};
use super::options::{KEY_BYTES_MAX, PLATFORM_BYTES_MAX};
use super::queue::{Pending, Queue, Segment, Shared};
use super::walk::{End, Walk};
use super::writer::Writer;
use super::{Fault, FaultKind, OpenError, Opened, Settings, Signer};
use crate::clock::Timestamp;

pub(super) fn open(
    path: &std::path::Path,
    settings: Settings,
    signer: Arc<dyn Signer>,
) -> Result<(Arc<Shared>, Writer, Opened), OpenError> {
    let settings = settings.bounded();
    let is_key_short = signer.key_id().len() <= KEY_BYTES_MAX;
    if settings.platform.len() > PLATFORM_BYTES_MAX || !is_key_short {
        return Err(OpenError::NameTooLong);
    }
    let folder = Folder::open(path)?;
    let found = Found::read(&folder)?;
    found.belongs_to(&settings.platform)?;
    let broken = found.fault();
    if let Some(fault) = broken.clone().filter(|_| !settings.accept_loss) {
        return Err(OpenError::Broken(fault));
    }
    found.tidy(&folder)?;
    let queue = found.queue(&folder, broken.as_ref())?;
    let opened = Opened {
        is_new: found.is_new(),
        cut_bytes: found.cut_bytes(),
        last: queue.head,
        segments: queue.segments.len(),
        broken,
    };
    let writer_segment: Option<Box<dyn Sink>> = match queue.segments.back() {
        Some(open) if !queue.is_segment_due => {
            Some(Box::new(folder.append(&name_of(open.number))?))
        }
        _ => None,
    };
    let shared = Arc::new(Shared::new(settings.clone(), queue));
    let writer = Writer {
        shared: Arc::clone(&shared),
        segment: writer_segment,
        anchors: Box::new(folder.append(ANCHORS)?),
        folder,
        signer,
        platform: settings.platform,
        anchor: found.next_anchor(),
        taken: Pending::default(),
        text: Vec::new(),
    };
    Ok((shared, writer, opened))
}

/// What the folder holds; nothing is changed by reading it.
struct Found {
    walk: Walk<'static>,
    /// All segments that have a whole line or are not the last.
    numbers: Vec<u64>,
    /// A segment that a crash left without its header, and its bytes.
    unborn: Option<(u64, u64)>,
    end: Option<End>,
    /// The highest record that an anchor speaks of and no line holds.
    vouched: u64,
}

impl Found {
    fn read(folder: &Folder) -> io::Result<Self> {
        let path = folder.path();
        let walk = Walk::new(AnchorFile::tail(path)?, FAULTS_MAX, None);
        let numbers = segments(path)?;
        let mut found = Self { walk, numbers, unborn: None, end: None, vouched: 0 };
        if let Some(last) = found.numbers.last().copied() {
            let end = found.walk.segment(File::open(path.join(name_of(last)))?, last, u64::MAX)?;
            found.end = Some(end);
            if end.whole_bytes == 0 {
                found.unborn = Some((last, end.torn_bytes));
                found.numbers.pop();
                found.end = None;
            }
        }
        if let (Some(_), Some(last)) = (found.unborn, found.numbers.last().copied()) {
            let file = File::open(path.join(name_of(last)))?;
            found.end = Some(found.walk.segment(file, last, u64::MAX)?);
        }
        found.conclude()?;
        Ok(found)
    }

    fn conclude(&mut self) -> io::Result<()> {
        let walk = &mut self.walk;
        walk.sequence.end(&mut walk.told);
        let unmet = walk.anchors.finish(&mut walk.told)?;
        self.vouched = unmet.max(walk.sequence.vouched);
        let (file, line) = match (self.numbers.last(), self.end) {
            (Some(last), Some(end)) => (name_of(*last), end.lines),
            _ => (ANCHORS.to_owned(), 0),
        };
        if self.vouched > walk.sequence.reach() {
            let (last, vouched) = (walk.sequence.last.number, self.vouched);
            walk.told.tell(file, line, FaultKind::CutOff { last, vouched });
        } else {
            walk.compare_anchors(file, line);
        }
        self.miss_segment();
        Ok(())
    }

    /// Whether the segment before the last is there; what is older is for `verify`, which reads the headers between.
    fn miss_segment(&mut self) {
        let mut newest = self.numbers.iter().rev().copied();
        let Some(last) = newest.next() else { return };
        let before = newest.next().unwrap_or_default().max(self.walk.sequence.oldest.max(1) - 1);
        if before + 1 < last && self.walk.begin.is_some() && self.walk.breaks.is_empty() {
            let (from, to) = (before + 1, last - 1);
            self.walk.told.tell(name_of(from), 0, FaultKind::SegmentsMissing { from, to });
        }
    }

    fn belongs_to(&self, platform: &str) -> Result<(), OpenError> {
        let listed = self.walk.anchors.last.as_ref().map(|anchor| anchor.platform.as_str());
        let named =
            [(self.walk.sequence.platform(), self.last_name()), (listed, ANCHORS.to_owned())];
        for (owner, file) in named {
            if let Some(owner) = owner.filter(|owner| *owner != platform) {
                return Err(OpenError::Foreign { file, platform: owner.to_owned() });
            }
        }
        Ok(())
    }

    /// The first of them in the log, without what a former start was told to go on behind.
    fn fault(&self) -> Option<Fault> {
        let is_accepted = |fault: &Fault| {
            let is_loss = matches!(fault.kind, FaultKind::Dropped { .. });
            is_loss && fault.line == 1 && !self.walk.breaks.is_empty()
        };
        self.walk.told.faults.iter().filter(|fault| !is_accepted(fault)).min().cloned()
    }

    /// Cuts torn lines, and finishes what a crash interrupted.
    fn tidy(&self, folder: &Folder) -> io::Result<()> {
        if let Some((number, _)) = self.unborn {
            folder.remove(&name_of(number))?;
        }
        if let Some(end) = self.end.filter(|end| end.torn_bytes > 0) {
            folder.cut(&self.last_name(), end.whole_bytes)?;
        }
        if self.walk.anchors.torn_bytes > 0 {
            folder.cut(ANCHORS, self.walk.anchors.whole_bytes())?;
        }
        for number in self.numbers.iter().filter(|number| **number < self.walk.sequence.oldest) {
            folder.remove(&name_of(*number))?;
        }
        let listed = self.walk.anchors.last.as_ref().map_or(0, |anchor| anchor.anchor);
        let is_late = self.walk.sequence.last_anchor().is_some_and(|(last, _)| last == listed + 1);
        if is_late {
            let mut anchors = folder.append(ANCHORS)?;
            let mut text = self.walk.last_anchor.clone();
            text.push(b'\n');
            anchors.write(&text)?;
            anchors.sync()?;
        }
        Ok(())
    }

    fn queue(&self, folder: &Folder, broken: Option<&Fault>) -> io::Result<Queue> {
        let sequence = &self.walk.sequence;
        let mut segments = std::collections::VecDeque::with_capacity(self.numbers.len());
        let mut at = Timestamp::ZERO;
        for number in self.numbers.iter().copied().filter(|number| *number >= sequence.oldest) {
            at = began_at(folder, number)?.unwrap_or(at);
            let bytes = folder.path().join(name_of(number)).metadata()?.len();
            segments.push_back(Segment { number, at, bytes });
        }
        let listed = self.walk.anchors.last.as_ref();
        let mut queue = Queue::default();
        queue.head = sequence.last;
        queue.link = sequence.link();
        if let (None, Some(anchor)) = (self.end, listed) {
            queue.link = anchor.chain;
        }
        queue.segments = segments;
        queue.segment_bytes = self.end.map_or(0, |end| end.whole_bytes);
        if let Some(fault) = broken {
            let highest = sequence.reach().max(self.vouched);
            queue.head.number = queue.head.number.max(highest);
            queue.is_segment_due = true;
            let (file, line, kind) = (fault.file.clone(), fault.line, fault.kind.to_string());
            queue.broken = Some(Break { file, line, kind });
        }
        let anchored = listed.map_or(0, |anchor| anchor.n).max(self.last_anchored());
        queue.anchored = anchored.min(queue.head.number);
        Ok(queue)
    }

    /// The record that the last anchor of the last segment follows.
    fn last_anchored(&self) -> u64 {
        match line::parse(&self.walk.last_anchor) {
            Line::Anchor(anchor) => anchor.fields.n,
            Line::Record { .. } | Line::Header { .. } | Line::Altered | Line::Unknown => 0,
        }
    }

    /// Damaged lines may have been anchors as well.
    fn next_anchor(&self) -> u64 {
        let anchors = &self.walk.anchors;
        let listed = anchors.last.as_ref().map_or(0, |anchor| anchor.anchor);
        let (last, _) = self.walk.sequence.last_anchor().unwrap_or_default();
        let damaged = self.walk.sequence.damaged_lines();
        let highest = listed.saturating_add(anchors.slack).max(last.saturating_add(damaged));
        highest.saturating_add(1)
    }

    fn is_new(&self) -> bool {
        self.numbers.is_empty() && self.walk.anchors.last.is_none()
    }

    fn cut_bytes(&self) -> u64 {
        let unborn = self.unborn.map_or(0, |(_, bytes)| bytes);
        unborn + self.end.map_or(0, |end| end.torn_bytes)
    }

    fn last_name(&self) -> String {
        self.numbers.last().map_or_else(|| ANCHORS.to_owned(), |last| name_of(*last))
    }
}

/// When the segment began, as its first line tells.
fn began_at(folder: &Folder, segment: u64) -> io::Result<Option<Timestamp>> {
    let file = File::open(folder.path().join(name_of(segment)))?;
    let mut lines = Lines::new(file, u64::MAX);
    Ok(match lines.next()? {
        Some(Raw::Line(text)) => match line::parse(text) {
            Line::Header { header, .. } => Some(Timestamp::from_ms(header.at)),
            Line::Record { .. } | Line::Anchor(_) | Line::Altered | Line::Unknown => None,
        },
        Some(Raw::TooLong | Raw::Torn(_)) | None => None,
    })
}

const FAULTS_MAX: usize = 64;
