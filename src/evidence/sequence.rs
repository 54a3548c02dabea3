//! Judges the lines of a log in the order they stand: which are missing, moved, doubled or rewritten.
//!
//! Behind every fault the next line is believed where it stands, so that each happening is told once. Memory is
//! bounded: of what stands out of order, `KEPT_MAX` are remembered.

use std::collections::{BTreeMap, BTreeSet};

use super::folder::name_of;
use super::line::{AnchorFields, Chain, Header};
use super::report::Told;
use super::{FaultKind, Head};

/// The line under judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) line: u64,
}

#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// Number of the next record; `None` before the first good line.
    expected: Option<u64>,
    /// Of the last good line.
    chain: Chain,
    /// Damaged lines since the last good one: each may have been the next record.
    slack: u64,
    /// The last header was that of another segment, so the next may begin anywhere.
    is_adrift: bool,
    jump: Option<Jump>,
    /// Numbers that stood too early.
    strays: BTreeSet<u64>,
    /// Missing so far, first to last, and where that showed; a moved record may still fill them.
    gaps: BTreeMap<u64, (u64, Place)>,
    /// An anchor for a record that has not been seen.
    claim: Option<(Place, u64)>,
    anchor_next: Option<u64>,
    anchor_slack: u64,
    /// Records are missing, which has been told; the anchors among them went with them.
    has_lost_anchors: bool,
    platform: Option<String>,
    pub(super) oldest: u64,
    pub(super) last: Head,
    pub(super) records: u64,
    /// The highest record an anchor in the segments spoke of.
    pub(super) vouched: u64,
}

/// A record that stands further than expected: the next line decides whether it was moved here, or records before it
/// are missing.
#[derive(Clone, Copy, Debug)]
struct Jump {
    place: Place,
    n: u64,
    chain: Chain,
}

impl Sequence {
    /// A line that cannot be believed.
    pub(super) fn damaged(&mut self, place: Place, kind: FaultKind, told: &mut Told) {
        self.settle(told);
        self.slack += 1;
        self.anchor_slack += 1;
        tell(told, place, kind);
    }

    pub(super) fn record(
        &mut self,
        place: Place,
        (n, prev, chain): (u64, Chain, Chain),
        told: &mut Told,
    ) {
        if place.line == 1 {
            self.damaged(place, FaultKind::NoHeader, told);
        }
        if let Some(jump) = self.jump.take() {
            if n > jump.n {
                self.believe(jump, told);
            } else {
                tell(told, jump.place, FaultKind::Swapped { n: jump.n });
                self.strays.insert(jump.n);
                if self.strays.len() > KEPT_MAX {
                    self.strays.pop_first();
                }
            }
        }
        let expected = self.expected.unwrap_or(n);
        if n < expected {
            let kind = if self.fill(n, told) || self.strays.remove(&n) {
                FaultKind::Swapped { n }
            } else {
                FaultKind::Repeated { n }
            };
            return tell(told, place, kind);
        }
        let reach = expected.saturating_add(self.slack);
        if n > reach && self.first_missing(reach, n).is_some() {
            self.jump = Some(Jump { place, n, chain });
            return;
        }
        let is_next = n == expected && self.slack == 0 && self.expected.is_some();
        if is_next && prev != self.chain {
            tell(told, place, FaultKind::Unlinked);
        }
        self.accept(n, chain, told);
    }

    pub(super) fn header(
        &mut self,
        place: Place,
        (header, prev, chain): (&Header, Chain, Chain),
        told: &mut Told,
    ) {
        self.settle(told);
        if place.line != 1 {
            return tell(told, place, FaultKind::UnknownLine);
        }
        if self.platform.get_or_insert_with(|| header.platform.clone()) != &header.platform {
            tell(told, place, FaultKind::Foreign);
        }
        let first = header.first;
        let was_adrift = std::mem::take(&mut self.is_adrift);
        if was_adrift || header.segment != place.segment {
            self.anchor_next = None;
            self.has_lost_anchors = true;
        }
        if header.segment != place.segment {
            self.is_adrift = true;
            tell(told, place, FaultKind::Swapped { n: first });
        } else if let Some(expected) = self.expected.filter(|_| !was_adrift) {
            let reach = expected.saturating_add(self.slack);
            if self.first_missing(reach, first).is_some() {
                self.miss(reach, first, place, told);
            } else if first < expected || self.slack == 0 && prev != self.chain {
                tell(told, place, FaultKind::Unlinked);
            }
        } else if header.segment == 1 && first > 1 {
            self.miss(1, first, place, told);
        }
        self.expected = Some(first);
        self.last = Head { number: first.saturating_sub(1), chain: prev };
        self.chain = chain;
        self.slack = 0;
        self.oldest = self.oldest.max(header.oldest);
    }

