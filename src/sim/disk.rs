//! A modelled disk: what is durable, in segments, and what a power cut does to the rest.
//!
//! A batch is kept whole or not at all. Of a flush under way any first part may survive a cut, so that
//! whoever believes in more than the contract of `Journal` is found out.
//!
//! Invariant: a `Disk` outlives every process that writes to it; nothing but `reclaim` ever forgets.

use crate::clock::Timestamp;
use crate::domain::envelope::DocId;
use crate::domain::fact::Fact;
use crate::journal::{
    Batch, Content, DurableBatch, Entry, Lookup, Seq, StoredFact, Ticket, order_key_of,
};
use crate::random::Random;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// When the power goes, at one write of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Nothing of it is durable.
    BeforeFlush,
    /// Some of its batches are.
    Torn,
    /// All of it is, and nobody was told.
    AfterFlush,
}

/// What is to go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiskFaults {
    /// At the write of this number, counted from 1 over the disk's life.
    pub crash: Option<(u64, CrashPoint)>,
    /// The flush of this number fails.
    pub fail_at: Option<u64>,
    /// The share of flushes of which it is not known whether they became durable.
    pub unknown: f64,
}

/// What this write comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Durable,
    Crash(CrashPoint),
    Fail,
    /// With or without effect.
    Unknown {
        is_durable: bool,
    },
}

#[derive(Debug)]
pub struct Disk {
    segment_entries: usize,
    platter: Mutex<Platter>,
}

#[derive(Debug)]
struct Platter {
    durable: VecDeque<DurableBatch>,
    /// The last one is open.
    segments: VecDeque<Segment>,
    chunks: BTreeMap<u64, Bytes>,
    by_doc: BTreeMap<DocId, BTreeSet<Seq>>,
    by_key: BTreeMap<u64, BTreeSet<Seq>>,
    checkpoint: Option<(Seq, Bytes)>,
    last: Seq,
    bytes: u64,
    writes: u64,
    entries: u64,
    /// On the way to the platter.
    flight: Vec<Batch>,
    faults: DiskFaults,
    random: Random,
}

#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    first: Seq,
    last: Seq,
    entries: usize,
    newest: Timestamp,
    bytes: u64,
}

impl Disk {
    pub fn new(segment_entries: usize, seed: u64) -> Self {
        let platter = Platter {
            durable: VecDeque::new(),
            segments: VecDeque::new(),
            chunks: BTreeMap::new(),
            by_doc: BTreeMap::new(),
            by_key: BTreeMap::new(),
            checkpoint: None,
            last: Seq(0),
            bytes: 0,
            writes: 0,
            entries: 0,
            flight: Vec::new(),
            faults: DiskFaults::default(),
            random: Random::new(seed),
        };
        Self { segment_entries, platter: Mutex::new(platter) }
    }

    pub fn set_faults(&self, faults: DiskFaults) {
        self.platter.lock().faults = faults;
    }

    /// Flushes and checkpoints so far.
    pub fn writes(&self) -> u64 {
        self.platter.lock().writes
    }

    /// Entries ever made durable.
    pub fn entries(&self) -> u64 {
        self.platter.lock().entries
    }

    pub fn bytes(&self) -> u64 {
        self.platter.lock().bytes
    }

    /// Where the journal ends.
    pub fn end(&self) -> Seq {
        self.platter.lock().last
    }

    pub fn last_checkpoint(&self) -> Option<(Seq, Bytes)> {
        self.platter.lock().checkpoint.clone()
    }

    /// Makes a restart begin with the first entry.
    pub fn forget_checkpoint(&self) {
        self.platter.lock().checkpoint = None;
    }

    /// The power goes: of the flush under way a first part survives.
    pub fn cut_power(&self) {
        let mut platter = self.platter.lock();
        let flight = std::mem::take(&mut platter.flight);
        let kept = platter.random.below(flight.len() as u64 + 1);
        for batch in flight.into_iter().take(usize::try_from(kept).unwrap_or_default()) {
            platter.land(batch, self.segment_entries);
        }
    }

