//! Bodies in flight and bodies already stored: what may be in memory, and what need not be written twice.

use crate::clock::Timestamp;
use crate::domain::tracking::Chunks;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(super) type Digest = [u8; 32];

/// Digests of bodies that this process stored lately, so that a second platform refers to the same chunks.
///
/// An entry is used for at most half the retention time, so its segment cannot have been reclaimed.
#[derive(Debug)]
pub(super) struct Bodies {
    age_max: Duration,
    bytes_min: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    by_digest: hashbrown::HashMap<Digest, (Chunks, Timestamp), foldhash::fast::FixedState>,
    order: VecDeque<Digest>,
}

/// How many digests are remembered.
const DIGESTS_MAX: usize = 65_536;

impl Bodies {
    pub(super) fn new(age_max: Duration, seed: u64, bytes_min: u64) -> Self {
        let by_digest =
            hashbrown::HashMap::with_hasher(foldhash::fast::FixedState::with_seed(seed));
        Self { age_max, bytes_min, inner: Mutex::new(Inner { by_digest, order: VecDeque::new() }) }
    }

    pub(super) fn find(&self, digest: &Digest, bytes: u64, now: Timestamp) -> Option<Chunks> {
        if bytes < self.bytes_min {
            return None;
        }
        let inner = self.inner.lock();
        let (chunks, at) = inner.by_digest.get(digest)?;
        (now.since(*at) < self.age_max).then(|| chunks.clone())
    }

    pub(super) fn remember(&self, digest: &[u8], bytes: u64, chunks: &Chunks, now: Timestamp) {
        if bytes < self.bytes_min || bytes == 0 {
            return;
        }
        let Ok(digest) = Digest::try_from(digest) else { return };
        let mut inner = self.inner.lock();
        match inner.by_digest.get_mut(&digest) {
            // Referred to once more: the chunks are as old as they were.
            Some((known, _)) if known == chunks => {}
            Some(known) => *known = (chunks.clone(), now),
            None => {
                inner.by_digest.insert(digest, (chunks.clone(), now));
                inner.order.push_back(digest);
            }
        }
        while inner.order.len() > DIGESTS_MAX {
            let Some(oldest) = inner.order.pop_front() else { break };
            inner.by_digest.remove(&oldest);
        }
    }
}

/// Bytes of bodies that may be in memory at once. A share is kept for transit.
#[derive(Debug)]
pub(super) struct Budget {
    taken: AtomicU64,
    intake_max: u64,
    total_max: u64,
}

impl Budget {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a share of a limit, rounded down"
    )]
    pub(super) fn new(total_max: u64, transit_share: f64) -> Self {
        let kept = (total_max as f64 * transit_share.clamp(0.0, 0.9)) as u64;
        Self { taken: AtomicU64::new(0), intake_max: total_max - kept, total_max }
    }

    /// Takes `bytes`, or says no at once.
    pub(super) fn take(self: &Arc<Self>, bytes: u64, is_transit: bool) -> Option<BytesPermit> {
        let max = if is_transit { self.total_max } else { self.intake_max };
        self.taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                let sum = taken.saturating_add(bytes);
                // A body larger than the rest may pass alone.
                (sum <= max || taken == 0).then_some(sum)
            })
            .ok()?;
        Some(BytesPermit { budget: Arc::clone(self), bytes })
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// The right to hold so many bytes of a body in memory; given back on drop.
#[derive(Debug)]
pub struct BytesPermit {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for BytesPermit {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transit_keeps_its_share_of_the_budget() {
        let budget = Arc::new(Budget::new(100, 0.25));
        let first = budget.take(70, false).unwrap();
        assert!(budget.take(10, false).is_none(), "intake has 75");
        let transit = budget.take(30, true).unwrap();
        assert!(budget.take(1, true).is_none());
        drop((first, transit));
        assert_eq!(budget.taken(), 0);
        assert!(budget.take(1000, false).is_some(), "one body larger than all passes alone");
    }
}
