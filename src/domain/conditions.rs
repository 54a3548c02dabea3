//! Latency, loss, bandwidth, outage and capacity as data: what a link does to a message, and when a platform
//! gets round to a document. The same functions serve live runs and the simulator.
//!
//! Invariant: the same conditions, state, nonce and moment give the same fate; nothing here draws or waits.

use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a link does to messages. Absent means: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConditions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// Added to the latency: anything from nothing up to this, evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
    /// The share of messages that never arrive, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth_bytes_per_s: Option<u64>,
    pub down: bool,
}

/// What becomes of one message on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Deliver {
        after: Duration,
    },
    /// It leaves and never arrives.
    Lost,
    Down,
}

/// The moment until which a link is busy putting earlier messages on the wire; one per direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    pub busy_until: Timestamp,
}

impl LinkConditions {
    pub fn are_ideal(&self) -> bool {
        *self == Self::default()
    }

    /// The fate of a message of `bytes` sent `now`. `nonce` must differ from message to message.
    /// Bandwidth makes messages wait for one another, also for those that get lost.
    pub fn fate(&self, wire: &mut Wire, bytes: u64, now: Timestamp, nonce: u64) -> Fate {
        if self.down {
            return Fate::Down;
        }
        let start = wire.busy_until.max(now);
        let sent_at = match self.bandwidth_bytes_per_s {
            Some(rate) => start.plus(time_for(bytes, rate)),
            None => start,
        };
        if self.bandwidth_bytes_per_s.is_some() {
            wire.busy_until = sent_at;
        }
        if self.loss.is_some_and(|loss| share(nonce, 1) < loss) {
            return Fate::Lost;
        }
        let latency = Duration::from_millis(u64::from(self.latency_ms.unwrap_or(0)));
        let jitter = Duration::from_millis(u64::from(self.jitter_ms.unwrap_or(0)));
        let after = sent_at.since(now) + latency + jitter.mul_f64(share(nonce, 2));
        Fate::Deliver { after }
    }
}

/// How much a platform can take. Absent means: as much as the machine can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlatformConditions {
    /// How many documents may be begun at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_s: Option<f64>,
    /// How many may wait for their turn; more are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
    /// Takes no service calls of others; its own systems still call (wire/xroad.md 2.6).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
}

/// Where a platform's schedule stands; one for documents, one for calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When everything given a turn so far would be done at the steady rate.
    done_at: Timestamp,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue is full")]
pub struct QueueFull {
    /// When a place should be free.
    pub retry_after: Duration,
}

impl PlatformConditions {
    pub fn are_ideal(&self) -> bool {
        *self == Self::default()
    }

    /// The moment at which a document that came `now` may begin.
    pub fn next_document(
        &self,
        schedule: &mut Schedule,
        now: Timestamp,
    ) -> Result<Timestamp, QueueFull> {
        self.next(self.documents_per_s, schedule, now)
    }

    /// The moment at which a call that came `now` may begin.
    pub fn next_call(
        &self,
        schedule: &mut Schedule,
        now: Timestamp,
    ) -> Result<Timestamp, QueueFull> {
        self.next(self.calls_per_s, schedule, now)
    }

    /// Generic cell rate: one turn per interval, `workers` of them at once after a pause.
    fn next(
        &self,
        rate: Option<f64>,
        schedule: &mut Schedule,
        now: Timestamp,
    ) -> Result<Timestamp, QueueFull> {
        let Some(interval) = rate.and_then(interval) else { return Ok(now) };
        let done_at = schedule.done_at.max(now).plus(interval);
        let burst = interval.saturating_mul(self.workers.unwrap_or(1).max(1));
        let begins_at = done_at.minus(burst).max(now);
        if let Some(queue) = self.queue {
            let room = interval.saturating_mul(queue);
            let wait = begins_at.since(now);
            if wait > room {
                return Err(QueueFull { retry_after: wait - room });
            }
        }
        schedule.done_at = done_at;
        Ok(begins_at)
    }
}

fn interval(per_s: f64) -> Option<Duration> {
    (per_s > 0.0).then(|| Duration::try_from_secs_f64(1.0 / per_s).unwrap_or(Duration::MAX))
}

