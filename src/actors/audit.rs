//! The judge of the traffic: every accepted (document, recipient) in exactly one inbox.
//!
//! It hears of receipts from senders and of deliveries from readers, and shares nothing else with either. A file is
//! known by its digest, so a document that comes back under another id is found as well.
//!
//! Invariant: what is open is never forgotten; of what is settled the last `SETTLED_MAX` are remembered.

use super::cast::RoleIx;
use super::tally::Times;
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::envelope::DocId;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// The first half of a file's SHA-256.
pub(super) type Digest = u128;

/// A message as its receipt names it for one recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    pub(super) receiver: DocId,
    pub(super) to: AgencyCode,
    pub(super) sender: RoleIx,
    pub(super) digest: Digest,
    /// When its sender began to hand it in.
    pub(super) sent_at: Timestamp,
    pub(super) is_status: bool,
}

/// A message as it lay in an inbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) receiver: DocId,
    pub(super) to: AgencyCode,
    pub(super) digest: Digest,
    pub(super) at: Timestamp,
    pub(super) is_status: bool,
}

#[derive(Debug, Default)]
pub(super) struct Auditor {
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    /// Promised by a receipt and not yet seen.
    owed: BTreeMap<DocId, Owed>,
    /// Seen before the receipt was, or sent by somebody else.
    early: BTreeMap<DocId, Seen>,
    /// Documents among those, and among what was forgotten of them.
    early_documents: u64,
    settled: BTreeSet<DocId>,
    settled_order: VecDeque<(DocId, AgencyCode, Digest)>,
    /// Which files lay in which inbox, under which id.
    files: BTreeMap<(AgencyCode, Digest), DocId>,
    /// Documents seen whose 01 has not come back: the document's id hashed, the recipient.
    unanswered: BTreeSet<(u64, AgencyCode)>,
    findings: Findings,
    times: Times,
}

/// What was wrong, and how much was right.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Findings {
    /// (Document, recipient) pairs that a receipt promised, statuses included.
    pub accepted: u64,
    /// Of those, seen in the inbox they were meant for.
    pub seen: u64,
    /// Promised and seen nowhere, though the sender's platform says that it arrived or knows nothing of it.
    pub lost: u64,
    /// Still on its way when the audit ended.
    pub under_way: u64,
    /// Given back to the sender with a reason.
    pub returned: u64,
    /// Delivered again after it had been confirmed, or once more under another id.
    pub twice: u64,
    /// In the inbox of another agency.
    pub astray: u64,
    /// Other bytes than were sent.
    pub altered: u64,
    /// Delivered again because a connection broke before the confirmation: allowed, and recognised.
    pub repeated: u64,
    /// Documents seen whose status 01 did not come back to the sender.
    pub unanswered: u64,
}

impl Findings {
    /// Every accepted (document, recipient) is in exactly one inbox, with the bytes that were sent.
    pub const fn are_clean(&self) -> bool {
        self.lost == 0
            && self.under_way == 0
            && self.returned == 0
            && self.twice == 0
            && self.astray == 0
            && self.altered == 0
            && self.seen == self.accepted
    }
}

impl Default for Book {
    fn default() -> Self {
        Self {
            owed: BTreeMap::new(),
            early: BTreeMap::new(),
            early_documents: 0,
            settled: BTreeSet::new(),
            settled_order: VecDeque::new(),
            files: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            findings: Findings::default(),
            times: Times::new(),
        }
    }
}

impl Auditor {
    /// A receipt promised this. The same promise again (a repeated submission) changes nothing.
    pub(super) fn accepted(&self, owed: Owed) {
        let mut book = self.book.lock();
        if book.settled.contains(&owed.receiver) || book.owed.contains_key(&owed.receiver) {
            return;
        }
        book.findings.accepted += 1;
        match book.early.remove(&owed.receiver) {
            Some(seen) => {
                book.early_documents -= u64::from(!seen.is_status);
                book.settle(&owed, &seen);
            }
            None => drop(book.owed.insert(owed.receiver, owed)),
        }
    }

