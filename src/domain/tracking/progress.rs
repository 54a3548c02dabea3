//! What becomes of a delivery: handed on, refused, confirmed, reported on, expired.

use super::{Destination, DocIx, Effect, Ground, ItemRef, Tracking, Verdict};
use crate::clock::Timestamp;
use crate::domain::envelope::DocId;
use crate::domain::fact::{Attempted, Confirmed, DeliveryState, Expired, HandedOn, Progressed};
use crate::domain::rejection::Reason;
use bytes::Bytes;

/// Which delivery state may follow which (wire/vxp.md 1.8): `initial` → `processing` → `done` | `fail`.
pub(super) const fn may_follow(from: DeliveryState, to: DeliveryState) -> bool {
    use DeliveryState::{Done, Fail, Initial, Processing};
    matches!(
        (from, to),
        (Initial | Processing, Processing | Done | Fail) | (Done, Done) | (Fail, Fail | Done)
    )
}

/// How far a state is, for news that may arrive late or twice: only forward.
const fn rank(state: DeliveryState) -> u8 {
    match state {
        DeliveryState::UnderWay => 0,
        DeliveryState::Initial => 1,
        DeliveryState::Processing => 2,
        DeliveryState::Fail => 3,
        DeliveryState::Refused | DeliveryState::Expired | DeliveryState::Done => 4,
    }
}

impl super::Delivery {
    /// It waits for a neighbour.
    fn is_on_a_link(&self) -> bool {
        matches!(self.to, Some(Destination::Link(_))) && self.handed_on_at == Timestamp::ZERO
    }
}

impl Tracking {
    pub(super) fn handed_on(&mut self, handed: &HandedOn, effects: &mut Vec<Effect>) -> Verdict {
        for receiver in &handed.receivers {
            let Some((ix, place)) = self.place_of(receiver) else { continue };
            let Some(delivery) = self.delivery_mut(ix, place) else { continue };
            if !delivery.is_on_a_link() || delivery.is_closed {
                continue;
            }
            delivery.handed_on_at = Timestamp(handed.at);
            delivery.updated_at = Timestamp(handed.at);
            delivery.attempts += 1;
            self.drop_item(ix, place, effects);
            // The platform where it was handed in waits for news; one in between has done its part.
            if !self.is_origin(ix) {
                self.close_delivery(ix, place);
            }
        }
        for number in &handed.reports {
            self.drop_report(*number, effects);
        }
        Verdict::Applied
    }

    pub(super) fn attempted(
        &mut self,
        ground: &Ground<'_>,
        attempted: &Attempted,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let Some((ix, place)) = self.place_of(&attempted.receiver) else { return Verdict::Applied };
        let Some(delivery) = self.delivery_mut(ix, place) else { return Verdict::Applied };
        if !delivery.is_on_a_link() || delivery.is_closed {
            return Verdict::Applied;
        }
        // An entry appended again after `Unknown`: two attempts never end in the same moment.
        if delivery.attempts > 0 && delivery.updated_at == Timestamp(attempted.at) {
            return Verdict::Applied;
        }
        delivery.attempts += 1;
        delivery.updated_at = Timestamp(attempted.at);
        delivery.details_mut().last_code.clone_from(&attempted.code);
        if attempted.retry_at > 0 {
            if let Some(to) = delivery.to {
                effects.push(Effect::Again {
                    to,
                    number: delivery.number,
                    at: Timestamp(attempted.retry_at),
                });
            }
            return Verdict::Applied;
        }
        let reason = Reason::from_code(&attempted.code).unwrap_or(Reason::Internal);
        delivery.state = DeliveryState::Refused;
        delivery.refused = Some(reason);
        self.drop_item(ix, place, effects);
        self.tell_origin(ground, (ix, place), &attempted.code, attempted.at, effects);
        self.close_delivery(ix, place);
        Verdict::Applied
    }

