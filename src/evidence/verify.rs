//! Checks a whole log from its files alone, in one pass and bounded memory.
//!
//! A log that is being written can be checked too: it is read as far as it went at the beginning. When retention
//! removes a segment meanwhile the check fails with `NotFound`; check again.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use super::anchors::AnchorFile;
use super::folder::{ANCHORS, name_of, segments};
use super::sequence::Place;
use super::walk::{End, Walk};
use super::{FaultKind, Note, Report, Verifier};

pub struct VerifyOptions<'a> {
    /// Without one, signatures are not looked at.
    pub verifier: Option<&'a dyn Verifier>,
    /// The report names so many, and counts the others.
    pub faults_max: usize,
}

impl fmt::Debug for VerifyOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyOptions")
            .field("faults_max", &self.faults_max)
            .finish_non_exhaustive()
    }
}

impl Default for VerifyOptions<'_> {
    fn default() -> Self {
        Self { verifier: None, faults_max: 1000 }
    }
}

/// Tells what happened to the log in `folder`; blocks. An error means that the files could not be read.
pub fn verify(folder: &Path, options: &VerifyOptions<'_>) -> io::Result<Report> {
    // In this order, so that in a log being written no anchor is ahead of what is read.
    let anchors = AnchorFile::whole(folder, options.verifier)?;
    let numbers = segments(folder)?;
    let mut walk = Walk::new(anchors, options.faults_max, options.verifier);
    let mut report = Report { segments: numbers.len() as u64, ..Report::default() };
    let mut end = None;
    let mut before = None;
    for (index, number) in numbers.iter().copied().enumerate() {
        if let Some(former) = before.filter(|former| former + 1 < number) {
            walk.sequence.lose_segments(&mut walk.told);
            missing(&mut walk, former + 1, number - 1);
        }
        let file = File::open(folder.join(name_of(number)))?;
        let bytes = file.metadata()?.len();
        let ended = walk.segment(file, number, bytes)?;
        let is_last = index + 1 == numbers.len();
        if is_last && ended.torn_bytes > 0 {
            let bytes = ended.torn_bytes;
            report.notes.push(Note::TornTail { file: name_of(number), bytes });
        } else if ended.torn_bytes > 0 {
            let place = Place { segment: number, line: ended.lines + 1 };
            walk.sequence.damaged(place, FaultKind::Altered, &mut walk.told);
        }
        end = Some((number, ended));
        before = Some(number);
    }
    conclude(&mut walk, numbers.first().copied(), end)?;
    Ok(tell(walk, report))
}

/// What only the whole log shows.
fn conclude(walk: &mut Walk<'_>, oldest: Option<u64>, end: Option<(u64, End)>) -> io::Result<()> {
    let told = &mut walk.told;
    walk.sequence.end(told);
    if let Some(begin) = walk.begin.filter(|begin| begin.before.number > 0 && !begin.is_vouched)
        && begin.at.segment > 1
    {
        told.tell(name_of(begin.at.segment), begin.at.line, FaultKind::Unvouched);
    }
    let vouched = walk.anchors.finish(told)?.max(walk.sequence.vouched);
    let (file, line) = match end {
        Some((segment, end)) => (name_of(segment), end.lines),
        None => (ANCHORS.to_owned(), 0),
    };
    let reach = walk.sequence.reach();
    if vouched > reach {
        let last = walk.sequence.last.number;
        told.tell(file, line, FaultKind::CutOff { last, vouched });
    } else {
        walk.compare_anchors(file, line);
    }
    match oldest {
        Some(first) if walk.sequence.oldest < first && walk.begin.is_some() => {
            let from = walk.sequence.oldest.max(1);
            missing(walk, from, first - 1);
        }
        _ => {}
    }
    let names = (walk.anchors.last.as_ref(), walk.sequence.platform());
    if let (Some(anchor), Some(platform)) = names
        && anchor.platform != platform
    {
        walk.told.tell(ANCHORS.to_owned(), 0, FaultKind::Foreign);
    }
    Ok(())
}

fn missing(walk: &mut Walk<'_>, from: u64, to: u64) {
    walk.told.tell(name_of(from), 0, FaultKind::SegmentsMissing { from, to });
}

fn tell(walk: Walk<'_>, mut report: Report) -> Report {
    if walk.anchors.torn_bytes > 0 {
        let bytes = walk.anchors.torn_bytes;
        report.notes.push(Note::TornTail { file: ANCHORS.to_owned(), bytes });
    }
    let listed = walk.anchors.last.as_ref().map_or(0, |anchor| anchor.anchor);
    if let Some((last, _)) = walk.sequence.last_anchor()
        && last == listed + walk.anchors.slack + 1
    {
        report.notes.push(Note::AnchorLate { anchor: last });
    }
    for (segment, broken) in walk.breaks {
        let (damaged_file, damaged_line) = (broken.file, broken.line);
        report.notes.push(Note::Break { file: name_of(segment), damaged_file, damaged_line });
    }
    report.records = walk.sequence.records;
    if let Some(begin) = walk.begin.filter(|_| report.records > 0) {
        (report.first, report.since_ms) = (begin.before.number + 1, begin.since_ms);
    }
    report.last = walk.sequence.last;
    report.signatures_checked = walk.signatures_checked + walk.anchors.signatures_checked;
    report.faults = walk.told.faults;
    report.faults_untold = walk.told.untold;
    report.faults.sort();
    report
}
