//! getReceivedEdocList, getSentEdocList and the counts. Reading consumes nothing: an item is listed until it is
//! confirmed, oldest first, so that a client that takes what it is shown and confirms it sees them all.

use super::words::{Counted, Listed, done};
use super::{Asked, Vxp};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::AgencyId;
use crate::domain::envelope::DocId;
use crate::domain::fact::{DeliveryState, Record};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::status::BusinessStatus;
use crate::domain::tracking::{Delivery, InboxFilter, SentRow, Tracking};
use crate::ingress::documents::lists::{
    SERVICE, is_status, message_type, state_of, wire_code, word_of,
};
use crate::ingress::documents::times::{self, list_time};
use crate::ingress::documents::words::DONE;
use crate::ingress::documents::wrong;
use crate::ingress::http1::Answer;
use crate::pipeline::Ports;
use serde::Serialize;

/// Keys as the SDK spells them; an empty one is left out, because one null loses the whole list (wire/vxp.md 1.5).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceivedItem {
    doc_id: String,
    service_type: &'static str,
    message_type: &'static str,
    #[serde(rename = "created_time")]
    created_time: String,
    #[serde(rename = "updated_time")]
    updated_time: String,
    from: String,
    to: String,
    status: &'static str,
    #[serde(rename = "status_desc")]
    status_desc: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SentItem {
    service_type: &'static str,
    message_type: &'static str,
    sender_doc_id: String,
    receiver_doc_id: String,
    from_code: String,
    to_code: String,
    send_status: &'static str,
    send_status_desc: &'static str,
    receive_status: &'static str,
    receive_status_desc: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    notation: String,
    sent_time: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    received_time: String,
}

impl<P: Ports> Vxp<P> {
    pub(super) fn received(&self, asked: &Asked<'_>) -> Result<Answer, Rejection> {
        asked.check_service()?;
        let filter = filter_of(asked)?;
        let exchange = self.exchange(asked);
        let agencies = match self.meant_by_to(asked) {
            Some(agency) => vec![agency],
            None => exchange.agencies(),
        };
        let data = exchange.received(agencies, &filter, received_item);
        Ok(done(asked.operation, DONE, Listed { data }, asked.correlation_id))
    }

    /// What the caller's agencies sent, newest first, one item per receiver.
    pub(super) fn sent(&self, asked: &Asked<'_>) -> Result<Answer, Rejection> {
        asked.check_service()?;
        let wants_status = asked.wants_status()?.unwrap_or(false);
        let max = self.pipeline.limits.list_items_max;
        let own = self.exchange(asked).agencies();
        let mut agencies = own.clone();
        for code in &asked.caller.member.codes {
            agencies.extend(self.pipeline.directory().below(code));
        }
        agencies.sort_unstable();
        agencies.dedup();
        // A member may send for any agency below its own; what another member sent for one is not shown.
        let is_theirs = |agency: &AgencyId, row: &SentRow<'_>| {
            own.contains(agency) || row.doc.accepted.member() == &**asked.caller.id()
        };
        let mut found = Vec::new();
        {
            let post = asked.platform.post.lock();
            let only = only_sent(asked, &post.tracking);
            for agency in agencies {
                let rows = post.tracking.sent(agency, only, max).into_iter();
                found.extend(
                    rows.filter(|row| is_status(&row.doc.accepted) == wants_status)
                        .filter(|row| is_theirs(&agency, row))
                        .map(|row| (row.doc.id, sent_item(&row))),
                );
            }
        }
        found.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        let data = found.into_iter().map(|(_, item)| item).take(max).collect();
        Ok(done(asked.operation, DONE, Listed { data }, asked.correlation_id))
    }

    pub(super) fn count(&self, asked: &Asked<'_>, status: bool) -> Result<Answer, Rejection> {
        let filter = InboxFilter { status_messages: Some(status), ..InboxFilter::default() };
        let agencies = self.exchange(asked).agencies();
        let post = asked.platform.post.lock();
        let count = agencies.iter().map(|&id| post.tracking.inbox(id, &filter, 0).1).sum();
        drop(post);
        Ok(done(asked.operation, DONE, Counted { count }, asked.correlation_id))
    }

    /// `to` of a list: one agency of the caller's. Anything else leaked from a sendEdoc (wire/vxp.md 1.4.2).
    fn meant_by_to(&self, asked: &Asked<'_>) -> Option<AgencyId> {
        let code = AgencyCode::parse(asked.parameters.exact("to")?).ok()?;
        asked.caller.speaks_for(&code).then(|| self.pipeline.directory().lookup(&code))?
    }
}

