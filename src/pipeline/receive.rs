//! Receive streams: deliveries leased to whoever listens for an agency, given back when they stop.

use super::{Pipeline, Platform, Ports};
use crate::bus::SubscriptionId;
use crate::bus::mailbox::Item;
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::AgencyId;
use crate::domain::envelope::DocId;
use crate::domain::fact::Record;
use crate::domain::routing::PlatformIx;
use crate::domain::tracking::{Carried, Chunks};
use std::sync::Arc;
use tokio::sync::Notify;

/// One leased delivery.
#[derive(Clone, Debug)]
pub struct Leased {
    pub number: u64,
    pub accepted: Arc<Record>,
    /// The receiver's DocId.
    pub receiver: DocId,
    pub agency: AgencyCode,
    pub arrived_at: Timestamp,
    /// Recalled, and the recipient agreed: there is no content any more (QĐ 28/2018 Art. 9).
    pub is_destroyed: bool,
    pub chunks: Chunks,
}

/// A place on the bus; dropping it gives back what was not acknowledged.
#[derive(Debug)]
pub struct Listening<P: Ports> {
    pipeline: Arc<Pipeline<P>>,
    platform: PlatformIx,
    id: SubscriptionId,
    wake: Arc<Notify>,
}

impl<P: Ports> Pipeline<P> {
    /// Begins a receive stream for agencies that the caller was checked to speak for.
    pub fn listen(self: &Arc<Self>, platform: &Platform, agencies: Vec<AgencyId>) -> Listening<P> {
        let mut guard = platform.post.lock();
        let post = &mut *guard;
        let mut open = Vec::new();
        for &agency in &agencies {
            let items = post.tracking.open_items(agency).into_iter();
            open.extend(
                items.map(|(number, key, urgent, bytes)| {
                    (agency, Item { number, key, urgent, bytes })
                }),
            );
        }
        let (id, wake) = post.bus.subscribe(agencies, open);
        drop(guard);
        wake.notify_one();
        Listening { pipeline: Arc::clone(self), platform: platform.ix, id, wake }
    }
}

impl<P: Ports> Listening<P> {
    /// Leases the next deliveries; empty when there are none now.
    pub fn lease(&self, items_max: usize, bytes_max: u64) -> Vec<Leased> {
        let Some(platform) = self.pipeline.platform(self.platform) else { return Vec::new() };
        let now = self.pipeline.now();
        let mut numbers = Vec::new();
        let mut guard = platform.post.lock();
        let post = &mut *guard;
        post.bus.lease_stream(self.id, now, items_max, bytes_max, &mut numbers);
        numbers
            .iter()
            .filter_map(|&number| match post.tracking.carried(number)? {
                Carried::Delivery { doc, delivery } => Some(Leased {
                    number,
                    accepted: Arc::clone(&doc.accepted),
                    receiver: delivery.receiver,
                    agency: delivery.agency,
                    arrived_at: delivery.arrived_at,
                    is_destroyed: delivery.is_destroyed(),
                    chunks: doc.chunks.clone(),
                }),
                Carried::Report(_) => None,
            })
            .collect()
    }

    /// Gives back deliveries that could not be sent or were not confirmed.
    pub fn release(&self, numbers: &[u64]) {
        let Some(platform) = self.pipeline.platform(self.platform) else { return };
        let wakes = {
            let mut post = platform.post.lock();
            post.bus.release_stream(self.id, numbers);
            post.bus.take_wakes()
        };
        for wake in wakes {
            wake.notify_one();
        }
    }

    /// Resolves when there may be something to lease.
    pub async fn ready(&self) {
        self.wake.notified().await;
    }

    pub const fn pipeline(&self) -> &Arc<Pipeline<P>> {
        &self.pipeline
    }
}

impl<P: Ports> Drop for Listening<P> {
    fn drop(&mut self) {
        let Some(platform) = self.pipeline.platform(self.platform) else { return };
        let wakes = {
            let mut post = platform.post.lock();
            post.bus.unsubscribe(self.id);
            post.bus.take_wakes()
        };
        for wake in wakes {
            wake.notify_one();
        }
    }
}
