//! The newest durable batches in memory, for the reader and for `chunk`, and where the durable log ends.
//!
//! Invariant: nothing is in here before its flush has returned; what is older than `floor` is on disk only.

use super::entry::Content;
use super::{DurableBatch, Seq, Ticket};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct Tail {
    inner: Mutex<Inner>,
    news: Notify,
    bytes_max: usize,
}

#[derive(Debug)]
struct Inner {
    kept: VecDeque<Kept>,
    bytes: usize,
    /// The last entry that is not in `kept`.
    floor: Seq,
    durable: Position,
    /// Where in `kept` the last chunk was found: the next one asked for stands there or close behind.
    hint: usize,
    /// As far as the reader has come.
    read: Seq,
    /// Who waits for batches that left `kept` unread, by first entry.
    tickets: VecDeque<(Seq, Ticket)>,
    closed: Option<Vec<Ticket>>,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) batch: DurableBatch,
    pub(super) bytes: usize,
}

/// The end of the durable log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) segment: u32,
    pub(super) end: u32,
}

/// What the reader finds.
#[derive(Debug)]
pub(super) enum Next {
    Batches(Vec<DurableBatch>),
    /// It lags behind what memory holds.
    OnDisk(Position),
    Closed(Vec<Ticket>),
    Nothing,
}

impl Tail {
    pub(super) fn new(bytes_max: usize, floor: Seq, durable: Position) -> Self {
        let inner = Inner {
            kept: VecDeque::new(),
            bytes: 0,
            floor,
            durable,
            hint: 0,
            read: Seq(0),
            tickets: VecDeque::new(),
            closed: None,
        };
        Self { inner: Mutex::new(inner), news: Notify::new(), bytes_max }
    }

    /// Shows one flush to the reader. What falls out of memory is moved to `evicted`, to be dropped
    /// outside the lock.
    pub(super) fn publish(
        &self,
        flushed: &mut Vec<Kept>,
        durable: Position,
        evicted: &mut Vec<Kept>,
    ) {
        let mut inner = self.inner.lock();
        inner.durable = durable;
        for kept in flushed.drain(..) {
            inner.bytes += kept.bytes;
            inner.kept.push_back(kept);
        }
        while inner.bytes > self.bytes_max
            && let Some(oldest) = inner.kept.pop_front()
        {
            inner.bytes -= oldest.bytes;
            inner.hint = inner.hint.saturating_sub(1);
            inner.floor = oldest.batch.last();
            if oldest.batch.ticket != Ticket(0) && oldest.batch.last() > inner.read {
                let waiter = (oldest.batch.first(), oldest.batch.ticket);
                inner.tickets.push_back(waiter);
            }
            evicted.push(oldest);
        }
        drop(inner);
        self.news.notify_one();
    }

    pub(super) fn close(&self, tickets: Vec<Ticket>) {
        self.inner.lock().closed.get_or_insert(tickets);
        self.news.notify_one();
    }

    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn next(&self, after: Seq, limit: usize) -> Next {
        let mut inner = self.inner.lock();
        inner.read = inner.read.max(after);
        while inner.tickets.front().is_some_and(|(first, _)| *first <= after) {
            inner.tickets.pop_front();
        }
        if after < inner.floor {
            return Next::OnDisk(inner.durable);
        }
        let from = inner.kept.partition_point(|kept| kept.batch.last() <= after);
        let mut left = limit;
        let batches: Vec<DurableBatch> = (inner.kept.range(from..).enumerate())
            .take_while(|(index, kept)| {
                let entries = kept.batch.entries.len();
                let fits = *index == 0 || entries <= left;
                left = left.saturating_sub(entries);
                fits
            })
            .map(|(_, kept)| kept.batch.clone())
            .collect();
        match &inner.closed {
            _ if !batches.is_empty() => Next::Batches(batches),
            Some(tickets) => Next::Closed(tickets.clone()),
            None => Next::Nothing,
        }
    }

    /// The ticket of a durable batch that is read from disk; it may still be in memory too.
    pub(super) fn ticket_of(&self, first: Seq) -> Ticket {
        let inner = self.inner.lock();
        if let Ok(index) = inner.tickets.binary_search_by_key(&first, |(first, _)| *first) {
            return inner.tickets.get(index).map_or(Ticket(0), |(_, ticket)| *ticket);
        }
        let index = inner.kept.partition_point(|kept| kept.batch.first() < first);
        let kept = inner.kept.get(index).filter(|kept| kept.batch.first() == first);
        kept.map_or(Ticket(0), |kept| kept.batch.ticket)
    }

    /// The chunk at `seq`: `None` when it is not in memory, `Some(None)` when no chunk stands there.
    pub(super) fn chunk(&self, seq: Seq) -> Option<Option<Bytes>> {
        let mut inner = self.inner.lock();
        if seq <= inner.floor {
            return None;
        }
        let is_there = |kept: &Kept| kept.batch.first() <= seq && seq <= kept.batch.last();
        let near =
            (inner.hint..inner.hint + 2).find(|at| inner.kept.get(*at).is_some_and(is_there));
        let index =
            near.unwrap_or_else(|| inner.kept.partition_point(|kept| kept.batch.last() < seq));
        inner.hint = index;
        Some(inner.kept.get(index).and_then(|kept| {
            let place = kept.batch.seqs.binary_search(&seq).ok()?;
            match &kept.batch.entries.get(place)?.content {
                Content::Chunk(bytes) => Some(bytes.clone()),
                Content::Fact(_) => None,
            }
        }))
    }

    pub(super) fn durable(&self) -> Position {
        self.inner.lock().durable
    }
}

impl Position {
    pub(super) const fn is_before(self, seq: Seq) -> bool {
        let (segment, offset) = seq.place();
        segment > self.segment || segment == self.segment && offset >= self.end
    }
}