    /// A reader found this in its inbox for the first time.
    pub(super) fn seen(&self, seen: Seen) {
        let mut book = self.book.lock();
        let former = book.files.insert((seen.to, seen.digest), seen.receiver);
        let is_known =
            book.settled.contains(&seen.receiver) || book.early.contains_key(&seen.receiver);
        if is_known || former.is_some_and(|id| id != seen.receiver) {
            book.findings.twice += 1;
            return;
        }
        match book.owed.remove(&seen.receiver) {
            Some(owed) => book.settle(&owed, &seen),
            None => book.wait_for_receipt(seen),
        }
    }

    /// A reader was given once more what it knew. Within one connection nothing excuses that.
    pub(super) fn again(&self, is_same_connection: bool) {
        let findings = &mut self.book.lock().findings;
        if is_same_connection {
            findings.twice += 1;
        } else {
            findings.repeated += 1;
        }
    }

    /// A document lies with `recipient`, which owes its sender a 01.
    pub(super) fn owes_arrival(&self, document: u64, recipient: AgencyCode) {
        let mut book = self.book.lock();
        if book.unanswered.len() < SETTLED_MAX {
            book.unanswered.insert((document, recipient));
        }
    }

    /// The sender has the 01.
    pub(super) fn arrival_is_back(&self, document: u64, recipient: AgencyCode) {
        self.book.lock().unanswered.remove(&(document, recipient));
    }

    pub(super) fn open(&self) -> usize {
        self.book.lock().owed.len()
    }

    /// Documents in inboxes that no receipt has promised: of flows, of commands, of an earlier run.
    pub(super) fn of_others(&self) -> u64 {
        self.book.lock().early_documents
    }

    /// What was promised and not seen, to be asked for at the sender's platform.
    pub(super) fn still_owed(&self) -> Vec<Owed> {
        self.book.lock().owed.values().copied().collect()
    }

    /// The sender's platform says where a missing one is.
    pub(super) fn explained(&self, receiver: DocId, whereabouts: Whereabouts) {
        let mut book = self.book.lock();
        if book.owed.remove(&receiver).is_none() {
            return;
        }
        match whereabouts {
            Whereabouts::UnderWay => book.findings.under_way += 1,
            Whereabouts::Returned => book.findings.returned += 1,
            Whereabouts::Nowhere => book.findings.lost += 1,
        }
    }

    /// What nobody explained counts as lost.
    pub(super) fn findings(&self) -> Findings {
        let book = self.book.lock();
        let mut findings = book.findings.clone();
        findings.lost += book.owed.len() as u64;
        findings.unanswered = book.unanswered.len() as u64;
        findings
    }

    /// End to end, documents only: the median and the time that 99 % did not exceed.
    pub(super) fn times(&self) -> (Duration, Duration) {
        let book = self.book.lock();
        (book.times.share(500), book.times.share(990))
    }
}

/// Where a missing document is, by the word of the sender's platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    UnderWay,
    Returned,
    /// It is said to have arrived, but no reader has it; or nobody knows it.
    Nowhere,
}

impl Book {
    fn settle(&mut self, owed: &Owed, seen: &Seen) {
        if seen.to != owed.to {
            self.findings.astray += 1;
            return;
        }
        if seen.digest != owed.digest {
            self.findings.altered += 1;
        }
        self.findings.seen += 1;
        if !owed.is_status {
            self.times.add(seen.at.since(owed.sent_at));
        }
        self.settled.insert(owed.receiver);
        self.settled_order.push_back((owed.receiver, seen.to, seen.digest));
        if self.settled_order.len() > SETTLED_MAX
            && let Some((oldest, to, digest)) = self.settled_order.pop_front()
        {
            self.settled.remove(&oldest);
            self.files.remove(&(to, digest));
        }
    }

    fn wait_for_receipt(&mut self, seen: Seen) {
        self.early_documents += u64::from(!seen.is_status);
        self.early.insert(seen.receiver, seen);
        // Left over from an earlier run, or from a sender that is not of the cast: no receipt will come.
        if self.early.len() > EARLY_MAX
            && let Some((_, oldest)) = self.early.pop_first()
        {
            self.files.remove(&(oldest.to, oldest.digest));
        }
    }
}

