//! The duplicate window: what was accepted lately, by sender and DocumentId and by the file's digest.
//!
//! Same sender and same file digest → the first DocId again. Same (sender, DocumentId), type new, other
//! bytes → refused (design.md 3; one product answers "`ExistDoc`", domain.md 2.3).

use super::{Map, Verdict};
use crate::domain::directory::AgencyId;
use crate::domain::envelope::{DocId, Kind};
use crate::domain::fact::{Accepted, order_key};
use crate::domain::rejection::Reason;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) sender: AgencyId,
    pub(super) id: DocId,
    /// The first half of the file's digest.
    pub(super) digest: u128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A new document, by its order key.
    Document(u64),
    /// A change or a status, by sender and digest: these may repeat a DocumentId.
    Other(AgencyId, u128),
}

#[derive(Debug)]
pub(super) struct Duplicates {
    entries_max: usize,
    documents: Map<u64, Known>,
    others: Map<(AgencyId, u128), DocId>,
    /// Oldest first.
    order: VecDeque<Key>,
}

impl Duplicates {
    pub(super) fn new(entries_max: usize, state: foldhash::fast::FixedState) -> Self {
        Self {
            entries_max,
            documents: Map::with_hasher(state.clone()),
            others: Map::with_hasher(state),
            order: VecDeque::new(),
        }
    }

    /// `None` when nothing like it was accepted within the window.
    pub(super) fn judge(&self, sender: AgencyId, accepted: &Accepted) -> Option<Verdict> {
        let digest = digest(accepted);
        if accepted.kind() == Kind::New {
            let known = self.documents.get(&order_key(&accepted.from, &accepted.document_id))?;
            if known.sender != sender {
                return None;
            }
            return Some(if known.digest == digest {
                Verdict::Duplicate { of: known.id }
            } else {
                Verdict::Refused(Reason::DuplicateDocument)
            });
        }
        self.others.get(&(sender, digest)).map(|&of| Verdict::Duplicate { of })
    }

    pub(super) fn remember(&mut self, sender: AgencyId, accepted: &Accepted, id: DocId) {
        let digest = digest(accepted);
        let key = if accepted.kind() == Kind::New {
            let key = order_key(&accepted.from, &accepted.document_id);
            let known = self.documents.insert(key, Known { sender, id, digest });
            known.is_none().then_some(Key::Document(key))
        } else {
            let known = self.others.insert((sender, digest), id);
            known.is_none().then_some(Key::Other(sender, digest))
        };
        // Another copy of the same document takes no place of its own.
        self.order.extend(key);
        while self.order.len() > self.entries_max {
            match self.order.pop_front() {
                Some(Key::Document(oldest)) => drop(self.documents.remove(&oldest)),
                Some(Key::Other(sender, digest)) => drop(self.others.remove(&(sender, digest))),
                None => break,
            }
        }
    }

    /// The DocId of the new document with this order key.
    pub(super) fn document(&self, key: u64) -> Option<DocId> {
        self.documents.get(&key).map(|known| known.id)
    }

    /// Oldest first, for a checkpoint.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, Known)> {
        self.order.iter().filter_map(|&key| match key {
            Key::Document(order) => self.documents.get(&order).map(|&known| (key, known)),
            Key::Other(sender, digest) => {
                self.others.get(&(sender, digest)).map(|&id| (key, Known { sender, id, digest }))
            }
        })
    }

    pub(super) fn restore(&mut self, key: Key, known: Known) {
        match key {
            Key::Document(order) => drop(self.documents.insert(order, known)),
            Key::Other(sender, digest) => drop(self.others.insert((sender, digest), known.id)),
        }
        self.order.push_back(key);
    }
}

fn digest(accepted: &Accepted) -> u128 {
    accepted.file_sha256.iter().take(16).fold(0, |sum, &byte| sum << 8 | u128::from(byte))
}
