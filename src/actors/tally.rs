//! Counting as it happens: plain atomics, and end-to-end times in a table of fixed size.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the members did and met.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Documents of all kinds that have a receipt.
    pub(super) documents: AtomicU64,
    /// Their recipients.
    pub(super) recipients: AtomicU64,
    /// Documents that reached a reader, whoever sent them.
    pub(super) delivered: AtomicU64,
    /// Confirmations sent.
    pub(super) confirmed: AtomicU64,
    pub(super) statuses_sent: AtomicU64,
    /// Status messages that reached who sent the document.
    pub(super) statuses_back: AtomicU64,
    /// Status 02 given.
    pub(super) declined: AtomicU64,
    pub(super) replies: AtomicU64,
    /// Recalls, updates and replacements.
    pub(super) corrections: AtomicU64,
    /// Submissions that a platform did not take.
    pub(super) refused: AtomicU64,
    /// Recipients refused at the door.
    pub(super) recipients_refused: AtomicU64,
    /// Confirmations that were not taken.
    pub(super) confirms_refused: AtomicU64,
    /// Submissions sent again, for want of an answer or because the platform asked for it.
    pub(super) retries: AtomicU64,
    /// Receive streams opened again.
    pub(super) reconnects: AtomicU64,
    /// Duties let go because an agenda was full.
    pub(super) dropped: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// The numbers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub documents: u64,
    pub recipients: u64,
    /// Documents of the members that reached a reader: as many as `recipients` when all have arrived.
    pub delivered: u64,
    /// Documents that reached a reader and that no member sent: those of flows, of commands, of an earlier run.
    pub delivered_of_others: u64,
    pub confirmed: u64,
    pub statuses_sent: u64,
    pub statuses_back: u64,
    pub declined: u64,
    pub replies: u64,
    pub corrections: u64,
    pub refused: u64,
    pub recipients_refused: u64,
    pub confirms_refused: u64,
    pub retries: u64,
    pub reconnects: u64,
    pub dropped: u64,
    /// Accepted messages, statuses included, that no reader has seen yet.
    pub in_flight: u64,
}

impl Tally {
    /// `of_others` is counted before what was delivered is read here.
    pub(super) fn counts(&self, in_flight: u64, of_others: u64) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            documents: read(&self.documents),
            recipients: read(&self.recipients),
            delivered: read(&self.delivered).saturating_sub(of_others),
            delivered_of_others: of_others,
            confirmed: read(&self.confirmed),
            statuses_sent: read(&self.statuses_sent),
            statuses_back: read(&self.statuses_back),
            declined: read(&self.declined),
            replies: read(&self.replies),
            corrections: read(&self.corrections),
            refused: read(&self.refused),
            recipients_refused: read(&self.recipients_refused),
            confirms_refused: read(&self.confirms_refused),
            retries: read(&self.retries),
            reconnects: read(&self.reconnects),
            dropped: read(&self.dropped),
            in_flight,
        }
    }
}

/// Times by powers of two of a microsecond, each in sixteen steps: at most 6 % too long.
#[derive(Clone, Debug)]
pub(super) struct Times {
    counts: Vec<u64>,
    total: u64,
}

const STEPS: u64 = 16;
const POWERS: u64 = 40;

impl Times {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; usize::try_from(STEPS * POWERS).unwrap_or_default()], total: 0 }
    }

    pub(super) fn add(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
        let power = u64::from(us.ilog2());
        let step = if power >= 4 { (us >> (power - 4)) & (STEPS - 1) } else { 0 };
        let slot = usize::try_from(power * STEPS + step).unwrap_or(usize::MAX);
        if let Some(count) = self.counts.get_mut(slot) {
            *count += 1;
            self.total += 1;
        }
    }

    /// The time that this share of all did not exceed; zero when there were none.
    pub(super) fn share(&self, per_mille: u64) -> Duration {
        let mut left = (self.total * per_mille).div_ceil(1_000);
        for (slot, count) in (0_u64..).zip(&self.counts) {
            left = left.saturating_sub(*count);
            if left == 0 && *count > 0 {
                let (power, step) = (slot / STEPS, slot % STEPS + 1);
                return Duration::from_micros((1 << power) + ((step << power) >> 4));
            }
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_times_are_right_to_a_sixteenth() {
        let mut times = Times::new();
        assert_eq!(times.share(500), Duration::ZERO);
        (1..=1_000).for_each(|ms| times.add(Duration::from_millis(ms)));
        for (per_mille, exact) in [(500, 500.0), (990, 990.0), (1, 1.0)] {
            let found = times.share(per_mille).as_secs_f64() * 1_000.0;
            assert!((exact..exact * 1.07).contains(&found), "{per_mille}: {found}");
        }
    }
}