fn filter_of(asked: &Asked<'_>) -> Result<InboxFilter, Rejection> {
    let parameters = &asked.parameters;
    let moment = |name: &str, read: fn(&str) -> Option<crate::clock::Timestamp>| {
        let given = parameters.any_case(name);
        given.map(|text| read(text).ok_or_else(|| wrong(name).detail(text))).transpose()
    };
    // wire/vxp.md 1.4.2: a leaked `status` always comes with a leaked docId or docid.
    let is_leaked = parameters.any_case("docid").is_some();
    let state = match parameters.exact("status") {
        Some(word) if !is_leaked => {
            Some(state_of(word).ok_or_else(|| wrong("status").detail(word))?)
        }
        Some(_) | None => None,
    };
    Ok(InboxFilter {
        status_messages: asked.wants_status()?,
        state,
        from: moment("fromDate", times::from)?,
        until: moment("toDate", times::until)?,
        after: None,
    })
}

/// The sent document asked for. After a getEdoc the id of a received one leaks in here: that is no filter.
fn only_sent(asked: &Asked<'_>, tracking: &Tracking) -> Option<DocId> {
    let id: DocId = asked.parameters.exact("docId")?.parse().ok()?;
    let is_received = tracking.delivery(id).is_some_and(|(doc, delivery)| {
        let is_own = doc.accepted.via().is_empty() && doc.accepted.member() == &**asked.caller.id();
        asked.caller.speaks_for(&delivery.agency) && !is_own
    });
    (!is_received).then_some(id)
}

// domain.md 2.2: words seen in sendStatus and receiveStatus. Which stands for what is assumed.
const fn send_word(state: DeliveryState) -> (&'static str, &'static str) {
    match state {
        DeliveryState::UnderWay => ("processing", "Đang chuyển đến nơi nhận"),
        DeliveryState::Initial
        | DeliveryState::Processing
        | DeliveryState::Done
        | DeliveryState::Fail => ("done", "Đã chuyển đến nơi nhận"),
        DeliveryState::Refused => ("fail", "Không chuyển được"),
        DeliveryState::Expired => ("fail", "Quá hạn, nơi nhận không lấy"),
    }
}

/// The clerk's last word if there is one, else the state of the mailbox item.
fn receive_word(delivery: &Delivery) -> (&'static str, &'static str) {
    match delivery.business() {
        Some(BusinessStatus::Arrived) => ("inbox", "Đã đến"),
        Some(BusinessStatus::Refused) => ("rejection", "Từ chối tiếp nhận"),
        Some(BusinessStatus::Accepted) => ("acceptance", "Đã tiếp nhận"),
        Some(BusinessStatus::Assigned) => ("assignment", "Phân công xử lý"),
        Some(BusinessStatus::InProgress) => ("processing", "Đang xử lý"),
        Some(BusinessStatus::Completed) => ("done", "Hoàn thành"),
        Some(BusinessStatus::ChangeAgreed) => ("cancellation", "Đồng ý cập nhật/lấy lại"),
        Some(BusinessStatus::RecallRequested | BusinessStatus::ChangeDeclined) | None => {
            match delivery.state {
                DeliveryState::UnderWay => ("initial", "Chưa đến"),
                DeliveryState::Initial => ("inbox", "Đã đến, chưa lấy"),
                state @ (DeliveryState::Processing
                | DeliveryState::Done
                | DeliveryState::Fail
                | DeliveryState::Refused
                | DeliveryState::Expired) => word_of(state),
            }
        }
    }
}

fn received_item(accepted: &Record, delivery: &Delivery) -> ReceivedItem {
    let (status, status_desc) = word_of(delivery.state);
    ReceivedItem {
        doc_id: delivery.receiver.to_string(),
        service_type: SERVICE,
        message_type: message_type(accepted),
        created_time: list_time(delivery.arrived_at),
        updated_time: list_time(delivery.updated_at.max(delivery.arrived_at)),
        from: wire_code(accepted.from()),
        to: delivery.agency.wire(),
        status,
        status_desc,
    }
}

fn sent_item(row: &SentRow<'_>) -> SentItem {
    let (accepted, delivery) = (&row.doc.accepted, row.delivery);
    let (send_status, send_status_desc) = send_word(delivery.state);
    let (receive_status, receive_words) = receive_word(delivery);
    let said = delivery.details.as_ref().map(|d| d.description.as_str()).unwrap_or_default();
    let refused = delivery.refused.map(Reason::code).unwrap_or_default();
    let parts = [receive_words, refused, said].into_iter().filter(|part| !part.is_empty());
    SentItem {
        service_type: SERVICE,
        message_type: message_type(accepted),
        sender_doc_id: row.doc.id.to_string(),
        receiver_doc_id: delivery.receiver.to_string(),
        from_code: wire_code(accepted.from()),
        to_code: delivery.agency.wire(),
        send_status,
        send_status_desc,
        receive_status,
        receive_status_desc: parts.collect::<Vec<_>>().join(": "),
        title: accepted.subject().to_owned(),
        notation: accepted.notation().to_owned(),
        sent_time: list_time(crate::clock::Timestamp(accepted.at)),
        received_time: list_time(delivery.arrived_at),
    }
}