    /// Puts batches on the way to the platter. Says what will become of them.
    pub(super) fn begin_flush(&self, group: Vec<Batch>) -> Fate {
        let mut platter = self.platter.lock();
        platter.flight = group;
        let fate = platter.begin_write();
        if fate == Fate::Durable && platter.faults.unknown > 0.0 {
            let unknown = platter.faults.unknown;
            if platter.random.chance(unknown) {
                return Fate::Unknown { is_durable: platter.random.chance(0.5) };
            }
        }
        fate
    }

    /// They are durable: the places they have got.
    pub(super) fn finish_flush(&self) -> Vec<(Seq, Ticket)> {
        let mut platter = self.platter.lock();
        let flight = std::mem::take(&mut platter.flight);
        flight.into_iter().map(|batch| platter.land(batch, self.segment_entries)).collect()
    }

    /// Back on the way, and no write more.
    pub(super) fn begin_again(&self, group: Vec<Batch>) {
        self.platter.lock().flight = group;
    }

    /// They are not durable.
    pub(super) fn drop_flush(&self) -> Vec<Batch> {
        std::mem::take(&mut self.platter.lock().flight)
    }

    /// A write that failed may yet be found on the disk.
    pub(super) fn fail_flush(&self) -> Vec<Ticket> {
        let tickets = self.platter.lock().flight.iter().map(|batch| batch.ticket).collect();
        self.cut_power();
        tickets
    }

    pub(super) fn begin_checkpoint(&self) -> Fate {
        self.platter.lock().begin_write()
    }

    pub(super) fn keep_checkpoint(&self, upto: Seq, state: Bytes) {
        self.platter.lock().checkpoint = Some((upto, state));
    }

    /// Batches after `after`, about `limit` entries.
    pub(super) fn batches(&self, after: Seq, limit: usize) -> Vec<DurableBatch> {
        let platter = self.platter.lock();
        let from = platter.durable.partition_point(|batch| batch.last() <= after);
        let mut entries = 0;
        platter
            .durable
            .range(from..)
            .take_while(|batch| {
                let fits = entries < limit;
                entries += batch.entries.len();
                fits
            })
            .cloned()
            .collect()
    }

    pub(super) fn chunk(&self, seq: Seq) -> Option<Bytes> {
        self.platter.lock().chunks.get(&seq.0).cloned()
    }

    /// Facts of sealed segments.
    pub(super) fn find(&self, what: Lookup) -> Vec<StoredFact> {
        let platter = self.platter.lock();
        let places = match what {
            Lookup::Doc(id) => platter.by_doc.get(&id),
            Lookup::Key(key) => platter.by_key.get(&key),
        };
        let sealed = platter.segments.back().map_or(Seq(0), |open| open.first);
        let places = places.into_iter().flatten().copied().filter(|seq| *seq < sealed);
        places.filter_map(|seq| platter.stored(seq)).collect()
    }

    pub(super) fn reclaim(&self, before: Timestamp, pinned: &[Seq]) -> u64 {
        let mut platter = self.platter.lock();
        let Some(upto) = platter.checkpoint.as_ref().map(|(upto, _)| *upto) else { return 0 };
        let sealed = platter.segments.len().saturating_sub(1);
        let may_go = |segment: &Segment| {
            let from = pinned.partition_point(|pin| *pin < segment.first);
            segment.newest < before
                && segment.last <= upto
                && pinned.get(from).is_none_or(|pin| *pin > segment.last)
        };
        let gone: Vec<Segment> =
            platter.segments.iter().take(sealed).copied().filter(may_go).collect();
        for segment in &gone {
            platter.erase(segment);
        }
        gone.iter().map(|segment| segment.bytes).sum()
    }
}

impl Platter {
    fn begin_write(&mut self) -> Fate {
        self.writes += 1;
        if let Some((at, point)) = self.faults.crash
            && at == self.writes
        {
            return Fate::Crash(point);
        }
        if self.faults.fail_at == Some(self.writes) { Fate::Fail } else { Fate::Durable }
    }

