//! What members and the operator may read: content, inboxes, outboxes, stories. Nothing is consumed.

use super::{Pipeline, Platform, Ports};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::{AgencyId, Caller};
use crate::domain::envelope::DocId;
use crate::domain::fact::{Fact, Record, order_key_of};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::tracking::{Delivery, Doc, Tracking};
use crate::journal::{Content, Journal, Lookup, ReadError, Seq};
use bytes::Bytes;
use parking_lot::MutexGuard;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One document, found for someone who may see it.
#[derive(Clone, Debug)]
pub struct Found {
    pub accepted: Arc<Record>,
    /// The delivery asked for; `None` when the sender's DocId was given.
    pub delivery: Option<Delivery>,
    /// Where its body stands.
    pub chunks: Vec<u64>,
}

impl<P: Ports> Pipeline<P> {
    /// A document with its content, by its DocId, a receiver's or a sender's, for a caller that speaks for that
    /// agency.
    pub async fn find(
        &self,
        platform: &Platform,
        caller: &Caller,
        id: DocId,
    ) -> Result<Found, Rejection> {
        let found = self.find_known(platform, caller, id).await?;
        // QĐ 28/2018 Art. 9: the receiver destroys a recalled document; its metadata stays.
        if found.delivery.as_ref().is_some_and(Delivery::is_destroyed) {
            return Err(Reason::ContentDestroyed.into());
        }
        Ok(found)
    }

    /// The same whether or not its content was destroyed.
    pub async fn find_known(
        &self,
        platform: &Platform,
        caller: &Caller,
        id: DocId,
    ) -> Result<Found, Rejection> {
        let in_memory = found_in(&platform.post.lock().tracking, id);
        let found = match in_memory {
            Some(found) => found,
            None => match self
                .old_document(platform, id)
                .await
                .as_ref()
                .and_then(|old| found_in(old, id))
            {
                Some(found) => found,
                None => return Err(Rejection::new(Reason::UnknownDocument).detail(id.to_string())),
            },
        };
        let is_theirs = match &found.delivery {
            Some(delivery) => {
                caller.speaks_for(&delivery.agency)
                    && matches!(delivery.to, Some(crate::domain::tracking::Destination::Inbox(_)))
            }
            None => {
                found.accepted.via().is_empty()
                    && found.accepted.sender.is_some_and(|code| caller.speaks_for(&code))
            }
        };
        if !is_theirs {
            return Err(Reason::NotYourDocument.into());
        }
        Ok(found)
    }

    /// One chunk of a body.
    pub async fn chunk(&self, seq: u64) -> Result<Bytes, ReadError> {
        self.ports.journal().chunk(Seq(seq)).await
    }

    /// A small body whole.
    pub async fn body(&self, chunks: &[u64]) -> Result<Bytes, ReadError> {
        self.whole_body(chunks).await
    }

