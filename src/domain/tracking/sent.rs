//! What each agency handed in here: a chain through its documents.
//!
//! An agency may have thousands of open documents before the one that is forgotten: taking one out of the
//! chain looks at its two neighbours only.

use super::{Doc, DocIx, Tracking};
use crate::domain::directory::AgencyId;

/// A document's place in the chain of its sender.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Neighbours {
    older: Option<DocIx>,
    newer: Option<DocIx>,
}

impl Tracking {
    /// The newest document of this sender.
    pub(super) fn add_sent(&mut self, sender: AgencyId, ix: DocIx) {
        let older = self.sent.insert(sender, ix);
        if let Some(former) = older.and_then(|older| self.doc_at_mut(older)) {
            former.sent.newer = Some(ix);
        }
        if let Some(doc) = self.doc_at_mut(ix) {
            doc.sent = Neighbours { older, newer: None };
        }
    }

    /// `doc` is no longer among the documents.
    pub(super) fn drop_sent(&mut self, doc: &Doc) {
        let Some(sender) = doc.sender else { return };
        let Neighbours { older, newer } = doc.sent;
        if let Some(doc) = older.and_then(|ix| self.doc_at_mut(ix)) {
            doc.sent.newer = newer;
        }
        if let Some(doc) = newer.and_then(|ix| self.doc_at_mut(ix)) {
            doc.sent.older = older;
            return;
        }
        match older {
            Some(older) => drop(self.sent.insert(sender, older)),
            None => drop(self.sent.remove(&sender)),
        }
    }

    /// The documents of this sender, newest first.
    pub(super) fn sent_docs(&self, sender: AgencyId) -> impl Iterator<Item = &Doc> {
        let newest = self.sent.get(&sender).and_then(|ix| self.doc_at(*ix));
        std::iter::successors(newest, |doc| self.doc_at(doc.sent.older?))
    }
}
