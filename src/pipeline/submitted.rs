//! The fact that a submission becomes.

use super::bodies::Digest;
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::Caller;
use crate::domain::envelope::{DocId, Envelope, Kind, SignatureState, Warning};
use crate::domain::fact::{Addressees, Body, Record, Texts};
use crate::domain::status::BusinessStatus;
use sha2::Digest as _;
use std::borrow::Cow;

/// Where and by whom it was handed in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door<'a> {
    pub(super) platform: &'a str,
    pub(super) caller: &'a Caller,
    pub(super) tls: &'a str,
    pub(super) hops_max: u32,
    pub(super) now: Timestamp,
}

/// What was found out about a submission on its way to the journal.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) doc_id: DocId,
    pub(super) recipients: Addressees,
    pub(super) body: Body,
    pub(super) correlation_id: String,
    pub(super) signature: SignatureState,
    pub(super) is_edxml: bool,
    pub(super) file_sha256: Digest,
}

pub(super) fn record_of(door: Door<'_>, envelope: Envelope, checked: Checked) -> Record {
    let (answers_sender, answers_document_id) = about(&envelope);
    let status = envelope.status.as_ref();
    let date = |date: Option<jiff::civil::Date>| date.map(|d| d.to_string()).unwrap_or_default();
    let warning = |w: &Warning| format!("{} {}", w.reason.code(), w.at);
    let notation = notation(&envelope);
    let mut record = Record::new(&Texts {
        origin: door.platform,
        via: "",
        member: door.caller.id(),
        from: envelope.from.as_str(),
        document_id: &envelope.document_id,
        answers_sender,
        answers_document_id,
        correlation_id: &checked.correlation_id,
        subject: &envelope.subject,
        notation: &notation,
        type_name: &envelope.type_name,
        promulgated_on: &date(envelope.promulgation_date),
        due_on: &date(envelope.due_date),
        reason: reason(&envelope),
        tls: door.tls,
    });
    record.doc_id = checked.doc_id;
    record.recipients = checked.recipients;
    record.body = Some(checked.body);
    record.file_sha256 = checked.file_sha256.into();
    record.at = door.now.0;
    record.kind = envelope.kind as i32;
    record.signature = checked.signature as i32;
    record.urgency = u32::from(envelope.urgency.level());
    record.status = status.map_or(0, |status| u32::from(status.code.code()));
    record.hops_left = door.hops_max;
    record.is_edxml = checked.is_edxml;
    let warnings = envelope.warnings.iter().map(warning).collect();
    record.set_lists(Vec::new(), warnings, envelope.replaces);
    record
}

/// The description of a status, or the reason of a recall.
fn reason(envelope: &Envelope) -> &str {
    envelope.status.as_ref().map_or(&envelope.reason, |status| &status.description)
}

fn notation(envelope: &Envelope) -> Cow<'_, str> {
    match (envelope.code_number.as_str(), envelope.code_notation.as_str()) {
        ("", notation) => notation.into(),
        (number, "") => number.into(),
        (number, notation) => format!("{number}/{notation}").into(),
    }
}

/// The earlier document that a message is about, as (its sender, its DocumentId); empty for one that stands alone.
fn about(envelope: &Envelope) -> (&str, &str) {
    let own = || envelope.from.as_str();
    if envelope.kind != Kind::Status {
        return if envelope.acts_on.is_empty() { ("", "") } else { (own(), &envelope.acts_on) };
    }
    let Some(answers) = envelope.response_for.first() else { return ("", "") };
    // The document answered is the original sender's; a recall by status 13 is about the sender's own.
    let recalls =
        envelope.status.as_ref().is_some_and(|s| s.code == BusinessStatus::RecallRequested);
    let sender =
        if recalls { own() } else { answers.organ_id.as_ref().map_or("", AgencyCode::as_str) };
    (sender, &answers.document_id)
}

/// Of an envelope handed in as fields the whole is the file: two documents may carry the same payload.
pub(super) fn field_digest(envelope: &Envelope, to: &[AgencyCode], payload: &Digest) -> Digest {
    let (answers_sender, answers_document_id) = about(envelope);
    let status = envelope.status.as_ref().map_or(0, |status| u32::from(status.code.code()));
    let mut hash = sha2::Sha256::new();
    for text in [
        envelope.from.as_str(),
        &envelope.document_id,
        answers_sender,
        answers_document_id,
        reason(envelope),
        &envelope.subject,
    ] {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.update((envelope.kind as i32).to_be_bytes());
    hash.update(status.to_be_bytes());
    for recipient in to {
        hash.update(recipient.as_bytes());
        hash.update([0]);
    }
    hash.update(payload);
    hash.finalize().into()
}

pub(super) fn correlation(given: String, doc_id: DocId) -> String {
    let is_fit =
        !given.is_empty() && given.len() <= 64 && given.bytes().all(|b| b.is_ascii_graphic());
    if is_fit { given } else { doc_id.text() }
}
