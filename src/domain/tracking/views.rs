//! What can be read: inboxes, outboxes, counts. Nothing is consumed by reading.

use super::{Delivery, Doc, DocIx, Tracking};
use crate::clock::Timestamp;
use crate::domain::directory::AgencyId;
use crate::domain::envelope::{DocId, Kind};
use crate::domain::fact::DeliveryState;
use std::ops::Range;

/// Which items of an inbox to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct InboxFilter {
    /// Only status messages, or only the others.
    pub status_messages: Option<bool>,
    /// A state; open items (initial, processing) when unset.
    pub state: Option<DeliveryState>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// The receiver's DocId after which to go on.
    pub after: Option<DocId>,
}

impl InboxFilter {
    fn fits(&self, doc: &Doc, delivery: &Delivery) -> bool {
        self.status_messages.is_none_or(|wanted| wanted == (doc.accepted.kind() == Kind::Status))
            && self.state.is_none_or(|state| delivery.state == state)
            && self.from.is_none_or(|from| delivery.arrived_at >= from)
            && self.until.is_none_or(|until| delivery.arrived_at <= until)
    }
}

/// One document for one recipient, as its sender sees it.
#[derive(Clone, Copy, Debug)]
pub struct SentRow<'a> {
    pub doc: &'a Doc,
    pub delivery: &'a Delivery,
}

impl Tracking {
    /// Items of an inbox in order of arrival, at most `limit`; and how many there are in all.
    /// Closed items are found among the recent documents only.
    pub fn inbox(
        &self,
        agency: AgencyId,
        filter: &InboxFilter,
        limit: usize,
    ) -> (Vec<(&Doc, &Delivery)>, usize) {
        let is_open = filter
            .state
            .is_none_or(|s| matches!(s, DeliveryState::Initial | DeliveryState::Processing));
        let after = filter
            .after
            .and_then(|id| self.delivery(id))
            .map_or(0, |(_, delivery)| delivery.number);
        let mut found = Vec::new();
        let mut total = 0;
        let open =
            self.inboxes.get(&agency).into_iter().flat_map(|inbox| inbox.open.values().copied());
        let closed = self.recent.iter().flat_map(|&ix| {
            let count = self.doc_at(ix).map_or(0, |doc| doc.deliveries.len());
            (0..count).map(move |place| (ix, u32::try_from(place).unwrap_or(u32::MAX)))
        });
        let places: Box<dyn Iterator<Item = (DocIx, u32)>> =
            if is_open { Box::new(open) } else { Box::new(closed) };
        for (ix, place) in places {
            let Some(doc) = self.doc_at(ix) else { continue };
            let Some(delivery) = doc.deliveries.get(place as usize) else { continue };
            let is_theirs = delivery.to == Some(super::Destination::Inbox(agency));
            if !is_theirs || !filter.fits(doc, delivery) {
                continue;
            }
            total += 1;
            if delivery.number > after && found.len() < limit {
                found.push((doc, delivery));
            }
        }
        (found, total)
    }

    /// Numbers of every open item of an inbox, for a receive stream that begins.
    pub fn open_items(&self, agency: AgencyId) -> Vec<(u64, u64, bool, u32)> {
        let Some(inbox) = self.inboxes.get(&agency) else { return Vec::new() };
        inbox
            .open
            .iter()
            .filter_map(|(&number, &(ix, place))| {
                let doc = self.doc_at(ix)?;
                let delivery = doc.deliveries.get(place as usize)?;
                let bytes = doc
                    .accepted
                    .body
                    .as_ref()
                    .map_or(0, |b| u32::try_from(b.bytes).unwrap_or(u32::MAX));
                Some((number, doc.item_key(&delivery.agency), doc.accepted.urgency > 0, bytes))
            })
            .collect()
    }

    /// What waits for neighbours, for a bus that is rebuilt: (destination, number, key, urgent, bytes).
    pub fn link_items(&self) -> Vec<super::Effect> {
        let mut numbers: Vec<u64> = self.items.keys().copied().collect();
        numbers.sort_unstable();
        numbers.into_iter().filter_map(|number| self.link_item(number)).collect()
    }

    fn link_item(&self, number: u64) -> Option<super::Effect> {
        let (to, key, urgent, bytes) = match self.carried(number)? {
            super::Carried::Delivery { doc, delivery } => {
                let bytes = doc.accepted.body.as_ref().map_or(0, |b| b.bytes);
                (
                    delivery.to?,
                    doc.item_key(&delivery.agency),
                    doc.accepted.urgency > 0,
                    u32::try_from(bytes).unwrap_or(u32::MAX),
                )
            }
            super::Carried::Report(report) => (
                super::Destination::Link(report.to),
                super::receiver_key(&report.news.receiver),
                false,
                192,
            ),
        };
        matches!(to, super::Destination::Link(_)).then_some(super::Effect::Enqueue {
            to,
            number,
            key,
            urgent,
            bytes,
        })
    }

    /// What an agency sent, newest first, one row per recipient, at most `limit`.
    pub fn sent(&self, agency: AgencyId, only: Option<DocId>, limit: usize) -> Vec<SentRow<'_>> {
        self.sent_docs(agency)
            .filter(|doc| {
                only.is_none_or(|id| {
                    doc.id == id || doc.deliveries.iter().any(|d| d.receiver == id)
                })
            })
            .flat_map(|doc| doc.deliveries.iter().map(move |delivery| SentRow { doc, delivery }))
            .take(limit)
            .collect()
    }

    /// The documents in memory that stand at these places, in no order; `None` beyond the last place.
    pub fn documents_at(&self, places: Range<usize>) -> Option<impl Iterator<Item = &Doc>> {
        let end = places.end.min(self.docs.len());
        let part = self.docs.get(places.start..end).filter(|part| !part.is_empty())?;
        Some(part.iter().flatten())
    }

    /// Open inbox items that arrived before `before`: unread for too long.
    pub fn unread_since(&self, before: Timestamp) -> Vec<DocId> {
        let mut old: Vec<DocId> = self
            .docs
            .iter()
            .flatten()
            .flat_map(|doc| &doc.deliveries)
            .filter(|d| {
                matches!(d.to, Some(super::Destination::Inbox(_)))
                    && !d.is_closed
                    && d.arrived_at < before
            })
            .map(|d| d.receiver)
            .collect();
        old.sort_unstable();
        old
    }

    /// Numbers of body chunks that open documents need, sorted.
    pub fn pinned_chunks(&self) -> Vec<u64> {
        let mut pinned: Vec<u64> = self
            .docs
            .iter()
            .flatten()
            .filter(|doc| doc.open > 0)
            .flat_map(|doc| doc.chunks.as_slice())
            .copied()
            .collect();
        pinned.sort_unstable();
        pinned.dedup();
        pinned
    }

    /// Waiting items per neighbour and open items per inbox, for gauges.
    pub fn depths(&self) -> (usize, usize) {
        let links = self.link_depth.values().sum();
        let inboxes = self.inboxes.values().map(|inbox| inbox.open.len()).sum();
        (links, inboxes)
    }
}
