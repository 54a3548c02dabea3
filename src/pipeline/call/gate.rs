//! How much may be under way: at a platform, and towards a provider, which is left alone when it keeps failing.

use super::CallLimits;
use crate::clock::Timestamp;
use crate::domain::conditions::{PlatformConditions, Schedule};
use crate::domain::service::{CallFault, Service, Trouble};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A platform's capacity for calls.
#[derive(Debug)]
pub struct Door {
    conditions: Mutex<(PlatformConditions, Schedule)>,
    under_way: AtomicUsize,
    calls_max: usize,
}

/// A place taken; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place(Arc<Door>);

impl Door {
    pub(super) fn new(conditions: PlatformConditions, calls_max: usize) -> Self {
        Self {
            conditions: Mutex::new((conditions, Schedule::default())),
            under_way: AtomicUsize::new(0),
            calls_max,
        }
    }

    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    pub fn conditions(&self) -> PlatformConditions {
        self.conditions.lock().0
    }

    pub fn set_conditions(&self, conditions: PlatformConditions) {
        *self.conditions.lock() = (conditions, Schedule::default());
    }

    /// A place, and the moment from which the call may go on.
    pub(super) fn enter(self: &Arc<Self>, now: Timestamp) -> Result<(Place, Timestamp), CallFault> {
        if self.under_way.fetch_add(1, Ordering::Relaxed) >= self.calls_max {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            return Err(CallFault::new(Trouble::Busy)
                .detail(format!("calls_max = {}", self.calls_max))
                .retry_after_ms(BUSY_RETRY_MS));
        }
        let place = Place(Arc::clone(self));
        let mut guard = self.conditions.lock();
        let (conditions, schedule) = &mut *guard;
        let turn = conditions.next_call(schedule, now);
        drop(guard);
        let begins_at = turn.map_err(|full| {
            let ms = u64::try_from(full.retry_after.as_millis()).unwrap_or(u64::MAX);
            CallFault::new(Trouble::Throttled).retry_after_ms(ms)
        })?;
        Ok((place, begins_at))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

const BUSY_RETRY_MS: u64 = 1_000;

/// One gate per service whose provider is here.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<BTreeMap<String, Arc<Gate>>>);

/// The way to one provider.
#[derive(Debug, Default)]
pub(super) struct Gate {
    under_way: AtomicU32,
    breaker: Mutex<Breaker>,
}

/// Failures in a row, and until when the provider is left alone.
#[derive(Clone, Copy, Debug, Default)]
struct Breaker {
    failures: u32,
    closed_until: Timestamp,
}

/// A call that is under way to a provider.
#[derive(Debug)]
pub(super) struct Passage(Arc<Gate>);

impl Gates {
    pub(super) fn of(&self, service: &str) -> Arc<Gate> {
        let mut gates = self.0.lock();
        if let Some(gate) = gates.get(service) {
            return Arc::clone(gate);
        }
        Arc::clone(gates.entry(service.to_owned()).or_default())
    }
}

impl Gate {
    pub(super) fn enter(
        self: &Arc<Self>,
        service: &Service,
        now: Timestamp,
    ) -> Result<Passage, CallFault> {
        let closed_until = self.breaker.lock().closed_until;
        if closed_until > now {
            let ms = u64::try_from(closed_until.since(now).as_millis()).unwrap_or(u64::MAX);
            return Err(CallFault::new(Trouble::CircuitOpen).retry_after_ms(ms.max(1)));
        }
        if self.under_way.fetch_add(1, Ordering::Relaxed) >= service.calls_max {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            return Err(CallFault::new(Trouble::ProviderBusy)
                .detail(format!("calls_max = {}", service.calls_max))
                .retry_after_ms(BUSY_RETRY_MS));
        }
        Ok(Passage(Arc::clone(self)))
    }

    /// A provider that answers is well, whatever it answers. One that failed too often in a row is left alone;
    /// after the pause a single failure more closes the gate again.
    pub(super) fn note(&self, fault: Option<Trouble>, limits: &CallLimits, now: Timestamp) {
        let mut breaker = self.breaker.lock();
        let failed = matches!(
            fault,
            Some(
                Trouble::SystemUnreachable
                    | Trouble::SystemHostUnknown
                    | Trouble::SystemTimeout
                    | Trouble::SystemCut
                    | Trouble::SystemGarbage
            )
        );
        if !failed {
            breaker.failures = 0;
            return;
        }
        breaker.failures = breaker.failures.saturating_add(1);
        if breaker.failures >= limits.breaker_failures_max {
            breaker.failures = limits.breaker_failures_max.saturating_sub(1);
            breaker.closed_until = now.plus(limits.breaker_pause);
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::CatalogueLimits;
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_secs(100);

    fn limits() -> CallLimits {
        CallLimits {
            calls_max: 2,
            timeout: Duration::from_secs(1),
            body_bytes_max: 1,
            buffer_bytes_max: 1,
            message_bytes_max: 1,
            held_bytes_max: 1,
            hops_max: 8,
            breaker_failures_max: 3,
            breaker_pause: Duration::from_secs(5),
            catalogue: CatalogueLimits {
                page_bytes_max: 1_000,
                services_max: 10,
                wait: Duration::from_secs(1),
                retry: Duration::from_secs(1),
            },
        }
    }

    #[test]
    fn a_full_platform_refuses_at_once_and_takes_again_when_one_is_done() {
        let door = Arc::new(Door::new(PlatformConditions::default(), 2));
        let first = door.enter(NOW).unwrap();
        let second = door.enter(NOW).unwrap();
        assert_eq!(door.enter(NOW).unwrap_err().trouble, Trouble::Busy);
        drop(first);
        assert!(door.enter(NOW).is_ok());
        drop(second);
        assert_eq!(door.under_way(), 0);
    }

    #[test]
    fn calls_wait_for_the_rate_of_the_design_and_are_refused_beyond_its_queue() {
        let conditions =
            PlatformConditions { calls_per_s: Some(10.0), queue: Some(1), ..Default::default() };
        let door = Arc::new(Door::new(conditions, 100));
        let waits: Vec<_> = (0..3)
            .map(|_| {
                door.enter(NOW).map(|(_, at)| at.since(NOW).as_millis()).map_err(|f| f.trouble)
            })
            .collect();
        assert_eq!(waits, [Ok(0), Ok(100), Err(Trouble::Throttled)]);
    }

    #[test]
    fn a_provider_that_fails_in_a_row_is_left_alone_for_a_while() {
        let service = crate::domain::service::tests::service("VN:GOV:G06:DMDC/x");
        let gate = Arc::new(Gate::default());
        let fail = |at| gate.note(Some(Trouble::SystemTimeout), &limits(), at);
        fail(NOW);
        fail(NOW);
        gate.note(None, &limits(), NOW);
        fail(NOW);
        fail(NOW);
        assert!(gate.enter(&service, NOW).is_ok(), "one success forgives");
        fail(NOW);
        let shut = gate.enter(&service, NOW).unwrap_err();
        assert_eq!((shut.trouble, shut.retry_after_ms), (Trouble::CircuitOpen, Some(5_000)));
        let later = NOW.plus(Duration::from_secs(5));
        assert!(gate.enter(&service, later).is_ok());
        fail(later);
        assert!(gate.enter(&service, later).is_err(), "one failure more is enough");
        gate.note(Some(Trouble::AccessDenied), &limits(), later);
        let again = later.plus(Duration::from_secs(5));
        fail(again);
        assert!(gate.enter(&service, again).is_ok(), "a refusal is no failure of the system");
    }

    #[test]
    fn a_service_takes_so_many_calls_and_no_more() {
        let service =
            Service { calls_max: 1, ..crate::domain::service::tests::service("VN:GOV:G06:DMDC/x") };
        let gate = Arc::new(Gate::default());
        let passage = gate.enter(&service, NOW).unwrap();
        assert_eq!(gate.enter(&service, NOW).unwrap_err().trouble, Trouble::ProviderBusy);
        drop(passage);
        assert!(gate.enter(&service, NOW).is_ok());
    }
}
