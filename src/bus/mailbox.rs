//! The work that waits for one destination: a neighbouring platform, or an agency's receive stream.
//!
//! Pure: the caller brings the time, wakes the lessee and remembers what an item means. Items of one
//! key go out in publish order, one at a time, retries included; only the head of a key competes with
//! the heads of others, urgent ones first. An ordinary head is overtaken by at most `overtaken_max`
//! urgent ones that became ready after it.
//!
//! Invariant: every item is in exactly one place: behind its key's head, ready in a lane, leased, or
//! delayed. An empty mailbox that was never deep holds no more than a few kilobytes.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::clock::Timestamp;

#[derive(Debug)]
pub struct Mailbox {
    limits: MailboxLimits,
    slab: Slab,
    numbers: HashTable<u32>,
    keys: HashTable<Queue>,
    urgent: List,
    ordinary: List,
    /// In the order in which the leases end.
    leased: List,
    delayed: BTreeSet<(Timestamp, u64, u32)>,
    turns: u64,
    /// How many urgent ones became ready; those no longer in the lane have gone out.
    urgent_entered: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxLimits {
    pub depth_max: usize,
    pub overtaken_max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Unique in this mailbox, and later items have larger ones.
    pub number: u64,
    /// Items of the same key keep their order.
    pub key: u64,
    pub urgent: bool,
    /// What it counts for in a batch.
    pub bytes: u32,
}

/// What happens to an item after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is over, leased or not.
    Done,
    /// The other side answered "later": it stays the head of its key, but not before `at`.
    Again { at: Timestamp },
    /// There was no attempt: it is where it was before the lease.
    Released,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mailbox is full")]
pub struct Full;

impl Mailbox {
    pub fn new(limits: MailboxLimits) -> Self {
        Self {
            limits,
            slab: Slab::new(),
            numbers: HashTable::new(),
            keys: HashTable::new(),
            urgent: List::EMPTY,
            ordinary: List::EMPTY,
            leased: List::EMPTY,
            delayed: BTreeSet::new(),
            turns: 0,
            urgent_entered: 0,
        }
    }

    /// Puts an item behind all others of its key. A number that is held already changes nothing, also
    /// when the mailbox is full; one that was settled as done is forgotten and would come in again.
    pub fn publish(&mut self, item: Item) -> Result<(), Full> {
        let full = self.len() >= self.limits.depth_max.min(SLOTS_MAX);
        let slab = &mut self.slab;
        let number = self.numbers.entry(
            hash(item.number),
            |&slot| slab.node(slot).number == item.number,
            |&slot| hash(slab.node(slot).number),
        );
        let Entry::Vacant(number) = number else { return Ok(()) };
        if full {
            return Err(Full);
        }
        let slot = slab.insert(Node::new(item));
        number.insert(slot);

        let key =
            self.keys.entry(hash(item.key), |queue| queue.key == item.key, |queue| hash(queue.key));
        match key {
            Entry::Occupied(mut queue) => {
                let tail = std::mem::replace(&mut queue.get_mut().tail, slot);
                self.slab.node_mut(tail).key_next = slot;
                self.slab.node_mut(slot).key_prev = tail;
            }
            Entry::Vacant(vacant) => {
                vacant.insert(Queue { key: item.key, head: slot, tail: slot });
                self.enter(slot);
            }
        }
        debug_assert!(self.check_invariants());
        Ok(())
    }

    /// Appends the numbers of the next items to `out` and holds them until `until`. Ends at
    /// `items_max`, or before the item that would exceed `bytes_max`; one ready item always goes.
    pub fn lease(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        items_max: usize,
        bytes_max: u64,
        out: &mut Vec<u64>,
    ) {
        self.advance(now);
        let mut bytes = 0_u64;
        for taken in 0..items_max {
            let Some(slot) = self.front() else { break };
            bytes = bytes.saturating_add(u64::from(self.slab.node(slot).bytes));
            if taken > 0 && bytes > bytes_max {
                break;
            }
            self.leave(slot);
            let node = self.slab.node_mut(slot);
            node.place = Place::Leased;
            node.at = until;
            out.push(node.number);
            let mut after = self.leased.tail;
            while after != NONE && self.slab.node(after).at > until {
                after = self.slab.node(after).prev;
            }
            self.leased.insert_after(&mut self.slab, after, slot);
        }
        debug_assert!(self.check_invariants());
    }

