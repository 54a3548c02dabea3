//! The story of one document: who had it when, and what became of it. One shape for the operator's API,
//! the native face and the command line.

pub mod flow;
pub mod flows;
pub mod order;

use crate::clock::Timestamp;
use crate::domain::calendar;
use crate::domain::envelope::{DocId, Kind};
use crate::domain::fact::{DeliveryState, Hop, Record};
use crate::domain::tracking::{Delivery, Doc};
use serde::Serialize;
use std::sync::Arc;

/// Everything this process knows of one document.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Story {
    pub version: u32,
    pub doc_id: String,
    pub document_id: String,
    pub kind: &'static str,
    pub from: String,
    /// The member that handed it in; empty where the platform that took it runs elsewhere.
    pub member: String,
    /// The platform where it was handed in.
    pub origin: String,
    pub subject: String,
    pub notation: String,
    pub type_name: String,
    /// `yyyy-MM-dd`.
    pub promulgated_on: Option<String>,
    /// `yyyy-MM-dd`.
    pub due_on: Option<String>,
    pub urgency: u32,
    /// Of a status message: 1 to 16.
    pub status: Option<u32>,
    /// Description of a status, reason of a recall.
    pub reason: String,
    /// The document that this message is about.
    pub answers: Option<AnswersStory>,
    /// DocumentIds that this one replaces.
    pub replaces: Vec<String>,
    pub correlation_id: String,
    pub sha256: String,
    pub bytes: u64,
    pub signature: &'static str,
    /// RFC 3339, Vietnam time.
    pub sent_at: String,
    pub warnings: Vec<String>,
    pub recipients: Vec<RecipientStory>,
    /// Messages about this document, in order of sending; empty where they may not be shown.
    pub related: Vec<RelatedStory>,
    /// Platforms of this process that hold facts about it.
    pub platforms: Vec<String>,
}

/// The document that a message is about, by its sender and its DocumentId.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AnswersStory {
    pub sender: String,
    pub document_id: String,
}

/// The way to one recipient.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RecipientStory {
    pub agency: String,
    pub doc_id: String,
    /// Delivery state: `under_way`, `initial`, `processing`, `done`, `fail`, `refused`, `expired`.
    pub state: &'static str,
    /// The code of the refusal (`LT-D…`); empty when it was not refused.
    pub refused: String,
    pub description: String,
    pub hops: Vec<HopStory>,
    pub statuses: Vec<StatusStory>,
    /// A recall reached this recipient.
    pub recall_asked: bool,
    pub destroyed_at: Option<String>,
    /// While it is under way: where it stands.
    pub waiting: Option<WaitingStory>,
    /// Milliseconds from the sender's receipt to the inbox.
    pub travelled_ms: Option<u64>,
}

/// A delivery that waits for a neighbour, or for news of it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WaitingStory {
    /// The platform that has it, or handed it on last.
    pub platform: String,
    /// A neighbour has taken it over; news has not come back.
    pub handed_on: bool,
    /// Answers of the neighbour so far.
    pub attempts: u32,
    /// The code of its last refusal; empty when it gave none.
    pub last_code: String,
}

/// One station.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct HopStory {
    pub platform: String,
    pub received_at: String,
    pub handed_on_at: Option<String>,
    /// Who handed it over: the id in the certificate.
    pub peer: String,
    pub tls: String,
    pub attempts: u32,
    /// Milliseconds it stayed here.
    pub stayed_ms: Option<u64>,
}

/// One word of a clerk.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StatusStory {
    /// 1 to 16.
    pub status: u8,
    pub by: String,
    pub at: String,
    pub description: String,
    pub out_of_order: bool,
}

/// A message about this document.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RelatedStory {
    pub doc_id: String,
    pub document_id: String,
    /// `recall`, `update`, `replace` or `status`; `new` when this story is of a message about that one.
    pub kind: &'static str,
    pub from: String,
    /// Of a status message: 1 to 16.
    pub status: Option<u32>,
    /// Description of a status, reason of a recall.
    pub reason: String,
    pub sent_at: String,
}

