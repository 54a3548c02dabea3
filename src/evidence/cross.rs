//! Compares the logs of several platforms: every head that one recorded with a call must be in the log of the other.
//! So a cut tail shows that its own log cannot tell.
//!
//! References are gathered and looked up `REFERENCES_MAX` at a time (80 bytes each); every such round reads the logs
//! that are referred to once.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::PeerChain;
use super::anchors::AnchorFile;
use super::folder::{name_of, segments};
use super::line::{self, Chain, Line};
use super::lines::{Lines, Raw};
use super::report::Told;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrossReport {
    /// Heads of others found in the logs, and what became of those that are in no fault and were not found right.
    pub references: u64,
    /// Older than what retention left in the log referred to.
    pub beyond_retention: u64,
    /// To a platform whose log was not given.
    pub unknown_platform: u64,
    pub faults: Vec<CrossFault>,
    pub faults_untold: u64,
}

/// The log of `platform` does not hold what another platform recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossFault {
    pub platform: String,
    /// Of the record referred to.
    pub n: u64,
    pub kind: CrossKind,
    /// Who recorded it, and where.
    pub told_by: String,
    pub file: String,
    pub line: u64,
}

impl fmt::Display for CrossFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { platform, n, kind, told_by, file, line } = self;
        match kind {
            CrossKind::CutOff { last, references } => write!(
                f,
                "{platform} ends at record {last}; {references} references reach up to {n} ({told_by}/{file}:{line})"
            ),
            CrossKind::Missing => {
                write!(f, "{platform} has no record {n}, which {told_by}/{file}:{line} refers to")
            }
            CrossKind::Contradicted => {
                write!(
                    f,
                    "record {n} of {platform} is not the one that {told_by}/{file}:{line} saw"
                )
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossKind {
    /// The log ends at `last`; `n` is the highest of so many references behind that.
    CutOff { last: u64, references: u64 },
    /// The record is not in the log, or not whole.
    Missing,
    /// The record has another hash now. After a crash this can mean that the head was sent before it was on disk
    /// (`Evidence::durable` prevents that).
    Contradicted,
}

/// Checks what intact records refer to; damage inside a log is for `verify`. Blocks. An error means that a file could
/// not be read.
pub fn cross_check(logs: &[(String, PathBuf)]) -> io::Result<CrossReport> {
    check(logs, REFERENCES_MAX)
}

pub(super) fn check(logs: &[(String, PathBuf)], references_max: usize) -> io::Result<CrossReport> {
    let mut round = Round { logs, references: Vec::new(), report: CrossReport::default() };
    for (log, (_, folder)) in logs.iter().enumerate() {
        for segment in segments(folder)? {
            let mut lines = Lines::new(File::open(folder.join(name_of(segment)))?, u64::MAX);
            while let Some(raw) = lines.next()? {
                if let Some(carried) = carried(&raw) {
                    for peer in carried.peer_chain.iter().chain(&carried.next_chain) {
                        round.gather(peer, At { log, segment, line: lines.number() });
                    }
                }
                if round.references.len() >= references_max {
                    round.look_up()?;
                }
            }
        }
    }
    round.look_up()?;
    Ok(round.report)
}

/// References waiting to be looked up.
struct Round<'a> {
    logs: &'a [(String, PathBuf)],
    references: Vec<Reference>,
    report: CrossReport,
}

#[derive(Clone, Copy)]
struct Reference {
    /// Index of the log referred to.
    peer: usize,
    n: u64,
    chain: Chain,
    at: At,
    state: State,
}

/// Where a reference stands.
#[derive(Clone, Copy)]
struct At {
    log: usize,
    segment: u64,
    line: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    Right,
    Wrong,
}

/// Which records a log holds.
struct Extent {
    /// Records up to this one were removed by retention.
    before: u64,
    last: u64,
}

impl Round<'_> {
    fn gather(&mut self, carried: &PeerChain, at: At) {
        self.report.references += 1;
        // Before its first record a log has nothing to lose.
        if carried.n == 0 {
            return;
        }
        match self.logs.iter().position(|(platform, _)| *platform == carried.platform) {
            Some(peer) => {
                let (n, chain) = (carried.n, carried.chain);
                self.references.push(Reference { peer, n, chain, at, state: State::Unseen });
            }
            None => self.report.unknown_platform += 1,
        }
    }

    fn look_up(&mut self) -> io::Result<()> {
        let mut references = std::mem::take(&mut self.references);
        references.sort_unstable_by_key(|reference| (reference.peer, reference.n));
        for mine in references.chunk_by_mut(|left, right| left.peer == right.peer) {
            let Some(peer) = mine.first().map(|reference| reference.peer) else { continue };
            let Some((platform, folder)) = self.logs.get(peer) else { continue };
            let extent = compare(folder, mine)?;
            self.judge(platform, &extent, mine);
        }
        references.clear();
        self.references = references;
        Ok(())
    }

    fn judge(&mut self, platform: &str, extent: &Extent, references: &[Reference]) {
        let last = extent.last;
        let mut behind = 0;
        for reference in references {
            match reference.state {
                State::Right => {}
                State::Wrong => self.tell(platform, reference, CrossKind::Contradicted),
                State::Unseen if reference.n > last => behind += 1,
                State::Unseen if reference.n <= extent.before => self.report.beyond_retention += 1,
                State::Unseen => self.tell(platform, reference, CrossKind::Missing),
            }
        }
        if let Some(highest) = references.last().filter(|_| behind > 0) {
            self.cut_off(platform, highest, last, behind);
        }
    }

    /// One fault for each log, whatever the number of rounds.
    fn cut_off(&mut self, platform: &str, highest: &Reference, last: u64, behind: u64) {
        let known = self.report.faults.iter_mut().find(|fault| {
            fault.platform == platform && matches!(fault.kind, CrossKind::CutOff { .. })
        });
        match known {
            Some(fault) => {
                if let CrossKind::CutOff { references, .. } = &mut fault.kind {
                    *references += behind;
                }
                fault.n = fault.n.max(highest.n);
            }
            None => self.tell(platform, highest, CrossKind::CutOff { last, references: behind }),
        }
    }

    fn tell(&mut self, platform: &str, reference: &Reference, kind: CrossKind) {
        if self.report.faults.len() >= FAULTS_MAX {
            self.report.faults_untold += 1;
            return;
        }
        let told_by = self.logs.get(reference.at.log).map_or("", |(name, _)| name.as_str());
        self.report.faults.push(CrossFault {
            platform: platform.to_owned(),
            n: reference.n,
            kind,
            told_by: told_by.to_owned(),
            file: name_of(reference.at.segment),
            line: reference.at.line,
        });
    }
}

