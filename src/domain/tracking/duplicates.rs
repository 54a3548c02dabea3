//! The duplicate window: what was accepted lately, by sender and DocumentId and by the file's digest.
//!
//! Same sender and same file digest → the first DocId again. Same (sender, DocumentId), type new, other
//! bytes → refused (design.md 3; one product answers "`ExistDoc`", domain.md 2.3).
//!
//! A million entries are kept, so an entry is small: 40 bytes in the window, 16 where its place is looked up.

use super::{Map, Verdict};
use crate::domain::directory::AgencyId;
use crate::domain::envelope::{DocId, Kind};
use crate::domain::fact::{Record, order_key, order_key_of};
use crate::domain::rejection::Reason;
use std::collections::VecDeque;
use std::hash::BuildHasher;

/// Something that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) sender: AgencyId,
    /// A new document, under its order key; else a change or a status, which may repeat a DocumentId.
    pub(super) is_document: bool,
    /// The first quarter of the file's digest.
    pub(super) digest: u64,
    /// In bytes, so that no place is lost to alignment.
    id: [u8; 16],
}

impl Known {
    pub(super) const fn new(sender: AgencyId, is_document: bool, digest: u64, id: DocId) -> Self {
        Self { sender, is_document, digest, id: id.to_bytes() }
    }

    pub(super) fn id(&self) -> DocId {
        DocId::from_slice(&self.id).unwrap_or(DocId::NIL)
    }
}

#[derive(Debug)]
pub(super) struct Duplicates {
    entries_max: usize,
    /// Where `window` holds what stands under a key, counted from the first entry that there ever was.
    places: Map<u64, u64>,
    /// Oldest first, so that a checkpoint reads it in one go.
    window: VecDeque<(u64, Known)>,
    /// How many entries have left the window.
    gone: u64,
}

impl Duplicates {
    pub(super) fn new(entries_max: usize, state: foldhash::fast::FixedState) -> Self {
        Self { entries_max, places: Map::with_hasher(state), window: VecDeque::new(), gone: 0 }
    }

    /// `None` when nothing like it was accepted within the window.
    pub(super) fn judge(&self, sender: AgencyId, accepted: &Record) -> Option<Verdict> {
        let digest = digest(accepted);
        let is_document = accepted.kind() == Kind::New;
        let known = self.known(key_of(sender, accepted, digest))?;
        if known.is_document != is_document || known.sender != sender {
            return None;
        }
        if known.digest == digest {
            return Some(Verdict::Duplicate { of: known.id() });
        }
        is_document.then_some(Verdict::Refused(Reason::DuplicateDocument))
    }

    pub(super) fn remember(&mut self, sender: AgencyId, accepted: &Record, id: DocId) {
        let digest = digest(accepted);
        let key = key_of(sender, accepted, digest);
        self.keep(key, Known::new(sender, accepted.kind() == Kind::New, digest, id));
        while self.window.len() > self.entries_max {
            let Some((oldest, _)) = self.window.pop_front() else { break };
            self.gone += 1;
            self.places.remove(&oldest);
        }
    }

    /// The DocId of the new document with this order key.
    pub(super) fn document(&self, key: u64) -> Option<DocId> {
        self.known(key).filter(|known| known.is_document).map(Known::id)
    }

    /// Oldest first, for a checkpoint.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(u64, Known)> {
        self.window.iter()
    }

    /// Room for what is restored, so that it is not moved as it grows.
    pub(super) fn reserve(&mut self, entries: usize) {
        let entries = entries.min(self.entries_max);
        self.window.reserve_exact(entries);
        self.places.reserve(entries);
    }

    /// `key` counts for new documents only: that of another message depends on the sender's number.
    pub(super) fn restore(&mut self, key: u64, known: Known) {
        let key = if known.is_document { key } else { other_key(known.sender, known.digest) };
        self.keep(key, known);
    }

    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    fn known(&self, key: u64) -> Option<&Known> {
        let place = self.places.get(&key)? - self.gone;
        self.window.get(usize::try_from(place).ok()?).map(|(_, known)| known)
    }

    /// Another copy of the same document takes no place of its own.
    fn keep(&mut self, key: u64, known: Known) {
        let next = self.gone + self.window.len() as u64;
        let place = *self.places.entry(key).or_insert(next);
        let held = usize::try_from(place - self.gone).ok().and_then(|at| self.window.get_mut(at));
        match held {
            Some((_, held)) => *held = known,
            None => self.window.push_back((key, known)),
        }
    }
}

fn key_of(sender: AgencyId, accepted: &Record, digest: u64) -> u64 {
    if accepted.kind() == Kind::New {
        // A new document that refers to another one still has its own name.
        if accepted.answers_document_id().is_empty() {
            order_key_of(accepted)
        } else {
            order_key(accepted.from(), accepted.document_id())
        }
    } else {
        other_key(sender, digest)
    }
}

fn other_key(sender: AgencyId, digest: u64) -> u64 {
    foldhash::quality::FixedState::with_seed(0x6f74_6865_7273).hash_one((sender.0, digest))
}

fn digest(accepted: &Record) -> u64 {
    accepted.file_sha256.iter().take(8).fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}
