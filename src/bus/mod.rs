//! Deliveries waiting for their recipient, rebuilt from the fold.
//!
//! One mailbox per neighbouring platform, and one per agency while a receive stream watches it. An inbox
//! that nobody watches needs no mailbox: it is a view (`domain/tracking`).
//!
//! Invariant: the bus holds numbers, never documents; what is leased here is still open in the fold.

pub mod mailbox;
mod slab;

use crate::clock::Timestamp;
use crate::domain::directory::AgencyId;
use crate::domain::routing::PlatformIx;
use crate::domain::tracking::{Destination, Effect};
use mailbox::{Item, Mailbox, MailboxLimits, Settlement};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

type Map<K, V> = hashbrown::HashMap<K, V, foldhash::fast::FixedState>;
type Set<K> = hashbrown::HashSet<K, foldhash::fast::FixedState>;

/// A receive stream's place on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(u64);

#[derive(Clone, Copy, Debug)]
enum Sleeper {
    Link(PlatformIx),
    Stream(SubscriptionId),
}

#[derive(Debug)]
struct Link {
    mailbox: Mailbox,
    wake: Arc<Notify>,
    /// It is in `to_wake`.
    is_woken: bool,
}

#[derive(Debug)]
struct Watched {
    mailbox: Mailbox,
    watchers: Vec<SubscriptionId>,
}

#[derive(Debug)]
struct Subscription {
    wake: Arc<Notify>,
    agencies: Vec<AgencyId>,
    /// Agencies that may have something to lease, each once.
    ready: VecDeque<AgencyId>,
    is_ready: Set<AgencyId>,
    leased: Map<u64, AgencyId>,
    /// It is in `to_wake`.
    is_woken: bool,
}

impl Link {
    fn new(mailbox: Mailbox) -> Self {
        Self { mailbox, wake: Arc::new(Notify::new()), is_woken: false }
    }

    fn wake_later(&mut self, peer: PlatformIx, to_wake: &mut Vec<Sleeper>) {
        if !std::mem::replace(&mut self.is_woken, true) {
            to_wake.push(Sleeper::Link(peer));
        }
    }
}

impl Subscription {
    fn announce(&mut self, agency: AgencyId) {
        if self.is_ready.insert(agency) {
            self.ready.push_back(agency);
        }
    }
}

/// The mailboxes of one platform.
#[derive(Debug)]
pub struct Bus {
    limits: MailboxLimits,
    links: BTreeMap<PlatformIx, Link>,
    watched: Map<AgencyId, Watched>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    next_subscription: u64,
    state: foldhash::fast::FixedState,
    /// Whom the last effects concern, once each; woken after the lock is let go.
    to_wake: Vec<Sleeper>,
}

impl Bus {
    pub fn new(
        limits: MailboxLimits,
        neighbours: impl IntoIterator<Item = PlatformIx>,
        seed: u64,
    ) -> Self {
        let state = foldhash::fast::FixedState::with_seed(seed);
        // The fold bounds the documents; news about what was taken is never refused.
        let boundless = MailboxLimits { depth_max: usize::MAX, ..limits };
        let link = |peer| (peer, Link::new(Mailbox::new(boundless)));
        Self {
            limits,
            links: neighbours.into_iter().map(link).collect(),
            watched: Map::with_hasher(state.clone()),
            subscriptions: BTreeMap::new(),
            next_subscription: 1,
            state,
            to_wake: Vec::new(),
        }
    }

    /// Does what the fold said. Wakes nobody: see `take_wakes`.
    pub fn apply(&mut self, effects: &[Effect]) {
        for effect in effects {
            match *effect {
                Effect::Enqueue { to, number, key, urgent, bytes } => {
                    self.enqueue(to, Item { number, key, urgent, bytes });
                }
                Effect::Remove { to, number } => self.settle(to, number, Settlement::Done),
                Effect::Again { to, number, at } => {
                    self.settle(to, number, Settlement::Again { at });
                }
            }
        }
    }

