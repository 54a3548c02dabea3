//! `anchors.jsonl` read back: every anchor of the log, those of removed segments too.
//!
//! It grows by one line for each anchor and is never shortened, so that its numbers show what was taken out.

use std::fs::File;
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::path::Path;

use super::folder::ANCHORS;
use super::line::{self, Anchor, AnchorFields, Line};
use super::lines::{Lines, Raw};
use super::report::Told;
use super::{FaultKind, Head, Verifier};

/// Read along with the segments, each anchor when its record is met.
pub(super) struct AnchorFile<'a> {
    lines: Option<Lines>,
    verifier: Option<&'a dyn Verifier>,
    pub(super) signatures_checked: u64,
    /// The first anchor not met yet, and its line.
    next: Option<(u64, AnchorFields)>,
    /// The last good one that was read.
    pub(super) last: Option<AnchorFields>,
    /// Number of the next anchor; `None` when the file is read from its middle.
    expected: Option<u64>,
    /// Damaged lines since the last good one.
    pub(super) slack: u64,
    pub(super) torn_bytes: u64,
    /// Where the lines start in the file.
    start: u64,
}

impl<'a> AnchorFile<'a> {
    /// From its beginning, as long as it is now.
    pub(super) fn whole(folder: &Path, verifier: Option<&'a dyn Verifier>) -> io::Result<Self> {
        Self::of(folder, verifier, u64::MAX)
    }

    /// Its last `TAIL_BYTES` alone, so that a start costs the same whatever the age of the log.
    pub(super) fn tail(folder: &Path) -> io::Result<Self> {
        Self::of(folder, None, TAIL_BYTES)
    }

    fn of(folder: &Path, verifier: Option<&'a dyn Verifier>, tail_bytes: u64) -> io::Result<Self> {
        let mut anchors = Self {
            lines: None,
            verifier,
            signatures_checked: 0,
            next: None,
            last: None,
            expected: Some(1),
            slack: 0,
            torn_bytes: 0,
            start: 0,
        };
        let mut file = match File::open(folder.join(ANCHORS)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(anchors),
            Err(error) => return Err(error),
        };
        let bytes = file.metadata()?.len();
        anchors.start = bytes.saturating_sub(tail_bytes);
        file.seek(SeekFrom::Start(anchors.start))?;
        let mut lines = Lines::new(file, bytes - anchors.start);
        if anchors.start > 0 {
            anchors.expected = None;
            // Most likely the end of a line only.
            lines.next()?;
        }
        anchors.lines = Some(lines);
        Ok(anchors)
    }

    /// Whether there is an anchor of this head. What comes before it is passed over; asked once, first of all.
    pub(super) fn vouches(&mut self, head: Head, told: &mut Told) -> io::Result<bool> {
        self.advance(told)?;
        while self.next.as_ref().is_some_and(|(_, anchor)| anchor.n < head.number) {
            self.advance(told)?;
        }
        Ok(self.next.as_ref().is_some_and(|(_, anchor)| anchor.head() == head))
    }

    /// Number of the last anchor before a segment whose beginning `vouches` was asked about; `None` when not known.
    pub(super) fn number_before(&self, is_vouched: bool, record: u64) -> Option<u64> {
        match &self.next {
            Some((_, anchor)) if is_vouched => Some(anchor.anchor),
            _ => (record == 0).then_some(0),
        }
    }

    /// Compares a record of the log with its anchor, when it has one.
    pub(super) fn meet(&mut self, head: Head, told: &mut Told) -> io::Result<()> {
        while let Some((line, anchor)) = &self.next
            && anchor.n <= head.number
        {
            if anchor.n == head.number && anchor.chain != head.chain {
                told.contradict(ANCHORS.to_owned(), *line, anchor.n);
            }
            self.advance(told)?;
        }
        Ok(())
    }

    /// Reads to the end, and returns the highest record that an anchor not met speaks of.
    pub(super) fn finish(&mut self, told: &mut Told) -> io::Result<u64> {
        let mut vouched = 0;
        if self.last.is_none() {
            self.advance(told)?;
        }
        while let Some((_, anchor)) = &self.next {
            vouched = vouched.max(anchor.n);
            self.advance(told)?;
        }
        Ok(vouched)
    }

    /// The next anchor, for those who want nothing else of the file.
    pub(super) fn read(&mut self, told: &mut Told) -> io::Result<Option<Head>> {
        self.advance(told)?;
        Ok(self.next.as_ref().map(|(_, anchor)| anchor.head()))
    }

    /// Where the last whole line ends, once all is read.
    pub(super) fn whole_bytes(&self) -> u64 {
        self.start + self.lines.as_ref().map_or(0, Lines::at)
    }

    fn advance(&mut self, told: &mut Told) -> io::Result<()> {
        self.next = None;
        let Some(lines) = &mut self.lines else { return Ok(()) };
        loop {
            let line = lines.number() + 1;
            let kind = match lines.next()? {
                None => return Ok(()),
                Some(Raw::Torn(bytes)) => {
                    self.torn_bytes = bytes;
                    continue;
                }
                Some(Raw::TooLong) => FaultKind::UnknownLine,
                Some(Raw::Line(text)) => match line::parse(text) {
                    Line::Anchor(anchor) => {
                        self.signatures_checked += u64::from(self.verifier.is_some());
                        if is_signed(self.verifier, &anchor) {
                            self.next = Some((line, anchor.fields));
                            break;
                        }
                        FaultKind::BadSignature
                    }
                    Line::Altered => FaultKind::Altered,
                    Line::Record { .. } | Line::Header { .. } | Line::Unknown => {
                        FaultKind::UnknownLine
                    }
                },
            };
            self.slack += 1;
            told.tell(ANCHORS.to_owned(), line, kind);
        }
        self.number(told);
        Ok(())
    }

    /// Judges the number of the anchor just read.
    fn number(&mut self, told: &mut Told) {
        let Some((line, anchor)) = &self.next else { return };
        let expected = self.expected.unwrap_or(anchor.anchor);
        let reach = expected.saturating_add(self.slack);
        if anchor.anchor < expected {
            told.tell(ANCHORS.to_owned(), *line, FaultKind::Swapped { n: anchor.n });
        } else if anchor.anchor > reach {
            let to = anchor.anchor - 1;
            let kind = FaultKind::AnchorsDropped { from: reach, to };
            told.tell(ANCHORS.to_owned(), *line, kind);
        }
        self.expected = Some(expected.max(anchor.anchor.saturating_add(1)));
        self.slack = 0;
        if self.last.as_ref().is_none_or(|last| last.anchor < anchor.anchor) {
            self.last = Some(anchor.clone());
        }
    }
}

pub(super) fn is_signed(verifier: Option<&dyn Verifier>, anchor: &Anchor<'_>) -> bool {
    verifier.is_none_or(|it| it.verify(&anchor.fields.key, anchor.signed, &anchor.signature))
}

const TAIL_BYTES: u64 = 256 << 10;
