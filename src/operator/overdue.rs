//! Documents past their `DueDate` that nobody has finished, and for how long.
//!
//! Only a document with a `DueDate` can be overdue, and only for a recipient that has or should have it. Done is
//! what its clerk says: completed (06) or refused (02). A delivery that was refused on the way, or that nobody
//! fetched, is no task of that agency.

use super::agencies::lookup;
use super::asked::{Asked, limit};
use super::documents::{Candidate, name_of};
use super::fault::{ErrorAnswer, Fault};
use super::status::millis;
use super::{State, VERSION};
use crate::clock::Timestamp;
use crate::domain::calendar::Calendar;
use crate::domain::envelope::DocId;
use crate::domain::fact::{DeliveryState, Record};
use crate::domain::status::BusinessStatus;
use crate::domain::tracking::Delivery;
use crate::pipeline::call::CallPorts;
use crate::story::{moment, state_name};
use axum::Json;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OverdueAsked {
    /// Only recipients at or below this agency.
    agency: Option<String>,
    /// Rows wanted, 100 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OverdueAnswer {
    pub version: u32,
    pub now: String,
    /// The longest overdue first.
    pub overdue: Vec<OverdueRow>,
    /// How many there are in all.
    pub total: usize,
}

/// One document that one recipient has not finished.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OverdueRow {
    pub doc_id: String,
    /// The receiver's DocId.
    pub receiver_doc_id: String,
    pub document_id: String,
    pub subject: String,
    pub from: String,
    pub agency: String,
    pub agency_name: String,
    pub sent_at: String,
    pub due_on: String,
    /// The end of work on that day, or on the next working day.
    pub due_at: String,
    pub overdue_ms: u64,
    /// Office hours among it, in milliseconds.
    pub overdue_working_ms: u64,
    /// State of the delivery.
    pub state: &'static str,
    /// The clerk's last word, 1 to 16.
    pub status: Option<u8>,
}

/// Documents past their `DueDate` (văn bản quá hạn), by recipient, among what memory holds.
#[utoipa::path(get, path = "/api/v1/overdue", tag = "documents", params(OverdueAsked),
    responses((status = 200, body = OverdueAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer)))]
pub(super) async fn overdue<P: CallPorts>(
    state: State<P>,
    Asked(asked): Asked<OverdueAsked>,
) -> Result<Json<OverdueAnswer>, Fault> {
    let operated = &state.operated;
    let limit = limit(asked.limit, 100, operated.pipeline.limits.list_items_max)?;
    let agency = match &asked.agency {
        Some(code) => {
            let directory = operated.pipeline.directory();
            Some(directory.agency(lookup(&directory, code)?).code)
        }
        None => None,
    };
    let now = operated.pipeline.now();
    let mut known: BTreeMap<DocId, Candidate> = BTreeMap::new();
    for platform in operated.pipeline.platforms() {
        platform.each_document(|doc| {
            if doc.accepted.due_on().is_empty() {
                return;
            }
            let candidate = Candidate::of(platform, doc);
            match known.get_mut(&doc.id) {
                Some(first) => first.join(candidate),
                None => drop(known.insert(doc.id, candidate)),
            }
        });
    }
    let mut rows: Vec<(Timestamp, &Candidate, &Delivery)> = known
        .values()
        .flat_map(|candidate| candidate.deliveries.iter().map(move |one| (candidate, one)))
        .filter(|(_, one)| agency.as_ref().is_none_or(|above| one.agency.is_at_or_below(above)))
        .filter_map(|(candidate, one)| {
            since(&state.calendar, &candidate.accepted, one, now).map(|due| (due, candidate, one))
        })
        .collect();
    rows.sort_by_key(|(due, candidate, _)| (*due, Reverse(candidate.id)));
    let total = rows.len();
    let row = |(due, candidate, one): (Timestamp, &Candidate, &Delivery)| OverdueRow {
        agency_name: name_of(operated, one.agency.as_str()),
        ..row(&state.calendar, candidate, one, due, now)
    };
    let overdue = rows.into_iter().take(limit).map(row).collect();
    Ok(Json(OverdueAnswer { version: VERSION, now: moment(now), overdue, total }))
}

/// Since when a recipient has been late with a document; `None` when it is not.
pub(super) fn since(
    calendar: &Calendar,
    accepted: &Record,
    delivery: &Delivery,
    now: Timestamp,
) -> Option<Timestamp> {
    let due_on = accepted.due_on().parse().ok()?;
    let is_task = !matches!(
        delivery.state,
        DeliveryState::Refused | DeliveryState::Expired | DeliveryState::Fail
    );
    let is_done =
        matches!(delivery.business(), Some(BusinessStatus::Completed | BusinessStatus::Refused));
    (is_task && !is_done && calendar.is_overdue(now, Some(due_on), None))
        .then(|| calendar.due(due_on))
}

fn row(
    calendar: &Calendar,
    candidate: &Candidate,
    delivery: &Delivery,
    due: Timestamp,
    now: Timestamp,
) -> OverdueRow {
    let accepted = &candidate.accepted;
    OverdueRow {
        doc_id: candidate.id.to_string(),
        receiver_doc_id: delivery.receiver.to_string(),
        document_id: accepted.document_id().to_owned(),
        subject: accepted.subject().to_owned(),
        from: accepted.from().to_owned(),
        agency: delivery.agency.as_str().to_owned(),
        agency_name: String::new(),
        sent_at: moment(accepted.sent_at()),
        due_on: accepted.due_on().to_owned(),
        due_at: moment(due),
        overdue_ms: millis(now.since(due)),
        overdue_working_ms: millis(calendar.working_time_between(due, now)),
        state: state_name(delivery.state),
        status: delivery.business().map(BusinessStatus::code),
    }
}
