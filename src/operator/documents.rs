//! Documents (văn bản điện tử) in memory by what is known of them, and the story of one.
//!
//! Memory holds what is open and the most recent of what is closed (`recent_documents_max`). A story is found
//! in the journal too, as long as its segments are kept.

use super::agencies::lookup;
use super::asked::{Asked, Named, limit, moment as asked_moment};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{Operated, State, VERSION};
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::calendar::Calendar;
use crate::domain::directory::search::plain;
use crate::domain::envelope::{DocId, Kind};
use crate::domain::fact::{DeliveryState, Record, order_key};
use crate::domain::status::BusinessStatus;
use crate::domain::tracking::{Delivery, Doc};
use crate::pipeline::Platform;
use crate::pipeline::call::CallPorts;
use crate::story::{self, Story, kind_name, moment, state_name};
use axum::Json;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Documents of one platform that one request looks at.
const SCANNED_MAX: usize = 20_000;
/// Documents that are looked at in one go.
const SCANNED_AT_ONCE_MAX: usize = 256;
/// Recipients named in a row.
const ROW_RECIPIENTS_MAX: usize = 8;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DocumentsAsked {
    /// Sender: this agency or any below it, in either form of its code.
    from: Option<String>,
    /// A recipient: this agency or any below it.
    to: Option<String>,
    /// Only what this platform holds.
    platform: Option<String>,
    /// State of any delivery: `under_way`, `initial`, `processing`, `done`, `fail`, `refused`, `expired`.
    state: Option<String>,
    /// `new`, `recall`, `update`, `replace` or `status`.
    kind: Option<String>,
    /// Document type (loại văn bản), any part of its name, with or without diacritics.
    #[serde(rename = "type")]
    type_name: Option<String>,
    /// Words of the subject (trích yếu), number and notation (số, ký hiệu) or DocumentId.
    text: Option<String>,
    /// Business status 1 to 16: of a status message, or the last word of any recipient.
    status: Option<u8>,
    /// `true`: only what is overdue.
    overdue: Option<bool>,
    /// Taken in at or after: RFC 3339 or a date.
    since: Option<String>,
    /// Taken in before: RFC 3339 or a date.
    until: Option<String>,
    /// Rows wanted, 50 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
    /// Go on after this DocId: `next` of the answer before.
    after: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DocumentsAnswer {
    pub version: u32,
    /// Newest first.
    pub documents: Vec<DocumentRow>,
    /// Documents looked at.
    pub scanned: usize,
    /// Those that fitted, among them.
    pub matched: usize,
    /// Why it stopped: `end` of what memory holds, `limit` of rows, `scan_limit`.
    #[schema(example = "end")]
    pub stopped: &'static str,
    /// How far back it looked.
    pub searched_back_to: Option<String>,
    /// Ask again with `after` to go on; absent at the end.
    pub next: Option<String>,
}

/// One document or status message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DocumentRow {
    /// The sender's DocId.
    pub doc_id: String,
    pub document_id: String,
    pub kind: &'static str,
    pub from: String,
    pub from_name: String,
    /// At most eight recipients.
    pub to: Vec<String>,
    pub recipients: usize,
    pub subject: String,
    pub notation: String,
    pub type_name: String,
    pub urgency: u32,
    pub bytes: u64,
    pub sent_at: String,
    /// `DueDate` (hạn xử lý).
    pub due_on: Option<String>,
    pub overdue: bool,
    /// Of a status message: 1 to 16.
    pub status: Option<u32>,
    /// How many deliveries are in which state.
    pub states: BTreeMap<&'static str, usize>,
    /// Platforms of this process that hold it.
    pub platforms: Vec<String>,
    pub correlation_id: String,
}

/// Documents that fit every given parameter, newest first. Looks at what memory holds.
#[utoipa::path(get, path = "/api/v1/documents", tag = "documents", params(DocumentsAsked),
    responses((status = 200, body = DocumentsAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer)))]