/// Settled messages that are remembered, to find one that comes twice.
const SETTLED_MAX: usize = 200_000;
/// Messages without a receipt that are remembered. DocIds begin with their time, so the oldest goes first.
const EARLY_MAX: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> AgencyCode {
        AgencyCode::parse(text).unwrap()
    }

    fn owed(receiver: u128, to: &str, digest: Digest) -> Owed {
        let sent_at = Timestamp::from_ms(1_000);
        Owed {
            receiver: DocId(receiver),
            to: code(to),
            sender: 0,
            digest,
            sent_at,
            is_status: false,
        }
    }

    fn seen(receiver: u128, to: &str, digest: Digest) -> Seen {
        let at = Timestamp::from_ms(1_040);
        Seen { receiver: DocId(receiver), to: code(to), digest, at, is_status: false }
    }

    #[test]
    fn what_is_promised_and_seen_once_is_clean_in_either_order() {
        let auditor = Auditor::default();
        auditor.accepted(owed(1, "H60", 7));
        auditor.accepted(owed(1, "H60", 7));
        assert_eq!(auditor.open(), 1);
        auditor.seen(seen(1, "H60", 7));
        auditor.seen(seen(2, "G12", 7));
        auditor.accepted(owed(2, "G12", 7));
        auditor.again(false);
        let findings = auditor.findings();
        assert!(findings.are_clean(), "{findings:?}");
        assert_eq!((findings.accepted, findings.seen, findings.repeated), (2, 2, 1));
        assert_eq!(auditor.times().0.as_millis() / 10, 4);
    }

    /// The judge must be able to say no to each thing that can go wrong.
    #[test]
    fn every_wrong_is_found() {
        let not_seen = Auditor::default();
        not_seen.accepted(owed(1, "H60", 7));
        assert_eq!(not_seen.findings().lost, 1);
        not_seen.explained(DocId(1), Whereabouts::UnderWay);
        assert_eq!((not_seen.findings().lost, not_seen.findings().under_way), (0, 1));

        let twice = Auditor::default();
        twice.accepted(owed(1, "H60", 7));
        twice.seen(seen(1, "H60", 7));
        twice.seen(seen(1, "H60", 7));
        assert_eq!(twice.findings().twice, 1);

        let under_another_id = Auditor::default();
        under_another_id.accepted(owed(1, "H60", 7));
        under_another_id.seen(seen(1, "H60", 7));
        under_another_id.seen(seen(2, "H60", 7));
        assert_eq!(under_another_id.findings().twice, 1);

        let same_connection = Auditor::default();
        same_connection.again(true);
        assert_eq!(same_connection.findings().twice, 1);

        let astray = Auditor::default();
        astray.accepted(owed(1, "H60", 7));
        astray.seen(seen(1, "H26", 7));
        assert_eq!(astray.findings().astray, 1);

        let altered = Auditor::default();
        altered.accepted(owed(1, "H60", 7));
        altered.seen(seen(1, "H60", 8));
        assert_eq!(altered.findings().altered, 1);

        for auditor in [not_seen, twice, under_another_id, same_connection, astray, altered] {
            assert!(!auditor.findings().are_clean(), "{:?}", auditor.findings());
        }
    }

    #[test]
    fn documents_of_others_are_those_that_no_receipt_promises() {
        let auditor = Auditor::default();
        auditor.seen(seen(1, "H60", 7));
        auditor.seen(seen(2, "H60", 8));
        auditor.seen(Seen { is_status: true, ..seen(3, "H60", 9) });
        assert_eq!(auditor.of_others(), 2);
        auditor.accepted(owed(2, "H60", 8));
        auditor.accepted(Owed { is_status: true, ..owed(3, "H60", 9) });
        assert_eq!(auditor.of_others(), 1, "the receipt came behind the document");
        assert!(auditor.findings().are_clean());
    }

    #[test]
    fn a_document_without_its_01_is_noted() {
        let auditor = Auditor::default();
        auditor.owes_arrival(9, code("H60"));
        auditor.owes_arrival(9, code("H26"));
        auditor.arrival_is_back(9, code("H60"));
        assert_eq!(auditor.findings().unanswered, 1);
    }
}
