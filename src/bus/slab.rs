//! Where a mailbox keeps its items: slots that are used again, linked into lists by number.
//!
//! Invariant: a slot is in one list at most; the lists of a key run through links of their own.

use super::mailbox::Item;
use crate::clock::Timestamp;

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An empty slot.
    Nowhere,
    Behind,
    Ready,
    Leased,
    Delayed,
}

/// One cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) number: u64,
    pub(super) key: u64,
    /// Leased: when that ends. Delayed: when it is due.
    pub(super) at: Timestamp,
    /// When it became ready, counted in all that did.
    pub(super) turn: u64,
    /// How many urgent ones had become ready before it.
    pub(super) urgent_before: u64,
    pub(super) bytes: u32,
    pub(super) prev: u32,
    pub(super) next: u32,
    pub(super) key_prev: u32,
    pub(super) key_next: u32,
    pub(super) attempts: u16,
    pub(super) urgent: bool,
    pub(super) place: Place,
}

impl Node {
    pub(super) const fn new(item: Item) -> Self {
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
pub(super) struct Slab {
    pub(super) nodes: Vec<Node>,
    /// Free slots, linked by `next`.
    pub(super) free: u32,
}

impl Slab {
    pub(super) const fn new() -> Self {
        Self { nodes: Vec::new(), free: NONE }
    }

    pub(super) fn insert(&mut self, node: Node) -> u32 {
        if self.free == NONE {
            self.nodes.push(node);
            return u32::try_from(self.nodes.len() - 1).unwrap_or(NONE);
        }
        let slot = self.free;
        self.free = std::mem::replace(self.node_mut(slot), node).next;
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let next = std::mem::replace(&mut self.free, slot);
        let node = self.node_mut(slot);
        (node.place, node.next) = (Place::Nowhere, next);
    }

    /// Looks at every slot.
    pub(super) fn find(&self, wanted: impl Fn(&Node) -> bool) -> Option<u32> {
        let is_wanted = |node: &Node| node.place != Place::Nowhere && wanted(node);
        (0..).zip(&self.nodes).find_map(|(slot, node)| is_wanted(node).then_some(slot))
    }

    #[expect(clippy::indexing_slicing, reason = "slots come from here and the slab never shrinks")]
    pub(super) fn node(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "slots come from here and the slab never shrinks")]
    pub(super) fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }
}

/// A list through `prev` and `next` of its nodes.
#[derive(Debug)]
pub(super) struct List {
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) len: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE, len: 0 };

    /// `after` = `NONE` puts it first.
    pub(super) fn insert_after(&mut self, slab: &mut Slab, after: u32, slot: u32) {
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

    pub(super) fn unlink(&mut self, slab: &mut Slab, slot: u32) {
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

    pub(super) fn head<'slab>(&self, slab: &'slab Slab) -> Option<&'slab Node> {
        (self.head != NONE).then(|| slab.node(self.head))
    }

    pub(super) fn nodes<'slab>(&self, slab: &'slab Slab) -> impl Iterator<Item = &'slab Node> {
        std::iter::successors(self.head(slab), |node| {
            (node.next != NONE).then(|| slab.node(node.next))
        })
        .take(self.len as usize + 1)
    }

    pub(super) fn check(&self, slab: &Slab, belongs: impl Fn(&Node) -> bool) -> bool {
        self.nodes(slab).count() == self.len as usize
            && self.nodes(slab).all(belongs)
            && (self.head == NONE) == (self.tail == NONE)
            && self.nodes(slab).last().is_none_or(|last| std::ptr::eq(last, slab.node(self.tail)))
    }
}
