//! Numbers for those who watch: plain atomics bumped where things happen, read when somebody asks.

use super::{Pipeline, Ports};
use crate::clock::Timestamp;
use crate::domain::envelope::Kind;
use crate::domain::rejection::Reason;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Refusals of one door by reason. Counting is one addition; nothing is looked up by name.
#[derive(Debug)]
pub struct Refusals {
    by_reason: [AtomicU64; Reason::ALL.len()],
}

impl Default for Refusals {
    fn default() -> Self {
        Self { by_reason: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Refusals {
    pub fn count(&self, reason: Reason) {
        if let Some(counter) = self.by_reason.get(reason as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn total(&self) -> u64 {
        self.by_reason.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Reasons that occurred, with how often.
    pub fn all(&self) -> Vec<(Reason, u64)> {
        Reason::ALL
            .iter()
            .zip(&self.by_reason)
            .map(|(reason, count)| (*reason, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

/// Documents of one platform by the way that they took and by their kind. Counting is one addition.
#[derive(Debug, Default)]
pub struct Ways([[AtomicU64; Kind::ALL.len()]; Way::ALL.len()]);

/// From the platform's own point of view. What comes in is counted by document, what goes on by recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    FromMember = 0,
    FromNeighbour = 1,
    ToInbox = 2,
    /// Into the mailbox of a neighbour.
    ToNeighbour = 3,
}

impl Way {
    pub const ALL: [Self; 4] =
        [Self::FromMember, Self::FromNeighbour, Self::ToInbox, Self::ToNeighbour];
}

impl Ways {
    pub fn add(&self, way: Way, kind: Kind, by: u64) {
        if let Some(counter) = self.counter(way, kind) {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }

    pub fn read(&self, way: Way, kind: Kind) -> u64 {
        self.counter(way, kind).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    fn counter(&self, way: Way, kind: Kind) -> Option<&AtomicU64> {
        self.0.get(way as usize)?.get(kind as usize)
    }
}

/// Connections of one platform's doors.
#[derive(Debug, Default)]
pub struct Connections {
    pub opened: AtomicU64,
    pub closed: AtomicU64,
    /// Handshakes that failed, by the code of the fault: a closed list, off the hot path.
    faults: Mutex<BTreeMap<&'static str, u64>>,
}

/// An open connection; counted as closed when it is dropped.
#[derive(Debug)]
pub struct OpenConnection<'a>(&'a Connections);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Connections {
    pub fn open(&self) -> OpenConnection<'_> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        OpenConnection(self)
    }

    pub fn fault(&self, code: &'static str) {
        *self.faults.lock().entry(code).or_default() += 1;
    }

    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.faults.lock().clone()
    }
}

/// How busy the pipeline is as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauges {
    /// Entries that are durable or on their way there, and not yet folded.
    pub lag: u64,
    pub folded: u64,
    pub bytes_in_flight: u64,
    /// When the last checkpoint was written; zero before the first.
    pub checkpoint_at: Timestamp,
    pub is_draining: bool,
}

impl<P: Ports> Pipeline<P> {
    pub fn gauges(&self) -> Gauges {
        Gauges {
            lag: self.lag(),
            folded: self.folded_entries.load(Ordering::Relaxed),
            bytes_in_flight: self.budget.taken(),
            checkpoint_at: Timestamp(self.checkpoint_at.load(Ordering::Relaxed)),
            is_draining: self.draining.is_cancelled(),
        }
    }

    /// Links that wait for their next probe make it now: the operator changed something.
    pub fn probe_links_now(&self) {
        self.probe_now.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let refusals = Refusals::default();
        for (at, reason) in Reason::ALL.iter().enumerate() {
            (0..=at).for_each(|_| refusals.count(*reason));
        }
        let counted: Vec<(Reason, u64)> = Reason::ALL.iter().copied().zip(1..).collect();
        assert_eq!(refusals.all(), counted);
    }
}
