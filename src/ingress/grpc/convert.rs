//! Between the native wire and the house.

use crate::domain::agency::AgencyCode;
use crate::domain::directory::Caller;
use crate::domain::envelope::{Declaration, Envelope, Kind, ResponseFor, StatusNotice, Urgency};
use crate::domain::fact::DeliveryState;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::rules::Expected;
use crate::domain::status::BusinessStatus;
use crate::domain::tracking::{Delivery, Doc};
use crate::pipeline::{AcceptedAnswer, Content, Leased, Submission};
use crate::texts;
use crate::wire::v1;
use bytes::Bytes;

/// A refusal in both languages.
pub fn refusal_of(rejection: &Rejection, correlation_id: &str) -> v1::Refusal {
    v1::Refusal {
        code: rejection.code().to_owned(),
        vi: texts::sentence(rejection.reason, texts::Lang::Vi).to_owned(),
        en: texts::sentence(rejection.reason, texts::Lang::En).to_owned(),
        at: rejection.at.as_ref().map(ToString::to_string).unwrap_or_default(),
        detail: rejection.detail.clone(),
        correlation_id: correlation_id.to_owned(),
        retry_after_ms: rejection.retry_after_ms.unwrap_or_default(),
    }
}

pub(super) fn receipt_of(
    answer: Result<AcceptedAnswer, Rejection>,
    correlation_id: &str,
) -> v1::Receipt {
    let result = match answer {
        Ok(accepted) => v1::receipt::Result::Accepted(accepted_of(accepted)),
        Err(rejection) => v1::receipt::Result::Refusal(refusal_of(&rejection, correlation_id)),
    };
    v1::Receipt { result: Some(result) }
}

fn accepted_of(answer: AcceptedAnswer) -> v1::Accepted {
    v1::Accepted {
        doc_id: answer.doc_id.text(),
        receivers: answer
            .receivers
            .into_iter()
            .map(|receiver| v1::Receiver {
                agency: receiver.agency.as_str().to_owned(),
                doc_id: receiver.doc_id.text(),
                refused: receiver.refused.map(|r| r.code().to_owned()).unwrap_or_default(),
            })
            .collect(),
        correlation_id: answer.correlation_id,
        duplicate: answer.is_duplicate,
        warnings: answer.warnings,
    }
}

/// What a member hands in, as the pipeline takes it. A refusal leaves the correlation id where it was.
pub(super) fn submission_of<'a>(
    caller: &'a Caller,
    tls: &'a str,
    wire: &mut v1::Submission,
) -> Result<Submission<'a>, Rejection> {
    let declaration = match wire.declaration() {
        v1::Declaration::Unspecified => Declaration::Unspecified,
        v1::Declaration::NoSecret => Declaration::NoSecret,
        v1::Declaration::Secret => Declaration::Secret,
    };
    let sha256 = match wire.sha256.len() {
        0 => None,
        _ => Some(<[u8; 32]>::try_from(&wire.sha256[..]).map_err(|_length| wrong("sha256"))?),
    };
    let content = match wire.content.take() {
        Some(v1::submission::Content::Edxml(file)) => Content::Edxml(file),
        Some(v1::submission::Content::Envelope(envelope)) => Content::Fields {
            envelope: Box::new(envelope_of(envelope)?),
            payload: std::mem::take(&mut wire.payload),
        },
        None => return Err(Rejection::new(Reason::Empty)),
    };
    Ok(Submission {
        caller,
        content,
        sha256,
        declaration,
        expected: Expected::Any,
        tls,
        only_to: codes(&wire.only_to, "only_to")?,
        correlation_id: std::mem::take(&mut wire.correlation_id),
    })
}

fn wrong(field: &str) -> Rejection {
    Rejection::new(Reason::FieldInvalid).at(Place::Parameter(field.to_owned()))
}

fn code(text: &str, field: &str) -> Result<AgencyCode, Rejection> {
    AgencyCode::parse(text).map_err(|error| wrong(field).detail(format!("{text}: {error}")))
}

fn codes(texts: &[String], field: &str) -> Result<Vec<AgencyCode>, Rejection> {
    texts.iter().map(|text| code(text, field)).collect()
}

fn date(text: &str, field: &str) -> Result<Option<jiff::civil::Date>, Rejection> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_invalid| wrong(field).detail(text))
}