    /// Those to wake since the last call, once each.
    pub fn take_wakes(&mut self) -> Vec<Arc<Notify>> {
        let wake = |sleeper| match sleeper {
            Sleeper::Link(peer) => {
                let link = self.links.get_mut(&peer)?;
                link.is_woken = false;
                Some(Arc::clone(&link.wake))
            }
            Sleeper::Stream(id) => {
                let subscription = self.subscriptions.get_mut(&id)?;
                subscription.is_woken = false;
                Some(Arc::clone(&subscription.wake))
            }
        };
        self.to_wake.drain(..).filter_map(wake).collect()
    }

    pub fn link_wake(&self, peer: PlatformIx) -> Option<Arc<Notify>> {
        self.links.get(&peer).map(|link| Arc::clone(&link.wake))
    }

    /// Leases work for a neighbour: numbers into `out`.
    pub fn lease_link(
        &mut self,
        peer: PlatformIx,
        now: Timestamp,
        items_max: usize,
        bytes_max: u64,
        out: &mut Vec<u64>,
    ) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.mailbox.lease(now, FOREVER, items_max, bytes_max, out);
        }
    }

    /// When the next delayed item for a neighbour is due.
    pub fn link_deadline(&self, peer: PlatformIx) -> Option<Timestamp> {
        self.links.get(&peer)?.mailbox.next_deadline().filter(|&at| at < FOREVER)
    }

    /// Gives leased numbers back as if they had never been leased.
    pub fn release_link(&mut self, peer: PlatformIx, numbers: &[u64]) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        for &number in numbers {
            link.mailbox.settle(number, Settlement::Released);
        }
        link.wake_later(peer, &mut self.to_wake);
    }

    /// Gives leased numbers back, not to be leased before `at`.
    pub fn postpone_link(&mut self, peer: PlatformIx, numbers: &[u64], at: Timestamp) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        for &number in numbers {
            link.mailbox.settle(number, Settlement::Again { at });
        }
    }

    pub fn link_len(&self, peer: PlatformIx) -> usize {
        self.links.get(&peer).map_or(0, |link| link.mailbox.len())
    }

    pub fn neighbours(&self) -> Vec<PlatformIx> {
        self.links.keys().copied().collect()
    }

    /// Begins a receive stream. `open` are the items that already wait, as (agency, item).
    pub fn subscribe(
        &mut self,
        agencies: Vec<AgencyId>,
        open: Vec<(AgencyId, Item)>,
    ) -> (SubscriptionId, Arc<Notify>) {
        let id = SubscriptionId(self.next_subscription);
        self.next_subscription += 1;
        let wake = Arc::new(Notify::new());
        for &agency in &agencies {
            let limits = self.limits;
            let watched = self
                .watched
                .entry(agency)
                .or_insert_with(|| Watched { mailbox: Mailbox::new(limits), watchers: Vec::new() });
            watched.watchers.push(id);
        }
        let subscription = Subscription {
            wake: Arc::clone(&wake),
            agencies,
            ready: VecDeque::new(),
            is_ready: Set::with_hasher(self.state.clone()),
            leased: Map::with_hasher(self.state.clone()),
            is_woken: false,
        };
        self.subscriptions.insert(id, subscription);
        for (agency, item) in open {
            self.enqueue(Destination::Inbox(agency), item);
        }
        (id, wake)
    }

    /// Ends a receive stream; what it had not acknowledged is for others.
    pub fn unsubscribe(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.subscriptions.remove(&id) else { return };
        let mut released: Vec<(u64, AgencyId)> = subscription.leased.into_iter().collect();
        released.sort_unstable();
        for (number, agency) in released {
            if let Some(watched) = self.watched.get_mut(&agency) {
                watched.mailbox.settle(number, Settlement::Released);
            }
        }
        for agency in subscription.agencies {
            let Some(watched) = self.watched.get_mut(&agency) else { continue };
            watched.watchers.retain(|&watcher| watcher != id);
            if watched.watchers.is_empty() {
                self.watched.remove(&agency);
            } else {
                self.announce(agency);
            }
        }
    }

    /// Leases work for a receive stream: numbers into `out`.
    pub fn lease_stream(
        &mut self,
        id: SubscriptionId,
        now: Timestamp,
        items_max: usize,
        bytes_max: u64,
        out: &mut Vec<u64>,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        // Each agency gets one turn, so that a busy inbox does not starve the others of the stream.
        for _ in 0..subscription.ready.len() {
            let had = out.len();
            if had >= items_max {
                break;
            }
            let Some(agency) = subscription.ready.pop_front() else { break };
            subscription.is_ready.remove(&agency);
            let Some(watched) = self.watched.get_mut(&agency) else { continue };
            watched.mailbox.lease(now, FOREVER, items_max - had, bytes_max, out);
            for &number in out.iter().skip(had) {
                subscription.leased.insert(number, agency);
            }
            if watched.mailbox.ready_len() > 0 {
                subscription.announce(agency);
            }
        }
    }

    /// The stream's client did not take these after all.
    pub fn release_stream(&mut self, id: SubscriptionId, numbers: &[u64]) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        let held: Vec<(u64, AgencyId)> = numbers
            .iter()
            .filter_map(|&number| Some((number, subscription.leased.remove(&number)?)))
            .collect();
        for (number, agency) in held {
            if let Some(watched) = self.watched.get_mut(&agency) {
                watched.mailbox.settle(number, Settlement::Released);
            }
            self.announce(agency);
        }
    }

    fn enqueue(&mut self, to: Destination, item: Item) {
        match to {
            Destination::Link(peer) => {
                let Some(link) = self.links.get_mut(&peer) else { return };
                let published = link.mailbox.publish(item);
                debug_assert!(published.is_ok(), "the fold bounds link mailboxes");
                link.wake_later(peer, &mut self.to_wake);
            }
            Destination::Inbox(agency) => {
                let Some(watched) = self.watched.get_mut(&agency) else { return };
                let published = watched.mailbox.publish(item);
                debug_assert!(published.is_ok(), "the fold bounds inboxes");
                self.announce(agency);
            }
        }
    }

    fn settle(&mut self, to: Destination, number: u64, settlement: Settlement) {
        match to {
            Destination::Link(peer) => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.mailbox.settle(number, settlement);
                    link.wake_later(peer, &mut self.to_wake);
                }
            }
            Destination::Inbox(agency) => {
                let Some(watched) = self.watched.get_mut(&agency) else { return };
                watched.mailbox.settle(number, settlement);
                let has_more = watched.mailbox.ready_len() > 0;
                for watcher in &watched.watchers {
                    if let Some(subscription) = self.subscriptions.get_mut(watcher) {
                        subscription.leased.remove(&number);
                    }
                }
                if has_more {
                    self.announce(agency);
                }
            }
        }
    }

    /// Tells the watchers of an agency that there may be something.
    fn announce(&mut self, agency: AgencyId) {
        let Some(watched) = self.watched.get(&agency) else { return };
        for watcher in &watched.watchers {
            let Some(subscription) = self.subscriptions.get_mut(watcher) else { continue };
            subscription.announce(agency);
            if !std::mem::replace(&mut subscription.is_woken, true) {
                self.to_wake.push(Sleeper::Stream(*watcher));
            }
        }
    }
}