    fn land(&mut self, batch: Batch, segment_entries: usize) -> (Seq, Ticket) {
        // Gaps are normal: numbers are places on the disk.
        let first = self.last.0 + 1 + self.random.below(100);
        let seqs: Arc<[Seq]> =
            (0..batch.entries.len() as u64).map(|place| Seq(first + place * 8)).collect();
        if self.segments.back().is_none_or(|open| open.entries >= segment_entries) {
            self.segments.push_back(Segment { first: Seq(first), ..Segment::default() });
        }
        let mut bytes = 0;
        for (entry, seq) in batch.entries.iter().zip(&*seqs) {
            bytes += entry.encoded_len() as u64;
            self.note(entry, *seq);
        }
        self.last = seqs.last().copied().unwrap_or(self.last);
        self.bytes += bytes;
        self.entries += batch.entries.len() as u64;
        let newest = batch.entries.iter().map(|entry| entry.at).max().unwrap_or_default();
        if let Some(open) = self.segments.back_mut() {
            open.last = self.last;
            open.entries += batch.entries.len();
            open.newest = open.newest.max(newest);
            open.bytes += bytes;
        }
        let entries: Arc<[Entry]> = batch.entries.into();
        self.durable.push_back(DurableBatch { ticket: Ticket(0), entries, seqs });
        (Seq(first), batch.ticket)
    }

    fn note(&mut self, entry: &Entry, seq: Seq) {
        let fact = match &entry.content {
            Content::Chunk(bytes) => {
                self.chunks.insert(seq.0, bytes.clone());
                return;
            }
            Content::Fact(fact) => fact,
        };
        let mut doc = |id: &Bytes| {
            if let Some(id) = DocId::from_slice(id) {
                self.by_doc.entry(id).or_default().insert(seq);
            }
        };
        match fact {
            Fact::Accepted(accepted) => {
                self.by_doc.entry(accepted.doc_id).or_default().insert(seq);
                for recipient in &*accepted.recipients {
                    self.by_doc.entry(recipient.doc_id).or_default().insert(seq);
                }
                for key in std::iter::once(order_key_of(accepted)).chain(accepted.replaced_keys()) {
                    self.by_key.entry(key).or_default().insert(seq);
                }
            }
            Fact::HandedOn(handed) => handed.receivers.iter().for_each(doc),
            Fact::Attempted(attempted) => doc(&attempted.receiver),
            Fact::Confirmed(confirmed) => {
                confirmed.receivers().for_each(|id| doc(&crate::domain::fact::id_bytes(id)));
            }
            Fact::Expired(expired) => doc(&expired.receiver),
            Fact::Progressed(news) => {
                doc(&news.doc_id);
                doc(&news.receiver);
            }
            Fact::AgencyRegistered(_)
            | Fact::AgencyRemoved(_)
            | Fact::AgencyLocked(_)
            | Fact::ServiceChanged(_) => {}
        }
    }

    fn stored(&self, seq: Seq) -> Option<StoredFact> {
        let at = self.durable.partition_point(|batch| batch.last() < seq);
        let batch = self.durable.get(at)?;
        let place = batch.seqs.binary_search(&seq).ok()?;
        let mut entry = batch.entries.get(place)?.clone();
        if let Content::Fact(Fact::Accepted(accepted)) = &mut entry.content {
            let preceding = accepted.body.as_ref().map_or(0, |body| body.preceding as usize);
            let chunks = batch.seqs.get(place.checked_sub(preceding)?..place)?;
            if preceding > 0 {
                Arc::make_mut(accepted).place_body(chunks.iter().map(|seq| seq.0).collect());
            }
        }
        Some(StoredFact { seq, entry })
    }

    fn erase(&mut self, segment: &Segment) {
        let is_in = |seq: Seq| segment.first <= seq && seq <= segment.last;
        self.durable.retain(|batch| !is_in(batch.first()));
        self.segments.retain(|other| other.first != segment.first);
        self.chunks.retain(|seq, _| !is_in(Seq(*seq)));
        self.bytes = self.bytes.saturating_sub(segment.bytes);
    }
}