pub(super) async fn documents<P: CallPorts>(
    state: State<P>,
    Asked(asked): Asked<DocumentsAsked>,
) -> Result<Json<DocumentsAnswer>, Fault> {
    let operated = &state.operated;
    let filter = Filter::new(operated, &asked)?;
    let limit = limit(asked.limit, 50, operated.pipeline.limits.list_items_max)?;
    let (ids, horizon) = newest(operated, &filter);
    let now = operated.pipeline.now();
    let mut answer = DocumentsAnswer {
        version: VERSION,
        documents: Vec::new(),
        scanned: 0,
        matched: 0,
        stopped: if horizon.is_some() { "scan_limit" } else { "end" },
        searched_back_to: None,
        next: horizon.map(|id| id.to_string()),
    };
    'all: for ids in ids.chunks(SCANNED_AT_ONCE_MAX) {
        answer.scanned += ids.len();
        answer.searched_back_to = ids.last().map(|id| moment(id.made_at()));
        for (_, candidate) in candidates(operated, &filter, ids) {
            if !filter.fits_slowly(&candidate, &state.calendar, now) {
                continue;
            }
            if answer.documents.len() == limit {
                answer.stopped = "limit";
                answer.next = answer.documents.last().map(|row| row.doc_id.clone());
                break 'all;
            }
            answer.matched += 1;
            answer.documents.push(row(operated, &candidate, &state.calendar, now));
        }
        // Whoever waits for a receipt goes first.
        tokio::task::yield_now().await;
    }
    Ok(Json(answer))
}

/// The story of one document: who had it when, and what became of it. By the sender's or a receiver's
/// DocId, or as `sender/DocumentId` (percent-encoded). Never its content.
#[utoipa::path(get, path = "/api/v1/documents/{id}", tag = "documents",
    params(("id" = String, Path, description = "A DocId, or `<mã định danh of the sender>/<DocumentId>` percent-encoded",
        example = "0193a5b0-7c1e-7d52-8b1c-0d2f6a0c9e11")),
    responses((status = 200, body = Story), (status = 404, body = ErrorAnswer)))]
pub(super) async fn story<P: CallPorts>(
    state: State<P>,
    Named(asked): Named,
) -> Result<Json<Story>, Fault> {
    told(&state.operated, &asked).await.map(Json)
}

/// As `story`.
pub(super) async fn told<P: CallPorts>(
    operated: &Operated<P>,
    asked: &str,
) -> Result<Story, Fault> {
    let unknown = || {
        Fault::new(Problem::NoSuchDocument).at("id").detail(asked).nearest(nearest(operated, asked))
    };
    let id = find(operated, asked)?.ok_or_else(unknown)?;
    let parts = operated.pipeline.story(id).await;
    let related = match parts.iter().flat_map(|(_, docs)| docs).next() {
        Some(doc) => operated.pipeline.related(&doc.accepted).await,
        None => Vec::new(),
    };
    let mut story = story::tell(parts).ok_or_else(unknown)?;
    story.relate(&related);
    Ok(story)
}

/// The DocId that is meant.
fn find<P: CallPorts>(operated: &Operated<P>, asked: &str) -> Result<Option<DocId>, Fault> {
    if let Some((sender, document_id)) = asked.split_once('/') {
        let directory = operated.pipeline.directory();
        let code = directory.agency(lookup(&directory, sender)?).code;
        return Ok(operated.pipeline.doc_id_of(order_key(code.as_str(), document_id)));
    }
    match asked.parse() {
        Ok(id) => Ok(Some(id)),
        Err(_not_an_id) => Ok(None),
    }
}

