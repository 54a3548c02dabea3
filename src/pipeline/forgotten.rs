//! Documents that memory has forgotten: their story, folded again from the journal.

use super::{Pipeline, Platform, Ports};
use crate::domain::envelope::DocId;
use crate::domain::fact::{Fact, Record, order_key_of};
use crate::domain::tracking::{Chunks, Tracking, TrackingLimits};
use crate::journal::{Content, Journal, Lookup, StoredFact};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

impl<P: Ports> Pipeline<P> {
    /// The fold of one closed document's facts, read back from sealed segments.
    pub(super) async fn old_document(&self, platform: &Platform, id: DocId) -> Option<Tracking> {
        let facts = self.old_facts(platform, id).await?;
        let (directory, routes) = (self.directory.load(), self.routes.load());
        let ground = self.ground(platform, &directory, &routes);
        // How full mailboxes were cannot be told from the facts of one document.
        let limits = TrackingLimits {
            mailbox_depth_max: usize::MAX,
            link_depth_max: usize::MAX,
            ..self.limits.tracking
        };
        let mut tracking = Tracking::new(limits, 0);
        let mut effects = Vec::new();
        for stored in &facts {
            let Content::Fact(fact) = &stored.entry.content else { continue };
            let body = accepted_of(stored).and_then(|accepted| accepted.body.as_ref());
            let chunks = Chunks::from_slice(body.map_or(&[], |body| &body.chunks));
            tracking.apply(&ground, fact, chunks, &mut effects);
            effects.clear();
        }
        Some(tracking)
    }

    /// What the journal holds about a document and about what changed it, in order.
    async fn old_facts(&self, platform: &Platform, id: DocId) -> Option<Vec<StoredFact>> {
        let journal = self.ports.journal();
        let find = |lookup| journal.find(Some(platform.id), lookup, OLD_FACTS_MAX);
        let mut facts = find(Lookup::Doc(id)).await.ok()?;
        let key = order_key_of(facts.iter().find_map(accepted_of)?);
        facts.extend(find(Lookup::Key(key)).await.ok()?);
        let receivers = facts.iter().filter_map(accepted_of).flat_map(|a| a.recipients.iter());
        let receivers: Vec<DocId> = receivers.map(|to| to.doc_id).take(OLD_FACTS_MAX).collect();
        for receiver in receivers {
            facts.extend(find(Lookup::Doc(receiver)).await.ok()?);
        }
        facts.sort_by_key(|stored| stored.seq);
        facts.dedup_by_key(|stored| stored.seq);
        leave_out_refused(&mut facts);
        Some(facts)
    }
}

fn accepted_of(stored: &StoredFact) -> Option<&Record> {
    match &stored.entry.content {
        Content::Fact(Fact::Accepted(accepted)) => Some(accepted),
        Content::Fact(_) | Content::Chunk(_) => None,
    }
}

/// What found no room stands in the journal before the repeat that did: nothing ever happened to it.
fn leave_out_refused(facts: &mut Vec<StoredFact>) {
    let mut happened = BTreeSet::new();
    let mut copies: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for stored in &*facts {
        let Content::Fact(fact) = &stored.entry.content else { continue };
        let mut about = |receiver: &Bytes| happened.extend(DocId::from_slice(receiver));
        match fact {
            Fact::Accepted(accepted) => {
                *copies.entry(accepted.file_sha256.to_vec()).or_default() += 1;
            }
            Fact::HandedOn(handed) => handed.receivers.iter().for_each(about),
            Fact::Attempted(attempted) => about(&attempted.receiver),
            Fact::Confirmed(confirmed) => happened.extend(confirmed.receivers()),
            Fact::Progressed(news) => about(&news.receiver),
            Fact::Expired(expired) => about(&expired.receiver),
            Fact::AgencyRegistered(_)
            | Fact::AgencyRemoved(_)
            | Fact::AgencyLocked(_)
            | Fact::ServiceChanged(_) => {}
        }
    }
    facts.retain(|stored| {
        accepted_of(stored).is_none_or(|accepted| {
            copies.get(&accepted.file_sha256[..]) == Some(&1)
                || accepted.recipients.iter().any(|to| happened.contains(&to.doc_id))
        })
    });
}

/// Facts of one old document that are read back.
const OLD_FACTS_MAX: usize = 1024;