/// Puts together what the platforms of this process know: the whole way and the furthest state of each recipient.
pub fn tell(parts: Vec<(String, Vec<Doc>)>) -> Option<Story> {
    let platforms: Vec<String> = parts.iter().map(|(name, _)| name.clone()).collect();
    let docs: Vec<Doc> = parts.into_iter().flat_map(|(_, docs)| docs).collect();
    // The platform where it was handed in knows most.
    let first = docs.iter().find(|doc| doc.accepted.via().is_empty()).or_else(|| docs.first())?;
    let accepted = &first.accepted;
    let body = accepted.body.clone().unwrap_or_default();
    let mut recipients: Vec<(DocId, DeliveryState, RecipientStory)> = Vec::new();
    // The origin's list first, so that recipients keep the order in which the sender named them.
    for doc in std::iter::once(first).chain(docs.iter().filter(|doc| !std::ptr::eq(*doc, first))) {
        for delivery in &doc.deliveries {
            let told = recipient_story(doc, delivery);
            match recipients.iter_mut().find(|(receiver, ..)| *receiver == delivery.receiver) {
                Some((_, state, known)) => {
                    let is_further = rank(delivery.state) > rank(*state);
                    if is_further {
                        *state = delivery.state;
                    }
                    known.join(told, is_further);
                }
                None => recipients.push((delivery.receiver, delivery.state, told)),
            }
        }
    }
    Some(Story {
        version: 1,
        doc_id: first.id.to_string(),
        document_id: accepted.document_id().to_owned(),
        kind: kind_name(accepted.kind()),
        from: accepted.from().to_owned(),
        member: accepted.member().to_owned(),
        origin: accepted.origin().to_owned(),
        subject: accepted.subject().to_owned(),
        notation: accepted.notation().to_owned(),
        type_name: accepted.type_name().to_owned(),
        promulgated_on: given(accepted.promulgated_on()),
        due_on: given(accepted.due_on()),
        urgency: accepted.urgency,
        status: (accepted.status > 0).then_some(accepted.status),
        reason: accepted.reason().to_owned(),
        answers: answers(accepted),
        replaces: accepted.replaces().to_vec(),
        correlation_id: accepted.correlation_id().to_owned(),
        sha256: hex(&body.sha256),
        bytes: body.bytes,
        signature: signature_name(accepted.signature()),
        sent_at: moment(accepted.sent_at()),
        warnings: accepted.warnings().to_vec(),
        recipients: recipients.into_iter().map(|(.., story)| story).collect(),
        related: Vec::new(),
        platforms,
    })
}

impl Story {
    /// Lists messages about this document: recalls, updates, replacements, statuses.
    pub fn relate(&mut self, messages: &[Arc<Record>]) {
        let related = |accepted: &Arc<Record>| RelatedStory {
            doc_id: accepted.id().to_string(),
            document_id: accepted.document_id().to_owned(),
            kind: kind_name(accepted.kind()),
            from: accepted.from().to_owned(),
            status: (accepted.status > 0).then_some(accepted.status),
            reason: accepted.reason().to_owned(),
            sent_at: moment(accepted.sent_at()),
        };
        self.related = messages.iter().map(related).collect();
        self.related.sort_by(|a, b| (&a.sent_at, &a.doc_id).cmp(&(&b.sent_at, &b.doc_id)));
    }
}

impl RecipientStory {
    /// Adds what another platform knows of the same delivery; `other` is further on its way, or not.
    fn join(&mut self, mut other: Self, is_further: bool) {
        if is_further {
            std::mem::swap(self, &mut other);
        }
        for hop in other.hops {
            match self.hops.iter_mut().find(|known| known.platform == hop.platform) {
                Some(known) => known.join(hop),
                None => self.hops.push(hop),
            }
        }
        self.hops.sort_by(|a, b| a.received_at.cmp(&b.received_at));
        if self.statuses.len() < other.statuses.len() {
            self.statuses = other.statuses;
        }
        if self.refused.is_empty() {
            self.refused = other.refused;
        }
        if self.description.is_empty() {
            self.description = other.description;
        }
        self.destroyed_at = self.destroyed_at.take().or(other.destroyed_at);
        self.travelled_ms = self.travelled_ms.or(other.travelled_ms);
        self.recall_asked |= other.recall_asked;
        // Whoever stands last on the way carries it; when it has arrived nobody does.
        let place = |waiting: &Option<WaitingStory>| {
            let platform = waiting.as_ref().map(|waiting| &waiting.platform);
            self.hops.iter().position(|hop| Some(&hop.platform) == platform)
        };
        if self.state != state_name(DeliveryState::UnderWay) {
            self.waiting = None;
        } else if place(&other.waiting) > place(&self.waiting) {
            self.waiting = other.waiting;
        }
    }
}

impl HopStory {
    fn join(&mut self, other: Self) {
        if self.handed_on_at.is_none() {
            (self.handed_on_at, self.stayed_ms) = (other.handed_on_at, other.stayed_ms);
        }
        self.attempts = self.attempts.max(other.attempts);
        if self.peer.is_empty() {
            self.peer = other.peer;
        }
        if self.tls.is_empty() {
            self.tls = other.tls;
        }
    }
}

