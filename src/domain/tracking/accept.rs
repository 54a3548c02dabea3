//! `Accepted`: a document or a status message came in.

use super::sent::Neighbours;
use super::{
    Chunks, Delivery, Destination, Doc, DocIx, Effect, Ground, HopVerdict, ItemRef, StatusNote,
    Tracking, Verdict,
};
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::AgencyId;
use crate::domain::envelope::Kind;
use crate::domain::fact::{Addressee, DeliveryState, Progressed, Record, id_bytes, order_key_of};
use crate::domain::rejection::Reason;
use crate::domain::routing::{Hop as Route, PlatformIx};
use crate::domain::status::{BusinessStatus, Step, next};
use smallvec::SmallVec;
use std::sync::Arc;

impl Tracking {
    pub(super) fn accepted(
        &mut self,
        ground: &Ground<'_>,
        accepted: &Arc<Record>,
        chunks: Chunks,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        if accepted.via().is_empty() {
            self.accepted_from_member(ground, accepted, chunks, effects)
        } else {
            self.accepted_from_link(ground, accepted, chunks, effects)
        }
    }

    fn accepted_from_member(
        &mut self,
        ground: &Ground<'_>,
        accepted: &Arc<Record>,
        chunks: Chunks,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        // An entry appended again after `Unknown`.
        if let Some(doc) = self.doc(accepted.id()) {
            let deliveries = doc.deliveries.iter().enumerate().filter(|(_, d)| d.to.is_none());
            let refused = deliveries.filter_map(|(place, d)| Some((place, d.refused?))).collect();
            return Verdict::Accepted { refused, warning: None };
        }
        let sender = accepted.sender.and_then(|code| ground.directory.lookup(&code));
        let Some(sender) = sender else { return Verdict::Refused(Reason::SenderUnknown) };
        if let Some(verdict) = self.duplicates.judge(sender, accepted) {
            return verdict;
        }
        let warning = match self.status_order(accepted) {
            Ok(warning) => warning,
            Err(reason) => return Verdict::Refused(reason),
        };
        let to: Vec<_> =
            accepted.recipients.iter().map(|r| self.destination(ground, r, "")).collect();
        let refused = |to: &[Result<Destination, Reason>]| {
            let refused = to.iter().enumerate();
            refused.filter_map(|(place, to)| Some((place, to.err()?))).collect()
        };
        // A neighbour's mailbox is full: the sender tries again with the same file, so nothing is kept.
        if to.contains(&Err(Reason::Busy)) {
            return Verdict::Refused(Reason::Busy);
        }
        // Nobody can be addressed: a repeat is judged anew.
        if to.iter().all(Result::is_err) {
            return Verdict::Accepted { refused: refused(&to), warning: None };
        }
        self.duplicates.remember(sender, accepted, accepted.id());
        let ix = self.take_in(accepted, chunks, Some(sender));
        for (recipient, to) in accepted.recipients.iter().zip(&to) {
            self.address(ix, recipient, *to, effects);
        }
        let refused = refused(&to);
        self.add_sent(sender, ix);
        self.note_meaning(ix, warning.is_some());
        self.settle_in(ix);
        Verdict::Accepted { refused, warning }
    }

    /// The hop contract (design.md 3): the key is the receiver's DocId, and each recipient has its own verdict.
    fn accepted_from_link(
        &mut self,
        ground: &Ground<'_>,
        accepted: &Arc<Record>,
        chunks: Chunks,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let room: Vec<Option<HopVerdict>> =
            accepted.recipients.iter().map(|r| self.foregone(ground, r)).collect();
        // Nothing is kept of a copy that found no room at all.
        if room.iter().all(Option::is_some) {
            return Verdict::Hop(room.into_iter().flatten().collect());
        }
        if let Some(sender) = accepted.sender.and_then(|code| ground.directory.lookup(&code)) {
            self.duplicates.remember(sender, accepted, accepted.id());
        }
        let to: Vec<_> = accepted
            .recipients
            .iter()
            .map(|recipient| self.destination(ground, recipient, accepted.via()))
            .collect();
        let ix = self.take_in(accepted, chunks, None);
        let mut verdicts = Vec::with_capacity(room.len());
        for ((recipient, to), said) in accepted.recipients.iter().zip(to).zip(room) {
            verdicts.push(said.unwrap_or_else(|| {
                self.address(ix, recipient, to, effects);
                to.map_or_else(HopVerdict::Refused, |_| HopVerdict::Accepted)
            }));
        }
        self.note_meaning(ix, false);
        self.report_arrivals(ground, ix, effects);
        self.settle_in(ix);
        Verdict::Hop(verdicts)
    }