    /// False when it changed nothing: the item is not held, or (other than for `Done`) its lease had
    /// ended by itself.
    pub fn settle(&mut self, number: u64, settlement: Settlement) -> bool {
        let Some(slot) = self.slot(number) else { return false };
        let is_leased = self.slab.node(slot).place == Place::Leased;
        match settlement {
            Settlement::Done => self.remove(slot),
            Settlement::Again { at } if is_leased => {
                self.leased.unlink(&mut self.slab, slot);
                let node = self.slab.node_mut(slot);
                node.attempts = node.attempts.saturating_add(1);
                node.place = Place::Delayed;
                node.at = at;
                self.delayed.insert((at, number, slot));
            }
            Settlement::Released if is_leased => self.release(slot),
            Settlement::Again { .. } | Settlement::Released => return false,
        }
        debug_assert!(self.check_invariants());
        true
    }

    /// The stream was closed or the link is down: everything leased is where it was, and no attempt counts.
    pub fn release_all(&mut self) {
        while self.leased.tail != NONE {
            self.release(self.leased.tail);
        }
        debug_assert!(self.check_invariants());
    }

    /// Ends the leases that are over, which counts as an attempt, and readies the retries that are due.
    /// `lease` does the same first.
    pub fn expire_leases(&mut self, now: Timestamp) {
        self.advance(now);
        debug_assert!(self.check_invariants());
    }

    /// When something happens here by itself: the first lease ends or the first retry is due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let lease = self.leased.head(&self.slab).map(|node| node.at);
        let retry = self.delayed.first().map(|&(at, _, _)| at);
        match (lease, retry) {
            (Some(lease), Some(retry)) => Some(lease.min(retry)),
            (lease, retry) => lease.or(retry),
        }
    }

    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How many could be leased at once. Retries count from the `lease` or `expire_leases` that sees them due.
    pub const fn ready_len(&self) -> usize {
        self.urgent.len as usize + self.ordinary.len as usize
    }

    pub const fn leased_len(&self) -> usize {
        self.leased.len as usize
    }

    pub fn contains(&self, number: u64) -> bool {
        self.slot(number).is_some()
    }

    pub fn is_leased(&self, number: u64) -> bool {
        self.slot(number).is_some_and(|slot| self.slab.node(slot).place == Place::Leased)
    }

    /// How often the item was answered with "later" or its lease ran out; 0 for one that is not here.
    pub fn attempts(&self, number: u64) -> u32 {
        self.slot(number).map_or(0, |slot| u32::from(self.slab.node(slot).attempts))
    }

    /// Whether the parts agree: counts always, every list only while the mailbox is small.
    pub fn check_invariants(&self) -> bool {
        let heads = self.ready_len() + self.leased_len() + self.delayed.len();
        heads == self.keys.len()
            && self.keys.len() <= self.numbers.len()
            && self.numbers.len() <= self.slab.nodes.len()
            && (self.len() > CHECKED_MAX || self.check_lists())
    }

    fn advance(&mut self, now: Timestamp) {
        while let Some(node) = self.leased.head(&self.slab)
            && node.at <= now
        {
            let slot = self.leased.head;
            self.leased.unlink(&mut self.slab, slot);
            let node = self.slab.node_mut(slot);
            node.attempts = node.attempts.saturating_add(1);
            self.enter(slot);
        }
        while let Some(&(at, _, slot)) = self.delayed.first()
            && at <= now
        {
            self.delayed.pop_first();
            self.enter(slot);
        }
    }

    /// The next to lease. The front of the ordinary lane has been there longest, so when it may still
    /// be overtaken, so may all behind it.
    fn front(&self) -> Option<u32> {
        let urgent_left = self.urgent_entered - u64::from(self.urgent.len);
        let waited = self.ordinary.head(&self.slab).is_some_and(|node| {
            urgent_left >= node.urgent_before + u64::from(self.limits.overtaken_max)
        });
        let lane = if waited || self.urgent.len == 0 { &self.ordinary } else { &self.urgent };
        (lane.head != NONE).then_some(lane.head)
    }

