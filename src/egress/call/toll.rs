//! What a link does to what passes it: the same toll for documents and calls.

use crate::clock::{Clock, SystemClock};
use crate::domain::conditions::{Fate, LinkConditions, Wire};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The link is down by its conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link is down by its conditions")]
pub struct LinkIsDown;

/// One direction of a link.
#[derive(Debug, Default)]
pub struct Toll {
    /// Shared by both directions when both ends run here.
    conditions: Arc<Mutex<LinkConditions>>,
    wire: Mutex<Wire>,
    nonce: AtomicU64,
}

impl Toll {
    pub fn new(conditions: Arc<Mutex<LinkConditions>>) -> Self {
        Self { conditions, ..Self::default() }
    }

    pub fn is_free(&self) -> bool {
        self.conditions.lock().are_ideal()
    }

    /// Lets a message of so many bytes meet the conditions of its link. What is lost is never answered: the
    /// caller's deadline notices.
    pub async fn pass(&self, clock: &SystemClock, bytes: u64) -> Result<(), LinkIsDown> {
        let now = clock.now();
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        let fate = {
            let conditions = self.conditions.lock();
            if conditions.are_ideal() {
                return Ok(());
            }
            conditions.fate(&mut self.wire.lock(), bytes, now, nonce)
        };
        match fate {
            Fate::Deliver { after } => {
                clock.sleep_until(now.plus(after)).await;
                Ok(())
            }
            Fate::Lost => std::future::pending().await,
            Fate::Down => Err(LinkIsDown),
        }
    }
}
