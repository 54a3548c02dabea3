//! Reads segments line by line into a `Sequence`, and `anchors.jsonl` beside them.
//!
//! Only the start and `verify` decide what the outcome means.

use std::fs::File;
use std::io;

use super::anchors::{AnchorFile, is_signed};
use super::folder::ANCHORS;
use super::line::{self, Anchor, Break, Chain, Header, Line};
use super::lines::{Lines, Raw};
use super::report::Told;
use super::sequence::{Place, Sequence};
use super::{FaultKind, Head, Verifier};

pub(super) struct Walk<'a> {
    pub(super) sequence: Sequence,
    pub(super) told: Told,
    pub(super) anchors: AnchorFile<'a>,
    pub(super) verifier: Option<&'a dyn Verifier>,
    pub(super) signatures_checked: u64,
    pub(super) breaks: Vec<(u64, Break)>,
    pub(super) begin: Option<Begin>,
    /// The last anchor read in a segment, as it stands there.
    pub(super) last_anchor: Vec<u8>,
}

/// Where the first segment that was read begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) at: Place,
    /// When, in milliseconds since 1970.
    pub(super) since_ms: u64,
    /// The record before.
    pub(super) before: Head,
    /// `anchors.jsonl` has an anchor of that record.
    pub(super) is_vouched: bool,
}

/// How a segment ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Behind the last line feed.
    pub(super) whole_bytes: u64,
    pub(super) torn_bytes: u64,
    pub(super) lines: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        anchors: AnchorFile<'a>,
        faults_max: usize,
        verifier: Option<&'a dyn Verifier>,
    ) -> Self {
        Self {
            sequence: Sequence::default(),
            told: Told::new(faults_max),
            anchors,
            verifier,
            signatures_checked: 0,
            breaks: Vec::new(),
            begin: None,
            last_anchor: Vec::new(),
        }
    }

    /// Judges the first `bytes_max` bytes of a segment. A torn end is left to the caller.
    pub(super) fn segment(&mut self, file: File, segment: u64, bytes_max: u64) -> io::Result<End> {
        let mut lines = Lines::new(file, bytes_max);
        let mut torn_bytes = 0;
        loop {
            let at = Place { segment, line: lines.number() + 1 };
            match lines.next()? {
                None => break,
                Some(Raw::Line(text)) => self.line(at, text)?,
                Some(Raw::TooLong) => {
                    self.sequence.damaged(at, FaultKind::UnknownLine, &mut self.told);
                }
                Some(Raw::Torn(bytes)) => torn_bytes = bytes,
            }
        }
        let torn_lines = u64::from(torn_bytes > 0);
        Ok(End { whole_bytes: lines.at(), torn_bytes, lines: lines.number() - torn_lines })
    }

    fn line(&mut self, at: Place, text: &[u8]) -> io::Result<()> {
        let told = &mut self.told;
        match line::parse(text) {
            Line::Record { n, prev, chain } => {
                self.sequence.record(at, (n, prev, chain), told);
                self.anchors.meet(self.sequence.last, told)?;
            }
            Line::Header { header, prev, chain } => self.header(at, header, prev, chain)?,
            Line::Anchor(anchor) => self.anchor(at, text, &anchor),
            Line::Altered => self.sequence.damaged(at, FaultKind::Altered, told),
            Line::Unknown => self.sequence.damaged(at, FaultKind::UnknownLine, told),
        }
        Ok(())
    }

    fn header(&mut self, at: Place, header: Header, prev: Chain, chain: Chain) -> io::Result<()> {
        self.sequence.header(at, (&header, prev, chain), &mut self.told);
        if self.begin.is_none() && at.line == 1 {
            let before = Head { number: header.first.saturating_sub(1), chain: prev };
            let is_vouched = self.anchors.vouches(before, &mut self.told)?;
            if let Some(before) = self.anchors.number_before(is_vouched, before.number) {
                self.sequence.expect_anchor(before.saturating_add(1));
            }
            self.begin = Some(Begin { at, since_ms: header.at, before, is_vouched });
        }
        if let Some(broken) = header.broken
            && self.breaks.len() < BREAKS_MAX
        {
            self.breaks.push((at.segment, broken));
        }
        Ok(())
    }

    fn anchor(&mut self, at: Place, text: &[u8], anchor: &Anchor<'_>) {
        self.signatures_checked += u64::from(self.verifier.is_some());
        if !is_signed(self.verifier, anchor) {
            return self.sequence.bad_anchor(at, &mut self.told);
        }
        self.sequence.anchor(at, &anchor.fields, &mut self.told);
        self.last_anchor.clear();
        self.last_anchor.extend_from_slice(text);
    }

    /// Every anchor stands in its segment and in `anchors.jsonl`; whichever ends earlier lost some. One that is only
    /// in the segment is what a crash leaves. Told for the end of the log, `file` and `line`.
    pub(super) fn compare_anchors(&mut self, file: String, line: u64) {
        let listed = self.anchors.last.as_ref();
        let last_listed = listed.map_or(0, |anchor| anchor.anchor);
        let begin = self.begin.map_or(0, |begin| begin.before.number);
        let (last, slack) = match self.sequence.last_anchor() {
            Some(seen) => seen,
            // All anchors may belong to segments that were removed or not read.
            None if listed.is_none_or(|anchor| anchor.n <= begin) => return,
            None => (0, self.sequence.anchor_slack()),
        };
        if last_listed > last.saturating_add(slack) {
            let kind = FaultKind::AnchorsDropped { from: last + 1, to: last_listed };
            self.told.tell(file, line, kind);
        } else if last > last_listed.saturating_add(self.anchors.slack + 1) {
            let kind = FaultKind::AnchorsDropped { from: last_listed + 1, to: last };
            self.told.tell(ANCHORS.to_owned(), 0, kind);
        }
    }
}

const BREAKS_MAX: usize = 1024;