    /// The head of a key becomes ready, behind all that are.
    fn enter(&mut self, slot: u32) {
        let node = self.slab.node_mut(slot);
        node.place = Place::Ready;
        node.turn = self.turns;
        node.urgent_before = self.urgent_entered;
        self.turns += 1;
        let lane = if node.urgent {
            self.urgent_entered += 1;
            &mut self.urgent
        } else {
            &mut self.ordinary
        };
        lane.insert_after(&mut self.slab, lane.tail, slot);
    }

    fn leave(&mut self, slot: u32) {
        if self.slab.node(slot).urgent {
            self.urgent.unlink(&mut self.slab, slot);
        } else {
            self.ordinary.unlink(&mut self.slab, slot);
        }
    }

    /// Back to its old turn. Only others that were released can be before it, so the walk is short.
    fn release(&mut self, slot: u32) {
        self.leased.unlink(&mut self.slab, slot);
        let node = self.slab.node_mut(slot);
        node.place = Place::Ready;
        let turn = node.turn;
        let lane = if node.urgent { &mut self.urgent } else { &mut self.ordinary };
        let (mut after, mut before) = (NONE, lane.head);
        while before != NONE && self.slab.node(before).turn < turn {
            (after, before) = (before, self.slab.node(before).next);
        }
        lane.insert_after(&mut self.slab, after, slot);
    }

    fn remove(&mut self, slot: u32) {
        let Node { number, key, place, at, key_prev, key_next, .. } = *self.slab.node(slot);
        match place {
            Place::Behind => {}
            Place::Ready => self.leave(slot),
            Place::Leased => self.leased.unlink(&mut self.slab, slot),
            Place::Delayed => {
                self.delayed.remove(&(at, number, slot));
            }
        }
        if key_prev != NONE {
            self.slab.node_mut(key_prev).key_next = key_next;
        }
        if key_next != NONE {
            self.slab.node_mut(key_next).key_prev = key_prev;
        }
        if (key_prev == NONE || key_next == NONE)
            && let Ok(mut queue) = self.keys.find_entry(hash(key), |queue| queue.key == key)
        {
            match (key_prev, key_next) {
                (NONE, NONE) => {
                    queue.remove();
                }
                (NONE, next) => queue.get_mut().head = next,
                (prev, _) => queue.get_mut().tail = prev,
            }
        }
        if key_prev == NONE && key_next != NONE {
            self.enter(key_next);
        }
        if let Ok(entry) = self.numbers.find_entry(hash(number), |&other| other == slot) {
            entry.remove();
        }
        self.slab.remove(slot);
        if self.numbers.is_empty() && self.slab.nodes.capacity() > KEPT_MAX {
            self.slab = Slab::new();
            self.numbers = HashTable::new();
            self.keys = HashTable::new();
        }
    }

    fn slot(&self, number: u64) -> Option<u32> {
        self.numbers.find(hash(number), |&slot| self.slab.node(slot).number == number).copied()
    }

    fn check_lists(&self) -> bool {
        let (slab, urgent, ordinary) = (&self.slab, &self.urgent, &self.ordinary);
        let ready = |lane: &List, is_urgent: bool| {
            lane.check(slab, |node| node.place == Place::Ready && node.urgent == is_urgent)
                && lane.nodes(slab).is_sorted_by_key(|node| node.turn)
        };
        let queues = self.keys.iter().map(|queue| {
            let mut items = 0;
            let (mut last, mut slot) = (NONE, queue.head);
            while slot != NONE && items <= self.len() {
                let node = slab.node(slot);
                let is_head = slot == queue.head;
                if node.key != queue.key
                    || node.key_prev != last
                    || is_head == (node.place == Place::Behind)
                {
                    return None;
                }
                items += 1;
                (last, slot) = (slot, node.key_next);
            }
            (last == queue.tail).then_some(items)
        });
        ready(urgent, true)
            && ready(ordinary, false)
            && self.leased.check(slab, |node| node.place == Place::Leased)
            && self.leased.nodes(slab).is_sorted_by_key(|node| node.at)
            && self.delayed.iter().all(|&(at, number, slot)| {
                let node = slab.node(slot);
                node.place == Place::Delayed && node.at == at && node.number == number
            })
            && queues.sum::<Option<usize>>() == Some(self.len())
    }
}

/// The items of one key, linked through the slab; only the head can leave.
#[derive(Debug)]
struct Queue {
    key: u64,
    head: u32,
    tail: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Behind,
    Ready,
    Leased,
    Delayed,
}

