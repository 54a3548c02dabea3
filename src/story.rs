//! The story of one document: who had it when, and what became of it. One shape for the operator's API,
//! the native face and the command line.

use crate::clock::Timestamp;
use crate::domain::calendar;
use crate::domain::envelope::{DocId, Kind};
use crate::domain::fact::{DeliveryState, Hop};
use crate::domain::tracking::{Delivery, Doc};
use serde::Serialize;

/// Everything this process knows of one document.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Story {
    pub version: u32,
    pub doc_id: String,
    pub document_id: String,
    pub kind: &'static str,
    pub from: String,
    pub subject: String,
    pub notation: String,
    pub type_name: String,
    pub urgency: u32,
    pub correlation_id: String,
    pub sha256: String,
    pub bytes: u64,
    pub signature: &'static str,
    /// RFC 3339, Vietnam time.
    pub sent_at: String,
    pub warnings: Vec<String>,
    pub recipients: Vec<RecipientStory>,
    /// Platforms of this process that hold facts about it.
    pub platforms: Vec<String>,
}

/// The way to one recipient.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RecipientStory {
    pub agency: String,
    pub doc_id: String,
    /// Delivery state: `under_way`, `initial`, `processing`, `done`, `fail`, `refused`, `expired`.
    pub state: &'static str,
    pub refused: String,
    pub description: String,
    pub hops: Vec<HopStory>,
    pub statuses: Vec<StatusStory>,
    pub destroyed_at: Option<String>,
    /// Milliseconds from the sender's receipt to the inbox.
    pub travelled_ms: Option<u64>,
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

/// Puts together what the platforms of this process know. The fullest account of each recipient wins.
pub fn tell(parts: Vec<(String, Vec<Doc>)>) -> Option<Story> {
    let platforms: Vec<String> = parts.iter().map(|(name, _)| name.clone()).collect();
    let docs: Vec<Doc> = parts.into_iter().flat_map(|(_, docs)| docs).collect();
    // The platform where it was handed in knows most.
    let first = docs.iter().find(|doc| doc.accepted.via.is_empty()).or_else(|| docs.first())?;
    let accepted = &first.accepted;
    let body = accepted.body.clone().unwrap_or_default();
    let mut recipients: Vec<(DocId, RecipientStory, usize)> = Vec::new();
    for doc in &docs {
        for delivery in &doc.deliveries {
            let told = recipient_story(doc, delivery);
            let weight = told.hops.len() * 2 + told.statuses.len() + rank(delivery.state);
            match recipients.iter_mut().find(|(receiver, ..)| *receiver == delivery.receiver) {
                Some((_, known, known_weight)) if weight > *known_weight => {
                    let mut told = told;
                    if told.statuses.is_empty() {
                        told.statuses = std::mem::take(&mut known.statuses);
                    }
                    (*known, *known_weight) = (told, weight);
                }
                Some((_, known, _)) => {
                    if known.statuses.is_empty() {
                        known.statuses = told.statuses;
                    }
                    known.destroyed_at = known.destroyed_at.take().or(told.destroyed_at);
                }
                None => recipients.push((delivery.receiver, told, weight)),
            }
        }
    }
    Some(Story {
        version: 1,
        doc_id: first.id.to_string(),
        document_id: accepted.document_id.clone(),
        kind: kind_name(accepted.kind()),
        from: accepted.from.clone(),
        subject: accepted.subject.clone(),
        notation: accepted.notation.clone(),
        type_name: accepted.type_name.clone(),
        urgency: accepted.urgency,
        correlation_id: accepted.correlation_id.clone(),
        sha256: hex(&body.sha256),
        bytes: body.bytes,
        signature: signature_name(accepted.signature()),
        sent_at: moment(Timestamp(
            accepted.hops.first().map_or(accepted.at, |hop| hop.received_at),
        )),
        warnings: accepted.warnings.clone(),
        recipients: recipients.into_iter().map(|(_, story, _)| story).collect(),
        platforms,
    })
}

fn recipient_story(doc: &Doc, delivery: &Delivery) -> RecipientStory {
    let details = delivery.details.as_deref();
    let reported = details.map(|d| d.hops.as_slice()).unwrap_or_default();
    let hops = if reported.len() > doc.accepted.hops.len() { reported } else { &doc.accepted.hops };
    let mut hops: Vec<HopStory> = hops.iter().map(hop_story).collect();
    if let Some(last) = hops.last_mut()
        && last.handed_on_at.is_none()
        && delivery.handed_on_at > Timestamp::ZERO
    {
        last.handed_on_at = Some(moment(delivery.handed_on_at));
        last.attempts = delivery.attempts;
    }
    let sent_at =
        Timestamp(doc.accepted.hops.first().map_or(doc.accepted.at, |hop| hop.received_at));
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