    /// What a neighbour is told about this recipient without anything being taken in; `None`: it would be.
    pub fn foregone(&self, ground: &Ground<'_>, recipient: &Addressee) -> Option<HopVerdict> {
        self.said_before(recipient).or_else(|| self.no_room(ground, recipient))
    }

    /// A repeat is told what the first attempt was told.
    fn said_before(&self, recipient: &Addressee) -> Option<HopVerdict> {
        let (_, delivery) = self.delivery(recipient.doc_id)?;
        // Refused by this platform itself: it never had a destination.
        let refused = delivery.refused.filter(|_| delivery.to.is_none());
        Some(refused.map_or(HopVerdict::Accepted, HopVerdict::Refused))
    }

    fn take_in(
        &mut self,
        accepted: &Arc<Record>,
        chunks: Chunks,
        sender: Option<AgencyId>,
    ) -> DocIx {
        let ix = self.insert_doc(Doc {
            accepted: Arc::clone(accepted),
            id: accepted.id(),
            key: order_key_of(accepted),
            chunks,
            sender,
            sent: Neighbours::default(),
            deliveries: SmallVec::with_capacity(accepted.recipients.len()),
            open: 0,
        });
        // Copies for other recipients of the same document may come later over a link.
        self.add_copy(accepted.id(), ix);
        self.open_docs += 1;
        ix
    }