/// Leases end by settlement, not by time: who holds one lives in this process.
const FOREVER: Timestamp = Timestamp(u64::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_woken_once_however_much_came_for_it_and_again_for_what_comes_later() {
        let limits = MailboxLimits { depth_max: 10, overtaken_max: 1 };
        let mut bus = Bus::new(limits, [], 1);
        let (_, first) = bus.subscribe(vec![AgencyId(1)], Vec::new());
        let (_, second) = bus.subscribe(vec![AgencyId(2)], Vec::new());
        let arrive = |bus: &mut Bus, number: u64, agency| {
            let to = Destination::Inbox(AgencyId(agency));
            bus.apply(&[Effect::Enqueue { to, number, key: number, urgent: false, bytes: 1 }]);
        };
        for (number, agency) in [(1, 1), (2, 2), (3, 1), (4, 2)] {
            arrive(&mut bus, number, agency);
        }
        let woken = bus.take_wakes();
        assert_eq!(woken.len(), 2);
        assert!(Arc::ptr_eq(&woken[0], &first) && Arc::ptr_eq(&woken[1], &second));
        assert!(bus.take_wakes().is_empty());
        arrive(&mut bus, 5, 2);
        assert!(Arc::ptr_eq(&bus.take_wakes()[0], &second));
    }
}
