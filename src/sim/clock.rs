//! Virtual time as the pipeline sees it: a clock that stands still until the executor moves it.
//!
//! Invariant: timers fire in order of their moment, then of arrival; a dropped one is gone at once.

use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::clock::{Clock, Timestamp};

#[derive(Clone)]
pub struct SimClock {
    timers: Arc<Timers>,
}

impl SimClock {
    pub(super) const fn new(timers: Arc<Timers>) -> Self {
        Self { timers }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.timers.now()
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        Sleep { timers: Arc::clone(&self.timers), at, key: None }
    }
}

impl fmt::Debug for SimClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimClock").field(&self.now()).finish()
    }
}

pub(super) struct Timers {
    now: AtomicU64,
    waiting: Mutex<Waiting>,
}

impl Timers {
    pub(super) fn new(start: Timestamp) -> Self {
        Self { now: AtomicU64::new(start.0), waiting: Mutex::default() }
    }

    /// Never back. Wakes all that sleep until then.
    pub(super) fn jump(&self, at: Timestamp) {
        let before = self.now.fetch_max(at.0, Ordering::Relaxed);
        let now = Timestamp(before.max(at.0));
        loop {
            let mut waiting = self.waiting.lock();
            let due = waiting.wakers.first_entry().filter(|entry| entry.key().0 <= now);
            let Some(waker) = due.map(OccupiedEntry::remove) else { return };
            drop(waiting);
            waker.wake();
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.waiting.lock().wakers.first_key_value().map(|(&(at, _), _)| at)
    }
}

#[derive(Default)]
struct Waiting {
    wakers: BTreeMap<TimerKey, Waker>,
    arrivals: u64,
}

type TimerKey = (Timestamp, u64);

struct Sleep {
    timers: Arc<Timers>,
    at: Timestamp,
    key: Option<TimerKey>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.at <= self.timers.now() {
            return Poll::Ready(());
        }
        if self.at == NEVER {
            return Poll::Pending;
        }
        let mut waiting = self.timers.waiting.lock();
        let key = self.key.unwrap_or_else(|| {
            waiting.arrivals += 1;
            (self.at, waiting.arrivals)
        });
        let before = waiting.wakers.insert(key, context.waker().clone());
        // What a waker does when it is dropped is not ours to know: not under the lock.
        drop(waiting);
        drop(before);
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.timers.waiting.lock().wakers.remove(&key);
            drop(waker);
        }
    }
}

/// A sleep until then is no timer, so that a world in which all wait for ever is idle.
const NEVER: Timestamp = Timestamp(u64::MAX);