    /// The agency that a caller asks about: known, and the caller's to ask about.
    pub fn own_agency(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<(AgencyId, AgencyCode), Rejection> {
        let wrong =
            |reason| Rejection::new(reason).at(Place::Parameter("agency".into())).detail(text);
        if text.is_empty() {
            return caller.only_agency().ok_or_else(|| wrong(Reason::ParameterMissing));
        }
        let code = AgencyCode::parse(text).map_err(|_invalid| wrong(Reason::CodeInvalid))?;
        let id = self.directory.load().lookup(&code).ok_or_else(|| wrong(Reason::AgencyUnknown))?;
        if caller.speaks_for(&code) { Ok((id, code)) } else { Err(wrong(Reason::NotYourDocument)) }
    }

    /// Every platform of this process that knows the document with this DocId, a sender's or a receiver's,
    /// with what it knows: from memory, else from sealed segments.
    pub async fn story(&self, id: DocId) -> Vec<(String, Vec<Doc>)> {
        let mut story = Vec::new();
        for platform in &self.platforms {
            let mut docs = docs_in(&platform.post.lock().tracking, id);
            if docs.is_empty()
                && let Some(old) = self.old_document(platform, id).await
            {
                docs = docs_in(&old, id);
            }
            if !docs.is_empty() {
                story.push((platform.name.clone(), docs));
            }
        }
        story
    }

    /// Messages about a document, on any platform of this process: what changes or replaces it, what it
    /// replaces, and statuses answering it. Each once, oldest first; at most `RELATED_MAX`.
    pub async fn related(&self, of: &Record) -> Vec<Arc<Record>> {
        let keys: BTreeSet<u64> =
            std::iter::once(order_key_of(of)).chain(of.replaced_keys()).collect();
        let is_related = |accepted: &Record| {
            keys.contains(&order_key_of(accepted))
                || accepted.replaced_keys().any(|key| key == order_key_of(of))
        };
        let mut found: BTreeMap<DocId, Arc<Record>> = BTreeMap::new();
        for platform in &self.platforms {
            platform.each_document(|doc| {
                if is_related(&doc.accepted) {
                    found.entry(doc.id).or_insert_with(|| Arc::clone(&doc.accepted));
                }
            });
        }
        for key in keys.iter().take(RELATED_MAX) {
            let old = self.ports.journal().find(None, Lookup::Key(*key), RELATED_MAX).await;
            for stored in old.unwrap_or_default() {
                if let Content::Fact(Fact::Accepted(accepted)) = stored.entry.content
                    && is_related(&accepted)
                {
                    found.entry(accepted.id()).or_insert(accepted);
                }
            }
        }
        found.remove(&of.id());
        found.into_values().take(RELATED_MAX).collect()
    }

    /// The DocId of a sender's own document, by its order key, on any platform of this process.
    pub fn doc_id_of(&self, key: u64) -> Option<DocId> {
        self.platforms
            .iter()
            .find_map(|platform| platform.post.lock().tracking.doc_by_key(key).map(|doc| doc.id))
    }
}

impl Platform {
    /// Shows each document in memory, in no order. Receipts go out in between: one that comes or goes meanwhile
    /// may be missed.
    pub fn each_document(&self, mut show: impl FnMut(&Doc)) {
        for from in (0..).step_by(LOOKED_AT_ONCE_MAX) {
            let post = self.post.lock();
            let Some(part) = post.tracking.documents_at(from..from + LOOKED_AT_ONCE_MAX) else {
                return;
            };
            part.for_each(&mut show);
            MutexGuard::unlock_fair(post);
        }
    }

    /// The newest documents in memory before `before`, newest first; and whether there are older ones.
    pub fn newest_documents(&self, before: Option<DocId>, count: usize) -> (Vec<DocId>, bool) {
        let mut ids = Vec::new();
        self.each_document(|doc| {
            ids.extend(Some(doc.id).filter(|id| before.is_none_or(|before| *id < before)));
        });
        let is_cut = ids.len() > count;
        if is_cut {
            ids.select_nth_unstable_by_key(count, |id| Reverse(*id));
            ids.truncate(count);
        }
        ids.sort_unstable_by_key(|id| Reverse(*id));
        ids.dedup();
        (ids, is_cut)
    }

    /// Shows the documents that are still in memory, every copy of each, in the order of `ids`.
    pub fn documents(&self, ids: &[DocId], mut show: impl FnMut(&Doc)) {
        for ids in ids.chunks(LOOKED_AT_ONCE_MAX) {
            let post = self.post.lock();
            ids.iter().flat_map(|id| post.tracking.copies(*id)).for_each(&mut show);
            MutexGuard::unlock_fair(post);
        }
    }
}

/// Documents that are looked at while the lock is held: some tens of microseconds.
const LOOKED_AT_ONCE_MAX: usize = 1_024;

/// Messages about one document that are looked at.
const RELATED_MAX: usize = 1_024;

fn found_in(tracking: &Tracking, id: DocId) -> Option<Found> {
    let found = |doc: &Doc, delivery: Option<&Delivery>| Found {
        accepted: Arc::clone(&doc.accepted),
        delivery: delivery.cloned(),
        chunks: doc.chunks.as_slice().to_vec(),
    };
    if let Some((doc, delivery)) = tracking.delivery(id) {
        return Some(found(doc, Some(delivery)));
    }
    tracking.doc(id).map(|doc| found(doc, None))
}

fn docs_in(tracking: &Tracking, id: DocId) -> Vec<Doc> {
    let sender_id = tracking.delivery(id).map_or(id, |(doc, _)| doc.id);
    tracking.copies(sender_id).into_iter().cloned().collect()
}
