//! The one place where the generator starts tasks and asks the machine for the time.

use std::future::Future;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    interval: f64,
    stop: AtomicBool,
}

impl Pacer {
    pub(crate) fn start(rate: f64) -> std::io::Result<Arc<Self>> {
        let pacer = Arc::new(Self {
            due: Semaphore::new(0),
            taken: AtomicU64::new(0),
            start: now(),
            interval: 1e9 / rate,
            stop: AtomicBool::new(false),
        });
        let paced = Arc::clone(&pacer);
        std::thread::Builder::new().name("pacer".to_owned()).spawn(move || paced.pace())?;
        Ok(pacer)
    }

    /// The intended moments of the next documents, at least one and at most `most`.
    pub(crate) async fn next(&self, most: usize) -> Option<impl Iterator<Item = u64> + use<'_>> {
        self.due.acquire().await.ok()?.forget();
        let more = self.due.forget_permits(most.saturating_sub(1));
        let count = more as u64 + 1;
        let first = self.taken.fetch_add(count, Ordering::Relaxed);
        Some((first..first + count).map(|index| self.intended(index)))
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.due.close();
    }

    #[expect(clippy::disallowed_methods, reason = "precise pacing needs the kernel's timer")]
    fn pace(&self) {
        let mut given = 0_u64;
        while !self.stop.load(Ordering::Relaxed) {
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
            std::thread::sleep(Duration::from_nanos(wait.clamp(WAIT_NS_MIN, WAIT_NS_MAX)));
        }
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
const WAIT_NS_MAX: u64 = 50_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn documents_are_due_at_even_steps_whatever_the_takers_do() {
        let pacer = Pacer::start(2_000.0).unwrap();
        let mut intended: Vec<u64> = Vec::new();
        while intended.len() < 200 {
            intended.extend(pacer.next(7).await.unwrap());
        }
        pacer.stop();
        assert!(intended.windows(2).all(|pair| (499_999..=500_001).contains(&(pair[1] - pair[0]))));
        assert!(now() >= intended[199], "none is given before its time");
        assert!(pacer.next(1).await.is_none() || intended.len() >= 200);
    }
}