/// Documents whose DocumentId or DocId is most like what was asked for.
fn nearest<P: CallPorts>(operated: &Operated<P>, asked: &str) -> Vec<String> {
    let wanted = asked.split_once('/').map_or(asked, |(_, document_id)| document_id);
    let mut near: Vec<(usize, DocId, String)> = Vec::new();
    for platform in operated.pipeline.platforms() {
        let (ids, _) = platform.newest_documents(None, NEAREST_SCANNED_MAX);
        platform.documents(&ids, |doc| {
            let (id, document_id) = (doc.id.to_string(), doc.accepted.document_id());
            let distance =
                strsim::osa_distance(document_id, wanted).min(strsim::osa_distance(&id, wanted));
            if distance <= NEAREST_DISTANCE_MAX {
                near.push((distance, doc.id, id));
            }
        });
    }
    near.sort();
    near.dedup_by_key(|(_, id, _)| *id);
    near.into_iter().take(3).map(|(_, _, id)| id).collect()
}

const NEAREST_SCANNED_MAX: usize = 2_000;
const NEAREST_DISTANCE_MAX: usize = 3;

/// The parameters, read.
struct Filter {
    from: Option<AgencyCode>,
    to: Option<AgencyCode>,
    platform: Option<String>,
    state: Option<DeliveryState>,
    kind: Option<Kind>,
    type_name: String,
    words: Vec<String>,
    status: Option<u8>,
    overdue: Option<bool>,
    since: Timestamp,
    until: Timestamp,
    after: Option<DocId>,
}

impl Filter {
    fn new<P: CallPorts>(operated: &Operated<P>, asked: &DocumentsAsked) -> Result<Self, Fault> {
        let agency = |name: &str, text: &Option<String>| match text {
            Some(text) => AgencyCode::parse(text)
                .map(Some)
                .map_err(|error| Fault::parameter(name, format!("{text}: {error}"))),
            None => Ok(None),
        };
        let at = |name: &str, text: &Option<String>, absent: Timestamp| match text {
            Some(text) => asked_moment(name, text),
            None => Ok(absent),
        };
        if let Some(name) = &asked.platform
            && !operated.pipeline.platforms().iter().any(|platform| platform.name == *name)
        {
            let nearest = super::conditions::nearest(operated, name);
            return Err(Fault::new(Problem::NoSuchPlatform)
                .at("platform")
                .detail(name)
                .nearest(nearest));
        }
        if asked.status.is_some_and(|status| BusinessStatus::from_code(status).is_none()) {
            return Err(Fault::parameter("status", "01 to 06, 13, 15 or 16"));
        }
        let text = plain(asked.text.as_deref().unwrap_or_default());
        Ok(Self {
            from: agency("from", &asked.from)?,
            to: agency("to", &asked.to)?,
            platform: asked.platform.clone(),
            state: named("state", asked.state.as_deref(), &STATES, state_name)?,
            kind: named("kind", asked.kind.as_deref(), &KINDS, kind_name)?,
            type_name: plain(asked.type_name.as_deref().unwrap_or_default()),
            words: text.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect(),
            status: asked.status,
            overdue: asked.overdue,
            since: at("since", &asked.since, Timestamp::ZERO)?,
            until: at("until", &asked.until, Timestamp(u64::MAX))?,
            after: match &asked.after {
                Some(after) => Some(
                    after.parse().map_err(|_invalid| Fault::parameter("after", "not a DocId"))?,
                ),
                None => None,
            },
        })
    }

    /// What can be asked while the platform's lock is held.
    fn fits_quickly(&self, doc: &Doc) -> bool {
        let accepted = &doc.accepted;
        let sent_at = accepted.sent_at();
        let below = |code: &AgencyCode, above: &AgencyCode| code.is_at_or_below(above);
        let from_fits = self
            .from
            .as_ref()
            .is_none_or(|above| accepted.sender.is_some_and(|code| below(&code, above)));
        from_fits
            && sent_at >= self.since
            && sent_at < self.until
            && self.kind.is_none_or(|kind| accepted.kind() == kind)
            && self.status.is_none_or(|status| has_status(doc, status))
            && (self.to.is_none() && self.state.is_none()
                || doc.deliveries.iter().any(|delivery| {
                    self.to.as_ref().is_none_or(|above| below(&delivery.agency, above))
                        && self.state.is_none_or(|state| delivery.state == state)
                }))
    }

