//! The fact that a submission becomes.

use super::bodies::Digest;
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::Caller;
use crate::domain::envelope::{DocId, Envelope, Kind};
use crate::domain::fact::{Accepted, Recipient};
use crate::domain::status::BusinessStatus;
use bytes::BytesMut;
use sha2::Digest as _;

/// Where and by whom it was handed in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door<'a> {
    pub(super) platform: &'a str,
    pub(super) caller: &'a Caller,
    pub(super) tls: &'a str,
    pub(super) hops_max: u32,
    pub(super) now: Timestamp,
}

pub(super) fn accepted_of(
    door: Door<'_>,
    envelope: Envelope,
    recipients: Vec<Recipient>,
) -> Accepted {
    let (answers_sender, answers_document_id) = about(&envelope);
    let reason = match envelope.status.as_ref() {
        Some(status) => status.description.clone(),
        None => envelope.reason,
    };
    let notation = match (envelope.code_number.as_str(), envelope.code_notation.as_str()) {
        ("", notation) => notation.to_owned(),
        (number, "") => number.to_owned(),
        (number, notation) => format!("{number}/{notation}"),
    };
    let date = |date: Option<jiff::civil::Date>| date.map(|d| d.to_string()).unwrap_or_default();
    Accepted {
        origin: door.platform.to_owned(),
        member: str::to_owned(door.caller.id()),
        kind: envelope.kind as i32,
        from: envelope.from.as_str().to_owned(),
        document_id: envelope.document_id,
        urgency: u32::from(envelope.urgency.level()),
        answers_sender,
        answers_document_id,
        status: envelope.status.as_ref().map_or(0, |s| u32::from(s.code.code())),
        recipients,
        tls: door.tls.to_owned(),
        hops_left: door.hops_max,
        at: door.now.0,
        subject: envelope.subject,
        notation,
        type_name: envelope.type_name,
        promulgated_on: date(envelope.promulgation_date),
        due_on: date(envelope.due_date),
        warnings: envelope
            .warnings
            .iter()
            .map(|w| format!("{} {}", w.reason.code(), w.at))
            .collect(),
        reason,
        replaces: envelope.replaces,
        ..Accepted::default()
    }
}

/// The earlier document that a message is about, as (its sender, its DocumentId); empty for one that stands alone.
fn about(envelope: &Envelope) -> (String, String) {
    let own = || envelope.from.as_str().to_owned();
    if envelope.kind != Kind::Status {
        return if envelope.acts_on.is_empty() {
            Default::default()
        } else {
            (own(), envelope.acts_on.clone())
        };
    }
    let Some(answers) = envelope.response_for.first() else { return Default::default() };
    // The document answered is the original sender's; a recall by status 13 is about the sender's own.
    let recalls =
        envelope.status.as_ref().is_some_and(|s| s.code == BusinessStatus::RecallRequested);
    let sender = if recalls {
        own()
    } else {
        answers.organ_id.map(|code| code.as_str().to_owned()).unwrap_or_default()
    };
    (sender, answers.document_id.clone())
}

/// Of an envelope handed in as fields the whole is the file: two documents may carry the same payload.
pub(super) fn field_digest(accepted: &Accepted, payload: &Digest) -> Digest {
    let mut hash = sha2::Sha256::new();
    for text in [
        &accepted.from,
        &accepted.document_id,
        &accepted.answers_sender,
        &accepted.answers_document_id,
        &accepted.reason,
        &accepted.subject,
    ] {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.update(accepted.kind.to_be_bytes());
    hash.update(accepted.status.to_be_bytes());
    for recipient in &accepted.recipients {
        hash.update(recipient.agency.as_bytes());
        hash.update([0]);
    }
    hash.update(payload);
    hash.finalize().into()
}

/// Gives the document and each recipient their ids, and the file and the body their digests; all in one allocation.
pub(super) fn name(
    accepted: &mut Accepted,
    doc_id: DocId,
    to: &[AgencyCode],
    body_sha256: Digest,
    file_sha256: Digest,
) {
    const ID_BYTES: usize = 16;
    let mut all = BytesMut::with_capacity(ID_BYTES * (1 + to.len()) + 2 * body_sha256.len());
    all.extend_from_slice(&doc_id.to_bytes());
    all.extend_from_slice(&body_sha256);
    all.extend_from_slice(&file_sha256);
    for agency in to {
        all.extend_from_slice(&doc_id.receiver(agency).to_bytes());
    }
    let mut all = all.freeze();
    accepted.doc_id = all.split_to(ID_BYTES);
    let body_sha256 = all.split_to(body_sha256.len());
    accepted.body.get_or_insert_default().sha256 = body_sha256;
    accepted.file_sha256 = all.split_to(file_sha256.len());
    for recipient in &mut accepted.recipients {
        recipient.doc_id = all.split_to(ID_BYTES);
    }
}

pub(super) fn correlation(given: String, doc_id: DocId) -> String {
    let is_fit =
        !given.is_empty() && given.len() <= 64 && given.bytes().all(|b| b.is_ascii_graphic());
    if is_fit { given } else { doc_id.text() }
}