    /// Gives one recipient its delivery and its place in a mailbox.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "recipients_max is far below 2^32; sizes saturate"
    )]
    fn address(
        &mut self,
        ix: DocIx,
        recipient: &Addressee,
        to: Result<Destination, Reason>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(code) = recipient.agency else { return };
        let number = self.take_number();
        let Some(doc) = self.doc_at_mut(ix) else { return };
        let at = Timestamp(doc.accepted.at);
        let (key, urgent, size) =
            (doc.item_key(&code), doc.accepted.urgency > 0, doc.accepted.body_bytes());
        let place = doc.deliveries.len() as u32;
        let is_inbox = matches!(to, Ok(Destination::Inbox(_)));
        doc.deliveries.push(Delivery {
            receiver: recipient.doc_id,
            agency: code,
            to: to.ok(),
            number,
            state: match to {
                Ok(Destination::Inbox(_)) => DeliveryState::Initial,
                Ok(Destination::Link(_)) => DeliveryState::UnderWay,
                Err(_) => DeliveryState::Refused,
            },
            is_closed: to.is_err(),
            attempts: 0,
            refused: to.err(),
            arrived_at: if is_inbox { at } else { Timestamp::ZERO },
            handed_on_at: Timestamp::ZERO,
            updated_at: at,
            details: None,
        });
        doc.open += u32::from(to.is_ok());
        self.by_receiver.insert(recipient.doc_id, (ix, place));
        let Ok(to) = to else { return };
        self.items.insert(number, ItemRef::Delivery(ix, place));
        match to {
            Destination::Inbox(agency) => {
                self.inboxes.entry(agency).or_default().open.insert(number, (ix, place));
            }
            Destination::Link(peer) => *self.link_depth.entry(peer).or_default() += 1,
        }
        effects.push(Effect::Enqueue {
            to,
            number,
            key,
            urgent,
            bytes: u32::try_from(size).unwrap_or(u32::MAX),
        });
    }

    fn destination(
        &self,
        ground: &Ground<'_>,
        recipient: &Addressee,
        came_by: &str,
    ) -> Result<Destination, Reason> {
        if let Some(reason) = recipient.refused {
            return Err(reason);
        }
        let agency = (recipient.agency)
            .and_then(|code| ground.directory.lookup(&code))
            .ok_or(Reason::ReceiverUnknown)?;
        match ground.routes.next_hop(ground.here, agency) {
            Route::Here if self.inbox_len(agency) >= self.limits.mailbox_depth_max => {
                Err(Reason::MailboxFull)
            }
            Route::Here => Ok(Destination::Inbox(agency)),
            Route::Link(peer) => {
                // Nothing returns over the link it came by.
                if ground.routes.platform_name(peer) == came_by {
                    return Err(Reason::NoRoute);
                }
                if self.is_link_full(peer) {
                    return Err(Reason::Busy);
                }
                Ok(Destination::Link(peer))
            }
            Route::NoRoute => Err(Reason::NoRoute),
        }
    }

    fn no_room(&self, ground: &Ground<'_>, recipient: &Addressee) -> Option<HopVerdict> {
        let agency = ground.directory.lookup(&recipient.agency?)?;
        match ground.routes.next_hop(ground.here, agency) {
            Route::Here => (self.inbox_len(agency) >= self.limits.mailbox_depth_max)
                .then_some(HopVerdict::Retry(Reason::MailboxFull)),
            Route::Link(peer) => self.is_link_full(peer).then_some(HopVerdict::Retry(Reason::Busy)),
            Route::NoRoute => None,
        }
    }

    /// Documents find no room any more; news always does, since it is about what was taken.
    fn is_link_full(&self, peer: PlatformIx) -> bool {
        let depth = self.link_depth.get(&peer).copied().unwrap_or_default();
        depth >= self.limits.link_depth_max
    }

    fn inbox_len(&self, agency: AgencyId) -> usize {
        self.inboxes.get(&agency).map_or(0, |inbox| inbox.open.len())
    }

    /// A document none of whose recipients could be addressed is closed as it comes.
    fn settle_in(&mut self, ix: DocIx) {
        if self.doc_at(ix).is_some_and(|doc| doc.open == 0) {
            self.close_doc(ix);
        }
    }

    /// Tells the origin which recipients have it in their inbox, and which were refused here.
    fn report_arrivals(&mut self, ground: &Ground<'_>, ix: DocIx, effects: &mut Vec<Effect>) {
        let Some(doc) = self.doc_at(ix) else { return };
        let accepted = Arc::clone(&doc.accepted);
        let news: Vec<_> = doc
            .deliveries
            .iter()
            .filter(|d| d.state == DeliveryState::Initial)
            .map(|d| (d.receiver, d.state, String::new()))
            .collect();
        for (receiver, state, code) in news {
            let news = Progressed {
                origin: accepted.origin().to_owned(),
                doc_id: id_bytes(accepted.doc_id),
                receiver: id_bytes(receiver),
                state: state as i32,
                code,
                at: accepted.at,
                hops: accepted.hops().to_vec(),
                platform: ground.here_name.to_owned(),
                ..Progressed::default()
            };
            self.enqueue_report(ground, news, effects);
        }
    }

    /// A clerk's word must not go back (strict), or is marked when it does (lenient). Decided where the clerk's agency is.
    fn status_order(&self, accepted: &Record) -> Result<Option<Reason>, Reason> {
        if accepted.kind() != Kind::Status {
            return Ok(None);
        }
        let Some(status) = status_of(accepted) else { return Err(Reason::UnknownStatus) };
        let Some(id) = self.duplicates.document(order_key_of(accepted)) else { return Ok(None) };
        let copies = self.copies(id);
        let mut deliveries = copies.iter().flat_map(|doc| &doc.deliveries);
        let Some(delivery) = deliveries.find(|d| d.agency.as_bytes() == accepted.from().as_bytes())
        else {
            return Ok(None);
        };
        match next(delivery.business(), status) {
            Step::Forward | Step::Repeat => Ok(None),
            Step::Backward | Step::AfterTerminal if self.limits.status_order_strict => {
                Err(Reason::BadTransition)
            }
            Step::Backward | Step::AfterTerminal => Ok(Some(Reason::BadTransition)),
        }
    }

    /// What this message means for documents that are already here: a status, or a recall of what went
    /// to the same recipients.
    fn note_meaning(&mut self, ix: DocIx, out_of_order: bool) {
        let Some(message) = self.doc_at(ix) else { return };
        let accepted = Arc::clone(&message.accepted);
        let status = status_of(&accepted);
        let recalls =
            accepted.kind() == Kind::Recall || status == Some(BusinessStatus::RecallRequested);
        if status.is_none() && !recalls {
            return;
        }
        let to: Vec<AgencyCode> = message.deliveries.iter().map(|d| d.agency).collect();
        let Some(id) = self.duplicates.document(order_key_of(&accepted)) else { return };
        let Some(by) = accepted.sender else { return };
        let note = status.map(|status| StatusNote {
            status,
            by,
            at: Timestamp(accepted.at),
            description: accepted.reason().to_owned(),
            out_of_order,
        });
        for ix in self.copies_ix(id) {
            let deliveries = self.doc_at_mut(ix).into_iter().flat_map(|doc| &mut doc.deliveries);
            for delivery in deliveries {
                let is_recalled = recalls && to.contains(&delivery.agency);
                if is_recalled || (status.is_some() && delivery.agency == by) {
                    delivery.note(is_recalled, note.as_ref());
                }
            }
        }
    }
}

impl Delivery {
    fn note(&mut self, is_recalled: bool, note: Option<&StatusNote>) {
        let details = self.details_mut();
        details.recall_asked |= is_recalled;
        let Some(note) = note else { return };
        details.statuses.push(note.clone());
        // QĐ 28/2018 Art. 9: on a recall the receiver destroys the recalled document and says so.
        if note.status == BusinessStatus::ChangeAgreed && details.recall_asked {
            details.destroyed_at = note.at;
        }
    }
}

fn status_of(accepted: &Record) -> Option<BusinessStatus> {
    (accepted.kind() == Kind::Status)
        .then(|| u8::try_from(accepted.status).ok().and_then(BusinessStatus::from_code))
        .flatten()
}
