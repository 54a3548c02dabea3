//! Codes to ids, and ids in the order of their codes: a large settled part that snapshots share, and a
//! small part with what was added since.

use super::AgencyId;
use crate::domain::agency::AgencyCode;
use foldhash::quality::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::sync::Arc;

type Pair = (AgencyCode, AgencyId);

#[derive(Clone, Debug)]
pub(super) struct Index {
    seed: FixedState,
    settled: Arc<Part>,
    added: Part,
}

#[derive(Clone, Debug, Default)]
struct Part {
    by_code: HashTable<Pair>,
    /// Sorted by code when settled, or while small.
    in_order: Vec<Pair>,
}

impl Index {
    pub(super) fn new(seed: u64, expected: usize) -> Self {
        let added = Part {
            by_code: HashTable::with_capacity(expected),
            in_order: Vec::with_capacity(expected),
        };
        Self { seed: FixedState::with_seed(seed), settled: Arc::default(), added }
    }

    /// Adds at the end; `settle` or `sort_added` brings the order back.
    pub(super) fn add(&mut self, code: AgencyCode, id: AgencyId) {
        let hash = self.seed.hash_one(code);
        let seed = &self.seed;
        self.added.by_code.insert_unique(hash, (code, id), |(code, _)| seed.hash_one(code));
        self.added.in_order.push((code, id));
    }

    /// Brings the order back after one `add`: for a snapshot that others will read.
    pub(super) fn sort_added(&mut self) {
        if let Some(last) = self.added.in_order.pop() {
            let place = self.added.in_order.partition_point(|pair| *pair < last);
            self.added.in_order.insert(place, last);
        }
        if self.added.in_order.len() > ADDED_MAX {
            self.settle();
        }
    }

    /// Makes one settled part of both.
    pub(super) fn settle(&mut self) {
        let added = std::mem::take(&mut self.added);
        let mut all = added.in_order;
        if self.settled.in_order.is_empty() {
            all.sort_unstable();
            self.settled = Arc::new(Part { by_code: added.by_code, in_order: all });
            return;
        }
        all.extend_from_slice(&self.settled.in_order);
        all.sort_unstable();
        let mut by_code = HashTable::with_capacity(all.len());
        for pair in &all {
            let hash = self.seed.hash_one(pair.0);
            by_code.insert_unique(hash, *pair, |(code, _)| self.seed.hash_one(code));
        }
        self.settled = Arc::new(Part { by_code, in_order: all });
    }

    #[inline]
    pub(super) fn find(&self, code: &AgencyCode) -> Option<AgencyId> {
        let hash = self.seed.hash_one(code);
        let find = |part: &Part| part.by_code.find(hash, |(known, _)| known == code).map(|p| p.1);
        find(&self.settled).or_else(|| find(&self.added))
    }

    pub(super) fn below(&self, code: &AgencyCode) -> Vec<AgencyId> {
        let mut found = self.settled.below(code);
        let added = self.added.below(code);
        if !added.is_empty() {
            found.extend(added);
            found.sort_unstable();
        }
        found.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn in_order(&self) -> Vec<AgencyId> {
        let mut all: Vec<Pair> = self.settled.in_order.clone();
        if !self.added.in_order.is_empty() {
            all.extend_from_slice(&self.added.in_order);
            all.sort_unstable();
        }
        all.into_iter().map(|(_, id)| id).collect()
    }
}

impl Part {
    /// Bytes sort `-` before `.` before digits and letters, and a shorter code before its longer ones:
    /// what begins with the code and a dot is one run.
    fn below(&self, code: &AgencyCode) -> Vec<Pair> {
        let start = self.in_order.partition_point(|(known, _)| {
            known < code
                || (starts_with(known, code)
                    && known.as_bytes().get(code.as_bytes().len()) < Some(&b'.'))
        });
        let rest = self.in_order.get(start..).unwrap_or_default();
        rest.iter().take_while(|(known, _)| known.is_at_or_below(code)).copied().collect()
    }
}

fn starts_with(known: &AgencyCode, code: &AgencyCode) -> bool {
    known.as_bytes().starts_with(code.as_bytes())
}

/// More than this many additions are worth a new settled part: they are copied with every change.
const ADDED_MAX: usize = 1024;
