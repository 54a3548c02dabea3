//! The DocIds that a member confirmed last, and on which connection.

use crate::domain::envelope::DocId;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub(super) struct Recent {
    items_max: usize,
    connections: BTreeMap<DocId, u64>,
    order: VecDeque<DocId>,
}

impl Recent {
    pub(super) const fn new(items_max: usize) -> Self {
        Self { items_max, connections: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(super) fn add(&mut self, id: DocId, connection: u64) {
        if self.connections.insert(id, connection).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > self.items_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.connections.remove(&oldest);
        }
    }

    pub(super) fn connection_of(&self, id: DocId) -> Option<u64> {
        self.connections.get(&id).copied()
    }
}
