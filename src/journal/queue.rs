//! Batches waiting for the writer, in two lanes: those with facts, and those with nothing but body chunks.
//!
//! Facts go first and bodies fill up each flush, so that a 50 MB document does not hold up receipts. Batches
//! with facts keep one order among themselves. A body batch may be overtaken: its chunks mean nothing before
//! the fact that refers to them, and whoever writes that fact waits for the chunks, whose numbers it needs.
//!
//! Invariant: each lane is bounded by bytes; a small batch is charged the share that also bounds their number.

use super::entry::Entry;
use super::{AppendError, Batch, Ticket};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(super) struct Queue {
    facts: Lane,
    bodies: Lane,
    batch_bytes_max: u32,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Debug)]
struct Lane {
    room: Semaphore,
    bytes_max: u32,
    charge_min: u32,
}

#[derive(Debug, Default)]
struct Waiting {
    facts: VecDeque<Queued>,
    bodies: VecDeque<Queued>,
    is_closed: bool,
    is_writer_idle: bool,
    /// A body batch found no room in the last flush: the next one begins with it.
    bodies_passed_over: bool,
}

#[derive(Debug)]
pub(super) struct Queued {
    pub(super) ticket: Ticket,
    pub(super) entries: Arc<[Entry]>,
    /// Encoded.
    pub(super) bytes: u32,
    charge: u32,
}