    /// What takes longer: words and calendars.
    fn fits_slowly(&self, candidate: &Candidate, calendar: &Calendar, now: Timestamp) -> bool {
        let accepted = &candidate.accepted;
        let type_fits =
            self.type_name.is_empty() || plain(accepted.type_name()).contains(&self.type_name);
        let overdue_fits =
            self.overdue.is_none_or(|wanted| candidate.is_overdue(calendar, now) == wanted);
        type_fits && overdue_fits && self.words_fit(accepted)
    }

    fn words_fit(&self, accepted: &Record) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text = plain(&format!(
            "{} {} {} {}",
            accepted.subject(),
            accepted.notation(),
            accepted.document_id(),
            accepted.correlation_id()
        ));
        self.words.iter().all(|word| text.contains(word))
    }
}

const STATES: [DeliveryState; 7] = [
    DeliveryState::UnderWay,
    DeliveryState::Initial,
    DeliveryState::Processing,
    DeliveryState::Done,
    DeliveryState::Fail,
    DeliveryState::Refused,
    DeliveryState::Expired,
];
const KINDS: [Kind; 5] = [Kind::New, Kind::Recall, Kind::Update, Kind::Replace, Kind::Status];

fn named<T: Copy>(
    parameter: &str,
    asked: Option<&str>,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<Option<T>, Fault> {
    let Some(asked) = asked else { return Ok(None) };
    match all.iter().find(|one| name(**one) == asked) {
        Some(found) => Ok(Some(*found)),
        None => {
            let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
            Err(Fault::parameter(parameter, format!("one of {}", names.join(", "))))
        }
    }
}

fn has_status(doc: &Doc, status: u8) -> bool {
    doc.accepted.status == u32::from(status)
        || doc.deliveries.iter().any(|d| d.business().is_some_and(|s| s.code() == status))
}

/// One document as one or more platforms know it.
pub(super) struct Candidate {
    pub(super) id: DocId,
    pub(super) accepted: Arc<Record>,
    pub(super) deliveries: Vec<Delivery>,
    platforms: Vec<String>,
}

impl Candidate {
    pub(super) fn of(platform: &Platform, doc: &Doc) -> Self {
        Self {
            id: doc.id,
            accepted: Arc::clone(&doc.accepted),
            deliveries: doc.deliveries.to_vec(),
            platforms: vec![platform.name.clone()],
        }
    }

    /// Adds what another platform, or another copy on the same one, knows.
    pub(super) fn join(&mut self, mut other: Self) {
        if !self.accepted.via().is_empty() && other.accepted.via().is_empty() {
            std::mem::swap(self, &mut other);
        }
        for delivery in other.deliveries {
            match self.deliveries.iter_mut().find(|known| known.receiver == delivery.receiver) {
                Some(known) => further(known, delivery),
                None => self.deliveries.push(delivery),
            }
        }
        for platform in other.platforms {
            if !self.platforms.contains(&platform) {
                self.platforms.push(platform);
            }
        }
    }

    fn is_overdue(&self, calendar: &Calendar, now: Timestamp) -> bool {
        self.deliveries.iter().any(|delivery| {
            super::overdue::since(calendar, &self.accepted, delivery, now).is_some()
        })
    }
}

/// Keeps what is further on the way, with every word of the clerk that either has heard.
fn further(known: &mut Delivery, mut other: Delivery) {
    if (known.state, known.updated_at) < (other.state, other.updated_at) {
        std::mem::swap(known, &mut other);
    }
    let said = |of: &Delivery| of.details.as_ref().map_or(0, |details| details.statuses.len());
    if said(&other) > said(known)
        && let Some(details) = other.details
    {
        known.details.get_or_insert_default().statuses = details.statuses;
    }
}

fn wanted<'p, P: CallPorts>(
    operated: &'p Operated<P>,
    filter: &'p Filter,
) -> impl Iterator<Item = &'p Platform> {
    let is_wanted =
        |platform: &&Platform| filter.platform.as_ref().is_none_or(|name| platform.name == *name);
    operated.pipeline.platforms().iter().filter(is_wanted)
}

