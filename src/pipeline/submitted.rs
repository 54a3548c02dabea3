//! The fact that a submission becomes.

use crate::clock::Timestamp;
use crate::domain::directory::Caller;
use crate::domain::envelope::{Envelope, Kind};
use crate::domain::fact::{Accepted, Recipient};
use crate::domain::status::BusinessStatus;

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