    /// An anchor whose signature is good or was not looked at.
    pub(super) fn anchor(&mut self, place: Place, anchor: &AnchorFields, told: &mut Told) {
        self.settle(told);
        if place.line == 1 {
            self.damaged(place, FaultKind::NoHeader, told);
        }
        if self.platform.get_or_insert_with(|| anchor.platform.clone()) != &anchor.platform {
            return tell(told, place, FaultKind::Foreign);
        }
        let next = self.anchor_next.unwrap_or(anchor.anchor);
        let reach = next.saturating_add(self.anchor_slack);
        let is_late = anchor.anchor < next;
        if anchor.anchor > reach && !self.has_lost_anchors {
            let to = anchor.anchor - 1;
            tell(told, place, FaultKind::AnchorsDropped { from: reach, to });
        }
        self.anchor_next = Some(next.max(anchor.anchor.saturating_add(1)));
        self.anchor_slack = 0;
        self.has_lost_anchors = false;
        if is_late || anchor.n < self.last.number {
            tell(told, place, FaultKind::Swapped { n: anchor.n });
        } else if anchor.n > self.last.number {
            self.vouched = self.vouched.max(anchor.n);
            self.claim = Some((place, anchor.n)).filter(|_| self.slack == 0);
        } else if anchor.chain != self.last.chain {
            told.contradict(name_of(place.segment), place.line, anchor.n);
        }
    }

    /// Of the first segment.
    pub(super) const fn expect_anchor(&mut self, number: u64) {
        self.anchor_next = Some(number);
    }

    /// A signature that does not hold; the line says nothing, and was no record.
    pub(super) fn bad_anchor(&mut self, place: Place, told: &mut Told) {
        self.settle(told);
        self.anchor_slack += 1;
        tell(told, place, FaultKind::BadSignature);
    }

    /// The segments behind this place are gone, which has been told.
    pub(super) fn lose_segments(&mut self, told: &mut Told) {
        self.settle(told);
        self.is_adrift = true;
        self.has_lost_anchors = true;
    }

    /// Nothing follows. Tells what is still missing.
    pub(super) fn end(&mut self, told: &mut Told) {
        self.settle(told);
        for (from, (to, place)) in std::mem::take(&mut self.gaps) {
            tell(told, place, FaultKind::Dropped { from, to });
        }
    }

    /// The highest record that may be in the log: those that were seen, those moved forward, and the damaged lines at
    /// the end.
    pub(super) fn reach(&self) -> u64 {
        let mut next = self.expected.unwrap_or(1);
        while next < u64::MAX && self.strays.contains(&next) {
            next += 1;
        }
        next.saturating_sub(1).saturating_add(self.slack)
    }

    /// Number of the last anchor in the segments, and how many more may be there as damaged lines.
    pub(super) fn last_anchor(&self) -> Option<(u64, u64)> {
        Some((self.anchor_next?.saturating_sub(1), self.anchor_slack()))
    }

    /// How many anchors may have been lost since the last good one without being told again.
    pub(super) const fn anchor_slack(&self) -> u64 {
        if self.has_lost_anchors { u64::MAX } else { self.anchor_slack }
    }

    /// Since the last good anchor.
    pub(super) const fn damaged_lines(&self) -> u64 {
        self.anchor_slack
    }

    pub(super) fn platform(&self) -> Option<&str> {
        self.platform.as_deref()
    }

    /// Where the next header links to.
    pub(super) const fn link(&self) -> Chain {
        self.chain
    }

    fn accept(&mut self, n: u64, chain: Chain, told: &mut Told) {
        if let Some((place, claimed)) = self.claim.take_if(|(_, claimed)| *claimed >= n) {
            tell(told, place, FaultKind::Swapped { n: claimed });
        }
        self.claim = None;
        self.expected = Some(n.saturating_add(1));
        self.chain = chain;
        self.slack = 0;
        self.last = Head { number: n, chain };
        self.records += 1;
    }

    fn settle(&mut self, told: &mut Told) {
        if let Some(jump) = self.jump.take() {
            self.believe(jump, told);
        }
    }

    fn believe(&mut self, jump: Jump, told: &mut Told) {
        let from = self.expected.unwrap_or(jump.n).saturating_add(self.slack);
        self.miss(from, jump.n, jump.place, told);
        self.claim = None;
        self.accept(jump.n, jump.chain, told);
    }

    /// The first number from `from` to before `to` that was not seen earlier.
    fn first_missing(&self, from: u64, to: u64) -> Option<u64> {
        let mut next = from;
        while next < to && self.strays.contains(&next) {
            next += 1;
        }
        (next < to).then_some(next)
    }

    /// Remembers `from` to before `to` as missing, without what stood too early.
    fn miss(&mut self, mut from: u64, to: u64, place: Place, told: &mut Told) {
        self.has_lost_anchors = true;
        while let Some(first) = self.first_missing(from, to) {
            let end = self.strays.range(first..to).next().copied().unwrap_or(to);
            self.add_gap(first, end - 1, place, told);
            from = end;
        }
    }

    fn add_gap(&mut self, from: u64, to: u64, place: Place, told: &mut Told) {
        self.gaps.insert(from, (to, place));
        if self.gaps.len() > KEPT_MAX
            && let Some((from, (to, place))) = self.gaps.pop_first()
        {
            tell(told, place, FaultKind::Dropped { from, to });
        }
    }

    /// Takes `n` out of the gap it belongs to.
    fn fill(&mut self, n: u64, told: &mut Told) -> bool {
        let Some((&from, &(to, place))) = self.gaps.range(..=n).next_back() else { return false };
        if n > to {
            return false;
        }
        self.gaps.remove(&from);
        if from < n {
            self.add_gap(from, n - 1, place, told);
        }
        if n < to {
            self.add_gap(n + 1, to, place, told);
        }
        true
    }
}

fn tell(told: &mut Told, place: Place, kind: FaultKind) {
    told.tell(name_of(place.segment), place.line, kind);
}

const KEPT_MAX: usize = 1024;