/// What memory holds, newest first; and how far back it was looked at, when that is not the end.
fn newest<P: CallPorts>(operated: &Operated<P>, filter: &Filter) -> (Vec<DocId>, Option<DocId>) {
    let (mut all, mut horizon) = (Vec::new(), None);
    for platform in wanted(operated, filter) {
        let (ids, is_cut) = platform.newest_documents(filter.after, SCANNED_MAX);
        horizon = horizon.max(ids.last().copied().filter(|_| is_cut));
        all.extend(ids);
    }
    all.retain(|id| horizon.is_none_or(|horizon| *id >= horizon));
    all.sort_unstable_by_key(|id| Reverse(*id));
    all.dedup();
    (all, horizon)
}

/// Those among `ids` that may fit, newest first, with what all platforms know of each.
fn candidates<P: CallPorts>(
    operated: &Operated<P>,
    filter: &Filter,
    ids: &[DocId],
) -> BTreeMap<Reverse<DocId>, Candidate> {
    let mut all: BTreeMap<Reverse<DocId>, Candidate> = BTreeMap::new();
    for platform in wanted(operated, filter) {
        platform.documents(ids, |doc| {
            if !filter.fits_quickly(doc) {
                return;
            }
            let candidate = Candidate::of(platform, doc);
            match all.get_mut(&Reverse(doc.id)) {
                Some(known) => known.join(candidate),
                None => drop(all.insert(Reverse(doc.id), candidate)),
            }
        });
    }
    all
}

fn row<P: CallPorts>(
    operated: &Operated<P>,
    candidate: &Candidate,
    calendar: &Calendar,
    now: Timestamp,
) -> DocumentRow {
    let accepted = &candidate.accepted;
    let mut states = BTreeMap::new();
    for delivery in &candidate.deliveries {
        *states.entry(state_name(delivery.state)).or_default() += 1;
    }
    let to = candidate.deliveries.iter().take(ROW_RECIPIENTS_MAX);
    DocumentRow {
        doc_id: candidate.id.to_string(),
        document_id: accepted.document_id().to_owned(),
        kind: kind_name(accepted.kind()),
        from: accepted.from().to_owned(),
        from_name: name_of(operated, accepted.from()),
        to: to.map(|delivery| delivery.agency.as_str().to_owned()).collect(),
        recipients: candidate.deliveries.len(),
        subject: accepted.subject().to_owned(),
        notation: accepted.notation().to_owned(),
        type_name: accepted.type_name().to_owned(),
        urgency: accepted.urgency,
        bytes: accepted.body.as_ref().map_or(0, |body| body.bytes),
        sent_at: moment(accepted.sent_at()),
        due_on: Some(accepted.due_on().to_owned()).filter(|due_on| !due_on.is_empty()),
        overdue: candidate.is_overdue(calendar, now),
        status: Some(accepted.status).filter(|status| *status > 0),
        states,
        platforms: candidate.platforms.clone(),
        correlation_id: accepted.correlation_id().to_owned(),
    }
}

/// The Vietnamese name of an agency; empty for one that the directory does not hold.
pub(super) fn name_of<P: CallPorts>(operated: &Operated<P>, code: &str) -> String {
    let directory = operated.pipeline.directory();
    let id = directory.lookup_text(code);
    id.map(|id| directory.agency(id).name_vi.to_string()).unwrap_or_default()
}