fn envelope_of(wire: v1::Envelope) -> Result<Envelope, Rejection> {
    let kind = Kind::try_from(wire.kind).map_err(|_unknown| wrong("kind"))?;
    if wire.from.is_empty() {
        return Err(Rejection::new(Reason::SenderMissing).at(Place::Parameter("from".into())));
    }
    let from = code(&wire.from, "from")?;
    let mut envelope = Envelope::addressed(kind, from, codes(&wire.to, "to")?, wire.document_id);
    (envelope.code_number, envelope.code_notation) = split_notation(&wire.notation);
    envelope.type_name = wire.type_name;
    envelope.subject = wire.subject;
    envelope.urgency =
        u8::try_from(wire.urgency).ok().and_then(Urgency::new).ok_or_else(|| wrong("urgency"))?;
    envelope.promulgation_date = date(&wire.promulgated_on, "promulgated_on")?;
    envelope.due_date = date(&wire.due_on, "due_on")?;
    envelope.replaces = wire.replaces;
    if kind == Kind::Status {
        let status = u8::try_from(wire.status).ok().and_then(BusinessStatus::from_code);
        let code_of = status.ok_or_else(|| {
            Rejection::new(Reason::UnknownStatus).at(Place::Parameter("status".into()))
        })?;
        envelope.status = Some(StatusNotice { code: code_of, description: wire.reason });
        let organ_id = (!wire.answers_sender.is_empty())
            .then(|| code(&wire.answers_sender, "answers_sender"))
            .transpose()?;
        envelope.response_for.push(ResponseFor {
            organ_id,
            document_id: wire.answers_document_id,
            ..ResponseFor::default()
        });
    } else {
        envelope.reason = wire.reason;
        envelope.acts_on = wire.answers_document_id;
    }
    Ok(envelope)
}

/// `1234/VPCP-KSTT` is number and notation.
fn split_notation(text: &str) -> (String, String) {
    match text.split_once('/') {
        Some((number, notation))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            (number.to_owned(), notation.to_owned())
        }
        _ => (String::new(), text.to_owned()),
    }
}

pub(super) const fn state_of(state: v1::DeliveryState) -> DeliveryState {
    match state {
        v1::DeliveryState::UnderWay => DeliveryState::UnderWay,
        v1::DeliveryState::Initial => DeliveryState::Initial,
        v1::DeliveryState::Processing => DeliveryState::Processing,
        v1::DeliveryState::Done => DeliveryState::Done,
        v1::DeliveryState::Fail => DeliveryState::Fail,
        v1::DeliveryState::Refused => DeliveryState::Refused,
        v1::DeliveryState::Expired => DeliveryState::Expired,
    }
}

pub(super) fn delivery_of(leased: &Leased, body: Bytes) -> v1::Delivery {
    let accepted = &leased.accepted;
    let (bytes_total, sha256) =
        accepted.body.as_ref().map(|b| (b.bytes, b.sha256.to_vec())).unwrap_or_default();
    v1::Delivery {
        doc_id: leased.receiver.to_bytes().to_vec(),
        to: leased.agency.as_str().to_owned(),
        kind: accepted.kind,
        from: accepted.from().to_owned(),
        document_id: accepted.document_id().to_owned(),
        urgency: accepted.urgency,
        is_edxml: accepted.is_edxml,
        subject: accepted.subject().to_owned(),
        status: accepted.status,
        answers_document_id: accepted.answers_document_id().to_owned(),
        correlation_id: accepted.correlation_id().to_owned(),
        bytes_total,
        sha256,
        body,
        sent_at: accepted.sent_at().0,
        arrived_at: leased.arrived_at.0,
    }
}

pub(super) fn inbox_item(doc: &Doc, delivery: &Delivery, overdue: bool) -> v1::InboxItem {
    let accepted = &doc.accepted;
    v1::InboxItem {
        doc_id: delivery.receiver.to_string(),
        from: accepted.from().to_owned(),
        to: delivery.agency.as_str().to_owned(),
        kind: accepted.kind,
        document_id: accepted.document_id().to_owned(),
        notation: accepted.notation().to_owned(),
        type_name: accepted.type_name().to_owned(),
        subject: accepted.subject().to_owned(),
        urgency: accepted.urgency,
        status: accepted.status,
        state: delivery.state as i32,
        arrived_at: delivery.arrived_at.0,
        updated_at: delivery.updated_at.0,
        bytes_total: accepted.body.as_ref().map_or(0, |body| body.bytes),
        overdue,
        due_on: accepted.due_on().to_owned(),
        answers_document_id: accepted.answers_document_id().to_owned(),
        reason: accepted.reason().to_owned(),
    }
}

pub(super) fn sent_item(doc: &Doc, delivery: &Delivery) -> v1::SentItem {
    let accepted = &doc.accepted;
    v1::SentItem {
        doc_id: doc.id.to_string(),
        receiver_doc_id: delivery.receiver.to_string(),
        from: accepted.from().to_owned(),
        to: delivery.agency.as_str().to_owned(),
        kind: accepted.kind,
        document_id: accepted.document_id().to_owned(),
        notation: accepted.notation().to_owned(),
        subject: accepted.subject().to_owned(),
        state: delivery.state as i32,
        business_status: delivery.business().map_or(0, |status| u32::from(status.code())),
        sent_at: accepted.at,
        arrived_at: delivery.arrived_at.0,
        updated_at: delivery.updated_at.0,
        refused: delivery.refused.map(|r| r.code().to_owned()).unwrap_or_default(),
        description: delivery.details.as_ref().map(|d| d.description.clone()).unwrap_or_default(),
    }
}
