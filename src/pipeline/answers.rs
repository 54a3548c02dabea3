//! Who waits for which batch. The fold lets the answers go, one wake-up per batch.

use crate::domain::tracking::Verdict;
use crate::journal::{Seq, Ticket};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

/// What became of a batch: one verdict and number per entry.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) verdicts: Vec<Verdict>,
    pub(super) seqs: std::sync::Arc<[Seq]>,
}

#[derive(Debug)]
pub(super) struct Answers {
    next: AtomicU64,
    waiting: Mutex<hashbrown::HashMap<u64, oneshot::Sender<Folded>, foldhash::fast::FixedState>>,
}

impl Answers {
    pub(super) fn new(seed: u64) -> Self {
        let waiting = hashbrown::HashMap::with_hasher(foldhash::fast::FixedState::with_seed(seed));
        Self { next: AtomicU64::new(1), waiting: Mutex::new(waiting) }
    }

    /// Registers a waiter and counts what it waits for, both undone when the guard is dropped before the append
    /// has come about: a caller may hang up while the journal's queue is full.
    pub(super) fn expect_entries<'a>(
        &'a self,
        entries: u64,
        appended: &'a AtomicU64,
    ) -> (Pending<'a>, oneshot::Receiver<Folded>) {
        let (ticket, folded) = self.expect();
        appended.fetch_add(entries, Ordering::Relaxed);
        (Pending { answers: self, appended, entries, ticket, is_appended: false }, folded)
    }

    /// Registers a waiter. Its sender is dropped, and so the receiver fails, when the journal closes.
    fn expect(&self) -> (Ticket, oneshot::Receiver<Folded>) {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().insert(ticket, sender);
        (Ticket(ticket), receiver)
    }

    pub(super) fn resolve(&self, ticket: Ticket, folded: Folded) {
        let waiter = self.waiting.lock().remove(&ticket.0);
        if let Some(waiter) = waiter {
            // The waiter may have given up at its deadline; what it asked for is durable all the same.
            drop(waiter.send(folded));
        }
    }

    /// Nobody will hear of this batch.
    fn forget(&self, ticket: Ticket) {
        self.waiting.lock().remove(&ticket.0);
    }

    /// The journal is closed: all waiters fail.
    pub(super) fn fail_all(&self) {
        self.waiting.lock().clear();
    }
}

/// An append that may yet come to nothing.
#[derive(Debug)]
pub(super) struct Pending<'a> {
    answers: &'a Answers,
    appended: &'a AtomicU64,
    entries: u64,
    pub(super) ticket: Ticket,
    is_appended: bool,
}

impl Pending<'_> {
    pub(super) const fn is_appended(&mut self) {
        self.is_appended = true;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_appended {
            self.answers.forget(self.ticket);
            self.appended.fetch_sub(self.entries, Ordering::Relaxed);
        }
    }
}