    pub(super) fn confirmed(
        &mut self,
        ground: &Ground<'_>,
        confirmed: &Confirmed,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let mut refused = Vec::new();
        for (at, receiver) in confirmed.receivers().enumerate() {
            if let Err(reason) = self.confirm(ground, receiver, confirmed, effects) {
                refused.push((at, reason));
            }
        }
        Verdict::Confirmed { refused }
    }

    fn confirm(
        &mut self,
        ground: &Ground<'_>,
        receiver: DocId,
        confirmed: &Confirmed,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Reason> {
        let place = self.by_receiver.get(&receiver).copied();
        let (ix, place) = place.ok_or(Reason::UnknownDocument)?;
        let delivery = self.delivery_mut(ix, place).ok_or(Reason::UnknownDocument)?;
        let Some(Destination::Inbox(agency)) = delivery.to else {
            return Err(Reason::UnknownDocument);
        };
        let state = confirmed.state();
        if !may_follow(delivery.state, state) {
            return Err(Reason::BadTransition);
        }
        // The same word again changes nothing and is not news.
        let is_same_entry = delivery.updated_at == Timestamp(confirmed.at);
        if delivery.state == state && (state != DeliveryState::Processing || is_same_entry) {
            return Ok(());
        }
        delivery.state = state;
        delivery.updated_at = Timestamp(confirmed.at);
        if state == DeliveryState::Processing {
            delivery.details_mut().processing_at = Timestamp(confirmed.at);
        }
        if !confirmed.description.is_empty() {
            delivery.details_mut().description.clone_from(&confirmed.description);
        }
        if !confirmed.member.is_empty() && state != DeliveryState::Done {
            let member = String::from_utf8_lossy(&confirmed.member).into_owned();
            delivery.details_mut().confirmed_by = member;
        }
        let number = delivery.number;
        if state != DeliveryState::Processing {
            self.leave_inbox(agency, number);
            self.drop_item(ix, place, effects);
        }
        self.tell_origin(ground, (ix, place), "", confirmed.at, effects);
        if state != DeliveryState::Processing {
            self.close_delivery(ix, place);
        }
        Ok(())
    }

    pub(super) fn expired(
        &mut self,
        ground: &Ground<'_>,
        expired: &Expired,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let Some((ix, place)) = self.place_of(&expired.receiver) else { return Verdict::Applied };
        let Some(delivery) = self.delivery_mut(ix, place) else { return Verdict::Applied };
        if delivery.is_closed {
            return Verdict::Applied;
        }
        delivery.state = DeliveryState::Expired;
        delivery.updated_at = Timestamp(expired.at);
        delivery.refused = Some(Reason::InboxExpired);
        let (to, number) = (delivery.to, delivery.number);
        if let Some(Destination::Inbox(agency)) = to {
            self.leave_inbox(agency, number);
        }
        self.drop_item(ix, place, effects);
        self.tell_origin(ground, (ix, place), Reason::InboxExpired.code(), expired.at, effects);
        self.close_delivery(ix, place);
        Verdict::Applied
    }

    /// News from the other end. At the origin it is believed; in between it travels on.
    pub(super) fn progressed(
        &mut self,
        ground: &Ground<'_>,
        news: &Progressed,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        if news.origin != ground.here_name {
            let mut onward = news.clone();
            onward.via.clear();
            self.enqueue_report(ground, onward, effects);
            return Verdict::Applied;
        }
        let Some((ix, place)) = self.place_of(&news.receiver) else { return Verdict::Applied };
        let Some(delivery) = self.delivery_mut(ix, place) else { return Verdict::Applied };
        // A neighbour has nothing to say about what lies in an inbox here.
        if !matches!(delivery.to, Some(Destination::Link(_))) {
            return Verdict::Applied;
        }
        if !news.hops.is_empty() {
            delivery.details_mut().hops.clone_from(&news.hops);
            delivery.arrived_at = Timestamp(news.at);
        }
        if rank(news.state()) <= rank(delivery.state) {
            return Verdict::Applied;
        }
        delivery.state = news.state();
        delivery.updated_at = Timestamp(news.at);
        match news.state() {
            DeliveryState::Processing => delivery.details_mut().processing_at = Timestamp(news.at),
            DeliveryState::Refused | DeliveryState::Expired => {
                delivery.refused = Reason::from_code(&news.code);
            }
            DeliveryState::UnderWay
            | DeliveryState::Initial
            | DeliveryState::Done
            | DeliveryState::Fail => {}
        }
        if !news.description.is_empty() {
            delivery.details_mut().description.clone_from(&news.description);
        }
        if rank(news.state()) >= rank(DeliveryState::Fail) {
            self.drop_item(ix, place, effects);
            self.close_delivery(ix, place);
        }
        Verdict::Applied
    }

    fn place_of(&self, receiver: &Bytes) -> Option<(DocIx, u32)> {
        self.by_receiver.get(&DocId::from_slice(receiver)?).copied()
    }

    fn delivery_mut(&mut self, ix: DocIx, place: u32) -> Option<&mut super::Delivery> {
        self.doc_at_mut(ix)?.deliveries.get_mut(place as usize)
    }

    /// True where the sender handed it in.
    fn is_origin(&self, ix: DocIx) -> bool {
        self.doc_at(ix).is_some_and(|doc| doc.accepted.via().is_empty())
    }

    fn leave_inbox(&mut self, agency: crate::domain::directory::AgencyId, number: u64) {
        if let Some(inbox) = self.inboxes.get_mut(&agency) {
            inbox.open.remove(&number);
            if inbox.open.is_empty() {
                self.inboxes.remove(&agency);
            }
        }
    }

    /// Takes the item out of its mailbox, if it is still there.
    fn drop_item(&mut self, ix: DocIx, place: u32, effects: &mut Vec<Effect>) {
        let Some(delivery) = self.delivery_mut(ix, place) else { return };
        let (number, to) = (delivery.number, delivery.to);
        if self.items.remove(&number).is_none() {
            return;
        }
        let Some(to) = to else { return };
        if let Destination::Link(peer) = to {
            self.leave_link(peer);
        }
        effects.push(Effect::Remove { to, number });
    }

    fn drop_report(&mut self, number: u64, effects: &mut Vec<Effect>) {
        let Some(ItemRef::Report(slot)) = self.items.get(&number).copied() else { return };
        self.items.remove(&number);
        let Some(report) = self.reports.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        self.free_reports.push(slot);
        self.leave_link(report.to);
        effects.push(Effect::Remove { to: Destination::Link(report.to), number });
    }

    fn leave_link(&mut self, peer: crate::domain::routing::PlatformIx) {
        if let Some(depth) = self.link_depth.get_mut(&peer) {
            *depth = depth.saturating_sub(1);
        }
    }

    /// Sends the present state of a delivery back to where the document was handed in.
    fn tell_origin(
        &mut self,
        ground: &Ground<'_>,
        at_place: (DocIx, u32),
        code: &str,
        at: u64,
        effects: &mut Vec<Effect>,
    ) {
        let (ix, place) = at_place;
        if self.is_origin(ix) {
            return;
        }
        let Some(doc) = self.doc_at(ix) else { return };
        let Some(delivery) = doc.deliveries.get(place as usize) else { return };
        let news = Progressed {
            origin: doc.accepted.origin().to_owned(),
            via: String::new(),
            doc_id: crate::domain::fact::id_bytes(doc.accepted.doc_id),
            receiver: crate::domain::fact::id_bytes(delivery.receiver),
            state: delivery.state as i32,
            code: code.to_owned(),
            at,
            hops: Vec::new(),
            description: delivery
                .details
                .as_ref()
                .map(|d| d.description.clone())
                .unwrap_or_default(),
            platform: ground.here_name.to_owned(),
        };
        self.enqueue_report(ground, news, effects);
    }
}
