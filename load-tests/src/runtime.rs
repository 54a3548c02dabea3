//! The one place where the generator starts tasks and asks the machine for the time.

use std::future::Future;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

#[expect(clippy::disallowed_methods, reason = "the generator's assembly")]
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(work)
}

/// Nanoseconds since the first call in this process.
#[expect(clippy::disallowed_methods, reason = "the generator measures real time")]
pub(crate) fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    nanos(START.get_or_init(Instant::now).elapsed())
}

/// Nanoseconds since the epoch: what makes the ids of two runs differ.
#[expect(clippy::disallowed_methods, reason = "the generator measures real time")]
pub(crate) fn wall() -> u64 {
    nanos(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default())
}

#[expect(clippy::disallowed_methods, reason = "the generator measures real time")]
pub(crate) async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Says when each document of an open-loop run is due, from a thread of its own: tokio's timers step
/// by whole milliseconds, the kernel's by some 50 µs.
///
/// A document that nobody could take yet stays due since its intended moment.
#[derive(Debug)]
pub(crate) struct Pacer {
    due: Semaphore,
    taken: AtomicU64,
    start: u64,
    until: u64,
    interval: f64,
}

impl Pacer {
    /// Documents are due until that moment; the thread ends with them.
    pub(crate) fn start(rate: f64, until: u64) -> std::io::Result<Arc<Self>> {
        let pacer = Arc::new(Self {
            due: Semaphore::new(0),
            taken: AtomicU64::new(0),
            start: now(),
            until,
            interval: 1e9 / rate,
        });
        let paced = Arc::clone(&pacer);
        std::thread::Builder::new().name("pacer".to_owned()).spawn(move || paced.pace())?;
        Ok(pacer)
    }

    /// The intended moments of the next documents, at most `most`. Empty: there are no more, and
    /// all that were due have been taken, however late.
    pub(crate) async fn next(&self, most: usize) -> Vec<u64> {
        let Ok(permit) = self.due.acquire().await else { return Vec::new() };
        permit.forget();
        let count = 1 + self.due.forget_permits(most.saturating_sub(1)) as u64;
        let first = self.taken.fetch_add(count, Ordering::Relaxed);
        let moments = (first..first + count).map(|index| self.intended(index));
        moments.take_while(|&moment| moment < self.until).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "precise pacing needs the kernel's timer")]
    fn pace(&self) {
        let mut given = 0_u64;
        while self.intended(given) < self.until {
            let passed = now();
            let mut fresh = 0;
            while fresh < GIVEN_AT_ONCE_MAX && self.intended(given) <= passed {
                given += 1;
                fresh += 1;
            }
            if fresh > 0 && self.due.available_permits() < BACKLOG_MAX {
                self.due.add_permits(fresh);
            } else if fresh > 0 {
                given -= fresh as u64;
            }
            let wait = self.intended(given).saturating_sub(now());
            std::thread::sleep(Duration::from_nanos(wait.max(WAIT_NS_MIN)));
        }
        // Due after the end: whoever takes one knows that it is over.
        self.due.add_permits(BACKLOG_MAX);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "below 2^52 nanoseconds: 52 days"
    )]
    fn intended(&self, index: u64) -> u64 {
        self.start + (index as f64 * self.interval) as u64
    }
}

const GIVEN_AT_ONCE_MAX: usize = 65_536;
const BACKLOG_MAX: usize = 1 << 24;
const WAIT_NS_MIN: u64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn documents_are_due_at_even_steps_whatever_the_takers_do() {
        let start = now();
        let pacer = Pacer::start(2_000.0, start + 100_000_000).unwrap();
        let mut intended: Vec<u64> = Vec::new();
        loop {
            let due = pacer.next(7).await;
            assert!(due.iter().all(|&moment| moment <= now()), "none is given before its time");
            if due.is_empty() {
                break;
            }
            intended.extend(due);
        }
        assert!((195..=200).contains(&intended.len()), "{}", intended.len());
        assert!(intended.windows(2).all(|pair| (499_999..=500_001).contains(&(pair[1] - pair[0]))));
        assert!(pacer.next(7).await.is_empty());
    }
}