/// Looks for the references, sorted by `n`, in a log and the anchors it kept.
fn compare(folder: &Path, references: &mut [Reference]) -> io::Result<Extent> {
    let mut extent = Extent { before: 0, last: 0 };
    let mut is_first = true;
    for segment in segments(folder)? {
        let mut lines = Lines::new(File::open(folder.join(name_of(segment)))?, u64::MAX);
        while let Some(raw) = lines.next()? {
            let Raw::Line(text) = raw else { continue };
            match line::parse(text) {
                Line::Record { n, chain, .. } => {
                    extent.last = extent.last.max(n);
                    meet(references, n, chain);
                }
                Line::Header { header, .. } if std::mem::take(&mut is_first) => {
                    extent.before = header.first.saturating_sub(1);
                    extent.last = extent.before;
                }
                Line::Header { .. } | Line::Anchor(_) | Line::Altered | Line::Unknown => {}
            }
        }
    }
    let mut anchors = AnchorFile::whole(folder, None)?;
    // Faults of the anchors are for `verify`.
    let mut told = Told::new(0);
    while let Some(head) = anchors.read(&mut told)? {
        if head.number <= extent.before {
            meet(references, head.number, head.chain);
        }
    }
    Ok(extent)
}

fn meet(references: &mut [Reference], n: u64, chain: Chain) {
    let from = references.partition_point(|reference| reference.n < n);
    for reference in references.iter_mut().skip(from).take_while(|reference| reference.n == n) {
        let is_right = reference.chain == chain || reference.state == State::Right;
        reference.state = if is_right { State::Right } else { State::Wrong };
    }
}

fn carried(raw: &Raw<'_>) -> Option<Carried> {
    let Raw::Line(text) = raw else { return None };
    memchr::memmem::find(text, b"Chain\":{")?;
    let Line::Record { .. } = line::parse(text) else { return None };
    serde_json::from_slice(text).ok()
}

/// The part of a record that speaks of the other ends: who called, and who was called.
#[derive(Deserialize)]
struct Carried {
    #[serde(rename = "peerChain")]
    peer_chain: Option<PeerChain>,
    #[serde(rename = "nextChain")]
    next_chain: Option<PeerChain>,
}

const REFERENCES_MAX: usize = 1_000_000;
const FAULTS_MAX: usize = 1000;