/// What a message is about.
fn answers(accepted: &Record) -> Option<AnswersStory> {
    (!accepted.answers_document_id().is_empty()).then(|| AnswersStory {
        sender: accepted.answers_sender().to_owned(),
        document_id: accepted.answers_document_id().to_owned(),
    })
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn recipient_story(doc: &Doc, delivery: &Delivery) -> RecipientStory {
    let details = delivery.details.as_deref();
    let reported = details.map(|d| d.hops.as_slice()).unwrap_or_default();
    // The last station of a report is the recipient's platform; of what is known here alone, this one.
    let way = doc.accepted.way();
    let is_reported = reported.len() > way.len();
    let hops = if is_reported { reported } else { &*way };
    let mut hops: Vec<HopStory> = hops.iter().map(hop_story).collect();
    if let Some(last) = hops.last_mut()
        && !is_reported
        && last.handed_on_at.is_none()
        && delivery.handed_on_at > Timestamp::ZERO
    {
        last.handed_on_at = Some(moment(delivery.handed_on_at));
        last.stayed_ms =
            way.last().map(|hop| millis(delivery.handed_on_at.since(Timestamp(hop.received_at))));
        last.attempts = delivery.attempts;
    }
    let sent_at = doc.accepted.sent_at();
    let arrived = (delivery.arrived_at > Timestamp::ZERO).then_some(delivery.arrived_at);
    RecipientStory {
        agency: delivery.agency.as_str().to_owned(),
        doc_id: delivery.receiver.to_string(),
        state: state_name(delivery.state),
        refused: delivery.refused.map(|r| r.code().to_owned()).unwrap_or_default(),
        description: details.map(|d| d.description.clone()).unwrap_or_default(),
        hops,
        statuses: details
            .map(|d| d.statuses.iter().map(status_story).collect())
            .unwrap_or_default(),
        destroyed_at: details
            .filter(|d| d.destroyed_at > Timestamp::ZERO)
            .map(|d| moment(d.destroyed_at)),
        recall_asked: details.is_some_and(|d| d.recall_asked),
        waiting: (delivery.state == DeliveryState::UnderWay).then(|| WaitingStory {
            platform: way.last().map(|hop| hop.platform.clone()).unwrap_or_default(),
            handed_on: delivery.handed_on_at > Timestamp::ZERO,
            attempts: delivery.attempts,
            last_code: details.map(|d| d.last_code.clone()).unwrap_or_default(),
        }),
        travelled_ms: arrived.map(|at| millis(at.since(sent_at))),
    }
}

fn hop_story(hop: &Hop) -> HopStory {
    let handed = (hop.handed_on_at > 0).then_some(Timestamp(hop.handed_on_at));
    HopStory {
        platform: hop.platform.clone(),
        received_at: moment(Timestamp(hop.received_at)),
        handed_on_at: handed.map(moment),
        peer: hop.peer.clone(),
        tls: hop.tls.clone(),
        attempts: hop.attempts,
        stayed_ms: handed.map(|at| millis(at.since(Timestamp(hop.received_at)))),
    }
}

fn status_story(note: &crate::domain::tracking::StatusNote) -> StatusStory {
    StatusStory {
        status: note.status.code(),
        by: note.by.as_str().to_owned(),
        at: moment(note.at),
        description: note.description.clone(),
        out_of_order: note.out_of_order,
    }
}

fn rank(state: DeliveryState) -> usize {
    match state {
        DeliveryState::UnderWay => 0,
        DeliveryState::Initial => 1,
        DeliveryState::Processing => 2,
        DeliveryState::Done
        | DeliveryState::Fail
        | DeliveryState::Refused
        | DeliveryState::Expired => 3,
    }
}

pub const fn state_name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::UnderWay => "under_way",
        DeliveryState::Initial => "initial",
        DeliveryState::Processing => "processing",
        DeliveryState::Done => "done",
        DeliveryState::Fail => "fail",
        DeliveryState::Refused => "refused",
        DeliveryState::Expired => "expired",
    }
}

pub const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::New => "new",
        Kind::Recall => "recall",
        Kind::Update => "update",
        Kind::Replace => "replace",
        Kind::Status => "status",
    }
}

const fn signature_name(state: crate::domain::envelope::SignatureState) -> &'static str {
    use crate::domain::envelope::SignatureState;
    match state {
        SignatureState::Unchecked => "unchecked",
        SignatureState::None => "none",
        SignatureState::Valid => "valid",
        SignatureState::Invalid => "invalid",
        SignatureState::Untrusted => "untrusted",
    }
}

/// RFC 3339 with milliseconds, Vietnam time.
pub fn moment(at: Timestamp) -> String {
    let local = calendar::vietnam_time(at);
    format!("{}.{:03}+07:00", local.strftime("%Y-%m-%dT%H:%M:%S"), at.ms() % 1000)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