fn time_for(bytes: u64, bytes_per_s: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_s.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A number from 0 up to, not including, 1. `which` keeps several draws of one nonce apart.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a float exactly")]
fn share(nonce: u64, which: u64) -> f64 {
    (mix(nonce ^ which.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The finaliser of split-mix 64: neighbouring nonces give unrelated numbers.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn after(ms: u64) -> Fate {
        Fate::Deliver { after: Duration::from_millis(ms) }
    }

    #[test]
    fn an_ideal_link_does_nothing_and_a_dead_one_everything() {
        let mut wire = Wire::default();
        assert_eq!(LinkConditions::default().fate(&mut wire, 1 << 30, NOW, 1), after(0));
        assert_eq!(wire, Wire::default());
        let down = LinkConditions { down: true, ..Default::default() };
        assert_eq!(down.fate(&mut wire, 1, NOW, 1), Fate::Down);
    }

    #[test]
    fn bandwidth_makes_messages_wait_for_each_other() {
        let link = LinkConditions {
            latency_ms: Some(20),
            bandwidth_bytes_per_s: Some(1_000_000),
            ..Default::default()
        };
        let mut wire = Wire::default();
        assert_eq!(link.fate(&mut wire, 100_000, NOW, 1), after(120));
        assert_eq!(link.fate(&mut wire, 100_000, NOW, 2), after(220));
        let later = NOW.plus(Duration::from_secs(1));
        assert_eq!(link.fate(&mut wire, 100_000, later, 3), after(120));
    }

    #[test]
    fn a_burst_begins_at_once_then_one_per_interval_then_refusals() {
        let platform = PlatformConditions {
            workers: Some(2),
            documents_per_s: Some(10.0),
            queue: Some(3),
            ..Default::default()
        };
        let mut schedule = Schedule::default();
        let waits: Vec<_> = (0..6)
            .map(|_| platform.next_document(&mut schedule, NOW).map(|at| at.since(NOW).as_millis()))
            .collect();
        let full = Err(QueueFull { retry_after: Duration::from_millis(100) });
        assert_eq!(waits, [Ok(0), Ok(0), Ok(100), Ok(200), Ok(300), full]);
        let later = NOW.plus(Duration::from_millis(100));
        assert_eq!(
            platform.next_document(&mut schedule, later).unwrap().since(later).as_millis(),
            300
        );
        assert_eq!(platform.next_call(&mut schedule, NOW), Ok(NOW));
    }

    #[test]
    fn conditions_are_read_from_json_and_unknown_ones_refused() {
        let link: LinkConditions = serde_json::from_str(r#"{"latency_ms":5,"loss":0.1}"#).unwrap();
        assert_eq!((link.latency_ms, link.loss, link.down), (Some(5), Some(0.1), false));
        assert!(serde_json::from_str::<LinkConditions>(r#"{"latency":5}"#).is_err());
        assert_eq!(serde_json::to_string(&LinkConditions::default()).unwrap(), r#"{"down":false}"#);
    }

    #[test]
    fn loss_and_jitter_are_spread_evenly() {
        let link = LinkConditions { loss: Some(0.25), jitter_ms: Some(100), ..Default::default() };
        let mut lost = 0;
        let mut total = Duration::ZERO;
        for nonce in 0..10_000 {
            match link.fate(&mut Wire::default(), 1, NOW, nonce) {
                Fate::Lost => lost += 1,
                Fate::Deliver { after } => total += after,
                Fate::Down => panic!("up"),
            }
        }
        assert!((2_350..2_650).contains(&lost), "{lost}");
        let mean = total / (10_000 - lost);
        assert!((48..52).contains(&mean.as_millis()), "{mean:?}");
    }

    proptest! {
        #[test]
        fn a_link_never_exceeds_its_bandwidth(
            sizes in prop::collection::vec((1_u64..1_000_000, 0_u64..50), 1..50),
            rate in 1_000_u64..10_000_000,
        ) {
            let link = LinkConditions { bandwidth_bytes_per_s: Some(rate), ..Default::default() };
            let (mut wire, mut now, mut bytes, mut last) = (Wire::default(), NOW, 0, NOW);
            for (size, pause_ms) in sizes {
                now = now.plus(Duration::from_millis(pause_ms));
                bytes += size;
                let Fate::Deliver { after } = link.fate(&mut wire, size, now, 0) else {
                    return Err(TestCaseError::fail("not delivered"));
                };
                let arrives = now.plus(after);
                prop_assert!(arrives >= last, "messages overtake");
                last = arrives;
                prop_assert!(arrives.since(NOW) + Duration::from_micros(1) >= time_for(bytes, rate));
            }
        }

        #[test]
        fn the_steady_rate_is_never_exceeded(
            pauses in prop::collection::vec(0_u64..40, 1..200),
            rate in 1_u32..1000, workers in 1_u32..8, queue in 0_u32..20,
        ) {
            let platform = PlatformConditions {
                workers: Some(workers),
                documents_per_s: Some(f64::from(rate)),
                queue: Some(queue),
                ..Default::default()
            };
            let (mut schedule, mut now, mut begun) = (Schedule::default(), NOW, Vec::new());
            for pause in pauses {
                now = now.plus(Duration::from_millis(pause));
                match platform.next_document(&mut schedule, now) {
                    Ok(at) => {
                        prop_assert!(at >= now);
                        begun.push(at);
                    }
                    Err(full) => {
                        let again = now.plus(full.retry_after);
                        prop_assert!(platform.next_document(&mut schedule.clone(), again).is_ok());
                    }
                }
            }
            // In any window: at most the burst plus the rate.
            for (first, from) in begun.iter().enumerate() {
                for (count, to) in begun.iter().skip(first).enumerate() {
                    let allowed = to.since(*from).as_secs_f64() * f64::from(rate) + f64::from(workers);
                    prop_assert!(f64::from(u32::try_from(count).unwrap()) < allowed + 1e-6 + 1.0);
                }
            }
        }
    }
}
