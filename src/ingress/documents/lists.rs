//! Inboxes as lists show them, and the words for what is in them. Reading consumes nothing: an item is listed until
//! it is confirmed, oldest first, so that a client that takes what it is shown and confirms it sees them all.

use super::Exchange;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::AgencyId;
use crate::domain::envelope::Kind;
use crate::domain::fact::{DeliveryState, Record};
use crate::domain::tracking::{Delivery, InboxFilter};
use crate::pipeline::Ports;

impl<P: Ports> Exchange<'_, P> {
    /// Items of these inboxes, each as `item` words it; at most `list_items_max`.
    pub(in crate::ingress) fn received<T>(
        &self,
        agencies: Vec<AgencyId>,
        filter: &InboxFilter,
        item: impl Fn(&Record, &Delivery) -> T,
    ) -> Vec<T> {
        let max = self.pipeline.limits.list_items_max;
        let mut found = Vec::new();
        {
            let post = self.platform.post.lock();
            for agency in agencies {
                let (items, _) = post.tracking.inbox(agency, filter, max);
                found.extend(items.into_iter().map(|(doc, delivery)| {
                    let order = (delivery.arrived_at, delivery.number);
                    (order, item(&doc.accepted, delivery))
                }));
            }
        }
        found.sort_unstable_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, item)| item).take(max).collect()
    }

    /// The agencies that the caller lists, and those below that it registered itself.
    pub(in crate::ingress) fn agencies(&self) -> Vec<AgencyId> {
        let directory = self.pipeline.directory();
        let member = &self.caller.member;
        let mut agencies = member.agencies.clone();
        for code in &member.codes {
            let registered = |id: &AgencyId| directory.agency(*id).registered_by == member.id;
            agencies.extend(directory.below(code).into_iter().filter(registered));
        }
        agencies.sort_unstable();
        agencies.dedup();
        agencies
    }
}

/// The mailbox words of wire/vxp.md 1.8, in any case.
pub(in crate::ingress) fn state_of(word: &str) -> Option<DeliveryState> {
    [DeliveryState::Initial, DeliveryState::Processing, DeliveryState::Done, DeliveryState::Fail]
        .into_iter()
        .find(|state| word_of(*state).0.eq_ignore_ascii_case(word))
}

/// A mailbox item's state and what a clerk calls it.
pub(in crate::ingress) const fn word_of(state: DeliveryState) -> (&'static str, &'static str) {
    match state {
        DeliveryState::UnderWay => ("processing", "Đang chuyển"),
        DeliveryState::Initial => ("initial", "Đã đến, chưa lấy"),
        DeliveryState::Processing => ("processing", "Đang xử lý"),
        DeliveryState::Done => ("done", "Đã nhận"),
        DeliveryState::Fail => ("fail", "Nhận không thành công"),
        DeliveryState::Refused => ("fail", "Bị từ chối"),
        DeliveryState::Expired => ("fail", "Quá hạn, không ai lấy"),
    }
}

pub(in crate::ingress) const SERVICE: &str = "eDoc";

pub(in crate::ingress) fn is_status(accepted: &Record) -> bool {
    accepted.kind() == Kind::Status
}

pub(in crate::ingress) fn message_type(accepted: &Record) -> &'static str {
    if is_status(accepted) { "status" } else { "edoc" }
}

pub(in crate::ingress) fn wire_code(code: &str) -> String {
    AgencyCode::parse(code).map_or_else(|_| code.to_owned(), |code| code.wire())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_words_are_read_in_any_case() {
        assert_eq!(state_of("INITIAL"), Some(DeliveryState::Initial));
        assert_eq!(state_of("processing"), Some(DeliveryState::Processing));
        assert_eq!(state_of("Done"), Some(DeliveryState::Done));
        assert_eq!(state_of("fail"), Some(DeliveryState::Fail));
        assert_eq!(state_of("06"), None);
    }
}
