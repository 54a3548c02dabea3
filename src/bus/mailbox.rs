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

use super::slab::{List, NONE, Node, Place, Slab};
use crate::clock::Timestamp;

#[derive(Debug)]
pub struct Mailbox {
    limits: MailboxLimits,
    slab: Slab,
    len: u32,
    /// Only when there are too many slots to look through.
    index: Option<Box<Index>>,
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
            len: 0,
            index: None,
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
        if self.slot(item.number).is_some() {
            return Ok(());
        }
        if self.len() >= self.limits.depth_max.min(SLOTS_MAX) {
            return Err(Full);
        }
        let tail = self.tail(item.key);
        if self.index.is_none() && self.len() == SCANNED_MAX {
            self.index = Some(Box::new(Index::of(&self.slab)));
        }
        let slot = self.slab.insert(Node::new(item));
        self.len += 1;
        if let Some(index) = &mut self.index {
            index.add(&self.slab, slot);
        }
        if let Some(tail) = tail {
            self.slab.node_mut(tail).key_next = slot;
            self.slab.node_mut(slot).key_prev = tail;
        } else {
            self.enter(slot);
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
        self.len as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
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
        heads <= self.len()
            && (heads == 0) == self.is_empty()
            && self
                .index
                .as_ref()
                .is_none_or(|index| index.tails.len() == heads && index.numbers.len() == self.len())
            && (self.index.is_some() || self.slab.nodes.len() <= SCANNED_MAX)
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
        let node = *self.slab.node(slot);
        let Node { number, place, at, key_prev, key_next, .. } = node;
        match place {
            Place::Nowhere | Place::Behind => {}
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
        if key_prev == NONE && key_next != NONE {
            self.enter(key_next);
        }
        self.slab.remove(slot);
        self.len -= 1;
        if let Some(index) = &mut self.index {
            index.remove(node, slot);
        }
        if self.len == 0 && self.slab.nodes.capacity() > KEPT_MAX {
            self.slab = Slab::new();
            self.index = None;
        }
    }

    fn slot(&self, number: u64) -> Option<u32> {
        match &self.index {
            Some(index) => index
                .numbers
                .find(hash(number), |&slot| self.slab.node(slot).number == number)
                .copied(),
            None => self.slab.find(|node| node.number == number),
        }
    }

    /// The last item of a key.
    fn tail(&self, key: u64) -> Option<u32> {
        match &self.index {
            Some(index) => {
                index.tails.find(hash(key), |tail| tail.key == key).map(|tail| tail.slot)
            }
            None => self.slab.find(|node| node.key == key && node.key_next == NONE),
        }
    }

    fn check_lists(&self) -> bool {
        let (slab, urgent, ordinary) = (&self.slab, &self.urgent, &self.ordinary);
        let ready = |lane: &List, is_urgent: bool| {
            lane.check(slab, |node| node.place == Place::Ready && node.urgent == is_urgent)
                && lane.nodes(slab).is_sorted_by_key(|node| node.turn)
        };
        let items: usize = slab
            .nodes
            .iter()
            .filter(|node| node.key_prev == NONE)
            .map(|head| {
                let rest = std::iter::successors(Some(head), |node| {
                    (node.key_next != NONE).then(|| slab.node(node.key_next))
                });
                let is_chain = |(place, node): (usize, &Node)| {
                    node.key == head.key
                        && (place == 0) == (node.place != Place::Behind)
                        && (node.key_next == NONE
                            || slab.node(slab.node(node.key_next).key_prev).number == node.number)
                };
                if head.place == Place::Nowhere {
                    0
                } else {
                    rest.enumerate().take_while(|&pair| is_chain(pair)).count()
                }
            })
            .sum();
        ready(urgent, true)
            && ready(ordinary, false)
            && self.leased.check(slab, |node| node.place == Place::Leased)
            && self.leased.nodes(slab).is_sorted_by_key(|node| node.at)
            && self.delayed.iter().all(|&(at, number, slot)| {
                let node = slab.node(slot);
                node.place == Place::Delayed && node.at == at && node.number == number
            })
            && items == self.len()
    }
}

/// Finds items by number and the last item of each key.
#[derive(Debug, Default)]
struct Index {
    numbers: HashTable<u32>,
    tails: HashTable<Tail>,
}

#[derive(Debug)]
struct Tail {
    key: u64,
    slot: u32,
}

impl Index {
    /// Every slot holds an item.
    fn of(slab: &Slab) -> Self {
        let mut index = Self::default();
        for (slot, node) in (0..).zip(&slab.nodes) {
            index.add_number(slab, slot);
            if node.key_next == NONE {
                index.set_tail(node.key, slot);
            }
        }
        index
    }

    fn add(&mut self, slab: &Slab, slot: u32) {
        self.add_number(slab, slot);
        self.set_tail(slab.node(slot).key, slot);
    }

    fn remove(&mut self, Node { number, key, key_prev, key_next, .. }: Node, slot: u32) {
        if let Ok(entry) = self.numbers.find_entry(hash(number), |&other| other == slot) {
            entry.remove();
        }
        if key_next == NONE
            && let Ok(mut tail) = self.tails.find_entry(hash(key), |tail| tail.key == key)
        {
            match key_prev {
                NONE => {
                    tail.remove();
                }
                prev => tail.get_mut().slot = prev,
            }
        }
    }

    fn add_number(&mut self, slab: &Slab, slot: u32) {
        let number = slab.node(slot).number;
        self.numbers.insert_unique(hash(number), slot, |&slot| hash(slab.node(slot).number));
    }

    fn set_tail(&mut self, key: u64, slot: u32) {
        match self.tails.entry(hash(key), |tail| tail.key == key, |tail| hash(tail.key)) {
            Entry::Occupied(mut tail) => tail.get_mut().slot = slot,
            Entry::Vacant(vacant) => {
                vacant.insert(Tail { key, slot });
            }
        }
    }
}

/// Keys and numbers are the gateway's own (digests and counters), so a fixed seed gives nothing away.
fn hash(value: u64) -> u64 {
    const STATE: FixedState = FixedState::with_seed(0x6d61_696c);
    STATE.hash_one(value)
}

const SLOTS_MAX: usize = NONE as usize;
/// Items that are found by looking at each: most mailboxes never hold more, and stay without an index.
const SCANNED_MAX: usize = 8;
/// Slots an empty mailbox keeps for the next burst.
const KEPT_MAX: usize = 64;
/// Every public call walks the lists of a mailbox up to this depth, in debug builds.
const CHECKED_MAX: usize = 48;

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