/// One cache line.
#[derive(Debug)]
struct Node {
    number: u64,
    key: u64,
    /// Leased: when that ends. Delayed: when it is due.
    at: Timestamp,
    /// When it became ready, counted in all that did.
    turn: u64,
    /// How many urgent ones had become ready before it.
    urgent_before: u64,
    bytes: u32,
    prev: u32,
    next: u32,
    key_prev: u32,
    key_next: u32,
    attempts: u16,
    urgent: bool,
    place: Place,
}

impl Node {
    const fn new(item: Item) -> Self {
        Self {
            number: item.number,
            key: item.key,
            at: Timestamp::ZERO,
            turn: 0,
            urgent_before: 0,
            bytes: item.bytes,
            prev: NONE,
            next: NONE,
            key_prev: NONE,
            key_next: NONE,
            attempts: 0,
            urgent: item.urgent,
            place: Place::Behind,
        }
    }
}

#[derive(Debug)]
struct Slab {
    nodes: Vec<Node>,
    /// Free slots, linked by `next`.
    free: u32,
}

impl Slab {
    const fn new() -> Self {
        Self { nodes: Vec::new(), free: NONE }
    }

    fn insert(&mut self, node: Node) -> u32 {
        if self.free == NONE {
            self.nodes.push(node);
            return u32::try_from(self.nodes.len() - 1).unwrap_or(NONE);
        }
        let slot = self.free;
        self.free = std::mem::replace(self.node_mut(slot), node).next;
        slot
    }

    fn remove(&mut self, slot: u32) {
        self.node_mut(slot).next = std::mem::replace(&mut self.free, slot);
    }

    #[expect(clippy::indexing_slicing, reason = "slots come from here and the slab never shrinks")]
    fn node(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "slots come from here and the slab never shrinks")]
    fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }
}

/// A list through `prev` and `next` of its nodes.
#[derive(Debug)]
struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl List {
    const EMPTY: Self = Self { head: NONE, tail: NONE, len: 0 };

    /// `after` = `NONE` puts it first.
    fn insert_after(&mut self, slab: &mut Slab, after: u32, slot: u32) {
        let next = match after {
            NONE => std::mem::replace(&mut self.head, slot),
            after => std::mem::replace(&mut slab.node_mut(after).next, slot),
        };
        match next {
            NONE => self.tail = slot,
            next => slab.node_mut(next).prev = slot,
        }
        let node = slab.node_mut(slot);
        (node.prev, node.next) = (after, next);
        self.len += 1;
    }

    fn unlink(&mut self, slab: &mut Slab, slot: u32) {
        let Node { prev, next, .. } = *slab.node(slot);
        match prev {
            NONE => self.head = next,
            prev => slab.node_mut(prev).next = next,
        }
        match next {
            NONE => self.tail = prev,
            next => slab.node_mut(next).prev = prev,
        }
        self.len -= 1;
    }

    fn head<'slab>(&self, slab: &'slab Slab) -> Option<&'slab Node> {
        (self.head != NONE).then(|| slab.node(self.head))
    }

    fn nodes<'slab>(&self, slab: &'slab Slab) -> impl Iterator<Item = &'slab Node> {
        std::iter::successors(self.head(slab), |node| {
            (node.next != NONE).then(|| slab.node(node.next))
        })
        .take(self.len as usize + 1)
    }

    fn check(&self, slab: &Slab, belongs: impl Fn(&Node) -> bool) -> bool {
        self.nodes(slab).count() == self.len as usize
            && self.nodes(slab).all(belongs)
            && (self.head == NONE) == (self.tail == NONE)
            && self.nodes(slab).last().is_none_or(|last| std::ptr::eq(last, slab.node(self.tail)))
    }
}

/// Keys and numbers are the gateway's own (digests and counters), so a fixed seed gives nothing away.
fn hash(value: u64) -> u64 {
    const STATE: FixedState = FixedState::with_seed(0x6d61_696c);
    STATE.hash_one(value)
}

const NONE: u32 = u32::MAX;
const SLOTS_MAX: usize = NONE as usize;
/// Slots an empty mailbox keeps for the next burst.
const KEPT_MAX: usize = 64;
/// Every public call walks the lists of a mailbox up to this depth, in debug builds.
const CHECKED_MAX: usize = 48;

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
