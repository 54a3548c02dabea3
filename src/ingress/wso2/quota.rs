//! How often an application may call: fixed windows that begin at whole multiples of their length, as WSO2's do
//! (its `nextAccessTime` is a whole minute, hour or day, in UTC).

use super::application::{Client, KEYS_MAX, Quota};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// What each consumer key has used of its window. At most `KEYS_MAX` windows are kept.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    windows: Mutex<BTreeMap<String, Window>>,
}

/// The quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota is used up until {next_access_ms}")]
pub(super) struct Throttled {
    /// Since the Unix epoch.
    pub next_access_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    starts_ms: u64,
    ends_ms: u64,
    used: u32,
}

impl Quotas {
    /// Counts one call, unless there is no quota left for it. A refused call costs nothing.
    pub(super) fn check(&self, client: &Client, now_ms: u64) -> Result<(), Throttled> {
        let Some(quota) = client.quota else { return Ok(()) };
        let mut windows = self.windows.lock();
        if let Some(window) = windows.get_mut(&client.consumer_key) {
            return window.count(quota, now_ms);
        }
        if windows.len() >= KEYS_MAX {
            windows.retain(|_, window| now_ms < window.ends_ms);
        }
        if windows.len() >= KEYS_MAX {
            let next = windows.values().map(|window| window.ends_ms).min();
            return Err(Throttled { next_access_ms: next.unwrap_or(now_ms) });
        }
        let mut window = Window::around(quota, now_ms);
        let counted = window.count(quota, now_ms);
        windows.insert(client.consumer_key.clone(), window);
        counted
    }
}

impl Window {
    fn around(quota: Quota, now_ms: u64) -> Self {
        let per_ms = quota.per_ms.max(1);
        let starts_ms = now_ms - now_ms % per_ms;
        Self { starts_ms, ends_ms: starts_ms.saturating_add(per_ms), used: 0 }
    }

    /// A clock that goes back stays in the window that was reached: otherwise it would give a second quota.
    fn count(&mut self, quota: Quota, now_ms: u64) -> Result<(), Throttled> {
        let current = Self::around(quota, now_ms.max(self.starts_ms));
        if current.starts_ms != self.starts_ms {
            *self = current;
        }
        self.ends_ms = current.ends_ms;
        if self.used >= quota.requests {
            return Err(Throttled { next_access_ms: self.ends_ms });
        }
        self.used += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::application::KeyKind;
    use super::*;
    use proptest::prelude::*;

    const MINUTE_MS: u64 = 60_000;

    fn client(consumer_key: &str, quota: Option<Quota>) -> Client {
        Client {
            application: "Một cửa".to_owned(),
            member: "VN:GOV:000.00.00.H46:LGSP".to_owned(),
            kind: KeyKind::Production,
            consumer_key: consumer_key.to_owned(),
            quota,
        }
    }

    #[test]
    fn a_window_takes_its_requests_and_the_next_begins_to_the_millisecond() {
        let quotas = Quotas::default();
        let own = client("a", Some(Quota { requests: 2, per_ms: MINUTE_MS }));
        let throttled = Err(Throttled { next_access_ms: 2 * MINUTE_MS });
        assert_eq!(quotas.check(&own, MINUTE_MS + 59_000), Ok(()));
        assert_eq!(quotas.check(&own, MINUTE_MS + 59_001), Ok(()));
        assert_eq!(quotas.check(&own, MINUTE_MS + 59_002), throttled);
        assert_eq!(
            quotas.check(&client("b", own.quota), MINUTE_MS + 59_002),
            Ok(()),
            "another key"
        );
        assert_eq!(quotas.check(&own, 2 * MINUTE_MS - 1), throttled);
        assert_eq!(quotas.check(&own, 2 * MINUTE_MS), Ok(()));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_more() {
        let quotas = Quotas::default();
        let own = client("a", Some(Quota { requests: 1, per_ms: MINUTE_MS }));
        assert_eq!(quotas.check(&own, 2 * MINUTE_MS), Ok(()));
        assert!(quotas.check(&own, MINUTE_MS).is_err());
        assert!(quotas.check(&own, 0).is_err());
    }

    #[test]
    fn no_quota_is_no_limit_and_a_quota_of_none_is_never() {
        let quotas = Quotas::default();
        let none = client("n", Some(Quota { requests: 0, per_ms: MINUTE_MS }));
        assert_eq!(quotas.check(&none, 1), Err(Throttled { next_access_ms: MINUTE_MS }));
        assert!((0..1_000).all(|at| quotas.check(&client("a", None), at).is_ok()));
        assert_eq!(quotas.windows.lock().len(), 1);
    }

    #[test]
    fn windows_are_bounded_and_old_ones_make_room() {
        let quotas = Quotas::default();
        let quota = Some(Quota { requests: 1, per_ms: MINUTE_MS });
        for ix in 0..KEYS_MAX {
            quotas.check(&client(&ix.to_string(), quota), 1).unwrap();
        }
        let full = Err(Throttled { next_access_ms: MINUTE_MS });
        assert_eq!(quotas.check(&client("x", quota), 2), full);
        assert_eq!(quotas.check(&client("x", quota), MINUTE_MS), Ok(()));
        assert_eq!(quotas.windows.lock().len(), 1);
    }

    proptest! {
        #[test]
        fn no_window_ever_takes_more_than_its_quota(
            requests in 0..5_u32,
            per_ms in 1..50_u64,
            mut times in prop::collection::vec(0..500_u64, 0..200),
        ) {
            times.sort_unstable();
            let quotas = Quotas::default();
            let own = client("a", Some(Quota { requests, per_ms }));
            let mut taken = BTreeMap::<u64, u32>::new();
            for at in times {
                match quotas.check(&own, at) {
                    Ok(()) => *taken.entry(at / per_ms).or_default() += 1,
                    Err(throttled) => {
                        prop_assert_eq!(throttled.next_access_ms, (at / per_ms + 1) * per_ms);
                        prop_assert_eq!(taken.get(&(at / per_ms)).copied().unwrap_or(0), requests);
                    }
                }
            }
            prop_assert!(taken.values().all(|taken| *taken <= requests));
        }
    }
}