impl Queue {
    pub(super) fn new(batch_bytes_max: u32, bytes_max: u32, batches_max: u32) -> Self {
        let half = bytes_max / 2;
        Self {
            facts: Lane::new(half, half.div_ceil(batches_max)),
            bodies: Lane::new(half, 1),
            batch_bytes_max,
            waiting: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// Waits for room. Nothing is queued before this resolves, and it does not wait after queueing.
    pub(super) async fn push(&self, batch: Batch) -> Result<(), AppendError> {
        let (bytes, has_facts) = self.measure(&batch)?;
        let lane = if has_facts { &self.facts } else { &self.bodies };
        let charge = bytes.clamp(lane.charge_min, lane.bytes_max);
        let room = match lane.room.try_acquire_many(charge) {
            Ok(room) => room,
            Err(_full) => lane.room.acquire_many(charge).await.or(Err(AppendError::Closed))?,
        };
        let queued =
            Queued { ticket: batch.ticket, entries: Arc::from(batch.entries), bytes, charge };
        let mut waiting = self.waiting.lock();
        if waiting.is_closed {
            return Err(AppendError::Closed);
        }
        room.forget();
        if has_facts {
            waiting.facts.push_back(queued);
        } else {
            waiting.bodies.push_back(queued);
        }
        if waiting.is_writer_idle {
            waiting.is_writer_idle = false;
            drop(waiting);
            self.wake.notify_one();
        }
        Ok(())
    }

    fn measure(&self, batch: &Batch) -> Result<(u32, bool), AppendError> {
        let bytes: usize = batch.entries.iter().map(Entry::encoded_len).sum();
        let bytes_max = self.batch_bytes_max;
        match u32::try_from(bytes) {
            Ok(0) => Err(AppendError::Empty),
            Ok(fitting) if fitting <= bytes_max => {
                Ok((fitting, batch.entries.iter().any(|entry| !entry.content.is_chunk())))
            }
            _ => Err(AppendError::TooLarge { bytes, bytes_max }),
        }
    }

    /// Moves one flush into `taken`, waiting for the first batch. False when closed and empty.
    pub(super) fn take(&self, taken: &mut Vec<Queued>) -> bool {
        while self.wait() {
            // Whoever is about to append goes first, so that one flush serves it too. On an idle machine this
            // takes a microsecond; on a busy one flushes are fewer and larger.
            for _ in 0..YIELDS {
                std::thread::yield_now();
            }
            let (facts, bodies) = self.waiting.lock().take(self.batch_bytes_max, taken);
            self.facts.room.add_permits(facts);
            self.bodies.room.add_permits(bodies);
            if !taken.is_empty() {
                return true;
            }
        }
        false
    }

    /// Waits until something can be written. False when closed and empty.
    fn wait(&self) -> bool {
        let mut waiting = self.waiting.lock();
        while waiting.facts.is_empty() && waiting.bodies.is_empty() {
            if waiting.is_closed {
                return false;
            }
            waiting.is_writer_idle = true;
            self.wake.wait(&mut waiting);
        }
        waiting.is_writer_idle = false;
        true
    }

    /// Refuses whatever comes from now on. What waits stays, for `take`.
    pub(super) fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.facts.room.close();
        self.bodies.room.close();
        self.wake.notify_all();
    }

    /// Closes and empties the queue: the tickets of what waited.
    pub(super) fn abandon(&self) -> Vec<Ticket> {
        self.close();
        let mut waiting = self.waiting.lock();
        let facts = std::mem::take(&mut waiting.facts);
        let bodies = std::mem::take(&mut waiting.bodies);
        drop(waiting);
        facts.into_iter().chain(bodies).map(|queued| queued.ticket).collect()
    }

    pub(super) fn len(&self) -> usize {
        let waiting = self.waiting.lock();
        waiting.facts.len() + waiting.bodies.len()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.waiting.lock().is_closed
    }
}

impl Lane {
    fn new(bytes_max: u32, charge_min: u32) -> Self {
        Self { room: Semaphore::new(bytes_max as usize), bytes_max, charge_min }
    }
}

impl Waiting {
    /// Returns the room given back to each lane.
    fn take(&mut self, bytes_max: u32, taken: &mut Vec<Queued>) -> (usize, usize) {
        let (mut left, mut facts, mut bodies) = (bytes_max, 0, 0);
        if self.bodies_passed_over {
            bodies += take_one(&mut self.bodies, &mut left, taken).unwrap_or(0);
        }
        while let Some(charge) = take_one(&mut self.facts, &mut left, taken) {
            facts += charge;
        }
        let mut has_bodies = bodies > 0;
        while let Some(charge) = take_one(&mut self.bodies, &mut left, taken) {
            bodies += charge;
            has_bodies = true;
        }
        self.bodies_passed_over = !has_bodies && !self.bodies.is_empty();
        (facts, bodies)
    }
}

/// How often the writer lets others go first before it takes what waits.
const YIELDS: usize = 8;

fn take_one(lane: &mut VecDeque<Queued>, left: &mut u32, taken: &mut Vec<Queued>) -> Option<usize> {
    let next = lane.pop_front_if(|next| next.bytes <= *left)?;
    *left -= next.bytes;
    let charge = next.charge as usize;
    taken.push(next);
    Some(charge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::fact::{Expired, Fact, PlatformId};
    use crate::journal::Content;

    fn batch(ticket: u64, content: Content) -> Batch {
        let entry = Entry { id: 1, platform: PlatformId(1), at: Timestamp(1), content };
        Batch { ticket: Ticket(ticket), entries: vec![entry] }
    }

    fn chunk(ticket: u64, bytes: usize) -> Batch {
        batch(ticket, Content::Chunk(vec![7; bytes].into()))
    }

    fn fact(ticket: u64, bytes: usize) -> Batch {
        let fact = Expired { receiver: vec![7; bytes].into(), at: 1 };
        batch(ticket, Content::Fact(Fact::Expired(fact)))
    }

    fn flush(queue: &Queue) -> Vec<u64> {
        let mut taken = Vec::new();
        queue.take(&mut taken);
        taken.iter().map(|queued| queued.ticket.0).collect()
    }

    #[tokio::test]
    async fn facts_go_first_and_bodies_fill_up() {
        let queue = Queue::new(1000, 10_000, 100);
        for ticket in 0..3 {
            queue.push(chunk(ticket, 400)).await.unwrap();
        }
        queue.push(fact(10, 10)).await.unwrap();
        queue.push(fact(11, 10)).await.unwrap();
        assert_eq!(flush(&queue), [10, 11, 0]);
        assert_eq!(flush(&queue), [1, 2]);
        queue.close();
        assert!(!queue.take(&mut Vec::new()));
    }

    #[tokio::test]
    async fn many_facts_do_not_starve_a_body() {
        let queue = Queue::new(1000, 20_000, 100);
        queue.push(chunk(0, 900)).await.unwrap();
        for ticket in 10..14 {
            queue.push(fact(ticket, 500)).await.unwrap();
        }
        assert_eq!(flush(&queue), [10]);
        assert_eq!(flush(&queue), [0]);
        assert_eq!(flush(&queue), [11]);
    }

    #[tokio::test]
    async fn a_full_lane_waits_and_a_dropped_append_leaves_nothing() {
        let queue = Queue::new(1000, 4000, 4);
        for ticket in 0..4 {
            queue.push(fact(ticket, 10)).await.unwrap();
        }
        let mut fifth = Box::pin(queue.push(fact(4, 10)));
        assert!(futures_util::poll!(&mut fifth).is_pending());
        // The other lane has room.
        queue.push(chunk(9, 10)).await.unwrap();
        drop(fifth);
        assert_eq!(flush(&queue), [0, 1, 2, 3, 9]);
        queue.push(fact(5, 10)).await.unwrap();
        assert_eq!(flush(&queue), [5]);
    }

    #[tokio::test]
    async fn closing_refuses_those_who_wait_and_keeps_what_is_queued() {
        let queue = Queue::new(1000, 4000, 1);
        queue.push(fact(0, 10)).await.unwrap();
        let mut second = Box::pin(queue.push(fact(1, 10)));
        assert!(futures_util::poll!(&mut second).is_pending());
        queue.close();
        assert_eq!(second.await, Err(AppendError::Closed));
        assert_eq!(queue.push(fact(2, 10)).await, Err(AppendError::Closed));
        assert_eq!(flush(&queue), [0]);
    }

    #[tokio::test]
    async fn a_batch_too_large_for_one_flush_is_refused() {
        let queue = Queue::new(1000, 4000, 4);
        let refused = queue.push(chunk(0, 1000)).await;
        assert_eq!(refused, Err(AppendError::TooLarge { bytes: 1044, bytes_max: 1000 }));
        let nothing = Batch { ticket: Ticket(1), entries: Vec::new() };
        assert_eq!(queue.push(nothing).await, Err(AppendError::Empty));
        queue.push(chunk(0, 1000 - 44)).await.unwrap();
    }
}
