//! Time as a port: the gateway, the pipeline and the simulator all ask here and nowhere else.
//!
//! Invariant: a `Clock` never runs backwards; a `Timestamp` is nanoseconds since the Unix epoch in a `u64`.

use std::future::Future;
use std::time::Duration;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    pub const ZERO: Self = Self(0);

    pub const fn from_ms(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    pub const fn ms(self) -> u64 {
        self.0 / 1_000_000
    }

    pub const fn secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    #[must_use]
    pub const fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }

    #[must_use]
    pub const fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(by)))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "584 years of nanoseconds fit; longer saturates"
)]
const fn nanos(by: Duration) -> u64 {
    let wide = by.as_nanos();
    if wide > u64::MAX as u128 { u64::MAX } else { wide as u64 }
}

/// The deadline came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub struct Elapsed;

/// Contract: `now` never goes backwards; `sleep_until` resolves at or after its moment, at once when
/// that has passed; `timeout_at` polls the future first, so a result that is ready wins over the
/// deadline. Dropping any of the futures cancels it.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;

    fn timeout_at<F>(
        &self,
        at: Timestamp,
        work: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        async move {
            let mut work = std::pin::pin!(work);
            let mut alarm = std::pin::pin!(self.sleep_until(at));
            std::future::poll_fn(move |context| {
                if let std::task::Poll::Ready(done) = work.as_mut().poll(context) {
                    return std::task::Poll::Ready(Ok(done));
                }
                alarm.as_mut().poll(context).map(|()| Err(Elapsed))
            })
            .await
        }
    }
}

/// The machine's clock and tokio's timers (which step by whole milliseconds).
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
    started_at: Timestamp,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
    pub fn new() -> Self {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { started: std::time::Instant::now(), started_at: Timestamp(nanos(since_epoch)) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    // Monotonic time on top of the wall clock at start: stepping the machine's clock never turns ours back.
    fn now(&self) -> Timestamp {
        self.started_at.plus(self.started.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
    async fn sleep_until(&self, at: Timestamp) {
        let wait = at.since(self.now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}
