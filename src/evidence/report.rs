//! What a check of the log tells.

use std::fmt;

use super::Head;

/// Something that happened to the log after it was written. Each happening is told once, at the line where it shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub file: String,
    /// From 1; 0 means the file as a whole.
    pub line: u64,
    pub kind: FaultKind,
}

/// Numbers are those of records unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The hash of the line is not the one it states.
    Altered,
    /// The line is whole, but the one before is not the one it was chained to: that one was rewritten.
    Unlinked,
    /// Records are missing before this line.
    Dropped {
        from: u64,
        to: u64,
    },
    /// A record or anchor stands at another place than it was written to, or a segment bears another's name.
    Swapped {
        n: u64,
    },
    /// A second line with the number of an earlier one.
    Repeated {
        n: u64,
    },
    /// The log ends at `last`, but an anchor vouches for `vouched`.
    CutOff {
        last: u64,
        vouched: u64,
    },
    /// Segment files are gone, and retention did not remove them. Numbers are those of segments.
    SegmentsMissing {
        from: u64,
        to: u64,
    },
    /// A segment that does not begin with its header.
    NoHeader,
    /// Older segments are gone and no anchor vouches for the beginning of this one.
    Unvouched,
    /// A signed anchor states another chain for record `n`: the log was rewritten from there or before.
    Contradicted {
        n: u64,
    },
    /// Anchors are missing before this line.
    AnchorsDropped {
        from: u64,
        to: u64,
    },
    BadSignature,
    /// The line belongs to the log of another platform.
    Foreign,
    /// None of the kinds of line that the log writes.
    UnknownLine,
}

/// Worth telling, and no sign of tampering by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An incomplete last line, as a crash leaves it; the next start cuts it.
    TornTail { file: String, bytes: u64 },
    /// The last anchor did not reach `anchors.jsonl`, as after a crash; the next start adds it.
    AnchorLate { anchor: u64 },
    /// The operator let the log go on behind damage; the damage is told as a fault as long as it can be seen.
    Break { file: String, damaged_file: String, damaged_line: u64 },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub segments: u64,
    /// Whole and at their place.
    pub records: u64,
    /// What is checked begins with this record; retention took those before. 0 in a log without one.
    pub first: u64,
    /// When the file of that record was begun, in milliseconds since 1970: from then on the log holds.
    pub since_ms: u64,
    /// In the segments and in `anchors.jsonl`; none when there was no verifier.
    pub signatures_checked: u64,
    pub last: Head,
    /// In the order of the log.
    pub faults: Vec<Fault>,
    /// More faults than `faults_max`.
    pub faults_untold: u64,
    pub notes: Vec<Note>,
}

impl Report {
    pub const fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Gathers faults, so many at most.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) faults: Vec<Fault>,
    pub(super) untold: u64,
    faults_max: usize,
    is_contradicted: bool,
}

impl Told {
    pub(super) const fn new(faults_max: usize) -> Self {
        Self { faults: Vec::new(), untold: 0, faults_max, is_contradicted: false }
    }

    pub(super) fn tell(&mut self, file: String, line: u64, kind: FaultKind) {
        if self.faults.len() < self.faults_max {
            self.faults.push(Fault { file, line, kind });
        } else {
            self.untold += 1;
        }
    }

    /// Told once: behind a rewritten record every later anchor contradicts the log as well.
    pub(super) fn contradict(&mut self, file: String, line: u64, n: u64) {
        if !std::mem::replace(&mut self.is_contradicted, true) {
            self.tell(file, line, FaultKind::Contradicted { n });
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.kind)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered => f.write_str("the line was altered"),
            Self::Unlinked => f.write_str("the line before was rewritten"),
            Self::Dropped { from, to } => write!(f, "records {from} to {to} are missing"),
            Self::Swapped { n } => write!(f, "{n} stands at another place than it was written to"),
            Self::Repeated { n } => write!(f, "{n} is there twice"),
            Self::CutOff { last, vouched } => {
                write!(f, "the log ends at record {last}, an anchor vouches for {vouched}")
            }
            Self::SegmentsMissing { from, to } => write!(f, "segments {from} to {to} are missing"),
            Self::NoHeader => f.write_str("the segment does not begin with its header"),
            Self::Unvouched => f.write_str("no anchor vouches for the beginning of the log"),
            Self::Contradicted { n } => write!(f, "a signed anchor has another hash of record {n}"),
            Self::AnchorsDropped { from, to } => write!(f, "anchors {from} to {to} are missing"),
            Self::BadSignature => f.write_str("the signature of the anchor is not good"),
            Self::Foreign => f.write_str("the line belongs to another platform"),
            Self::UnknownLine => f.write_str("the line is none of this log"),
        }
    }
}
