//! The reader's way through the segments on disk, at start and whenever it lags behind what memory holds.

use super::segment::{FIRST_BATCH_AT, Found, Header, Scanner};
use super::shelf::Shelf;
use super::storage::Storage;
use super::tail::{Position, Tail};
use super::{DurableBatch, Entry, ReadError, Seq};
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) struct Cursor<S: Storage> {
    /// The reader's position that `pending` and `scanner` continue.
    after: Seq,
    scanner: Option<(Header, Scanner<S::File>)>,
    pending: VecDeque<DurableBatch>,
}

impl<S: Storage> Cursor<S> {
    pub(super) const fn new() -> Self {
        Self { after: Seq(0), scanner: None, pending: VecDeque::new() }
    }

    /// The batches after `after`, up to `limit` entries but at least one batch, as far as `durable`.
    pub(super) fn read(
        &mut self,
        shelf: &Shelf<S>,
        tail: &Tail,
        after: Seq,
        limit: usize,
        durable: Position,
    ) -> Result<Vec<DurableBatch>, ReadError> {
        if self.after != after {
            *self = Self { after, ..Self::new() };
        }
        let mut gathered: usize = self.pending.iter().map(|batch| batch.entries.len()).sum();
        while gathered < limit.max(1) {
            let Some((header, found)) = self.next_found(shelf, durable)? else { break };
            gathered += self.decode(&header, &found, tail)?;
        }
        let (mut batches, mut left) = (Vec::new(), limit);
        while let Some(next) =
            self.pending.pop_front_if(|next| batches.is_empty() || next.entries.len() <= left)
        {
            left = left.saturating_sub(next.entries.len());
            self.after = next.last();
            batches.push(next);
        }
        Ok(batches)
    }

    fn next_found(
        &mut self,
        shelf: &Shelf<S>,
        durable: Position,
    ) -> Result<Option<(Header, Found)>, ReadError> {
        loop {
            let Some((header, scanner)) = &mut self.scanner else {
                let Some(number) = shelf.at_or_behind(self.after.place().0) else {
                    return Ok(None);
                };
                self.scanner = Some(open(shelf, number, durable)?);
                continue;
            };
            scanner.extend(limit_of(header, durable));
            if let Some(found) = scanner.next_batch()? {
                return Ok(Some((*header, found)));
            }
            let place = Seq::at(header.number, scanner.at());
            if header.number >= durable.segment {
                let is_at_end = scanner.at() >= durable.end;
                return if is_at_end { Ok(None) } else { Err(ReadError::Damaged(place)) };
            }
            let Some(number) = shelf.at_or_behind(header.number + 1) else { return Ok(None) };
            let next = open(shelf, number, durable)?;
            // Segments may be missing where they were reclaimed; but nothing between two neighbours.
            if number == header.number + 1 && next.0.previous_end != scanner.at() {
                return Err(ReadError::Damaged(place));
            }
            self.scanner = Some(next);
        }
    }

    /// Adds the batches of one flush that stand behind `after`; returns how many entries.
    fn decode(&mut self, header: &Header, found: &Found, tail: &Tail) -> Result<usize, ReadError> {
        let (mut batch, mut added) = (Gathering::default(), 0);
        for placed in found.entries() {
            let seq = Seq::at(header.number, placed.at);
            if placed.head.back == 0 {
                added += self.push(std::mem::take(&mut batch), tail);
            }
            let bytes = found.payload.slice_ref(placed.bytes);
            let entry = placed.head.decode(&bytes).map_err(|error| {
                tracing::error!(?seq, %error, "a journal entry cannot be read");
                ReadError::Damaged(seq)
            })?;
            batch.entries.push(entry);
            batch.seqs.push(seq);
        }
        Ok(added + self.push(batch, tail))
    }

    fn push(&mut self, batch: Gathering, tail: &Tail) -> usize {
        let (Some(first), Some(last)) = (batch.seqs.first(), batch.seqs.last()) else { return 0 };
        if *last <= self.after {
            return 0;
        }
        let count = batch.entries.len();
        self.pending.push_back(DurableBatch {
            ticket: tail.ticket_of(*first),
            entries: batch.entries.into(),
            seqs: Arc::from(batch.seqs),
        });
        count
    }
}

#[derive(Default)]
struct Gathering {
    entries: Vec<Entry>,
    seqs: Vec<Seq>,
}

fn open<S: Storage>(
    shelf: &Shelf<S>,
    number: u32,
    durable: Position,
) -> Result<(Header, Scanner<S::File>), ReadError> {
    let (file, header) = shelf.open(number)?;
    Ok((header, Scanner::new(file, &header, limit_of(&header, durable))))
}

fn limit_of(header: &Header, durable: Position) -> u32 {
    if header.number == durable.segment {
        durable.end.max(FIRST_BATCH_AT)
    } else {
        super::index::limit_of(header)
    }
}
